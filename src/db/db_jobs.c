/* Rows of the queue: adding, reading, listing, counting. The steps of a job are in db_job_steps.c. */
#include "db/db_jobs.h"

#include <stdio.h>

#include "db/db_jobs_priv.h"

static const char *const state_names[JOB_STATE_N] = {
    [JOB_PENDING] = "pending",
    [JOB_RUNNING] = "running",
    [JOB_COMPLETED] = "completed",
    [JOB_FAILED] = "failed",
};

const char *job_state_name(enum job_state s)
{
    return s >= 0 && s < JOB_STATE_N ? state_names[s] : "?";
}

bool job_state_from_name(struct str name, enum job_state *ret)
{
    int i = name_find(state_names, JOB_STATE_N, name);

    if (i < 0)
        return false;
    *ret = (enum job_state)i;
    return true;
}

void job_read(struct stmt *s, struct arena *a, struct job_row *j)
{
    int state = name_find(state_names, JOB_STATE_N, col_str(s, 7));
    char code_z[32];

    col_copy(s, 23, code_z, sizeof(code_z));
    *j = (struct job_row){
        .id = col_text(s, a, 0),
        .queue = col_text(s, a, 1),
        .stage = col_text(s, a, 2),
        .video_id = col_text(s, a, 3),
        .unique_key = col_text(s, a, 4),
        .payload_json = col_text(s, a, 5),
        .priority = (int)col_i64(s, 6),
        .state =
            state < 0 ? JOB_FAILED : (enum job_state)state, /* the table's CHECK rules it out */
        .dead = col_i64(s, 8) != 0,
        .fails_video = col_i64(s, 9) != 0,
        .attempt = (int)col_i64(s, 10),
        .abandoned = (int)col_i64(s, 28),
        .max_attempts = (int)col_i64(s, 11),
        .run_at_ms = col_i64(s, 12),
        .lease_until_ms = col_i64(s, 13),
        .fence = col_i64(s, 14),
        .time_limit_ms = col_i64(s, 15),
        .worker_id = col_text(s, a, 16),
        .progress = (int)col_i64(s, 17),
        .note = col_text(s, a, 18),
        .created_at_ms = col_i64(s, 19),
        .started_at_ms = col_i64(s, 20),
        .heartbeat_at_ms = col_i64(s, 21),
        .finished_at_ms = col_i64(s, 22),
        .error =
            {
                .code = *code_z ? err_code_from_name(code_z) : ERR_OK,
                .category = col_text(s, a, 24),
                .text = col_text(s, a, 25),
                .plain = col_text(s, a, 26),
                .next = col_text(s, a, 27),
            },
    };
}

int db_job_get(struct tx *tx, struct arena *a, const char *id, struct job_row *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT " JOB_COLUMNS " FROM processing_jobs WHERE job_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    int r = stmt_step(s, e);
    if (r < 0)
        return -1;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no job '%.60s'", id);
    job_read(s, a, ret);
    return 0;
}

int db_job_stage(struct tx *tx, const char *video_id, const char *stage,
                 struct job_stage_state *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(
            tx,
            "SELECT COALESCE(MAX(CASE WHEN state IN ('pending', 'running') THEN 1 ELSE 0 END), 0),"
            " COALESCE(MAX(CASE WHEN state = 'completed' THEN ended_seq ELSE 0 END), 0),"
            " COALESCE(MAX(CASE WHEN state = 'failed' THEN ended_seq ELSE 0 END), 0)"
            ", COUNT(*) FROM processing_jobs WHERE video_id = $1 AND stage = $2",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    bind_z(s, 2, stage);
    if (stmt_step(s, e) < 0)
        return err_wrap(e, "jobs of stage %s", stage);
    int64_t completed = col_i64(s, 1), failed = col_i64(s, 2);
    *ret = (struct job_stage_state){.known = col_i64(s, 3) > 0,
                                    .live = col_i64(s, 0) != 0,
                                    .completed_seq = completed > failed ? completed : 0};
    return 0;
}

/* ---- adding ---- */

static int find_live(struct tx *tx, const char *unique_key, char ret_id[static UUID_MAX],
                     struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "SELECT job_id FROM processing_jobs WHERE unique_key = $1 AND unique_key <> ''"
                  " AND state IN ('pending', 'running')",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, unique_key);
    int r = stmt_step(s, e);
    if (r > 0)
        col_copy(s, 0, ret_id, UUID_MAX);
    return r;
}

