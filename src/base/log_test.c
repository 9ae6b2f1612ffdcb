#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/test.h"

#define WHEN "time=2026-11-20T22:47:58.123Z "

/* Sends the log to a file and holds the clock; log_end() gives what was written. */
static int log_begin(enum log_level level, enum log_format format)
{
    struct err e = {0};
    int fd = -1;

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    clock_freeze_ms(1795214878123);
    log_setup(level, format, fd);
    return fd;
}

static void log_end(int fd, struct buf *out)
{
    struct err e = {0};

    log_setup(LOG_WARN, LOG_LOGFMT, STDERR_FILENO);
    clock_thaw();
    CHECK_OK(fs_read_fd(fd, 64 << 20, out, &e));
    close(fd);
}

TEST(log_quote_table)
{
    static const struct {
        struct str in;
        const char *want;
    } rows[] = {
        {{"plain", 5}, "plain"},
        {{"a/b.mp4", 7}, "a/b.mp4"},
        {{"käse", 5}, "käse"},
        {{"", 0}, "\"\""},
        {{NULL, 0}, "\"\""},
        {{"a b", 3}, "\"a b\""},
        {{"a=b", 3}, "\"a=b\""},
        {{"say \"hi\"", 8}, "\"say \\\"hi\\\"\""},
        {{"back\\slash", 10}, "\"back\\\\slash\""},
        {{"a\nb\r\tc", 6}, "\"a\\nb\\r\\tc\""},
        {{"x\nlevel=error event=forged", 26}, "\"x\\nlevel=error event=forged\""},
        {{"\x1b[31mred", 8}, "\"\\x1b[31mred\""},
        {{"a\0b", 3}, "\"a\\x00b\""},
        {{"\x7f", 1}, "\"\\x7f\""},
        {{"\xff\xfe", 2}, "\"\\xff\\xfe\""},
        {{"\xC2\x9B"
          "31m",
          5},
         "\"\\xc2\\x9b31m\""}, /* CSI in one character */
        {{"a\xE2\x80\xAE"
          "b",
          5},
         "\"a\\xe2\\x80\\xaeb\""},                      /* right-to-left override */
        {{"a\xE2\x80\xA8", 4}, "\"a\\xe2\\x80\\xa8\""}, /* line separator */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(log_quote(rows[i].in), rows[i].want);
    CHECK_STR(LOGZ("a b"), "\"a b\"");
    CHECK_STR(LOGZ(NULL), "\"\"");
}

TEST(log_quote_cuts_long_values_between_characters)
{
    CLEANUP_BUF struct buf b = {0};

    buf_addc(&b, 'x');
    while (b.n < 2000)
        buf_addz(&b, "€");
    const char *q = log_quote(buf_str(&b));
    CHECK(utf8_valid(str_of(q)));
    CHECK(str_ends(str_of(q), STR("€...")));
    CHECK(strlen(q) <= 515);
    buf_reset(&b);
    while (b.n < 2000)
        buf_addc(&b, '\x01');
    q = log_quote(buf_str(&b));
    CHECK_EQ(strlen(q), 1 + 4 * 512 + 3 + 1); /* the longest there is */
    buf_reset(&b);
    while (b.n < 2000)
        buf_addc(&b, '\x80');
    CHECK_EQ(strlen(log_quote(buf_str(&b))), 1 + 4 * 512 + 3 + 1);
    buf_reset(&b);
    while (b.n < 512)
        buf_addc(&b, 'y');
    CHECK_STR(log_quote(buf_str(&b)), buf_z(&b)); /* exactly what fits is not cut */
}

TEST(log_quote_keeps_eight_values)
{
    const char *q[8];
    char want[8];

    for (int i = 0; i < 8; i++) {
        snprintf(want, sizeof want, "v %d", i);
        q[i] = LOGZ(want);
    }
    for (int i = 0; i < 8; i++) {
        snprintf(want, sizeof want, "\"v %d\"", i);
        CHECK_STR(q[i], want);
    }
}

TEST(log_lines_in_logfmt)
{
    CLEANUP_BUF struct buf out = {0};
    int fd = log_begin(LOG_INFO, LOG_LOGFMT);
    CLEANUP(log_free) struct log *job = log_new(NULL, "queue", "job=%d", 81);
    CLEANUP(log_free) struct log *stage = log_new(job, "pipeline", "video=%s", LOGZ("a b"));
    CLEANUP(log_free) struct log *inherits = log_new(stage, NULL, NULL);

    log_info(NULL, "started");
    log_info(job, "claimed attempt=%d", 2);
    log_warn(stage, "stage_done stage=%s frames=%d", "shots", 7);
    log_error(inherits, "one=1");
    log_debug(job, "hidden");
    log_trace(job, "hidden");
    log_end(fd, &out);
    CHECK_STR(buf_z(&out),
              WHEN "level=info event=started\n" WHEN
                   "level=info module=queue job=81 event=claimed attempt=2\n" WHEN
                   "level=warn module=pipeline job=81 video=\"a b\" event=stage_done stage=shots "
                   "frames=7\n" WHEN "level=error module=pipeline job=81 video=\"a b\" one=1\n");
}

TEST(log_line_can_not_be_broken_by_a_message)
{
    CLEANUP_BUF struct buf out = {0};
    int fd = log_begin(LOG_INFO, LOG_LOGFMT);

    log_info(NULL, "bad text=%s", "a\nlevel=error event=forged \x1b[2J");
    log_info(NULL, "%s", "");
    log_end(fd, &out);
    CHECK_STR(buf_z(&out),
              WHEN "level=info event=bad text=a\\nlevel=error event=forged \\x1b[2J\n" WHEN
                   "level=info\n");
}

TEST(log_lines_in_json)
{
    CLEANUP_BUF struct buf out = {0};
    int fd = log_begin(LOG_TRACE, LOG_JSON);
    CLEANUP(log_free) struct log *job = log_new(NULL, "queue", "job=%d", 81);

    log_info(job, "done frames=%d rate=%.3f id=%s zip=%s exp=%s ok=true file=%s", 7, 29.97,
             "\"123\"", "007", "12e4", LOGZ("a \"b\"\n\xff.mp4"));
    log_warn(NULL, "free words here k=v");
    log_end(fd, &out);
    CHECK_STR(
        buf_z(&out),
        "{\"time\":\"2026-11-20T22:47:58.123Z\",\"level\":\"info\",\"module\":\"queue\",\"job\":81,"
        "\"event\":\"done\",\"frames\":7,\"rate\":29.970,\"id\":\"123\",\"zip\":\"007\",\"exp\":"
        "\"12e4\",\"ok\":true,"
        "\"file\":\"a \\\"b\\\"\\n\xEF\xBF\xBD.mp4\"}\n"
        "{\"time\":\"2026-11-20T22:47:58.123Z\",\"level\":\"warn\",\"event\":\"free\",\"k\":\"v\","
        "\"text\":\"words here\"}\n");
}

TEST(log_lines_that_are_too_long_are_cut_and_stay_whole)
{
    enum log_format formats[] = {LOG_LOGFMT, LOG_JSON};
    CLEANUP_BUF struct buf big = {0};

    while (big.n < 50000)
        buf_addz(&big, "€");
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        CLEANUP_BUF struct buf out = {0};
        int fd = log_begin(LOG_INFO, formats[i]);
        log_info(NULL, "long text=%s", buf_z(&big));
        log_end(fd, &out);
        CHECK(out.n < 9000 && out.n > 8000);
        CHECK(utf8_valid(buf_str(&out)));
        CHECK(strchr(buf_z(&out), '\n') == out.p + out.n - 1);
        CHECK(strstr(buf_z(&out), "...") != NULL);
    }
}

