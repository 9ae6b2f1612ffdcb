/* The one pass over clips of every shape: sizes, times, colours and orientation of all that it makes. */
#include <fcntl.h>
#include <math.h>

#include "base/fs.h"
#include "clip.h"
#include "film.h"
#include "media/test_child.h"
#include "vision/deinterlace.h"

#define HD709 "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"
#define SD601 "scale=out_color_matrix=bt601:out_range=tv:flags=accurate_rnd+full_chroma_int"

struct shape {
    const char *name;
    /* the clip */
    int w, h;
    const char *rate;
    int frames;
    const char *filters, *codec, *encoder, *suffix;
    int rotation, flip;
    /* what must come of it */
    int proxy_w, proxy_h, proxy_frames;
    bool own_times; /* the proxy's times are not on the grid */
    int sample_w, sample_h, thumb_w, thumb_h;
    int tolerance; /* of a colour component */
};

static const struct shape shapes[] = {
    {"1080p30", 1920, 1080, "30", 45, HD709 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .proxy_w = 854, .proxy_h = 480, .proxy_frames = 15, .sample_w = 1280, .sample_h = 720,
     .thumb_w = 320, .thumb_h = 180},
    {"tagged 709", 1920, 1080, "30", 6, HD709 ",format=yuv420p",
     "-c:v libx264 -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv",
     "libx264", "mp4", .proxy_w = 854, .proxy_h = 480, .proxy_frames = 2, .sample_w = 1280,
     .sample_h = 720, .thumb_w = 320, .thumb_h = 180},
    {"small is not scaled up", 320, 240, "25", 25, SD601 ",format=yuv420p", "-c:v libx264",
     "libx264", "mp4", .proxy_w = 320, .proxy_h = 240, .proxy_frames = 10, .sample_w = 320,
     .sample_h = 240, .thumb_w = 320, .thumb_h = 240},
    {"turned right", 640, 360, "30", 15, SD601 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .rotation = 90, .proxy_w = 360, .proxy_h = 640, .proxy_frames = 5, .sample_w = 360,
     .sample_h = 640, .thumb_w = 320, .thumb_h = 569},
    {"upside down", 640, 360, "30", 15, SD601 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .rotation = 180, .proxy_w = 640, .proxy_h = 360, .proxy_frames = 5, .sample_w = 640,
     .sample_h = 360, .thumb_w = 320, .thumb_h = 180},
    {"turned left", 1280, 720, "30", 15, HD709 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .rotation = 270, .proxy_w = 480, .proxy_h = 854, .proxy_frames = 5, .sample_w = 720,
     .sample_h = 1280, .thumb_w = 320, .thumb_h = 569},
    {"mirrored", 640, 360, "30", 15, SD601 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .flip = 1, .proxy_w = 640, .proxy_h = 360, .proxy_frames = 5, .sample_w = 640, .sample_h = 360,
     .thumb_w = 320, .thumb_h = 180},
    {"anamorphic", 720, 576, "25", 25, SD601 ",format=yuv420p,setsar=64/45",
     "-c:v mpeg2video -q:v 2", "mpeg2video", "mpg", .proxy_w = 854, .proxy_h = 480,
     .proxy_frames = 10, .sample_w = 1024, .sample_h = 576, .thumb_w = 320, .thumb_h = 180},
    {"narrow pixels", 720, 480, "30000/1001", 30, SD601 ",format=yuv420p,setsar=8/9",
     "-c:v libx264", "libx264", "mp4", .proxy_w = 640, .proxy_h = 480, .proxy_frames = 10,
     .sample_w = 640, .sample_h = 480, .thumb_w = 320, .thumb_h = 240},
    {"60 fps", 640, 360, "60", 60, SD601 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .proxy_w = 640, .proxy_h = 360, .proxy_frames = 10, .sample_w = 640, .sample_h = 360,
     .thumb_w = 320, .thumb_h = 180},
    {"12 fps", 640, 360, "12", 12, SD601 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .proxy_w = 640, .proxy_h = 360, .proxy_frames = 10, .sample_w = 640, .sample_h = 360,
     .thumb_w = 320, .thumb_h = 180},
    {"8 fps", 640, 360, "8", 16, SD601 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .proxy_w = 640, .proxy_h = 360, .proxy_frames = 16, .own_times = true, .sample_w = 640,
     .sample_h = 360, .thumb_w = 320, .thumb_h = 180},
    {"one frame", 640, 360, "30", 1, SD601 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .proxy_w = 640, .proxy_h = 360, .proxy_frames = 1, .sample_w = 640, .sample_h = 360,
     .thumb_w = 320, .thumb_h = 180},
    {"odd size, 4:4:4", 321, 241, "25", 5, SD601 ",format=yuv444p", "-c:v libx264", "libx264",
     "mp4", .proxy_w = 320, .proxy_h = 240, .proxy_frames = 2, .sample_w = 321, .sample_h = 241,
     .thumb_w = 320, .thumb_h = 240},
    {"two by two", 2, 2, "25", 5, SD601 ",format=yuv444p", "-c:v ffv1", "ffv1", "mkv", .proxy_w = 2,
     .proxy_h = 2, .proxy_frames = 2, .sample_w = 2, .sample_h = 2, .thumb_w = 2, .thumb_h = 2,
     .tolerance = 255},
    {"a strip", 4000, 40, "25", 5, HD709 ",format=yuv420p", "-c:v libx264", "libx264", "mp4",
     .proxy_w = 4000, .proxy_h = 40, .proxy_frames = 2, .sample_w = 1280, .sample_h = 13,
     .thumb_w = 320, .thumb_h = 3, .tolerance = 255},
    {"8K", 7680, 4320, "25", 3, HD709 ",format=yuv420p", "-c:v libx264 -preset ultrafast",
     "libx264", "mp4", .proxy_w = 854, .proxy_h = 480, .proxy_frames = 2, .sample_w = 1280,
     .sample_h = 720, .thumb_w = 320, .thumb_h = 180},
    {"full range", 640, 480, "25", 5,
     "scale=out_color_matrix=bt601:out_range=pc:flags=accurate_rnd+full_chroma_int,format=yuvj420p",
     "-c:v mjpeg -q:v 2", "mjpeg", "avi", .proxy_w = 640, .proxy_h = 480, .proxy_frames = 2,
     .sample_w = 640, .sample_h = 480, .thumb_w = 320, .thumb_h = 240},
    {"10 bits", 1280, 720, "25", 5, HD709 ",format=yuv420p10le",
     "-c:v libx265 -x265-params log-level=error", "libx265", "mp4", .proxy_w = 854, .proxy_h = 480,
     .proxy_frames = 2, .sample_w = 1280, .sample_h = 720, .thumb_w = 320, .thumb_h = 180},
    {"4:2:2 10 bits", 1280, 720, "25", 5, HD709 ",format=yuv422p10le", "-c:v prores_ks",
     "prores_ks", "mov", .proxy_w = 854, .proxy_h = 480, .proxy_frames = 2, .sample_w = 1280,
     .sample_h = 720, .thumb_w = 320, .thumb_h = 180},
    {"4:1:1", 640, 480, "25", 5, SD601 ",format=yuv411p", "-c:v ffv1", "ffv1", "mkv",
     .proxy_w = 640, .proxy_h = 480, .proxy_frames = 2, .sample_w = 640, .sample_h = 480,
     .thumb_w = 320, .thumb_h = 240},
    {"planar RGB", 640, 480, "25", 5, "format=gbrp", "-c:v ffv1", "ffv1", "mkv", .proxy_w = 640,
     .proxy_h = 480, .proxy_frames = 2, .sample_w = 640, .sample_h = 480, .thumb_w = 320,
     .thumb_h = 240},
    {"16-bit RGB", 640, 480, "25", 5, "format=rgb48be", "-c:v png", "png", "mov", .proxy_w = 640,
     .proxy_h = 480, .proxy_frames = 2, .sample_w = 640, .sample_h = 480, .thumb_w = 320,
     .thumb_h = 240},
    {"alpha", 640, 480, "25", 5, "format=rgba", "-c:v png", "png", "mov", .proxy_w = 640,
     .proxy_h = 480, .proxy_frames = 2, .sample_w = 640, .sample_h = 480, .thumb_w = 320,
     .thumb_h = 240},
    {"palette", 640, 480, "25", 5, "format=pal8", "-c:v png", "png", "mov", .proxy_w = 640,
     .proxy_h = 480, .proxy_frames = 2, .sample_w = 640, .sample_h = 480, .thumb_w = 320,
     .thumb_h = 240, .tolerance = 40},
    {"VP8", 640, 480, "25", 25, SD601 ",format=yuv420p", "-c:v libvpx -b:v 2M", "libvpx", "webm",
     .proxy_w = 640, .proxy_h = 480, .proxy_frames = 10, .sample_w = 640, .sample_h = 480,
     .thumb_w = 320, .thumb_h = 240},
    {"interlaced, to less than half", 1920, 1080, "25", 10, HD709 ",format=yuv420p,setfield=tff",
     "-c:v libx264 -flags +ildct+ilme -x264opts tff=1", "libx264", "mp4", .proxy_w = 854,
     .proxy_h = 480, .proxy_frames = 4, .sample_w = 1280, .sample_h = 720, .thumb_w = 320,
     .thumb_h = 180},
    {"interlaced, to nearly all", 720, 576, "25", 10,
     SD601 ",format=yuv420p,setfield=tff,setsar=16/15", "-c:v mpeg2video -q:v 2 -flags +ildct+ilme",
     "mpeg2video", "mpg", .proxy_w = 640, .proxy_h = 480, .proxy_frames = 4, .sample_w = 768,
     .sample_h = 576, .thumb_w = 320, .thumb_h = 240},
};

