/*
 * Rows from the store. One video is one transaction; what can not be restored is logged and passed over, since half a
 * library is better than none.
 */
#include "pipeline/rebuild.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/map.h"
#include "index/index.h"
#include "pipeline/sidecar.h"
#include "store/store.h"

struct work {
    const struct rebuild *rb;
    struct rebuild_report r;
    struct err *e;
    /* of the video whose sidecars are being listed */
    char video_id[UUID_MAX];
    VEC(int) versions;
    struct map *deleted; /* sha256 of content whose video was deleted */
    int64_t done;
};

static int tell(struct work *w, const char *what)
{
    w->done++;
    if (w->rb->progress && w->rb->progress(w->rb->progress_arg, w->done, what) != 0)
        return err_set(w->e, ERR_CANCELLED, "rebuild stopped at '%s'", what);
    return 0;
}

/* An error that is about this one video: logged and passed over. Others end the run. */
static int pass_over(struct work *w, const char *what, const struct err *why)
{
    if (why->code == ERR_STORAGE || why->code == ERR_UNAVAILABLE || why->code == ERR_CANCELLED) {
        *w->e = *why;
        return err_wrap(w->e, "rebuild '%s'", what);
    }
    log_warn(w->rb->log, "rebuild_passed_over what=%s cause=%s, continuing", what, LOGZ(why->text));
    w->r.unreadable++;
    return 0;
}

/* ---- one video from its sidecars ---- */

/* The newest version that can be read: 1 loaded, 0 none. */
static int load_newest(struct work *w, struct arena *a, struct sidecar *ret)
{
    for (size_t i = w->versions.n; i > 0; i--) {
        char key[STORE_KEY_MAX];
        struct err why = {0};
        if (store_name_sidecar(w->video_id, w->versions.p[i - 1], key, &why) == 0 &&
            sidecar_load(w->rb->store, key, a, ret, &why) == 0)
            return 1;
        if (pass_over(w, key, &why) < 0)
            return -1;
    }
    return 0;
}

static int video_there(struct work *w, struct arena *a, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v;

    if (db_begin(w->rb->db, DB_READ, &tx, e) < 0)
        return -1;
    if (db_video_get(tx, a, w->video_id, &v, e) == 0)
        return 1;
    return e->code == ERR_NOT_FOUND ? 0 : -1;
}

/* Rows for the objects that are really there. *ret_original: is the original? */
static int put_objects(struct work *w, struct tx *tx, const struct sidecar *s, bool *ret_original,
                       struct err *e)
{
    *ret_original = false;
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct object *o = &s->objects[i];
        struct store_info info;
        int r = store_stat(w->rb->store, o->key, &info, e);
        if (r < 0)
            return -1;
        if (!r || info.size != o->size_bytes) {
            log_warn(w->rb->log, "rebuild_object_gone key=%s, continuing", o->key);
            w->r.objects_gone++;
            continue;
        }
        if (db_object_put(tx, o, e) < 0)
            return -1;
        w->r.objects++;
        *ret_original |= strcmp(o->key, s->video.storage_key) == 0;
    }
    return 0;
}

static int put_sidecar_rows(struct work *w, struct tx *tx, const struct sidecar *s, struct err *e)
{
    VEC_FOREACH (&w->versions, v) {
        char key[STORE_KEY_MAX], sha256[SHA256_HEX_MAX];
        struct store_info info;
        if (store_name_sidecar(w->video_id, *v, key, e) < 0 ||
            store_hash(w->rb->store, key, NULL, NULL, &info, sha256, e) < 0)
            return -1;
        struct object o = {
            .key = key,
            .source_sha256 = s->video.checksum_sha256,
            .kind = SIDECAR_KIND,
            .stage = SIDECAR_KIND,
            .stage_version = *v,
            .mime_type = "application/json",
            .size_bytes = info.size,
            .sha256 = sha256,
            .created_at_ms = info.modified_ms,
        };
        if (db_object_put(tx, &o, e) < 0)
            return -1;
    }
    return 0;
}

static int put_texts(struct tx *tx, const struct sidecar *s, struct err *e)
{
    for (size_t i = 0, n; i < s->n_texts; i += n) {
        for (n = 1; i + n < s->n_texts && s->texts[i + n].source == s->texts[i].source; n++)
            continue;
        if (index_put(tx, s->video.id, s->texts[i].source, &s->texts[i], n, e) < 0)
            return -1;
    }
    return 0;
}

/* What the video's row says after a rebuild: finished states stay, others start over, a lost original is a failure. */
static bool settle_state(struct video *v, bool original, struct err *lost)
{
    if (!original) {
        err_set(lost, ERR_STORAGE, "original '%s' is not in the store", v->storage_key);
        err_plain(lost, "The stored original of this video is lost.", "Ingest the file again.");
        v->state = VIDEO_FAILED;
        v->error.code = lost->code;
        v->error.text = lost->text;
        v->error.plain = lost->plain;
        v->error.next = lost->next;
        return false;
    }
    if (v->state == VIDEO_INDEXED || v->state == VIDEO_FAILED)
        return false;
    v->state = VIDEO_VALIDATING;
    v->progress = 0;
    return true;
}

