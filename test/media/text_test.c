/* Text on screen, read by the child: from real clips, from drawn ones, and nothing where nothing stands. */
#include <fcntl.h>

#include "base/fs.h"
#include "clip.h"
#include "conf/conf.h"
#include "film.h"
#include "media/test_child.h"

static struct media_text *read_pass(const struct passed *p, int64_t interval_us,
                                    const char *languages, int *ret_code, struct err *e)
{
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    CLEANUP_FREE struct media_picture *list =
        xcalloc((size_t)MAX(p->r->samples.n, 1), sizeof(*list));
    struct media_pictures chosen = {p->r->samples.width, p->r->samples.height, list, 0};
    const struct media_text_opts o = {.languages = languages};
    struct media_text *text = NULL;
    struct media_ctx m;
    int64_t next = 0;

    media_ctx_init(&m, conf);
    for (int64_t i = 0; i < p->r->samples.n; i++)
        if (p->r->samples.p[i].pts_us >= next) {
            list[chosen.n++] = p->r->samples.p[i];
            next = p->r->samples.p[i].pts_us + interval_us;
        }
    *ret_code = media_read_text(&m, p->fds[MEDIA_OUT_SAMPLES], &chosen, &o, &text, e);
    return text;
}

static bool tesseract(void)
{
    char libav[64], version[64];
    media_versions(libav, version);
    return version[0] != 0;
}

static struct media_text *read_ok(const struct passed *p)
{
    struct err e = {0};
    int r;
    struct media_text *t = read_pass(p, 1000000, "eng", &r, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    return t;
}

static int count(const struct media_text *t, const char *words)
{
    int n = 0;
    for (int64_t i = 0; i < t->n; i++)
        n += strstr(t->lines[i].text, words) != NULL;
    return n;
}

static void check_lines(const struct media_text *t, const struct passed *p)
{
    int64_t before = 0;
    for (int64_t i = 0; i < t->n; i++) {
        const struct media_text_line *l = &t->lines[i];
        CHECK(l->frame >= before && l->frame < p->r->shots->frames);
        CHECK(l->x >= 0 && l->y >= 0 && l->x + l->w <= p->r->samples.width &&
              l->y + l->h <= p->r->samples.height);
        CHECK(l->confidence > 0.5 && l->confidence <= 1);
        CHECK(utf8_valid(str_of(l->text)) && !strchr(l->text, '\n'));
        before = l->frame;
    }
}

struct real {
    const char *file;
    const char *words[3];
    int at_least; /* pictures on which each must be read */
};
static const struct real reals[] = {
    {"shots-testvideo.mp4", {"Copyright © 2013 Brandon Castellano", "www.bcastell.com"}, 5},
    {"roadtrip-vp9-10bit.webm",
     {"WE TOOK A ROAD TRIP FROM SF TO LA", "TO SHOOT SOME HDR TEST FOOTAGE"},
     2},
};
static const char *const silent[] = {
    "bbb-vp9-opus.webm",     "dark-crowd-pcm.mov", "flower-timelapse-vp8.webm",
    "one-by-one-person.mp4", "person-signing.mkv", "sport-football-juggle.mp4",
    "woman-and-dog.mp4",     "shots-bikes.mp4",    "cctv-pets2009-campus.avi"};

TEST(text_of_the_real_clips_is_read)
{
    int seen = 0;
    if (!tesseract())
        SKIP("no Tesseract");
    for (size_t i = 0; i < ARRAY_LEN(reals); i++) {
        CLEANUP_FREE char *name = xasprintf("footage/%s", reals[i].file);
        const char *path = test_shared(name);
        CLEANUP_PASSED struct passed p = {0};
        if (!path)
            continue;
        seen++;
        pass_file(path, NULL, &p);
        CLEANUP(media_text_free) struct media_text *t = read_ok(&p);
        check_lines(t, &p);
        for (int k = 0; k < 3 && reals[i].words[k]; k++)
            if (count(t, reals[i].words[k]) < reals[i].at_least)
                fail_msg("%s: '%s' was read on %d pictures", reals[i].file, reals[i].words[k],
                         count(t, reals[i].words[k]));
        CHECK(t->frames_skipped > 0); /* what stands still is read once */
    }
    if (!seen)
        SKIP("no shared clips");
}

TEST(clips_without_text_stay_silent)
{
    int seen = 0;
    if (!tesseract())
        SKIP("no Tesseract");
    for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
        CLEANUP_FREE char *name = xasprintf("footage/%s", silent[i]);
        const char *path = test_shared(name);
        CLEANUP_PASSED struct passed p = {0};
        if (!path)
            continue;
        seen++;
        pass_file(path, NULL, &p);
        CLEANUP(media_text_free) struct media_text *t = read_ok(&p);
        if (t->n > 1)
            fail_msg("%s: %lld lines, such as '%s'", silent[i], (long long)t->n, t->lines[0].text);
    }
    if (!seen)
        SKIP("no shared clips");
}

