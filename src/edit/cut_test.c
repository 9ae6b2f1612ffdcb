#include "edit/cut.h"

#include "base/test.h"
#include "media/frame_index.h"

TEST(edit_point_takes_times_and_frames)
{
    static const struct {
        const char *text;
        bool is_frame;
        int64_t value;
    } good[] = {{"0", false, 0},       {"12.5", false, 12500000}, {"1:02.5", false, 62500000},
                {"f312", true, 312},   {"#0", true, 0},           {"00:01:02.500", false, 62500000},
                {"0.000001", false, 1}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct edit_point p;
        CHECK(edit_point_parse(str_of(good[i].text), &p));
        CHECK_EQ(p.is_frame, good[i].is_frame);
        CHECK_EQ(p.value, good[i].value);
    }
}

TEST(edit_point_refuses_everything_else)
{
    static const char *const bad[] = {"",        "f",   "#",    "f-1",  "fx", "-1",
                                      "1:2:3:4", "abc", "12,5", "f1.5", " 1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct edit_point p = {.value = 77};
        CHECK(!edit_point_parse(str_of(bad[i]), &p));
        CHECK_EQ(p.value, 77);
    }
}

/* four frames at 0, 40, 100 and 140 ms, the last 40 ms long */
static struct frame_entry entries[] = {
    {0, 40, true}, {40, 60, false}, {100, 40, false}, {140, 40, false}};
static const struct frame_index index_vfr = {
    .time_base_num = 1, .time_base_den = 1000, .frames = entries, .n = 4};

static int64_t frame_at(int64_t us)
{
    struct edit_point p = {.value = us};
    return edit_point_frame(&p, &index_vfr);
}

TEST(edit_point_time_means_the_first_frame_at_or_after_it)
{
    CHECK_EQ(frame_at(0), 0);
    CHECK_EQ(frame_at(1), 1);
    CHECK_EQ(frame_at(40000), 1);
    CHECK_EQ(frame_at(40001), 2);
    CHECK_EQ(frame_at(140000), 3);
    CHECK_EQ(frame_at(140001), 4);
    CHECK_EQ(frame_at(99000000), 4);
}

TEST(edit_point_adjacent_cuts_share_and_lose_no_frame)
{
    for (int64_t t = 0; t < 200000; t += 777) {
        int64_t f = frame_at(
            t); /* [0, t) ends where [t, end) begins, and all frames before it began before t */
        for (int64_t i = 0; i < index_vfr.n; i++)
            CHECK_EQ(i < f, frame_index_us(&index_vfr, i) < t);
    }
}

TEST_MAIN
