/* Three rows of the usual table, and of each only the band that can still lead to `most`. */
#include "index/edit.h"

#include <assert.h>

size_t edit_chars(struct str s, uint32_t out[static EDIT_CHARS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < s.n && n < EDIT_CHARS_MAX;)
        out[n++] = utf8_next(s, &i);
    return n;
}

size_t edit_distance(const uint32_t *a, size_t na, const uint32_t *b, size_t nb, size_t most)
{
    uint16_t rows[3][EDIT_CHARS_MAX + 2];
    uint16_t *before = rows[0], *last = rows[1], *now = rows[2];
    const uint16_t far = (uint16_t)MIN(most + 1, (size_t)UINT16_MAX);

    assert(na <= EDIT_CHARS_MAX && nb <= EDIT_CHARS_MAX);
    while (na && nb && a[0] == b[0]) /* equal ends cost nothing */
        a++, b++, na--, nb--;
    while (na && nb && a[na - 1] == b[nb - 1])
        na--, nb--;
    if ((na > nb ? na - nb : nb - na) > most)
        return far;
    for (size_t j = 0; j <= nb; j++)
        last[j] = (uint16_t)MIN(j, (size_t)far);
    for (size_t i = 1; i <= na; i++) {
        size_t from = i > most ? i - most : 1, to = MIN(nb, i + most);
        uint16_t least = far;

        now[from - 1] = from == 1 ? (uint16_t)MIN(i, (size_t)far) : far;
        for (size_t j = from; j <= to; j++) {
            /* cells outside the band of the row above were never written */
            uint16_t up = j < i + most ? last[j] : far;
            uint16_t d = (uint16_t)(last[j - 1] + (a[i - 1] != b[j - 1]));
            d = MIN(d, (uint16_t)(now[j - 1] + 1));
            d = MIN(d, (uint16_t)(up + 1));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = MIN(d, (uint16_t)(before[j - 2] + 1));
            now[j] = MIN(d, far);
            least = MIN(least, now[j]);
        }
        least = MIN(least, now[from - 1]);
        if (least >= far)
            return far;
        uint16_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[nb];
}
