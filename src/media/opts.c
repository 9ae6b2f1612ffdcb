/* Options of the tasks: from the settings, into the request of a child and out of it again. */
#include "conf/conf.h"
#include "media/results_priv.h"

void media_ctx_init(struct media_ctx *m, const struct conf *conf)
{
    const char *sandbox = conf_str(conf, CONF_SANDBOX);

    *m = (struct media_ctx){
        .sandbox = strcmp(sandbox, "strict") == 0 ? MEDIA_SANDBOX_STRICT
                   : strcmp(sandbox, "off") == 0  ? MEDIA_SANDBOX_OFF
                                                  : MEDIA_SANDBOX_AUTO,
        .limits =
            {
                .size_bytes = conf_bytes(conf, CONF_LIMIT_SIZE),
                .duration_us = conf_ms(conf, CONF_LIMIT_DURATION) * 1000,
                .pixels = conf_int(conf, CONF_LIMIT_PIXELS),
                .frames = conf_int(conf, CONF_LIMIT_FRAMES),
                .streams = conf_int(conf, CONF_LIMIT_STREAMS),
            },
        .memory_bytes = conf_bytes(conf, CONF_CHILD_MEMORY),
        .stall_ms = conf_ms(conf, CONF_CHILD_STALL),
        .threads = (int)conf_int(conf, CONF_CHILD_THREADS),
    };
}

void media_pass_opts_init(struct media_pass_opts *o, const struct conf *conf)
{
    *o = (struct media_pass_opts){
        .shots =
            {
                .detector = strcmp(conf_str(conf, CONF_SHOTS_DETECTOR), "content") == 0
                                ? MEDIA_SHOTS_CONTENT
                                : MEDIA_SHOTS_ADAPTIVE,
                .threshold = conf_double(conf, CONF_SHOTS_THRESHOLD),
                .min_frames = (int)conf_int(conf, CONF_SHOTS_MIN_LENGTH),
            },
        .proxy_height = (int)conf_int(conf, CONF_PROXY_HEIGHT),
        .proxy_crf = (int)conf_int(conf, CONF_PROXY_CRF),
        .proxy_fps = conf_double(conf, CONF_PROXY_FPS),
        .proxy_preset = conf_str(conf, CONF_PROXY_PRESET),
        .sample_every = (int)conf_int(conf, CONF_SAMPLE_EVERY),
        .sample_width = (int)conf_int(conf, CONF_SAMPLE_WIDTH),
        .sample_quality = (int)conf_int(conf, CONF_SAMPLE_QUALITY),
        .thumb_width = (int)conf_int(conf, CONF_THUMB_WIDTH),
        .sprite_width = (int)conf_int(conf, CONF_SPRITE_WIDTH),
        .sprite_tiles = (int)conf_int(conf, CONF_SPRITE_TILES),
        .sprite_interval_us = conf_ms(conf, CONF_SPRITE_INTERVAL) * 1000,
    };
}

static int bad_options(struct err *e, const char *task)
{
    return err_set(e, ERR_USAGE, "options of %s are missing or out of range", task);
}

/* Presets are words of x264; anything else must not reach it. */
static bool want_preset(const json_t *obj, const char *key, const char **ret)
{
    static const char *const presets[] = {"ultrafast", "superfast", "veryfast", "faster",  "fast",
                                          "medium",    "slow",      "slower",   "veryslow"};
    struct str s;

    if (!json_get_str(obj, key, &s))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(presets); i++)
        if (str_eqz(s, presets[i])) {
            *ret = presets[i];
            return true;
        }
    return false;
}

void media_shots_opts_json(const struct media_shots_opts *o, struct jsonw *w)
{
    jw_obj(w);
    jw_kz(w, "detector", o->detector == MEDIA_SHOTS_CONTENT ? "content" : "adaptive");
    jw_kdouble(w, "threshold", o->threshold, 6);
    jw_ki64(w, "min_frames", o->min_frames);
    jw_obj_end(w);
}

