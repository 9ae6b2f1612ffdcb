/*
 * The detectors on real clips, decoded by the ffmpeg command: the content detector against what
 * PySceneDetect found there (expected-cuts.json), the adaptive one against what people see. Skipped
 * where the clips or ffmpeg are not there.
 */
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/test.h"
#include "vision/ffmpeg_test.h"
#include "vision/shots.h"

struct clip {
    const char *name;
    int w, h, depth;
    bool full_range;
    int64_t cuts[8]; /* of hard cuts, ends with 0 */
};

static const struct clip clips[] = {
    {"foreman-hevc.mp4", 1280, 720, 8, false, {0}},
    {"one-by-one-person.mp4", 768, 432, 8, false, {0}},
    {"phone-selfie-portrait-hevc-vfr.mp4", 1440, 1080, 8, true, {0}},
    {"shots-bikes.mp4", 640, 272, 8, false, {30, 76, 137, 187, 242}},
    {"shots-testvideo.mp4", 1280, 720, 8, false, {30, 180}},
    {"sport-football-juggle.mp4", 1280, 720, 8, false, {0}},
    {"woman-and-dog.mp4", 1280, 720, 8, false, {0}},
    {"person-signing.mkv", 640, 480, 8, true, {0}},
    {"cctv-pets2009-campus.avi", 480, 360, 8, false, {0}},
    {"dark-crowd-pcm.mov", 1920, 1080, 8, false, {0}},
    {"bbb-vp9-opus.webm", 854, 480, 8, false, {0}},
    {"flower-timelapse-vp8.webm", 960, 540, 8, false, {0}},
    {"roadtrip-vp9-10bit.webm", 426, 240, 10, false, {42}},
};

static const char *clip_path(const struct clip *c)
{
    CLEANUP_FREE char *rel = xasprintf("footage/%s", c->name);
    return test_shared(rel);
}

static bool can_run(void)
{
    return test_shared("footage/expected-cuts.json") && ffmpeg_there();
}

static struct shots *run_clip(const struct clip *c, enum shots_detector detector)
{
    int bytes = c->depth > 8 ? 2 : 1, cw = (c->w + 1) / 2, ch = (c->h + 1) / 2;
    size_t luma = (size_t)c->w * c->h * bytes, chroma = (size_t)cw * ch * bytes;
    CLEANUP_FREE uint8_t *p = xmalloc(luma + 2 * chroma);
    struct vision_frame f = {.width = c->w,
                             .height = c->h,
                             .model = VISION_YUV,
                             .depth = c->depth,
                             .chroma_shift_x = 1,
                             .chroma_shift_y = 1,
                             .full_range = c->full_range,
                             .c = {{p, (ptrdiff_t)c->w * bytes, bytes},
                                   {p + luma, (ptrdiff_t)cw * bytes, bytes},
                                   {p + luma + chroma, (ptrdiff_t)cw * bytes, bytes}}};
    FILE *in;
    pid_t pid =
        ffmpeg_start((const char *const[]){"ffmpeg", "-v", "error", "-nostdin", "-noautorotate",
                                           "-i", clip_path(c), "-map", "0:v:0", "-vsync",
                                           "passthrough", "-f", "rawvideo", "-", NULL},
                     &in);
    struct shots_options o = SHOTS_OPTIONS_DEFAULT;
    o.detector = detector;
    struct shots *s = shots_new(&o);
    struct err e = {0};
    while (fread(p, 1, luma + 2 * chroma, in) == luma + 2 * chroma)
        CHECK_OK(shots_feed(s, &f, &e));
    CHECK(ffmpeg_end(pid, in));
    CHECK_OK(shots_finish(s, &e));
    return s;
}

TEST(shots_content_cuts_are_those_of_pyscenedetect)
{
    if (!can_run())
        SKIP("no clips or no ffmpeg");
    CLEANUP_BUF struct buf text = {0};
    CLEANUP_JSON json_t *all = NULL;
    struct err e = {0};
    CHECK_OK(fs_read_file(test_shared("footage/expected-cuts.json"), 1 << 20, &text, &e));
    CHECK_OK(json_read(buf_str(&text), &all, &e));
    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        const json_t *want = json_object_get(all, clips[i].name);
        const json_t *cuts = json_object_get(want, "content27");
        CHECK(json_is_array(cuts));
        CLEANUP(shots_free) struct shots *s = run_clip(&clips[i], SHOTS_CONTENT);
        size_t n;
        const struct shots_transition *t = shots_transitions(s, &n);
        CHECK_EQ(shots_frames(s), json_integer_value(json_object_get(want, "frames")));
        CHECK_EQ(n, json_array_size(cuts));
        for (size_t k = 0; k < n; k++)
            CHECK_EQ(t[k].cut, json_integer_value(json_array_get(cuts, k)));
    }
}

TEST(shots_adaptive_finds_what_people_see)
{
    if (!can_run())
        SKIP("no clips or no ffmpeg");
    for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
        CLEANUP(shots_free) struct shots *s = run_clip(&clips[i], SHOTS_ADAPTIVE);
        size_t n, cut = 0;
        const struct shots_transition *t = shots_transitions(s, &n);
        print_message("%s: %zu transitions\n", clips[i].name, n);
        for (size_t k = 0; k < n; k++)
            if (t[k].kind == SHOTS_CUT)
                CHECK_EQ(t[k].cut, clips[i].cuts[cut++]);
        CHECK_EQ(clips[i].cuts[cut], 0);
        if (strcmp(clips[i].name, "shots-testvideo.mp4") != 0)
            CHECK_EQ(n, cut);
    }
}

/* Black until 30, a leaf, black from 180, then fades: in from 211, out by 360, in from 394, out by
 * 693; and between the last two a dissolve whose first and last mixed frames are 529 and 557. */
TEST(shots_adaptive_finds_the_fades_and_the_dissolve)
{
    static const struct shots_transition want[] = {
        {SHOTS_CUT, 30, 29, 30},         {SHOTS_CUT, 180, 179, 180},
        {SHOTS_FADE_IN, 211, 239, 211},  {SHOTS_FADE_OUT, 331, 359, 360},
        {SHOTS_FADE_IN, 394, 422, 394},  {SHOTS_DISSOLVE, 529, 557, 543},
        {SHOTS_FADE_OUT, 664, 692, 693},
    };
    if (!can_run())
        SKIP("no clips or no ffmpeg");
    CLEANUP(shots_free) struct shots *s = run_clip(&clips[4], SHOTS_ADAPTIVE);
    size_t n;
    const struct shots_transition *t = shots_transitions(s, &n);
    CHECK_EQ(n, ARRAY_LEN(want));
    for (size_t i = 0; i < n; i++) {
        int slack = want[i].kind == SHOTS_CUT ? 0 : 2;
        CHECK_STR(shots_kind_name(t[i].kind), shots_kind_name(want[i].kind));
        CHECK_NEAR(t[i].first, want[i].first, slack);
        CHECK_NEAR(t[i].last, want[i].last, slack);
        CHECK_NEAR(t[i].cut, want[i].cut, slack);
    }
}

TEST_MAIN
