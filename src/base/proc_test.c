#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/test.h"

#define LONG_MS                                                                                    \
    20000 /* far more than any child here needs: a test that waits so long has failed  \
                       */

static const char *const no_env[] = {NULL};

/* Starts /bin/sh -c script with the descriptors given. */
static struct proc shell(const char *script, const char *const *envp, const int *fds, int n_fds)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct proc p;
    struct err e = {0};

    CHECK_OK(proc_start(argv, envp, fds, n_fds, &p, &e));
    return p;
}

static struct proc_exit finish(struct proc *p)
{
    struct proc_exit x;
    struct err e = {0};

    CHECK_EQ(proc_wait(p, clock_mono_ms() + LONG_MS, &x, &e), 1);
    return x;
}

/* Runs a script with its output caught in a file. */
static struct proc_exit run(const char *script, const char *const *envp, struct buf *out)
{
    struct err e = {0};
    CLEANUP_CLOSE int fd = -1;

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    struct proc p = shell(script, envp, (int[]){-1, fd, fd}, 3);
    struct proc_exit x = finish(&p);
    CHECK_OK(fs_read_fd(fd, 1 << 20, out, &e));
    return x;
}

/* A child that lives until its standard input ends. */
struct waiting {
    struct proc p;
    int keep; /* closing it ends the child */
};
static struct waiting start_waiting(void)
{
    int ends[2];

    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    struct waiting w = {.p = shell("read line; exit 5", no_env, (int[]){ends[0], -1, 2}, 3),
                        .keep = ends[1]};
    close(ends[0]);
    return w;
}

TEST(proc_exit_status_and_output)
{
    CLEANUP_BUF struct buf out = {0};

    struct proc_exit x = run("echo to-out; echo to-err >&2; exit 42", no_env, &out);
    CHECK_EQ(x.code, 42);
    CHECK_EQ(x.signal, 0);
    CHECK_STR(buf_z(&out), "to-out\nto-err\n");
}

TEST(proc_signal_is_told_apart_from_a_status)
{
    CLEANUP_BUF struct buf out = {0};

    struct proc_exit x = run("kill -TERM $$", no_env, &out);
    CHECK_EQ(x.code, -1);
    CHECK_EQ(x.signal, SIGTERM);
}

TEST(proc_environment_is_exactly_what_was_given)
{
    CLEANUP_BUF struct buf out = {0};
    const char *const env[] = {"ONE=1", "TWO=a b", NULL};

    setenv("RUSHES_SECRET_OF_THE_PARENT", "x", 1);
    run("/usr/bin/env | /usr/bin/sort | /bin/grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=", env,
        &out);
    unsetenv("RUSHES_SECRET_OF_THE_PARENT");
    CHECK_STR(buf_z(&out), "ONE=1\nTWO=a b\n");
}

TEST(proc_null_environment_is_empty)
{
    CLEANUP_BUF struct buf out = {0};

    setenv("RUSHES_SECRET_OF_THE_PARENT", "x", 1);
    run("echo \"[$RUSHES_SECRET_OF_THE_PARENT]\"", NULL, &out);
    unsetenv("RUSHES_SECRET_OF_THE_PARENT");
    CHECK_STR(buf_z(&out), "[]\n");
}

TEST(proc_inherits_only_the_descriptors_listed)
{
    CLEANUP_BUF struct buf out = {0};
    CLEANUP_CLOSE int leaky = fcntl(STDERR_FILENO, F_DUPFD, 50); /* without close-on-exec */

    CHECK(leaky >= 50);
    CLEANUP_FREE char *script =
        xasprintf("for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 %d; do "
                  "[ -e /proc/self/fd/$n ] && echo $n; done; true",
                  leaky);
    run(script, no_env, &out);
    CHECK_STR(buf_z(&out), "0\n1\n2\n");
    CHECK(fcntl(leaky, F_GETFD) >= 0); /* ours is still open */
}

