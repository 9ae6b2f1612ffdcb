/*
 * The motion of a box: a constant-velocity Kalman filter on centre x, centre y, aspect (width over
 * height) and height, as in SORT and DeepSORT (Wojke et al., ICIP 2017, section 2.1) and ByteTrack
 * (Zhang et al., ECCV 2022), with their noise: standard deviations in proportion to the height,
 * 1/20 of it for positions and 1/160 of it a step for velocities; the aspect has small constants.
 *
 * Transition, noise and measurement are diagonal by coordinate, so the 8 x 8 filter falls apart into
 * four filters of two numbers each (position and velocity), which is what is kept here: the same
 * result at a fraction of the work. Time is counted in steps of the nominal frame rate; predicting
 * over n steps at once is the same as n predictions of one step at that height.
 */
#ifndef VISION_KALMAN_H
#define VISION_KALMAN_H

#include <stdbool.h>

/* Left, top, width and height in pixels. */
struct box {
    double x, y, w, h;
};

struct kalman_axis {
    double p, v;       /* position; velocity a step */
    double pp, pv, vv; /* their covariance */
};
struct kalman {
    struct kalman_axis x, y, a, h; /* centre x, centre y, width / height, height */
};

/* w and h must be above 0. */
void kalman_start(struct kalman *k, struct box seen);
/* steps > 0 */
void kalman_predict(struct kalman *k, double steps);
/* noise scales the measurement's variance: 1 is the plain filter, less trusts this box more. > 0 */
void kalman_update(struct kalman *k, struct box seen, double noise);
/* Where the box is now; sizes may have run to 0 or below when long not seen. */
struct box kalman_box(const struct kalman *k);

/* The picture moved: a point (x, y) of before is now at (m[0] x + m[1] y + m[2], m[3] x + m[4] y +
 * m[5]). Sizes scale by the square root of the determinant. Correlations that a rotation would make
 * between x and y are not kept. */
void kalman_move(struct kalman *k, const double m[static 6]);

#endif
