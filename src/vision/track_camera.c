/*
 * The camera's motion, from nothing but boxes.
 *
 * If all objects are found a little to the left of where they were expected, it is the camera that
 * turned right. Objects are followed in a plane from which that common part was taken off; what is
 * left of a velocity is the object's own, so that one which is hidden while the camera pans is looked
 * for in the right place, and a path drawn through a gap follows the camera.
 *
 * The common part is estimated in two steps. Should hardly any object have a box of its size where it
 * is expected (a pan of more than a box's width between frames), all pairs of like size vote for the
 * offset that they would need, and the fullest place wins if it explains clearly more objects.
 * Then objects are assigned by overlap, and what their offsets have in common is taken, along each
 * axis: the mean of those near the median, weighted by how sure each is, and shrunk by how likely it
 * is to be chance: by 1 - variance / mean^2, positive or nothing (James and Stein 1961). A camera at
 * rest so stays at rest.
 */
#include <math.h>
#include <string.h>

#include "vision/track_priv.h"

enum {
    LOOKED_AT_MAX = 256, /* objects asked, evenly spread over all; more would not tell more */
    AGREE_MIN = 3,       /* objects that a camera's motion takes */
    ROUNDS_MAX = 3,
    GRID = 48, /* of votes, each a tenth of the median height */
};
static const double CELL = 0.1;
static const double LIKE_SIZE = 0.8; /* ratio of heights of a pair that may vote */
static const double EXPECTED = 0.15; /* heights off that are as expected */
static const double NEAR = 2.5;      /* deviations from the median that count as agreeing */
static const double OVERLAP_MIN = 0.2;
static const double SETTLED = 0.05; /* heights: corrections below it need no further round */
static const double REST_S = 0.5;   /* seconds in which an unsupported velocity is mostly gone */
static const double FOLLOW = 0.5;   /* how much of a correction the camera's velocity takes up */

/* ---- maps of the plane */

struct track_box track_box_moved(const struct track_affine *a, struct track_box b)
{
    const double *m = a->m;
    double size = sqrt(m[0] * m[4] - m[1] * m[3]);
    double cx = track_box_cx(b), cy = track_box_cy(b), w = b.w * size, h = b.h * size;
    return (struct track_box){m[0] * cx + m[1] * cy + m[2] - w / 2,
                              m[3] * cx + m[4] * cy + m[5] - h / 2, w, h};
}

struct track_affine track_affine_inverse(const struct track_affine *a)
{
    const double *m = a->m;
    double det = m[0] * m[4] - m[1] * m[3];
    double i0 = m[4] / det, i1 = -m[1] / det, i3 = -m[3] / det, i4 = m[0] / det;
    return (struct track_affine){
        {i0, i1, -(i0 * m[2] + i1 * m[5]), i3, i4, -(i3 * m[2] + i4 * m[5])}};
}

struct track_affine track_affine_after(const struct track_affine *first,
                                       const struct track_affine *then)
{
    const double *a = then->m, *b = first->m;
    return (struct track_affine){{a[0] * b[0] + a[1] * b[3], a[0] * b[1] + a[1] * b[4],
                                  a[0] * b[2] + a[1] * b[5] + a[2], a[3] * b[0] + a[4] * b[3],
                                  a[3] * b[1] + a[4] * b[4], a[3] * b[2] + a[4] * b[5] + a[5]}};
}

/* The camera moved so that what was at (0, 0) of the plane would now be seen at (x, y) of it. */
static void shift(struct tracker *t, double x, double y)
{
    double *m = t->to_picture.m;
    m[2] += m[0] * x + m[1] * y;
    m[5] += m[3] * x + m[4] * y;
}

static void shift_candidates(struct tracker *t, double x, double y)
{
    shift(t, x, y);
    for (int i = 0; i < t->n_candidates; i++) {
        struct candidate *c = &t->candidates[i];
        c->box.x -= x;
        c->box.y -= y;
        c->cx -= x;
    }
    for (int i = 0; i < t->line.n; i++)
        t->line.items[i].key -= x;
}