TEST(proc_null_descriptors_are_dev_null)
{
    CLEANUP_BUF struct buf out = {0};

    run("/bin/readlink /proc/self/fd/0; read line || echo end", no_env, &out);
    CHECK_STR(buf_z(&out), "/dev/null\nend\n");
}

/* Sources whose numbers are each other's targets, and one source for two targets. */
TEST(proc_descriptors_may_cross)
{
    enum { TOP = 40 };
    struct err e = {0};
    CLEANUP_CLOSE int a = -1;
    CLEANUP_CLOSE int b = -1;
    CLEANUP_BUF struct buf in_a = {0}, in_b = {0};
    int fds[TOP];

    CHECK_OK(fs_tmpfile(test_dir(), &a, &e));
    CHECK_OK(fs_tmpfile(test_dir(), &b, &e));
    CLEANUP_CLOSE int high_a = fcntl(a, F_DUPFD_CLOEXEC, 20);
    CLEANUP_CLOSE int high_b = fcntl(b, F_DUPFD_CLOEXEC, 20);
    CHECK(high_a >= 20 && high_b >= 20 && high_a < TOP && high_b < TOP);
    for (int i = 0; i < TOP; i++)
        fds[i] = -1;
    fds[high_a] = high_b;
    fds[high_b] = high_a;
    fds[3] = high_a;
    CLEANUP_FREE char *script =
        xasprintf("echo to-b > /proc/self/fd/%d; echo to-a >> /proc/self/fd/%d; "
                  "echo again-a >> /proc/self/fd/3",
                  high_a, high_b);
    struct proc p = shell(script, no_env, fds, TOP);
    CHECK_EQ(finish(&p).code, 0);
    CHECK_OK(fs_read_fd(a, 100, &in_a, &e));
    CHECK_OK(fs_read_fd(b, 100, &in_b, &e));
    CHECK_STR(buf_z(&in_a), "to-a\nagain-a\n");
    CHECK_STR(buf_z(&in_b), "to-b\n");
}

