/*
 * A bounded channel of pointers between threads. End-of-stream travels both ways: the writer says
 * chan_put_done(), the reader chan_get_done(). Any number of writers and readers.
 */
#ifndef BASE_CHAN_H
#define BASE_CHAN_H

#include "base/mem.h"

enum chan_status { CHAN_OK, CHAN_CLOSED };

struct chan;
/* capacity >= 1; drop ends items that are still inside when the channel is freed, or after get_done
 * (may be NULL). */
struct chan *chan_new(size_t capacity, void (*drop)(void *item));
void chan_free(struct chan *c); /* no thread may be inside */
CLEANUP_DEFINE(chan_free, struct chan *);
/* item is moved on CHAN_OK; on CHAN_CLOSED (the reader takes no more, or a writer has said
 * put_done) it stays the caller's. Waits for room. */
enum chan_status chan_put(struct chan *c, void *item);
/* The item is the caller's. CHAN_CLOSED: the writer is done and everything has been read, or
 * get_done was said; *ret_item is untouched. Waits for an item. */
enum chan_status chan_get(struct chan *c, void **ret_item);
/* With several writers, the last one says it, once all have put: it closes the channel for every
 * writer. */
void chan_put_done(struct chan *c);
/* Drops what is inside; blocked and later puts and gets return CHAN_CLOSED. */
void chan_get_done(struct chan *c);

#endif
