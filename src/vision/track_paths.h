/*
 * Whole paths: where each object was, in every frame it was seen, gathered from a tracker while a
 * video runs and finished once it has ended. Not being bound to the moment is worth more than any
 * cleverness in it: a gap can be closed from both sides and every box corrected by those after it.
 *
 * What the options' flags ask for is done in this order: what never became sure is dropped and, but
 * for TRACK_FIRST, first boxes that were not yet; pieces are joined (TRACK_LINK); gaps are filled
 * (TRACK_FILL), along a straight line or, with TRACK_SMOOTH, where the smoother puts them; all boxes
 * are smoothed. Joining, filling and smoothing work in the plane in which the camera stands still.
 * Frames between those that were fed get no boxes.
 *
 * One thread uses it at a time. Memory grows with what was seen: 88 bytes a box and 56 more when finished, see
 * TRACK_POINTS_MAX.
 */
#ifndef VISION_TRACK_PATHS_H
#define VISION_TRACK_PATHS_H

#include "base/str.h"
#include "vision/track.h"

/* Boxes of all paths together: ERR_LIMIT beyond. */
#define TRACK_POINTS_MAX (INT64_C(32) << 20)

enum track_point_kind {
    TRACK_POINT_SEEN,
    TRACK_POINT_FIRST,  /* seen when it was not yet sure to be an object */
    TRACK_POINT_FILLED, /* not seen: put in between */
};
struct track_point {
    int64_t frame;
    enum track_point_kind kind;
    int32_t detection; /* which box of that frame, -1 where filled */
    double score;      /* of that box, 0 where filled */
    struct track_box box;
};
struct track_path {
    int64_t id; /* from 1, in order of first sight: not the tracker's number */
    int32_t class_id;
    const struct track_point *points; /* in order of frame, at least one */
    size_t n_points;
};

struct track_paths;
/* The tracker's options. */
struct track_paths *track_paths_new(const struct track_options *o);
void track_paths_free(struct track_paths *p);
CLEANUP_DEFINE(track_paths_free, struct track_paths *);

/*
 * After every tracker_feed(), also of frames without boxes: what it was given and what it said, with
 * the frame's number, which must grow. `detections` are those that were fed. ERR_LIMIT: too many
 * boxes or no memory; ERR_INPUT: the number does not grow. p is then as before.
 */
int track_paths_add(struct track_paths *p, int64_t frame, int64_t time_us, const struct tracker *t,
                    const struct track_detection *detections, const struct track_seen *seen,
                    size_t n, struct err *e);
/* A new shot: nothing is joined across it. Beside tracker_cut(). */
void track_paths_cut(struct track_paths *p);
/* No more frames; to be called once. ERR_LIMIT: too many boxes or no memory; only freeing makes sense
 * then. */
int track_paths_finish(struct track_paths *p, struct err *e);

/* After track_paths_finish(): in order of id. Borrowed until p is freed. */
size_t track_paths_count(const struct track_paths *p);
struct track_path track_paths_at(const struct track_paths *p, size_t i);

/* Appends the paths as one JSON object, {"obj_001": {…}, …}: class, start_frame, end_frame,
 * duration_frames (end - start), avg_confidence (of the boxes that were seen) and frames with number
 * less frame_base, timestamp in seconds at fps to two decimals, confidence (0 where filled) and box.
 * class_name gives a class its name. */
void track_paths_json(const struct track_paths *p, double fps, int64_t frame_base,
                      const char *(*class_name)(int32_t class_id), struct buf *out);

#endif
