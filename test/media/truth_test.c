/*
 * Frame truth. For each kind of file: a linear decode by the ffmpeg command says what is shown and when; our numbering
 * must be that, frame for frame; and whatever frame is sought or cut must carry the number that it has in the picture.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "clip.h"
#include "conf/conf.h"
#include "media/frame_index.h"
#include "media/source.h"
#include "media/test_child.h"

#define FRAMES      250
#define SEEKS       180
#define CUTS        20
#define CUT_LONGEST 40
#define RAW_BYTES   (CLIP_WIDTH * CLIP_HEIGHT * 3 / 2)

struct kind {
    const char *name, *encoder;
    const char *file;   /* its ending picks the container */
    const char *input;  /* options before the raw input: the rate */
    const char *coding; /* options of the coder */
    const char *again;  /* a shell command that makes %2$s of %1$s afterwards, or NULL */
    bool short_sound;   /* the picture goes on after it */
    bool odd_clock;     /* the ffmpeg command tells other times than we do: see the comment there */
};

#define X264 "-c:v libx264 -preset veryfast -pix_fmt yuv420p "
static const struct kind kinds[] = {
    {"cfr25", "libx264", "mp4", "-r 25", X264 "-g 50 -bf 2"},
    {"ntsc", "libx264", "mp4", "-r 30000/1001", X264 "-g 60"},
    {"variable", "libx264", "mp4", "-r 25",
     X264 "-g 40 -vf \"settb=1/90000,setpts='N*3600+1700*mod(N*7,3)'\" -fps_mode passthrough "
          "-enc_time_base 1:90000"},
    {"slow", "libx264", "mp4", "-r 25", .short_sound = true,
     .coding = X264 "-g 12 -vf \"settb=1/1000,setpts='N*700+600*mod(N,2)'\" -fps_mode passthrough "
                    "-enc_time_base 1:1000"},
    {"b_frames", "libx264", "mp4", "-r 25",
     X264 "-g 120 -bf 8 -b_strategy 0 -refs 5 -x264-params b-pyramid=normal"},
    {"edit_list", "libx264", "mp4", "-r 25", X264 "-g 50 -bf 3",
     "ffmpeg -v error -y -ss 1.3 -i %s -c copy %s"},
    {"edit_list_end", "libx264", "mp4", "-r 25", X264 "-g 50 -bf 3",
     "ffmpeg -v error -y -ss 2.7 -i %s -t 4.1 -c copy %s"},
    {"open_gop_mp4", "libx264", "mp4", "-r 25",
     X264 "-bf 3 -b_strategy 0 -x264-params open-gop=1:keyint=25:min-keyint=25"},
    {"open_gop_mkv", "libx264", "mkv", "-r 25",
     X264 "-bf 3 -b_strategy 0 -x264-params open-gop=1:keyint=25:min-keyint=25"},
    {"open_gop_ts", "libx264", "ts", "-r 25",
     X264 "-bf 3 -b_strategy 0 -x264-params open-gop=1:keyint=25:min-keyint=25"},
    {"hevc", "libx265", "mp4", "-r 25",
     "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=40:open-gop=0"},
    {"hevc_open_gop", "libx265", "mkv", "-r 25",
     "-c:v libx265 -preset ultrafast -x265-params "
     "log-level=none:keyint=30:min-keyint=30:open-gop=1:bframes=4"},
    {"ts", "libx264", "ts", "-r 25", X264 "-g 50 -bf 2 -output_ts_offset 5000"},
    {"ts_clock_reset", "libx264", "ts", "-r 25", X264 "-g 50 -bf 2", "cat %1$s %1$s > %2$s",
     .odd_clock = true},
    {"mkv", "libx264", "mkv", "-r 25", X264 "-g 50 -bf 2"},
    {"fragments", "libx264", "mp4", "-r 25", X264 "-g 50 -bf 2 -movflags frag_keyframe+empty_moov"},
    {"flv", "libx264", "flv", "-r 25", X264 "-g 50 -bf 2"},
    {"intra_refresh", "libx264", "mp4", "-r 25",
     X264 "-bf 0 -x264-params intra-refresh=1:keyint=40"},
    {"vp9_altref", "libvpx-vp9", "webm", "-r 25",
     "-c:v libvpx-vp9 -b:v 300k -g 60 -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 8 -row-mt 1"},
    {"av1", "libsvtav1", "mp4", "-r 25",
     "-c:v libsvtav1 -preset 12 -g 50 -svtav1-params fast-decode=1"},
    {"mjpeg_avi", "mjpeg", "avi", "-r 25", "-c:v mjpeg -q:v 3"},
    {"h264_avi", "libx264", "avi", "-r 25", X264 "-g 50 -bf 2", .odd_clock = true},
    {"mpeg4_avi", "mpeg4", "avi", "-r 25", "-c:v mpeg4 -q:v 3 -bf 2 -g 40", .odd_clock = true},
    {"mpeg2_interlaced", "mpeg2video", "mpg", "-r 25",
     "-c:v mpeg2video -q:v 3 -flags +ildct+ilme -bf 2 -g 15 -top 1"},
    {"mpeg2_ts", "mpeg2video", "ts", "-r 25", "-c:v mpeg2video -q:v 3 -bf 2 -g 15"},
    {"prores", "prores", "mov", "-r 25", "-c:v prores -pix_fmt yuv422p10le"},
};

