/*
 * Shared inside source*.c: the open file, its decoders and the numbering of frames.
 *
 *   source_io.c    bytes: the AVIOContext over a descriptor
 *   source_open.c  what a file is: formats taken, opening, choice of streams, limits
 *   source_info.c  struct media_info from libav's structs
 *   source.c       packets in, numbered frames out
 *   source_seek.c  to an exact frame
 */
#ifndef MEDIA_SOURCE_PRIV_H
#define MEDIA_SOURCE_PRIV_H

#include "base/str.h"
#include "media/source.h"

struct source_io {
    AVIOContext *pb;
    int fd;
    int64_t size, pos;
    int read_errno; /* the first failed read, 0 while all went well */
};
int source_io_open(struct source_io *io, int fd, const struct media_limits *limits, struct err *e);
void source_io_close(struct source_io *io);

/* A kind of file that is taken: the demuxer's name and what people call it. */
struct source_format {
    const char *demuxer;                  /* first of the demuxer's names */
    const char *family, *mime, *in_words; /* "mkv", "video/x-matroska", "Matroska" */
};
/* NULL for a demuxer that is not taken (playlists, image sequences, devices, raw guesses). */
const struct source_format *source_format_find(const char *demuxer_names);

/* One chosen stream and its decoder. dec is NULL while it is not wanted. */
struct source_track {
    AVStream *st;
    AVCodecContext *dec;
    bool ended; /* the decoder has given its last frame */
};

struct source {
    struct source_io io;
    struct media_limits limits;
    const struct source_format *format;
    AVFormatContext *fmt;
    struct media_info *info;
    AVPacket *pkt;
    AVFrame *scratch;
    struct source_track video, audio;
    unsigned want;
    int threads;
    int64_t file_start_us; /* the earliest start of the chosen streams, on the file's own clock */

    /* where demuxing and decoding stand */
    bool demux_ended;
    struct source_track *draining; /* has been sent a packet and may have more frames, or NULL */

    /* numbering of video: see source_stamp_video() */
    int64_t next_number;
    int64_t last_pts; /* of the frame before; NOPTS at the start */
    int64_t last_duration;
    bool any_pts;               /* a frame with a pts of its own was seen: the stream has them */
    int64_t first_dts, dts_lag; /* for streams whose packets have none */
    int64_t jump;               /* added to pts after discontinuities of a transport stream */
    int64_t pts0, start_us;     /* of frame 0; NOPTS until known */
    struct source_frame held;   /* waits for the next one's pts; frame NULL when there is none */

    /* audio */
    int64_t next_sample; /* pts expected next, in 1/sample_rate; NOPTS when not known */
    int64_t samples;     /* given out */
    int64_t audio_jump;  /* like jump, microseconds */

    /* frames decoded on the way to a seek's target, given out first */
    VEC(struct source_frame) queue;
    size_t queue_at;

    int64_t errors, mended;
    _Atomic bool no_memory; /* a picture could not be held; set on decoders' threads */
    int64_t video_frames;   /* decoded in all */
    int64_t position_us;
    bool anything; /* something was decoded */
    bool jumped;   /* see source_clock_jumped() */
    void (*on_work)(void *arg);
    void *on_work_arg;
};

/* source_open.c: opens the demuxer on s->io and picks streams; used again to start over from the
 * beginning. */
int source_demux_open(struct source *s, struct err *e);
void source_demux_close(struct source *s);
/* source_info.c */
struct media_info *source_info_make(const AVFormatContext *fmt, const struct source_format *format,
                                    const struct source_io *io);
/* source.c: opens decoders of s->want; the state of numbering starts over. */
int source_decoders_open(struct source *s, struct err *e);
void source_decoders_close(struct source *s);
void source_state_reset(struct source *s);
/* source.c: like source_next(), past the queue */
int source_produce(struct source *s, struct source_frame *ret, struct err *e);

#endif
