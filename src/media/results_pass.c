/* The report of a pass, written in the child and checked on the client against the files it speaks
 * of. */
#include <math.h>
#include <stdlib.h>

#include "media/results_priv.h"

static const char *const out_names[MEDIA_OUT_N] = {
    [MEDIA_OUT_PROXY] = "proxy",     [MEDIA_OUT_THUMB] = "thumb",
    [MEDIA_OUT_POSTER] = "poster",   [MEDIA_OUT_SPRITES] = "sprites",
    [MEDIA_OUT_VTT] = "vtt",         [MEDIA_OUT_SHOTS] = "shot_pictures",
    [MEDIA_OUT_SAMPLES] = "samples", [MEDIA_OUT_INDEX] = "index",
    [MEDIA_OUT_AUDIO] = "audio",     [MEDIA_OUT_PEAKS] = "peaks",
};

const char *media_out_name(enum media_out out)
{
    return out_names[out];
}

void media_pass_result_free(struct media_pass_result *r)
{
    if (!r)
        return;
    media_info_free(r->info);
    media_shots_free(r->shots);
    free(r->sprites.p);
    free(r->shot_pictures.p);
    free(r->samples.p);
    json_decref(r->report);
    free(r);
}

void media_pass_result_json(const struct media_pass_result *r, struct jsonw *w)
{
    jw_obj(w);
    jw_key(w, "info");
    media_info_json(r->info, w);
    jw_kus(w, "duration", r->duration_us);
    jw_kbool(w, "variable_rate", r->variable_rate);
    jw_ki64(w, "decode_errors", r->decode_errors);
    jw_key(w, "made"); /* output: bytes */
    jw_obj(w);
    for (int i = 0; i < MEDIA_OUT_N; i++)
        if (r->made[i])
            jw_ki64(w, out_names[i], r->bytes[i]);
    jw_obj_end(w);
    jw_ki64(w, "poster_frame", r->poster_frame);
    jw_kus(w, "poster_time", r->poster_us);
    jw_ki64(w, "proxy_width", r->proxy_width);
    jw_ki64(w, "proxy_height", r->proxy_height);
    jw_kdouble(w, "proxy_fps", r->proxy_fps, 6);
    jw_kdouble(w, "loudness_lufs", r->loudness_lufs, 2); /* null: silent or no sound */
    jw_kdouble(w, "loudness_range_lu", r->loudness_range_lu, 2);
    jw_kdouble(w, "peak_dbfs", r->peak_dbfs, 2);
    jw_key(w, "shots");
    media_shots_json(r->shots, w);
    jw_key(w, "sprites");
    media_pictures_json(&r->sprites, w);
    jw_key(w, "shot_pictures");
    media_pictures_json(&r->shot_pictures, w);
    jw_key(w, "samples");
    media_pictures_json(&r->samples, w);
    jw_obj_end(w);
}

static bool want_double_or_nan(const json_t *obj, const char *key, double lo, double hi,
                               double *ret)
{
    if (json_is_null(json_object_get(obj, key))) {
        *ret = NAN;
        return true;
    }
    return want_double(obj, key, lo, hi, ret);
}

static int parse_made(const json_t *made, const int64_t sizes[MEDIA_OUT_N],
                      struct media_pass_result *r, struct err *e)
{
    size_t known = 0;

    if (!json_is_object(made))
        return nonsense(e, "list of outputs");
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        if (!json_object_get(made, out_names[i])) {
            if (sizes[i] != 0)
                return nonsense(e, "an output that was not made");
            continue;
        }
        known++;
        r->made[i] = true;
        /* a pack may be empty (no shot has a picture); sizes must be what the files are */
        if (!want_i64(made, out_names[i], sizes[i], sizes[i], &r->bytes[i]))
            return nonsense(e, out_names[i]);
    }
    return known == json_object_size(made) ? 0 : nonsense(e, "list of outputs");
}

static bool parse_numbers(const json_t *o, struct media_pass_result *r)
{
    return want_us(o, "duration", 0, RESULT_US_MAX, &r->duration_us) &&
           json_get_bool(o, "variable_rate", &r->variable_rate) &&
           want_i64(o, "decode_errors", 0, INT64_MAX, &r->decode_errors) &&
           want_i64(o, "poster_frame", -1, INT64_MAX, &r->poster_frame) &&
           want_us(o, "poster_time", -1, RESULT_US_MAX, &r->poster_us) &&
           want_int(o, "proxy_width", 0, 1 << 20, &r->proxy_width) &&
           want_int(o, "proxy_height", 0, 1 << 20, &r->proxy_height) &&
           want_double(o, "proxy_fps", 0, 100000, &r->proxy_fps) &&
           want_double_or_nan(o, "loudness_lufs", -1000, 1000, &r->loudness_lufs) &&
           want_double_or_nan(o, "loudness_range_lu", 0, 1000, &r->loudness_range_lu) &&
           want_double_or_nan(o, "peak_dbfs", -1000, 1000, &r->peak_dbfs);
}

/* Frames that pictures speak of must be there; -1 is a whole sheet. */
static bool frames_fit(const struct media_pictures *p, int64_t frames, bool sheets)
{
    for (int64_t i = 0; i < p->n; i++)
        if (sheets ? p->p[i].frame != -1 : p->p[i].frame < 0 || p->p[i].frame >= frames)
            return false;
    return true;
}

int media_pass_result_parse(json_t *report, const int64_t sizes[MEDIA_OUT_N],
                            struct media_pass_result **ret, struct err *e)
{
    CLEANUP(media_pass_result_free) struct media_pass_result *r = XNEW(struct media_pass_result);

    if (!json_is_object(report))
        return nonsense(e, "report");
    if (media_info_parse(json_object_get(report, "info"), &r->info, e) < 0 ||
        parse_made(json_object_get(report, "made"), sizes, r, e) < 0)
        return -1;
    if (!parse_numbers(report, r))
        return nonsense(e, "report's numbers");
    if (media_shots_parse(json_object_get(report, "shots"), INT64_MAX / 2, &r->shots, e) < 0 ||
        media_pictures_parse(json_object_get(report, "sprites"), sizes[MEDIA_OUT_SPRITES],
                             &r->sprites, e) < 0 ||
        media_pictures_parse(json_object_get(report, "shot_pictures"), sizes[MEDIA_OUT_SHOTS],
                             &r->shot_pictures, e) < 0 ||
        media_pictures_parse(json_object_get(report, "samples"), sizes[MEDIA_OUT_SAMPLES],
                             &r->samples, e) < 0)
        return -1;
    if (r->poster_frame >= r->shots->frames || !frames_fit(&r->sprites, 0, /* sheets */ true) ||
        !frames_fit(&r->shot_pictures, r->shots->frames, false) ||
        !frames_fit(&r->samples, r->shots->frames, false))
        return nonsense(e, "report's frame numbers");
    r->report = json_incref(report);
    *ret = STEAL(r);
    return 0;
}
