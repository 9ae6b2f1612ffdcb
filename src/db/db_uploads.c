/* Uploads on their way in. */
#include "db/db_uploads.h"

#include "db/db_priv.h"
#include "db/db_videos.h"

static const char *const state_names[UPLOAD_STATE_N] = {
    [UPLOAD_RECEIVING] = "receiving", [UPLOAD_RECEIVED] = "received", [UPLOAD_DONE] = "done",
    [UPLOAD_FAILED] = "failed",       [UPLOAD_ABORTED] = "aborted",
};

#define FROM(s) (1u << UPLOAD_##s)
static const unsigned may_come_from[UPLOAD_STATE_N] = {
    [UPLOAD_RECEIVING] = 0,
    [UPLOAD_RECEIVED] = FROM(RECEIVING),
    [UPLOAD_DONE] = FROM(RECEIVED),
    [UPLOAD_FAILED] = FROM(RECEIVING) | FROM(RECEIVED),
    [UPLOAD_ABORTED] = FROM(RECEIVING) | FROM(RECEIVED),
};

const char *upload_state_name(enum upload_state s)
{
    return s >= 0 && s < UPLOAD_STATE_N ? state_names[s] : "?";
}

bool upload_state_from_name(struct str name, enum upload_state *ret)
{
    int i = name_find(state_names, UPLOAD_STATE_N, name);

    if (i < 0)
        return false;
    *ret = (enum upload_state)i;
    return true;
}

bool upload_state_may(enum upload_state from, enum upload_state to)
{
    return to >= 0 && to < UPLOAD_STATE_N && (may_come_from[to] & (1u << from));
}

static void states_in(struct buf *sql, unsigned states)
{
    const char *sep = "";

    buf_addz(sql, "state IN (");
    for (int i = 0; i < UPLOAD_STATE_N; i++) {
        if (states & (1u << i)) {
            buf_addf(sql, "%s'%s'", sep, state_names[i]);
            sep = ", ";
        }
    }
    buf_addz(sql, ")");
}

#define COLUMNS                                                                                    \
    "upload_id, user_id, video_id, state, scratch_path, source_path, filename, mime_type, "        \
    "declared_bytes,"                                                                              \
    " received_bytes, checksum_sha256, error_text, error_plain, meta, created_at, updated_at"

static void read_row(struct stmt *s, struct arena *a, struct upload *u)
{
    int state = name_find(state_names, UPLOAD_STATE_N, col_str(s, 3));

    *u = (struct upload){
        .id = col_text(s, a, 0),
        .user_id = col_text(s, a, 1),
        .video_id = col_text(s, a, 2),
        .state = state < 0 ? UPLOAD_FAILED
                           : (enum upload_state)state, /* the table's CHECK rules it out */
        .scratch_path = col_text(s, a, 4),
        .source_path = col_text(s, a, 5),
        .filename = col_text(s, a, 6),
        .mime_type = col_text(s, a, 7),
        .declared_bytes = col_i64(s, 8),
        .received_bytes = col_i64(s, 9),
        .checksum_sha256 = col_text(s, a, 10),
        .error_text = col_text(s, a, 11),
        .error_plain = col_text(s, a, 12),
        .meta_json = col_text(s, a, 13),
        .created_at_ms = col_i64(s, 14),
        .updated_at_ms = col_i64(s, 15),
    };
}

