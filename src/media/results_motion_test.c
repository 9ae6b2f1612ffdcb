/* Motion as the child tells it: read back as it was written, and nothing else believed. */
#include "base/test.h"
#include "media/results.h"

static struct media_motion *sample(void)
{
    struct media_motion *m = XNEW(struct media_motion);
    m->width = 640;
    m->height = 360;
    m->shots = XNEW(struct media_shots);
    m->shots->n = 1;
    m->shots->frames = 3;
    m->shots->shots = XNEW(struct media_shot);
    m->shots->shots[0] =
        (struct media_shot){.end_frame = 3, .end_us = 120000, .kind = "start", .picture_frame = 1};
    m->frames = xcalloc(3, sizeof(*m->frames));
    m->regions = xcalloc(3, sizeof(*m->regions));
    m->n_regions = 3;
    for (int i = 0; i < 3; i++)
        m->frames[i] = (struct media_motion_frame){.us = 40000 * i,
                                                   .end_us = 40000 * (i + 1),
                                                   .state = MEDIA_MOTION_WATCHING,
                                                   .global = {1, 0, i, 0, 1, 0},
                                                   .first = i == 2 ? 2 : 0,
                                                   .n = i == 0 ? 2 : i - 1};
    m->regions[0] = (struct media_motion_region){0, 0, 640, 360, 0.5};
    m->regions[1] = (struct media_motion_region){639, 359, 1, 1, 1};
    m->regions[2] = (struct media_motion_region){10, 20, 30, 40, 0.123};
    m->frames[1].first = 2;
    return m;
}

static int read_text(const char *text, struct media_motion **ret, struct err *e)
{
    CLEANUP_JSON json_t *j = NULL;
    CHECK_EQ(json_read(str_of(text), &j, e), 0);
    return media_motion_parse(j, 1000, ret, e);
}

TEST(results_motion_is_read_as_written)
{
    CLEANUP(media_motion_free) struct media_motion *m = sample(), *r = NULL;
    CLEANUP_BUF struct buf out = {0}, again = {0};
    struct jsonw w = JSONW(&out), v = JSONW(&again);
    struct err e = {0};

    media_motion_json(m, &w);
    CHECK_OK(read_text(buf_z(&out), &r, &e));
    CHECK_EQ(r->n_regions, 3);
    CHECK_EQ(r->frames[0].n, 2);
    CHECK_EQ(r->frames[1].n, 0);
    CHECK_EQ(r->regions[r->frames[2].first].h, 40);
    CHECK_NEAR(r->regions[2].confidence, 0.123, 1e-9);
    CHECK_NEAR(r->frames[2].global[2], 2, 1e-9);
    CHECK_NEAR(r->frames[0].global[0], 1, 0);
    media_motion_json(r, &v);
    CHECK_STR(buf_z(&out), buf_z(&again));
}

/* One change at a time to a text that is right. */
TEST(results_motion_that_is_off_is_refused)
{
    static const char *const changes[][2] = {
        {"\"width\":640", "\"width\":0"},
        {"\"width\":640", "\"width\":65537"},
        {"\"width\":640", "\"width\":639"}, /* regions then reach out */
        {"\"height\":360", "\"height\":\"360\""},
        {"[639,359,1,1,1000]", "[639,359,2,1,1000]"},
        {"[639,359,1,1,1000]", "[639,359,1,0,1000]"},
        {"[639,359,1,1,1000]", "[-1,359,1,1,1000]"},
        {"[639,359,1,1,1000]", "[639,359,1,1,1001]"},
        {"[639,359,1,1,1000]", "[639,359,1,1]"},
        {"[639,359,1,1,1000]", "[639,359,1,1.5,1000]"},
        {"[639,359,1,1,1000]", "null"},
        {"[0,40000,1,", "[-1,40000,1,"},
        {"[0,40000,1,", "[0,40000,4,"},
        {"[0,40000,1,", "[0,40000,-1,"},
        {"[40000,80000,1,", "[0,80000,1,"}, /* no later than the one before */
        {"[40000,80000,1,", "[40000,39999,1,"},
        {"\"frames\":3", "\"frames\":4"},
        {"]]}", "],[1,2,1,[]]]}"}, /* more frames than shots have */
    };
    CLEANUP(media_motion_free) struct media_motion *m = sample(), *r = NULL;
    CLEANUP_BUF struct buf out = {0};
    struct jsonw w = JSONW(&out);
    struct err e = {0};

    media_motion_json(m, &w);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        CLEANUP_BUF struct buf text = {0};
        const char *at = strstr(buf_z(&out), changes[i][0]);
        if (!at)
            fail_msg("no '%s' in %s", changes[i][0], buf_z(&out));
        buf_add(&text, out.p, (size_t)(at - out.p));
        buf_addz(&text, changes[i][1]);
        buf_addz(&text, at + strlen(changes[i][0]));
        CHECK_ERR(read_text(buf_z(&text), &r, &e), ERR_PROCESSING);
        CHECK(r == NULL);
    }
}

TEST_MAIN
