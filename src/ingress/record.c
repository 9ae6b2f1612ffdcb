/*
 * From stored bytes to a video: the one transaction in which everything becomes true together. Writers exclude each
 * other, so what is looked at inside it (is the object still there, has someone else made the video) stays so until it
 * is committed.
 */
#include <inttypes.h>

#include "base/log.h"
#include "db/db_objects.h"
#include "ingress/ingress_priv.h"

int record_has_original(const struct ingress *in, const char *sha256, int64_t size_bytes,
                        struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    char key[STORE_KEY_MAX];
    struct store_info info;
    struct object row;

    if (store_name_original(sha256, key, e) < 0 || db_begin(in->db, DB_READ, &tx, e) < 0)
        return -1;
    /* without a row it may be damage that verify has struck off: then new bytes are welcome */
    int r = db_object_get(tx, a, key, &row, e);
    if (r <= 0)
        return r;
    r = store_stat(in->store, key, &info, e);
    return r <= 0 ? r : info.size == size_bytes;
}

static void fill(struct ingress_result *ret, const struct video *v)
{
    snprintf(ret->video_id, sizeof ret->video_id, "%s", v->id);
    snprintf(ret->sha256, sizeof ret->sha256, "%s", v->checksum_sha256);
    ret->size_bytes = v->size_bytes;
    ret->state = v->state;
}

static enum ingress_outcome outcome_of(enum video_state s)
{
    return s == VIDEO_VALIDATING || s == VIDEO_PROCESSING || s == VIDEO_UPLOADING
               ? INGRESS_RESUMED
               : INGRESS_DUPLICATE;
}

int record_find(const struct ingress *in, const struct ingress_meta *m, const char *sha256,
                struct ingress_result *ret, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v;

    if (db_begin(in->db, DB_READ, &tx, e) < 0)
        return -1;
    int r = db_video_find(tx, a, m->user_id, m->project_id, m->pin_id, sha256, &v, e);
    if (r <= 0)
        return r;
    fill(ret, &v);
    ret->outcome = outcome_of(v.state);
    return 1;
}

static int put_original(struct tx *tx, const struct ingress *in, const struct upload *up,
                        const char *key, struct err *e)
{
    struct store_info info;
    struct object o = {
        .key = key,
        .source_sha256 = up->checksum_sha256,
        .kind = "original",
        .size_bytes = up->received_bytes,
        .sha256 = up->checksum_sha256,
    };
    int r = store_stat(in->store, key, &info, e);

    if (r < 0)
        return -1;
    if (!r || info.size != up->received_bytes) {
        err_set(e, ERR_UNAVAILABLE, "original '%s' went away before its row was written", key);
        return err_plain(e, "The stored file was removed while the video was being added.",
                         "Try again.");
    }
    return db_object_put(tx, &o, e);
}

/* The video, new or the one that is there. Answers enum video_added. */
static int put_video(struct tx *tx, const struct ingress *in, const struct upload *up,
                     const char *key, struct arena *a, char ret_id[static UUID_MAX], struct err *e)
{
    struct video v = {
        .user_id = up->user_id,
        .state = VIDEO_VALIDATING,
        .filename = up->filename,
        .mime_type = up->mime_type,
        .size_bytes = up->received_bytes,
        .checksum_sha256 = up->checksum_sha256,
        .storage_key = key,
        .media = {.fps_den = 1},
    };

    if (meta_apply(str_of(up->meta_json), a, &v, e) < 0)
        return -1;
    int added = db_video_add(tx, &v, ret_id, e);
    if (added == VIDEO_ADDED && in->start(in->start_arg, tx, ret_id, e) < 0)
        return err_wrap(e, "start the work on video '%s'", ret_id);
    return added;
}

/* 1 still ours to end, 0 ended by someone else */
static int still_open(struct tx *tx, struct arena *a, const char *upload_id, struct err *e)
{
    struct upload now;

    if (db_upload_get(tx, a, upload_id, &now, e) < 0)
        return -1;
    return now.state == UPLOAD_RECEIVED;
}

static int end_upload(struct tx *tx, const struct upload *up, const char *video_id, struct err *e)
{
    struct upload done = *up;
    char id[UUID_MAX];

    if (up->id[0])
        return db_upload_set_state(tx, up->id, UPLOAD_DONE, NULL, video_id, NULL, e);
    done.state = UPLOAD_DONE;
    done.video_id = video_id;
    return db_upload_add(tx, &done, id, e);
}

int record_upload(const struct ingress *in, const struct upload *up, struct ingress_result *ret,
                  struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    char key[STORE_KEY_MAX], video_id[UUID_MAX];
    struct ingress_result result = {0};
    struct video v;

    if (store_name_original(up->checksum_sha256, key, e) < 0 ||
        db_begin(in->db, DB_WRITE, &tx, e) < 0)
        return -1;
    int open = up->id[0] ? still_open(tx, a, up->id, e) : 1;
    if (open <= 0)
        return open;
    if (put_original(tx, in, up, key, e) < 0)
        return -1;
    int added = put_video(tx, in, up, key, a, video_id, e);
    if (added < 0 || end_upload(tx, up, video_id, e) < 0 ||
        db_video_get(tx, a, video_id, &v, e) < 0)
        return -1;
    fill(&result, &v);
    result.outcome = added == VIDEO_ADDED ? INGRESS_NEW : outcome_of(v.state);
    if (db_commit(tx, e) < 0)
        return -1;
    *ret = result;
    return 1;
}
