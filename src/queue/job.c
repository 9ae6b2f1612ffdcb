/* A claimed job in the hands of its owner: the lease, progress, and how it ends. And the heartbeat. */
#include <assert.h>

#include "base/clock.h"
#include "base/fault.h"
#include "db/db_videos.h"
#include "queue/queue_priv.h"

const struct job_row *job_row(const struct job *j)
{
    return &j->row;
}

enum job_status job_status(const struct job *j)
{
    if (atomic_load_explicit(&j->lost, memory_order_acquire))
        return JOB_LOST;
    return clock_mono_ms() > j->limit_mono_ms ? JOB_OVERTIME : JOB_HELD;
}

static int held(struct job *j, int changed)
{
    if (changed == 0)
        atomic_store_explicit(&j->lost, true, memory_order_release);
    return changed > 0 ? QUEUE_HELD : QUEUE_LOST;
}

static int lost_in_tx(struct job *j, const char *doing, struct err *e)
{
    held(j, 0);
    err_set(e, ERR_CONFLICT, "%s job %s: its lease was lost", doing, j->row.id);
    return err_plain(e, "Another worker has taken over this job.",
                     "Nothing is to be done; the other one goes on.");
}

int queue_renew_in(struct tx *tx, struct job *j, struct err *e)
{
    int n = db_job_renew(tx, j->row.id, j->row.fence, db_now_ms(tx) + j->q->lease_ms, e);

    if (n < 0)
        return err_wrap(e, "renew lease of job %s", j->row.id);
    return n == 0 ? lost_in_tx(j, "renew", e) : 0;
}

int queue_renew(struct queue *q, struct job *j, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    int n = -1;

    if (db_begin(q->db, DB_WRITE, &tx, e) < 0 ||
        (n = db_job_renew(tx, j->row.id, j->row.fence, db_now_ms(tx) + q->lease_ms, e)) < 0 ||
        db_commit(tx, e) < 0)
        return err_wrap(e, "renew lease of job %s", j->row.id);
    return held(j, n);
}

int queue_progress(struct queue *q, struct job *j, int percent, const char *note, int video_percent,
                   struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    int64_t now_ms = clock_mono_ms();
    int n = -1;

    if (!note && j->progressed && now_ms - j->progress_mono_ms < QUEUE_PROGRESS_EVERY_MS)
        return job_status(j) == JOB_LOST ? QUEUE_LOST : QUEUE_HELD;
    if (db_begin(q->db, DB_WRITE, &tx, e) < 0 ||
        (n = db_job_progress(tx, j->row.id, j->row.fence, percent, note,
                             db_now_ms(tx) + q->lease_ms, e)) < 0)
        return err_wrap(e, "progress of job %s", j->row.id);
    if (n == 0)
        return held(j, 0);
    if ((video_percent >= 0 && *j->row.video_id &&
         db_video_set_progress(tx, j->row.video_id, video_percent, q->worker_id, e) < 0) ||
        db_commit(tx, e) < 0)
        return err_wrap(e, "progress of job %s", j->row.id);
    j->progressed = true;
    j->progress_mono_ms = now_ms;
    return QUEUE_HELD;
}

/* ---- how it ends ---- */

int queue_finish(struct tx *tx, struct job *j, const char *note, struct err *e)
{
    int n = db_job_complete(tx, j->row.id, j->row.fence, note, e);

    if (n < 0 || fault_point("queue.finish") < 0)
        return n < 0 ? err_wrap(e, "finish job %s", j->row.id)
                     : err_errno(e, errno, "finish job %s", j->row.id);
    if (n == 0)
        return lost_in_tx(j, "finish", e);
    db_notify(tx, QUEUE_CHANNEL);
    return 0;
}

int queue_fail(struct queue *q, struct job *j, const struct err *why, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct dead_list dead = {.arena = a};
    enum queue_name name = QUEUE_VIDEO_PROCESSING;

    (void)queue_from_name(str_of(j->row.queue), &name);
    struct queue_settings s = queue_settings(q, name);
    int64_t delay_ms = queue_backoff_ms(&s, j->row.attempt);
    int r = db_begin(q->db, DB_WRITE, &tx, e);
    r = r < 0 ? r : queue_settle(q, tx, &j->row, why, delay_ms, &dead, e);
    if (r > QUEUE_FAIL_LOST && fault_point("queue.fail") < 0)
        r = err_errno(e, errno, "fault");
    if (r > QUEUE_FAIL_LOST && db_commit(tx, e) < 0)
        r = -1;
    if (r < 0)
        err_wrap(e, "fail job %s", j->row.id);
    else if (r == QUEUE_FAIL_LOST)
        held(j, 0);
    else
        atomic_store(&j->settled, true);
    if (r == QUEUE_FAIL_RETRY)
        log_warn(q->log,
                 "job_failed job=%s stage=%s attempt=%d of=%d retry_in_ms=%" PRId64 " error=%s",
                 j->row.id, LOGZ(j->row.stage), j->row.attempt, j->row.max_attempts, delay_ms,
                 LOGZ(why->text));
    db_rollback(STEAL(tx));
    if (r == QUEUE_FAIL_DEAD)
        queue_tell_dead(q, &dead);
    dead_list_finish(&dead);
    return r;
}

