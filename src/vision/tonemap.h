/*
 * High dynamic range to what an ordinary screen shows, for small pictures: PQ (SMPTE ST 2084) or
 * HLG (BT.2100) signals to light, the light of bright parts compressed (the EETF of BT.2390, on the
 * largest of the three components, so that hues stay), BT.2020 colours into BT.709, and back to an
 * sRGB signal.
 *
 * Full white of the result stands for 300 nits: reference white (203 nits) comes out at 83 % of the
 * signal, and a neutral grey stays exactly neutral. Nothing is known of the picture but its rows,
 * so frames of a film all get the same curve.
 *
 * A tonemap is only read once made; any number of threads may use it at once.
 */
#ifndef VISION_TONEMAP_H
#define VISION_TONEMAP_H

#include "base/mem.h"
#include "vision/frame.h"

enum tonemap_curve { TONEMAP_PQ, TONEMAP_HLG };

struct tonemap_options {
    enum tonemap_curve curve;
    bool bt709;       /* primaries are BT.709 already, not BT.2020 */
    double peak_nits; /* PQ: of the content or mastering display; 0 or nonsense: 1000. HLG is shown
                         at 1000 */
};

struct tonemap;
struct tonemap *
tonemap_new(const struct tonemap_options *o); /* about 60 kB; aborts without memory */
void tonemap_free(struct tonemap *t);
CLEANUP_DEFINE(tonemap_free, struct tonemap *);
/*
 * Maps rows y0 to y1 - 1 of a checked VISION_RGB frame (full range; planar GBR, RGB48, … of 10 to
 * 16 bits) to packed 8-bit red, green, blue; row y0 goes to rgb. About 3 ms for 854 x 480.
 */
void tonemap_rows(const struct tonemap *t, const struct vision_frame *f, int y0, int y1,
                  uint8_t *rgb, ptrdiff_t stride);

/* The curve alone, for tests and for those who draw it: signal 0..1 of a neutral pixel to 0..1. */
double tonemap_neutral(const struct tonemap_options *o, double signal);

#endif
