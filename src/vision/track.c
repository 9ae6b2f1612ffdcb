/*
 * The life of an object: seen once, seen again and so sure to be one, hidden, found or given up.
 * track_pairs.c decides what goes with what, track_camera.c how the camera moved.
 */
#include "vision/track.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/track_priv.h"

static const double WEAK_LIMIT = 0.5;    /* cost of the second association at most: overlap 0.5 */
static const double NEW_LIMIT = 0.7;     /* of objects seen once */
static const double SAME_OVERLAP = 0.85; /* a seen and a hidden object this alike are one */
static const int64_t DAY_US = INT64_C(86400) * 1000000;
static const double CAMERA_SCALE_MAX = 64; /* the plane may be so much larger than the picture */

/* ---- birth and death of the tracker */

static bool within(double v, double low, double high)
{
    return isfinite(v) && v >= low && v <= high;
}

int tracker_new(const struct track_options *o, struct tracker **ret, struct err *e)
{
    if (!within(o->fps, 1e-3, 1e4))
        return err_set(e, ERR_USAGE, "tracker: frame rate %g is not within 0.001 to 10000", o->fps);
    if (!within(o->high_score, 0, 1) || !within(o->match_limit, 0, 1))
        return err_set(e, ERR_USAGE, "tracker: threshold %g or %g is not within 0 to 1",
                       o->high_score, o->match_limit);
    if (!within(o->buffer, 0, 1e6))
        return err_set(e, ERR_USAGE, "tracker: buffer %g is not within 0 to 1000000", o->buffer);
    struct tracker *t = XNEW(struct tracker);
    t->o = *o;
    if (o->flags & TRACK_LIKELIHOOD)
        t->o.flags &= ~(unsigned)(TRACK_MOMENTUM | TRACK_BUFFERED | TRACK_SIZES);
    t->noise = (struct kalman_noise){
        .model = o->flags & TRACK_LIKELIHOOD ? KALMAN_TIMED : KALMAN_WOJKE,
        .fps = o->fps,
        .by_score = o->flags & TRACK_NSA,
    };
    /* the published program looks once more, and then once again, before it gives a lost one up */
    t->patience = floor(o->fps / 30 * o->buffer) + (o->flags & TRACK_LIKELIHOOD ? 0 : 2);
    t->assign = assign_new();
    t->to_picture = TRACK_STILL;
    t->fresh = true;
    *ret = t;
    return 0;
}

void tracker_free(struct tracker *t)
{
    if (!t)
        return;
    assign_free(t->assign);
    free(t->objects);
    free(t->candidates);
    free(t->order);
    free(t->seen);
    free(t->rows);
    free(t->line.items);
    free(t->spare);
    free(t->pairs);
    free(t->match);
    free(t);
}

static bool grow(void *pp, int n, size_t size)
{
    void *p = mem_try_realloc(*(void **)pp, (size_t)n, size);
    if (!p)
        return false;
    *(void **)pp = p;
    return true;
}

/* Room for the frame: every box may start an object. */
static int reserve(struct tracker *t, int n_boxes, struct err *e)
{
    int objects = t->n_objects + n_boxes, lists = MAX(objects, n_boxes);

    if (n_boxes > t->candidates_cap) {
        int cap = n_boxes + n_boxes / 2 + 16;
        if (!grow(&t->candidates, cap, sizeof *t->candidates) ||
            !grow(&t->order, cap, sizeof *t->order))
            goto no_memory;
        t->candidates_cap = cap;
    }
    if (objects > t->objects_cap) {
        int cap = objects + objects / 2 + 16;
        if (!grow(&t->objects, cap, sizeof *t->objects) || !grow(&t->seen, cap, sizeof *t->seen))
            goto no_memory;
        t->objects_cap = cap;
    }
    if (lists > t->lists_cap) {
        int cap = lists + lists / 2 + 16;
        if (!grow(&t->rows, cap, sizeof *t->rows) || !grow(&t->match, cap, sizeof *t->match) ||
            !grow(&t->line.items, cap, sizeof *t->line.items) ||
            !grow(&t->spare, cap, sizeof *t->spare))
            goto no_memory;
        t->lists_cap = cap;
    }
    return 0;
no_memory:
    return err_set(e, ERR_LIMIT, "no memory to follow %d objects", objects);
}

/* ---- boxes in */

static bool box_good(const struct track_detection *d)
{
    const struct track_box *b = &d->box;
    return within(b->x, -TRACK_PIXELS_MAX, TRACK_PIXELS_MAX) &&
           within(b->y, -TRACK_PIXELS_MAX, TRACK_PIXELS_MAX) &&
           within(b->w, TRACK_PIXELS_MIN, TRACK_PIXELS_MAX) &&
           within(b->h, TRACK_PIXELS_MIN, TRACK_PIXELS_MAX) && !isnan(d->score);
}