void track_camera_predict(struct tracker *t)
{
    /* What all have in common may also be that they walk the same way; so a camera comes to rest unless
     * the boxes keep saying that it moves. */
    double keep = 1 / (1 + t->steps / (t->o.fps * REST_S));
    t->camera_vx *= keep;
    t->camera_vy *= keep;
    shift(t, t->camera_vx * t->steps, t->camera_vy * t->steps);
}

/* ---- small statistics */

static void sort_numbers(double *v, int n)
{
    for (int i = 1; i < n; i++) {
        double x = v[i];
        int k = i;
        for (; k > 0 && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

static double median(const double *v, int n)
{
    double sorted[LOOKED_AT_MAX];
    memcpy(sorted, v, (size_t)n * sizeof *v);
    sort_numbers(sorted, n);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* What offsets with these variances have in common; 0 when it may as well be chance. */
static double common(const double *offset, const double *variance, int n)
{
    double middle = median(offset, n), weight = 0, sum = 0;
    int agree = 0;
    for (int i = 0; i < n; i++) {
        double off = offset[i] - middle;
        if (off * off >= NEAR * NEAR * variance[i])
            continue;
        weight += 1 / variance[i];
        sum += offset[i] / variance[i];
        agree++;
    }
    if (agree < AGREE_MIN || 2 * agree < n)
        return 0;
    double mean = sum / weight, chance = 1 / (mean * mean * weight);
    return chance < 1 ? mean * (1 - chance) : 0;
}

/* ---- votes */

static bool like_size(const struct object *o, const struct candidate *c)
{
    double low = fmin(o->box.h, c->box.h), high = fmax(o->box.h, c->box.h);
    return c->class_id == o->class_id && low >= LIKE_SIZE * high;
}

/* How many objects have a box of like size where they are expected if all is (x, y) off. */
static int count_expected(const struct tracker *t, double x, double y)
{
    int n = 0;
    for (int i = 0; i < t->n_rows; i++) {
        const struct object *o = &t->objects[t->rows[i]];
        double near = EXPECTED * o->box.h, cx = track_box_cx(o->box) + x;
        double cy = track_box_cy(o->box) + y;
        for (int k = track_line_from(&t->line, cx - near);
             k < t->line.n && t->line.items[k].key <= cx + near; k++) {
            const struct candidate *c = &t->candidates[t->line.items[k].index];
            if (like_size(o, c) && fabs(track_box_cy(c->box) - cy) <= near) {
                n++;
                break;
            }
        }
    }
    return n;
}

static void collect_votes(const struct tracker *t, double cell, uint32_t votes[GRID][GRID])
{
    double far = cell * GRID / 2;
    for (int i = 0; i < t->n_rows; i++) {
        const struct object *o = &t->objects[t->rows[i]];
        double cx = track_box_cx(o->box), cy = track_box_cy(o->box);
        for (int k = track_line_from(&t->line, cx - far);
             k < t->line.n && t->line.items[k].key < cx + far; k++) {
            const struct candidate *c = &t->candidates[t->line.items[k].index];
            double x = (c->cx - cx) / cell + GRID / 2;
            double y = (track_box_cy(c->box) - cy) / cell + GRID / 2;
            if (x >= 0 && x < GRID && y >= 0 && y < GRID && like_size(o, c))
                votes[(int)y][(int)x]++;
        }
    }
}

static uint32_t votes_around(uint32_t votes[GRID][GRID], int x, int y)
{
    uint32_t sum = 0;
    for (int j = MAX(y - 1, 0); j <= MIN(y + 1, GRID - 1); j++)
        for (int i = MAX(x - 1, 0); i <= MIN(x + 1, GRID - 1); i++)
            sum += votes[j][i];
    return sum;
}

/* True, and where to, if all boxes seem to be somewhere else. */
static bool vote(const struct tracker *t, double *ret_x, double *ret_y)
{
    int as_expected = count_expected(t, 0, 0);
    if (5 * as_expected >= 3 * t->n_rows)
        return false;
    double heights[LOOKED_AT_MAX];
    for (int i = 0; i < t->n_rows; i++)
        heights[i] = t->objects[t->rows[i]].box.h;
    double cell = CELL * fmax(median(heights, t->n_rows), 1);
    uint32_t votes[GRID][GRID] = {0};
    collect_votes(t, cell, votes);

    /* the fullest place, of equal ones the nearest */
    double best = -1;
    int best_x = 0, best_y = 0;
    for (int y = 0; y < GRID; y++) {
        for (int x = 0; x < GRID; x++) {
            double dx = x + 0.5 - GRID / 2, dy = y + 0.5 - GRID / 2;
            double v = votes_around(votes, x, y) - (dx * dx + dy * dy) / (GRID * GRID);
            if (v > best) {
                best = v;
                best_x = x;
                best_y = y;
            }
        }
    }
    *ret_x = (best_x + 0.5 - GRID / 2) * cell;
    *ret_y = (best_y + 0.5 - GRID / 2) * cell;
    int there = count_expected(t, *ret_x, *ret_y);
    return there >= AGREE_MIN && 2 * there >= t->n_rows && 10 * there > 13 * as_expected + 10;
}

/* ---- the whole */

/* One round of assignment; how far all are off. False: too few to tell. */
static int offsets(struct tracker *t, double *ret_x, double *ret_y, double *ret_height,
                   struct err *e)
{
    double x[LOOKED_AT_MAX], y[LOOKED_AT_MAX], var_x[LOOKED_AT_MAX], var_y[LOOKED_AT_MAX];
    int n = 0;

    *ret_x = *ret_y = *ret_height = 0;
    if (track_assign(t, TRACK_BY_SHAPE, 1 - OVERLAP_MIN, e) < 0)
        return -1;
    for (int i = 0; i < t->n_rows; i++) {
        if (t->match[i] < 0)
            continue;
        const struct object *o = &t->objects[t->rows[i]];
        const struct candidate *c = &t->candidates[t->line.items[t->match[i]].index];
        x[n] = c->cx - track_box_cx(o->box);
        y[n] = track_box_cy(c->box) - track_box_cy(o->box);
        kalman_spread(&o->k, &t->noise, c->box, c->score, &var_x[n], &var_y[n]);
        *ret_height += c->box.h;
        n++;
    }
    if (n < AGREE_MIN)
        return 0;
    *ret_height /= n;
    *ret_x = common(x, var_x, n);
    *ret_y = common(y, var_y, n);
    return 1;
}

int track_camera_find(struct tracker *t, struct err *e)
{
    double sum_x = 0, sum_y = 0, x, y, height;
    bool told = false;

    if (t->n_rows > LOOKED_AT_MAX) {
        for (int i = 0; i < LOOKED_AT_MAX; i++)
            t->rows[i] = t->rows[(int64_t)i * t->n_rows / LOOKED_AT_MAX];
        t->n_rows = LOOKED_AT_MAX;
    }
    if (t->n_rows >= AGREE_MIN && vote(t, &x, &y)) {
        shift_candidates(t, x, y);
        sum_x += x;
        sum_y += y;
    }
    for (int round = 0; t->n_rows >= AGREE_MIN && round < ROUNDS_MAX; round++) {
        int r = offsets(t, &x, &y, &height, e);
        if (r < 0)
            return -1;
        told = told || r > 0;
        if (x == 0 && y == 0)
            break;
        shift_candidates(t, x, y);
        sum_x += x;
        sum_y += y;
        if (fmax(fabs(x), fabs(y)) < SETTLED * height)
            break;
    }
    if (told) {
        t->camera_vx += FOLLOW * sum_x / t->steps;
        t->camera_vy += FOLLOW * sum_y / t->steps;
    } else { /* nobody to ask: it comes to rest */
        t->camera_vx *= 1 - FOLLOW;
        t->camera_vy *= 1 - FOLLOW;
    }
    return 0;
}
