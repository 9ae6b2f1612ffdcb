/* Shared by shots.c (frames in, transitions out), shots_cut.c (hard cuts) and shots_gradual.c
 * (fades, dissolves). */
#ifndef VISION_SHOTS_PRIV_H
#define VISION_SHOTS_PRIV_H

#include "vision/sample_priv.h"
#include "vision/shots.h"

#define MEMORY  256            /* frames remembered; a power of two */
#define LAG_MAX 160            /* longest fade or dissolve that is searched, frames */
#define DELAY   (LAG_MAX + 32) /* how long an event waits for what may change it */
#define SMALL_SIDE                                                                                 \
    ((THUMB_SIDE + 3) / 4) /* the smallest picture: blocks of 4 x 4 of the thumbnail */
#define SMALL_MAX (3 * SMALL_SIDE * SMALL_SIDE) /* its samples */
#define RUNS      16                            /* blank runs remembered */
#define PENDING   256                           /* events waiting */

enum blank { BLANK_NOT, BLANK_BLACK, BLANK_WHITE };

/* What is remembered of a frame. */
struct look {
    double score; /* content score against the frame before */
    int mean;     /* luma, in 1/16 */
    enum blank blank;
    struct thumb thumb;
    uint8_t small[SMALL_MAX]; /* unused samples are 0 */
};

/* A run of blank frames; last is -1 while it goes on. */
struct run {
    int64_t first, last;
};

/* A transition that is not yet certain. */
struct event {
    struct shots_transition t;
    int64_t run; /* fades out and in: first frame of the blank run that joins them; else -1 */
};

/* A lowest point from which a fade-in may rise. */
struct rise {
    bool open;
    int64_t from;  /* last frame at the bottom */
    int64_t run;   /* as in the event; -1 where the picture turned round before it was blank, */
    int64_t first; /* and then the first frame of the way down */
};

struct shots {
    struct shots_options o;
    struct sampler *sampler;
    int64_t n; /* frames fed */
    double score;
    bool finished;

    /* content */
    int64_t last_above, merge_start;
    bool merge_enabled, merging;

    /* adaptive */
    struct look *looks; /* ring of MEMORY */
    struct run runs[RUNS];
    int n_runs; /* ever; the ring holds the last RUNS */
    struct rise rises[2];
    int64_t gradual_until; /* last frame of the last fade or dissolve found */
    struct event pending[PENDING];
    int n_pending;
    int64_t last_cut; /* of the last transition given out, or 0 */

    struct shots_transition *list;
    size_t n_list, cap_list;
};

static inline struct look *look_at(const struct shots *s, int64_t frame)
{
    return &s->looks[frame & (MEMORY - 1)];
}
static inline bool look_has(const struct shots *s, int64_t frame)
{
    return frame >= 0 && frame < s->n && frame >= s->n - MEMORY;
}

/* Queues an event in order of its cut; one that says the same as another, better, replaces it. */
void shots_put(struct shots *s, const struct event *ev);
/* Do both frames show the same, in whatever light? False for frames that are no longer remembered.
 */
bool shots_same_picture(const struct shots *s, int64_t a, int64_t b);
/* The blank run that starts or ends at a frame, NULL if none. */
const struct run *shots_run_from(const struct shots *s, int64_t first);
const struct run *shots_run_until(const struct shots *s, int64_t last);

/* Looks whether frame k is a hard cut; frames up to k + 14, or the last of all, have been seen. */
bool cut_decide(const struct shots *s, int64_t k);
/* How far after a frame cut_decide() looks. */
int cut_lookahead(const struct shots *s);
/* Alikeness of structure of two frames, -1..1: the median over tiles of the correlation of their
 * luma. */
double cut_structure(const struct thumb *a, const struct thumb *b);

/* The same, roughly: one correlation of the luma of the smallest pictures. */
double cut_layout(const struct look *a, const struct look *b);

/* Fades and dissolves that end at or shortly before the newest frame; queues what it finds. */
void gradual_step(struct shots *s);
/* The same for fades that the end of the video cuts short. */
void gradual_finish(struct shots *s);

#endif
