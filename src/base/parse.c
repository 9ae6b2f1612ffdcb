/* Numbers from text: the whole text or nothing, every overflow seen, no locale. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/locale_priv.h"
#include "base/str.h"

#define NUMBER_TEXT_MAX 400 /* longer than any double printed in full */

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        abort();
}

locale_t locale_c_(void)
{
    pthread_once(&locale_once, make_locale);
    return c_locale;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool str_to_u64(struct str s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]) || __builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *ret = v;
    return true;
}

bool str_to_i64(struct str s, int64_t *ret)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    uint64_t v, most = (uint64_t)INT64_MAX + minus;

    if (minus)
        s = (struct str){s.p + 1, s.n - 1};
    if (!str_to_u64(s, &v) || v > most)
        return false;
    *ret = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* [-]digits[.digits][e[+-]digits] with at least one digit before the exponent: no hex, no "inf", no
 * "nan". */
static bool looks_like_double(struct str s)
{
    size_t i = 0, digits = 0;

    if (i < s.n && s.p[i] == '-')
        i++;
    for (; i < s.n && is_digit(s.p[i]); i++)
        digits++;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && is_digit(s.p[i]); i++)
            digits++;
    if (digits == 0)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        size_t first = i;
        while (i < s.n && is_digit(s.p[i]))
            i++;
        if (i == first)
            return false;
    }
    return i == s.n;
}

bool str_to_double(struct str s, double *ret)
{
    char z[NUMBER_TEXT_MAX + 1];

    if (s.n > NUMBER_TEXT_MAX || !looks_like_double(s))
        return false;
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    double v = strtod_l(z, NULL, locale_c_());
    if (!isfinite(v))
        return false;
    *ret = v;
    return true;
}

bool str_to_bytes(struct str s, int64_t *ret)
{
    static const char units[] = "kmgt";
    uint64_t v;
    int64_t factor = 1, bytes;

    if (s.n > 1 && !is_digit(s.p[s.n - 1])) {
        const char *u = memchr(units, s.p[s.n - 1] | 0x20, sizeof units - 1);
        if (!u)
            return false;
        factor = (int64_t)1 << (10 * (u - units + 1));
        s.n--;
    }
    if (!str_to_u64(s, &v) || __builtin_mul_overflow(v, factor, &bytes))
        return false;
    *ret = bytes;
    return true;
}

/* Cuts digits[.digits] off the front of *s, as units of 10^-9. At most nine decimals, at least one
 * digit on each side of a point. */
static bool cut_nanos(struct str *s, __int128 *ret)
{
    __int128 v = 0;
    size_t i = 0, whole, decimals = 0;

    for (; i < s->n && is_digit(s->p[i]); i++) {
        if (i >= 19)
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    whole = i;
    if (whole == 0)
        return false;
    if (i < s->n && s->p[i] == '.') {
        for (i++; i < s->n && is_digit(s->p[i]); i++, decimals++) {
            if (decimals == 9)
                return false;
            v = v * 10 + (s->p[i] - '0');
        }
        if (decimals == 0)
            return false;
    }
    for (; decimals < 9; decimals++)
        v *= 10;
    *s = (struct str){s->p + i, s->n - i};
    *ret = v;
    return true;
}

bool str_to_duration_ms(struct str s, int64_t *ret)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    __int128 nanos; /* 19 digits whole, 9 decimals and a factor below 10^8 fit into 127 bits */

    if (!cut_nanos(&s, &nanos))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!str_eqz(s, units[i].unit))
            continue;
        __int128 scaled = nanos * units[i].ms, whole = scaled / 1000000000;
        if (scaled % 1000000000 != 0 || whole > INT64_MAX)
            return false;
        *ret = (int64_t)whole;
        return true;
    }
    return false;
}

bool str_to_time_us(struct str s, int64_t *ret)
{
    uint64_t field[2], hours = 0, minutes = 0;
    int n = 0;
    __int128 nanos;

    for (const char *colon; s.n > 0 && (colon = memchr(s.p, ':', s.n)) != NULL; n++) {
        struct str part = {s.p, (size_t)(colon - s.p)};
        if (n == 2 || !str_to_u64(part, &field[n]) || field[n] > (uint64_t)INT64_MAX)
            return false;
        s = (struct str){colon + 1, s.n - part.n - 1};
    }
    if (!cut_nanos(&s, &nanos) || s.n != 0 || nanos % 1000 != 0)
        return false;
    if (n == 2) {
        hours = field[0];
        minutes = field[1];
        if (minutes > 59)
            return false;
    } else if (n == 1) {
        minutes = field[0];
    }
    if (n > 0 && nanos >= (__int128)60 * 1000000000)
        return false;
    __int128 us = ((__int128)hours * 3600 + (__int128)minutes * 60) * 1000000 + nanos / 1000;
    if (us > INT64_MAX)
        return false;
    *ret = (int64_t)us;
    return true;
}
