/*
 * The graph: which stages there are, which are ready, and how a run of one is settled. Nothing here
 * knows what a stage does.
 */
#include "pipeline/pipeline.h"

#include <inttypes.h>

#include "base/clock.h"
#include "pipeline/pipeline_priv.h"

/* In the order of the graph: a stage comes after all that it needs. */
static const struct stage *const stages[] = {&stage_validate, &stage_media, &stage_text,
                                             &stage_publish};
#define STAGES_N ARRAY_LEN(stages)

const char *pipeline_stage_name(int i)
{
    return i >= 0 && (size_t)i < STAGES_N ? stages[i]->name : NULL;
}

static int stage_index(const char *name)
{
    for (size_t i = 0; i < STAGES_N; i++)
        if (strcmp(stages[i]->name, name) == 0)
            return (int)i;
    return -1;
}

static int stage_queue(struct library *lib, struct tx *tx, const char *video_id, int i,
                       struct err *e)
{
    struct job_spec spec = {
        .queue = stages[i]->queue,
        .stage = stages[i]->name,
        .video_id = video_id,
        .priority = JOB_PRIORITY_DEFAULT,
    };
    return queue_add(lib->queue, tx, &spec, NULL, e);
}

int pipeline_begin(struct library *lib, struct tx *tx, const char *video_id, struct err *e)
{
    if (stage_queue(lib, tx, video_id, 0, e) < 0)
        return err_wrap(e, "begin pipeline of %s", video_id);
    return 0;
}

/* ---- which stages are ready
 * ---------------------------------------------------------------------------------------- */

/* Bits of the stages of this video that are done: the last job that ended was completed, and nothing it was made from
 * was made anew after it. Of those that wait or run in *ret_live; they are not done. What came after what is told by the
 * sequence of ends, not by a clock, which may step back. */
static int stages_done(struct tx *tx, const char *video_id, unsigned *ret_done, unsigned *ret_live,
                       struct err *e)
{
    struct job_stage_state s[STAGES_N];
    unsigned done = 0, live = 0, served = 0;
    for (size_t i = STAGES_N; i-- > 0;) {
        if (db_job_stage(tx, video_id, stages[i]->name, &s[i], e) < 0)
            return -1;
        if (s[i].live)
            live |= 1u << i;
        /* a stage whose jobs are purged was done once if a later one that needs it was */
        else if (s[i].completed_seq || (!s[i].known && (served & 1u << i)))
            done |= 1u << i;
        if (done & 1u << i)
            served |= stages[i]->needs;
    }
    for (size_t i = 0; i < STAGES_N; i++)
        for (size_t k = 0; k < i; k++) /* older than what it was made from: not done */
            if ((stages[i]->needs & 1u << k) &&
                (!(done & 1u << k) || s[k].completed_seq > s[i].completed_seq))
                done &= ~(1u << i);
    *ret_done = done;
    *ret_live = live;
    return 0;
}

/* Queues the stages that are ready and neither done nor on their way. How many. */
static int queue_ready(struct library *lib, struct tx *tx, const char *video_id, struct err *e)
{
    unsigned done, live;
    int n = 0;
    if (stages_done(tx, video_id, &done, &live, e) < 0)
        return -1;
    for (size_t i = 0; i < STAGES_N; i++) {
        if (((done | live) & 1u << i) || (stages[i]->needs & done) != stages[i]->needs)
            continue;
        int added = stage_queue(lib, tx, video_id, (int)i, e);
        if (added < 0)
            return err_wrap(e, "queue %s", stages[i]->name);
        n += added;
    }
    return n;
}

int pipeline_again(struct library *lib, struct tx *tx, const char *video_id, const char *stage,
                   struct err *e)
{
    int i = stage ? stage_index(stage) : -1;
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct video v;
    if (stage && i < 0)
        return err_set(e, ERR_INTERNAL, "there is no stage %s", LOGZ(stage));
    if (db_video_get(tx, a, video_id, &v, e) < 0)
        return -1;
    if (v.state == VIDEO_FAILED && db_video_revive(tx, video_id, e) < 0)
        return -1;
    if (v.state == VIDEO_INDEXED && db_video_set_state(tx, video_id, VIDEO_PROCESSING, e) < 0)
        return -1;
    if (stage)
        return stage_queue(lib, tx, video_id, i, e);
    int n = queue_ready(lib, tx, video_id, e);
    if (n != 0 || (v.state != VIDEO_FAILED && v.state != VIDEO_INDEXED))
        return n;
    /* every stage is done, yet the video went back to processing: the last one brings it out again */
    unsigned done, live;
    if (stages_done(tx, video_id, &done, &live, e) < 0)
        return -1;
    return live ? 0 : stage_queue(lib, tx, video_id, (int)STAGES_N - 1, e);
}

int run_finish(struct run *r, struct tx *tx, const char *note, struct err *e)
{
    if (queue_finish(tx, r->job, note, e) < 0 || queue_ready(r->lib, tx, r->video.id, e) < 0)
        return err_wrap(e, "finish %s", r->stage->name);
    return db_commit(tx, e);
}

