/*
 * The picture that shot detection looks at: the frame at a largest side of 256 pixels, sampled
 * point by point from the planes as they lie, and compared with the frame before in hue, saturation
 * and value.
 *
 * The points, their weights and every rounding follow what a chain of swscale (4:2:0 to BGR,
 * nearest chroma, BT.601 whatever the stream says), OpenCV's bilinear resize and OpenCV's 8-bit HSV
 * would give, because PySceneDetect's scores come out of that chain and hue is so touchy in dark
 * pictures that anything less exact moves them. Only the points that this resize reads are
 * converted: at most 2 x 2 for each of 256 x 256 pixels, however large the frame.
 *
 * Two sets of row kernels do the arithmetic, one plain and one for AVX2; they are the same source
 * and give the same bits. `kernels` may be forced, for the test that says so.
 */
#ifndef VISION_SAMPLE_PRIV_H
#define VISION_SAMPLE_PRIV_H

#include "vision/frame.h"

#define SAMPLE_SIDE  256               /* largest side of the analysis picture */
#define SAMPLE_BLOCK 4                 /* a pixel of the thumbnail is the mean of so many squared */
#define THUMB_SIDE   (SAMPLE_SIDE / 4) /* largest side of the thumbnail */

/* Red, green, blue planes of w x h pixels, tightly packed. */
struct thumb {
    int w, h;
    uint8_t c[3][THUMB_SIDE * THUMB_SIDE];
};

struct hsv_diff {
    double hue, sat, val; /* mean absolute differences, 0..179, 0..255, 0..255 */
};

struct sample_kernels;
extern const struct sample_kernels sample_kernels_plain;
/* What this processor runs best. */
const struct sample_kernels *sample_kernels_best(void);

struct sampler;
/* kernels: sample_kernels_best(), or the plain ones. Aborts without memory (its size is fixed,
 * about 1 MB). */
struct sampler *sampler_new(const struct sample_kernels *kernels);
void sampler_free(struct sampler *s);
/*
 * Samples a checked frame. The first frame decides the size of the analysis picture; later ones of
 * another size or shape are stretched over the same points. *ret_diff compares with the frame
 * before, all 0 for the first.
 */
void sampler_run(struct sampler *s, const struct vision_frame *f, struct hsv_diff *ret_diff,
                 struct thumb *ret_thumb);
/* The analysis picture of the last frame, three planes in rows of SAMPLE_SIDE; for tests. Borrowed.
 */
const uint8_t *sampler_hsv(const struct sampler *s, int plane, int *ret_w, int *ret_h);

#endif
