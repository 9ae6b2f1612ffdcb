/* Motion on scenes whose truth is known: a textured room, boxes that walk, lamps, shadows, a camera
 * that shakes or pans. */
#include "vision/motion.h"

#include <math.h>

#include "base/test.h"

#define W 320
#define H 180

struct thing {
    int x, y, w, h, luma, u, v;
};
/* How the scene is at one moment. */
struct scene {
    double gain;             /* of the light */
    double shift_x, shift_y; /* of the camera, pixels */
    int noise;               /* grey levels, both ways */
    int n;
    struct thing thing[4];
    struct thing shadow; /* luma: percent of light left */
};

static uint32_t hash(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

/* The room is larger than the picture, for cameras that move; made once. */
#define ROOM_W   640
#define ROOM_H   260
#define MARGIN_X 40
#define MARGIN_Y 40

static const float *room_made(void)
{
    static float room[ROOM_W * ROOM_H];
    static bool made;

    for (int k = 0; !made && k < ROOM_W * ROOM_H; k++) {
        double v = 120;
        for (int i = 1; i <= 10; i++) {
            double angle = i * 2.399, length = 10 + 7 * i;
            v += 9 * sin((k % ROOM_W * cos(angle) + k / ROOM_W * sin(angle)) * 6.2831853 / length +
                         i * i);
        }
        room[k] = (float)CLAMP(v, 20, 235);
    }
    made = true;
    return room;
}

static double room(double x, double y)
{
    const float *r = room_made();
    x += MARGIN_X;
    y += MARGIN_Y;
    int ix = (int)x, iy = (int)y;
    double fx = x - ix, fy = y - iy;
    r += (size_t)iy * ROOM_W + ix;
    return (r[0] * (1 - fx) + r[1] * fx) * (1 - fy) +
           (r[ROOM_W] * (1 - fx) + r[ROOM_W + 1] * fx) * fy;
}

static bool inside(const struct thing *t, int x, int y)
{
    return x >= t->x && x < t->x + t->w && y >= t->y && y < t->y + t->h;
}

static void paint(uint8_t *p, const struct scene *s, int moment)
{
    uint8_t *u = p + W * H, *v = u + W * H / 4;
    double gain = s->gain > 0 ? s->gain : 1;

    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            double l = room(x + s->shift_x, y + s->shift_y);
            int cu = 124, cv = 132;
            for (int i = 0; i < s->n; i++)
                if (inside(&s->thing[i], x, y)) {
                    l = s->thing[i].luma + 12 * sin(x * 0.7) + 12 * sin(y * 0.9);
                    cu = s->thing[i].u;
                    cv = s->thing[i].v;
                }
            if (s->shadow.w && inside(&s->shadow, x, y))
                l = 16 + (l - 16) * s->shadow.luma / 100;
            l = 16 + (l - 16) * gain;
            uint32_t r = hash((uint32_t)(moment * W * H + y * W + x));
            l += s->noise ? (int)(r % (2 * (unsigned)s->noise + 1)) - s->noise : 0;
            p[y * W + x] = (uint8_t)CLAMP(lrint(l), 0, 255);
            u[(y / 2) * (W / 2) + x / 2] = (uint8_t)cu;
            v[(y / 2) * (W / 2) + x / 2] = (uint8_t)cv;
        }
}

struct stage {
    struct motion *m;
    uint8_t *p;
    int moment;
    const struct motion_frame *out;
};

static void stage_start(struct stage *s, const struct motion_options *o)
{
    *s = (struct stage){.m = motion_new(o ? o : &(struct motion_options){0}),
                        .p = xmalloc(W * H * 3 / 2)};
}

static void stage_end(struct stage *s)
{
    motion_free(s->m);
    free(s->p);
}

/* 25 frames a second */
static void show(struct stage *s, const struct scene *scene)
{
    struct err e = {0};
    struct vision_frame f;

    paint(s->p, scene, s->moment);
    f = vision_frame_yuv420p8(s->p, W, H);
    CHECK_OK(motion_feed(s->m, &f, (int64_t)s->moment++ * 40000, &s->out, &e));
}

static void show_empty(struct stage *s, int frames)
{
    for (int i = 0; i < frames; i++)
        show(s, &(struct scene){.noise = 3});
}

