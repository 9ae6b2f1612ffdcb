#include "vision/kalman.h"

#include <math.h>

#include "base/test.h"

static const struct kalman_noise wojke = {.model = KALMAN_WOJKE, .fps = 30};
static const struct kalman_noise timed = {.model = KALMAN_TIMED, .fps = 30};

static uint64_t seed = 1;
static double chance(void) /* 0..1 */
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 40) / (1 << 24);
}

/* ---- the filter as it is printed, with matrices of 8 x 8 (Wojke et al.) */

struct whole {
    double m[8], p[8][8];
};

static void whole_start(struct whole *k, struct track_box b)
{
    double h = b.h, sd[8] = {h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16};
    *k = (struct whole){.m = {b.x + b.w / 2, b.y + b.h / 2, b.w / b.h, b.h}};
    for (int i = 0; i < 8; i++)
        k->p[i][i] = sd[i] * sd[i];
}

static void whole_predict(struct whole *k)
{
    double h = k->m[3], sd[8] = {h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160};
    double f[8][8] = {{0}}, fp[8][8] = {{0}}, p[8][8] = {{0}}, m[8] = {0};
    for (int i = 0; i < 8; i++) {
        f[i][i] = 1;
        if (i < 4)
            f[i][i + 4] = 1;
    }
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            m[i] += f[i][j] * k->m[j];
            for (int l = 0; l < 8; l++)
                fp[i][j] += f[i][l] * k->p[l][j];
        }
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            for (int l = 0; l < 8; l++)
                p[i][j] += fp[i][l] * f[j][l];
            p[i][j] += i == j ? sd[i] * sd[i] : 0;
        }
    memcpy(k->m, m, sizeof m);
    memcpy(k->p, p, sizeof p);
}

/* One measured coordinate after the other, which is the same as all at once when their noise is
 * independent. */
static void whole_update(struct whole *k, struct track_box b)
{
    double z[4] = {b.x + b.w / 2, b.y + b.h / 2, b.w / b.h, b.h}, h = k->m[3];
    double sd[4] = {h / 20, h / 20, 1e-1, h / 20};
    for (int c = 0; c < 4; c++) {
        double s = k->p[c][c] + sd[c] * sd[c], gain[8], off = z[c] - k->m[c], row[8];
        for (int i = 0; i < 8; i++) {
            gain[i] = k->p[i][c] / s;
            row[i] = k->p[c][i];
        }
        for (int i = 0; i < 8; i++) {
            k->m[i] += gain[i] * off;
            for (int j = 0; j < 8; j++)
                k->p[i][j] -= gain[i] * row[j];
        }
    }
}

TEST(kalman_in_four_parts_is_the_whole_filter)
{
    for (int round = 0; round < 200; round++) {
        struct track_box b = {chance() * 500, chance() * 500, 20 + chance() * 80,
                              40 + chance() * 200};
        struct kalman k;
        struct whole w;
        kalman_start(&k, &wojke, b, 0.9);
        whole_start(&w, b);
        for (int i = 0; i < 60; i++) {
            kalman_predict(&k, &wojke, 1);
            whole_predict(&w);
            b.x += 3 + 4 * chance();
            b.y += 2 * chance() - 1;
            b.w *= 0.98 + 0.04 * chance();
            b.h *= 0.99 + 0.02 * chance();
            if (chance() < 0.8) {
                kalman_update(&k, &wojke, b, 0.9);
                whole_update(&w, b);
            }
            const struct kalman_axis *axes[] = {&k.x, &k.y, &k.a, &k.h};
            for (int c = 0; c < 4; c++) {
                CHECK_NEAR(axes[c]->p, w.m[c], 1e-8 * (1 + fabs(w.m[c])));
                CHECK_NEAR(axes[c]->v, w.m[c + 4], 1e-8 * (1 + fabs(w.m[c + 4])));
                CHECK_NEAR(axes[c]->pp, w.p[c][c], 1e-8 * (1 + w.p[c][c]));
                CHECK_NEAR(axes[c]->pv, w.p[c][c + 4], 1e-8 * (1 + fabs(w.p[c][c + 4])));
                CHECK_NEAR(axes[c]->vv, w.p[c + 4][c + 4], 1e-8 * (1 + w.p[c + 4][c + 4]));
            }
        }
    }
}

