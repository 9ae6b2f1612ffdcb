/*
 * Connections and transactions over a backend: one connection that writes, guarded here so that threads of this process
 * queue up in memory and only processes meet at the file's lock; a few that read; and one that watches for changes.
 *
 * Locks: db->lock guards who has which connection; db->listen_lock the listeners; db->watch_lock the watching
 * connection. None is held while another is taken, nor during a statement (except the watch's own).
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/map.h"
#include "db/db_conn.h"

/* Readers at once; more wait. Each costs a descriptor or three and its page cache. */
#define READERS_MAX 8

struct listener {
    struct listener *next;
    const char *channel;
    void (*fn)(void *arg);
    void *arg;
    int n_running;
    bool gone;
};

struct db {
    const struct db_backend *be;
    char *place;
    int schema_version;

    pthread_mutex_t lock;
    pthread_cond_t writer_free, reader_free;
    /* protected by lock */
    bool writing;
    pthread_t writer_thread;
    struct conn *idle[READERS_MAX];
    int n_idle;
    int n_readers; /* open or being opened */
    /* used by whoever set `writing` */
    struct conn *writer;

    pthread_mutex_t watch_lock;
    struct conn *watch; /* protected by watch_lock */

    pthread_mutex_t listen_lock;
    pthread_cond_t listener_done;
    struct listener *listeners; /* protected by listen_lock, as is what is in them */
};

/* ---- opening ---- */

static void conn_free(struct conn *c)
{
    if (!c)
        return;
    conn_free_stmts(c);
    c->be->disconnect(c->handle);
    free(c);
}

static int conn_new(struct db *db, enum db_mode mode, struct conn **ret, struct err *e)
{
    void *handle;

    if (db->be->connect(db->place, mode, &handle, e) < 0)
        return -1;
    struct conn *c = XNEW(struct conn);
    c->be = db->be;
    c->handle = handle;
    *ret = c;
    return 0;
}

