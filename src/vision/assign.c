/*
 * Sparse assignment by shortest augmenting paths.
 *
 * The state between rows is a matching that is the cheapest for the rows seen so far, and a price
 * v[j] <= 0 for each column such that no pair (i, j) costs its row less, prices taken off, than the
 * pair the row has: cost(i, j) - v[j] >= cost(i, has(i)) - v[has(i)]. A column that nobody has still
 * has price 0. A new row looks for the cheapest chain of "take this column, its owner takes another,
 * ..." that ends in a free column or in somebody going without (Dijkstra over the owners), and prices
 * along the chain are lowered so that the promise holds again.
 */
#include "vision/assign.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cell {
    int32_t column;
    double cost;
};

struct assign {
    /* the pairs by row: cells[start[i]] to cells[start[i + 1]] */
    struct cell *cells;
    int32_t *start;
    /* by row */
    int32_t *has; /* its column, -1 none */
    /* by column */
    int32_t *owner; /* its row, -1 free */
    double *price;
    double *dist;     /* of the search under way; good where mark is this search's */
    int32_t *through; /* the row through which dist came */
    int32_t *place;   /* in the heap; -1 once settled */
    uint32_t *mark;
    uint32_t search;
    /* columns by dist, a binary heap; and the settled ones */
    int32_t *heap, *settled;
    int n_heap, n_settled;
    size_t cells_cap;
    int rows_cap, columns_cap;
};

struct assign *assign_new(void)
{
    return XNEW(struct assign);
}

void assign_free(struct assign *a)
{
    if (!a)
        return;
    free(a->cells);
    free(a->start);
    free(a->has);
    free(a->owner);
    free(a->price);
    free(a->dist);
    free(a->through);
    free(a->place);
    free(a->mark);
    free(a->heap);
    free(a->settled);
    free(a);
}

static bool grow(void *pp, size_t n, size_t size)
{
    void *p = mem_try_realloc(*(void **)pp, n, size);
    if (!p)
        return false;
    *(void **)pp = p;
    return true;
}

static int reserve(struct assign *a, int n_rows, int n_columns, size_t n_pairs, struct err *e)
{
    if (n_rows > ASSIGN_NODES_MAX || n_columns > ASSIGN_NODES_MAX || n_pairs > ASSIGN_PAIRS_MAX)
        return err_set(e, ERR_LIMIT, "assignment of %d rows, %d columns, %zu pairs", n_rows,
                       n_columns, n_pairs);
    if (n_pairs > a->cells_cap) {
        size_t cap = n_pairs + n_pairs / 2;
        if (!grow(&a->cells, cap, sizeof *a->cells))
            goto no_memory;
        a->cells_cap = cap;
    }
    if (n_rows + 1 > a->rows_cap) {
        int cap = n_rows + n_rows / 2 + 16;
        if (!grow(&a->start, (size_t)cap, sizeof *a->start) ||
            !grow(&a->has, (size_t)cap, sizeof *a->has))
            goto no_memory;
        a->rows_cap = cap;
    }
    if (n_columns > a->columns_cap) {
        int cap = n_columns + n_columns / 2 + 16;
        size_t n = (size_t)cap;
        a->columns_cap = 0; /* should one of them fail the others are asked for again */
        if (!grow(&a->owner, n, sizeof *a->owner) || !grow(&a->price, n, sizeof *a->price) ||
            !grow(&a->dist, n, sizeof *a->dist) || !grow(&a->through, n, sizeof *a->through) ||
            !grow(&a->place, n, sizeof *a->place) || !grow(&a->mark, n, sizeof *a->mark) ||
            !grow(&a->heap, n, sizeof *a->heap) || !grow(&a->settled, n, sizeof *a->settled))
            goto no_memory;
        a->columns_cap = cap;
    }
    return 0;
no_memory:
    return err_set(e, ERR_LIMIT, "no memory for an assignment of %d rows, %d columns, %zu pairs",
                   n_rows, n_columns, n_pairs);
}

/* Counting sort of the pairs into rows; what can not help is left out. */
static void fill(struct assign *a, int n_rows, int n_columns, const struct assign_pair *pairs,
                 size_t n_pairs)
{
    memset(a->start, 0, ((size_t)n_rows + 1) * sizeof *a->start);
    for (size_t k = 0; k < n_pairs; k++) {
        assert(pairs[k].row >= 0 && pairs[k].row < n_rows && pairs[k].column >= 0 &&
               pairs[k].column < n_columns && isfinite(pairs[k].cost));
        if (pairs[k].cost < 0)
            a->start[pairs[k].row + 1]++;
    }
    for (int i = 0; i < n_rows; i++) {
        a->start[i + 1] += a->start[i];
        a->has[i] = a->start[i]; /* for now: where its next cell goes */
    }
    for (size_t k = 0; k < n_pairs; k++)
        if (pairs[k].cost < 0)
            a->cells[a->has[pairs[k].row]++] = (struct cell){pairs[k].column, pairs[k].cost};
    for (int i = 0; i < n_rows; i++)
        a->has[i] = -1;
    for (int j = 0; j < n_columns; j++) {
        a->owner[j] = -1;
        a->price[j] = 0;
        a->mark[j] = 0;
    }
    a->search = 0;
}

