/*
 * Reading sidecars. They come from a store that others may have written to, so they are read like anything from
 * outside: types, ranges and lengths by the tables, and what the members say of each other here.
 */
#include <inttypes.h>

#include "pipeline/sidecar.h"
#include "pipeline/sidecar_fields.h"
#include "store/store.h"

static bool text_is(const json_t *obj, const char *key, const char *want)
{
    struct str s;

    return json_get_str(obj, key, &s) && str_eqz(s, want);
}

static int read_video(const json_t *obj, struct arena *a, struct video *v, struct err *e)
{
    char original[STORE_KEY_MAX];
    struct str id, state, code;

    v->media.fps_den = 1;
    if (fields_read(&video_fields, obj, v, a, e) < 0)
        return -1;
    if (!json_get_str(obj, "id", &id) || !uuid_is(id) || !json_get_str(obj, "state", &state) ||
        !video_state_from_name(state, &v->state))
        return err_set(e, ERR_INPUT, "video: no id or no state");
    v->id = arena_strndup(a, id.p, id.n);
    v->worker_id = v->sidecar_key = "";
    v->error.code = ERR_OK;
    if (json_get_str(obj, "error_code", &code) && code.n)
        v->error.code = err_code_from_name(arena_strndup(a, code.p, code.n));
    if (!sha256_is_hex(str_of(v->checksum_sha256)))
        return err_set(e, ERR_INPUT, "video: no checksum");
    if (store_name_original(v->checksum_sha256, original, e) < 0)
        return -1;
    if (strcmp(v->storage_key, original) != 0)
        return err_set(e, ERR_INPUT, "video: its original is not what its checksum names");
    return 0;
}

static int check_object(const struct object *o, const struct video *v, struct err *e)
{
    struct store_name name;

    if (!store_name_parse(str_of(o->key), &name) ||
        (name.kind != STORE_ORIGINAL && name.kind != STORE_DERIVED) ||
        strcmp(name.sha256, v->checksum_sha256) != 0)
        return err_set(e, ERR_INPUT, "object: '%.120s' is no object of this video", o->key);
    if (!sha256_is_hex(str_of(o->sha256)) || !o->kind[0] || strcmp(o->kind, SIDECAR_KIND) == 0)
        return err_set(e, ERR_INPUT, "object: no hash or no kind");
    if (name.kind == STORE_ORIGINAL &&
        (strcmp(o->sha256, v->checksum_sha256) != 0 || strcmp(o->kind, "original") != 0))
        return err_set(e, ERR_INPUT, "object: the original is not what its name says");
    if (name.kind == STORE_DERIVED &&
        (strcmp(o->stage, name.stage) != 0 || o->stage_version != name.version))
        return err_set(e, ERR_INPUT, "object: stage or version is not what its name says");
    return 0;
}

static int check_scene(const struct scene *s, const struct scene *before, struct err *e)
{
    bool ok = s->start_frame < s->end_frame && s->start_us <= s->end_us;

    if (before)
        ok = ok && before->end_frame <= s->start_frame && before->end_us <= s->start_us;
    if (!ok)
        return err_set(e, ERR_INPUT, "scene: not in order");
    if (s->id[0] && !uuid_is(str_of(s->id)))
        return err_set(e, ERR_INPUT, "scene: bad id");
    if (s->poster_key[0] && !store_key_ok(str_of(s->poster_key)))
        return err_set(e, ERR_INPUT, "scene: bad poster");
    return 0;
}

static int read_text(const json_t *obj, const struct text_span *before, struct arena *a,
                     struct text_span *t, struct err *e)
{
    struct str source;

    if (fields_read(&text_fields, obj, t, a, e) < 0)
        return -1;
    if (!json_get_str(obj, "source", &source) || !text_source_from_name(source, &t->source))
        return err_set(e, ERR_INPUT, "text: unknown source");
    /* as the database lists them: by name, so that each source's texts stand together */
    if (before && strcmp(text_source_name(before->source), text_source_name(t->source)) > 0)
        return err_set(e, ERR_INPUT, "text: sources are not in order");
    t->seq = before && before->source == t->source ? before->seq + 1 : 0;
    if (t->start_us > t->end_us || t->start_frame > t->end_frame)
        return err_set(e, ERR_INPUT, "text: ends before it starts");
    return 0;
}

