/* Writing sidecars: rows to JSON, and the step that makes a version current. */
#include "pipeline/sidecar.h"

#include <inttypes.h>

#include "pipeline/sidecar_fields.h"
#include "store/store.h"

struct rows {
    struct video video;
    struct object *objects;
    struct scene *scenes;
    struct text_span *texts;
    size_t n_objects, n_scenes, n_texts;
};

static int read_rows(struct tx *tx, struct arena *a, const char *video_id, struct rows *r,
                     struct err *e)
{
    if (db_video_get(tx, a, video_id, &r->video, e) < 0)
        return -1;
    if (r->video.checksum_sha256[0] &&
        db_object_of_source(tx, a, r->video.checksum_sha256, &r->objects, &r->n_objects, e) < 0)
        return -1;
    if (db_scenes_list(tx, a, video_id, &r->scenes, &r->n_scenes, e) < 0)
        return -1;
    return db_texts_list(tx, a, video_id, 0, INT64_MIN, 0, &r->texts, &r->n_texts, e);
}

static void write_video(const struct video *v, struct jsonw *w)
{
    jw_key(w, "video");
    jw_obj(w);
    jw_kz(w, "id", v->id);
    jw_kz(w, "state", video_state_name(v->state));
    jw_kz(w, "error_code", v->error.code ? err_class(v->error.code)->name : "");
    fields_write(&video_fields, v, w);
    jw_obj_end(w);
}

