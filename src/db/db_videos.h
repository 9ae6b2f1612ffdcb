/*
 * Videos: one row each, with the state machine
 *
 *     uploading -> validating -> processing -> indexed
 *          |            |            |           |  ^ reprocess: back to processing
 *          +------------+------------+--> failed |  | retry: back to validating or processing
 *          +------------+------------+-----------+--+-> deleted (for good; the row stays)
 *
 * The allowed steps are one table in db_videos.c; every UPDATE of the state carries the states it
 * may come from, so a step that is not allowed changes nothing and answers ERR_CONFLICT, whoever
 * else is writing.
 */
#ifndef DB_DB_VIDEOS_H
#define DB_DB_VIDEOS_H

#include "base/hash.h"
#include "db/db.h"

/* The user of a single-user installation; every database has this row. */
#define DB_LOCAL_USER        "00000000-0000-7000-8000-000000000001"
#define VIDEO_BATCH_NAME_MAX 50 /* characters */

enum video_state {
    VIDEO_UPLOADING,
    VIDEO_VALIDATING,
    VIDEO_PROCESSING,
    VIDEO_INDEXED,
    VIDEO_FAILED,
    VIDEO_DELETED,
    VIDEO_STATE_N
};
const char *video_state_name(enum video_state s); /* "uploading" … */
bool video_state_from_name(struct str name, enum video_state *ret);
bool video_state_may(enum video_state from, enum video_state to);

/* What validation learnt about the media. */
struct video_media {
    int64_t duration_us;
    int width, height;        /* as shown: rotation and sample aspect applied; 0 without video */
    int rotation;             /* degrees clockwise that were applied: 0, 90, 180, 270 */
    int64_t fps_num, fps_den; /* average rate; 0/1 unknown */
    int64_t frame_count;      /* 0 until the pass has counted */
    int audio_rate, audio_channels;
    const char *container, *video_codec, *audio_codec;
    const char *info_json; /* everything else, a JSON object or "" */
};

struct video {
    const char *id, *user_id;
    const char *project_id, *pin_id; /* scope of deduplication: project and camera; "" for none */
    enum video_state state;
    int progress; /* percent, 0..100 */
    struct {      /* why it failed; code ERR_OK otherwise */
        enum err_code code;
        const char *text, *plain, *next;
    } error;
    const char *worker_id;
    const char *filename, *mime_type, *title, *description;
    const char *tags_json;   /* JSON array of strings, or "" */
    const char *source_type; /* "direct" when "" is given; else "loom", "url", "watch" … */
    const char *source_url, *source_metadata_json;
    const char *batch_name;
    int64_t batch_order;
    int64_t size_bytes;
    const char *checksum_sha256; /* hex; "" until known */
    const char *storage_key, *sidecar_key;
    struct video_media media;
    int64_t recorded_at_ms; /* when the camera ran, if known */
    int64_t created_at_ms, updated_at_ms, started_at_ms, completed_at_ms, deleted_at_ms;
    int64_t
        revision; /* moves with every change of the row: what an editor compares before it writes */
};

/*
 * Adds a row. v->id NULL or "": a new id; likewise "" user is the local one, 0 created_at_ms is
 * now. Any state but deleted (rebuild restores finished videos). media and error are stored as
 * given. VIDEO_DUPLICATE: the same content is already there in the same scope (user, project, pin)
 * and not deleted, failed ones included; ret_id is that one's and nothing was added. ERR_CONFLICT:
 * the id is taken.
 */
enum video_added { VIDEO_DUPLICATE = 0, VIDEO_ADDED = 1 };
int db_video_add(struct tx *tx, const struct video *v, char ret_id[static UUID_MAX], struct err *e);
/* ERR_NOT_FOUND: none. Deleted ones are found (state tells). */
int db_video_get(struct tx *tx, struct arena *a, const char *id, struct video *ret, struct err *e);
/* The not deleted video with this content in the scope: 1 found, 0 none. user_id "" is the local
 * one. */
int db_video_find(struct tx *tx, struct arena *a, const char *user_id, const char *project_id,
                  const char *pin_id, const char *checksum_sha256, struct video *ret,
                  struct err *e);

