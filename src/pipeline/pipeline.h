/*
 * The stages of a video and their graph. One table (pipeline.c) says what the stages are, which
 * queue runs them and what they need; everything else follows from it:
 *
 *     upload_validate --> media_pass --> read_text --> publish
 *
 * A stage is idempotent: it reads rows and objects, makes objects under names that follow from its
 * inputs, and then publishes rows, its own completion and the jobs of the stages that became ready
 * in ONE transaction, fenced by its lease. So after a crash at any point the stages that had
 * finished stay finished and the others run again.
 *
 * An optional stage that can not run (a missing program, say) or that fails for good is completed
 * as skipped, with the reason in its job's note, and the video goes on without what it would have
 * made.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include <stdatomic.h>

#include "pipeline/library.h"

/* How the note of a stage that was passed over begins; the rest is why and what would help. */
#define PIPELINE_SKIPPED "skipped: "

/* Puts the first stage of a video (state validating, original stored) into the queue; part of the
 * caller's transaction. */
int pipeline_begin(struct library *lib, struct tx *tx, const char *video_id, struct err *e);

/*
 * Queues a stage of a video again, and what needs it after it; NULL: whatever stands to be done
 * next. An indexed or failed video goes back to processing. How many jobs were queued; 0: they are
 * on their way already.
 */
int pipeline_again(struct library *lib, struct tx *tx, const char *video_id, const char *stage,
                   struct err *e);

struct pipeline_progress {
    const char *video_id, *stage;
    int stage_percent, video_percent;
};
/* How a run reports and is stopped. Plain data; may be NULL where taken. */
struct pipeline_watch {
    atomic_bool *stop; /* true: give the job back as soon as possible */
    void (*progress)(void *arg, const struct pipeline_progress *p); /* on the worker's thread */
    void *arg;
};

/*
 * Runs the stage of a claimed job to its end and settles the job: finished, failed, released or
 * found lost. 0: settled; *ret_why (cleared on success) tells why the attempt failed. Negative: the
 * job could not be settled (database down); its lease will run out.
 */
int pipeline_run(struct library *lib, struct job *job, const struct pipeline_watch *watch,
                 struct err *ret_why, struct err *e);

/* Facts of the table, for people and tests: stage i of pipeline_stages(), NULL beyond the last. */
const char *pipeline_stage_name(int i);

#endif
