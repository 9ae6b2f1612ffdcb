/* Four filters of two numbers each; see kalman.h. */
#include "vision/kalman.h"

#include <math.h>

/* ---- WOJKE: standard deviations as shares of the height, and of the aspect, which has no unit */
static const double WOJKE_P = 1.0 / 20, WOJKE_V = 1.0 / 160;
static const double WOJKE_ASPECT_P = 1e-2, WOJKE_ASPECT_V = 1e-5, WOJKE_ASPECT_SEEN = 1e-1;

/* ---- TIMED: in heights and seconds */
static const double TIMED_SEEN = 1.0 / 20;     /* of a centre */
static const double TIMED_EDGES = 2;           /* so much more for a height or aspect */
static const double TIMED_VELOCITY = 0.5;      /* change in one second */
static const double TIMED_POSITION = 1.0 / 30; /* jitter in one second */
static const double TIMED_FIRST_VELOCITY = 1;  /* of what was seen once */
static const double TIMED_SIZE = 0.5;          /* heights move so much less */
static const double TIMED_ASPECT = 1.0 / 20;   /* change in one second */

/* a memory of some ten boxes; one that is wildly off says no more than one that is 3 deviations off */
static const double UNREST_RATE = 0.1, UNREST_OFF_MAX = 9, UNREST_MAX = 64;

static const double STUDENT = 4;   /* degrees of freedom */
static const double SIZES_MAX = 2; /* ratio of sizes at most */
static const double SCORE_SCALE = 4, SCORE_SCALE_MIN = 0.25;

static double sq(double v)
{
    return v * v;
}

/* What deviations are shares of: the height, or where TIMED the longer side; what is wide by a factor
 * has an aspect that varies by that much more. A prediction's height may have run to nothing. */
static double height(const struct kalman *k)
{
    return k->h.p > 1 ? k->h.p : 1;
}

static double wideness(double aspect)
{
    return aspect > 1 ? aspect : 1;
}

static double size(const struct kalman *k)
{
    return height(k) * wideness(k->a.p);
}

static double size_seen(struct track_box b)
{
    return fmax(fmax(b.w, b.h), 1);
}

static double score_factor(const struct kalman_noise *q, double score)
{
    return q->by_score ? fmax(SCORE_SCALE * (1 - score), SCORE_SCALE_MIN) : 1;
}

/* Variances as measured, of a box of this size: of a centre, a height, an aspect. */
struct seen {
    double p, h, a;
};

static struct seen timed_seen(const struct kalman_noise *q, double size, double wide, double score)
{
    double share = sq(TIMED_SEEN) * score_factor(q, score), edges = share * sq(TIMED_EDGES);
    return (struct seen){share * sq(size), edges * sq(size), edges * sq(wide)};
}

static struct seen timed_seen_box(const struct kalman_noise *q, struct track_box b, double score)
{
    return timed_seen(q, size_seen(b), wideness(b.w / b.h), score);
}

static struct kalman_axis axis_start(double seen, double pp, double vv)
{
    return (struct kalman_axis){.p = seen, .pp = pp, .vv = vv};
}

void kalman_start(struct kalman *k, const struct kalman_noise *q, struct track_box seen,
                  double score)
{
    double h = fmax(seen.h, 1), x = track_box_cx(seen), y = track_box_cy(seen), a = seen.w / seen.h;

    k->unrest = 1;
    if (q->model == KALMAN_WOJKE) {
        double pp = sq(2 * WOJKE_P * h), vv = sq(10 * WOJKE_V * h);
        k->x = axis_start(x, pp, vv);
        k->y = axis_start(y, pp, vv);
        k->a = axis_start(a, sq(WOJKE_ASPECT_P), sq(WOJKE_ASPECT_V));
        k->h = axis_start(seen.h, pp, vv);
        return;
    }
    struct seen r = timed_seen_box(q, seen, score);
    double vv = sq(TIMED_FIRST_VELOCITY / q->fps * size_seen(seen));
    k->x = axis_start(x, r.p, vv);
    k->y = axis_start(y, r.p, vv);
    k->a = axis_start(a, r.a, 0);
    k->h = axis_start(seen.h, r.h, vv * sq(TIMED_SIZE));
}

/* Adds the noise of n steps of F = [1 1; 0 1] and Q = diag(qp, qv): the sums of F^i Q F^iT, i < n.
 * Below one step what would turn negative is left out. */
