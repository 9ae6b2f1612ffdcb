/* Which frames the proxy takes. */
#include "base/test.h"
#include "media/pass_pick.h"

struct picked {
    int64_t frame[400], pts[400], duration[400];
    int n;
};

/* Runs the picker over frames at us[i]; the last one ends at end. */
static struct picked run(AVRational source, double fps, const int64_t *us, int n, int64_t end)
{
    struct pass_pick p;
    struct picked r = {.n = 0};
    struct err e = {0};

    CHECK_OK(lav_load(&e));
    pass_pick_init(&p, source, fps);
    for (int i = 0; i < n; i++)
        if (pass_pick_frame(&p, us[i], i + 1 < n ? us[i + 1] : end, &r.pts[r.n],
                            &r.duration[r.n])) {
            CHECK(r.n < 399);
            r.frame[r.n++] = i;
        }
    for (int i = 0; i < r.n; i++) {
        CHECK(r.duration[i] > 0);
        if (i > 0)
            CHECK(r.pts[i] > r.pts[i - 1]);
    }
    return r;
}

static struct picked run_even(int num, int den, double fps, int n)
{
    int64_t us[400];
    for (int i = 0; i < n; i++)
        us[i] = (int64_t)i * 1000000 * den / num;
    return run(av_make_q(num, den), fps, us, n, (int64_t)n * 1000000 * den / num);
}

TEST(thirty_to_ten_takes_every_third)
{
    struct picked r = run_even(30, 1, 10, 90);
    CHECK_EQ(r.n, 30);
    for (int i = 0; i < r.n; i++) {
        CHECK_EQ(r.frame[i], 3 * i);
        CHECK_EQ(r.pts[i], i);
    }
}

TEST(each_time_takes_the_nearest_frame)
{
    static const int rates[][2] = {{30000, 1001}, {24000, 1001}, {25, 1}, {12, 1},
                                   {50, 1},       {60000, 1001}, {11, 1}};
    for (size_t k = 0; k < ARRAY_LEN(rates); k++) {
        double frame_s = (double)rates[k][1] / rates[k][0];
        struct picked r = run_even(rates[k][0], rates[k][1], 10, 200);
        for (int i = 0; i < r.n; i++) {
            double wanted = (double)r.pts[i] / 10, at = (double)r.frame[i] * frame_s;
            CHECK(at - wanted <= frame_s / 2 + 2e-6 && wanted - at <= frame_s / 2 + 2e-6);
            if (i > 0) /* faster sources leave no time of the grid empty */
                CHECK_EQ(r.pts[i], r.pts[i - 1] + 1);
        }
        CHECK_NEAR(r.n, 200 * frame_s * 10, 1.01);
    }
}

TEST(a_slow_source_keeps_its_own_times)
{
    struct picked r = run_even(8, 1, 10, 40);
    CHECK_EQ(r.n, 40);
    for (int i = 0; i < r.n; i++)
        CHECK_EQ(r.pts[i], (int64_t)i * 11250); /* of 90000 a second */
    r = run_even(10, 1, 10, 40);
    CHECK_EQ(r.n, 40);
    r = run_even(15, 2, 10, 30);
    CHECK_EQ(r.n, 30);
    CHECK_NEAR((double)r.pts[29] / 90000, 29 * 2 / 15.0, 1e-4);
}

TEST(a_rate_that_is_a_lie_is_not_followed)
{
    int64_t us[300];
    for (int i = 0; i < 300; i++)
        us[i] = i * 20000; /* fifty a second, said to be five */
    struct picked r = run(av_make_q(5, 1), 10, us, 300, 6000000);
    CHECK(r.n < 70 && r.n > 30);
    /* and an unknown one goes by the grid */
    r = run(av_make_q(0, 1), 10, us, 300, 6000000);
    CHECK_EQ(r.n, 60);
}

TEST(a_gap_stays_a_gap)
{
    static const int64_t us[] = {0, 33000, 66000, 5000000, 5033000};
    struct picked r = run(av_make_q(30, 1), 10, us, 5, 5066000);
    CHECK_EQ(r.n, 3);
    CHECK_EQ(r.pts[0], 0);
    CHECK_EQ(r.pts[1], 1);
    CHECK_EQ(r.frame[1], 2);
    CHECK_EQ(r.pts[2], 50);
    CHECK_EQ(r.duration[1], 49);
}

TEST(the_first_frame_is_always_taken)
{
    static const int64_t late[] = {40000, 60000, 101000};
    struct picked r = run(av_make_q(50, 1), 10, late, 3, 120000);
    CHECK(r.n >= 1);
    CHECK_EQ(r.frame[0], 0);
    static const int64_t one[] = {0};
    r = run(av_make_q(30, 1), 10, one, 1, 33333);
    CHECK_EQ(r.n, 1);
    CHECK_EQ(r.duration[0], 1);
}

TEST(crowded_frames_never_share_a_time)
{
    int64_t us[300];
    for (int i = 0; i < 300; i++)
        us[i] = i * 1000 + i % 3;
    struct picked r = run(av_make_q(1000, 1), 10, us, 300, 300000);
    CHECK_EQ(r.n, 3); /* the end is nearer to 0.3 than the last frame is */
}

TEST_MAIN
