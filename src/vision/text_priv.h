/* Shared by text_pieces.c (pixels to pieces), textregions.c (pieces to lines) and text_prepare.c.
 */
#ifndef VISION_TEXT_PRIV_H
#define VISION_TEXT_PRIV_H

#include "vision/textregions.h"

#define TEXT_REACH 12 /* pixels each way that the surroundings of a pixel extend */

/* A plane of luma, full range, that lies somewhere. */
struct text_plane {
    int w, h;
    uint8_t *p; /* rows of w bytes; owned */
};

/* A connected piece of pixels that stand out the same way. */
struct text_piece {
    int x0, y0, x1, y1; /* inclusive */
    int area, runs;     /* pixels, and horizontal runs of them */
    int64_t luma;       /* sum over its pixels */
    int64_t contrast;   /* sum of their distances from the mean around them */
    bool light;
};
struct text_pieces {
    struct text_piece *p;
    size_t n;
    uint8_t *kinds; /* of each pixel of the plane: 1 light, 2 dark, 0 neither */
};
void text_pieces_finish(struct text_pieces *p);

/* Luma of the frame. ERR_LIMIT without memory. */
int text_plane_make(const struct vision_frame *f, struct text_plane *ret, struct err *e);
/* Mean of `by` x `by` pixels each; what does not fill a block is left out. */
int text_plane_shrink(const struct text_plane *from, int by, struct text_plane *ret, struct err *e);
/* Pieces that could be letters by their size; to be ended with text_pieces_finish(), also after an
 * error. */
int text_pieces_find(const struct text_plane *plane, struct text_pieces *ret, struct err *e);

/* Means over a square around each pixel, row by row; NULL without memory. */
struct text_means;
struct text_means *text_means_new(const struct text_plane *plane, int reach);
void text_means_free(struct text_means *m);
/* Means for the next row, from the first on; at borders over what there is. Borrowed until the next
 * call. */
const uint8_t *text_means_next(struct text_means *m);

#endif
