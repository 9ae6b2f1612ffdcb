/*
 * Exact minimum-cost assignment of rows to columns where most pairs are out of the question.
 *
 * A pair that is not listed is forbidden; leaving a row or a column alone is allowed and free. The
 * answer is the set of pairs, no row and no column twice, whose costs add up to the least: with
 * costs of (distance - limit) that is what "assign with a cost limit" means elsewhere, where an
 * unmatched row and an unmatched column cost half the limit each. Pairs whose cost is not below 0
 * can not make it better and are never chosen.
 *
 * Method: shortest augmenting paths with column prices, one row after the other, as in Jonker and
 * Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems"
 * (Computing 38, 1987), their sparse form; each row has a private column of cost 0 for being left
 * alone. Rows whose best column is free cost one look at their pairs, which is nearly all of them
 * where boxes hardly overlap.
 *
 * Deterministic: of equally good answers the same one comes out for the same pairs in the same
 * order. One thread uses a solver at a time; its memory is kept from call to call.
 */
#ifndef VISION_ASSIGN_H
#define VISION_ASSIGN_H

#include "base/err.h"
#include "base/mem.h"

#define ASSIGN_NODES_MAX (1 << 20) /* rows, and columns */
#define ASSIGN_PAIRS_MAX (1 << 24)

struct assign_pair {
    int32_t row, column;
    double cost;
};

struct assign;
struct assign *assign_new(void);
void assign_free(struct assign *a);
CLEANUP_DEFINE(assign_free, struct assign *);

/*
 * Pairs are borrowed, in any order; one that is given twice counts with its lower cost. ret_column
 * takes n_rows entries: the column of each row, -1 where it is left alone. Costs must be finite,
 * rows and columns in range: anything else is a mistake of ours and aborts. ERR_LIMIT: more than the
 * limits above, or no memory; ret_column is then undefined and the solver stays usable.
 */
int assign_solve(struct assign *a, int n_rows, int n_columns, const struct assign_pair *pairs,
                 size_t n_pairs, int32_t *ret_column, struct err *e);

#endif
