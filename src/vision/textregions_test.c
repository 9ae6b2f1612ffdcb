#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "vision/ffmpeg_test.h"
#include "vision/textregions.h"

enum { W = 640, H = 360 };

static uint8_t pic[W * H];

/* Five columns a letter, bit 0 on top: enough of an alphabet to write with. */
static const struct {
    char c;
    uint8_t columns[5];
} font[] = {
    {'A', {0x7e, 0x11, 0x11, 0x11, 0x7e}}, {'C', {0x3e, 0x41, 0x41, 0x41, 0x22}},
    {'D', {0x7f, 0x41, 0x41, 0x22, 0x1c}}, {'E', {0x7f, 0x49, 0x49, 0x49, 0x41}},
    {'F', {0x7f, 0x09, 0x09, 0x09, 0x01}}, {'H', {0x7f, 0x08, 0x08, 0x08, 0x7f}},
    {'I', {0x00, 0x41, 0x7f, 0x41, 0x00}}, {'L', {0x7f, 0x40, 0x40, 0x40, 0x40}},
    {'M', {0x7f, 0x02, 0x0c, 0x02, 0x7f}}, {'N', {0x7f, 0x04, 0x08, 0x10, 0x7f}},
    {'O', {0x3e, 0x41, 0x41, 0x41, 0x3e}}, {'P', {0x7f, 0x09, 0x09, 0x09, 0x06}},
    {'R', {0x7f, 0x09, 0x19, 0x29, 0x46}}, {'S', {0x46, 0x49, 0x49, 0x49, 0x31}},
    {'T', {0x01, 0x01, 0x7f, 0x01, 0x01}}, {'U', {0x3f, 0x40, 0x40, 0x40, 0x3f}},
};

static void block(int x, int y, int size, int value)
{
    for (int j = MAX(y, 0); j < MIN(y + size, H); j++)
        for (int i = MAX(x, 0); i < MIN(x + size, W); i++)
            pic[j * W + i] = (uint8_t)value;
}

/* Writes at (x, y), each dot of the font `dot` pixels wide, with an outline if that is not
 * negative. Returns the width. */
static int write_text(const char *text, int x, int y, int dot, int ink, int outline)
{
    int width = 0;
    for (int pass = outline >= 0 ? 0 : 1; pass < 2; pass++) {
        int at = x;
        for (const char *p = text; *p; p++, at += 6 * dot)
            for (size_t k = 0; k < ARRAY_LEN(font); k++)
                for (int c = 0; font[k].c == *p && c < 5; c++)
                    for (int r = 0; r < 7; r++)
                        if (font[k].columns[c] >> r & 1)
                            pass == 0
                                ? block(at + c * dot - dot, y + r * dot - dot, 3 * dot, outline)
                                : block(at + c * dot, y + r * dot, dot, ink);
        width = at - dot - x;
    }
    return width;
}

static uint32_t noise_state;
static int noise(void)
{
    noise_state = noise_state * 1664525u + 1013904223u;
    return (int)(noise_state >> 24);
}

static int find(struct text_box *boxes)
{
    struct vision_frame f = vision_frame_grey8(pic, W, H);
    struct err e = {0};
    int n = -1;
    CHECK_OK(text_find(&f, boxes, &n, &e));
    CHECK(n >= 0 && n <= TEXT_BOXES_MAX);
    for (int i = 0; i < n; i++)
        CHECK(boxes[i].x >= 0 && boxes[i].y >= 0 && boxes[i].w > 0 && boxes[i].h > 0 &&
              boxes[i].x + boxes[i].w <= W && boxes[i].y + boxes[i].h <= H);
    return n;
}

static void check_box(const struct text_box *b, int x, int y, int w, int h)
{
    CHECK_NEAR(b->x, x, h / 2);
    CHECK_NEAR(b->y, y, h / 3.0);
    CHECK_NEAR(b->w, w, h);
    CHECK_NEAR(b->h, h, h / 2);
    CHECK_NEAR(b->height, h, h / 3.0);
}

TEST(text_of_all_sizes_and_both_polarities_found)
{
    static const int dots[] = {1, 2, 3, 5, 8, 14};
    for (size_t i = 0; i < ARRAY_LEN(dots); i++) {
        for (int light = 0; light <= 1; light++) {
            const char *text = dots[i] > 8 ? "PROUD" : "HELLO MODERN LIFE";
            memset(pic, light ? 60 : 200, sizeof(pic));
            int dot = dots[i], w = write_text(text, 40, 200, dot, light ? 230 : 20, -1);
            struct text_box boxes[TEXT_BOXES_MAX];
            w = MIN(w, W - 40);
            CHECK_EQ(find(boxes), 1);
            CHECK_EQ(boxes[0].light, light);
            if (dot * 100 + 40 < W || dot > 8)
                check_box(&boxes[0], 40, 200, w, 7 * dot);
        }
    }
}

