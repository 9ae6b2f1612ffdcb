#include "vision/track.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/test.h"

/* ---- a counting allocator: the linker sends every call here (see meson.build) */

static atomic_long allocations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    allocations++;
    return __real_realloc(p, n);
}

/* ---- scenes */

static uint64_t seed = 1;
static double chance(void) /* 0..1 */
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 40) / (1 << 24);
}

static const struct track_options plain = {
    .fps = 30, .high_score = 0.5, .match_limit = 0.8, .buffer = 30, .flags = TRACK_PLAIN};

static struct tracker *tracker_with(unsigned flags)
{
    struct track_options o = plain;
    struct tracker *t = NULL;
    struct err e = {0};
    o.flags = flags;
    CHECK_OK(tracker_new(&o, &t, &e));
    return t;
}

static struct track_detection person(double x, double y, double score)
{
    return (struct track_detection){.box = {x, y, 40, 100}, .score = score};
}

/* What came out of one frame. */
struct out {
    const struct track_seen *seen;
    size_t n;
};

static int64_t frame_us(int64_t frame)
{
    return frame * 1000000 / 30;
}

static struct out feed(struct tracker *t, int64_t frame, const struct track_detection *d, size_t n)
{
    struct out out;
    struct err e = {0};
    CHECK_OK(tracker_feed(t, frame_us(frame), d, n, &out.seen, &out.n, &e));
    return out;
}

static struct out feed_one(struct tracker *t, int64_t frame, double x, double y, double score)
{
    struct track_detection d = person(x, y, score);
    return feed(t, frame, &d, 1);
}

static const struct track_seen *by_detection(struct out out, int32_t detection)
{
    for (size_t i = 0; i < out.n; i++)
        if (out.seen[i].detection == detection)
            return &out.seen[i];
    return NULL;
}

/* Each rule below holds with everything added and with nothing. */
static const unsigned both[] = {TRACK_PLAIN, TRACK_DEFAULT};

/* ---- the rules */

TEST(track_of_the_first_frame_is_sure_at_once)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        struct out out = feed_one(t, 0, 100, 50, 0.9);
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.seen[0].id, 1);
        CHECK(out.seen[0].sure);
        CHECK_NEAR(out.seen[0].box.x, 100, 1e-9);
        CHECK_NEAR(out.seen[0].box.h, 100, 1e-9);
    }
}

TEST(track_that_begins_later_is_sure_when_it_is_seen_again)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        feed(t, 0, NULL, 0);
        struct out out = feed_one(t, 1, 100, 50, 0.9);
        CHECK_EQ(out.n, 1);
        CHECK(!out.seen[0].sure);
        int64_t id = out.seen[0].id;
        out = feed_one(t, 2, 102, 50, 0.9);
        CHECK_EQ(out.n, 1);
        CHECK(out.seen[0].sure);
        CHECK_EQ(out.seen[0].id, id);
    }
}

TEST(track_that_is_seen_once_only_is_forgotten)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        feed(t, 0, NULL, 0);
        feed_one(t, 1, 100, 50, 0.9);
        CHECK_EQ(feed(t, 2, NULL, 0).n, 0);
        struct out out = feed_one(t, 3, 100, 50, 0.9);
        CHECK_EQ(out.n, 1);
        CHECK(!out.seen[0].sure);
        CHECK_EQ(out.seen[0].id, 2);
    }
}

TEST(track_begins_with_a_score_of_a_tenth_more_than_high)
{
    static const struct {
        double score;
        size_t n;
    } cases[] = {{0.05, 0}, {0.4, 0}, {0.5, 0}, {0.55, 0}, {0.6, 1}, {1, 1}};
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        for (int i = 0; i < 2; i++) {
            CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
            CHECK_EQ(feed_one(t, 0, 100, 50, cases[c].score).n, cases[c].n);
        }
    }
}

