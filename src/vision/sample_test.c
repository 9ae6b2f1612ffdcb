#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "vision/sample_kernels.h"

static uint32_t seed;

static uint8_t noise(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint8_t)(seed >> 24);
}

/* A picture with structure and noise in exactly as many bytes as it needs, so that sanitizers see a
 * read beyond. */
static uint8_t *picture(size_t bytes, uint32_t from)
{
    uint8_t *p = xmalloc(bytes);
    seed = from;
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)((noise() & 0x3f) + (i * 7 / 64 & 0xbf));
    return p;
}

static struct hsv_diff run_one(struct sampler *s, const struct vision_frame *f, struct thumb *t)
{
    struct hsv_diff d;
    struct err e = {0};
    CHECK_OK(vision_frame_check(f, &e));
    sampler_run(s, f, &d, t);
    return d;
}

static void check_same(const struct sampler *a, const struct sampler *b)
{
    int wa, ha, wb, hb;
    for (int c = 0; c < 3; c++) {
        const uint8_t *p = sampler_hsv(a, c, &wa, &ha), *q = sampler_hsv(b, c, &wb, &hb);
        CHECK_EQ(wa, wb);
        CHECK_EQ(ha, hb);
        for (int y = 0; y < ha; y++)
            assert_memory_equal(p + y * SAMPLE_SIDE, q + y * SAMPLE_SIDE, (size_t)wa);
    }
}

static struct vision_frame frame_yuv(const uint8_t *p, int w, int h, int depth, int sx, int sy)
{
    int bytes = depth > 8 ? 2 : 1, cw = (w + (1 << sx) - 1) >> sx, ch = (h + (1 << sy) - 1) >> sy;
    const uint8_t *u = p + (size_t)w * h * bytes, *v = u + (size_t)cw * ch * bytes;
    return (struct vision_frame){
        .width = w,
        .height = h,
        .model = VISION_YUV,
        .depth = depth,
        .chroma_shift_x = sx,
        .chroma_shift_y = sy,
        .c = {{p, w * bytes, bytes}, {u, cw * bytes, bytes}, {v, cw * bytes, bytes}}};
}

TEST(sample_kernels_of_any_processor_give_the_same_bits)
{
    static const struct {
        int w, h, depth, sx, sy;
    } rows[] = {{1920, 1080, 8, 1, 1}, {1280, 720, 8, 1, 1}, {1080, 1920, 8, 1, 1},
                {720, 576, 8, 1, 0},   {426, 240, 10, 1, 1}, {300, 200, 12, 0, 0},
                {641, 271, 8, 1, 1},   {33, 17, 8, 1, 1},    {7, 5, 16, 2, 2}};
    if (sample_kernels_best() == &sample_kernels_plain)
        SKIP("this processor has only the plain kernels");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sampler *plain = sampler_new(&sample_kernels_plain);
        struct sampler *best = sampler_new(sample_kernels_best());
        size_t bytes = (size_t)rows[i].w * rows[i].h * 3 * 2;
        for (uint32_t k = 0; k < 3; k++) {
            CLEANUP_FREE uint8_t *p = picture(bytes, 77 * k + (uint32_t)i);
            struct vision_frame f =
                frame_yuv(p, rows[i].w, rows[i].h, rows[i].depth, rows[i].sx, rows[i].sy);
            f.full_range = k == 1;
            struct thumb ta, tb;
            struct hsv_diff a = run_one(plain, &f, &ta), b = run_one(best, &f, &tb);
            assert_memory_equal(&a, &b, sizeof(a));
            CHECK_EQ(ta.w, tb.w);
            CHECK_EQ(ta.h, tb.h);
            for (int c = 0; c < 3; c++)
                assert_memory_equal(ta.c[c], tb.c[c], (size_t)ta.w * ta.h);
            check_same(plain, best);
        }
        sampler_free(plain);
        sampler_free(best);
    }
}