struct truth {
    int n;
    int code[FRAMES * 2 + 10];    /* what the picture of frame i says */
    int64_t pts[FRAMES * 2 + 10]; /* as the command tells it; INT64_MIN unknown */
};

/* xorshift: the same seeks in every run */
static uint64_t random_state;
static int64_t below(int64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int64_t)(random_state % (uint64_t)n);
}

static void make_clip(const struct kind *k, char path[static 512])
{
    char raw[256], sound[256], first[512];

    snprintf(raw, sizeof(raw), "%s/raw.yuv", test_dir());
    snprintf(sound, sizeof(sound), "%s/sound.pcm", test_dir());
    struct stat st;
    if (stat(raw, &st) < 0) {
        clip_write_raw(raw, 0, FRAMES);
        clip_write_sound(sound, CLIP_RATE * 10);
    }
    snprintf(first, sizeof(first), "%s/%s.%s", test_dir(), k->name, k->file);
    const char *audio = strcmp(k->file, "webm") == 0  ? "libopus"
                        : strcmp(k->file, "mpg") == 0 ? "mp2"
                                                      : "aac";
    clip_run("ffmpeg -v error -y -f rawvideo -pix_fmt yuv420p -s %dx%d %s -i %s -f s16le -ar %d "
             "-ac 1 -i %s "
             "-map 0:v -map 1:a %s -c:a %s -strict -2 %s < /dev/null",
             CLIP_WIDTH, CLIP_HEIGHT, k->input, raw, CLIP_RATE, sound, k->coding, audio, first);
    snprintf(path, 512, "%s", first);
    if (k->again) {
        char command[1200];
        snprintf(path, 512, "%s/%s_2.%s", test_dir(), k->name, k->file);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
        snprintf(command, sizeof(command), k->again, first, path);
#pragma GCC diagnostic pop
        clip_run("%s", command);
    }
}

