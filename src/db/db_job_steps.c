/*
 * The steps of a job: which one comes next, and the updates that move it. Conditions on state are
 * literals, never parameters, so that the partial indexes serve them.
 */
#include <inttypes.h>

#include "db/db_jobs_priv.h"

/* ---- what comes next ---- */

/* The highest priority below `below` that has pending jobs in the queue: 1, 0 none. */
static int next_priority(struct tx *tx, const char *queue, int below, int *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "SELECT priority FROM processing_jobs WHERE state = 'pending' AND queue = $1 AND "
                  "priority < $2"
                  " ORDER BY priority DESC LIMIT 1",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, queue);
    bind_i64(s, 2, below);
    int r = stmt_step(s, e);
    if (r > 0)
        *ret = (int)col_i64(s, 0);
    return r;
}

/* The first job of that priority, runnable or not: 1, 0 none. */
static int first_of_priority(struct tx *tx, const char *queue, int priority,
                             struct job_candidate *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "SELECT job_id, run_at FROM processing_jobs WHERE state = 'pending' AND queue = "
                  "$1 AND priority = $2"
                  " ORDER BY run_at, job_id LIMIT 1",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, queue);
    bind_i64(s, 2, priority);
    int r = stmt_step(s, e);
    if (r > 0) {
        *ret = (struct job_candidate){.priority = priority, .run_at_ms = col_i64(s, 1)};
        col_copy(s, 0, ret->id, sizeof(ret->id));
    }
    return r;
}