/* OpenCV looks quotients up in tables of 1/4096; ours must be those for every divisor. */
TEST(sample_hsv_equals_the_tables_of_opencv)
{
    struct sample_rgb rgb;
    uint8_t rows[3][SAMPLE_SIDE] ROW_ALIGNED;
    uint8_t *const hsv[3] = {rows[0], rows[1], rows[2]};
    memset(rows, 0, sizeof(rows));
    for (int most = 0; most < 256; most++) {
        for (int least = 0; least <= most; least += 1 + most / 40) {
            for (int i = 0; i < SAMPLE_SIDE; i++) {
                int middle = least + (most - least) * (i / 6 % 43) / 42;
                const int order[6][3] = {{most, middle, least}, {most, least, middle},
                                         {middle, most, least}, {least, most, middle},
                                         {middle, least, most}, {least, middle, most}};
                for (int c = 0; c < 3; c++)
                    rgb.c[c][i] = (uint8_t)order[i % 6][c];
            }
            uint32_t sums[3] = {0};
            sample_kernels_best()->hsv_diff(&rgb, hsv, sums, SAMPLE_SIDE);
            for (int i = 0; i < SAMPLE_SIDE; i++) {
                int r = rgb.c[0][i], g = rgb.c[1][i], b = rgb.c[2][i], span = most - least;
                int per_val = most ? (int)((255 << 12) / (double)most + 0.5) : 0;
                int per_span = span ? (int)((180 << 12) / (6.0 * span) + 0.5) : 0;
                int h = most == r ? g - b : most == g ? b - r + 2 * span : r - g + 4 * span;
                h = (h * per_span + 2048) >> 12;
                CHECK_EQ(rows[0][i], h < 0 ? h + 180 : h);
                CHECK_EQ(rows[1][i], (span * per_val + 2048) >> 12);
                CHECK_EQ(rows[2][i], most);
            }
        }
    }
}

TEST(sample_knows_colours)
{
    static const struct {
        uint8_t rgb[3], hsv[3];
    } rows[] = {{{255, 0, 0}, {0, 255, 255}},    {{0, 255, 0}, {60, 255, 255}},
                {{0, 0, 255}, {120, 255, 255}},  {{255, 255, 0}, {30, 255, 255}},
                {{128, 128, 128}, {0, 0, 128}},  {{0, 0, 0}, {0, 0, 0}},
                {{200, 100, 100}, {0, 127, 200}}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sampler *s = sampler_new(sample_kernels_best());
        uint8_t p[8 * 8 * 3];
        for (size_t k = 0; k < sizeof(p); k++)
            p[k] = rows[i].rgb[k % 3];
        struct vision_frame f = vision_frame_rgb24(p, 8, 8, 24);
        struct thumb t;
        run_one(s, &f, &t);
        int w, h;
        for (int c = 0; c < 3; c++) {
            CHECK_EQ(sampler_hsv(s, c, &w, &h)[7 * SAMPLE_SIDE + 7], rows[i].hsv[c]);
            CHECK_EQ(t.c[c][3], rows[i].rgb[c]);
        }
        CHECK_EQ(t.w, 2);
        sampler_free(s);
    }
}

TEST(sample_limited_and_full_range_meet_at_the_ends)
{
    static const struct {
        bool full;
        uint8_t y, v;
    } rows[] = {{false, 16, 0},    {false, 235, 254}, {false, 0, 0},
                {false, 255, 255}, {true, 0, 0},      {true, 255, 255}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sampler *s = sampler_new(sample_kernels_best());
        uint8_t p[16 * 16 * 3 / 2];
        memset(p, rows[i].y, 256);
        memset(p + 256, 128, sizeof(p) - 256);
        struct vision_frame f = vision_frame_yuv420p8(p, 16, 16);
        f.full_range = rows[i].full;
        struct thumb t;
        run_one(s, &f, &t);
        CHECK_NEAR(t.c[0][0], rows[i].v, 1);
        CHECK_EQ(t.c[0][0], t.c[2][0]);
        sampler_free(s);
    }
}

TEST(sample_sees_the_same_in_every_layout)
{
    enum { W = 400, H = 226, CW = 200, CH = 113 };
    CLEANUP_FREE uint8_t *planar = picture(W * H + 2 * CW * CH, 5);
    CLEANUP_FREE uint8_t *nv12 = xmalloc(W * H + 2 * CW * CH);
    CLEANUP_FREE uint8_t *p010 = xmalloc(2 * (W * H + 2 * CW * CH));
    CLEANUP_FREE uint8_t *flipped = xmalloc(W * H);
    memcpy(nv12, planar, W * H);
    for (int i = 0; i < CW * CH; i++) {
        nv12[W * H + 2 * i] = planar[W * H + i];
        nv12[W * H + 2 * i + 1] = planar[W * H + CW * CH + i];
    }
    for (int i = 0; i < W * H + 2 * CW * CH; i++) {
        uint16_t word = (uint16_t)(nv12[i] << 8);
        memcpy(p010 + 2 * i, &word, 2);
    }
    for (int y = 0; y < H; y++)
        memcpy(flipped + y * W, planar + (H - 1 - y) * W, W);

    struct vision_frame f = vision_frame_yuv420p8(planar, W, H), g = f, d = f, up = f;
    g.c[0].p = nv12;
    g.c[1] = (struct vision_comp){nv12 + W * H, 2 * CW, 2};
    g.c[2] = (struct vision_comp){nv12 + W * H + 1, 2 * CW, 2};
    up.c[0] = (struct vision_comp){flipped + (H - 1) * W, -W, 1};
    d.depth = 10;
    d.low_bits = 6;
    d.c[0] = (struct vision_comp){p010, 2 * W, 2};
    d.c[1] = (struct vision_comp){p010 + 2 * W * H, 4 * CW, 4};
    d.c[2] = (struct vision_comp){p010 + 2 * W * H + 2, 4 * CW, 4};

    struct sampler *s[4];
    struct thumb t[4];
    const struct vision_frame *frames[4] = {&f, &g, &up, &d};
    for (int i = 0; i < 4; i++) {
        s[i] = sampler_new(sample_kernels_best());
        run_one(s[i], frames[i], &t[i]);
    }
    check_same(s[0], s[1]);
    check_same(s[0], s[2]);
    for (int c = 0; c < 3; c++) /* deeper samples interpolate chroma, so only nearly */
        for (int i = 0; i < t[0].w * t[0].h; i++)
            CHECK_NEAR(t[0].c[c][i], t[3].c[c][i], 24);
    for (int i = 0; i < 4; i++)
        sampler_free(s[i]);
}

