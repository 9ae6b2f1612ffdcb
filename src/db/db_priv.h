/*
 * Inside db/: what a backend is, and statements for the domain files. SQL text is written so that
 * SQLite and PostgreSQL both take it: $1-style parameters, ON CONFLICT, no functions that one of
 * them lacks; what can not be the same belongs into the backend. A statement that fails spoils its
 * transaction (PostgreSQL would refuse the next one anyway), so code never tries something and goes
 * on after its failure: ON CONFLICT DO NOTHING answers that.
 */
#ifndef DB_DB_PRIV_H
#define DB_DB_PRIV_H

#include "base/str.h"
#include "db/db.h"

struct migration {
    int version; /* 1, 2, 3 … */
    const char *name;
    const char *sha256; /* of sql */
    const char *sql;
};
extern const struct migration db_migrations_sqlite[];
extern const size_t db_migrations_sqlite_n;

/*
 * A database behind one connection type. `conn` and `st` are the backend's own objects; one thread
 * uses a connection at a time, db.c sees to that. Waits inside (a lock held by another process) end
 * at DB_WAIT_MS.
 */
struct db_backend {
    const char *name;
    const char *(*version)(void);
    /* mode DB_READ: a connection that can not write. The first one opened is DB_WRITE and creates
     * what is missing. */
    int (*connect)(const char *place, enum db_mode mode, void **ret_conn, struct err *e);
    void (*disconnect)(void *conn);
    int (*begin)(void *conn, enum db_mode mode, struct err *e);
    int (*commit)(void *conn, struct err *e);
    void (*rollback)(void *conn); /* also fine when a failure has ended the transaction already */
    int (*exec)(void *conn, const char *script, struct err *e);
    int (*table_exists)(void *conn, const char *table, struct err *e); /* 1, 0 */
    int (*is_empty)(void *conn, struct err *e); /* 1: nobody's tables are in it */
    int (*check)(void *conn, bool whole,
                 struct err *e); /* whole: read all; else what is quick enough for an open */
    int (*changes)(void *conn, uint64_t *ret,
                   struct err *e); /* moves when another connection committed */

    int (*prepare)(void *conn, struct str sql, void **ret_st, struct err *e);
    void (*finalize)(void *st);
    void (*reset)(void *st); /* also forgets what is bound */
    /* n from 1; text is borrowed until reset; p NULL binds NULL. Negative: no such parameter or no
     * memory. */
    int (*bind_i64)(void *st, int n, int64_t v);
    int (*bind_double)(void *st, int n, double v);
    int (*bind_text)(void *st, int n, const char *p, size_t size);
    int (*step)(void *st, struct err *e); /* 1 row, 0 done */
    int64_t (*changed_rows)(void *st);    /* by the last finished step */
    bool (*col_null)(void *st, int col);
    int64_t (*col_i64)(void *st, int col);
    double (*col_double)(void *st, int col);
    struct str (*col_text)(void *st, int col); /* borrowed until the next step or reset */
};
extern const struct db_backend db_sqlite;

/* As db_open, with these migrations: for tests of migration. */
int db_open_with(const char *location, const struct migration *migrations, size_t n,
                 struct db **ret_db, struct err *e);
int db_migrate(const struct db_backend *be, void *conn, const struct migration *migrations,
               size_t n, struct err *e);

/*
 * A statement of tx, from the connection's cache. sql stays the same text for the same statement
 * (built only from our own literals), so that the cache works. stmt_close() gives it back; close it
 * before the transaction ends.
 */
struct stmt;
int stmt_open(struct tx *tx, const char *sql, struct stmt **ret, struct err *e);
void stmt_close(struct stmt *s);
CLEANUP_DEFINE(stmt_close, struct stmt *);
/* Parameters from 1. What can not be bound (not UTF-8, NUL inside, too long) is told by the next
 * step. Text is borrowed until stmt_rewind or stmt_close. */
void bind_i64(struct stmt *s, int n, int64_t v);
void bind_double(struct stmt *s, int n, double v);
void bind_str(struct stmt *s, int n, struct str v);
void bind_z(struct stmt *s, int n, const char *z); /* NULL is "" */
void bind_ref(struct stmt *s, int n,
              const char *z); /* NULL and "" are NULL: references to other rows */
void bind_ms(struct stmt *s, int n, int64_t ms); /* 0 is NULL: times */
void bind_null(struct stmt *s, int n);
/* 1 a row is there, 0 no more */
int stmt_step(struct stmt *s, struct err *e);
/* Runs to the end; how many rows it changed. */
int64_t stmt_run(struct stmt *s, struct err *e);
/* Ready to be bound and run again. */
void stmt_rewind(struct stmt *s);
/* Columns from 0, of the row that stmt_step() found. */
int64_t col_i64(struct stmt *s, int col); /* NULL is 0 */
double col_double(struct stmt *s, int col);
bool col_null(struct stmt *s, int col);
struct str col_str(struct stmt *s, int col);                    /* borrowed until the next step */
const char *col_text(struct stmt *s, struct arena *a, int col); /* copy; NULL is "" */
void col_copy(struct stmt *s, int col, char *out,
              size_t out_size); /* into a fixed buffer; cut if longer */

/* Spoils tx with e and returns -1: for a domain function that found something wrong after it
 * changed rows. */
int tx_spoil(struct tx *tx, const struct err *e);

/* Cursors of keyset paging: "MILLISECONDS.ID" of the last row. */
char *cursor_make(struct arena *a, int64_t ms, const char *id);
int cursor_read(const char *cursor, int64_t *ret_ms, char ret_id[static 37], struct err *e);
/* limit of a list call: 0 default, capped */
int page_limit(int limit);
/* name -> position in a table of names, -1 when it is none of them */
int name_find(const char *const *names, int n, struct str name);

#endif
