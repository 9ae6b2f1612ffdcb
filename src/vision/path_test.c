/*
 * The camera path on subjects whose way is known, against a crop that stays in the middle; then the
 * rules one by one, and the reader against what people and strangers write. The first test prints
 * the table of docs/reframing.md.
 */
#include "vision/path.h"

#include <math.h>

#include "base/test.h"

#define W     1920
#define H     1080
#define FPS   30
#define N_MAX 900

static uint32_t seed;
static double uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) / 16777216.0;
}

/* Middle of a subject at second t of 20. */
static double still(double t)
{
    return 1400;
}
static double walks(double t)
{
    return 200 + 75 * t;
}
static double drifts(double t)
{
    return 560 + 40 * t;
}
static double stops_and_goes(double t)
{
    double x = 350;
    for (int i = 0; i < 4; i++) /* walks for two seconds, stands for three */
        x += 320 * CLAMP((t - 3 - 5 * i) / 2, 0, 1);
    return x;
}
static double turns(double t)
{
    return 960 + 600 * sin(t * 0.8);
}
static double sways(double t)
{
    return 700 + 60 * sin(t * 5);
}
static double runs(double t)
{
    return t < 8 ? 300 : t < 11 ? 300 + 430 * (t - 8) : 1590;
}
static double strolls(double t)
{
    return 960 + 350 * sin(t * 0.31) + 200 * sin(t * 0.83 + 1) + 60 * sin(t * 2.1);
}

struct clip {
    const char *name;
    double (*at)(double t);
    double w, h;
    double noise; /* of the boxes, pixels both ways */
    int max_moves;
};
static const struct clip clips[] = {
    {"stands", still, 180, 500, 0, 0},
    {"stands, boxes shake by 8", still, 180, 500, 8, 0},
    {"sways on the spot", sways, 180, 500, 4, 0},
    {"walks across", walks, 180, 500, 4, 2},
    {"drifts, never near a side", drifts, 180, 500, 4, 2},
    {"walks and stops, 4 times", stops_and_goes, 180, 500, 4, 6},
    {"goes to and fro", turns, 180, 500, 4, 7},
    {"runs to the other side", runs, 180, 500, 4, 2},
    {"strolls about", strolls, 220, 600, 6, 7},
};

struct film {
    int n, n_boxes;
    int64_t pts[N_MAX];
    struct path_box boxes[4 * N_MAX];
    struct path_span shots[4];
    struct path_input in;
};

static void film_start(struct film *f, int n)
{
    memset(f, 0, sizeof(*f));
    f->n = n;
    for (int i = 0; i < n; i++)
        f->pts[i] = (int64_t)i * 1000000 / FPS;
    f->shots[0] = (struct path_span){0, n};
    f->in = (struct path_input){.width = W,
                                .height = H,
                                .pts_us = f->pts,
                                .n_frames = n,
                                .shots = f->shots,
                                .n_shots = 1,
                                .boxes = f->boxes};
}

static void film_box(struct film *f, int frame, int subject, double middle, double w, double h)
{
    f->boxes[f->n_boxes++] =
        (struct path_box){frame, subject, middle - w / 2, (H - h) / 2, w, h, 0.9};
    f->in.n_boxes = f->n_boxes;
}

static const struct path_options tall = {.aspect_w = 9, .aspect_h = 16};

static struct path *made(const struct film *f, const struct path_options *o)
{
    struct path *p = NULL;
    struct err e = {0};
    CHECK_OK(path_make(o, &f->in, &p, &e));
    return p;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double p99(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), by_size);
    return v[(int)(0.99 * (n - 1))];
}

struct score {
    double inside, centre, speed, acceleration;
};

/* From what a renderer would see: the keys, read frame by frame. */
static struct score measure(const struct film *f, const struct path *p, const struct clip *c)
{
    static double x[N_MAX], v[N_MAX], a[N_MAX];
    struct score s = {0};

    for (int i = 0; i < f->n; i++) {
        double y, m = c->at(i / (double)FPS), l = m - c->w / 2, r = m + c->w / 2;
        path_at(p, i, f->pts[i], &x[i], &y);
        CHECK(x[i] >= 0 && x[i] + p->out_w <= W && y == 0);
        s.inside += l >= x[i] && r <= x[i] + p->out_w;
        s.centre += l >= (W - p->out_w) / 2.0 && r <= (W + p->out_w) / 2.0;
    }
    for (int i = 1; i < f->n; i++)
        v[i - 1] = (x[i] - x[i - 1]) * FPS;
    for (int i = 2; i < f->n; i++)
        a[i - 2] = fabs(v[i - 1] - v[i - 2]) * FPS;
    for (int i = 1; i < f->n; i++)
        v[i - 1] = fabs(v[i - 1]);
    s.inside /= f->n;
    s.centre /= f->n;
    s.speed = p99(v, f->n - 1) / p->out_w;
    s.acceleration = p99(a, f->n - 2) / p->out_w;
    return s;
}