static double overlap(const struct motion_region *r, const struct thing *t)
{
    double w = MIN(r->x + r->w, t->x + t->w) - MAX(r->x, t->x);
    double h = MIN(r->y + r->h, t->y + t->h) - MAX(r->y, t->y);
    if (w <= 0 || h <= 0)
        return 0;
    return w * h / (r->w * r->h + t->w * t->h - w * h);
}

static struct thing walker(int x)
{
    return (struct thing){.x = x, .y = 60, .w = 24, .h = 70, .luma = 60, .u = 110, .v = 150};
}

TEST(motion_of_an_empty_noisy_room_is_none)
{
    struct stage s;
    stage_start(&s, NULL);
    show(&s, &(struct scene){.noise = 6});
    CHECK_EQ(s.out->state, MOTION_LEARNING);
    for (int i = 0; i < 100; i++) {
        show(&s, &(struct scene){.noise = 6});
        CHECK_EQ(s.out->n, 0);
    }
    CHECK_EQ(s.out->state, MOTION_WATCHING);
    CHECK(s.out->foreground < 0.005);
    stage_end(&s);
}

TEST(motion_boxes_follow_who_walks)
{
    struct stage s;
    int good = 0;
    stage_start(&s, NULL);
    show_empty(&s, 50);
    for (int x = 10; x < 280; x += 3) {
        struct thing t = walker(x);
        show(&s, &(struct scene){.noise = 3, .n = 1, .thing = {t}});
        CHECK_EQ(s.out->state, MOTION_WATCHING);
        CHECK_EQ(s.out->n, 1);
        good += overlap(&s.out->region[0], &t) > 0.8;
        CHECK(s.out->region[0].confidence > 0.6);
        CHECK(s.out->region[0].area > 0.8 * 24 * 70 && s.out->region[0].area < 1.3 * 24 * 70);
    }
    CHECK(good >= 85);
    show_empty(&s, 3);
    CHECK_EQ(s.out->n, 0);
    stage_end(&s);
}

TEST(motion_finds_two_apart_in_order_of_area)
{
    struct stage s;
    stage_start(&s, NULL);
    show_empty(&s, 40);
    for (int i = 0; i < 20; i++) {
        struct thing big = walker(40 + 2 * i), small = {220 - i, 20, 16, 24, 200, 140, 120};
        show(&s, &(struct scene){.noise = 3, .n = 2, .thing = {small, big}});
        CHECK_EQ(s.out->n, 2);
        CHECK(overlap(&s.out->region[0], &big) > 0.75);
        CHECK(overlap(&s.out->region[1], &small) > 0.6);
    }
    stage_end(&s);
}

TEST(motion_who_was_there_from_the_start_leaves_no_ghost)
{
    struct stage s;
    stage_start(&s, NULL);
    for (int i = 0; i < 30; i++)
        show(&s, &(struct scene){.noise = 3, .n = 1, .thing = {walker(100)}});
    for (int x = 100; x < 220; x += 4)
        show(&s, &(struct scene){.noise = 3, .n = 1, .thing = {walker(x)}});
    struct thing t = walker(220);
    for (int i = 0; i < 10; i++)
        show(&s, &(struct scene){.noise = 3, .n = 1, .thing = {t}});
    CHECK_EQ(s.out->n, 1);
    CHECK(overlap(&s.out->region[0], &t) > 0.7);
    stage_end(&s);
}

TEST(motion_what_is_put_down_and_lies_still_becomes_background)
{
    struct stage s;
    struct thing bag = {150, 100, 30, 26, 60, 128, 128};
    int seen = 0;
    stage_start(&s, NULL);
    show_empty(&s, 40);
    for (int i = 0; i < 25 * 14; i++) {
        show(&s, &(struct scene){.noise = 2, .n = 1, .thing = {bag}});
        seen += s.out->n > 0;
    }
    CHECK(seen > 25 * 4 && seen < 25 * 12);
    CHECK_EQ(s.out->n, 0);
    stage_end(&s);
}

