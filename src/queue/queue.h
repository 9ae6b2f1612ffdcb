/*
 * The queue: jobs with leases, fencing tokens, retries and dead letters. One table is the queue;
 * any number of processes work on it. At any moment every job is completed, failed with a reason,
 * leased by a living worker, or scheduled.
 *
 *     pending --claim--> running --finish--> completed
 *        ^                  |
 *        +--retry, release--+--fail for good--> failed (dead letter) --queue_retry--> pending
 *
 * A claim is a lease that the heartbeat thread renews while this process lives. When it does not,
 * the lease runs out (at once, if the worker was a process of this machine that is gone) and the
 * job is run again. Each claim raises the job's fence; finishing, failing and progress carry the
 * fence, so a worker that lost its lease changes nothing. Stages publish and finish in one
 * transaction: what they made and the completion become visible together.
 *
 *     for each job:
 *         queue_claim(q, QUEUE_ALL, NULL, &job, &next_ms, e)
 *         CLAIM_EMPTY: queue_wait(q, next_ms, deadline)
 *         CLAIM_GOT:   run the stage, polling job_status(); then, in one transaction, write the
 *                      results, queue_finish(tx, job, NULL, e), queue_add() the next stage, commit;
 *                      or queue_fail(q, job, &why, e)
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/hash.h"
#include "base/mem.h"
#include "db/db_jobs.h"
#include "db/db_uploads.h"

struct conf;
struct queue;
struct job;

enum queue_name {
    QUEUE_VIDEO_PROCESSING,
    QUEUE_CV_ANALYSIS,
    QUEUE_EXPORT,
    QUEUE_IMPORT,
    QUEUE_MAINTENANCE,
    QUEUE_N
};
#define QUEUE_ALL ((1u << QUEUE_N) - 1)
const char *queue_name(enum queue_name q); /* "video_processing" */
bool queue_from_name(struct str name, enum queue_name *ret);

struct queue_settings {
    int concurrency; /* jobs of this queue running at once, over all processes; 0: as many as there
                        are workers */
    int64_t time_limit_ms; /* longest run of one attempt */
    int max_attempts;
    int64_t backoff_ms; /* before the second attempt; doubles up to QUEUE_BACKOFF_MAX_MS, half of it
                           jitter */
};
#define QUEUE_BACKOFF_MAX_MS ((int64_t)3600 * 1000)

/*
 * A handle on the queue in db (borrowed, outlives it). conf (borrowed during the call) gives lease,
 * tries, back-off and time limits. Every handle is a worker with an id of its own. Any thread may
 * use it.
 */
int queue_new(struct db *db, const struct conf *conf, struct queue **ret, struct err *e);
void queue_free(struct queue *q); /* stops the heartbeat; claimed jobs must have been freed */
CLEANUP_DEFINE(queue_free, struct queue *);
/* "host/boot.pidns/pid.start/n": borrowed */
const char *queue_worker_id(const struct queue *q);
struct queue_settings queue_settings(const struct queue *q, enum queue_name name);
void queue_set_settings(struct queue *q, enum queue_name name, const struct queue_settings *s);

/* Called after the commit, on the thread that saw it; may use the database. */
struct queue_hooks {
    void *arg;
    void (*dead)(void *arg, const struct job_row *job);        /* alerting */
    void (*upload_failed)(void *arg, const struct upload *up); /* its scratch file may be removed */
};
void queue_set_hooks(struct queue *q, const struct queue_hooks *hooks);

/* Attempts whose worker went away (killed, restarted, its machine lost) say little about the job and
 * have a limit of their own; a job over which that many workers went is dead. */
#define QUEUE_ABANDONED_MAX 10

struct job_spec {
    enum queue_name queue;
    const char *stage;        /* required */
    const char *video_id;     /* NULL or "": none */
    const char *unique_key;   /* NULL: "VIDEO/STAGE", or none when there is no video */
    const char *payload_json; /* NULL: "{}"; at most JOB_PAYLOAD_MAX */
    int priority;             /* JOB_PRIORITY_MIN..MAX; use JOB_PRIORITY_DEFAULT */
    int64_t delay_ms;         /* not before so long from now */
    int max_attempts;         /* 0: the queue's */
    int64_t time_limit_ms;    /* 0: the queue's */
    bool keeps_video; /* its death does not set the video to failed (optional stages, exports) */
};
enum queue_added { QUEUE_EXISTS = 0, QUEUE_ADDED = 1 };
/* Part of the caller's transaction. QUEUE_EXISTS: a pending or running job has the key; ret_id is
 * its id. ret_id may be NULL. Waiters wake when tx is committed. */
int queue_add(struct queue *q, struct tx *tx, const struct job_spec *spec, char *ret_id,
              struct err *e);

enum claim { CLAIM_EMPTY = 0, CLAIM_GOT = 1 };
/*
 * Leases the runnable job with the highest priority, oldest first among equals, from the queues
 * whose bit 1 << name is set, within the queues' concurrency. Leases that ran out are taken back on
 * the way. only_video not NULL: only jobs of that video. *ret_job is the caller's, to be freed with
 * job_free(), at the latest before queue_free(); its lease is renewed until it is freed.
 *
 * CLAIM_EMPTY: *ret_next_ms (may be NULL) is the wall time at which something may become runnable,
 * INT64_MAX if nothing is scheduled.
 */
