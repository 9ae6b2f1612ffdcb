/*
 * Stills of the views lane: the thumb (the first frame as it is), the poster (the best frame of all) and one picture a
 * shot (its best frame), chosen among the pictures that the proxy gets anyway.
 *
 * A shot's end is known only some frames after it has passed, so candidates wait in the slots of vision/'s picker.
 * Frames that look like the first of a shot are kept beside them for a while, so that a shot of a few frames that the
 * picker had no room for has its picture, too. Memory: PICKER_SLOTS + STILLS_EDGES + 1
 * pictures, of which large ones are kept smaller.
 */
#ifndef MEDIA_PASS_STILLS_H
#define MEDIA_PASS_STILLS_H

#include "base/err.h"
#include "media/outfile.h"
#include "media/pic.h"

#define STILLS_EDGES    8
#define STILLS_QUALITY  85
#define STILLS_SIDE_MAX 1280 /* of a shot's picture, pixels */

struct pass_stills_opts {
    const struct pic_look *look;
    struct pic_size full;    /* of the source, upright */
    struct pic_size picture; /* of the pictures given */
    enum pic_colour colour;  /* of them */
    int thumb_width;
    int thumb_fd, poster_fd, shots_fd;
};
struct pass_stills;
struct pass_stills *pass_stills_new(const struct pass_stills_opts *o);
void pass_stills_free(struct pass_stills *s);
CLEANUP_DEFINE(pass_stills_free, struct pass_stills *);
/*
 * A picture and the frame it was made from, in order; both borrowed, the picture is kept by reference and must not be
 * written to afterwards. edge: a shot may begin here. settled: shots that are not known yet begin at or after this
 * frame.
 */
int pass_stills_picture(struct pass_stills *s, AVFrame *pic, const AVFrame *source, int64_t frame,
                        int64_t us, bool edge, int64_t settled, struct err *e);
/* The running shot is over: the next begins at `cut`. Between `end` and `next` (end <= cut, cut <= next, all equal for a
 * hard cut) frames show something of both, or nothing. In order. */
int pass_stills_cut(struct pass_stills *s, int64_t end, int64_t cut, int64_t next, struct err *e);
/* The end, after so many frames: the last shot's picture, and the poster. */
int pass_stills_end(struct pass_stills *s, int64_t frames, struct err *e);

struct pass_stills_result {
    int64_t poster_frame, poster_us; /* -1: there was no picture */
    const struct outpack *shots;     /* one entry a shot; borrowed */
};
void pass_stills_result(const struct pass_stills *s, struct pass_stills_result *ret);

#endif
