/* The solver against problems whose answer is known, and against small steps away from its own. */
#include "vision/path_solve.h"

#include <math.h>

#include "base/str.h"
#include "base/test.h"

static struct path_row row(int first, int n, const double *a, double b, double up, double down)
{
    struct path_row r = {.first = first, .n = n, .b = b, .up = up, .down = down};
    memcpy(r.a, a, (size_t)n * sizeof(*a));
    return r;
}

static const double one[] = {1}, slope[] = {-1, 1}, bend[] = {1, -2, 1}, jerk[] = {-1, 3, -3, 1};

typedef VEC(struct path_row) rows_t;

TEST(path_solve_gives_the_weighted_median)
{
    static const double at[] = {3, 9, 1, 7, 4}, weight[] = {1, 1, 1, 1, 1.5};
    struct err e = {0};
    rows_t rows = {0};
    double p = 100;
    for (size_t i = 0; i < ARRAY_LEN(at); i++)
        VEC_PUSH(&rows, row(0, 1, one, at[i], weight[i], weight[i]));
    CHECK_OK(path_solve(&p, 1, rows.p, (int)rows.n, &e));
    CHECK_NEAR(p, 4, 1e-4);
    VEC_FINISH(&rows);
}

TEST(path_solve_lets_a_step_become_one_step_and_noise_nothing)
{
    enum { N = 400 };
    struct err e = {0};
    rows_t rows = {0};
    double p[N] = {0};
    for (int i = 0; i < N; i++) {
        double noise = ((i * 7919) % 13 - 6) * 0.02;
        VEC_PUSH(&rows, row(i, 1, one, (i < 200 ? 1 : 3) + noise, 1, 1));
        if (i > 0)
            VEC_PUSH(&rows, row(i - 1, 2, slope, 0, 20, 20));
    }
    int steps = path_solve(p, N, rows.p, (int)rows.n, &e);
    CHECK(steps > 0 && steps < PATH_SOLVE_STEPS_MAX);
    /* beside the jump noise may be followed for nothing, as long as that leads the same way */
    for (int i = 1; i < N; i++)
        CHECK(fabs(p[i] - p[i - 1]) < 1e-4 || (i > 190 && i < 210 && p[i] > p[i - 1]));
    CHECK_NEAR(p[0], 1, 0.07);
    CHECK_NEAR(p[N - 1], 3, 0.07);
    VEC_FINISH(&rows);
}

TEST(path_solve_keeps_bounds_whose_price_is_high)
{
    enum { N = 100 };
    struct err e = {0};
    rows_t rows = {0};
    double p[N] = {0};
    /* wants 0, must be within 0.5 of a ramp, may rise by at most 0.2 a step */
    for (int i = 0; i < N; i++) {
        double ramp = 0.1 * i;
        VEC_PUSH(&rows, row(i, 1, one, 0, 0.1, 0.1));
        VEC_PUSH(&rows, row(i, 1, one, ramp + 0.5, 1000, 0));
        VEC_PUSH(&rows, row(i, 1, one, ramp - 0.5, 0, 1000));
        if (i > 0)
            VEC_PUSH(&rows, row(i - 1, 2, slope, 0.2, 1000, 0));
    }
    CHECK_OK(path_solve(p, N, rows.p, (int)rows.n, &e));
    for (int i = 0; i < N; i++)
        CHECK_NEAR(p[i], MAX(0.1 * i - 0.5, 0), 1e-3);
    VEC_FINISH(&rows);
}

static uint32_t seed = 1;
static double uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) / 16777216.0;
}

TEST(path_solve_can_not_be_bettered_by_moving_a_stretch_of_unknowns)
{
    for (int t = 0; t < 60; t++) {
        enum { N = 40 };
        struct err e = {0};
        rows_t rows = {0};
        double p[N], q[N];
        for (int i = 0; i < N; i++) {
            p[i] = uniform() * 5;
            VEC_PUSH(&rows, row(i, 1, one, 10 * uniform(), 0.05 + uniform(), 0.05 + uniform()));
            if (i >= 1)
                VEC_PUSH(&rows, row(i - 1, 2, slope, uniform() - 0.5, uniform() + 0.01, uniform()));
            if (i >= 2)
                VEC_PUSH(&rows, row(i - 2, 3, bend, 0, 3 * uniform() + 0.01, uniform()));
            if (i >= 3)
                VEC_PUSH(&rows, row(i - 3, 4, jerk, 0, 9 * uniform() + 0.01, uniform()));
        }
        CHECK_OK(path_solve(p, N, rows.p, (int)rows.n, &e));
        double least = path_cost(p, rows.p, (int)rows.n);
        for (int from = 0; from < N; from += 3)
            for (int to = from; to < N; to += 4)
                for (int k = 0; k < 4; k++) {
                    double d = (k & 1 ? 1 : -1) * (k & 2 ? 0.3 : 0.003);
                    memcpy(q, p, sizeof(q));
                    for (int i = from; i <= to; i++)
                        q[i] += d * (k & 2 ? 1 : (i - from + 1.0) / (to - from + 1));
                    CHECK(path_cost(q, rows.p, (int)rows.n) >= least * (1 - 1e-5) - 1e-6);
                }
        VEC_FINISH(&rows);
    }
}

TEST(path_solve_of_long_chains_stays_quick_and_exact)
{
    enum { N = 20000 };
    struct err e = {0};
    rows_t rows = {0};
    CLEANUP_FREE double *p = xcalloc(N, sizeof(*p));
    for (int i = 0; i < N; i++) {
        VEC_PUSH(&rows, row(i, 1, one, sin(i * 0.003), 0.03, 0.03));
        if (i >= 1)
            VEC_PUSH(&rows, row(i - 1, 2, slope, 0, 1, 1));
        if (i >= 3)
            VEC_PUSH(&rows, row(i - 3, 4, jerk, 0, 100, 100));
    }
    int steps = path_solve(p, N, rows.p, (int)rows.n, &e);
    CHECK(steps > 0 && steps < PATH_SOLVE_STEPS_MAX);
    for (int i = 0; i < N; i++)
        CHECK(isfinite(p[i]) && fabs(p[i]) < 1.01);
    VEC_FINISH(&rows);
}

TEST_MAIN