TEST(track_goes_on_with_low_scores_but_not_the_lowest)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        feed_one(t, 0, 100, 50, 0.9);
        CHECK_EQ(feed_one(t, 1, 102, 50, 0.2).n, 1);
        CHECK_EQ(feed_one(t, 2, 104, 50, 0.11).n, 1);
        CHECK_EQ(feed_one(t, 3, 106, 50, 0.1).n, 0);
        /* hidden now: a low score does not bring it back, a high one does */
        CHECK_EQ(feed_one(t, 4, 108, 50, 0.3).n, 0);
        struct out out = feed_one(t, 5, 110, 50, 0.55);
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.seen[0].id, 1);
    }
}

/* The published program has no place for a score of just the threshold; ours calls it low. */
TEST(track_of_a_score_that_is_the_threshold)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        feed_one(t, 0, 100, 50, 0.9);
        CHECK_EQ(feed_one(t, 1, 101, 50, 0.5).n, both[i] == TRACK_PLAIN ? 0 : 1);
    }
}

static int64_t id_after_gap(unsigned flags, double buffer, int gap)
{
    struct track_options o = plain;
    struct tracker *t = NULL;
    struct err e = {0};
    o.flags = flags;
    o.buffer = buffer;
    CHECK_OK(tracker_new(&o, &t, &e));
    for (int f = 0; f < 5; f++)
        feed_one(t, f, 100, 50, 0.9);
    struct out out = feed_one(t, 4 + gap, 100, 50, 0.9);
    CHECK_EQ(out.n, 1);
    int64_t id = out.seen[0].id;
    tracker_free(t);
    return id;
}

TEST(track_is_found_again_within_the_buffer)
{
    /* frames that were not fed: it is hidden from the first that is */
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        int64_t wait = both[i] == TRACK_PLAIN ? 32 : 30; /* the published program: two more */
        for (int round = 0; round < 2; round++) {
            tracker_cut(t);
            int64_t at = round * 1000;
            for (int f = 0; f < 5; f++)
                feed_one(t, at + f, 100, 50, 0.9);
            int64_t id = feed_one(t, at + 5, 100, 50, 0.9).seen[0].id;
            for (int f = 1; f < wait + round; f++)
                CHECK_EQ(feed(t, at + 5 + f, NULL, 0).n, 0);
            struct out out = feed_one(t, at + 5 + wait + round, 100, 50, 0.9);
            CHECK_EQ(out.n, 1);
            CHECK_EQ(out.seen[0].id == id, round == 0);
        }
    }
    /* one that was there in the frame before has its chance, however long ago that is */
    CHECK_EQ(id_after_gap(TRACK_DEFAULT, 30, 29), 1);
    CHECK_EQ(id_after_gap(TRACK_DEFAULT, 5, 29), 1);
}

/* Buffers count time: the same wait at a fifth of the frames, and at twice the frame rate. */
TEST(track_buffer_counts_time_not_samples)
{
    for (int step = 1; step <= 5; step += 4) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_DEFAULT);
        int64_t f = 0;
        for (; f < 50; f += step)
            feed_one(t, f, 100, 50, 0.9);
        int64_t last = f - step;
        for (; f < last + 30; f += step)
            feed(t, f, NULL, 0);
        CHECK_EQ(feed_one(t, last + 30, 100, 50, 0.9).seen[0].id, 1);
        for (f = last + 30 + step; f <= last + 60; f += step)
            feed(t, f, NULL, 0);
        CHECK_EQ(feed_one(t, last + 30 + 35, 100, 50, 0.9).seen[0].id, 2);
    }
}

/* Someone who walks is where a true time step puts him, at any interval. */
TEST(track_predicts_over_the_true_time_step)
{
    static const int64_t irregular[] = {0, 1, 2, 3, 5, 6, 9, 10, 14, 15, 21, 22, 23, 30, 31};
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        for (size_t k = 0; k < ARRAY_LEN(irregular); k++) {
            /* 4 pixels a frame: six frames are more than half a width */
            struct out out = feed_one(t, irregular[k], 100 + 4.0 * irregular[k], 50, 0.9);
            CHECK_EQ(out.n, 1);
            CHECK_EQ(out.seen[0].id, 1);
        }
    }
}

