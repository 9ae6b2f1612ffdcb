/*
 * Cuts: the sound stays where the picture is, to the sample, and pictures of every shape come out as something that
 * plays. That the right frames come out is truth_test.c's.
 */
#include <fcntl.h>
#include <math.h>

#include "base/fs.h"
#include "clip.h"
#include "conf/conf.h"
#include "media/frame_index.h"
#include "media/source.h"
#include "media/test_child.h"

#define RATE CLIP_RATE

static struct media_ctx context(void)
{
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    struct media_ctx m;

    media_ctx_init(&m, conf);
    m.threads = 2;
#ifdef __SANITIZE_ADDRESS__
    m.sandbox =
        MEDIA_SANDBOX_OFF; /* the leak check at the child's end looks around more than the sandbox allows */
#endif
    return m;
}

static int temporary(void)
{
    struct err e = {0};
    int fd = -1;

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    return fd;
}

/* Makes a clip and opens it. */
static int make(const char *name, const char *input, const char *coding, char path[static 256])
{
    char raw[256], sound[256];

    snprintf(raw, sizeof(raw), "%s/raw.yuv", test_dir());
    snprintf(sound, sizeof(sound), "%s/sound.pcm", test_dir());
    clip_write_raw(raw, 0, 150);
    clip_write_sound(sound, RATE * 6);
    snprintf(path, 256, "%s/%s", test_dir(), name);
    clip_run("ffmpeg -v error -y -f rawvideo -pix_fmt yuv420p -s %dx%d -r 25 -i %s -f s16le -ar %d "
             "-ac 1 %s -i %s "
             "-map 0:v -map 1:a %s %s < /dev/null",
             CLIP_WIDTH, CLIP_HEIGHT, raw, RATE, input, sound, coding, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static struct frame_index *index_into(int fd, int index_fd)
{
    struct media_ctx m = context();
    struct err e = {0};
    struct frame_index *x = NULL;

    CHECK_OK(media_index(&m, fd, index_fd, &e));
    CHECK_OK(frame_index_read_fd(index_fd, 0, &x, &e));
    return x;
}

struct sound {
    VEC(float) v; /* the first channel, from file time 0; holes are 0 */
    int rate, channels;
};

static float sample_of(const AVFrame *f, int i)
{
    int at = av_sample_fmt_is_planar(f->format) ? i : i * f->ch_layout.nb_channels;

    switch (av_get_packed_sample_fmt(f->format)) {
    case AV_SAMPLE_FMT_S16:
        return (float)((const int16_t *)f->extended_data[0])[at] / 32768;
    case AV_SAMPLE_FMT_S32:
        return (float)((const int32_t *)f->extended_data[0])[at] / 2147483648.0f;
    case AV_SAMPLE_FMT_FLT:
        return ((const float *)f->extended_data[0])[at];
    default:
        fail_msg("sample format %d", f->format);
        return 0;
    }
}

static void hear(int fd, struct sound *s)
{
    struct media_ctx m = context();
    struct err e = {0};
    struct source_frame f;
    CLEANUP(source_free) struct source *src = NULL;
    int got;

    *s = (struct sound){0};
    CHECK_OK(lav_load(&e));
    av_log_set_level(AV_LOG_QUIET);
    CHECK_OK(source_open(fd, &m.limits, &src, &e));
    CHECK_OK(source_decode(src, SOURCE_WANT_AUDIO, 1, &e));
    while ((got = source_next(src, &f, &e)) > 0) {
        s->rate = f.frame->sample_rate;
        s->channels = f.frame->ch_layout.nb_channels;
        int64_t at = (int64_t)llround((double)f.us * s->rate / 1e6);
        for (int i = 0; i < f.frame->nb_samples; i++) {
            if (at + i < 0)
                continue;
            while ((int64_t)s->v.n <= at + i)
                VEC_PUSH(&s->v, 0.0f);
            s->v.p[at + i] = sample_of(f.frame, i);
        }
        av_frame_free(&f.frame);
    }
    CHECK_EQ(got, SOURCE_EOF);
}

/* How well b, moved by lag, is a part of a from position `at` on: 1 the same, 0 nothing in common. */
static double likeness(const struct sound *a, int64_t at, const struct sound *b, int lag, size_t n)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 2000; i + 2000 < n; i++) {
        int64_t j = at + (int64_t)i + lag;
        double x = j >= 0 && j < (int64_t)a->v.n ? a->v.p[j] : 0, y = b->v.p[i];
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return ab / sqrt(aa * bb + 1e-12);
}

static int best_lag(const struct sound *a, int64_t at, const struct sound *b, size_t n,
                    double *ret_likeness)
{
    int best = 0;

    *ret_likeness = -1;
    for (int lag = -1500; lag <= 1500; lag++) {
        double l = likeness(a, at, b, lag, n);
        if (l > *ret_likeness) {
            *ret_likeness = l;
            best = lag;
        }
    }
    return best;
}

static void check_sound(const char *name, const char *input, const char *coding, int tolerance)
{
    static const struct {
        int64_t from, to;
    } cuts[] = {{0, 50}, {37, 62}, {88, 130}, {13, 150}};
    char path[256];
    struct media_ctx m = context();
    struct err e = {0};
    CLEANUP_CLOSE int fd = make(name, input, coding, path);
    CLEANUP_CLOSE int index_fd = temporary();
    CLEANUP(frame_index_free) struct frame_index *x = index_into(fd, index_fd);
    struct sound whole;

    hear(fd, &whole);
    CHECK_EQ(whole.rate, RATE);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        const struct media_cut_opts o = {
            .from_frame = cuts[i].from, .to_frame = cuts[i].to, .crf = 30, .preset = "ultrafast"};
        CLEANUP_CLOSE int out = temporary();
        struct sound part;
        double like;
        CHECK_OK(media_cut(&m, fd, index_fd, out, &o, &e));
        hear(out, &part);
        int64_t from_us = frame_index_us(x, o.from_frame),
                us = frame_index_us(x, o.to_frame) - from_us;
        int64_t at = (int64_t)llround((double)from_us * RATE / 1e6);
        size_t want = (size_t)MIN(llround((double)us * RATE / 1e6),
                                  (int64_t)whole.v.n - at);    /* as far as it goes */
        if (part.v.n + 2 < want || part.v.n > want + 1024 + 2) /* the last block may be padded */
            fail_msg("%s: cut %lld-%lld has %zu samples, %zu expected", name,
                     (long long)o.from_frame, (long long)o.to_frame, part.v.n, want);
        int lag = best_lag(&whole, at, &part, MIN(want, part.v.n), &like);
        print_message("%s: cut %lld-%lld: lag %d samples, likeness %.3f\n", name,
                      (long long)o.from_frame, (long long)o.to_frame, lag, like);
        if (abs(lag) > tolerance || like < 0.8)
            fail_msg("%s: cut %lld-%lld: lag %d samples, likeness %.3f", name,
                     (long long)o.from_frame, (long long)o.to_frame, lag, like);
        VEC_FINISH(&part.v);
    }
    VEC_FINISH(&whole.v);
}

