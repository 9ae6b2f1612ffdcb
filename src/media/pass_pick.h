/*
 * Which frames of the source become frames of the proxy, decided before anything is scaled.
 *
 * On a grid (the source has more frames than the proxy wants): the proxy's times are exact
 * multiples of 1 / rate, and each takes the source frame nearest to it. A stretch without frames
 * stays a stretch without frames. On its own times (the source has no more than wanted): every
 * frame is kept where it is.
 *
 * Plain data, no allocation.
 */
#ifndef MEDIA_PASS_PICK_H
#define MEDIA_PASS_PICK_H

#include "media/lav.h"

struct pass_pick {
    AVRational time_base; /* of what pass_pick_frame() returns */
    AVRational rate;      /* of the proxy, as far as known */
    bool own_times;
    int64_t last; /* the last time returned */
    bool any;
};
/* source_rate 0/1: not known. */
void pass_pick_init(struct pass_pick *p, AVRational source_rate, double want_fps);
/* Frames in order, each with its time and the time of the one after it (its end, for the last), in
 * microseconds from the file's start. True: the frame is taken, at *ret_pts for *ret_duration (both
 * in time_base, duration > 0). Times returned increase strictly; one that is as near to the end as
 * to the last frame is left out, so that the proxy is not longer than its source. */
bool pass_pick_frame(struct pass_pick *p, int64_t us, int64_t next_us, int64_t *ret_pts,
                     int64_t *ret_duration);

#endif
