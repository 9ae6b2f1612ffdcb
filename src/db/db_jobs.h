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

#endif
