/* Opening and migrating: fresh, again, foreign, damaged, newer, raced, killed in between; and disks that
 * do not take it. */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "db/db_videos.h"
#include "db/test_db.h"

/* ---- opening ---- */

TEST(db_open_makes_a_private_file_with_the_newest_schema)
{
    CLEANUP_FREE char *path = fresh_path("new");
    struct err e = {0};
    struct db_info info;
    struct stat st;

    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open(path, &db, &e));
        db_info(db, &info);
        CHECK_STR(info.backend, "sqlite");
        CHECK_EQ(info.schema_version, (int)db_migrations_sqlite_n);
        CHECK_EQ(ask_i64(db, "SELECT max(version) FROM schema_migrations"), info.schema_version);
        CHECK_EQ(ask_i64(db, "SELECT count(*) FROM users"), 1);
        CHECK_OK(db_check(db, &e));
    }
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
}

TEST(db_open_again_finds_what_was_written_and_migrates_nothing)
{
    CLEANUP_FREE char *path = fresh_path("again");
    CLEANUP_FREE char *location = xasprintf("sqlite:%s", path);
    struct err e = {0};
    int64_t applied_ms;

    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open(path, &db, &e));
        run_sql(db, "UPDATE users SET email = 'a@b.c'");
        applied_ms = ask_i64(db, "SELECT max(applied_at) FROM schema_migrations");
    }
    clock_freeze_ms(applied_ms + 1000000);
    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open(location, &db, &e));
        CHECK_EQ(ask_i64(db, "SELECT count(*) FROM users WHERE email = 'a@b.c'"), 1);
        CHECK_EQ(ask_i64(db, "SELECT max(applied_at) FROM schema_migrations"), applied_ms);
    }
    clock_thaw();
}

TEST(db_open_refuses_locations_it_can_not_serve)
{
    struct err e = {0};
    struct db *db = NULL;

    CHECK_ERR(db_open("postgres://host/db", &db, &e), ERR_UNAVAILABLE);
    CHECK_ERR(db_open("postgresql://host/db", &db, &e), ERR_UNAVAILABLE);
    CHECK_ERR(db_open("mysql://host/db", &db, &e), ERR_USAGE);
    CHECK_ERR(db_open("", &db, &e), ERR_USAGE);
    CHECK_ERR(db_open("sqlite:", &db, &e), ERR_USAGE);
    CHECK_ERR(db_open("/nonexistent-folder/x.db", &db, &e), ERR_NOT_FOUND);
    CHECK(!db);
}

TEST(db_open_refuses_a_folder)
{
    struct err e = {0};
    struct db *db = NULL;

    CHECK(db_open(test_dir(), &db, &e) < 0);
    CHECK(!db);
}

TEST(db_open_takes_names_that_sqlite_would_read_as_uris)
{
    CLEANUP_FREE char *old = getcwd(NULL, 0);
    struct err e = {0};

    CHECK_EQ(chdir(test_dir()), 0);
    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open("file:odd?mode=memory", &db, &e));
    }
    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open(":memory:", &db, &e));
    }
    CHECK_EQ(access("file:odd?mode=memory", F_OK), 0);
    CHECK_EQ(access(":memory:", F_OK), 0);
    CHECK_EQ(chdir(old), 0);
}

TEST(db_open_of_a_file_that_is_no_database_says_so)
{
    CLEANUP_FREE char *path = fresh_path("text");
    CLEANUP_BUF struct buf text = {0};
    struct err e = {0};
    struct db *db = NULL;

    for (int i = 0; i < 500; i++)
        buf_addz(&text, "not a database at all\n");
    overwrite(path, 0, text.p, text.n);
    CHECK_ERR(db_open(path, &db, &e), ERR_STORAGE);
    CHECK(strstr(e.plain, "damaged"));
}

TEST(db_open_of_a_damaged_file_says_so)
{
    CLEANUP_FREE char *path = fresh_path("damaged");
    struct err e = {0};
    struct db *db = NULL;
    struct stat st;

    {
        CLEANUP(db_close) struct db *whole = NULL;
        CHECK_OK(db_open(path, &whole, &e));
    }
    CHECK_EQ(stat(path, &st), 0);
    char junk[4096];
    memset(junk, 0xa5, sizeof(junk));
    CHECK(st.st_size > 20 * 4096);
    for (int page = 4; page < 12; page++)
        overwrite(path, page * 4096, junk, sizeof(junk));
    CHECK_ERR(db_open(path, &db, &e), ERR_STORAGE);
    CHECK(strstr(e.plain, "damaged"));
    CHECK(strstr(e.next, "rebuild"));
}

