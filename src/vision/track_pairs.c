/*
 * What goes with what: pairs of objects and boxes that are near enough to matter, what each costs,
 * and the cheapest assignment.
 *
 * Both the boxes' line and a bound on how far off a match can be make that most pairs are never
 * looked at. An object in a crowd so dense that more than TRACK_RIVALS_MAX boxes come into question
 * is compared with the best of them only: the one place where the assignment is not exact.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "vision/track_priv.h"

static const double BUFFER = 0.3;   /* C-BIoU: boxes grow by so much of their size on each side */
static const double MOMENTUM = 0.2; /* OC-SORT: weight of the direction, its lambda */
static const double MOMENTUM_STEPS = 3; /* over which the direction is taken, delta t there */

/* ---- lines */

int track_line_from(const struct line *l, double cx)
{
    int low = 0, high = l->n;
    while (low < high) {
        int mid = low + (high - low) / 2;
        if (l->items[mid].key < cx)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Of candidates with the same key: whatever tells them apart, so that the order in which they were
 * given does not matter. */
static bool candidate_before(const struct candidate *a, const struct candidate *b)
{
    double va[] = {a->cx, a->box.y, a->box.w, a->box.h, -a->score, a->class_id};
    double vb[] = {b->cx, b->box.y, b->box.w, b->box.h, -b->score, b->class_id};
    for (size_t i = 0; i < ARRAY_LEN(va); i++)
        if (va[i] != vb[i])
            return va[i] < vb[i];
    return false;
}

static bool before(struct line_item a, struct line_item b, const struct candidate *tie)
{
    if (a.key != b.key || !tie)
        return a.key < b.key;
    return candidate_before(&tie[a.index], &tie[b.index]);
}

/* A merge sort that first looks whether there is anything to do. */
void track_line_sort(struct line_item *items, int n, struct line_item *spare,
                     const struct candidate *tie)
{
    struct line_item *from = items, *to = spare;
    bool sorted = true;
    for (int i = 1; i < n && sorted; i++)
        sorted = !before(from[i], from[i - 1], tie);
    if (sorted)
        return;
    for (int width = 1; width < n; width *= 2) {
        for (int start = 0; start < n; start += 2 * width) {
            int a = start, mid = MIN(start + width, n), b = mid, end = MIN(start + 2 * width, n);
            for (int k = start; k < end; k++)
                to[k] =
                    a < mid && (b >= end || !before(from[b], from[a], tie)) ? from[a++] : from[b++];
        }
        struct line_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, (size_t)n * sizeof *from);
}

/* ---- what a pair is worth */

static struct track_box grown(struct track_box b)
{
    return (struct track_box){b.x - BUFFER * b.w, b.y - BUFFER * b.h, b.w * (1 + 2 * BUFFER),
                              b.h * (1 + 2 * BUFFER)};
}

static double height_ratio(struct track_box a, struct track_box b)
{
    double low = fmin(a.h, b.h), high = fmax(a.h, b.h);
    return low > 0 ? low / high : 0;
}

/* How well the step to the box continues the object's way: 0.5 straight on, -0.5 back. */
static double direction(const struct tracker *t, const struct object *o, const struct candidate *c)
{
    if (o->n_places < 2)
        return 0;
    int newest = (o->n_places - 1) % TRACK_PLACES, from = newest;
    for (int i = 1; i < MIN(o->n_places, TRACK_PLACES); i++) {
        from = (o->n_places - 1 - i) % TRACK_PLACES;
        double us = (double)(o->places[newest].time_us - o->places[from].time_us);
        if (us * t->o.fps >= MOMENTUM_STEPS * 1e6)
            break;
    }
    double ux = o->places[newest].cx - o->places[from].cx;
    double uy = o->places[newest].cy - o->places[from].cy;
    double vx = c->cx - o->places[newest].cx, vy = track_box_cy(c->box) - o->places[newest].cy;
    double length = sqrt((ux * ux + uy * uy) * (vx * vx + vy * vy));
    if (length < 1e-6)
        return 0;
    return 0.5 - acos(CLAMP((ux * vx + uy * vy) / length, -1, 1)) / M_PI;
}

/* Overlap with what the options make of it. 0: no pair. */
static double overlap(const struct tracker *t, const struct object *o, const struct candidate *c,
                      enum track_measure by)
{
    bool buffered = t->o.flags & TRACK_BUFFERED && by != TRACK_BY_SHAPE;
    double v =
        buffered ? track_box_iou(grown(o->box), grown(c->box)) : track_box_iou(o->box, c->box);
    if (v <= 0)
        return 0;
    if (by == TRACK_BY_SHAPE || t->o.flags & TRACK_SIZES)
        v *= height_ratio(o->box, c->box);
    if (by == TRACK_BY_OVERLAP_SCORE)
        v *= c->score;
    if (t->o.flags & TRACK_MOMENTUM && by != TRACK_BY_SHAPE)
        v += MOMENTUM * direction(t, o, c) * c->score;
    return v;
}

/* The pair's cost, below 0 where it is worth something. */
static double pair_cost(const struct tracker *t, const struct object *o, const struct candidate *c,
                        enum track_measure by, double limit)
{
    if (by == TRACK_BY_LIKELIHOOD) {
        double l = kalman_likelihood(&o->k, &t->noise, c->box, c->score);
        return l > 1 ? -log(l) : 0;
    }
    return 1 - overlap(t, o, c, by) - limit;
}

/* How far from the object's centre a box's centre may be, along x. */
static double reach(const struct tracker *t, const struct object *o, enum track_measure by)
{
    if (by == TRACK_BY_LIKELIHOOD)
        return kalman_reach(&o->k, &t->noise, t->o.high_score);
    double wide = (fmax(o->box.w, 0) + t->line.widest) / 2;
    return (t->o.flags & TRACK_BUFFERED ? wide * (1 + 2 * BUFFER) : wide) + 1;
}

/* ---- pairs */

static int pairs_reserve(struct tracker *t, size_t more, struct err *e)
{
    if (t->n_pairs + more <= t->pairs_cap)
        return 0;
    size_t cap = (t->n_pairs + more) * 2;
    struct assign_pair *p = mem_try_realloc(t->pairs, cap, sizeof *p);
    if (!p)
        return err_set(e, ERR_LIMIT, "no memory for %zu pairs of objects and boxes", cap);
    t->pairs = p;
    t->pairs_cap = cap;
    return 0;
}

/* Adds a pair to the row whose pairs begin at `first`; a full row drops its worst, which *worst
 * remembers. */
static void pair_add(struct tracker *t, size_t first, struct assign_pair pair, size_t *worst)
{
    if (t->n_pairs - first < TRACK_RIVALS_MAX) {
        t->pairs[t->n_pairs++] = pair;
        if (t->n_pairs - first < TRACK_RIVALS_MAX)
            return;
    } else {
        t->counts.crowded++;
        if (pair.cost >= t->pairs[*worst].cost)
            return;
        t->pairs[*worst] = pair;
    }
    *worst = first;
    for (size_t i = first; i < t->n_pairs; i++)
        if (t->pairs[i].cost > t->pairs[*worst].cost)
            *worst = i;
}

int track_assign(struct tracker *t, enum track_measure by, double limit, struct err *e)
{
    t->n_pairs = 0;
    for (int i = 0; i < t->n_rows; i++) {
        const struct object *o = &t->objects[t->rows[i]];
        double cx = track_box_cx(o->box), far = reach(t, o, by);
        size_t first = t->n_pairs, worst = first;
        if (pairs_reserve(t, TRACK_RIVALS_MAX, e) < 0)
            return -1;
        for (int k = track_line_from(&t->line, cx - far);
             k < t->line.n && t->line.items[k].key <= cx + far; k++) {
            const struct candidate *c = &t->candidates[t->line.items[k].index];
            if (c->class_id != o->class_id)
                continue;
            double cost = pair_cost(t, o, c, by, limit);
            if (cost < 0)
                pair_add(t, first, (struct assign_pair){i, k, cost}, &worst);
        }
    }
    return assign_solve(t->assign, t->n_rows, t->line.n, t->pairs, t->n_pairs, t->match, e);
}
