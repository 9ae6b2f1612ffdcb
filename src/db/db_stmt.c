/*
 * Statements: taken from the connection's cache, bound, stepped, given back. What is wrong with a parameter is kept and
 * told by the step, so that binding needs no checks at every line.
 */
#include <assert.h>
#include <inttypes.h>

#include "base/hash.h"
#include "base/map.h"
#include "db/db_conn.h"

static void stmt_free(struct stmt *s)
{
    s->conn->be->finalize(s->st);
    free(s->sql);
    free(s);
}

void conn_free_stmts(struct conn *c)
{
    VEC_FOREACH (&c->stmts, s) {
        assert(!(*s)->tx);
        stmt_free(*s);
    }
    VEC_FINISH(&c->stmts);
    map_free(c->by_sql);
    c->by_sql = NULL;
}

static void make_room(struct conn *c)
{
    struct stmt **oldest = NULL;

    if (c->stmts.n < STMT_CACHE_MAX)
        return;
    VEC_FOREACH (&c->stmts, s) {
        if (!(*s)->tx && (!oldest || (*s)->used_at < (*oldest)->used_at))
            oldest = s;
    }
    if (!oldest)
        return;
    map_del(c->by_sql, str_of((*oldest)->sql));
    stmt_free(*oldest);
    *oldest = c->stmts.p[--c->stmts.n];
}

static int check_usable(struct tx *tx, struct err *e)
{
    assert(pthread_equal(tx->thread, pthread_self()));
    assert(tx->conn); /* ended by db_commit() */
    if (!tx->spoiled)
        return 0;
    *e = tx->cause;
    return err_wrap(e, "transaction failed before");
}

int tx_spoil(struct tx *tx, const struct err *e)
{
    if (!tx->spoiled) {
        tx->spoiled = true;
        tx->cause = *e;
    }
    return -1;
}

int stmt_open(struct tx *tx, const char *sql, struct stmt **ret, struct err *e)
{
    if (check_usable(tx, e) < 0)
        return -1;

    struct conn *c = tx->conn;
    if (!c->by_sql)
        c->by_sql = map_new();
    struct stmt *s = map_get(c->by_sql, str_of(sql));
    bool cached = !s; /* one that is in use already gets a twin that is not kept */
    if (!s || s->tx) {
        void *st;
        if (c->be->prepare(c->handle, str_of(sql), &st, e) < 0) {
            err_wrap(e, "%.60s", sql);
            return tx_spoil(tx, e);
        }
        s = XNEW(struct stmt);
        *s = (struct stmt){.conn = c, .st = st, .sql = xstrdup(sql), .cached = cached};
        if (cached) {
            make_room(c);
            map_set(c->by_sql, str_of(s->sql), s);
            VEC_PUSH(&c->stmts, s);
        }
    }
    s->tx = tx;
    s->used_at = ++c->n_opened;
    s->bind_err = ERR_OK;
    tx->n_stmts++;
    *ret = s;
    return 0;
}

void stmt_close(struct stmt *s)
{
    if (!s)
        return;
    s->tx->n_stmts--;
    s->tx = NULL;
    if (!s->cached) {
        stmt_free(s);
        return;
    }
    s->conn->be->reset(s->st);
}

void stmt_rewind(struct stmt *s)
{
    s->conn->be->reset(s->st);
    s->bind_err = ERR_OK;
}

/* ---- parameters ---- */

static void bind_failed(struct stmt *s, int n, enum err_code code, const char *why)
{
    if (s->bind_err != ERR_OK)
        return;
    s->bind_err = code;
    s->bind_err_n = n;
    s->bind_err_why = why;
}

static void bound(struct stmt *s, int n, int r)
{
    if (r < 0)
        bind_failed(s, n, ERR_INTERNAL, "can not be bound");
}

void bind_i64(struct stmt *s, int n, int64_t v)
{
    bound(s, n, s->conn->be->bind_i64(s->st, n, v));
}

