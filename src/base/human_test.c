#include "base/human.h"

#include "base/test.h"

TEST(human_sizes)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } table[] = {{0, "0 bytes"},     {999, "999 bytes"},     {1000, "1.0 kB"},
                 {1449, "1.4 kB"},   {99960, "100 kB"},      {999499, "999 kB"},
                 {999500, "1.0 MB"}, {5368709120, "5.4 GB"}, {INT64_MAX, "9223 PB"}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char out[HUMAN_MAX];
        CHECK_STR(human_size(table[i].bytes, out), table[i].text);
    }
}

TEST(human_times_and_durations)
{
    static const struct {
        int64_t us;
        const char *time, *duration;
    } table[] = {{0, "0:00.0", "0 ms"},
                 {40000, "0:00.0", "40 ms"},
                 {2000000, "0:02.0", "2 seconds"},
                 {1500000, "0:01.5", "1.5 seconds"},
                 {90000000, "1:30.0", "90 seconds"},
                 {600000000, "10:00.0", "10 minutes"},
                 {3723400000, "1:02:03.4", "62.1 minutes"},
                 {21600000000, "6:00:00.0", "6 hours"}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char out[HUMAN_MAX];
        CHECK_STR(human_time(table[i].us, out), table[i].time);
        CHECK_STR(human_duration(table[i].us, out), table[i].duration);
    }
}

TEST_MAIN
