#include "media/pic_pixels.h"

#include <string.h>

#include "base/mem.h"

/* A YCbCr colour space with its range, as the affine map from stored samples to R'G'B' in 0..1. */
static void to_rgb(const struct pic_matrix *m, double out[3][3])
{
    double kg = 1 - m->kr - m->kb;
    double ys = m->full ? 1 / 255.0 : 1 / 219.0, cs = m->full ? 1 / 255.0 : 1 / 224.0;
    double cr_to_r = 2 * (1 - m->kr), cb_to_b = 2 * (1 - m->kb);
    double rows[3][3] = {
        {ys, 0, cs * cr_to_r},
        {ys, -cs * cb_to_b * m->kb / kg, -cs * cr_to_r * m->kr / kg},
        {ys, cs * cb_to_b, 0},
    };
    memcpy(out, rows, sizeof(rows));
}

/* The inverse: rows give Y, Cb, Cr (offsets aside) from R'G'B'. */
static void from_rgb(const struct pic_matrix *m, double out[3][3])
{
    double kg = 1 - m->kr - m->kb;
    double ys = m->full ? 255.0 : 219.0, cs = m->full ? 255.0 : 224.0;
    double b = cs / (2 * (1 - m->kb)), r = cs / (2 * (1 - m->kr));
    double rows[3][3] = {
        {ys * m->kr, ys * kg, ys * m->kb},
        {-b * m->kr, -b * kg, b * (1 - m->kb)},
        {r * (1 - m->kr), -r * kg, -r * m->kb},
    };
    memcpy(out, rows, sizeof(rows));
}

static int16_t q14(double v)
{
    v = v * 16384 + (v < 0 ? -0.5 : 0.5);
    return (int16_t)CLAMP(v, -32768, 32767);
}

void pic_recolour_init(struct pic_recolour *r, const struct pic_matrix *from,
                       const struct pic_matrix *to)
{
    double a[3][3], b[3][3], c[3][3];
    to_rgb(from, a);
    from_rgb(to, b);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            c[i][j] = b[i][0] * a[0][j] + b[i][1] * a[1][j] + b[i][2] * a[2][j];
    /* Grey is grey in every matrix, so chroma never depends on luma: c[1][0] == c[2][0] == 0. All
     * the others are below 2, and c[0][0] and the diagonal of chroma below 1.2. */
    r->identity = from->kr == to->kr && from->kb == to->kb && from->full == to->full;
    r->luma = q14(c[0][0]);
    r->luma_from_cb = q14(c[0][1]);
    r->luma_from_cr = q14(c[0][2]);
    r->luma_from = from->full ? 0 : 16;
    r->luma_to = to->full ? 0 : 16;
    r->cb_from_cb = q14(c[1][1]);
    r->cb_from_cr = q14(c[1][2]);
    r->cr_from_cb = q14(c[2][1]);
    r->cr_from_cr = q14(c[2][2]);
}

/*
 * All in 16 bits, which is twice the samples a vector: a sample times 128 times a Q14 factor, high
 * half, is the product in Q5. Its rounding error is a 32nd.
 */
static inline int16_t times(int16_t sample, int16_t factor)
{
    return (int16_t)(((int32_t)(int16_t)(sample * 128) * factor) >> 16);
}

static inline uint8_t from_q5(int16_t v)
{
    v = (int16_t)((int16_t)(v + 16) >> 5);
    /* two steps on 16 bits each: compilers know those as vector instructions */
    v = v < 0 ? 0 : v;
    v = v > 255 ? 255 : v;
    return (uint8_t)v;
}

#define BLOCK 512 /* chroma samples at a time: what is carried to luma stays in the first cache */