/* Takes what is good of the boxes and puts it in order. */
static void take(struct tracker *t, const struct track_detection *detections, size_t n)
{
    struct track_affine to_plane = track_affine_inverse(&t->to_picture);

    t->n_candidates = 0;
    for (size_t i = 0; i < n; i++) {
        const struct track_detection *d = &detections[i];
        if (!box_good(d)) {
            t->counts.ignored++;
            continue;
        }
        if (d->score <= fmin(TRACK_LOW_SCORE, t->o.high_score)) /* nobody looks at those */
            continue;
        struct track_box b = track_box_moved(&to_plane, d->box);
        t->order[t->n_candidates] = (struct line_item){-d->score, t->n_candidates};
        t->candidates[t->n_candidates++] = (struct candidate){
            .box = b,
            .cx = track_box_cx(b),
            .score = CLAMP(d->score, 0, 1),
            .class_id = d->class_id,
            .detection = (int32_t)i,
        };
    }
    if (t->n_candidates > TRACK_BOXES_MAX) {
        track_line_sort(t->order, t->n_candidates, t->spare, t->candidates);
        t->counts.crowded += t->n_candidates - TRACK_BOXES_MAX;
        t->n_candidates = TRACK_BOXES_MAX;
    }
    for (int i = 0; i < t->n_candidates; i++)
        t->order[i].key = t->candidates[t->order[i].index].cx;
    track_line_sort(t->order, t->n_candidates, t->spare, t->candidates);
}

/* ---- who is compared with what */

static void rows_of(struct tracker *t, enum object_state a, enum object_state b)
{
    t->n_rows = 0;
    for (int i = 0; i < t->n_objects; i++) {
        const struct object *o = &t->objects[i];
        if ((o->state == a || o->state == b) && o->detection < 0)
            t->rows[t->n_rows++] = i;
    }
}

enum scores { HIGH_SCORES, LOW_SCORES, ANY_SCORES };

/* The published program has no place for a score of just the threshold. */
static bool score_is(const struct tracker *t, double score, enum scores which)
{
    bool high = score > t->o.high_score, threshold = score == t->o.high_score;
    if (which == HIGH_SCORES)
        return high;
    if (score <= TRACK_LOW_SCORE || (threshold && !(t->o.flags & TRACK_LIKELIHOOD)))
        return false;
    return which == ANY_SCORES || !high;
}

static void line_of(struct tracker *t, enum scores which)
{
    t->line.n = 0;
    t->line.widest = 0;
    for (int i = 0; i < t->n_candidates; i++) {
        const struct candidate *c = &t->candidates[t->order[i].index];
        if (c->taken || !score_is(t, c->score, which))
            continue;
        t->line.items[t->line.n++] = (struct line_item){c->cx, t->order[i].index};
        t->line.widest = fmax(t->line.widest, c->box.w);
    }
}

/* ---- what happens to an object */

static void place_add(const struct tracker *t, struct object *o)
{
    o->places[o->n_places % TRACK_PLACES].cx = track_box_cx(o->last_box);
    o->places[o->n_places % TRACK_PLACES].cy = track_box_cy(o->last_box);
    o->places[o->n_places % TRACK_PLACES].time_us = t->time_us;
    /* wraps around to a number that still says "all full" */
    o->n_places = o->n_places == 3 * TRACK_PLACES - 1 ? 2 * TRACK_PLACES : o->n_places + 1;
}

static double steps_of(const struct tracker *t, int64_t us)
{
    double steps = (double)us * t->o.fps / 1e6, whole = nearbyint(steps);
    /* times are rounded to microseconds: what is nearly whole was meant to be */
    return whole >= 1 && fabs(steps - whole) < 0.02 ? whole : steps;
}

/* The filter again from where the object was last seen, over boxes on a straight line to where it is
 * now, so that what it drifted to while hidden is forgotten. */
static void reupdate(const struct tracker *t, struct object *o, const struct candidate *c)
{
    enum { STEPS_MAX = 1000 };
    double steps = steps_of(t, t->time_us - o->last_us);
    int n = (int)fmin(nearbyint(steps / t->steps), STEPS_MAX);

    if (n < 2)
        return;
    o->k = o->k_seen;
    for (int i = 1; i < n; i++) {
        kalman_predict(&o->k, &t->noise, steps / n);
        kalman_update(&o->k, &t->noise, track_box_between(o->last_box, c->box, (double)i / n),
                      c->score);
    }
    kalman_predict(&o->k, &t->noise, steps / n);
}

static void object_found(struct tracker *t, struct object *o, struct candidate *c)
{
    if (t->o.flags & TRACK_REUPDATE && o->state == OBJECT_HIDDEN)
        reupdate(t, o, c);
    kalman_update(&o->k, &t->noise, c->box, c->score);
    o->k_seen = o->k;
    o->box = kalman_box(&o->k);
    o->last_box = c->box;
    o->last_us = t->time_us;
    o->score = c->score;
    o->detection = c->detection;
    o->state = OBJECT_SEEN;
    c->taken = true;
    place_add(t, o);
}

