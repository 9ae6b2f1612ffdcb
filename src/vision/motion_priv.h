/*
 * What the parts of motion share: the background (motion_model.c) and the way from a mask to
 * regions (motion_regions.c). Private to motion*.c. All planes are w * h without gaps.
 */
#ifndef VISION_MOTION_PRIV_H
#define VISION_MOTION_PRIV_H

#include "vision/motion.h"
#include "vision/motion_plane.h"

#define MODEL_SAMPLES 16
#define MODEL_NEEDED  2  /* samples that must be near for background */
#define REACH_BASE    14 /* grey levels a sample may be off where the picture is calm */
#define REACH_MAX     70

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

#endif