static void check_same(const struct kalman *a, const struct kalman *b)
{
    const struct kalman_axis *x[] = {&a->x, &a->y, &a->a, &a->h};
    const struct kalman_axis *y[] = {&b->x, &b->y, &b->a, &b->h};
    for (int c = 0; c < 4; c++) {
        CHECK_NEAR(x[c]->p, y[c]->p, 1e-9 * (1 + fabs(y[c]->p)));
        CHECK_NEAR(x[c]->v, y[c]->v, 1e-12);
        CHECK_NEAR(x[c]->pp, y[c]->pp, 1e-9 * y[c]->pp);
        CHECK_NEAR(x[c]->pv, y[c]->pv, 1e-9 * (1 + fabs(y[c]->pv)));
        CHECK_NEAR(x[c]->vv, y[c]->vv, 1e-9 * (1e-12 + y[c]->vv));
    }
}

/* A state with all of its parts filled, whose height stands still: noise is in shares of it. */
static struct kalman some_state(const struct kalman_noise *q)
{
    struct kalman k;
    kalman_start(&k, q, (struct track_box){100, 50, 40, 100}, 0.8);
    for (int i = 1; i <= 5; i++) {
        kalman_predict(&k, q, 1);
        kalman_update(&k, q, (struct track_box){100 + 7 * i, 50 - 2 * i, 40, 100}, 0.8);
    }
    k.h.v = 0;
    return k;
}

TEST(kalman_predicts_many_steps_as_it_does_one_after_the_other)
{
    const struct kalman_noise *models[] = {&wojke, &timed};
    for (int i = 0; i < 2; i++) {
        struct kalman once = some_state(models[i]), often = once;
        kalman_predict(&once, models[i], 7);
        for (int s = 0; s < 7; s++) {
            kalman_predict(&often, models[i], 1);
            often.h.v = 0;
            /* the height's noise is a share of itself, and stands still */
        }
        check_same(&once, &often);
    }
    /* time may be cut anywhere, not only in whole steps */
    struct kalman once = some_state(&timed), parts = once;
    kalman_predict(&once, &timed, 2.5);
    kalman_predict(&parts, &timed, 0.3);
    kalman_predict(&parts, &timed, 2.2);
    check_same(&once, &parts);
}

/* The same motion filmed at 30 and at 60 frames a second is as uncertain after a second. */
TEST(kalman_timed_counts_seconds)
{
    struct kalman_noise fast = timed;
    fast.fps = 60;
    struct kalman a, b;
    struct track_box box = {0, 0, 40, 100};
    kalman_start(&a, &timed, box, 0.8);
    kalman_start(&b, &fast, box, 0.8);
    kalman_predict(&a, &timed, 30);
    kalman_predict(&b, &fast, 60);
    CHECK_NEAR(a.x.pp, b.x.pp, 1e-9 * a.x.pp);
    CHECK_NEAR(a.h.pp, b.h.pp, 1e-9 * a.h.pp);
    CHECK_NEAR(a.x.vv * 900, b.x.vv * 3600, 1e-9 * b.x.vv * 3600);
}

TEST(kalman_trusts_doubtful_boxes_less)
{
    struct kalman_noise by_score = timed;
    by_score.by_score = true;
    struct track_box away = {140, 50, 40, 100};
    double last = -1;
    for (double score = 0; score <= 1; score += 0.125) {
        struct kalman k = some_state(&by_score);
        kalman_predict(&k, &by_score, 1);
        double before = k.x.p;
        kalman_update(&k, &by_score, away, score);
        CHECK(k.x.p - before >= last);
        last = k.x.p - before;
    }
    /* 0.75 is as without */
    struct kalman a = some_state(&timed), b = some_state(&timed);
    kalman_update(&a, &timed, away, 0.75);
    kalman_update(&b, &by_score, away, 0.75);
    CHECK_NEAR(a.x.p, b.x.p, 1e-9);
}

