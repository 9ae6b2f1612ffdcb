/* What a shot is about, and where the camera may and would like to be for it in each frame. */
#include <math.h>
#include <string.h>

#include "vision/path_priv.h"

#define SUBJECTS_KEPT 8
#define SCORE_SHARE   0.35 /* of the first subject's score makes another one worth keeping */
#define FIT_SHARE     0.95 /* of the frames in which two subjects are seen must hold both */
#define MARGIN        0.02 /* of the cut-out, between subject and border */
#define LEAD_FULL     0.25 /* sizes a second: from here on all of the lead room */
#define LEAD_NONE     0.04
#define BRIDGE_S      1.0
#define LEAD_SPAN_S   0.5 /* speed of a subject is measured over this, both ways */

struct score {
    int subject;
    double sum;
};
struct extent {
    double a, b; /* along the axis, pixels; a > b: nothing */
};

static int by_subject(const void *pa, const void *pb)
{
    const struct score *a = pa, *b = pb;
    return (a->subject > b->subject) - (a->subject < b->subject);
}

static int by_sum(const void *pa, const void *pb)
{
    const struct score *a = pa, *b = pb;
    int less = (a->sum < b->sum) - (a->sum > b->sum);
    return less ? less : by_subject(pa, pb);
}

/* The part of a box that lies in the picture; false when there is none worth the name. */
static bool clip(const struct path_input *in, const struct path_box *b, struct path_box *ret)
{
    if (!isfinite(b->x) || !isfinite(b->y) || !(b->w > 0) || !(b->h > 0) || !isfinite(b->w) ||
        !isfinite(b->h) || !(b->weight > 0) || !isfinite(b->weight))
        return false;
    double x0 = MAX(b->x, 0), y0 = MAX(b->y, 0);
    double x1 = MIN(b->x + b->w, in->width), y1 = MIN(b->y + b->h, in->height);
    if (x1 - x0 < 1 || y1 - y0 < 1)
        return false;
    *ret = *b;
    ret->x = x0, ret->y = y0, ret->w = x1 - x0, ret->h = y1 - y0;
    return true;
}

/* Scores of the subjects, best first. */
static size_t rank(const struct path_input *in, int64_t first, int64_t end, struct score *s)
{
    size_t n = 0, merged = 0;
    struct path_box b;

    for (int64_t i = first; i < end; i++)
        if (clip(in, &in->boxes[i], &b))
            s[n++] = (struct score){b.subject, b.weight * sqrt(b.w * b.h)};
    if (n == 0)
        return 0;
    qsort(s, n, sizeof(*s), by_subject);
    for (size_t i = 1; i < n; i++) {
        if (s[i].subject == s[merged].subject)
            s[merged].sum += s[i].sum;
        else
            s[++merged] = s[i];
    }
    qsort(s, merged + 1, sizeof(*s), by_sum);
    return merged + 1;
}

static void extents(const struct path_input *in, const struct path_span *shot, int64_t first,
                    int64_t end, int subject, bool along_x, struct extent *to)
{
    struct path_box b;

    for (int64_t i = 0; i < shot->end - shot->start; i++)
        to[i] = (struct extent){1, 0};
    for (int64_t i = first; i < end; i++) {
        if (in->boxes[i].subject != subject || !clip(in, &in->boxes[i], &b))
            continue;
        double a = along_x ? b.x : b.y, z = a + (along_x ? b.w : b.h);
        struct extent *x = &to[b.frame - shot->start];
        *x = x->a > x->b ? (struct extent){a, z} : (struct extent){MIN(x->a, a), MAX(x->b, z)};
    }
}

/* Takes the extents of one more subject in, if both then fit nearly always. */
static bool join(struct extent *all, const struct extent *more, int n, double size)
{
    int both = 0, fit = 0;

    for (int i = 0; i < n; i++) {
        if (all[i].a > all[i].b || more[i].a > more[i].b)
            continue;
        both++;
        fit += MAX(all[i].b, more[i].b) - MIN(all[i].a, more[i].a) <= size * (1 - 2 * MARGIN);
    }
    if (both == 0 || fit < FIT_SHARE * both)
        return false;
    for (int i = 0; i < n; i++) {
        if (more[i].a > more[i].b)
            continue;
        if (all[i].a > all[i].b)
            all[i] = more[i];
        else if (MAX(all[i].b, more[i].b) - MIN(all[i].a, more[i].a) <= size * (1 - 2 * MARGIN))
            all[i] = (struct extent){MIN(all[i].a, more[i].a), MAX(all[i].b, more[i].b)};
    }
    return true;
}

