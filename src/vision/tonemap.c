/*
 * Light is counted in units of full white of the result (WHITE_NITS). Three tables do the curves:
 * signal to light, the factor by which light is compressed, light to signal. In between, pieces of
 * a row go through loops that vectorise.
 *
 * The factor's table is indexed by the upper bits of the float itself: 64 steps an octave, linear
 * between them.
 */
#include "vision/tonemap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WHITE_NITS   300.0
#define PEAK_DEFAULT 1000.0
#define PEAK_MAX     10000.0
#define HLG_NITS     1000.0
#define HLG_GAMMA    1.2 /* of a display of 1000 nits */

#define SIGNAL_BITS 12
#define STEP_BITS   6                /* of an octave */
#define OCTAVE_LOW  -14              /* light below 2^-14 is black enough not to be compressed */
#define OCTAVES     (6 - OCTAVE_LOW) /* up to 10000 nits and a bit */
#define FACTORS     (OCTAVES << STEP_BITS)
#define OUT_SIZE    16384
#define PIECE       64

struct tonemap {
    bool hlg, bt709;
    float light[1 << SIGNAL_BITS];
    float factor[FACTORS + 1]; /* compressed / light */
    float ootf[FACTORS + 1];   /* HLG: factor from scene light to light, by scene luminance */
    uint8_t out[OUT_SIZE + 1];
};

/* ------------------------------------------------ curves
 * ------------------------------------------------ */

static double pq_to_nits(double signal)
{
    const double m1 = 2610.0 / 16384, m2 = 2523.0 / 4096 * 128, c1 = 3424.0 / 4096,
                 c2 = 2413.0 / 4096 * 32, c3 = 2392.0 / 4096 * 32;
    double p = pow(signal, 1 / m2);
    return 10000 * pow(MAX(p - c1, 0) / (c2 - c3 * p), 1 / m1);
}

static double nits_to_pq(double nits)
{
    const double m1 = 2610.0 / 16384, m2 = 2523.0 / 4096 * 128, c1 = 3424.0 / 4096,
                 c2 = 2413.0 / 4096 * 32, c3 = 2392.0 / 4096 * 32;
    double p = pow(MAX(nits, 0) / 10000, m1);
    return pow((c1 + c2 * p) / (1 + c3 * p), m2);
}

/* Signal to scene light, 0..1 both. */
static double hlg_to_scene(double signal)
{
    const double a = 0.17883277, b = 1 - 4 * a, c = 0.5 - a * log(4 * a);
    return signal <= 0.5 ? signal * signal / 3 : (exp((signal - c) / a) + b) / 12;
}

/* BT.2390: from a display of `peak` to one of WHITE_NITS, both in nits, black being black. */
static double compress(double nits, double peak)
{
    double whole = nits_to_pq(peak), most = nits_to_pq(WHITE_NITS) / whole;
    double e = nits_to_pq(nits) / whole, knee = 1.5 * most - 0.5;
    if (most >= 1 || e <= knee)
        return MIN(nits, WHITE_NITS);
    double t = MIN((e - knee) / (1 - knee), 1), t2 = t * t, t3 = t2 * t;
    e = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (3 * t2 - 2 * t3) * most;
    return MIN(pq_to_nits(e * whole), WHITE_NITS);
}

