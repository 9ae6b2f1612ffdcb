/* Results of the child: each struct survives the way over JSON, and answers that can not be true are refused. */
#include "media/results.h"

#include <math.h>
#include <stdlib.h>

#include "base/test.h"

static json_t *parsed(const char *text)
{
    struct err e = {0};
    json_t *j = NULL;

    CHECK_OK(json_read(str_of(text), &j, &e));
    return j;
}

static void refuse_shots(const char *text)
{
    CLEANUP_JSON json_t *j = parsed(text);
    CLEANUP(media_shots_free) struct media_shots *s = NULL;
    struct err e = {0};

    if (media_shots_parse(j, 1000, &s, &e) >= 0)
        fail_msg("taken: %s", text);
    CHECK_EQ(e.code, ERR_PROCESSING);
}

#define SHOT(start, end, from_us, to_us, kind, from, picture)                                      \
    "{\"start_frame\":" #start ",\"end_frame\":" #end ",\"start\":" #from_us ",\"end\":" #to_us    \
    ",\"kind\":\"" kind "\",\"from_frame\":" #from ",\"picture_frame\":" #picture "}"

TEST(shots_survive_json)
{
    struct media_shot two[] = {{0, 30, 0, 1200000, "start", 0, 15},
                               {30, 100, 1200000, 4000001, "fade", 25, 99}};
    const struct media_shots in = {.shots = two, .n = 2, .frames = 100};
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);
    CLEANUP(media_shots_free) struct media_shots *s = NULL;
    struct err e = {0};

    media_shots_json(&in, &w);
    CLEANUP_JSON json_t *j = parsed(buf_z(&b));
    CHECK_OK(media_shots_parse(j, 100, &s, &e));
    CHECK_EQ(s->n, 2);
    CHECK_EQ(s->frames, 100);
    CHECK_EQ(s->shots[0].end_frame, 30);
    CHECK_EQ(s->shots[0].end_us, 1200000);
    CHECK_EQ(s->shots[0].picture_frame, 15);
    CHECK_STR(s->shots[0].kind, "start");
    CHECK_EQ(s->shots[1].end_us, 4000001);
    CHECK_EQ(s->shots[1].from_frame, 25);
    CHECK_STR(s->shots[1].kind, "fade");
}

TEST(shots_that_can_not_be_are_refused)
{
    refuse_shots("[]");
    refuse_shots("{\"frames\":10}");
    refuse_shots("{\"frames\":1001,\"list\":[]}");
    refuse_shots("{\"frames\":10,\"list\":[]}");
    refuse_shots("{\"frames\":0,\"list\":[" SHOT(0, 1, 0, 1, "start", 0, 0) "]}");
    refuse_shots(
        "{\"frames\":10,\"list\":[" SHOT(1, 10, 0, 1, "start", 1, 1) "]}"); /* a gap at the start */
    refuse_shots(
        "{\"frames\":10,\"list\":[" SHOT(0, 9, 0, 1, "start", 0, 0) "]}"); /* and at the end */
    refuse_shots("{\"frames\":10,\"list\":[" SHOT(0, 11, 0, 1, "start", 0, 0) "]}"); /* beyond it */
    refuse_shots("{\"frames\":10,\"list\":[" SHOT(0, 10, 2, 1, "start", 0,
                                                  0) "]}"); /* ends before it starts */
    refuse_shots(
        "{\"frames\":10,\"list\":[" SHOT(0, 10, 0, 1, "start", 0, 10) "]}"); /* picture outside */
    refuse_shots("{\"frames\":10,\"list\":[" SHOT(0, 10, 0, 1, "explosion", 0, 0) "]}");
    refuse_shots("{\"frames\":10,\"list\":[" SHOT(0, 5, 0, 1, "start", 0,
                                                  0) "," SHOT(6, 10, 1, 2, "cut", 6, 6) "]}");
    refuse_shots("{\"frames\":10,\"list\":[" SHOT(0, 5, 0, 9, "start", 0,
                                                  0) "," SHOT(5, 10, 1, 2, "cut", 5, 5) "]}");
    refuse_shots("{\"frames\":10,\"list\":[{}]}");
    refuse_shots("{\"frames\":10,\"list\":[3]}");
}