TEST(proc_signals_are_as_at_login)
{
    CLEANUP_BUF struct buf out = {0};
    sigset_t blocked, before;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    sigaction(SIGPIPE, &ignore, &old);
    run("/bin/grep -E '^Sig(Blk|Ign)' /proc/self/status", no_env, &out);
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, &before, &now);
    sigaction(SIGPIPE, &old, NULL);
    CHECK_STR(buf_z(&out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    CHECK(sigismember(&now, SIGUSR1)); /* the parent's mask came back */
    CHECK(!sigismember(&now, SIGINT));
}

TEST(proc_that_can_not_be_started_is_an_error_here)
{
    struct err e = {0};
    struct proc p = {.pid = -7, .pidfd = -7};
    CLEANUP_FREE char *not_executable = fs_join(test_dir(), "text");
    const char *none[] = {"/no/such/program", NULL}, *text[] = {not_executable, NULL},
               *sh[] = {"/bin/sh", NULL};

    CHECK_ERR(proc_start(none, no_env, NULL, 0, &p, &e), ERR_NOT_FOUND);
    CHECK(strstr(e.text, "/no/such/program") && strstr(e.text, "exec"));
    CHECK_OK(fs_write_file(not_executable, STR("text"), &e));
    CHECK_ERR(proc_start(text, no_env, NULL, 0, &p, &e), ERR_DENIED);
    CHECK_ERR(proc_start(sh, no_env, (int[]){9999}, 1, &p, &e), ERR_INTERNAL);
    CHECK(strstr(e.text, "descriptors") != NULL);
    CHECK_EQ(p.pid, -7); /* untouched */
    CHECK_EQ(p.pidfd, -7);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* and no zombie */
}

TEST(proc_wait_ends_at_its_deadline)
{
    struct waiting w = start_waiting();
    struct proc_exit x = {.code = 77};
    struct err e = {0};
    int64_t start_ms = clock_mono_ms();

    CHECK_EQ(proc_wait(&w.p, start_ms, &x, &e), 0); /* passed already: only looks */
    CHECK_EQ(proc_wait(&w.p, start_ms + 30, &x, &e), 0);
    CHECK(clock_mono_ms() >= start_ms + 30);
    CHECK_EQ(x.code, 77);
    close(w.keep);
    CHECK_EQ(proc_wait(&w.p, -1, &x, &e), 1);
    CHECK_EQ(x.code, 5);
}

TEST(proc_wait_ends_also_when_a_test_holds_the_clock)
{
    struct waiting w = start_waiting();
    struct proc_exit x;
    struct err e = {0};

    clock_freeze_ms(0);
    int r = proc_wait(&w.p, clock_mono_ms() + 20, &x, &e);
    clock_thaw();
    CHECK_EQ(r, 0);
    close(w.keep);
    CHECK_EQ(finish(&w.p).code, 5);
}

TEST(proc_kill_ends_it_with_sigkill)
{
    struct waiting w = start_waiting();

    proc_kill(&w.p);
    struct proc_exit x = finish(&w.p);
    CHECK_EQ(x.code, -1);
    CHECK_EQ(x.signal, SIGKILL);
    proc_kill(&w.p); /* both harmless now */
    proc_finish(&w.p);
    close(w.keep);
    struct err e = {0};
    CHECK_ERR(proc_wait(&w.p, -1, &x, &e), ERR_INTERNAL);
}

TEST(proc_finish_leaves_no_zombie_and_no_descriptor)
{
    struct waiting w = start_waiting();
    int pidfd = w.p.pidfd;

    proc_finish(&w.p);
    CHECK_EQ(w.p.pidfd, -1);
    CHECK(fcntl(pidfd, F_GETFD) < 0 && errno == EBADF);
    CHECK(waitpid(w.p.pid, NULL, WNOHANG) < 0 && errno == ECHILD);
    close(w.keep);
    proc_finish(NULL);
}

TEST(proc_tells_the_resources_used)
{
    CLEANUP_BUF struct buf out = {0};
    int64_t start_us = clock_mono_us();

    struct proc_exit busy = run("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done", no_env, &out);
    int64_t took_us = clock_mono_us() - start_us;
    struct proc_exit idle = run("true", no_env, &out);
    CHECK(busy.cpu_us > 2000 && busy.cpu_us <= took_us + 20000);
    CHECK(idle.cpu_us < busy.cpu_us);
    CHECK(busy.max_rss_bytes > 100 << 10 && busy.max_rss_bytes < (int64_t)8 << 30);
}

static void end_of_file_within(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c;

    CHECK_EQ(poll(&p, 1, ms), 1);
    CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(proc_dies_with_its_parent)
{
    int in[2], alive[2];

    CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(alive, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0) { /* starts a child that would live as long as `in` is open, and goes */
        const char *argv[] = {"/bin/sh", "-c", "read line", NULL};
        struct proc p;
        _exit(proc_start(argv, no_env, (int[]){in[0], alive[1]}, 2, &p, NULL) == 0 ? 0 : 1);
    }
    int status;
    close(alive[1]);
    CHECK_EQ(waitpid(parent, &status, 0), parent);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    end_of_file_within(alive[0], LONG_MS); /* only the grandchild held the other end */
    close(alive[0]);
    close(in[0]);
    close(in[1]);
}

static void *start_and_wait(void *arg)
{
    for (int i = 0; i < 20; i++) {
        CLEANUP_BUF struct buf out = {0};
        CLEANUP_FREE char *script = xasprintf("echo %d; exit %d", i, i);
        struct proc_exit x = run(script, no_env, &out);
        int64_t said = -1;
        if (x.code != i || !str_to_i64(str_trim(buf_str(&out)), &said) || said != i)
            return NULL;
    }
    return arg;
}

TEST(proc_from_several_threads)
{
    pthread_t t[4];
    int ok = 1;
    void *r;

    test_dir(); /* made before the threads share it */
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        CHECK_EQ(pthread_create(&t[i], NULL, start_and_wait, &ok), 0);
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        pthread_join(t[i], &r);
        CHECK(r == &ok);
    }
}

TEST_MAIN
