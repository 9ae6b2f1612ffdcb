/* Edit distance: insertions, deletions, substitutions and swaps of neighbours, each 1 (optimal
 * string alignment). */
#ifndef INDEX_EDIT_H
#define INDEX_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define EDIT_CHARS_MAX 512

/* The characters of s, at most EDIT_CHARS_MAX. */
size_t edit_chars(struct str s, uint32_t out[static EDIT_CHARS_MAX]);
/* Distance of a and b if it is at most `most`, else most + 1. na, nb <= EDIT_CHARS_MAX. Costs (2
 * most + 1) x na. */
size_t edit_distance(const uint32_t *a, size_t na, const uint32_t *b, size_t nb, size_t most);

#endif
