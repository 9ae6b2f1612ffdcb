#include "media/pass_pick.h"

#include "base/mem.h"

#define US_BASE ((AVRational){1, 1000000})
/* Times of the proxy where it keeps the source's own: every common rate is a whole number of these.
 */
#define OWN_BASE ((AVRational){1, 90000})

void pass_pick_init(struct pass_pick *p, AVRational source_rate, double want_fps)
{
    AVRational want = av_d2q(CLAMP(want_fps, 0.01, 1000.0), 1001000);
    *p = (struct pass_pick){0};
    p->own_times = source_rate.num > 0 && source_rate.den > 0 && av_cmp_q(source_rate, want) <= 0;
    p->time_base = p->own_times ? OWN_BASE : av_inv_q(want);
    p->rate = p->own_times ? source_rate : want;
}

static bool take(struct pass_pick *p, int64_t pts, int64_t end, int64_t *ret_pts,
                 int64_t *ret_duration)
{
    p->any = true;
    p->last = *ret_pts = pts;
    *ret_duration = MAX(end - pts, 1);
    return true;
}

bool pass_pick_frame(struct pass_pick *p, int64_t us, int64_t next_us, int64_t *ret_pts,
                     int64_t *ret_duration)
{
    int64_t at = av_rescale_q(us, US_BASE, p->time_base),
            next_at = av_rescale_q(next_us, US_BASE, p->time_base);

    if (p->own_times) {
        /* A header that promises few frames and a file that has many: keep near to what was
         * promised. */
        int64_t least = av_rescale_q(1, av_inv_q(p->rate), p->time_base) * 3 / 5;
        bool close = p->any && at - p->last < MIN(least, OWN_BASE.den / 10);
        if (at <= p->last && p->any)
            return false;
        return close ? false : take(p, at, next_at, ret_pts, ret_duration);
    }
    if (p->any && at <= p->last)
        return false;
    if (next_at == at && p->any) { /* the first frame is always taken: it is the thumbnail */
        /* The next one belongs to the same moment: whichever is nearer. Distances fall, then rise.
         */
        int64_t wanted_us = av_rescale_q(at, p->time_base, US_BASE);
        if (llabs(next_us - wanted_us) < llabs(us - wanted_us))
            return false;
    }
    return take(p, at, next_at, ret_pts, ret_duration);
}