/* A car: 9 of its lengths a second, far more than a body; overlap still tells. */
TEST(track_follows_what_is_faster_than_a_body)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        for (int f = 0; f < 40; f++) {
            struct track_detection d = {.box = {100 + 36.0 * f, 50, 120, 50}, .score = 0.9};
            struct out out = feed(t, f, &d, 1);
            CHECK_EQ(out.n, 1);
            CHECK_EQ(out.seen[0].id, 1);
        }
        /* by now it is known well enough to be found after a while out of sight */
        for (int f = 40; f < 45; f++)
            feed(t, f, NULL, 0);
        struct track_detection d = {.box = {100 + 36.0 * 45, 50, 120, 50}, .score = 0.9};
        struct out out = feed(t, 45, &d, 1);
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.seen[0].id, 1);
    }
}

TEST(track_classes_do_not_mix)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        struct track_detection d = person(100, 50, 0.9);
        feed(t, 0, &d, 1);
        d.class_id = 7;
        struct out out = feed(t, 1, &d, 1);
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.seen[0].id, 2);
        CHECK_EQ(out.seen[0].class_id, 7);
        CHECK(!out.seen[0].sure);
        /* nor are two of one place, of different classes, one and the same */
        d.class_id = 0;
        out = feed(t, 2, &d, 1);
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.seen[0].id, 1);
    }
}

TEST(track_that_lies_on_an_older_hidden_one_is_dropped)
{
    CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_PLAIN);
    /* a long track is hidden behind a sudden jump; what begins where it is expected is itself */
    for (int f = 0; f < 20; f++)
        feed_one(t, f, 100, 50, 0.9);
    struct track_detection two[] = {person(100, 50, 0.55), person(101, 50, 0.95)};
    struct out out = feed(t, 20, two, 2);
    /* the better one is the old track, the other starts none: its score is too low */
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.seen[0].id, 1);
    CHECK_EQ(out.seen[0].detection, 1);
}

TEST(track_keeps_two_apart_that_cross)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        int64_t left = 0, right = 0;
        for (int f = 0; f < 60; f++) {
            /* one behind the other, a little smaller; hidden while they are on each other */
            struct track_detection d[] = {
                person(100 + 5.0 * f, 50, 0.9),
                {.box = {400 - 5.0 * f, 40, 36, 90}, .score = fabs(f - 30.0) < 4 ? 0.05 : 0.8}};
            struct out out = feed(t, f, d, 2);
            if (f == 0) {
                left = by_detection(out, 0)->id;
                right = by_detection(out, 1)->id;
                continue;
            }
            CHECK_EQ(by_detection(out, 0)->id, left);
            if (f < 26 || f > 34)
                CHECK_EQ(by_detection(out, 1)->id, right);
        }
    }
}

/* ---- the order of boxes does not matter */

enum { CROWD = 40, FRAMES = 80 };

/* People who walk about, are missed now and then, and things that are not there. */
static int crowd(struct track_detection *d, int frame, double *state)
{
    int n = 0;
    for (int i = 0; i < CROWD; i++) {
        double *s = &state[4 * i];
        if (frame == 0) {
            s[0] = chance() * 900;
            s[1] = chance() * 500;
            s[2] = chance() * 6 - 3;
            s[3] = chance() * 2 - 1;
        }
        s[0] += s[2];
        s[1] += s[3];
        if (chance() < 0.85)
            d[n++] = (struct track_detection){
                .box = {s[0] + chance() * 4, s[1] + chance() * 4, 40 + chance() * 4,
                        100 + chance() * 8},
                .score = 0.15 + 0.85 * chance(),
                .class_id = i % 5 == 0,
            };
    }
    while (chance() < 0.7)
        d[n++] = person(chance() * 900, chance() * 500, chance());
    return n;
}