static void recolour_chroma(const struct pic_recolour *r, uint8_t *restrict cb,
                            uint8_t *restrict cr, int16_t *restrict carry, int n)
{
    const struct pic_recolour f = *r;
    for (int x = 0; x < n; x++) {
        int16_t u = (int16_t)(cb[x] - 128), v = (int16_t)(cr[x] - 128);
        carry[x] = (int16_t)(times(u, f.luma_from_cb) + times(v, f.luma_from_cr) + f.luma_to * 32);
        cb[x] = from_q5((int16_t)(times(u, f.cb_from_cb) + times(v, f.cb_from_cr) + 128 * 32));
        cr[x] = from_q5((int16_t)(times(u, f.cr_from_cb) + times(v, f.cr_from_cr) + 128 * 32));
    }
}

static void widen(int16_t *restrict wide, const int16_t *restrict carry, int n)
{
    for (int x = 0; x < n; x++)
        wide[2 * x] = wide[2 * x + 1] = carry[x];
}

static void recolour_luma(const struct pic_recolour *r, uint8_t *restrict y,
                          const int16_t *restrict wide, int n)
{
    int16_t factor = r->luma, from = r->luma_from;
    for (int x = 0; x < n; x++)
        y[x] = from_q5((int16_t)(times((int16_t)(y[x] - from), factor) + wide[x]));
}

void pic_recolour(const struct pic_recolour *r, uint8_t *const planes[3], const int strides[3],
                  int w, int h)
{
    int16_t carry[BLOCK], wide[2 * BLOCK];
    int cw = (w + 1) / 2, ch = (h + 1) / 2;
    if (r->identity)
        return;
    for (int cy = 0; cy < ch; cy++) {
        uint8_t *y = planes[0] + (ptrdiff_t)strides[0] * (2 * cy);
        uint8_t *cb = planes[1] + (ptrdiff_t)strides[1] * cy;
        uint8_t *cr = planes[2] + (ptrdiff_t)strides[2] * cy;
        for (int x = 0; x < cw; x += BLOCK) {
            int n = MIN(BLOCK, cw - x), luma_n = MIN(2 * n, w - 2 * x);
            recolour_chroma(r, cb + x, cr + x, carry, n);
            widen(wide, carry, n);
            recolour_luma(r, y + 2 * x, wide, luma_n);
            if (2 * cy + 1 < h)
                recolour_luma(r, y + strides[0] + 2 * x, wide, luma_n);
        }
    }
}

void pic_turn_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride,
                    int w, int h, int rotation, bool flip)
{
    /* Where the pixel right of, and the one below, a source pixel go in dst; flip mirrors the
     * columns of dst. */
    bool across = rotation == 90 || rotation == 270;
    int dst_w = across ? h : w;
    ptrdiff_t column = flip ? -1 : 1;
    uint8_t *first = dst + (flip ? dst_w - 1 : 0); /* column 0 before mirroring */
    ptrdiff_t step_x, step_y;
    switch (rotation) {
    case 90: /* (x, y) -> column h - 1 - y, row x */
        first += column * (h - 1);
        step_x = dst_stride;
        step_y = -column;
        break;
    case 180:
        first += column * (w - 1) + dst_stride * (h - 1);
        step_x = -column;
        step_y = -dst_stride;
        break;
    case 270: /* column y, row w - 1 - x */
        first += dst_stride * (w - 1);
        step_x = -dst_stride;
        step_y = column;
        break;
    default:
        step_x = column;
        step_y = dst_stride;
        break;
    }
    if (step_x == 1) {
        for (int y = 0; y < h; y++)
            memcpy(first + step_y * y, src + src_stride * y, (size_t)w);
        return;
    }
    /* Tiles, so that rows of one side and columns of the other stay in the cache together. */
    enum { TILE = 32 };
    for (int ty = 0; ty < h; ty += TILE)
        for (int tx = 0; tx < w; tx += TILE)
            for (int y = ty; y < MIN(ty + TILE, h); y++)
                for (int x = tx; x < MIN(tx + TILE, w); x++)
                    first[step_x * x + step_y * y] = src[src_stride * y + x];
}

void pic_fill(uint8_t *dst, ptrdiff_t stride, int w, int h, uint8_t value)
{
    for (int y = 0; y < h; y++)
        memset(dst + stride * y, value, (size_t)w);
}