/* Real time, not the test clock: these waits are for other threads. */
static void cond_init_monotonic(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

static int pick_backend(const char *location, const struct db_backend **ret_be,
                        const char **ret_place, struct err *e)
{
    struct str s = str_of(location);

    if (str_starts(s, STR("postgres://")) || str_starts(s, STR("postgresql://"))) {
        err_set(e, ERR_UNAVAILABLE, "no PostgreSQL backend in this build");
        return err_plain(e, "This build of rushes can not use PostgreSQL.",
                         "Name a file instead (sqlite:PATH, or just the path).");
    }
    if (str_starts(s, STR("sqlite:")))
        location += strlen("sqlite:");
    else if (strstr(location, "://"))
        return err_set(e, ERR_USAGE, "'%s': unknown kind of database", location);
    if (!*location)
        return err_set(e, ERR_USAGE, "the database has no location");
    *ret_be = &db_sqlite;
    *ret_place = location;
    return 0;
}

int db_open_with(const char *location, const struct migration *migrations, size_t n,
                 struct db **ret_db, struct err *e)
{
    const struct db_backend *be = NULL;
    const char *place = NULL;

    if (pick_backend(location, &be, &place, e) < 0)
        return err_wrap(e, "open database");
    CLEANUP(db_close) struct db *db = XNEW(struct db);
    db->be = be;
    db->place = xstrdup(place);
    db->schema_version = (int)n;
    pthread_mutex_init(&db->lock, NULL);
    pthread_mutex_init(&db->watch_lock, NULL);
    pthread_mutex_init(&db->listen_lock, NULL);
    cond_init_monotonic(&db->writer_free);
    cond_init_monotonic(&db->reader_free);
    pthread_cond_init(&db->listener_done, NULL);

    if (conn_new(db, DB_WRITE, &db->writer, e) < 0)
        return -1;
    if (be->check(db->writer->handle, /* whole */ false, e) < 0 ||
        db_migrate(be, db->writer->handle, migrations, n, e) < 0)
        return err_wrap(e, "open database '%s'", place);
    *ret_db = STEAL(db);
    return 0;
}

int db_open(const char *location, struct db **ret_db, struct err *e)
{
    return db_open_with(location, db_migrations_sqlite, db_migrations_sqlite_n, ret_db, e);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    assert(!db->writing && db->n_idle == db->n_readers); /* a transaction is open */
    assert(!db->listeners);
    while (db->n_idle > 0)
        conn_free(db->idle[--db->n_idle]);
    conn_free(db->watch);
    conn_free(db->writer); /* last: it leaves one tidy file */
    pthread_cond_destroy(&db->listener_done);
    pthread_cond_destroy(&db->reader_free);
    pthread_cond_destroy(&db->writer_free);
    pthread_mutex_destroy(&db->listen_lock);
    pthread_mutex_destroy(&db->watch_lock);
    pthread_mutex_destroy(&db->lock);
    free(db->place);
    free(db);
}

void db_info(const struct db *db, struct db_info *ret)
{
    *ret = (struct db_info){
        .backend = db->be->name,
        .backend_version = db->be->version(),
        .schema_version = db->schema_version,
    };
}

/* ---- who has which connection ---- */

static struct timespec wait_deadline(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += DB_WAIT_MS / 1000;
    return ts;
}

static int fail_busy(struct err *e, const char *what)
{
    err_set(e, ERR_UNAVAILABLE, "no %s free within %d ms", what, DB_WAIT_MS);
    return err_plain(e, "The database is too busy.", "Try again in a moment.");
}

static int take_writer(struct db *db, struct conn **ret, struct err *e)
{
    struct timespec until = wait_deadline();
    int r = 0;

    pthread_mutex_lock(&db->lock);
    /* A thread that waits for itself would wait for ever. */
    assert(!db->writing || !pthread_equal(db->writer_thread, pthread_self()));
    while (db->writing && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&db->writer_free, &db->lock, &until);
    bool got = !db->writing;
    if (got) {
        db->writing = true;
        db->writer_thread = pthread_self();
    }
    pthread_mutex_unlock(&db->lock);
    if (!got)
        return fail_busy(e, "writer");
    *ret = db->writer;
    return 0;
}

static int take_reader(struct db *db, struct conn **ret, struct err *e)
{
    struct timespec until = wait_deadline();
    struct conn *c = NULL;
    bool may_open = false;
    int r = 0;

    pthread_mutex_lock(&db->lock);
    while (db->n_idle == 0 && db->n_readers == READERS_MAX && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&db->reader_free, &db->lock, &until);
    if (db->n_idle > 0) {
        c = db->idle[--db->n_idle];
    } else if (db->n_readers < READERS_MAX) {
        may_open = true;
        db->n_readers++;
    }
    pthread_mutex_unlock(&db->lock);
    if (!c && !may_open)
        return fail_busy(e, "reader");
    if (!c && conn_new(db, DB_READ, &c, e) < 0) {
        pthread_mutex_lock(&db->lock);
        db->n_readers--;
        pthread_cond_signal(&db->reader_free);
        pthread_mutex_unlock(&db->lock);
        return -1;
    }
    *ret = c;
    return 0;
}

static void give_back(struct db *db, struct conn *c, enum db_mode mode)
{
    pthread_mutex_lock(&db->lock);
    if (mode == DB_WRITE) {
        db->writing = false;
        pthread_cond_signal(&db->writer_free);
    } else {
        db->idle[db->n_idle++] = c;
        pthread_cond_signal(&db->reader_free);
    }
    pthread_mutex_unlock(&db->lock);
}

/* ---- transactions ---- */

int db_begin(struct db *db, enum db_mode mode, struct tx **ret_tx, struct err *e)
{
    struct conn *c = NULL;

    if ((mode == DB_WRITE ? take_writer(db, &c, e) : take_reader(db, &c, e)) < 0)
        return err_wrap(e, "begin");
    if (db->be->begin(c->handle, mode, e) < 0) {
        db->be->rollback(c->handle);
        give_back(db, c, mode);
        return err_wrap(e, "begin");
    }
    struct tx *tx = XNEW(struct tx);
    tx->db = db;
    tx->conn = c;
    tx->mode = mode;
    tx->thread = pthread_self();
    *ret_tx = tx;
    return 0;
}

static void end(struct tx *tx, bool undo)
{
    assert(tx->n_stmts == 0);
    if (undo)
        tx->db->be->rollback(tx->conn->handle);
    give_back(tx->db, STEAL(tx->conn), tx->mode);
}

static void tell_listeners(struct db *db, const char *channel)
{
    pthread_mutex_lock(&db->listen_lock);
    for (struct listener *l = db->listeners; l; l = l->next) {
        if (l->gone || strcmp(l->channel, channel) != 0)
            continue;
        l->n_running++; /* keeps l and its successors reachable */
        pthread_mutex_unlock(&db->listen_lock);
        l->fn(l->arg);
        pthread_mutex_lock(&db->listen_lock);
        l->n_running--;
        pthread_cond_broadcast(&db->listener_done);
    }
    pthread_mutex_unlock(&db->listen_lock);
}

int db_commit(struct tx *tx, struct err *e)
{
    assert(tx->conn && pthread_equal(tx->thread, pthread_self()));
    assert(tx->n_stmts == 0);
    if (tx->spoiled) {
        *e = tx->cause;
        end(tx, /* undo */ true);
        return err_wrap(e, "commit");
    }
    if (tx->mode == DB_WRITE && fault_point("db.commit") < 0) {
        err_errno(e, errno, "commit");
        end(tx, /* undo */ true);
        return -1;
    }
    if (tx->db->be->commit(tx->conn->handle, e) < 0) {
        end(tx, /* undo */ true);
        return err_wrap(e, "commit");
    }
    if (tx->mode == DB_WRITE)
        (void)fault_point("db.committed"); /* it is done: only being killed here is of interest */
    end(tx, /* undo */ false);
    VEC_FOREACH (&tx->channels, channel)
        tell_listeners(tx->db, *channel);
    return 0;
}

void db_rollback(struct tx *tx)
{
    if (!tx)
        return;
    if (tx->conn)
        end(tx, /* undo */ true);
    VEC_FINISH(&tx->channels);
    free(tx);
}

int64_t db_now_ms(struct tx *tx)
{
    (void)tx; /* a database server would be asked for its time, the same for all its clients */
    return clock_now_ms();
}

/* ---- being told ---- */

void db_notify(struct tx *tx, const char *channel)
{
    VEC_FOREACH (&tx->channels, c) {
        if (strcmp(*c, channel) == 0)
            return;
    }
    VEC_PUSH(&tx->channels, channel);
}

void db_listen(struct db *db, const char *channel, void (*fn)(void *arg), void *arg)
{
    struct listener *l = XNEW(struct listener);

    *l = (struct listener){.channel = channel, .fn = fn, .arg = arg};
    pthread_mutex_lock(&db->listen_lock);
    l->next = db->listeners;
    db->listeners = l;
    pthread_mutex_unlock(&db->listen_lock);
}

void db_unlisten(struct db *db, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&db->listen_lock);
    for (struct listener *l = db->listeners; l; l = l->next) {
        if (l->fn == fn && l->arg == arg)
            l->gone = true;
    }
    for (struct listener **at = &db->listeners; *at;) {
        struct listener *l = *at;
        if (!l->gone || l->fn != fn || l->arg != arg) {
            at = &l->next;
        } else if (l->n_running > 0) {
            pthread_cond_wait(&db->listener_done, &db->listen_lock);
            at = &db->listeners; /* the list may have changed */
        } else {
            *at = l->next;
            free(l);
        }
    }
    pthread_mutex_unlock(&db->listen_lock);
}

int db_changes(struct db *db, uint64_t *ret, struct err *e)
{
    pthread_mutex_lock(&db->watch_lock);
    int r = db->watch ? 0 : conn_new(db, DB_READ, &db->watch, e);
    if (r == 0)
        r = db->be->changes(db->watch->handle, ret, e);
    pthread_mutex_unlock(&db->watch_lock);
    return r < 0 ? err_wrap(e, "watch database") : 0;
}

int db_check(struct db *db, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(db, DB_READ, &tx, e) < 0 ||
        db->be->check(tx->conn->handle, /* whole */ true, e) < 0)
        return err_wrap(e, "check database");
    return 0;
}
