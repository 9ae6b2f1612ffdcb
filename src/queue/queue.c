/* The queue's handle: settings, adding jobs, and looking at them. */
#include "queue/queue.h"

#include <assert.h>
#include <limits.h>

#include "base/clock.h"
#include "base/fault.h"
#include "conf/conf.h"
#include "db/db_videos.h"
#include "queue/queue_priv.h"

/* The queues and how they differ from the settings that all share (queue.tries, queue.backoff, queue.time-limit). */
static const struct {
    const char *name;
    int concurrency;           /* 0: as many as there are workers */
    int more_attempts;         /* added to queue.tries */
    int backoff_factor;        /* times queue.backoff */
    int64_t time_limit_cap_ms; /* 0: queue.time-limit */
} queues[QUEUE_N] = {
    [QUEUE_VIDEO_PROCESSING] = {"video_processing", 0, 0, 1, 0},
    [QUEUE_CV_ANALYSIS] = {"cv_analysis", 0, 0, 1, 0},
    [QUEUE_EXPORT] = {"export", 0, 0, 1, 0},
    /* other people's servers: few at once, more patience */
    [QUEUE_IMPORT] = {"import", 4, 2, 6, 0},
    /* sweeps over everything: one at a time, and never for long */
    [QUEUE_MAINTENANCE] = {"maintenance", 1, 0, 1, 3600 * 1000},
};

const char *queue_name(enum queue_name q)
{
    return q >= 0 && q < QUEUE_N ? queues[q].name : "?";
}

bool queue_from_name(struct str name, enum queue_name *ret)
{
    for (int i = 0; i < QUEUE_N; i++) {
        if (str_eqz(name, queues[i].name)) {
            *ret = (enum queue_name)i;
            return true;
        }
    }
    return false;
}

/* ---- the handle ---- */

static void on_change(void *arg)
{
    struct queue *q = arg;

    pthread_mutex_lock(&q->lock);
    q->seq++;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

static void cond_init_monotonic(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

int queue_new(struct db *db, const struct conf *conf, struct queue **ret, struct err *e)
{
    struct queue *q = XNEW(struct queue);

    (void)e; /* nothing can fail today; a backend with a listening connection will */
    q->db = db;
    q->worker_id = worker_id_new();
    q->log = log_new(NULL, "queue", NULL);
    q->lease_ms = conf_ms(conf, CONF_QUEUE_LEASE);
    q->upload_ms = conf_ms(conf, CONF_WATCHDOG_UPLOAD);
    q->stuck_ms = conf_ms(conf, CONF_QUEUE_TIME_LIMIT);
    q->keep_ms = conf_ms(conf, CONF_QUEUE_KEEP);
    q->looked_around_mono_ms = INT64_MIN / 2;
    for (int i = 0; i < QUEUE_N; i++) {
        int64_t limit_ms = conf_ms(conf, CONF_QUEUE_TIME_LIMIT),
                cap_ms = queues[i].time_limit_cap_ms;
        q->settings[i] = (struct queue_settings){
            .concurrency = queues[i].concurrency,
            .time_limit_ms = cap_ms ? MIN(limit_ms, cap_ms) : limit_ms,
            .max_attempts = (int)conf_int(conf, CONF_QUEUE_TRIES) + queues[i].more_attempts,
            .backoff_ms = conf_ms(conf, CONF_QUEUE_BACKOFF) * queues[i].backoff_factor,
        };
    }
    pthread_mutex_init(&q->lock, NULL);
    cond_init_monotonic(&q->changed);
    cond_init_monotonic(&q->heart);
    db_listen(db, QUEUE_CHANNEL, on_change, q);
    *ret = q;
    return 0;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    queue_heartbeat_stop(q);
    db_unlisten(q->db, on_change, q);
    assert(!q->held); /* a job was not freed */
    pthread_cond_destroy(&q->heart);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    log_free(q->log);
    free(q->worker_id);
    free(q);
}

const char *queue_worker_id(const struct queue *q)
{
    return q->worker_id;
}

struct queue_settings queue_settings(const struct queue *cq, enum queue_name name)
{
    struct queue *q = (struct queue *)cq; /* the lock is not part of what a reader sees */

    assert(name >= 0 && name < QUEUE_N);
    pthread_mutex_lock(&q->lock);
    struct queue_settings s = q->settings[name];
    pthread_mutex_unlock(&q->lock);
    return s;
}

void queue_set_settings(struct queue *q, enum queue_name name, const struct queue_settings *s)
{
    assert(name >= 0 && name < QUEUE_N);
    assert(s->concurrency >= 0 && s->time_limit_ms > 0 && s->max_attempts >= 1 &&
           s->backoff_ms >= 0);
    pthread_mutex_lock(&q->lock);
    q->settings[name] = *s;
    pthread_mutex_unlock(&q->lock);
}

void queue_set_hooks(struct queue *q, const struct queue_hooks *hooks)
{
    pthread_mutex_lock(&q->lock);
    q->hooks = *hooks;
    pthread_mutex_unlock(&q->lock);
}

/* ---- adding ---- */

int queue_add(struct queue *q, struct tx *tx, const struct job_spec *spec, char *ret_id,
              struct err *e)
{
    assert(spec->queue >= 0 && spec->queue < QUEUE_N && spec->stage && *spec->stage);
    assert(spec->priority >= JOB_PRIORITY_MIN && spec->priority <= JOB_PRIORITY_MAX);
    struct queue_settings s = queue_settings(q, spec->queue);
    bool has_video = spec->video_id && *spec->video_id;
    CLEANUP_FREE char *made_key =
        !spec->unique_key && has_video ? xasprintf("%s/%s", spec->video_id, spec->stage) : NULL;
    char id[UUID_MAX];

    if (spec->payload_json && strlen(spec->payload_json) > JOB_PAYLOAD_MAX)
        return err_set(e, ERR_LIMIT, "job '%s': payload is longer than %zu bytes", spec->stage,
                       JOB_PAYLOAD_MAX);
    int r = db_job_add(
        tx,
        &(struct job_row){
            .queue = queues[spec->queue].name,
            .stage = spec->stage,
            .video_id = spec->video_id,
            .unique_key = spec->unique_key ? spec->unique_key
                          : made_key       ? made_key
                                           : "",
            .payload_json = spec->payload_json ? spec->payload_json : "{}",
            .priority = spec->priority,
            .fails_video = has_video && !spec->keeps_video,
            .max_attempts = spec->max_attempts > 0 ? spec->max_attempts : s.max_attempts,
            .run_at_ms = db_now_ms(tx) + MAX(spec->delay_ms, 0),
            .time_limit_ms = spec->time_limit_ms > 0 ? spec->time_limit_ms : s.time_limit_ms,
        },
        id, e);
    if (r < 0)
        return -1;
    if (ret_id)
        memcpy(ret_id, id, UUID_MAX);
    if (r > 0)
        db_notify(tx, QUEUE_CHANNEL);
    return r > 0 ? QUEUE_ADDED : QUEUE_EXISTS;
}

/* ---- looking ---- */

int queue_list(struct queue *q, struct arena *a, const struct job_filter *f, struct job_page *ret,
               struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(q->db, DB_READ, &tx, e) < 0 || db_job_list(tx, a, f, ret, e) < 0)
        return err_wrap(e, "list jobs");
    return 0;
}

int queue_show(struct queue *q, struct arena *a, const char *job_id, struct job_row *ret,
               struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(q->db, DB_READ, &tx, e) < 0 || db_job_get(tx, a, job_id, ret, e) < 0)
        return err_wrap(e, "show job");
    return 0;
}

