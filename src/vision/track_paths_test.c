#include "vision/track_paths.h"

#include <math.h>

#include "base/json.h"
#include "base/test.h"

static uint64_t seed = 1;
static double chance(void) /* 0..1 */
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 40) / (1 << 24);
}

/* A tracker and what gathers its paths, fed together. */
struct film {
    struct tracker *tracker;
    struct track_paths *paths;
};

static struct film film_new(unsigned flags)
{
    struct track_options o = TRACK_OPTIONS_DEFAULT;
    struct film film = {0};
    struct err e = {0};
    o.flags = flags;
    CHECK_OK(tracker_new(&o, &film.tracker, &e));
    film.paths = track_paths_new(&o);
    return film;
}

static void film_free(struct film film)
{
    tracker_free(film.tracker);
    track_paths_free(film.paths);
}
CLEANUP_DEFINE(film_free, struct film);

static void film_feed(struct film *film, int64_t frame, const struct track_detection *d, size_t n)
{
    const struct track_seen *seen;
    size_t n_seen;
    int64_t us = frame * 1000000 / 30;
    struct err e = {0};
    CHECK_OK(tracker_feed(film->tracker, us, d, n, &seen, &n_seen, &e));
    CHECK_OK(track_paths_add(film->paths, frame, us, film->tracker, d, seen, n_seen, &e));
}

static void film_cut(struct film *film)
{
    tracker_cut(film->tracker);
    track_paths_cut(film->paths);
}

static void finish(struct film *film)
{
    struct err e = {0};
    CHECK_OK(track_paths_finish(film->paths, &e));
    /* whatever it was: ids from 1, frames in order, boxes with an area */
    for (size_t i = 0; i < track_paths_count(film->paths); i++) {
        struct track_path p = track_paths_at(film->paths, i);
        CHECK_EQ(p.id, (int64_t)i + 1);
        CHECK(p.n_points > 0);
        for (size_t k = 0; k < p.n_points; k++) {
            CHECK(k == 0 || p.points[k].frame > p.points[k - 1].frame);
            CHECK(p.points[k].box.w > 0 && p.points[k].box.h > 0);
            CHECK((p.points[k].detection < 0) == (p.points[k].kind == TRACK_POINT_FILLED));
        }
    }
}

static struct track_detection walker(int64_t frame, double score)
{
    return (struct track_detection){.box = {100 + 3.0 * frame, 50 + 0.5 * frame, 40, 100},
                                    .score = score};
}

/* A walk that begins with the second frame, in which frames [from, to) are not seen. */
static void walk(struct film *film, int64_t from, int64_t to, int64_t frames)
{
    film_feed(film, 0, NULL, 0);
    for (int64_t f = 1; f < frames; f++) {
        struct track_detection d = walker(f, 0.9);
        film_feed(film, f, &d, f < from || f >= to);
    }
}

TEST(track_paths_begin_with_the_first_box_where_asked)
{
    for (int i = 0; i < 2; i++) {
        CLEANUP(film_free) struct film film = film_new(i ? TRACK_FIRST : TRACK_PLAIN);
        walk(&film, 0, 0, 20);
        finish(&film);
        CHECK_EQ(track_paths_count(film.paths), 1);
        struct track_path p = track_paths_at(film.paths, 0);
        CHECK_EQ(p.points[0].frame, i ? 1 : 2);
        CHECK_EQ(p.points[0].kind, i ? TRACK_POINT_FIRST : TRACK_POINT_SEEN);
        CHECK_EQ(p.n_points, i ? 19 : 18);
    }
}

