#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "vision/picture.h"

enum { W = 320, H = 180 };

static uint8_t luma[W * H * 3];

/* Texture between two levels, blurred over 2 * blur + 1 columns. */
static struct vision_frame texture(int low, int high, int blur)
{
    static uint8_t sharp[W * H];
    uint32_t seed = 1;
    for (int i = 0; i < W * H; i++) {
        seed = seed * 1664525u + 1013904223u;
        double soft = 0.5 + 0.5 * sin(i % W * 0.05) * cos(i / W * 0.07);
        sharp[i] = (uint8_t)(low + (high - low) * (0.8 * soft + 0.2 * (seed >> 24) / 255.0));
    }
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            int sum = 0;
            for (int k = -blur; k <= blur; k++)
                sum += sharp[y * W + CLAMP(x + k, 0, W - 1)];
            luma[y * W + x] = (uint8_t)(sum / (2 * blur + 1));
        }
    }
    return vision_frame_grey8(luma, W, H);
}

static double score(struct vision_frame f)
{
    struct picture_quality q;
    picture_measure(&f, &q);
    CHECK(q.score >= 0 && q.score <= 1);
    CHECK(q.sharpness >= 0 && q.sharpness <= 1);
    CHECK(q.entropy >= 0 && q.entropy <= 1);
    return q.score;
}

TEST(picture_prefers_sharp_and_well_lit)
{
    double good = score(texture(20, 220, 0));
    CHECK(good > 0.3);
    CHECK(good > score(texture(20, 220, 3)) * 1.3);
    CHECK(good > score(texture(0, 40, 0)) * 1.5);
    CHECK(good > score(texture(215, 255, 0)) * 1.5);
    CHECK(good > score(texture(110, 140, 0)) * 1.5);
    CHECK(score(texture(0, 40, 0)) > 0);
}

TEST(picture_blank_is_black_white_or_flat)
{
    static const int levels[] = {0, 3, 128, 255};
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        struct vision_frame f = texture(levels[i], levels[i], 0);
        struct picture_quality q;
        for (int x = 40; x < 160; x++) /* a line of text on it */
            luma[170 * W + x] = (uint8_t)(levels[i] ^ 0xff);
        picture_measure(&f, &q);
        CHECK(q.blank);
        CHECK(q.score == 0);
        CHECK_NEAR(q.brightness, levels[i] / 255.0, 0.02);
    }
    struct vision_frame f = texture(0, 200, 0);
    struct picture_quality q;
    picture_measure(&f, &q);
    CHECK(!q.blank);
}

TEST(picture_range_decides_what_black_is)
{
    struct vision_frame f = texture(16, 16, 0);
    struct picture_quality q;
    memset(luma + W * H, 128, sizeof(luma) - W * H);
    struct vision_frame limited = vision_frame_yuv420p8(luma, W, H);
    picture_measure(&limited, &q);
    CHECK_NEAR(q.brightness, 0, 1e-6);
    CHECK_NEAR(q.black, 1, 1e-6);
    picture_measure(&f, &q);
    CHECK_NEAR(q.brightness, 16 / 255.0, 1e-6);
}

TEST(picture_measures_any_layout_alike)
{
    texture(30, 200, 0);
    static uint8_t rgb[W * H * 3];
    static uint16_t deep[W * H];
    for (int i = 0; i < W * H; i++) {
        memset(rgb + 3 * i, luma[i], 3);
        deep[i] = (uint16_t)(luma[i] << 2 | luma[i] >> 6);
    }
    struct vision_frame frames[3] = {vision_frame_grey8(luma, W, H),
                                     vision_frame_rgb24(rgb, W, H, W * 3),
                                     {.width = W,
                                      .height = H,
                                      .model = VISION_GREY,
                                      .depth = 10,
                                      .c = {{(const uint8_t *)deep, W * 2, 2}}}};
    struct picture_quality q[3];
    for (int i = 0; i < 3; i++) {
        picture_measure(&frames[i], &q[i]);
        CHECK_NEAR(q[i].sharpness, q[0].sharpness, 1e-9);
        CHECK_NEAR(q[i].score, q[0].score, 1e-9);
        CHECK_NEAR(q[i].colour, 0, 1e-9);
    }
}

TEST(picture_colour_counts)
{
    static uint8_t rgb[W * H * 3];
    struct picture_quality grey, vivid;
    texture(30, 200, 0);
    struct vision_frame f = vision_frame_rgb24(rgb, W, H, W * 3);
    for (int i = 0; i < W * H; i++)
        memset(rgb + 3 * i, luma[i], 3);
    picture_measure(&f, &grey);
    for (int i = 0; i < W * H; i++)
        rgb[3 * i + (i % W < W / 2 ? 0 : 2)] = (uint8_t)(luma[i] / 4);
    picture_measure(&f, &vivid);
    CHECK(grey.colour == 0);
    CHECK(vivid.colour > 0.7);
}

TEST(picture_of_any_size)
{
    static const int sides[] = {1, 2, 3, 35, 63, 65};
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        for (size_t k = 0; k < ARRAY_LEN(sides); k++) {
            int w = sides[i], h = sides[k];
            CLEANUP_FREE uint8_t *p =
                xcalloc((size_t)w * h + 2 * (size_t)((w + 1) / 2) * ((h + 1) / 2), 1);
            struct vision_frame f = vision_frame_yuv420p8(p, w, h);
            struct picture_quality q;
            struct picture_digest d;
            picture_measure(&f, &q);
            CHECK(q.blank);
            picture_digest(&f, &d);
            CHECK(picture_change(&d, &d) == 0);
        }
    }
}

