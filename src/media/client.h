/*
 * Running one child for one task; what media.h's calls are made of. Not for other modules.
 */
#ifndef MEDIA_CLIENT_H
#define MEDIA_CLIENT_H

#include "base/json.h"
#include "media/media.h"

struct client_call {
    const char *task;
    struct str options; /* JSON object */
    int in_fd;          /* -1: none */
    const int *more;    /* further descriptors, borrowed */
    int n_more;
};
/*
 * Starts the child, relays its messages to the context's log and progress, waits for its end. 0: the task is done and,
 * if ret_result is not NULL, *ret_result is its result, to be json_decref()ed (NULL when it gave none). Errors as in
 * media.h.
 */
int client_run(const struct media_ctx *m, const struct client_call *call, json_t **ret_result,
               struct err *e);

#endif
