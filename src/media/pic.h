/*
 * Pictures for people and for analysis, inside the media child: from a decoded frame, in whatever
 * shape it left the decoder, to a small upright one with square pixels in 8-bit 4:2:0.
 *
 * A frame is scaled first and everything else (rotation, tone mapping, colour matrix, range)
 * happens on the small picture, because the large one is what costs. Pictures that are derived from
 * a small one (poster, tiles) go through the same maker: its input may be its own output.
 *
 * One thread uses a maker. Frames it returns are reference counted and may go to any thread.
 */
#ifndef MEDIA_PIC_H
#define MEDIA_PIC_H

#include "base/err.h"
#include "base/str.h"
#include "media/lav.h"
#include "media/media.h"

#define PIC_SIDE_MAX 16384 /* of what we make: the largest side that H.264 and swscale take */

/* ---- sizes ------------------------------------------------------------------------------------- */

/* How frames of a stream are to be shown. */
struct pic_look {
    int rotation; /* degrees clockwise to turn upright: 0, 90, 180, 270 */
    bool flip;    /* mirrored horizontally, after rotation */
    struct media_rational sample_aspect;
};
struct pic_look pic_look_of(const struct media_stream *st);

struct pic_size {
    int w, h;
};
/* Upright, square pixels: what a player would show of a coded frame of w x h. At least 1 x 1. */
struct pic_size pic_display_size(int w, int h, const struct pic_look *look);
/* The same shape with the short side / long side / width at most `max`, never larger than `full`.
 */
struct pic_size pic_fit_short(struct pic_size full, int max);
struct pic_size pic_fit_long(struct pic_size full, int max);
struct pic_size pic_fit_width(struct pic_size full, int max);
/* The nearest with both sides even, not above `full` where that is 2 or more: what 4:2:0 video
 * needs. */
struct pic_size pic_even(struct pic_size s, struct pic_size full);

/* ---- making ------------------------------------------------------------------------------------ */

enum pic_colour {
    PIC_BT709, /* studio range: what encoders and players expect */
    PIC_BT601, /* the same, with the matrix of standard definition */
    PIC_JFIF,  /* full range, BT.601: what a JPEG is */
};
/* The nearest to what the stream has: PIC_BT601 for standard definition, else PIC_BT709. */
enum pic_colour pic_video_colour(const struct media_stream *st);

struct pic_maker;
/* look may be NULL: frames are upright already. size: of the pictures, upright. */
struct pic_maker *pic_maker_new(const struct pic_look *look, struct pic_size size,
                                enum pic_colour colour);
void pic_maker_free(struct pic_maker *m);
CLEANUP_DEFINE(pic_maker_free, struct pic_maker *);
/*
 * Makes one picture, YUV420P, its colorspace and color_range set. A frame whose shape differs from
 * that of `size` is fitted inside it, on black. src: borrowed; may change size, format and colour
 * from call to call. The caller frees *ret. ERR_INPUT for a pixel format that nothing can read,
 * ERR_LIMIT without memory.
 */
int pic_make(struct pic_maker *m, const AVFrame *src, AVFrame **ret, struct err *e);

/* ---- JPEG -------------------------------------------------------------------------------------- */

struct pic_jpeg;
struct pic_jpeg *pic_jpeg_new(int quality); /* 1..100 */
void pic_jpeg_free(struct pic_jpeg *j);
CLEANUP_DEFINE(pic_jpeg_free, struct pic_jpeg *);
/* Compresses a PIC_JFIF picture. *ret: borrowed, good until the next call. */
int pic_jpeg_encode(struct pic_jpeg *j, const AVFrame *pic, struct str *ret, struct err *e);
int pic_jpeg_planes(struct pic_jpeg *j, const uint8_t *const planes[3], const int strides[3],
                    struct pic_size size, struct str *ret, struct err *e);

#endif
