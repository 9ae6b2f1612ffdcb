/*
 * Hold, pan or follow. All three are judged by one cost (weights below): how far the camera is
 * from where it would like to be, how much of the subject it loses and for how long, how far it
 * moves and how often. Hold and pan have one and two numbers and are found by golden section, as
 * the cost is convex in them; follow is a path_solve() over every frame.
 */
#include <math.h>
#include <string.h>

#include "vision/path_priv.h"
#include "vision/path_solve.h"

/* Positions are in sizes of the cut-out, times in seconds. */
#define COST_AWAY     0.25 /* a second, a size away from where it would like to be */
#define COST_OUT      30.0 /* a second, a size of the subject's that is cut off */
#define COST_LOST     2.0  /* a second with the subject not whole inside */
#define COST_TRAVEL   1.0  /* a size moved */
#define COST_MOVE     0.6  /* each stretch of motion */
#define COST_FOLLOW   0.6  /* not being one plain thing that a person would set by hand */
#define COST_SPEED    0.6  /* a change of speed by a size a second: L1 of acceleration */
#define COST_JERK     0.25 /* a change of acceleration */
#define COST_LIMIT    20000.0
#define OUT_TOLERANCE 0.004 /* of a size: cut off by less does not show */
#define STILL_SPEED   0.01  /* sizes a second: slower is still */
#define STILL_JOIN_S  0.25  /* stretches of motion this close are one */
#define NODES_MAX     20000 /* of one solve; longer shots take every k-th frame */

static double out_by(const struct path_node *n, double p)
{
    return p < n->lo ? n->lo - p : p > n->hi ? p - n->hi : 0;
}

/* The convex part: what hold and pan are found by. */
static double place_cost(const struct path_node *n, double p)
{
    if (!n->seen)
        return 0;
    return n->dt * (COST_AWAY * fabs(p - n->want) + COST_OUT * out_by(n, p));
}

static double whole_cost(const struct path_line *l, const double *p, int moves)
{
    double cost = moves * COST_MOVE;

    for (int i = 0; i < l->n; i++) {
        const struct path_node *n = &l->nodes[i];
        cost += place_cost(n, p[i]);
        if (n->fits && out_by(n, p[i]) > OUT_TOLERANCE)
            cost += n->dt * COST_LOST;
        if (i > 0)
            cost += COST_TRAVEL * fabs(p[i] - p[i - 1]);
    }
    return cost;
}

struct sums {
    const struct path_line *l;
    int step; /* every step-th node is looked at */
};

static double line_cost(const struct sums *s, double a, double b)
{
    const struct path_line *l = s->l;
    double cost = 0, length = l->nodes[l->n - 1].t;

    for (int i = 0; i < l->n; i += s->step) {
        double f = length > 0 ? l->nodes[i].t / length : 0;
        cost += place_cost(&l->nodes[i], a + (b - a) * f);
    }
    return s->step * cost + COST_TRAVEL * fabs(b - a);
}

static double best_end(const struct sums *s, double a, double reach, double *ret_cost)
{
    double lo = MAX(a - reach, 0), hi = MIN(a + reach, s->l->end);
    const double g = 0.6180339887498949;
    double x = hi - g * (hi - lo), y = lo + g * (hi - lo);
    double cx = line_cost(s, a, x), cy = line_cost(s, a, y);

    for (int i = 0; i < 32; i++) {
        if (cx <= cy) {
            hi = y, y = x, cy = cx;
            x = hi - g * (hi - lo);
            cx = line_cost(s, a, x);
        } else {
            lo = x, x = y, cx = cy;
            y = lo + g * (hi - lo);
            cy = line_cost(s, a, y);
        }
    }
    *ret_cost = MIN(cx, cy);
    return cx <= cy ? x : y;
}