TEST(path_keeps_known_subjects_inside_with_calm_motion)
{
    static struct film f;
    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        const struct clip *c = &clips[i];
        film_start(&f, 600);
        seed = 7;
        for (int k = 0; k < f.n; k++)
            film_box(&f, k, 3, c->at(k / (double)FPS) + c->noise * (2 * uniform() - 1), c->w, c->h);
        CLEANUP(path_free) struct path *p = made(&f, &tall);
        struct score s = measure(&f, p, c);
        print_message("| %-26s | %5.1f %% | %5.1f %% | %4.2f | %4.2f | %-6s | %d | %2d |\n",
                      c->name, 100 * s.inside, 100 * s.centre, s.speed, s.acceleration,
                      path_mode_name(p->shots[0].mode), p->shots[0].moves, (int)p->n_keys);
        CHECK_EQ(p->out_w, 608);
        CHECK_EQ(p->out_h, 1080);
        CHECK(s.inside >= 0.98);
        CHECK(s.inside >= s.centre);
        CHECK(s.speed <= 0.8 * 1.01);
        CHECK(s.acceleration <= 1.6 * 1.01);
        CHECK(p->shots[0].moves <= c->max_moves);
        CHECK(p->n_keys < 80);
    }
}

TEST(path_of_a_still_subject_does_not_move_at_all)
{
    static struct film f;
    film_start(&f, 300);
    for (int k = 0; k < f.n; k++)
        film_box(&f, k, 0, 1400, 180, 500);
    CLEANUP(path_free) struct path *p = made(&f, &tall);
    CHECK_EQ(p->n_keys, 2);
    CHECK_EQ(p->shots[0].mode, PATH_HOLD);
    CHECK_EQ(p->shots[0].moves, 0);
    CHECK_NEAR(p->keys[0].x, p->keys[1].x, 0);
    CHECK_NEAR(p->keys[0].x, 1400 - 304, 3);
}

TEST(path_jumps_at_cuts_and_never_moves_across_them)
{
    static struct film f;
    film_start(&f, 400);
    f.shots[0].end = 150;
    f.shots[1] = (struct path_span){150, 151};
    f.shots[2] = (struct path_span){151, 400};
    f.in.n_shots = 3;
    for (int k = 0; k < f.n; k++)
        film_box(&f, k, k >= 150, k < 150 ? 400 : 1500, 180, 500);
    CLEANUP(path_free) struct path *p = made(&f, &tall);
    CHECK_EQ(p->n_shots, 3);
    for (int k = 0; k < f.n; k++) {
        double x, y;
        path_at(p, k, f.pts[k], &x, &y);
        CHECK_NEAR(x, (k < 150 ? 400 : 1500) - 304, 3);
    }
}

TEST(path_leaves_more_room_in_front_of_who_moves)
{
    static struct film f;
    double ahead = 0, behind = 0;
    for (int turn = 0; turn < 2; turn++) {
        film_start(&f, 600);
        for (int k = 0; k < f.n; k++)
            film_box(&f, k, 0, turn ? 1750 - 75 * (k / 30.0) : 200 + 75 * (k / 30.0), 180, 500);
        CLEANUP(path_free) struct path *p = made(&f, &tall);
        for (int k = 150; k < 450; k++) {
            double x, y, m = turn ? 1750 - 75 * (k / 30.0) : 200 + 75 * (k / 30.0);
            path_at(p, k, f.pts[k], &x, &y);
            ahead += turn ? m - x : x + p->out_w - m;
            behind += turn ? x + p->out_w - m : m - x;
        }
    }
    CHECK(ahead / 600 > behind / 600 + 40);
}

TEST(path_keeps_two_who_fit_and_the_heavier_one_when_they_do_not)
{
    static struct film f;
    for (int apart = 0; apart < 2; apart++) {
        film_start(&f, 200);
        for (int k = 0; k < f.n; k++) {
            film_box(&f, k, 5, 500, 200, 700);
            film_box(&f, k, 9, apart ? 1600 : 800, 160, 500);
        }
        CLEANUP(path_free) struct path *p = made(&f, &tall);
        CHECK_EQ(p->shots[0].subjects, apart ? 1 : 2);
        CHECK_NEAR(p->shots[0].inside, 1, 0);
        double x = p->keys[0].x;
        CHECK(x <= 400 && x + p->out_w >= (apart ? 600 : 880));
    }
}

