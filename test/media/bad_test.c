/*
 * Media as it should not be: every file here must end in a result or in one plain sentence of the right category, in
 * bounded time, and never in a child that crashed.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "clip.h"
#include "conf/conf.h"
#include "media/frame_index.h"
#include "media/test_child.h"

static struct media_ctx context(void)
{
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    struct media_ctx m;

    media_ctx_init(&m, conf);
    m.threads = 2;
    m.stall_ms = 30000;
    return m;
}

/* A file of these bytes, open. */
static int file_of(const void *p, size_t n)
{
    struct err e = {0};
    int fd = -1;

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    CHECK_OK(fs_write_all(fd, p, n, &e));
    return fd;
}

static int temporary(void)
{
    return file_of("", 0);
}

/* One line that a person can read, and a next step or none. */
static void check_sentence(const char *what, const struct err *e)
{
    const char *plain = err_plain_text(e);
    size_t n = strlen(plain);

    if (n < 10 || plain[n - 1] != '.' || strchr(plain, '\n') || strstr(plain, "0x"))
        fail_msg("%s: not a plain sentence: %s", what, plain);
}

enum job { PROBE, INDEX, SHOTS };
static int do_job(const struct media_ctx *m, enum job job, int fd, struct err *e)
{
    CLEANUP(media_info_free) struct media_info *info = NULL;
    CLEANUP(media_shots_free) struct media_shots *shots = NULL;
    const struct media_shots_opts o = {.detector = MEDIA_SHOTS_ADAPTIVE, .min_frames = 15};

    if (job == PROBE)
        return media_probe(m, fd, &info, e);
    if (job == SHOTS)
        return media_shots(m, fd, &o, &shots, e);
    CLEANUP_CLOSE int out = temporary();
    return media_index(m, fd, out, e);
}

static void refused(const char *what, const struct media_ctx *m, enum job job, int fd,
                    enum err_code code, const char *says)
{
    struct err e = {0};

    if (do_job(m, job, fd, &e) >= 0)
        fail_msg("%s was taken", what);
    if (e.code != code)
        fail_msg("%s: %s: %s", what, err_class(e.code)->name, e.text);
    check_sentence(what, &e);
    if (!strstr(err_plain_text(&e), says))
        fail_msg("%s: '%s' does not say '%s'", what, err_plain_text(&e), says);
}

/* Taken or refused, but for a reason that lies in the file. */
static bool survived(const char *what, enum job job, int fd)
{
    struct media_ctx m = context();
    struct err e = {0};

    if (do_job(&m, job, fd, &e) >= 0)
        return true;
    if (e.code != ERR_INPUT && e.code != ERR_LIMIT)
        fail_msg("%s: %s: %s", what, err_class(e.code)->name, e.text);
    check_sentence(what, &e);
    return false;
}

static uint64_t random_state = 88172645463325252u;
static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

TEST(bad_empty_file)
{
    struct media_ctx m = context();
    CLEANUP_CLOSE int fd = temporary();

    refused("empty", &m, PROBE, fd, ERR_INPUT, "empty");
    refused("empty", &m, INDEX, fd, ERR_INPUT, "empty");
    refused("empty", &m, SHOTS, fd, ERR_INPUT, "empty");
}

TEST(bad_folder_and_pipe)
{
    struct media_ctx m = context();
    CLEANUP_CLOSE int fd = open(test_dir(), O_RDONLY | O_CLOEXEC);
    int ends[2];

    refused("folder", &m, PROBE, fd, ERR_INPUT, "folder");
    CHECK_EQ(pipe(ends), 0);
    refused("pipe", &m, PROBE, ends[0], ERR_INPUT, "ordinary file");
    close(ends[0]);
    close(ends[1]);
}

TEST(bad_noise)
{
    char bytes[65536];

    for (int k = 0; k < 12; k++) {
        for (size_t i = 0; i < sizeof(bytes); i += 8) {
            uint64_t r = random_next();
            memcpy(bytes + i, &r, 8);
        }
        CLEANUP_CLOSE int fd = file_of(bytes, sizeof(bytes) >> (k % 6 * 2));
        survived("noise", PROBE, fd);
        survived("noise", INDEX, fd);
    }
}

TEST(bad_one_byte_values)
{
    char bytes[4096];

    for (int v = 0; v < 256; v += 51) {
        memset(bytes, v, sizeof(bytes));
        CLEANUP_CLOSE int fd = file_of(bytes, sizeof(bytes));
        CHECK(!survived("the same byte again and again", PROBE, fd));
    }
}

