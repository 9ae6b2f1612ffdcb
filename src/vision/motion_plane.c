/* See motion_plane.h. Rows of whole blocks are added up column by column, which is vector code for
 * samples of a byte; the columns are then added in groups. What does not fill a block at the right
 * and lower border is left out (at most factor - 1 samples). */
#include "vision/motion_plane.h"

#include <string.h>

struct motion_plane *motion_plane_new(int frame_w, int frame_h, int turn)
{
    struct motion_plane *p = XNEW(struct motion_plane);
    int larger = MAX(frame_w, frame_h);

    p->factor = (larger + MOTION_SIDE_MAX - 1) / MOTION_SIDE_MAX;
    p->turn = turn;
    p->frame_w = frame_w;
    p->frame_h = frame_h;
    p->raw_w = MAX(frame_w / p->factor, 1);
    p->raw_h = MAX(frame_h / p->factor, 1);
    p->w = turn % 180 ? p->raw_h : p->raw_w;
    p->h = turn % 180 ? p->raw_w : p->raw_h;
    size_t n = (size_t)p->w * (size_t)p->h;
    p->raw = mem_try_calloc(n, 1);
    p->sums = mem_try_calloc((size_t)MAX(frame_w, p->raw_w) + 1, sizeof(*p->sums));
    for (int i = 0; i < 3; i++)
        p->c[i] = mem_try_calloc(n, 1);
    if (!p->raw || !p->sums || !p->c[0] || !p->c[1] || !p->c[2]) {
        motion_plane_free(p);
        return NULL;
    }
    return p;
}

void motion_plane_free(struct motion_plane *p)
{
    if (!p)
        return;
    for (int i = 0; i < 3; i++)
        free(p->c[i]);
    free(p->raw);
    free(p->sums);
    free(p);
}

static void add_row8(uint32_t *restrict sums, const uint8_t *restrict row, int n)
{
    for (int i = 0; i < n; i++)
        sums[i] += row[i];
}

static void add_row(uint32_t *sums, const uint8_t *row, const struct vision_comp *c, int depth,
                    int low_bits, int n)
{
    if (depth == 8 && c->step == 1) {
        add_row8(sums, row, n);
        return;
    }
    if (depth == 8) {
        for (int i = 0; i < n; i++)
            sums[i] += row[(ptrdiff_t)i * c->step];
        return;
    }
    for (int i = 0; i < n; i++) {
        uint16_t v;
        memcpy(&v, row + (ptrdiff_t)i * c->step, 2);
        sums[i] += MIN((unsigned)v >> (low_bits + depth - 8), 255u);
    }
}

/* What the sums of `block` columns from x on come to, divided by `count`, as a byte. */
static void write_row(uint8_t *restrict to, const uint32_t *restrict sums, int n, int block,
                      int count)
{
    if (block == 1 && count == 1) {
        for (int i = 0; i < n; i++)
            to[i] = (uint8_t)sums[i];
        return;
    }
    /* division by a constant of the call, as a multiplication: exact for sums below 2^20 */
    uint64_t inverse = (((uint64_t)1 << 40) + (unsigned)count - 1) / (unsigned)count;
    for (int i = 0; i < n; i++) {
        uint32_t sum = (uint32_t)count / 2;
        for (int k = 0; k < block; k++)
            sum += sums[i * block + k];
        to[i] = (uint8_t)((sum * inverse) >> 40);
    }
}

/* One component, shift_x and shift_y its subsampling, at the size of the small picture. */
static void reduce(struct motion_plane *p, const struct vision_frame *f, int comp, int shift_x,
                   int shift_y, uint8_t *to)
{
    const struct vision_comp *c = &f->c[comp];
    int bx = p->factor >> shift_x, by = MAX(p->factor >> shift_y, 1);
    int rows = (f->height + (1 << shift_y) - 1) >> shift_y;
    int cols = (f->width + (1 << shift_x) - 1) >> shift_x;
    bool even = bx << shift_x == p->factor && (int64_t)bx * p->raw_w <= cols;

    for (int y = 0; y < p->raw_h; y++) {
        int top = MIN((y * p->factor) >> shift_y, rows - 1), n = MIN(by, rows - top);
        memset(p->sums, 0, (size_t)cols * sizeof(*p->sums));
        for (int k = 0; k < n; k++)
            add_row(p->sums, c->p + c->stride * (top + k), c, f->depth, f->low_bits, cols);
        uint8_t *out = to + (size_t)y * p->raw_w;
        if (even) {
            write_row(out, p->sums, p->raw_w, bx, bx * n);
            continue;
        }
        /* blocks that do not divide by the subsampling, or chroma stretched */
        int width = MAX(bx, 1);
        for (int x = 0; x < p->raw_w; x++) {
            int left = MIN((x * p->factor) >> shift_x, cols - 1), m = MIN(width, cols - left);
            uint32_t sum = 0;
            for (int k = 0; k < m; k++)
                sum += p->sums[left + k];
            out[x] = (uint8_t)((sum + (uint32_t)(m * n) / 2) / (uint32_t)(m * n));
        }
    }
}

static void stretch(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int v = 2 * p[i] - 128;
        p[i] = (uint8_t)CLAMP(v, 0, 255);
    }
}

/* RGB to luma and stretched colour differences, BT.601 full range, in place. */
static void from_rgb(struct motion_plane *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int r = p->c[0][i], g = p->c[1][i], b = p->c[2][i];
        int y = (77 * r + 150 * g + 29 * b + 128) >> 8;
        int u = 128 + (b - y) * 9 / 8, v = 128 + (r - y) * 23 / 16;
        p->c[0][i] = (uint8_t)y;
        p->c[1][i] = (uint8_t)CLAMP(u, 0, 255);
        p->c[2][i] = (uint8_t)CLAMP(v, 0, 255);
    }
}

static void turn_plane(struct motion_plane *p, uint8_t *plane)
{
    int w = p->raw_w, h = p->raw_h;

    memcpy(p->raw, plane, (size_t)w * h);
    for (int y = 0; y < p->h; y++) {
        for (int x = 0; x < p->w; x++) {
            int from_x = p->turn == 90 ? y : p->turn == 180 ? w - 1 - x : w - 1 - y;
            int from_y = p->turn == 90 ? h - 1 - x : p->turn == 180 ? h - 1 - y : x;
            plane[(size_t)y * p->w + x] = p->raw[(size_t)from_y * w + from_x];
        }
    }
}

void motion_plane_fill(struct motion_plane *p, const struct vision_frame *f)
{
    size_t n = (size_t)p->w * (size_t)p->h;

    reduce(p, f, 0, 0, 0, p->c[0]);
    for (int i = 1; i < 3; i++) {
        if (f->model == VISION_GREY)
            memset(p->c[i], 128, n);
        else if (f->model == VISION_RGB)
            reduce(p, f, i, 0, 0, p->c[i]);
        else
            reduce(p, f, i, f->chroma_shift_x, f->chroma_shift_y, p->c[i]);
    }
    if (f->model == VISION_RGB) {
        from_rgb(p, n);
    } else if (f->model == VISION_YUV) {
        stretch(p->c[1], n);
        stretch(p->c[2], n);
    }
    if (p->turn)
        for (int i = 0; i < 3; i++)
            turn_plane(p, p->c[i]);
}
