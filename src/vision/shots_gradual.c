/*
 * Fades and dissolves of the adaptive detector, on pictures of 16 x 9 points or so.
 *
 * In a dissolve every point goes along a straight line from its value in the old shot to its value
 * in the new. So a window of frames A … B is one when the frames between, seen as vectors, lie
 * close to the line from A to B (`rest`), move along it only forwards, in many small steps, rest at
 * either end, and A and B show different things. Camera and object motion leave the line: half-way
 * through a pan the picture is no mixture of its ends. Changes of light follow the line, but the
 * structure of the picture stays.
 *
 * In a wipe every point jumps from its old value to its new, one part of the picture after the
 * other: the path is not straight, but each frame is a patchwork of A and B.
 *
 * A fade is a dissolve with black or white for one end. It hinges on a vertex: the first frame of a
 * blank run on the way down, its last on the way up, or the darkest frame where the picture turns
 * round before it is quite black. Fades that hinge on the same vertex or run are joined when they
 * leave the queue (shots.c).
 */
#include "vision/shots_priv.h"

#include <math.h>

#define DISSOLVE_MIN 20.0 /* least root mean square change of a dissolve, of 255 */
#define FADE_MIN     10.0 /* the same for a fade: dark scenes fade, too */
#define AT_REST      0.06 /* along the line, from 0 to 1: still at the end */
#define STEP_MAX     0.4  /* a larger step in one frame is a cut */
#define BACK_MAX     0.05
#define SWITCH_REST                                                                                \
    0.25            /* distance of a wipe's frame from a patchwork of its ends, in their distance */
#define BOTTOM 0.75 /* a fade that gets less far than this never was one */

#define AROUND 40 /* frames either side of a blank run in which its pictures are looked for */
#define CLEAR  30 /* mean luma of such a picture away from the colour of the run, of 255 */

/* Lengths of window that are tried. Between a length and the next, the margins at rest take up the
 * difference. */
static const int lags[] = {8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, LAG_MAX};

/* Frames that lie along the line from a to b. */
struct line {
    const uint8_t *a, *b;
    double length2; /* squared */
};

/* How the frames from..from + n - 1 follow a line. */
struct path {
    int64_t from;
    int n;
    double along[LAG_MAX + 1]; /* of each frame, 0 at a, 1 at b */
    int mid;                   /* frames well between the ends */
    double rest, rest_most;    /* their distance from the line in its lengths: mean and largest */
    double step_most, back_most;
};

/* Dot product of (p - a) and (q - c). */
static double dot(const uint8_t *p, const uint8_t *a, const uint8_t *q, const uint8_t *c)
{
    int32_t sum = 0;
    for (int i = 0; i < SMALL_MAX; i++)
        sum += (int16_t)(p[i] - a[i]) * (int16_t)(q[i] - c[i]);
    return sum;
}

static const uint8_t *small_at(const struct shots *s, int64_t frame)
{
    return look_at(s, frame)->small;
}

/* A picture of black, or of white where the picture has samples. */
static void blank_small(const struct thumb *shape, enum blank colour, uint8_t out[SMALL_MAX])
{
    for (int i = 0; i < SMALL_MAX; i++) {
        int x = i % SMALL_SIDE * 4, y = i / SMALL_SIDE % SMALL_SIDE * 4;
        out[i] = colour == BLANK_WHITE && x < shape->w && y < shape->h ? 255 : 0;
    }
}

/* False when the ends are less than least apart (root mean square over the picture). */
static bool line_make(struct line *l, const struct thumb *shape, const uint8_t *a, const uint8_t *b,
                      double least)
{
    int samples = 3 * ((shape->w + 3) / 4) * ((shape->h + 3) / 4);
    *l = (struct line){.a = a, .b = b, .length2 = dot(b, a, b, a)};
    return l->length2 >= least * least * samples;
}

/* Frames that must stand at either end of a window of so many: a slow path moves little in two. */
static int rest_frames(int64_t frames)
{
    return MAX(2, (int)frames / 8);
}

static double along(const struct shots *s, const struct line *l, int64_t frame)
{
    return dot(small_at(s, frame), l->a, l->b, l->a) / l->length2;
}

static bool rests_at_a(const struct shots *s, const struct line *l, int64_t from, int64_t to)
{
    int n = rest_frames(to - from);
    return along(s, l, from + n) <= AT_REST && along(s, l, from + n / 2) <= AT_REST;
}