TEST(kalman_grows_restless_with_the_object_and_calms_down)
{
    struct kalman k = some_state(&timed);
    struct track_box b = {100, 50, 40, 100};
    for (int i = 0; i < 60; i++) { /* to and fro */
        b.x += i / 6 % 2 ? 25 : -25;
        kalman_predict(&k, &timed, 1);
        kalman_update(&k, &timed, b, 0.8);
    }
    CHECK(k.unrest > 4);
    for (int i = 0; i < 120; i++) {
        kalman_predict(&k, &timed, 1);
        kalman_update(&k, &timed, b, 0.8);
    }
    CHECK_NEAR(k.unrest, 1, 1e-9);
}

TEST(kalman_likelihood_falls_with_distance_and_ends_within_reach)
{
    struct kalman_noise by_score = timed;
    by_score.by_score = true;
    for (int round = 0; round < 3000; round++) {
        struct kalman k = some_state(&by_score);
        kalman_predict(&k, &by_score, 1 + 40 * chance() * chance());
        struct track_box at = kalman_box(&k);
        double score = 0.5 + 0.5 * chance(), reach = kalman_reach(&k, &by_score, 0.5);
        CHECK(kalman_likelihood(&k, &by_score, at, score) > 0);
        double scale = 0.4 + 2 * chance(), last = HUGE_VAL;
        for (double off = 0; off < 400; off += 10) {
            struct track_box b = {at.x + off + at.w / 2 * (1 - scale), at.y, at.w * scale,
                                  at.h * scale};
            double l = kalman_likelihood(&k, &by_score, b, score);
            CHECK(l <= last);
            CHECK(l <= 1 || off <= reach);
            last = l;
        }
    }
    struct kalman k = some_state(&timed);
    struct track_box at = kalman_box(&k);
    CHECK(kalman_likelihood(&k, &timed, at, 0.9) > 1);
    CHECK(kalman_likelihood(&k, &timed, (struct track_box){at.x, at.y, at.w, at.h * 2.1}, 1) == 0);
    CHECK(kalman_likelihood(&k, &timed, (struct track_box){at.x, at.y, at.w, at.h / 2.1}, 1) == 0);
}

/* The densities are densities: they add up to 1 over all boxes. */
TEST(kalman_likelihood_is_a_density)
{
    struct kalman k = some_state(&timed);
    kalman_predict(&k, &timed, 5);
    double sx, sy, sum = 0;
    kalman_spread(&k, &timed, kalman_box(&k), 0.8, &sx, &sy);
    /* over x, y and aspect on a grid, heights as well but within its factor of 2 */
    double dx = sqrt(sx) / 2, dy = sqrt(sy) / 2, dh = 6, da = 0.06;
    for (int i = -24; i <= 24; i++)
        for (int j = -24; j <= 24; j++)
            for (int h = -8; h <= 16; h++)
                for (int a = -24; a <= 24; a++) {
                    double height = 100 + h * dh, aspect = k.a.p + a * da, w = aspect * height;
                    if (aspect <= 0)
                        continue;
                    struct track_box b = {k.x.p + i * dx - w / 2, k.y.p + j * dy - height / 2, w,
                                          height};
                    sum += kalman_likelihood(&k, &timed, b, 0.8) * dx * dy * dh * da;
                }
    /* in units of the height, cubed; the tails are cut, and the noise changes with the height */
    CHECK_NEAR(sum / 1e6, 1, 0.1);
}

TEST(kalman_link_prefers_the_straight_continuation)
{
    struct kalman end = some_state(&timed);
    kalman_predict(&end, &timed, 30);
    struct kalman start = some_state(&timed), other = start;
    start.x.p = other.x.p = end.x.p;
    start.y.p = other.y.p = end.y.p;
    CHECK(kalman_link_likelihood(&end, &timed, &start) > 1);
    other.x.v = -start.x.v; /* it comes towards us */
    CHECK(kalman_link_likelihood(&end, &timed, &other) <
          kalman_link_likelihood(&end, &timed, &start) / 10);
    start.h.p = 300;
    CHECK(kalman_link_likelihood(&end, &timed, &start) == 0);
}

/* ---- smoothing */