/* Which corner of the source is seen at a corner of the upright picture. */
static int corner_of(const struct shape *s, int at)
{
    static const int turned[4][4] = {{0, 1, 2, 3}, {2, 0, 3, 1}, {3, 2, 1, 0}, {1, 3, 0, 2}};
    int seen = s->flip ? at ^ 1 : at;
    return turned[s->rotation / 90][seen];
}

static void check_corners(const struct shape *s, const struct film *f, int n, const char *what)
{
    int tolerance = s->tolerance ? s->tolerance : 10;

    for (int at = 0; at < 4; at++) {
        struct rgb want = film_corners[corner_of(s, at)];
        struct rgb got =
            film_colour(f, n, at % 2 ? 0.8 : 0.2, at / 2 ? 0.8 : 0.2, MIN(f->w, f->h) / 8);
        if (abs(got.r - want.r) > tolerance || abs(got.g - want.g) > tolerance ||
            abs(got.b - want.b) > tolerance)
            fail_msg("%s: %s: corner %d is %02x%02x%02x, not %02x%02x%02x", s->name, what, at,
                     got.r, got.g, got.b, want.r, want.g, want.b);
    }
}

static void check_size(const struct shape *s, const struct film *f, int w, int h, const char *what)
{
    if (f->w != w || f->h != h)
        fail_msg("%s: %s is %dx%d, not %dx%d", s->name, what, f->w, f->h, w, h);
}

