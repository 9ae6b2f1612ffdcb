/* Global motion on pictures whose motion is known: a smooth random texture, sampled through a
 * similarity. */
#include "vision/flow.h"

#include <math.h>

#include "base/test.h"

/* A texture defined everywhere: waves of several lengths and directions. */
static double texture(double x, double y)
{
    double v = 128;
    for (int i = 1; i <= 12; i++) {
        double angle = i * 2.399, length = 9 + 5 * i;
        v += 14 * sin((x * cos(angle) + y * sin(angle)) * 6.2831853 / length + i * i);
    }
    return CLAMP(v, 0, 255);
}

/* The picture after the motion m. Inside `thing` (may be NULL: x, y, w, h) another texture lies. */
static void paint(uint8_t *to, int w, int h, const double m[6], const int *thing, int phase)
{
    double det = m[0] * m[4] - m[1] * m[3];
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            double dx = x - m[2], dy = y - m[5];
            double sx = (m[4] * dx - m[1] * dy) / det, sy = (m[0] * dy - m[3] * dx) / det;
            bool in = thing && x >= thing[0] && x < thing[0] + thing[2] && y >= thing[1] &&
                      y < thing[1] + thing[3];
            to[(size_t)y * w + x] = (uint8_t)lrint(
                in ? texture(sx * 1.7 + 900 + phase, sy * 1.7 - 300 + phase) : texture(sx, sy));
        }
}

static const double none[6] = {1, 0, 0, 0, 1, 0};

static struct flow_motion measure(int w, int h, const double m[6], const double *guess,
                                  const int *thing)
{
    CLEANUP(flow_picture_free) struct flow_picture *a = flow_picture_new(w, h);
    CLEANUP(flow_picture_free) struct flow_picture *b = flow_picture_new(w, h);
    CLEANUP_FREE uint8_t *p = xmalloc((size_t)w * h);
    struct flow_motion r;

    paint(p, w, h, none, thing, 0);
    flow_picture_set(a, p);
    paint(p, w, h, m, thing, 37);
    flow_picture_set(b, p);
    flow_between(a, b, guess, &r);
    return r;
}

static void check_motion(const struct flow_motion *r, const double m[6], int w, int h, double tol)
{
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? w - 1 : 0, y = i & 2 ? h - 1 : 0;
        CHECK_NEAR(r->m[0] * x + r->m[1] * y + r->m[2], m[0] * x + m[1] * y + m[2], tol);
        CHECK_NEAR(r->m[3] * x + r->m[4] * y + r->m[5], m[3] * x + m[4] * y + m[5], tol);
    }
}

TEST(flow_of_a_still_picture_is_none)
{
    struct flow_motion r = measure(320, 180, none, NULL, NULL);
    CHECK(r.points >= 80);
    CHECK_EQ(r.agree, r.points);
    CHECK_EQ(r.still, r.points);
    check_motion(&r, none, 320, 180, 0.05);
    CHECK(r.size < 0.05);
}

TEST(flow_finds_shifts_turns_and_zooms_at_every_scale)
{
    static const struct {
        int w, h;
    } sizes[] = {{240, 160}, {427, 240}, {270, 480}, {600, 400}};
    static const double motions[][6] = {
        {1, 0, 0.3, 0, 1, -0.2},
        {1, 0, 5.5, 0, 1, -3.25},
        {1, 0, -14, 0, 1, 9},
        {0.9998477, -0.0174524, 4, 0.0174524, 0.9998477, -2}, /* one degree */
        {1.02, 0, -4, 0, 1.02, -2},
        {0.98, 0, 3, 0, 0.98, 2},
    };
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
        for (size_t i = 0; i < ARRAY_LEN(motions); i++) {
            int w = sizes[s].w, h = sizes[s].h;
            struct flow_motion r = measure(w, h, motions[i], NULL, NULL);
            CHECK(r.points >= 40);
            CHECK(r.agree >= r.points * 8 / 10);
            check_motion(&r, motions[i], w, h, 0.35);
        }
}

TEST(flow_is_the_camera_s_even_if_a_third_of_the_picture_moves_by_itself)
{
    static const int thing[4] = {20, 30, 110, 90};
    static const double pan[6] = {1, 0, 3, 0, 1, 1};
    struct flow_motion r = measure(240, 160, none, NULL, thing);
    CHECK(r.still >= r.points / 2);
    check_motion(&r, none, 240, 160, 0.2);
    r = measure(240, 160, pan, NULL, thing);
    check_motion(&r, pan, 240, 160, 0.3);
    CHECK(r.still < r.points / 2);
}

TEST(flow_starts_from_a_guess_when_the_way_is_far)
{
    static const double far[6] = {1, 0, 60, 0, 1, -25};
    static const double guess[6] = {1, 0, 55, 0, 1, -22};
    struct flow_motion r = measure(320, 240, far, guess, NULL);
    check_motion(&r, far, 320, 240, 0.2);
}

TEST(flow_of_flat_pictures_has_no_points)
{
    static uint8_t flat[64 * 48];
    CLEANUP(flow_picture_free) struct flow_picture *a = flow_picture_new(64, 48);
    struct flow_motion r;
    memset(flat, 90, sizeof(flat));
    flow_picture_set(a, flat);
    flow_between(a, a, NULL, &r);
    CHECK_EQ(r.points, 0);
    CHECK_NEAR(r.m[0], 1, 0);
    CHECK_NEAR(r.m[2], 0, 0);
}

TEST(flow_refuses_pictures_too_small_and_takes_odd_shapes)
{
    static const int shapes[][2] = {{16, 16}, {16, 4000}, {4000, 16}, {17, 301}, {33, 31}};
    CHECK(flow_picture_new(15, 100) == NULL);
    CHECK(flow_picture_new(100, 1) == NULL);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct flow_motion r = measure(shapes[i][0], shapes[i][1], none, NULL, NULL);
        CHECK_EQ(r.still, r.points);
    }
}

TEST_MAIN
