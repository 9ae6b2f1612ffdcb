/* From what was asked to key frames: checks, the cut-out's size, one shot after the other, and the
 * few keys that say what the positions of all frames said. */
#include "vision/path.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "vision/path_priv.h"

#define KEY_TOLERANCE 0.0008 /* of the source's side: what keys may be off from the solved path */

const char *path_mode_name(enum path_mode mode)
{
    static const char *const names[] = {"hold", "pan", "follow"};
    return names[mode];
}

void path_free(struct path *p)
{
    if (!p)
        return;
    free(p->shots);
    free(p->keys);
    free(p);
}

static int check_options(const struct path_options *o, struct err *e)
{
    if (o->aspect_w < 1 || o->aspect_h < 1 || o->aspect_w > 1000 || o->aspect_h > 1000)
        return err_set(e, ERR_USAGE, "aspect %d:%d", o->aspect_w, o->aspect_h);
    if (!(o->max_speed > 0 && o->max_speed <= 100) ||
        !(o->max_acceleration > 0 && o->max_acceleration <= 1000) ||
        !(o->max_moves > 0 && o->max_moves <= 1000) || !(o->lead >= 0 && o->lead <= 0.4))
        return err_set(e, ERR_USAGE, "limits of the camera path");
    return 0;
}

static int check_input(const struct path_input *in, struct err *e)
{
    int64_t at = 0;

    if (in->width < 1 || in->height < 1 || in->width > PATH_SIDE_MAX || in->height > PATH_SIDE_MAX)
        return err_set(e, ERR_INPUT, "camera path in a picture of %d x %d", in->width, in->height);
    if (in->n_frames < 1 || in->n_frames > PATH_FRAMES_MAX || in->n_boxes < 0 ||
        in->n_boxes > PATH_BOXES_MAX)
        return err_set(e, ERR_LIMIT, "camera path over %lld frames, %lld boxes",
                       (long long)in->n_frames, (long long)in->n_boxes);
    for (int64_t i = 1; i < in->n_frames; i++)
        if (in->pts_us[i] <= in->pts_us[i - 1])
            return err_set(e, ERR_INPUT, "frame %lld is not later than the one before",
                           (long long)i);
    for (int64_t i = 0; i < in->n_shots; at = in->shots[i++].end)
        if (in->shots[i].start != at || in->shots[i].end <= at || in->shots[i].end > in->n_frames)
            return err_set(e, ERR_INPUT, "shot %lld does not go on where the one before ends",
                           (long long)i);
    if (at != in->n_frames)
        return err_set(e, ERR_INPUT, "shots end at frame %lld of %lld", (long long)at,
                       (long long)in->n_frames);
    for (int64_t i = 0; i < in->n_boxes; i++)
        if (in->boxes[i].frame < (i ? in->boxes[i - 1].frame : 0) ||
            in->boxes[i].frame >= in->n_frames || in->boxes[i].subject < 0 ||
            in->boxes[i].subject >= PATH_SUBJECTS_MAX)
            return err_set(e, ERR_INPUT, "box %lld is out of order or range", (long long)i);
    return 0;
}

static int even(double v, int most)
{
    int n = (int)(v / 2 + 0.5) * 2;
    return most < 2 ? most : CLAMP(n, 2, most / 2 * 2);
}

static void cut_out_size(const struct path_options *o, const struct path_input *in, struct path *p)
{
    int64_t w = in->width, h = in->height;

    if (w * o->aspect_h >= h * o->aspect_w) {
        p->out_h = even((double)h, in->height);
        p->out_w = even((double)p->out_h * o->aspect_w / o->aspect_h, in->width);
    } else {
        p->out_w = even((double)w, in->width);
        p->out_h = even((double)p->out_w * o->aspect_h / o->aspect_w, in->height);
    }
}

/* ---- keys ---------------------------------------------------- */

struct keys {
    VEC(struct path_key) v;
};
struct curve {
    const int64_t *pts;
    const double *p; /* pixels along the axis */
    double *v;       /* pixels a second */
    int n;
};