#define X264 "-c:v libx264 -preset veryfast -g 50 "
#define NEEDS(encoder)                                                                             \
    if (!clip_can(encoder))                                                                        \
    SKIP("no ffmpeg command with the encoder")

TEST(cut_sound_of_mp4_with_aac)
{
    NEEDS("libx264");
    check_sound("aac.mp4", "", X264 "-c:a aac -b:a 128k", 1);
}

TEST(cut_sound_of_mov_with_pcm)
{
    NEEDS("libx264");
    check_sound("pcm.mov", "", X264 "-c:a pcm_s16le", 1);
}

TEST(cut_sound_of_transport_stream)
{
    NEEDS("libx264");
    check_sound("aac.ts", "", X264 "-c:a aac -b:a 128k", 1);
}

/* Matroska keeps times in milliseconds, of 48 samples each: that is as well as a place can be known there. */
TEST(cut_sound_of_mkv_with_opus)
{
    NEEDS("libopus");
    check_sound("opus.mkv", "", X264 "-c:a libopus -b:a 128k", 49);
}

TEST(cut_sound_of_mkv_with_flac)
{
    NEEDS("libx264");
    check_sound("flac.mkv", "", X264 "-c:a flac", 49);
}

TEST(cut_sound_of_avi_with_mp3)
{
    NEEDS("libmp3lame");
    check_sound("mp3.avi", "", "-c:v mjpeg -q:v 4 -c:a libmp3lame -b:a 128k", 49);
}