TEST(track_does_not_depend_on_the_order_of_boxes)
{
    static const unsigned all[] = {
        TRACK_PLAIN,
        TRACK_DEFAULT,
        TRACK_DEFAULT | TRACK_REUPDATE,
        TRACK_MOMENTUM | TRACK_BUFFERED | TRACK_SIZES | TRACK_REUPDATE | TRACK_NSA | TRACK_CAMERA,
    };
    for (size_t a = 0; a < ARRAY_LEN(all); a++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(all[a]);
        CLEANUP(tracker_free) struct tracker *u = tracker_with(all[a]);
        double people[4 * CROWD];
        for (int f = 0; f < FRAMES; f++) {
            struct track_detection d[CROWD + 64], shuffled[CROWD + 64];
            int32_t from[CROWD + 64];
            int n = crowd(d, f, people);
            if (n > 2) /* two of the same: interchangeable, but no reason to stumble */
                d[n - 1] = d[0];
            for (int i = 0; i < n; i++) {
                int k = (int)(chance() * (i + 1));
                from[i] = from[k];
                from[k] = i;
            }
            for (int i = 0; i < n; i++)
                shuffled[i] = d[from[i]];
            struct out x = feed(t, f, d, (size_t)n), y = feed(u, f, shuffled, (size_t)n);
            CHECK_EQ(x.n, y.n);
            for (size_t i = 0; i < x.n; i++) {
                CHECK_EQ(x.seen[i].id, y.seen[i].id);
                CHECK_EQ(x.seen[i].sure, y.seen[i].sure);
                CHECK(memcmp(&x.seen[i].box, &y.seen[i].box, sizeof x.seen[i].box) == 0);
                CHECK(memcmp(&d[x.seen[i].detection].box, &shuffled[y.seen[i].detection].box,
                             sizeof d[0].box) == 0);
            }
        }
    }
}

TEST(track_says_the_same_every_time)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        CLEANUP(tracker_free) struct tracker *u = tracker_with(both[i]);
        double people[4 * CROWD];
        for (int f = 0; f < FRAMES; f++) {
            struct track_detection d[CROWD + 64];
            int n = crowd(d, f, people);
            struct out x = feed(t, f, d, (size_t)n), y = feed(u, f, d, (size_t)n);
            CHECK_EQ(x.n, y.n);
            for (size_t k = 0; k < x.n; k++) {
                CHECK_EQ(x.seen[k].id, y.seen[k].id);
                CHECK(memcmp(&x.seen[k].box, &y.seen[k].box, sizeof x.seen[k].box) == 0);
            }
        }
    }
}

/* Ids grow, nobody is told twice in a frame, no box is given to two. */
TEST(track_gives_each_box_to_one_at_most)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        double people[4 * CROWD];
        for (int f = 0; f < 200; f++) {
            struct track_detection d[CROWD + 64];
            int n = crowd(d, f, people);
            struct out out = feed(t, f, d, (size_t)n);
            bool taken[CROWD + 64] = {0};
            for (size_t k = 0; k < out.n; k++) {
                CHECK(k == 0 || out.seen[k].id > out.seen[k - 1].id);
                CHECK(out.seen[k].detection >= 0 && out.seen[k].detection < n);
                CHECK(!taken[out.seen[k].detection]);
                taken[out.seen[k].detection] = true;
                CHECK_EQ(out.seen[k].class_id, d[out.seen[k].detection].class_id);
            }
        }
    }
}

/* ---- the camera */

/* Twelve people who stand still in front of a camera that pans to and fro, faster than a body's
 * width a frame at times; one of them hidden for a while. */