TEST(text_lines_come_in_reading_order)
{
    struct text_box boxes[TEXT_BOXES_MAX];
    memset(pic, 30, sizeof(pic));
    write_text("SECOND LINE", 100, 230, 3, 220, -1);
    write_text("FIRST LINE", 100, 200, 3, 220, -1);
    write_text("TOP RIGHT", 420, 40, 3, 220, -1);
    write_text("TOP LEFT", 20, 40, 3, 220, -1);
    CHECK_EQ(find(boxes), 4);
    CHECK_NEAR(boxes[0].x, 20, 6);
    CHECK_NEAR(boxes[1].x, 420, 6);
    CHECK_NEAR(boxes[2].y, 200, 4);
    CHECK_NEAR(boxes[3].y, 230, 4);
}

TEST(text_with_outline_found_on_busy_ground)
{
    struct text_box boxes[TEXT_BOXES_MAX];
    noise_state = 3;
    for (int y = 0; y < H; y += 9)
        for (int x = 0; x < W; x += 9)
            block(x + noise() % 5, y + noise() % 5, 4 + noise() % 9, 60 + noise() / 2);
    write_text("TIMER RUNS AND STOPS", 60, 300, 3, 240, 5);
    int n = find(boxes), hit = 0;
    for (int i = 0; i < n; i++)
        hit += boxes[i].light && boxes[i].y > 290 && boxes[i].y < 310 && boxes[i].w > 250;
    CHECK_EQ(hit, 1);
    CHECK(n <= 3);
}

TEST(text_not_found_where_none_is)
{
    struct text_box boxes[TEXT_BOXES_MAX];
    for (int kind = 0; kind < 7; kind++) {
        noise_state = 7;
        for (int y = 0; y < H; y++) {
            for (int x = 0; x < W; x++) {
                int v = kind == 0   ? 128                                  /* nothing */
                        : kind == 1 ? x * 255 / W                          /* gradient */
                        : kind == 2 ? noise()                              /* noise */
                        : kind == 3 ? (x / 8 % 2) * 200                    /* stripes */
                        : kind == 4 ? (y / 8 % 2) * 200                    /* blinds */
                        : kind == 5 ? ((x / 16 + y / 16) % 2) * 200        /* chess */
                                    : 100 + (noise() + noise() - 255) / 4; /* film grain */
                pic[y * W + x] = (uint8_t)v;
            }
        }
        CHECK_EQ(find(boxes), 0);
    }
}

TEST(text_find_takes_pictures_of_any_size)
{
    static const int sides[] = {1, 2, 3, 7, 8, 9, 24, 25, 33};
    struct text_box boxes[TEXT_BOXES_MAX];
    struct err e = {0};
    int n;
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        for (size_t k = 0; k < ARRAY_LEN(sides); k++) {
            CLEANUP_FREE uint8_t *p = xmalloc((size_t)sides[i] * sides[k]);
            for (int q = 0; q < sides[i] * sides[k]; q++)
                p[q] = (uint8_t)noise();
            struct vision_frame f = vision_frame_grey8(p, sides[i], sides[k]);
            CHECK_OK(text_find(&f, boxes, &n, &e));
        }
    }
    struct vision_frame huge = vision_frame_grey8(pic, 5000, 5000);
    CHECK_ERR(text_find(&huge, boxes, &n, &e), ERR_LIMIT);
}

/* First and last row that has ink, and how much of the picture is ink. */
static double ink(const struct text_image *t, int *first, int *last)
{
    int dark = 0;
    *first = -1;
    for (int y = 0; y < t->h; y++) {
        int row = 0;
        for (int x = 0; x < t->w; x++)
            row += t->p[y * t->w + x] < 100;
        dark += row;
        if (row && *first < 0)
            *first = y;
        if (row)
            *last = y;
    }
    return dark / (double)(t->w * t->h);
}

TEST(text_prepared_is_dark_on_white_and_of_one_height)
{
    static const int dots[] = {1, 2, 5, 12};
    for (size_t i = 0; i < ARRAY_LEN(dots); i++) {
        for (int light = 0; light <= 1; light++) {
            int dot = dots[i];
            memset(pic, light ? 70 : 190, sizeof(pic));
            int w = write_text("HEROES", 100, 100, dot, light ? 220 : 40, -1);
            struct text_box box = {
                .x = 100, .y = 100, .w = w, .h = 7 * dot, .light = light, .height = 7 * dot};
            struct vision_frame f = vision_frame_grey8(pic, W, H);
            struct err e = {0};
            struct text_image *t = NULL;
            int first, last = 0;
            CHECK_OK(text_prepare(&f, &box, &t, &e));
            double share = ink(t, &first, &last);
            CHECK_NEAR(last - first + 1, 36, 8);
            CHECK(share > 0.04 && share < 0.4);
            CHECK_EQ(t->p[0], 255);
            CHECK_EQ(t->p[t->w * t->h - 1], 255);
            text_image_free(t);
        }
    }
}

