/*
 * The one pass, inside the media child: the source is decoded once, and every frame that leaves the
 * decoder visits all who want it.
 *
 *     decode ─┬─ frame index, shots                    (the calling thread)
 *             ├─ views lane: proxy-size picture → proxy, thumb, poster, shot pictures, sprites;
 * sound └─ samples lane: every n-th frame → JPEG
 *
 * The calling thread decides what each lane gets, in the order of the source, so every output is
 * the same on every run. Frames are dropped before they are scaled; what can be made from the
 * proxy's picture is.
 */
#ifndef MEDIA_PASS_H
#define MEDIA_PASS_H

#include "base/err.h"
#include "media/child.h"
#include "media/lav.h"
#include "media/media.h"
#include "media/shotlist.h"

/* in_fd, out_fds: borrowed. report: the JSON of struct media_pass_result. */
int pass_run(struct child *c, int in_fd, const int out_fds[MEDIA_OUT_N],
             const struct media_pass_opts *o, struct buf *report, struct err *e);

/* What the lanes get. */
enum pass_kind {
    PASS_PICTURE, /* a frame of the proxy; for the samples lane: a sample */
    PASS_STILL,   /* a frame that the proxy does not get, as a candidate for a shot's picture */
    PASS_SOUND,
    PASS_BORDER, /* no frame: between two shots, some frames ago */
};
struct pass_item {
    enum pass_kind kind;
    AVFrame *frame;
    int64_t number, us;    /* frame number; time from the file's start */
    int64_t pts, duration; /* on the proxy's clock */
    bool edge;             /* may be the first frame of a shot: stays a candidate of its own */
    struct shotlist_border border;
    int64_t settled; /* shots that are not known yet begin at or after this frame */
};
struct pass_item *pass_item_new(enum pass_kind kind, AVFrame *frame); /* frame: moved */
void pass_item_drop(void *item);

#endif
