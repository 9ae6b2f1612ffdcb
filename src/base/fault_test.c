/*
 * Fault points, and with them the promise of fs.c: killed or failed at any durable step, a file
 * holds its old content or its new one, whole. The plan is read once a process, so this program
 * runs itself with the tests called inner_… switched on and the plan in the environment.
 */
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/test.h"

#ifdef RUSHES_FAULTS

#define OLD_TEXT "the old content"
#define NEW_TEXT "the new content, which is longer"

/* Where the outer test tells the inner one to write, or NULL in the outer one. */
static const char *inner_dir(void)
{
    return getenv("RUSHES_TEST_INNER");
}

TEST(inner_writes)
{
    struct err e = {0};

    if (!inner_dir())
        return;
    CLEANUP_FREE char *dir = fs_join(inner_dir(), "made/deep"), *path = fs_join(inner_dir(), "f");
    CHECK_OK(fs_mkdirs(dir, 0755, &e));
    CHECK_OK(fs_write_file(path, STR(NEW_TEXT), &e));
}

TEST(inner_allocates)
{
    if (!inner_dir())
        return;
    for (int i = 1; i <= 5; i++) {
        CLEANUP_FREE char *p = mem_try_calloc(1, 1);
        CHECK_EQ(p == NULL, i == 3);
    }
}

static struct proc_exit run_inner(const char *test, const char *dir, const char *fault,
                                  const char *log)
{
    struct err e = {0};
    struct proc p;
    struct proc_exit x;
    CLEANUP_FREE char *pick = xasprintf("RUSHES_TEST=%s", test),
                      *inner = xasprintf("RUSHES_TEST_INNER=%s", dir),
                      *plan = xasprintf("RUSHES_FAULT=%s", fault),
                      *to = xasprintf("RUSHES_FAULT_LOG=%s", log);
    const char *argv[] = {"/proc/self/exe", NULL};
    const char *envp[] = {pick, inner, plan, to, "ASAN_OPTIONS=detect_leaks=0", NULL};

    CHECK_OK(proc_start(argv, envp, (int[]){-1, -1, -1}, 3, &p, &e));
    CHECK_EQ(proc_wait(&p, clock_mono_ms() + 20000, &x, &e), 1);
    return x;
}

/* A fresh folder with the old file in it. */
static char *make_dir(const char *kind, int n)
{
    struct err e = {0};
    char *dir = xasprintf("%s/%s%d", test_dir(), kind, n);

    CHECK_OK(fs_mkdirs(dir, 0755, &e));
    CLEANUP_FREE char *path = fs_join(dir, "f");
    CHECK_OK(fs_write_file(path, STR(OLD_TEXT), &e));
    return dir;
}

/* The points that the inner test reaches, in order: one a line. */
static void read_points(struct buf *out)
{
    struct err e = {0};
    static int n;
    CLEANUP_FREE char *dir = make_dir("points", n++), *log = fs_join(dir, "log");

    CHECK_EQ(run_inner("inner_writes", dir, "", log).code, 0);
    CHECK_OK(fs_read_file(log, 1 << 16, out, &e));
}

TEST(fault_log_shows_the_steps_in_the_order_that_makes_them_safe)
{
    CLEANUP_BUF struct buf log = {0};

    read_points(&log);
    CHECK_STR(buf_z(&log), "fs.mkdir.before\nfs.mkdir.after\nfs.sync.before\nfs.sync.after\n"
                           "fs.mkdir.before\nfs.mkdir.after\nfs.sync.before\nfs.sync.after\n"
                           "fs.write\nfs.sync.before\nfs.sync.after\n" /* bytes before the name */
                           "fs.publish.before\nfs.publish.after\nfs.sync.before\nfs.sync.after\n");
}

static void each_point(const char *verb)
{
    bool killing = strcmp(verb, "kill") == 0, saw_old = false, saw_new = false;
    int points = 0;
    CLEANUP_BUF struct buf log = {0};

    read_points(&log);
    for (size_t i = 0; i < log.n; i++)
        points += log.p[i] == '\n';
    for (int n = 1; n <= points + 1; n++) {
        struct err e = {0};
        CLEANUP_FREE char *dir = make_dir(verb, n), *path = fs_join(dir, "f"),
                          *plan = xasprintf("%s:%d", verb, n);
        CLEANUP_BUF struct buf got = {0};
        struct proc_exit x = run_inner("inner_writes", dir, plan, "");
        if (n > points)
            CHECK_EQ(x.code, 0); /* one more than there are: nothing happens */
        else
            CHECK(killing ? x.signal == SIGKILL : x.code == 1);
        CHECK_OK(fs_read_file(path, 1000, &got, &e));
        bool old = strcmp(buf_z(&got), OLD_TEXT) == 0, new = strcmp(buf_z(&got), NEW_TEXT) == 0;
        CHECK(old || new);
        CHECK(!(saw_new && old)); /* once visible, it stays */
        saw_old |= old;
        saw_new |= new;
    }
    CHECK(saw_old && saw_new);
}

TEST(fault_killed_at_any_step_a_file_is_whole)
{
    each_point("kill");
}

TEST(fault_failed_at_any_step_a_file_is_whole)
{
    each_point("fail");
}

TEST(fault_by_name_counts_only_that_name)
{
    struct err e = {0};
    CLEANUP_FREE char *dir = make_dir("named", 0), *log = fs_join(dir, "log");
    CLEANUP_BUF struct buf got = {0};

    CHECK_EQ(run_inner("inner_writes", dir, "kill@fs.sync.before:3", log).signal, SIGKILL);
    CHECK_OK(fs_read_file(log, 1 << 16, &got, &e));
    CHECK(str_ends(buf_str(&got), STR("fs.write\nfs.sync.before\n")));
    CHECK_EQ(run_inner("inner_writes", dir, "kill@no.such.point:1", "").code, 0);
}

TEST(fault_of_memory_only_by_name)
{
    CLEANUP_FREE char *dir = make_dir("mem", 0);

    CHECK_EQ(run_inner("inner_allocates", dir, "fail@mem.try:3", "").code, 0);
    CHECK_EQ(run_inner("inner_allocates", dir, "fail:3", "").code,
             1); /* not reached: the third is fine */
}

TEST(fault_plan_that_is_not_understood_ends_the_process)
{
    static const char *const plans[] = {"kill",   "kill:",   "kill:0", "kill:x",
                                        "stop:1", "kill@:1", "kill:-1"};
    CLEANUP_FREE char *dir = make_dir("bad", 0);

    for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
        struct proc_exit x = run_inner("inner_writes", dir, plans[i], "");
        CHECK(x.signal == SIGABRT || x.code > 1);
    }
}

#else

TEST(fault_points_compile_to_nothing)
{
    setenv("RUSHES_FAULT", "fail:1", 1);
    CHECK_EQ(fault_point("fs.publish.before"), 0);
    unsetenv("RUSHES_FAULT");
}

#endif

TEST_MAIN
