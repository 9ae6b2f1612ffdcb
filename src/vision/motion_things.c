/*
 * What is a thing and what only looks like one: changes of exposure, shadows, ghosts, what was put
 * down.
 */
#include <math.h>
#include <string.h>

#include "vision/motion_priv.h"

#define STOOD_US    16000
#define STIR_US     40000
#define STIR_LEVELS 14   /* grey levels from a frame to the next are a change */
#define STIR_SHARE  0.05 /* of a region changed lately: it is alive */

/* Exposure: the median of present over background on a grid, where nothing was foreground. */
double motion_gain_measure(const struct motion *m, uint8_t *const c[3], const uint8_t *valid)
{
    enum { BINS = 1024, STEP = 6 };
    int histogram[BINS] = {0}, n = 0;

    for (int y = STEP / 2; y < m->plane->h; y += STEP)
        for (int x = STEP / 2; x < m->plane->w; x += STEP) {
            size_t i = (size_t)y * m->plane->w + x;
            int back = m->model.mean[0][i] >> 8, now = c[0][i];
            if (back < MOTION_BLACK + 16 || now < MOTION_BLACK || now > 250 || m->mask[i] ||
                (valid && !valid[i]))
                continue;
            int bin = (now - MOTION_BLACK) * 256 / (back - MOTION_BLACK);
            histogram[MIN(bin, BINS - 1)]++;
            n++;
        }
    if (n < 30)
        return 1;
    int bin = 0, below = histogram[0];
    while (2 * below < n)
        below += histogram[++bin];
    double gain = (bin + 0.5) / 256;
    int near = 0;
    for (int i = MAX(bin * 9 / 10, 0); i <= MIN(bin * 11 / 10, BINS - 1); i++)
        near += histogram[i];
    return 2 * near >= n ? CLAMP(gain, 0.4, 2.5) : 1;
}

