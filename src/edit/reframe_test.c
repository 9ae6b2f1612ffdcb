/* Subjects from motion, and the camera path that follows. */
#include "edit/reframe.h"

#include <fcntl.h>
#include <math.h>

#include "base/fs.h"
#include "base/test.h"
#include "media/media.h"
#include "media/test_child.h"

#define W 1280
#define H 720

struct film {
    struct media_motion m;
    struct media_shots shots;
    struct media_shot shot[2];
    struct media_motion_frame frames[400];
    struct media_motion_region regions[4 * 400];
};

static void film_start(struct film *f, int n, int cut)
{
    memset(f, 0, sizeof(*f));
    f->shot[0] = (struct media_shot){.end_frame = cut ? cut : n};
    f->shot[1] = (struct media_shot){.start_frame = cut, .end_frame = n};
    f->shots = (struct media_shots){.shots = f->shot, .n = cut ? 2 : 1, .frames = n};
    f->m = (struct media_motion){W, H, &f->shots, f->frames, f->regions, 0};
    for (int i = 0; i < n; i++)
        f->frames[i] = (struct media_motion_frame){.us = i * 40000,
                                                   .end_us = (i + 1) * 40000,
                                                   .state = MEDIA_MOTION_WATCHING,
                                                   .first = 4 * i};
}

static void add(struct film *f, int frame, double x, double w, double confidence)
{
    struct media_motion_frame *k = &f->frames[frame];
    f->regions[k->first + k->n++] =
        (struct media_motion_region){(int)x, 200, (int)w, 400, confidence};
}

static struct path *made(const struct film *f)
{
    struct path *p = NULL;
    struct err e = {0};
    CHECK_OK(reframe_path(&f->m, &(struct path_options){.aspect_w = 9, .aspect_h = 16}, &p, &e));
    return p;
}

TEST(reframe_reads_aspects)
{
    int w, h;
    CHECK(reframe_aspect_parse(STR("9:16"), &w, &h) && w == 9 && h == 16);
    CHECK(reframe_aspect_parse(STR("4x5"), &w, &h) && w == 4 && h == 5);
    static const char *const bad[] = {"",     "9",      "9:",   ":16",    "0:1", "9:0",
                                      "9:-1", "1001:1", "9;16", "9:16:1", "a:b", "9.5:16"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!reframe_aspect_parse(str_of(bad[i]), &w, &h));
}

TEST(reframe_follows_the_one_who_walks_not_flickers_nor_doubts)
{
    static struct film f;
    film_start(&f, 400, 0);
    for (int i = 0; i < 400; i++) {
        add(&f, i, 100 + 2.4 * i, 120, 0.9);
        add(&f, i, 20, 300, 0.3); /* large, but hardly there */
        if (i % 40 < 5)
            add(&f, i, 900 - i, 200, 0.9); /* for 0.2 s each time */
    }
    CLEANUP(path_free) struct path *p = made(&f);
    CHECK_EQ(p->shots[0].subjects, 1);
    int inside = 0;
    for (int i = 0; i < 400; i++) {
        double x, y;
        path_at(p, i, f.frames[i].us, &x, &y);
        inside += 100 + 2.4 * i >= x && 220 + 2.4 * i <= x + p->out_w;
    }
    CHECK(inside >= 392);
}

TEST(reframe_starts_anew_at_a_cut)
{
    static struct film f;
    film_start(&f, 300, 120);
    for (int i = 0; i < 300; i++)
        add(&f, i, i < 120 ? 150 : 1000, 120, 0.9);
    CLEANUP(path_free) struct path *p = made(&f);
    CHECK_EQ(p->n_shots, 2);
    CHECK_EQ(p->n_keys, 4);
    double x, y;
    path_at(p, 119, f.frames[119].us, &x, &y);
    CHECK(x <= 150);
    path_at(p, 120, f.frames[120].us, &x, &y);
    CHECK(x + p->out_w >= 1120);
}

TEST(reframe_of_a_film_without_frames_is_refused)
{
    static struct film f;
    struct path *p = NULL;
    struct err e = {0};
    film_start(&f, 0, 0);
    CHECK_ERR(reframe_path(&f.m, &(struct path_options){.aspect_w = 9, .aspect_h = 16}, &p, &e),
              ERR_INPUT);
}

TEST(reframe_of_a_real_clip_keeps_the_juggler_inside)
{
    const char *clip = test_shared("footage/sport-football-juggle.mp4");
    struct media_ctx ctx = {.sandbox = MEDIA_SANDBOX_AUTO,
                            .limits = {.size_bytes = (int64_t)1 << 30,
                                       .duration_us = 60000000,
                                       .pixels = 1 << 24,
                                       .frames = 100000,
                                       .streams = 8},
                            .memory_bytes = (int64_t)4 << 30,
                            .stall_ms = 120000,
                            .threads = 1};
    struct media_shots_opts shots = {.detector = MEDIA_SHOTS_ADAPTIVE, .min_frames = 15};
    struct path_options o = {.aspect_w = 9, .aspect_h = 16};
    CLEANUP(path_free) struct path *p = NULL, *q = NULL;
    CLEANUP_BUF struct buf text = {0};
    CLEANUP_JSON json_t *j = NULL;
    struct err e = {0};

    if (!clip)
        SKIP("no shared footage");
    CLEANUP_CLOSE int fd = open(clip, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_OK(reframe_file(&ctx, fd, &shots, &o, &p, &e));
    CHECK_EQ(p->n_shots, 1);
    CHECK_EQ(p->shots[0].end, 247);
    CHECK(p->shots[0].subjects >= 1);
    CHECK(p->shots[0].inside > 0.9);
    CLEANUP_FREE char *out = fs_join(test_dir(), "path.json");
    CHECK_OK(reframe_write(p, out, &e));
    CHECK_OK(fs_read_file(out, 1 << 24, &text, &e));
    CHECK_OK(json_read(buf_str(&text), &j, &e));
    CHECK_OK(path_read(j, &q, &e));
    CHECK_EQ(p->n_keys, q->n_keys);
}

MEDIA_TEST_MAIN
