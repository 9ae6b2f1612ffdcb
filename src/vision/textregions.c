/*
 * From pieces to lines: each piece looks for the nearest to its right that could be the next
 * letter; chains of such pieces are lines; a line is kept if its pieces agree with one another as
 * letters of one hand do. Large text is looked for in a picture a third as large.
 */
#include "vision/textregions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/text_priv.h"

#define BAND   16 /* rows of a bucket of pieces */
#define SHRINK 3  /* of the picture in which large text is found */
#define LINKS_MAX                                                                                  \
    4000 /* pieces that are linked; the rest of a picture so full of them is texture */
#define KEEP_SCORE 0.45 /* of a line that stands alone */
#define JOIN_SCORE 0.1  /* of one that goes on where such a line ends */

struct glyph {
    const struct text_piece *p;
    int w, h, luma;
    double stroke;    /* mean length of its runs */
    int parent, next; /* of the chain; in the bucket, -1 ends */
    int before, gap;  /* the piece whose nearest this one is, -1 for none, and how far it is */
};

struct line {
    struct text_box box;
    int n; /* pieces */
};

static int glyph_root(struct glyph *g, int i)
{
    while (g[i].parent != i) {
        g[i].parent = g[g[i].parent].parent;
        i = g[i].parent;
    }
    return i;
}

static double ratio(double a, double b)
{
    return a < b ? a / b : b / a;
}

/* Could b be the letter after a? The gap between them, or -1. */
static int follows(const struct glyph *a, const struct glyph *b)
{
    int tall = MAX(a->h, b->h), low = MIN(a->h, b->h);
    int gap = b->p->x0 - a->p->x1 - 1;
    if (a->p->light != b->p->light || gap > tall + tall / 4 || gap < -low / 3 ||
        b->p->x0 <= a->p->x0)
        return -1;
    int overlap = MIN(a->p->y1, b->p->y1) - MAX(a->p->y0, b->p->y0) + 1;
    bool level =
        abs(a->p->y1 - b->p->y1) * 100 <= 32 * tall || abs(a->p->y0 - b->p->y0) * 100 <= 20 * tall;
    if (low * 100 < tall * 42 || overlap * 2 < low || !level)
        return -1;
    double contrast =
        ratio((double)a->p->contrast / a->p->area, (double)b->p->contrast / b->p->area);
    if (abs(a->luma - b->luma) > 36 || contrast < 0.4 || ratio(a->stroke, b->stroke) < 0.35)
        return -1;
    return MAX(gap, 0);
}

static void link_glyphs(struct glyph *g, int n, int *buckets, int n_buckets)
{
    for (int i = 0; i < n_buckets; i++)
        buckets[i] = -1;
    for (int i = n - 1; i >= 0; i--) { /* sorted by x0; so are the buckets then */
        int band = (g[i].p->y0 + g[i].p->y1) / 2 / BAND;
        g[i].next = buckets[band];
        buckets[band] = i;
    }
    for (int i = 0; i < n; i++) {
        int from = MAX(0, (g[i].p->y0 - g[i].h / 2) / BAND);
        int to = MIN(n_buckets - 1, (g[i].p->y1 + g[i].h / 2) / BAND), best = -1, best_gap = 0;
        for (int band = from; band <= to; band++) {
            for (int k = buckets[band]; k >= 0; k = g[k].next) {
                if (g[k].p->x0 <= g[i].p->x0)
                    continue;
                if (g[k].p->x0 > g[i].p->x1 + 4 * g[i].h)
                    break;
                int gap = follows(&g[i], &g[k]);
                if (gap >= 0 && (best < 0 || gap < best_gap)) {
                    best = k;
                    best_gap = gap;
                }
            }
        }
        /* of several pieces that want the same one, the nearest gets it: lines do not fork */
        if (best >= 0 && (g[best].before < 0 || best_gap < g[best].gap)) {
            g[best].before = i;
            g[best].gap = best_gap;
        }
    }
    for (int i = 0; i < n; i++)
        if (g[i].before >= 0)
            g[glyph_root(g, i)].parent = glyph_root(g, g[i].before);
}

/* 0 at or below lo (or at or above it, if lo is the larger), 1 at hi and beyond. */
static double ramp(double v, double lo, double hi)
{
    return CLAMP((v - lo) / (hi - lo), 0.0, 1.0);
}

