/* Rows of what lies in the object store. */
#include "db/db_objects.h"

#include "db/db_priv.h"

#define COLUMNS                                                                                    \
    "object_key, source_sha256, kind, stage, stage_version, params_hash, mime_type, size_bytes, "  \
    "sha256, meta,"                                                                                \
    " created_at"

static void read_row(struct stmt *s, struct arena *a, struct object *o)
{
    *o = (struct object){
        .key = col_text(s, a, 0),
        .source_sha256 = col_text(s, a, 1),
        .kind = col_text(s, a, 2),
        .stage = col_text(s, a, 3),
        .stage_version = (int)col_i64(s, 4),
        .params_hash = col_text(s, a, 5),
        .mime_type = col_text(s, a, 6),
        .size_bytes = col_i64(s, 7),
        .sha256 = col_text(s, a, 8),
        .meta_json = col_text(s, a, 9),
        .created_at_ms = col_i64(s, 10),
    };
}

static int check(struct tx *tx, const struct object *o, struct err *e)
{
    const char *wrong = !o->key || !*o->key                        ? "no key"
                        : !o->kind || !*o->kind                    ? "no kind"
                        : !sha256_is_hex(str_of(o->source_sha256)) ? "no source hash"
                        : !sha256_is_hex(str_of(o->sha256))        ? "no hash"
                        : o->size_bytes < 0                        ? "no size"
                                                                   : NULL;
    if (!wrong)
        return 0;
    err_set(e, ERR_INTERNAL, "object '%s': %s", o->key ? o->key : "", wrong);
    return tx_spoil(tx, e);
}

/* 0 none, 1 other bytes, 2 the same bytes */
static int compare(struct tx *tx, const struct object *o, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT sha256, size_bytes FROM objects WHERE object_key = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, o->key);
    int r = stmt_step(s, e);
    if (r <= 0)
        return r;
    return str_eqz(col_str(s, 0), o->sha256) && col_i64(s, 1) == o->size_bytes ? 2 : 1;
}

int db_object_put(struct tx *tx, const struct object *o, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    int there = check(tx, o, e) < 0 ? -1 : compare(tx, o, e);

    if (there < 0)
        return -1;
    if (stmt_open(
            tx,
            "INSERT INTO objects (" COLUMNS
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
            " ON CONFLICT (object_key) DO UPDATE SET source_sha256 = excluded.source_sha256,"
            " kind = excluded.kind, stage = excluded.stage, stage_version = excluded.stage_version,"
            " params_hash = excluded.params_hash, mime_type = excluded.mime_type,"
            " size_bytes = excluded.size_bytes, sha256 = excluded.sha256, meta = excluded.meta",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, o->key);
    bind_z(s, 2, o->source_sha256);
    bind_z(s, 3, o->kind);
    bind_z(s, 4, o->stage);
    bind_i64(s, 5, o->stage_version);
    bind_z(s, 6, o->params_hash);
    bind_z(s, 7, o->mime_type);
    bind_i64(s, 8, o->size_bytes);
    bind_z(s, 9, o->sha256);
    bind_z(s, 10, o->meta_json);
    bind_i64(s, 11, o->created_at_ms ? o->created_at_ms : db_now_ms(tx));
    if (stmt_run(s, e) < 0)
        return err_wrap(e, "put object row");
    return there == 0 ? 1 : there == 1 ? 2 : 0;
}

int db_object_get(struct tx *tx, struct arena *a, const char *key, struct object *ret,
                  struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT " COLUMNS " FROM objects WHERE object_key = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, key);
    int r = stmt_step(s, e);
    if (r > 0)
        read_row(s, a, ret);
    return r;
}

int db_object_find(struct tx *tx, struct arena *a, const char *source_sha256, const char *kind,
                   const char *stage, struct object *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "SELECT " COLUMNS
                  " FROM objects WHERE source_sha256 = $1 AND kind = $2 AND ($3 = '' OR stage = $3)"
                  " ORDER BY stage_version DESC, created_at DESC, object_key DESC LIMIT 1",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, source_sha256);
    bind_z(s, 2, kind);
    bind_z(s, 3, stage);
    int r = stmt_step(s, e);
    if (r > 0)
        read_row(s, a, ret);
    return r;
}

struct rows {
    struct arena *a;
    struct object *p;
    size_t n, cap;
};

/* Grows inside the arena; what it leaves behind is at most as much again. */
static int collect(struct stmt *s, struct rows *rows, struct err *e)
{
    int r;

    while ((r = stmt_step(s, e)) > 0) {
        if (rows->n == rows->cap) {
            size_t cap = rows->cap ? rows->cap * 2 : 64;
            struct object *p = ARENA_ARRAY(rows->a, struct object, cap);
            if (rows->n)
                memcpy(p, rows->p, rows->n * sizeof(*p));
            rows->p = p;
            rows->cap = cap;
        }
        read_row(s, rows->a, &rows->p[rows->n++]);
    }
    return r;
}

int db_object_of_source(struct tx *tx, struct arena *a, const char *source_sha256,
                        struct object **ret, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct rows rows = {.a = a};

    if (stmt_open(tx,
                  "SELECT " COLUMNS
                  " FROM objects WHERE source_sha256 = $1 ORDER BY kind, object_key LIMIT $2",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, source_sha256);
    bind_i64(s, 2, DB_OBJECTS_MAX + 1);
    if (collect(s, &rows, e) < 0)
        return -1;
    if (rows.n > DB_OBJECTS_MAX)
        return err_set(e, ERR_LIMIT, "source %s has more than %d objects", source_sha256,
                       DB_OBJECTS_MAX);
    *ret = rows.p;
    *ret_n = rows.n;
    return 0;
}

int db_object_size_known(struct tx *tx, int64_t size_bytes, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT 1 FROM objects WHERE size_bytes = $1 AND kind = 'original' LIMIT 1",
                  &s, e) < 0)
        return -1;
    bind_i64(s, 1, size_bytes);
    return stmt_step(s, e);
}

int db_object_walk(struct tx *tx, struct arena *a, const char *after_key, int limit,
                   struct object **ret, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct rows rows = {.a = a};

    if (stmt_open(tx,
                  "SELECT " COLUMNS
                  " FROM objects WHERE object_key > $1 ORDER BY object_key LIMIT $2",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, after_key);
    bind_i64(s, 2, page_limit(limit));
    if (collect(s, &rows, e) < 0)
        return -1;
    *ret = rows.p;
    *ret_n = rows.n;
    return 0;
}

static int64_t delete_where(struct tx *tx, const char *sql, const char *value, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, sql, &s, e) < 0)
        return -1;
    bind_z(s, 1, value);
    return stmt_run(s, e);
}

int db_object_del(struct tx *tx, const char *key, struct err *e)
{
    return (int)delete_where(tx, "DELETE FROM objects WHERE object_key = $1", key, e);
}

int db_object_del_source(struct tx *tx, const char *source_sha256, struct err *e)
{
    return (int)delete_where(tx, "DELETE FROM objects WHERE source_sha256 = $1", source_sha256, e);
}

int db_object_stats(struct tx *tx, struct object_stats *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "SELECT count(*), coalesce(sum(size_bytes), 0),"
                  " coalesce(sum(CASE WHEN kind = 'original' THEN size_bytes ELSE 0 END), 0) FROM "
                  "objects",
                  &s, e) < 0)
        return -1;
    int r = stmt_step(s, e);
    if (r < 0)
        return -1;
    *ret = (struct object_stats){
        .n = col_i64(s, 0), .size_bytes = col_i64(s, 1), .original_bytes = col_i64(s, 2)};
    return 0;
}
