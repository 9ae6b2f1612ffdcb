/*
 * Decoding, inside the media child: one file, read through its descriptor, demuxed once, frames out
 * in presentation order. The numbering here is the product's frame truth (frame_index.h).
 *
 *   - Input is a descriptor read with pread through a custom AVIOContext: no path, no protocol, no
 * second file (playlists, concat and reference movies are refused by a demuxer whitelist).
 *   - Edit lists are the demuxer's and honoured: packets marked discard are decoded, not shown.
 * Frames without pts get one from the previous frame's duration. A pts that does not advance is
 * mended by one tick and counted.
 *   - The duration of a frame is the distance to the next one's pts; the last takes the packet's,
 * else the rate's.
 *   - Damage is passed over and counted (errors); a file of which nothing decodes is ERR_INPUT.
 *
 * One thread uses a source. Decoder threads are libav's own.
 */
#ifndef MEDIA_SOURCE_H
#define MEDIA_SOURCE_H

#include "media/lav.h"
#include "media/media.h"

enum source_want { SOURCE_WANT_VIDEO = 1, SOURCE_WANT_AUDIO = 2 };
enum source_got { SOURCE_EOF = 0, SOURCE_VIDEO = 1, SOURCE_AUDIO = 2 };

struct source_frame {
    AVFrame *frame; /* moved to the caller: av_frame_free() */
    int64_t number; /* video: frame number from 0; audio: samples (per channel) before this frame */
    int64_t pts;    /* video: stream time base; audio: 1/sample_rate. On the stream's own clock */
    int64_t duration; /* same unit; > 0 */
    /* Microseconds from the file's start (the earliest of the chosen streams), rounded down; >= 0 for
     * video, where it is what frame_index_us() says of the number. */
    int64_t us;
    int64_t end_us; /* where the next one begins, on the same clock */
    bool key;
};

struct source;
int source_open(int fd, const struct media_limits *limits, struct source **ret, struct err *e);
void source_free(struct source *s);
CLEANUP_DEFINE(source_free, struct source *);
const struct media_info *source_info(const struct source *s);
/* Opens the decoders of what is wanted and there. threads 0: processors, at most 8. */
int source_decode(struct source *s, unsigned want, int threads, struct err *e);
/* The next decoded frame: enum source_got, or negative. Video is held back by one frame to know its
 * duration. */
int source_next(struct source *s, struct source_frame *ret, struct err *e);
/* Goes to where frame `number` can be decoded from; the next SOURCE_VIDEO frame is exactly that one
 * (its pts is the index's), audio starts at or before its time. ERR_INPUT when the file does not
 * keep what its index said. */
struct frame_index;
int source_seek(struct source *s, const struct frame_index *x, int64_t number, struct err *e);
/*
 * The same for a source whose sound alone is decoded: the next SOURCE_AUDIO frame starts early enough before file time us
 * for the samples at us to be whole. from_start: read from the beginning, for files whose clock jumps.
 */
int source_seek_sound(struct source *s, int64_t us, bool from_start, struct err *e);
int64_t source_errors(const struct source *s);
/* The file's clock was reset or leapt on the way so far: see clock_jumps of the frame index. */
bool source_clock_jumped(const struct source *s);
/* Timestamps that did not advance or jumped and were put right. */
int64_t source_mended(const struct source *s);
/* fn is called while source_seek() decodes on its way to a far frame, so that the task can say that
 * it lives. */
void source_on_work(struct source *s, void (*fn)(void *arg), void *arg);
int64_t source_position_bytes(const struct source *s);
/* 0..100 by time or bytes */
int source_percent(const struct source *s);
AVRational source_video_time_base(const struct source *s);

#endif
