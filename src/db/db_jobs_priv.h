/* Shared by the files of db/ that read job rows. */
#ifndef DB_DB_JOBS_PRIV_H
#define DB_DB_JOBS_PRIV_H

#include "db/db_jobs.h"
#include "db/db_priv.h"

/* In the order of job_read(). */
#define JOB_COLUMNS                                                                                \
    "job_id, queue, stage, video_id, unique_key, payload, priority, state, dead, fails_video,"     \
    " attempt, max_attempts, run_at, lease_until, fence, time_limit_ms, worker_id, progress,"      \
    " note, created_at, started_at, heartbeat_at, finished_at, error_code, error_category,"        \
    " error_text, error_plain, error_next, abandoned"
void job_read(struct stmt *s, struct arena *a, struct job_row *j);

#endif
