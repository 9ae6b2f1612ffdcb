/*
 * SQLite as the backend: one file in WAL mode, so that readers never wait for the writer, with synchronous=FULL, so that
 * what was committed survives a power cut (test/bench/queue_bench measures what that costs). Nothing outside this file
 * knows that it is SQLite.
 *
 * Several processes use the same file. A writer takes the lock at BEGIN IMMEDIATE and never in the middle, so a
 * transaction that began can not fail for being second; the wait for it is bounded and jittered.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/hash.h"
#include "db/db_priv.h"

#define APPLICATION_ID   1920299880 /* "rush", set by the first migration */
#define SQL_LENGTH_MAX   (1 << 20)
#define COLUMNS_MAX      128
#define PARAMETERS_MAX   64
#define WAL_KEEP_BYTES   (64 << 20) /* a WAL that a long reader made larger is cut back to this */
#define CACHE_KIB        8192
#define WAIT_STEP_MAX_US 4000
/* At open, files up to this size are read and checked whole (about 6 ms a MiB, so 25 ms at most:
 * commands that answer at once open the database too). Damage in larger ones is told when it is met,
 * and by db_check(). */
#define OPEN_CHECK_BYTES_MAX ((int64_t)4 << 20)

struct sqlite_conn {
    sqlite3 *h;
    int64_t
        wait_until_us; /* of the waiting that goes on now; real time even when tests freeze the clock */
    char *path;
};

struct sqlite_st {
    sqlite3_stmt *h;
    struct sqlite_conn *conn;
    int64_t changed;
    int params[PARAMETERS_MAX + 1]; /* "$n" -> SQLite's index, which counts first appearances */
};

static int64_t real_mono_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static const char *sqlite_version(void)
{
    return sqlite3_libversion();
}

/* ---- errors ---- */

static int fail_damaged(struct err *e, const char *text)
{
    err_set(e, ERR_STORAGE, "%s", text);
    return err_plain(e, "The database file is damaged.",
                     "Restore it from a backup, or move it away and run 'rushes rebuild', which "
                     "makes it again from "
                     "the stored objects.");
}

static int say_read_only(struct err *e)
{
    return err_plain(e, "The database can not be written.",
                     "Check who owns the data folder and whether its disk is mounted read-only.");
}

/* What SQLite answered, as ours. */
static int fail_as(struct sqlite_conn *c, int rc, const char *what, struct err *e)
{
    const char *text = c->h ? sqlite3_errmsg(c->h) : sqlite3_errstr(rc);
    int sys = c->h ? sqlite3_system_errno(c->h) : 0;

    switch (rc & 0xff) {
    case SQLITE_FULL:
        err_set(e, ERR_STORAGE, "%s: %s", what, text);
        return err_plain(e, "The disk that holds the database is full.",
                         "Make room on the disk, then retry.");
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_CORRUPTFS)
            return fail_damaged(e, text);
        err_set(e, ERR_STORAGE, "%s: %s (%d)%s%s", what, text, rc, sys ? ": " : "",
                sys ? strerror(sys) : "");
        if (sys == ENOSPC || sys == EDQUOT)
            err_plain(e, "The disk that holds the database is full.",
                      "Make room on the disk, then retry.");
        return -1;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        err_set(e, ERR_STORAGE, "%s: %s", what, text);
        return fail_damaged(e, text), err_wrap(e, "%s", what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        err_set(e, ERR_UNAVAILABLE, "%s: %s", what, text);
        return err_plain(e, "Other programs kept the database busy for too long.",
                         "Try again in a moment.");
    case SQLITE_CONSTRAINT:
        if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
            rc == SQLITE_CONSTRAINT_FOREIGNKEY || rc == SQLITE_CONSTRAINT_ROWID)
            return err_set(e, ERR_CONFLICT, "%s: %s", what, text);
        return err_set(e, ERR_INTERNAL, "%s: %s", what, text);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        err_set(e, ERR_DENIED, "%s: %s", what, text);
        return say_read_only(e);
    case SQLITE_CANTOPEN:
        if (sys)
            return err_errno(e, sys, "%s: %s", what, text);
        return err_set(e, ERR_STORAGE, "%s: %s", what, text);
    case SQLITE_TOOBIG:
        return err_set(e, ERR_LIMIT, "%s: %s", what, text);
    case SQLITE_NOMEM:
        return err_set(e, ERR_UNAVAILABLE, "%s: %s", what, text);
    case SQLITE_INTERRUPT:
        return err_set(e, ERR_CANCELLED, "%s: %s", what, text);
    default:
        return err_set(e, ERR_INTERNAL, "%s: %s (%d)", what, text, rc);
    }
}