int db_upload_add(struct tx *tx, const struct upload *u, char ret_id[static UUID_MAX],
                  struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    int64_t now_ms = db_now_ms(tx);
    char id[UUID_MAX];

    if (u->id && *u->id) {
        if (!uuid_is(str_of(u->id))) {
            err_set(e, ERR_INTERNAL, "'%.60s' is not a UUID", u->id);
            return tx_spoil(tx, e);
        }
        memcpy(id, u->id, UUID_MAX);
    } else {
        uuid_new(id);
    }
    if (stmt_open(tx,
                  "INSERT INTO uploads (" COLUMNS
                  ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
                  " $14, $15, $16)",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_z(s, 2, u->user_id && *u->user_id ? u->user_id : DB_LOCAL_USER);
    bind_ref(s, 3, u->video_id);
    bind_z(s, 4, upload_state_name(u->state));
    bind_z(s, 5, u->scratch_path);
    bind_z(s, 6, u->source_path);
    bind_z(s, 7, u->filename);
    bind_z(s, 8, u->mime_type);
    bind_i64(s, 9, u->declared_bytes);
    bind_i64(s, 10, u->received_bytes);
    bind_z(s, 11, u->checksum_sha256);
    bind_z(s, 12, u->error_text);
    bind_z(s, 13, u->error_plain);
    bind_z(s, 14, u->meta_json);
    bind_i64(s, 15, u->created_at_ms ? u->created_at_ms : now_ms);
    bind_i64(s, 16, u->updated_at_ms ? u->updated_at_ms : now_ms);
    if (stmt_run(s, e) < 0)
        return err_wrap(e, "add upload");
    memcpy(ret_id, id, UUID_MAX);
    return 0;
}

int db_upload_get(struct tx *tx, struct arena *a, const char *id, struct upload *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT " COLUMNS " FROM uploads WHERE upload_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    int r = stmt_step(s, e);
    if (r < 0)
        return -1;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no upload '%.60s'", id);
    read_row(s, a, ret);
    return 0;
}

static int fail_unchanged(struct tx *tx, const char *id, const char *what, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT state FROM uploads WHERE upload_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    int r = stmt_step(s, e);
    if (r < 0)
        return -1;
    if (r == 0)
        err_set(e, ERR_NOT_FOUND, "no upload '%.60s'", id);
    else
        err_set(e, ERR_CONFLICT, "upload %s is %.*s: it can not become %s", id,
                STR_ARG(col_str(s, 0)), what);
    return tx_spoil(tx, e);
}

int db_upload_progress(struct tx *tx, const char *id, int64_t received_bytes, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "UPDATE uploads SET received_bytes = $2, updated_at = $3 WHERE upload_id = $1"
                  " AND state = 'receiving'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, received_bytes);
    bind_i64(s, 3, db_now_ms(tx));
    int64_t n = stmt_run(s, e);
    if (n < 0)
        return -1;
    return n > 0 ? 0 : fail_unchanged(tx, id, "longer", e);
}

int db_upload_set_state(struct tx *tx, const char *id, enum upload_state to,
                        const char *checksum_sha256, const char *video_id, const struct err *why,
                        struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    CLEANUP_BUF struct buf sql = {0};

    if (to < 0 || to >= UPLOAD_STATE_N || !may_come_from[to]) {
        err_set(e, ERR_INTERNAL, "no step leads to '%s'", upload_state_name(to));
        return tx_spoil(tx, e);
    }
    buf_addf(&sql,
             "UPDATE uploads SET state = '%s', updated_at = $2,"
             " checksum_sha256 = CASE WHEN $3 = '' THEN checksum_sha256 ELSE $3 END,"
             " video_id = coalesce($4, video_id), error_text = $5, error_plain = $6 WHERE "
             "upload_id = $1 AND ",
             state_names[to]);
    states_in(&sql, may_come_from[to]);
    if (stmt_open(tx, buf_z(&sql), &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, db_now_ms(tx));
    bind_z(s, 3, checksum_sha256);
    bind_ref(s, 4, video_id);
    bind_z(s, 5, why ? why->text : "");
    bind_z(s, 6, why ? err_plain_text(why) : "");
    int64_t n = stmt_run(s, e);
    if (n < 0)
        return -1;
    return n > 0 ? 0 : fail_unchanged(tx, id, state_names[to], e);
}

int db_upload_list(struct tx *tx, struct arena *a, unsigned states, int64_t updated_before_ms,
                   int limit, struct upload **ret, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    CLEANUP_BUF struct buf sql = {0};
    unsigned all = (1u << UPLOAD_STATE_N) - 1;
    size_t n = 0;
    int r;

    limit = page_limit(limit);
    buf_addz(&sql, "SELECT " COLUMNS " FROM uploads WHERE ");
    states_in(&sql, states & all ? states & all : all);
    buf_addz(&sql, " AND updated_at < $1 ORDER BY updated_at, upload_id LIMIT $2");
    if (stmt_open(tx, buf_z(&sql), &s, e) < 0)
        return -1;
    bind_i64(s, 1, updated_before_ms ? updated_before_ms : INT64_MAX);
    bind_i64(s, 2, limit);
    struct upload *rows = ARENA_ARRAY(a, struct upload, (size_t)limit);
    while ((r = stmt_step(s, e)) > 0)
        read_row(s, a, &rows[n++]);
    if (r < 0)
        return err_wrap(e, "list uploads");
    *ret = rows;
    *ret_n = n;
    return 0;
}

int db_upload_purge(struct tx *tx, int64_t updated_before_ms, int limit, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "DELETE FROM uploads WHERE upload_id IN (SELECT upload_id FROM uploads"
                  " WHERE state IN ('done', 'failed', 'aborted') AND updated_at < $1 LIMIT $2)",
                  &s, e) < 0)
        return -1;
    bind_i64(s, 1, updated_before_ms);
    bind_i64(s, 2, limit);
    return (int)stmt_run(s, e);
}
