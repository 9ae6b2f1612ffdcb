/* Shared by the files of queue/. */
#ifndef QUEUE_QUEUE_PRIV_H
#define QUEUE_QUEUE_PRIV_H

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "queue/queue.h"

#define QUEUE_CHANNEL "jobs" /* of db_notify() */
/* How often a process looks whether the workers of this machine are still alive, and when one that found nothing but
 * other workers' jobs looks again. */
#define QUEUE_LOOK_AROUND_MS 2000

struct queue {
    struct db *db; /* borrowed */
    struct log *log;
    char *worker_id;
    int64_t lease_ms, upload_ms, stuck_ms, keep_ms;

    pthread_mutex_t lock;
    pthread_cond_t changed, heart;
    /* protected by lock */
    struct queue_settings settings[QUEUE_N];
    struct queue_hooks hooks;
    struct job *held; /* claimed and not yet freed */
    uint64_t seq;     /* moves when this process committed a change of jobs */
    bool stopped;
    bool heart_stop;
    int64_t looked_around_mono_ms;

    bool heart_runs; /* set and cleared by the thread that owns the queue */
    pthread_t heart_thread;
};

struct job {
    struct queue *q;
    struct job *prev, *next; /* protected by q->lock */
    struct arena *arena;
    struct job_row row;
    int64_t limit_mono_ms; /* when its time is up */
    atomic_bool lost;
    atomic_bool settled; /* finished, failed or released by its owner: no more renewing */
    /* used by the owner's thread */
    int64_t progress_mono_ms;
    bool progressed;
};

/* Rows of jobs that died in a transaction, for the hook after its commit. */
struct dead_list {
    struct arena *arena; /* borrowed */
    VEC(struct job_row) rows;
};
void dead_list_finish(struct dead_list *d);

/* The wait before the attempt after `attempt`: doubled each time, capped, the upper half of it random. */
int64_t queue_backoff_ms(const struct queue_settings *s, int attempt);
/* The one place that decides what becomes of a failed attempt: released, retried, or dead (with its video). Inside the
 * caller's transaction; row as it is there. Fills dead. What enum queue_failed says. */
int queue_settle(struct queue *q, struct tx *tx, const struct job_row *row, const struct err *why,
                 int64_t delay_ms, struct dead_list *dead, struct err *e);
/* After the commit: log lines and the hook. */
void queue_tell_dead(struct queue *q, struct dead_list *dead);

enum look { LOOK_LEASES, LOOK_PROCESSES }; /* also ask whether workers of this machine are alive */
/* Whether a running job is to be taken from its worker, and why: true fills *ret_why. */
bool queue_row_is_orphan(struct queue *q, const struct job_row *row, int64_t now_ms, enum look look,
                         struct err *ret_why);
/* Takes all such jobs back. */
int queue_take_back(struct queue *q, struct tx *tx, struct arena *a, enum look look,
                    struct watchdog_report *report, struct dead_list *dead, struct err *e);
/* True at most every QUEUE_LOOK_AROUND_MS. */
bool queue_may_look_around(struct queue *q);

void queue_heartbeat_stop(struct queue *q);

/* What this thread had seen of the queue when it last claimed in vain: queue_wait() ends when there is more. */
void queue_note_seen(struct queue *q);

/* worker_id.c */
char *worker_id_new(void); /* to be freed */
/* True when id names a process of this machine (same boot, same process numbers) that has ended. */
bool worker_id_is_gone(const char *id);

#endif