static double srgb(double light)
{
    return light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

static double peak_of(const struct tonemap_options *o)
{
    if (o->curve == TONEMAP_HLG)
        return HLG_NITS;
    return o->peak_nits >= 1 && o->peak_nits <= PEAK_MAX ? MAX(o->peak_nits, WHITE_NITS)
                                                         : PEAK_DEFAULT;
}

double tonemap_neutral(const struct tonemap_options *o, double signal)
{
    signal = CLAMP(signal, 0.0, 1.0);
    double nits = o->curve == TONEMAP_HLG ? HLG_NITS * pow(hlg_to_scene(signal), HLG_GAMMA)
                                          : pq_to_nits(signal);
    return srgb(compress(nits, peak_of(o)) / WHITE_NITS);
}

/* ------------------------------------------------ tables
 * ------------------------------------------------ */

static double factor_light(int i)
{
    return ldexp(1 + (i & ((1 << STEP_BITS) - 1)) / (double)(1 << STEP_BITS),
                 (i >> STEP_BITS) + OCTAVE_LOW);
}

struct tonemap *tonemap_new(const struct tonemap_options *o)
{
    struct tonemap *t = XNEW(struct tonemap);
    double peak = peak_of(o);
    t->hlg = o->curve == TONEMAP_HLG;
    t->bt709 = o->bt709;
    for (int i = 0; i < 1 << SIGNAL_BITS; i++) {
        double signal = i / (double)((1 << SIGNAL_BITS) - 1);
        t->light[i] = (float)(t->hlg ? hlg_to_scene(signal) : pq_to_nits(signal) / WHITE_NITS);
    }
    for (int i = 0; i <= FACTORS; i++) {
        double light = factor_light(i), nits = light * WHITE_NITS;
        t->factor[i] = (float)(compress(nits, peak) / nits);
        t->ootf[i] = (float)(HLG_NITS / WHITE_NITS * pow(light, HLG_GAMMA - 1));
    }
    for (int i = 0; i <= OUT_SIZE; i++)
        t->out[i] = (uint8_t)(255 * srgb(i / (double)OUT_SIZE) + 0.5);
    return t;
}

void tonemap_free(struct tonemap *t)
{
    free(t);
}

/* ------------------------------------------------ pixels
 * ------------------------------------------------ */

/* Looks a factor up by light. */
static inline float lookup(const float *table, float light)
{
    uint32_t bits;
    memcpy(&bits, &light, 4);
    int32_t at = (int32_t)(bits >> (23 - STEP_BITS)) - ((127 + OCTAVE_LOW) << STEP_BITS);
    if (at < 0)
        return table[0];
    if (at >= FACTORS)
        return table[FACTORS];
    float part = (float)(bits & ((1u << (23 - STEP_BITS)) - 1)) / (float)(1u << (23 - STEP_BITS));
    return table[at] + (table[at + 1] - table[at]) * part;
}

static void load(const struct tonemap *t, const struct vision_frame *f, int c, int x0, int y, int n,
                 float *restrict out)
{
    const uint8_t *p = f->c[c].p + f->c[c].stride * y + (ptrdiff_t)f->c[c].step * x0;
    int depth = f->depth, most = (1 << SIGNAL_BITS) - 1;
    for (int i = 0; i < n; i++, p += f->c[c].step) {
        unsigned v = *p;
        if (depth > 8) {
            uint16_t word;
            memcpy(&word, p, 2);
            v = (unsigned)word >> f->low_bits;
        }
        /* full scale to full scale: the upper bits again below the lower ones */
        int index = depth >= SIGNAL_BITS
                        ? (int)(v >> (depth - SIGNAL_BITS))
                        : (int)(v << (SIGNAL_BITS - depth) | v >> (2 * depth - SIGNAL_BITS));
        out[i] = t->light[MIN(index, most)];
    }
}

/* Light of the display, not above white. */
static void compress_piece(const struct tonemap *t, float *restrict r, float *restrict g,
                           float *restrict b, int n)
{
    for (int i = 0; t->hlg && i < n; i++) {
        /* luminance as what it differs from one component, so that neutral stays neutral */
        float y = g[i] + (t->bt709 ? 0.2126f : 0.2627f) * (r[i] - g[i]) +
                  (t->bt709 ? 0.0722f : 0.0593f) * (b[i] - g[i]);
        float by = lookup(t->ootf, y);
        r[i] *= by;
        g[i] *= by;
        b[i] *= by;
    }
    for (int i = 0; i < n; i++) {
        float most = MAX(r[i], MAX(g[i], b[i])), by = lookup(t->factor, most);
        r[i] *= by;
        g[i] *= by;
        b[i] *= by;
    }
}

/*
 * BT.2020 to BT.709. What lies outside of BT.709 is drawn towards grey of its own luminance until
 * it fits below; what is above white is cut when it is written.
 */
static void gamut_piece(float *restrict r, float *restrict g, float *restrict b, int n)
{
    for (int i = 0; i < n; i++) {
        float gr = g[i] - r[i], br = b[i] - r[i], bg = b[i] - g[i];
        float r7 = r[i] - 0.587641f * gr - 0.072850f * br;
        float g7 = g[i] + 0.124550f * gr - 0.008349f * bg;
        float b7 = b[i] + 0.018151f * br + 0.100579f * bg;
        float y = g7 + 0.2126f * (r7 - g7) + 0.0722f * (b7 - g7);
        float least = MIN(r7, MIN(g7, b7));
        float keep = least < 0 ? y / MAX(y - least, 1e-9f) : 1.0f;
        r[i] = y + (r7 - y) * keep;
        g[i] = y + (g7 - y) * keep;
        b[i] = y + (b7 - y) * keep;
    }
}

static void store(const struct tonemap *t, const float *restrict r, const float *restrict g,
                  const float *restrict b, int n, uint8_t *restrict rgb)
{
    const float *const planes[3] = {r, g, b};
    for (int c = 0; c < 3; c++) {
        int32_t at[PIECE];
        for (int i = 0; i < n; i++) {
            float v = planes[c][i] * OUT_SIZE + 0.5f;
            at[i] = (int32_t)(v > OUT_SIZE ? OUT_SIZE : v < 0 ? 0 : v);
        }
        for (int i = 0; i < n; i++)
            rgb[3 * i + c] = t->out[at[i]];
    }
}

void tonemap_rows(const struct tonemap *t, const struct vision_frame *f, int y0, int y1,
                  uint8_t *rgb, ptrdiff_t stride)
{
    float r[PIECE], g[PIECE], b[PIECE];
    for (int y = y0; y < y1; y++, rgb += stride) {
        for (int x = 0; x < f->width; x += PIECE) {
            int n = MIN(PIECE, f->width - x);
            load(t, f, 0, x, y, n, r);
            load(t, f, 1, x, y, n, g);
            load(t, f, 2, x, y, n, b);
            compress_piece(t, r, g, b, n);
            if (!t->bt709)
                gamut_piece(r, g, b, n);
            store(t, r, g, b, n, rgb + 3 * (ptrdiff_t)x);
        }
    }
}
