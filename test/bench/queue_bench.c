/*
 * What a job costs the queue. The peer is SQLite itself: a claim and a finish are two durable
 * commits, so two bare commits of one row in the same kind of file are the floor.
 *
 *     queue_bench [FOLDER]     (default: a new folder in the current one; the disk matters)
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "conf/conf.h"
#include "queue/queue.h"

#define BARE_COMMITS 2000
#define JOBS         1000
#define MANY         100000

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "queue_bench: %s: %s\n", what, why);
    exit(1);
}

static void bare(sqlite3 *h, const char *sql)
{
    if (sqlite3_exec(h, sql, NULL, NULL, NULL) != SQLITE_OK)
        die("bare SQLite", sqlite3_errmsg(h));
}

static double bare_commits_per_s(const char *dir, const char *synchronous)
{
    CLEANUP_FREE char *path = fs_join(dir, synchronous);
    CLEANUP_FREE char *pragma =
        xasprintf("PRAGMA journal_mode = WAL; PRAGMA synchronous = %s;", synchronous);
    sqlite3 *h;
    sqlite3_stmt *st;

    if (sqlite3_open(path, &h) != SQLITE_OK)
        die("bare SQLite", sqlite3_errmsg(h));
    bare(h, pragma);
    bare(h, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, pad TEXT)");
    bare(h, "INSERT INTO t VALUES (1, 0, hex(randomblob(150)))");
    sqlite3_prepare_v2(h, "UPDATE t SET n = n + 1 WHERE id = 1", -1, &st, NULL);
    int64_t t0 = clock_mono_us();
    for (int i = 0; i < BARE_COMMITS; i++) {
        bare(h, "BEGIN IMMEDIATE");
        sqlite3_step(st);
        sqlite3_reset(st);
        bare(h, "COMMIT");
    }
    int64_t took_us = clock_mono_us() - t0;
    sqlite3_finalize(st);
    sqlite3_close(h);
    return BARE_COMMITS * 1e6 / (double)took_us;
}

static void check(int r, const struct err *e)
{
    if (r < 0)
        die("queue", e->text);
}

static void add(struct db *db, struct queue *q, int n, int64_t delay_ms)
{
    struct err e = {0};

    for (int done = 0; done < n;) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        check(db_begin(db, DB_WRITE, &tx, &e), &e);
        for (int i = 0; i < 5000 && done < n; i++, done++) {
            struct job_spec spec = {.queue = QUEUE_VIDEO_PROCESSING,
                                    .stage = "s",
                                    .priority = done % 10,
                                    .delay_ms = delay_ms};
            check(queue_add(q, tx, &spec, NULL, &e), &e);
        }
        check(db_commit(tx, &e), &e);
    }
}

/* Claims and finishes n jobs: jobs a second; *ret_claim_us is one claim's time. */
static double drain(struct db *db, struct queue *q, int n, double *ret_claim_us)
{
    struct err e = {0};
    int64_t t0 = clock_mono_us(), claiming_us = 0;

    for (int i = 0; i < n; i++) {
        CLEANUP(job_free) struct job *j = NULL;
        CLEANUP(db_rollback) struct tx *tx = NULL;
        int64_t t1 = clock_mono_us();
        int r = queue_claim(q, QUEUE_ALL, NULL, &j, NULL, &e);
        claiming_us += clock_mono_us() - t1;
        check(r, &e);
        if (r == CLAIM_EMPTY)
            die("queue", "ran empty");
        check(db_begin(db, DB_WRITE, &tx, &e), &e);
        check(queue_finish(tx, j, NULL, &e), &e);
        check(db_commit(tx, &e), &e);
    }
    *ret_claim_us = (double)claiming_us / n;
    return n * 1e6 / (double)(clock_mono_us() - t0);
}

static double empty_claim_us(struct queue *q)
{
    struct err e = {0};
    int64_t t0 = clock_mono_us();

    for (int i = 0; i < 1000; i++) {
        struct job *j = NULL;
        int r = queue_claim(q, 1u << QUEUE_EXPORT, NULL, &j, NULL, &e);
        check(r, &e);
        job_free(j);
    }
    return (double)(clock_mono_us() - t0) / 1000;
}

int main(int argc, char **argv)
{
    CLEANUP_FREE char *made = xstrdup("queue-bench-XXXXXX");
    const char *dir = argc > 1 ? argv[1] : mkdtemp(made);
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    struct db *db;
    struct queue *q;
    struct err e = {0};
    double claim_us;

    if (!dir)
        die("folder", "can not be made");
    log_setup(LOG_OFF, LOG_LOGFMT, 2);
    double full = bare_commits_per_s(dir, "FULL"), normal = bare_commits_per_s(dir, "NORMAL");
    printf("bare SQLite, one row a commit: FULL %.0f/s, NORMAL %.0f/s (FULL costs %.2f x)\n", full,
           normal, normal / full);

    CLEANUP_FREE char *path = fs_join(dir, "queue.db");
    check(db_open(path, &db, &e), &e);
    check(queue_new(db, conf, &q, &e), &e);
    add(db, q, JOBS, 0);
    double small = drain(db, q, JOBS, &claim_us);
    printf("queue, %d jobs:            %.0f jobs/s (claim + finish), claim %.0f us; %.2f x the "
           "floor of %.0f\n",
           JOBS, small, claim_us, full / 2 / small, full / 2);
    add(db, q, MANY, 0);
    add(db, q, MANY, 3600 * 1000);
    double many = drain(db, q, JOBS, &claim_us);
    printf("queue, %d ready + %d later: %.0f jobs/s, claim %.0f us; %.2f x the small table\n", MANY,
           MANY, many, claim_us, small / many);
    printf("claim of an empty queue beside them: %.1f us\n", empty_claim_us(q));
    queue_free(q);
    db_close(db);
    if (argc <= 1)
        check(fs_remove_tree(dir, &e), &e);
    return 0;
}