/* The best a and b of the line from a to b; reach 0 makes it a hold. */
static void best_line(const struct path_line *l, double reach, double *ret_a, double *ret_b)
{
    struct sums s = {l, MAX(l->n / 600, 1)};
    const double g = 0.6180339887498949;
    double lo = 0, hi = l->end, x = hi - g * (hi - lo), y = lo + g * (hi - lo), cx, cy;

    best_end(&s, x, reach, &cx);
    best_end(&s, y, reach, &cy);
    for (int i = 0; i < 40; i++) {
        if (cx <= cy) {
            hi = y, y = x, cy = cx;
            x = hi - g * (hi - lo);
            best_end(&s, x, reach, &cx);
        } else {
            lo = x, x = y, cx = cy;
            y = lo + g * (hi - lo);
            best_end(&s, y, reach, &cy);
        }
    }
    *ret_a = (lo + hi) / 2;
    *ret_b = best_end(&s, *ret_a, reach, &cx);
}

/* ---- follow ------------------------------------------------ */

struct rows {
    struct path_row *p;
    int n;
};

static struct path_row *add_row(struct rows *r, int first, int n, double b, double up, double down)
{
    r->p[r->n] = (struct path_row){.first = first, .n = n, .b = b, .up = up, .down = down};
    return &r->p[r->n++];
}

/* Weights of the k-th divided difference over nodes i … i + k, as a derivative by time. */
static void derivative(const double *t, int k, double a[PATH_SOLVE_BAND])
{
    static const double factorial[] = {1, 1, 2, 6};
    for (int i = 0; i <= k; i++) {
        double d = 1;
        for (int j = 0; j <= k; j++)
            if (j != i)
                d *= t[i] - t[j];
        a[i] = factorial[k] / d;
    }
}

/* calm: how many times dearer motion is than usual */
static void follow_rows(const struct path_line *l, const struct path_node *nodes, const double *t,
                        int n, double calm, struct rows *r)
{
    static const double cost[] = {0, COST_TRAVEL, COST_SPEED, COST_JERK};
    double limit[] = {0, l->o->max_speed, l->o->max_acceleration};

    r->n = 0;
    for (int i = 0; i < n; i++) {
        const struct path_node *o = &nodes[i];
        double away = (o->seen ? COST_AWAY : COST_AWAY / 1000) * o->dt / calm;
        add_row(r, i, 1, o->want, away, away)->a[0] = 1;
        if (o->seen) {
            add_row(r, i, 1, o->hi, COST_OUT * o->dt, 0)->a[0] = 1;
            add_row(r, i, 1, o->lo, 0, COST_OUT * o->dt)->a[0] = 1;
        }
        for (int k = 1; k <= 3 && i + k < n; k++) {
            double a[PATH_SOLVE_BAND], w = cost[k] * calm * (t[i + k] - t[i]) / k;
            derivative(t + i, k, a);
            memcpy(add_row(r, i, k + 1, 0, w, w)->a, a, sizeof(a));
            if (k == 3)
                continue;
            double price = COST_LIMIT * (t[i + k] - t[i]) / k;
            memcpy(add_row(r, i, k + 1, limit[k], price, 0)->a, a, sizeof(a));
            memcpy(add_row(r, i, k + 1, -limit[k], 0, price)->a, a, sizeof(a));
        }
    }
}

static int count_moves(const struct path_line *l, const double *p)
{
    double last_moved = -1e9;
    int moves = 0;

    for (int i = 1; i < l->n; i++) {
        double dt = l->nodes[i].t - l->nodes[i - 1].t;
        if (fabs(p[i] - p[i - 1]) <= STILL_SPEED * dt)
            continue;
        if (l->nodes[i - 1].t - last_moved > STILL_JOIN_S)
            moves++;
        last_moved = l->nodes[i].t;
    }
    return moves;
}