/* Whatever a message holds, the JSON form parses. */
TEST(log_json_is_always_well_formed)
{
    static const char *const messages[] = {
        "",
        " ",
        "=",
        "a=",
        "=b",
        "a=\"",
        "a=\"x",
        "a=\"\\",
        "a=\"\\\"",
        "\"",
        "a=\"x\"y",
        "a=\\x",
        "a=\"\\x4\"",
        "a=-",
        "a=1.",
        "a=-0",
        "a=00",
        "a=1e5",
        "a b=c d",
        "a=999999999999999999999",
        "\xff=\xfe",
        "k\x01=v",
        "a=true b=false c=null",
    };
    CLEANUP_BUF struct buf out = {0};
    int fd = log_begin(LOG_INFO, LOG_JSON);
    struct str line;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(messages); i++)
        log_info(NULL, "%s", messages[i]);
    log_end(fd, &out);
    struct str rest = buf_str(&out);
    while (str_cut(&rest, '\n', &line) && rest.p) {
        struct err e = {0};
        CLEANUP_JSON json_t *j = NULL;
        if (json_read(line, &j, &e) < 0)
            fail_msg("%s of %.*s", e.text, STR_ARG(line));
        n++;
    }
    CHECK_EQ(n, ARRAY_LEN(messages));
}