/* Sound that begins later than the picture, by an amount that is no frame. */
TEST(cut_sound_that_begins_late_is_preceded_by_silence)
{
    NEEDS("libx264");
    check_sound("late.mp4", "-itsoffset 1.2345", X264 "-c:a aac -b:a 128k", 1);
}

/* The picture starts at 1.2345 s on the file's clock. */
TEST(cut_sound_that_begins_early)
{
    NEEDS("libx264");
    check_sound("early.mkv", "-itsoffset -1.2345", X264 "-c:a aac -b:a 128k", 49);
}

/* ---- shapes ---------------------------------------------------------------------------------------------------- */

static struct media_info *cut_of(int fd, int64_t from, int64_t to)
{
    struct media_ctx m = context();
    struct err e = {0};
    CLEANUP_CLOSE int index_fd = temporary();
    CLEANUP_CLOSE int out = temporary();
    CLEANUP(frame_index_free) struct frame_index *x = index_into(fd, index_fd);
    const struct media_cut_opts o = {
        .from_frame = from, .to_frame = to, .crf = 23, .preset = "ultrafast"};
    struct media_info *info = NULL;

    CHECK_OK(media_cut(&m, fd, index_fd, out, &o, &e));
    CHECK_OK(media_probe(&m, out, &info, &e));
    /* the table of contents is in front: what is cut can be played while it is fetched */
    char head[4096];
    ssize_t n = pread(out, head, sizeof(head), 0);
    char *moov = n > 0 ? memmem(head, (size_t)n, "moov", 4) : NULL,
         *mdat = memmem(head, (size_t)n, "mdat", 4);
    CHECK(moov && (!mdat || moov < mdat));
    return info;
}

struct shape {
    const char *name, *coding; /* from a test picture of 320 x 240 */
    int width, height, sar_num, sar_den;
    const char *transfer; /* "" not looked at */
    bool full_range;
};
static const struct shape shapes[] = {
    {"aspect.mp4", "-vf setsar=4/3 -c:v libx264 -pix_fmt yuv420p", 320, 240, 4, 3, "", false},
    {"odd.mkv", "-vf scale=319:239 -c:v ffv1 -pix_fmt yuv444p", 318, 238, 1, 1, "", false},
    {"tiny.mkv", "-vf scale=1:1 -c:v ffv1 -pix_fmt yuv444p", 2, 2, 1, 1, "", false},
    {"thin.mkv", "-vf scale=3:200 -c:v ffv1 -pix_fmt yuv444p", 2, 200, 1, 1, "", false},
    {"deep.mkv", "-c:v ffv1 -pix_fmt yuv420p10le", 320, 240, 1, 1, "", false},
    {"hdr.mkv",
     "-c:v ffv1 -pix_fmt yuv420p10le -color_trc smpte2084 -color_primaries bt2020 -colorspace "
     "bt2020nc -color_range tv",
     320, 240, 1, 1, "bt709", false},
    {"rgb.mkv", "-c:v ffv1 -pix_fmt gbrp", 320, 240, 1, 1, "", false},
    {"grey.mkv", "-c:v ffv1 -pix_fmt gray", 320, 240, 1, 1, "", false},
    {"alpha.mkv", "-c:v ffv1 -pix_fmt yuva420p", 320, 240, 1, 1, "", false},
    {"full.mp4", "-c:v libx264 -pix_fmt yuvj420p -color_range pc", 320, 240, 1, 1, "", true},
    {"tagged.mp4",
     "-c:v libx264 -pix_fmt yuv420p -color_trc smpte170m -color_primaries smpte170m -colorspace "
     "smpte170m -color_range tv",
     320, 240, 1, 1, "smpte170m", false},
    {"interlaced.mpg", "-c:v mpeg2video -q:v 3 -flags +ildct+ilme -pix_fmt yuv422p", 320, 240, 1, 1,
     "", false},
};

