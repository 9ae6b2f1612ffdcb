/* Characters for fold.c: normalising one with its marks, and what kind it is. */
#ifndef INDEX_FOLD_PRIV_H
#define INDEX_FOLD_PRIV_H

#include "base/str.h"

/* Characters that one call of fold_cluster() may give. */
#define FOLD_CLUSTER_MAX 192

/* Takes the character at s.p[*i] and the marks that belong to it, moves *i behind them, and writes
 * what they fold to; none when nothing is left. U+FFFD for bytes that are not UTF-8. *i < s.n must
 * hold. */
size_t fold_cluster(struct str s, size_t *i, uint32_t out[static FOLD_CLUSTER_MAX]);

enum fold_class {
    FOLD_CLASS_SPACE,  /* parts words */
    FOLD_CLASS_HYPHEN, /* parts words too, but they belong together: hyphens and apostrophes */
    FOLD_CLASS_DOT,
    FOLD_CLASS_LETTER, /* and digits and marks */
    FOLD_CLASS_RUN,
    FOLD_CLASS_EMOJI,
    FOLD_CLASS_FLAG, /* half of a flag */
};
enum fold_class fold_class(uint32_t cp); /* of a folded character */

#endif
