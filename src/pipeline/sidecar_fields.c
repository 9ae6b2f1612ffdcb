/* The members of a sidecar. A new column gets a line here, and is then written, read and bounded. */
#include "pipeline/sidecar_fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "pipeline/sidecar.h"

#define WORD_MAX   512 /* names, codes, ids of others */
#define LONG_MAX_B ((int64_t)SIDECAR_TEXT_MAX)
#define TIME_MAX                                                                                   \
    ((int64_t)1 << 53) /* what a double still counts exactly: microseconds for 285 years */

#define TEXT(s, name, member, max)                                                                 \
    {                                                                                              \
        name, FIELD_TEXT, offsetof(struct s, member), 0, max                                       \
    }
#define JSON(s, name, member)                                                                      \
    {                                                                                              \
        name, FIELD_JSON, offsetof(struct s, member), 0, LONG_MAX_B                                \
    }
#define I64(s, name, member, lo, hi)                                                               \
    {                                                                                              \
        name, FIELD_I64, offsetof(struct s, member), lo, hi                                        \
    }
#define INT(s, name, member, lo, hi)                                                               \
    {                                                                                              \
        name, FIELD_INT, offsetof(struct s, member), lo, hi                                        \
    }
#define REAL(s, name, member, lo, hi)                                                              \
    {                                                                                              \
        name, FIELD_DOUBLE, offsetof(struct s, member), lo, hi                                     \
    }

/* id, state and error.code are written by hand: they have forms of their own */
static const struct field of_video[] = {
    TEXT(video, "user_id", user_id, WORD_MAX),
    TEXT(video, "project_id", project_id, WORD_MAX),
    TEXT(video, "pin_id", pin_id, WORD_MAX),
    INT(video, "progress", progress, 0, 100),
    TEXT(video, "error_text", error.text, LONG_MAX_B),
    TEXT(video, "error_plain", error.plain, LONG_MAX_B),
    TEXT(video, "error_next", error.next, LONG_MAX_B),
    TEXT(video, "filename", filename, LONG_MAX_B),
    TEXT(video, "mime_type", mime_type, WORD_MAX),
    TEXT(video, "title", title, LONG_MAX_B),
    TEXT(video, "description", description, LONG_MAX_B),
    JSON(video, "tags_json", tags_json),
    TEXT(video, "source_type", source_type, WORD_MAX),
    TEXT(video, "source_url", source_url, LONG_MAX_B),
    JSON(video, "source_metadata_json", source_metadata_json),
    TEXT(video, "batch_name", batch_name, WORD_MAX),
    I64(video, "batch_order", batch_order, INT64_MIN, INT64_MAX),
    I64(video, "size_bytes", size_bytes, 0, INT64_MAX),
    TEXT(video, "checksum_sha256", checksum_sha256, 64),
    TEXT(video, "storage_key", storage_key, STORE_KEY_MAX - 1),
    I64(video, "duration_us", media.duration_us, 0, TIME_MAX),
    INT(video, "width", media.width, 0, 1 << 24),
    INT(video, "height", media.height, 0, 1 << 24),
    INT(video, "rotation", media.rotation, 0, 359),
    I64(video, "fps_num", media.fps_num, 0, INT32_MAX),
    I64(video, "fps_den", media.fps_den, 1, INT32_MAX),
    I64(video, "frame_count", media.frame_count, 0, TIME_MAX),
    INT(video, "audio_rate", media.audio_rate, 0, 1 << 24),
    INT(video, "audio_channels", media.audio_channels, 0, 1024),
    TEXT(video, "container", media.container, WORD_MAX),
    TEXT(video, "video_codec", media.video_codec, WORD_MAX),
    TEXT(video, "audio_codec", media.audio_codec, WORD_MAX),
    JSON(video, "media_info_json", media.info_json),
    I64(video, "recorded_at_ms", recorded_at_ms, -TIME_MAX, TIME_MAX),
    I64(video, "created_at_ms", created_at_ms, 0, TIME_MAX),
    I64(video, "updated_at_ms", updated_at_ms, 0, TIME_MAX),
    I64(video, "started_at_ms", started_at_ms, 0, TIME_MAX),
    I64(video, "completed_at_ms", completed_at_ms, 0, TIME_MAX),
};
const struct field_set video_fields = {"video", of_video, ARRAY_LEN(of_video)};

static const struct field of_object[] = {
    TEXT(object, "key", key, STORE_KEY_MAX - 1),
    TEXT(object, "kind", kind, WORD_MAX),
    TEXT(object, "stage", stage, WORD_MAX),
    INT(object, "stage_version", stage_version, 0, STORE_VERSION_MAX),
    TEXT(object, "params_hash", params_hash, 64),
    TEXT(object, "mime_type", mime_type, WORD_MAX),
    I64(object, "size_bytes", size_bytes, 0, INT64_MAX),
    TEXT(object, "sha256", sha256, 64),
    JSON(object, "meta_json", meta_json),
    I64(object, "created_at_ms", created_at_ms, 0, TIME_MAX),
};
const struct field_set object_fields = {"object", of_object, ARRAY_LEN(of_object)};

