#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "vision/deinterlace.h"

enum { W = 320, H = 96 };

/* A textured ground with a bright block whose left edge is at x; fine detail from row to row stands
 * still. */
static void scene(uint8_t *p, int x)
{
    for (int y = 0; y < H; y++)
        for (int i = 0; i < W; i++)
            p[y * W + i] =
                (uint8_t)(i >= x && i < x + 40 && y > 20 && y < 70 ? 220
                                                                   : 80 + (i * 7 + y * 3) % 40);
}

/* Even rows from one time, odd rows from another. */
static void weave(uint8_t *out, const uint8_t *even, const uint8_t *odd)
{
    for (int y = 0; y < H; y++)
        memcpy(out + y * W, (y & 1 ? odd : even) + y * W, W);
}

static double error_of(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (int i = 0; i < W * H; i++)
        sum += a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
    return sum / (W * H);
}

static uint8_t t0[W * H], t1[W * H], t2[W * H], t3[W * H], before[W * H], now[W * H], out[W * H];

TEST(deinterlace_keeps_what_stands_still)
{
    scene(t0, 100);
    for (int odd = 0; odd <= 1; odd++) {
        deinterlace_plane(out, W, t0, W, t0, W, W, H, odd);
        assert_memory_equal(out, t0, sizeof(out));
    }
}

TEST(deinterlace_mends_what_moves)
{
    scene(t0, 100);
    scene(t1, 108);
    scene(t2, 116);
    scene(t3, 124);
    weave(before, t0, t1);
    weave(now, t2, t3);
    deinterlace_plane(out, W, now, W, before, W, W, H, false);
    CHECK(error_of(out, t2) < error_of(now, t2) / 3);
    deinterlace_plane(out, W, now, W, before, W, W, H, true);
    CHECK(error_of(out, t3) < error_of(now, t3) / 3);
    struct vision_frame woven = vision_frame_grey8(now, W, H),
                        mended = vision_frame_grey8(out, W, H);
    CHECK(deinterlace_combing(&woven) > DEINTERLACE_COMBED);
    CHECK(deinterlace_combing(&mended) < DEINTERLACE_COMBED / 4);
}

TEST(deinterlace_without_a_frame_before_interpolates)
{
    scene(t0, 100);
    scene(t1, 116);
    weave(now, t0, t1);
    deinterlace_plane(out, W, now, W, NULL, 0, W, H, false);
    for (int y = 0; y < H; y += 2)
        assert_memory_equal(out + y * W, t0 + y * W, W);
    struct vision_frame f = vision_frame_grey8(out, W, H);
    CHECK(deinterlace_combing(&f) < DEINTERLACE_COMBED / 4);
}

TEST(deinterlace_combing_is_not_texture)
{
    struct vision_frame f = vision_frame_grey8(now, W, H);
    scene(now, 100);
    CHECK(deinterlace_combing(&f) < 1e-9);
    uint32_t seed = 1;
    for (int i = 0; i < W * H; i++) {
        seed = seed * 1664525u + 1013904223u;
        now[i] = (uint8_t)(100 + (seed >> 24) / 16);
    }
    CHECK(deinterlace_combing(&f) < DEINTERLACE_COMBED);
    for (int y = 0; y < H; y++) /* single lines, as of a table or a blind */
        memset(now + y * W, y % 6 == 0 ? 200 : 60, W);
    CHECK(deinterlace_combing(&f) < 1e-9);
}

TEST(deinterlace_field_takes_every_other_row_of_each_plane)
{
    static const int heights[] = {1, 2, 3, 4, 5, 6, 9, 16};
    for (size_t i = 0; i < ARRAY_LEN(heights); i++) {
        int h = heights[i], ch = (h + 1) / 2;
        CLEANUP_FREE uint8_t *p = xmalloc((size_t)(4 * h + 2 * 2 * ch));
        for (int y = 0; y < h; y++)
            memset(p + 4 * y, y, 4);
        for (int y = 0; y < 2 * ch; y++)
            memset(p + 4 * h + 2 * y, y % ch, 2);
        struct vision_frame f = vision_frame_yuv420p8(p, 4, h);
        for (int odd = 0; odd <= 1; odd++) {
            struct vision_frame field = deinterlace_field(&f, odd);
            struct err e = {0};
            CHECK_OK(vision_frame_check(&field, &e));
            if (h > 1)
                CHECK_EQ(field.height, odd ? h / 2 : (h + 1) / 2);
            for (int y = 0; y < field.height; y++)
                CHECK_EQ(field.c[0].p[field.c[0].stride * y], h > 1 ? 2 * y + odd : 0);
            for (int y = 0; y < (field.height + 1) / 2; y++)
                CHECK(field.c[1].p + field.c[1].stride * y < p + 4 * h + 2 * ch);
            if (h == 16)
                for (int y = 0; y < 4; y++)
                    CHECK_EQ(field.c[2].p[field.c[2].stride * y], 2 * y + odd);
        }
    }
}

TEST(deinterlace_of_one_row)
{
    uint8_t a[3] = {1, 2, 3}, b[3] = {0};
    deinterlace_plane(b, 3, a, 3, a, 3, 3, 1, true);
    assert_memory_equal(a, b, 3);
    struct vision_frame f = vision_frame_grey8(a, 3, 1);
    CHECK(deinterlace_combing(&f) == 0);
}

TEST_MAIN
