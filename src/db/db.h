/*
 * The database: opening, migrations, transactions. What the rows mean is in the headers beside this
 * one:
 *
 *     db_videos.h   videos and their state machine, the built-in user
 *     db_uploads.h  uploads on their way in
 *     db_objects.h  what lies in the object store
 *     db_scenes.h   shots, and spans of text (speech, words on screen, title, tags)
 *     db_jobs.h     rows of the queue; everyone but queue/ goes through queue.h
 *
 * Rules that hold for all of them:
 *
 *   - Every access happens inside a transaction. A function takes `struct tx *`; the caller decides
 * what belongs together, so that a stage publishes its objects, scenes, video update and job
 * completion at once or not at all.
 *   - After a function failed (negative) its transaction is good for nothing but db_rollback(): later
 *     calls may fail with the same reason and commit refuses. Expected outcomes ("it exists already")
 *     are zero or positive and harm nothing.
 *   - Text read from the database lives in the arena the caller gave; it is never NULL, "" when
 * absent. Text given is borrowed for the call; NULL counts as "". Text is UTF-8 without NUL; other
 * bytes are ERR_INPUT.
 *   - Wall times are int64 milliseconds since the epoch, 0 when absent. Media times are int64
 * microseconds.
 *   - Ids are version 7 UUIDs as text (uuid_new).
 *   - ERR_STORAGE: disk full, I/O error or a damaged file; ERR_UNAVAILABLE: others kept it busy
 * past the bounded wait; ERR_CONFLICT: changed meanwhile or already there; ERR_NOT_FOUND: no such
 * row.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct db;
struct tx;

/* Longest text of a single column; more is ERR_LIMIT. */
#define DB_TEXT_MAX ((size_t)16 << 20)
/* Most rows one list call answers. */
#define DB_PAGE_MAX     1000
#define DB_PAGE_DEFAULT 100

/*
 * Opens the database at location and brings it to this program's schema: "sqlite:PATH" or a plain
 * path, created when absent (its folder must exist). "postgres://…" is ERR_UNAVAILABLE: that
 * backend is not part of this build. Several processes may open the same database, also for the
 * first time at once. ERR_CONFLICT: made by a newer program, or by a different one. ERR_STORAGE:
 * the file is damaged (a large one is not read whole here: see db_check). *ret_db is the caller's.
 */
int db_open(const char *location, struct db **ret_db, struct err *e);
/* No transaction may be open. */
void db_close(struct db *db);
CLEANUP_DEFINE(db_close, struct db *);

enum db_mode { DB_READ, DB_WRITE };
/*
 * Starts a transaction. DB_READ sees one unchanging state and never waits for writers; DB_WRITE
 * sees the newest state and excludes other writers, in every process, until its end: keep it short,
 * no media work inside. Any thread; a transaction is used by the thread that began it, and a thread
 * has at most one DB_WRITE open (asserted). Waits at most DB_WAIT_MS, then ERR_UNAVAILABLE.
 *
 *     CLEANUP(db_rollback) struct tx *tx = NULL;
 *     if (db_begin(db, DB_WRITE, &tx, e) < 0 || … || db_commit(tx, e) < 0)
 *         return err_wrap(e, "publish proxy");
 */
#define DB_WAIT_MS 20000
int db_begin(struct db *db, enum db_mode mode, struct tx **ret_tx, struct err *e);
/* Makes it durable: when this answers 0 the changes survive a power cut. After it, whatever it
 * answered, only db_rollback() may follow. A failed commit left nothing behind. */
int db_commit(struct tx *tx, struct err *e);
/* Ends tx: undoes what was not committed, frees it. NULL is fine. */
void db_rollback(struct tx *tx);
CLEANUP_DEFINE(db_rollback, struct tx *);

/* The clock that rows are stamped with. */
int64_t db_now_ms(struct tx *tx);

/*
 * Tells listeners of channel, once tx is committed, that there is something to see: in this process
 * by the call below, elsewhere by db_changes(). channel: a literal.
 */
void db_notify(struct tx *tx, const char *channel);
/* fn runs on the committing thread after the commit, with no lock held; it must not use the
 * database. */
void db_listen(struct db *db, const char *channel, void (*fn)(void *arg), void *arg);
/* Removes it; when this returns fn is not running and will not run again. Not from inside fn. */
void db_unlisten(struct db *db, void (*fn)(void *arg), void *arg);
/* A counter that moves when anyone, in any process, has committed since the last call; cheap enough
 * to poll. */
int db_changes(struct db *db, uint64_t *ret, struct err *e);

/* Reads the whole database and checks that it holds together. 0 sound; ERR_STORAGE names the first
 * damage. */
int db_check(struct db *db, struct err *e);
/* What `doctor` shows: backend, its version, schema version. */
struct db_info {
    const char *backend;         /* "sqlite" */
    const char *backend_version; /* "3.40.1" */
    int schema_version;
};
void db_info(const struct db *db, struct db_info *ret);

#endif