static int next_of_video(struct tx *tx, const char *queue, const char *video_id, int64_t now_ms,
                         struct job_candidate *ret, int64_t *io_next_ms, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    bool found = false;
    int r;

    if (stmt_open(tx,
                  "SELECT job_id, priority, run_at FROM processing_jobs WHERE video_id = $1 AND "
                  "queue = $2"
                  " AND state = 'pending' ORDER BY priority DESC, run_at, job_id",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    bind_z(s, 2, queue);
    while ((r = stmt_step(s, e)) > 0) {
        int64_t run_at_ms = col_i64(s, 2);
        if (run_at_ms > now_ms) {
            *io_next_ms = MIN(*io_next_ms, run_at_ms);
        } else if (!found) {
            found = true;
            *ret = (struct job_candidate){.priority = (int)col_i64(s, 1), .run_at_ms = run_at_ms};
            col_copy(s, 0, ret->id, sizeof(ret->id));
        }
    }
    return r < 0 ? -1 : found;
}

int db_job_next(struct tx *tx, const char *queue, const char *video_id, int64_t now_ms,
                struct job_candidate *ret, int64_t *io_next_ms, struct err *e)
{
    int priority = JOB_PRIORITY_MAX + 1, r;

    if (video_id)
        return next_of_video(tx, queue, video_id, now_ms, ret, io_next_ms, e);
    /* Jobs that wait for a later time may stand first in a priority, so each priority has one look. */
    while ((r = next_priority(tx, queue, priority, &priority, e)) > 0) {
        struct job_candidate c;
        r = first_of_priority(tx, queue, priority, &c, e);
        if (r < 0)
            return -1;
        if (r > 0 && c.run_at_ms <= now_ms) {
            *ret = c;
            return 1;
        }
        if (r > 0)
            *io_next_ms = MIN(*io_next_ms, c.run_at_ms);
    }
    return r;
}

int db_job_running_count(struct tx *tx, const char *queue, int64_t *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT count(*) FROM processing_jobs WHERE state = 'running' AND queue = $1",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, queue);
    if (stmt_step(s, e) < 0)
        return -1;
    *ret = col_i64(s, 0);
    return 0;
}

int db_job_running(struct tx *tx, struct arena *a, const char *queue, struct job_row **ret,
                   size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct job_row *rows = NULL;
    size_t n = 0, cap = 0;
    int r;

    if (stmt_open(tx,
                  queue ? "SELECT " JOB_COLUMNS
                          " FROM processing_jobs WHERE state = 'running' AND queue = $1"
                          " ORDER BY lease_until"
                        : "SELECT " JOB_COLUMNS
                          " FROM processing_jobs WHERE state = 'running' ORDER BY lease_until",
                  &s, e) < 0)
        return -1;
    if (queue)
        bind_z(s, 1, queue);
    while ((r = stmt_step(s, e)) > 0) {
        if (n == cap) {
            cap = cap ? cap * 2 : 16;
            struct job_row *more = ARENA_ARRAY(a, struct job_row, cap);
            if (n)
                memcpy(more, rows, n * sizeof(*more));
            rows = more;
        }
        job_read(s, a, &rows[n++]);
    }
    if (r < 0)
        return err_wrap(e, "running jobs");
    *ret = rows;
    *ret_n = n;
    return 0;
}

/* ---- the steps ---- */

/* Writers exclude each other, so this is greater than that of every row; rows that were purged do not matter: what is
 * compared is among the rows that are there. */
#define NEXT_ENDED "(SELECT COALESCE(MAX(ended_seq), 0) + 1 FROM processing_jobs)"

int db_job_claim(struct tx *tx, const char *id, const char *worker_id, int64_t lease_until_ms,
                 struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "UPDATE processing_jobs SET state = 'running', attempt = attempt + 1, fence = "
                  "fence + 1,"
                  " worker_id = $2, lease_until = $3, started_at = $4, heartbeat_at = $4, progress "
                  "= 0, note = ''"
                  " WHERE job_id = $1 AND state = 'pending'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_z(s, 2, worker_id);
    bind_i64(s, 3, lease_until_ms);
    bind_i64(s, 4, db_now_ms(tx));
    return (int)stmt_run(s, e);
}

int db_job_renew(struct tx *tx, const char *id, int64_t fence, int64_t lease_until_ms,
                 struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "UPDATE processing_jobs SET lease_until = $3, heartbeat_at = $4"
                  " WHERE job_id = $1 AND fence = $2 AND state = 'running'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, fence);
    bind_i64(s, 3, lease_until_ms);
    bind_i64(s, 4, db_now_ms(tx));
    return (int)stmt_run(s, e);
}

/* Notes are cut, not refused: they are for people. At a character's border. */
static struct str note_of(const char *note)
{
    struct str s = str_of(note);

    if (s.n > JOB_NOTE_MAX) {
        s.n = JOB_NOTE_MAX;
        while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
            s.n--;
    }
    return s;
}

int db_job_progress(struct tx *tx, const char *id, int64_t fence, int percent, const char *note,
                    int64_t lease_until_ms, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "UPDATE processing_jobs SET progress = $3, note = CASE WHEN $7 = 1 THEN $4 ELSE "
                  "note END,"
                  " lease_until = $5, heartbeat_at = $6 WHERE job_id = $1 AND fence = $2 AND state "
                  "= 'running'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, fence);
    bind_i64(s, 3, CLAMP(percent, 0, 100));
    bind_str(s, 4, note_of(note));
    bind_i64(s, 5, lease_until_ms);
    bind_i64(s, 6, db_now_ms(tx));
    bind_i64(s, 7, note != NULL);
    return (int)stmt_run(s, e);
}

int db_job_complete(struct tx *tx, const char *id, int64_t fence, const char *note, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(
            tx,
            "UPDATE processing_jobs SET state = 'completed', lease_until = NULL, progress = 100,"
            " finished_at = $3, ended_seq = " NEXT_ENDED
            ", note = CASE WHEN $5 = 1 THEN $4 ELSE note END"
            " WHERE job_id = $1 AND fence = $2 AND state = 'running'",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, fence);
    bind_i64(s, 3, db_now_ms(tx));
    bind_str(s, 4, note_of(note));
    bind_i64(s, 5, note != NULL);
    return (int)stmt_run(s, e);
}

/* The error's five columns, from parameter `at` on. */
static void bind_why(struct stmt *s, int at, const struct err *why)
{
    bind_z(s, at, err_class(why->code)->name);
    bind_z(s, at + 1, err_class(why->code)->category);
    bind_z(s, at + 2, why->text);
    bind_z(s, at + 3, err_plain_text(why));
    bind_z(s, at + 4, err_next_text(why));
}

#define SET_WHY(a, b, c, d, e)                                                                     \
    " error_code = $" #a ", error_category = $" #b ", error_text = $" #c ", error_plain = $" #d    \
    ", error_next = $" #e

int db_job_again(struct tx *tx, const char *id, int64_t fence, int64_t run_at_ms,
                 const struct err *why, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(
            tx,
            why ? "UPDATE processing_jobs SET state = 'pending', lease_until = NULL, run_at = $3, "
                  "progress = 0," SET_WHY(
                      4, 5, 6, 7, 8) " WHERE job_id = $1 AND fence = $2 AND state = 'running'"
                : "UPDATE processing_jobs SET state = 'pending', lease_until = NULL, run_at = $3, "
                  "progress = 0,"
                  " attempt = attempt - 1 WHERE job_id = $1 AND fence = $2 AND state = 'running'",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, fence);
    bind_i64(s, 3, run_at_ms);
    if (why)
        bind_why(s, 4, why);
    return (int)stmt_run(s, e);
}

int db_job_abandoned(struct tx *tx, const char *id, int64_t fence, int64_t run_at_ms,
                     const struct err *why, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "UPDATE processing_jobs SET state = 'pending', lease_until = NULL, run_at = $3, "
                  "progress = 0, attempt = attempt - 1, abandoned = abandoned + 1," SET_WHY(
                      4, 5, 6, 7, 8) " WHERE job_id = $1 AND fence = $2 AND state = 'running'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, fence);
    bind_i64(s, 3, run_at_ms);
    bind_why(s, 4, why);
    return (int)stmt_run(s, e);
}

int db_job_fail(struct tx *tx, const char *id, int64_t fence, enum job_end end,
                const struct err *why, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "UPDATE processing_jobs SET state = 'failed', dead = $3, lease_until = NULL, "
                  "attempt = attempt - $10, abandoned = abandoned + $10, ended_seq = " NEXT_ENDED
                  ", finished_at = $4," SET_WHY(
                      5, 6, 7, 8, 9) " WHERE job_id = $1 AND fence = $2 AND state = 'running'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, fence);
    bind_i64(s, 3, end != JOB_END_CANCELLED);
    bind_i64(s, 4, db_now_ms(tx));
    bind_why(s, 5, why);
    bind_i64(s, 10, end == JOB_END_ABANDONED);
    return (int)stmt_run(s, e);
}

int db_job_cancel(struct tx *tx, const char *id, const struct err *why, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "UPDATE processing_jobs SET state = 'failed', dead = 0, lease_until = NULL, "
                  "ended_seq = " NEXT_ENDED ", finished_at = $2," SET_WHY(
                      3, 4, 5, 6, 7) " WHERE job_id = $1 AND state IN ('pending', 'running')",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, db_now_ms(tx));
    bind_why(s, 3, why);
    return (int)stmt_run(s, e);
}

int db_job_replay(struct tx *tx, const char *id, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(
            tx,
            "UPDATE processing_jobs SET state = 'pending', dead = 0, attempt = 0, abandoned = 0, "
            "run_at = $2, progress = 0,"
            " note = '', finished_at = NULL, ended_seq = 0, error_code = '', error_category = '', "
            "error_text = '',"
            " error_plain = '', error_next = '' WHERE job_id = $1 AND state = 'failed'"
            " AND NOT EXISTS (SELECT 1 FROM processing_jobs AS live"
            " WHERE live.unique_key = processing_jobs.unique_key AND live.unique_key <> ''"
            " AND live.state IN ('pending', 'running'))",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, db_now_ms(tx));
    return (int)stmt_run(s, e);
}

int db_job_purge(struct tx *tx, int64_t finished_before_ms, int limit, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "DELETE FROM processing_jobs WHERE job_id IN (SELECT job_id FROM processing_jobs"
                  " WHERE state = 'completed' AND finished_at < $1 ORDER BY finished_at LIMIT $2)",
                  &s, e) < 0)
        return -1;
    bind_i64(s, 1, finished_before_ms);
    bind_i64(s, 2, limit);
    return (int)stmt_run(s, e);
}