static void axis_predict_steps(struct kalman_axis *k, double n, double qp, double qv)
{
    double once = n > 1 ? n * (n - 1) / 2 : 0, twice = once * (2 * n - 1) / 3;

    k->p += n * k->v;
    k->pp += n * (2 * k->pv + n * k->vv) + n * qp + twice * qv;
    k->pv += n * k->vv + once * qv;
    k->vv += n * qv;
}

/* The same of noise that comes at every moment: the integrals. */
static void axis_predict_time(struct kalman_axis *k, double n, double qp, double qv)
{
    k->p += n * k->v;
    k->pp += n * (2 * k->pv + n * k->vv) + n * qp + n * n * n / 3 * qv;
    k->pv += n * k->vv + n * n / 2 * qv;
    k->vv += n * qv;
}

void kalman_predict(struct kalman *k, const struct kalman_noise *q, double steps)
{
    if (q->model == KALMAN_WOJKE) {
        double h = height(k), qp = sq(WOJKE_P * h), qv = sq(WOJKE_V * h);
        axis_predict_steps(&k->x, steps, qp, qv);
        axis_predict_steps(&k->y, steps, qp, qv);
        axis_predict_steps(&k->a, steps, sq(WOJKE_ASPECT_P), sq(WOJKE_ASPECT_V));
        axis_predict_steps(&k->h, steps, qp, qv);
        return;
    }
    /* variances grow with time: a second's share for a step; velocities are a step's, not a second's */
    double s = size(k), qp = sq(TIMED_POSITION * s) / q->fps;
    double qv = sq(TIMED_VELOCITY * s / q->fps) / q->fps, qa = TIMED_ASPECT * wideness(k->a.p);
    axis_predict_time(&k->x, steps, qp, qv * k->unrest);
    axis_predict_time(&k->y, steps, qp, qv * k->unrest);
    axis_predict_time(&k->a, steps, sq(qa) / q->fps, 0);
    axis_predict_time(&k->h, steps, qp * sq(TIMED_SIZE), qv * sq(TIMED_SIZE));
}

static void axis_update(struct kalman_axis *k, double seen, double variance)
{
    double s = k->pp + variance; /* of the innovation */
    double gain_p = k->pp / s, gain_v = k->pv / s, off = seen - k->p;

    k->p += gain_p * off;
    k->v += gain_v * off;
    k->vv -= gain_v * k->pv;
    k->pv -= gain_p * k->pv;
    k->pp -= gain_p * k->pp;
}

/* Compares how far off the box is with how far off it was expected to be: 1 on average. */
static void watch(struct kalman *k, struct track_box seen, const struct seen *r)
{
    double off = (sq(track_box_cx(seen) - k->x.p) / (k->x.pp + r->p) +
                  sq(track_box_cy(seen) - k->y.p) / (k->y.pp + r->p)) /
                 2;
    double unrest = k->unrest * (1 + UNREST_RATE * (fmin(off, UNREST_OFF_MAX) - 1));
    k->unrest = fmin(fmax(unrest, 1), UNREST_MAX);
}

void kalman_update(struct kalman *k, const struct kalman_noise *q, struct track_box seen,
                   double score)
{
    struct seen r;

    if (q->model == KALMAN_WOJKE) {
        double factor = score_factor(q, score);
        r.p = r.h = sq(WOJKE_P * height(k)) * factor;
        r.a = sq(WOJKE_ASPECT_SEEN) * factor;
    } else {
        r = timed_seen_box(q, seen, score);
        watch(k, seen, &r);
    }
    axis_update(&k->x, track_box_cx(seen), r.p);
    axis_update(&k->y, track_box_cy(seen), r.p);
    axis_update(&k->a, seen.w / seen.h, r.a);
    axis_update(&k->h, seen.h, r.h);
}

void kalman_spread(const struct kalman *k, const struct kalman_noise *q, struct track_box seen,
                   double score, double *ret_x, double *ret_y)
{
    double r = q->model == KALMAN_WOJKE ? sq(WOJKE_P * height(k)) * score_factor(q, score)
                                        : timed_seen_box(q, seen, score).p;
    *ret_x = k->x.pp + r;
    *ret_y = k->y.pp + r;
}

struct track_box kalman_box(const struct kalman *k)
{
    double w = k->a.p * k->h.p, h = k->h.p;
    return (struct track_box){k->x.p - w / 2, k->y.p - h / 2, w, h};
}