TEST(db_open_leaves_another_programs_database_alone)
{
    CLEANUP_FREE char *path = fresh_path("foreign");
    static const struct migration foreign[] = {
        {1, "other", "x", "CREATE TABLE things (a INTEGER)"}};
    struct err e = {0};
    struct db *db = NULL;

    {
        CLEANUP(db_close) struct db *other = NULL;
        CHECK_OK(db_open_with(path, foreign, 1, &other, &e));
        run_sql(other, "DROP TABLE schema_migrations");
    }
    CHECK_ERR(db_open(path, &db, &e), ERR_CONFLICT);
    CHECK(strstr(e.plain, "another program"));
}

/* ---- migrations ---- */

static const struct migration three[] = {
    {1, "one", "s1", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
    {2, "two", "s2", "CREATE TABLE b (y INTEGER); INSERT INTO b SELECT x + 1 FROM a;"},
    {3, "three", "s3", "ALTER TABLE a ADD COLUMN z INTEGER; UPDATE a SET z = 7;"},
};

TEST(db_migrates_step_by_step_from_any_version)
{
    for (size_t from = 0; from <= 3; from++) {
        CLEANUP_FREE char *path = fresh_path("steps");
        struct err e = {0};
        if (from > 0) {
            CLEANUP(db_close) struct db *old = NULL;
            CHECK_OK(db_open_with(path, three, from, &old, &e));
        }
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open_with(path, three, 3, &db, &e));
        CHECK_EQ(ask_i64(db, "SELECT count(*) FROM schema_migrations"), 3);
        CHECK_EQ(ask_i64(db, "SELECT x * 100 + z * 10 + y FROM a, b"), 172);
    }
}

TEST(db_refuses_a_database_newer_than_the_program)
{
    CLEANUP_FREE char *path = fresh_path("newer");
    struct err e = {0};
    struct db *db = NULL;

    {
        CLEANUP(db_close) struct db *newer = NULL;
        CHECK_OK(db_open_with(path, three, 3, &newer, &e));
    }
    CHECK_ERR(db_open_with(path, three, 2, &db, &e), ERR_CONFLICT);
    CHECK(strstr(e.plain, "newer version of rushes (schema 3, this program knows 2)"));
    CHECK(strstr(e.next, "newer"));
    CLEANUP(db_close) struct db *still = NULL;
    CHECK_OK(db_open_with(path, three, 3, &still, &e));
}

TEST(db_migration_that_fails_leaves_the_version_before)
{
    static const struct migration broken[] = {
        {1, "one", "s1", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
        {2, "bad", "s2", "CREATE TABLE b (y INTEGER); INSERT INTO nowhere VALUES (1);"},
    };
    CLEANUP_FREE char *path = fresh_path("broken");
    struct err e = {0};
    struct db *db = NULL;

    CHECK_ERR(db_open_with(path, broken, 2, &db, &e), ERR_INTERNAL);
    CHECK(strstr(e.text, "migration 2 (bad)"));
    CLEANUP(db_close) struct db *mended = NULL;
    CHECK_OK(db_open_with(path, three, 3, &mended, &e));
    CHECK_EQ(ask_i64(mended, "SELECT x * 100 + z * 10 + y FROM a, b"), 172);
}

/* Opens in a child process that is a program of its own, so that it reads its own fault plan; its
 * exit code is 0 when that went well. */
static pid_t open_in_child(const char *path, const char *fault)
{
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    setenv("DB_TEST_OPEN", path, 1);
    if (fault)
        setenv("RUSHES_FAULT", fault, 1);
    execl("/proc/self/exe", "db_test", NULL);
    _exit(127);
}

static int open_and_close(const char *path)
{
    struct err e = {0};
    struct db *db = NULL;

    if (db_open_with(path, three, 3, &db, &e) < 0) {
        fprintf(stderr, "child: %s\n", e.text);
        return 1;
    }
    db_close(db);
    return 0;
}

TEST(db_processes_that_open_it_first_at_the_same_time_all_succeed)
{
    for (int round = 0; round < 8; round++) {
        CLEANUP_FREE char *path = fresh_path("race");
        pid_t pids[4];
        struct err e = {0};
        for (size_t i = 0; i < ARRAY_LEN(pids); i++)
            pids[i] = open_in_child(path, NULL);
        for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
            int status;
            CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open_with(path, three, 3, &db, &e));
        CHECK_EQ(ask_i64(db, "SELECT count(*) FROM schema_migrations"), 3);
        CHECK_EQ(ask_i64(db, "SELECT count(*) FROM b"), 1);
    }
}