static const struct field of_scene[] = {
    TEXT(scene, "id", id, UUID_MAX - 1),
    I64(scene, "start_frame", start_frame, 0, TIME_MAX),
    I64(scene, "end_frame", end_frame, 0, TIME_MAX),
    I64(scene, "start_us", start_us, -TIME_MAX, TIME_MAX),
    I64(scene, "end_us", end_us, -TIME_MAX, TIME_MAX),
    TEXT(scene, "boundary", boundary, WORD_MAX),
    REAL(scene, "score", score, -TIME_MAX, TIME_MAX),
    TEXT(scene, "detector", detector, WORD_MAX),
    I64(scene, "rep_frame", rep_frame, -1, TIME_MAX),
    I64(scene, "rep_us", rep_us, -TIME_MAX, TIME_MAX),
    TEXT(scene, "poster_key", poster_key, STORE_KEY_MAX - 1),
    TEXT(scene, "transcript", transcript, LONG_MAX_B),
    JSON(scene, "vision_tags_json", vision_tags_json),
    TEXT(scene, "sidecar_key", sidecar_key, STORE_KEY_MAX - 1),
};
const struct field_set scene_fields = {"scene", of_scene, ARRAY_LEN(of_scene)};

static const struct field of_text[] = {
    I64(text_span, "start_us", start_us, -TIME_MAX, TIME_MAX),
    I64(text_span, "end_us", end_us, -TIME_MAX, TIME_MAX),
    I64(text_span, "start_frame", start_frame, -1, TIME_MAX),
    I64(text_span, "end_frame", end_frame, -1, TIME_MAX),
    INT(text_span, "x", x, -(1 << 24), 1 << 24),
    INT(text_span, "y", y, -(1 << 24), 1 << 24),
    INT(text_span, "width", width, 0, 1 << 24),
    INT(text_span, "height", height, 0, 1 << 24),
    REAL(text_span, "confidence", confidence, 0, 1),
    TEXT(text_span, "language", language, WORD_MAX),
    TEXT(text_span, "text", text, LONG_MAX_B),
    JSON(text_span, "detail_json", detail_json),
};
const struct field_set text_fields = {"text", of_text, ARRAY_LEN(of_text)};

static void write_double(struct jsonw *w, double v)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%.17g",
                     isfinite(v) ? v : 0); /* 17 digits: reads back the same */

    jw_raw(w, (struct str){text, (size_t)n});
}

void fields_write(const struct field_set *set, const void *from, struct jsonw *w)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct field *f = &set->fields[i];
        const void *p = (const char *)from + f->offset;
        jw_key(w, f->name);
        switch (f->type) {
        case FIELD_TEXT:
        case FIELD_JSON: {
            const char *z = *(const char *const *)p;
            jw_z(w, z ? z : "");
            break;
        }
        case FIELD_I64:
            jw_i64(w, *(const int64_t *)p);
            break;
        case FIELD_INT:
            jw_i64(w, *(const int *)p);
            break;
        case FIELD_DOUBLE:
            write_double(w, *(const double *)p);
            break;
        }
    }
}

static int bad(const struct field_set *set, const struct field *f, const char *why, struct err *e)
{
    return err_set(e, ERR_INPUT, "%s: member '%s' %s", set->what, f->name, why);
}

static int read_text(const struct field_set *set, const struct field *f, const json_t *v, void *p,
                     struct arena *a, struct err *e)
{
    CLEANUP_JSON json_t *inner = NULL;
    size_t n = json_string_length(v);

    if (!json_is_string(v))
        return bad(set, f, "is not text", e);
    if ((int64_t)n > f->max)
        return bad(set, f, "is too long", e);
    if (f->type == FIELD_JSON && n > 0 &&
        json_read((struct str){json_string_value(v), n}, &inner, e) < 0)
        return bad(set, f, "does not hold JSON", e);
    *(const char **)p = arena_strndup(a, json_string_value(v), n);
    return 0;
}

static int read_number(const struct field_set *set, const struct field *f, const json_t *v, void *p,
                       struct err *e)
{
    if (f->type == FIELD_DOUBLE) {
        double d = json_number_value(v);
        if (!json_is_number(v) || !isfinite(d) || d < (double)f->min || d > (double)f->max)
            return bad(set, f, "is not a number in its range", e);
        *(double *)p = d;
        return 0;
    }
    int64_t i = json_integer_value(v);
    if (!json_is_integer(v) || i < f->min || i > f->max)
        return bad(set, f, "is not a whole number in its range", e);
    if (f->type == FIELD_INT)
        *(int *)p = (int)i;
    else
        *(int64_t *)p = i;
    return 0;
}

int fields_read(const struct field_set *set, const json_t *obj, void *to, struct arena *a,
                struct err *e)
{
    if (!json_is_object(obj))
        return err_set(e, ERR_INPUT, "%s is not an object", set->what);
    for (size_t i = 0; i < set->n; i++) {
        const struct field *f = &set->fields[i];
        const json_t *v = json_object_get(obj, f->name);
        void *p = (char *)to + f->offset;
        bool text = f->type == FIELD_TEXT || f->type == FIELD_JSON;
        if (!v && text)
            *(const char **)p = "";
        else if (!v)
            continue;
        else if (text && read_text(set, f, v, p, a, e) < 0)
            return -1;
        else if (!text && read_number(set, f, v, p, e) < 0)
            return -1;
    }
    return 0;
}