TEST(picture_change_sees_a_line_of_text_but_not_noise)
{
    struct picture_digest before, noise, text;
    struct vision_frame f = texture(40, 160, 1);
    picture_digest(&f, &before);
    for (int i = 0; i < W * H; i++)
        luma[i] = (uint8_t)(luma[i] + i * 7 % 5 - 2);
    picture_digest(&f, &noise);
    CHECK(picture_change(&before, &noise) < PICTURE_SAME);
    for (int y = 150; y < 160; y++)
        for (int x = 100; x < 220; x++)
            if (x % 6 < 2)
                luma[y * W + x] = 250;
    picture_digest(&f, &text);
    CHECK(picture_change(&noise, &text) > 2 * PICTURE_SAME);
    f = texture(160, 40, 0);
    struct picture_digest other;
    picture_digest(&f, &other);
    CHECK(picture_change(&before, &other) > 0.5);
}

/* Offers score(frame) for every step-th frame, tells cuts `delay` frames late, keeps in slots what
 * it is told to. */
static void run_picker(const int64_t *cuts, int n_cuts, int64_t frames, int step, int64_t delay,
                       double (*score_of)(int64_t), int64_t *ret_picked)
{
    CLEANUP(picker_free) struct picker *p = picker_new();
    int64_t slots[PICKER_SLOTS];
    int told = 0;
    for (int64_t i = 0; i <= frames; i++) {
        bool end = i == frames;
        while (told < n_cuts && (end || cuts[told] <= i - delay)) {
            int64_t frame = -1;
            int slot = picker_take(p, cuts[told], cuts[told], &frame);
            ret_picked[told++] = slot < 0 ? -1 : slots[slot];
            if (slot >= 0)
                CHECK_EQ(slots[slot], frame);
        }
        picker_settle(p, end ? frames : MAX(0, i - delay));
        if (!end && i % step == 0) {
            int slot = picker_offer(p, i, score_of(i));
            CHECK(slot >= -1 && slot < PICKER_SLOTS);
            if (slot >= 0)
                slots[slot] = i;
        }
    }
    int64_t frame = -1;
    int slot = picker_take(p, frames, frames, &frame);
    ret_picked[n_cuts] = slot < 0 ? -1 : slots[slot];
}

static double peaks(int64_t frame)
{
    return frame == 37 || frame == 160 || frame == 410 ? 0.9 : 0.3 + (double)(frame % 7) / 100;
}

static double even(int64_t frame)
{
    (void)frame;
    return 0.5;
}

TEST(picker_takes_the_best_of_each_shot)
{
    static const int64_t cuts[] = {100, 300};
    int64_t got[3];
    run_picker(cuts, 2, 500, 1, 200, peaks, got);
    CHECK_EQ(got[0], 37);
    CHECK_EQ(got[1], 160);
    CHECK_EQ(got[2], 410);
    run_picker(cuts, 2, 500, 1, 0, peaks, got);
    CHECK_EQ(got[0], 37);
    CHECK_EQ(got[1], 160);
}

TEST(picker_keeps_away_from_borders)
{
    static const int64_t cuts[] = {60, 75, 400};
    int64_t got[4];
    run_picker(cuts, 3, 460, 1, 200, even, got);
    CHECK(got[0] >= 8 && got[0] < 52);
    CHECK(got[1] >= 60 && got[1] < 75);
    CHECK(got[2] >= 87 && got[2] < 388);
    CHECK(got[3] >= 400);
}

TEST(picker_short_shots_between_samples_get_none)
{
    static const int64_t cuts[] = {11, 14, 100};
    int64_t got[4];
    run_picker(cuts, 3, 120, 10, 50, even, got);
    CHECK(got[0] == 0 || got[0] == 10);
    CHECK_EQ(got[1], -1);
    CHECK(got[2] >= 20 && got[2] <= 90);
}

TEST(picker_survives_a_settling_that_never_comes)
{
    CLEANUP(picker_free) struct picker *p = picker_new();
    int64_t slots[PICKER_SLOTS], frame;
    for (int64_t i = 0; i < 20000; i++) {
        int slot = picker_offer(p, i, i == 7000 ? 0.9 : 0.5);
        if (slot >= 0)
            slots[slot] = i;
    }
    int slot = picker_take(p, 20000, 20000, &frame);
    CHECK_EQ(slots[slot], 7000);
    CHECK_EQ(frame, 7000);
}

TEST(picker_leaves_out_mixed_frames)
{
    CLEANUP(picker_free) struct picker *p = picker_new();
    int64_t frame;
    for (int64_t i = 0; i < 100; i++)
        picker_offer(p, i, i >= 40 && i < 60 ? 0.9 : 0.4);
    CHECK(picker_take(p, 40, 60, &frame) >= 0);
    CHECK(frame < 40);
    CHECK_EQ(picker_offer(p, 50, 1.0), -1);
    CHECK(picker_take(p, 100, 100, &frame) >= 0);
    CHECK(frame >= 60);
}

TEST_MAIN
