/*
 * The walk. Rows are read in pages, each in a transaction of its own, so that a long verify holds nobody up; what seems
 * wrong because someone changed it in between is looked at again before it counts.
 */
#include "pipeline/verify.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db_jobs.h"
#include "db/db_uploads.h"
#include "pipeline/sidecar.h"
#include "pipeline/verify_priv.h"
#include "store/scratch_path.h"

#define PAGE 500

int walk_tell(struct verify_walk *w)
{
    if (w->v->progress && w->v->progress(w->v->progress_arg, w->r->objects, w->r->bytes) != 0)
        return err_set(w->e, ERR_CANCELLED, "verify stopped");
    return 0;
}

struct seen_video *walk_videos_of(const struct verify_walk *w, const char *sha256)
{
    return map_get(w->by_sha, str_of(sha256));
}

int bytes_look(const struct verify *v, const char *key, int64_t size_bytes, const char *sha256,
               int64_t *ret_read, struct err *e)
{
    char now[SHA256_HEX_MAX];
    struct store_info info;
    int r = store_stat(v->store, key, &info, e);

    *ret_read = 0;
    if (r <= 0)
        return r < 0 ? r : BYTES_MISSING;
    if (info.size != size_bytes)
        return BYTES_DAMAGED;
    if (v->quick)
        return BYTES_GOOD;
    if (store_hash(v->store, key, NULL, NULL, &info, now, e) < 0) {
        if (e->code == ERR_NOT_FOUND)
            return BYTES_MISSING;
        if (e->code != ERR_STORAGE)
            return -1;
        log_warn(v->log, "verify_unreadable key=%s cause=%s, continuing", key, LOGZ(e->text));
        err_clear(e);
        return BYTES_DAMAGED; /* the disk does not give it back */
    }
    *ret_read = info.size;
    return strcmp(now, sha256) == 0 ? BYTES_GOOD : BYTES_DAMAGED;
}

/* ---- videos ---- */

static int has_live_job(struct tx *tx, struct arena *a, const char *video_id, struct err *e)
{
    struct job_filter f = {
        .video_id = video_id, .states = 1u << JOB_PENDING | 1u << JOB_RUNNING, .limit = 1};
    struct job_page jobs;

    return db_job_list(tx, a, &f, &jobs, e) < 0 ? -1 : jobs.n > 0;
}

static int see_video(struct verify_walk *w, struct tx *tx, struct arena *a, const struct video *v)
{
    struct arena *keep = w->r->arena;
    struct seen_video *s = ARENA_NEW(keep, struct seen_video);
    int job = has_live_job(tx, a, v->id, w->e);

    if (job < 0)
        return -1;
    s->id = arena_strdup(keep, v->id);
    s->sha256 = arena_strdup(keep, v->checksum_sha256);
    s->sidecar_key = arena_strdup(keep, v->sidecar_key);
    s->state = v->state;
    s->has_job = job;
    s->same_content = walk_videos_of(w, s->sha256);
    map_set(w->by_sha, str_of(s->sha256), s);
    VEC_PUSH(&w->videos, s);
    w->r->videos++;
    return 0;
}

static int walk_videos(struct verify_walk *w)
{
    CLEANUP_FREE char *after = NULL;

    for (;;) {
        CLEANUP(arena_free) struct arena *a = arena_new();
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct video_filter f = {.after = after, .limit = PAGE};
        struct video_page page;
        if (db_begin(w->v->db, DB_READ, &tx, w->e) < 0 || db_video_list(tx, a, &f, &page, w->e) < 0)
            return -1;
        for (size_t i = 0; i < page.n; i++)
            if (see_video(w, tx, a, &page.videos[i]) < 0)
                return -1;
        if (!page.next)
            return walk_tell(w);
        free(after);
        after = xstrdup(page.next);
    }
}

/* ---- rows that name bytes ---- */

