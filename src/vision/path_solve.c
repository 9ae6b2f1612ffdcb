/*
 * Each row's residual is split, r = x1 - x2 with x1, x2 > 0, and has a multiplier y between
 * -down and up. At the optimum  sum a_j y_j = 0,  x1 (up - y) = 0  and  x2 (down + y) = 0;  the
 * method walks there with both products at a common value that it drives to nothing. Eliminating
 * x and y from a Newton step leaves  (sum theta_j a_j a_j') dp = g  with  1 / theta = x1 / (up -
 * y) + x2 / (down + y).
 */
#include "vision/path_solve.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define BAND PATH_SOLVE_BAND

struct row_state {
    double x1, x2, y;   /* see above */
    double d1, d2, dy;  /* the step */
    double c1, c2;      /* wanted products less their present value */
    double theta, miss; /* miss: x1 - x2 - (a p - b) */
};
struct work {
    int n, m;
    double *p, *g, *dp;
    double (*k)[BAND]; /* k[i][d]: entry (i + d, i) of the matrix, then of its factor */
    const struct path_row *rows;
    struct row_state *s;
};

static double dot(const struct path_row *r, const double *p)
{
    double v = 0;
    for (int i = 0; i < r->n; i++)
        v += r->a[i] * p[r->first + i];
    return v;
}

double path_cost(const double *p, const struct path_row *rows, int n_rows)
{
    double sum = 0;
    for (int j = 0; j < n_rows; j++) {
        double r = dot(&rows[j], p) - rows[j].b;
        sum += r > 0 ? rows[j].up * r : -rows[j].down * r;
    }
    return sum;
}

static void start(struct work *w)
{
    for (int j = 0; j < w->m; j++) {
        const struct path_row *r = &w->rows[j];
        struct row_state *s = &w->s[j];
        double v = dot(r, w->p) - r->b, room = 0.1 + fabs(v) * 0.1;
        s->x1 = MAX(v, 0) + room;
        s->x2 = MAX(-v, 0) + room;
        s->y = (r->up - r->down) / 2;
    }
}

/* Matrix and its factor L D L' in place; tiny pivots are lifted, which leaves that unknown alone.
 * */
static void factor(struct work *w)
{
    memset(w->k, 0, (size_t)w->n * sizeof(*w->k));
    for (int j = 0; j < w->m; j++) {
        const struct path_row *r = &w->rows[j];
        for (int a = 0; a < r->n; a++)
            for (int b = a; b < r->n; b++)
                w->k[r->first + a][b - a] += w->s[j].theta * r->a[a] * r->a[b];
    }
    for (int i = 0; i < w->n; i++) {
        double *c = w->k[i];
        if (!(c[0] > 1e-14))
            c[0] = 1e14;
        for (int d = 1; d < BAND && i + d < w->n; d++) {
            double l = c[d] / c[0];
            for (int f = d; f < BAND && i + f < w->n; f++)
                w->k[i + d][f - d] -= l * c[f];
        }
        for (int d = 1; d < BAND; d++)
            c[d] /= c[0];
    }
}

static void back_solve(struct work *w)
{
    double *v = w->dp;

    memcpy(v, w->g, (size_t)w->n * sizeof(*v));
    for (int i = 0; i < w->n; i++)
        for (int d = 1; d < BAND && i + d < w->n; d++)
            v[i + d] -= w->k[i][d] * v[i];
    for (int i = w->n - 1; i >= 0; i--) {
        v[i] /= w->k[i][0];
        for (int d = 1; d < BAND && i + d < w->n; d++)
            v[i] -= w->k[i][d] * v[i + d];
    }
}

/* Solves for the step that brings the products to what c1 and c2 say. */
static void newton(struct work *w)
{
    memset(w->g, 0, (size_t)w->n * sizeof(*w->g));
    for (int j = 0; j < w->m; j++) {
        const struct path_row *r = &w->rows[j];
        struct row_state *s = &w->s[j];
        double t = -s->y + s->theta * (s->miss + s->c1 / (r->up - s->y) - s->c2 / (r->down + s->y));
        for (int i = 0; i < r->n; i++)
            w->g[r->first + i] += r->a[i] * t;
    }
    back_solve(w);
    for (int j = 0; j < w->m; j++) {
        const struct path_row *r = &w->rows[j];
        struct row_state *s = &w->s[j];
        double s1 = r->up - s->y, s2 = r->down + s->y;
        s->dy = s->theta * (dot(r, w->dp) - s->miss - s->c1 / s1 + s->c2 / s2);
        s->d1 = (s->c1 + s->x1 * s->dy) / s1;
        s->d2 = (s->c2 - s->x2 * s->dy) / s2;
    }
}

