/* For the tests of db/: fresh files and single statements. */
#ifndef DB_TEST_DB_H
#define DB_TEST_DB_H

#include <fcntl.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/test.h"
#include "db/db_priv.h"

__attribute__((unused)) static char *fresh_path(const char *name)
{
    static int n;
    char file[64];

    snprintf(file, sizeof(file), "%s%d.db", name, n++);
    return fs_join(test_dir(), file);
}

__attribute__((unused)) static struct db *fresh_db(void)
{
    CLEANUP_FREE char *path = fresh_path("t");
    struct err e = {0};
    struct db *db;

    CHECK_OK(db_open(path, &db, &e));
    return db;
}

__attribute__((unused)) static int64_t ask_i64(struct db *db, const char *sql)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(db, DB_READ, &tx, &e));
    CHECK_OK(stmt_open(tx, sql, &s, &e));
    CHECK_EQ(stmt_step(s, &e), 1);
    return col_i64(s, 0);
}

__attribute__((unused)) static void run_sql(struct db *db, const char *sql)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(db, DB_WRITE, &tx, &e));
    {
        CLEANUP(stmt_close) struct stmt *s = NULL;
        CHECK_OK(stmt_open(tx, sql, &s, &e));
        CHECK_OK((int)stmt_run(s, &e));
    }
    CHECK_OK(db_commit(tx, &e));
}

__attribute__((unused)) static void overwrite(const char *path, off_t at, const void *bytes,
                                              size_t n)
{
    CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(pwrite(fd, bytes, n, at), (ssize_t)n);
}

#endif