TEST(path_moves_up_and_down_when_the_source_is_tall)
{
    static struct film f;
    film_start(&f, 200);
    f.in.width = H;
    f.in.height = W;
    for (int k = 0; k < f.n; k++)
        f.boxes[k] = (struct path_box){k, 0, 400, 1300, 200, 300, 1};
    f.in.n_boxes = f.n;
    CLEANUP(path_free)
    struct path *p = made(&f, &(struct path_options){.aspect_w = 1, .aspect_h = 1});
    CHECK_EQ(p->out_w, 1080);
    CHECK_EQ(p->out_h, 1080);
    CHECK_NEAR(p->keys[0].x, 0, 0);
    CHECK(p->keys[0].y <= 1300 && p->keys[0].y + 1080 >= 1600);
    CLEANUP(path_free)
    struct path *same = made(&f, &(struct path_options){.aspect_w = 9, .aspect_h = 16});
    CHECK_EQ(same->out_w, 1080);
    CHECK_EQ(same->out_h, 1920);
    CHECK_EQ(same->n_keys, 2);
}

TEST(path_stays_on_a_subject_that_is_too_wide)
{
    static struct film f;
    film_start(&f, 300);
    for (int k = 0; k < f.n; k++)
        film_box(&f, k, 0, 1300 + 40 * sin(k * 0.2), 900, 700);
    CLEANUP(path_free) struct path *p = made(&f, &tall);
    CHECK_EQ(p->shots[0].mode, PATH_HOLD);
    CHECK_NEAR(p->shots[0].inside, 1, 0);
    CHECK(p->keys[0].x >= 850 && p->keys[0].x + p->out_w <= 1750);
}

TEST(path_without_subjects_stays_in_the_middle)
{
    static struct film f;
    film_start(&f, 100);
    CLEANUP(path_free) struct path *p = made(&f, &tall);
    CHECK_EQ(p->n_keys, 2);
    CHECK_NEAR(p->keys[0].x, 656, 0.5);
    CHECK_EQ(p->shots[0].subjects, 0);
}

TEST(path_follows_films_of_uneven_time_and_gaps)
{
    static struct film f;
    film_start(&f, 600);
    seed = 3;
    for (int64_t k = 1; k < f.n; k++) /* 10 to 60 ms */
        f.pts[k] = f.pts[k - 1] + 10000 + (int64_t)(50000 * uniform());
    for (int k = 0; k < f.n; k++)
        if (k % 50 < 40 && k % 5 == 0) /* sampled, and lost now and then */
            film_box(&f, k, 0, 200 + 70 * (f.pts[k] / 1e6), 180, 500);
    CLEANUP(path_free) struct path *p = made(&f, &tall);
    int inside = 0;
    for (int k = 0; k < f.n; k++) {
        double x, y, m = 200 + 70 * (f.pts[k] / 1e6);
        path_at(p, k, f.pts[k], &x, &y);
        inside += m - 90 >= x && m + 90 <= x + p->out_w;
    }
    CHECK(inside >= 0.98 * f.n);
}

TEST(path_of_a_long_shot_is_made_and_bounded)
{
    enum { LONG = 45000 };
    CLEANUP_FREE int64_t *pts = xcalloc(LONG, sizeof(*pts));
    CLEANUP_FREE struct path_box *boxes = xcalloc(LONG, sizeof(*boxes));
    struct path_span shot = {0, LONG};
    struct path_input in = {W, H, pts, LONG, &shot, 1, boxes, LONG};
    CLEANUP(path_free) struct path *p = NULL;
    struct err e = {0};
    for (int k = 0; k < LONG; k++) {
        pts[k] = (int64_t)k * 1000000 / FPS;
        boxes[k] = (struct path_box){k, 0, 960 + 600 * sin(k * 0.003) - 90, 200, 180, 600, 1};
    }
    CHECK_OK(path_make(&tall, &in, &p, &e));
    CHECK(p->shots[0].inside > 0.98);
}

