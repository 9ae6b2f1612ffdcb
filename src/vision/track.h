/*
 * Following objects: boxes of one frame after the other go in, each with what it was given for a
 * score; the same object keeps the same number in every frame it is seen in.
 *
 * ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box",
 * ECCV 2022, algorithm 1): every object's box is predicted by a Kalman filter; boxes of high score
 * are assigned to objects first, then boxes of low score to the objects left over (hidden things are
 * found with low scores), then high ones still left to objects seen only once, and what is left
 * starts new objects. An object that is not found is kept for a while and can be found again.
 * Without any of the flags below the result is the published program's.
 *
 * Time is real: prediction and patience count seconds, so frames may be sampled at any interval or
 * irregularly. Classes do not mix. What comes out does not depend on the order of the boxes within a
 * frame. The same input gives the same output bit for bit.
 *
 * One thread uses a tracker at a time. Once warm, a frame allocates nothing.
 */
#ifndef VISION_TRACK_H
#define VISION_TRACK_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/track_box.h"

/* Boxes taken of one frame; of more, those with the highest scores. */
#define TRACK_BOXES_MAX 16384
/* Objects followed at a time, hidden ones counted; beyond, no new ones are started. */
#define TRACK_OBJECTS_MAX 65536
/* Boxes that an object is compared with in one step; of more, the best. */
#define TRACK_RIVALS_MAX 64
/* Coordinates and sizes in pixels are at most this, either side of 0; sizes at least that. */
#define TRACK_PIXELS_MAX 1e6
#define TRACK_PIXELS_MIN 1e-3

/* What later work added; any of them together. docs/tracking.md tells what each is worth. */
enum track_flag {
    /* Motion in seconds, and association by how well it explains a box, instead of by overlap
     * (kalman_likelihood()); the pictures' frame rate matters then. */
    TRACK_LIKELIHOOD = 1 << 0,
    /* Boxes with low scores move an object less (Du et al. 2021). */
    TRACK_NSA = 1 << 1,
    /* The camera's motion is what all objects have in common: found from the boxes alone, taken off
     * before association, given to hidden objects too. */
    TRACK_CAMERA = 1 << 2,
    /* A found object's filter is run again over a straight path from where it was last seen (Cao et
     * al., OC-SORT, CVPR 2023: observation-centric re-update). */
    TRACK_REUPDATE = 1 << 3,
    /* Boxes in the direction that an object had are preferred (OC-SORT: observation-centric momentum).
     * Without effect on TRACK_LIKELIHOOD, whose velocities say it already. */
    TRACK_MOMENTUM = 1 << 4,
    /* Boxes are grown by 0.3 of their sizes before they are compared (Yang et al., C-BIoU, WACV 2023).
     * Without effect on TRACK_LIKELIHOOD. */
    TRACK_BUFFERED = 1 << 5,
    /* Overlap counts by how alike the heights are (after Yang et al., Hybrid-SORT, AAAI 2024).
     * Without effect on TRACK_LIKELIHOOD. */
    TRACK_SIZES = 1 << 6,

    /* The rest is done by track_paths once the video is whole, see track_paths.h: */
    /* an object's first box, given before it was sure to be one, is kept */
    TRACK_FIRST = 1 << 7,
    /* pieces of one path, further apart than the tracker waits, are joined */
    TRACK_LINK = 1 << 8,
    /* boxes for the frames in which the object was hidden */
    TRACK_FILL = 1 << 9,
    /* every box is corrected by those before and after it */
    TRACK_SMOOTH = 1 << 10,
};
#define TRACK_PLAIN 0u
#define TRACK_DEFAULT                                                                              \
    (TRACK_LIKELIHOOD | TRACK_NSA | TRACK_CAMERA | TRACK_FIRST | TRACK_LINK | TRACK_FILL |         \
     TRACK_SMOOTH)

struct track_options {
    double fps;         /* nominal frames a second, 1e-3..1e4 */
    double high_score;  /* boxes above it are of high score, 0..1; new objects need 0.1 more */
    double match_limit; /* the cost (1 - overlap x score) of the first association, 0..1 */
    double buffer; /* how long a hidden object is waited for, in frames of 1/30 s: 30 is a second */
    unsigned flags; /* enum track_flag */
};
#define TRACK_OPTIONS_DEFAULT                                                                      \
    ((struct track_options){                                                                       \
        .fps = 30, .high_score = 0.5, .match_limit = 0.8, .buffer = 30, .flags = TRACK_DEFAULT})

struct track_detection {
    struct track_box box;
    double score;
    int32_t class_id;
};

/* An object that was seen in the frame just fed. */
struct track_seen {
    int64_t id; /* from 1, in order of first sight, left to right */
    int32_t class_id;
    int32_t detection;    /* which of the boxes given */
    bool sure;            /* false: seen for the first time, may yet turn out to be nothing */
    double score;         /* of that box, 0..1 */
    struct track_box box; /* where the filter puts it, in the picture */
};

/* A map of the plane: (x, y) goes to (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]). */
struct track_affine {
    double m[6];
};
#define TRACK_STILL ((struct track_affine){{1, 0, 0, 0, 1, 0}})

struct tracker;
/* ERR_USAGE: an option is out of range or not finite. *ret is the caller's. */
int tracker_new(const struct track_options *o, struct tracker **ret, struct err *e);
void tracker_free(struct tracker *t);
CLEANUP_DEFINE(tracker_free, struct tracker *);

/*
 * The boxes of the next frame, borrowed; n may be 0. Times must grow; by more than a day is a
 * tracker_cut(). What was seen comes out in order of id, borrowed until the next call that changes t.
 *
 * Boxes that are not finite, are outside of the limits above or have no number for a score
 * are left out and counted; a score beyond 0..1 counts as 0 or 1.
 *
 * ERR_INPUT: the time does not grow; t is as before. ERR_LIMIT: no memory; only
 * tracker_cut() or freeing make sense then.
 */
int tracker_feed(struct tracker *t, int64_t time_us, const struct track_detection *detections,
                 size_t n, const struct track_seen **ret, size_t *ret_n, struct err *e);

/*
 * For callers who have the pictures: the camera's motion from the frame fed last to the next one,
 * where a point of the one is in the other. Boxes are moved by their centres and scaled alike.
 * Whatever TRACK_CAMERA finds comes on top. ERR_INPUT: not finite, or it scales by less than 1/4 or
 * more than 4, or is a mirror image.
 */
int tracker_camera_moved(struct tracker *t, const struct track_affine *motion, struct err *e);
/* The whole of that so far, both sources: from the plane in which objects are followed to the picture
 * of the frame fed last. */
struct track_affine tracker_camera(const struct tracker *t);

/* A new shot: every object has ended, none will be found again. Ids go on. */
void tracker_cut(struct tracker *t);

struct track_counts {
    int64_t frames, boxes;
    int64_t ignored; /* boxes left out because of what they are */
    int64_t crowded; /* boxes or objects left out because of a limit above */
};
struct track_counts tracker_counts(const struct tracker *t);

#endif