/* The array `key` of obj with room for its items in a. */
static int begin_array(const json_t *obj, const char *key, size_t max, size_t item, struct arena *a,
                       const json_t **ret_array, void *ret_items, size_t *ret_n, struct err *e)
{
    const json_t *array = json_object_get(obj, key);

    if (array && !json_is_array(array))
        return err_set(e, ERR_INPUT, "'%s' is not an array", key);
    *ret_n = json_array_size(array);
    if (*ret_n > max)
        return err_set(e, ERR_LIMIT, "%zu %s, at most %zu", *ret_n, key, max);
    *(void **)ret_items = arena_array(a, *ret_n ? *ret_n : 1, item);
    *ret_array = array;
    return 0;
}

static int read_lists(const json_t *obj, struct arena *a, struct sidecar *s, struct err *e)
{
    const json_t *array;

    if (begin_array(obj, "objects", DB_OBJECTS_MAX, sizeof *s->objects, a, &array, &s->objects,
                    &s->n_objects, e) < 0)
        return -1;
    for (size_t i = 0; i < s->n_objects; i++) {
        struct object *o = &s->objects[i];
        if (fields_read(&object_fields, json_array_get(array, i), o, a, e) < 0 ||
            check_object(o, &s->video, e) < 0)
            return -1;
        o->source_sha256 = s->video.checksum_sha256;
    }
    if (begin_array(obj, "scenes", DB_SCENES_MAX, sizeof *s->scenes, a, &array, &s->scenes,
                    &s->n_scenes, e) < 0)
        return -1;
    for (size_t i = 0; i < s->n_scenes; i++) {
        struct scene *sc = &s->scenes[i];
        if (fields_read(&scene_fields, json_array_get(array, i), sc, a, e) < 0 ||
            check_scene(sc, i ? sc - 1 : NULL, e) < 0)
            return -1;
        sc->index = (int)i;
    }
    if (begin_array(obj, "texts", DB_TEXTS_MAX, sizeof *s->texts, a, &array, &s->texts, &s->n_texts,
                    e) < 0)
        return -1;
    for (size_t i = 0; i < s->n_texts; i++)
        if (read_text(json_array_get(array, i), i ? &s->texts[i - 1] : NULL, a, &s->texts[i], e) <
            0)
            return -1;
    return 0;
}

int sidecar_parse(struct str json, struct arena *a, struct sidecar *ret, struct err *e)
{
    CLEANUP_JSON json_t *root = NULL;
    struct sidecar s = {0};
    int64_t format, version;

    if (json.n > SIDECAR_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "sidecar is larger than %zu bytes", SIDECAR_BYTES_MAX);
    if (json_read(json, &root, e) < 0)
        return err_wrap(e, "sidecar");
    if (!json_is_object(root) || !text_is(root, "format", SIDECAR_FORMAT))
        return err_set(e, ERR_INPUT, "not a sidecar");
    if (!json_get_i64(root, "format_version", &format) || format != SIDECAR_FORMAT_NO)
        return err_set(e, ERR_INPUT, "sidecar of another format version");
    if (!json_get_i64(root, "version", &version) || version < 1 || version > STORE_VERSION_MAX)
        return err_set(e, ERR_INPUT, "sidecar without a version");
    s.version = (int)version;
    if (read_video(json_object_get(root, "video"), a, &s.video, e) < 0 ||
        read_lists(root, a, &s, e) < 0)
        return err_wrap(e, "sidecar");
    *ret = s;
    return 0;
}

int sidecar_load(struct store *store, const char *key, struct arena *a, struct sidecar *ret,
                 struct err *e)
{
    CLEANUP_BUF struct buf json = BUF_MAX(SIDECAR_BYTES_MAX);
    struct store_name name;
    struct sidecar s;

    if (!store_name_parse(str_of(key), &name) || name.kind != STORE_SIDECAR)
        return err_set(e, ERR_INPUT, "'%.120s' is not the name of a sidecar", key);
    if (store_read(store, key, SIDECAR_BYTES_MAX, &json, e) < 0)
        return -1;
    if (sidecar_parse(buf_str(&json), a, &s, e) < 0)
        return err_wrap(e, "'%s'", key);
    if (s.version != name.version || strcmp(s.video.id, name.video_id) != 0)
        return err_set(e, ERR_INPUT, "'%s' holds the sidecar of video '%s' version %d", key,
                       s.video.id, s.version);
    s.video.sidecar_key = arena_strdup(a, key);
    *ret = s;
    return 0;
}
