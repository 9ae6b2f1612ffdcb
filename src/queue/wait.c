/*
 * Waiting for work. Changes committed in this process wake waiters at once; those of other processes are seen by asking
 * the database every QUEUE_POLL_MS whether anything was committed at all, which is far cheaper than a claim. A backend
 * that can notify would call the listener of queue.c instead.
 */
#include <errno.h>

#include "base/clock.h"
#include "queue/queue_priv.h"

/* Each thread's own: what it had seen when it last looked for a job in vain. Without it a change between that look and
 * the wait would go unnoticed. */
static _Thread_local struct {
    const struct queue *q;
    uint64_t seq;
    uint64_t changes;
    bool changes_known;
} seen;

static bool ask_changes(struct queue *q, uint64_t *ret)
{
    struct err e = {0};

    if (db_changes(q->db, ret, &e) == 0)
        return true;
    log_warn(q->log, "watch_failed error=%s, continuing", LOGZ(e.text));
    return false;
}

void queue_note_seen(struct queue *q)
{
    seen.q = q;
    pthread_mutex_lock(&q->lock);
    seen.seq = q->seq;
    pthread_mutex_unlock(&q->lock);
    seen.changes_known = ask_changes(q, &seen.changes);
}

static bool changed_elsewhere(struct queue *q)
{
    uint64_t now;

    /* not knowing counts as a change: the claim that follows tells what is wrong */
    return !seen.changes_known || !ask_changes(q, &now) || now != seen.changes;
}

/* The next moment to look again, in real time: test clocks may stand still. */
static void slice(struct timespec *ts, int64_t next_ms, int64_t deadline_mono_ms)
{
    int64_t ms = QUEUE_POLL_MS;

    if (next_ms != INT64_MAX)
        ms = MIN(ms, next_ms - clock_now_ms());
    if (deadline_mono_ms >= 0)
        ms = MIN(ms, deadline_mono_ms - clock_mono_ms());
    ms = MAX(ms, 1);
    clock_gettime(CLOCK_MONOTONIC, ts);
    ts->tv_nsec += ms * 1000000;
    ts->tv_sec += ts->tv_nsec / 1000000000;
    ts->tv_nsec %= 1000000000;
}

enum queue_wait queue_wait(struct queue *q, int64_t next_ms, int64_t deadline_mono_ms)
{
    enum queue_wait r = WAIT_TIMEOUT;

    if (seen.q != q)
        queue_note_seen(q);
    pthread_mutex_lock(&q->lock);
    for (;;) {
        struct timespec until;
        if (q->stopped) {
            r = WAIT_STOPPED;
            break;
        }
        if (q->seq != seen.seq || clock_now_ms() >= next_ms) {
            r = WAIT_CHANGED;
            break;
        }
        if (deadline_mono_ms >= 0 && clock_mono_ms() >= deadline_mono_ms)
            break;
        slice(&until, next_ms, deadline_mono_ms);
        if (pthread_cond_timedwait(&q->changed, &q->lock, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&q->lock);
        bool elsewhere = changed_elsewhere(q);
        pthread_mutex_lock(&q->lock);
        if (elsewhere && !q->stopped) {
            r = WAIT_CHANGED;
            break;
        }
    }
    pthread_mutex_unlock(&q->lock);
    return r;
}

void queue_stop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}
