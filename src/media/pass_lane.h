/*
 * A lane of the pass: one thread that works through items in the order in which they were put,
 * behind a bounded channel. Because the order is the reader's and every lane has one thread,
 * results do not depend on timing.
 */
#ifndef MEDIA_PASS_LANE_H
#define MEDIA_PASS_LANE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

struct pass_lane;
struct pass_lane_ops {
    const char *name;
    /* An item, moved. Negative ends the lane. */
    int (*work)(void *arg, void *item, struct err *e);
    /* All items are done, none failed. May be NULL. */
    int (*end)(void *arg, struct err *e);
    void (*drop)(void *item);
};
/* arg: borrowed until the lane has ended; only the lane's thread may use it meanwhile. */
int pass_lane_start(const struct pass_lane_ops *ops, void *arg, size_t capacity,
                    struct pass_lane **ret, struct err *e);
/* Stops without finishing what waits, when the lane still runs. */
void pass_lane_free(struct pass_lane *l);
CLEANUP_DEFINE(pass_lane_free, struct pass_lane *);
/* Waits for room. Moves the item, always. False: the lane has failed; pass_lane_join() says why. */
bool pass_lane_put(struct pass_lane *l, void *item);
/* No more items: waits for the end. */
int pass_lane_join(struct pass_lane *l, struct err *e);

#endif
