/* The one pass over time: variable rates, changes on the way, long films, the same bytes every time, a full disk. */
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "clip.h"
#include "conf/conf.h"
#include "film.h"
#include "media/frame_index.h"
#include "media/test_child.h"

TEST(variable_rate_stays_on_the_grid_and_in_time)
{
    CLEANUP_FREE char *path = xasprintf("%s/vfr.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    /* 30 a second, then one in half a second, then every third; white from 2.5 s on */
    clip_run("ffmpeg -v error -y -f lavfi -i "
             "\"color=black:s=320x240:r=30:d=6,drawbox=c=white:t=fill:enable='gte(t,2.5)',"
             "select='if(lt(t,2),1,if(lt(t,4),not(mod(n,15)),not(mod(n,3))))'\" -fps_mode vfr "
             "-pix_fmt yuv420p "
             "-c:v libx264 -g 300 '%s'",
             path);
    pass_file(path, NULL, &p);
    CHECK(p.r->variable_rate);
    CLEANUP(film_free) struct film *f = film_read(p.files[MEDIA_OUT_PROXY]);
    for (int i = 0; i < f->n; i++) {
        CHECK_NEAR(f->times[i] * 10, round(f->times[i] * 10), 0.006);
        bool white = film_colour(f, i, 0.5, 0.5, 8).g > 128;
        CHECK_EQ(white, f->times[i] > 2.45);
    }
    CHECK_EQ(f->n, 20 + 4 + 20);
}

TEST(key_frames_are_never_far_apart)
{
    CLEANUP_FREE char *path = xasprintf("%s/slow.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    clip_run("ffmpeg -v error -y -f lavfi -i \"testsrc2=s=320x240:r=25:d=9\" -pix_fmt yuv420p -c:v "
             "libx264 -g 900 '%s'",
             path);
    pass_file(path, NULL, &p);
    CLEANUP_FREE char *keys =
        clip_output("ffprobe -v error -select_streams v:0 -skip_frame nokey -show_entries "
                    "frame=best_effort_timestamp_time -of csv=p=0 '%s'",
                    p.files[MEDIA_OUT_PROXY]);
    struct str rest = str_of(keys), line, number;
    double last = 0, t;
    int n = 0;
    while (str_cut(&rest, '\n', &line))
        if (str_cut(&line, ',', &number) && str_to_double(str_trim(number), &t)) {
            CHECK(t - last <= 2.01);
            last = t;
            n++;
        }
    CHECK(n >= 5);
    CHECK(last >= 7);
}

TEST(a_change_of_size_is_fitted_into_the_first)
{
    CLEANUP_FREE char *one = xasprintf("%s/one.ts", test_dir()),
                      *two = xasprintf("%s/two.ts", test_dir());
    CLEANUP_FREE char *both = xasprintf("%s/both.ts", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("mpeg2video"))
        SKIP("no ffmpeg with mpeg2video");
    clip_run("ffmpeg -v error -y -f lavfi -i color=red:s=640x360:r=25:d=2 -c:v mpeg2video '%s'",
             one);
    clip_run("ffmpeg -v error -y -f lavfi -i color=blue:s=480x480:r=25:d=2 -c:v mpeg2video "
             "-output_ts_offset 2 '%s'",
             two);
    clip_run("cat '%s' '%s' > '%s'", one, two, both);
    pass_file(both, NULL, &p);
    CLEANUP(film_free) struct film *f = film_read(p.files[MEDIA_OUT_PROXY]);
    CHECK_EQ(f->w, 640);
    CHECK_EQ(f->h, 360);
    CHECK(f->n >= 38);
    CHECK(film_colour(f, 5, 0.05, 0.5, 8).r > 150);
    struct rgb bar = film_colour(f, f->n - 2, 0.05, 0.5, 8),
               middle = film_colour(f, f->n - 2, 0.5, 0.5, 8);
    CHECK(bar.r < 20 && bar.g < 20 && bar.b < 20);
    CHECK(middle.b > 150 && middle.r < 60);
}

TEST(a_black_start_has_a_poster_all_the_same)
{
    CLEANUP_FREE char *path = xasprintf("%s/black.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    clip_run("ffmpeg -v error -y -f lavfi -i color=black:s=640x360:r=30:d=2 -f lavfi -i "
             "testsrc2=s=640x360:r=30:d=0.4 "
             "-filter_complex concat=n=2 -pix_fmt yuv420p -c:v libx264 '%s'",
             path);
    pass_file(path, NULL, &p);
    CHECK(p.r->poster_frame >= 60);
    CLEANUP(film_free) struct film *thumb = film_read(p.files[MEDIA_OUT_THUMB]);
    CLEANUP(film_free) struct film *poster = film_read(p.files[MEDIA_OUT_POSTER]);
    CHECK(film_colour(thumb, 0, 0.5, 0.5, 150).g < 8);
    CHECK(film_colour(poster, 0, 0.5, 0.5, 150).g > 40);
}

/* One second of each of several pictures that nothing joins. */
static void make_shots(const char *path)
{
    clip_run("ffmpeg -v error -y -f lavfi -i testsrc=s=640x360:r=30:d=1 -f lavfi -i "
             "smptebars=s=640x360:r=30:d=1 -f lavfi -i "
             "mandelbrot=s=640x360:r=30 -f lavfi -i rgbtestsrc=s=640x360:r=30:d=1 -f lavfi -i "
             "sine=300:d=4 -filter_complex "
             "'[2]trim=duration=1,setpts=PTS-STARTPTS[m];[0][1][m][3]concat=n=4,format=yuv420p[v]' "
             "-map '[v]' -map 4 "
             "-c:v libx264 -c:a aac '%s'",
             path);
}

TEST(each_shot_has_a_picture_of_its_own)
{
    CLEANUP_FREE char *path = xasprintf("%s/shots.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    make_shots(path);
    pass_file(path, NULL, &p);
    CHECK_EQ(p.r->shots->n, 4);
    CHECK_EQ(p.r->shot_pictures.n, 4);
    for (int i = 0; i < 4; i++) {
        const struct media_shot *s = &p.r->shots->shots[i];
        CHECK_EQ(s->start_frame, i * 30);
        CHECK_EQ(s->start_us, i * 1000000);
        CHECK_EQ(s->picture_frame, p.r->shot_pictures.p[i].frame);
        CHECK(s->picture_frame >= s->start_frame && s->picture_frame < s->end_frame);
    }
}

static void every_frame_a_shot(struct media_pass_opts *o)
{
    o->shots =
        (struct media_shots_opts){.detector = MEDIA_SHOTS_CONTENT, .threshold = 5, .min_frames = 1};
    o->sample_every = 1;
}

TEST(shots_of_a_frame_have_pictures_too)
{
    CLEANUP_FREE char *path = xasprintf("%s/strobe.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    clip_run("ffmpeg -v error -y -f lavfi -i "
             "\"color=red:s=320x240:r=30:d=1,drawbox=c=blue:t=fill:enable='eq(mod(n,2),1)'\" "
             "-pix_fmt yuv420p -c:v libx264 '%s'",
             path);
    pass_file(path, every_frame_a_shot, &p);
    CHECK_EQ(p.r->shots->n, 30);
    CHECK_EQ(p.r->shot_pictures.n, 30);
    CHECK_EQ(p.r->samples.n, 30);
    for (int i = 0; i < 30; i++)
        CHECK_EQ(p.r->shot_pictures.p[i].frame, i);
}

static void small_tiles(struct media_pass_opts *o)
{
    o->sprite_interval_us = 500000;
    o->sprite_tiles = 20;
    o->sprite_width = 64;
}

TEST(tiles_cover_a_film_of_several_sheets)
{
    CLEANUP_FREE char *path = xasprintf("%s/long.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};
    static struct cue cues[200];

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    clip_run("ffmpeg -v error -y -f lavfi -i \"testsrc2=s=320x180:r=25:d=30.3\" -pix_fmt yuv420p "
             "-c:v libx264 -preset "
             "ultrafast '%s'",
             path);
    pass_file(path, small_tiles, &p);
    int n = pass_cues(&p, cues, 200);
    CHECK_EQ(n, 61);
    CHECK_EQ(p.r->sprites.n, 4);
    CHECK_EQ(p.r->sprites.width, 640);
    CHECK_EQ(p.r->sprites.height, 72);
    CHECK_EQ(cues[0].from_ms, 0);
    CHECK_EQ(cues[n - 1].to_ms, p.r->duration_us / 1000);
    for (int i = 0; i < n; i++) {
        if (i > 0)
            CHECK_EQ(cues[i].from_ms, cues[i - 1].to_ms);
        CHECK(cues[i].to_ms > cues[i].from_ms);
        CHECK_EQ(cues[i].sheet, 1 + i / 20);
        CHECK_EQ(cues[i].x, i % 10 * 64);
        CHECK_EQ(cues[i].y, i % 20 / 10 * 36);
        CHECK(cues[i].w == 64 && cues[i].h == 36);
    }
    CLEANUP_FREE char *last = pass_picture(&p, MEDIA_OUT_SPRITES, &p.r->sprites, 3);
    CLEANUP(film_free) struct film *sheet = film_read(last);
    CHECK(sheet->w == 64 && sheet->h == 36); /* one tile */
}

/* ---- the same bytes -------------------------------------------------------------------------- */

static void pass_with_threads(const char *path, int threads, struct buf outs[MEDIA_OUT_N + 1])
{
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    CLEANUP_CLOSE int in = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(media_pass_result_free) struct media_pass_result *r = NULL;
    struct media_pass_opts o;
    struct media_ctx m;
    struct err e = {0};
    int fds[MEDIA_OUT_N];

    media_ctx_init(&m, conf);
    media_pass_opts_init(&o, conf);
    m.threads = threads;
    for (int i = 0; i < MEDIA_OUT_N; i++)
        CHECK_OK(fs_tmpfile(test_dir(), &fds[i], &e));
    CHECK_OK(media_pass(&m, in, fds, &o, &r, &e));
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        outs[i] = BUF_MAX((size_t)256 << 20);
        CHECK_OK(fs_read_fd(fds[i], outs[i].max, &outs[i], &e));
        fd_close(fds[i]);
    }
    char *report = json_dumps(r->report, JSON_COMPACT);
    outs[MEDIA_OUT_N] = BUF_MAX((size_t)64 << 20);
    buf_addz(&outs[MEDIA_OUT_N], report);
    free(report);
}

TEST(the_same_bytes_on_every_run_and_with_any_threads)
{
    CLEANUP_FREE char *path = xasprintf("%s/again.mp4", test_dir());
    struct buf first[MEDIA_OUT_N + 1], other[MEDIA_OUT_N + 1];
    static const int threads[] = {1, 2, 4};

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    make_shots(path);
    pass_with_threads(path, 2, first);
    for (size_t k = 0; k < ARRAY_LEN(threads); k++) {
        pass_with_threads(path, threads[k], other);
        for (int i = 0; i <= MEDIA_OUT_N; i++) {
            if (!str_eq(buf_str(&first[i]), buf_str(&other[i])))
                fail_msg("output %d differs with %d threads", i, threads[k]);
            buf_finish(&other[i]);
        }
    }
    for (int i = 0; i <= MEDIA_OUT_N; i++)
        buf_finish(&first[i]);
}

/* ---- failing --------------------------------------------------------------------------------- */

TEST(a_full_disk_is_a_storage_error_for_every_output)
{
    CLEANUP_FREE char *path = xasprintf("%s/full.mp4", test_dir());
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    struct media_pass_opts o;
    struct media_ctx m;

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    make_shots(path);
    media_ctx_init(&m, conf);
    media_pass_opts_init(&o, conf);
    for (int full = 0; full < MEDIA_OUT_N; full++) {
        CLEANUP_CLOSE int in = open(path, O_RDONLY | O_CLOEXEC);
        CLEANUP(media_pass_result_free) struct media_pass_result *r = NULL;
        struct err e = {0};
        int fds[MEDIA_OUT_N];
        for (int i = 0; i < MEDIA_OUT_N; i++) {
            if (i == full)
                fds[i] = open("/dev/full", O_RDWR | O_CLOEXEC);
            else
                CHECK_OK(fs_tmpfile(test_dir(), &fds[i], &e));
            CHECK(fds[i] >= 0);
        }
        int got = media_pass(&m, in, fds, &o, &r, &e);
        if (got >= 0 || e.code != ERR_STORAGE)
            fail_msg("output %d on a full disk: %s", full, got < 0 ? e.text : "went well");
        for (int i = 0; i < MEDIA_OUT_N; i++)
            fd_close(fds[i]);
    }
}

/* ---- real clips ------------------------------------------------------------------------------ */

struct real {
    const char *file;
    int proxy_w, proxy_h, proxy_frames;
    int64_t frames;
    bool sound;
};
static const struct real reals[] = {
    {"bbb-vp9-opus.webm", 854, 480, 10, 24, true},
    {"cctv-pets2009-campus.avi", 480, 360, 795, 795, true},
    {"dark-crowd-pcm.mov", 854, 480, 20, 100, true},
    {"flower-timelapse-vp8.webm", 854, 480, 50, 150, true},
    {"foreman-hevc.mp4", 854, 480, 104, 248, false},
    {"one-by-one-person.mp4", 768, 432, 1394, 1394, false},
    {"person-signing.mkv", 640, 480, 37, 109, false},
    {"phone-selfie-portrait-hevc-vfr.mp4", 480, 640, 18, 53, false},
    {"roadtrip-vp9-10bit.webm", 426, 240, 30, 72, false},
    {"shots-bikes.mp4", 640, 272, 100, 250, false},
    {"shots-testvideo.mp4", 854, 480, 240, 720, false},
    {"sport-football-juggle.mp4", 854, 480, 103, 247, false},
    {"woman-and-dog.mp4", 854, 480, 96, 289, true},
};

static int number(const char *path, const char *field)
{
    CLEANUP_FREE char *text = film_field(path, "v:0", field);
    int64_t v = -1;
    str_to_i64(str_of(text), &v);
    return (int)v;
}

TEST(real_clips_come_out_whole)
{
    int seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(reals); i++) {
        const struct real *c = &reals[i];
        CLEANUP_FREE char *name = xasprintf("footage/%s", c->file);
        const char *path = test_shared(name);
        CLEANUP_PASSED struct passed p = {0};
        CLEANUP(frame_index_free) struct frame_index *x = NULL;
        struct err e = {0};

        if (!path)
            continue;
        seen++;
        pass_file(path, NULL, &p);
        CHECK_OK(frame_index_read_fd(p.fds[MEDIA_OUT_INDEX], 100000, &x, &e));
        CHECK_EQ(x->n, c->frames);
        CHECK_EQ(p.r->shots->frames, c->frames);
        CHECK_EQ(p.r->shot_pictures.n, p.r->shots->n);
        CHECK_EQ(p.r->samples.n, (c->frames + 4) / 5);
        CHECK_EQ(p.r->made[MEDIA_OUT_AUDIO], c->sound);
        CHECK_EQ(p.r->decode_errors, 0);
        const char *proxy = p.files[MEDIA_OUT_PROXY];
        if (number(proxy, "width") != c->proxy_w || number(proxy, "height") != c->proxy_h ||
            abs(number(proxy, "nb_frames") - c->proxy_frames) > 1)
            fail_msg("%s: the proxy is %dx%d with %d frames, not %dx%d with %d", c->file,
                     number(proxy, "width"), number(proxy, "height"), number(proxy, "nb_frames"),
                     c->proxy_w, c->proxy_h, c->proxy_frames);
    }
    if (!seen)
        SKIP("no shared clips");
}

MEDIA_TEST_MAIN
