/*
 * From pixels to connected pieces, in one pass over the rows: a pixel is light or dark if it
 * differs enough from the mean around it; runs of such pixels join the runs they touch in the row
 * above.
 */
#include "vision/text_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vision/rows_priv.h"

#define STAND_OUT  18 /* least difference from the mean around, of 255 */
#define HEIGHT_MIN 6
#define HEIGHT_MAX 64
#define PIECES_MAX 400000 /* runs that start a piece; beyond, a picture is noise */

int text_plane_make(const struct vision_frame *f, struct text_plane *ret, struct err *e)
{
    int black, white;
    uint8_t map[256];
    uint8_t *p = mem_try_calloc((size_t)f->width, (size_t)f->height);
    if (!p)
        return err_set(e, ERR_LIMIT, "no memory to look for text in %d x %d pixels", f->width,
                       f->height);
    luma_range(f, &black, &white);
    for (int i = 0; i < 256; i++)
        map[i] = (uint8_t)CLAMP((i - black) * 255 / (white - black), 0, 255);
    for (int y = 0; y < f->height; y++) {
        uint8_t *to = p + (size_t)y * (size_t)f->width;
        const uint8_t *row = luma_row(f, y, to);
        if (black == 0 && row != to)
            memcpy(to, row, (size_t)f->width);
        if (black != 0)
            for (int x = 0; x < f->width; x++)
                to[x] = map[row[x]];
    }
    *ret = (struct text_plane){.w = f->width, .h = f->height, .p = p};
    return 0;
}

int text_plane_shrink(const struct text_plane *from, int by, struct text_plane *ret, struct err *e)
{
    int w = from->w / by, h = from->h / by;
    uint8_t *p = mem_try_calloc((size_t)MAX(w, 1), (size_t)MAX(h, 1));
    uint16_t *sums = mem_try_calloc((size_t)MAX(from->w, 1), sizeof(*sums));
    if (!p || !sums) {
        free(p);
        free(sums);
        return err_set(e, ERR_LIMIT, "no memory to look for large text");
    }
    for (int y = 0; y < h; y++) {
        memset(sums, 0, (size_t)from->w * sizeof(*sums));
        for (int k = 0; k < by; k++) {
            const uint8_t *row = from->p + ((size_t)y * by + k) * (size_t)from->w;
            for (int x = 0; x < from->w; x++)
                sums[x] = (uint16_t)(sums[x] + row[x]);
        }
        for (int x = 0; x < w; x++) {
            int sum = 0;
            for (int k = 0; k < by; k++)
                sum += sums[x * by + k];
            p[(size_t)y * w + x] = (uint8_t)(sum / (by * by));
        }
    }
    free(sums);
    *ret = (struct text_plane){.w = w, .h = h, .p = p};
    return 0;
}

/* ------------------------------------------------ means
 * ------------------------------------------------ */

struct text_means {
    const struct text_plane *plane;
    int reach, y;
    uint8_t *out;
    uint16_t columns[]; /* sums over the rows in reach */
};

struct text_means *text_means_new(const struct text_plane *plane, int reach)
{
    struct text_means *m =
        mem_try_calloc(1, sizeof(*m) + (size_t)plane->w * (sizeof(uint16_t) + 1));
    if (!m)
        return NULL;
    *m = (struct text_means){.plane = plane, .reach = reach};
    m->out = (uint8_t *)(m->columns + plane->w);
    return m;
}

void text_means_free(struct text_means *m)
{
    free(m);
}

static void add_row(struct text_means *m, int y, int sign)
{
    const uint8_t *restrict row = m->plane->p + (size_t)y * m->plane->w;
    uint16_t *restrict columns = m->columns;
    for (int x = 0; x < m->plane->w; x++)
        columns[x] = (uint16_t)(columns[x] + sign * row[x]);
}