/* 1 the row is still as it was when it was read, 0 not: then there is nothing to say about it. */
static int row_still(struct verify_walk *w, const struct object *o)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct object now;

    if (db_begin(w->v->db, DB_READ, &tx, w->e) < 0)
        return -1;
    int r = db_object_get(tx, a, o->key, &now, w->e);
    if (r <= 0)
        return r;
    return now.size_bytes == o->size_bytes && strcmp(now.sha256, o->sha256) == 0;
}

static void say_bad(struct verify_walk *w, const struct object *o, enum bytes_state state)
{
    enum verify_problem problem = state == BYTES_MISSING ? VERIFY_MISSING : VERIFY_DAMAGED;
    const char *is = state == BYTES_MISSING ? "is not in the store" : "is not what was stored";
    const struct seen_video *v = walk_videos_of(w, o->source_sha256);
    const char *video_id = v && !v->same_content ? v->id : "";

    if (strcmp(o->kind, "original") == 0) {
        walk_found(w, problem, VERIFY_FIX_FAIL, o->key, video_id, "", o->size_bytes,
                   "The original %s: ingest the file again to heal it.", is);
    } else if (strcmp(o->kind, SIDECAR_KIND) == 0) {
        walk_found(w, problem, VERIFY_FIX_WRITE, o->key, video_id, "", o->size_bytes,
                   "The sidecar %s: a new one can be written.", is);
    } else {
        walk_found(w, problem, VERIFY_FIX_REQUEUE, o->key, video_id, o->stage, o->size_bytes,
                   "The %s %s: stage %s can make it again.", o->kind, is, o->stage);
    }
}

static int look_at_row(struct verify_walk *w, const struct object *o, int64_t now_ms)
{
    struct seen_video *videos = walk_videos_of(w, o->source_sha256);
    int64_t read = 0;
    int state = bytes_look(w->v, o->key, o->size_bytes, o->sha256, &read, w->e);

    if (state < 0)
        return -1;
    w->r->objects++;
    w->r->bytes += read;
    if (state != BYTES_GOOD) {
        int still = row_still(w, o);
        if (still > 0)
            still = (state = bytes_look(w->v, o->key, o->size_bytes, o->sha256, &read, w->e));
        if (still < 0)
            return -1;
        if (still > 0)
            say_bad(w, o, (enum bytes_state)state);
        return walk_tell(w);
    }
    if (strcmp(o->kind, "original") == 0)
        for (struct seen_video *v = videos; v; v = v->same_content)
            v->has_original_row = true;
    if (!videos && now_ms - o->created_at_ms >= w->v->grace_ms)
        walk_found(w, VERIFY_ORPHAN, VERIFY_FIX_REMOVE, o->key, "", "", o->size_bytes,
                   "No video uses this object.");
    return walk_tell(w);
}

static int walk_rows(struct verify_walk *w)
{
    CLEANUP_FREE char *after = NULL;

    for (;;) {
        CLEANUP(arena_free) struct arena *a = arena_new();
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct object *page;
        size_t n;
        if (db_begin(w->v->db, DB_READ, &tx, w->e) < 0 ||
            db_object_walk(tx, a, after, PAGE, &page, &n, w->e) < 0)
            return -1;
        int64_t now_ms = db_now_ms(tx);
        db_rollback(STEAL(tx)); /* reading the bytes takes long */
        for (size_t i = 0; i < n; i++)
            if (look_at_row(w, &page[i], now_ms) < 0)
                return -1;
        if (n < PAGE)
            return 0;
        free(after);
        after = xstrdup(page[n - 1].key);
    }
}

/* ---- bytes that no row names ---- */

static int row_of(struct verify_walk *w, const char *key)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct object o;

    if (db_begin(w->v->db, DB_READ, &tx, w->e) < 0)
        return -1;
    return db_object_get(tx, a, key, &o, w->e);
}

