/*
 * What the parts of motion share: the background (motion_model.c), the way from a mask to
 * regions (motion_regions.c), the camera (motion_camera.c), and what is no thing
 * (motion_things.c). Private to motion*.c. All planes are w * h without gaps.
 */
#ifndef VISION_MOTION_PRIV_H
#define VISION_MOTION_PRIV_H

#include "vision/flow.h"
#include "vision/motion.h"
#include "vision/motion_plane.h"

#define MODEL_SAMPLES 16
#define MODEL_NEEDED  2  /* samples that must be near for background */
#define REACH_BASE    14 /* grey levels a sample may be off where the picture is calm */
#define REACH_MAX     70

#define MOTION_BLACK 16 /* where gain has no effect; close enough for full range */

struct motion_model {
    int w, h;
    uint8_t *samples;  /* [h][MODEL_SAMPLES][3][w] */
    uint16_t *mean[3]; /* the background's colour in 1/256 */
    uint16_t *noise;   /* mean distance to the nearest sample, in 1/256 */
    uint8_t *flicker;  /* how often foreground came and went lately */
    uint8_t *was;      /* foreground in the frame before */
    uint8_t *reach;    /* of the last look */
    uint8_t *nearest;  /* distance to the nearest sample at the last look */
    uint8_t *count;    /* one row */
    uint32_t seed;
    int64_t looks; /* since it was started */
};
int motion_model_init(struct motion_model *m, int w, int h); /* -1 without memory */
void motion_model_finish(struct motion_model *m);
/* Forgets everything and takes this picture for the background. */
void motion_model_start(struct motion_model *m, uint8_t *const c[3]);
/* mask[i] = 1 where c differs from the background, else 0; valid (NULL: everywhere) 0 is none. */
void motion_model_look(struct motion_model *m, uint8_t *const c[3], const uint8_t *valid,
                       uint8_t *mask);
/* Learns from pixels where neither keep nor !valid: share is the part of the samples that are
 * replaced, 0..1; rate the part of the mean. */
void motion_model_learn(struct motion_model *m, uint8_t *const c[3], const uint8_t *valid,
                        const uint8_t *keep, double share, double rate);
/* Makes the background of pixel `at` what the picture shows there. */
void motion_model_adopt(struct motion_model *m, uint8_t *const c[3], size_t at);
/* The background's luma as a picture. */
void motion_model_luma(const struct motion_model *m, uint8_t *to);

struct motion_blob {
    int x0, y0, x1, y1; /* small pixels, end exclusive */
    int area;           /* of the closed mask */
    int seen;           /* of them foreground itself, before gaps were closed */
    double evidence;    /* sum over seen pixels of (distance / reach), at most 4 each */
    int part_of;        /* the blob it was joined with, or itself */
};
#define MOTION_BLOBS_MAX 2048
struct motion_regions {
    int w, h;
    uint8_t *a, *b;  /* masks on the way */
    uint16_t *label; /* blob + 1 of each pixel; 0 none */
    int32_t *run_of, *runs;
    size_t runs_max;
    int n;
    struct motion_blob blob[MOTION_BLOBS_MAX];
};
int motion_regions_init(struct motion_regions *r, int w, int h); /* -1 without memory */
void motion_regions_finish(struct motion_regions *r);
/* Takes single pixels out of mask and closes gaps (in place, 0 and 1). */
void motion_regions_clean(struct motion_regions *r, uint8_t *mask);
/* Connected components of mask, 8 neighbours, with the numbers of blob; seen: the mask before it
 * was closed. Beyond MOTION_BLOBS_MAX the rest is left out. */
void motion_regions_label(struct motion_regions *r, const uint8_t *mask, const uint8_t *seen,
                          const struct motion_model *m);
/* Joins pieces that lie one above the other with a small gap: a person whose middle has the
 * background's colour. */
void motion_regions_join(struct motion_regions *r);

struct motion {
    struct motion_options o;
    int frame_w, frame_h; /* as fed; 0: nothing yet */
    struct motion_plane *plane, *warped;
    struct motion_model model;
    struct motion_regions regions;
    struct flow_picture *flow[2], *flow_back; /* NULL for pictures too small */
    uint8_t *seen, *mask, *valid, *luma;
    uint16_t *shown; /* labels where they lie in the frame, when a pose was undone */
    uint16_t *stood; /* how long a pixel has been foreground: units of STOOD_US */
    uint8_t *stir;   /* time left until a pixel counts as unchanged: units of STIR_US */
    uint8_t *before; /* luma when it last changed, as the background has it: slow sway adds up */
    int64_t stir_us; /* not yet taken off stir[] */
    int64_t frames;
    bool started, have_before, posed;
    int now; /* which of flow[] is the present */
    int64_t pts_us, state_since_us, checked_us;
    double pose[6];  /* from the background to the present, small pixels */
    double drift[6]; /* since the camera seemed to stand, while it moves */
    double gain;
    struct motion_frame out;
    int out_blob[MOTION_REGIONS_MAX];
};

/* Follows the camera to the present picture: global motion, pose. False: it travels. */
bool motion_camera_follow(struct motion *m);
/* While it travels: true when it has stood for long enough. */
bool motion_camera_wait(struct motion *m, bool stands);
/* Brings the present picture (to warped, valid) to where the background lies. */
void motion_camera_undo(struct motion *m);
extern const double motion_still[6]; /* no motion */

/* Exposure: how much brighter c is than the background; 1 where that can not be told. */
double motion_gain_measure(const struct motion *m, uint8_t *const c[3], const uint8_t *valid);
/* Takes gain out of a picture, into warped. */
void motion_gain_undo(struct motion *m, uint8_t *const from[3]);
/* Takes shadows out of mask. */
void motion_things_unshadow(struct motion *m, uint8_t *const c[3]);
/* Gives to the background what is no thing: ghosts, what lies lifeless, what stood for too long. */
void motion_things_give_back(struct motion *m, uint8_t *const c[3], int64_t step_us);

#endif