static bool rests_at_b(const struct shots *s, const struct line *l, int64_t from, int64_t to)
{
    int n = rest_frames(to - from);
    return along(s, l, to - n) >= 1 - AT_REST && along(s, l, to - n / 2) >= 1 - AT_REST;
}

static void path_follow(const struct shots *s, const struct line *l, int64_t from, int64_t to,
                        struct path *p)
{
    double sum = 0;

    *p = (struct path){.from = from, .n = (int)(to - from + 1)};
    for (int i = 0; i < p->n; i++) {
        const uint8_t *small = small_at(s, from + i);
        p->along[i] = along(s, l, from + i);
        if (i > 0) {
            p->step_most = MAX(p->step_most, p->along[i] - p->along[i - 1]);
            p->back_most = MAX(p->back_most, p->along[i - 1] - p->along[i]);
        }
        if (p->along[i] > 0.1 && p->along[i] < 0.9) {
            double off2 = dot(small, l->a, small, l->a) / l->length2 - p->along[i] * p->along[i];
            double off = off2 > 0 ? sqrt(off2) : 0;
            p->mid++;
            sum += off;
            p->rest_most = MAX(p->rest_most, off);
        }
    }
    p->rest = p->mid ? sum / p->mid : 0;
}

static bool path_forward(const struct path *p)
{
    return p->mid >= 3 && p->step_most <= STEP_MAX && p->back_most <= BACK_MAX;
}

static bool path_straight(const struct path *p)
{
    bool few = p->mid < 5; /* little to judge by, so it must fit better */
    return p->rest <= (few ? 0.12 : 0.22) && p->rest_most <= (few ? 0.20 : 0.35);
}

static bool path_good(const struct path *p)
{
    return path_forward(p) && path_straight(p);
}

/* Does every point of the frames between show either what it shows at a or what it shows at b? */
static bool path_switches(const struct shots *s, const struct line *l, const struct path *p)
{
    double limit = SWITCH_REST * SWITCH_REST * l->length2;
    for (int i = 0; i < p->n; i++) {
        if (p->along[i] <= 0.1 || p->along[i] >= 0.9)
            continue;
        const uint8_t *small = small_at(s, p->from + i);
        int32_t sum = 0;
        for (int k = 0; k < SMALL_MAX; k++) {
            int to_a = small[k] - l->a[k], to_b = small[k] - l->b[k];
            sum += MIN(to_a * to_a, to_b * to_b);
        }
        if (sum > limit)
            return false;
    }
    return true;
}

/* Where the path first passes a point, in frames with fractions. */
static double path_at(const struct path *p, double point)
{
    for (int i = 1; i < p->n; i++)
        if (p->along[i] >= point)
            return (double)p->from + i -
                   (p->along[i] - point) / MAX(p->along[i] - p->along[i - 1], 1e-9);
    return (double)(p->from + p->n - 1);
}

/* The frames strictly between the ends, if the path went on at the pace of its middle. */
static void path_span(const struct path *p, double high, int64_t *ret_first, int64_t *ret_last)
{
    double low = 0.15, a = path_at(p, low), b = path_at(p, high), pace = (b - a) / (high - low);
    /* what rounding leaves of an end is not a frame more */
    *ret_first = (int64_t)floor(a - low * pace + 0.1) + 1;
    *ret_last = (int64_t)ceil(b + (1 - high) * pace - 0.1) - 1;
    /* nor is one that stands still there: not every dissolve keeps one pace */
    while (*ret_first < *ret_last && *ret_first >= p->from && p->along[*ret_first - p->from] < 0.01)
        ++*ret_first;
    while (*ret_last > *ret_first && *ret_last < p->from + p->n &&
           p->along[*ret_last - p->from] > 0.99)
        --*ret_last;
}