/* ---- connections ---- */

/* SQLite asks here when another process holds a lock: wait a little, at random, until the deadline. */
static int wait_for_lock(void *arg, int n_tries)
{
    struct sqlite_conn *c = arg;
    int64_t step_us =
        100 + (int64_t)(random_u64() % (uint64_t)MIN(200 * (n_tries + 1), WAIT_STEP_MAX_US));

    if (real_mono_us() + step_us > c->wait_until_us)
        return 0;
    struct timespec ts = {.tv_sec = 0, .tv_nsec = step_us * 1000};
    ppoll(NULL, 0, &ts, NULL); /* the lock of another process has no descriptor to wait on */
    return 1;
}

static void start_waiting(struct sqlite_conn *c)
{
    c->wait_until_us = real_mono_us() + (int64_t)DB_WAIT_MS * 1000;
}

static int run(struct sqlite_conn *c, const char *sql, struct err *e)
{
    start_waiting(c);
    int rc = sqlite3_exec(c->h, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail_as(c, rc, "database", e);
}

static int first_column(void *arg, int n, char **values, char **names)
{
    (void)names;
    if (n > 0 && values[0])
        buf_addz(arg, values[0]);
    return 0;
}

/* The first column of the answer, as text; rows are joined. */
static int ask(struct sqlite_conn *c, const char *sql, struct buf *out, struct err *e)
{
    buf_reset(out);
    start_waiting(c);
    int rc = sqlite3_exec(c->h, sql, first_column, out, NULL);
    return rc == SQLITE_OK ? 0 : fail_as(c, rc, "database", e);
}

static int ask_i64(struct sqlite_conn *c, const char *sql, int64_t *ret, struct err *e)
{
    CLEANUP_BUF struct buf text = {0};

    if (ask(c, sql, &text, e) < 0)
        return -1;
    if (!str_to_i64(buf_str(&text), ret))
        return err_set(e, ERR_INTERNAL, "%s: answered '%s'", sql, buf_z(&text));
    return 0;
}

static void sqlite_disconnect(void *conn)
{
    struct sqlite_conn *c = conn;

    if (!c)
        return;
    if (c->h) {
        int rc = sqlite3_close(c->h);
        assert(rc == SQLITE_OK); /* a statement was left open */
        (void)rc;
    }
    free(c->path);
    free(c);
}

CLEANUP_DEFINE(sqlite_disconnect, void *);

/* The file, made for its owner only, without ever holding a descriptor of it: closing one would drop the locks that
 * another connection of this process has. */
static int make_file(const char *path, struct err *e)
{
    if (mknod(path, S_IFREG | 0600, 0) < 0) {
        if (errno == EEXIST)
            return 0;
        return err_errno(e, errno, "create database '%s'", path);
    }
    return fs_sync_dir_of(path, e);
}

/* WAL mode is a property of the file; switching can meet another process that does the same, and SQLite then answers
 * busy without asking wait_for_lock(). */
static int switch_to_wal(struct sqlite_conn *c, struct err *e)
{
    CLEANUP_BUF struct buf mode = {0};
    int64_t until_us = real_mono_us() + (int64_t)DB_WAIT_MS * 1000;

    for (int n = 0;; n++) {
        err_clear(e);
        int r = ask(c, "PRAGMA journal_mode = WAL", &mode, e);
        if (r == 0 && strcmp(buf_z(&mode), "wal") == 0)
            return 0;
        if (r == 0)
            break;
        c->wait_until_us = until_us;
        if (e->code != ERR_UNAVAILABLE || !wait_for_lock(c, n))
            return -1;
    }
    err_set(e, ERR_UNAVAILABLE, "journal mode is '%s' instead of wal", buf_z(&mode));
    return err_plain(e, "The database can not be kept on this file system.",
                     "Put the data folder on a local disk; network file systems lack the shared "
                     "memory it needs.");
}

static void configure(sqlite3 *h)
{
    sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_limit(h, SQLITE_LIMIT_LENGTH, (int)DB_TEXT_MAX + 4096);
    sqlite3_limit(h, SQLITE_LIMIT_SQL_LENGTH, SQL_LENGTH_MAX);
    sqlite3_limit(h, SQLITE_LIMIT_COLUMN, COLUMNS_MAX);
    sqlite3_limit(h, SQLITE_LIMIT_VARIABLE_NUMBER, PARAMETERS_MAX);
    sqlite3_limit(h, SQLITE_LIMIT_ATTACHED, 0);
}

static int set_up(struct sqlite_conn *c, enum db_mode mode, struct err *e)
{
    CLEANUP_BUF struct buf sql = {0};

    configure(c->h);
    sqlite3_busy_handler(c->h, wait_for_lock, c);
    if (mode == DB_WRITE && switch_to_wal(c, e) < 0)
        return -1;
    buf_addf(&sql,
             "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
             "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -%d;"
             "PRAGMA journal_size_limit = %d; PRAGMA query_only = %s;",
             CACHE_KIB, WAL_KEEP_BYTES, mode == DB_READ ? "ON" : "OFF");
    return run(c, buf_z(&sql), e);
}

static int sqlite_connect(const char *place, enum db_mode mode, void **ret_conn, struct err *e)
{
    /* SQLite gives names that begin like this a meaning of their own */
    bool special = place[0] == ':' || strncasecmp(place, "file:", 5) == 0;
    CLEANUP(sqlite_disconnect) void *owned = XNEW(struct sqlite_conn);
    struct sqlite_conn *c = owned;

    c->path = special ? xasprintf("./%s", place) : xstrdup(place);
    if (mode == DB_WRITE && make_file(c->path, e) < 0)
        return -1;
    int rc = sqlite3_open_v2(
        c->path, &c->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return fail_as(c, rc, "open database", e), err_wrap(e, "'%s'", place);
    if (sqlite3_db_readonly(c->h, "main") == 1) { /* it falls back to that by itself */
        err_set(e, ERR_STORAGE, "open database '%s': only reading is allowed", place);
        return say_read_only(e);
    }
    if (set_up(c, mode, e) < 0)
        return err_wrap(e, "open database '%s'", place);
    *ret_conn = STEAL(owned);
    return 0;
}

/* ---- transactions ---- */

static int sqlite_begin(void *conn, enum db_mode mode, struct err *e)
{
    return run(conn, mode == DB_WRITE ? "BEGIN IMMEDIATE" : "BEGIN DEFERRED", e);
}

static int sqlite_commit(void *conn, struct err *e)
{
    return run(conn, "COMMIT", e);
}

static void sqlite_rollback(void *conn)
{
    struct sqlite_conn *c = conn;

    /* disk full and I/O errors end a transaction by themselves */
    if (!sqlite3_get_autocommit(c->h))
        sqlite3_exec(c->h, "ROLLBACK", NULL, NULL, NULL);
    assert(sqlite3_get_autocommit(c->h));
}

static int sqlite_exec(void *conn, const char *script, struct err *e)
{
    return run(conn, script, e);
}

static int sqlite_table_exists(void *conn, const char *table, struct err *e)
{
    CLEANUP_BUF struct buf sql = {0};
    int64_t n;

    buf_addf(&sql, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '%s'",
             table);
    if (ask_i64(conn, buf_z(&sql), &n, e) < 0)
        return -1;
    return n > 0;
}

static int sqlite_is_empty(void *conn, struct err *e)
{
    int64_t n, id;

    if (ask_i64(conn, "SELECT count(*) FROM sqlite_master", &n, e) < 0 ||
        ask_i64(conn, "PRAGMA application_id", &id, e) < 0)
        return -1;
    return n == 0 && (id == 0 || id == APPLICATION_ID);
}

static int sqlite_check(void *conn, bool whole, struct err *e)
{
    CLEANUP_BUF struct buf text = {.max = 4096};
    int64_t pages, page_bytes;

    if (ask_i64(conn, "PRAGMA page_count", &pages, e) < 0 ||
        ask_i64(conn, "PRAGMA page_size", &page_bytes, e) < 0)
        return -1;
    if (!whole && pages * page_bytes > OPEN_CHECK_BYTES_MAX)
        return 0;
    if (ask(conn, whole ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", &text, e) < 0)
        return -1;
    if (strcmp(buf_z(&text), "ok") != 0)
        return fail_damaged(e, buf_z(&text));
    if (!whole)
        return 0;
    if (ask(conn, "PRAGMA foreign_key_check", &text, e) < 0)
        return -1;
    if (text.n > 0) {
        fail_damaged(e, buf_z(&text));
        return err_wrap(e, "rows refer to missing ones in table");
    }
    return 0;
}

static int sqlite_changes(void *conn, uint64_t *ret, struct err *e)
{
    int64_t n;

    if (ask_i64(conn, "PRAGMA data_version", &n, e) < 0)
        return -1;
    *ret = (uint64_t)n;
    return 0;
}

/* ---- statements ---- */

static void sqlite_finalize(void *st)
{
    struct sqlite_st *s = st;

    if (!s)
        return;
    sqlite3_finalize(s->h);
    free(s);
}

CLEANUP_DEFINE(sqlite_finalize, void *);

static int sqlite_prepare(void *conn, struct str sql, void **ret_st, struct err *e)
{
    struct sqlite_conn *c = conn;
    CLEANUP(sqlite_finalize) void *owned = XNEW(struct sqlite_st);
    struct sqlite_st *s = owned;

    s->conn = c;
    start_waiting(c);
    int rc = sqlite3_prepare_v3(c->h, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT, &s->h, NULL);
    if (rc != SQLITE_OK)
        return fail_as(c, rc, "prepare", e);
    for (int i = 1; i <= sqlite3_bind_parameter_count(s->h); i++) {
        const char *name = sqlite3_bind_parameter_name(s->h, i);
        int64_t n = 0;
        if (!name || name[0] != '$' || !str_to_i64(str_of(name + 1), &n) || n < 1 ||
            n > PARAMETERS_MAX)
            return err_set(e, ERR_INTERNAL, "parameter '%s' is not $1..$%d", name ? name : "?",
                           PARAMETERS_MAX);
        s->params[n] = i;
    }
    *ret_st = STEAL(owned);
    return 0;
}

static void sqlite_reset(void *st)
{
    struct sqlite_st *s = st;

    sqlite3_reset(s->h);
    sqlite3_clear_bindings(s->h);
}

static int param_index(const struct sqlite_st *s, int n)
{
    return n >= 1 && n <= PARAMETERS_MAX ? s->params[n] : 0;
}

static int sqlite_bind_i64(void *st, int n, int64_t v)
{
    struct sqlite_st *s = st;
    return sqlite3_bind_int64(s->h, param_index(s, n), v) == SQLITE_OK ? 0 : -1;
}

static int sqlite_bind_double_(void *st, int n, double v)
{
    struct sqlite_st *s = st;
    return sqlite3_bind_double(s->h, param_index(s, n), v) == SQLITE_OK ? 0 : -1;
}

static int sqlite_bind_text_(void *st, int n, const char *p, size_t size)
{
    struct sqlite_st *s = st;
    int rc = p ? sqlite3_bind_text64(s->h, param_index(s, n), p, size, SQLITE_STATIC, SQLITE_UTF8)
               : sqlite3_bind_null(s->h, param_index(s, n));
    return rc == SQLITE_OK ? 0 : -1;
}

static int sqlite_step(void *st, struct err *e)
{
    struct sqlite_st *s = st;

    start_waiting(s->conn);
    int rc = sqlite3_step(s->h);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE) {
        s->changed = sqlite3_stmt_readonly(s->h) ? 0 : sqlite3_changes64(s->conn->h);
        return 0;
    }
    return fail_as(s->conn, rc, "statement", e);
}

static int64_t sqlite_changed_rows(void *st)
{
    return ((struct sqlite_st *)st)->changed;
}

static bool sqlite_col_null(void *st, int col)
{
    return sqlite3_column_type(((struct sqlite_st *)st)->h, col) == SQLITE_NULL;
}

static int64_t sqlite_col_i64(void *st, int col)
{
    return sqlite3_column_int64(((struct sqlite_st *)st)->h, col);
}

static double sqlite_col_double(void *st, int col)
{
    return sqlite3_column_double(((struct sqlite_st *)st)->h, col);
}

static struct str sqlite_col_text(void *st, int col)
{
    struct sqlite_st *s = st;
    const char *p = (const char *)sqlite3_column_text(s->h, col);
    return (struct str){p ? p : "", p ? (size_t)sqlite3_column_bytes(s->h, col) : 0};
}

const struct db_backend db_sqlite = {
    .name = "sqlite",
    .version = sqlite_version,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .exec = sqlite_exec,
    .table_exists = sqlite_table_exists,
    .is_empty = sqlite_is_empty,
    .check = sqlite_check,
    .changes = sqlite_changes,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .reset = sqlite_reset,
    .bind_i64 = sqlite_bind_i64,
    .bind_double = sqlite_bind_double_,
    .bind_text = sqlite_bind_text_,
    .step = sqlite_step,
    .changed_rows = sqlite_changed_rows,
    .col_null = sqlite_col_null,
    .col_i64 = sqlite_col_i64,
    .col_double = sqlite_col_double,
    .col_text = sqlite_col_text,
};