int db_job_add(struct tx *tx, const struct job_row *j, char ret_id[static UUID_MAX], struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    char id[UUID_MAX];

    if (stmt_open(tx,
                  "INSERT INTO processing_jobs (job_id, queue, stage, video_id, unique_key, "
                  "payload, priority, state,"
                  " fails_video, max_attempts, run_at, time_limit_ms, created_at)"
                  " VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10, $11, $12) ON "
                  "CONFLICT DO NOTHING",
                  &s, e) < 0)
        return -1;
    uuid_new(id);
    bind_z(s, 1, id);
    bind_z(s, 2, j->queue);
    bind_z(s, 3, j->stage);
    bind_ref(s, 4, j->video_id);
    bind_z(s, 5, j->unique_key);
    bind_z(s, 6, j->payload_json);
    bind_i64(s, 7, j->priority);
    bind_i64(s, 8, j->fails_video);
    bind_i64(s, 9, j->max_attempts);
    bind_i64(s, 10, j->run_at_ms);
    bind_i64(s, 11, j->time_limit_ms);
    bind_i64(s, 12, db_now_ms(tx));
    int64_t n = stmt_run(s, e);
    if (n < 0)
        return err_wrap(e, "add job '%s'", j->stage);
    if (n > 0) {
        memcpy(ret_id, id, UUID_MAX);
        return 1;
    }
    int r = find_live(tx, j->unique_key, ret_id, e);
    if (r == 0) {
        err_set(e, ERR_INTERNAL, "add job '%s': refused, but no job has key '%s'", j->stage,
                j->unique_key);
        return tx_spoil(tx, e);
    }
    return r < 0 ? -1 : 0;
}

/* ---- lists ---- */

int db_job_list(struct tx *tx, struct arena *a, const struct job_filter *f, struct job_page *ret,
                struct err *e)
{
    const struct {
        const char *column, *value;
    } texts[] = {{"queue", f->queue}, {"stage", f->stage}, {"video_id", f->video_id}};
    CLEANUP(stmt_close) struct stmt *s = NULL;
    CLEANUP_BUF struct buf sql = {0};
    int limit = page_limit(f->limit), n_params = 0, n = 0, r;
    char after_id[UUID_MAX];
    int64_t after_ms = 0;

    if (f->after && cursor_read(f->after, &after_ms, after_id, e) < 0)
        return -1;
    buf_addz(&sql, "SELECT " JOB_COLUMNS " FROM processing_jobs WHERE 1 = 1");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].value)
            buf_addf(&sql, " AND %s = $%d", texts[i].column, ++n_params);
    }
    if (f->states & ((1u << JOB_STATE_N) - 1)) {
        const char *sep = "";
        buf_addz(&sql, " AND state IN (");
        for (int i = 0; i < JOB_STATE_N; i++) {
            if (f->states & (1u << i)) {
                buf_addf(&sql, "%s'%s'", sep, state_names[i]);
                sep = ", ";
            }
        }
        buf_addz(&sql, ")");
    }
    if (f->dead_only)
        buf_addz(&sql, " AND dead = 1");
    if (f->after) {
        buf_addf(&sql, " AND created_at <= $%d AND (created_at < $%d OR job_id < $%d)",
                 n_params + 1, n_params + 1, n_params + 2);
        n_params += 2;
    }
    buf_addf(&sql, " ORDER BY created_at DESC, job_id DESC LIMIT $%d", ++n_params);
    if (stmt_open(tx, buf_z(&sql), &s, e) < 0)
        return err_wrap(e, "list jobs");
    n_params = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].value)
            bind_z(s, ++n_params, texts[i].value);
    }
    if (f->after) {
        bind_i64(s, ++n_params, after_ms);
        bind_z(s, ++n_params, after_id);
    }
    bind_i64(s, ++n_params, limit + 1);

    struct job_row *rows = ARENA_ARRAY(a, struct job_row, (size_t)limit + 1);
    while ((r = stmt_step(s, e)) > 0)
        job_read(s, a, &rows[n++]);
    if (r < 0)
        return err_wrap(e, "list jobs");
    *ret = (struct job_page){.jobs = rows, .n = (size_t)MIN(n, limit)};
    if (n > limit)
        ret->next = cursor_make(a, rows[limit - 1].created_at_ms, rows[limit - 1].id);
    return 0;
}

#define COUNTS_MAX 256 /* queues x states, with room for queues of other versions */

int db_job_counts(struct tx *tx, struct arena *a, struct job_count **ret, size_t *ret_n,
                  struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct job_count *rows = ARENA_ARRAY(a, struct job_count, COUNTS_MAX);
    size_t n = 0;
    int r;

    if (stmt_open(tx,
                  "SELECT queue, state, count(*), sum(dead), min(run_at) FROM processing_jobs "
                  "GROUP BY queue, state"
                  " LIMIT $1",
                  &s, e) < 0)
        return -1;
    bind_i64(s, 1, COUNTS_MAX);
    while ((r = stmt_step(s, e)) > 0) {
        struct job_count *c = &rows[n];
        if (!job_state_from_name(col_str(s, 1), &c->state))
            continue;
        c->queue = col_text(s, a, 0);
        c->n = col_i64(s, 2);
        c->dead = col_i64(s, 3);
        c->oldest_run_at_ms = col_i64(s, 4);
        n++;
    }
    if (r < 0)
        return err_wrap(e, "count jobs");
    *ret = rows;
    *ret_n = n;
    return 0;
}
