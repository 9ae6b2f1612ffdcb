/*
 * Starting processes: fork and exec with an exact list of descriptors, nothing else inherited,
 * default signal handlers, an empty signal mask, and a pidfd to wait on. Any thread may start and
 * wait; a struct proc is used by one at a time. The child leads a process group of its own, so that what a terminal sends
 * to ours (Ctrl-C) is ours to answer.
 *
 * The child is killed when the thread that started it ends (PR_SET_PDEATHSIG counts threads, not
 * processes): start children from a thread that outlives them. Needs Linux 5.11 (close_range with
 * CLOEXEC).
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct proc {
    pid_t pid;
    int pidfd; /* readable when it ended; -1 once waited */
};
struct proc_exit {
    int code;              /* exit status, or -1 when a signal ended it */
    int signal;            /* 0, or the signal */
    int64_t cpu_us;        /* user + system */
    int64_t max_rss_bytes; /* peak resident; see proc_start() */
};
/*
 * Runs argv[0] (a path; "/proc/self/exe" is ourselves) with envp (NULL: none), both ended by NULL.
 * fds[i] becomes descriptor i in the child (-1: /dev/null; the same one may be given twice); all
 * others are closed. The caller keeps its descriptors, and owns *ret: to be waited for, or ended by
 * proc_finish(). A program that can not be run is an error here (NOT_FOUND, DENIED, …) and leaves
 * no child behind.
 *
 * max_rss_bytes is what the kernel tells of the child from fork on, so never less than what this
 * process had resident when it started the child. A child whose peak must be exact beside a big
 * parent reports its own VmHWM.
 */
int proc_start(const char *const argv[], const char *const envp[], const int *fds, int n_fds,
               struct proc *ret, struct err *e);
/* 1 ended (*ret filled, p can not be waited for again), 0 deadline passed (clock_mono_ms; a
 * negative one waits for ever, one in the past only looks), negative error */
int proc_wait(struct proc *p, int64_t deadline_mono_ms, struct proc_exit *ret, struct err *e);
void proc_kill(struct proc *p);   /* SIGKILL, harmless when it ended; wait afterwards */
void proc_finish(struct proc *p); /* kills and waits if still running */

#endif
