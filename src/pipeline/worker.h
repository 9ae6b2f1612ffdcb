/*
 * A worker: claims jobs and runs them until there is nothing to do, or for ever. `rushes ingest` is
 * a worker limited to its videos, `rushes work` one for all; the server starts the same.
 */
#ifndef PIPELINE_WORKER_H
#define PIPELINE_WORKER_H

#include <stdatomic.h>

#include "pipeline/pipeline.h"

struct worker_opts {
    const char
        *video_id; /* only jobs of this video; ends when the video is indexed, failed or deleted */
    bool drain;    /* ends when no job is pending or running anywhere */
    int concurrency;   /* jobs at once, each on a thread of its own; >= 1 */
    atomic_bool *stop; /* set by the caller (a signal handler may): running jobs are given back; may
                          be NULL */
    void (*progress)(void *arg,
                     const struct pipeline_progress *p); /* on worker threads; may be NULL */
    void *arg;
};
struct worker_result {
    int64_t done, failed; /* attempts */
    bool stopped;
};
/* 0: ended as asked. Negative: the database or store does not answer; jobs in hand were given back
 * where possible. */
int worker_run(struct library *lib, const struct worker_opts *o, struct worker_result *ret,
               struct err *e);

#endif