TEST(motion_of_light_that_dims_slowly_or_steps_is_none)
{
    struct stage s;
    stage_start(&s, NULL);
    show_empty(&s, 40);
    for (int i = 0; i < 150; i++) { /* to 70 % in six seconds */
        show(&s, &(struct scene){.noise = 3, .gain = 1 - 0.002 * i});
        CHECK_EQ(s.out->n, 0);
    }
    for (int i = 0; i < 40; i++) { /* exposure steps up at once */
        show(&s, &(struct scene){.noise = 3, .gain = 1.1});
        CHECK_EQ(s.out->n, 0);
    }
    struct thing t = walker(90);
    show(&s, &(struct scene){.noise = 3, .gain = 1.1, .n = 1, .thing = {t}});
    CHECK_EQ(s.out->n, 1);
    CHECK(overlap(&s.out->region[0], &t) > 0.7);
    stage_end(&s);
}

TEST(motion_of_a_room_that_changes_whole_says_light_and_learns_again)
{
    struct stage s;
    stage_start(&s, NULL);
    show_empty(&s, 40);
    struct thing all = {0, 0, W, H, 200, 90, 170};
    show(&s, &(struct scene){.noise = 3, .n = 1, .thing = {all}});
    CHECK(s.out->state == MOTION_LIGHT || s.out->state == MOTION_CAMERA_MOVING);
    CHECK_EQ(s.out->n, 0);
    for (int i = 0; i < 60; i++) {
        show(&s, &(struct scene){.noise = 3, .n = 1, .thing = {all}});
        CHECK_EQ(s.out->n, 0);
    }
    CHECK_EQ(s.out->state, MOTION_WATCHING);
    stage_end(&s);
}

TEST(motion_boxes_leave_out_soft_shadows)
{
    struct stage s;
    stage_start(&s, NULL);
    show_empty(&s, 40);
    for (int i = 0; i < 30; i++) {
        struct thing t = walker(60 + 3 * i);
        struct thing shadow = {t.x + t.w, 100, 40, 30, 75, 0, 0};
        show(&s, &(struct scene){.noise = 2, .n = 1, .thing = {t}, .shadow = shadow});
        CHECK_EQ(s.out->n, 1);
        CHECK(overlap(&s.out->region[0], &t) > 0.65);
    }
    stage_end(&s);
}

TEST(motion_of_a_camera_that_pans_is_declared_and_quiet)
{
    struct stage s;
    int declared = 0;
    stage_start(&s, NULL);
    show_empty(&s, 40);
    for (int i = 1; i <= 60; i++) {
        show(&s, &(struct scene){.noise = 3, .shift_x = 3 * i});
        CHECK_EQ(s.out->n, 0);
        CHECK_NEAR(s.out->global[2], -3, 0.5);
        CHECK_NEAR(s.out->global[5], 0, 0.5);
        declared += s.out->state == MOTION_CAMERA_MOVING;
    }
    CHECK(declared > 50);
    struct thing t = walker(90);
    for (int i = 0; i < 60; i++)
        show(&s, &(struct scene){.noise = 3, .shift_x = 180});
    CHECK_EQ(s.out->state, MOTION_WATCHING);
    CHECK_EQ(s.out->n, 0);
    show(&s, &(struct scene){.noise = 3, .shift_x = 180, .n = 1, .thing = {t}});
    CHECK_EQ(s.out->n, 1);
    stage_end(&s);
}

TEST(motion_of_a_camera_that_shakes_is_undone)
{
    struct stage s;
    int found = 0, extra = 0;
    stage_start(&s, NULL);
    show_empty(&s, 40);
    for (int i = 0; i < 100; i++) {
        struct thing t = walker(20 + 2 * i);
        show(&s, &(struct scene){.noise = 2,
                                 .shift_x = 5 * sin(i * 0.5),
                                 .shift_y = 3 * sin(i * 0.37),
                                 .n = 1,
                                 .thing = {t}});
        int hit = 0;
        for (int k = 0; k < s.out->n; k++)
            hit += overlap(&s.out->region[k], &t) > 0.6;
        found += hit > 0;
        extra += s.out->n - hit;
    }
    CHECK(found >= 90);
    CHECK(extra <= 10);
    stage_end(&s);
}