TEST(track_paths_leave_out_what_never_was_sure)
{
    CLEANUP(film_free) struct film film = film_new(TRACK_DEFAULT);
    film_feed(&film, 0, NULL, 0);
    struct track_detection ghost = {.box = {500, 50, 40, 100}, .score = 0.9};
    film_feed(&film, 1, &ghost, 1);
    for (int64_t f = 2; f < 10; f++) {
        struct track_detection d = walker(f, 0.9);
        film_feed(&film, f, &d, 1);
    }
    finish(&film);
    CHECK_EQ(track_paths_count(film.paths), 1);
    CHECK_EQ(track_paths_at(film.paths, 0).id, 1);
    CHECK_EQ(track_paths_at(film.paths, 0).points[0].frame, 2);
}

TEST(track_paths_have_gaps_filled_where_asked)
{
    static const unsigned flags[] = {TRACK_PLAIN, TRACK_FILL, TRACK_FILL | TRACK_SMOOTH,
                                     TRACK_DEFAULT};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        CLEANUP(film_free) struct film film = film_new(flags[i]);
        walk(&film, 30, 45, 80);
        finish(&film);
        CHECK_EQ(track_paths_count(film.paths), 1);
        struct track_path p = track_paths_at(film.paths, 0);
        size_t first = flags[i] & TRACK_FIRST ? 79 : 78;
        CHECK_EQ(p.n_points, flags[i] & TRACK_FILL ? first : first - 15);
        for (size_t k = 0; k < p.n_points; k++) {
            const struct track_point *q = &p.points[k];
            CHECK_EQ(q->kind == TRACK_POINT_FILLED, q->frame >= 30 && q->frame < 45);
            struct track_box true_box = walker(q->frame, 0).box;
            CHECK_NEAR(q->box.x, true_box.x, 6);
            CHECK_NEAR(q->box.y, true_box.y, 3);
            CHECK_NEAR(q->box.h, true_box.h, 1);
            if (q->kind == TRACK_POINT_FILLED)
                CHECK_NEAR(q->score, 0, 0);
            else
                CHECK_EQ(q->detection, 0);
        }
    }
}

/* Only frames that were fed have boxes. */
TEST(track_paths_of_sampled_frames_are_filled_at_samples)
{
    CLEANUP(film_free) struct film film = film_new(TRACK_DEFAULT);
    for (int64_t f = 0; f < 100; f += 5) {
        struct track_detection d = walker(f, 0.9);
        film_feed(&film, f, &d, f != 50 && f != 55);
    }
    finish(&film);
    CHECK_EQ(track_paths_count(film.paths), 1);
    struct track_path p = track_paths_at(film.paths, 0);
    CHECK_EQ(p.n_points, 20);
    for (size_t k = 0; k < p.n_points; k++)
        CHECK_EQ(p.points[k].frame, 5 * (int64_t)k);
}

TEST(track_paths_smoothed_are_nearer_the_truth)
{
    double off[2] = {0};
    for (int i = 0; i < 2; i++) {
        CLEANUP(film_free)
        struct film film = film_new(i ? TRACK_DEFAULT : TRACK_DEFAULT & ~(unsigned)TRACK_SMOOTH);
        seed = 5;
        for (int64_t f = 0; f < 300; f++) {
            struct track_detection d = walker(f, 0.7);
            d.box.x += 10 * chance() - 5;
            d.box.y += 10 * chance() - 5;
            d.box.w += 6 * chance() - 3;
            d.box.h += 12 * chance() - 6;
            film_feed(&film, f, &d, 1);
        }
        finish(&film);
        CHECK_EQ(track_paths_count(film.paths), 1);
        struct track_path p = track_paths_at(film.paths, 0);
        CHECK_EQ(p.n_points, 300);
        for (size_t k = 0; k < p.n_points; k++)
            off[i] += fabs(p.points[k].box.x - walker(p.points[k].frame, 0).box.x);
    }
    CHECK(off[1] < 0.6 * off[0]);
}

