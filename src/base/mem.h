/*
 * Memory: three lifetimes, three tools.
 *
 *   a scope            CLEANUP(fn) and STEAL()
 *   a request or job   struct arena, freed whole
 *   shared             reference counts, in the module that owns the thing
 *
 * x…() abort when memory is gone; they are for small things whose size we chose. Anything whose
 * size a request or a file chose uses mem_try_…() and a limit with a name.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/* NULL when memory is gone or n * size overflows (realloc: p is then still the caller's). Calloc's
 * is zeroed, what realloc adds is not. Free with free(). */
void *mem_try_calloc(size_t n, size_t size);
void *mem_try_realloc(void *p, size_t n, size_t size);

#define XNEW(type) ((type *)xcalloc(1, sizeof(type)))

/*
 * CLEANUP(thing_free) struct thing *t = …;  calls thing_free(t) at the end of the scope. The
 * function takes the pointer itself and must accept NULL. Each type that wants it says
 * CLEANUP_DEFINE(thing_free, struct thing *) once, after the declaration of the function, in its
 * header.
 */
#define CLEANUP(fn) __attribute__((cleanup(fn##_cleanup_)))
#define CLEANUP_DEFINE(fn, type)                                                                   \
    static inline void fn##_cleanup_(type *p)                                                      \
    {                                                                                              \
        fn(*p);                                                                                    \
    }                                                                                              \
    struct fn##_cleanup_needs_semicolon
/* Takes the value out of a CLEANUP variable, so that it outlives the scope. */
#define STEAL(var)                                                                                 \
    __extension__({                                                                                \
        __typeof__(var) steal_ = (var);                                                            \
        (var) = (__typeof__(var))0;                                                                \
        steal_;                                                                                    \
    })

void mem_free(void *p);
CLEANUP_DEFINE(mem_free, void *);
/* CLEANUP_FREE char *s = …; for what plain free() ends */
static inline void mem_free_any_(void *pp)
{
    mem_free(*(void **)pp);
}
#define CLEANUP_FREE __attribute__((cleanup(mem_free_any_)))
/* CLEANUP_CLOSE int fd = -1; closes when >= 0 */
void fd_close(int fd);
static inline void fd_close_any_(int *fd)
{
    fd_close(*fd);
}
#define CLEANUP_CLOSE __attribute__((cleanup(fd_close_any_)))
/* Takes a descriptor out of a CLEANUP_CLOSE variable. */
static inline int fd_steal(int *fd)
{
    int v = *fd;
    *fd = -1;
    return v;
}
#define STEAL_FD(var) fd_steal(&(var))

#define ARRAY_LEN(a)     (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)        ((a) < (b) ? (a) : (b))
#define MAX(a, b)        ((a) > (b) ? (a) : (b))
#define CLAMP(v, lo, hi) ((v) < (lo) ? (lo) : (v) > (hi) ? (hi) : (v))

/*
 * An arena hands out memory that is freed all at once. One thread uses it at a time. Memory is
 * zeroed. arena_on_free() runs a function when the arena is reset or freed, last registered first.
 */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);
CLEANUP_DEFINE(arena_free, struct arena *);
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_on_free(struct arena *a, void (*fn)(void *arg), void *arg);
#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_array((a), (n), sizeof(type)))
void *arena_array(struct arena *a, size_t n, size_t size); /* aborts on overflow */

#endif
