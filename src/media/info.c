/* struct media_info as JSON and back. The reader takes hostile text: a child that was taken over
 * may have written it. */
#include <inttypes.h>

#include "media/results_priv.h"

#define STREAMS_MAX   4096 /* far beyond limit.streams */
#define DIMENSION_MAX (1 << 24)

static const char *const kind_names[] = {"video", "audio", "subtitle", "data", "attachment"};

void media_info_free(struct media_info *i)
{
    if (!i)
        return;
    free(i->streams);
    free(i);
}

static void put_rational(struct jsonw *w, const char *key, struct media_rational r, char sep)
{
    char text[32];

    snprintf(text, sizeof(text), "%d%c%d", r.num, sep, r.den);
    jw_kz(w, key, text);
}

static void put_us_or_null(struct jsonw *w, const char *key, int64_t us)
{
    if (us != INT64_MIN) {
        jw_kus(w, key, us);
        return;
    }
    jw_key(w, key);
    jw_null(w);
}

static void put_video(struct jsonw *w, const struct media_stream *m)
{
    jw_ki64(w, "width", m->width);
    jw_ki64(w, "height", m->height);
    jw_ki64(w, "rotation", m->rotation);
    jw_kbool(w, "flip", m->flip);
    put_rational(w, "sample_aspect", m->sample_aspect, ':');
    jw_ki64(w, "display_width", m->display_width);
    jw_ki64(w, "display_height", m->display_height);
    jw_kz(w, "pixel_format", m->pixel_format);
    jw_ki64(w, "bit_depth", m->bit_depth);
    jw_kbool(w, "full_range", m->full_range);
    jw_kbool(w, "hdr", m->hdr);
    jw_kbool(w, "interlaced", m->interlaced);
    jw_kz(w, "color_transfer", m->color_transfer);
    jw_kz(w, "color_primaries", m->color_primaries);
    jw_kz(w, "color_space", m->color_space);
    put_rational(w, "frame_rate", m->frame_rate, '/');
    if (m->frame_rate.num > 0) /* for people; readers take the exact one above */
        jw_kdouble(w, "fps", (double)m->frame_rate.num / m->frame_rate.den, 6);
    jw_ki64(w, "frame_count", m->frame_count);
}

static void put_stream(struct jsonw *w, const struct media_stream *m)
{
    jw_obj(w);
    jw_ki64(w, "index", m->index);
    jw_kz(w, "kind", kind_names[m->kind]);
    jw_kz(w, "codec", m->codec);
    jw_kz(w, "profile", m->profile);
    jw_kz(w, "language", m->language);
    jw_kz(w, "title", m->title);
    jw_kbool(w, "default", m->is_default);
    jw_kbool(w, "attached_picture", m->attached_picture);
    put_rational(w, "time_base", m->time_base, '/');
    put_us_or_null(w, "start", m->start_us);
    put_us_or_null(w, "duration", m->duration_us);
    jw_ki64(w, "bit_rate", m->bit_rate);
    if (m->kind == MEDIA_VIDEO)
        put_video(w, m);
    if (m->kind == MEDIA_AUDIO) {
        jw_ki64(w, "sample_rate", m->sample_rate);
        jw_ki64(w, "channels", m->channels);
        jw_kz(w, "channel_layout", m->channel_layout);
    }
    jw_obj_end(w);
}

static void put_choice(struct jsonw *w, const char *key, int index)
{
    jw_key(w, key);
    if (index >= 0)
        jw_i64(w, index);
    else
        jw_null(w);
}

void media_info_json(const struct media_info *i, struct jsonw *w)
{
    jw_obj(w);
    jw_kz(w, "container", i->container);
    jw_kz(w, "family", i->family);
    jw_kz(w, "mime", i->mime);
    jw_kus(w, "duration", i->duration_us);
    jw_kus(w, "start", i->start_us);
    jw_ki64(w, "bit_rate", i->bit_rate);
    jw_ki64(w, "size_bytes", i->size_bytes);
    jw_kz(w, "created", i->created);
    put_choice(w, "video", i->video);
    put_choice(w, "audio", i->audio);
    jw_key(w, "streams");
    jw_arr(w);
    for (int n = 0; n < i->n_streams; n++)
        put_stream(w, &i->streams[n]);
    jw_arr_end(w);
    jw_obj_end(w);
}

/* "30000/1001": numerator from min_num, denominator from 1 */
static bool want_rational(const json_t *obj, const char *key, char sep, int min_num,
                          struct media_rational *ret)
{
    struct str rest, num;
    int64_t n, d;

    if (!json_get_str(obj, key, &rest) || !str_cut(&rest, sep, &num) || !rest.p)
        return false;
    if (!str_to_i64(num, &n) || !str_to_i64(rest, &d) || n < min_num || n > INT32_MAX || d < 1 ||
        d > INT32_MAX)
        return false;
    *ret = (struct media_rational){(int)n, (int)d};
    return true;
}

static bool want_us_or_null(const json_t *obj, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(obj, key);

    if (json_is_null(v)) {
        *ret = INT64_MIN;
        return true;
    }
    return want_us(obj, key, -RESULT_US_MAX, RESULT_US_MAX, ret);
}