static int restore(struct work *w, const struct sidecar *s, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct rebuild_report before = w->r;
    struct video v = s->video;
    char id[UUID_MAX];
    bool original;
    struct err lost = {0};

    if (db_begin(w->rb->db, DB_WRITE, &tx, e) < 0 || put_objects(w, tx, s, &original, e) < 0)
        return -1;
    bool start = settle_state(&v, original, &lost);
    int added = db_video_add(tx, &v, id, e);
    if (added < 0)
        return -1;
    if (added == VIDEO_DUPLICATE) { /* the same content was restored from another sidecar */
        log_warn(w->rb->log, "rebuild_same_content video=%s other=%s, continuing", v.id, id);
        w->r = before;
        w->r.there++;
        return 0;
    }
    if (put_sidecar_rows(w, tx, s, e) < 0 ||
        db_scenes_replace(tx, v.id, s->scenes, s->n_scenes, e) < 0 || put_texts(tx, s, e) < 0)
        return -1;
    if (start && w->rb->start(w->rb->start_arg, tx, v.id, e) < 0)
        return -1;
    if (db_commit(tx, e) < 0)
        return -1;
    w->r.lost += !original;
    w->r.requeued += start;
    w->r.restored += original && !start;
    return 0;
}

static int restore_video(struct work *w)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct rebuild_report before;
    struct sidecar s;
    struct err e = {0};

    if (w->versions.n == 0)
        return 0;
    if (tell(w, w->video_id) < 0)
        return -1;
    int r = video_there(w, a, &e);
    if (r < 0)
        return pass_over(w, w->video_id, &e);
    if (r > 0) {
        w->r.there++;
        return 0;
    }
    r = load_newest(w, a, &s);
    if (r <= 0)
        return r;
    if (s.video.state == VIDEO_DELETED) {
        map_set(w->deleted, str_of(s.video.checksum_sha256), w);
        w->r.deleted++;
        return 0;
    }
    before = w->r;
    err_clear(&e);
    if (restore(w, &s, &e) == 0)
        return 0;
    w->r = before; /* its transaction did not happen */
    return pass_over(w, w->video_id, &e);
}

static int see_sidecar(void *arg, const struct store_entry *en)
{
    struct work *w = arg;
    struct store_name name;

    if (en->foreign || !store_name_parse(str_of(en->key), &name) || name.kind != STORE_SIDECAR)
        return 0; /* verify tells of it */
    if (strcmp(name.video_id, w->video_id) != 0) {
        if (restore_video(w) < 0)
            return -1;
        memcpy(w->video_id, name.video_id, sizeof w->video_id);
        w->versions.n = 0;
    }
    VEC_PUSH(&w->versions, name.version);
    return 0;
}

/* ---- originals that no sidecar names ---- */

static int original_there(struct work *w, const char *key, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct object o;

    if (db_begin(w->rb->db, DB_READ, &tx, e) < 0)
        return -1;
    return db_object_get(tx, a, key, &o, e);
}

static int adopt(struct work *w, const char *key, const char *sha256, const struct store_info *info,
                 struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    char id[UUID_MAX], title[64];
    struct object o = {
        .key = key,
        .source_sha256 = sha256,
        .kind = "original",
        .size_bytes = info->size,
        .sha256 = sha256,
        .created_at_ms = info->modified_ms,
    };
    struct video v = {
        .state = VIDEO_VALIDATING,
        .title = title,
        .size_bytes = info->size,
        .checksum_sha256 = sha256,
        .storage_key = key,
        .media = {.fps_den = 1},
        .created_at_ms = info->modified_ms,
    };

    snprintf(title, sizeof title, "untitled %.8s", sha256);
    if (db_begin(w->rb->db, DB_WRITE, &tx, e) < 0 || db_object_put(tx, &o, e) < 0)
        return -1;
    int added = db_video_add(tx, &v, id, e);
    if (added < 0 || (added == VIDEO_ADDED && w->rb->start(w->rb->start_arg, tx, id, e) < 0) ||
        db_commit(tx, e) < 0)
        return -1;
    w->r.objects++;
    w->r.requeued += added == VIDEO_ADDED;
    return 0;
}

static int see_original(void *arg, const struct store_entry *en)
{
    struct work *w = arg;
    struct store_name name;
    struct store_info info;
    char sha256[SHA256_HEX_MAX];
    struct err e = {0};

    if (en->foreign || !store_name_parse(str_of(en->key), &name) || name.kind != STORE_ORIGINAL)
        return 0;
    int r = original_there(w, en->key, &e);
    if (r > 0 || map_get(w->deleted, str_of(name.sha256)))
        return 0;
    if (tell(w, en->key) < 0)
        return -1;
    if (r == 0)
        r = store_hash(w->rb->store, en->key, NULL, NULL, &info, sha256, &e);
    if (r == 0 && strcmp(sha256, name.sha256) != 0)
        r = err_set(&e, ERR_INPUT, "original '%s' is damaged: no video is made of it", en->key);
    if (r == 0)
        r = adopt(w, en->key, sha256, &info, &e);
    return r < 0 ? pass_over(w, en->key, &e) : 0;
}

int rebuild_run(const struct rebuild *rb, struct rebuild_report *ret, struct err *e)
{
    struct work w = {.rb = rb, .e = e, .deleted = map_new()};
    int r = store_list(rb->store, STORE_PREFIX_SIDECAR "/", see_sidecar, &w, e);

    if (r == 0)
        r = restore_video(&w); /* the last one */
    if (r == 0)
        r = store_list(rb->store, STORE_PREFIX_ORIGINAL "/", see_original, &w, e);
    VEC_FINISH(&w.versions);
    map_free(w.deleted);
    *ret = w.r;
    return r < 0 ? err_wrap(e, "rebuild") : 0;
}
