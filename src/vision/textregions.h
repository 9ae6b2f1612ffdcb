/*
 * Where in a picture there may be a line of text, so that characters are read only there: titles,
 * subtitles, score boards, watermarks, signs; horizontal, light on dark or dark on light. It is
 * meant to be cheap and to say nothing about most pictures without text; what it finds still has to
 * be read to be believed.
 *
 * How it thinks: pixels that stand out from the mean of their surroundings form connected pieces;
 * pieces of the size, thickness and evenness of letters, standing in a row on one base line, form a
 * line.
 *
 * Pure functions, any thread. About 4 ms for 1280 x 720.
 */
#ifndef VISION_TEXTREGIONS_H
#define VISION_TEXTREGIONS_H

#include "base/err.h"
#include "base/mem.h"
#include "vision/frame.h"

#define TEXT_BOXES_MAX  48
#define TEXT_PIXELS_MAX (4096 * 4096) /* of a picture that is searched */

struct text_box {
    int x, y, w, h; /* pixels, inside the picture */
    bool light;     /* light text on darker ground */
    int height;     /* of its tall letters, pixels */
    double score;   /* 0.3..1, how much like text */
};

/* Fills boxes from the top down (those in one line from the left); the best when there are more
 * than TEXT_BOXES_MAX. f: checked. ERR_LIMIT: picture too large, or no memory. */
int text_find(const struct vision_frame *f, struct text_box boxes[TEXT_BOXES_MAX], int *ret_n,
              struct err *e);

/* A box made ready for reading: dark text on white, 8-bit grey, letters about 36 pixels tall, a
 * white margin. */
struct text_image {
    int w, h; /* rows are w bytes, tightly packed */
    uint8_t *p;
};
#define TEXT_IMAGE_W_MAX 6000 /* a longer line is scaled less */
void text_image_free(struct text_image *t);
CLEANUP_DEFINE(text_image_free, struct text_image *);
/* The caller frees *ret. ERR_LIMIT: no memory. box: as text_find() gave it for this picture. */
int text_prepare(const struct vision_frame *f, const struct text_box *box, struct text_image **ret,
                 struct err *e);

#endif