/* Text of every kind that some demuxer could make something of. */
TEST(bad_text_is_no_media)
{
    static const char *const texts[] = {
        "Dear diary, today I renamed a text to holiday.mp4.\nIt did not become a film.\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '/etc/passwd'\n",
        "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nagain\n",
        "WEBVTT\n\n00:01.000 --> 00:04.000\nNever drink liquid nitrogen.\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><Period/></MPD>",
        "[{\"json\": true}]",
        "<html><body>404</body></html>",
        "\xef\xbb\xbf\xe6\xbc\xa2\xe5\xad\x97\n",
    };
    struct media_ctx m = context();

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP_CLOSE int fd = file_of(texts[i], strlen(texts[i]));
        refused(texts[i], &m, PROBE, fd, ERR_INPUT, "");
    }
}

TEST(bad_pictures_are_no_video)
{
    struct media_ctx m = context();
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde"
                              "\0\0\0\x0cIDAT\x08\xd7"
                              "c\xf8\xcf\xc0\0\0\3\1\1\0\x18\xdd\x8d\xb0\0\0\0\0IEND\xae"
                              "B`\x82";
    CLEANUP_CLOSE int fd = file_of(png, sizeof(png) - 1);

    refused("a PNG picture", &m, PROBE, fd, ERR_INPUT, "not taken");
}

/* ---- clips, cut short and damaged --------------------------------------------------------------------------- */

struct bytes {
    char *p;
    size_t n;
};

static struct bytes clip_bytes(const char *options, const char *name)
{
    CLEANUP_BUF struct buf b = BUF_MAX((size_t)64 << 20);
    char raw[256], path[256];
    struct err e = {0};
    struct stat st;

    snprintf(raw, sizeof(raw), "%s/raw.yuv", test_dir());
    if (stat(raw, &st) < 0)
        clip_write_raw(raw, 0, 50);
    snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
    if (stat(path, &st) < 0)
        clip_run("ffmpeg -v error -y -f rawvideo -pix_fmt yuv420p -s %dx%d -r 25 -i %s -f lavfi -i "
                 "sine=duration=2 "
                 "%s %s < /dev/null",
                 CLIP_WIDTH, CLIP_HEIGHT, raw, options, path);
    CHECK_OK(fs_read_file(path, b.max, &b, &e));
    size_t n = b.n;
    return (struct bytes){buf_steal(&b), n};
}

static const struct {
    const char *options, *name;
} clips[] = {
    {"-c:v libx264 -preset veryfast -g 12 -c:a aac -movflags +faststart", "front.mp4"},
    {"-c:v libx264 -preset veryfast -g 12 -c:a aac", "back.mp4"},
    {"-c:v libx264 -preset veryfast -g 12 -c:a aac -movflags frag_keyframe+empty_moov",
     "fragments.mp4"},
    {"-c:v libx264 -preset veryfast -g 12 -c:a aac", "clip.mkv"},
    {"-c:v libx264 -preset veryfast -g 12 -c:a aac", "clip.ts"},
    {"-c:v mpeg4 -q:v 4 -bf 2 -c:a mp3", "clip.avi"},
    {"-c:v mpeg2video -q:v 4 -bf 2 -c:a mp2", "clip.mpg"},
    {"-c:v libx264 -preset veryfast -g 12 -c:a aac", "clip.flv"},
    {"-c:v libvpx -b:v 200k -c:a libvorbis", "clip.webm"},
};

TEST(bad_cut_short_anywhere)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        struct bytes b = clip_bytes(clips[i].options, clips[i].name);
        int taken = 0;
        for (size_t k = 0; k < 12; k++) {
            size_t n = k < 4 ? (size_t)1 << (k * 3) : b.n * (k - 3) / 9;
            CLEANUP_CLOSE int fd = file_of(b.p, MIN(n, b.n));
            taken += survived(clips[i].name, INDEX, fd);
        }
        /* what has its table of contents in front plays as far as it goes */
        if (strcmp(clips[i].name, "back.mp4") != 0 && taken < 3)
            fail_msg("%s: only %d of its beginnings were taken", clips[i].name, taken);
        free(b.p);
    }
}

TEST(bad_bytes_changed)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        struct bytes b = clip_bytes(clips[i].options, clips[i].name);
        for (int k = 0; k < 10; k++) {
            CLEANUP_FREE char *copy = xmalloc(b.n);
            memcpy(copy, b.p, b.n);
            /* the head, where the structure is, the tail, or all over */
            size_t from = k % 3 == 1 ? b.n - MIN(b.n, 2000) : 0;
            size_t range = k % 3 == 2 ? b.n : MIN(b.n, 2000);
            for (int c = 0; c < (k % 3 == 2 ? 200 : 20); c++)
                copy[from + random_next() % range] = (char)random_next();
            CLEANUP_CLOSE int fd = file_of(copy, b.n);
            survived(clips[i].name, k % 2 ? INDEX : SHOTS, fd);
        }
        free(b.p);
    }
}

