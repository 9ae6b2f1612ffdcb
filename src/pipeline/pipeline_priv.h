/* Shared by the stages: what one run of a stage has at hand. */
#ifndef PIPELINE_PIPELINE_PRIV_H
#define PIPELINE_PIPELINE_PRIV_H

#include "db/db_objects.h"
#include "db/db_scenes.h"
#include "db/db_videos.h"
#include "pipeline/pipeline.h"

struct stage;

/* One run of one stage. `arena` lives as long as the run. */
struct run {
    struct library *lib;
    const struct stage *stage;
    struct job *job;
    const struct pipeline_watch *watch;
    struct log *log;
    struct arena *arena;
    struct video video; /* as it was when the run began; its text is in arena */
    bool lacks_tool;    /* set by an optional stage that failed because what it needs is not on this
                           machine: skipped at once, another attempt would not help */
};

struct stage {
    const char *name;
    enum queue_name queue;
    int version;    /* part of the names of what it makes: raise it when the same input gives other
                       bytes */
    unsigned needs; /* stages that must be complete first: bit 1 << index in the table */
    bool optional;
    int weight; /* its share of a video's progress; all together 100 */
    /*
     * Does the work and then publishes it: opens a DB_WRITE transaction, writes its rows and ends
     * with run_finish(). The last failure of an optional stage, or one with lacks_tool set,
     * completes it as skipped.
     */
    int (*run)(struct run *r, struct err *e);
};
extern const struct stage stage_validate, stage_media, stage_text, stage_publish;

/* Completes the stage inside its publishing transaction, queues what became ready, and commits.
 * note may be NULL. */
int run_finish(struct run *r, struct tx *tx, const char *note, struct err *e);

/* A media_ctx whose progress is the job's and that stops when the job is lost, overdue or the
 * worker is to stop. */
void run_media_ctx(struct run *r, struct media_ctx *m);

/* The video's media columns from what is known of the file; duration_us and frames 0 where not
 * counted yet. */
int run_set_media(struct run *r, struct tx *tx, const struct media_info *info, int64_t duration_us,
                  int64_t frames, struct err *e);

/* Objects of the media pass, as named for this video and the present settings. */
struct pass_names {
    char params[STORE_PARAMS_HEX_MAX];
    char keys[MEDIA_OUT_N][STORE_KEY_MAX];
    char report[STORE_KEY_MAX];
};
int pass_names(struct library *lib, const char *sha256, struct pass_names *ret, struct err *e);
/* The stored report of the newest pass over this content: 1 found, 0 none. */
int pass_report(struct library *lib, const char *sha256, struct media_pass_result **ret,
                struct pass_names *ret_names, struct err *e);

#endif