TEST(sample_reads_nothing_beyond_pictures_of_any_size)
{
    static const int sides[] = {1, 2, 3, 4, 5, 31, 63, 255, 256, 257, 511, 512, 700};
    struct thumb t;
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        for (size_t k = 0; k < ARRAY_LEN(sides); k++) {
            int w = sides[i], h = sides[k];
            for (int sub = 0; sub < 3; sub++) {
                int cw = (w + (1 << sub) - 1) >> sub, ch = (h + (1 << sub) - 1) >> sub;
                for (int depth = 8; depth <= 10; depth += 2) {
                    size_t n = ((size_t)w * h + 2 * (size_t)cw * ch) * (depth > 8 ? 2 : 1);
                    CLEANUP_FREE uint8_t *p = picture(n, 3);
                    struct vision_frame f = frame_yuv(p, w, h, depth, sub, sub);
                    struct sampler *s = sampler_new(sample_kernels_best());
                    run_one(s, &f, &t);
                    struct hsv_diff again = run_one(s, &f, &t);
                    CHECK(again.hue == 0 && again.sat == 0 && again.val == 0);
                    sampler_free(s);
                }
            }
        }
    }
}

TEST(sample_size_follows_pyscenedetect)
{
    static const struct {
        int w, h, want_w, want_h;
    } rows[] = {{1920, 1080, 256, 144}, {1280, 720, 256, 144}, {640, 272, 256, 109},
                {1080, 1440, 192, 256}, {255, 100, 255, 100},  {256, 256, 256, 256},
                {426, 240, 256, 144},   {9000, 2, 256, 1},     {768, 432, 256, 144}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_FREE uint8_t *p = picture((size_t)rows[i].w * rows[i].h, 1);
        struct vision_frame f = vision_frame_grey8(p, rows[i].w, rows[i].h);
        struct sampler *s = sampler_new(sample_kernels_best());
        struct thumb t;
        int w, h;
        run_one(s, &f, &t);
        sampler_hsv(s, 0, &w, &h);
        CHECK_EQ(w, rows[i].want_w);
        CHECK_EQ(h, rows[i].want_h);
        sampler_free(s);
    }
}

TEST(frame_check_refuses_what_can_not_be)
{
    uint8_t p[64 * 64 * 3] = {0};
    struct vision_frame good = vision_frame_yuv420p8(p, 64, 64), f;
    struct err e = {0};
    CHECK_OK(vision_frame_check(&good, &e));
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        f = good;                                                                                  \
        change;                                                                                    \
        CHECK_ERR(vision_frame_check(&f, &e), ERR_INPUT);                                          \
    } while (0)
    REFUSED(f.width = 0);
    REFUSED(f.height = -1);
    REFUSED(f.width = VISION_SIDE_MAX + 1);
    REFUSED(f.depth = 7);
    REFUSED(f.depth = 17);
    REFUSED(f.low_bits = 6);
    REFUSED(f.depth = 12; f.low_bits = 6);
    REFUSED(f.chroma_shift_x = 3);
    REFUSED(f.model = (enum vision_model)9);
    REFUSED(f.c[1].p = NULL);
    REFUSED(f.c[0].step = 0);
    REFUSED(f.c[0].stride = 63);
    REFUSED(f.c[2].stride = -31);
    REFUSED(f.depth = 10);
}

TEST_MAIN
