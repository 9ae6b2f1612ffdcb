/*
 * Motion on real clips, decoded by the ffmpeg command. People on a campus against boxes of a
 * detector that knows nothing of us (../mot/PETS09-S2L1/det), people in a room against when they
 * are there, and cameras that move, where it must stay quiet. Skipped where clips or ffmpeg are
 * missing. The figures are those of docs/motion.md, with a little room.
 */
#include "vision/motion.h"

#include "base/fs.h"
#include "base/test.h"
#include "vision/ffmpeg_test.h"

struct seen {
    int frames, state[4], regions, loud; /* loud: frames with a region of confidence 0.5 or more */
};
typedef void on_frame_fn(void *arg, int n, const struct motion_frame *f);

static struct seen watch_clip(const char *name, int w, int h, double fps, on_frame_fn *fn,
                              void *arg)
{
    CLEANUP_FREE char *rel = xasprintf("footage/%s", name);
    const char *path = test_shared(rel);
    if (!path || !ffmpeg_there())
        SKIP("no shared footage, or no ffmpeg");
    CLEANUP(motion_free) struct motion *m = motion_new(&(struct motion_options){0});
    size_t size = (size_t)w * h + 2 * (size_t)((w + 1) / 2) * ((h + 1) / 2);
    CLEANUP_FREE uint8_t *p = xmalloc(size);
    struct vision_frame frame = vision_frame_yuv420p8(p, w, h);
    const struct motion_frame *f;
    struct seen s = {0};
    struct err e = {0};
    FILE *out;
    pid_t pid = ffmpeg_start((const char *const[]){"ffmpeg", "-v", "error", "-nostdin", "-i", path,
                                                   "-map", "0:v:0", "-vsync", "0", "-f", "rawvideo",
                                                   "-pix_fmt", "yuv420p", "-", NULL},
                             &out);

    while (fread(p, 1, size, out) == size) {
        CHECK_OK(motion_feed(m, &frame, (int64_t)(s.frames * 1e6 / fps), &f, &e));
        bool loud = false;
        for (int i = 0; i < f->n; i++)
            loud |= f->region[i].confidence >= 0.5;
        s.loud += loud;
        s.regions += f->n;
        s.state[f->state]++;
        if (fn)
            fn(arg, s.frames, f);
        s.frames++;
    }
    CHECK(ffmpeg_end(pid, out));
    return s;
}

/* ---- campus -------------------------------------------------------------------------------- */

struct det {
    double x, y, w, h;
};
struct campus {
    VEC(struct det) of[800];
    int right, regions, found, iou5, people;
};

static double shared_area(const struct motion_region *r, const struct det *d)
{
    double w = MIN(r->x + r->w, d->x + d->w) - MAX(r->x, d->x);
    double h = MIN(r->y + r->h, d->y + d->h) - MAX(r->y, d->y);
    return w > 0 && h > 0 ? w * h : 0;
}

static void score_campus(void *arg, int n, const struct motion_frame *f)
{
    struct campus *c = arg;
    if (n >= 800 || f->state != MOTION_WATCHING)
        return;
    for (int i = 0; i < f->n; i++) {
        const struct motion_region *r = &f->region[i];
        bool right = false;
        if (r->confidence < 0.5)
            continue;
        VEC_FOREACH (&c->of[n], d)
            right |= shared_area(r, d) > 0.5 * MIN(r->w * r->h, d->w * d->h);
        c->right += right;
        c->regions++;
    }
    VEC_FOREACH (&c->of[n], d) {
        bool found = false, close = false;
        for (int i = 0; i < f->n; i++) {
            const struct motion_region *r = &f->region[i];
            double s = shared_area(r, d);
            found |= s > 0.5 * d->w * d->h;
            close |= s > 0.5 * (r->w * r->h + d->w * d->h - s);
        }
        c->found += found;
        c->iou5 += close;
        c->people++;
    }
}