static bool parse_video(const json_t *o, struct media_stream *m)
{
    return want_int(o, "width", 0, DIMENSION_MAX, &m->width) &&
           want_int(o, "height", 0, DIMENSION_MAX, &m->height) &&
           want_int(o, "rotation", 0, 270, &m->rotation) && m->rotation % 90 == 0 &&
           json_get_bool(o, "flip", &m->flip) &&
           want_rational(o, "sample_aspect", ':', 1, &m->sample_aspect) &&
           want_int(o, "display_width", 0, INT32_MAX, &m->display_width) &&
           want_int(o, "display_height", 0, INT32_MAX, &m->display_height) &&
           want_text(o, "pixel_format", m->pixel_format, sizeof(m->pixel_format)) &&
           want_int(o, "bit_depth", 0, 64, &m->bit_depth) &&
           json_get_bool(o, "full_range", &m->full_range) && json_get_bool(o, "hdr", &m->hdr) &&
           json_get_bool(o, "interlaced", &m->interlaced) &&
           want_text(o, "color_transfer", m->color_transfer, sizeof(m->color_transfer)) &&
           want_text(o, "color_primaries", m->color_primaries, sizeof(m->color_primaries)) &&
           want_text(o, "color_space", m->color_space, sizeof(m->color_space)) &&
           want_rational(o, "frame_rate", '/', 0, &m->frame_rate) &&
           want_i64(o, "frame_count", 0, INT64_MAX, &m->frame_count);
}

static bool parse_audio(const json_t *o, struct media_stream *m)
{
    return want_int(o, "sample_rate", 0, INT32_MAX, &m->sample_rate) &&
           want_int(o, "channels", 0, INT32_MAX, &m->channels) &&
           want_text(o, "channel_layout", m->channel_layout, sizeof(m->channel_layout));
}

static bool parse_kind(const json_t *o, enum media_kind *ret)
{
    struct str kind;

    if (!json_get_str(o, "kind", &kind))
        return false;
    for (size_t k = 0; k < ARRAY_LEN(kind_names); k++)
        if (str_eqz(kind, kind_names[k])) {
            *ret = (enum media_kind)k;
            return true;
        }
    return false;
}

static bool parse_stream(const json_t *o, int index, struct media_stream *m)
{
    m->sample_aspect = (struct media_rational){1, 1};
    m->frame_rate = (struct media_rational){0, 1};
    if (!want_int(o, "index", index, index, &m->index) || !parse_kind(o, &m->kind) ||
        !want_text(o, "codec", m->codec, sizeof(m->codec)) ||
        !want_text(o, "profile", m->profile, sizeof(m->profile)) ||
        !want_text(o, "language", m->language, sizeof(m->language)) ||
        !want_text(o, "title", m->title, sizeof(m->title)) ||
        !json_get_bool(o, "default", &m->is_default) ||
        !json_get_bool(o, "attached_picture", &m->attached_picture) ||
        !want_rational(o, "time_base", '/', 1, &m->time_base) ||
        !want_us_or_null(o, "start", &m->start_us) ||
        !want_us_or_null(o, "duration", &m->duration_us) ||
        !want_i64(o, "bit_rate", 0, INT64_MAX, &m->bit_rate))
        return false;
    if (m->kind == MEDIA_VIDEO)
        return parse_video(o, m);
    return m->kind != MEDIA_AUDIO || parse_audio(o, m);
}

/* null, or the place of a stream of the right kind */
static bool parse_choice(const json_t *o, const char *key, const struct media_info *i,
                         enum media_kind kind, int *ret)
{
    if (json_is_null(json_object_get(o, key))) {
        *ret = -1;
        return true;
    }
    return want_int(o, key, 0, i->n_streams - 1, ret) && i->streams[*ret].kind == kind;
}

int media_info_parse(const json_t *obj, struct media_info **ret, struct err *e)
{
    CLEANUP(media_info_free) struct media_info *i = XNEW(struct media_info);
    const json_t *streams = json_object_get(obj, "streams");

    if (!json_is_object(obj) || !json_is_array(streams) || json_array_size(streams) > STREAMS_MAX)
        return nonsense(e, "media info");
    if (!want_text(obj, "container", i->container, sizeof(i->container)) ||
        !want_text(obj, "family", i->family, sizeof(i->family)) ||
        !want_text(obj, "mime", i->mime, sizeof(i->mime)) ||
        !want_us(obj, "duration", 0, RESULT_US_MAX, &i->duration_us) ||
        !want_us(obj, "start", -RESULT_US_MAX, RESULT_US_MAX, &i->start_us) ||
        !want_i64(obj, "bit_rate", 0, INT64_MAX, &i->bit_rate) ||
        !want_i64(obj, "size_bytes", 0, INT64_MAX, &i->size_bytes) ||
        !want_text(obj, "created", i->created, sizeof(i->created)))
        return nonsense(e, "media info");
    i->streams = xcalloc(MAX(json_array_size(streams), 1), sizeof(*i->streams));
    i->n_streams = (int)json_array_size(streams);
    for (int n = 0; n < i->n_streams; n++)
        if (!parse_stream(json_array_get(streams, (size_t)n), n, &i->streams[n]))
            return nonsense(e, "media info's stream");
    if (!parse_choice(obj, "video", i, MEDIA_VIDEO, &i->video) ||
        !parse_choice(obj, "audio", i, MEDIA_AUDIO, &i->audio))
        return nonsense(e, "media info's choice of streams");
    *ret = STEAL(i);
    return 0;
}
