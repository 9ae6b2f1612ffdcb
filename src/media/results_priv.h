/* Small readers shared by info.c and results*.c: a value of the right type within its range, or
 * false. */
#ifndef MEDIA_RESULTS_PRIV_H
#define MEDIA_RESULTS_PRIV_H

#include "media/results.h"

/* Times and clocks that we pass on; 2^52 us are 142 years, exact in a JSON number. */
#define RESULT_US_MAX ((int64_t)1 << 52)

static inline bool want_i64(const json_t *obj, const char *key, int64_t lo, int64_t hi,
                            int64_t *ret)
{
    int64_t v;

    if (!json_get_i64(obj, key, &v) || v < lo || v > hi)
        return false;
    *ret = v;
    return true;
}

static inline bool want_int(const json_t *obj, const char *key, int lo, int hi, int *ret)
{
    int64_t v;

    if (!want_i64(obj, key, lo, hi, &v))
        return false;
    *ret = (int)v;
    return true;
}

static inline bool want_us(const json_t *obj, const char *key, int64_t lo, int64_t hi, int64_t *ret)
{
    int64_t v;

    if (!json_get_us(obj, key, &v) || v < lo || v > hi)
        return false;
    *ret = v;
    return true;
}

static inline bool want_double(const json_t *obj, const char *key, double lo, double hi,
                               double *ret)
{
    double v;

    if (!json_get_double(obj, key, &v) || !(v >= lo && v <= hi))
        return false;
    *ret = v;
    return true;
}

/* Text that fits, into out. */
static inline bool want_text(const json_t *obj, const char *key, char *out, size_t size)
{
    struct str s;

    if (!json_get_str(obj, key, &s) || s.n >= size || memchr(s.p, '\0', s.n))
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static inline int nonsense(struct err *e, const char *what)
{
    return err_set(e, ERR_PROCESSING, "the media child's answer: %s is not what it should be",
                   what);
}

#endif