/* Between two sightings not far apart a subject is where a straight line has it: detections are
 * often of every fifth frame only. */
static void bridge(struct extent *x, const struct path_node *nodes, int n)
{
    int before = -1;

    for (int i = 0; i < n; i++) {
        if (x[i].a > x[i].b)
            continue;
        double gap = before < 0 ? 0 : nodes[i].t - nodes[before].t;
        for (int j = before + 1; before >= 0 && gap <= BRIDGE_S && j < i; j++) {
            double f = (nodes[j].t - nodes[before].t) / gap;
            x[j].a = x[before].a + (x[i].a - x[before].a) * f;
            x[j].b = x[before].b + (x[i].b - x[before].b) * f;
        }
        before = i;
    }
}

/* Middles of the subject in every frame: straight lines where it is not seen. c in sizes. */
static void middles(const struct extent *x, int n, double size, double *c)
{
    int before = -1;

    for (int i = 0; i < n; i++) {
        if (x[i].a > x[i].b)
            continue;
        c[i] = (x[i].a + x[i].b) / 2 / size;
        for (int j = before + 1; j < i; j++)
            c[j] = before < 0 ? c[i] : c[before] + (c[i] - c[before]) * (j - before) / (i - before);
        before = i;
    }
    for (int j = before + 1; before >= 0 && j < n; j++)
        c[j] = c[before];
}

static void fill(struct path_node *nodes, const struct extent *x, const double *c, int n,
                 double size, double last, const struct path_options *o)
{
    for (int i = 0, from = 0, to = 0; i < n; i++) {
        struct path_node *k = &nodes[i];
        while (nodes[from].t < k->t - LEAD_SPAN_S)
            from++;
        while (to + 1 < n && nodes[to + 1].t <= k->t + LEAD_SPAN_S)
            to++;
        double dt = nodes[to].t - nodes[from].t, v = dt > 0 ? (c[to] - c[from]) / dt : 0;
        double lead = fabs(v) < LEAD_NONE ? 0 : o->lead * CLAMP(v / LEAD_FULL, -1, 1);
        k->seen = x[i].a <= x[i].b;
        k->fits = false;
        k->want = CLAMP(c[i] - 0.5 + lead, 0, last);
        k->lo = 0;
        k->hi = last;
        if (!k->seen)
            continue;
        double a = x[i].a / size, b = x[i].b / size;
        k->fits = b - a <= 1;
        double margin = MIN(MARGIN, MAX((1 - (b - a)) / 2, 0));
        k->lo = CLAMP(b + margin - 1, 0, last);
        k->hi = CLAMP(a - margin, 0, last);
        if (k->lo > k->hi) { /* it does not fit: somewhere on it */
            k->lo = CLAMP(MIN(a, b - 1), 0, last);
            k->hi = CLAMP(MAX(a, b - 1), 0, last);
        }
        k->want = CLAMP(k->want, k->lo, k->hi);
    }
}

int path_subjects(const struct path_input *in, const struct path_span *shot, int64_t first_box,
                  int64_t end_box, bool along_x, double size, const struct path_options *o,
                  struct path_node *nodes, struct err *e)
{
    int n = (int)(shot->end - shot->start), kept = 0;
    double last = MAX((along_x ? in->width : in->height) / size - 1, 0);
    CLEANUP_FREE struct score *s = mem_try_calloc((size_t)(end_box - first_box) + 1, sizeof(*s));
    CLEANUP_FREE struct extent *x = mem_try_calloc((size_t)n, 2 * sizeof(*x));
    CLEANUP_FREE double *c = mem_try_calloc((size_t)n, sizeof(*c));
    if (!s || !x || !c)
        return err_set(e, ERR_LIMIT, "path: no memory for a shot of %d frames", n);

    size_t ranked = rank(in, first_box, end_box, s);
    for (int i = 0; i < n; i++) {
        x[i] = (struct extent){1, 0};
        c[i] = (last + 1) / 2;
    }
    for (size_t k = 0; k < MIN(ranked, SUBJECTS_KEPT); k++) {
        if (s[k].sum < SCORE_SHARE * s[0].sum)
            break;
        extents(in, shot, first_box, end_box, s[k].subject, along_x, k ? x + n : x);
        kept += k == 0 || join(x, x + n, n, size);
    }
    bridge(x, nodes, n);
    if (kept > 0)
        middles(x, n, size, c);
    fill(nodes, x, c, n, size, last, o);
    return kept;
}
