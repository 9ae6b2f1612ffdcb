/*
 * A virtual camera for another aspect: where a smaller picture is cut out of a larger one, over
 * time, so that what matters stays inside and the camera moves like one that a person holds.
 *
 * The cut-out is the largest rectangle of the wanted aspect that fits the source; so it moves
 * along one axis. Within each shot the camera holds (stands), pans (one even motion) or follows
 * (still, straight and evenly bent pieces: the L1 path of Grundmann, Kwatra and Essa, CVPR
 * 2011), whichever costs least; at a cut it jumps. The result is data: a few key frames that a
 * person can read and edit, in JSON (path_write(), path_read()). docs/reframing.md has costs,
 * format and measurements.
 *
 * Pure functions of their arguments; any thread.
 */
#ifndef VISION_PATH_H
#define VISION_PATH_H

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

#define PATH_FRAMES_MAX   10000000
#define PATH_BOXES_MAX    50000000
#define PATH_KEYS_MAX     1000000
#define PATH_SIDE_MAX     65536
#define PATH_SUBJECTS_MAX 1000000 /* numbers of subjects are below this */

struct path_options {
    int aspect_w, aspect_h; /* 9, 16; each 1..1000 */
    /* Limits, in widths (along the axis) of the cut-out; 0: the default */
    double max_speed;        /* a second; 0.8 */
    double max_acceleration; /* a second squared; 1.6 */
    double max_moves;        /* a minute, of one shot, at least one; 20 */
    double lead;             /* room in front of a moving subject, more than behind; 0.08 */
};

/* One subject in one frame, in pixels of the source. */
struct path_box {
    int64_t frame;
    int subject; /* the same thing has the same number, 0.. */
    double x, y, w, h;
    double weight; /* > 0: its importance; a detection's confidence, say */
};
struct path_span {
    int64_t start, end; /* frames, end exclusive */
};
struct path_input {
    int width, height;     /* of the source, upright, square pixels */
    const int64_t *pts_us; /* of each frame; must increase */
    int64_t n_frames;
    const struct path_span *shots; /* cover all frames in order, without gaps */
    int64_t n_shots;
    const struct path_box *boxes; /* in order of frame */
    int64_t n_boxes;
};

enum path_mode { PATH_HOLD, PATH_PAN, PATH_FOLLOW };
const char *path_mode_name(enum path_mode mode); /* "hold", "pan", "follow" */

/*
 * The camera at one moment. Between two keys of a shot positions are cubics that start and end with
 * the keys' velocities (Hermite); from the last key of a shot to the first of the next it jumps.
 */
struct path_key {
    int64_t pts_us, frame;
    double x, y, w, h; /* the cut-out, pixels of the source; inside it */
    double vx, vy;     /* pixels a second */
    enum path_mode reason;
};
struct path_shot {
    int64_t start, end; /* frames, end exclusive */
    enum path_mode mode;
    int subjects; /* how many are kept in the picture */
    int moves;    /* stretches of motion */
    /* Share of the frames with subjects that fit in which they are whole inside; 1 without any. */
    double inside;
};
struct path {
    int width, height; /* source */
    int aspect_w, aspect_h;
    int out_w, out_h; /* the cut-out's size: even, but where the source is narrower than 2 */
    struct path_shot *shots;
    int64_t n_shots;
    struct path_key *keys; /* each shot has one at its first and one at its last frame */
    int64_t n_keys;
};
void path_free(struct path *p);
CLEANUP_DEFINE(path_free, struct path *);

/*
 * Boxes that are empty, not finite or outside of the picture are passed over. ERR_USAGE: options
 * out of range; ERR_INPUT: frames out of order, shots that do not cover them, boxes out of
 * order; ERR_LIMIT: a limit above, or no memory.
 */
int path_make(const struct path_options *o, const struct path_input *in, struct path **ret,
              struct err *e);
/* Where the camera is at a frame that is shown at pts_us; before the first key and after the last
 * as there. The path must have keys. */
void path_at(const struct path *p, int64_t frame, int64_t pts_us, double *ret_x, double *ret_y);

void path_write(const struct path *p, struct jsonw *w);
/* Reads what path_write() wrote and a person may have edited: vx and vy may be missing (0), keys
 * may be added, moved and taken out. Checks types, ranges and order; ERR_INPUT names the key. */
int path_read(const json_t *obj, struct path **ret, struct err *e);

#endif
