/*
 * Starting processes: fork and exec with an exact list of descriptors, nothing else inherited, a
 * clean signal mask, and a pidfd to wait on. The child dies with its parent (PR_SET_PDEATHSIG).
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
    int64_t max_rss_bytes; /* peak resident */
};
/*
 * Runs argv[0] (a path; "/proc/self/exe" is ourselves) with envp. fds[i] becomes descriptor i in
 * the child (-1: /dev/null); all others are closed. The caller keeps its descriptors.
 */
int proc_start(const char *const argv[], const char *const envp[], const int *fds, int n_fds,
               struct proc *ret, struct err *e);
/* 1 ended (*ret filled), 0 deadline passed (clock_mono_ms; -1 waits for ever), negative error */
int proc_wait(struct proc *p, int64_t deadline_mono_ms, struct proc_exit *ret, struct err *e);
void proc_kill(struct proc *p);   /* SIGKILL; wait afterwards */
void proc_finish(struct proc *p); /* kills and waits if still running */

#endif