void motion_gain_undo(struct motion *m, uint8_t *const from[3])
{
    uint8_t luma[256], chroma[256];
    size_t n = (size_t)m->plane->w * m->plane->h;

    for (int i = 0; i < 256; i++) {
        luma[i] = (uint8_t)CLAMP(lrint(MOTION_BLACK + (i - MOTION_BLACK) / m->gain), 0, 255);
        chroma[i] = (uint8_t)CLAMP(lrint(128 + (i - 128) / m->gain), 0, 255);
    }
    for (size_t i = 0; i < n; i++)
        m->warped->c[0][i] = luma[from[0][i]];
    for (int c = 1; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            m->warped->c[c][i] = chroma[from[c][i]];
}

/*
 * A shadow takes the same part of the light from all pixels around, and of all colours alike
 * (Horprasert et al. 1999; Cucchiara et al., PAMI 2003, equation 7). Dark clothes do that too where
 * they are smooth, so only a moderate darkening counts.
 */
static bool is_shadow(const struct motion *m, uint8_t *const c[3], const uint32_t inverse[256],
                      int x, int y)
{
    static const int8_t around[5][2] = {{0, 0}, {-2, 0}, {2, 0}, {0, -2}, {0, 2}};
    int lo = 1 << 20, hi = 0, w = m->plane->w, h = m->plane->h;

    for (int k = 0; k < 5; k++) {
        int px = CLAMP(x + around[k][0], 0, w - 1), py = CLAMP(y + around[k][1], 0, h - 1);
        size_t i = (size_t)py * w + px;
        int now = MAX(c[0][i] - MOTION_BLACK, 0);
        if (!m->model.was[i]) /* lit: the rim of a shadow is one too */
            continue;
        if (k == 0)
            for (int p = 1; p < 3; p++) {
                int d = c[p][i] - (m->model.mean[p][i] >> 8);
                if (d > 10 || d < -10)
                    return false;
            }
        int ratio = (int)(((uint32_t)now * inverse[m->model.mean[0][i] >> 8]) >> 8);
        lo = MIN(lo, ratio);
        hi = MAX(hi, ratio);
    }
    return lo > 140 && hi < 248 && hi - lo < 40; /* 0.55, 0.97, 0.16 */
}

void motion_things_unshadow(struct motion *m, uint8_t *const c[3])
{
    uint32_t inverse[256]; /* of a background's luma above black, in 1/65536 */

    for (int i = 0; i < 256; i++)
        inverse[i] = 65536u / (uint32_t)MAX(i - MOTION_BLACK, 1);
    for (int y = 0; y < m->plane->h; y++) {
        uint8_t *row = m->mask + (size_t)y * m->plane->w, *p = row;
        uint8_t *end = row + m->plane->w;
        while (p < end && (p = memchr(p, 1, (size_t)(end - p)))) {
            if (is_shadow(m, c, inverse, (int)(p - row), y))
                *p = 0;
            p++;
        }
    }
}

static int steepness8(const uint8_t *p, size_t i, int w)
{
    int x = p[i + 1] - p[i - 1], y = p[i + (size_t)w] - p[i - (size_t)w];
    return (x < 0 ? -x : x) + (y < 0 ? -y : y);
}

static int steepness16(const uint16_t *p, size_t i, int w)
{
    int x = p[i + 1] - p[i - 1], y = p[i + (size_t)w] - p[i - (size_t)w];
    return ((x < 0 ? -x : x) + (y < 0 ? -y : y)) >> 8;
}

/*
 * A thing has edges along its outline where the background has none; a place that something left
 * has them in the background only. Along the outline of blob b, which of the two is steeper?
 */
static bool is_ghost(const struct motion *m, uint8_t *const c[3], int b)
{
    const struct motion_blob *o = &m->regions.blob[b];
    const uint16_t *label = m->regions.label;
    int w = m->plane->w, h = m->plane->h;
    int64_t now = 0, back = 0;
    int n = 0;

    for (int y = MAX(o->y0, 1); y < MIN(o->y1, h - 1); y++)
        for (int x = MAX(o->x0, 1); x < MIN(o->x1, w - 1); x++) {
            size_t i = (size_t)y * w + x;
            if (label[i] != b + 1 || (label[i - 1] == b + 1 && label[i + 1] == b + 1 &&
                                      label[i - w] == b + 1 && label[i + w] == b + 1))
                continue;
            now += steepness8(c[0], i, w);
            back += steepness16(m->model.mean[0], i, w);
            n++;
        }
    return n >= 12 && 2 * back > 3 * now && back > (int64_t)n * 12;
}

static void adopt_blob(struct motion *m, uint8_t *const c[3], int b)
{
    struct motion_blob *o = &m->regions.blob[b];

    for (int y = o->y0; y < o->y1; y++)
        for (int x = o->x0; x < o->x1; x++) {
            size_t i = (size_t)y * m->plane->w + x;
            if (m->regions.label[i] != b + 1)
                continue;
            motion_model_adopt(&m->model, c, i);
            m->mask[i] = m->seen[i] = 0;
            m->regions.label[i] = 0;
        }
    o->area = o->seen = 0;
}

/* Nothing in it has changed for a while: a thing put down, a mark of other light. */
static bool is_lifeless(const struct motion *m, int b)
{
    const struct motion_blob *o = &m->regions.blob[b];
    int alive = 0, n = 0;

    for (int y = o->y0; y < o->y1; y++)
        for (int x = o->x0; x < o->x1; x++) {
            size_t i = (size_t)y * m->plane->w + x;
            bool in = m->regions.label[i] == b + 1;
            n += in;
            alive += in && m->stir[i] > 0;
        }
    return alive < STIR_SHARE * n;
}

static void stir_row(const uint8_t *restrict now, uint8_t *restrict before, uint8_t *restrict stir,
                     int wear, int full, int n)
{
    for (int i = 0; i < n; i++) {
        int d = now[i] - before[i];
        int s = stir[i] > wear ? stir[i] - wear : 0;
        bool moved = d > STIR_LEVELS || d < -STIR_LEVELS;
        stir[i] = (uint8_t)(moved ? full : s);
        before[i] = moved ? now[i] : before[i];
    }
}

/* Which pixels changed from frame to frame. Where that can not be told (a pose is being undone, so
 * edges shimmer) everything that is set stays alive. */
static void note_stir(struct motion *m, uint8_t *const c[3], int64_t step_us)
{
    int64_t full = (int64_t)(MIN(m->o.absorb_s / 6, 10) * 1e6) / STIR_US;

    m->stir_us += step_us;
    int wear = (int)MIN(m->stir_us / STIR_US, 255);
    m->stir_us -= (int64_t)wear * STIR_US;
    stir_row(c[0], m->before, m->stir, wear, (int)CLAMP(full, 1, 255), m->plane->w * m->plane->h);
}

static void note_stood(struct motion *m, uint8_t *const c[3], int64_t step_us)
{
    size_t n = (size_t)m->plane->w * m->plane->h;
    int step = (int)CLAMP(step_us / STOOD_US, 1, 1000);
    int limit = (int)MIN(m->o.absorb_s * 1e6 / STOOD_US, 64000), most = 0;
    uint16_t *restrict stood = m->stood;
    const uint8_t *restrict seen = m->seen;

    for (size_t i = 0; i < n; i++) {
        int v = seen[i] ? stood[i] + step : 0;
        stood[i] = (uint16_t)v;
        most = v > most ? v : most;
    }
    for (size_t i = 0; most > limit && i < n; i++)
        if (m->stood[i] > limit) {
            motion_model_adopt(&m->model, c, i);
            m->stood[i] = 0;
        }
}

/* Gives to the background what is no thing: ghosts, what lies lifeless, what stood for too long. */
void motion_things_give_back(struct motion *m, uint8_t *const c[3], int64_t step_us)
{
    note_stir(m, c, step_us);
    note_stood(m, c, step_us);
    /* a third of the blobs a frame is soon enough */
    for (int b = (int)(m->frames % 3); b < m->regions.n; b += 3)
        if (m->regions.blob[b].area >= 24 && (is_lifeless(m, b) || is_ghost(m, c, b)))
            adopt_blob(m, c, b);
}
