/* Inside ingress/ only. */
#ifndef INGRESS_INGRESS_PRIV_H
#define INGRESS_INGRESS_PRIV_H

#include <sys/stat.h>

#include "base/mem.h"
#include "db/db_uploads.h"
#include "ingress/ingress.h"
#include "store/scratch_path.h"
#include "store/store.h"

/* ---- the file (source.c) ---- */

struct origin {
    int fd; /* -1 none */
    struct stat st;
    char shown[160]; /* its path for sentences: printable UTF-8, cut in front */
};
/* Opens a regular, non-empty file of at most max_bytes; every other thing is refused with its own sentence. */
int origin_open(const char *path, int64_t max_bytes, struct origin *ret, struct err *e);
void origin_close(struct origin *s);
/* ERR_CONFLICT when the file is no longer what it was when it was opened. */
int origin_unchanged(const struct origin *s, struct err *e);
/* Absolute path of it as UTF-8 (bytes that are not replaced), for the row. To be freed. */
char *origin_where(const char *path);
/* Last part of the path as UTF-8 without control characters, at most INGRESS_TITLE_MAX bytes. */
void origin_name(const char *path, char out[static INGRESS_TITLE_MAX + 1]);

/* ---- what the uploader says (meta.c) ---- */

/* Checks lengths, counts and UTF-8: ERR_USAGE. */
int meta_check(const struct ingress_meta *m, struct err *e);
/* As one JSON object; title is the one to use. */
void meta_json(const struct ingress_meta *m, const char *title, struct buf *out);
/* Fills the fields of v that the object gives; text lives in a. Empty text is an empty object. */
int meta_apply(struct str json, struct arena *a, struct video *v, struct err *e);

/* ---- the last step (record.c) ---- */

/*
 * One transaction: row of the original, video (or the one that is there), first job, upload done. `up` is the upload as
 * it is in the database, or one without id for a file that needed none. The object must be in the store. ret->outcome
 * is set; 0 when the upload had been ended by someone else meanwhile, else 1.
 */
int record_upload(const struct ingress *in, const struct upload *up, struct ingress_result *ret,
                  struct err *e);
/* The video with this content in the scope of user, project and pin: 1 found (result filled), 0 none. */
int record_find(const struct ingress *in, const struct ingress_meta *m, const char *sha256,
                struct ingress_result *ret, struct err *e);
/* Is the original known and in the store with this size? 1 yes, 0 no. */
int record_has_original(const struct ingress *in, const char *sha256, int64_t size_bytes,
                        struct err *e);

#endif
