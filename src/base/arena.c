/*
 * An arena: blocks that are handed out from front to back and freed together. A big piece gets a
 * block of its own, so that it does not waste the rest of the current one. Under the address
 * sanitizer the unused parts, and a gap after each piece, are poisoned: running over the end is
 * seen as it is with malloc().
 */
#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define ARENA_GAP ((size_t)16)
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ARENA_GAP                         ((size_t)0)
#endif

#define ARENA_BLOCK ((size_t)16 << 10)
#define ARENA_BIG   (ARENA_BLOCK / 4)
#define ARENA_ALIGN alignof(max_align_t)

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};
struct closer {
    struct closer *next;
    void (*fn)(void *arg);
    void *arg;
};
struct arena {
    struct block *small; /* the first one is being filled */
    struct block *big;
    struct closer *closers; /* last registered first */
};

static struct block *block_new(struct block *next, size_t size)
{
    size_t bytes;

    if (__builtin_add_overflow(sizeof(struct block), size, &bytes))
        bytes = SIZE_MAX; /* no such allocation: xmalloc() ends it */
    struct block *b = xmalloc(bytes);
    *b = (struct block){.next = next, .size = size};
    ASAN_POISON_MEMORY_REGION(b->data, size);
    return b;
}

static void blocks_free(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
        free(b);
        b = next;
    }
}

struct arena *arena_new(void)
{
    return XNEW(struct arena);
}

static void run_closers(struct arena *a)
{
    while (a->closers) {
        struct closer *c = a->closers;
        a->closers = c->next; /* fn may register again */
        c->fn(c->arg);
    }
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    run_closers(a);
    blocks_free(a->small);
    blocks_free(a->big);
    free(a);
}

void arena_reset(struct arena *a)
{
    run_closers(a);
    blocks_free(a->big);
    a->big = NULL;
    if (!a->small)
        return;
    blocks_free(a->small->next);
    a->small->next = NULL;
    a->small->used = 0;
    ASAN_POISON_MEMORY_REGION(a->small->data, a->small->size);
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t room;

    if (__builtin_add_overflow(size ? size : 1, ARENA_GAP + ARENA_ALIGN - 1, &room))
        xmalloc(SIZE_MAX); /* aborts */
    room &= ~(ARENA_ALIGN - 1);
    struct block *b;
    if (room > ARENA_BIG) {
        b = a->big = block_new(a->big, room);
    } else {
        if (!a->small || a->small->size - a->small->used < room)
            a->small = block_new(a->small, ARENA_BLOCK);
        b = a->small;
    }
    char *p = b->data + b->used;
    b->used += room;
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes))
        bytes = SIZE_MAX;
    return arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = arena_alloc(a, len + 1);

    memcpy(copy, s, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;

    assert(fmt);
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    assert(n >= 0);
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return s;
}

void arena_on_free(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct closer *c = ARENA_NEW(a, struct closer);

    *c = (struct closer){.next = a->closers, .fn = fn, .arg = arg};
    a->closers = c;
}
