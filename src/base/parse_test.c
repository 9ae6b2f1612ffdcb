#include <locale.h>

#include "base/hash.h"
#include "base/test.h"

TEST(str_to_i64_table)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"--1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1x", false, 0},
        {"0x10", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\xD9\xA1", false, 0}, /* an Arabic one */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = 42;
        if (str_to_i64(str_of(rows[i].text), &v) != rows[i].ok ||
            v != (rows[i].ok ? rows[i].want : 42))
            fail_msg("'%s'", rows[i].text);
    }
    int64_t v = 42;
    CHECK(!str_to_i64((struct str){"1\0", 2}, &v));
    CHECK(str_to_i64((struct str){"123", 2}, &v) && v == 12);
}

TEST(str_to_u64_table)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t want;
    } rows[] = {
        {"0", true, 0},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"-1", false, 0},
        {"-0", false, 0},
        {"", false, 0},
        {"1844674407370955161500", false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t v = 42;
        if (str_to_u64(str_of(rows[i].text), &v) != rows[i].ok ||
            v != (rows[i].ok ? rows[i].want : 42))
            fail_msg("'%s'", rows[i].text);
    }
}

TEST(str_to_double_table)
{
    static const struct {
        const char *text;
        bool ok;
        double want;
    } rows[] = {
        {"0", true, 0},         {"-1.5", true, -1.5}, {".5", true, .5},     {"5.", true, 5},
        {"1e3", true, 1000},    {"1E-3", true, .001}, {"1e+2", true, 100},  {"29.97", true, 29.97},
        {"1e308", true, 1e308}, {"1e309", false, 0},  {"-1e309", false, 0}, {"1e-400", true, 0},
        {"", false, 0},         {".", false, 0},      {"-", false, 0},      {"-.", false, 0},
        {"e5", false, 0},       {"1e", false, 0},     {"1e+", false, 0},    {"nan", false, 0},
        {"inf", false, 0},      {"-inf", false, 0},   {"0x1p3", false, 0},  {"1,5", false, 0},
        {" 1", false, 0},       {"1 ", false, 0},     {"+1", false, 0},     {"1.2.3", false, 0},
        {"1f", false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double v = 42;
        if (str_to_double(str_of(rows[i].text), &v) != rows[i].ok ||
            v != (rows[i].ok ? rows[i].want : 42))
            fail_msg("'%s' gave %g", rows[i].text, v);
    }
    char longest[500];
    memset(longest, '1', sizeof longest);
    double v;
    CHECK(!str_to_double((struct str){longest, sizeof longest}, &v));
    CHECK(str_to_double((struct str){longest, 300}, &v));
}

TEST(str_to_double_uses_a_point_in_every_locale)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        SKIP("no locale with a decimal comma on this system");
    double v = 0;
    bool point = str_to_double(STR("1.5"), &v), comma = str_to_double(STR("1,5"), &v);
    setlocale(LC_ALL, "C");
    CHECK(point && !comma && v == 1.5);
}

TEST(str_to_bytes_table)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        {"0", true, 0},
        {"1024", true, 1024},
        {"64k", true, 65536},
        {"64K", true, 65536},
        {"300M", true, 314572800},
        {"5G", true, 5368709120},
        {"5g", true, 5368709120},
        {"2T", true, 2199023255552},
        {"8388607T", true, 9223370937343148032},
        {"8388608T", false, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"18446744073709551615", false, 0},
        {"", false, 0},
        {"k", false, 0},
        {"-1", false, 0},
        {"-1k", false, 0},
        {"1.5G", false, 0},
        {"1kB", false, 0},
        {"1 k", false, 0},
        {"1P", false, 0},
        {"1+", false, 0},
        {"1\x0B", false, 0}, /* becomes '+' with the bit of small letters */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = 42;
        if (str_to_bytes(str_of(rows[i].text), &v) != rows[i].ok ||
            v != (rows[i].ok ? rows[i].want : 42))
            fail_msg("'%s' gave %lld", rows[i].text, (long long)v);
    }
}