/* The original of living videos without a row: verify_repair() struck it off as damaged, or the row was lost. */
static int look_at_unlisted_original(struct verify_walk *w, const struct store_entry *en,
                                     struct seen_video *videos)
{
    int64_t read;
    int state = bytes_look(w->v, en->key, en->info.size, videos->sha256, &read, w->e);

    if (state < 0)
        return -1;
    w->r->bytes += read;
    bool failed = true;
    for (struct seen_video *v = videos; v; v = v->same_content) {
        v->has_original_row = true; /* said here, once */
        failed &= v->state == VIDEO_FAILED;
    }
    if (state == BYTES_GOOD && w->v->quick)
        walk_found(w, VERIFY_UNNAMED, VERIFY_FIX_NONE, en->key, videos->id, "", en->info.size,
                   "The row of this original is missing; verify without --quick tells whether it "
                   "is whole.");
    else if (state == BYTES_GOOD)
        walk_found(w, VERIFY_UNNAMED, VERIFY_FIX_WRITE, en->key, videos->id, "", en->info.size,
                   "The original is whole, but its row is missing.");
    else if (state == BYTES_DAMAGED)
        walk_found(w, VERIFY_DAMAGED, failed ? VERIFY_FIX_NONE : VERIFY_FIX_FAIL, en->key,
                   videos->id, "", en->info.size,
                   "A damaged original is kept: ingest the file again to heal it.");
    return 0;
}

static int see_object(void *arg, const struct store_entry *en)
{
    struct verify_walk *w = arg;
    struct store_name name;

    if (en->foreign) {
        walk_found(w, VERIFY_FOREIGN, VERIFY_FIX_NONE, en->key, "", "", en->info.size,
                   "Not written by this store; move it away if nobody needs it.");
        return 0;
    }
    if (clock_now_ms() - en->info.modified_ms < w->v->grace_ms)
        return 0; /* its row may be on its way */
    int row = row_of(w, en->key);
    if (row != 0)
        return row < 0 ? -1 : 0;
    w->r->objects++;
    store_name_parse(str_of(en->key), &name);
    struct seen_video *videos = name.kind == STORE_ORIGINAL ? walk_videos_of(w, name.sha256) : NULL;
    if (videos)
        return look_at_unlisted_original(w, en, videos);
    walk_found(w, VERIFY_ORPHAN, VERIFY_FIX_REMOVE, en->key, "", "", en->info.size,
               "No row names this object.");
    return walk_tell(w);
}

/* ---- what videos, uploads and scratch say ---- */

/* An indexed video whose original no good row names. One that is missing with its row there was told of as such. */
static int judge_original(struct verify_walk *w, const struct seen_video *v)
{
    char key[STORE_KEY_MAX];

    if (store_name_original(v->sha256, key, w->e) < 0)
        return -1;
    int known = row_of(w, key);
    if (known == 0) /* younger than the grace: not looked at yet */
        known = store_stat(w->v->store, key, NULL, w->e);
    if (known == 0)
        walk_found(w, VERIFY_MISSING, VERIFY_FIX_FAIL, key, v->id, "", 0,
                   "The original is not in the store: ingest the file again to heal it.");
    return known < 0 ? -1 : 0;
}

static int judge_finished(struct verify_walk *w, const struct seen_video *v)
{
    if (v->state == VIDEO_INDEXED && !v->has_original_row && judge_original(w, v) < 0)
        return -1;
    if (!v->sidecar_key[0]) {
        if (v->state == VIDEO_INDEXED && !v->has_job)
            walk_found(w, VERIFY_UNNAMED, VERIFY_FIX_WRITE, "", v->id, "", 0,
                       "The video has no sidecar.");
        return 0;
    }
    int row = row_of(w, v->sidecar_key);
    if (row == 0)
        walk_found(w, VERIFY_UNNAMED, VERIFY_FIX_WRITE, v->sidecar_key, v->id, "", 0,
                   "The video's sidecar has no row.");
    return row < 0 ? -1 : 0;
}