static int pictures(const char *text, int64_t bytes, struct media_pictures *p)
{
    CLEANUP_JSON json_t *j = parsed(text);
    struct err e = {0};
    int r = media_pictures_parse(j, bytes, p, &e);

    if (r < 0)
        CHECK_EQ(e.code, ERR_PROCESSING);
    return r;
}

TEST(pictures_lie_one_after_another_inside_their_pack)
{
    struct media_pictures p = {0};

    CHECK_EQ(pictures("{\"width\":4,\"height\":3,\"list\":[[0,0,0,10],[5,200000,10,20]]}", 30, &p),
             0);
    CHECK_EQ(p.n, 2);
    CHECK_EQ(p.p[1].offset, 10);
    free(p.p);
    static const char *const wrong[] = {
        "{\"width\":4,\"height\":3,\"list\":[[0,0,0,31]]}",            /* past the end */
        "{\"width\":4,\"height\":3,\"list\":[[0,0,31,1]]}",            /* starts there */
        "{\"width\":4,\"height\":3,\"list\":[[0,0,0,0]]}",             /* empty */
        "{\"width\":4,\"height\":3,\"list\":[[0,0,0,10],[5,1,9,5]]}",  /* overlap */
        "{\"width\":4,\"height\":3,\"list\":[[0,5,0,10],[5,4,10,5]]}", /* back in time */
        "{\"width\":4,\"height\":3,\"list\":[[-2,0,0,10]]}",
        "{\"width\":4,\"height\":3,\"list\":[[0,0,0]]}",
        "{\"width\":4,\"height\":3,\"list\":[[0,0,0,1.5]]}",
        "{\"width\":-4,\"height\":3,\"list\":[]}",
        "{\"width\":4,\"height\":3,\"list\":[[0,0,9223372036854775807,9223372036854775807]]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (pictures(wrong[i], 30, &p) >= 0)
            fail_msg("taken: %s", wrong[i]);
}

static struct media_info *sample_info(void)
{
    struct media_info *i = XNEW(struct media_info);

    snprintf(i->container, sizeof(i->container), "mov,mp4");
    snprintf(i->family, sizeof(i->family), "mp4");
    i->duration_us = 10000001;
    i->start_us = -21333;
    i->size_bytes = 1000;
    i->video = 0;
    i->audio = 1;
    i->n_streams = 2;
    i->streams = xcalloc(2, sizeof(*i->streams));
    i->streams[0] = (struct media_stream){.index = 0,
                                          .kind = MEDIA_VIDEO,
                                          .codec = "h264",
                                          .title = "\xc3\xa4 \"quoted\"",
                                          .time_base = {1, 90000},
                                          .start_us = INT64_MIN,
                                          .duration_us = 10000000,
                                          .width = 1440,
                                          .height = 1080,
                                          .rotation = 270,
                                          .flip = true,
                                          .sample_aspect = {4, 3},
                                          .display_width = 1080,
                                          .display_height = 1920,
                                          .bit_depth = 8,
                                          .frame_rate = {30000, 1001},
                                          .frame_count = 300};
    i->streams[1] = (struct media_stream){.index = 1,
                                          .kind = MEDIA_AUDIO,
                                          .codec = "aac",
                                          .time_base = {1, 48000},
                                          .sample_aspect = {1, 1},
                                          .frame_rate = {0, 1},
                                          .sample_rate = 48000,
                                          .channels = 6,
                                          .channel_layout = "5.1"};
    return i;
}

TEST(info_survives_json)
{
    CLEANUP(media_info_free) struct media_info *in = sample_info();
    CLEANUP(media_info_free) struct media_info *out = NULL;
    CLEANUP_BUF struct buf b = {0}, again = {0};
    struct jsonw w = JSONW(&b), w2 = JSONW(&again);
    struct err e = {0};

    media_info_json(in, &w);
    CLEANUP_JSON json_t *j = parsed(buf_z(&b));
    CHECK_OK(media_info_parse(j, &out, &e));
    media_info_json(out, &w2);
    CHECK_STR(buf_z(&again), buf_z(&b));
    CHECK(out->streams[0].start_us == INT64_MIN);
    CHECK_EQ(out->start_us, -21333);
    CHECK_EQ(out->streams[0].frame_rate.den, 1001);
}

/* Each field taken away, or of another type, is noticed. */
TEST(info_with_a_field_missing_or_of_another_type_is_refused)
{
    CLEANUP(media_info_free) struct media_info *in = sample_info();
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);
    struct err e = {0};

    media_info_json(in, &w);
    for (int level = 0; level < 3; level++) {
        CLEANUP_JSON json_t *whole = parsed(buf_z(&b));
        json_t *streams = json_object_get(whole, "streams");
        json_t *obj = level == 0 ? whole : json_array_get(streams, (size_t)level - 1);
        const char *key;
        json_t *value;
        void *tmp;
        json_object_foreach_safe(obj, tmp, key, value)
        {
            CLEANUP(media_info_free) struct media_info *out = NULL;
            CLEANUP_FREE char *name = xstrdup(key);
            if (strcmp(name, "fps") == 0) /* for people only */
                continue;
            json_t *was = json_incref(value);
            json_object_set_new(obj, name, json_array());
            bool empty_streams = strcmp(name, "streams") == 0;
            if (media_info_parse(whole, &out, &e) >= 0)
                fail_msg("taken with %s = []", name);
            if (!empty_streams || level > 0)
                CHECK_EQ(e.code, ERR_PROCESSING);
            json_object_set_new(obj, name, was);
        }
        CLEANUP(media_info_free) struct media_info *out = NULL;
        CHECK_OK(media_info_parse(whole, &out, &e));
    }
}

