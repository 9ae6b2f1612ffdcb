/*
 * Interlaced pictures: a frame holds two fields, the even rows and the odd rows, taken one after
 * the other. Seen as one picture, what moves has combs at its edges.
 *
 *   one field        a view of half the rows, for those who only measure or who scale down by two
 * or more anyway deinterlaced     one field kept, the rows between rebuilt: from the other field
 * where nothing moves, from the rows above and below where something does
 *
 * Pure functions, any thread.
 */
#ifndef VISION_DEINTERLACE_H
#define VISION_DEINTERLACE_H

#include "vision/frame.h"

/* The even (top) or odd (bottom) field as a frame of its own; the same memory. A frame of one row
 * has no odd field: it is its own. */
struct vision_frame deinterlace_field(const struct vision_frame *f, bool odd);

/*
 * Deinterlaces one 8-bit plane of w x h into dst. cur and before: this frame and the one before it
 * (NULL at a start or after a cut: then rows are interpolated everywhere). keep_odd: the field that
 * stays. dst must be another memory. About 0.1 ms for 720 x 576.
 */
void deinterlace_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *cur, ptrdiff_t cur_stride,
                       const uint8_t *before, ptrdiff_t before_stride, int w, int h, bool keep_odd);

/*
 * Share of the pixels of the luma that look combed, 0..1: above DEINTERLACE_COMBED a picture has
 * combs that people see, whatever its flags say. A still interlaced picture has none. f: checked.
 */
double deinterlace_combing(const struct vision_frame *f);
#define DEINTERLACE_COMBED 0.002

#endif
