/* Four filters of two numbers each; see kalman.h. */
#include "vision/kalman.h"

#include <math.h>

/* Wojke's weights: standard deviations as shares of the height, for positions and for velocities. */
static const double WEIGHT_P = 1.0 / 20, WEIGHT_V = 1.0 / 160;
/* of the aspect, which has no unit: at start and a step, and as measured */
static const double ASPECT_P = 1e-2, ASPECT_V = 1e-5, ASPECT_SEEN = 1e-1;

static double sq(double v)
{
    return v * v;
}

/* What deviations are shares of. A prediction's height may have run to nothing. */
static double scale(const struct kalman *k)
{
    return k->h.p > 1 ? k->h.p : 1;
}

static struct kalman_axis axis_start(double seen, double sd_p, double sd_v)
{
    return (struct kalman_axis){.p = seen, .pp = sq(sd_p), .vv = sq(sd_v)};
}

void kalman_start(struct kalman *k, struct box seen)
{
    k->h.p = seen.h;
    double p = 2 * WEIGHT_P * scale(k), v = 10 * WEIGHT_V * scale(k);
    k->x = axis_start(seen.x + seen.w / 2, p, v);
    k->y = axis_start(seen.y + seen.h / 2, p, v);
    k->a = axis_start(seen.w / seen.h, ASPECT_P, ASPECT_V);
    k->h = axis_start(seen.h, p, v);
}

/* n steps of F = [1 1; 0 1] and Q = diag(qp, qv) in one: the sums of F^i Q F^iT over i < n. For n
 * below 1 they would turn negative; what is then left of them is their share of one step. */
static void axis_predict(struct kalman_axis *k, double n, double sd_p, double sd_v)
{
    double qp = sq(sd_p), qv = sq(sd_v);
    double s1 = n > 1 ? n * (n - 1) / 2 : 0, s2 = n > 1 ? n * (n - 1) * (2 * n - 1) / 6 : 0;

    k->p += n * k->v;
    k->pp += n * (2 * k->pv + n * k->vv) + n * qp + s2 * qv;
    k->pv += n * k->vv + s1 * qv;
    k->vv += n * qv;
}

void kalman_predict(struct kalman *k, double steps)
{
    double p = WEIGHT_P * scale(k), v = WEIGHT_V * scale(k);
    axis_predict(&k->x, steps, p, v);
    axis_predict(&k->y, steps, p, v);
    axis_predict(&k->a, steps, ASPECT_P, ASPECT_V);
    axis_predict(&k->h, steps, p, v);
}

static void axis_update(struct kalman_axis *k, double seen, double sd, double noise)
{
    double s = k->pp + sq(sd) * noise; /* variance of the innovation */
    double gain_p = k->pp / s, gain_v = k->pv / s, off = seen - k->p;

    k->p += gain_p * off;
    k->v += gain_v * off;
    k->vv -= gain_v * k->pv;
    k->pv -= gain_p * k->pv;
    k->pp -= gain_p * k->pp;
}

void kalman_update(struct kalman *k, struct box seen, double noise)
{
    double sd = WEIGHT_P * scale(k);
    axis_update(&k->x, seen.x + seen.w / 2, sd, noise);
    axis_update(&k->y, seen.y + seen.h / 2, sd, noise);
    axis_update(&k->a, seen.w / seen.h, ASPECT_SEEN, noise);
    axis_update(&k->h, seen.h, sd, noise);
}

struct box kalman_box(const struct kalman *k)
{
    double w = k->a.p * k->h.p, h = k->h.p;
    return (struct box){k->x.p - w / 2, k->y.p - h / 2, w, h};
}

void kalman_move(struct kalman *k, const double m[static 6])
{
    struct kalman_axis x = k->x, y = k->y;
    double size = sqrt(fabs(m[0] * m[4] - m[1] * m[3])), aa = m[0] * m[0], bb = m[1] * m[1],
           cc = m[3] * m[3], dd = m[4] * m[4];

    k->x.p = m[0] * x.p + m[1] * y.p + m[2];
    k->y.p = m[3] * x.p + m[4] * y.p + m[5];
    k->x.v = m[0] * x.v + m[1] * y.v;
    k->y.v = m[3] * x.v + m[4] * y.v;
    k->x.pp = aa * x.pp + bb * y.pp, k->y.pp = cc * x.pp + dd * y.pp;
    k->x.pv = aa * x.pv + bb * y.pv, k->y.pv = cc * x.pv + dd * y.pv;
    k->x.vv = aa * x.vv + bb * y.vv, k->y.vv = cc * x.vv + dd * y.vv;
    k->h.p *= size, k->h.v *= size;
    k->h.pp *= size * size, k->h.pv *= size * size, k->h.vv *= size * size;
}