/* ---- the heap: nearest column first, of equally near the lowest number */

static bool nearer(const struct assign *a, int32_t j, int32_t k)
{
    return a->dist[j] < a->dist[k] || (a->dist[j] == a->dist[k] && j < k);
}

static void heap_up(struct assign *a, int at)
{
    int32_t j = a->heap[at];
    while (at > 0 && nearer(a, j, a->heap[(at - 1) / 2])) {
        a->heap[at] = a->heap[(at - 1) / 2];
        a->place[a->heap[at]] = at;
        at = (at - 1) / 2;
    }
    a->heap[at] = j;
    a->place[j] = at;
}

static int32_t heap_take(struct assign *a)
{
    int32_t first = a->heap[0], j = a->heap[--a->n_heap];
    int at = 0;
    for (;;) {
        int child = 2 * at + 1;
        if (child >= a->n_heap)
            break;
        if (child + 1 < a->n_heap && nearer(a, a->heap[child + 1], a->heap[child]))
            child++;
        if (!nearer(a, a->heap[child], j))
            break;
        a->heap[at] = a->heap[child];
        a->place[a->heap[at]] = at;
        at = child;
    }
    if (a->n_heap > 0) {
        a->heap[at] = j;
        a->place[j] = at;
    }
    return first;
}

/* Offers every column of a row at base + cost - price, where that is nearer than known. Nothing at
 * or beyond `beat` matters: the search already has an end that near. */
static void offer(struct assign *a, int row, double base, double beat)
{
    for (int32_t c = a->start[row]; c < a->start[row + 1]; c++) {
        int32_t j = a->cells[c].column;
        double d = base + a->cells[c].cost - a->price[j];
        if (d >= beat)
            continue;
        if (a->mark[j] != a->search) {
            a->mark[j] = a->search;
            a->dist[j] = d;
            a->through[j] = row;
            a->heap[a->n_heap] = j;
            heap_up(a, a->n_heap++);
        } else if (a->place[j] >= 0 && d < a->dist[j]) {
            a->dist[j] = d;
            a->through[j] = row;
            heap_up(a, a->place[j]);
        }
    }
}

/* What the row pays, prices taken off. */
static double pays(const struct assign *a, int row)
{
    int32_t j = a->has[row];
    double cost = HUGE_VAL;
    for (int32_t c = a->start[row]; c < a->start[row + 1]; c++)
        if (a->cells[c].column == j && a->cells[c].cost < cost)
            cost = a->cells[c].cost;
    return cost - a->price[j];
}

/* Hands column j to the row it was reached through, that row's old column to the row before, and so
 * on up to `root`, which had none. */
static void hand_over(struct assign *a, int32_t j, int root)
{
    for (;;) {
        int32_t row = a->through[j], old = a->has[row];
        a->has[row] = j;
        a->owner[j] = row;
        if (row == root)
            return;
        j = old;
    }
}

static void add_row(struct assign *a, int root)
{
    double end_dist = 0; /* the root itself may go without, at 0 */
    int32_t goes_without = root;

    a->search++;
    a->n_heap = a->n_settled = 0;
    offer(a, root, 0, end_dist);
    while (a->n_heap > 0) {
        int32_t j = a->heap[0];
        if (a->dist[j] >= end_dist)
            break;
        if (a->owner[j] < 0) {
            end_dist = a->dist[j];
            hand_over(a, j, root);
            goes_without = -1;
            break;
        }
        heap_take(a);
        a->place[j] = -1;
        a->settled[a->n_settled++] = j;
        /* the owner of j leaves it, for nothing or for another column */
        double base = a->dist[j] - pays(a, a->owner[j]);
        if (base < end_dist) {
            end_dist = base;
            goes_without = a->owner[j];
        }
        offer(a, a->owner[j], base, end_dist);
    }
    if (goes_without >= 0 && goes_without != root) {
        int32_t j = a->has[goes_without];
        a->has[goes_without] = -1;
        hand_over(a, j, root);
    }
    for (int k = 0; k < a->n_settled; k++) {
        int32_t j = a->settled[k];
        if (a->dist[j] < end_dist)
            a->price[j] += a->dist[j] - end_dist;
    }
}

int assign_solve(struct assign *a, int n_rows, int n_columns, const struct assign_pair *pairs,
                 size_t n_pairs, int32_t *ret_column, struct err *e)
{
    assert(n_rows >= 0 && n_columns >= 0);
    if (reserve(a, n_rows, n_columns, n_pairs, e) < 0)
        return -1;
    fill(a, n_rows, n_columns, pairs, n_pairs);
    for (int i = 0; i < n_rows; i++)
        if (a->start[i] < a->start[i + 1])
            add_row(a, i);
    for (int i = 0; i < n_rows; i++)
        ret_column[i] = a->has[i];
    return 0;
}
