/* Children end to end: what a file is, its frames, and what happens to children that misbehave. */
#include <fcntl.h>

#include "base/fs.h"
#include "conf/conf.h"
#include "media/frame_index.h"
#include "media/test_child.h"

static struct media_ctx context(void)
{
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    struct media_ctx m;

    media_ctx_init(&m, conf);
    return m;
}

static int open_shared(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "footage/%s", name);
    const char *found = test_shared(path);
    return found ? open(found, O_RDONLY | O_CLOEXEC) : -1;
}

static int temporary(void)
{
    struct err e = {0};
    int fd = -1;

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    return fd;
}

struct clip {
    const char *file, *family;
    int width, height, rotation, display_width, display_height;
    int64_t frames;
    bool audio;
};
static const struct clip clips[] = {
    {"bbb-vp9-opus.webm", "webm", 854, 480, 0, 854, 480, 24, true},
    {"cctv-pets2009-campus.avi", "avi", 480, 360, 0, 480, 360, 795, true},
    {"dark-crowd-pcm.mov", "mov", 1920, 1080, 0, 1920, 1080, 100, true},
    {"flower-timelapse-vp8.webm", "webm", 960, 540, 0, 960, 540, 150, true},
    {"foreman-hevc.mp4", "mp4", 1280, 720, 0, 1280, 720, 248, false},
    {"one-by-one-person.mp4", "mp4", 768, 432, 0, 768, 432, 1394, false},
    {"person-signing.mkv", "mkv", 640, 480, 0, 640, 480, 109, false},
    {"phone-selfie-portrait-hevc-vfr.mp4", "mp4", 1440, 1080, 270, 1080, 1440, 53, false},
    {"roadtrip-vp9-10bit.webm", "mkv", 426, 240, 0, 426, 240, 72, false},
    {"shots-bikes.mp4", "mp4", 640, 272, 0, 640, 272, 250, false},
    {"shots-testvideo.mp4", "mp4", 1280, 720, 0, 1280, 720, 720, false},
    {"sport-football-juggle.mp4", "mp4", 1280, 720, 0, 1280, 720, 247, false},
    {"woman-and-dog.mp4", "mp4", 1280, 720, 0, 1280, 720, 289, true},
};

TEST(probe_tells_what_the_shared_clips_are)
{
    struct media_ctx m = context();
    struct err e = {0};
    int seen = 0;

    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        const struct clip *c = &clips[i];
        CLEANUP_CLOSE int fd = open_shared(c->file);
        CLEANUP(media_info_free) struct media_info *info = NULL;
        if (fd < 0)
            continue;
        seen++;
        CHECK_OK(media_probe(&m, fd, &info, &e));
        CHECK_STR(info->family, c->family);
        CHECK(info->video >= 0);
        const struct media_stream *v = &info->streams[info->video];
        CHECK_EQ(v->width, c->width);
        CHECK_EQ(v->height, c->height);
        CHECK_EQ(v->rotation, c->rotation);
        CHECK_EQ(v->display_width, c->display_width);
        CHECK_EQ(v->display_height, c->display_height);
        CHECK_EQ(info->audio >= 0, c->audio);
    }
    if (!seen)
        SKIP("no shared clips");
}

TEST(index_counts_the_frames_of_the_shared_clips)
{
    struct media_ctx m = context();
    struct err e = {0};
    int seen = 0;

    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        CLEANUP_CLOSE int fd = open_shared(clips[i].file);
        CLEANUP(frame_index_free) struct frame_index *x = NULL;
        if (fd < 0)
            continue;
        seen++;
        CLEANUP_CLOSE int out = temporary();
        CHECK_OK(media_index(&m, fd, out, &e));
        CHECK_OK(frame_index_read_fd(out, m.limits.frames, &x, &e));
        if (x->n != clips[i].frames)
            fail_msg("%s: %lld frames, %lld expected", clips[i].file, (long long)x->n,
                     (long long)clips[i].frames);
        CHECK(x->frames[0].key);
        CHECK(x->start_us >= 0 && x->start_us <= 14000); /* in two, the sound begins first */
    }
    if (!seen)
        SKIP("no shared clips");
}

TEST(probe_of_sound_alone)
{
    struct media_ctx m = context();
    struct err e = {0};
    CLEANUP_CLOSE int fd = open_shared("speech-jfk.wav");
    CLEANUP(media_info_free) struct media_info *info = NULL;

    if (fd < 0)
        SKIP("no shared clips");
    CHECK_OK(media_probe(&m, fd, &info, &e));
    CHECK_EQ(info->video, -1);
    CHECK_EQ(info->audio, 0);
    CHECK_EQ(info->streams[0].sample_rate, 16000);
    CHECK_EQ(info->duration_us, 11000000);
    CLEANUP_CLOSE int out = temporary();
    CHECK_ERR(media_index(&m, fd, out, &e), ERR_INPUT);
}

MEDIA_TEST_MAIN
