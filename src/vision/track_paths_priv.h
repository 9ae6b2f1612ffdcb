/* What the files of track_paths share. Private to vision/. */
#ifndef VISION_TRACK_PATHS_PRIV_H
#define VISION_TRACK_PATHS_PRIV_H

#include "vision/kalman.h"
#include "vision/track_paths.h"

/* A frame that was fed. */
struct paths_frame {
    int64_t frame, time_us;
    int64_t shot;
    struct track_affine to_picture;
};

/* A box of an object as it is gathered. Both boxes are in the picture. */
struct paths_point {
    int64_t at; /* index of its frame */
    enum track_point_kind kind;
    int32_t detection;
    double score;
    struct track_box seen;   /* by the detector; of filled ones nothing */
    struct track_box result; /* what will be told: at first where the filter put it */
};
struct paths_piece {
    int64_t id;
    int32_t class_id;
    bool sure;
    struct paths_point *points;
    size_t n, cap;
    struct track_point *told; /* the result, n of them */
};

struct track_paths {
    struct track_options o;
    struct kalman_noise noise; /* of smoothing and joining: in seconds, whatever the tracker used */
    struct paths_frame *frames;
    size_t n_frames, frames_cap;
    struct paths_piece *pieces; /* by id, from 1; without points where the tracker never told one */
    size_t n_pieces, pieces_cap;
    int64_t n_points;
    int64_t shot;
    struct kalman_smoother *smoother;
    struct kalman_sample *samples;
    size_t samples_cap;
};

double paths_steps(const struct track_paths *p, int64_t from, int64_t to); /* between frames at */
/* The box as seen, in the plane of its shot. */
struct track_box paths_in_plane(const struct track_paths *p, const struct paths_point *q);
/* Room for n points in all. */
int paths_reserve(struct track_paths *p, struct paths_piece *piece, size_t n, struct err *e);

/* track_link.c: joins pieces that are one path; those that were appended to another are dropped. */
int paths_link(struct track_paths *p, struct err *e);

#endif
