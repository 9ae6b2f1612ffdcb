#include "vision/rows_priv.h"

#include <string.h>

int sample_8bit(const struct vision_frame *f, int c, int x, int y)
{
    const uint8_t *p = f->c[c].p + f->c[c].stride * y + (ptrdiff_t)f->c[c].step * x;
    if (f->depth == 8)
        return *p;
    uint16_t word;
    memcpy(&word, p, 2);
    int v = word >> (f->low_bits + f->depth - 8);
    return v < 255 ? v : 255;
}

const uint8_t *luma_row(const struct vision_frame *f, int y, uint8_t *buf)
{
    if (f->model != VISION_RGB && f->depth == 8 && f->c[0].step == 1)
        return f->c[0].p + f->c[0].stride * y;
    for (int x = 0; x < f->width; x++) {
        int v = sample_8bit(f, 0, x, y);
        if (f->model == VISION_RGB)
            v = (77 * v + 150 * sample_8bit(f, 1, x, y) + 29 * sample_8bit(f, 2, x, y) + 128) >> 8;
        buf[x] = (uint8_t)v;
    }
    return buf;
}

void luma_range(const struct vision_frame *f, int *ret_black, int *ret_white)
{
    bool limited = f->model == VISION_YUV && !f->full_range;
    *ret_black = limited ? 16 : 0;
    *ret_white = limited ? 235 : 255;
}
