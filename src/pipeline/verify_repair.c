/*
 * Repair. Derived objects are made again by their stage: their rows and bytes go and the stage is queued, all findings
 * of one content in one transaction. Each repair looks again inside its transaction; writers exclude each other there,
 * so what it sees is so until it is done. What is at work right now is left to the one who works.
 */
#include <inttypes.h>
#include <limits.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db_jobs.h"
#include "pipeline/pipeline.h"
#include "pipeline/sidecar.h"
#include "pipeline/verify_priv.h"

static void settled(struct verify_walk *w, struct verify_finding *f, enum verify_outcome o)
{
    struct verify_report *r = w->r;

    f->outcome = o;
    r->repaired += o == VERIFY_REPAIRED;
    r->queued += o == VERIFY_QUEUED;
    r->given_up += o == VERIFY_GIVEN_UP;
    r->repairable -= o != VERIFY_LEFT && f->fix != VERIFY_FIX_FAIL;
}

static int any_at_work(struct tx *tx, struct arena *a, const struct seen_video *videos,
                       struct err *e)
{
    for (const struct seen_video *v = videos; v; v = v->same_content) {
        struct job_filter f = {
            .video_id = v->id, .states = 1u << JOB_PENDING | 1u << JOB_RUNNING, .limit = 1};
        struct job_page jobs;
        if (db_job_list(tx, a, &f, &jobs, e) < 0)
            return -1;
        if (jobs.n)
            return 1;
    }
    return 0;
}

static bool is_object_problem(const struct verify_finding *f)
{
    return (f->problem == VERIFY_MISSING || f->problem == VERIFY_DAMAGED) &&
           f->fix != VERIFY_FIX_NONE;
}

/* The content that an object finding is about: from its key, or of its video for a sidecar. */
static const char *content_of(struct verify_walk *w, const struct verify_finding *f,
                              struct store_name *name)
{
    store_name_parse(str_of(f->key), name);
    if (name->kind == STORE_ORIGINAL || name->kind == STORE_DERIVED)
        return name->sha256;
    for (size_t i = 0; i < w->videos.n; i++)
        if (strcmp(w->videos.p[i]->id,
                   name->kind == STORE_SIDECAR ? name->video_id : f->video_id) == 0)
            return w->videos.p[i]->sha256;
    return "";
}

/* ---- a lost original: its videos have failed ---- */

static int fail_video(struct tx *tx, struct arena *a, const char *video_id, const char *key,
                      bool damaged, struct err *e)
{
    struct err why = {0};
    struct video v;

    err_set(&why, ERR_STORAGE, "original '%s' is %s", key, damaged ? "damaged" : "missing");
    err_plainf(&why, "The stored original of this video is %s.", damaged ? "damaged" : "lost");
    err_plain(&why, NULL, "Ingest the file again.");
    if (db_video_get(tx, a, video_id, &v, e) < 0)
        return e->code == ERR_NOT_FOUND ? 0 : -1;
    if (v.state == VIDEO_FAILED || v.state == VIDEO_DELETED)
        return 0;
    /* what is published is not taken back by a late failure; this one is no late failure */
    if (v.state == VIDEO_INDEXED && db_video_set_state(tx, video_id, VIDEO_PROCESSING, e) < 0)
        return -1;
    return db_video_fail(tx, video_id, &why, e);
}

static int fail_content(struct tx *tx, struct arena *a, const struct seen_video *videos,
                        const struct verify_finding *f, struct err *e)
{
    /* the row goes: it names bytes that are not there. Damaged bytes stay, they may be all that is left */
    if (db_object_del(tx, f->key, e) < 0)
        return -1;
    for (const struct seen_video *v = videos; v; v = v->same_content)
        if (fail_video(tx, a, v->id, f->key, f->problem == VERIFY_DAMAGED, e) < 0)
            return -1;
    return 0;
}

/* ---- the findings of one content ---- */

struct group {
    struct verify_walk *w;
    const char *sha256;
    size_t *findings; /* indexes */
    size_t n;
};

/* Row and bytes of a bad derived object or sidecar go, if they are bad still. 1 gone, 0 it has become good. */
static int drop_object(struct verify_walk *w, struct tx *tx, struct arena *a,
                       const struct verify_finding *f, struct err *e)
{
    struct object o;
    int64_t read;
    int r = db_object_get(tx, a, f->key, &o, e);

    if (r <= 0)
        return r < 0 ? r : 1;
    r = bytes_look(w->v, f->key, o.size_bytes, o.sha256, &read, e);
    if (r < 0 || r == BYTES_GOOD)
        return r < 0 ? r : 0;
    if (store_remove(w->v->store, f->key, e) < 0 || db_object_del(tx, f->key, e) < 0)
        return -1;
    return 1;
}