/* What the ffmpeg command shows of the file, and when. */
static void read_truth(const char *path, struct truth *t)
{
    char raw[600];

    snprintf(raw, sizeof(raw), "%s.raw", path);
    clip_run("ffmpeg -v quiet -y -i %s -map 0:v:0 -fps_mode passthrough -f rawvideo -pix_fmt "
             "yuv420p %s < /dev/null",
             path, raw);
    FILE *f = fopen(raw, "rb");
    CHECK(f != NULL);
    CLEANUP_FREE uint8_t *frame = xmalloc(RAW_BYTES);
    t->n = 0;
    while (fread(frame, RAW_BYTES, 1, f) == 1) {
        CHECK(t->n < (int)ARRAY_LEN(t->code));
        t->code[t->n++] = clip_number(frame, CLIP_WIDTH, CLIP_WIDTH, CLIP_HEIGHT);
    }
    fclose(f);
    unlink(raw);

    CLEANUP_FREE char *lines = clip_output("ffprobe -v quiet -select_streams v:0 -show_entries "
                                           "frame=best_effort_timestamp -of csv=p=0 %s",
                                           path);
    struct str rest = str_of(lines), line;
    int n = 0;
    while (str_cut(&rest, '\n', &line) && n < t->n) {
        struct str number;
        int64_t pts;
        line = str_trim(line);
        if (line.n == 0)
            continue;
        str_cut(&line, ',', &number);
        t->pts[n++] = str_to_i64(number, &pts) ? pts : INT64_MIN;
    }
    CHECK_EQ(n, t->n);
}

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

static int number_in(const AVFrame *f)
{
    /* deep and full-range pictures are read by their top eight bits */
    if (f->format == AV_PIX_FMT_YUV422P10LE) {
        CLEANUP_FREE uint8_t *flat = xmalloc((size_t)f->width * (size_t)f->height);
        for (int y = 0; y < f->height; y++)
            for (int x = 0; x < f->width; x++)
                flat[y * f->width + x] =
                    (uint8_t)(((const uint16_t *)(f->data[0] + (ptrdiff_t)y * f->linesize[0]))[x] >>
                              2);
        return clip_number(flat, f->width, f->width, f->height);
    }
    return clip_number(f->data[0], f->linesize[0], f->width, f->height);
}

static struct frame_index *index_of(int fd)
{
    struct media_ctx m = context();
    struct err e = {0};
    CLEANUP_CLOSE int out = -1;
    struct frame_index *x = NULL;

    CHECK_OK(fs_tmpfile(test_dir(), &out, &e));
    CHECK_OK(media_index(&m, fd, out, &e));
    CHECK_OK(frame_index_read_fd(out, m.limits.frames, &x, &e));
    return x;
}

static void check_index(const struct kind *k, const struct frame_index *x, const struct truth *t)
{
    if (x->n != t->n)
        fail_msg("%s: index has %lld frames, the command shows %d", k->name, (long long)x->n, t->n);
    for (int i = 0; i < t->n && !k->odd_clock; i++)
        if (t->pts[i] != INT64_MIN && x->frames[i].pts != t->pts[i])
            fail_msg("%s: frame %d has pts %lld, the command says %lld", k->name, i,
                     (long long)x->frames[i].pts, (long long)t->pts[i]);
}

static struct source *open_source(int fd)
{
    struct media_ctx m = context();
    struct err e = {0};
    struct source *s = NULL;

    CHECK_OK(lav_load(&e));
    av_log_set_level(AV_LOG_QUIET);
    CHECK_OK(source_open(fd, &m.limits, &s, &e));
    return s;
}

/* Every frame of a linear decode says its number. */
static void check_linear(const struct kind *k, int fd, const struct frame_index *x,
                         const struct truth *t)
{
    CLEANUP(source_free) struct source *s = open_source(fd);
    struct source_frame f;
    struct err e = {0};
    int64_t n = 0;
    int got;

    CHECK_OK(source_decode(s, SOURCE_WANT_VIDEO | SOURCE_WANT_AUDIO, 2, &e));
    while ((got = source_next(s, &f, &e)) > 0) {
        if (got == SOURCE_VIDEO) {
            CHECK(n < x->n);
            CHECK_EQ(f.number, n);
            CHECK_EQ(f.pts, x->frames[n].pts);
            CHECK_EQ(f.us, frame_index_us(x, n));
            CHECK_EQ(f.end_us, frame_index_us(x, n + 1));
            if (number_in(f.frame) != t->code[n])
                fail_msg("%s: frame %lld shows %d, the command shows %d", k->name, (long long)n,
                         number_in(f.frame), t->code[n]);
            n++;
        }
        av_frame_free(&f.frame);
    }
    CHECK_EQ(got, SOURCE_EOF);
    CHECK_EQ(n, x->n);
}

