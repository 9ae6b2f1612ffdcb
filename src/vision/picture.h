/*
 * How good a picture is to look at, how much two pictures differ, and which of many to keep: for
 * posters, for the picture that stands for a shot, and for not reading text twice that has not
 * changed.
 *
 * Meant for small pictures (a few hundred pixels a side); about 0.15 ms for 640 x 360. Everything
 * here is a pure function of its arguments, except a picker, which one thread uses at a time.
 */
#ifndef VISION_PICTURE_H
#define VISION_PICTURE_H

#include "base/mem.h"
#include "vision/frame.h"

struct picture_quality {
    double brightness; /* mean luma, 0 black to 1 white */
    double contrast;   /* standard deviation of luma, in the same unit */
    double black;      /* share of pixels at the black end, 0..1 */
    double white;      /* share clipped to white, 0..1 */
    double entropy;    /* of the luma histogram, 0..1 (8 bits) */
    double sharpness;  /* 0 out of focus or empty, towards 1 crisp; comparable between pictures of
                          one size */
    double colour;     /* 0 grey to 1 vivid */
    bool blank;        /* all black, all white or all one tone, text on it aside */
    double score;      /* 0..1, to choose by: sharp, well lit, full of tones; blank is 0 */
};
/* f: checked (vision_frame_check), any layout and depth, at least 1 x 1. */
void picture_measure(const struct vision_frame *f, struct picture_quality *ret);

/*
 * What a picture looks like, in 4.5 kB: brightness and detail of the cells of a 64 x 36 grid. Two
 * digests can be compared even if the pictures had different sizes.
 */
#define DIGEST_W 64
#define DIGEST_H 36
struct picture_digest {
    uint8_t luma[DIGEST_W * DIGEST_H];
    uint8_t detail[DIGEST_W * DIGEST_H];
};
void picture_digest(const struct vision_frame *f, struct picture_digest *ret);
/* Share of the cells that changed visibly, 0..1. One new line of a subtitle is about 0.02; noise
 * and compression stay below PICTURE_SAME. */
double picture_change(const struct picture_digest *a, const struct picture_digest *b);
#define PICTURE_SAME 0.004

/*
 * Chooses the picture of each shot while frames go by, though where a shot ends is known only later
 * (shots_settled()). The caller keeps the pictures, in as many slots as PICKER_SLOTS; the picker
 * says which slot to fill and, when a shot has ended, which one to take. Pictures near the borders
 * of a shot count less.
 */
#define PICKER_SLOTS 32
struct picker;
struct picker *picker_new(void); /* the first shot starts at frame 0 */
void picker_free(struct picker *p);
CLEANUP_DEFINE(picker_free, struct picker *);
/* A candidate; frames must increase. Returns the slot to put its picture into, or -1 for no thanks.
 */
int picker_offer(struct picker *p, int64_t frame, double score);
/* No shot will be said to end before this frame: tell the ends that are known to picker_take()
 * first. Should follow shots_settled(), else old candidates are thinned out. */
void picker_settle(struct picker *p, int64_t frame);
/* The running shot's own frames end before `end` and the next shot's begin at `next` (for a cut
 * both are its frame, for others the frames between are mixed). Returns the slot to take, whose
 * frame is then in *ret_frame and whose picture must be used before the next picker_offer(); -1
 * when no candidate lay in the shot. */
int picker_take(struct picker *p, int64_t end, int64_t next, int64_t *ret_frame);

#endif
