/*
 * Fault points: names at every durable step where tests can kill the process or make the step fail.
 * In ordinary builds they compile to nothing; test builds (-Dfaults=true) obey
 *
 *     RUSHES_FAULT=kill:N            SIGKILL at the N-th point reached (from 1)
 *     RUSHES_FAULT=fail:N            the N-th point reports failure (ENOSPC)
 *     RUSHES_FAULT=kill@NAME:N       the same, counting only points called NAME
 *     RUSHES_FAULT=fail@NAME:N
 *     RUSHES_FAULT_LOG=FILE          appends the name of each point reached, one a line
 *
 * The plan is read when the first point is reached and holds for the process; one that is not
 * understood aborts. Points called "mem.…" (mem.try: each mem_try_…()) are no durable steps: they
 * are counted and logged only when NAME names them. Names are lower case, "module.step.before" or
 * ".after", below 64 bytes. Any thread.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#ifdef RUSHES_FAULTS
/* 0 go on, -1 with errno set: the step must fail as if the system had */
int fault_point(const char *name);
#else
static inline int fault_point(const char *name)
{
    (void)name;
    return 0;
}
#endif

#endif
