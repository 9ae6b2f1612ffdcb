/*
 * Threads that claim, run and wait. The heartbeat of the queue renews what they hold; the first
 * thread also runs the watchdog. Nobody sleeps: a thread without work waits in queue_wait() until
 * the queue changes or a deadline.
 */
#include "pipeline/worker.h"

#include <pthread.h>

#include "base/clock.h"
#include "db/db_videos.h"

#define WATCHDOG_EVERY_MS 60000
#define STOP_LOOK_MS      250 /* how soon a stop that came through a signal is seen while waiting */

struct worker {
    struct library *lib;
    const struct worker_opts *o;
    atomic_bool failed; /* one thread's failure (the database is gone) ends all */
    pthread_mutex_t lock;
    /* protected by lock */
    struct worker_result result;
    struct err err; /* of the first thread that failed */
};

static bool stopping(struct worker *w)
{
    return atomic_load(&w->failed) || (w->o->stop && atomic_load(w->o->stop));
}

/* Is what we were asked for over? 1 yes, 0 no. */
static int over(struct worker *w, struct err *e)
{
    struct library *lib = w->lib;
    if (w->o->video_id) {
        CLEANUP(arena_free) struct arena *a = arena_new();
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct video v;
        if (db_begin(lib->db, DB_READ, &tx, e) < 0 ||
            db_video_get(tx, a, w->o->video_id, &v, e) < 0)
            return -1;
        return v.state == VIDEO_INDEXED || v.state == VIDEO_FAILED || v.state == VIDEO_DELETED;
    }
    if (!w->o->drain)
        return 0;
    struct queue_stats s;
    if (queue_stats(lib->queue, &s, e) < 0)
        return -1;
    int64_t left = 0;
    for (int q = 0; q < QUEUE_N; q++)
        left += s.depth[q][JOB_PENDING] + s.depth[q][JOB_RUNNING];
    return left == 0;
}

static int run_one(struct worker *w, struct job *job, struct err *e)
{
    struct pipeline_watch watch = {
        .stop = w->o->stop, .progress = w->o->progress, .arg = w->o->arg};
    struct err why = {0};
    int r = pipeline_run(w->lib, job, &watch, &why, e);
    if (r < 0)
        return -1;
    pthread_mutex_lock(&w->lock);
    if (why.code == ERR_OK)
        w->result.done++;
    else
        w->result.failed++;
    pthread_mutex_unlock(&w->lock);
    return 0;
}

static int loop(struct worker *w, bool first, struct err *e)
{
    int64_t watchdog_at = clock_mono_ms();
    while (!stopping(w)) {
        CLEANUP(job_free) struct job *job = NULL;
        int64_t next_ms = INT64_MAX;
        if (first && clock_mono_ms() >= watchdog_at) {
            struct watchdog_report dog;
            if (queue_watchdog(w->lib->queue, &dog, e) < 0)
                return err_wrap(e, "watchdog");
            watchdog_at = clock_mono_ms() + WATCHDOG_EVERY_MS;
        }
        int got = queue_claim(w->lib->queue, QUEUE_ALL, w->o->video_id, &job, &next_ms, e);
        if (got < 0)
            return err_wrap(e, "claim");
        if (got == CLAIM_GOT) {
            if (run_one(w, job, e) < 0)
                return -1;
            continue;
        }
        int ended = over(w, e);
        if (ended != 0)
            return ended < 0 ? -1 : 0;
        if (queue_wait(w->lib->queue, next_ms, clock_mono_ms() + STOP_LOOK_MS) == WAIT_STOPPED)
            return 0;
    }
    return 0;
}

struct thread {
    struct worker *w;
    bool first;
    pthread_t id;
};

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    struct err e = {0};
    if (loop(t->w, t->first, &e) < 0) {
        pthread_mutex_lock(&t->w->lock);
        if (!atomic_exchange(&t->w->failed, true))
            t->w->err = e;
        pthread_mutex_unlock(&t->w->lock);
    }
    return NULL;
}

int worker_run(struct library *lib, const struct worker_opts *o, struct worker_result *ret,
               struct err *e)
{
    struct worker w = {.lib = lib, .o = o, .lock = PTHREAD_MUTEX_INITIALIZER};
    int n = MAX(o->concurrency, 1), started = 1;
    struct thread *threads = xcalloc((size_t)n, sizeof *threads);

    if (queue_heartbeat_start(lib->queue, e) < 0) {
        free(threads);
        return err_wrap(e, "start worker");
    }
    for (; started < n; started++) {
        threads[started] = (struct thread){.w = &w};
        if (pthread_create(&threads[started].id, NULL, thread_main, &threads[started]) != 0)
            break; /* fewer threads still do the work */
    }
    threads[0] = (struct thread){.w = &w, .first = true};
    thread_main(&threads[0]);
    for (int i = 1; i < started; i++)
        pthread_join(threads[i].id, NULL);
    free(threads);
    pthread_mutex_destroy(&w.lock);
    w.result.stopped = o->stop && atomic_load(o->stop);
    *ret = w.result;
    if (atomic_load(&w.failed)) {
        *e = w.err;
        return -1;
    }
    return 0;
}