const uint8_t *text_means_next(struct text_means *m)
{
    int w = m->plane->w, h = m->plane->h, y = m->y++, reach = m->reach;
    if (y == 0)
        for (int k = 0; k < MIN(reach, h); k++)
            add_row(m, k, 1);
    if (y + reach < h)
        add_row(m, y + reach, 1);
    if (y - reach - 1 >= 0)
        add_row(m, y - reach - 1, -1);
    int rows = MIN(y + reach, h - 1) - MAX(y - reach, 0) + 1;
    uint32_t sum = 0;
    for (int x = 0; x < MIN(reach, w); x++)
        sum += m->columns[x];
    /* a product and a shift for the division by the number of pixels, where that number stays the
     * same */
    uint32_t inner = (1u << 24) / (uint32_t)(rows * (2 * reach + 1));
    for (int x = 0; x < w; x++) {
        if (x + reach < w)
            sum += m->columns[x + reach];
        if (x - reach - 1 >= 0)
            sum -= m->columns[x - reach - 1];
        int cols = MIN(x + reach, w - 1) - MAX(x - reach, 0) + 1;
        m->out[x] = cols == 2 * reach + 1 ? (uint8_t)(((uint64_t)sum * inner) >> 24)
                                          : (uint8_t)(sum / (uint32_t)(rows * cols));
    }
    return m->out;
}

/* ------------------------------------------------ pieces
 * ------------------------------------------------ */

struct run {
    int x0, x1; /* inclusive */
    uint32_t piece;
    uint8_t kind; /* 1 light, 2 dark */
};

struct linker {
    struct text_piece *pieces;
    uint32_t *parent;
    uint32_t n, cap;
};

static uint32_t root_of(struct linker *l, uint32_t i)
{
    while (l->parent[i] != i) {
        l->parent[i] = l->parent[l->parent[i]];
        i = l->parent[i];
    }
    return i;
}

static int new_piece(struct linker *l, uint32_t *ret)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? 2 * l->cap : 4096;
        struct text_piece *pieces = mem_try_realloc(l->pieces, cap, sizeof(*pieces));
        if (!pieces)
            return -1;
        l->pieces = pieces;
        uint32_t *parent = mem_try_realloc(l->parent, cap, sizeof(*parent));
        if (!parent)
            return -1;
        l->parent = parent;
        l->cap = cap;
    }
    l->parent[l->n] = l->n;
    *ret = l->n++;
    return 0;
}

static void piece_join(struct text_piece *a, const struct text_piece *b)
{
    a->x0 = MIN(a->x0, b->x0);
    a->y0 = MIN(a->y0, b->y0);
    a->x1 = MAX(a->x1, b->x1);
    a->y1 = MAX(a->y1, b->y1);
    a->area += b->area;
    a->runs += b->runs;
    a->luma += b->luma;
    a->contrast += b->contrast;
}

static void classify(const uint8_t *restrict row, const uint8_t *restrict mean,
                     uint8_t *restrict kinds, int w)
{
    for (int x = 0; x < w; x++) {
        int d = row[x] - mean[x];
        kinds[x] = (uint8_t)((d >= STAND_OUT) | ((d <= -STAND_OUT) << 1));
    }
}

/* The runs of a row. kinds points at its first; the one before it and eight after the last are 0.
 * Most rows of most pictures change little, and where they do, branches can not be foretold: so
 * eight are looked at at once. */
static int runs_of(const uint8_t *kinds, int w, struct run *runs)
{
    int n = 0, from = 0;
    uint8_t kind = 0;
    for (int x = 0; x <= w; x += 8) {
        uint64_t now, before;
        memcpy(&now, kinds + x, 8);
        memcpy(&before, kinds + x - 1, 8);
        uint64_t change = now ^ before;
        while (change) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            int at = __builtin_ctzll(change) / 8;
            change &= ~(UINT64_C(0xff) << (at * 8));
#else
            int at = __builtin_clzll(change) / 8;
            change &= ~(UINT64_C(0xff) << (56 - at * 8));
#endif
            runs[n] = (struct run){.x0 = from, .x1 = x + at - 1, .kind = kind};
            n += kind != 0;
            from = x + at;
            kind = kinds[from];
        }
    }
    return n;
}

/* Sums over a row up to, not including, a pixel. */
struct row_sums {
    uint32_t luma, around;
};

static void sum_row(const uint8_t *row, const uint8_t *mean, int w, struct row_sums *sums)
{
    uint32_t luma = 0, around = 0;
    for (int x = 0; x < w; x++) {
        sums[x] = (struct row_sums){luma, around};
        luma += row[x];
        around += mean[x];
    }
    sums[w] = (struct row_sums){luma, around};
}

