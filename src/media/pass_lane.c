#include "media/pass_lane.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/chan.h"

struct pass_lane {
    const struct pass_lane_ops *ops;
    void *arg;
    struct chan *chan;
    pthread_t thread;
    bool running;
    atomic_bool stop; /* leave what waits */
    int result;       /* the thread's, to be read after joining */
    struct err err;
};

static void *run(void *arg)
{
    struct pass_lane *l = arg;
    void *item;

    while (l->result >= 0 && chan_get(l->chan, &item) == CHAN_OK) {
        if (atomic_load(&l->stop)) {
            l->ops->drop(item);
            continue;
        }
        l->result = l->ops->work(l->arg, item, &l->err);
    }
    if (l->result >= 0 && !atomic_load(&l->stop) && l->ops->end)
        l->result = l->ops->end(l->arg, &l->err);
    chan_get_done(l->chan);
    return NULL;
}

int pass_lane_start(const struct pass_lane_ops *ops, void *arg, size_t capacity,
                    struct pass_lane **ret, struct err *e)
{
    struct pass_lane *l = XNEW(struct pass_lane);
    l->ops = ops;
    l->arg = arg;
    l->chan = chan_new(capacity, ops->drop);
    int r = pthread_create(&l->thread, NULL, run, l);
    if (r != 0) {
        chan_free(l->chan);
        free(l);
        return err_errno(e, r, "start thread %s", ops->name);
    }
    l->running = true;
    *ret = l;
    return 0;
}

static void wait_for(struct pass_lane *l)
{
    if (!l->running)
        return;
    chan_put_done(l->chan);
    pthread_join(l->thread, NULL);
    l->running = false;
}

void pass_lane_free(struct pass_lane *l)
{
    if (!l)
        return;
    atomic_store(&l->stop, true);
    wait_for(l);
    chan_free(l->chan);
    free(l);
}

bool pass_lane_put(struct pass_lane *l, void *item)
{
    if (chan_put(l->chan, item) == CHAN_OK)
        return true;
    l->ops->drop(item);
    return false;
}

int pass_lane_join(struct pass_lane *l, struct err *e)
{
    wait_for(l);
    if (l->result >= 0)
        return 0;
    *e = l->err;
    return err_wrap(e, "%s", l->ops->name);
}
