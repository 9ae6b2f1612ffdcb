/*
 * The motion of a box: a constant-velocity Kalman filter on centre x, centre y, aspect (width over
 * height) and height, the state of ByteTrack (Zhang et al., ECCV 2022) and, before it, DeepSORT
 * (Wojke et al., ICIP 2017, section 2.1).
 *
 * Transition, noise and measurement are diagonal by coordinate, so the 8 x 8 filter falls apart into
 * four filters of two numbers each (position and velocity), which is what is kept here: the same
 * result at a fraction of the work. Time is counted in steps, one at the nominal frame rate each;
 * steps need not be whole. All functions are pure; nothing allocates but kalman_smooth().
 *
 * Two models of noise:
 *
 * WOJKE   the published one, which knows frames and no seconds. Standard deviations of 1/20 of the
 *         height for positions and 1/160 for velocities, each step; small constants for the aspect.
 * TIMED   what bodies do, in seconds and in shares of the box's longer side s. A velocity is a random
 *         walk that after one second is s/2 a second off (a person's change of pace), a position
 *         jitters besides by s/30 in a second; at first sight a velocity may be anything up to about
 *         s a second (a walk). Heights change half as fast. Each edge of a detected box is off by
 *         itself, so a height, the difference of two edges, is twice as uncertain as a centre, their
 *         mean: s/20 for centres, s/10 for heights. Prediction over n steps is the integral
 *         (white-noise acceleration, Bar-Shalom et al. 2001, section 6.2.2), not n repetitions.
 *
 *         How much velocities change is watched: where boxes keep being off by more than expected
 *         (normalised innovation squared, Bar-Shalom et al., section 5.4) the variance of that change
 *         is raised, up to 64 times, and lowered again to what was said: dancers are no walkers.
 *
 * With by_score the measurement's variance is scaled by 4 (1 - score), at least 1/4: a box that its
 * detector doubts is trusted less (after the noise scale adaptive filter of Du et al., GIAOTracker,
 * ICCV workshops 2021; the 4 leaves a score of 0.75 as it was).
 */
#ifndef VISION_KALMAN_H
#define VISION_KALMAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/track_box.h"

enum kalman_model { KALMAN_WOJKE, KALMAN_TIMED };
struct kalman_noise {
    enum kalman_model model;
    double fps; /* steps a second, for TIMED */
    bool by_score;
};

struct kalman_axis {
    double p, v;       /* position; velocity a step */
    double pp, pv, vv; /* their covariance */
};
struct kalman {
    struct kalman_axis x, y, a, h; /* centre x, centre y, width / height, height */
    double unrest;                 /* TIMED: see above, 1 as expected */
};

/* Boxes that were seen have width and height above 0; scores are 0..1. */
void kalman_start(struct kalman *k, const struct kalman_noise *q, struct track_box seen,
                  double score);
/* steps > 0 */
void kalman_predict(struct kalman *k, const struct kalman_noise *q, double steps);
void kalman_update(struct kalman *k, const struct kalman_noise *q, struct track_box seen,
                   double score);
/* Where the box is now; its sizes may have run to 0 or below when it was long not seen. */
struct track_box kalman_box(const struct kalman *k);

/* Variances of where the centre of a box like this is expected to be seen, x and y. */
void kalman_spread(const struct kalman *k, const struct kalman_noise *q, struct track_box seen,
                   double score, double *ret_x, double *ret_y);

/*
 * How much better "this box is that object" explains a box than "it is another object", others being
 * as dense as one in every square of the object's longer side (and in every side's length of heights,
 * and 1 of aspect): the density of the box under the prediction, a Student distribution of 4
 * degrees of freedom in place of the Gaussian, so that a box that is far off one time is no
 * impossibility. Above 1 speaks for the object. 0 for boxes whose longer side is less than
 * half or more than twice its own.
 */
double kalman_likelihood(const struct kalman *k, const struct kalman_noise *q,
                         struct track_box seen, double score);
/* No box whose centre x is farther off than this has a likelihood above 1, whatever its score from
 * score_min on. */
double kalman_reach(const struct kalman *k, const struct kalman_noise *q, double score_min);

/* For tracks that are joined at their ends: the state as one who lives backwards sees it, and back. */
void kalman_reverse(struct kalman *k);
/*
 * The same question for a whole second track whose first state (of a filter run backwards and turned
 * around) is `start`: does it continue k, which was predicted to its time? Position and velocity of
 * the centre, height and aspect count; another object would come with any velocity of first sight.
 */
double kalman_link_likelihood(const struct kalman *k, const struct kalman_noise *q,
                              const struct kalman *start);

/*
 * One path smoothed: the best estimate of every box from all boxes before and after it (Rauch, Tung,
 * Striebel 1965; Särkkä, Bayesian Filtering and Smoothing, 2013, section 8.2). Samples in order of
 * time; the first must be seen. For those not seen, box is ignored and is what comes out.
 */
struct kalman_sample {
    double steps; /* since the one before, > 0; of the first ignored */
    bool seen;
    double score;
    struct track_box box; /* in: as seen; out: smoothed, sizes above 0 */
};
struct kalman_smoother; /* memory from path to path */
struct kalman_smoother *kalman_smoother_new(void);
void kalman_smoother_free(struct kalman_smoother *s);
CLEANUP_DEFINE(kalman_smoother_free, struct kalman_smoother *);
/* ERR_LIMIT: no memory; samples are untouched. */
int kalman_smooth(struct kalman_smoother *s, const struct kalman_noise *q,
                  struct kalman_sample *samples, size_t n, struct err *e);

#endif
