/*
 * Loops over the planes of small pictures: 8-bit 4:2:0 in, 8-bit 4:2:0 out. Plain C that compilers
 * turn into vector code; this file alone is built with -O3 for that.
 */
#ifndef MEDIA_PIC_PIXELS_H
#define MEDIA_PIC_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Luma weights of red and blue, and the range. */
struct pic_matrix {
    double kr, kb;
    bool full;
};

/* How to get from one matrix and range to another; see pic_recolour_init(). */
struct pic_recolour {
    bool identity;
    int16_t luma_from, luma_to;                             /* black before and after */
    int16_t luma, luma_from_cb, luma_from_cr;               /* Q14 */
    int16_t cb_from_cb, cb_from_cr, cr_from_cb, cr_from_cr; /* Q14 */
};
void pic_recolour_init(struct pic_recolour *r, const struct pic_matrix *from,
                       const struct pic_matrix *to);
/* In place. Planes of w x h, chroma (w + 1) / 2 x (h + 1) / 2. */
void pic_recolour(const struct pic_recolour *r, uint8_t *const planes[3], const int strides[3],
                  int w, int h);

/* Turns a plane of w x h clockwise into dst, whose size is h x w for 90 and 270; then mirrors it if
 * flip. */
void pic_turn_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride,
                    int w, int h, int rotation, bool flip);

void pic_fill(uint8_t *dst, ptrdiff_t stride, int w, int h, uint8_t value);

#endif