/* How far x and y can go along the step and stay inside. */
static void step_lengths(const struct work *w, double *ret_x, double *ret_y)
{
    double x = 1, y = 1;

    for (int j = 0; j < w->m; j++) {
        const struct path_row *r = &w->rows[j];
        const struct row_state *s = &w->s[j];
        if (s->d1 < 0)
            x = MIN(x, -s->x1 / s->d1);
        if (s->d2 < 0)
            x = MIN(x, -s->x2 / s->d2);
        if (s->dy > 0)
            y = MIN(y, (r->up - s->y) / s->dy);
        else if (s->dy < 0)
            y = MIN(y, -(r->down + s->y) / s->dy);
    }
    *ret_x = x;
    *ret_y = y;
}

/* One step; false when nothing is left to gain. */
static bool walk(struct work *w)
{
    double gap = 0, miss = 0, size = 1;

    for (int j = 0; j < w->m; j++) {
        const struct path_row *r = &w->rows[j];
        struct row_state *s = &w->s[j];
        double s1 = r->up - s->y, s2 = r->down + s->y;
        s->miss = s->x1 - s->x2 - dot(r, w->p) + r->b;
        s->theta = 1 / (s->x1 / s1 + s->x2 / s2);
        s->c1 = -s->x1 * s1;
        s->c2 = -s->x2 * s2;
        gap += s->x1 * s1 + s->x2 * s2;
        miss = MAX(miss, fabs(s->miss));
        size += s->x1 * r->up + s->x2 * r->down;
    }
    double mu = gap / (2 * (double)w->m);
    if (!isfinite(gap) || (gap < 1e-7 * size && miss < 1e-7))
        return false;
    factor(w);
    newton(w);
    double ax, ay;
    step_lengths(w, &ax, &ay);
    double then = 0;
    for (int j = 0; j < w->m; j++) {
        const struct path_row *r = &w->rows[j];
        const struct row_state *s = &w->s[j];
        double s1 = r->up - s->y, s2 = r->down + s->y;
        then += (s->x1 + ax * s->d1) * (s1 - ay * s->dy) + (s->x2 + ax * s->d2) * (s2 + ay * s->dy);
    }
    double aim = mu * pow(MAX(then, 0) / gap, 3);
    for (int j = 0; j < w->m; j++) {
        struct row_state *s = &w->s[j];
        s->c1 += aim + s->d1 * s->dy;
        s->c2 += aim - s->d2 * s->dy;
    }
    newton(w);
    step_lengths(w, &ax, &ay);
    ax *= ax < 1 ? 0.995 : 1;
    ay *= ay < 1 ? 0.995 : 1;
    for (int j = 0; j < w->m; j++) {
        const struct path_row *r = &w->rows[j];
        struct row_state *s = &w->s[j];
        double total = r->up + r->down;
        s->x1 = MAX(s->x1 + ax * s->d1, 1e-13);
        s->x2 = MAX(s->x2 + ax * s->d2, 1e-13);
        s->y = CLAMP(s->y + ay * s->dy, -r->down + 1e-13 * total, r->up - 1e-13 * total);
    }
    for (int i = 0; i < w->n; i++)
        w->p[i] += ax * w->dp[i];
    return MAX(ax, ay) > 1e-9;
}

int path_solve(double *p, int n, const struct path_row *rows, int n_rows, struct err *e)
{
    CLEANUP_FREE double *g = mem_try_calloc((size_t)n, 2 * sizeof(*g));
    CLEANUP_FREE double *k = mem_try_calloc((size_t)n, BAND * sizeof(*k));
    CLEANUP_FREE struct row_state *s = mem_try_calloc((size_t)n_rows, sizeof(*s));
    CLEANUP_FREE double *best = mem_try_calloc((size_t)n, sizeof(*best));
    if (!g || !k || !s || !best)
        return err_set(e, ERR_LIMIT, "path: no memory for %d unknowns", n);
    struct work w = {.n = n, .m = n_rows, .p = p, .g = g, .dp = g + n, .rows = rows, .s = s};
    w.k = (double(*)[BAND])k;
    memcpy(best, p, (size_t)n * sizeof(*p));
    double least = path_cost(p, rows, n_rows);
    int steps = 0;

    start(&w);
    while (steps < PATH_SOLVE_STEPS_MAX && walk(&w)) {
        steps++;
        double cost = path_cost(p, rows, n_rows);
        if (cost < least) { /* also refuses what is not finite */
            least = cost;
            memcpy(best, p, (size_t)n * sizeof(*p));
        }
    }
    memcpy(p, best, (size_t)n * sizeof(*p));
    return steps;
}