static void write_rows(const struct rows *r, struct jsonw *w)
{
    write_video(&r->video, w);
    jw_key(w, "objects");
    jw_arr(w);
    for (size_t i = 0; i < r->n_objects; i++) {
        if (strcmp(r->objects[i].kind, SIDECAR_KIND) == 0) /* they tell of themselves */
            continue;
        jw_obj(w);
        fields_write(&object_fields, &r->objects[i], w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_key(w, "scenes");
    jw_arr(w);
    for (size_t i = 0; i < r->n_scenes; i++) {
        jw_obj(w);
        fields_write(&scene_fields, &r->scenes[i], w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_key(w, "texts");
    jw_arr(w);
    for (size_t i = 0; i < r->n_texts; i++) {
        jw_obj(w);
        jw_kz(w, "source", text_source_name(r->texts[i].source));
        fields_write(&text_fields, &r->texts[i], w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int build(const struct rows *r, int version, struct buf *out, struct err *e)
{
    struct jsonw w = JSONW(out);

    jw_obj(&w);
    jw_kz(&w, "format", SIDECAR_FORMAT);
    jw_ki64(&w, "format_version", SIDECAR_FORMAT_NO);
    jw_ki64(&w, "version", version);
    write_rows(r, &w);
    jw_obj_end(&w);
    buf_addc(out, '\n');
    if (!buf_ok(out))
        return err_set(e, ERR_LIMIT, "sidecar is larger than %zu bytes", SIDECAR_BYTES_MAX);
    return 0;
}

int sidecar_build(struct tx *tx, const char *video_id, int version, struct buf *out, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct rows r = {0};

    if (read_rows(tx, a, video_id, &r, e) < 0 || build(&r, version, out, e) < 0)
        return err_wrap(e, "sidecar of video '%s'", video_id);
    return 0;
}

/* One above what the row names. A higher one in the store was never named by a committed row: it is written over. */
static int next_version(const struct video *v, struct err *e)
{
    struct store_name name;

    if (!v->sidecar_key[0])
        return 1;
    if (!store_name_parse(str_of(v->sidecar_key), &name) || name.kind != STORE_SIDECAR)
        return err_set(e, ERR_INTERNAL, "'%s' is not a sidecar", v->sidecar_key);
    if (name.version == STORE_VERSION_MAX)
        return err_set(e, ERR_LIMIT, "video has %d sidecars", STORE_VERSION_MAX);
    return name.version + 1;
}

/* A sidecar that we could not read again is worth nothing: better to learn that now than in a rebuild. */
static int check_readable(struct str json, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct sidecar s;

    if (sidecar_parse(json, a, &s, e) == 0)
        return 0;
    if (e->code == ERR_INPUT)
        e->code = ERR_INTERNAL;
    return err_wrap(e, "what was just written does not read back");
}

static int store_one(struct tx *tx, struct store *store, const struct rows *r, int version,
                     const char *key, struct err *e)
{
    CLEANUP(store_writer_free) struct store_writer *w = NULL;
    CLEANUP_BUF struct buf json = BUF_MAX(SIDECAR_BYTES_MAX);
    struct video_edit edit = {.sidecar_key = key};

    if (build(r, version, &json, e) < 0 || check_readable(buf_str(&json), e) < 0 ||
        store_begin(store, (int64_t)json.n, &w, e) < 0 || store_write(w, json.p, json.n, e) < 0 ||
        store_commit(w, key, STORE_REPLACE, e) < 0)
        return -1;
    struct object row = {
        .key = key,
        .source_sha256 = r->video.checksum_sha256,
        .kind = SIDECAR_KIND,
        .stage = SIDECAR_KIND,
        .stage_version = version,
        .mime_type = "application/json",
        .size_bytes = store_writer_size(w),
        .sha256 = store_writer_sha256(w),
    };
    if (db_object_put(tx, &row, e) < 0)
        return -1;
    return db_video_edit(tx, r->video.id, &edit, e);
}

int sidecar_write(struct tx *tx, struct store *store, const char *video_id, char *ret_key,
                  struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    char key[STORE_KEY_MAX];
    struct rows r = {0};

    int version = read_rows(tx, a, video_id, &r, e) < 0 ? -1 : next_version(&r.video, e);
    if (version < 0 || store_name_sidecar(r.video.id, version, key, e) < 0 ||
        store_one(tx, store, &r, version, key, e) < 0)
        return err_wrap(e, "write sidecar of video '%s'", video_id);
    if (ret_key)
        memcpy(ret_key, key, strlen(key) + 1);
    return 0;
}

/* ---- old versions ---- */

static bool is_old(const struct object *o, const char *video_id, int newest)
{
    struct store_name name;

    return strcmp(o->kind, SIDECAR_KIND) == 0 && store_name_parse(str_of(o->key), &name) &&
           name.kind == STORE_SIDECAR && strcmp(name.video_id, video_id) == 0 &&
           name.version <= newest - SIDECAR_KEEP;
}

/* Rows of old versions go; *ret are those objects, *ret_n of them. */
static int drop_old_rows(struct db *db, struct arena *a, const char *video_id, struct object **ret,
                         size_t *ret_n, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct store_name newest;
    struct rows r = {0};
    size_t n = 0;

    if (db_begin(db, DB_WRITE, &tx, e) < 0 || db_video_get(tx, a, video_id, &r.video, e) < 0)
        return -1;
    *ret_n = 0;
    if (!store_name_parse(str_of(r.video.sidecar_key), &newest) || newest.kind != STORE_SIDECAR ||
        newest.version <= SIDECAR_KEEP)
        return 0;
    if (db_object_of_source(tx, a, r.video.checksum_sha256, &r.objects, &r.n_objects, e) < 0)
        return -1;
    for (size_t i = 0; i < r.n_objects; i++) {
        if (!is_old(&r.objects[i], video_id, newest.version))
            continue;
        if (db_object_del(tx, r.objects[i].key, e) < 0)
            return -1;
        r.objects[n++] = r.objects[i];
    }
    if (n && db_commit(tx, e) < 0)
        return -1;
    *ret = r.objects;
    *ret_n = n;
    return 0;
}

int sidecar_trim(struct db *db, struct store *store, const char *video_id, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct object *old = NULL;
    size_t n;

    if (drop_old_rows(db, a, video_id, &old, &n, e) < 0)
        return err_wrap(e, "old sidecars of video '%s'", video_id);
    for (size_t i = 0; i < n;
         i++) /* no version is written twice once a row named it: nobody needs these names */
        if (store_remove(store, old[i].key, e) < 0)
            return err_wrap(e, "old sidecars of video '%s'", video_id);
    return (int)n;
}
