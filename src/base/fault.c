/*
 * Fault points. The plan is read from the environment once; counting is atomic, so that a run with
 * threads still has one N-th point. Points called "mem.…" are not durable steps: they count only
 * when named.
 */
#include "base/fault.h"

#ifdef RUSHES_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define FAULT_NAME_MAX 64

enum plan_kind { PLAN_NONE, PLAN_KILL, PLAN_FAIL };

static pthread_once_t plan_once = PTHREAD_ONCE_INIT;
static struct {
    enum plan_kind kind;
    char name[FAULT_NAME_MAX]; /* empty: any */
    uint64_t nth;              /* from 1 */
    int log_fd;                /* -1: none */
} plan;
static _Atomic uint64_t reached;

static void bad_plan(const char *text)
{
    fprintf(stderr, "rushes: RUSHES_FAULT=%s: not kill:N, fail:N, kill@NAME:N or fail@NAME:N\n",
            text);
    abort(); /* a test whose fault never comes would pass for the wrong reason */
}

static void read_plan(void)
{
    const char *text = getenv("RUSHES_FAULT"), *log = getenv("RUSHES_FAULT_LOG");

    plan.log_fd = log && log[0] ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (!text || !text[0])
        return;
    const char *colon = strrchr(text, ':');
    if (!colon || !str_to_u64(str_of(colon + 1), &plan.nth) || plan.nth == 0)
        bad_plan(text);
    struct str verb = {text, (size_t)(colon - text)}, name = {NULL, 0};
    const char *at = memchr(text, '@', verb.n);
    if (at) {
        name = (struct str){at + 1, (size_t)(colon - at - 1)};
        verb.n = (size_t)(at - text);
    }
    plan.kind = str_eqz(verb, "kill") ? PLAN_KILL : str_eqz(verb, "fail") ? PLAN_FAIL : PLAN_NONE;
    if (plan.kind == PLAN_NONE || (at && name.n == 0) || name.n >= sizeof plan.name)
        bad_plan(text);
    if (name.n)
        memcpy(plan.name, name.p, name.n);
}

static void log_point(const char *name)
{
    char line[FAULT_NAME_MAX + 2];
    int n = snprintf(line, sizeof line, "%s\n", name);

    if (n > 0 && (size_t)n < sizeof line && write(plan.log_fd, line, (size_t)n) < 0)
        perror("RUSHES_FAULT_LOG");
}

int fault_point(const char *name)
{
    pthread_once(&plan_once, read_plan);
    bool named = plan.name[0] != '\0';
    if (named ? strcmp(plan.name, name) != 0 : strncmp(name, "mem.", 4) == 0) {
        if (plan.log_fd >= 0 && strncmp(name, "mem.", 4) != 0)
            log_point(name);
        return 0;
    }
    if (plan.log_fd >= 0)
        log_point(name);
    if (plan.kind == PLAN_NONE || atomic_fetch_add(&reached, 1) + 1 != plan.nth)
        return 0;
    if (plan.kind == PLAN_KILL) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
    errno = ENOSPC;
    return -1;
}

#endif