TEST(str_to_duration_table)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        {"0", true, 0},
        {"90", true, 90000},
        {"90s", true, 90000},
        {"1.5", true, 1500},
        {"1.5s", true, 1500},
        {"10m", true, 600000},
        {"6h", true, 21600000},
        {"0.5h", true, 1800000},
        {"1d", true, 86400000},
        {"30d", true, 2592000000},
        {"250ms", true, 250},
        {"1.001s", true, 1001},
        {"1.0010000s", true, 1001},
        {"1.0005s", false, 0}, /* half a millisecond */
        {"0.5ms", false, 0},
        {"0.0005m", true, 30},
        {"9223372036854775807ms", true, INT64_MAX},
        {"9223372036854775808ms", false, 0},
        {"9223372036854775807s", false, 0},
        {"9999999999999999999d", false, 0},
        {"99999999999999999999ms", false, 0},
        {"", false, 0},
        {"s", false, 0},
        {".5s", false, 0},
        {"1.s", false, 0},
        {"-1s", false, 0},
        {"1 s", false, 0},
        {"1S", false, 0},
        {"1h30m", false, 0},
        {"1.0000000001s", false, 0},
        {"1e3", false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = 42;
        if (str_to_duration_ms(str_of(rows[i].text), &v) != rows[i].ok ||
            v != (rows[i].ok ? rows[i].want : 42))
            fail_msg("'%s' gave %lld", rows[i].text, (long long)v);
    }
}

TEST(str_to_time_table)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        {"0", true, 0},
        {"83.5", true, 83500000},
        {"83.500000", true, 83500000},
        {"0.000001", true, 1},
        {"0.0000010", true, 1}, /* the seventh digit says nothing */
        {"0.0000001", false, 0},
        {"1:23.5", true, 83500000},
        {"01:23.5", true, 83500000},
        {"90:00", true, 5400000000},
        {"00:01:23.500", true, 83500000},
        {"100:00:00", true, 360000000000},
        {"1:59:59.999999", true, 7199999999},
        {"9223372036854.775807", true, INT64_MAX},
        {"9223372036854.775808", false, 0},
        {"2562047788:00:54.775807", true, INT64_MAX},
        {"2562047788:00:54.775808", false, 0},
        {"9223372036854775807:00:00", false, 0},
        {"18446744073709551615:00", false, 0},
        {"1:60", false, 0},
        {"1:60:00", false, 0},
        {"1:00:60", false, 0},
        {"1:2:3:4", false, 0},
        {"", false, 0},
        {":", false, 0},
        {":1", false, 0},
        {"1:", false, 0},
        {"1::2", false, 0},
        {"1.5:00", false, 0},
        {"-1", false, 0},
        {"1.", false, 0},
        {".5", false, 0},
        {"1s", false, 0},
        {" 1", false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = 42;
        if (str_to_time_us(str_of(rows[i].text), &v) != rows[i].ok ||
            v != (rows[i].ok ? rows[i].want : 42))
            fail_msg("'%s' gave %lld", rows[i].text, (long long)v);
    }
}

/* Random short texts of the letters that matter: nothing may be read past the end (the sanitizer
 * looks), no accepted value may be negative where no sign is allowed. */
TEST(parsers_survive_random_text)
{
    static const char letters[] = "0123456789.:-+eEkKMGTsmhd \0x";
    uint64_t r = random_u64() | 1;

    print_message("# seed %llu\n", (unsigned long long)r);
    for (int i = 0; i < 200000; i++) {
        size_t n = r % 12;
        char *text = xmalloc(n ? n : 1); /* of exact size, so that one byte too far is seen */
        for (size_t k = 0; k < n; k++) {
            r = r * 6364136223846793005u + 1442695040888963407u;
            text[k] = letters[(r >> 33) % (sizeof letters - 1)];
        }
        r = r * 6364136223846793005u + 1442695040888963407u;
        struct str s = {text, n};
        int64_t v;
        uint64_t u;
        double d;
        if (str_to_bytes(s, &v))
            CHECK(v >= 0);
        if (str_to_duration_ms(s, &v))
            CHECK(v >= 0);
        if (str_to_time_us(s, &v))
            CHECK(v >= 0);
        if (str_to_u64(s, &u))
            CHECK(n > 0);
        if (str_to_i64(s, &v) && v >= 0)
            CHECK(str_to_double(s, &d) && d == (double)v);
        free(text);
    }
}

TEST_MAIN