int queue_release(struct queue *q, struct job *j, struct err *e)
{
    struct err why = {0};

    err_set(&why, ERR_CANCELLED, "released");
    return queue_fail(q, j, &why, e);
}

/* ---- the heartbeat ---- */

/* A held job as the heartbeat knows it while no lock is held: the pointer is only compared. */
struct beat {
    const struct job *job;
    char id[UUID_MAX];
    int64_t fence;
    bool lost;
};
struct beats {
    VEC(struct beat) list;
};

static void collect_held(struct queue *q, struct beats *ret)
{
    pthread_mutex_lock(&q->lock);
    for (struct job *j = q->held; j; j = j->next) {
        struct beat b = {.job = j, .fence = j->row.fence};
        if (atomic_load(&j->settled) || atomic_load(&j->lost))
            continue;
        memcpy(b.id, j->row.id, UUID_MAX);
        VEC_PUSH(&ret->list, b);
    }
    pthread_mutex_unlock(&q->lock);
}

/* 1 held, 0 lost; a job that its owner has just completed is neither lost nor in need of a lease. */
static int beat_one(struct queue *q, struct tx *tx, struct arena *a, const struct beat *b,
                    struct err *e)
{
    struct job_row row;
    int n = db_job_renew(tx, b->id, b->fence, db_now_ms(tx) + q->lease_ms, e);

    if (n != 0)
        return n;
    if (db_job_get(tx, a, b->id, &row, e) < 0)
        return e->code == ERR_NOT_FOUND ? 0 : -1;
    return row.fence == b->fence && row.state == JOB_COMPLETED;
}

static void flag_lost(struct queue *q, const struct beat *b)
{
    bool still_there = false;

    pthread_mutex_lock(&q->lock);
    for (struct job *j = q->held; j; j = j->next) {
        if (j == b->job && j->row.fence == b->fence && strcmp(j->row.id, b->id) == 0 &&
            !atomic_load(&j->settled)) {
            atomic_store_explicit(&j->lost, true, memory_order_release);
            still_there = true;
        }
    }
    pthread_mutex_unlock(&q->lock);
    if (still_there)
        log_warn(q->log, "lease_lost job=%s fence=%" PRId64, b->id, b->fence);
}

int queue_heartbeat(struct queue *q, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct beats beats = {0};
    int r = 0;

    collect_held(q, &beats);
    if (beats.list.n > 0) {
        r = db_begin(q->db, DB_WRITE, &tx, e);
        VEC_FOREACH (&beats.list, b) {
            r = r < 0 ? r : beat_one(q, tx, a, b, e);
            b->lost = r == 0;
        }
        if (r >= 0)
            r = db_commit(tx, e);
        if (r >= 0) {
            VEC_FOREACH (&beats.list, b) {
                if (b->lost)
                    flag_lost(q, b);
            }
        }
    }
    VEC_FINISH(&beats.list);
    return r < 0 ? err_wrap(e, "heartbeat") : 0;
}

static void *heart(void *arg)
{
    struct queue *q = arg;
    int64_t every_ms = MAX(q->lease_ms / 3, 1);

    pthread_mutex_lock(&q->lock);
    while (!q->heart_stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += every_ms / 1000;
        until.tv_nsec += every_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        int r = 0;
        while (!q->heart_stop && r == 0)
            r = pthread_cond_timedwait(&q->heart, &q->lock, &until);
        if (q->heart_stop)
            break;
        pthread_mutex_unlock(&q->lock);
        struct err e = {0};
        if (queue_heartbeat(q, &e) < 0)
            log_warn(q->log, "heartbeat_failed error=%s, continuing", LOGZ(e.text));
        pthread_mutex_lock(&q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

int queue_heartbeat_start(struct queue *q, struct err *e)
{
    if (q->heart_runs)
        return 0;
    int r = pthread_create(&q->heart_thread, NULL, heart, q);
    if (r != 0)
        return err_errno(e, r, "start heartbeat");
    q->heart_runs = true;
    return 0;
}

void queue_heartbeat_stop(struct queue *q)
{
    if (!q->heart_runs)
        return;
    pthread_mutex_lock(&q->lock);
    q->heart_stop = true;
    pthread_cond_broadcast(&q->heart);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->heart_thread, NULL);
    q->heart_runs = false;
}