static int link_row(struct linker *l, struct run *runs, int n, const struct run *above, int n_above,
                    int y, const struct row_sums *sums)
{
    int k = 0;
    for (int i = 0; i < n; i++) {
        struct run *r = &runs[i];
        struct text_piece own = {.x0 = r->x0,
                                 .x1 = r->x1,
                                 .y0 = y,
                                 .y1 = y,
                                 .area = r->x1 - r->x0 + 1,
                                 .runs = 1,
                                 .light = r->kind == 1};
        int luma = (int)(sums[r->x1 + 1].luma - sums[r->x0].luma);
        int around = (int)(sums[r->x1 + 1].around - sums[r->x0].around);
        own.luma = luma;
        own.contrast = luma > around ? luma - around : around - luma;

        bool joined = false;
        while (k < n_above && above[k].x1 + 1 < r->x0)
            k++;
        for (int j = k; j < n_above && above[j].x0 <= r->x1 + 1; j++) {
            if (above[j].kind != r->kind)
                continue;
            uint32_t root = root_of(l, above[j].piece);
            if (!joined) {
                r->piece = root;
                joined = true;
                piece_join(&l->pieces[root], &own);
            } else if (root != r->piece) {
                piece_join(&l->pieces[r->piece], &l->pieces[root]);
                l->parent[root] = r->piece;
            }
        }
        if (!joined) {
            if (new_piece(l, &r->piece) < 0)
                return -1;
            l->pieces[r->piece] = own;
        }
    }
    return 0;
}

static bool could_be_letter(const struct text_piece *p)
{
    int w = p->x1 - p->x0 + 1, h = p->y1 - p->y0 + 1;
    if (h < HEIGHT_MIN || h > HEIGHT_MAX || w > 14 * h || w * 12 < h)
        return false;
    return p->area * 100 >= w * h * 10 && p->contrast >= (int64_t)p->area * (STAND_OUT + 4);
}

void text_pieces_finish(struct text_pieces *p)
{
    free(p->p);
    free(p->kinds);
    *p = (struct text_pieces){0};
}

int text_pieces_find(const struct text_plane *plane, struct text_pieces *ret, struct err *e)
{
    struct linker l = {0};
    size_t w = (size_t)plane->w;
    CLEANUP_FREE struct run *runs =
        mem_try_calloc(2 * (w + 2), sizeof(*runs)); /* light beside dark: up to w runs a row */
    CLEANUP_FREE struct row_sums *sums = mem_try_calloc(w + 1, sizeof(*sums));
    CLEANUP_FREE uint8_t *padded = mem_try_calloc(w + 24, 1);
    uint8_t *kinds = mem_try_calloc(w * (size_t)plane->h, 1);
    struct text_means *means = text_means_new(plane, TEXT_REACH);
    int n_above = 0, r = -1;

    if (!runs || !sums || !padded || !kinds || !means)
        goto out;
    struct run *now = runs, *above = runs + w + 2;
    for (int y = 0; y < plane->h && l.n < PIECES_MAX; y++) {
        const uint8_t *row = plane->p + (size_t)y * w, *mean = text_means_next(means);
        classify(row, mean, padded + 8, plane->w);
        memcpy(kinds + (size_t)y * w, padded + 8, w);
        sum_row(row, mean, plane->w, sums);
        int n = runs_of(padded + 8, plane->w, now);
        if (link_row(&l, now, n, above, n_above, y, sums) < 0)
            goto out;
        struct run *swap = now;
        now = above;
        above = swap;
        n_above = n;
    }
    size_t kept = 0;
    for (uint32_t i = 0; i < l.n; i++)
        if (l.parent[i] == i && could_be_letter(&l.pieces[i]))
            l.pieces[kept++] = l.pieces[i];
    *ret = (struct text_pieces){.p = STEAL(l.pieces), .n = kept, .kinds = STEAL(kinds)};
    r = 0;
out:
    free(kinds);
    free(l.pieces);
    free(l.parent);
    text_means_free(means);
    return r < 0 ? err_set(e, ERR_LIMIT, "no memory to look for text") : 0;
}