/* Reads a mask back: how many ones, and their box; fails when it does not fill the picture. */
static int64_t read_mask(struct str rle, int w, int h, struct motion_region *box)
{
    int64_t at = 0, ones = 0;
    int x0 = w, y0 = h, x1 = 0, y1 = 0;
    bool one = false;
    struct str part;

    while (str_cut(&rle, ',', &part)) {
        int64_t run;
        CHECK(str_to_i64(part, &run));
        CHECK(run > 0 || at == 0);
        for (int64_t i = at; one && i < at + run; i++) {
            int x = (int)(i % w), y = (int)(i / w);
            x0 = MIN(x0, x), x1 = MAX(x1, x + 1), y0 = MIN(y0, y), y1 = MAX(y1, y + 1);
        }
        ones += one ? run : 0;
        at += run;
        one = !one;
    }
    CHECK_EQ(at, (int64_t)w * h);
    *box = (struct motion_region){.x = x0, .y = y0, .w = x1 - x0, .h = y1 - y0};
    return ones;
}

TEST(motion_masks_are_runs_of_the_whole_frame_and_agree_with_their_boxes)
{
    struct stage s;
    struct motion_region box;
    CLEANUP_BUF struct buf mask = {0};
    stage_start(&s, NULL);
    show_empty(&s, 40);
    struct thing a = {0, 0, 30, 40, 220, 150, 110}, b = walker(200);
    show(&s, &(struct scene){.noise = 3, .n = 2, .thing = {a, b}});
    CHECK_EQ(s.out->n, 2);
    for (int i = 0; i < 2; i++) {
        buf_reset(&mask);
        motion_mask(s.m, i, &mask);
        CHECK_EQ(read_mask(buf_str(&mask), W, H, &box), s.out->region[i].area);
        CHECK_EQ(box.x, s.out->region[i].x);
        CHECK_EQ(box.y, s.out->region[i].y);
        CHECK_EQ(box.w, s.out->region[i].w);
        CHECK_EQ(box.h, s.out->region[i].h);
    }
    stage_end(&s);
}

/* The same picture lying on its side, as a phone stores it. */
static void turn_back(const uint8_t *from, uint8_t *to, int w, int h)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            to[(w - 1 - x) * h + y] = from[y * w + x];
}

TEST(motion_of_turned_frames_is_told_upright)
{
    CLEANUP(motion_free) struct motion *m = motion_new(&(struct motion_options){.turn = 90});
    CLEANUP_FREE uint8_t *up = xmalloc(W * H * 3 / 2);
    CLEANUP_FREE uint8_t *side = xmalloc(W * H * 3 / 2);
    const struct motion_frame *out = NULL;
    struct thing t = walker(200);
    struct err e = {0};

    for (int i = 0; i < 45; i++) {
        paint(up, &(struct scene){.noise = 3, .n = i >= 40, .thing = {t}}, i);
        turn_back(up, side, W, H);
        turn_back(up + W * H, side + W * H, W / 2, H / 2);
        turn_back(up + W * H * 5 / 4, side + W * H * 5 / 4, W / 2, H / 2);
        struct vision_frame f = vision_frame_yuv420p8(side, H, W);
        CHECK_OK(motion_feed(m, &f, i * 40000, &out, &e));
    }
    CHECK_EQ(out->n, 1);
    CHECK(overlap(&out->region[0], &t) > 0.8);
}

TEST(motion_of_large_frames_is_told_in_their_pixels)
{
    enum { K = 4 };
    CLEANUP(motion_free) struct motion *m = motion_new(&(struct motion_options){0});
    CLEANUP_FREE uint8_t *small = xmalloc(W * H * 3 / 2);
    CLEANUP_FREE uint8_t *large = xmalloc((size_t)K * K * W * H);
    CLEANUP_BUF struct buf mask = {0};
    const struct motion_frame *out = NULL;
    struct motion_region box;
    struct thing t = walker(200);
    struct err e = {0};

    for (int i = 0; i < 42; i++) {
        paint(small, &(struct scene){.noise = 3, .n = i >= 40, .thing = {t}}, i);
        for (int y = 0; y < K * H; y++)
            for (int x = 0; x < K * W; x++)
                large[(size_t)y * K * W + x] = small[y / K * W + x / K];
        /* an odd width: some columns at the right fill no block */
        struct vision_frame f = vision_frame_grey8(large, K * W - 1, K * H);
        f.c[0].stride = K * W;
        CHECK_OK(motion_feed(m, &f, i * 40000, &out, &e));
    }
    struct thing big = {t.x * K, t.y * K, t.w * K, t.h * K, 0, 0, 0};
    CHECK_EQ(out->n, 1);
    CHECK(overlap(&out->region[0], &big) > 0.75);
    motion_mask(m, 0, &mask);
    CHECK_EQ(read_mask(buf_str(&mask), K * W - 1, K * H, &box), out->region[0].area);
}