TEST(log_levels)
{
    static const char *const names[] = {"trace", "debug", "info", "warn", "error", "off"};
    enum log_level level;

    for (int i = 0; i < 6; i++) {
        CHECK(log_level_from_name(str_of(names[i]), &level));
        CHECK_EQ(level, i);
        log_setup(level, LOG_LOGFMT, STDERR_FILENO);
        for (int k = LOG_TRACE; k < LOG_OFF; k++)
            CHECK_EQ(log_enabled((enum log_level)k), k >= i);
        CHECK(!log_enabled(LOG_OFF));
    }
    log_setup(LOG_WARN, LOG_LOGFMT, STDERR_FILENO);
    CHECK(!log_level_from_name(STR("WARN"), &level));
    CHECK(!log_level_from_name(STR(""), &level));
}

TEST(log_leaves_errno_alone)
{
    CLEANUP_BUF struct buf out = {0};
    int fd = log_begin(LOG_INFO, LOG_LOGFMT);

    log_setup(LOG_INFO, LOG_LOGFMT, -1); /* writing fails */
    errno = 77;
    log_info(NULL, "x");
    CHECK_EQ(errno, 77);
    log_end(fd, &out);
}

enum { LINES = 500, THREADS = 4 };
static void *write_lines(void *arg)
{
    CLEANUP(log_free) struct log *l = log_new(NULL, "thread", "n=%d", *(int *)arg);

    for (int i = 0; i < LINES; i++)
        log_info(l, "tick i=%d value=%s", i, LOGZ("some value with spaces"));
    return NULL;
}

TEST(log_lines_of_threads_do_not_mix)
{
    CLEANUP_BUF struct buf out = {0};
    int fd = log_begin(LOG_INFO, LOG_LOGFMT), names[THREADS], next[THREADS] = {0};
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++) {
        names[i] = i;
        CHECK_EQ(pthread_create(&t[i], NULL, write_lines, &names[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    log_end(fd, &out);
    struct str rest = buf_str(&out), line;
    while (str_cut(&rest, '\n', &line) && rest.p) {
        const char *n = memmem(line.p, line.n, " n=", 3);
        CHECK(n != NULL);
        int who = n[3] - '0';
        CHECK(who >= 0 && who < THREADS);
        CLEANUP_FREE char *want =
            xasprintf(WHEN "level=info module=thread n=%d event=tick i=%d value=\"some value with "
                           "spaces\"",
                      who, next[who]++);
        CHECK(str_eqz(line, want));
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(next[i], LINES);
}

TEST_MAIN
