/*
 * Making the database again from the object store alone. Every sidecar's newest version gives a
 * video with its objects, shots and texts; an original that no sidecar names gives a video that is
 * processed from the start. A database that has rows already only gains what is missing, so an
 * interrupted rebuild is simply run again.
 */
#ifndef PIPELINE_REBUILD_H
#define PIPELINE_REBUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct db;
struct log;
struct store;
struct tx;

struct rebuild {
    struct db *db;
    struct store *store;
    const struct log *log; /* borrowed, may be NULL */
    /* Starts the work on a video that is not finished, in the transaction that adds it (state
     * validating, original stored); pipeline_begin(). */
    int (*start)(void *arg, struct tx *tx, const char *video_id, struct err *e);
    void *start_arg;
    /* May be NULL; non-zero stops with ERR_CANCELLED. what: the key at hand, borrowed. */
    int (*progress)(void *arg, int64_t done, const char *what);
    void *progress_arg;
};

struct rebuild_report {
    int64_t restored;     /* videos whose rows are as the sidecar says */
    int64_t requeued;     /* videos that are processed again: not finished, or without a sidecar */
    int64_t there;        /* were in the database already */
    int64_t deleted;      /* the sidecar says that the video was deleted */
    int64_t lost;         /* the original is gone: the video is there, failed with that reason */
    int64_t unreadable;   /* sidecars that could not be read (logged); an older version was taken */
    int64_t objects;      /* rows of objects */
    int64_t objects_gone; /* named by a sidecar, but not in the store: no row */
};
/* ERR_STORAGE, ERR_CANCELLED and what the database says. One video that can not be restored is
 * logged, counted as unreadable, and does not stop the rest. */
int rebuild_run(const struct rebuild *rb, struct rebuild_report *ret, struct err *e);

#endif