TEST(motion_is_the_same_on_every_run)
{
    struct stage a, b;
    stage_start(&a, NULL);
    stage_start(&b, NULL);
    for (int i = 0; i < 80; i++) {
        struct scene scene = {.noise = 8, .shift_x = sin(i), .n = 1, .thing = {walker(3 * i)}};
        show(&a, &scene);
        show(&b, &scene);
        CHECK_EQ(a.out->n, b.out->n);
        CHECK_EQ(memcmp(a.out->region, b.out->region, (size_t)a.out->n * sizeof(a.out->region[0])),
                 0);
    }
    stage_end(&a);
    stage_end(&b);
}

TEST(motion_cut_forgets_the_background)
{
    struct stage s;
    stage_start(&s, NULL);
    show_empty(&s, 40);
    motion_cut(s.m);
    struct thing all = {0, 0, W, H, 200, 90, 170};
    show(&s, &(struct scene){.noise = 3, .n = 1, .thing = {all}});
    CHECK_EQ(s.out->state, MOTION_LEARNING);
    CHECK_EQ(s.out->n, 0);
    stage_end(&s);
}

TEST(motion_takes_any_size_format_and_time_and_refuses_what_is_off)
{
    static const int sides[][2] = {{1, 1},   {2, 3},    {16, 1}, {1, 500},
                                   {15, 40}, {481, 33}, {64, 64}};
    CLEANUP(motion_free)
    struct motion *m = motion_new(
        &(struct motion_options){.turn = 45, .min_area = -1, .memory_s = 1e9, .absorb_s = NAN});
    CLEANUP_FREE uint8_t *p = xcalloc(500 * 500, 8);
    const struct motion_frame *out;
    struct err e = {0};

    for (size_t i = 0; i < 500 * 500 * 8; i++)
        p[i] = (uint8_t)hash((uint32_t)i);
    for (size_t i = 0; i < ARRAY_LEN(sides); i++)
        for (int k = 0; k < 24; k++) {
            int w = sides[i][0], h = sides[i][1];
            struct vision_frame f = vision_frame_grey8(p + k, w, h);
            if (k % 4 == 1)
                f = vision_frame_rgb24(p + k, w, h, 3 * w);
            if (k % 4 == 2)
                f = vision_frame_yuv420p8(p + k, w, h);
            if (k % 4 == 3) {
                f = (struct vision_frame){.width = w,
                                          .height = h,
                                          .model = VISION_YUV,
                                          .depth = 10,
                                          .chroma_shift_x = 2,
                                          .chroma_shift_y = 0,
                                          .low_bits = 6};
                for (int c = 0; c < 3; c++)
                    f.c[c] = (struct vision_comp){p + k + 7 * c, 2 * w, 2};
            }
            int64_t pts = k % 5 == 0 ? INT64_MIN : k % 5 == 1 ? INT64_MAX : k * 40000;
            CHECK_OK(motion_feed(m, &f, pts, &out, &e));
            for (int r = 0; r < out->n; r++) {
                CHECK(out->region[r].x >= 0 && out->region[r].x + out->region[r].w <= w);
                CHECK(out->region[r].y >= 0 && out->region[r].y + out->region[r].h <= h);
            }
        }
    struct vision_frame off = vision_frame_grey8(p, 0, 10);
    CHECK_ERR(motion_feed(m, &off, 0, &out, &e), ERR_INPUT);
    off = vision_frame_grey8(NULL, 10, 10);
    CHECK_ERR(motion_feed(m, &off, 0, &out, &e), ERR_INPUT);
}

TEST_MAIN