static void check_seeks(const struct kind *k, int fd, const struct frame_index *x,
                        const struct truth *t, bool sound)
{
    CLEANUP(source_free) struct source *s = open_source(fd);
    struct source_frame f;
    struct err e = {0};
    int wrong = 0;

    CHECK_OK(
        source_decode(s, sound ? SOURCE_WANT_VIDEO | SOURCE_WANT_AUDIO : SOURCE_WANT_VIDEO, 2, &e));
    for (int i = 0; i < SEEKS / 2; i++) {
        int64_t n = i == 0 ? x->n - 1 : i == 1 ? 0 : below(x->n), want = n;
        int64_t first_sound = INT64_MAX;
        if (source_seek(s, x, n, &e) < 0)
            fail_msg("%s: seek to %lld: %s", k->name, (long long)n, e.text);
        /* some frames on, and as far as the first sound, which may come behind a whole fragment of pictures */
        while (want < MIN(n + 3, x->n) || (sound && n + 3 < x->n && first_sound == INT64_MAX)) {
            int got = source_next(s, &f, &e);
            if (got == SOURCE_EOF && want >= MIN(n + 3, x->n))
                break;
            if (got <= 0)
                fail_msg("%s: frame %lld after a seek: %s", k->name, (long long)want, e.text);
            if (got == SOURCE_AUDIO) {
                first_sound = MIN(first_sound, f.us);
            } else {
                if (f.number != want || f.pts != x->frames[want].pts ||
                    f.us != frame_index_us(x, want) || f.duration != x->frames[want].duration ||
                    number_in(f.frame) != t->code[want]) {
                    print_message("%s: seek to %lld: frame %lld shows %d, not %d\n", k->name,
                                  (long long)n, (long long)f.number, number_in(f.frame),
                                  t->code[want]);
                    wrong++;
                }
                want++;
            }
            av_frame_free(&f.frame);
        }
        /* sound is as long as the picture here, but for the last moments and for streams that start late */
        if (sound && n + 3 < x->n && n > 50 && first_sound > frame_index_us(x, n)) {
            print_message("%s: seek to %lld: sound starts at %lld us\n", k->name, (long long)n,
                          (long long)first_sound);
            wrong++;
        }
    }
    CHECK_EQ(wrong, 0);
}

/* Decodes a cut: its frames are the ones asked for, in number and in time. */
static void check_cut(const struct kind *k, int fd, const struct frame_index *x,
                      const struct truth *t, int64_t from, int64_t to)
{
    CLEANUP(source_free) struct source *s = open_source(fd);
    struct source_frame f;
    struct err e = {0};
    int64_t n = from;
    int got;

    CHECK_OK(source_decode(s, SOURCE_WANT_VIDEO, 1, &e));
    while ((got = source_next(s, &f, &e)) > 0) {
        int64_t us = f.us, want_us = frame_index_us(x, n) - frame_index_us(x, from);
        if (n >= to || number_in(f.frame) != t->code[n])
            fail_msg("%s: cut %lld-%lld: frame %lld shows %d, not %d", k->name, (long long)from,
                     (long long)to, (long long)f.number, number_in(f.frame),
                     n < to ? t->code[n] : -1);
        if (us < want_us - 2 || us > want_us + 2)
            fail_msg("%s: cut %lld-%lld: frame %lld at %lld us, not %lld", k->name, (long long)from,
                     (long long)to, (long long)f.number, (long long)us, (long long)want_us);
        int64_t end = frame_index_us(x, n + 1) - frame_index_us(x, from);
        if (f.end_us < end - 120 ||
            f.end_us > end + 120) /* the last one's length is kept to 1/10000 s */
            fail_msg("%s: cut %lld-%lld: frame %lld ends at %lld us, not %lld", k->name,
                     (long long)from, (long long)to, (long long)f.number, (long long)f.end_us,
                     (long long)end);
        n++;
        av_frame_free(&f.frame);
    }
    if (got < 0)
        fail_msg("%s: cut %lld-%lld: %s", k->name, (long long)from, (long long)to, e.text);
    if (n != to)
        fail_msg("%s: cut %lld-%lld has %lld frames", k->name, (long long)from, (long long)to,
                 (long long)(n - from));
}