/* ---- progress
 * ------------------------------------------------------------------------------------------------------
 */

static int video_percent(const struct stage *s, int percent)
{
    int before = 0;
    for (size_t i = 0; i < STAGES_N && stages[i] != s; i++)
        before += stages[i]->weight;
    return before + s->weight * percent / 100;
}

static bool stop_wanted(const struct run *r)
{
    return r->watch && r->watch->stop && atomic_load(r->watch->stop);
}

static int on_progress(void *arg, const struct media_progress *p)
{
    struct run *r = arg;
    struct err e = {0};
    if (job_status(r->job) != JOB_HELD || stop_wanted(r))
        return 1;
    int all = video_percent(r->stage, p->percent);
    if (queue_progress(r->lib->queue, r->job, p->percent, NULL, all, &e) < 0)
        log_warn(r->log, "progress_not_written cause=%s, continuing", LOGZ(e.text));
    if (r->watch && r->watch->progress) {
        struct pipeline_progress pp = {r->video.id, r->stage->name, p->percent, all};
        r->watch->progress(r->watch->arg, &pp);
    }
    return 0;
}

void run_media_ctx(struct run *r, struct media_ctx *m)
{
    media_ctx_init(m, r->lib->conf);
    m->log = r->log;
    m->progress = on_progress;
    m->progress_arg = r;
}

/* ---- running
 * -------------------------------------------------------------------------------------------------------
 */

static int load_video(struct run *r, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    if (db_begin(r->lib->db, DB_READ, &tx, e) < 0 ||
        db_video_get(tx, r->arena, job_row(r->job)->video_id, &r->video, e) < 0)
        return -1;
    if (r->video.state == VIDEO_DELETED)
        return err_set(e, ERR_CANCELLED, "video %s was deleted", r->video.id);
    return 0;
}

/* Completes an optional stage without its work. */
static int skip(struct run *r, const struct err *why, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP_FREE char *note =
        xasprintf(PIPELINE_SKIPPED "%s %s", err_plain_text(why), err_next_text(why));
    log_warn(r->log, "stage_skipped stage=%s cause=%s", r->stage->name, LOGZ(why->text));
    if (db_begin(r->lib->db, DB_WRITE, &tx, e) < 0)
        return -1;
    return run_finish(r, tx, note, e);
}

static bool last_chance(const struct run *r, const struct err *why)
{
    const struct job_row *row = job_row(r->job);
    return r->lacks_tool || !err_class(why->code)->retryable || row->attempt >= row->max_attempts;
}

int pipeline_run(struct library *lib, struct job *job, const struct pipeline_watch *watch,
                 struct err *ret_why, struct err *e)
{
    const struct job_row *row = job_row(job);
    int i = stage_index(row->stage);
    CLEANUP(arena_free) struct arena *arena = arena_new();
    CLEANUP(log_free)
    struct log *log = log_new(lib->log, "pipeline", "job=%s video=%s stage=%s attempt=%d", row->id,
                              row->video_id, row->stage, row->attempt);
    struct run r = {.lib = lib, .job = job, .watch = watch, .log = log, .arena = arena};
    struct err why = {0};
    int64_t t0 = clock_mono_ms();

    err_clear(ret_why);
    if (i < 0) {
        err_set(&why, ERR_INTERNAL, "job %s names a stage that does not exist: %s", row->id,
                row->stage);
    } else {
        r.stage = stages[i];
        log_info(log, "stage_begin");
        int done = load_video(&r, &why);
        if (done == 0)
            done = r.stage->run(&r, &why);
        if (done < 0 && job_status(job) == JOB_HELD && !stop_wanted(&r) &&
            why.code != ERR_CANCELLED && why.code != ERR_CONFLICT && r.stage->optional &&
            last_chance(&r, &why)) {
            struct err why_skip = why;
            err_clear(&why);
            done = skip(&r, &why_skip, &why);
        }
        if (done >= 0) {
            log_info(log, "stage_done took_ms=%" PRId64, clock_mono_ms() - t0);
            return 0;
        }
    }
    if (i >= 0 && stop_wanted(&r) && job_status(job) == JOB_HELD) {
        /* whatever it failed of, it was the stop that made it (children got the signal too, say) */
        struct err cause = why;
        err_clear(&why);
        err_set(&why, ERR_CANCELLED, "stopped: %s", cause.text);
    } else if (job_status(job) == JOB_OVERTIME) {
        err_set(&why, ERR_TIMEOUT, "ran longer than its limit of %" PRId64 " ms",
                row->time_limit_ms);
        err_plain(&why, "Processing took longer than is allowed.",
                  "Raise queue.time-limit, or cut the video shorter.");
    }
    log_warn(log, "stage_failed took_ms=%" PRId64 " code=%s cause=%s", clock_mono_ms() - t0,
             err_class(why.code)->name, LOGZ(why.text));
    *ret_why = why;
    int settled = queue_fail(lib->queue, job, &why, e);
    if (settled < 0)
        return err_wrap(e, "settle failed job %s", row->id);
    return 0;
}