/* The way of one that was hidden while the camera panned is bent with the camera. */
TEST(track_paths_fill_gaps_along_with_the_camera)
{
    CLEANUP(film_free) struct film film = film_new(TRACK_DEFAULT);
    for (int64_t f = 0; f < 90; f++) {
        struct track_detection d[10];
        size_t n = 0;
        double pan = 250 * sin((double)f * 0.1);
        for (int i = 0; i < 10; i++)
            if (i != 4 || f < 40 || f >= 60)
                d[n++] = (struct track_detection){
                    .box = {100.0 * i + pan, 50 + 30.0 * (i % 3), 40, 100}, .score = 0.9};
        film_feed(&film, f, d, n);
    }
    finish(&film);
    CHECK_EQ(track_paths_count(film.paths), 10);
    int filled = 0;
    for (size_t i = 0; i < 10; i++) {
        struct track_path p = track_paths_at(film.paths, i);
        for (size_t k = 0; k < p.n_points; k++) {
            if (p.points[k].kind != TRACK_POINT_FILLED)
                continue;
            filled++;
            CHECK_NEAR(p.points[k].box.x, 400 + 250 * sin((double)p.points[k].frame * 0.1), 8);
        }
    }
    CHECK_EQ(filled, 20);
}

/* ---- joining */

static size_t paths_after_gap(unsigned flags, int64_t gap, bool cut)
{
    CLEANUP(film_free) struct film film = film_new(flags);
    for (int64_t f = 0; f < 40 + gap + 40; f++) {
        struct track_detection d = walker(f, 0.9);
        if (f == 40 && cut)
            film_cut(&film);
        film_feed(&film, f, &d, f < 40 || f >= 40 + gap);
    }
    finish(&film);
    size_t n = track_paths_count(film.paths);
    if (n == 1 && flags & TRACK_FILL)
        CHECK_EQ(track_paths_at(film.paths, 0).n_points, (size_t)(80 + gap));
    return n;
}

TEST(track_paths_are_joined_over_more_than_the_tracker_waits)
{
    CHECK_EQ(paths_after_gap(TRACK_DEFAULT, 20, false), 1);
    CHECK_EQ(paths_after_gap(TRACK_DEFAULT & ~(unsigned)TRACK_LINK, 45, false), 2);
    CHECK_EQ(paths_after_gap(TRACK_DEFAULT, 45, false), 1);
    CHECK_EQ(paths_after_gap(TRACK_PLAIN | TRACK_LINK, 45, false), 1);
    /* but not over more than twice that, nor across a cut */
    CHECK_EQ(paths_after_gap(TRACK_DEFAULT, 80, false), 2);
    CHECK_EQ(paths_after_gap(TRACK_DEFAULT, 45, true), 2);
}

TEST(track_paths_of_strangers_are_not_joined)
{
    static const struct track_box others[] = {
        {100, 400, 40, 100}, /* elsewhere */
        {400, 70, 80, 200},  /* there, but twice as tall */
    };
    for (size_t i = 0; i <= ARRAY_LEN(others); i++) {
        CLEANUP(film_free) struct film film = film_new(TRACK_DEFAULT);
        for (int64_t f = 0; f < 120; f++) {
            struct track_detection d = walker(f, 0.9);
            if (f >= 80 && i < ARRAY_LEN(others))
                d.box = others[i];
            else if (f >= 80)
                d.class_id = 3;
            film_feed(&film, f, &d, f < 40 || f >= 80);
        }
        finish(&film);
        CHECK_EQ(track_paths_count(film.paths), 2);
    }
}

/* Three pieces of one, and of another who went the other way. */
TEST(track_paths_join_many_pieces_in_a_row)
{
    CLEANUP(film_free) struct film film = film_new(TRACK_DEFAULT);
    for (int64_t f = 0; f < 220; f++) {
        struct track_detection d[] = {walker(f, 0.9),
                                      {.box = {900 - 3.0 * f, 300, 50, 120}, .score = 0.9}};
        bool hidden = (f >= 50 && f < 92) || (f >= 140 && f < 180);
        film_feed(&film, f, d, hidden ? 0 : 2);
    }
    finish(&film);
    CHECK_EQ(track_paths_count(film.paths), 2);
    for (size_t i = 0; i < 2; i++)
        CHECK_EQ(track_paths_at(film.paths, i).n_points, 220);
}

