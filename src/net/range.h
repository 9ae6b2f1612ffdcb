/*
 * The Range header of HTTP (RFC 9110 section 14): which bytes of a thing of known size are wanted.
 * Bytes from strangers: bounded, no allocation, and an answer for every input.
 */
#ifndef NET_RANGE_H
#define NET_RANGE_H

#include <stdint.h>

#include "base/str.h"

#define RANGE_MAX                                                                                  \
    16 /* parts that one answer has at most; a header that asks for more is answered with the      \
          whole */

struct byte_range {
    int64_t first, last; /* both inclusive, 0 <= first <= last < size */
};
enum range_result {
    RANGE_WHOLE =
        0, /* no header, another unit, malformed, or too many parts: answer 200 with everything */
    RANGE_SOME = 1,      /* answer 206 with these parts */
    RANGE_UNSATISFIABLE, /* well-formed, but no part lies within the size: answer 416 */
};
/*
 * header: the field's value; p == NULL when there is none. Parts that lie outside the size are left
 * out; parts that overlap or touch are joined (a client may not make us send the same bytes many
 * times), which also puts all of them in rising order. size >= 0.
 */
enum range_result range_parse(struct str header, int64_t size,
                              struct byte_range ret[static RANGE_MAX], int *ret_n);

#endif