static void object_start(struct tracker *t, struct candidate *c)
{
    if (t->n_objects >= TRACK_OBJECTS_MAX) {
        t->counts.crowded++;
        return;
    }
    struct object *o = &t->objects[t->n_objects++];
    *o = (struct object){
        .id = ++t->last_id,
        .first_us = t->time_us,
        .last_us = t->time_us,
        .state = t->fresh ? OBJECT_SEEN : OBJECT_NEW,
        .class_id = c->class_id,
        .detection = c->detection,
        .score = c->score,
        .box = c->box,
        .last_box = c->box,
    };
    kalman_start(&o->k, &t->noise, c->box, c->score);
    o->k_seen = o->k;
    c->taken = true;
    place_add(t, o);
}

/* ---- one frame */

static void predict(struct tracker *t)
{
    for (int i = 0; i < t->n_objects; i++) {
        struct object *o = &t->objects[i];
        o->detection = -1;
        if (o->state == OBJECT_HIDDEN && steps_of(t, t->time_us - o->last_us) > t->patience + 1e-9)
            o->state = OBJECT_GONE;
        /* the published program does not predict what it has seen but once */
        if (o->state == OBJECT_NEW && !(t->o.flags & TRACK_LIKELIHOOD))
            continue;
        if (o->state == OBJECT_HIDDEN)
            o->k.h.v = 0; /* what is hidden keeps its size */
        kalman_predict(&o->k, &t->noise, t->steps);
        o->box = kalman_box(&o->k);
    }
}

/* Assigns rows to the line and tells the objects. */
static int associate(struct tracker *t, enum track_measure by, double limit, struct err *e)
{
    if (track_assign(t, by, limit, e) < 0)
        return -1;
    for (int i = 0; i < t->n_rows; i++)
        if (t->match[i] >= 0)
            object_found(t, &t->objects[t->rows[i]],
                         &t->candidates[t->line.items[t->match[i]].index]);
    return 0;
}

/* Two that lie on each other, one seen and one hidden: the one that was followed for longer stays. */
static void remove_same(struct tracker *t)
{
    t->line.n = 0;
    t->line.widest = 0;
    for (int i = 0; i < t->n_objects; i++) {
        const struct object *o = &t->objects[i];
        if (o->state != OBJECT_HIDDEN)
            continue;
        t->line.items[t->line.n++] = (struct line_item){track_box_cx(o->box), i};
        t->line.widest = fmax(t->line.widest, o->box.w);
    }
    if (t->line.n == 0)
        return;
    track_line_sort(t->line.items, t->line.n, t->spare, NULL);
    for (int i = 0; i < t->n_objects; i++) {
        struct object *seen = &t->objects[i];
        if (seen->detection < 0)
            continue;
        double cx = track_box_cx(seen->box), far = (seen->box.w + t->line.widest) / 2 + 1;
        for (int k = track_line_from(&t->line, cx - far);
             k < t->line.n && t->line.items[k].key <= cx + far; k++) {
            struct object *hidden = &t->objects[t->line.items[k].index];
            if (hidden->class_id != seen->class_id ||
                track_box_iou(seen->box, hidden->box) <= SAME_OVERLAP)
                continue;
            /* a mark, not the state: each pair is judged as things were before */
            if (seen->last_us - seen->first_us > hidden->last_us - hidden->first_us)
                hidden->same = true;
            else
                seen->same = true;
        }
    }
}

/* Takes out who is gone, and lists who was seen. */
static void settle(struct tracker *t, size_t *ret_n)
{
    int kept = 0;
    size_t n = 0;
    for (int i = 0; i < t->n_objects; i++) {
        struct object *o = &t->objects[i];
        if (o->state == OBJECT_GONE || o->same)
            continue;
        if (o->detection >= 0)
            t->seen[n++] = (struct track_seen){
                .id = o->id,
                .class_id = o->class_id,
                .detection = o->detection,
                .sure = o->state == OBJECT_SEEN,
                .score = o->score,
                .box = track_box_moved(&t->to_picture, o->box),
            };
        if (kept != i)
            t->objects[kept] = *o;
        kept++;
    }
    t->n_objects = kept;
    *ret_n = n;
}

static void unseen_become(struct tracker *t, enum object_state from, enum object_state to)
{
    for (int i = 0; i < t->n_objects; i++)
        if (t->objects[i].state == from && t->objects[i].detection < 0)
            t->objects[i].state = to;
}