int queue_claim(struct queue *q, unsigned queues, const char *only_video, struct job **ret_job,
                int64_t *ret_next_ms, struct err *e);
/* Stops renewing; does not touch the row (finish, fail or release it first, or it waits for its
 * lease to run out). */
void job_free(struct job *j);
CLEANUP_DEFINE(job_free, struct job *);
const struct job_row *job_row(const struct job *j); /* as it was when claimed; borrowed from j */

enum job_status {
    JOB_HELD,
    JOB_LOST,    /* someone else has it, or it was cancelled: stop, publish nothing */
    JOB_OVERTIME /* its time limit has passed: stop, then queue_fail with ERR_TIMEOUT */
};
/* Cheap (an atomic read): long work polls it. */
enum job_status job_status(const struct job *j);

enum queue_held { QUEUE_LOST = 0, QUEUE_HELD = 1 };
/* Renews one lease now. */
int queue_renew(struct queue *q, struct job *j, struct err *e);
/* Renews it inside the caller's transaction: what that changes counts only if the lease was held.
 * ERR_CONFLICT: it was lost; roll back. */
int queue_renew_in(struct tx *tx, struct job *j, struct err *e);
/* Percent (0..100) and a short note (NULL keeps it), for people; renews the lease too. Calls closer
 * together than QUEUE_PROGRESS_EVERY_MS that do not change the note are answered without writing.
 * Also moves the video's progress when video_percent >= 0. */
#define QUEUE_PROGRESS_EVERY_MS 500
int queue_progress(struct queue *q, struct job *j, int percent, const char *note, int video_percent,
                   struct err *e);
/* Completes the job inside the caller's publishing transaction; note (NULL keeps the last one) is
 * for people. ERR_CONFLICT: the lease was lost; roll back. */
int queue_finish(struct tx *tx, struct job *j, const char *note, struct err *e);

enum queue_failed {
    QUEUE_FAIL_LOST = 0,
    QUEUE_FAIL_RETRY = 1,
    QUEUE_FAIL_DEAD = 2,
    QUEUE_FAIL_RELEASED = 3
};
/*
 * The attempt failed. RETRY: scheduled again after the back-off. DEAD: not retryable (err_class) or
 * no attempts left; in the same transaction the video is set to failed, unless the job keeps_video.
 * RELEASED: why is ERR_CANCELLED: pending again at once and the attempt does not count. LOST: no
 * longer ours, nothing changed.
 */
int queue_fail(struct queue *q, struct job *j, const struct err *why, struct err *e);
/* Graceful stop: gives the job back unharmed; the attempt does not count. */
int queue_release(struct queue *q, struct job *j, struct err *e);

/*
 * Waits until a job may be there to claim: something was added or changed, here or in another
 * process (found within QUEUE_POLL_MS), or the wall time next_ms has come. Spurious wake-ups
 * happen. WAIT_TIMEOUT: deadline_mono_ms passed
 * (-1: none); WAIT_STOPPED: queue_stop() was called.
 */
#define QUEUE_POLL_MS 250
enum queue_wait { WAIT_TIMEOUT = 0, WAIT_CHANGED = 1, WAIT_STOPPED = 2 };
enum queue_wait queue_wait(struct queue *q, int64_t next_ms, int64_t deadline_mono_ms);
void queue_stop(struct queue *q); /* wakes all waiters, for good. Not from a signal handler. */

/* Starts the thread that renews every claimed job of q each third of the lease, and notices lost
 * and overdue ones. It ends with queue_free(). */
int queue_heartbeat_start(struct queue *q, struct err *e);
/* One such round, on this thread (tests; programs without the thread). */
int queue_heartbeat(struct queue *q, struct err *e);

struct watchdog_report {
    int leases_expired; /* given back or dead */
    int overtime;       /* ran past the time limit */
    int dead;           /* of those two, how many became dead letters */
    int uploads_failed; /* idle longer than watchdog.upload */
    int videos_failed;  /* neither finished nor with a job, for too long */
    int purged;         /* rows of jobs and uploads that ended longer ago than queue.keep */
};
/* Finds what is stuck and moves it on. Cheap when nothing is; call it every minute or so, from any
 * process. */
int queue_watchdog(struct queue *q, struct watchdog_report *ret, struct err *e);

/* Replays a failed job: pending, attempts from 0; its video is revived. QUEUE_ADDED. ERR_CONFLICT:
 * not failed, or a live job has its key; ERR_NOT_FOUND. */
int queue_retry(struct queue *q, const char *job_id, struct err *e);
/* Fails a pending or running job as cancelled, no retry. 1 done, 0 it had ended already. */
int queue_cancel(struct queue *q, const char *job_id, struct err *e);
int queue_list(struct queue *q, struct arena *a, const struct job_filter *f, struct job_page *ret,
               struct err *e);
int queue_show(struct queue *q, struct arena *a, const char *job_id, struct job_row *ret,
               struct err *e);
/* Removes completed jobs that ended before that time; dead letters stay. How many. */
int queue_purge(struct queue *q, int64_t finished_before_ms, struct err *e);

struct queue_stats {
    int64_t depth[QUEUE_N][JOB_STATE_N];
    int64_t dead[QUEUE_N];
    int64_t oldest_pending_ms[QUEUE_N]; /* run_at of the one that waits longest, 0 none */
};
int queue_stats(struct queue *q, struct queue_stats *ret, struct err *e);

#endif