static struct media_pass_result *sample_pass(void)
{
    static struct media_shot shots[] = {{0, 10, 0, 400000, "start", 0, 5}};
    static struct media_picture sheet[] = {{-1, 0, 0, 7}},
                                samples[] = {{0, 0, 0, 3}, {5, 200000, 3, 4}};
    static struct media_shots list = {.shots = shots, .n = 1, .frames = 10};
    static struct media_pass_result r;

    r = (struct media_pass_result){.info = sample_info(),
                                   .shots = &list,
                                   .sprites = {.width = 1, .height = 1, .p = sheet, .n = 1},
                                   .samples = {.width = 1, .height = 1, .p = samples, .n = 2},
                                   .poster_frame = 4,
                                   .poster_us = 160000,
                                   .proxy_width = 852,
                                   .proxy_height = 480,
                                   .proxy_fps = 10,
                                   .duration_us = 400000,
                                   .loudness_lufs = -23.5,
                                   .loudness_range_lu = NAN,
                                   .peak_dbfs = -1};
    r.made[MEDIA_OUT_SPRITES] = r.made[MEDIA_OUT_SAMPLES] = r.made[MEDIA_OUT_INDEX] = true;
    r.bytes[MEDIA_OUT_SPRITES] = r.bytes[MEDIA_OUT_SAMPLES] = 7;
    r.bytes[MEDIA_OUT_INDEX] = 99;
    return &r;
}

static json_t *pass_report(void)
{
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);
    struct media_pass_result *r = sample_pass();

    media_pass_result_json(r, &w);
    media_info_free(r->info);
    return parsed(buf_z(&b));
}

static const int64_t pass_sizes[MEDIA_OUT_N] = {
    [MEDIA_OUT_SPRITES] = 7, [MEDIA_OUT_SAMPLES] = 7, [MEDIA_OUT_INDEX] = 99};

TEST(pass_report_survives_json)
{
    CLEANUP_JSON json_t *j = pass_report();
    CLEANUP(media_pass_result_free) struct media_pass_result *r = NULL;
    struct err e = {0};

    CHECK_OK(media_pass_result_parse(j, pass_sizes, &r, &e));
    CHECK(r->report == j);
    CHECK(r->made[MEDIA_OUT_INDEX] && !r->made[MEDIA_OUT_PROXY]);
    CHECK_EQ(r->bytes[MEDIA_OUT_INDEX], 99);
    CHECK_NEAR(r->loudness_lufs, -23.5, 0.001);
    CHECK(isnan(r->loudness_range_lu));
    CHECK_EQ(r->samples.n, 2);
    CHECK_EQ(r->poster_frame, 4);
}

static void refuse_pass(const char *key, json_t *value, const int64_t sizes[MEDIA_OUT_N])
{
    CLEANUP_JSON json_t *j = pass_report();
    CLEANUP(media_pass_result_free) struct media_pass_result *r = NULL;
    struct err e = {0};

    if (key)
        json_object_set_new(j, key, value);
    if (media_pass_result_parse(j, sizes, &r, &e) >= 0)
        fail_msg("taken with a wrong %s", key ? key : "size");
    CHECK_EQ(e.code, ERR_PROCESSING);
}

