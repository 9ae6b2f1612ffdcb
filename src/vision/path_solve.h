/*
 * Least sums of weighted absolute values over a chain of unknowns:
 *
 *     minimise  sum over rows j of  up_j max(0, r_j) + down_j max(0, -r_j),   r_j = a_j . p - b_j
 *
 * where each row a_j touches at most four neighbouring unknowns. |r| is up = down; a soft upper
 * bound is up alone. The optimum is exact, so differences that cost something become exactly
 * nothing where they can, which is what gives paths that are still, straight or evenly bent
 * (Grundmann, Kwatra and Essa, CVPR 2011, section 3: the L1 path), here by a primal-dual
 * interior point method with Mehrotra's predictor and corrector (SIAM J. Optimization 2, 1992).
 * The Newton matrix has a band of seven: each step is linear in the number of unknowns. Private
 * to path*.c and its test.
 */
#ifndef VISION_PATH_SOLVE_H
#define VISION_PATH_SOLVE_H

#include "base/err.h"

#define PATH_SOLVE_STEPS_MAX 80
#define PATH_SOLVE_BAND      4 /* unknowns of a row */

struct path_row {
    int first, n;              /* unknowns first … first + n - 1, n 1..4 */
    double a[PATH_SOLVE_BAND]; /* finite */
    double b;
    double up, down; /* >= 0, their sum > 0 */
};
/*
 * p: n unknowns, where to start on entry, the optimum on return. Every unknown must be touched
 * by a row of n = 1 that costs both ways, or the optimum may not be unique. Returns the steps
 * taken; stops at a relative gap of 1e-7 or PATH_SOLVE_STEPS_MAX, whichever is first. ERR_LIMIT:
 * no memory.
 */
int path_solve(double *p, int n, const struct path_row *rows, int n_rows, struct err *e);
/* What p costs. */
double path_cost(const double *p, const struct path_row *rows, int n_rows);

#endif
