#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "vision/shots.h"

enum { W = 160, H = 90, BYTES = W * H * 3 };
#define PACE 0.1 /* pixels that a scene moves from frame to frame */

/* Scenes that share neither colour nor structure; `at` moves things about a little, as life does.
 */
static void scene(uint8_t *out, int which, double at)
{
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            double u = x + at, a = sin(u * (0.05 + 0.013 * which) + which * 2.1) *
                                   cos(y * (0.09 - 0.008 * which) + which);
            double b = sin((u * 0.7 + y * (which & 1 ? 1.3 : -1.1)) * 0.06 * (1 + which % 3));
            double base = 60 + 35 * (which * 7 % 5);
            uint8_t *p = out + 3 * (y * W + x);
            p[0] = (uint8_t)CLAMP(base * 0.6 + 70 * a, 0, 255);
            p[1] = (uint8_t)CLAMP(base + 50 * b, 0, 255);
            p[2] = (uint8_t)CLAMP(220 - base + 60 * a * b, 0, 255);
        }
    }
}

static void mix(uint8_t *out, const uint8_t *a, const uint8_t *b, double t)
{
    for (int i = 0; i < BYTES; i++)
        out[i] = (uint8_t)(a[i] * (1 - t) + b[i] * t + 0.5);
}

static void feed(struct shots *s, const uint8_t *p)
{
    struct err e = {0};
    struct vision_frame f = vision_frame_rgb24(p, W, H, W * 3);
    CHECK_OK(shots_feed(s, &f, &e));
}

static void feed_scene(struct shots *s, int which, int frames)
{
    static uint8_t p[BYTES];
    for (int i = 0; i < frames; i++) {
        scene(p, which, i * PACE);
        feed(s, p);
    }
}

static void feed_flat(struct shots *s, int value, int frames)
{
    static uint8_t p[BYTES];
    memset(p, value, sizeof(p));
    for (int i = 0; i < frames; i++)
        feed(s, p);
}

static struct shots *adaptive(void)
{
    return shots_new(&SHOTS_OPTIONS_DEFAULT);
}

static void finish(struct shots *s)
{
    struct err e = {0};
    CHECK_OK(shots_finish(s, &e));
    /* whatever was found, the shots cover all frames, each once */
    int64_t at = 0;
    for (size_t i = 0; i < shots_count(s); i++) {
        struct shot shot = shots_at(s, i);
        CHECK_EQ(shot.start, at);
        CHECK(shot.end > shot.start);
        at = shot.end;
    }
    CHECK_EQ(at, shots_frames(s));
    CHECK_EQ(shots_settled(s), shots_frames(s));
}

static const struct shots_transition *only(const struct shots *s, enum shots_kind kind)
{
    size_t n;
    const struct shots_transition *t = shots_transitions(s, &n);
    CHECK_EQ(n, 1);
    CHECK_STR(shots_kind_name(t[0].kind), shots_kind_name(kind));
    return t;
}

static void check_none(const struct shots *s)
{
    size_t n;
    shots_transitions(s, &n);
    CHECK_EQ(n, 0);
    CHECK_EQ(shots_count(s), shots_frames(s) > 0);
}

TEST(shots_of_nothing_and_of_one_frame)
{
    for (int frames = 0; frames < 6; frames++) {
        CLEANUP(shots_free) struct shots *s = adaptive();
        feed_scene(s, 1, frames);
        finish(s);
        check_none(s);
    }
}

TEST(shots_hard_cuts_to_the_frame)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    static const int length[] = {40, 17, 90, 300, 25};
    for (int i = 0; i < 5; i++)
        feed_scene(s, i, length[i]);
    finish(s);
    size_t n;
    const struct shots_transition *t = shots_transitions(s, &n);
    CHECK_EQ(n, 4);
    int64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        at += length[i];
        CHECK_EQ(t[i].kind, SHOTS_CUT);
        CHECK_EQ(t[i].cut, at);
        CHECK_EQ(t[i].first, at);
        CHECK_EQ(t[i].last, at - 1);
    }
}

TEST(shots_settled_never_takes_back)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    int64_t settled = 0;
    size_t n = 0;
    for (int i = 0; i < 900; i++) {
        uint8_t p[BYTES];
        scene(p, i / 50, i * PACE);
        feed(s, p);
        size_t now;
        const struct shots_transition *t = shots_transitions(s, &now);
        for (size_t k = n; k < now; k++)
            CHECK(t[k].cut >= settled);
        n = now;
        CHECK(shots_settled(s) >= settled);
        settled = shots_settled(s);
    }
    CHECK(n > 10);
    CHECK(settled >= 700);
}

TEST(shots_flash_is_no_cut)
{
    for (int length = 1; length <= 3; length++) {
        for (int white = 0; white <= 1; white++) {
            CLEANUP(shots_free) struct shots *s = adaptive();
            uint8_t p[BYTES], flash[BYTES];
            memset(flash, white ? 255 : 0, sizeof(flash));
            for (int i = 0; i < 120; i++) {
                scene(p, 2, i * PACE);
                if (i % 40 >= 20 && i % 40 < 20 + length)
                    mix(p, p, flash, 0.95 - 0.1 * (i % 40 - 20));
                feed(s, p);
            }
            finish(s);
            check_none(s);
        }
    }
}

