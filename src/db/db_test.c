/* Transactions, statements, listeners, threads. */
#include <pthread.h>
#include <sys/wait.h>

#include "db/db_videos.h"
#include "db/test_db.h"

/* ---- transactions ---- */

TEST(db_rollback_undoes_and_commit_keeps)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    struct err e = {0};

    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(db, DB_WRITE, &tx, &e));
        CLEANUP(stmt_close) struct stmt *s = NULL;
        CHECK_OK(stmt_open(tx, "UPDATE users SET email = 'x@y.z'", &s, &e));
        CHECK_EQ(stmt_run(s, &e), 1);
    }
    CHECK_EQ(ask_i64(db, "SELECT count(*) FROM users WHERE email = 'x@y.z'"), 0);
    run_sql(db, "UPDATE users SET email = 'x@y.z'");
    CHECK_EQ(ask_i64(db, "SELECT count(*) FROM users WHERE email = 'x@y.z'"), 1);
}

TEST(db_reader_sees_one_state_while_a_writer_commits)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(db, DB_READ, &tx, &e));
    CHECK_OK(stmt_open(tx, "SELECT count(*) FROM users WHERE email = 'q@q.q'", &s, &e));
    CHECK_EQ(stmt_step(s, &e), 1);
    CHECK_EQ(col_i64(s, 0), 0);
    run_sql(db, "UPDATE users SET email = 'q@q.q'");
    stmt_rewind(s);
    CHECK_EQ(stmt_step(s, &e), 1);
    CHECK_EQ(col_i64(s, 0), 0);
    CHECK_EQ(ask_i64(db, "SELECT count(*) FROM users WHERE email = 'q@q.q'"), 1);
}

TEST(db_reading_connection_can_not_write)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(db, DB_READ, &tx, &e));
    CHECK_OK(stmt_open(tx, "UPDATE users SET email = 'x'", &s, &e));
    CHECK_ERR((int)stmt_run(s, &e), ERR_DENIED);
}

TEST(db_failed_statement_spoils_its_transaction)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(db, DB_WRITE, &tx, &e));
    {
        CLEANUP(stmt_close) struct stmt *good = NULL, *bad = NULL;
        CHECK_OK(stmt_open(tx, "UPDATE users SET email = 'kept?'", &good, &e));
        CHECK_OK((int)stmt_run(good, &e));
        CHECK_OK(
            stmt_open(tx,
                      "INSERT INTO users (user_id, created_at, updated_at) VALUES ('" DB_LOCAL_USER
                      "', 1, 1)",
                      &bad, &e));
        CHECK_ERR((int)stmt_run(bad, &e), ERR_CONFLICT);
        stmt_rewind(good);
        CHECK_ERR((int)stmt_run(good, &e), ERR_CONFLICT);
    }
    CHECK_ERR(db_commit(tx, &e), ERR_CONFLICT);
    CHECK_EQ(ask_i64(db, "SELECT count(*) FROM users WHERE email = 'kept?'"), 0);
}

TEST(db_parameters_that_are_no_text_are_refused)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    CLEANUP_FREE char *huge = xmalloc(DB_TEXT_MAX + 2);
    struct err e = {0};

    memset(huge, 'x', DB_TEXT_MAX + 1);
    huge[DB_TEXT_MAX + 1] = '\0';
    const struct {
        struct str text;
        enum err_code want;
    } cases[] = {
        {STR("nul\0inside"), ERR_INPUT},
        {STR("\xff\xfe"), ERR_INPUT},
        {str_of(huge), ERR_LIMIT},
        {STR("ok"), ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CLEANUP(stmt_close) struct stmt *s = NULL;
        CHECK_OK(db_begin(db, DB_WRITE, &tx, &e));
        CHECK_OK(stmt_open(tx, "UPDATE users SET display_name = $1", &s, &e));
        bind_str(s, 1, cases[i].text);
        if (cases[i].want)
            CHECK_ERR((int)stmt_run(s, &e), cases[i].want);
        else
            CHECK_EQ(stmt_run(s, &e), 1);
    }
}

TEST(db_parameters_go_by_number_not_by_place)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP(stmt_close) struct stmt *s = NULL, *bad = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(db, DB_READ, &tx, &e));
    CHECK_OK(stmt_open(tx, "SELECT $3 * 100 + $1 * 10 + $2 + $1 * 1000", &s, &e));
    bind_i64(s, 1, 1);
    bind_i64(s, 2, 2);
    bind_i64(s, 3, 3);
    CHECK_EQ(stmt_step(s, &e), 1);
    CHECK_EQ(col_i64(s, 0), 1312);
    CHECK_OK(stmt_open(tx, "SELECT $1", &bad, &e));
    bind_i64(bad, 2, 5);
    CHECK_ERR(stmt_step(bad, &e), ERR_INTERNAL);
}

