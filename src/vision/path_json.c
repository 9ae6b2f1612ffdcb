/* The camera path as a file that people read and edit, and its reader, which believes nothing. */
#include <math.h>

#include "vision/path.h"

#define FORMAT_VERSION 1

void path_write(const struct path *p, struct jsonw *w)
{
    jw_obj(w);
    jw_ki64(w, "version", FORMAT_VERSION);
    jw_key(w, "source");
    jw_obj(w);
    jw_ki64(w, "width", p->width);
    jw_ki64(w, "height", p->height);
    jw_obj_end(w);
    jw_key(w, "target");
    jw_obj(w);
    jw_ki64(w, "aspect_w", p->aspect_w);
    jw_ki64(w, "aspect_h", p->aspect_h);
    jw_ki64(w, "width", p->out_w);
    jw_ki64(w, "height", p->out_h);
    jw_obj_end(w);
    jw_key(w, "shots");
    jw_arr(w);
    for (int64_t i = 0; i < p->n_shots; i++) {
        const struct path_shot *s = &p->shots[i];
        jw_obj(w);
        jw_ki64(w, "start_frame", s->start);
        jw_ki64(w, "end_frame", s->end);
        jw_kz(w, "mode", path_mode_name(s->mode));
        jw_ki64(w, "subjects", s->subjects);
        jw_ki64(w, "moves", s->moves);
        jw_kdouble(w, "inside", s->inside, 4);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_key(w, "keys");
    jw_arr(w);
    for (int64_t i = 0; i < p->n_keys; i++) {
        const struct path_key *k = &p->keys[i];
        jw_obj(w);
        jw_ki64(w, "pts_us", k->pts_us);
        jw_ki64(w, "frame", k->frame);
        jw_kdouble(w, "x", k->x, 3);
        jw_kdouble(w, "y", k->y, 3);
        jw_kdouble(w, "w", k->w, 3);
        jw_kdouble(w, "h", k->h, 3);
        if (fabs(k->vx) >= 0.0005 || fabs(k->vy) >= 0.0005) {
            jw_kdouble(w, "vx", k->vx, 3);
            jw_kdouble(w, "vy", k->vy, 3);
        }
        jw_kz(w, "reason", path_mode_name(k->reason));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static bool get_range(const json_t *o, const char *key, int64_t lo, int64_t hi, int64_t *ret)
{
    int64_t v;
    if (!json_get_i64(o, key, &v) || v < lo || v > hi)
        return false;
    *ret = v;
    return true;
}

static bool get_side(const json_t *o, const char *key, int64_t hi, int *ret)
{
    int64_t v;
    if (!get_range(o, key, 1, hi, &v))
        return false;
    *ret = (int)v;
    return true;
}

static bool get_number(const json_t *o, const char *key, double lo, double hi, double *ret)
{
    double v;
    if (!json_get_double(o, key, &v) || !(v >= lo && v <= hi))
        return false;
    *ret = v;
    return true;
}

/* Positions count to a thousandth, as they are printed: what is read and written again is the same.
 * */
static bool get_thousandths(const json_t *o, const char *key, double lo, double hi, double *ret)
{
    double v;
    if (!get_number(o, key, -1e9, 1e9, &v))
        return false;
    v = round(v * 1000) / 1000;
    if (!(v >= lo && v <= hi))
        return false;
    *ret = v + 0.0; /* no negative zero */
    return true;
}

static bool get_mode(const json_t *o, const char *key, enum path_mode *ret)
{
    struct str s;
    if (!json_get_str(o, key, &s))
        return false;
    for (enum path_mode m = PATH_HOLD; m <= PATH_FOLLOW; m++)
        if (str_eqz(s, path_mode_name(m))) {
            *ret = m;
            return true;
        }
    return false;
}

static bool read_key(const json_t *o, const struct path *p, const struct path_key *before,
                     struct path_key *k)
{
    const double slack = 0.0015; /* of printing */
    const double fast = 1e7;
    *k = (struct path_key){0};
    if (!get_range(o, "frame", before ? before->frame + 1 : 0, PATH_FRAMES_MAX, &k->frame) ||
        !get_range(o, "pts_us", before ? before->pts_us + 1 : -((int64_t)1 << 52), (int64_t)1 << 52,
                   &k->pts_us) ||
        !get_thousandths(o, "w", 1, p->width, &k->w) ||
        !get_thousandths(o, "h", 1, p->height, &k->h) ||
        !get_thousandths(o, "x", 0, p->width - k->w + slack, &k->x) ||
        !get_thousandths(o, "y", 0, p->height - k->h + slack, &k->y) ||
        !get_mode(o, "reason", &k->reason))
        return false;
    return (!json_object_get(o, "vx") || get_thousandths(o, "vx", -fast, fast, &k->vx)) &&
           (!json_object_get(o, "vy") || get_thousandths(o, "vy", -fast, fast, &k->vy));
}

static bool read_shot(const json_t *o, int64_t start, struct path_shot *s)
{
    int64_t subjects, moves;
    *s = (struct path_shot){0};
    if (!get_range(o, "start_frame", start, start, &s->start) ||
        !get_range(o, "end_frame", start + 1, PATH_FRAMES_MAX, &s->end) ||
        !get_mode(o, "mode", &s->mode) || !get_range(o, "subjects", 0, 1000, &subjects) ||
        !get_range(o, "moves", 0, PATH_FRAMES_MAX, &moves) ||
        !get_number(o, "inside", 0, 1, &s->inside))
        return false;
    s->subjects = (int)subjects;
    s->moves = (int)moves;
    return true;
}

static int off(struct err *e, const char *what, size_t at)
{
    err_set(e, ERR_INPUT, "camera path: %s %zu is not what it should be", what, at);
    return err_plainf(e, "In the camera path, %s number %zu has a value missing or out of range.",
                      what, at);
}

int path_read(const json_t *obj, struct path **ret, struct err *e)
{
    CLEANUP(path_free) struct path *p = XNEW(struct path);
    const json_t *source = json_object_get(obj, "source"), *target = json_object_get(obj, "target");
    const json_t *shots = json_object_get(obj, "shots"), *keys = json_object_get(obj, "keys");
    int64_t version;

    if (!get_range(obj, "version", FORMAT_VERSION, FORMAT_VERSION, &version) ||
        !get_side(source, "width", PATH_SIDE_MAX, &p->width) ||
        !get_side(source, "height", PATH_SIDE_MAX, &p->height) ||
        !get_side(target, "aspect_w", 1000, &p->aspect_w) ||
        !get_side(target, "aspect_h", 1000, &p->aspect_h) ||
        !get_side(target, "width", p->width, &p->out_w) ||
        !get_side(target, "height", p->height, &p->out_h) || !json_is_array(shots) ||
        !json_is_array(keys)) {
        err_set(e, ERR_INPUT, "camera path: head");
        return err_plain(e, "This is not a camera path as 'rushes reframe' writes it.", NULL);
    }
    size_t n_shots = json_array_size(shots), n_keys = json_array_size(keys);
    if (n_keys < 1 || n_keys > PATH_KEYS_MAX || n_shots > PATH_KEYS_MAX)
        return err_set(e, ERR_INPUT, "camera path of %zu keys, %zu shots", n_keys, n_shots);
    p->shots = mem_try_calloc(MAX(n_shots, 1), sizeof(*p->shots));
    p->keys = mem_try_calloc(n_keys, sizeof(*p->keys));
    if (!p->shots || !p->keys)
        return err_set(e, ERR_LIMIT, "camera path: no memory for %zu keys", n_keys);
    for (size_t i = 0; i < n_shots; i++, p->n_shots++)
        if (!read_shot(json_array_get(shots, i), i ? p->shots[i - 1].end : 0, &p->shots[i]))
            return off(e, "shot", i);
    for (size_t i = 0; i < n_keys; i++, p->n_keys++)
        if (!read_key(json_array_get(keys, i), p, i ? &p->keys[i - 1] : NULL, &p->keys[i]))
            return off(e, "key", i);
    *ret = STEAL(p);
    return 0;
}