TEST(shots_strobe_is_no_cut)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t p[BYTES], white[BYTES];
    memset(white, 255, sizeof(white));
    for (int i = 0; i < 150; i++) {
        scene(p, 3, i * PACE);
        if (i > 30 && i < 120 && i / 2 % 2)
            mix(p, p, white, 0.8);
        feed(s, p);
    }
    finish(s);
    check_none(s);
}

TEST(shots_light_switched_off_is_no_cut)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t p[BYTES], black[BYTES] = {0};
    for (int i = 0; i < 100; i++) {
        scene(p, 2, i * PACE);
        if (i >= 50)
            mix(p, p, black, 0.6);
        feed(s, p);
    }
    finish(s);
    check_none(s);
}

TEST(shots_whip_pan_is_no_cut)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t p[BYTES];
    double at = 0;
    for (int i = 0; i < 120; i++) {
        at += i > 40 && i < 60 ? 24 : PACE;
        scene(p, 1, at);
        feed(s, p);
    }
    finish(s);
    check_none(s);
}

/* The camera is in fast motion on either side, so the scores around the cut are high, too. */
TEST(shots_cut_into_motion_found)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t p[BYTES];
    for (int i = 0; i < 120; i++) {
        scene(p, i < 60 ? 1 : 4, i * 5.0);
        feed(s, p);
    }
    finish(s);
    CHECK_EQ(only(s, SHOTS_CUT)->cut, 60);
}

TEST(shots_dissolve_found_with_its_frames)
{
    static const int lengths[] = {8, 16, 30, 60};
    for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
        CLEANUP(shots_free) struct shots *s = adaptive();
        uint8_t a[BYTES], b[BYTES], p[BYTES];
        int n = lengths[k];
        feed_scene(s, 1, 60);
        for (int i = 0; i < n; i++) {
            scene(a, 1, (60 + i) * PACE);
            scene(b, 4, i * PACE);
            mix(p, a, b, (i + 1.0) / (n + 1));
            feed(s, p);
        }
        feed_scene(s, 4, 80);
        finish(s);
        const struct shots_transition *t = only(s, SHOTS_DISSOLVE);
        CHECK_NEAR(t->first, 60, 2);
        CHECK_NEAR(t->last, 60 + n - 1, 2);
        CHECK_NEAR(t->cut, 60 + n / 2, 2);
    }
}

TEST(shots_wipe_found)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t a[BYTES], b[BYTES];
    feed_scene(s, 0, 60);
    for (int i = 0; i < 20; i++) {
        scene(a, 0, 60 * PACE);
        scene(b, 3, 0);
        for (int y = 0; y < H; y++)
            memcpy(a + y * W * 3, b + y * W * 3, (size_t)(W * (i + 1) / 21) * 3);
        feed(s, a);
    }
    feed_scene(s, 3, 60);
    finish(s);
    const struct shots_transition *t = only(s, SHOTS_WIPE);
    CHECK_NEAR(t->cut, 70, 5); /* half of the change, not half of the way */
}

/* n frames down, `hold` blank ones, n frames up */
static struct shots *faded(int n, int hold, int colour)
{
    struct shots *s = adaptive();
    uint8_t p[BYTES], blank[BYTES];
    memset(blank, colour, sizeof(blank));
    feed_scene(s, 1, 60);
    for (int i = 0; i < n; i++) {
        scene(p, 1, (60 + i) * PACE);
        mix(p, p, blank, (i + 1.0) / (n + 1));
        feed(s, p);
    }
    feed_flat(s, colour, hold);
    for (int i = 0; i < n; i++) {
        scene(p, 4, i * PACE);
        mix(p, blank, p, (i + 1.0) / (n + 1));
        feed(s, p);
    }
    feed_scene(s, 4, 60);
    finish(s);
    return s;
}

TEST(shots_fade_through_a_colour_is_one_transition)
{
    static const int colours[] = {0, 255};
    static const int holds[] = {1, 3, 10};
    for (size_t c = 0; c < 2; c++) {
        for (size_t k = 0; k < 3; k++) {
            CLEANUP(shots_free) struct shots *s = faded(12, holds[k], colours[c]);
            const struct shots_transition *t = only(s, SHOTS_FADE);
            CHECK_NEAR(t->first, 60, 2);
            CHECK_NEAR(t->last, 83 + holds[k], 2);
            CHECK_NEAR(t->cut, 72 + holds[k], 2);
        }
    }
}

/* Too much moves for either way to look like a fade, but black between two pictures parts them. */
TEST(shots_black_between_two_moving_pictures_parts_them)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t p[BYTES], black[BYTES] = {0};
    for (int i = 0; i < 130; i++) {
        scene(p, i < 65 ? 1 : 4, i * 9.0);
        int from_black = i < 65 ? 65 - i : i - 66;
        mix(p, black, p, CLAMP(from_black / 14.0, 0, 1));
        feed(s, p);
    }
    finish(s);
    size_t n;
    const struct shots_transition *t = shots_transitions(s, &n);
    CHECK_EQ(n, 1);
    CHECK_NEAR(t[0].cut, 66, 3);
}