TEST(path_refuses_what_is_off_and_passes_over_bad_boxes)
{
    static struct film f;
    struct path *p = NULL;
    struct err e = {0};
    film_start(&f, 50);
    CHECK_ERR(path_make(&(struct path_options){.aspect_w = 0, .aspect_h = 1}, &f.in, &p, &e),
              ERR_USAGE);
    CHECK_ERR(path_make(&(struct path_options){9, 16, .max_speed = NAN}, &f.in, &p, &e), ERR_USAGE);
    f.pts[7] = f.pts[6];
    CHECK_ERR(path_make(&tall, &f.in, &p, &e), ERR_INPUT);
    film_start(&f, 50);
    f.shots[0].end = 49;
    CHECK_ERR(path_make(&tall, &f.in, &p, &e), ERR_INPUT);
    film_start(&f, 50);
    f.boxes[0].frame = 50;
    f.in.n_boxes = 1;
    CHECK_ERR(path_make(&tall, &f.in, &p, &e), ERR_INPUT);
    film_start(&f, 50);
    f.in.n_frames = 0;
    CHECK_ERR(path_make(&tall, &f.in, &p, &e), ERR_LIMIT);

    static const double odd[][4] = {
        {NAN, 1, 9, 9},       {INFINITY, 1, 9, 9}, {5, 5, -9, 9},
        {5, 5, 0, 0},         {1e300, 0, 9, 9},    {-50, 0, 40, 900},
        {0, 0, INFINITY, 50}, {5, 5, NAN, 9},      {0, 0, 1e300, 1e300}};
    film_start(&f, 50);
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        f.boxes[i] =
            (struct path_box){(int64_t)i, 0, odd[i][0], odd[i][1], odd[i][2], odd[i][3], 1};
    f.in.n_boxes = ARRAY_LEN(odd);
    CHECK_OK(path_make(&tall, &f.in, &p, &e));
    for (int64_t i = 0; i < p->n_keys; i++)
        CHECK(p->keys[i].x >= 0 && p->keys[i].x <= W - p->out_w);
    path_free(p);
}

static struct path *read_text(const char *text, struct err *e)
{
    CLEANUP_JSON json_t *j = NULL;
    struct path *p = NULL;
    err_clear(e);
    CHECK(json_read(str_of(text), &j, e) == 0);
    return path_read(j, &p, e) < 0 ? NULL : p;
}

TEST(path_written_and_read_again_is_the_same)
{
    static struct film f;
    struct err e = {0};
    CLEANUP_BUF struct buf out = {0}, again = {0};
    struct jsonw w = JSONW(&out), v = JSONW(&again);
    film_start(&f, 600);
    for (int k = 0; k < f.n; k++)
        film_box(&f, k, 0, turns(k / 30.0), 180, 500);
    CLEANUP(path_free) struct path *p = made(&f, &tall);
    path_write(p, &w);
    CLEANUP(path_free) struct path *q = read_text(buf_z(&out), &e);
    CHECK(q != NULL);
    path_write(q, &v);
    CHECK_STR(buf_z(&out), buf_z(&again));
    for (int k = 0; k < f.n; k++) {
        double x, y, x2, y2;
        path_at(p, k, f.pts[k], &x, &y);
        path_at(q, k, f.pts[k], &x2, &y2);
        CHECK_NEAR(x, x2, 0.01);
    }
}

#define HEAD                                                                                       \
    "{\"version\":1,\"source\":{\"width\":1920,\"height\":1080},\"target\":{\"aspect_w\":9,"       \
    "\"aspect_h\":16,\"width\":608,\"height\":1080},\"shots\":[],\"keys\":["
#define KEY(frame, us, x)                                                                          \
    "{\"frame\":" #frame ",\"pts_us\":" #us ",\"x\":" #x                                           \
    ",\"y\":0,\"w\":608,\"h\":1080,\"reason\":\"hold\"}"

TEST(path_reads_what_a_person_wrote_and_refuses_nonsense)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "3",
        HEAD "]}",
        HEAD KEY(0, 0, 0) "," KEY(0, 5, 0) "]}", /* the same frame twice */
        HEAD KEY(5, 9, 0) "," KEY(6, 9, 0) "]}", /* no later */
        HEAD KEY(0, 0, 1313) "]}",               /* out of the source */
        HEAD KEY(0, 0, -1) "]}",
        HEAD KEY(0, 0, 1e999) "]}",
        HEAD KEY(0.5, 0, 0) "]}",
        HEAD "{\"frame\":0}]}",
        HEAD "7]}",
    };
    struct err e = {0};
    CLEANUP(path_free)
    struct path *p = read_text(HEAD KEY(0, 0, 10) "," KEY(30, 1000000, 100) "]}", &e);
    CHECK(p != NULL);
    double x, y;
    path_at(p, 15, 500000, &x, &y);
    CHECK_NEAR(x, 55, 0.001);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP_JSON json_t *j = NULL;
        struct path *q = NULL;
        err_clear(&e);
        if (json_read(str_of(bad[i]), &j, &e) < 0)
            continue; /* refused earlier yet */
        CHECK_ERR(path_read(j, &q, &e), ERR_INPUT);
    }
}

TEST_MAIN