TEST(bad_table_of_contents_missing_is_said)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    struct media_ctx m = context();
    struct bytes b = clip_bytes(clips[1].options, clips[1].name);
    CLEANUP_CLOSE int fd = file_of(b.p, b.n * 9 / 10);

    refused("no moov", &m, PROBE, fd, ERR_INPUT, "table of contents");
    free(b.p);
}

TEST(bad_headers_without_a_single_frame)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    struct media_ctx m = context();
    struct bytes b = clip_bytes(clips[2].options, clips[2].name);
    const char *moof = memmem(b.p, b.n, "moof", 4);
    CHECK(moof != NULL);
    CLEANUP_CLOSE int fd = file_of(b.p, (size_t)(moof - 4 - b.p));

    refused("no frames", &m, INDEX, fd, ERR_INPUT, "no picture");
    refused("no frames", &m, SHOTS, fd, ERR_INPUT, "no picture");
    free(b.p);
}

/* A BITMAPINFOHEADER that promises 60000 x 60000 pixels. */
TEST(bad_absurd_dimensions)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command");
    struct media_ctx m = context();
    struct bytes b = clip_bytes("-c:v rawvideo -an -frames:v 2", "raw.avi");
    char *strf = memmem(b.p, b.n, "strf", 4);
    CHECK(strf != NULL);
    static const char size[] = {0x60, (char)0xea, 0, 0, 0x60, (char)0xea, 0, 0};
    memcpy(strf + 12, size, sizeof(size));
    CLEANUP_CLOSE int fd = file_of(b.p, b.n);

    refused("60000 x 60000", &m, PROBE, fd, ERR_LIMIT, "limit.pixels");
    refused("60000 x 60000", &m, INDEX, fd, ERR_LIMIT, "limit.pixels");
    free(b.p);
}

TEST(bad_each_limit_has_its_name)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    struct bytes b = clip_bytes(clips[0].options, clips[0].name);
    CLEANUP_CLOSE int fd = file_of(b.p, b.n);
    struct media_ctx m = context();

    m.limits.size_bytes = (int64_t)b.n - 1;
    refused("size", &m, PROBE, fd, ERR_LIMIT, "limit.size");
    m = context();
    m.limits.duration_us = 1000000;
    refused("duration", &m, PROBE, fd, ERR_LIMIT, "limit.duration");
    m = context();
    m.limits.pixels = CLIP_WIDTH * CLIP_HEIGHT - 1;
    refused("pixels", &m, PROBE, fd, ERR_LIMIT, "limit.pixels");
    m = context();
    m.limits.frames = 49;
    refused("frames", &m, PROBE, fd, ERR_LIMIT, "limit.frames");
    m = context();
    m.limits.streams = 1;
    refused("streams", &m, PROBE, fd, ERR_LIMIT, "limit.streams");
    free(b.p);

    /* the header of a transport stream does not tell how many frames there are: counting does */
    struct bytes ts = clip_bytes(clips[4].options, clips[4].name);
    CLEANUP_CLOSE int ts_fd = file_of(ts.p, ts.n);
    m = context();
    m.limits.frames = 49;
    refused("frames, counted", &m, INDEX, ts_fd, ERR_LIMIT, "limit.frames");
    free(ts.p);
}

#ifndef __SANITIZE_ADDRESS__
TEST(bad_more_memory_than_allowed)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    struct media_ctx m = context();
    char path[256];
    struct err e = {0};

    snprintf(path, sizeof(path), "%s/large.mp4", test_dir());
    clip_run("ffmpeg -v error -y -f lavfi -i testsrc2=s=3840x2160:r=25 -frames:v 30 -pix_fmt "
             "yuv420p -c:v libx264 "
             "-preset ultrafast -x264-params ref=4 %s < /dev/null",
             path);
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    m.memory_bytes = (int64_t)230 << 20; /* the libraries alone take some 200 MB of addresses */
    CHECK(do_job(&m, INDEX, fd, &e) < 0);
    if (e.code != ERR_LIMIT)
        fail_msg("%s: %s", err_class(e.code)->name, e.text);
    check_sentence("memory", &e);
    CHECK(strstr(err_plain_text(&e), "memory") != NULL);
    m = context();
    CHECK_OK(do_job(&m, INDEX, fd, &e));
}
#endif

/* ---- outputs ------------------------------------------------------------------------------------------------- */

TEST(bad_full_disk_is_storage)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    struct bytes b = clip_bytes(clips[0].options, clips[0].name);
    struct media_ctx m = context();
    struct err e = {0};
    CLEANUP_CLOSE int fd = file_of(b.p, b.n);
    CLEANUP_CLOSE int full = open("/dev/full", O_RDWR | O_CLOEXEC);
    CLEANUP_CLOSE int index_fd = temporary();

    free(b.p);
    CHECK(full >= 0);
    CHECK_ERR(media_index(&m, fd, full, &e), ERR_STORAGE);
    check_sentence("index", &e);
    err_clear(&e);
    CHECK_OK(media_index(&m, fd, index_fd, &e));
    const struct media_cut_opts o = {
        .from_frame = 3, .to_frame = 20, .crf = 23, .preset = "ultrafast"};
    CHECK_ERR(media_cut(&m, fd, index_fd, full, &o, &e), ERR_STORAGE);
    check_sentence("cut", &e);
}