/* All that is set must hold. Zeroed: every video that is not deleted, newest first. */
struct video_filter {
    const char *user_id;                          /* NULL: any */
    const char *project_id, *pin_id, *batch_name; /* NULL: any */
    unsigned states; /* bit 1 << enum video_state; 0: all but deleted */
    struct str text; /* every word of it somewhere in title, filename, description or tags, case
                        ignored (ASCII) */
    int64_t created_from_ms, created_to_ms; /* from <= created < to; 0 open */
    int64_t recorded_from_ms, recorded_to_ms;
    const char *after; /* cursor of the previous page, or NULL */
    int limit;         /* 0: DB_PAGE_DEFAULT; at most DB_PAGE_MAX */
};
struct video_page {
    struct video *videos;
    size_t n;
    const char *next; /* cursor of the next page, NULL at the end; opaque */
};
/* ERR_USAGE: not a cursor of ours. */
int db_video_list(struct tx *tx, struct arena *a, const struct video_filter *f,
                  struct video_page *ret, struct err *e);

/* One step of the state machine: 1 done, 0 it is there already. ERR_CONFLICT: not allowed from
 * where it is; ERR_NOT_FOUND. Entering processing stamps started_at (the first time), entering
 * indexed completed_at and progress 100. */
int db_video_set_state(struct tx *tx, const char *id, enum video_state to, struct err *e);
/* State failed with the reason (code, technical text, plain sentence, next step). 1 done; 0 it is
 * failed or deleted already, or indexed (a late failure does not take back what is published):
 * nothing changed. */
int db_video_fail(struct tx *tx, const char *id, const struct err *why, struct err *e);
/* A failed video back to the step it failed in (validating or processing), reason cleared. 1 done,
 * 0 not failed. */
int db_video_revive(struct tx *tx, const char *id, struct err *e);
/* Never moves backwards except through db_video_revive or a reprocess. worker_id NULL keeps it. */
int db_video_set_progress(struct tx *tx, const char *id, int percent, const char *worker_id,
                          struct err *e);
/*
 * Content is known. VIDEO_DUPLICATE: another live video of the scope has it; ret_existing is that
 * one's id and nothing changed. VIDEO_SET otherwise (also when it was set to the same before);
 * ERR_CONFLICT: this row has another checksum.
 */
enum video_set { /* VIDEO_DUPLICATE = 0 */ VIDEO_SET = 1 };
int db_video_set_checksum(struct tx *tx, const char *id, const char *checksum_sha256,
                          int64_t size_bytes, char ret_existing[static UUID_MAX], struct err *e);
int db_video_set_media(struct tx *tx, const char *id, const struct video_media *m, struct err *e);
/* NULL keeps a field; "" empties it. */
struct video_edit {
    const char *title, *description, *tags_json, *project_id, *pin_id, *batch_name;
    const char *storage_key, *sidecar_key, *mime_type, *filename, *source_metadata_json;
    const int64_t *batch_order, *recorded_at_ms;
    int64_t if_revision; /* 0: whatever it is; else ERR_CONFLICT when the row has moved on */
};
int db_video_edit(struct tx *tx, const char *id, const struct video_edit *edit, struct err *e);
/*
 * Soft delete: state deleted, its scenes, texts and pending jobs gone, running jobs lose their
 * lease. Objects stay: their rows and bytes are shared by content; *ret_last is true when no other
 * live video has this content, so the caller may remove them (db_objects.h). 1 done, 0 was deleted
 * already.
 */
int db_video_delete(struct tx *tx, const char *id, bool *ret_last, struct err *e);

/* Has any video that is not deleted this content, in whatever scope? 1 yes, 0 no. Before bytes go. */
int db_video_has_content(struct tx *tx, const char *checksum_sha256, struct err *e);

struct video_stats {
    int64_t by_state[VIDEO_STATE_N];
    int64_t duration_us, source_bytes; /* of all that are not deleted */
};
int db_video_stats(struct tx *tx, struct video_stats *ret, struct err *e);

/* For the watchdog: videos in `state` without a change since before_ms and without a pending or
 * running job. */
int db_video_stuck(struct tx *tx, struct arena *a, enum video_state state, int64_t before_ms,
                   const char ***ret_ids, size_t *ret_n, struct err *e);

#endif