TEST(cut_pictures_of_every_shape)
{
    NEEDS("libx264");
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct shape *s = &shapes[i];
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", test_dir(), s->name);
        clip_run(
            "ffmpeg -v error -y -f lavfi -i testsrc2=s=320x240:r=25 -frames:v 30 %s %s < /dev/null",
            s->coding, path);
        CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        CLEANUP(media_info_free) struct media_info *info = cut_of(fd, 5, 25);
        const struct media_stream *v = &info->streams[info->video];
        CHECK_STR(v->codec, "h264");
        if (v->width != s->width || v->height != s->height || v->bit_depth != 8 || v->hdr ||
            v->sample_aspect.num != s->sar_num || v->sample_aspect.den != s->sar_den ||
            v->full_range != s->full_range ||
            (*s->transfer && strcmp(v->color_transfer, s->transfer) != 0) || v->frame_count != 20)
            fail_msg("%s: cut is %dx%d %s, aspect %d:%d, transfer %s, %lld frames", s->name,
                     v->width, v->height, v->pixel_format, v->sample_aspect.num,
                     v->sample_aspect.den, v->color_transfer, (long long)v->frame_count);
        CHECK_EQ(info->duration_us, 800000);
    }
}

TEST(cut_of_a_phone_clip_keeps_how_it_is_turned)
{
    const char *path = test_shared("footage/phone-selfie-portrait-hevc-vfr.mp4");
    if (!path)
        SKIP("no shared clips");
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(media_info_free) struct media_info *info = cut_of(fd, 10, 40);
    const struct media_stream *v = &info->streams[info->video];

    CHECK_EQ(v->rotation, 270);
    CHECK(!v->flip);
    CHECK_EQ(v->display_width, 1080);
    CHECK_EQ(v->display_height, 1440);
    CHECK_EQ(v->frame_count, 30);
}

TEST(cut_of_surround_sound_and_of_high_rates)
{
    static const struct {
        const char *name, *layout, *coding;
        int rate, channels;
    } kinds[] = {
        {"five.mkv", "5.1", "-c:a flac -ar 48000", 48000, 6},
        {"seven.mkv", "7.1", "-c:a flac -ar 48000", 48000, 2},
        {"quad.mkv", "4.0", "-c:a flac -ar 44100", 44100, 2},
        {"high.mkv", "stereo", "-c:a flac -ar 96000", 48000, 2},
        {"mono.mkv", "mono", "-c:a flac -ar 22050", 22050, 1},
        {"odd.mkv", "mono", "-c:a flac -ar 37800", 48000, 1},
    };

    NEEDS("libx264");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", test_dir(), kinds[i].name);
        clip_run("ffmpeg -v error -y -f lavfi -i testsrc2=s=64x64:r=25 -f lavfi -i "
                 "anoisesrc=r=48000,aformat=channel_layouts=%s -t 2 -c:v libx264 %s %s < /dev/null",
                 kinds[i].layout, kinds[i].coding, path);
        CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        CLEANUP(media_info_free) struct media_info *info = cut_of(fd, 10, 35);
        CHECK(info->audio >= 0);
        const struct media_stream *a = &info->streams[info->audio];
        CHECK_STR(a->codec, "aac");
        if (a->sample_rate != kinds[i].rate || a->channels != kinds[i].channels)
            fail_msg("%s: %d Hz, %d channels", kinds[i].name, a->sample_rate, a->channels);
        CHECK(a->duration_us > 990000 && a->duration_us < 1050000);
    }
}

/* A stretch in which the file has no sound: the cut has none either, and is no failure. */
TEST(cut_behind_the_end_of_the_sound)
{
    NEEDS("libx264");
    char path[256];

    snprintf(path, sizeof(path), "%s/short.mp4", test_dir());
    clip_run("ffmpeg -v error -y -f lavfi -i testsrc2=s=64x64:r=25:d=6 -f lavfi -i sine=d=2 -c:v "
             "libx264 -g 25 -c:a aac "
             "%s < /dev/null",
             path);
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(media_info_free) struct media_info *info = cut_of(fd, 100, 140);

    CHECK_EQ(info->audio, -1);
    CHECK_EQ(info->streams[info->video].frame_count, 40);
}

MEDIA_TEST_MAIN
