/* The tests' own tests: this program runs itself with the tests called inner_… switched on and
 * reads what it says. */
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/test.h"

static bool is_inner(void)
{
    return getenv("RUSHES_TEST_INNER") != NULL;
}

TEST(inner_passes)
{
    if (is_inner())
        printf("printed by a test, without a newline at the end");
}

TEST(inner_skips)
{
    if (is_inner())
        SKIP("because");
}

TEST(inner_fails)
{
    if (is_inner())
        CHECK_EQ(1, 2);
}

static struct proc_exit run_self(const char *env, struct buf *out)
{
    struct err e = {0};
    CLEANUP_CLOSE int fd = -1;
    struct proc p;
    struct proc_exit x;
    const char *argv[] = {"/proc/self/exe", NULL};
    const char *envp[] = {"RUSHES_TEST_INNER=1", "CMOCKA_MESSAGE_OUTPUT=TAP", env, NULL};

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    CHECK_OK(proc_start(argv, envp, (int[]){-1, fd, -1}, 3, &p, &e));
    CHECK_EQ(proc_wait(&p, clock_mono_ms() + 20000, &x, &e), 1);
    CHECK_OK(fs_read_fd(fd, 1 << 16, out, &e));
    return x;
}

TEST(test_results_are_told_in_tap)
{
    CLEANUP_BUF struct buf out = {0};

    struct proc_exit x = run_self("RUSHES_TEST=inner_", &out);
    CHECK_EQ(x.code, 1);
    CHECK(str_starts(
        buf_str(&out),
        STR("1..3\n# printed by a test, without a newline at the end\nok 1 - inner_passes\n")));
    CHECK(strstr(buf_z(&out), "\n# skipped: because\nok 2 - inner_skips # SKIP because\n"));
    CHECK(strstr(buf_z(&out), "\nnot ok 3 - inner_fails\n"));
}

TEST(test_filter_picks_and_says_when_nothing_is_left)
{
    CLEANUP_BUF struct buf out = {0};

    CHECK_EQ(run_self("RUSHES_TEST=inner_sk", &out).code, 0);
    CHECK(strstr(buf_z(&out), "1..1\n"));
    buf_reset(&out);
    CHECK_EQ(run_self("RUSHES_TEST=no_such_test", &out).code, 0);
    CHECK(strstr(buf_z(&out), "1..0 # SKIP"));
}

TEST(test_shared_answers_null_for_what_is_absent)
{
    struct err e = {0};
    CLEANUP_FREE char *dir = fs_join(test_dir(), "shared"), *file = fs_join(dir, "clip");

    CHECK_OK(fs_mkdirs(dir, 0755, &e));
    CHECK_OK(fs_write_file(file, STR("x"), &e));
    const char *told = getenv("RUSHES_TEST_SHARED");
    CLEANUP_FREE char *before = told ? xstrdup(told) : NULL;
    setenv("RUSHES_TEST_SHARED", dir, 1);
    const char *there = test_shared("clip"), *absent = test_shared("none");
    if (before)
        setenv("RUSHES_TEST_SHARED", before, 1);
    else
        unsetenv("RUSHES_TEST_SHARED");
    CHECK_STR(there, file);
    CHECK(absent == NULL);
}

TEST(test_dir_is_there_and_stays_the_same)
{
    struct err e = {0};

    CHECK_EQ(fs_exists(test_dir(), &e), 1);
    CHECK(test_dir() == test_dir());
}

TEST_MAIN
