/*
 * Starting processes. Between fork and exec only async-signal-safe calls are made, since other
 * threads of ours may hold any lock. What goes wrong there comes back over a close-on-exec pipe, so
 * a program that can not be started is an error of proc_start() and not a child that ends with 127.
 */
#include "base/proc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct start_failure {
    int step; /* index into step_names */
    int errnum;
};
enum { STEP_PARENT, STEP_SIGNALS, STEP_DESCRIPTORS, STEP_EXEC };
static const char *const step_names[] = {"die with the parent", "reset signals",
                                         "arrange descriptors", "exec"};

struct plan {
    const char *const *argv, *const *envp;
    int *fds; /* n_fds entries; -1 already replaced by /dev/null */
    int n_fds;
    int report_fd;
    pid_t parent;
};

static _Noreturn void child_fail(int report_fd, int step)
{
    struct start_failure f = {step, errno};
    ssize_t n = write(report_fd, &f, sizeof f); /* below PIPE_BUF: whole or not at all */

    (void)n;
    _exit(127);
}

/* A descriptor is moved out of the way first, so that no target overwrites a source that is still
 * needed. */
static void child_descriptors(struct plan *p)
{
    int report = fcntl(p->report_fd, F_DUPFD_CLOEXEC, p->n_fds);
    if (report < 0)
        child_fail(p->report_fd, STEP_DESCRIPTORS);
    p->report_fd = report;
    for (int i = 0; i < p->n_fds; i++) {
        p->fds[i] = fcntl(p->fds[i], F_DUPFD_CLOEXEC, p->n_fds);
        if (p->fds[i] < 0)
            child_fail(report, STEP_DESCRIPTORS);
    }
    for (int i = 0; i < p->n_fds; i++)
        if (dup2(p->fds[i], i) < 0)
            child_fail(report, STEP_DESCRIPTORS);
    /* the report pipe must live until exec: the rest is marked, not closed */
    if (syscall(SYS_close_range, (unsigned)p->n_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        child_fail(report, STEP_DESCRIPTORS);
}

static void child_signals(struct plan *p)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int s = 1; s < NSIG; s++)
        if (sigaction(s, &dfl, NULL) < 0 &&
            errno != EINVAL) /* EINVAL: SIGKILL, SIGSTOP, those of libc */
            child_fail(p->report_fd, STEP_SIGNALS);
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        child_fail(p->report_fd, STEP_SIGNALS);
}

static _Noreturn void child_main(struct plan *p)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        child_fail(p->report_fd, STEP_PARENT);
    if (getppid() != p->parent) { /* it died before prctl() */
        errno = ESRCH;
        child_fail(p->report_fd, STEP_PARENT);
    }
    /* Ctrl-C at the terminal is the parent's to answer */
    if (setpgid(0, 0) < 0)
        child_fail(p->report_fd, STEP_PARENT);
    child_descriptors(p);
    child_signals(p);
    execve(p->argv[0], (char *const *)p->argv, (char *const *)p->envp);
    child_fail(p->report_fd, STEP_EXEC);
}

