#include "vision/sample_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vision/sample_kernels.h"

/* Where a row or column of the analysis picture lies in the source: between samples lo and hi. */
struct axis {
    int n;
    int32_t lo[SAMPLE_SIDE], hi[SAMPLE_SIDE];
    int16_t w_lo[SAMPLE_SIDE] ROW_ALIGNED, w_hi[SAMPLE_SIDE] ROW_ALIGNED; /* 1/2048 */
};

/* Columns of one component for reading two neighbours at once: samples start and start + 1, then
 * chosen by mask. */
struct column_pairs {
    int32_t start[SAMPLE_SIDE];
    int16_t lo_second[SAMPLE_SIDE] ROW_ALIGNED, hi_second[SAMPLE_SIDE] ROW_ALIGNED; /* 0 or -1 */
};

struct sampler {
    const struct sample_kernels *kernels;
    /* what the tables were made for */
    int src_w, src_h, chroma_shift_x;
    int w, h, n; /* analysis picture; n is w rounded up for the kernels */
    struct axis x, y;
    struct column_pairs luma, chroma;
    bool paired; /* the pair tables can be used: components are at least two samples wide */
    bool started;
    struct sample_pairs pairs, other;
    struct sample_across across[2];
    struct sample_rgb rgb;
    uint16_t band[3][SAMPLE_SIDE] ROW_ALIGNED;
    uint8_t hsv[3][SAMPLE_SIDE * SAMPLE_SIDE] ROW_ALIGNED;
};

struct sampler *sampler_new(const struct sample_kernels *kernels)
{
    size_t size = (sizeof(struct sampler) + 31) & ~(size_t)31;
    struct sampler *s = aligned_alloc(32, size);
    if (!s)
        abort();
    memset(s, 0, size);
    s->kernels = kernels;
    return s;
}

void sampler_free(struct sampler *s)
{
    free(s);
}

/*
 * The points of OpenCV's bilinear resize: pixel centres map to pixel centres, in floats, weights in
 * 1/2048. `clamped` is its way with columns, where a point outside takes the border sample whole;
 * rows keep their weights and repeat the border row, which comes to the same.
 */
static void axis_make(struct axis *a, int src, int dst)
{
    double scale = (double)src / dst;
    a->n = dst;
    for (int i = 0; i < SAMPLE_SIDE; i++) {
        a->lo[i] = a->hi[i] = a->w_lo[i] = a->w_hi[i] = 0;
        if (i >= dst)
            continue;
        float at = (float)((i + 0.5) * scale - 0.5);
        int lo = (int)floorf(at);
        at -= (float)lo;
        if (lo < 0 || lo >= src - 1) {
            lo = lo < 0 ? 0 : src - 1;
            at = 0;
        }
        a->lo[i] = lo;
        a->hi[i] = lo + 1 < src ? lo + 1 : lo;
        a->w_lo[i] = (int16_t)lrintf((1.0f - at) * 2048.0f);
        a->w_hi[i] = (int16_t)lrintf(at * 2048.0f);
    }
}

static void column_pairs_make(struct column_pairs *p, const struct axis *x, int shift, int width)
{
    for (int i = 0; i < SAMPLE_SIDE; i++) {
        int lo = x->lo[i] >> shift, hi = x->hi[i] >> shift;
        int start = lo < width - 1 ? lo : width - 2;
        p->start[i] = start;
        p->lo_second[i] = lo > start ? -1 : 0;
        p->hi_second[i] = hi > start ? -1 : 0;
    }
}

/* The size that PySceneDetect analyses at: largest side 256, never scaled up. rint() is Python's
 * round(). */
static int analysis_side(int side, int largest)
{
    if (largest < SAMPLE_SIDE)
        return side;
    int scaled = (int)rint(side / (largest / (double)SAMPLE_SIDE));
    return scaled < 1 ? 1 : scaled;
}

static void sampler_fit(struct sampler *s, const struct vision_frame *f)
{
    if (!s->started) {
        int largest = f->width > f->height ? f->width : f->height;
        s->w = analysis_side(f->width, largest);
        s->h = analysis_side(f->height, largest);
        s->n = (s->w + 31) & ~31;
    }
    int shift = f->model == VISION_YUV ? f->chroma_shift_x : 0;
    if (s->src_w == f->width && s->src_h == f->height && s->chroma_shift_x == shift)
        return;
    s->src_w = f->width;
    s->src_h = f->height;
    s->chroma_shift_x = shift;
    axis_make(&s->x, f->width, s->w);
    axis_make(&s->y, f->height, s->h);
    int chroma_w = (f->width + (1 << shift) - 1) >> shift;
    s->paired = f->width >= 2 && chroma_w >= 2;
    if (s->paired) {
        column_pairs_make(&s->luma, &s->x, 0, f->width);
        column_pairs_make(&s->chroma, &s->x, shift, chroma_w);
    }
}

