/*
 * The inside of the media child: one process, one task. child.c reads the request, loads what the
 * task needs, closes the sandbox and calls run(); a task sees only this header, its descriptors and
 * the libraries.
 *
 * Descriptors, by number: 0 and 1 /dev/null, 2 standard error (kept by the client for the log), 3
 * the socket, 4 the input, 5 the result (a memfd the task writes JSON to), 6… further ones in the
 * order the task documents.
 */
#ifndef MEDIA_CHILD_H
#define MEDIA_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "media/media.h"

enum { CHILD_FD_SOCKET = 3, CHILD_FD_INPUT = 4, CHILD_FD_RESULT = 5, CHILD_FD_MORE = 6 };
#define CHILD_MORE_MAX 16 /* descriptors from CHILD_FD_MORE on */

struct child {
    const json_t *request; /* the task's own part of the request ("options"); an object, borrowed */
    int n_more;            /* descriptors CHILD_FD_MORE … CHILD_FD_MORE + n_more - 1 are there */
    struct media_limits limits;
    int threads; /* 1 or more */
    /* child.c's own */
    int64_t last_sent_ms, last_frames, last_position_us;
};

struct child_task {
    const char *name;
    bool lav; /* load libav* before the sandbox closes */
    /* What must open files (language data), before the sandbox closes; sees the request, must not
     * touch the input. May be NULL. */
    int (*prepare)(struct child *c, struct err *e);
    int (*run)(struct child *c, struct err *e);
};

/*
 * Says that work went on: cheap, call it for every frame. Sent four times a second at most, and
 * only if frames or position moved since the last time, so a hung task looks hung. One thread.
 */
void child_progress(struct child *c, int percent, int64_t frames, int64_t position_us);
/* A line for the client's log; any thread. The text is "event key=value …" as in log.h. */
void child_log(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes the task's result, once, whole. */
int child_result(struct child *c, struct str json, struct err *e);

extern const struct child_task task_probe, task_index, task_motion, task_shots, task_cut,
    task_sandbox, task_versions;
extern const struct child_task
    task_pass; /* more: one descriptor per enum media_out, in its order */
extern const struct child_task
    task_text; /* input: the pack; more[0]: JSON of struct media_pictures (results.h) */

#endif
