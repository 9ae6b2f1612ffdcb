/*
 * The proxy: a small MP4 that every browser plays, moov first. Pictures and sound come in the order
 * in which the source gave them; the encoders' packets are brought into one order by decoding time,
 * and that order depends on nothing but the input, so the same input gives the same bytes.
 *
 * One thread uses a proxy.
 */
#ifndef MEDIA_PROXY_H
#define MEDIA_PROXY_H

#include "base/err.h"
#include "media/lav.h"
#include "media/pic.h"

#define PROXY_AUDIO_BITS_PER_SECOND 96000
#define PROXY_GOP_US                                                                               \
    2000000 /* longest distance of key frames: what a player decodes at most to seek */

struct proxy_opts {
    /* picture; size.w == 0: sound only */
    struct pic_size size;
    AVRational time_base;   /* of the pictures' pts */
    AVRational rate;        /* for rate control and for players that ask; 0/1 not known */
    enum pic_colour colour; /* PIC_BT709 or PIC_BT601 */
    int crf;
    const char *preset;
    /* sound; sample_rate == 0: picture only. Input is planar float stereo */
    int sample_rate;
};

struct proxy;
/* fd: borrowed, read and written, empty. */
int proxy_open(int fd, const struct proxy_opts *o, struct proxy **ret, struct err *e);
void proxy_free(struct proxy *p);
CLEANUP_DEFINE(proxy_free, struct proxy *);
/* pic: borrowed, of the size and colour given; its pts must be larger than the one before. duration
 * > 0, of this picture, counts for the last one. */
int proxy_picture(struct proxy *p, AVFrame *pic, int64_t pts, int64_t duration, struct err *e);
/* n samples of both channels that follow the ones before without a gap, from time 0 on. Borrowed.
 */
int proxy_sound(struct proxy *p, const float *left, const float *right, int n, struct err *e);
int proxy_finish(struct proxy *p, struct err *e);

#endif
