#include "vision/assign.h"

#include <math.h>

#include "base/test.h"

/* What the tests of chance share: the same numbers every run. */
static uint64_t seed = 1;
static uint32_t chance(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static double cost_of(const struct assign_pair *pairs, size_t n, const int32_t *column, int rows)
{
    double sum = 0;
    for (int i = 0; i < rows; i++) {
        if (column[i] < 0)
            continue;
        double best = HUGE_VAL;
        for (size_t k = 0; k < n; k++)
            if (pairs[k].row == i && pairs[k].column == column[i])
                best = fmin(best, pairs[k].cost);
        sum += best;
    }
    return sum;
}

/* Every way there is, row after row. */
static double brute(const struct assign_pair *pairs, size_t n, int row, int rows, uint32_t used)
{
    if (row == rows)
        return 0;
    double best = brute(pairs, n, row + 1, rows, used);
    for (size_t k = 0; k < n; k++)
        if (pairs[k].row == row && !(used >> pairs[k].column & 1))
            best = fmin(best, pairs[k].cost +
                                  brute(pairs, n, row + 1, rows, used | 1u << pairs[k].column));
    return best;
}

static void check_valid(const struct assign_pair *pairs, size_t n, const int32_t *column, int rows,
                        int columns)
{
    for (int i = 0; i < rows; i++) {
        CHECK(column[i] >= -1 && column[i] < columns);
        for (int j = 0; j < i; j++)
            CHECK(column[i] < 0 || column[i] != column[j]);
    }
    CHECK(isfinite(cost_of(pairs, n, column, rows))); /* only pairs that were listed */
}

TEST(assign_is_the_cheapest_of_all_ways)
{
    CLEANUP(assign_free) struct assign *a = assign_new();
    struct err e = {0};
    for (int round = 0; round < 20000; round++) {
        int rows = (int)chance(7), columns = (int)chance(7);
        uint32_t density = 1 + chance(4), levels = round % 2 ? 5 : 100000;
        struct assign_pair pairs[64];
        size_t n = 0;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                if (chance(4) < density)
                    pairs[n++] = (struct assign_pair){
                        i, j, ((double)chance(levels) - levels * 0.8) / levels};
        int32_t column[7];
        CHECK_OK(assign_solve(a, rows, columns, pairs, n, column, &e));
        check_valid(pairs, n, column, rows, columns);
        CHECK_NEAR(cost_of(pairs, n, column, rows), brute(pairs, n, 0, rows, 0), 1e-12);
    }
}

/* The textbook O(n^3) method on a full matrix in which going without is a column of cost 0. */
static double full_matrix(const struct assign_pair *pairs, size_t n, int rows, int columns)
{
    int wide = columns + rows;
    double *cost = xcalloc((size_t)rows * wide, sizeof *cost);
    for (size_t k = 0; k < n; k++) {
        double *c = &cost[pairs[k].row * wide + pairs[k].column];
        *c = fmin(*c, pairs[k].cost);
    }
    double *u = xcalloc(rows + 1, sizeof *u), *v = xcalloc(wide + 1, sizeof *v);
    double *low = xcalloc(wide + 1, sizeof *low), sum = 0;
    int *row_of = xcalloc(wide + 1, sizeof *row_of), *way = xcalloc(wide + 1, sizeof *way);
    bool *used = xcalloc(wide + 1, sizeof *used);
    for (int i = 1; i <= rows; i++) {
        row_of[0] = i;
        int j0 = 0;
        for (int j = 0; j <= wide; j++) {
            low[j] = HUGE_VAL;
            used[j] = false;
        }
        do {
            used[j0] = true;
            int i0 = row_of[j0], j1 = 0;
            double delta = HUGE_VAL;
            for (int j = 1; j <= wide; j++) {
                if (used[j])
                    continue;
                double c = cost[(i0 - 1) * wide + j - 1] - u[i0] - v[j];
                if (c < low[j]) {
                    low[j] = c;
                    way[j] = j0;
                }
                if (low[j] < delta) {
                    delta = low[j];
                    j1 = j;
                }
            }
            for (int j = 0; j <= wide; j++) {
                if (used[j]) {
                    u[row_of[j]] += delta;
                    v[j] -= delta;
                } else {
                    low[j] -= delta;
                }
            }
            j0 = j1;
        } while (row_of[j0] != 0);
        do {
            row_of[j0] = row_of[way[j0]];
            j0 = way[j0];
        } while (j0);
    }
    for (int j = 1; j <= wide; j++)
        if (row_of[j])
            sum += cost[(row_of[j] - 1) * wide + j - 1];
    free(cost), free(u), free(v), free(low), free(row_of), free(way), free(used);
    return sum;
}

TEST(assign_of_crowds_agrees_with_the_textbook)
{
    CLEANUP(assign_free) struct assign *a = assign_new();
    struct err e = {0};
    for (int round = 0; round < 40; round++) {
        int rows = 20 + (int)chance(60), columns = 20 + (int)chance(60);
        uint32_t density = 1 + chance(40);
        VEC(struct assign_pair) pairs = {0};
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                if (chance(100) < density * density / 16)
                    VEC_PUSH(&pairs, ((struct assign_pair){i, j, chance(1000) / -1000.0 - 0.001}));
        int32_t column[80];
        CHECK_OK(assign_solve(a, rows, columns, pairs.p, pairs.n, column, &e));
        check_valid(pairs.p, pairs.n, column, rows, columns);
        CHECK_NEAR(cost_of(pairs.p, pairs.n, column, rows),
                   full_matrix(pairs.p, pairs.n, rows, columns), 1e-9);
        VEC_FINISH(&pairs);
    }
}

TEST(assign_leaves_alone_what_is_worth_nothing)
{
    CLEANUP(assign_free) struct assign *a = assign_new();
    struct err e = {0};
    struct assign_pair pairs[] = {{0, 0, 0}, {1, 1, 0.5}, {2, 2, -0.1}};
    int32_t column[3];
    CHECK_OK(assign_solve(a, 3, 3, pairs, 3, column, &e));
    CHECK_EQ(column[0], -1);
    CHECK_EQ(column[1], -1);
    CHECK_EQ(column[2], 2);
    CHECK_OK(assign_solve(a, 0, 0, NULL, 0, column, &e));
    CHECK_OK(assign_solve(a, 2, 0, NULL, 0, column, &e));
    CHECK_EQ(column[0], -1);
}

TEST(assign_takes_the_cheaper_of_a_pair_given_twice)
{
    CLEANUP(assign_free) struct assign *a = assign_new();
    struct err e = {0};
    struct assign_pair pairs[] = {{0, 0, -0.2}, {1, 0, -0.3}, {0, 0, -0.4}};
    int32_t column[2];
    CHECK_OK(assign_solve(a, 2, 1, pairs, 3, column, &e));
    CHECK_EQ(column[0], 0);
    CHECK_EQ(column[1], -1);
}

/* All prefer the same column, and each next choice is the neighbour's: the longest chains. */
TEST(assign_goes_through_long_chains)
{
    enum { N = 3000 };
    CLEANUP(assign_free) struct assign *a = assign_new();
    struct err e = {0};
    VEC(struct assign_pair) pairs = {0};
    static int32_t column[N];
    for (int i = N - 1; i >= 0; i--) {
        VEC_PUSH(&pairs, ((struct assign_pair){i, i, -0.5}));
        if (i + 1 < N)
            VEC_PUSH(&pairs, ((struct assign_pair){i, i + 1, -0.6}));
    }
    CHECK_OK(assign_solve(a, N, N, pairs.p, pairs.n, column, &e));
    CHECK_NEAR(cost_of(pairs.p, pairs.n, column, N), -0.6 * (N - 1), 1e-6);
    VEC_FINISH(&pairs);
}

TEST(assign_refuses_what_is_too_large)
{
    CLEANUP(assign_free) struct assign *a = assign_new();
    struct err e = {0};
    struct assign_pair pair = {0, 0, -1};
    int32_t column[1];
    CHECK_ERR(assign_solve(a, ASSIGN_NODES_MAX + 1, 1, &pair, 1, column, &e), ERR_LIMIT);
    CHECK_ERR(assign_solve(a, 1, 1, &pair, ASSIGN_PAIRS_MAX + 1, column, &e), ERR_LIMIT);
    CHECK_OK(assign_solve(a, 1, 1, &pair, 1, column, &e));
    CHECK_EQ(column[0], 0);
}

TEST_MAIN