TEST(kalman_smooth_closes_a_gap_on_a_straight_line)
{
    CLEANUP(kalman_smoother_free) struct kalman_smoother *s = kalman_smoother_new();
    struct err e = {0};
    struct kalman_sample q[60];
    for (int i = 0; i < 60; i++)
        q[i] = (struct kalman_sample){.steps = 1,
                                      .seen = i < 20 || i >= 40,
                                      .score = 0.9,
                                      .box = {10.0 + 4 * i, 300.0 - 2 * i, 40, 100}};
    CHECK_OK(kalman_smooth(s, &timed, q, 60, &e));
    for (int i = 0; i < 60; i++) {
        CHECK_NEAR(q[i].box.x, 10.0 + 4 * i, 3);
        CHECK_NEAR(q[i].box.y, 300.0 - 2 * i, 3);
        CHECK_NEAR(q[i].box.h, 100, 0.5);
    }
}

/* Solves a x = b in place, n unknowns. */
static void solve(int n, double a[][64], double *b)
{
    for (int i = 0; i < n; i++) {
        int best = i;
        for (int r = i + 1; r < n; r++)
            if (fabs(a[r][i]) > fabs(a[best][i]))
                best = r;
        for (int c = 0; c < n; c++) {
            double t = a[i][c];
            a[i][c] = a[best][c];
            a[best][c] = t;
        }
        double t = b[i];
        b[i] = b[best];
        b[best] = t;
        for (int r = 0; r < n; r++) {
            if (r == i)
                continue;
            double f = a[r][i] / a[i][i];
            for (int c = i; c < n; c++)
                a[r][c] -= f * a[i][c];
            b[r] -= f * b[i];
        }
    }
    for (int i = 0; i < n; i++)
        b[i] /= a[i][i];
}

/* The smoothed path is the most likely one: what least squares over everything at once finds, with
 * every measurement, every step and the first guess weighted by the inverse of its covariance. */
TEST(kalman_smooth_is_the_most_likely_path)
{
    enum { N = 12 };
    CLEANUP(kalman_smoother_free) struct kalman_smoother *s = kalman_smoother_new();
    struct err e = {0};
    struct kalman_sample q[N];
    static double a[64][64];
    double b[64] = {0};
    memset(a, 0, sizeof a);
    for (int i = 0; i < N; i++)
        q[i] = (struct kalman_sample){.steps = i % 3 + 1,
                                      .seen = i != 4 && i != 5,
                                      .score = 0.9,
                                      .box = {50 + 2 * i + 4 * chance(), 0, 40, 100}};
    /* the noise, by the letter of kalman.h: height 100, 30 frames a second */
    double r = 25, qp = pow(100 / 30.0, 2) / 30, qv = pow(50 / 30.0, 2) / 30;
    a[0][0] += 1 / r; /* the first box starts the filter */
    b[0] += (q[0].box.x + 20) / r;
    a[1][1] += 1 / pow(100 / 30.0, 2);
    for (int i = 1; i < N; i++) {
        double n = q[i].steps, pp = n * qp + n * n * n / 3 * qv, pv = n * n / 2 * qv, vv = n * qv;
        double det = pp * vv - pv * pv, w[2][2] = {{vv / det, -pv / det}, {-pv / det, pp / det}};
        double row[2][4] = {{-1, -n, 1, 0}, {0, -1, 0, 1}}; /* of (p, v) before and after */
        for (int x = 0; x < 4; x++)
            for (int y = 0; y < 4; y++)
                for (int g = 0; g < 2; g++)
                    for (int h = 0; h < 2; h++)
                        a[2 * i - 2 + x][2 * i - 2 + y] += row[g][x] * w[g][h] * row[h][y];
        if (q[i].seen) {
            a[2 * i][2 * i] += 1 / r;
            b[2 * i] += (q[i].box.x + 20) / r;
        }
    }
    solve(2 * N, a, b);
    CHECK_OK(kalman_smooth(s, &timed, q, N, &e));
    for (int i = 0; i < N; i++)
        CHECK_NEAR(q[i].box.x + q[i].box.w / 2, b[2 * i], 1e-6);
}

TEST(kalman_reverse_twice_is_nothing)
{
    struct kalman a = some_state(&timed), b = a;
    kalman_reverse(&b);
    CHECK_NEAR(a.x.v, -b.x.v, 0);
    kalman_reverse(&b);
    CHECK(memcmp(&a, &b, sizeof a) == 0);
}

TEST_MAIN