/* How many videos have the stage queued now. */
static int queue_again(struct verify_walk *w, struct tx *tx, const struct seen_video *videos,
                       const char *stage, struct err *e)
{
    int n = 0;

    for (const struct seen_video *v = videos; v; v = v->same_content) {
        if (v->state == VIDEO_FAILED)
            continue; /* it does not ask for its objects; a retry makes them */
        if (w->v->again(w->v->again_arg, tx, v->id, stage, e) < 0)
            return -1;
        n++;
    }
    return n;
}

/* Position of a stage in the graph; INT_MAX for one that is not in it any more. */
static int stage_at(const char *stage)
{
    for (int i = 0; pipeline_stage_name(i); i++)
        if (strcmp(pipeline_stage_name(i), stage) == 0)
            return i;
    return INT_MAX;
}

/* What becomes of the findings that a stage must mend goes to *ret_made. */
static int repair_group_in(const struct group *g, struct tx *tx, struct arena *a,
                           enum verify_outcome *ret_made, struct err *e)
{
    struct verify_walk *w = g->w;
    const struct seen_video *videos = walk_videos_of(w, g->sha256);
    bool lost = false, sidecar = false;
    int from =
        INT_MAX; /* the earliest stage that must run again: those after it follow by themselves */

    for (size_t i = 0; i < g->n; i++) {
        const struct verify_finding *f = &w->findings.p[g->findings[i]];
        if (f->fix == VERIFY_FIX_FAIL) {
            lost = true;
            if (fail_content(tx, a, videos, f, e) < 0)
                return -1;
            continue;
        }
        int gone = drop_object(w, tx, a, f, e);
        if (gone < 0)
            return -1;
        if (gone && f->fix == VERIFY_FIX_WRITE)
            sidecar = true;
        else if (gone)
            from = MIN(from, stage_at(f->stage));
    }
    int queued =
        from == INT_MAX || lost ? 0 : queue_again(w, tx, videos, pipeline_stage_name(from), e);
    if (queued < 0)
        return -1;
    *ret_made = queued ? VERIFY_QUEUED : lost ? VERIFY_GIVEN_UP : VERIFY_REPAIRED;
    for (const struct seen_video *v = videos; sidecar && v; v = v->same_content) {
        struct video now;
        struct object row;
        if (db_video_get(tx, a, v->id, &now, e) < 0)
            return -1;
        if (!now.sidecar_key[0] || db_object_get(tx, a, now.sidecar_key, &row, e) != 0)
            continue; /* an old version went: the present one is there */
        if (sidecar_write(tx, w->v->store, v->id, NULL, e) < 0)
            return -1;
    }
    return 0;
}

static int repair_group(const struct group *g, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct verify_walk *w = g->w;
    enum verify_outcome made = VERIFY_LEFT;
    bool needs_stage = false;

    for (size_t i = 0; i < g->n; i++)
        needs_stage |= w->findings.p[g->findings[i]].fix == VERIFY_FIX_REQUEUE;
    if (needs_stage && !w->v->again)
        return 0;
    if (db_begin(w->v->db, DB_WRITE, &tx, e) < 0)
        return -1;
    int busy = any_at_work(tx, a, walk_videos_of(w, g->sha256), e);
    if (busy < 0)
        return -1;
    if (busy) {
        log_info(w->v->log, "verify_left_at_work sha256=%s", g->sha256);
        return 0;
    }
    if (repair_group_in(g, tx, a, &made, e) < 0 || db_commit(tx, e) < 0)
        return -1;
    for (size_t i = 0; i < g->n; i++) {
        struct verify_finding *f = &w->findings.p[g->findings[i]];
        settled(w, f,
                f->fix == VERIFY_FIX_FAIL      ? VERIFY_GIVEN_UP
                : f->fix == VERIFY_FIX_REQUEUE ? made
                                               : VERIFY_REPAIRED);
    }
    return 0;
}

static int repair_objects(struct verify_walk *w)
{
    CLEANUP(map_free) struct map *first = map_new(); /* content -> 1 + index of its first finding */
    VEC(size_t) order = {0};
    VEC(const char *) contents = {0};
    int r = 0;

    for (size_t i = 0; i < w->findings.n; i++) {
        struct store_name name;
        const struct verify_finding *f = &w->findings.p[i];
        const char *sha =
            is_object_problem(f) ? arena_strdup(w->r->arena, content_of(w, f, &name)) : "";
        VEC_PUSH(&contents, sha);
        if (is_object_problem(f) && !map_set(first, str_of(sha), w))
            VEC_PUSH(&order, i);
    }
    for (size_t k = 0; k < order.n && r == 0; k++) {
        VEC(size_t) members = {0};
        struct err why = {0};
        const char *sha = contents.p[order.p[k]];
        for (size_t i = order.p[k]; i < w->findings.n; i++)
            if (is_object_problem(&w->findings.p[i]) && strcmp(contents.p[i], sha) == 0)
                VEC_PUSH(&members, i);
        struct group g = {.w = w, .sha256 = sha, .findings = members.p, .n = members.n};
        if (repair_group(&g, &why) < 0)
            log_warn(w->v->log, "verify_not_repaired sha256=%s cause=%s, continuing", sha,
                     LOGZ(why.text));
        VEC_FINISH(&members);
        r = walk_tell(w);
    }
    VEC_FINISH(&order);
    VEC_FINISH(&contents);
    return r;
}

