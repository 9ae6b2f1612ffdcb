/*
 * The two halves of a cut, inside the media child; task_cut.c puts them together. Times are microseconds from the cut's
 * first frame.
 *
 * Picture. What H.264 can hold as it is stays as it is: 8-bit 4:2:0 pixels are coded untouched, with their range, colour
 * tags, pixel aspect and display matrix (rotation). All else is made 8-bit 4:2:0 first, because hardly a player takes
 * more: HDR is tone-mapped, 10-bit, 4:2:2, 4:4:4 and RGB are converted. An odd width or height loses its last column
 * or row. Interlaced pictures are coded as such.
 *
 * Sound. Exactly the samples from the first frame's time to the end of the last one; where the file has none, silence.
 * One or two channels and 5.1 stay, other layouts become stereo; rates above 48 kHz become 48 kHz.
 */
#ifndef MEDIA_CUT_H
#define MEDIA_CUT_H

#include "base/err.h"
#include "base/mem.h"
#include "media/lav.h"
#include "media/media.h"
#include "media/proxy_mux.h"
#include "media/source.h"

struct cut_video_opts {
    const struct media_stream *stream;
    const AVFrame *first; /* the first frame decides the format; borrowed */
    AVRational time_base; /* of the source's pts */
    int crf, threads;
    const char *preset;
};
struct cut_video;
int cut_video_open(const struct cut_video_opts *o, struct cut_video **ret, struct err *e);
void cut_video_free(struct cut_video *v);
CLEANUP_DEFINE(cut_video_free, struct cut_video *);
AVCodecContext *cut_video_encoder(struct cut_video *v);
const int32_t *cut_video_matrix(const struct cut_video *v); /* NULL: upright */
/* pts: ticks of the source from the cut's first frame. */
int cut_video_frame(struct cut_video *v, const AVFrame *f, int64_t pts, int64_t duration,
                    struct mux *m, int stream, struct err *e);
int cut_video_finish(struct cut_video *v, struct mux *m, int stream, struct err *e);

struct cut_audio;
/* s: decoding sound alone, standing before from_us; borrowed. *ret NULL when there is no sound before to_us. */
int cut_audio_open(struct source *s, int64_t from_us, int64_t to_us, struct cut_audio **ret,
                   struct err *e);
void cut_audio_free(struct cut_audio *a);
CLEANUP_DEFINE(cut_audio_free, struct cut_audio *);
AVCodecContext *cut_audio_encoder(struct cut_audio *a);
/* Reads and codes sound up to this time at least. */
int cut_audio_until(struct cut_audio *a, int64_t us, struct mux *m, int stream, struct err *e);
int cut_audio_finish(struct cut_audio *a, struct mux *m, int stream, struct err *e);

/* frame NULL: the end. Gives what the encoder has to the muxer; fix may change a packet before (may be NULL). */
int cut_encode(AVCodecContext *enc, const AVFrame *frame, void (*fix)(void *arg, AVPacket *packet),
               void *arg, struct mux *m, int stream, struct err *e);

/* The error of an encoder. libx264 does not say that memory ran out: all its failures are "external". */
int cut_encoder_failed(const AVCodecContext *enc, int averror, struct err *e);

#endif
