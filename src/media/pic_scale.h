/*
 * The scaler behind pic_maker: from frames of one shape to 8-bit 4:2:0 planes of one size and colour. swscale scales;
 * matrix and range are ours, on what is small already; high dynamic range goes through vision/tonemap.h on the way.
 */
#ifndef MEDIA_PIC_SCALE_H
#define MEDIA_PIC_SCALE_H

#include "media/pic.h"

/* What frames have in common; another one needs another scaler. */
struct pic_shape {
    int w, h; /* of the rows that are read: a single field has half of them */
    enum AVPixelFormat format;
    enum AVColorSpace space;
    enum AVColorRange range;
    enum AVColorTransferCharacteristic transfer;
    enum AVColorPrimaries primaries;
};
struct pic_shape pic_shape_of(const AVFrame *f);
bool pic_shape_same(const struct pic_shape *a, const struct pic_shape *b);
bool pic_shape_hdr(const struct pic_shape *s);

struct pic_scaler;
/* first: a frame of that shape, whose side data tells how bright its light gets. Borrowed for the call. */
int pic_scaler_new(const struct pic_shape *shape, const AVFrame *first, struct pic_size to,
                   enum pic_colour colour, struct pic_scaler **ret, struct err *e);
void pic_scaler_free(struct pic_scaler *s);
CLEANUP_DEFINE(pic_scaler_free, struct pic_scaler *);
/* data, strides: rows of the shape. out: three planes of the size, each with room for 64 bytes past the last row. */
int pic_scaler_run(struct pic_scaler *s, const uint8_t *const data[4], const int strides[4],
                   uint8_t *const out[4], const int out_strides[4], struct err *e);

/* What our pictures say of themselves. */
void pic_tag(AVFrame *pic, enum pic_colour colour);

#endif