static int ids_under_pan(unsigned flags, bool told)
{
    CLEANUP(tracker_free) struct tracker *t = tracker_with(flags);
    struct err e = {0};
    double last = 0;
    int64_t most = 0;
    for (int f = 0; f < 120; f++) {
        struct track_detection d[12];
        int n = 0;
        double pan = 400 * sin(f * 0.15);
        struct track_affine moved = {{1, 0, pan - last, 0, 1, 0}};
        if (told && f > 0)
            CHECK_OK(tracker_camera_moved(t, &moved, &e));
        last = pan;
        for (int i = 0; i < 12; i++)
            if (i != 5 || f < 40 || f > 60)
                d[n++] = person(90.0 * i + pan + 2 * chance(), 300 + 40 * (i % 3), 0.9);
        struct out out = feed(t, f, d, (size_t)n);
        for (size_t k = 0; k < out.n; k++)
            most = MAX(most, out.seen[k].id);
    }
    return (int)most;
}

TEST(track_camera_is_found_from_the_boxes_alone)
{
    CHECK_EQ(ids_under_pan(TRACK_DEFAULT, /* told */ false), 12);
    CHECK(ids_under_pan(TRACK_DEFAULT & ~(unsigned)TRACK_CAMERA, /* told */ false) > 24);
}

TEST(track_camera_may_be_told)
{
    CHECK_EQ(ids_under_pan(TRACK_PLAIN, /* told */ true), 12);
    CHECK_EQ(ids_under_pan(TRACK_DEFAULT, /* told */ true), 12);
}

/* People who walk about at random have next to nothing in common. */
TEST(track_camera_at_rest_stays_at_rest)
{
    CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_DEFAULT);
    double people[4 * CROWD];
    struct track_affine before = TRACK_STILL;
    double moved = 0;
    for (int f = 0; f < 200; f++) {
        struct track_detection d[CROWD + 64];
        feed(t, f, d, (size_t)crowd(d, f, people));
        struct track_affine a = tracker_camera(t);
        CHECK_NEAR(a.m[0], 1, 0);
        CHECK_NEAR(a.m[1], 0, 0);
        moved += hypot(a.m[2] - before.m[2], a.m[5] - before.m[5]);
        before = a;
    }
    CHECK(moved / 200 < 0.5); /* pixels a frame; the people make up to 3 */
}

TEST(track_camera_zooms_and_turns_when_told)
{
    CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_PLAIN);
    struct err e = {0};
    double scale = 1, angle = 0;
    for (int f = 0; f < 30; f++) {
        double c = scale * cos(angle), s = scale * sin(angle);
        struct track_detection d[3];
        for (int i = 0; i < 3; i++) {
            double x = 200.0 * i - 200, y = 60.0 * i;
            d[i] = (struct track_detection){.box = {c * x - s * y - 20 * scale,
                                                    s * x + c * y - 50 * scale, 40 * scale,
                                                    100 * scale},
                                            .score = 0.9};
        }
        struct out out = feed(t, f, d, 3);
        CHECK_EQ(out.n, 3);
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(by_detection(out, i)->id, i + 1);
            CHECK_NEAR(by_detection(out, i)->box.x, d[i].box.x, 1e-6);
            CHECK_NEAR(by_detection(out, i)->box.h, d[i].box.h, 1e-6);
        }
        /* a zoom of 6 % and a turn of 2 degrees a frame: no overlap is left after a few */
        struct track_affine m = {
            {1.06 * cos(0.035), -1.06 * sin(0.035), 0, 1.06 * sin(0.035), 1.06 * cos(0.035), 0}};
        CHECK_OK(tracker_camera_moved(t, &m, &e));
        scale *= 1.06;
        angle += 0.035;
    }
}

TEST(track_camera_refuses_nonsense)
{
    static const struct track_affine bad[] = {
        {{NAN, 0, 0, 0, 1, 0}}, {{1, 0, INFINITY, 0, 1, 0}}, {{0, 0, 0, 0, 0, 0}},
        {{-1, 0, 0, 0, 1, 0}},  {{5, 0, 0, 0, 5, 0}},        {{0.1, 0, 0, 0, 0.1, 0}},
        {{1, 0, 1e9, 0, 1, 0}},
    };
    CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_DEFAULT);
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(tracker_camera_moved(t, &bad[i], &e), ERR_INPUT);
    struct track_affine a = tracker_camera(t);
    CHECK(memcmp(&a, &TRACK_STILL, sizeof a) == 0);
    /* zooming on and on is a new scene in the end */
    struct track_affine zoom = {{3, 0, 0, 0, 3, 0}};
    for (int i = 0; i < 100; i++) {
        CHECK_OK(tracker_camera_moved(t, &zoom, &e));
        CHECK(tracker_camera(t).m[0] <= 64);
    }
}