void bind_double(struct stmt *s, int n, double v)
{
    bound(s, n, s->conn->be->bind_double(s->st, n, v));
}

void bind_str(struct stmt *s, int n, struct str v)
{
    if (!v.p)
        v = STR("");
    if (v.n > DB_TEXT_MAX)
        bind_failed(s, n, ERR_LIMIT, "is longer than DB_TEXT_MAX");
    else if (memchr(v.p, '\0', v.n))
        bind_failed(s, n, ERR_INPUT, "contains a NUL byte");
    else if (!utf8_valid(v))
        bind_failed(s, n, ERR_INPUT, "is not UTF-8");
    else
        bound(s, n, s->conn->be->bind_text(s->st, n, v.p, v.n));
}

void bind_z(struct stmt *s, int n, const char *z)
{
    bind_str(s, n, str_of(z));
}

void bind_ref(struct stmt *s, int n, const char *z)
{
    if (z && *z)
        bind_z(s, n, z);
    else
        bind_null(s, n);
}

void bind_ms(struct stmt *s, int n, int64_t ms)
{
    if (ms)
        bind_i64(s, n, ms);
    else
        bind_null(s, n);
}

void bind_null(struct stmt *s, int n)
{
    bound(s, n, s->conn->be->bind_text(s->st, n, NULL, 0));
}

/* ---- running ---- */

int stmt_step(struct stmt *s, struct err *e)
{
    if (check_usable(s->tx, e) < 0)
        return -1;
    if (s->bind_err != ERR_OK) {
        err_set(e, s->bind_err, "parameter $%d %s", s->bind_err_n, s->bind_err_why);
        err_wrap(e, "%.60s", s->sql);
        return tx_spoil(s->tx, e);
    }
    int r = s->conn->be->step(s->st, e);
    if (r < 0) {
        err_wrap(e, "%.60s", s->sql);
        return tx_spoil(s->tx, e);
    }
    return r;
}

int64_t stmt_run(struct stmt *s, struct err *e)
{
    int r;

    do {
        r = stmt_step(s, e);
    } while (r > 0);
    return r < 0 ? -1 : s->conn->be->changed_rows(s->st);
}

int64_t col_i64(struct stmt *s, int col)
{
    return s->conn->be->col_i64(s->st, col);
}

double col_double(struct stmt *s, int col)
{
    return s->conn->be->col_double(s->st, col);
}

bool col_null(struct stmt *s, int col)
{
    return s->conn->be->col_null(s->st, col);
}

struct str col_str(struct stmt *s, int col)
{
    return s->conn->be->col_text(s->st, col);
}

const char *col_text(struct stmt *s, struct arena *a, int col)
{
    struct str v = col_str(s, col);
    return v.n ? arena_strndup(a, v.p, v.n) : "";
}

void col_copy(struct stmt *s, int col, char *out, size_t out_size)
{
    struct str v = col_str(s, col);
    size_t n = MIN(v.n, out_size - 1);

    memcpy(out, v.p, n);
    out[n] = '\0';
}

/* ---- small things that list calls share ---- */

char *cursor_make(struct arena *a, int64_t ms, const char *id)
{
    return arena_printf(a, "%" PRId64 ".%s", ms, id);
}

int cursor_read(const char *cursor, int64_t *ret_ms, char ret_id[static UUID_MAX], struct err *e)
{
    struct str rest = str_of(cursor), ms;

    if (!str_cut(&rest, '.', &ms) || !str_to_i64(ms, ret_ms) || !uuid_is(rest))
        return err_set(e, ERR_USAGE, "'%.60s' is not a page cursor", cursor);
    memcpy(ret_id, rest.p, rest.n);
    ret_id[rest.n] = '\0';
    return 0;
}

int page_limit(int limit)
{
    return limit <= 0 ? DB_PAGE_DEFAULT : MIN(limit, DB_PAGE_MAX);
}

int name_find(const char *const *names, int n, struct str name)
{
    for (int i = 0; i < n; i++) {
        if (str_eqz(name, names[i]))
            return i;
    }
    return -1;
}
