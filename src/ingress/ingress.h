/*
 * Taking a local file into the library. The bytes are copied and hashed in one read, stored under
 * their hash, and one transaction makes the video and its first job: after a crash at any point the
 * upload is either finished or undone by ingress_recover(), never half there.
 *
 * Steps, each durable before the next: row in uploads -> bytes in scratch -> their hash in the row
 * -> object published -> one transaction {video, upload done, first job}.
 */
#ifndef INGRESS_INGRESS_H
#define INGRESS_INGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "db/db_videos.h"

struct db;
struct log;
struct store;
struct tx;

/* What ingress works with; plain data, borrowed, shared read-only. */
struct ingress {
    struct db *db;
    struct store *store;
    const struct log *log; /* may be NULL */
    int64_t max_bytes;     /* largest file taken (limit.size) */
    /*
     * Starts the work on a new video, in the transaction that makes its row: enqueues the first job
     * (pipeline_begin()). Fails the whole when it fails.
     */
    int (*start)(void *arg, struct tx *tx, const char *video_id, struct err *e);
    void *start_arg;
    /* Called now and then while bytes are read; non-zero stops with ERR_CANCELLED. May be NULL. */
    int (*progress)(void *arg, int64_t done_bytes, int64_t total_bytes);
    void *progress_arg;
};

/* What the one who uploads says about it. All text is UTF-8 and may be NULL; limits are
 * INGRESS_TEXT_MAX bytes. */
#define INGRESS_TEXT_MAX  20000
#define INGRESS_TITLE_MAX 500
#define INGRESS_BATCH_MAX 50 /* characters (D-17) */
#define INGRESS_TAGS_MAX  64
#define INGRESS_TAG_MAX   100
struct ingress_meta {
    const char *title; /* NULL: the file's name without folder and extension */
    const char *description;
    const char *const *tags;
    int n_tags;
    const char *batch_name;
    int64_t batch_order;
    const char *project_id; /* a file counts as the same only within one project and camera */
    const char *pin_id;     /* camera */
    const char *notes;      /* of the operator (E-21); kept in source_metadata_json as "notes" */
    const char *user_id;    /* NULL: the local user */
    int64_t recorded_at_ms; /* actual recording time, wall ms; 0 not known */
};

enum ingress_outcome {
    INGRESS_NEW,       /* a video was made and its first job is queued */
    INGRESS_DUPLICATE, /* this content is in the library already (same scope), indexed or failed:
                          returned as it is */
    INGRESS_RESUMED,   /* it is there and still on its way (an earlier ingest was interrupted, or is
                          at work now) */
};
struct ingress_result {
    enum ingress_outcome outcome;
    char video_id[UUID_MAX];
    char sha256[SHA256_HEX_MAX];
    int64_t size_bytes;
    enum video_state state; /* the video's now */
    bool healed; /* a duplicate whose stored original was lost or damaged: it is whole again */
};

/*
 * Takes path (the kernel's bytes, any language). Never waits on a fifo. A file whose size the
 * library already knows is hashed first, so that a duplicate costs one read and no second copy.
 * Negative:
 *
 *     ERR_NOT_FOUND  no such file
 *     ERR_DENIED     no permission
 *     ERR_INPUT      a folder, fifo, socket or device; empty; it can not be read to its end
 *     ERR_LIMIT      larger than max_bytes
 *     ERR_CONFLICT   the file changed while it was read (nothing is kept)
 *     ERR_STORAGE    disk full or failing
 *     ERR_USAGE      meta is beyond its limits
 *     ERR_CANCELLED  progress said so
 */
int ingress_file(const struct ingress *in, const char *path, const struct ingress_meta *meta,
                 struct ingress_result *ret, struct err *e);

struct ingress_recovered {
    int finished;   /* uploads whose video exists now */
    int undone;     /* uploads that had not all bytes: marked failed */
    int left_alone; /* their owner lives */
    int failed;     /* could not be recovered now; logged, tried again by the next call */
    int swept;      /* scratch folders of dead processes removed */
};
/*
 * Finishes or undoes what dead processes left, then sweeps their scratch. Called once at the start
 * of ingest and work; any number of processes may do so at once. One upload that can not be
 * recovered is logged and does not stop the rest.
 */
int ingress_recover(const struct ingress *in, struct ingress_recovered *ret, struct err *e);

/* The title a file name gives: last part, extension dropped, bytes that are not UTF-8 and control
 * characters replaced. */
void ingress_title_of(const char *path, char out[static INGRESS_TITLE_MAX + 1]);

#endif
