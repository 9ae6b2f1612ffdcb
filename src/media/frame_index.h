/*
 * The frame index: the single truth that stepping, annotations, cuts and captions refer to. Frame n is the n-th frame
 * that a linear decode of the file shows, counted from 0 in presentation order (edit lists applied); its pts is exact,
 * in the stream's time base.
 *
 * File format, little endian, version 1:
 *   "RUSHFIDX" u32 version=1 u32 flags (1: clock_jumps) u32 time_base_num u32 time_base_den u64 frames i64 start_us
 *   then per frame, LEB128 varints: zigzag(pts - previous pts) << 1 | key, and duration
 *   then u32 CRC-32 of all before it
 * A reader of outside bytes: bounded by limit_frames, never trusts the count for allocation, ERR_INPUT on any doubt.
 */
#ifndef MEDIA_FRAME_INDEX_H
#define MEDIA_FRAME_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct frame_entry {
    int64_t pts;      /* in time_base; strictly increasing */
    int64_t duration; /* in time_base; > 0 */
    bool key;
};
struct frame_index {
    int time_base_num, time_base_den;
    /* Time of frame 0 on the file's clock, whose 0 is the start of the earliest chosen stream: 0 in most files, more
     * where the sound begins first. All time outside media/ is on this clock. */
    int64_t start_us;
    /* The file's own clock was reset on the way (joined recordings): pts here go on, those in the file repeat, so a frame
     * can only be gone to by reading from the start. */
    bool clock_jumps;
    struct frame_entry *frames;
    int64_t n;
};
void frame_index_free(struct frame_index *x);
CLEANUP_DEFINE(frame_index_free, struct frame_index *);
int frame_index_parse(struct str bytes, int64_t limit_frames, struct frame_index **ret,
                      struct err *e);
int frame_index_read_fd(int fd, int64_t limit_frames, struct frame_index **ret, struct err *e);
/* The file time of frame n: start_us + distance to frame 0, microseconds, rounded down. n in 0..frames; n == frames
 * gives the end of the last one. */
int64_t frame_index_us(const struct frame_index *x, int64_t n);
/* The frame shown at file time us (the last one whose time is <= us); clamped to 0..n-1. -1 when empty. */
int64_t frame_index_at(const struct frame_index *x, int64_t us);

/* Writing, one frame at a time. */
struct frame_index_writer;
struct frame_index_writer *frame_index_writer_new(int time_base_num, int time_base_den);
void frame_index_writer_free(struct frame_index_writer *w);
CLEANUP_DEFINE(frame_index_writer_free, struct frame_index_writer *);
void frame_index_writer_add(struct frame_index_writer *w, int64_t pts, int64_t duration, bool key);
void frame_index_writer_clock_jumps(struct frame_index_writer *w); /* see struct frame_index */
int frame_index_writer_finish(struct frame_index_writer *w, int64_t start_us, int fd,
                              struct err *e);

#endif
