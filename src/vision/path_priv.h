/* Between the parts of path*.c: what to keep inside (path_subject.c), the modes (path_modes.c),
 * keys (path.c). Private to them. Positions are those of the cut-out's left (or upper) side
 * along the axis that is free, in units of its size there; times in seconds. */
#ifndef VISION_PATH_PRIV_H
#define VISION_PATH_PRIV_H

#include "vision/path.h"

struct path_node {
    double t;      /* since the shot's first frame */
    double dt;     /* how long it counts */
    double want;   /* where the camera would like to be */
    double lo, hi; /* between them all of the subject is inside */
    bool seen;     /* there is a subject */
    bool fits;     /* and it can be whole inside */
};
struct path_line {
    struct path_node *nodes;
    int n;
    double end; /* largest position */
    const struct path_options *o;
};
/*
 * Chooses the subjects of a shot and fills the nodes of its frames; along: true for x. Returns how
 * many subjects, 0 none (then every place is as good).
 */
int path_subjects(const struct path_input *in, const struct path_span *shot, int64_t first_box,
                  int64_t end_box, bool along_x, double size, const struct path_options *o,
                  struct path_node *nodes, struct err *e);
/* The cheapest of the modes: positions of all nodes. */
int path_choose(const struct path_line *l, double *p, enum path_mode *ret_mode, int *ret_moves,
                struct err *e);

#endif
