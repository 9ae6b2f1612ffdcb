/* Shared by db.c and db_stmt.c only: what a connection and a transaction are made of. */
#ifndef DB_DB_CONN_H
#define DB_DB_CONN_H

#include <pthread.h>

#include "db/db_priv.h"

/* Statements a connection keeps prepared; the one unused for longest makes room. */
#define STMT_CACHE_MAX 160

struct stmt {
    struct conn *conn;
    struct tx *tx; /* while in use */
    void *st;      /* the backend's */
    char *sql;
    bool cached;
    uint64_t used_at;       /* connection's count of openings, for eviction */
    enum err_code bind_err; /* of the first parameter that could not be bound */
    int bind_err_n;
    const char *bind_err_why;
};

struct conn {
    const struct db_backend *be;
    void *handle;
    VEC(struct stmt *) stmts;
    struct map *by_sql;
    uint64_t n_opened;
};

struct tx {
    struct db *db;
    struct conn *conn; /* NULL once ended */
    enum db_mode mode;
    pthread_t thread;
    int n_stmts; /* open now */
    bool spoiled;
    struct err cause; /* of being spoiled */
    VEC(const char *) channels;
};

void conn_free_stmts(struct conn *c);

#endif