TEST(motion_finds_the_people_of_the_campus)
{
    struct campus *c = XNEW(struct campus);
    CLEANUP_BUF struct buf text = {0};
    const char *det = test_shared("mot/PETS09-S2L1/det/det.txt");
    struct err e = {0};
    struct str rest, line;

    if (!det)
        SKIP("no shared detections");
    CHECK_OK(fs_read_file(det, 1 << 24, &text, &e));
    rest = buf_str(&text);
    while (str_cut(&rest, '\n', &line)) {
        double v[7];
        struct str part;
        int k = 0;
        while (k < 7 && str_cut(&line, ',', &part) && str_to_double(part, &v[k]))
            k++;
        int n = k == 7 ? (int)v[0] - 1 : -1; /* their frames count from 1 */
        if (n >= 0 && n < 800 && v[6] > 0.5)
            VEC_PUSH(&c->of[n],
                     ((struct det){v[2] * 0.625, v[3] * 0.625, v[4] * 0.625, v[5] * 0.625}));
    }
    struct seen s = watch_clip("cctv-pets2009-campus.avi", 480, 360, 10, score_campus, c);
    CHECK_EQ(s.frames, 795);
    CHECK(s.state[MOTION_WATCHING] > 780);
    print_message("campus: precision %.3f, found %.3f, at IoU 0.5 %.3f of %d\n",
                  (double)c->right / c->regions, (double)c->found / c->people,
                  (double)c->iou5 / c->people, c->people);
    CHECK(c->right > 0.94 * c->regions);
    CHECK(c->found > 0.90 * c->people);
    CHECK(c->iou5 > 0.72 * c->people);
    for (int i = 0; i < 800; i++)
        VEC_FINISH(&c->of[i]);
    free(c);
}

/* ---- room ---------------------------------------------------------------------------------- */

#define ROOM_S 139
struct room {
    int loud[ROOM_S + 2]; /* frames of each second with someone */
};

static void score_room(void *arg, int n, const struct motion_frame *f)
{
    struct room *r = arg;
    bool loud = false;
    for (int i = 0; i < f->n; i++)
        loud |= f->region[i].confidence >= 0.5;
    if (n / 10 <= ROOM_S)
        r->loud[n / 10] += loud;
}

TEST(motion_says_when_someone_is_in_the_room)
{
    /* seconds, as the footage's README has them ("about"); the seconds at the borders count for
     * neither side */
    static const int there[][2] = {{7, 19}, {25, 44}, {50, 69}, {75, 86}, {92, 119}, {124, 136}};
    struct room r = {0};
    int yes = 0, right = 0, present = 0, found = 0;

    watch_clip("one-by-one-person.mp4", 768, 432, 10, score_room, &r);
    for (int s = 0; s < ROOM_S; s++) {
        bool in = false, border = false, said = r.loud[s] >= 5;
        for (size_t i = 0; i < ARRAY_LEN(there); i++) {
            in |= s >= there[i][0] && s < there[i][1];
            border |= s >= there[i][0] - 2 && s <= there[i][0];
            border |= s >= there[i][1] - 1 && s <= there[i][1] + 1;
        }
        if (border)
            continue;
        present += in;
        found += in && said;
        yes += said;
        right += in && said;
    }
    print_message("room: of %d seconds with someone %d found; %d of %d said rightly\n", present,
                  found, right, yes);
    CHECK(found >= 0.97 * present);
    CHECK(right >= 0.97 * yes);
}

/* ---- cameras that move ----------------------------------------------------------------------- */

TEST(motion_stays_quiet_when_the_camera_moves)
{
    static const struct {
        const char *name;
        int w, h;
        double fps;
    } clips[] = {
        {"foreman-hevc.mp4", 1280, 720, 23.976},
        {"roadtrip-vp9-10bit.webm", 426, 240, 23.976},
        {"shots-bikes.mp4", 640, 272, 25},
    };
    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        struct seen s = watch_clip(clips[i].name, clips[i].w, clips[i].h, clips[i].fps, NULL, NULL);
        print_message("%s: %d of %d frames say camera_moving, %d have a region\n", clips[i].name,
                      s.state[MOTION_CAMERA_MOVING], s.frames, s.loud);
        CHECK(s.state[MOTION_CAMERA_MOVING] > s.frames / 3);
        CHECK(s.loud <= 0.08 * s.frames);
    }
}

TEST_MAIN