int queue_stats(struct queue *q, struct queue_stats *ret, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct queue_stats st = {0};
    struct job_count *counts;
    size_t n;

    if (db_begin(q->db, DB_READ, &tx, e) < 0 || db_job_counts(tx, a, &counts, &n, e) < 0)
        return err_wrap(e, "queue stats");
    for (size_t i = 0; i < n; i++) {
        enum queue_name name;
        if (!queue_from_name(str_of(counts[i].queue), &name))
            continue; /* of another version of the program */
        st.depth[name][counts[i].state] = counts[i].n;
        st.dead[name] += counts[i].dead;
        if (counts[i].state == JOB_PENDING)
            st.oldest_pending_ms[name] = counts[i].oldest_run_at_ms;
    }
    *ret = st;
    return 0;
}

/* ---- by hand ---- */

int queue_retry(struct queue *q, const char *job_id, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct job_row row;

    if (db_begin(q->db, DB_WRITE, &tx, e) < 0 || db_job_get(tx, a, job_id, &row, e) < 0)
        return err_wrap(e, "retry job");
    int r = db_job_replay(tx, job_id, e);
    if (r < 0)
        return err_wrap(e, "retry job");
    if (r == 0) {
        err_set(e, ERR_CONFLICT, "retry job %s: it is %s%s", job_id, job_state_name(row.state),
                row.state == JOB_FAILED ? ", and a newer job does the same" : "");
        return err_plain(e,
                         row.state == JOB_FAILED
                             ? "A newer job for the same work is already waiting or running."
                             : "Only a job that has failed can be run again.",
                         "Look at it with 'rushes jobs show'.");
    }
    if (*row.video_id && db_video_revive(tx, row.video_id, e) < 0)
        return err_wrap(e, "retry job");
    db_notify(tx, QUEUE_CHANNEL);
    if (db_commit(tx, e) < 0)
        return err_wrap(e, "retry job");
    log_info(q->log, "job_replayed job=%s stage=%s", job_id, LOGZ(row.stage));
    return QUEUE_ADDED;
}

int queue_cancel(struct queue *q, const char *job_id, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct job_row row;
    struct err why = {0};

    err_set(&why, ERR_CANCELLED, "cancelled by hand");
    if (db_begin(q->db, DB_WRITE, &tx, e) < 0 || db_job_get(tx, a, job_id, &row, e) < 0)
        return err_wrap(e, "cancel job");
    int r = db_job_cancel(tx, job_id, &why, e);
    if (r <= 0)
        return r < 0 ? err_wrap(e, "cancel job") : 0;
    if (row.fails_video && db_video_fail(tx, row.video_id, &why, e) < 0)
        return err_wrap(e, "cancel job");
    db_notify(tx, QUEUE_CHANNEL);
    if (db_commit(tx, e) < 0)
        return err_wrap(e, "cancel job");
    log_info(q->log, "job_cancelled job=%s stage=%s", job_id, LOGZ(row.stage));
    return 1;
}

int queue_purge(struct queue *q, int64_t finished_before_ms, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    int n = -1;

    if (db_begin(q->db, DB_WRITE, &tx, e) < 0 ||
        (n = db_job_purge(tx, finished_before_ms, INT_MAX, e)) < 0 || db_commit(tx, e) < 0)
        return err_wrap(e, "purge jobs");
    return n;
}