/* 8-bit samples in a row without gaps: one load fetches both neighbours. */
static void gather_paired(struct sampler *s, const uint8_t *row, const struct column_pairs *cols,
                          int c, int scale_shift)
{
    uint16_t both[SAMPLE_SIDE] ROW_ALIGNED;

    for (int i = 0; i < s->w; i++)
        memcpy(&both[i], row + cols->start[i], 2);
    for (int i = s->w; i < s->n; i++)
        both[i] = 0;
    s->kernels->split(both, cols->lo_second, cols->hi_second, scale_shift, s->pairs.a[c],
                      s->pairs.b[c], s->n);
}

/* Any layout: two loads a point. */
static void gather_single(struct sampler *s, const uint8_t *row, int step, int shift,
                          const struct sample_form *form, int c)
{
    uint16_t lo[SAMPLE_SIDE] ROW_ALIGNED, hi[SAMPLE_SIDE] ROW_ALIGNED;
    const struct axis *x = &s->x;

    if (form->wide) {
        for (int i = 0; i < s->w; i++) {
            memcpy(&lo[i], row + (ptrdiff_t)(x->lo[i] >> shift) * step, 2);
            memcpy(&hi[i], row + (ptrdiff_t)(x->hi[i] >> shift) * step, 2);
        }
    } else {
        for (int i = 0; i < s->w; i++) {
            lo[i] = row[(ptrdiff_t)(x->lo[i] >> shift) * step];
            hi[i] = row[(ptrdiff_t)(x->hi[i] >> shift) * step];
        }
    }
    for (int i = s->w; i < s->n; i++)
        lo[i] = hi[i] = 0;
    s->kernels->scale(lo, hi, form, s->pairs.a[c], s->pairs.b[c], s->n);
}

/* Row y of component c, in the kernels' scale: 11 bits for YUV, 8 for the others. */
static void gather(struct sampler *s, const struct vision_frame *f, int c, int y)
{
    bool chroma = f->model == VISION_YUV && c > 0;
    int bits = f->model == VISION_YUV ? 11 : 8;
    const struct vision_comp *comp = &f->c[c];
    const uint8_t *row = comp->p + comp->stride * y;
    if (f->depth == 8 && comp->step == 1 && s->paired) {
        gather_paired(s, row, chroma ? &s->chroma : &s->luma, c, bits - 8);
        return;
    }
    struct sample_form form = {
        .wide = f->depth > 8, .right = f->low_bits, .ceiling = (int16_t)((1 << bits) - 1)};
    if (f->depth > bits)
        form.right += f->depth - bits;
    else
        form.left = bits - f->depth;
    gather_single(s, row, comp->step, chroma ? f->chroma_shift_x : 0, &form, c);
}

/*
 * Chroma under luma row y. 8-bit pictures take the nearest row, as swscale's fast path does. Deeper
 * ones go through its scaler, which interpolates between the two nearest rows of 4:2:0.
 */
static void gather_chroma(struct sampler *s, const struct vision_frame *f, int y)
{
    int rows = (f->height + (1 << f->chroma_shift_y) - 1) >> f->chroma_shift_y;
    int near = y >> f->chroma_shift_y;
    int other = CLAMP(y & 1 ? near + 1 : near - 1, 0, rows - 1);
    bool blend = f->depth > 8 && f->chroma_shift_y == 1 && other != near;
    if (blend) {
        for (int c = 1; c < 3; c++) {
            gather(s, f, c, other);
            memcpy(s->other.a[c], s->pairs.a[c], sizeof(s->other.a[c]));
            memcpy(s->other.b[c], s->pairs.b[c], sizeof(s->other.b[c]));
        }
    }
    for (int c = 1; c < 3; c++) {
        gather(s, f, c, near);
        if (blend)
            s->kernels->blend(s->pairs.a[c], s->pairs.b[c], s->other.a[c], s->other.b[c], s->n);
    }
}