int media_shots_opts_parse(const json_t *obj, struct media_shots_opts *ret, struct err *e)
{
    struct media_shots_opts o;
    struct str detector;

    if (!json_get_str(obj, "detector", &detector) ||
        !want_double(obj, "threshold", 0, 255, &o.threshold) ||
        !want_int(obj, "min_frames", 1, 1000000, &o.min_frames))
        return bad_options(e, "shots");
    if (str_eqz(detector, "content"))
        o.detector = MEDIA_SHOTS_CONTENT;
    else if (str_eqz(detector, "adaptive"))
        o.detector = MEDIA_SHOTS_ADAPTIVE;
    else
        return bad_options(e, "shots");
    *ret = o;
    return 0;
}

void media_pass_opts_json(const struct media_pass_opts *o, struct jsonw *w)
{
    jw_obj(w);
    jw_key(w, "shots");
    media_shots_opts_json(&o->shots, w);
    jw_ki64(w, "proxy_height", o->proxy_height);
    jw_ki64(w, "proxy_crf", o->proxy_crf);
    jw_kdouble(w, "proxy_fps", o->proxy_fps, 6);
    jw_kz(w, "proxy_preset", o->proxy_preset);
    jw_ki64(w, "sample_every", o->sample_every);
    jw_ki64(w, "sample_width", o->sample_width);
    jw_ki64(w, "sample_quality", o->sample_quality);
    jw_ki64(w, "thumb_width", o->thumb_width);
    jw_ki64(w, "sprite_width", o->sprite_width);
    jw_ki64(w, "sprite_tiles", o->sprite_tiles);
    jw_ki64(w, "sprite_interval_us", o->sprite_interval_us);
    jw_obj_end(w);
}

int media_pass_opts_parse(const json_t *obj, struct media_pass_opts *ret, struct err *e)
{
    struct media_pass_opts o;

    if (media_shots_opts_parse(json_object_get(obj, "shots"), &o.shots, e) < 0)
        return -1;
    if (!want_int(obj, "proxy_height", 2, 8192, &o.proxy_height) ||
        !want_int(obj, "proxy_crf", 0, 51, &o.proxy_crf) ||
        !want_double(obj, "proxy_fps", 0.1, 240, &o.proxy_fps) ||
        !want_preset(obj, "proxy_preset", &o.proxy_preset) ||
        !want_int(obj, "sample_every", 1, 1000000, &o.sample_every) ||
        !want_int(obj, "sample_width", 16, 16384, &o.sample_width) ||
        !want_int(obj, "sample_quality", 1, 100, &o.sample_quality) ||
        !want_int(obj, "thumb_width", 16, 8192, &o.thumb_width) ||
        !want_int(obj, "sprite_width", 16, 4096, &o.sprite_width) ||
        !want_int(obj, "sprite_tiles", 1, 10000, &o.sprite_tiles) ||
        !want_i64(obj, "sprite_interval_us", 1000, RESULT_US_MAX, &o.sprite_interval_us))
        return bad_options(e, "pass");
    *ret = o;
    return 0;
}

void media_cut_opts_json(const struct media_cut_opts *o, struct jsonw *w)
{
    jw_obj(w);
    jw_ki64(w, "from_frame", o->from_frame);
    jw_ki64(w, "to_frame", o->to_frame);
    jw_ki64(w, "crf", o->crf);
    jw_kz(w, "preset", o->preset);
    jw_obj_end(w);
}

int media_cut_opts_parse(const json_t *obj, struct media_cut_opts *ret, struct err *e)
{
    struct media_cut_opts o;

    if (!want_i64(obj, "from_frame", 0, INT64_MAX - 1, &o.from_frame) ||
        !want_i64(obj, "to_frame", o.from_frame + 1, INT64_MAX, &o.to_frame) ||
        !want_int(obj, "crf", 0, 51, &o.crf) || !want_preset(obj, "preset", &o.preset))
        return bad_options(e, "cut");
    *ret = o;
    return 0;
}