/* ---- the edges */

TEST(track_paths_of_nothing)
{
    CLEANUP(film_free) struct film film = film_new(TRACK_DEFAULT);
    finish(&film);
    CHECK_EQ(track_paths_count(film.paths), 0);
    CLEANUP(film_free) struct film empty = film_new(TRACK_DEFAULT);
    for (int64_t f = 0; f < 10; f++)
        film_feed(&empty, f, NULL, 0);
    finish(&empty);
    CHECK_EQ(track_paths_count(empty.paths), 0);
    track_paths_free(NULL);
}

TEST(track_paths_refuse_frames_out_of_order)
{
    CLEANUP(film_free) struct film film = film_new(TRACK_DEFAULT);
    struct err e = {0};
    film_feed(&film, 5, NULL, 0);
    CHECK_ERR(track_paths_add(film.paths, 5, 10000000, film.tracker, NULL, NULL, 0, &e), ERR_INPUT);
    CHECK_ERR(track_paths_add(film.paths, 6, 0, film.tracker, NULL, NULL, 0, &e), ERR_INPUT);
    finish(&film);
}

static const char *class_name(int32_t class_id)
{
    return class_id == 2 ? "product" : "person";
}

TEST(track_paths_as_json)
{
    CLEANUP(film_free) struct film film = film_new(TRACK_PLAIN | TRACK_FIRST | TRACK_FILL);
    for (int64_t f = 5; f <= 25; f += 5) {
        struct track_detection d[] = {
            {.box = {10, 20, 40, 100}, .score = 0.8},
            {.box = {300, 20, 40, 100}, .score = 0.65, .class_id = 2},
        };
        film_feed(&film, f, d, f == 15 ? 1 : 2);
    }
    finish(&film);
    CLEANUP_BUF struct buf out = {0};
    track_paths_json(film.paths, 30, 0, class_name, &out);
    CHECK(buf_ok(&out));
    struct err e = {0};
    json_t *root = NULL;
    CHECK_OK(json_read(buf_str(&out), &root, &e));
    CHECK_EQ(json_object_size(root), 2);
    json_t *p = json_object_get(root, "obj_001");
    CHECK_STR(json_string_value(json_object_get(p, "class")), "person");
    CHECK_EQ(json_integer_value(json_object_get(p, "start_frame")), 5);
    CHECK_EQ(json_integer_value(json_object_get(p, "end_frame")), 25);
    CHECK_EQ(json_integer_value(json_object_get(p, "duration_frames")), 20);
    CHECK_NEAR(json_real_value(json_object_get(p, "avg_confidence")), 0.8, 1e-9);
    json_t *frames = json_object_get(p, "frames");
    CHECK_EQ(json_array_size(frames), 5);
    CHECK_EQ(json_integer_value(json_object_get(json_array_get(frames, 1), "frame")), 10);
    CHECK(strstr(buf_z(&out), "\"timestamp\":0.17,"));
    CHECK(strstr(buf_z(&out), "\"timestamp\":0.33,"));
    json_t *box = json_object_get(json_array_get(frames, 0), "bbox");
    CHECK_NEAR(json_number_value(json_object_get(box, "x")), 10, 0.01);
    CHECK_NEAR(json_number_value(json_object_get(box, "width")), 40, 0.01);
    /* the second was hidden in one frame, which does not count for its confidence */
    p = json_object_get(root, "obj_002");
    CHECK_STR(json_string_value(json_object_get(p, "class")), "product");
    CHECK_NEAR(json_real_value(json_object_get(p, "avg_confidence")), 0.65, 1e-9);
    frames = json_object_get(p, "frames");
    CHECK_EQ(json_array_size(frames), 5);
    CHECK_NEAR(json_number_value(json_object_get(json_array_get(frames, 2), "confidence")), 0, 0);
    json_decref(root);
}

TEST_MAIN