TEST(text_prepared_loses_ground_that_runs_in_from_the_border)
{
    memset(pic, 60, sizeof(pic));
    block(130, 60, 120, 230); /* as bright as the letters, which their outline keeps apart */
    int w = write_text("HEROES", 100, 100, 4, 230, 20);
    struct text_box box = {.x = 100, .y = 100, .w = w, .h = 28, .light = true, .height = 28};
    struct vision_frame f = vision_frame_grey8(pic, W, H);
    struct err e = {0};
    struct text_image *t = NULL;
    int first, last = 0;
    CHECK_OK(text_prepare(&f, &box, &t, &e));
    double share = ink(t, &first, &last);
    CHECK(share > 0.04 && share < 0.3);
    CHECK_NEAR(last - first + 1, 36, 8);
    text_image_free(t);
}

TEST(text_prepare_stays_inside_the_picture)
{
    static const struct text_box boxes[] = {{.x = 0, .y = 0, .w = W, .h = 20, .height = 20},
                                            {.x = W - 5, .y = H - 3, .w = 5, .h = 3, .height = 3},
                                            {.x = 0, .y = 0, .w = W, .h = H, .height = H},
                                            {.x = 0, .y = 5, .w = W, .h = 1, .height = 1}};
    struct vision_frame f = vision_frame_grey8(pic, W, H);
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(boxes); i++) {
        struct text_image *t = NULL;
        CHECK_OK(text_prepare(&f, &boxes[i], &t, &e));
        CHECK(t->w <= TEXT_IMAGE_W_MAX && t->w > 0 && t->h > 0);
        text_image_free(t);
    }
    struct text_image *t = NULL;
    CHECK_ERR(text_prepare(&f, &(struct text_box){.x = W + 50, .y = 0, .w = 9, .h = 9, .height = 9},
                           &t, &e),
              ERR_INPUT);
}

/* Every 40th frame of a clip, as grey. */
static int clip_boxes(const char *clip, int w, int h, int (*wanted)(const struct text_box *b),
                      int *ret_frames, int *ret_hits)
{
    CLEANUP_FREE char *rel = xasprintf("footage/%s", clip);
    CLEANUP_FREE uint8_t *p = xmalloc((size_t)w * h);
    struct text_box boxes[TEXT_BOXES_MAX];
    struct err e = {0};
    int n, others = 0;
    FILE *in;
    pid_t pid =
        ffmpeg_start((const char *const[]){"ffmpeg", "-v", "error", "-nostdin", "-i",
                                           test_shared(rel), "-map", "0:v:0", "-vf",
                                           "select=not(mod(n\\,40)),scale=out_range=pc,format=gray",
                                           "-vsync", "passthrough", "-f", "rawvideo", "-", NULL},
                     &in);
    *ret_frames = *ret_hits = 0;
    while (fread(p, 1, (size_t)w * h, in) == (size_t)w * h) {
        struct vision_frame f = vision_frame_grey8(p, w, h);
        CHECK_OK(text_find(&f, boxes, &n, &e));
        ++*ret_frames;
        for (int i = 0; i < n; i++) {
            bool hit = wanted && wanted(&boxes[i]);
            *ret_hits += hit;
            others += !hit;
        }
    }
    CHECK(ffmpeg_end(pid, in));
    return others;
}

static int testvideo_line(const struct text_box *b)
{
    return b->light && b->y > 580 && b->y + b->h < 650 &&
           (b->w > 480 || (b->x > 860 && b->w > 280));
}

static int roadtrip_line(const struct text_box *b)
{
    return b->light && b->y > 190 && b->w > 220;
}

TEST(text_found_in_real_clips_and_little_else)
{
    static const struct {
        const char *clip;
        int w, h;
        int (*wanted)(const struct text_box *b);
        int hits_a_frame;
        double others_a_frame;
    } rows[] = {{"shots-testvideo.mp4", 1280, 720, testvideo_line, 2, 0.5},
                {"roadtrip-vp9-10bit.webm", 426, 240, roadtrip_line, 2, 0},
                {"cctv-pets2009-campus.avi", 480, 360, NULL, 0, 0},
                {"woman-and-dog.mp4", 1280, 720, NULL, 0, 0},
                {"sport-football-juggle.mp4", 1280, 720, NULL, 0, 2},
                {"one-by-one-person.mp4", 768, 432, NULL, 0, 0},
                {"person-signing.mkv", 640, 480, NULL, 0, 0}};
    if (!test_shared("footage/expected-cuts.json") || !ffmpeg_there())
        SKIP("no clips or no ffmpeg");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int frames, hits;
        int others = clip_boxes(rows[i].clip, rows[i].w, rows[i].h, rows[i].wanted, &frames, &hits);
        print_message("%s: %d frames, %d lines of text, %d others\n", rows[i].clip, frames, hits,
                      others);
        CHECK(frames > 0);
        /* the first frame of either clip has no text yet */
        CHECK(hits >= rows[i].hits_a_frame * (frames - 1));
        CHECK(others <= rows[i].others_a_frame * frames);
    }
}

TEST_MAIN