TEST(db_statement_cache_makes_room_and_copes_with_nesting)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(db, DB_READ, &tx, &e));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 500; i++) {
            CLEANUP(stmt_close) struct stmt *s = NULL, *twin = NULL;
            char sql[64];
            snprintf(sql, sizeof(sql), "SELECT %d", i);
            CHECK_OK(stmt_open(tx, sql, &s, &e));
            CHECK_OK(stmt_open(tx, sql, &twin, &e));
            CHECK_EQ(stmt_step(s, &e), 1);
            CHECK_EQ(stmt_step(twin, &e), 1);
            CHECK_EQ(col_i64(s, 0), i);
            CHECK_EQ(col_i64(twin, 0), i);
        }
    }
}

static void count_up(void *arg)
{
    (*(int *)arg)++;
}

TEST(db_listeners_hear_of_commits_only)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    struct err e = {0};
    int heard = 0, other = 0;

    db_listen(db, "jobs", count_up, &heard);
    db_listen(db, "videos", count_up, &other);
    for (int commit = 0; commit < 2; commit++) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(db, DB_WRITE, &tx, &e));
        db_notify(tx, "jobs");
        db_notify(tx, "jobs");
        CHECK_EQ(heard, 0);
        if (commit)
            CHECK_OK(db_commit(tx, &e));
    }
    CHECK_EQ(heard, 1);
    CHECK_EQ(other, 0);
    db_unlisten(db, count_up, &heard);
    db_unlisten(db, count_up, &other);
}

TEST(db_changes_moves_when_another_process_commits)
{
    CLEANUP_FREE char *path = fresh_path("watch");
    struct err e = {0};
    uint64_t before, same, after;
    int status;

    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) { /* waits until the parent has looked, then writes */
        struct db *db = NULL;
        CLEANUP_FREE char *flag = xasprintf("%s.go", path);
        while (access(flag, F_OK) != 0)
            sched_yield();
        if (db_open(path, &db, &e) < 0)
            _exit(1);
        run_sql(db, "UPDATE users SET email = 'w@w.w'");
        db_close(db);
        _exit(0);
    }
    CLEANUP(db_close) struct db *db = NULL;
    CHECK_OK(db_open(path, &db, &e));
    CHECK_OK(db_changes(db, &before, &e));
    CHECK_OK(db_changes(db, &same, &e));
    CHECK_EQ(before, same);
    CLEANUP_FREE char *flag = xasprintf("%s.go", path);
    overwrite(flag, 0, "x", 1);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(db_changes(db, &after, &e));
    CHECK(after != before);
}

/* ---- threads ---- */

struct adders {
    struct db *db;
    int n_adds;
};

static void *add_many(void *arg)
{
    struct adders *t = arg;
    struct err e = {0};

    for (int i = 0; i < t->n_adds; i++) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        char id[UUID_MAX];
        struct video v = {.title = "t"};
        if (db_begin(t->db, DB_WRITE, &tx, &e) < 0 || db_video_add(tx, &v, id, &e) < 0 ||
            db_commit(tx, &e) < 0)
            return (char *)"write failed";
    }
    return NULL;
}

static void *read_many(void *arg)
{
    struct adders *t = arg;
    struct err e = {0};
    int64_t last = 0;

    for (int i = 0; i < t->n_adds; i++) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CLEANUP(arena_free) struct arena *a = arena_new();
        struct video_page page;
        struct video_stats st;
        if (db_begin(t->db, DB_READ, &tx, &e) < 0 || db_video_stats(tx, &st, &e) < 0 ||
            db_video_list(tx, a, &(struct video_filter){.limit = 1000}, &page, &e) < 0)
            return (char *)"read failed";
        if (st.by_state[VIDEO_UPLOADING] < last ||
            (int64_t)page.n != MIN(st.by_state[VIDEO_UPLOADING], 1000))
            return (char *)"a reader saw two states in one transaction";
        last = st.by_state[VIDEO_UPLOADING];
    }
    return NULL;
}

TEST(db_threads_write_and_read_side_by_side)
{
    CLEANUP(db_close) struct db *db = fresh_db();
    struct adders t = {.db = db, .n_adds = 60};
    pthread_t threads[12]; /* more readers than connections for them */
    void *said;

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, i < 3 ? add_many : read_many, &t), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], &said), 0);
        if (said)
            fail_msg("%s", (const char *)said);
    }
    CHECK_EQ(ask_i64(db, "SELECT count(*) FROM videos"), 3 * 60);
}

TEST_MAIN