#define SHOT_SIDE_MAX 1280

static void check_jpeg(const struct shape *s, const char *path, int w, int h, const char *what)
{
    CLEANUP(film_free) struct film *f = film_read(path);
    check_size(s, f, w, h, what);
    check_corners(s, f, 0, what);
}

static void check_field(const struct shape *s, const char *path, const char *field,
                        const char *want)
{
    CLEANUP_FREE char *got = film_field(path, "v:0", field);
    if (strcmp(got, want) != 0)
        fail_msg("%s: the proxy's %s is %s, not %s", s->name, field, got, want);
}

static void check_index_first(const struct shape *s, const char *path)
{
    CLEANUP_BUF struct buf bytes = BUF_MAX((size_t)64 << 20);
    struct err e = {0};
    CHECK_OK(fs_read_file(path, bytes.max, &bytes, &e));
    const char *moov = memmem(bytes.p, bytes.n, "moov", 4),
               *mdat = memmem(bytes.p, bytes.n, "mdat", 4);
    if (!moov || !mdat || moov > mdat)
        fail_msg("%s: the proxy's index is not in front", s->name);
}

static void check_proxy(const struct shape *s, const struct passed *p)
{
    const char *path = p->files[MEDIA_OUT_PROXY];
    CLEANUP(film_free) struct film *f = film_read(path);
    double rate = s->own_times ? strtod(s->rate, NULL) : 10;

    check_size(s, f, s->proxy_w, s->proxy_h, "proxy");
    CHECK_EQ(p->r->proxy_width, s->proxy_w);
    CHECK_EQ(p->r->proxy_height, s->proxy_h);
    if (f->n != s->proxy_frames)
        fail_msg("%s: the proxy has %d frames, not %d", s->name, f->n, s->proxy_frames);
    for (int i = 0; i < f->n; i++)
        CHECK_NEAR(f->times[i], i / rate, 0.0006);
    check_corners(s, f, 0, "first frame of the proxy");
    check_corners(s, f, f->n - 1, "last frame of the proxy");
    check_field(s, path, "codec_name", "h264");
    check_field(s, path, "profile", "High");
    check_field(s, path, "pix_fmt", "yuv420p");
    check_field(s, path, "color_range", "tv");
    check_field(s, path, "sample_aspect_ratio", "1:1");
    check_index_first(s, path);
}