#ifdef RUSHES_FAULTS
TEST(db_killed_in_a_migration_opens_fine_afterwards)
{
    for (int n = 1; n <= 6; n++) {
        CLEANUP_FREE char *path = fresh_path("killed");
        char fault[32];
        struct err e = {0};
        int status;
        snprintf(fault, sizeof(fault), "kill:%d", n);
        CHECK(waitpid(open_in_child(path, fault), &status, 0) > 0);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open_with(path, three, 3, &db, &e));
        CHECK_OK(db_check(db, &e));
        CHECK_EQ(ask_i64(db, "SELECT x * 100 + z * 10 + y FROM a, b"), 172);
    }
}

TEST(db_fault_in_a_migration_is_storage_and_undone)
{
    CLEANUP_FREE char *path = fresh_path("failed");
    struct err e = {0};
    int status;

    CHECK(waitpid(open_in_child(path, "fail@db.migrate:2"), &status, 0) > 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CLEANUP(db_close) struct db *db = NULL;
    CHECK_OK(db_open_with(path, three, 1, &db, &e));
}
#endif

/* ---- the disk ---- */

TEST(db_on_a_full_disk_is_storage_and_loses_nothing_committed)
{
    CLEANUP_FREE char *dir = fs_join(test_dir(), "small");
    CLEANUP_FREE char *path = fs_join(dir, "x.db");
    CLEANUP_FREE char *text = xmalloc(20001);
    struct err e = {0};
    int64_t committed = 0;
    bool full = false;

    CHECK_EQ(mkdir(dir, 0700), 0);
    if (mount("tmpfs", dir, "tmpfs", 0, "size=2m") < 0)
        SKIP("mounting a small tmpfs needs root");
    memset(text, 'x', 20000);
    text[20000] = '\0';
    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open(path, &db, &e));
        for (int i = 0; i < 1000 && !full; i++) {
            CLEANUP(db_rollback) struct tx *tx = NULL;
            char id[UUID_MAX];
            struct video v = {.description = text};
            int r = db_begin(db, DB_WRITE, &tx, &e);
            r = r < 0 ? r : db_video_add(tx, &v, id, &e);
            r = r < 0 ? r : db_commit(tx, &e);
            if (r == 0) {
                committed++;
                continue;
            }
            CHECK_STR(err_class(e.code)->name, "storage");
            CHECK(strstr(e.plain, "full"));
            full = true;
        }
        CHECK(full);
        CHECK(committed > 10);
        CHECK_EQ(ask_i64(db, "SELECT count(*) FROM videos"), committed);
        /* room again: it goes on without being opened anew */
        CHECK_EQ(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=8m"), 0);
        run_sql(db, "UPDATE users SET email = 'room@again'");
    }
    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open(path, &db, &e));
        CHECK_OK(db_check(db, &e));
        CHECK_EQ(ask_i64(db, "SELECT count(*) FROM videos"), committed);
    }
    CHECK_EQ(umount(dir), 0);
}

TEST(db_open_where_nothing_can_be_written_says_so)
{
    static const struct {
        const char *how;
        unsigned long flags;
        const char *says;
    } cases[] = {{"read-only", MS_RDONLY, "can not be written"}, {"full", 0, "full"}};
    CLEANUP_FREE char *dir = fs_join(test_dir(), "nowrite");
    CLEANUP_FREE char *path = fs_join(dir, "x.db");
    CLEANUP_FREE char *filler = fs_join(dir, "filler");
    struct err e = {0};

    CHECK_EQ(mkdir(dir, 0700), 0);
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") < 0)
        SKIP("mounting a small tmpfs needs root");
    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open(path, &db, &e));
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db *db = NULL;
        if (cases[i].flags) {
            CHECK_EQ(mount("tmpfs", dir, "tmpfs", MS_REMOUNT | cases[i].flags, "size=1m"), 0);
        } else {
            CHECK_EQ(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=1m"), 0);
            CLEANUP_CLOSE int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            char junk[4096] = {1};
            while (write(fd, junk, sizeof(junk)) == sizeof(junk))
                ;
        }
        err_clear(&e);
        CHECK(db_open(path, &db, &e) < 0);
        if (!strstr(e.plain, cases[i].says))
            fail_msg("%s: %s (%s)", cases[i].how, e.plain, e.text);
        CHECK(e.code == ERR_STORAGE || e.code == ERR_DENIED);
    }
    CHECK_EQ(unlink(filler), 0);
    {
        CLEANUP(db_close) struct db *db = NULL;
        CHECK_OK(db_open(path, &db, &e));
        CHECK_OK(db_check(db, &e));
    }
    CHECK_EQ(umount(dir), 0);
}

int main(void)
{
    const char *path = getenv("DB_TEST_OPEN");
    return path ? open_and_close(path) : test_run(__FILE__);
}
