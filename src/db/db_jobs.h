/*
 * Rows of processing_jobs: the statements behind queue/. Only queue/ calls what changes rows; its
 * header says what the states mean. Everyone may read.
 */
#ifndef DB_DB_JOBS_H
#define DB_DB_JOBS_H

#include "base/hash.h"
#include "db/db.h"

enum job_state { JOB_PENDING, JOB_RUNNING, JOB_COMPLETED, JOB_FAILED, JOB_STATE_N };
const char *job_state_name(enum job_state s); /* "pending" … */
bool job_state_from_name(struct str name, enum job_state *ret);

#define JOB_PRIORITY_MIN     0
#define JOB_PRIORITY_MAX     9
#define JOB_PRIORITY_DEFAULT 5
#define JOB_NOTE_MAX         200               /* bytes */
#define JOB_PAYLOAD_MAX      ((size_t)1 << 20) /* bytes */

struct job_row {
    const char *id;
    const char *queue;      /* "video_processing" … */
    const char *stage;      /* "validate", "media_pass" … */
    const char *video_id;   /* "" for none */
    const char *unique_key; /* no two pending or running jobs share it */
    const char *payload_json;
    int priority; /* 0..9, higher first */
    enum job_state state;
    bool dead;        /* failed for good: a dead letter (a cancelled one is failed but not dead) */
    bool fails_video; /* its death sets the video to failed */
    int attempt;      /* of the current or last run, from 1; 0 before the first */
    int max_attempts;
    int abandoned;          /* attempts whose worker went away; attempt does not count them */
    int64_t run_at_ms;      /* pending: not before */
    int64_t lease_until_ms; /* running: held until */
    int64_t fence;          /* rises with every claim of this job */
    int64_t time_limit_ms;
    const char *worker_id;
    int progress; /* percent */
    const char *note;
    int64_t created_at_ms, started_at_ms, heartbeat_at_ms, finished_at_ms;
    struct { /* of the last failed attempt; code ERR_OK when there was none */
        enum err_code code;
        const char *category, *text, *plain, *next;
    } error;
};

struct job_filter {
    const char *queue, *stage, *video_id; /* NULL: any */
    unsigned states;                      /* bits 1 << enum job_state; 0: all */
    bool dead_only;
    const char *after; /* cursor or NULL */
    int limit;         /* 0: DB_PAGE_DEFAULT; at most DB_PAGE_MAX */
};
struct job_page {
    struct job_row *jobs; /* newest first */
    size_t n;
    const char *next; /* NULL at the end */
};
int db_job_get(struct tx *tx, struct arena *a, const char *id, struct job_row *ret, struct err *e);
int db_job_list(struct tx *tx, struct arena *a, const struct job_filter *f, struct job_page *ret,
                struct err *e);

/* Where a stage of a video stands, over all jobs that it ever had. */
struct job_stage_state {
    bool known;            /* there is any job of it; old ones are purged */
    bool live;             /* a job of it is pending or running */
    int64_t completed_seq; /* of the last one that ended, if that was completed; else 0. The greater
                              one ended later, whatever the clock said. */
};
int db_job_stage(struct tx *tx, const char *video_id, const char *stage,
                 struct job_stage_state *ret, struct err *e);

/* ---- for queue/ alone ---- */

/* Inserts a pending job from the fields that describe the work. 1 added, 0 a live job has its
 * unique_key; ret_id is that one's. */
int db_job_add(struct tx *tx, const struct job_row *j, char ret_id[static UUID_MAX], struct err *e);

/* The pending job of a queue that is to run first among those with run_at <= now. 1 found; 0 none.
 * *io_next_ms is lowered to the time of the first one that must still wait. A handful of index
 * look-ups, however many jobs there are. video_id NULL: of any video. */
struct job_candidate {
    char id[UUID_MAX];
    int priority;
    int64_t run_at_ms;
};
int db_job_next(struct tx *tx, const char *queue, const char *video_id, int64_t now_ms,
                struct job_candidate *ret, int64_t *io_next_ms, struct err *e);
/* Running jobs of all queues or of one (NULL: all); reads nothing but them. */
int db_job_running(struct tx *tx, struct arena *a, const char *queue, struct job_row **ret,
                   size_t *ret_n, struct err *e);
int db_job_running_count(struct tx *tx, const char *queue, int64_t *ret, struct err *e);

/*
 * The steps of a job. Each is one UPDATE that names the state (and fence) it starts from: 1 done, 0
 * the job is no longer there. Claiming raises attempt and fence.
 */
int db_job_claim(struct tx *tx, const char *id, const char *worker_id, int64_t lease_until_ms,
                 struct err *e);
int db_job_renew(struct tx *tx, const char *id, int64_t fence, int64_t lease_until_ms,
                 struct err *e);
/* note NULL keeps it */
int db_job_progress(struct tx *tx, const char *id, int64_t fence, int percent, const char *note,
                    int64_t lease_until_ms, struct err *e);
int db_job_complete(struct tx *tx, const char *id, int64_t fence, const char *note, struct err *e);
/* Back to pending after a failed attempt (why), or unharmed (why NULL: the attempt is not counted). */
int db_job_again(struct tx *tx, const char *id, int64_t fence, int64_t run_at_ms,
                 const struct err *why, struct err *e);
/* Back to pending after its worker went away: that attempt is counted as abandoned instead. */
int db_job_abandoned(struct tx *tx, const char *id, int64_t fence, int64_t run_at_ms,
                     const struct err *why, struct err *e);
/* ABANDONED: dead, because too many workers went away over it. */
enum job_end { JOB_END_CANCELLED, JOB_END_DEAD, JOB_END_ABANDONED };
int db_job_fail(struct tx *tx, const char *id, int64_t fence, enum job_end end,
                const struct err *why, struct err *e);
/* Pending or running -> failed, not dead. */
int db_job_cancel(struct tx *tx, const char *id, const struct err *why, struct err *e);
/* Failed -> pending with attempts from 0, unless a live job has its key. */
int db_job_replay(struct tx *tx, const char *id, struct err *e);
/* Removes completed jobs that ended before that time, the oldest first, at most limit; how many. */
int db_job_purge(struct tx *tx, int64_t finished_before_ms, int limit, struct err *e);

struct job_count {
    const char *queue;
    enum job_state state;
    int64_t n, dead;
    int64_t oldest_run_at_ms; /* least run_at among them */
};
int db_job_counts(struct tx *tx, struct arena *a, struct job_count **ret, size_t *ret_n,
                  struct err *e);

#endif