static void check_sprites(const struct shape *s, const struct passed *p)
{
    CLEANUP_FREE char *path = pass_picture(p, MEDIA_OUT_SPRITES, &p->r->sprites, 0);
    CLEANUP(film_free) struct film *sheet = film_read(path);
    struct cue cues[8];
    int n = pass_cues(p, cues, 8);

    CHECK_EQ(n, 1); /* no clip here is longer than an interval */
    CHECK_EQ(cues[0].from_ms, 0);
    CHECK_EQ(cues[0].to_ms, p->r->duration_us / 1000);
    CHECK_EQ(cues[0].sheet, 1);
    check_size(s, sheet, cues[0].w, cues[0].h, "sheet");
    CHECK(cues[0].w <= 160 && cues[0].w % 2 == 0 && cues[0].h % 2 == 0);
    check_corners(s, sheet, 0, "tile");
}

static void check_shape(const struct shape *s)
{
    CLEANUP_FREE char *path = xasprintf("%s/clip.%s", test_dir(), s->suffix);
    CLEANUP_FREE char *graph = film_corner_graph(s->w, s->h, s->rate, s->filters);
    CLEANUP_PASSED struct passed p = {0};

    clip_run("ffmpeg -v error -y -filter_complex '%s' -map '[v]' -frames:v %d %s '%s'", graph,
             s->frames, s->codec, path);
    if (s->rotation || s->flip)
        film_set_rotation(path, s->rotation, s->flip);
    pass_file(path, NULL, &p);

    check_proxy(s, &p);
    check_jpeg(s, p.files[MEDIA_OUT_THUMB], s->thumb_w, s->thumb_h, "thumb");
    check_jpeg(s, p.files[MEDIA_OUT_POSTER], s->thumb_w, s->thumb_h, "poster");
    CHECK_EQ(p.r->samples.n, (s->frames + 4) / 5);
    CLEANUP_FREE char *sample =
        pass_picture(&p, MEDIA_OUT_SAMPLES, &p.r->samples, p.r->samples.n - 1);
    check_jpeg(s, sample, s->sample_w, s->sample_h, "sample");
    CHECK_EQ(p.r->samples.p[p.r->samples.n - 1].frame, (p.r->samples.n - 1) * 5);
    CHECK_EQ(p.r->shots->n, 1);
    CHECK_EQ(p.r->shot_pictures.n, 1);
    CHECK_EQ(p.r->shots->shots[0].picture_frame, p.r->shot_pictures.p[0].frame);
    CLEANUP_FREE char *shot = pass_picture(&p, MEDIA_OUT_SHOTS, &p.r->shot_pictures, 0);
    /* the proxy's picture, kept small where the proxy is large */
    int side = MAX(s->proxy_w, s->proxy_h), shot_w = s->proxy_w, shot_h = s->proxy_h;
    if (side > SHOT_SIDE_MAX) {
        shot_w = (s->proxy_w * SHOT_SIDE_MAX + side / 2) / side;
        shot_h = (s->proxy_h * SHOT_SIDE_MAX + side / 2) / side;
    }
    check_jpeg(s, shot, shot_w, shot_h, "picture of the shot");
    check_sprites(s, &p);
    CHECK(!p.r->made[MEDIA_OUT_AUDIO] && !p.r->made[MEDIA_OUT_PEAKS]);
    CHECK(!p.r->variable_rate);
    CHECK(isnan(p.r->loudness_lufs));
    remove(path);
}

TEST(pass_makes_upright_pictures_of_the_right_size_and_colour)
{
    int seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        if (!clip_can(shapes[i].encoder))
            continue;
        seen++;
        check_shape(&shapes[i]);
    }
    if (!seen)
        SKIP("no ffmpeg");
}

/* ---- high dynamic range -------------------------------------------------------------------- */

