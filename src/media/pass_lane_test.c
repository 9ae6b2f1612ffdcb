/* Lanes: order, ends, failures, and stopping at any moment. Meant for the thread sanitizer, too. */
#include <errno.h>
#include <stdatomic.h>

#include "base/test.h"
#include "media/pass_lane.h"

struct log {
    int seen[1000], n;
    int fail_at; /* the item that fails; 0 none */
    bool fail_end, ended;
};
static atomic_int alive; /* items that nobody has dropped or used */

static int *item(int value)
{
    int *p = xmalloc(sizeof(*p));
    *p = value;
    atomic_fetch_add(&alive, 1);
    return p;
}

static void drop(void *p)
{
    free(p);
    atomic_fetch_sub(&alive, 1);
}

static int work(void *arg, void *p, struct err *e)
{
    struct log *l = arg;
    int value = *(int *)p;
    drop(p);
    if (value == l->fail_at)
        return err_set(e, ERR_STORAGE, "item %d", value);
    l->seen[l->n++] = value;
    return 0;
}

static int end(void *arg, struct err *e)
{
    struct log *l = arg;
    l->ended = true;
    return l->fail_end ? err_set(e, ERR_PROCESSING, "at the end") : 0;
}

static const struct pass_lane_ops ops = {.name = "lane", .work = work, .end = end, .drop = drop};

TEST(items_are_worked_on_in_order_and_the_end_comes_last)
{
    struct err e = {0};
    for (size_t capacity = 1; capacity <= 64; capacity *= 4) {
        struct log l = {.n = 0};
        CLEANUP(pass_lane_free) struct pass_lane *lane = NULL;
        CHECK_OK(pass_lane_start(&ops, &l, capacity, &lane, &e));
        for (int i = 1; i <= 1000; i++)
            CHECK(pass_lane_put(lane, item(i)));
        CHECK_OK(pass_lane_join(lane, &e));
        CHECK_EQ(l.n, 1000);
        CHECK(l.ended);
        for (int i = 0; i < 1000; i++)
            CHECK_EQ(l.seen[i], i + 1);
    }
    CHECK_EQ(atomic_load(&alive), 0);
}

TEST(a_failure_stops_the_writer_and_is_told)
{
    struct err e = {0};
    struct log l = {.fail_at = 10};
    CLEANUP(pass_lane_free) struct pass_lane *lane = NULL;
    int i = 1;

    CHECK_OK(pass_lane_start(&ops, &l, 3, &lane, &e));
    while (i < 100000 && pass_lane_put(lane, item(i)))
        i++;
    CHECK(i < 100000); /* it noticed */
    CHECK_ERR(pass_lane_join(lane, &e), ERR_STORAGE);
    CHECK_STR(e.text, "lane: item 10");
    CHECK_EQ(l.n, 9);
    CHECK(!l.ended);
    CHECK_ERR(pass_lane_join(lane, &e), ERR_STORAGE); /* asked again, it says the same */
    CHECK_EQ(atomic_load(&alive), 0);
}

TEST(an_end_that_fails_is_told)
{
    struct err e = {0};
    struct log l = {.fail_end = true};
    CLEANUP(pass_lane_free) struct pass_lane *lane = NULL;
    CHECK_OK(pass_lane_start(&ops, &l, 3, &lane, &e));
    CHECK(pass_lane_put(lane, item(1)));
    CHECK_ERR(pass_lane_join(lane, &e), ERR_PROCESSING);
}

TEST(stopping_drops_what_waits)
{
    struct err e = {0};
    for (int k = 0; k < 50; k++) {
        struct log l = {.n = 0};
        struct pass_lane *lane;
        CHECK_OK(pass_lane_start(&ops, &l, 16, &lane, &e));
        for (int i = 0; i < k; i++)
            CHECK(pass_lane_put(lane, item(i + 1)));
        pass_lane_free(lane);
        CHECK(!l.ended);
        CHECK_EQ(atomic_load(&alive), 0);
    }
    pass_lane_free(NULL);
}

TEST_MAIN
