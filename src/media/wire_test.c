/* Messages of the child: each comes back as it was sent, and what is not a message is refused. */
#include "media/wire.h"

#include "base/json.h"
#include "base/test.h"

TEST(wire_messages_come_back)
{
    CLEANUP_BUF struct buf b = {0};
    struct wire_msg m;
    struct err e = {0};

    wire_put_progress(
        &b, &(struct media_progress){.percent = 42, .frames = 1LL << 40, .position_us = 1LL << 50});
    CHECK_OK(wire_parse(buf_str(&b), &m, &e));
    CHECK_EQ(m.type, WIRE_PROGRESS);
    CHECK_EQ(m.progress.percent, 42);
    CHECK(m.progress.frames == 1LL << 40 && m.progress.position_us == 1LL << 50);

    buf_reset(&b);
    wire_put_log(&b, LOG_WARN, STR("damaged_media errors=3"));
    CHECK_OK(wire_parse(buf_str(&b), &m, &e));
    CHECK_EQ(m.level, LOG_WARN);
    CHECK(str_eqz(m.text, "damaged_media errors=3"));

    buf_reset(&b);
    wire_put_done(&b, 12345678901u);
    CHECK_OK(wire_parse(buf_str(&b), &m, &e));
    CHECK(m.type == WIRE_DONE && m.result_bytes == 12345678901u);

    buf_reset(&b);
    CHECK_OK(wire_put_request(&b, STR("{}"), &e));
    CHECK_OK(wire_parse(buf_str(&b), &m, &e));
    CHECK(m.type == WIRE_REQUEST && str_eqz(m.request, "{}"));
}

TEST(wire_errors_keep_their_three_voices)
{
    CLEANUP_BUF struct buf b = {0};
    struct wire_msg m;
    struct err e = {0}, sent = {0};

    err_set(&sent, ERR_LIMIT, "limit.pixels: 9 x 9");
    err_plain(&sent, "Zu groß.", "Smaller.");
    wire_put_error(&b, &sent);
    CHECK_OK(wire_parse(buf_str(&b), &m, &e));
    CHECK_EQ(m.error.code, ERR_LIMIT);
    CHECK_STR(m.error.text, "limit.pixels: 9 x 9");
    CHECK_STR(m.error.plain, "Zu groß.");
    CHECK_STR(m.error.next, "Smaller.");
}

/* A child that was taken over must not move the cursor of a person's terminal. */
TEST(wire_errors_lose_control_characters)
{
    CLEANUP_BUF struct buf b = {0};
    struct wire_msg m;
    struct err e = {0}, sent = {0};

    err_set(&sent, ERR_INPUT, "x");
    err_plain(&sent,
              "a\x1b[2Jb\nc\x7f"
              "d\xc2\x9b"
              "e",
              NULL);
    wire_put_error(&b, &sent);
    CHECK_OK(wire_parse(buf_str(&b), &m, &e));
    CHECK_STR(m.error.plain, "a [2Jb c d e");
}

TEST(wire_an_error_that_claims_success_or_nonsense_is_still_an_error)
{
    static const char *const codes[] = {"ok", "no-such-code", ""};
    struct wire_msg m;
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        CLEANUP_BUF struct buf b = {0}, body = {0};
        struct jsonw w = JSONW(&body);
        jw_obj(&w);
        jw_kz(&w, "code", codes[i]);
        jw_obj_end(&w);
        CHECK_OK(wire_put_request(&b, buf_str(&body), &e)); /* the same frame, made an error */
        b.p[4] = WIRE_ERROR;
        CHECK_OK(wire_parse(buf_str(&b), &m, &e));
        CHECK(m.error.code != ERR_OK);
    }
}

TEST(wire_long_texts_are_cut_and_long_requests_refused)
{
    CLEANUP_BUF struct buf b = {0};
    CLEANUP_FREE char *big = xmalloc(WIRE_MESSAGE_MAX);
    struct wire_msg m;
    struct err e = {0};

    memset(big, 'x', WIRE_MESSAGE_MAX);
    wire_put_log(&b, LOG_INFO, (struct str){big, WIRE_MESSAGE_MAX});
    CHECK(b.n < WIRE_MESSAGE_MAX);
    CHECK_OK(wire_parse(buf_str(&b), &m, &e));
    CHECK(m.text.n > 100);
    buf_reset(&b);
    CHECK_ERR(wire_put_request(&b, (struct str){big, WIRE_MESSAGE_MAX}, &e), ERR_LIMIT);
}

TEST(wire_refuses_what_is_not_a_message)
{
    CLEANUP_BUF struct buf good = {0};
    struct wire_msg m;
    struct err e = {0};

    wire_put_progress(&good, &(struct media_progress){.percent = 1, .frames = 2, .position_us = 3});
    for (size_t n = 0; n < good.n; n++)
        CHECK_ERR(wire_parse((struct str){good.p, n}, &m, &e), ERR_PROCESSING);
    static const struct {
        int at;
        char value;
    } wrong[] = {
        {0, 'X'},
        {4, 0},
        {4, 9},
        {5, 1},
        {8, 19},
        {11, 1},
        {12, 101},
        {15, -1} /* percent */,
        {23, -1} /* frames */,
        {31, 1} /* position */,
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char was = good.p[wrong[i].at];
        good.p[wrong[i].at] = wrong[i].value;
        CHECK_ERR(wire_parse(buf_str(&good), &m, &e), ERR_PROCESSING);
        good.p[wrong[i].at] = was;
    }
    CHECK_OK(wire_parse(buf_str(&good), &m, &e));
}

TEST_MAIN
