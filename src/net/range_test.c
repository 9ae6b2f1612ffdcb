#include "net/range.h"

#include "base/test.h"

static enum range_result parse(const char *header, int64_t size, struct byte_range *r, int *n)
{
    *n = 0;
    return range_parse(str_of(header), size, r, n);
}

TEST(range_one_part)
{
    static const struct {
        const char *header;
        int64_t size, first, last;
    } good[] = {
        {"bytes=0-0", 10, 0, 0},    {"bytes=0-", 10, 0, 9},
        {"bytes=-3", 10, 7, 9},     {"bytes=-99", 10, 0, 9},
        {"bytes=5-99", 10, 5, 9},   {"BYTES=2-3", 10, 2, 3},
        {"bytes= 2-3 ,", 10, 2, 3}, {"bytes=0-99999999999999999999999", 10, 0, 9},
        {"bytes=4-,99-", 10, 4, 9},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct byte_range r[RANGE_MAX];
        int n;
        CHECK_EQ(parse(good[i].header, good[i].size, r, &n), RANGE_SOME);
        CHECK_EQ(n, 1);
        CHECK_EQ(r[0].first, good[i].first);
        CHECK_EQ(r[0].last, good[i].last);
    }
}

TEST(range_malformed_means_the_whole)
{
    static const char *const bad[] = {"",          "bytes",       "bytes=",     "bytes=-",
                                      "bytes=a-b", "bytes=5-4",   "items=0-1",  "bytes=0-1;2",
                                      "bytes=--1", "bytes=0x1-2", "bytes=+1-2", "bytes=1 - 2",
                                      "bytes=,",   "bytes=1-2-3"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct byte_range r[RANGE_MAX];
        int n;
        CHECK_EQ(parse(bad[i], 10, r, &n), RANGE_WHOLE);
    }
    struct byte_range r[RANGE_MAX];
    int n;
    CHECK_EQ(range_parse((struct str){0}, 10, r, &n), RANGE_WHOLE);
}

TEST(range_outside_is_unsatisfiable)
{
    struct byte_range r[RANGE_MAX];
    int n;
    CHECK_EQ(parse("bytes=10-", 10, r, &n), RANGE_UNSATISFIABLE);
    CHECK_EQ(parse("bytes=0-", 0, r, &n), RANGE_UNSATISFIABLE);
    CHECK_EQ(parse("bytes=-5", 0, r, &n), RANGE_UNSATISFIABLE);
    CHECK_EQ(parse("bytes=-0", 10, r, &n), RANGE_UNSATISFIABLE);
}

TEST(range_overlapping_parts_are_sent_once)
{
    struct byte_range r[RANGE_MAX];
    int n;
    CHECK_EQ(parse("bytes=50-59,0-9,5-14,15-19", 100, r, &n), RANGE_SOME);
    CHECK_EQ(n, 2);
    CHECK_EQ(r[0].first, 0);
    CHECK_EQ(r[0].last, 19);
    CHECK_EQ(r[1].first, 50);
    CHECK_EQ(r[1].last, 59);
}

TEST(range_too_many_parts_means_the_whole)
{
    struct byte_range r[RANGE_MAX];
    CLEANUP_BUF struct buf b = {0};
    int n;
    buf_addz(&b, "bytes=0-0");
    for (int i = 1; i < RANGE_MAX; i++)
        buf_addf(&b, ",%d-%d", 2 * i, 2 * i);
    CHECK_EQ(parse(buf_z(&b), 1000, r, &n), RANGE_SOME);
    CHECK_EQ(n, RANGE_MAX);
    buf_addz(&b, ",900-900");
    CHECK_EQ(parse(buf_z(&b), 1000, r, &n), RANGE_WHOLE);
}

TEST_MAIN
