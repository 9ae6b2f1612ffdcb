/* What the files of the tracker share. Private to vision/. */
#ifndef VISION_TRACK_PRIV_H
#define VISION_TRACK_PRIV_H

#include "vision/assign.h"
#include "vision/kalman.h"
#include "vision/track.h"

/* Boxes at or below this score are not looked at; new objects need so much more than high_score. */
#define TRACK_LOW_SCORE 0.1
#define TRACK_NEW_SCORE 0.1

enum object_state {
    OBJECT_NEW,  /* seen once */
    OBJECT_SEEN, /* in the frame before */
    OBJECT_HIDDEN,
    OBJECT_GONE, /* to be taken out at the end of the frame */
};

/* Everything is in the plane in which the camera stands still, see tracker_camera(). */
struct object {
    int64_t id;
    int64_t first_us, last_us; /* seen */
    enum object_state state;
    int32_t class_id;
    int32_t detection; /* of the frame under way, -1 none */
    bool same;         /* as another object that stays */
    double score;
    struct kalman k;
    struct kalman k_seen; /* as it was when last seen */
    struct track_box box; /* k as a box */
    struct track_box last_box;
    /* the last few places, newest at (n_places - 1) % TRACK_PLACES; for TRACK_MOMENTUM */
#define TRACK_PLACES 4
    struct {
        double cx, cy;
        int64_t time_us;
    } places[TRACK_PLACES];
    int n_places;
};

/* A box of the frame under way. */
struct candidate {
    struct track_box box;
    double cx; /* of the box */
    double score;
    int32_t class_id;
    int32_t detection;
    bool taken;
};

/* Candidates or objects in order of a key, nearly always the centre's x, so that those near something
 * are found without looking at all. */
struct line_item {
    double key;
    int32_t index;
};
struct line {
    struct line_item *items;
    int n;
    double widest; /* width of the widest box on it */
};

struct tracker {
    struct track_options o;
    struct kalman_noise noise;
    double patience; /* steps */
    struct track_counts counts;
    bool started;
    bool fresh; /* the first frame, or the first of a shot: what is seen is sure at once */
    int64_t time_us;
    double steps; /* since the frame before */
    int64_t last_id;

    struct object *objects; /* in order of id */
    int n_objects;
    struct candidate *candidates;
    struct line_item *order; /* of candidates, by cx and then whatever tells them apart */
    int n_candidates;
    struct track_seen *seen;
    int32_t *rows; /* objects under consideration */
    int n_rows;
    struct line line;        /* what they are compared with, by cx */
    struct line_item *spare; /* for sorting */
    struct assign_pair *pairs;
    size_t n_pairs, pairs_cap;
    int32_t *match; /* of each row, an index into line.items or -1 */
    struct assign *assign;
    int objects_cap, candidates_cap, lists_cap;

    struct track_affine to_picture;
    double camera_vx, camera_vy; /* a step, in the plane */
};

/* ---- track_pairs.c: what goes with what */
enum track_measure {
    TRACK_BY_LIKELIHOOD,
    TRACK_BY_OVERLAP,       /* with what the options add to it */
    TRACK_BY_OVERLAP_SCORE, /* times the box's score */
    TRACK_BY_SHAPE,         /* overlap times ratio of heights: for finding the camera's motion */
};
/* Assigns rows (objects) to the line's candidates; t->match tells. A pair may cost at most `limit`
 * where the measure is an overlap; the cost is 1 - overlap. */
int track_assign(struct tracker *t, enum track_measure by, double limit, struct err *e);
/* First item of the line whose key is not below. */
int track_line_from(const struct line *l, double key);
/* Stable; with tie, the candidates that the items are of, equal keys are put in one fixed order. */
void track_line_sort(struct line_item *items, int n, struct line_item *spare,
                     const struct candidate *tie);

/* ---- track_camera.c: what all objects have in common */
/* Moves the candidates to where they are in the plane; t->rows and t->line are used up. */
int track_camera_find(struct tracker *t, struct err *e);
void track_camera_predict(struct tracker *t);
struct track_box track_box_moved(const struct track_affine *a, struct track_box b);
struct track_affine track_affine_inverse(const struct track_affine *a);
struct track_affine track_affine_after(const struct track_affine *first,
                                       const struct track_affine *then);

#endif