TEST(a_line_that_changes_is_read_again)
{
    CLEANUP_FREE char *path = xasprintf("%s/titles.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!tesseract() || !clip_can("libx264") ||
        system("ffmpeg -v quiet -filters | grep -q drawtext") != 0)
        SKIP("no Tesseract, or an ffmpeg that can not draw text");
    if (system("fc-match sans > /dev/null 2>&1") != 0)
        SKIP("no fonts");
    clip_run("ffmpeg -v error -y -f lavfi -i "
             "\"color=0x304050:s=1280x720:r=25:d=6,drawtext=text='Score 11 to 4':fontsize=48:"
             "fontcolor=white:x=100:y=600:enable='lt(t,3)',drawtext=text='Score 11 to "
             "9':fontsize=48:fontcolor=white:x=100:"
             "y=600:enable='gte(t,3)'\" -c:v libx264 -pix_fmt yuv420p '%s'",
             path);
    pass_file(path, NULL, &p);
    CLEANUP(media_text_free) struct media_text *t = read_ok(&p);
    check_lines(t, &p);
    CHECK_EQ(count(t, "Score 11 to 4"), 3);
    CHECK_EQ(count(t, "Score 11 to 9"), 3);
    CHECK_EQ(t->frames_read, 2);
    CHECK_EQ(t->frames_skipped, 4);
}

TEST(a_language_that_is_not_there_is_unavailable)
{
    CLEANUP_FREE char *path = xasprintf("%s/plain.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};
    struct err e = {0};
    int r;

    if (!tesseract() || !clip_can("libx264"))
        SKIP("no Tesseract, or no ffmpeg with libx264");
    clip_run("ffmpeg -v error -y -f lavfi -i color=gray:s=320x240:r=25:d=1 -pix_fmt yuv420p -c:v "
             "libx264 '%s'",
             path);
    pass_file(path, NULL, &p);
    CHECK(read_pass(&p, 1000000, "xyz", &r, &e) == NULL);
    CHECK(r < 0);
    CHECK_EQ(e.code, ERR_UNAVAILABLE);
    CHECK(strstr(err_plain_text(&e), "xyz") != NULL);
    CHECK(strstr(err_next_text(&e), "apt install tesseract-ocr") != NULL);
    err_clear(&e);
    CHECK(read_pass(&p, 1000000, "../../etc", &r, &e) == NULL);
    CHECK(r < 0 && e.code == ERR_USAGE);
}

TEST(a_damaged_pack_is_passed_over)
{
    CLEANUP_FREE char *path = xasprintf("%s/grey.mp4", test_dir());
    CLEANUP_PASSED struct passed p = {0};
    struct err e = {0};
    int r;

    if (!tesseract() || !clip_can("libx264"))
        SKIP("no Tesseract, or no ffmpeg with libx264");
    clip_run("ffmpeg -v error -y -f lavfi -i testsrc2=s=320x240:r=25:d=2 -pix_fmt yuv420p -c:v "
             "libx264 '%s'",
             path);
    pass_file(path, NULL, &p);
    CHECK(p.r->samples.n == 10);
    for (int64_t at = 0; at < p.r->bytes[MEDIA_OUT_SAMPLES]; at += 7)
        CHECK_EQ(pwrite(p.fds[MEDIA_OUT_SAMPLES], "\xff\x00\xd8", 3, at), 3);
    CLEANUP(media_text_free) struct media_text *t = read_pass(&p, 1, "eng", &r, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    CHECK_EQ(t->frames_read + t->frames_skipped, 10);
}

MEDIA_TEST_MAIN
