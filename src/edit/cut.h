/*
 * Cutting a piece out of a file, exact to the frame. The frame index decides which frames a time
 * means; the media child encodes them (media_cut()).
 */
#ifndef EDIT_CUT_H
#define EDIT_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct frame_index;
struct media_ctx;

/* A place in a film as people write it: a time ("12.5", "1:02.5", "00:01:02.500") or a frame
 * ("f312", "#312"). */
struct edit_point {
    bool is_frame;
    int64_t value; /* frame number, or microseconds of file time; >= 0 */
};
/* False for anything else. */
bool edit_point_parse(struct str text, struct edit_point *ret);
/*
 * The frame it means: for a time the first frame at or after it, so that [a, b) and [b, c) together
 * are [a, c), no frame twice and none lost. The number of frames when it lies at or beyond the end.
 */
int64_t edit_point_frame(const struct edit_point *p, const struct frame_index *x);

struct edit_cut {
    const struct edit_point *from, *to; /* to: the first frame not shown; NULL: start, end */
    int crf;                            /* H.264, 0 (lossless) .. 51 */
    const char *preset;
};
struct edit_cut_result {
    int64_t from_frame, to_frame; /* what was cut: [from, to) */
    int64_t from_us, to_us;
};
/*
 * Writes the piece as MP4 into out_fd: empty, open for reading and writing, of no use after a
 * failure. index_fd holds the file's frame index (media_index()), x is that index as read.
 * ERR_USAGE: no frame lies between from and to. Otherwise the errors of media.h.
 */
int edit_cut_file(const struct media_ctx *m, int in_fd, int index_fd, const struct frame_index *x,
                  const struct edit_cut *o, int out_fd, struct edit_cut_result *ret, struct err *e);

#endif
