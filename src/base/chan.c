/* The bounded channel: a ring under one lock, a condition for each side. */
#include "base/chan.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct chan {
    size_t capacity;
    void (*drop)(void *item);
    pthread_mutex_t lock;
    pthread_cond_t may_put, may_get;
    /* protected by lock */
    void **ring;
    size_t first, n;
    bool put_done; /* the writer sends no more */
    bool get_done; /* the reader takes no more */
};

struct chan *chan_new(size_t capacity, void (*drop)(void *item))
{
    assert(capacity >= 1);
    struct chan *c = XNEW(struct chan);
    c->capacity = capacity;
    c->drop = drop;
    c->ring = xcalloc(capacity, sizeof *c->ring);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->may_put, NULL);
    pthread_cond_init(&c->may_get, NULL);
    return c;
}

static void *take_locked(struct chan *c)
{
    void *item = c->ring[c->first];

    c->first = (c->first + 1) % c->capacity;
    c->n--;
    return item;
}

void chan_free(struct chan *c)
{
    if (!c)
        return;
    while (c->n > 0) {
        void *item = take_locked(c); /* nobody else is here any more */
        if (c->drop)
            c->drop(item);
    }
    pthread_cond_destroy(&c->may_get);
    pthread_cond_destroy(&c->may_put);
    pthread_mutex_destroy(&c->lock);
    free(c->ring);
    free(c);
}

enum chan_status chan_put(struct chan *c, void *item)
{
    enum chan_status status = CHAN_CLOSED;

    pthread_mutex_lock(&c->lock);
    while (c->n == c->capacity && !c->get_done && !c->put_done)
        pthread_cond_wait(&c->may_put, &c->lock);
    if (!c->get_done && !c->put_done) {
        c->ring[(c->first + c->n) % c->capacity] = item;
        c->n++;
        pthread_cond_signal(&c->may_get);
        status = CHAN_OK;
    }
    pthread_mutex_unlock(&c->lock);
    return status;
}

enum chan_status chan_get(struct chan *c, void **ret_item)
{
    enum chan_status status = CHAN_CLOSED;

    pthread_mutex_lock(&c->lock);
    while (c->n == 0 && !c->put_done && !c->get_done)
        pthread_cond_wait(&c->may_get, &c->lock);
    if (c->n > 0 && !c->get_done) {
        *ret_item = take_locked(c);
        pthread_cond_signal(&c->may_put);
        status = CHAN_OK;
    }
    pthread_mutex_unlock(&c->lock);
    return status;
}

void chan_put_done(struct chan *c)
{
    pthread_mutex_lock(&c->lock);
    c->put_done = true;
    pthread_cond_broadcast(&c->may_get);
    pthread_cond_broadcast(&c->may_put);
    pthread_mutex_unlock(&c->lock);
}

void chan_get_done(struct chan *c)
{
    pthread_mutex_lock(&c->lock);
    c->get_done = true;
    pthread_cond_broadcast(&c->may_put);
    pthread_cond_broadcast(&c->may_get);
    while (c->n > 0) {
        void *item = take_locked(c);
        pthread_mutex_unlock(&c->lock); /* drop may take locks of its own */
        if (c->drop)
            c->drop(item);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
}
