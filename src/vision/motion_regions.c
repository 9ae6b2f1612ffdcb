/* From a mask of pixels to things: cleaning, connected components, and joining pieces of one. */
#include <string.h>

#include "vision/motion_priv.h"

int motion_regions_init(struct motion_regions *r, int w, int h)
{
    size_t n = (size_t)w * (size_t)h;

    memset(r, 0, sizeof(*r));
    r->w = w;
    r->h = h;
    r->runs_max = (size_t)h * (size_t)(w / 2 + 1);
    r->a = mem_try_calloc(n, 1);
    r->b = mem_try_calloc(n, 1);
    r->label = mem_try_calloc(n, sizeof(*r->label));
    r->runs = mem_try_calloc(r->runs_max, 3 * sizeof(*r->runs)); /* y, x0, x1 */
    r->run_of = mem_try_calloc(r->runs_max, sizeof(*r->run_of));
    if (r->a && r->b && r->label && r->runs && r->run_of)
        return 0;
    motion_regions_finish(r);
    return -1;
}

void motion_regions_finish(struct motion_regions *r)
{
    free(r->a);
    free(r->b);
    free(r->label);
    free(r->runs);
    free(r->run_of);
    memset(r, 0, sizeof(*r));
}

/*
 * Counts of ones in windows of (2 rx + 1) x (2 ry + 1), compared with `least`; outside is 0. Sums
 * of bytes stay below 256: windows of at most 255 pixels.
 */
static void windows(struct motion_regions *r, const uint8_t *from, uint8_t *to, int rx, int ry,
                    int least)
{
    int w = r->w, h = r->h;

    for (int y = 0; y < h; y++) {
        const uint8_t *restrict s = from + (size_t)y * w;
        uint8_t *restrict o = r->b + (size_t)y * w;
        memcpy(o, s, (size_t)w);
        for (int d = 1; d <= rx && d < w; d++) {
            for (int x = d; x < w; x++)
                o[x] = (uint8_t)(o[x] + s[x - d]);
            for (int x = 0; x < w - d; x++)
                o[x] = (uint8_t)(o[x] + s[x + d]);
        }
    }
    for (int y = 0; y < h; y++) {
        uint8_t *restrict o = to + (size_t)y * w;
        memset(o, 0, (size_t)w);
        for (int j = MAX(y - ry, 0); j <= MIN(y + ry, h - 1); j++) {
            const uint8_t *restrict s = r->b + (size_t)j * w;
            for (int x = 0; x < w; x++)
                o[x] = (uint8_t)(o[x] + s[x]);
        }
        for (int x = 0; x < w; x++)
            o[x] = o[x] >= least;
    }
}

void motion_regions_clean(struct motion_regions *r, uint8_t *mask)
{
    windows(r, mask, r->a, 1, 1, 5); /* the majority of 3 x 3 */
    windows(r, r->a, mask, 1, 3, 1); /* wider by 1, taller by 3: people are tall */
    /* and back: a pixel stays when its whole window is set; the border counts as set outside */
    int w = r->w, h = r->h;
    for (size_t i = 0, n = (size_t)w * h; i < n; i++)
        r->a[i] = !mask[i];
    windows(r, r->a, mask, 1, 3, 1);
    for (size_t i = 0, n = (size_t)w * h; i < n; i++)
        mask[i] = !mask[i];
}

static int32_t root_of(int32_t *of, int32_t i)
{
    while (of[i] != i) {
        of[i] = of[of[i]];
        i = of[i];
    }
    return i;
}

static void unite(int32_t *of, int32_t a, int32_t b)
{
    a = root_of(of, a);
    b = root_of(of, b);
    if (a < b)
        of[b] = a;
    else
        of[a] = b;
}