static double hermite(double p0, double v0, double p1, double v1, double span, double f)
{
    double f2 = f * f, f3 = f2 * f;
    return (2 * f3 - 3 * f2 + 1) * p0 + (f3 - 2 * f2 + f) * span * v0 + (3 * f2 - 2 * f3) * p1 +
           (f3 - f2) * span * v1;
}

static double seconds(int64_t from_us, int64_t to_us)
{
    return (double)(to_us - from_us) / 1e6;
}

static bool one_piece(const struct curve *c, int i, int j, double tolerance)
{
    double span = seconds(c->pts[i], c->pts[j]);
    for (int k = i + 1; k < j; k++) {
        double f = seconds(c->pts[i], c->pts[k]) / span;
        if (fabs(hermite(c->p[i], c->v[i], c->p[j], c->v[j], span, f) - c->p[k]) > tolerance)
            return false;
    }
    return true;
}

static void velocities(struct curve *c)
{
    for (int i = 0; i < c->n; i++) {
        int a = MAX(i - 1, 0), b = MIN(i + 1, c->n - 1);
        c->v[i] = a == b ? 0 : (c->p[b] - c->p[a]) / seconds(c->pts[a], c->pts[b]);
    }
}

/* The end of the longest piece from i on: leaps that double, then halving. */
static int piece_end(const struct curve *c, int i, double tolerance)
{
    int good = i + 1, bad = c->n;

    for (int leap = 2; i + leap < c->n; leap *= 2) {
        if (!one_piece(c, i, i + leap, tolerance)) {
            bad = i + leap;
            break;
        }
        good = i + leap;
    }
    if (bad == c->n && good < c->n - 1 && one_piece(c, i, c->n - 1, tolerance))
        return c->n - 1;
    while (bad - good > 1) {
        int middle = good + (bad - good) / 2;
        if (one_piece(c, i, middle, tolerance))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

static void add_keys(const struct path *p, struct keys *keys, const struct curve *c, int64_t first,
                     bool along_x, enum path_mode mode, double tolerance)
{
    for (int i = 0;; i = piece_end(c, i, tolerance)) {
        struct path_key k = {
            .pts_us = c->pts[i], .frame = first + i, .w = p->out_w, .h = p->out_h, .reason = mode};
        if (along_x)
            k.x = c->p[i], k.vx = c->v[i], k.y = (p->height - p->out_h) / 2;
        else
            k.y = c->p[i], k.vy = c->v[i], k.x = (p->width - p->out_w) / 2;
        VEC_PUSH(&keys->v, k);
        if (i >= c->n - 1)
            return;
    }
}

/* ---- a shot -------------------------------------------------- */

/* Memory for the longest shot. */
struct room {
    struct path_node *nodes;
    double *p, *v;
};

static double share_inside(const struct path_node *nodes, const double *p, int n)
{
    int seen = 0, in = 0;

    for (int i = 0; i < n; i++) {
        /* the bounds have a margin where there is room for one: a touch beyond is whole still */
        seen += nodes[i].fits;
        in += nodes[i].fits && p[i] >= nodes[i].lo - 0.004 && p[i] <= nodes[i].hi + 0.004;
    }
    return seen ? (double)in / seen : 1;
}

static int make_shot(const struct path_options *o, const struct path_input *in,
                     const struct path_span *span, int64_t first_box, int64_t end_box,
                     struct room *room, struct path *p, struct path_shot *shot, struct keys *keys,
                     struct err *e)
{
    bool along_x = p->width - p->out_w >= p->height - p->out_h;
    double size = along_x ? p->out_w : p->out_h, side = along_x ? p->width : p->height;
    int n = (int)(span->end - span->start);
    const int64_t *pts = in->pts_us + span->start;

    for (int i = 0; i < n; i++) {
        room->nodes[i].t = seconds(pts[0], pts[i]);
        room->nodes[i].dt = i + 1 < n ? seconds(pts[i], pts[i + 1])
                            : i > 0   ? seconds(pts[i - 1], pts[i])
                                      : 0.04;
    }
    int subjects = path_subjects(in, span, first_box, end_box, along_x, size, o, room->nodes, e);
    if (subjects < 0)
        return -1;
    struct path_line line = {room->nodes, n, MAX(side / size - 1, 0), o};
    *shot = (struct path_shot){.start = span->start, .end = span->end, .subjects = subjects};
    if (path_choose(&line, room->p, &shot->mode, &shot->moves, e) < 0)
        return -1;
    shot->inside = share_inside(room->nodes, room->p, n);
    for (int i = 0; i < n; i++)
        room->p[i] = CLAMP(room->p[i] * size, 0, side - size);
    struct curve c = {pts, room->p, room->v, n};
    velocities(&c);
    add_keys(p, keys, &c, span->start, along_x, shot->mode, side * KEY_TOLERANCE);
    return 0;
}

static int make_shots(const struct path_options *o, const struct path_input *in, struct path *p,
                      struct keys *keys, struct err *e)
{
    int64_t longest = 0, box = 0;
    for (int64_t i = 0; i < in->n_shots; i++)
        longest = MAX(longest, in->shots[i].end - in->shots[i].start);
    CLEANUP_FREE struct path_node *nodes = mem_try_calloc((size_t)longest, sizeof(*nodes));
    CLEANUP_FREE double *numbers = mem_try_calloc((size_t)longest, 2 * sizeof(*numbers));
    p->shots = mem_try_calloc((size_t)in->n_shots, sizeof(*p->shots));
    if (!nodes || !numbers || !p->shots)
        return err_set(e, ERR_LIMIT, "path: no memory for %lld frames", (long long)longest);

    struct room room = {nodes, numbers, numbers + longest};
    for (int64_t i = 0; i < in->n_shots; i++) {
        int64_t first = box;
        while (box < in->n_boxes && in->boxes[box].frame < in->shots[i].end)
            box++;
        if (make_shot(o, in, &in->shots[i], first, box, &room, p, &p->shots[i], keys, e) < 0)
            return err_wrap(e, "shot %lld", (long long)i);
        if (keys->v.n > PATH_KEYS_MAX)
            return err_set(e, ERR_LIMIT, "path: more than %d keys", PATH_KEYS_MAX);
        p->n_shots++;
    }
    return 0;
}

int path_make(const struct path_options *options, const struct path_input *in, struct path **ret,
              struct err *e)
{
    struct path_options o = *options;
    CLEANUP(path_free) struct path *p = XNEW(struct path);
    struct keys keys = {0};

    o.max_speed = o.max_speed == 0 ? 0.8 : o.max_speed;
    o.max_acceleration = o.max_acceleration == 0 ? 1.6 : o.max_acceleration;
    o.max_moves = o.max_moves == 0 ? 20 : o.max_moves;
    o.lead = o.lead == 0 ? 0.08 : o.lead;
    if (check_options(&o, e) < 0 || check_input(in, e) < 0)
        return -1;
    p->width = in->width;
    p->height = in->height;
    p->aspect_w = o.aspect_w;
    p->aspect_h = o.aspect_h;
    cut_out_size(&o, in, p);
    int r = make_shots(&o, in, p, &keys, e);
    p->keys = keys.v.p;
    p->n_keys = (int64_t)keys.v.n;
    if (r < 0)
        return -1;
    *ret = STEAL(p);
    return 0;
}

void path_at(const struct path *p, int64_t frame, int64_t pts_us, double *ret_x, double *ret_y)
{
    int64_t lo = 0, hi = p->n_keys - 1; /* the last key at or before the frame */

    while (lo < hi) {
        int64_t middle = lo + (hi - lo + 1) / 2;
        if (p->keys[middle].frame <= frame)
            lo = middle;
        else
            hi = middle - 1;
    }
    const struct path_key *a = &p->keys[lo], *b = lo + 1 < p->n_keys ? a + 1 : a;
    double span = seconds(a->pts_us, b->pts_us);
    if (a == b || frame <= a->frame || !(span > 0)) {
        *ret_x = a->x;
        *ret_y = a->y;
        return;
    }
    double f = CLAMP(seconds(a->pts_us, pts_us) / span, 0, 1);
    double x = hermite(a->x, a->vx, b->x, b->vx, span, f);
    double y = hermite(a->y, a->vy, b->y, b->vy, span, f);
    *ret_x = CLAMP(x, 0, MAX(p->width - a->w, 0));
    *ret_y = CLAMP(y, 0, MAX(p->height - a->h, 0));
}