/* swscale's numbers for BT.601 in 1/8192, limited and full range. */
static const struct sample_matrix matrix_limited = {
    .y_offset = 128, .y = 9539, .v_r = 13075, .u_g = -3209, .v_g = -6660, .u_b = 16525};
static const struct sample_matrix matrix_full = {
    .y_offset = 0, .y = 8192, .v_r = 11485, .u_g = -2819, .v_g = -5850, .u_b = 14516};

static void across(struct sampler *s, const struct vision_frame *f, int y, int y_chroma_before,
                   struct sample_across *ret)
{
    gather(s, f, 0, y);
    if (f->model == VISION_GREY) {
        for (int c = 1; c < 3; c++) {
            memcpy(s->pairs.a[c], s->pairs.a[0], sizeof(s->pairs.a[0]));
            memcpy(s->pairs.b[c], s->pairs.b[0], sizeof(s->pairs.b[0]));
        }
    } else if (f->model == VISION_RGB) {
        gather(s, f, 1, y);
        gather(s, f, 2, y);
    } else if (f->depth > 8 || y >> f->chroma_shift_y != y_chroma_before) {
        gather_chroma(s, f, y);
    }
    if (f->model == VISION_YUV)
        s->kernels->yuv_across(&s->pairs, f->full_range ? &matrix_full : &matrix_limited, s->x.w_lo,
                               s->x.w_hi, ret, s->n);
    else
        s->kernels->rgb_across(&s->pairs, s->x.w_lo, s->x.w_hi, ret, s->n);
}

/* Closes a band of rows of the thumbnail: means over blocks, smaller ones at the right and lower
 * border. */
static void thumb_row(struct sampler *s, struct thumb *t, int ty, int rows)
{
    for (int c = 0; c < 3; c++) {
        for (int tx = 0; tx < t->w; tx++) {
            int x = tx * SAMPLE_BLOCK, cols = MIN(SAMPLE_BLOCK, s->w - x), sum = 0;
            for (int i = 0; i < cols; i++)
                sum += s->band[c][x + i];
            int count = rows * cols;
            t->c[c][ty * t->w + tx] = (uint8_t)(count == SAMPLE_BLOCK * SAMPLE_BLOCK
                                                    ? (sum + SAMPLE_BLOCK * SAMPLE_BLOCK / 2) /
                                                          (SAMPLE_BLOCK * SAMPLE_BLOCK)
                                                    : (sum + count / 2) / count);
        }
    }
    memset(s->band, 0, sizeof(s->band));
}

void sampler_run(struct sampler *s, const struct vision_frame *f, struct hsv_diff *ret_diff,
                 struct thumb *ret_thumb)
{
    uint32_t sums[3] = {0};

    sampler_fit(s, f);
    ret_thumb->w = (s->w + SAMPLE_BLOCK - 1) / SAMPLE_BLOCK;
    ret_thumb->h = (s->h + SAMPLE_BLOCK - 1) / SAMPLE_BLOCK;
    for (int y = 0; y < s->h; y++) {
        int lo = s->y.lo[y], hi = s->y.hi[y];
        across(s, f, lo, -1, &s->across[0]);
        const struct sample_across *lower = &s->across[0];
        if (s->y.w_hi[y] && hi != lo) {
            across(s, f, hi, lo >> f->chroma_shift_y, &s->across[1]);
            lower = &s->across[1];
        }
        s->kernels->down(&s->across[0], lower, s->y.w_lo[y], s->y.w_hi[y], &s->rgb, s->n);
        uint8_t *rows[3];
        for (int c = 0; c < 3; c++)
            rows[c] = s->hsv[c] + (size_t)y * SAMPLE_SIDE;
        s->kernels->hsv_diff(&s->rgb, rows, sums, s->n);
        s->kernels->band_add(&s->rgb, s->band, s->n);
        if (y % SAMPLE_BLOCK == SAMPLE_BLOCK - 1 || y == s->h - 1)
            thumb_row(s, ret_thumb, y / SAMPLE_BLOCK, y % SAMPLE_BLOCK + 1);
    }
    double pixels = (double)s->w * s->h;
    *ret_diff = s->started ? (struct hsv_diff){sums[0] / pixels, sums[1] / pixels, sums[2] / pixels}
                           : (struct hsv_diff){0};
    s->started = true;
}

const uint8_t *sampler_hsv(const struct sampler *s, int plane, int *ret_w, int *ret_h)
{
    *ret_w = s->w;
    *ret_h = s->h;
    return s->hsv[plane];
}