TEST(track_cut_ends_everybody)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        for (int f = 0; f < 5; f++)
            feed_one(t, f, 100, 50, 0.9);
        tracker_cut(t);
        struct out out = feed_one(t, 5, 100, 50, 0.9);
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.seen[0].id, 2);
        CHECK(out.seen[0].sure); /* the first frame of a shot is like the first of all */
    }
}

/* ---- bad input */

TEST(track_leaves_out_boxes_that_are_none)
{
    static const struct track_detection bad[] = {
        {.box = {NAN, 0, 10, 10}, .score = 0.9},    {.box = {0, INFINITY, 10, 10}, .score = 0.9},
        {.box = {0, 0, -INFINITY, 10}, .score = 1}, {.box = {0, 0, 0, 10}, .score = 0.9},
        {.box = {0, 0, 10, -5}, .score = 0.9},      {.box = {0, 0, 10, 10}, .score = NAN},
        {.box = {1e300, 0, 10, 10}, .score = 0.9},  {.box = {0, 0, 1e300, 10}, .score = 0.9},
        {.box = {0, 0, 1e-300, 10}, .score = 0.9},  {.box = {0, -1e7, 10, 10}, .score = 0.9},
    };
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        CHECK_EQ(feed(t, 0, bad, ARRAY_LEN(bad)).n, 0);
        CHECK_EQ(tracker_counts(t).ignored, ARRAY_LEN(bad));
        CHECK_EQ(tracker_counts(t).boxes, ARRAY_LEN(bad));
        CHECK_EQ(tracker_counts(t).frames, 1);
    }
}

TEST(track_brings_scores_into_their_range)
{
    CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_DEFAULT);
    struct track_detection d[] = {person(0, 0, 37), person(200, 0, INFINITY), person(400, 0, -3),
                                  person(600, 0, -INFINITY)};
    struct out out = feed(t, 0, d, 4);
    CHECK_EQ(out.n, 2);
    CHECK_NEAR(out.seen[0].score, 1, 0);
    CHECK_NEAR(out.seen[1].score, 1, 0);
}

TEST(track_refuses_time_that_stands_still)
{
    CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_DEFAULT);
    struct track_detection d = person(100, 50, 0.9);
    const struct track_seen *seen;
    size_t n;
    struct err e = {0};
    CHECK_OK(tracker_feed(t, 1000, &d, 1, &seen, &n, &e));
    CHECK_ERR(tracker_feed(t, 1000, &d, 1, &seen, &n, &e), ERR_INPUT);
    CHECK_ERR(tracker_feed(t, INT64_MIN, &d, 1, &seen, &n, &e), ERR_INPUT);
    /* and goes on as if nothing had been */
    CHECK_OK(tracker_feed(t, 1001, &d, 1, &seen, &n, &e));
    CHECK_EQ(n, 1);
    CHECK_EQ(seen[0].id, 1);
}

TEST(track_of_times_as_far_apart_as_can_be)
{
    CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_DEFAULT);
    struct track_detection d = person(100, 50, 0.9);
    static const int64_t times[] = {INT64_MIN,     0,        1, INT64_C(86400000000),
                                    INT64_MAX - 1, INT64_MAX};
    const struct track_seen *seen;
    size_t n;
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        CHECK_OK(tracker_feed(t, times[i], &d, 1, &seen, &n, &e));
        CHECK(n <= 1);
        CHECK(n == 0 || (isfinite(seen[0].box.x) && isfinite(seen[0].box.h)));
    }
}