/* ---- cuts that can not be -------------------------------------------------------------------------------------- */

TEST(bad_cuts)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    struct bytes b = clip_bytes(clips[0].options, clips[0].name),
                 other = clip_bytes(clips[3].options, clips[3].name);
    struct media_ctx m = context();
    struct err e = {0};
    CLEANUP_CLOSE int fd = file_of(b.p, b.n);
    CLEANUP_CLOSE int other_fd = file_of(other.p, other.n);
    CLEANUP_CLOSE int index_fd = temporary();
    CLEANUP_CLOSE int out = temporary();

    free(b.p);
    free(other.p);
    CHECK_OK(media_index(&m, fd, index_fd, &e));
    struct media_cut_opts o = {.from_frame = 40, .to_frame = 51, .crf = 23, .preset = "ultrafast"};
    CHECK_ERR(media_cut(&m, fd, index_fd, out, &o, &e), ERR_USAGE);
    CHECK(strstr(err_plain_text(&e), "50 frames") != NULL);
    o = (struct media_cut_opts){.from_frame = 10, .to_frame = 10, .crf = 23, .preset = "ultrafast"};
    CHECK_ERR(media_cut(&m, fd, index_fd, out, &o, &e), ERR_USAGE);
    o = (struct media_cut_opts){
        .from_frame = 0, .to_frame = 10, .crf = 23, .preset = "placebo:rc=1"};
    CHECK_ERR(media_cut(&m, fd, index_fd, out, &o, &e), ERR_USAGE);
    /* another file's index */
    o = (struct media_cut_opts){.from_frame = 20, .to_frame = 30, .crf = 23, .preset = "ultrafast"};
    CHECK_ERR(media_cut(&m, other_fd, index_fd, out, &o, &e), ERR_INPUT);
    check_sentence("another index", &e);
    /* no index at all */
    CHECK_ERR(media_cut(&m, fd, fd, out, &o, &e), ERR_INPUT);
}

TEST(one_frame_is_a_video)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    struct bytes b = clip_bytes("-c:v libx264 -frames:v 1 -an", "one.mp4");
    struct media_ctx m = context();
    struct err e = {0};
    CLEANUP_CLOSE int fd = file_of(b.p, b.n);
    CLEANUP_CLOSE int index_fd = temporary();
    CLEANUP_CLOSE int out = temporary();
    CLEANUP(frame_index_free) struct frame_index *x = NULL;
    CLEANUP(media_shots_free) struct media_shots *shots = NULL;
    CLEANUP(media_info_free) struct media_info *info = NULL;
    const struct media_shots_opts so = {.detector = MEDIA_SHOTS_ADAPTIVE, .min_frames = 15};
    const struct media_cut_opts o = {
        .from_frame = 0, .to_frame = 1, .crf = 23, .preset = "ultrafast"};

    free(b.p);
    CHECK_OK(media_index(&m, fd, index_fd, &e));
    CHECK_OK(frame_index_read_fd(index_fd, 1, &x, &e));
    CHECK_EQ(x->n, 1);
    CHECK_EQ(frame_index_us(x, 1), 40000);
    CHECK_OK(media_shots(&m, fd, &so, &shots, &e));
    CHECK_EQ(shots->n, 1);
    CHECK_EQ(shots->shots[0].end_us, 40000);
    CHECK_OK(media_cut(&m, fd, index_fd, out, &o, &e));
    CHECK_OK(media_probe(&m, out, &info, &e));
    CHECK_EQ(info->streams[info->video].frame_count, 1);
}

TEST(strict_sandbox_does_the_same_work)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg command with the encoder");
    struct media_sandbox_layer layers[MEDIA_SANDBOX_LAYERS_MAX];
    int n = media_sandbox_report(layers);
    for (int i = 0; i < n; i++)
        if (strcmp(layers[i].name, "seccomp") == 0 && !layers[i].active)
            SKIP("no seccomp here");
    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        struct bytes b = clip_bytes(clips[i].options, clips[i].name);
        struct media_ctx m = context();
        struct err e = {0};
        CLEANUP_CLOSE int fd = file_of(b.p, b.n);
        free(b.p);
        m.sandbox = MEDIA_SANDBOX_STRICT;
        CHECK_OK(do_job(&m, INDEX, fd, &e));
    }
}

MEDIA_TEST_MAIN