static int find_runs(struct motion_regions *r, const uint8_t *mask)
{
    int n = 0, above = 0, above_end = 0;

    for (int y = 0; y < r->h; y++) {
        const uint8_t *row = mask + (size_t)y * r->w;
        int first = n, k = above;
        for (int x = 0; x < r->w;) {
            const uint8_t *p = memchr(row + x, 1, (size_t)(r->w - x));
            if (!p)
                break;
            int x0 = (int)(p - row), x1 = x0 + 1;
            while (x1 < r->w && row[x1])
                x1++;
            int32_t *run = r->runs + 3 * (size_t)n;
            run[0] = y, run[1] = x0, run[2] = x1;
            r->run_of[n] = n;
            /* runs above that touch it, corners too; the last one may touch the next run as well */
            while (k < above_end && r->runs[3 * (size_t)k + 2] < x0)
                k++;
            for (int j = k; j < above_end && r->runs[3 * (size_t)j + 1] <= x1; j++)
                unite(r->run_of, j, n);
            n++;
            x = x1;
        }
        above = first;
        above_end = n;
    }
    return n;
}

static void add_run(struct motion_regions *r, int b, const int32_t *run, const uint8_t *seen,
                    const struct motion_model *m)
{
    struct motion_blob *o = &r->blob[b];
    size_t row = (size_t)run[0] * r->w;

    o->x0 = MIN(o->x0, run[1]);
    o->x1 = MAX(o->x1, run[2]);
    o->y0 = MIN(o->y0, run[0]);
    o->y1 = MAX(o->y1, run[0] + 1);
    o->area += run[2] - run[1];
    for (int x = run[1]; x < run[2]; x++) {
        size_t i = row + x;
        r->label[i] = (uint16_t)(b + 1);
        if (!seen[i])
            continue;
        o->seen++;
        o->evidence += MIN((double)m->nearest[i] / m->reach[i], 4.0);
    }
}

void motion_regions_label(struct motion_regions *r, const uint8_t *mask, const uint8_t *seen,
                          const struct motion_model *m)
{
    int n = find_runs(r, mask);

    r->n = 0;
    memset(r->label, 0, (size_t)r->w * r->h * sizeof(*r->label));
    for (int i = 0; i < n; i++) {
        int32_t root = root_of(r->run_of, i);
        const int32_t *run = r->runs + 3 * (size_t)i;
        int b;
        /* the root is the first run of its blob: its column field then holds the blob */
        if (root == i) {
            b = r->n < MOTION_BLOBS_MAX ? r->n++ : -1;
            if (b >= 0)
                r->blob[b] = (struct motion_blob){run[1], run[0], run[2], run[0] + 1, .part_of = b};
        } else {
            b = r->runs[3 * (size_t)root];
        }
        int32_t copy[3] = {run[0], run[1], run[2]};
        r->runs[3 * (size_t)i] = b; /* only roots are asked again */
        if (b >= 0)
            add_run(r, b, copy, seen, m);
    }
}

/* Two pieces of one thing: their columns overlap by half of the narrower, and the gap between their
 * rows is small beside the picture and beside what they would be together. */
static bool one_thing(const struct motion_blob *a, const struct motion_blob *b, int picture_h)
{
    int overlap = MIN(a->x1, b->x1) - MAX(a->x0, b->x0);
    int narrow = MIN(a->x1 - a->x0, b->x1 - b->x0);
    int gap = MAX(a->y0, b->y0) - MIN(a->y1, b->y1);
    int together = MAX(a->y1, b->y1) - MIN(a->y0, b->y0);

    return 2 * overlap >= narrow && gap <= MAX(picture_h / 40, 2) && 5 * gap <= together;
}

void motion_regions_join(struct motion_regions *r)
{
    enum { LARGEST = 256 }; /* beyond it every pair is too much work; such a frame is noise */
    if (r->n > LARGEST)
        return;
    for (int i = 0; i < r->n; i++) {
        for (int j = 0; j < r->n; j++) {
            struct motion_blob *a = &r->blob[i], *b = &r->blob[j];
            if (i == j || a->part_of != i || b->part_of != j || !one_thing(a, b, r->h))
                continue;
            a->x0 = MIN(a->x0, b->x0);
            a->y0 = MIN(a->y0, b->y0);
            a->x1 = MAX(a->x1, b->x1);
            a->y1 = MAX(a->y1, b->y1);
            a->area += b->area;
            a->seen += b->seen;
            a->evidence += b->evidence;
            for (int k = 0; k < r->n; k++)
                if (r->blob[k].part_of == j)
                    r->blob[k].part_of = i;
            j = -1; /* it grew: look at all again; each time there is one blob less */
        }
    }
}
