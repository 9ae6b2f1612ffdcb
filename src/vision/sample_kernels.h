/*
 * The row arithmetic of sample.c, apart so that it can be compiled twice: see sample_priv.h.
 *
 * All rows hold SAMPLE_SIDE values, aligned to 32 bytes; n is a multiple of 32 and what lies past
 * the picture is zero.
 */
#ifndef VISION_SAMPLE_KERNELS_H
#define VISION_SAMPLE_KERNELS_H

#include "vision/sample_priv.h"

#define ROW_ALIGNED __attribute__((aligned(32)))

/* The two samples either side of each point in a source row: components as in the frame. */
struct sample_pairs {
    int16_t a[3][SAMPLE_SIDE] ROW_ALIGNED; /* left */
    int16_t b[3][SAMPLE_SIDE] ROW_ALIGNED; /* right */
};
/* YUV to RGB in the fixed point of swscale: samples are scaled by 8, products keep their upper 16
 * bits. */
struct sample_matrix {
    int16_t y_offset, y, v_r, u_g, v_g, u_b;
};
/* One source row, interpolated across: red, green, blue in 1/128 (0..32640). */
struct sample_across {
    int16_t c[3][SAMPLE_SIDE] ROW_ALIGNED;
};
/* One row of the analysis picture. */
struct sample_rgb {
    uint8_t c[3][SAMPLE_SIDE] ROW_ALIGNED;
};

/* How a raw sample comes to the kernels' scale. */
struct sample_form {
    bool wide;       /* 16-bit words */
    int left, right; /* shifts */
    int16_t ceiling; /* what lies above the sample's own bits is not believed */
};

struct sample_kernels {
    void (*scale)(const uint16_t *lo, const uint16_t *hi, const struct sample_form *form,
                  int16_t *a, int16_t *b, int n);
    /* Moves a and b a quarter of the way to their others. */
    void (*blend)(int16_t *a, int16_t *b, const int16_t *other_a, const int16_t *other_b, int n);
    /* Takes two bytes apart, as they lay in memory: a gets the second where lo_second is -1, else
     * the first; b the same by hi_second. Both are then shifted left. */
    void (*split)(const uint16_t *both, const int16_t *lo_second, const int16_t *hi_second,
                  int shift, int16_t *a, int16_t *b, int n);
    /* w0, w1: weights of left and right in 1/2048 */
    void (*yuv_across)(const struct sample_pairs *p, const struct sample_matrix *m,
                       const int16_t *w0, const int16_t *w1, struct sample_across *ret, int n);
    void (*rgb_across)(const struct sample_pairs *p, const int16_t *w0, const int16_t *w1,
                       struct sample_across *ret, int n);
    /* w0, w1: weights of upper and lower in 1/2048 */
    void (*down)(const struct sample_across *upper, const struct sample_across *lower, int w0,
                 int w1, struct sample_rgb *ret, int n);
    /* hsv: three rows of the frame before, replaced by this frame's; adds the absolute differences
     * to sums */
    void (*hsv_diff)(const struct sample_rgb *rgb, uint8_t *const hsv[3], uint32_t sums[3], int n);
    /* Adds a row to the column sums of a band. */
    void (*band_add)(const struct sample_rgb *rgb, uint16_t band[3][SAMPLE_SIDE], int n);
};

#endif
