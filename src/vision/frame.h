/*
 * A decoded picture as it lies in memory: raw planes, described well enough to read single samples.
 * The modules of vision/ take pictures in this form, so that nobody converts a full frame to look
 * at a few of its points.
 *
 * Each component has its own base, stride and step, so planar, semi-planar (NV12, P010) and packed
 * (RGB24, YUYV) layouts are all the same thing. Everything is borrowed and only read; the caller
 * guarantees that every sample the geometry implies lies in memory it owns.
 */
#ifndef VISION_FRAME_H
#define VISION_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum vision_model {
    VISION_YUV, /* c[0] luma, c[1] and c[2] chroma, maybe subsampled */
    VISION_RGB, /* c[0] red, c[1] green, c[2] blue: the order of names, whatever the order in memory
                 */
    VISION_GREY, /* c[0] only */
};

struct vision_comp {
    const uint8_t *p; /* first sample of the first row */
    ptrdiff_t stride; /* bytes from a row to the next; negative for pictures stored bottom up */
    int step;         /* bytes from a sample to the next in the row */
};

#define VISION_SIDE_MAX 65536 /* most pixels in a row or column */

struct vision_frame {
    int width, height; /* of luma, pixels */
    enum vision_model model;
    int depth;    /* bits of a sample: 8, or 9..16 in 16-bit words of the machine's own order */
    int low_bits; /* unused bits below the sample: 6 for P010, else 0 */
    int chroma_shift_x, chroma_shift_y; /* 0..2: 4:2:0 is 1, 1 */
    bool full_range; /* YUV: black is 0 and white the largest value, not 16 and 235 */
    struct vision_comp c[3];
};

/* Tightly packed 8-bit planes, for tests and small pictures: planes follow one another from p on.
 */
struct vision_frame vision_frame_grey8(const uint8_t *p, int width, int height);
struct vision_frame vision_frame_yuv420p8(const uint8_t *p, int width, int height);
struct vision_frame vision_frame_rgb24(const uint8_t *p, int width, int height, ptrdiff_t stride);

/* 0, or ERR_INPUT when the description contradicts itself or leaves the bounds above. */
int vision_frame_check(const struct vision_frame *f, struct err *e);

#endif
