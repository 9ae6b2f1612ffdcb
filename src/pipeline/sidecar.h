/*
 * Sidecars: all that is known of a video, as one immutable JSON object in the store. Versions count
 * from 1; the newest wins. With the originals they are enough to make the database again
 * (rebuild.h).
 *
 * What is in it comes from the rows alone: the video (text, tags, scope, times, media facts), every
 * stored object that was made from its content with size and hash, shots, and texts. So writing one
 * costs no knowledge but the video's id, and reading one gives back the same rows.
 */
#ifndef PIPELINE_SIDECAR_H
#define PIPELINE_SIDECAR_H

#include "base/json.h"
#include "base/str.h"
#include "db/db_objects.h"
#include "db/db_scenes.h"
#include "db/db_videos.h"
#include "store/store_name.h"

struct store;

#define SIDECAR_FORMAT    "rushes-sidecar"
#define SIDECAR_FORMAT_NO 1
#define SIDECAR_BYTES_MAX ((size_t)256 << 20)
#define SIDECAR_KIND      "sidecar"         /* kind of its object row */
#define SIDECAR_TEXT_MAX  ((size_t)1 << 20) /* bytes of one text in it */

/*
 * Writes the next version from the rows as tx (DB_WRITE) sees them, stores it durably, and in tx
 * sets the video's sidecar_key and adds the object's row. Call it last in the transaction that
 * changes what it tells: both become true together. After a crash in between, the version that
 * nobody names is written over by the next call. ret_key may be NULL.
 */
int sidecar_write(struct tx *tx, struct store *store, const char *video_id, char *ret_key,
                  struct err *e);

/*
 * Forgets the versions of a video before the newest SIDECAR_KEEP: their rows in one transaction, their
 * bytes after it (a crash in between leaves orphans, which verify finds). No transaction of this
 * thread may be open. How many; negative: some are left.
 */
#define SIDECAR_KEEP 3
int sidecar_trim(struct db *db, struct store *store, const char *video_id, struct err *e);

/* What one says, checked. Everything lives in the arena given to sidecar_parse(). */
struct sidecar {
    int version;
    struct video video;
    struct object *objects; /* original and derived ones; no sidecars */
    size_t n_objects;
    struct scene *scenes;
    size_t n_scenes;
    struct text_span *texts; /* by source, then order */
    size_t n_texts;
};
/*
 * Reads one: the bytes are treated as hostile. Every field is checked for type, range and length,
 * keys must be names this store gives and belong to the video's content. ERR_INPUT names what is
 * off; ERR_LIMIT a bound that was passed. Members it does not know are passed over.
 */
int sidecar_parse(struct str json, struct arena *a, struct sidecar *ret, struct err *e);
/* Fetches and parses the object, and checks that it is what its name says. */
int sidecar_load(struct store *store, const char *key, struct arena *a, struct sidecar *ret,
                 struct err *e);

/* The version that sidecar_write() would store now, appended to out. For tests and for people. */
int sidecar_build(struct tx *tx, const char *video_id, int version, struct buf *out, struct err *e);

#endif