TEST(shots_fade_to_the_same_picture_parts_nothing)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t p[BYTES], black[BYTES] = {0};
    for (int i = 0; i < 150; i++) {
        scene(p, 1, i * PACE);
        mix(p, black, p, CLAMP((i < 75 ? 72 - i : i - 76) / 12.0, 0, 1));
        feed(s, p);
    }
    finish(s);
    check_none(s);
}

TEST(shots_black_that_lasts_is_a_shot_of_its_own)
{
    CLEANUP(shots_free) struct shots *s = faded(20, 40, 0);
    size_t n;
    const struct shots_transition *t = shots_transitions(s, &n);
    CHECK_EQ(n, 2);
    CHECK_EQ(t[0].kind, SHOTS_FADE_OUT);
    CHECK_NEAR(t[0].cut, 80, 1);
    CHECK_EQ(t[1].kind, SHOTS_FADE_IN);
    CHECK_NEAR(t[1].cut, 120, 1);
    CHECK_EQ(shots_count(s), 3);
}

TEST(shots_fades_that_open_and_close_a_video_part_nothing)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t p[BYTES], black[BYTES] = {0};
    feed_flat(s, 0, 5);
    for (int i = 0; i < 80; i++) {
        scene(p, 2, i * PACE);
        mix(p, black, p, MIN(1, MIN(i + 1, 80 - i) / 16.0));
        feed(s, p);
    }
    feed_flat(s, 0, 4);
    finish(s);
    size_t n;
    const struct shots_transition *t = shots_transitions(s, &n);
    CHECK_EQ(n, 2);
    CHECK_EQ(t[0].kind, SHOTS_FADE_IN);
    CHECK_EQ(t[0].cut, 0);
    CHECK_EQ(t[1].kind, SHOTS_FADE_OUT);
    CHECK_EQ(t[1].cut, 89);
    CHECK_EQ(shots_count(s), 1);
}

TEST(shots_min_length_keeps_the_first_of_two)
{
    struct shots_options o = SHOTS_OPTIONS_DEFAULT;
    o.min_length = 50;
    CLEANUP(shots_free) struct shots *s = shots_new(&o);
    feed_scene(s, 0, 60);
    feed_scene(s, 1, 30);
    feed_scene(s, 2, 100);
    finish(s);
    CHECK_EQ(only(s, SHOTS_CUT)->cut, 60);
}

TEST(shots_content_merges_as_pyscenedetect_does)
{
    static const struct {
        int changes[6]; /* frames where the picture turns over, 0 ends */
        int cuts[4];
    } rows[] = {
        {{20}, {20}},
        {{14}, {0}}, /* too early, and no cut before it to merge with */
        {{15}, {15}},
        {{14, 29}, {29}},
        {{20, 35}, {20, 35}},
        {{20, 34}, {20}}, /* a merge that never spans min_length */
        {{20, 25, 60}, {20, 60}},
        {{20, 25, 30, 45}, {20, 45}},
        {{20, 25, 85}, {20}}, /* closing it needs min_length frames more, and the end comes first */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(shots_free)
        struct shots *s =
            shots_new(&(struct shots_options){.detector = SHOTS_CONTENT, .min_length = 15});
        int value = 0;
        for (int k = 0, c = 0; k < 90; k++) {
            if (c < 6 && rows[i].changes[c] && k == rows[i].changes[c]) {
                value = 255 - value;
                c++;
            }
            feed_flat(s, value, 1);
            CHECK_NEAR(shots_score(s), c && k == rows[i].changes[c - 1] ? 85 : 0, 1e-9);
        }
        finish(s);
        size_t n;
        const struct shots_transition *t = shots_transitions(s, &n);
        for (size_t k = 0; k < n; k++)
            CHECK_EQ(t[k].cut, rows[i].cuts[k]);
        CHECK_EQ(rows[i].cuts[n], 0);
    }
}

TEST(shots_frames_may_change_size_on_the_way)
{
    CLEANUP(shots_free) struct shots *s = adaptive();
    uint8_t p[BYTES], half[BYTES / 4];
    struct err e = {0};
    for (int i = 0; i < 80; i++) {
        scene(p, 2, i * PACE);
        if (i < 40) {
            feed(s, p);
            continue;
        }
        for (int y = 0; y < H / 2; y++)
            for (int x = 0; x < W / 2; x++)
                memcpy(half + 3 * (y * W / 2 + x), p + 3 * (2 * y * W + 2 * x), 3);
        struct vision_frame f = vision_frame_rgb24(half, W / 2, H / 2, W / 2 * 3);
        CHECK_OK(shots_feed(s, &f, &e));
    }
    struct vision_frame broken = vision_frame_rgb24(half, 0, 5, 10);
    CHECK_ERR(shots_feed(s, &broken, &e), ERR_INPUT);
    finish(s);
    CHECK_EQ(shots_frames(s), 80);
    check_none(s);
}

TEST_MAIN