/* ---- is it this one? */

/* Density of a Student distribution with 4 degrees of freedom in n = 4 or 6 dimensions, at a squared
 * Mahalanobis distance: Gamma((4 + n) / 2) / (Gamma(2) (4 pi)^(n / 2) sqrt(det S)) (1 + m / 4)^-(4 +
 * n) / 2, without the determinant. */
static double student4(double m)
{
    return 6 / sq(4 * M_PI) / sq(sq(1 + m / STUDENT));
}

static double student6(double m)
{
    double t = 1 + m / STUDENT;
    return 24 / (4 * M_PI * sq(4 * M_PI)) / (sq(sq(t)) * t);
}

double kalman_likelihood(const struct kalman *k, const struct kalman_noise *q,
                         struct track_box seen, double score)
{
    double s = size(k), s_seen = size_seen(seen);
    if (s_seen * SIZES_MAX < s || s_seen > SIZES_MAX * s)
        return 0;
    struct seen r = timed_seen_box(q, seen, score);
    double sx = k->x.pp + r.p, sy = k->y.pp + r.p, sh = k->h.pp + r.h, sa = k->a.pp + r.a;
    double m = sq(track_box_cx(seen) - k->x.p) / sx + sq(track_box_cy(seen) - k->y.p) / sy +
               sq(seen.h - k->h.p) / sh + sq(seen.w / seen.h - k->a.p) / sa;

    return student4(m) * sq(s) * s * wideness(k->a.p) / sqrt(sx * sy * sh * sa);
}

double kalman_reach(const struct kalman *k, const struct kalman_noise *q, double score_min)
{
    /* the most that the density can be at m = 0, then the m that brings it down to 1 */
    double s = size(k);
    struct seen least = timed_seen(q, fmax(s / SIZES_MAX, 1), 1, 1);
    struct seen most = timed_seen(q, s * SIZES_MAX, 1, score_min);
    double det =
        (k->x.pp + least.p) * (k->y.pp + least.p) * (k->h.pp + least.h) * (k->a.pp + least.a);
    double peak = student4(0) * sq(s) * s * wideness(k->a.p) / sqrt(det);

    if (peak <= 1)
        return 0;
    return sqrt(STUDENT * (sqrt(sqrt(peak)) - 1) * (k->x.pp + most.p));
}

void kalman_reverse(struct kalman *k)
{
    struct kalman_axis *axes[] = {&k->x, &k->y, &k->a, &k->h};
    for (int i = 0; i < 4; i++) {
        axes[i]->v = -axes[i]->v;
        axes[i]->pv = -axes[i]->pv;
    }
}

/* Squared Mahalanobis distance of two states of an axis; *det collects the determinant. */
static double axis_distance(const struct kalman_axis *a, const struct kalman_axis *b, double *det)
{
    double pp = a->pp + b->pp, pv = a->pv + b->pv, vv = a->vv + b->vv;
    double p = b->p - a->p, v = b->v - a->v, d = pp * vv - pv * pv;

    *det *= d;
    return (vv * p * p - 2 * pv * p * v + pp * v * v) / d;
}

double kalman_link_likelihood(const struct kalman *k, const struct kalman_noise *q,
                              const struct kalman *start)
{
    double s = size(k), det = 1;
    if (size(start) * SIZES_MAX < s || size(start) > SIZES_MAX * s)
        return 0;
    double m = axis_distance(&k->x, &start->x, &det) + axis_distance(&k->y, &start->y, &det);
    double sh = k->h.pp + start->h.pp, sa = k->a.pp + start->a.pp;
    m += sq(start->h.p - k->h.p) / sh + sq(start->a.p - k->a.p) / sa;
    det *= sh * sa;

    /* another object: anywhere, with a velocity as at first sight */
    double first = sq(TIMED_FIRST_VELOCITY / q->fps * s), other = 1;
    const struct kalman_axis *axes[] = {&start->x, &start->y};
    for (int i = 0; i < 2; i++) {
        double vv = first + axes[i]->vv;
        other *= exp(-sq(axes[i]->v) / vv / 2) / sqrt(2 * M_PI * vv / sq(s));
    }
    /* five of the six have the size as their unit */
    return student6(m) * sq(sq(s)) * s * wideness(k->a.p) / sqrt(det) / fmax(other, 1e-300);
}
