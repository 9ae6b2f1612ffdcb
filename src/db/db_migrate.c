/*
 * Brings a database to this program's schema. Each migration runs in a transaction that also records it, so a crash
 * leaves a database at one version or the next, never between. Two programs that start at once take turns at the write
 * lock; the second one finds the work done. Nothing is written when nothing is to be done.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "db/db_priv.h"

#define CREATE_VERSIONS                                                                            \
    "CREATE TABLE IF NOT EXISTS schema_migrations ("                                               \
    "version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,"              \
    "applied_at BIGINT NOT NULL, program TEXT NOT NULL)"

struct applied {
    int version;     /* 0: none */
    bool other_text; /* a recorded migration is not word for word ours */
};

/* What the database records. -1 when it is not ours or newer than us. */
static int read_applied(const struct db_backend *be, void *conn, const struct migration *m,
                        size_t n, struct applied *ret, struct err *e)
{
    struct applied a = {0};
    void *st;
    int r = be->table_exists(conn, "schema_migrations", e);

    if (r < 0)
        return -1;
    if (r == 0) {
        r = be->is_empty(conn, e);
        if (r < 0)
            return -1;
        if (r == 0) {
            err_set(e, ERR_CONFLICT, "there are tables but no schema_migrations");
            return err_plain(e, "This database belongs to another program.",
                             "Choose another data folder.");
        }
        *ret = a;
        return 0;
    }
    if (be->prepare(conn, STR("SELECT version, sha256 FROM schema_migrations ORDER BY version"),
                    &st, e) < 0)
        return -1;
    while ((r = be->step(st, e)) > 0) {
        int64_t v = be->col_i64(st, 0);
        a.version = (int)v;
        if (v >= 1 && (size_t)v <= n && !str_eqz(be->col_text(st, 1), m[v - 1].sha256))
            a.other_text = true;
    }
    be->finalize(st);
    if (r < 0)
        return -1;
    if ((size_t)a.version > n) {
        err_set(e, ERR_CONFLICT, "schema version %d, this program knows %zu", a.version, n);
        err_plainf(e,
                   "The data was written by a newer version of rushes (schema %d, this program "
                   "knows %zu).",
                   a.version, n);
        return err_plain(e, e->plain, "Use that newer version, or another data folder.");
    }
    *ret = a;
    return 0;
}

static int record(const struct db_backend *be, void *conn, const struct migration *m, struct err *e)
{
    void *st;

    if (be->prepare(conn,
                    STR("INSERT INTO schema_migrations (version, name, sha256, applied_at, program)"
                        " VALUES ($1, $2, $3, $4, $5)"),
                    &st, e) < 0)
        return -1;
    be->bind_i64(st, 1, m->version);
    be->bind_text(st, 2, m->name, strlen(m->name));
    be->bind_text(st, 3, m->sha256, strlen(m->sha256));
    be->bind_i64(st, 4, clock_now_ms());
    be->bind_text(st, 5, RUSHES_VERSION, strlen(RUSHES_VERSION));
    int r = be->step(st, e);
    be->finalize(st);
    return r;
}

/* The next migration, if there is one; inside a write transaction. 1 applied, 0 nothing to do. */
static int apply_next(const struct db_backend *be, void *conn, const struct migration *m, size_t n,
                      struct err *e)
{
    struct applied a;

    if (read_applied(be, conn, m, n, &a, e) < 0)
        return -1;
    if ((size_t)a.version == n)
        return 0;
    const struct migration *next = &m[a.version];
    if (be->exec(conn, CREATE_VERSIONS, e) < 0 || be->exec(conn, next->sql, e) < 0 ||
        record(be, conn, next, e) < 0)
        return err_wrap(e, "migration %d (%s)", next->version, next->name);
    if (fault_point("db.migrate") < 0)
        return err_errno(e, errno, "migration %d (%s)", next->version, next->name);
    return 1;
}

int db_migrate(const struct db_backend *be, void *conn, const struct migration *m, size_t n,
               struct err *e)
{
    struct applied a;

    /* One state for all that is asked: between "no versions table" and "is it empty" another program's first migration
     * could land, and its tables would look like a stranger's. */
    if (be->begin(conn, DB_READ, e) < 0)
        return -1;
    int r = read_applied(be, conn, m, n, &a, e);
    be->rollback(conn);
    if (r < 0)
        return -1;
    if (a.other_text)
        log_warn(NULL,
                 "schema_differs version=%d: a migration recorded in the database has another text "
                 "than ours, "
                 "continuing",
                 a.version);
    if ((size_t)a.version == n)
        return 0;
    for (int more = 1; more > 0;) {
        if (be->begin(conn, DB_WRITE, e) < 0)
            return -1;
        more = apply_next(be, conn, m, n, e);
        if (more < 0 || be->commit(conn, e) < 0) {
            be->rollback(conn);
            return -1;
        }
        (void)fault_point("db.migrated");
    }
    return 0;
}