static void start_new(struct tracker *t)
{
    for (int i = 0; i < t->n_candidates; i++) {
        struct candidate *c = &t->candidates[t->order[i].index];
        if (!c->taken && score_is(t, c->score, HIGH_SCORES) &&
            c->score >= t->o.high_score + TRACK_NEW_SCORE)
            object_start(t, c);
    }
}

static int follow(struct tracker *t, struct err *e)
{
    bool likely = t->o.flags & TRACK_LIKELIHOOD;
    enum track_measure by = likely ? TRACK_BY_LIKELIHOOD : TRACK_BY_OVERLAP_SCORE;

    if (t->o.flags & TRACK_CAMERA) {
        rows_of(t, OBJECT_SEEN, OBJECT_SEEN);
        line_of(t, HIGH_SCORES);
        if (track_camera_find(t, e) < 0)
            return -1;
    }
    /* high scores, for all that are sure */
    rows_of(t, OBJECT_SEEN, OBJECT_HIDDEN);
    line_of(t, HIGH_SCORES);
    if (associate(t, by, t->o.match_limit, e) < 0)
        return -1;
    /* low scores, for those that were there a moment ago; and high ones that are no likely place to be,
     * but where else should they be: faster than a body moves, a car say */
    rows_of(t, OBJECT_SEEN, OBJECT_SEEN);
    line_of(t, likely ? ANY_SCORES : LOW_SCORES);
    if (associate(t, TRACK_BY_OVERLAP, WEAK_LIMIT, e) < 0)
        return -1;
    unseen_become(t, OBJECT_SEEN, OBJECT_HIDDEN);
    /* those seen once have to be seen again at once */
    rows_of(t, OBJECT_NEW, OBJECT_NEW);
    line_of(t, HIGH_SCORES);
    if (associate(t, by, NEW_LIMIT, e) < 0)
        return -1;
    if (likely) {
        rows_of(t, OBJECT_NEW, OBJECT_NEW);
        line_of(t, HIGH_SCORES);
        if (associate(t, TRACK_BY_OVERLAP_SCORE, NEW_LIMIT, e) < 0)
            return -1;
    }
    unseen_become(t, OBJECT_NEW, OBJECT_GONE);
    start_new(t);
    remove_same(t);
    return 0;
}

int tracker_feed(struct tracker *t, int64_t time_us, const struct track_detection *detections,
                 size_t n, const struct track_seen **ret, size_t *ret_n, struct err *e)
{
    int64_t since = DAY_US;
    if (t->started && time_us <= t->time_us)
        return err_set(e, ERR_INPUT, "frame at %" PRId64 " us follows one at %" PRId64 " us",
                       time_us, t->time_us);
    if (t->started && (__builtin_sub_overflow(time_us, t->time_us, &since) || since > DAY_US)) {
        tracker_cut(t);
        since = DAY_US;
    }
    if (n > INT32_MAX / 4 || reserve(t, (int)n, e) < 0)
        return n > INT32_MAX / 4 ? err_set(e, ERR_LIMIT, "%zu boxes in a frame", n) : -1;
    t->steps = t->started ? steps_of(t, since) : 1;
    t->time_us = time_us;
    t->counts.frames++;
    t->counts.boxes += (int64_t)n;
    if (t->o.flags & TRACK_CAMERA)
        track_camera_predict(t);
    take(t, detections, n);
    predict(t);
    if (follow(t, e) < 0)
        return -1;
    t->started = true;
    t->fresh = false;
    settle(t, ret_n);
    *ret = t->seen;
    return 0;
}

/* ---- the rest */

int tracker_camera_moved(struct tracker *t, const struct track_affine *motion, struct err *e)
{
    const double *m = motion->m;
    for (int i = 0; i < 6; i++)
        if (!within(m[i], -TRACK_PIXELS_MAX, TRACK_PIXELS_MAX))
            return err_set(e, ERR_INPUT, "camera motion: %g is not a number of use", m[i]);
    double det = m[0] * m[4] - m[1] * m[3];
    if (!within(det, 1.0 / 16, 16))
        return err_set(e, ERR_INPUT, "camera motion scales areas by %g", det);
    struct track_affine a = track_affine_after(&t->to_picture, motion);
    double scale = sqrt(a.m[0] * a.m[4] - a.m[1] * a.m[3]);
    /* a zoom through so much leaves nothing that could still be seen */
    if (!within(scale, 1 / CAMERA_SCALE_MAX, CAMERA_SCALE_MAX))
        tracker_cut(t);
    else
        t->to_picture = a;
    return 0;
}

struct track_affine tracker_camera(const struct tracker *t)
{
    return t->to_picture;
}

void tracker_cut(struct tracker *t)
{
    t->n_objects = 0;
    t->fresh = true;
    t->to_picture = TRACK_STILL;
    t->camera_vx = t->camera_vy = 0;
}

struct track_counts tracker_counts(const struct tracker *t)
{
    return t->counts;
}
