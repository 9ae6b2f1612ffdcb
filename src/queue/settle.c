/* What becomes of attempts that failed, and of jobs whose worker is gone. */
#include "base/clock.h"
#include "base/hash.h"
#include "db/db_videos.h"
#include "queue/queue_priv.h"

int64_t queue_backoff_ms(const struct queue_settings *s, int attempt)
{
    int64_t ms = s->backoff_ms;

    for (int i = 1; i < attempt && ms < QUEUE_BACKOFF_MAX_MS; i++)
        ms *= 2;
    ms = MIN(ms, QUEUE_BACKOFF_MAX_MS);
    /* many jobs that failed together must not come back together */
    return ms / 2 + (int64_t)(random_u64() % (uint64_t)(ms - ms / 2 + 1));
}

void dead_list_finish(struct dead_list *d)
{
    VEC_FINISH(&d->rows);
}

static int bury(struct tx *tx, const struct job_row *row, enum job_end end, const struct err *why,
                struct dead_list *dead, struct err *e)
{
    struct job_row now;
    int n = db_job_fail(tx, row->id, row->fence, end, why, e);

    if (n <= 0)
        return n;
    if (row->fails_video && db_video_fail(tx, row->video_id, why, e) < 0)
        return -1;
    if (db_job_get(tx, dead->arena, row->id, &now, e) < 0)
        return -1;
    VEC_PUSH(&dead->rows, now);
    return 1;
}

int queue_settle(struct queue *q, struct tx *tx, const struct job_row *row, const struct err *why,
                 int64_t delay_ms, struct dead_list *dead, struct err *e)
{
    int64_t now_ms = db_now_ms(tx);
    int n, outcome;

    (void)q;
    if (why->code == ERR_CANCELLED) {
        outcome = QUEUE_FAIL_RELEASED;
        n = db_job_again(tx, row->id, row->fence, now_ms, NULL, e);
    } else if (!err_class(why->code)->retryable || row->attempt >= row->max_attempts) {
        outcome = QUEUE_FAIL_DEAD;
        n = bury(tx, row, JOB_END_DEAD, why, dead, e);
    } else {
        outcome = QUEUE_FAIL_RETRY;
        n = db_job_again(tx, row->id, row->fence, now_ms + delay_ms, why, e);
    }
    if (n < 0)
        return -1;
    if (n == 0)
        return QUEUE_FAIL_LOST;
    db_notify(tx, QUEUE_CHANNEL);
    return outcome;
}

void queue_tell_dead(struct queue *q, struct dead_list *dead)
{
    pthread_mutex_lock(&q->lock);
    struct queue_hooks hooks = q->hooks;
    pthread_mutex_unlock(&q->lock);
    VEC_FOREACH (&dead->rows, row) {
        log_error(q->log, "job_dead job=%s queue=%s stage=%s video=%s attempts=%d code=%s error=%s",
                  row->id, row->queue, LOGZ(row->stage), LOGZ(row->video_id), row->attempt,
                  err_class(row->error.code)->name, LOGZ(row->error.text));
        if (hooks.dead)
            hooks.dead(hooks.arg, row);
    }
}

/* ---- jobs whose worker is gone ---- */

bool queue_may_look_around(struct queue *q)
{
    int64_t now_ms = clock_mono_ms();

    pthread_mutex_lock(&q->lock);
    bool may = now_ms - q->looked_around_mono_ms >= QUEUE_LOOK_AROUND_MS;
    if (may)
        q->looked_around_mono_ms = now_ms;
    pthread_mutex_unlock(&q->lock);
    return may;
}

bool queue_row_is_orphan(struct queue *q, const struct job_row *row, int64_t now_ms, enum look look,
                         struct err *ret_why)
{
    /* The owner is asked first: it has a lease's time after its limit to stop by itself. */
    if (now_ms > row->started_at_ms + row->time_limit_ms + q->lease_ms) {
        err_set(ret_why, ERR_TIMEOUT, "worker %s: still at it after the limit of %" PRId64 " ms",
                row->worker_id, row->time_limit_ms);
        err_plain(ret_why, "Processing took longer than allowed and did not stop when asked to.",
                  NULL);
        return true;
    }
    bool expired = now_ms > row->lease_until_ms;
    if (!expired && (look != LOOK_PROCESSES || !worker_id_is_gone(row->worker_id)))
        return false;
    err_set(ret_why, ERR_PROCESSING, "worker %s: %s in attempt %d of %d, the %d. of %d to go",
            row->worker_id, expired ? "its lease ran out" : "its process is gone", row->attempt,
            row->max_attempts, row->abandoned + 1, QUEUE_ABANDONED_MAX);
    err_plain(ret_why, "The worker that ran this job ended unexpectedly.",
              "If it happens again with this file, the file or the machine's memory is the likely "
              "cause; the log has "
              "more.");
    return true;
}

static int64_t backoff_of(struct queue *q, const struct job_row *row, int attempt)
{
    enum queue_name name = QUEUE_VIDEO_PROCESSING;

    (void)queue_from_name(str_of(row->queue), &name);
    struct queue_settings s = queue_settings(q, name);
    return queue_backoff_ms(&s, attempt);
}

/* The first crash may be nobody's fault (a restart): at once. A job that keeps killing its workers has to wait. */
static int64_t crash_delay_ms(struct queue *q, const struct job_row *row)
{
    return row->abandoned == 0 ? 0 : backoff_of(q, row, row->abandoned);
}

/* What becomes of a job that is taken from a worker that is gone. Answers as queue_settle(). */
static int settle_abandoned(struct queue *q, struct tx *tx, const struct job_row *row,
                            const struct err *why, struct dead_list *dead, struct err *e)
{
    bool last = row->abandoned + 1 >= QUEUE_ABANDONED_MAX;
    int n = last ? bury(tx, row, JOB_END_ABANDONED, why, dead, e)
                 : db_job_abandoned(tx, row->id, row->fence, db_now_ms(tx) + crash_delay_ms(q, row),
                                    why, e);

    if (n <= 0)
        return n < 0 ? -1 : QUEUE_FAIL_LOST;
    db_notify(tx, QUEUE_CHANNEL);
    return last ? QUEUE_FAIL_DEAD : QUEUE_FAIL_RETRY;
}

int queue_take_back(struct queue *q, struct tx *tx, struct arena *a, enum look look,
                    struct watchdog_report *report, struct dead_list *dead, struct err *e)
{
    struct job_row *running;
    int64_t now_ms = db_now_ms(tx);
    size_t n;

    if (db_job_running(tx, a, NULL, &running, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct err why = {0};
        if (!queue_row_is_orphan(q, &running[i], now_ms, look, &why))
            continue;
        int r = why.code == ERR_TIMEOUT
                    ? queue_settle(q, tx, &running[i], &why,
                                   backoff_of(q, &running[i], running[i].attempt), dead, e)
                    : settle_abandoned(q, tx, &running[i], &why, dead, e);
        if (r < 0)
            return err_wrap(e, "take back job %s", running[i].id);
        report->overtime += why.code == ERR_TIMEOUT;
        report->leases_expired += why.code != ERR_TIMEOUT;
        report->dead += r == QUEUE_FAIL_DEAD;
        log_warn(q->log, "job_taken_back job=%s stage=%s reason=%s", running[i].id,
                 LOGZ(running[i].stage), LOGZ(why.text));
    }
    return 0;
}
