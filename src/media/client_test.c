/* Children end to end: what a file is, its frames, and what happens to children that misbehave. */
#include <fcntl.h>
#include <pthread.h>

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

/* The cuts of PySceneDetect's content detector, as listed beside the clips. */
static void check_cuts(const char *file, const json_t *known)
{
    struct media_ctx m = context();
    struct err e = {0};
    const struct media_shots_opts o = {.detector = MEDIA_SHOTS_CONTENT, .min_frames = 15};
    CLEANUP(media_shots_free) struct media_shots *s = NULL;
    CLEANUP_CLOSE int fd = open_shared(file);
    const json_t *cuts = json_object_get(known, "content27");
    int64_t frames;

    CHECK(fd >= 0 && json_is_array(cuts) && json_get_i64(known, "frames", &frames));
    CHECK_OK(media_shots(&m, fd, &o, &s, &e));
    CHECK_EQ(s->frames, frames);
    if (s->n != (int64_t)json_array_size(cuts) + 1)
        fail_msg("%s: %lld shots, %zu cuts known", file, (long long)s->n, json_array_size(cuts));
    for (int64_t i = 1; i < s->n; i++)
        CHECK_EQ(s->shots[i].start_frame, json_integer_value(json_array_get(cuts, (size_t)i - 1)));
}

TEST(shots_of_the_shared_clips_begin_where_they_are_known_to)
{
    const char *path = test_shared("footage/expected-cuts.json");
    CLEANUP_BUF struct buf text = {0};
    CLEANUP_JSON json_t *all = NULL;
    struct err e = {0};
    const char *file;
    json_t *known;

    if (!path)
        SKIP("no shared clips");
    CHECK_OK(fs_read_file(path, 1 << 20, &text, &e));
    CHECK_OK(json_read(buf_str(&text), &all, &e));
    json_object_foreach(all, file, known)
    {
        check_cuts(file, known);
    }
}

static void *probe_some(void *arg)
{
    struct media_ctx m = context();
    const char *path = arg;

    for (int i = 0; i < 3; i++) {
        CLEANUP(media_info_free) struct media_info *info = NULL;
        CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct err e = {0};
        if (fd < 0 || media_probe(&m, fd, &info, &e) < 0 || info->streams[info->video].width != 640)
            return arg; /* checks belong to the main thread */
    }
    return NULL;
}

TEST(calls_may_be_made_from_many_threads_at_once)
{
    const char *path = test_shared("footage/shots-bikes.mp4");
    pthread_t threads[6];
    int failed = 0;

    if (!path)
        SKIP("no shared clips");
    CLEANUP_FREE char *copy = xstrdup(path);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, probe_some, copy), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *r;
        CHECK_EQ(pthread_join(threads[i], &r), 0);
        failed += r != NULL;
    }
    CHECK_EQ(failed, 0);
}

MEDIA_TEST_MAIN