/* Thins the nodes of a long shot: a stretch's bounds are its narrowest, its wish the mean. */
static int thin(const struct path_line *l, int every, struct path_node *to, double *t)
{
    int n = 0;

    for (int i = 0; i < l->n; i += every, n++) {
        struct path_node o = l->nodes[i];
        double want = 0;
        int seen = 0;
        o.dt = 0;
        o.lo = 0, o.hi = l->end;
        for (int j = i; j < MIN(i + every, l->n); j++) {
            const struct path_node *s = &l->nodes[j];
            o.dt += s->dt;
            want += s->want;
            seen += s->seen;
            if (s->seen) {
                o.lo = MAX(o.lo, s->lo);
                o.hi = MIN(o.hi, s->hi);
            }
        }
        if (o.lo > o.hi)
            o.lo = o.hi = (o.lo + o.hi) / 2;
        o.seen = seen > 0;
        o.want = want / MIN(every, l->n - i);
        to[n] = o;
        t[n] = o.t;
    }
    return n;
}

static int follow(const struct path_line *l, double calm, double *p, struct err *e)
{
    int every = (l->n + NODES_MAX - 1) / NODES_MAX, n = (l->n + every - 1) / every;
    CLEANUP_FREE struct path_node *nodes = mem_try_calloc((size_t)n, sizeof(*nodes));
    CLEANUP_FREE double *t = mem_try_calloc((size_t)n, 2 * sizeof(*t));
    struct rows r = {.p = mem_try_calloc((size_t)n * 10, sizeof(*r.p))};
    CLEANUP_FREE struct path_row *rows = r.p;
    if (!nodes || !t || !rows)
        return err_set(e, ERR_LIMIT, "path: no memory for a shot of %d frames", l->n);
    double *q = t + n;

    thin(l, every, nodes, t);
    follow_rows(l, nodes, t, n, calm, &r);
    for (int i = 0; i < n; i++)
        q[i] = p[MIN(i * every, l->n - 1)];
    if (path_solve(q, n, r.p, r.n, e) < 0)
        return -1;
    for (int i = 0; i < l->n; i++) {
        int k = i / every;
        double f = (double)(i % every) / every;
        p[i] = CLAMP(k + 1 < n ? q[k] + (q[k + 1] - q[k]) * f : q[k], 0, l->end);
    }
    return 0;
}

int path_choose(const struct path_line *l, double *p, enum path_mode *ret_mode, int *ret_moves,
                struct err *e)
{
    CLEANUP_FREE double *other = mem_try_calloc((size_t)l->n, sizeof(*other));
    double length = l->nodes[l->n - 1].t, a, b;
    bool any = false;
    if (!other)
        return err_set(e, ERR_LIMIT, "path: no memory for a shot of %d frames", l->n);

    for (int i = 0; i < l->n; i++)
        any |= l->nodes[i].seen;
    best_line(l, 0, &a, &b);
    for (int i = 0; i < l->n; i++)
        p[i] = any ? a : l->nodes[i].want;
    *ret_mode = PATH_HOLD;
    *ret_moves = 0;
    if (!any || l->n < 4 || l->end <= 0)
        return 0;
    double least = whole_cost(l, p, 0);

    best_line(l, l->o->max_speed * length, &a, &b);
    for (int i = 0; i < l->n; i++)
        other[i] = a + (b - a) * (length > 0 ? l->nodes[i].t / length : 0);
    int moves = count_moves(l, other);
    double cost = whole_cost(l, other, moves);
    if (moves > 0 && cost < least) {
        least = cost;
        memcpy(p, other, (size_t)l->n * sizeof(*p));
        *ret_mode = PATH_PAN;
        *ret_moves = moves;
    }
    /* motion is made dearer until there are few enough */
    double allowed = MAX(l->o->max_moves * length / 60, 1);
    double calm = 1;
    for (int k = 0; k < 4; k++, calm *= 2.5) {
        memcpy(other, p, (size_t)l->n * sizeof(*p));
        if (follow(l, calm, other, e) < 0)
            return -1;
        moves = count_moves(l, other);
        if (moves <= allowed)
            break;
    }
    cost = whole_cost(l, other, moves);
    if (moves > 0 && moves <= allowed && cost + COST_FOLLOW < least) {
        memcpy(p, other, (size_t)l->n * sizeof(*p));
        *ret_mode = PATH_FOLLOW;
        *ret_moves = moves;
    }
    return 0;
}