struct range {
    const char *transfer;
    int code; /* of a neutral grey, 10 bits, studio range */
    int want; /* what it must come out as */
};
/* 203 nits, the white of graphics (BT.2408), is to come out a little below white; black stays black. */
static const struct range ranges[] = {
    {"smpte2084", 573, 212},
    {"arib-std-b67", 721, 212},
    {"smpte2084", 64, 0},
    {"arib-std-b67", 64, 0},
};

static void check_grey(const struct range *r, const char *path, const char *what)
{
    CLEANUP(film_free) struct film *f = film_read(path);
    struct rgb c = film_colour(f, 0, 0.5, 0.5, 16);
    if (abs(c.g - r->want) > 6 || abs(c.r - c.g) > 2 || abs(c.b - c.g) > 2)
        fail_msg("%s %d: %s is %d %d %d, not grey of %d", r->transfer, r->code, what, c.r, c.g, c.b,
                 r->want);
}

TEST(high_dynamic_range_is_shown_as_an_ordinary_picture)
{
    CLEANUP_FREE char *path = xasprintf("%s/hdr.mkv", test_dir());

    if (!clip_can("ffv1"))
        SKIP("no ffmpeg with ffv1");
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        const struct range *r = &ranges[i];
        CLEANUP_PASSED struct passed p = {0};
        clip_run("ffmpeg -v error -y -f lavfi -i "
                 "'color=black:s=1280x720:r=25:d=0.2,format=yuv420p10le,geq=lum=%d:cb=512:"
                 "cr=512' -c:v ffv1 -color_trc %s -color_primaries bt2020 -colorspace bt2020nc "
                 "-color_range tv '%s'",
                 r->code, r->transfer, path);
        pass_file(path, NULL, &p);
        CHECK(p.r->info->streams[p.r->info->video].hdr);
        CLEANUP_FREE char *sample = pass_picture(&p, MEDIA_OUT_SAMPLES, &p.r->samples, 0);
        check_grey(r, p.files[MEDIA_OUT_PROXY], "proxy");
        check_grey(r, p.files[MEDIA_OUT_THUMB], "thumb");
        check_grey(r, sample, "sample");
    }
}

/* ---- interlaced ---------------------------------------------------------------------------- */

static void check_combs(const char *path, int n, const char *what)
{
    CLEANUP(film_free) struct film *f = film_read(path);
    struct vision_frame view = vision_frame_rgb24(
        f->rgb + (size_t)n * (size_t)f->w * (size_t)f->h * 3, f->w, f->h, (ptrdiff_t)f->w * 3);
    double combed = deinterlace_combing(&view);
    if (combed > DEINTERLACE_COMBED)
        fail_msg("%s is combed: %.4f", what, combed);
}

/* Else the test would show nothing. */
static void check_is_combed(const char *path)
{
    CLEANUP(film_free) struct film *f = film_read(path);
    struct vision_frame view = vision_frame_rgb24(
        f->rgb + (size_t)5 * (size_t)f->w * (size_t)f->h * 3, f->w, f->h, (ptrdiff_t)f->w * 3);
    CHECK(deinterlace_combing(&view) > DEINTERLACE_COMBED);
}

TEST(interlaced_motion_leaves_no_combs)
{
    static const char *const sizes[] = {"1920x1080", "720x576"};
    CLEANUP_FREE char *path = xasprintf("%s/fields.mp4", test_dir());

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (int bottom = 0; bottom < 2; bottom++) {
            CLEANUP_PASSED struct passed p = {0};
            /* a bar that moves twenty pixels from field to field */
            clip_run("ffmpeg -v error -y -f lavfi -i "
                     "\"color=0x404040:s=%s:r=50:d=1[b];color=white:s=60x400:r=50:d=1[w];"
                     "[b][w]overlay=x='20*n':y=40,tinterlace=%s,setfield=%s\" -c:v libx264 -flags "
                     "+ildct+ilme -x264opts "
                     "%s=1 -pix_fmt yuv420p '%s'",
                     sizes[i], bottom ? "interleave_bottom" : "interleave_top",
                     bottom ? "bff" : "tff", bottom ? "bff" : "tff", path);
            check_is_combed(path);
            pass_file(path, NULL, &p);
            CLEANUP_FREE char *sample = pass_picture(&p, MEDIA_OUT_SAMPLES, &p.r->samples, 2);
            check_combs(p.files[MEDIA_OUT_PROXY], 5, "proxy");
            check_combs(sample, 0, "sample");
        }
}

MEDIA_TEST_MAIN
