/*
 * MOTChallenge text (Dendorfer et al., IJCV 2021): a line a box,
 *
 *     frame,id,left,top,width,height[,confidence[,...]]
 *
 * frames from 1, pixels, id -1 where boxes are not yet followed, further columns by kind of file and
 * not looked at here. Detections in, paths out.
 */
#ifndef VISION_MOT_H
#define VISION_MOT_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "vision/track.h"

struct track_paths;

#define MOT_ROWS_MAX  16000000           /* lines with a box */
#define MOT_BYTES_MAX ((size_t)2 << 30)  /* of a file */
#define MOT_LINE_MAX  4096               /* bytes of one line */
#define MOT_FRAME_MAX INT64_C(100000000) /* 38 days at 30 a second */

struct mot_row {
    int64_t frame; /* 1..MOT_FRAME_MAX */
    int64_t id;    /* -1: none */
    struct track_box box;
    double confidence;
};
struct mot_rows {
    struct mot_row *rows; /* by frame, within one as in the text */
    size_t n;
};

/*
 * Columns are parted by commas, with or without blanks around them. Lines may end in LF or CRLF;
 * empty ones and those that begin with # are passed over, and so is a byte order mark. Frames may
 * come in any order. A confidence that is not given is 1. Whole numbers may be written like 1.0.
 *
 * What a box is worth is for the tracker to judge: any finite numbers are taken. ERR_INPUT names the
 * line of what is no number ("nan" and "inf" are none), out of range, or has less than six columns;
 * ERR_LIMIT: larger than the limits above, or no memory. *ret is the caller's, to be ended by
 * mot_rows_finish().
 */
int mot_read(struct str text, struct mot_rows *ret, struct err *e);
void mot_rows_finish(struct mot_rows *r);

/* Appends "frame,id,left,top,width,height,confidence,-1,-1,-1" lines, by frame and id. Confidence is 0 where a box was filled in. ERR_LIMIT: no memory, or more
 * than out holds. */
int mot_write(const struct track_paths *p, struct buf *out, struct err *e);

#endif