/* Reads what the child could not do; 0 when exec closed the pipe. */
static int read_failure(int fd, struct start_failure *ret)
{
    size_t have = 0;

    while (have < sizeof *ret) {
        ssize_t n = read(fd, (char *)ret + have, sizeof *ret - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        have += (size_t)n;
    }
    return 1;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

int proc_start(const char *const argv[], const char *const envp[], const int *fds, int n_fds,
               struct proc *ret, struct err *e)
{
    static const char *const no_env[] = {NULL};
    CLEANUP_CLOSE int report_read = -1;
    CLEANUP_CLOSE int report_write = -1;
    CLEANUP_CLOSE int null_fd = -1;
    CLEANUP_FREE int *sources = xcalloc((size_t)n_fds, sizeof *sources);
    int ends[2];
    sigset_t all, before;

    assert(argv[0] && n_fds >= 0);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0)
        return err_errno(e, errno, "start '%s': open /dev/null", argv[0]);
    for (int i = 0; i < n_fds; i++)
        sources[i] = fds[i] >= 0 ? fds[i] : null_fd;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, errno, "start '%s': pipe", argv[0]);
    report_read = ends[0];
    report_write = ends[1];
    struct plan plan = {.argv = argv,
                        .envp = envp ? envp : no_env,
                        .fds = sources,
                        .n_fds = n_fds,
                        .report_fd = report_write,
                        .parent = getpid()};

    /* no handler of ours may run in the child */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    int fork_errno = errno;
    if (pid == 0)
        child_main(&plan);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return err_errno(e, fork_errno, "start '%s': fork", argv[0]);

    fd_close(report_write);
    report_write = -1;
    int pidfd = pidfd_open(pid, 0); /* close-on-exec by itself */
    if (pidfd < 0) {
        err_errno(e, errno, "start '%s': pidfd", argv[0]);
        kill(pid, SIGKILL);
        reap(pid);
        return -1;
    }
    struct start_failure f;
    if (read_failure(report_read, &f)) {
        reap(pid);
        close(pidfd);
        return err_errno(e, f.errnum, "start '%s': %s", argv[0], step_names[f.step]);
    }
    *ret = (struct proc){.pid = pid, .pidfd = pidfd};
    return 0;
}

static int64_t us_of(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

/* 1 and *ret when it ended, 0 when it runs. The system call itself, not libc's waitid(): only that
 * one tells the resources used. */
static int collect(struct proc *p, struct proc_exit *ret, struct err *e)
{
    siginfo_t info = {0};
    struct rusage ru = {0};

    while (syscall(SYS_waitid, P_PIDFD, p->pidfd, &info, WEXITED | WNOHANG, &ru) < 0)
        if (errno != EINTR)
            return err_errno(e, errno, "wait for process %d", (int)p->pid);
    if (info.si_pid == 0)
        return 0;
    bool exited = info.si_code == CLD_EXITED;
    *ret = (struct proc_exit){.code = exited ? info.si_status : -1,
                              .signal = exited ? 0 : info.si_status,
                              .cpu_us = us_of(ru.ru_utime) + us_of(ru.ru_stime),
                              .max_rss_bytes = (int64_t)ru.ru_maxrss * 1024};
    close(p->pidfd);
    p->pidfd = -1;
    return 1;
}

int proc_wait(struct proc *p, int64_t deadline_mono_ms, struct proc_exit *ret, struct err *e)
{
    if (p->pidfd < 0)
        return err_set(e, ERR_INTERNAL, "wait for process %d: waited for already", (int)p->pid);
    for (;;) {
        int r = collect(p, ret, e);
        if (r != 0)
            return r;
        int timeout_ms = -1;
        if (deadline_mono_ms >= 0) {
            int64_t left = deadline_mono_ms - clock_mono_ms();
            if (left <= 0)
                return 0;
            timeout_ms = (int)MIN(left, (int64_t)1 << 30);
        }
        struct pollfd pfd = {.fd = p->pidfd, .events = POLLIN};
        int n = poll(&pfd, 1, timeout_ms);
        if (n < 0 && errno != EINTR)
            return err_errno(e, errno, "wait for process %d: poll", (int)p->pid);
        /* also with a clock that a test holds still, a wait that has passed is a deadline that has
         * passed */
        if (n == 0 && timeout_ms < 1 << 30)
            return collect(p, ret, e);
    }
}

void proc_kill(struct proc *p)
{
    if (p->pidfd >= 0)
        pidfd_send_signal(p->pidfd, SIGKILL, NULL,
                          0); /* ESRCH: it ended, which is what was wanted */
}

void proc_finish(struct proc *p)
{
    struct proc_exit ignored;
    struct err e = {0};

    if (!p || p->pidfd < 0)
        return;
    proc_kill(p);
    if (proc_wait(p, -1, &ignored, &e) < 0) {
        close(p->pidfd);
        p->pidfd = -1;
    }
}