TEST(pass_reports_that_do_not_fit_their_files_are_refused)
{
    int64_t sizes[MEDIA_OUT_N];

    memcpy(sizes, pass_sizes, sizeof(sizes));
    sizes[MEDIA_OUT_INDEX]++;
    refuse_pass(NULL, NULL, sizes); /* not the size it says */
    memcpy(sizes, pass_sizes, sizeof(sizes));
    sizes[MEDIA_OUT_PROXY] = 1;
    refuse_pass(NULL, NULL, sizes); /* a file that it says it did not make */
    refuse_pass("poster_frame", json_integer(10), pass_sizes);
    refuse_pass("poster_frame", json_real(1), pass_sizes);
    refuse_pass("duration", json_integer(-1), pass_sizes);
    refuse_pass("made", json_array(), pass_sizes);
    refuse_pass("made", parsed("{\"sprites\":7,\"samples\":7,\"index\":99,\"root\":1}"),
                pass_sizes);
    refuse_pass("samples", parsed("{\"width\":1,\"height\":1,\"list\":[[10,0,0,1]]}"), pass_sizes);
    refuse_pass("sprites", parsed("{\"width\":1,\"height\":1,\"list\":[[0,0,0,1]]}"), pass_sizes);
    refuse_pass("sprites", parsed("{\"width\":1,\"height\":1,\"list\":[[-1,0,0,8]]}"), pass_sizes);
    refuse_pass("shots", json_null(), pass_sizes);
    refuse_pass("info", json_object(), pass_sizes);
    refuse_pass("loudness_lufs", json_string("loud"), pass_sizes);
}

TEST(text_survives_json_and_lines_are_in_order)
{
    struct media_text_line lines[] = {
        {.frame = 3,
         .pts_us = 120000,
         .x = 1,
         .y = 2,
         .w = 3,
         .h = 4,
         .confidence = 0.5,
         .text = (char *)"ROAD \xe2\x80\x9ctrip\xe2\x80\x9d"},
        {.frame = 9, .pts_us = 360000, .w = 1, .h = 1, .text = (char *)"x"}};
    const struct media_text in = {.lines = lines, .n = 2, .frames_read = 2, .frames_skipped = 7};
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);
    CLEANUP(media_text_free) struct media_text *t = NULL;
    CLEANUP(media_text_free) struct media_text *bad = NULL;
    struct err e = {0};

    media_text_json(&in, &w);
    CLEANUP_JSON json_t *j = parsed(buf_z(&b));
    CHECK_OK(media_text_parse(j, &t, &e));
    CHECK_EQ(t->n, 2);
    CHECK_STR(t->lines[0].text, lines[0].text);
    json_object_set_new(json_array_get(json_object_get(j, "lines"), 1), "frame", json_integer(2));
    CHECK_ERR(media_text_parse(j, &bad, &e), ERR_PROCESSING);
}

TEST(options_survive_json)
{
    const struct media_pass_opts in = {
        .shots = {.detector = MEDIA_SHOTS_CONTENT, .threshold = 27.5, .min_frames = 15},
        .proxy_height = 480,
        .proxy_crf = 28,
        .proxy_fps = 29.97,
        .proxy_preset = "faster",
        .sample_every = 5,
        .sample_width = 1280,
        .sample_quality = 85,
        .thumb_width = 320,
        .sprite_width = 160,
        .sprite_tiles = 100,
        .sprite_interval_us = 2000000};
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);
    struct media_pass_opts out;
    struct err e = {0};

    media_pass_opts_json(&in, &w);
    CLEANUP_JSON json_t *j = parsed(buf_z(&b));
    CHECK_OK(media_pass_opts_parse(j, &out, &e));
    CHECK_EQ(out.shots.detector, MEDIA_SHOTS_CONTENT);
    CHECK_NEAR(out.shots.threshold, 27.5, 1e-9);
    CHECK_STR(out.proxy_preset, "faster");
    CHECK_EQ(out.sprite_interval_us, 2000000);
    json_object_set_new(j, "proxy_preset", json_string("placebo:threads=99"));
    CHECK_ERR(media_pass_opts_parse(j, &out, &e), ERR_USAGE);
}

TEST_MAIN
