/*
 * Text: `struct str` is a borrowed pointer and length (not NUL-terminated), `struct buf` an owned,
 * growing, bounded one, VEC(T) a typed growing array. Bytes from outside stay `struct str` until
 * validated.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct str {
    const char *p;
    size_t n;
};
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s)   (int)(s).n, (s).p /* for "%.*s" */

static inline struct str str_of(const char *z)
{
    return (struct str){z, z ? strlen(z) : 0};
}
bool str_eq(struct str a, struct str b);
bool str_eqz(struct str a, const char *z);
bool str_ieqz(struct str a, const char *z); /* ASCII case ignored */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s);
/* Cuts *rest at the first sep: returns the part before, *rest is what follows (empty at the end).
 * False when *rest was already used up (p == NULL). */
bool str_cut(struct str *rest, char sep, struct str *ret_part);
char *str_dup(struct str s); /* NUL-terminated copy, to be freed */

/* Whole string, no white space, no '+', no sign for u64; false, and *ret untouched, when it is not
 * a number or out of range. */
bool str_to_i64(struct str s, int64_t *ret);
bool str_to_u64(struct str s, uint64_t *ret);
bool str_to_double(struct str s, double *ret); /* finite, '.' as the point in every locale */
/* "5G", "300M", "64k", "1024" -> bytes, powers of 1024 */
bool str_to_bytes(struct str s, int64_t *ret);
/* "90", "90s", "10m", "6h", "1d", "250ms", "1.5h" -> milliseconds; a bare number is seconds. At
 * most nine decimals; what is no whole number of milliseconds is refused, never rounded. */
bool str_to_duration_ms(struct str s, int64_t *ret);
/* "83.5" seconds, "1:23.5", "00:01:23.500" -> microseconds; digits beyond six that are not 0 are
 * refused, never rounded. No sign. After a colon seconds and minutes are below 60. */
bool str_to_time_us(struct str s, int64_t *ret);

bool utf8_valid(struct str s);
/* Decodes one code point at s.p[*i], advances *i; U+FFFD and one byte on for what is not UTF-8. *i
 * < s.n must hold. */
uint32_t utf8_next(struct str s, size_t *i);
size_t utf8_put(uint32_t cp, char out[static 4]);

/*
 * A buffer that grows up to max bytes, the NUL not counted (0 means BUF_DEFAULT_MAX). Appending
 * past the limit or without memory marks it `failed` and drops those bytes and all later ones; the
 * caller looks once, at the end, with buf_ok(). Always NUL-terminated once touched. What is
 * appended must not lie inside the buffer itself.
 */
#define BUF_DEFAULT_MAX ((size_t)64 << 20)
struct buf {
    char *p;
    size_t n, cap, max;
    bool failed;
};
#define BUF_MAX(limit) ((struct buf){.max = (limit)})
void buf_finish(struct buf *b);
static inline void buf_finish_cleanup_(struct buf *b)
{
    buf_finish(b);
}
#define CLEANUP_BUF __attribute__((cleanup(buf_finish_cleanup_)))
bool buf_ok(const struct buf *b);
void buf_reset(struct buf *b); /* keeps the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, struct str s);
void buf_addz(struct buf *b, const char *z);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap);
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p ? b->p : "", b->n};
}
const char *buf_z(struct buf *b); /* NUL-terminated, borrowed, never NULL */
char *buf_steal(struct buf *b);   /* NUL-terminated, to be freed; the buffer is empty afterwards */

/* VEC(int) v = {0}; VEC_PUSH(&v, 3); v.p[0]; VEC_FINISH(&v); for sizes we chose; aborts without
 * memory. */
#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *p;                                                                                   \
        size_t n, cap;                                                                             \
    }
#define VEC_PUSH(v, item)                                                                          \
    do {                                                                                           \
        if ((v)->n == (v)->cap)                                                                    \
            (v)->p = vec_grow_((v)->p, &(v)->cap, sizeof(*(v)->p));                                \
        (v)->p[(v)->n++] = (item);                                                                 \
    } while (0)
#define VEC_FINISH(v)                                                                              \
    do {                                                                                           \
        free((v)->p);                                                                              \
        (v)->p = NULL;                                                                             \
        (v)->n = (v)->cap = 0;                                                                     \
    } while (0)
#define VEC_FOREACH(v, it) for (__typeof__((v)->p) it = (v)->p; it && it < (v)->p + (v)->n; it++)
void *vec_grow_(void *p, size_t *cap, size_t item_size);

#endif
