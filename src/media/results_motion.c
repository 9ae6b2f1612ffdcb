/* Motion as JSON and back: see results.h. A frame is a row of numbers, because there are many. */
#include <math.h>
#include <stdlib.h>

#include "media/results_priv.h"

#define SIDE_MAX        (1 << 16)
#define REGIONS_MAX     ((int64_t)16 << 20)
#define GLOBAL_MAX      1e6
#define CONFIDENCE_UNIT 1000

static const double no_motion[6] = {1, 0, 0, 0, 1, 0};

void media_motion_free(struct media_motion *m)
{
    if (!m)
        return;
    media_shots_free(m->shots);
    free(m->frames);
    free(m->regions);
    free(m);
}

static bool moves(const double global[6])
{
    for (int i = 0; i < 6; i++)
        if (fabs(global[i] - no_motion[i]) > (i % 3 == 2 ? 0.005 : 0.000005))
            return true;
    return false;
}

void media_motion_json(const struct media_motion *m, struct jsonw *w)
{
    jw_obj(w);
    jw_ki64(w, "width", m->width);
    jw_ki64(w, "height", m->height);
    jw_key(w, "shots");
    media_shots_json(m->shots, w);
    jw_key(w, "frames");
    jw_arr(w);
    for (int64_t i = 0; i < m->shots->frames; i++) {
        const struct media_motion_frame *f = &m->frames[i];
        jw_arr(w);
        jw_i64(w, f->us);
        jw_i64(w, f->end_us);
        jw_i64(w, f->state);
        jw_arr(w);
        for (int64_t k = f->first; k < f->first + f->n; k++) {
            const struct media_motion_region *r = &m->regions[k];
            jw_arr(w);
            jw_i64(w, r->x);
            jw_i64(w, r->y);
            jw_i64(w, r->w);
            jw_i64(w, r->h);
            jw_i64(w, lround(r->confidence * CONFIDENCE_UNIT));
            jw_arr_end(w);
        }
        jw_arr_end(w);
        for (int k = 0; k < 6 && moves(f->global); k++)
            jw_double(w, f->global[k], 6);
        jw_arr_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static bool item(const json_t *arr, size_t at, int64_t lo, int64_t hi, int64_t *ret)
{
    const json_t *v = json_array_get(arr, at);

    if (!json_is_integer(v) || json_integer_value(v) < lo || json_integer_value(v) > hi)
        return false;
    *ret = json_integer_value(v);
    return true;
}

static bool parse_region(const json_t *a, const struct media_motion *m,
                         struct media_motion_region *r)
{
    int64_t x, y, w, h, c;

    if (!json_is_array(a) || json_array_size(a) != 5 || !item(a, 0, 0, m->width - 1, &x) ||
        !item(a, 1, 0, m->height - 1, &y) || !item(a, 2, 1, m->width - x, &w) ||
        !item(a, 3, 1, m->height - y, &h) || !item(a, 4, 0, CONFIDENCE_UNIT, &c))
        return false;
    *r = (struct media_motion_region){(int)x, (int)y, (int)w, (int)h, (double)c / CONFIDENCE_UNIT};
    return true;
}

/* since_us: where the frame before began; the first must not begin before 0. */
static bool parse_frame(const json_t *a, struct media_motion *m, int64_t since_us, int64_t max,
                        struct media_motion_frame *f)
{
    const json_t *regions = json_array_get(a, 3);
    size_t size = json_array_size(a);
    int64_t state;

    if (!json_is_array(a) || (size != 4 && size != 10) || !json_is_array(regions) ||
        json_array_size(regions) > MEDIA_MOTION_REGIONS_MAX ||
        !item(a, 0, since_us, RESULT_US_MAX, &f->us) ||
        !item(a, 1, f->us, RESULT_US_MAX, &f->end_us) ||
        !item(a, 2, MEDIA_MOTION_LEARNING, MEDIA_MOTION_LIGHT, &state))
        return false;
    f->state = (enum media_motion_state)state;
    f->first = m->n_regions;
    f->n = (int)json_array_size(regions);
    if (m->n_regions + f->n > max)
        return false;
    for (int i = 0; i < f->n; i++)
        if (!parse_region(json_array_get(regions, (size_t)i), m, &m->regions[m->n_regions++]))
            return false;
    for (int i = 0; i < 6; i++) {
        const json_t *v = json_array_get(a, 4 + (size_t)i);
        f->global[i] = size == 4 ? no_motion[i] : json_number_value(v);
        if (size == 10 && (!json_is_number(v) || !(fabs(f->global[i]) <= GLOBAL_MAX)))
            return false;
    }
    return true;
}

int media_motion_parse(const json_t *obj, int64_t limit_frames, struct media_motion **ret,
                       struct err *e)
{
    CLEANUP(media_motion_free) struct media_motion *m = XNEW(struct media_motion);
    const json_t *frames = json_object_get(obj, "frames"), *f;
    int64_t max = 0;
    size_t i;

    if (!want_int(obj, "width", 1, SIDE_MAX, &m->width) ||
        !want_int(obj, "height", 1, SIDE_MAX, &m->height) || !json_is_array(frames))
        return nonsense(e, "motion");
    if (media_shots_parse(json_object_get(obj, "shots"), limit_frames, &m->shots, e) < 0)
        return -1;
    if ((int64_t)json_array_size(frames) != m->shots->frames)
        return nonsense(e, "number of frames");
    json_array_foreach(frames, i, f) max += (int64_t)json_array_size(json_array_get(f, 3));
    if (max > REGIONS_MAX)
        return nonsense(e, "number of regions");
    m->frames = mem_try_calloc((size_t)MAX(m->shots->frames, 1), sizeof(*m->frames));
    m->regions = mem_try_calloc((size_t)MAX(max, 1), sizeof(*m->regions));
    if (!m->frames || !m->regions)
        return err_set(e, ERR_LIMIT, "no memory for motion of %lld frames",
                       (long long)m->shots->frames);
    json_array_foreach(frames, i, f)
    {
        int64_t since = i ? m->frames[i - 1].us + 1 : 0;
        if (!parse_frame(f, m, since, max, &m->frames[i]))
            return nonsense(e, "frame with motion");
    }
    *ret = STEAL(m);
    return 0;
}
