/* Rows of 8-bit luma out of any frame. */
#ifndef VISION_ROWS_PRIV_H
#define VISION_ROWS_PRIV_H

#include "vision/frame.h"

/* Luma of row y, as it is coded (limited range stays limited; RGB and grey are full range): a
 * pointer into the frame where it lies there as 8-bit samples in a row, else into buf, which has
 * room for a row. */
const uint8_t *luma_row(const struct vision_frame *f, int y, uint8_t *buf);
/* Black and white of what luma_row() gives. */
void luma_range(const struct vision_frame *f, int *ret_black, int *ret_white);
/* Sample x of component c in row y (of that component), as 8 bits. */
int sample_8bit(const struct vision_frame *f, int c, int x, int y);

#endif
