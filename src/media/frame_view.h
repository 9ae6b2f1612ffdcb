/* A decoded frame as vision/ reads pictures: where its samples lie, nothing copied. */
#ifndef MEDIA_FRAME_VIEW_H
#define MEDIA_FRAME_VIEW_H

#include "media/lav.h"
#include "vision/frame.h"

/* False: samples of this format can not be read one by one (palettes, packed bits, floats, the other byte order); such
 * a frame must be converted first. *ret borrows the frame's planes. */
bool frame_view(const AVFrame *f, struct vision_frame *ret);

#endif
