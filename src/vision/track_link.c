/*
 * Pieces of one path that are further apart than the tracker waited are joined, where the end of the
 * one and the start of the other, each with its velocity, agree far better than two strangers would
 * (kalman_link_likelihood()). All at once, as the assignment of ends to starts that explains most.
 */
#include <math.h>
#include <stdlib.h>

#include "vision/assign.h"
#include "vision/track_paths_priv.h"

static const double ODDS = 20;   /* at least, for a join: one false in twenty */
static const double BUFFERS = 2; /* a join spans so many times what the tracker waits */
enum {
    LOOK_BACK = 64,    /* boxes from which an end's state is found */
    STARTS_MAX = 4096, /* looked at for one end, nearest in time first */
    POINTS_MIN = 2,    /* boxes that a piece needs, to have a velocity */
};

struct end {
    struct paths_piece *piece;
    struct kalman start, end; /* in the plane */
    int64_t first, last;      /* frames */
};

/* The filter over the last boxes (or, backwards, over the first), turned so that it looks ahead. */
static struct kalman state_at_end(const struct track_paths *p, const struct paths_piece *piece,
                                  bool backwards)
{
    struct kalman k;
    int64_t n = (int64_t)piece->n, looked = MIN(n, LOOK_BACK), at = 0;

    for (int64_t i = looked - 1; i >= 0; i--) {
        const struct paths_point *q = &piece->points[backwards ? i : n - 1 - i];
        struct track_box b = paths_in_plane(p, q);
        if (i == looked - 1) {
            kalman_start(&k, &p->noise, b, q->score);
        } else {
            kalman_predict(&k, &p->noise, fabs(paths_steps(p, at, q->at)));
            kalman_update(&k, &p->noise, b, q->score);
        }
        at = q->at;
    }
    if (backwards)
        kalman_reverse(&k);
    return k;
}

static int by_start(const void *pa, const void *pb)
{
    const struct end *a = pa, *b = pb;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return a->piece->id < b->piece->id ? -1 : a->piece->id > b->piece->id;
}

/* What joining a to b is worth: its likelihood, 0 when it is out of the question. */
static double join_likelihood(const struct track_paths *p, const struct end *a, const struct end *b)
{
    struct kalman k = a->end;
    if (a->piece->class_id != b->piece->class_id)
        return 0;
    k.h.v = 0;
    kalman_predict(&k, &p->noise, paths_steps(p, a->last, b->first));
    return kalman_link_likelihood(&k, &p->noise, &b->start);
}

/* First end whose start is after this frame. */
static size_t starts_after(const struct end *ends, size_t n, int64_t frame)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ends[mid].first <= frame)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct links {
    struct assign_pair *pairs;
    size_t n, cap;
};

static int find_pairs(const struct track_paths *p, const struct end *ends, size_t n,
                      struct links *ret, struct err *e)
{
    double far = BUFFERS * p->o.fps / 30 * p->o.buffer;
    for (size_t i = 0; i < n; i++) {
        size_t k = starts_after(ends, n, ends[i].last), most = MIN(n, k + STARTS_MAX);
        for (; k < most && paths_steps(p, ends[i].last, ends[k].first) <= far; k++) {
            if (p->frames[ends[i].last].shot != p->frames[ends[k].first].shot)
                break;
            double l = join_likelihood(p, &ends[i], &ends[k]) / ODDS;
            if (!(l > 1))
                continue;
            if (ret->n == ret->cap) {
                size_t cap = ret->cap * 2 + 64;
                struct assign_pair *q = mem_try_realloc(ret->pairs, cap, sizeof *q);
                if (!q)
                    return err_set(e, ERR_LIMIT, "no memory for %zu joins", cap);
                ret->pairs = q;
                ret->cap = cap;
            }
            ret->pairs[ret->n++] = (struct assign_pair){(int32_t)i, (int32_t)k, -log(l)};
        }
    }
    return 0;
}

/* Appends the points of b to a, which ends before b begins. */
static int append(struct track_paths *p, struct paths_piece *a, struct paths_piece *b,
                  struct err *e)
{
    p->n_points -= (int64_t)b->n; /* moved, not more */
    int r = paths_reserve(p, a, a->n + b->n, e);
    p->n_points += (int64_t)b->n;
    if (r < 0)
        return -1;
    memcpy(a->points + a->n, b->points, b->n * sizeof *b->points);
    a->n += b->n;
    b->n = 0;
    return 0;
}

int paths_link(struct track_paths *p, struct err *e)
{
    CLEANUP_FREE struct end *ends = mem_try_calloc(p->n_pieces, sizeof *ends);
    CLEANUP_FREE int32_t *next = mem_try_calloc(p->n_pieces, sizeof *next);
    CLEANUP(assign_free) struct assign *assign = assign_new();
    struct links links = {0};
    size_t n = 0;

    if (!ends || !next)
        return err_set(e, ERR_LIMIT, "no memory for %zu pieces of paths", p->n_pieces);
    for (size_t i = 0; i < p->n_pieces; i++) {
        struct paths_piece *piece = &p->pieces[i];
        if (piece->n < POINTS_MIN)
            continue;
        ends[n++] = (struct end){
            .piece = piece,
            .start = state_at_end(p, piece, /* backwards */ true),
            .end = state_at_end(p, piece, /* backwards */ false),
            .first = piece->points[0].at,
            .last = piece->points[piece->n - 1].at,
        };
    }
    if (n > ASSIGN_NODES_MAX) /* a video of a million strangers has nobody to recognise */
        return 0;
    qsort(ends, n, sizeof *ends, by_start);
    int r = find_pairs(p, ends, n, &links, e);
    if (r == 0)
        r = assign_solve(assign, (int)n, (int)n, links.pairs, links.n, next, e);
    /* from the last to the first, so that what is appended is whole already */
    for (size_t i = n; r == 0 && i-- > 0;)
        if (next[i] >= 0)
            r = append(p, ends[i].piece, ends[next[i]].piece, e);
    free(links.pairs);
    return r;
}
