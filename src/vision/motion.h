/*
 * Motion without a model: what differs from the background a fixed camera sees, as boxes with
 * masks.
 *
 * One frame after the other goes in, in presentation order. Each pixel of a small picture (at
 * most 480 a side) keeps 16 colours it has had lately; a pixel is foreground when fewer than two
 * of them are near its colour (ViBe: Barnich and Van Droogenbroeck, IEEE TIP 2011, section III),
 * with a reach that grows where the picture is restless (SuBSENSE: St-Charles et al., IEEE TIP
 * 2015, section III-C). Gains of exposure are taken out before, shadows after, places that
 * something left (ghosts) are given back to the background. The global motion is measured on
 * every frame (flow.h): small ones are undone, and when the camera travels the frame says so and
 * no region is reported. docs/motion.md tells how each step decides and what was measured.
 *
 * The same frames give the same answer. One thread uses a motion at a time. Memory is about 90
 * bytes a small pixel (10 MB for 16:9); nothing is allocated per frame unless the frames change
 * size.
 */
#ifndef VISION_MOTION_H
#define VISION_MOTION_H

#include "base/err.h"
#include "base/str.h"
#include "vision/frame.h"

#define MOTION_REGIONS_MAX 128 /* the largest ones of a frame are kept */

struct motion_options {
    int turn;        /* degrees clockwise to turn frames upright: 0, 90, 180, 270 */
    double min_area; /* share of the picture a region must cover, 0..1; 0: the default, 0.0005 */
    double memory_s; /* how long the background remembers, 1..600; 0: the default, 20 */
    /* A thing that stands still becomes background after this long, 1..3600; 0: the default, 60 */
    double absorb_s;
};

enum motion_state {
    MOTION_LEARNING,      /* the background is being taken in: after the start, a cut, a move */
    MOTION_WATCHING,      /* regions are what moved */
    MOTION_CAMERA_MOVING, /* the camera travels, or nothing in the picture keeps its place */
    MOTION_LIGHT, /* more of the picture changed at once than things could: lamps, flashes */
};
/* "learning", "watching", "camera_moving", "light" */
const char *motion_state_name(enum motion_state state);

struct motion_region {
    int x, y, w, h; /* pixels of the upright frame */
    int area;       /* of the mask, in the same pixels */
    /* 0..1: how likely a thing is really there. How clearly its pixels differ from the background,
     * in units of that background's own unrest, and how many they are; the table in docs/motion.md
     * says how often regions of each confidence were right. */
    double confidence;
};
struct motion_frame {
    enum motion_state state;
    /* Where a point of the frame before is in this one, in pixels of the frame: m as in flow.h. No
     * motion after a cut and where nothing could be followed. */
    double global[6];
    double foreground; /* share of the picture, 0..1, before regions were chosen */
    int n;             /* regions, from the largest area; 0 unless watching */
    struct motion_region region[MOTION_REGIONS_MAX];
};

struct motion;
/* Options out of their ranges are brought into them (a turn that is none: 0). */
struct motion *motion_new(const struct motion_options *o);
void motion_free(struct motion *m);
CLEANUP_DEFINE(motion_free, struct motion *);
/*
 * The next frame (borrowed for the call) and when it is shown; times that do not advance count as
 * one millisecond. *ret_frame stays valid until the next call that changes m. A change of size
 * begins anew, like motion_cut(). ERR_INPUT: the description of the frame is off (m stays usable
 * and the frame does not count); ERR_LIMIT: no memory for pictures of that size (likewise).
 */
int motion_feed(struct motion *m, const struct vision_frame *frame, int64_t pts_us,
                const struct motion_frame **ret_frame, struct err *e);
/* The next frame belongs to another shot: the background is forgotten. */
void motion_cut(struct motion *m);
/*
 * Appends the mask of region i of the last frame: run lengths over the whole upright frame, row
 * after row from the top left, separated by commas, zeros first ("3,5,10,2": 3 zeros, 5 ones, 10
 * zeros, 2 ones; a mask that covers the first pixel begins with "0,"). The last run of zeros is
 * given too, so that they add up to width * height.
 */
void motion_mask(const struct motion *m, int i, struct buf *out);

#endif