static int compare_int(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* The value that a share of the sorted copy lies below. */
static int quantile(int *values, int n, double share)
{
    qsort(values, (size_t)n, sizeof(*values), compare_int);
    return values[MIN(n - 1, (int)(share * n))];
}

/* Share of the pixels of a rectangle (ends exclusive) that stand out in a way. */
static double standing_out(const struct text_plane *plane, const uint8_t *kinds, int x0, int y0,
                           int x1, int y1, uint8_t kind)
{
    int count = 0;
    x0 = MAX(x0, 0);
    y0 = MAX(y0, 0);
    x1 = MIN(x1, plane->w);
    y1 = MIN(y1, plane->h);
    for (int y = y0; y < y1; y++) {
        const uint8_t *row = kinds + (size_t)y * (size_t)plane->w;
        for (int x = x0; x < x1; x++)
            count += row[x] == kind;
    }
    return x1 > x0 && y1 > y0 ? count / (double)((x1 - x0) * (y1 - y0)) : 0;
}

/* How much the n pieces, given by their numbers, look like a line of text; fills *ret. */
static bool judge(const struct text_plane *plane, const uint8_t *kinds, const struct glyph *g,
                  const int *members, int n, int *scratch, struct line *ret)
{
    int x0 = 1 << 30, y0 = 1 << 30, x1 = 0, y1 = 0, letters = 0, wide = 0, area = 0;
    double luma = 0, luma2 = 0, stroke = 0, stroke2 = 0, contrast = 0;

    for (int i = 0; i < n; i++) {
        const struct glyph *m = &g[members[i]];
        x0 = MIN(x0, m->p->x0);
        x1 = MAX(x1, m->p->x1);
        y0 = MIN(y0, m->p->y0);
        y1 = MAX(y1, m->p->y1);
        letters += MAX(1, (int)(m->w / (0.9 * m->h) + 0.5));
        wide += m->w;
        area += m->p->area;
        luma += m->luma;
        luma2 += (double)m->luma * m->luma;
        stroke += m->stroke;
        stroke2 += m->stroke * m->stroke;
        contrast += (double)m->p->contrast / m->p->area;
    }
    for (int i = 0; i < n; i++)
        scratch[i] = g[members[i]].h;
    int height = quantile(scratch, n, 0.8), small = scratch[n / 10];
    for (int i = 0; i < n; i++)
        scratch[i] = g[members[i]].p->y1;
    int base = quantile(scratch, n, 0.5);
    for (int i = 0; i < n; i++)
        scratch[i] = g[members[i]].p->y0;
    int top = quantile(scratch, n, 0.5), on_base = 0, on_line = 0;
    for (int i = 0; i < n; i++) {
        const struct text_piece *p = g[members[i]].p;
        bool based = abs(p->y1 - base) <= MAX(1, height / 8);
        on_base += based;
        on_line += based || abs(p->y0 - top) <= MAX(1, height / 8);
    }
    int w = x1 - x0 + 1, h = y1 - y0 + 1;
    if (n < 3 || letters < 4 || w * 10 < 22 * height || h > 2 * height)
        return false;
    /* the strips above and below: those of text are empty, those of texture are like the line
     * itself */
    uint8_t kind = g[members[0]].p->light ? 1 : 2;
    int strip = MAX(2, height * 3 / 10);
    double within = standing_out(plane, kinds, x0, y0, x1 + 1, y1 + 1, kind);
    double above = standing_out(plane, kinds, x0, y0 - strip, x1 + 1, y0, kind);
    double below = standing_out(plane, kinds, x0, y1 + 1, x1 + 1, y1 + 1 + strip, kind);
    luma /= n;
    stroke /= n;
    double luma_dev = sqrt(MAX(0, luma2 / n - luma * luma));
    double stroke_dev = sqrt(MAX(0, stroke2 / n - stroke * stroke)) / stroke;
    /* text on busy ground is not lonely; that it is long and even must make up for it */
    double lonely = ramp(MAX(above, below) / within, 0.8, 0.2);
    double regular = ramp(n, 6, 14) * ramp((double)on_base / n, 0.6, 0.85) * ramp(luma_dev, 16, 8);
    bool at_border = x0 == 0 || y0 == 0 || x1 == plane->w - 1 || y1 == plane->h - 1;
    double score = ramp((double)on_base / n, 0.35, 0.75) * ramp((double)on_line / n, 0.5, 0.9) *
                   ramp(stroke_dev, 0.7, 0.25) * ramp(luma_dev, 34, 10) *
                   ramp(contrast / n, 18, 45) * ramp(letters, 2, 9) *
                   ramp((double)wide / w, 0.35, 0.65) * ramp(stroke / height, 0.5, 0.3) *
                   ramp((double)area / w / h, 0.7, 0.5) * ramp((double)small / height, 0.3, 0.55) *
                   (lonely + (1 - lonely) * regular) * (at_border ? 0.3 : 1);
    ret->n = n;
    ret->box = (struct text_box){.x = x0,
                                 .y = y0,
                                 .w = w,
                                 .h = h,
                                 .light = g[members[0]].p->light,
                                 .height = height,
                                 .score = sqrt(score)};
    return ret->box.score >= JOIN_SCORE;
}

static int by_left(const void *a, const void *b)
{
    const struct text_piece *p = a, *q = b;
    int d = (p->x0 > q->x0) - (p->x0 < q->x0);
    return d ? d : (p->y0 > q->y0) - (p->y0 < q->y0);
}

static int by_contrast(const void *a, const void *b)
{
    const struct text_piece *p = a, *q = b;
    int64_t d = p->contrast * q->area - q->contrast * p->area;
    return d < 0 ? 1 : d > 0 ? -1 : by_left(a, b);
}

#define CLEANUP_PIECES __attribute__((cleanup(text_pieces_finish)))

/* Lines of one plane, appended to lines. */
static int lines_of(const struct text_plane *plane, int scale, struct line *lines, int *n_lines,
                    int max, struct err *e)
{
    CLEANUP_PIECES struct text_pieces pieces = {0};
    if (text_pieces_find(plane, &pieces, e) < 0)
        return -1;
    if (pieces.n > LINKS_MAX) {
        qsort(pieces.p, pieces.n, sizeof(*pieces.p), by_contrast);
        pieces.n = LINKS_MAX;
    }
    if (pieces.n == 0)
        return 0;
    qsort(pieces.p, pieces.n, sizeof(*pieces.p), by_left);

    int n = (int)pieces.n, n_buckets = plane->h / BAND + 1;
    CLEANUP_FREE struct glyph *g = xcalloc((size_t)n, sizeof(*g)); /* at most LINKS_MAX */
    CLEANUP_FREE int *ints = xcalloc((size_t)(2 * n), sizeof(*ints));
    CLEANUP_FREE int *buckets = mem_try_calloc((size_t)n_buckets, sizeof(*buckets));
    if (!buckets)
        return err_set(e, ERR_LIMIT, "no memory to look for text");
    for (int i = 0; i < n; i++) {
        const struct text_piece *p = &pieces.p[i];
        g[i] = (struct glyph){.p = p,
                              .w = p->x1 - p->x0 + 1,
                              .h = p->y1 - p->y0 + 1,
                              .luma = (int)(p->luma / p->area),
                              .stroke = (double)p->area / p->runs,
                              .parent = i,
                              .before = -1};
    }
    link_glyphs(g, n, buckets, n_buckets);
    /* members of a chain, through `next`, which the buckets do not need any more */
    for (int i = 0; i < n; i++)
        g[i].next = -1;
    for (int i = n - 1; i >= 0; i--) {
        int root = glyph_root(g, i);
        if (root != i) {
            g[i].next = g[root].next;
            g[root].next = i;
        }
    }
    for (int i = 0; i < n && *n_lines < max; i++) {
        if (g[i].parent != i)
            continue;
        int count = 0;
        for (int k = i; k >= 0; k = g[k].next)
            ints[count++] = k;
        struct line *line = &lines[*n_lines];
        if (!judge(plane, pieces.kinds, g, ints, count, ints + n, line))
            continue;
        line->box.x *= scale;
        line->box.y *= scale;
        line->box.w *= scale;
        line->box.h *= scale;
        line->box.height *= scale;
        ++*n_lines;
    }
    return 0;
}

static int overlap(const struct text_box *a, const struct text_box *b)
{
    int w = MIN(a->x + a->w, b->x + b->w) - MAX(a->x, b->x);
    int h = MIN(a->y + a->h, b->y + b->h) - MAX(a->y, b->y);
    return w > 0 && h > 0 ? w * h : 0;
}

static int better(const void *a, const void *b)
{
    const struct line *p = a, *q = b;
    return p->box.score > q->box.score ? -1 : p->box.score < q->box.score;
}

static int reading_order(const void *a, const void *b)
{
    const struct text_box *p = a, *q = b;
    int same = MIN(p->y + p->h, q->y + q->h) - MAX(p->y, q->y);
    if (same * 2 > MIN(p->h, q->h))
        return (p->x > q->x) - (p->x < q->x);
    return (p->y > q->y) - (p->y < q->y);
}

/* Parts of one line that a wide space tore apart. */
static bool one_line(const struct text_box *a, const struct text_box *b)
{
    int gap = MAX(a->x, b->x) - MIN(a->x + a->w, b->x + b->w);
    int height = MIN(a->height, b->height);
    return a->light == b->light && gap * 2 < 5 * height &&
           height * 10 >= 7 * MAX(a->height, b->height) &&
           abs(a->y + a->h - b->y - b->h) * 4 < height;
}

static void join(struct text_box *a, const struct text_box *b)
{
    int x1 = MAX(a->x + a->w, b->x + b->w), y1 = MAX(a->y + a->h, b->y + b->h);
    a->x = MIN(a->x, b->x);
    a->y = MIN(a->y, b->y);
    a->w = x1 - a->x;
    a->h = y1 - a->y;
    a->score = MAX(a->score, b->score);
    a->height = MAX(a->height, b->height);
}

/* lines: best first. Those that stand alone, then pieces of them that a bad ground tore off, from
 * one to the next. */
static int choose(struct line *lines, int n_lines, struct text_box *boxes)
{
    int n = 0;
    bool again = true;
    for (int round = 0; again; round++) {
        again = false;
        for (int i = 0; i < n_lines; i++) {
            struct text_box *box = &lines[i].box;
            bool taken = lines[i].n == 0;
            for (int k = 0; k < n && !taken; k++) {
                int both = overlap(box, &boxes[k]),
                    least = MIN(box->w * box->h, boxes[k].w * boxes[k].h);
                bool same = one_line(box, &boxes[k]);
                taken = same || both * 5 > 2 * least;
                if (same) {
                    join(&boxes[k], box);
                    again = true;
                }
            }
            if (!taken && round == 0 && box->score >= KEEP_SCORE && n < TEXT_BOXES_MAX) {
                boxes[n++] = *box;
                taken = again = true;
            }
            if (taken)
                lines[i].n = 0;
        }
    }
    /* boxes that grew into one another */
    for (int i = 0; i < n; i++) {
        for (int k = i + 1; k < n; k++) {
            int both = overlap(&boxes[i], &boxes[k]);
            int least = MIN(boxes[i].w * boxes[i].h, boxes[k].w * boxes[k].h);
            bool same = one_line(&boxes[i], &boxes[k]);
            if (!same && both * 5 <= 2 * least)
                continue;
            if (same)
                join(&boxes[i], &boxes[k]);
            else if (boxes[k].score > boxes[i].score)
                boxes[i] = boxes[k];
            boxes[k] = boxes[--n];
            k = i; /* what i is now may meet others */
        }
    }
    return n;
}

int text_find(const struct vision_frame *f, struct text_box boxes[TEXT_BOXES_MAX], int *ret_n,
              struct err *e)
{
    enum { LINES_MAX = 4 * TEXT_BOXES_MAX };
    CLEANUP_FREE struct line *lines = xcalloc(LINES_MAX, sizeof(*lines));
    struct text_plane plane = {0}, third = {0};
    int n_lines = 0, r = -1, n = 0;

    if ((int64_t)f->width * f->height > TEXT_PIXELS_MAX)
        return err_set(e, ERR_LIMIT, "text is looked for in at most %d pixels, not %d x %d",
                       TEXT_PIXELS_MAX, f->width, f->height);
    if (text_plane_make(f, &plane, e) < 0 ||
        lines_of(&plane, 1, lines, &n_lines, LINES_MAX * 3 / 4, e) < 0)
        goto out;
    if (text_plane_shrink(&plane, SHRINK, &third, e) < 0 ||
        lines_of(&third, SHRINK, lines, &n_lines, LINES_MAX, e) < 0)
        goto out;
    qsort(lines, (size_t)n_lines, sizeof(*lines), better);
    n = choose(lines, n_lines, boxes);
    qsort(boxes, (size_t)n, sizeof(*boxes), reading_order);
    *ret_n = n;
    r = 0;
out:
    free(plane.p);
    free(third.p);
    return r;
}
