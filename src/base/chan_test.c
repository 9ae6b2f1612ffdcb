#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/chan.h"
#include "base/test.h"

static int *number(int v)
{
    int *p = xmalloc(sizeof *p);

    *p = v;
    return p;
}

static atomic_int dropped;
static void drop_number(void *item)
{
    atomic_fetch_add(&dropped, 1);
    free(item);
}

TEST(chan_gives_items_in_order_then_says_closed)
{
    CLEANUP(chan_free) struct chan *c = chan_new(3, free);
    void *item;

    for (int round = 0; round < 5; round++) { /* the ring wraps */
        CHECK_EQ(chan_put(c, number(2 * round)), CHAN_OK);
        CHECK_EQ(chan_put(c, number(2 * round + 1)), CHAN_OK);
        for (int k = 0; k < 2; k++) {
            CHECK_EQ(chan_get(c, &item), CHAN_OK);
            CHECK_EQ(*(int *)item, 2 * round + k);
            free(item);
        }
    }
    CHECK_EQ(chan_put(c, number(99)), CHAN_OK);
    chan_put_done(c);
    CHECK_EQ(chan_get(c, &item), CHAN_OK); /* what is inside is still read */
    CHECK_EQ(*(int *)item, 99);
    free(item);
    item = &dropped;
    CHECK_EQ(chan_get(c, &item), CHAN_CLOSED);
    CHECK(item == &dropped); /* untouched */
}

TEST(chan_put_after_put_done_is_refused)
{
    CLEANUP(chan_free) struct chan *c = chan_new(1, NULL);
    int mine = 1;

    chan_put_done(c);
    CHECK_EQ(chan_put(c, &mine), CHAN_CLOSED);
}

TEST(chan_free_and_get_done_drop_what_is_inside)
{
    atomic_store(&dropped, 0);
    struct chan *c = chan_new(4, drop_number);
    chan_put(c, number(1));
    chan_put(c, number(2));
    chan_get_done(c);
    CHECK_EQ(atomic_load(&dropped), 2);
    int *mine = number(3);
    CHECK_EQ(chan_put(c, mine), CHAN_CLOSED);
    CHECK_EQ(*mine, 3); /* still ours */
    free(mine);
    void *item;
    CHECK_EQ(chan_get(c, &item), CHAN_CLOSED);
    chan_free(c);
    CHECK_EQ(atomic_load(&dropped), 2);

    c = chan_new(4, drop_number);
    chan_put(c, number(4));
    chan_free(c);
    CHECK_EQ(atomic_load(&dropped), 3);
    chan_free(NULL);
}

struct traffic {
    struct chan *c;
    int first, n;     /* a writer's numbers */
    atomic_long *sum; /* what readers saw */
    atomic_int *count;
    enum chan_status last;
};

static void *writer(void *arg)
{
    struct traffic *t = arg;

    t->last = CHAN_OK;
    for (int i = 0; i < t->n && t->last == CHAN_OK; i++) {
        int *item = number(t->first + i);
        t->last = chan_put(t->c, item);
        if (t->last == CHAN_CLOSED)
            free(item);
    }
    return NULL;
}

static void *reader(void *arg)
{
    struct traffic *t = arg;
    void *item;

    while (chan_get(t->c, &item) == CHAN_OK) {
        atomic_fetch_add(t->sum, *(int *)item);
        atomic_fetch_add(t->count, 1);
        free(item);
    }
    return NULL;
}

TEST(chan_many_writers_and_readers_lose_and_double_nothing)
{
    enum { WRITERS = 4, READERS = 3, EACH = 2000 };
    static const size_t capacities[] = {1, 2, 7, 64};

    for (size_t k = 0; k < ARRAY_LEN(capacities); k++) {
        CLEANUP(chan_free) struct chan *c = chan_new(capacities[k], free);
        atomic_long sum = 0;
        atomic_int count = 0;
        struct traffic w[WRITERS], r[READERS];
        pthread_t wt[WRITERS], rt[READERS];
        for (int i = 0; i < WRITERS; i++) {
            w[i] = (struct traffic){.c = c, .first = i * EACH, .n = EACH};
            CHECK_EQ(pthread_create(&wt[i], NULL, writer, &w[i]), 0);
        }
        for (int i = 0; i < READERS; i++) {
            r[i] = (struct traffic){.c = c, .sum = &sum, .count = &count};
            CHECK_EQ(pthread_create(&rt[i], NULL, reader, &r[i]), 0);
        }
        for (int i = 0; i < WRITERS; i++) {
            pthread_join(wt[i], NULL);
            CHECK_EQ(w[i].last, CHAN_OK);
        }
        chan_put_done(c);
        for (int i = 0; i < READERS; i++)
            pthread_join(rt[i], NULL);
        long n = WRITERS * EACH;
        CHECK_EQ(atomic_load(&count), n);
        CHECK_EQ(atomic_load(&sum), n * (n - 1) / 2);
    }
}

TEST(chan_get_done_frees_writers_that_wait_for_room)
{
    enum { WRITERS = 3 };
    CLEANUP(chan_free) struct chan *c = chan_new(1, free);
    struct traffic w[WRITERS];
    pthread_t t[WRITERS];
    void *item;

    for (int i = 0; i < WRITERS; i++) {
        w[i] = (struct traffic){.c = c, .n = 1000000}; /* far more than anybody reads */
        CHECK_EQ(pthread_create(&t[i], NULL, writer, &w[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(chan_get(c, &item), CHAN_OK);
        free(item);
    }
    chan_get_done(c);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(t[i], NULL);
        CHECK_EQ(w[i].last, CHAN_CLOSED);
    }
}

TEST(chan_put_done_frees_readers_that_wait_for_items)
{
    enum { READERS = 3 };
    CLEANUP(chan_free) struct chan *c = chan_new(1, free);
    atomic_long sum = 0;
    atomic_int count = 0;
    struct traffic r = {.c = c, .sum = &sum, .count = &count};
    pthread_t t[READERS];

    for (int i = 0; i < READERS; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, reader, &r), 0);
    CHECK_EQ(chan_put(c, number(5)), CHAN_OK);
    chan_put_done(c);
    for (int i = 0; i < READERS; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(atomic_load(&count), 1);
    CHECK_EQ(atomic_load(&sum), 5);
}

TEST_MAIN