static void check_cuts(const struct kind *k, int fd, int index_fd, const struct frame_index *x,
                       const struct truth *t)
{
    struct media_ctx m = context();
    struct err e = {0};

    for (int i = 0; i < CUTS; i++) {
        int64_t from = i == 0 ? 0 : i == 1 ? x->n - 1 : below(x->n);
        int64_t length = 1 + below(CUT_LONGEST), to = MIN(x->n, from + length);
        struct media_cut_opts o = {
            .from_frame = from, .to_frame = to, .crf = 18, .preset = "ultrafast"};
        CLEANUP_CLOSE int out = -1;
        CHECK_OK(fs_tmpfile(test_dir(), &out, &e));
        if (media_cut(&m, fd, index_fd, out, &o, &e) < 0)
            fail_msg("%s: cut %lld-%lld: %s", k->name, (long long)from, (long long)to, e.text);
        check_cut(k, out, x, t, from, to);
    }
}

static void check_kind(const char *name)
{
    const struct kind *k = kinds;
    CLEANUP_FREE struct truth *t = XNEW(struct truth);
    char path[512];
    struct err e = {0};

    while (strcmp(k->name, name) != 0)
        k++;
    if (!clip_can(k->encoder))
        SKIP("no ffmpeg command with the encoder");
    make_clip(k, path);
    read_truth(path, t);
    if (t->n <= 60)
        fail_msg("%s: %d frames only", k->name, t->n);
    random_state = 88172645463325252u;
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CLEANUP(frame_index_free) struct frame_index *x = index_of(fd);
    CLEANUP_CLOSE int index_fd = -1;
    struct media_ctx m = context();
    CHECK_OK(fs_tmpfile(test_dir(), &index_fd, &e));
    CHECK_OK(media_index(&m, fd, index_fd, &e));

    check_index(k, x, t);
    check_linear(k, fd, x, t);
    check_seeks(k, fd, x, t, /* sound */ false);
    if (!k->short_sound)
        check_seeks(k, fd, x, t, /* sound */ true);
    check_cuts(k, fd, index_fd, x, t);
}

#define KIND(name)                                                                                 \
    TEST(truth_##name)                                                                             \
    {                                                                                              \
        check_kind(#name);                                                                         \
    }
KIND(cfr25)
KIND(ntsc)
KIND(variable)
KIND(slow)
KIND(b_frames)
KIND(edit_list)
KIND(edit_list_end)
KIND(open_gop_mp4)
KIND(open_gop_mkv)
KIND(open_gop_ts)
KIND(hevc)
KIND(hevc_open_gop)
KIND(ts)
KIND(ts_clock_reset)
KIND(mkv)
KIND(fragments)
KIND(flv)
KIND(intra_refresh)
KIND(vp9_altref)
KIND(av1)
KIND(mjpeg_avi)
KIND(h264_avi)
KIND(mpeg4_avi)
KIND(mpeg2_interlaced)
KIND(mpeg2_ts)
KIND(prores)

/* The clips of frames known to be intact say 0, 1, 2…: guards the test itself. */
TEST(truth_of_the_truth)
{
    CLEANUP_FREE struct truth *t = XNEW(struct truth);
    char path[512];

    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    make_clip(&kinds[0], path);
    read_truth(path, t);
    CHECK_EQ(t->n, FRAMES);
    for (int i = 0; i < t->n; i++)
        CHECK_EQ(t->code[i], i);
}

MEDIA_TEST_MAIN