static void dissolve_look(struct shots *s, int64_t from, int64_t to)
{
    const struct look *a = look_at(s, from), *b = look_at(s, to);
    struct line line;
    struct path path;

    if (a->blank != BLANK_NOT || b->blank != BLANK_NOT ||
        !line_make(&line, &a->thumb, a->small, b->small, DISSOLVE_MIN))
        return;
    if (!rests_at_b(s, &line, from, to) || !rests_at_a(s, &line, from, to))
        return;
    path_follow(s, &line, from, to, &path);
    if (!path_forward(&path))
        return;
    bool straight = path_straight(&path);
    if (!straight && !path_switches(s, &line, &path))
        return;
    /* what looks alike after it is a change of light, unless the path is very straight */
    if (cut_structure(&a->thumb, &b->thumb) > 0.6 || (cut_layout(a, b) > 0.6 && path.rest > 0.06))
        return;
    struct event ev = {.t = {.kind = straight ? SHOTS_DISSOLVE : SHOTS_WIPE}, .run = -1};
    path_span(&path, 0.85, &ev.t.first, &ev.t.last);
    ev.t.first = CLAMP(ev.t.first, from + 1, to - 1);
    ev.t.last = CLAMP(ev.t.last, ev.t.first, to - 1);
    ev.t.cut = CLAMP((int64_t)ceil(path_at(&path, 0.5)), ev.t.first, ev.t.last);
    s->gradual_until = ev.t.last;
    shots_put(s, &ev);
}

/* Down from frame `from`, which is still whole, to the bottom. */
static bool fade_out_look(const struct shots *s, int64_t from, int64_t bottom, enum blank colour,
                          struct shots_transition *ret)
{
    const struct look *a = look_at(s, from);
    uint8_t blank[SMALL_MAX];
    struct line line;
    struct path path;

    blank_small(&a->thumb, colour, blank);
    if (a->blank != BLANK_NOT || !line_make(&line, &a->thumb, a->small, blank, FADE_MIN) ||
        !rests_at_a(s, &line, from, bottom))
        return false;
    path_follow(s, &line, from, bottom, &path);
    if (path.along[path.n - 1] < BOTTOM || !path_good(&path))
        return false;
    struct shots_transition t = {.kind = SHOTS_FADE_OUT};
    path_span(&path, 0.7, &t.first, &t.last);
    t.first = CLAMP(t.first, from + 1, bottom);
    t.last = CLAMP(t.last, t.first, s->n - 1);
    t.cut = t.last + 1;
    *ret = t;
    return true;
}

static bool fade_out_find(const struct shots *s, int64_t bottom, enum blank colour,
                          struct shots_transition *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(lags); i++) {
        int64_t from = bottom - lags[i];
        if (from < s->gradual_until || !look_has(s, from))
            return false;
        if (fade_out_look(s, from, bottom, colour, ret))
            return true;
    }
    return false;
}

static bool fade_in_look(const struct shots *s, const struct rise *r, int64_t to, enum blank colour,
                         struct shots_transition *ret)
{
    const struct look *b = look_at(s, to);
    uint8_t blank[SMALL_MAX];
    struct line line;
    struct path path;

    blank_small(&b->thumb, colour, blank);
    if (b->blank != BLANK_NOT || !line_make(&line, &b->thumb, blank, b->small, FADE_MIN) ||
        !rests_at_b(s, &line, r->from, to) || along(s, &line, r->from) > 1 - BOTTOM)
        return false;
    /* a few frames more of a blank run show better where the way up begins */
    int64_t from = r->run < 0 ? r->from : MAX(r->run, MAX(r->from - 4, s->n - MEMORY));
    if (to - from > LAG_MAX)
        return false;
    path_follow(s, &line, from, to, &path);
    if (!path_good(&path))
        return false;
    struct shots_transition t = {.kind = SHOTS_FADE_IN};
    path_span(&path, 0.7, &t.first, &t.last);
    t.first = CLAMP(t.first, r->run < 0 ? r->from + 1 : r->run, to - 1);
    t.last = CLAMP(t.last, t.first, to - 1);
    t.cut = t.first;
    *ret = t;
    return true;
}

/* How far a frame is from a colour. */
static int level(const struct shots *s, int64_t frame, enum blank colour)
{
    int mean = look_at(s, frame)->mean;
    return colour == BLANK_WHITE ? 255 * 16 - mean : mean;
}

static void put_fade(struct shots *s, const struct shots_transition *t, int64_t run)
{
    s->gradual_until = MIN(t->last, s->n - 1);
    shots_put(s, &(struct event){.t = *t, .run = run});
}

