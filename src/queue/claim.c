/*
 * Claiming: a cheap look first, in a reading transaction, so that idle workers do not contend for the write lock; then
 * the decision again inside the writing one, which is the only one that counts.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "queue/queue_priv.h"

struct choice {
    bool found;
    struct job_candidate job;
    int64_t next_ms; /* when it may be worth looking again */
};

static bool queue_is_full(const struct queue_settings *s, int64_t n_running)
{
    return s->concurrency > 0 && n_running >= s->concurrency;
}

/* The best of the queues' first jobs: highest priority, then the one that waits longest. */
static int choose(struct queue *q, struct tx *tx, unsigned queues, const char *only_video,
                  struct choice *ret, struct err *e)
{
    struct choice best = {.next_ms = INT64_MAX};
    int64_t now_ms = db_now_ms(tx);

    for (int i = 0; i < QUEUE_N; i++) {
        struct queue_settings s = queue_settings(q, (enum queue_name)i);
        struct job_candidate c;
        int64_t n_running = 0;
        if (!(queues & (1u << i)))
            continue;
        if (s.concurrency > 0 &&
            db_job_running_count(tx, queue_name((enum queue_name)i), &n_running, e) < 0)
            return -1;
        if (queue_is_full(&s, n_running))
            continue; /* the end of one of those is a change that wakes whoever waits */
        int r = db_job_next(tx, queue_name((enum queue_name)i), only_video, now_ms, &c,
                            &best.next_ms, e);
        if (r < 0)
            return -1;
        if (r > 0 && (!best.found || c.priority > best.job.priority ||
                      (c.priority == best.job.priority && c.run_at_ms < best.job.run_at_ms))) {
            best.found = true;
            best.job = c;
        }
    }
    *ret = best;
    return 0;
}

/* A first look: anything to take back, anything to take? */
static int look(struct queue *q, unsigned queues, const char *only_video, enum look how,
                bool *ret_orphans, struct choice *ret, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct job_row *running;
    struct err why = {0};
    size_t n;

    if (db_begin(q->db, DB_READ, &tx, e) < 0 || choose(q, tx, queues, only_video, ret, e) < 0 ||
        db_job_running(tx, a, NULL, &running, &n, e) < 0)
        return -1;
    *ret_orphans = false;
    int64_t now_ms = db_now_ms(tx);
    for (size_t i = 0; i < n; i++) {
        if (queue_row_is_orphan(q, &running[i], now_ms, how, &why))
            *ret_orphans = true;
        /* another worker's job comes back when its lease ends, or soon after that process is seen to be gone */
        if (strcmp(running[i].worker_id, q->worker_id) != 0)
            ret->next_ms = MIN(ret->next_ms,
                               MIN(running[i].lease_until_ms + 1, now_ms + QUEUE_LOOK_AROUND_MS));
    }
    return 0;
}

static struct job *job_new(struct queue *q)
{
    struct job *j = XNEW(struct job);

    j->q = q;
    j->arena = arena_new();
    return j;
}

static void hold(struct queue *q, struct job *j)
{
    pthread_mutex_lock(&q->lock);
    j->next = q->held;
    if (j->next)
        j->next->prev = j;
    q->held = j;
    pthread_mutex_unlock(&q->lock);
}

void job_free(struct job *j)
{
    if (!j)
        return;
    struct queue *q = j->q;
    pthread_mutex_lock(&q->lock);
    if (j->next)
        j->next->prev = j->prev;
    if (j->prev)
        j->prev->next = j->next;
    else if (q->held == j)
        q->held = j->next;
    pthread_mutex_unlock(&q->lock);
    arena_free(j->arena);
    free(j);
}

/* 1 *ret filled and committed, 0 someone else was quicker */
static int take(struct queue *q, unsigned queues, const char *only_video, enum look how,
                struct job **ret, struct choice *choice, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(job_free) struct job *j = job_new(q);
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct dead_list dead = {.arena = a};
    struct watchdog_report report = {0};
    int r = -1;

    if (db_begin(q->db, DB_WRITE, &tx, e) < 0 ||
        queue_take_back(q, tx, a, how, &report, &dead, e) < 0 ||
        choose(q, tx, queues, only_video, choice, e) < 0)
        goto out;
    if (choice->found) {
        int64_t until_ms = db_now_ms(tx) + q->lease_ms;
        r = db_job_claim(tx, choice->job.id, q->worker_id, until_ms, e);
        if (r < 0 || db_job_get(tx, j->arena, choice->job.id, &j->row, e) < 0)
            goto out;
        if (r == 0) { /* a backend that lets writers run side by side: look again soon */
            choice->found = false;
            choice->next_ms = db_now_ms(tx);
        }
    }
    r = -1;
    if ((choice->found && fault_point("queue.claim") < 0 && err_errno(e, errno, "claim") < 0) ||
        db_commit(tx, e) < 0)
        goto out;
    r = 0;
    if (choice->found) {
        j->limit_mono_ms = clock_mono_ms() + j->row.time_limit_ms;
        hold(q, j);
        *ret = STEAL(j);
        r = 1;
    }
    db_rollback(STEAL(tx)); /* the hook may use the database */
    queue_tell_dead(q, &dead);
out:
    dead_list_finish(&dead);
    return r;
}

int queue_claim(struct queue *q, unsigned queues, const char *only_video, struct job **ret_job,
                int64_t *ret_next_ms, struct err *e)
{
    struct choice choice = {0};
    enum look how = queue_may_look_around(q) ? LOOK_PROCESSES : LOOK_LEASES;
    bool orphans;

    queue_note_seen(q);
    if (look(q, queues, only_video, how, &orphans, &choice, e) < 0)
        return err_wrap(e, "claim job");
    if (choice.found || orphans) {
        int64_t next_ms = choice.next_ms;
        int r = take(q, queues, only_video, how, ret_job, &choice, e);
        if (r < 0)
            return err_wrap(e, "claim job");
        if (r > 0) {
            const struct job_row *row = &(*ret_job)->row;
            log_info(q->log,
                     "job_claimed job=%s queue=%s stage=%s video=%s attempt=%d fence=%" PRId64,
                     row->id, row->queue, LOGZ(row->stage), LOGZ(row->video_id), row->attempt,
                     row->fence);
            return CLAIM_GOT;
        }
        choice.next_ms = MIN(choice.next_ms, next_ms);
    }
    if (ret_next_ms)
        *ret_next_ms = choice.next_ms;
    return CLAIM_EMPTY;
}
