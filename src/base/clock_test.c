#include "base/clock.h"
#include "base/test.h"

TEST(clock_iso_table)
{
    static const struct {
        int64_t ms;
        const char *want;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {1000, "1970-01-01T00:00:01.000Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {4107542399999, "2100-02-28T23:59:59.999Z"},
        {1795214878123, "2026-11-20T22:47:58.123Z"},
        {253402300800000, "10000-01-01T00:00:00.000Z"},
        {-62135596800000, "0001-01-01T00:00:00.000Z"},
        {INT64_MAX, "292278994-08-17T07:12:55.807Z"},
        {INT64_MIN, "-292275055-05-16T16:47:04.192Z"},
    };
    char out[CLOCK_ISO_MAX];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(clock_iso(rows[i].ms, out), rows[i].want);
}

TEST(clock_us_text_table)
{
    static const struct {
        int64_t us;
        const char *want;
    } rows[] = {
        {0, "0.000000"},
        {1, "0.000001"},
        {-1, "-0.000001"},
        {83500000, "83.500000"},
        {-1500000, "-1.500000"},
        {INT64_MAX, "9223372036854.775807"},
        {INT64_MIN, "-9223372036854.775808"},
    };
    char out[CLOCK_ISO_MAX];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(clock_us_text(rows[i].us, out), rows[i].want);
}

TEST(clock_frozen_stands_until_advanced)
{
    int64_t mono_before = clock_mono_us();

    clock_freeze_ms(1795214878123);
    int64_t mono = clock_mono_ms();
    CHECK_EQ(clock_now_ms(), 1795214878123);
    CHECK_EQ(clock_now_us(), 1795214878123000);
    CHECK(clock_mono_us() >= mono_before);
    CHECK_EQ(clock_mono_ms(), mono);
    clock_advance_ms(250);
    CHECK_EQ(clock_now_ms(), 1795214878373);
    CHECK_EQ(clock_mono_ms(), mono + 250);
    clock_freeze_ms(-1);
    CHECK_EQ(clock_now_ms(), -1);
    CHECK_EQ(clock_mono_ms(), mono + 250); /* freezing again moves wall time only */
    clock_thaw();
    CHECK(clock_now_ms() > 1700000000000);
}

TEST(clock_mono_never_goes_back)
{
    int64_t last = clock_mono_us();

    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_mono_us();
        CHECK(now >= last);
        last = now;
    }
}

TEST_MAIN
