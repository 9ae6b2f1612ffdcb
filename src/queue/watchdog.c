/*
 * The watchdog: finds what nobody works on any more. Jobs come back through their leases; here is what has no lease:
 * uploads that stopped arriving, and videos that stand between two states without a job (which atomic publishing rules
 * out, so it would be our mistake, and is said loudly).
 */
#include "base/fault.h"
#include "db/db_videos.h"
#include "queue/queue_priv.h"

/* Rows of a kind in one round; what is left waits for the next round. */
#define ROUND_MAX 200
#define PURGE_MAX 2000

struct round {
    struct arena *arena;
    struct watchdog_report report;
    struct dead_list dead;
    struct upload *uploads;
    size_t n_uploads;
};

static int fail_uploads(struct queue *q, struct tx *tx, struct round *rd, int64_t before_ms,
                        struct err *e)
{
    unsigned open = 1u << UPLOAD_RECEIVING | 1u << UPLOAD_RECEIVED;
    struct err why = {0};

    err_set(&why, ERR_TIMEOUT, "upload: nothing arrived for %" PRId64 " ms", q->upload_ms);
    err_plain(&why, "The upload was not finished in time.", "Upload the file again.");
    if (db_upload_list(tx, rd->arena, open, before_ms, ROUND_MAX, &rd->uploads, &rd->n_uploads, e) <
        0)
        return -1;
    for (size_t i = 0; i < rd->n_uploads; i++) {
        const struct upload *u = &rd->uploads[i];
        if (db_upload_set_state(tx, u->id, UPLOAD_FAILED, NULL, NULL, &why, e) < 0)
            return -1;
        rd->report.uploads_failed++;
        if (!*u->video_id)
            continue;
        int r = db_video_fail(tx, u->video_id, &why, e);
        if (r < 0)
            return -1;
        rd->report.videos_failed += r;
    }
    return 0;
}

static int fail_videos(struct queue *q, struct tx *tx, struct round *rd, enum video_state state,
                       int64_t before_ms, const struct err *why, struct err *e)
{
    const char **ids;
    size_t n;

    if (db_video_stuck(tx, rd->arena, state, before_ms, &ids, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int r = db_video_fail(tx, ids[i], why, e);
        if (r < 0)
            return -1;
        rd->report.videos_failed += r;
        if (r > 0 && state != VIDEO_UPLOADING)
            log_error(q->log, "video_stuck video=%s state=%s: it had no job", ids[i],
                      video_state_name(state));
    }
    return 0;
}

static int fail_stuck_videos(struct queue *q, struct tx *tx, struct round *rd, int64_t now_ms,
                             struct err *e)
{
    struct err upload = {0}, stuck = {0};

    err_set(&upload, ERR_TIMEOUT, "uploading: no change for %" PRId64 " ms", q->upload_ms);
    err_plain(&upload, "The upload was not finished in time.", "Upload the file again.");
    err_set(&stuck, ERR_INTERNAL, "no change for %" PRId64 " ms and no job", q->stuck_ms);
    err_plain(&stuck, "Processing stopped without a reason being recorded.",
              "Run it again; if this repeats, please report it with the log.");
    if (fail_videos(q, tx, rd, VIDEO_UPLOADING, now_ms - q->upload_ms, &upload, e) < 0 ||
        fail_videos(q, tx, rd, VIDEO_VALIDATING, now_ms - q->stuck_ms, &stuck, e) < 0 ||
        fail_videos(q, tx, rd, VIDEO_PROCESSING, now_ms - q->stuck_ms, &stuck, e) < 0)
        return -1;
    return 0;
}

/* What ended long ago is forgotten; failed jobs stay until someone has looked at them. */
static int purge(struct queue *q, struct tx *tx, struct round *rd, int64_t now_ms, struct err *e)
{
    int jobs = db_job_purge(tx, now_ms - q->keep_ms, PURGE_MAX, e);
    int uploads = jobs < 0 ? -1 : db_upload_purge(tx, now_ms - q->keep_ms, PURGE_MAX, e);

    if (uploads < 0)
        return -1;
    rd->report.purged = jobs + uploads;
    return 0;
}

static int round_in_tx(struct queue *q, struct tx *tx, struct round *rd, struct err *e)
{
    int64_t now_ms = db_now_ms(tx);

    if (queue_take_back(q, tx, rd->arena, LOOK_PROCESSES, &rd->report, &rd->dead, e) < 0 ||
        fail_uploads(q, tx, rd, now_ms - q->upload_ms, e) < 0 ||
        fail_stuck_videos(q, tx, rd, now_ms, e) < 0 || purge(q, tx, rd, now_ms, e) < 0)
        return -1;
    if (fault_point("queue.watchdog") < 0)
        return err_errno(e, errno, "fault");
    return db_commit(tx, e);
}

int queue_watchdog(struct queue *q, struct watchdog_report *ret, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct round rd = {.arena = a, .dead = {.arena = a}};

    int r = db_begin(q->db, DB_WRITE, &tx, e);
    r = r < 0 ? r : round_in_tx(q, tx, &rd, e);
    db_rollback(STEAL(tx));
    if (r == 0) {
        pthread_mutex_lock(&q->lock);
        struct queue_hooks hooks = q->hooks;
        pthread_mutex_unlock(&q->lock);
        queue_tell_dead(q, &rd.dead);
        for (size_t i = 0; i < rd.n_uploads; i++) {
            log_warn(q->log, "upload_failed upload=%s received=%" PRId64, rd.uploads[i].id,
                     rd.uploads[i].received_bytes);
            if (hooks.upload_failed)
                hooks.upload_failed(hooks.arg, &rd.uploads[i]);
        }
        *ret = rd.report;
    }
    dead_list_finish(&rd.dead);
    return r < 0 ? err_wrap(e, "watchdog") : 0;
}