static void fade_step(struct shots *s, enum blank colour)
{
    struct rise *rise = &s->rises[colour == BLANK_WHITE];
    int64_t t = s->n - 1, v = t - 1;
    struct shots_transition out, in;
    bool blank = look_at(s, v)->blank == colour;
    bool turns = !blank && look_at(s, t)->blank != colour &&
                 level(s, v, colour) < level(s, v - 1, colour) &&
                 level(s, v, colour) <= level(s, t, colour);

    if (blank && look_at(s, v - 1)->blank != colour && fade_out_find(s, v, colour, &out))
        put_fade(s, &out, v);
    if (turns && fade_out_find(s, v, colour, &out))
        *rise = (struct rise){.open = true, .from = v, .run = -1, .first = out.first};
    const struct run *run = blank && look_at(s, t)->blank != colour ? shots_run_until(s, v) : NULL;
    if (run)
        *rise = (struct rise){.open = true, .from = v, .run = run->first};

    if (rise->open && t - rise->from > LAG_MAX)
        rise->open = false;
    if (!rise->open || t - rise->from < 4 || !fade_in_look(s, rise, t, colour, &in))
        return;
    rise->open = false;
    if (rise->run <
        0) { /* both ways are known: one fade, unless the light only went down and up again */
        in.kind = SHOTS_FADE;
        in.first = rise->first;
        if (shots_same_picture(s, in.first - 1, t))
            return;
    }
    put_fade(s, &in, rise->run);
}

/* Is anything known to happen at the frames first..last? */
static bool anything_at(const struct shots *s, int64_t first, int64_t last)
{
    for (int i = 0; i < s->n_pending; i++) {
        const struct shots_transition *t = &s->pending[i].t;
        if (MAX(t->cut, t->last + 1) >= first && MIN(t->cut, t->first) <= last + 1)
            return true;
    }
    return false;
}

/* The frame farthest from a colour, of those remembered. */
static int64_t clearest(const struct shots *s, int64_t first, int64_t last, enum blank colour)
{
    int64_t best = -1;
    for (int64_t i = first; i <= last; i++)
        if (look_has(s, i) && (best < 0 || level(s, i, colour) > level(s, best, colour)))
            best = i;
    return best;
}

/*
 * A blank run between two different pictures parts them, even if neither way was straight enough to
 * be seen as a fade: things moved too much meanwhile.
 */
static void blank_step(struct shots *s)
{
    const struct run *run = s->n_runs ? &s->runs[(s->n_runs - 1) % RUNS] : NULL;
    if (!run || run->last < 0 || s->n - 1 != run->last + AROUND || !look_has(s, run->last) ||
        anything_at(s, run->first, run->last))
        return;
    enum blank colour = look_at(s, run->last)->blank;
    int64_t a = clearest(s, run->first - AROUND, run->first - 1, colour);
    int64_t b = clearest(s, run->last + 1, run->last + AROUND, colour);
    if (a < 0 || b < 0 || level(s, a, colour) < CLEAR * 16 || level(s, b, colour) < CLEAR * 16 ||
        cut_structure(&look_at(s, a)->thumb, &look_at(s, b)->thumb) > 0.5 ||
        cut_layout(look_at(s, a), look_at(s, b)) > 0.8)
        return;
    struct shots_transition t = {
        .kind = SHOTS_FADE, .first = run->first, .last = run->last, .cut = run->last + 1};
    put_fade(s, &t, run->first);
}

void gradual_step(struct shots *s)
{
    int64_t to = s->n - 1;
    if (to < 3)
        return;
    fade_step(s, BLANK_BLACK);
    fade_step(s, BLANK_WHITE);
    blank_step(s);
    for (size_t i = 0; i < ARRAY_LEN(lags); i++) {
        int64_t from = to - lags[i];
        if (from < s->gradual_until || !look_has(s, from))
            break;
        dissolve_look(s, from, to);
    }
}

void gradual_finish(struct shots *s)
{
    int64_t v = s->n - 1;
    struct shots_transition out;

    for (enum blank colour = BLANK_BLACK; v >= 3 && colour <= BLANK_WHITE; colour++) {
        bool blank = look_at(s, v)->blank == colour, before = look_at(s, v - 1)->blank == colour;
        bool down = blank ? !before : level(s, v, colour) < level(s, v - 1, colour);
        if (down && fade_out_find(s, v, colour, &out))
            put_fade(s, &out, v);
    }
}
