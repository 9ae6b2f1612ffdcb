/* byte-ranges-specifier of RFC 9110: "bytes=0-99, 200-, -500". */
#include "net/range.h"

#include <stdlib.h>

static struct str skip_space(struct str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Digits only; a number too large for us is as good as the largest one. */
static bool position(struct str s, int64_t *ret)
{
    int64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        int digit = s.p[i] - '0';
        v = v > (INT64_MAX - digit) / 10 ? INT64_MAX : v * 10 + digit;
    }
    *ret = v;
    return true;
}

enum part { PART_BAD, PART_OUTSIDE, PART_GOOD };

static enum part part_parse(struct str s, int64_t size, struct byte_range *ret)
{
    struct str rest = s, left;
    int64_t first = 0, last = INT64_MAX;
    if (!memchr(s.p, '-', s.n) || !str_cut(&rest, '-', &left))
        return PART_BAD;
    if (left.n == 0) { /* the last n bytes */
        if (!position(rest, &last))
            return PART_BAD;
        if (last == 0 || size == 0)
            return PART_OUTSIDE;
        *ret = (struct byte_range){last >= size ? 0 : size - last, size - 1};
        return PART_GOOD;
    }
    if (!position(left, &first) || (rest.n > 0 && !position(rest, &last)) || last < first)
        return PART_BAD;
    if (first >= size)
        return PART_OUTSIDE;
    *ret = (struct byte_range){first, last < size - 1 ? last : size - 1};
    return PART_GOOD;
}

static int by_first(const void *a, const void *b)
{
    const struct byte_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static int join(struct byte_range *r, int n)
{
    int out = 0;
    qsort(r, (size_t)n, sizeof *r, by_first);
    for (int i = 1; i < n; i++) {
        if (r[i].first <= r[out].last + 1)
            r[out].last = r[i].last > r[out].last ? r[i].last : r[out].last;
        else
            r[++out] = r[i];
    }
    return n > 0 ? out + 1 : 0;
}

enum range_result range_parse(struct str header, int64_t size,
                              struct byte_range ret[static RANGE_MAX], int *ret_n)
{
    struct byte_range found[RANGE_MAX];
    struct str rest = header, unit, part;
    int n = 0, parts = 0;
    if (!header.p || !memchr(header.p, '=', header.n) || !str_cut(&rest, '=', &unit) ||
        !str_ieqz(unit, "bytes"))
        return RANGE_WHOLE;
    while (rest.p && str_cut(&rest, ',', &part)) {
        part = skip_space(part);
        if (part.n == 0) /* empty list elements are allowed and mean nothing */
            continue;
        if (++parts > RANGE_MAX)
            return RANGE_WHOLE;
        enum part p = part_parse(part, size, &found[n]);
        if (p == PART_BAD)
            return RANGE_WHOLE;
        n += p == PART_GOOD;
    }
    if (parts == 0)
        return RANGE_WHOLE;
    if (n == 0)
        return RANGE_UNSATISFIABLE;
    *ret_n = join(found, n);
    memcpy(ret, found, (size_t)*ret_n * sizeof *ret);
    return RANGE_SOME;
}
