/*
 * The small picture that motion is looked for in: luma and chroma of a frame, each small pixel the
 * mean of a block of samples, turned upright. Private to motion*.c and its tests.
 *
 * Chroma is stored at luma's size and stretched by 2 around 128 (limited to 0..255): colour
 * differences are small numbers in real video and would weigh nothing beside luma otherwise.
 */
#ifndef VISION_MOTION_PLANE_H
#define VISION_MOTION_PLANE_H

#include "base/mem.h"
#include "vision/frame.h"

#define MOTION_SIDE_MAX 480 /* pixels of the small picture's longer side */

struct motion_plane {
    int w, h;      /* upright */
    int factor;    /* samples of a frame a small pixel, each way */
    int turn;      /* degrees clockwise that were turned: 0, 90, 180, 270 */
    uint8_t *c[3]; /* Y, U', V': w * h each, no gaps; owned */
    /* parts of the way there */
    int raw_w, raw_h, frame_w, frame_h;
    uint8_t *raw;
    uint32_t *sums;
};

/* Made for frames of this size. NULL without memory. */
struct motion_plane *motion_plane_new(int frame_w, int frame_h, int turn);
void motion_plane_free(struct motion_plane *p);
CLEANUP_DEFINE(motion_plane_free, struct motion_plane *);
/* f: checked, of the size it was made for. */
void motion_plane_fill(struct motion_plane *p, const struct vision_frame *f);

#endif