static int judge_video(struct verify_walk *w, const struct seen_video *v)
{
    if (v->state == VIDEO_INDEXED || v->state == VIDEO_FAILED)
        return judge_finished(w, v);
    if (!v->has_job)
        walk_found(w, VERIFY_STUCK, VERIFY_FIX_REQUEUE, "", v->id, "", 0,
                   "The video is %s, but no job would finish it.", video_state_name(v->state));
    return 0;
}

/* 1 its process is dead, 0 not or not ours to judge */
static int upload_is_dead(struct verify_walk *w, const struct upload *up)
{
    char owner[STORE_OWNER_MAX], file[SCRATCH_FILE_MAX];
    struct store_claim *c = NULL;

    if (!scratch_path_parse(up->scratch_path, owner, file))
        return 0;
    int r = store_claim(w->v->store, owner, &c, w->e);
    store_claim_free(c, /* remove */ false);
    return r < 0 ? -1 : r != STORE_CLAIM_ALIVE;
}

static int walk_uploads(struct verify_walk *w)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct upload *ups;
    size_t n;

    if (db_begin(w->v->db, DB_READ, &tx, w->e) < 0 ||
        db_upload_list(tx, a, 1u << UPLOAD_RECEIVING | 1u << UPLOAD_RECEIVED, 0, DB_PAGE_MAX, &ups,
                       &n, w->e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int dead = upload_is_dead(w, &ups[i]);
        if (dead < 0)
            return -1;
        if (!dead)
            continue;
        w->uploads_left = true;
        walk_found(w, VERIFY_UPLOAD, VERIFY_FIX_RECOVER, ups[i].id, ups[i].video_id, "",
                   ups[i].received_bytes,
                   "An upload was interrupted; the next ingest or work finishes or undoes it.");
    }
    return 0;
}

static int walk_scratch(struct verify_walk *w)
{
    struct store_scratch_use use;

    if (store_scratch_look(w->v->store, &use, w->e) < 0)
        return -1;
    if (use.dead)
        walk_found(w, VERIFY_SCRATCH, w->uploads_left ? VERIFY_FIX_RECOVER : VERIFY_FIX_REMOVE, "",
                   "", "", use.dead_bytes, "%d scratch folder%s of ended processes.", use.dead,
                   use.dead == 1 ? "" : "s");
    return 0;
}

static int walk_database(struct verify_walk *w)
{
    struct err why = {0};

    if (w->v->quick || db_check(w->v->db, &why) == 0)
        return 0;
    if (why.code != ERR_STORAGE) {
        *w->e = why;
        return -1;
    }
    walk_found(w, VERIFY_DATABASE, VERIFY_FIX_NONE, "", "", "", 0,
               "The database is damaged (%.200s): move it away and run: rushes rebuild", why.text);
    return 0;
}

static int walk_all(struct verify_walk *w)
{
    if (walk_database(w) < 0 || walk_videos(w) < 0 || walk_rows(w) < 0 ||
        store_list(w->v->store, "", see_object, w, w->e) < 0)
        return -1;
    for (size_t i = 0; i < w->videos.n; i++)
        if (judge_video(w, w->videos.p[i]) < 0)
            return -1;
    if (walk_uploads(w) < 0 || walk_scratch(w) < 0)
        return -1;
    return w->v->repair ? verify_repair(w, w->e) : 0;
}

int verify_run(const struct verify *v, struct verify_report **ret, struct err *e)
{
    CLEANUP(verify_report_free) struct verify_report *r = XNEW(struct verify_report);
    struct verify_walk w = {.v = v, .r = r, .by_sha = map_new(), .e = e};

    r->arena = arena_new();
    r->quick = v->quick;
    r->repair = v->repair;
    int done = walk_all(&w);
    map_free(w.by_sha);
    VEC_FINISH(&w.videos);
    r->findings = w.findings.p;
    r->n_findings = w.findings.n;
    if (done < 0)
        return err_wrap(e, "verify");
    *ret = STEAL(r);
    return verify_unsettled(*ret) > 0;
}