TEST(track_refuses_options_out_of_range)
{
    static const struct track_options bad[] = {
        {.fps = 0, .high_score = 0.5, .match_limit = 0.8, .buffer = 30},
        {.fps = NAN, .high_score = 0.5, .match_limit = 0.8, .buffer = 30},
        {.fps = 1e9, .high_score = 0.5, .match_limit = 0.8, .buffer = 30},
        {.fps = 30, .high_score = -1, .match_limit = 0.8, .buffer = 30},
        {.fps = 30, .high_score = 0.5, .match_limit = 1.5, .buffer = 30},
        {.fps = 30, .high_score = 0.5, .match_limit = NAN, .buffer = 30},
        {.fps = 30, .high_score = 0.5, .match_limit = 0.8, .buffer = -1},
        {.fps = 30, .high_score = 0.5, .match_limit = 0.8, .buffer = INFINITY},
    };
    struct tracker *t = NULL;
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(tracker_new(&bad[i], &t, &e), ERR_USAGE);
    CHECK(t == NULL);
    tracker_free(NULL);
}

/* ---- crowds */

TEST(track_of_ten_thousand_boxes)
{
    enum { N = 10000 };
    static struct track_detection d[N];
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        for (int f = 0; f < 3; f++) {
            for (int k = 0; k < N; k++)
                d[k] = person(100.0 * (k % 100) + f, 150.0 * (k / 100), 0.9);
            struct out out = feed(t, f, d, N);
            CHECK_EQ(out.n, N);
            CHECK_EQ(out.seen[N - 1].id, N);
        }
        CHECK_EQ(tracker_counts(t).crowded, 0);
    }
}

/* All of them on one spot, where every pair comes into question. */
TEST(track_of_thousands_of_boxes_in_one_place)
{
    enum { N = 3000 };
    static struct track_detection d[N];
    for (int i = 0; i < 2; i++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(both[i]);
        for (int f = 0; f < 2; f++) {
            for (int k = 0; k < N; k++)
                d[k] = person(100 + 10 * chance(), 100 + 10 * chance(), 0.65 + 0.3 * chance());
            struct out out = feed(t, f, d, N);
            CHECK(out.n > 0);
        }
        CHECK(tracker_counts(t).crowded > 0);
    }
}

TEST(track_takes_the_best_of_too_many_boxes)
{
    enum { N = TRACK_BOXES_MAX + 100 };
    struct track_detection *d = xcalloc(N, sizeof *d);
    CLEANUP(tracker_free) struct tracker *t = tracker_with(TRACK_DEFAULT);
    for (int k = 0; k < N; k++)
        d[k] = person(100.0 * (k % 200), 150.0 * (k / 200), k < 100 ? 0.6 : 0.9);
    struct out out = feed(t, 0, d, N);
    CHECK_EQ(out.n, TRACK_BOXES_MAX);
    for (size_t i = 0; i < out.n; i++)
        CHECK(out.seen[i].detection >= 100);
    CHECK_EQ(tracker_counts(t).crowded, 100);
    free(d);
}

TEST(track_allocates_nothing_once_warm)
{
    static const unsigned all[] = {TRACK_PLAIN, TRACK_DEFAULT,
                                   TRACK_REUPDATE | TRACK_MOMENTUM | TRACK_BUFFERED | TRACK_SIZES |
                                       TRACK_CAMERA};
    for (size_t a = 0; a < ARRAY_LEN(all); a++) {
        CLEANUP(tracker_free) struct tracker *t = tracker_with(all[a]);
        double people[4 * CROWD];
        long before = 0;
        for (int f = 0; f < 400; f++) {
            struct track_detection d[CROWD + 64];
            int n = crowd(d, f, people);
            if (f % 100 == 0) /* a full house, so that it is warm */
                for (; n < CROWD + 64; n++)
                    d[n] = person(chance() * 900, chance() * 500, 0.9);
            if (f == 300)
                before = allocations;
            feed(t, f, d, (size_t)n);
        }
        CHECK_EQ(allocations - before, 0);
    }
    CHECK(allocations > 0); /* the counter counts */
}

TEST_MAIN
