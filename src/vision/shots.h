/*
 * Shots: where one continuous recording ends and the next begins. One frame after the other goes
 * in, in presentation order; transitions come out in order, some frames later, and shots that cover
 * every frame without a gap.
 *
 * Two detectors. CONTENT is PySceneDetect's ContentDetector with its defaults: the cuts are its
 * cuts, frame for frame. ADAPTIVE, the product's own, starts from a rolling average of the same
 * score and looks at pictures where that score is not enough: bursts that return to the same
 * picture (flashes), camera motion and changes of light are no cuts; fades through black or white
 * and dissolves are found as such. How either thinks is told in the .c files.
 *
 * All colour is read as BT.601 whatever the stream says, because PySceneDetect does (through
 * OpenCV); a different matrix shifts both frames of a comparison alike. The result depends on
 * nothing but the frames and the options.
 *
 * One thread uses a detector at a time. Memory is about 4 MB, flat in duration, plus the list of
 * transitions.
 */
#ifndef VISION_SHOTS_H
#define VISION_SHOTS_H

#include "base/err.h"
#include "base/mem.h"
#include "vision/frame.h"

enum shots_detector { SHOTS_ADAPTIVE, SHOTS_CONTENT };

struct shots_options {
    enum shots_detector detector;
    double threshold; /* 0: the detector's own, 27 for content, 3 for adaptive */
    int min_length;   /* frames from one cut to the next, at least 1 */
};
#define SHOTS_OPTIONS_DEFAULT ((struct shots_options){.detector = SHOTS_ADAPTIVE, .min_length = 15})

enum shots_kind {
    SHOTS_CUT,
    SHOTS_DISSOLVE,
    SHOTS_WIPE,
    SHOTS_FADE,     /* out and in again, through black or white */
    SHOTS_FADE_OUT, /* to black or white that stays for a shot's length or ends the video */
    SHOTS_FADE_IN,  /* from such */
};
/* "cut", "dissolve", "wipe", "fade", "fade-out", "fade-in" */
const char *shots_kind_name(enum shots_kind kind);

struct shots_transition {
    enum shots_kind kind;
    /* The frames that belong to neither shot alone: mixed, dimmed, or blank between. A plain cut
     * has none: first is cut, last is cut - 1. */
    int64_t first, last;
    /* First frame of the new shot: the middle of a dissolve or wipe, the first that shows anything
     * again after a fade; black or white that lasts min_length frames is a shot of its own. 0 for a
     * fade that only opens the video, the number of frames for one that only closes it: those part
     * no shots. */
    int64_t cut;
};

struct shot {
    int64_t start, end; /* frames from 0, end exclusive */
};

/* More transitions than this in one video are refused. */
#define SHOTS_TRANSITIONS_MAX 1000000

struct shots;
/* Options out of their range are brought into it. Aborts without memory (a fixed size). */
struct shots *shots_new(const struct shots_options *o);
void shots_free(struct shots *s);
CLEANUP_DEFINE(shots_free, struct shots *);

/*
 * The next frame; borrowed for the call. Frames may change size and format on the way. ERR_INPUT:
 * the description of the frame is off (the detector stays usable and the frame does not count);
 * ERR_LIMIT: too many transitions.
 */
int shots_feed(struct shots *s, const struct vision_frame *frame, struct err *e);
/* No more frames. ERR_LIMIT as above. Afterwards shots_feed() must not be called. */
int shots_finish(struct shots *s, struct err *e);

int64_t shots_frames(const struct shots *s); /* fed so far */
/* Mean change of hue, saturation and value from the frame before the last one fed to it, 0..255:
 * PySceneDetect's content_val. 0 for the first frame. */
double shots_score(const struct shots *s);
/* What comes later lies at or after this frame: no transition with a smaller cut will be added. At
 * most some 200 frames behind (content: as long as cuts keep following one another within
 * min_length). */
int64_t shots_settled(const struct shots *s);
/* Found so far, in order of cut. Borrowed until the next call that changes s. */
const struct shots_transition *shots_transitions(const struct shots *s, size_t *ret_n);

/* After shots_finish(): the shots, from frame 0 to the last without a gap; none for no frames. */
size_t shots_count(const struct shots *s);
struct shot shots_at(const struct shots *s, size_t i); /* i below shots_count() */

#endif
