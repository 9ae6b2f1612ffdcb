#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "vision/tonemap.h"

static const struct tonemap_options all[] = {{.curve = TONEMAP_PQ},
                                             {.curve = TONEMAP_PQ, .peak_nits = 4000},
                                             {.curve = TONEMAP_PQ, .peak_nits = 10000},
                                             {.curve = TONEMAP_PQ, .peak_nits = 100},
                                             {.curve = TONEMAP_PQ, .bt709 = true},
                                             {.curve = TONEMAP_HLG},
                                             {.curve = TONEMAP_HLG, .bt709 = true}};

static double pq_of(double nits)
{
    double p = pow(nits / 10000, 0.1593017578125);
    return pow((0.8359375 + 18.8515625 * p) / (1 + 18.6875 * p), 78.84375);
}

static void map_one(const struct tonemap *t, int r, int g, int b, uint8_t out[3])
{
    uint16_t in[3] = {(uint16_t)r, (uint16_t)g, (uint16_t)b};
    const uint8_t *p = (const uint8_t *)in;
    struct vision_frame f = {.width = 1,
                             .height = 1,
                             .model = VISION_RGB,
                             .depth = 16,
                             .c = {{p, 6, 6}, {p + 2, 6, 6}, {p + 4, 6, 6}}};
    struct err e = {0};
    CHECK_OK(vision_frame_check(&f, &e));
    tonemap_rows(t, &f, 0, 1, out, 3);
}

TEST(tonemap_greys_stay_grey_and_rise)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        CLEANUP(tonemap_free) struct tonemap *t = tonemap_new(&all[i]);
        int before = -1;
        for (int v = 0; v < 65536; v += 13) {
            uint8_t out[3];
            map_one(t, v, v, v, out);
            CHECK_EQ(out[0], out[1]);
            CHECK_EQ(out[0], out[2]);
            CHECK(out[0] >= before);
            before = out[0];
            CHECK_NEAR(out[0], 255 * tonemap_neutral(&all[i], v / 65535.0), 2);
        }
        CHECK(before >= 250);
        CHECK_NEAR(tonemap_neutral(&all[i], 0), 0, 1e-9);
        CHECK(tonemap_neutral(&all[i], 1) <= 1);
    }
}

TEST(tonemap_reference_white_is_bright_but_not_white)
{
    double white = tonemap_neutral(&all[0], pq_of(203));
    CHECK(white > 0.75 && white < 0.85);
    double hlg = tonemap_neutral(&all[5], 0.75);
    CHECK(hlg > 0.75 && hlg < 0.85);
    /* what both standards call the same light comes out the same */
    CHECK_NEAR(white, hlg, 0.01);
    CHECK_NEAR(tonemap_neutral(&all[0], pq_of(1000)), 1, 1e-3);
    CHECK_NEAR(tonemap_neutral(&all[5], 1), 1, 1e-3);
    /* below the knee nothing is compressed: 100 of 300 nits */
    CHECK_NEAR(tonemap_neutral(&all[0], pq_of(100)), 1.055 * pow(1 / 3.0, 1 / 2.4) - 0.055, 0.03);
}

TEST(tonemap_brighter_masters_keep_more_of_their_lights)
{
    CHECK(tonemap_neutral(&all[0], pq_of(900)) > tonemap_neutral(&all[1], pq_of(900)));
    CHECK(tonemap_neutral(&all[1], pq_of(3000)) > tonemap_neutral(&all[1], pq_of(1000)) + 0.01);
    CHECK(tonemap_neutral(&all[0], pq_of(3000)) <= 1);
    struct tonemap_options odd = {.curve = TONEMAP_PQ};
    static const double nonsense[] = {-5, 0.3, 1e9};
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        odd.peak_nits = nonsense[i];
        CHECK_NEAR(tonemap_neutral(&odd, 0.6), tonemap_neutral(&all[0], 0.6), 1e-12);
    }
    odd.peak_nits = NAN;
    CHECK_NEAR(tonemap_neutral(&odd, 0.6), tonemap_neutral(&all[0], 0.6), 1e-12);
}

TEST(tonemap_colours_keep_their_order)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        CLEANUP(tonemap_free) struct tonemap *t = tonemap_new(&all[i]);
        for (int high = 8000; high < 65536; high += 6007) {
            for (int low = 0; low < high - 4000; low += 5003) {
                uint8_t out[3];
                map_one(t, high, low, low, out);
                CHECK(out[0] > out[1] && out[0] > out[2]);
                map_one(t, low, high, low, out);
                CHECK(out[1] > out[0] && out[1] > out[2]);
                map_one(t, low, low, high, out);
                CHECK(out[2] > out[0] && out[2] > out[1]);
            }
        }
    }
}

TEST(tonemap_moderate_colours_come_through_the_gamut_exactly)
{
    /* a BT.709 colour of 60, 40, 20 nits, written in BT.2020 */
    static const double in709[3] = {60, 40, 20};
    static const double to2020[3][3] = {{0.627404, 0.329283, 0.043313},
                                        {0.069097, 0.919540, 0.011362},
                                        {0.016391, 0.088013, 0.895595}};
    int in[3];
    uint8_t out[3];
    for (int c = 0; c < 3; c++)
        in[c] = (int)(65535 * pq_of(to2020[c][0] * in709[0] + to2020[c][1] * in709[1] +
                                    to2020[c][2] * in709[2]) +
                      0.5);
    CLEANUP(tonemap_free) struct tonemap *t = tonemap_new(&all[0]);
    map_one(t, in[0], in[1], in[2], out);
    for (int c = 0; c < 3; c++)
        CHECK_NEAR(out[c], 255 * (1.055 * pow(in709[c] / 300, 1 / 2.4) - 0.055), 2);
}

TEST(tonemap_layouts_and_depths_agree)
{
    enum { W = 150, H = 3 };
    static uint16_t packed[W * H * 3], planes[3][W * H], ten[3][W * H];
    static uint8_t a[W * H * 3], b[W * H * 3], c[W * H * 3];
    uint32_t seed = 1;
    for (int i = 0; i < W * H; i++) {
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525u + 1013904223u;
            unsigned v = seed >> 22; /* 10 bits */
            ten[k][i] = (uint16_t)v;
            planes[k][i] = packed[3 * i + k] = (uint16_t)(v << 6 | v >> 4);
        }
    }
    const uint8_t *p = (const uint8_t *)packed;
    struct vision_frame fa = {.width = W, .height = H, .model = VISION_RGB, .depth = 16};
    struct vision_frame fb = fa, fc = fa;
    fc.depth = 10;
    for (int k = 0; k < 3; k++) {
        fa.c[k] = (struct vision_comp){p + 2 * k, W * 6, 6};
        fb.c[k] = (struct vision_comp){(const uint8_t *)planes[k], W * 2, 2};
        fc.c[k] = (struct vision_comp){(const uint8_t *)ten[k], W * 2, 2};
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        CLEANUP(tonemap_free) struct tonemap *t = tonemap_new(&all[i]);
        tonemap_rows(t, &fa, 0, H, a, W * 3);
        tonemap_rows(t, &fb, 0, H, b, W * 3);
        tonemap_rows(t, &fc, 0, 2, c, W * 3);
        tonemap_rows(t, &fc, 2, H, c + 2 * W * 3, W * 3);
        assert_memory_equal(a, b, sizeof(a));
        assert_memory_equal(a, c, sizeof(a));
    }
}

TEST_MAIN