/* ---- the others, one by one ---- */

/* 1 removed, 0 it is used after all */
static int remove_orphan(struct verify_walk *w, const struct verify_finding *f, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct store_info info;
    struct object o;

    /* while we are the writer, nobody can publish a row that names it */
    if (db_begin(w->v->db, DB_WRITE, &tx, e) < 0)
        return -1;
    int row = db_object_get(tx, a, f->key, &o, e);
    int used = row <= 0 ? row : db_video_has_content(tx, o.source_sha256, e);
    if (used != 0)
        return used < 0 ? -1 : 0;
    int there = store_stat(w->v->store, f->key, &info, e);
    if (there < 0 || (there && clock_now_ms() - info.modified_ms < w->v->grace_ms))
        return there < 0 ? -1 : 0;
    if (store_remove(w->v->store, f->key, e) < 0)
        return -1;
    if (row && (db_object_del(tx, f->key, e) < 0 || db_commit(tx, e) < 0))
        return -1;
    return 1;
}

static int write_original_row(struct verify_walk *w, struct tx *tx, const struct verify_finding *f,
                              struct err *e)
{
    struct store_name name;
    struct store_info info;

    if (!store_name_parse(str_of(f->key), &name) || name.kind != STORE_ORIGINAL)
        return err_set(e, ERR_INTERNAL, "'%s' is no original", f->key);
    int r = store_stat(w->v->store, f->key, &info, e);
    if (r < 0 || !r || info.size != f->bytes)
        return r < 0 ? -1 : 0;
    struct object o = {
        .key = f->key,
        .source_sha256 = name.sha256,
        .kind = "original",
        .size_bytes = info.size,
        .sha256 = name.sha256,
    };
    return db_object_put(tx, &o, e) < 0 ? -1 : 1;
}

static int write_again(struct verify_walk *w, const struct verify_finding *f, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(w->v->db, DB_WRITE, &tx, e) < 0)
        return -1;
    int r = str_starts(str_of(f->key), STR(STORE_PREFIX_ORIGINAL "/"))
                ? write_original_row(w, tx, f, e)
                : (sidecar_write(tx, w->v->store, f->video_id, NULL, e) < 0 ? -1 : 1);
    return r > 0 && db_commit(tx, e) < 0 ? -1 : r;
}

static int unstick(struct verify_walk *w, const struct verify_finding *f, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (!w->v->again)
        return 0;
    if (db_begin(w->v->db, DB_WRITE, &tx, e) < 0 ||
        w->v->again(w->v->again_arg, tx, f->video_id, NULL, e) < 0 || db_commit(tx, e) < 0)
        return -1;
    return 1;
}

static int recover(struct verify_walk *w, struct err *e)
{
    if (w->v->recover)
        return w->v->recover(w->v->recover_arg, e) < 0 ? -1 : 1;
    if (w->uploads_left)
        return 0; /* scratch still serves them */
    return store_sweep(w->v->store, e) < 0 ? -1 : 1;
}

/* 1 mended, 0 left */
static int repair_one(struct verify_walk *w, const struct verify_finding *f, struct err *e)
{
    switch (f->problem) {
    case VERIFY_ORPHAN:
        return remove_orphan(w, f, e);
    case VERIFY_UNNAMED:
        return write_again(w, f, e);
    case VERIFY_STUCK:
        return unstick(w, f, e);
    case VERIFY_UPLOAD:
    case VERIFY_SCRATCH:
        return recover(w, e);
    default:
        return 0;
    }
}

int verify_repair(struct verify_walk *w, struct err *e)
{
    if (repair_objects(w) < 0)
        return -1;
    for (size_t i = 0; i < w->findings.n; i++) {
        struct verify_finding *f = &w->findings.p[i];
        struct err why = {0};
        int r = repair_one(w, f, &why);
        if (r < 0)
            log_warn(w->v->log,
                     "verify_not_repaired problem=%s key=%s video=%s cause=%s, continuing",
                     verify_problem_name(f->problem), LOGZ(f->key), f->video_id, LOGZ(why.text));
        if (r > 0)
            settled(w, f, f->problem == VERIFY_STUCK ? VERIFY_QUEUED : VERIFY_REPAIRED);
        if (walk_tell(w) < 0)
            return -1;
    }
    return 0;
}
