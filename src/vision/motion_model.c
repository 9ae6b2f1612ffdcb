/*
 * The background of each pixel as a set of colours it has had. A look compares all 16 in straight
 * rows (vector code, no early way out: the same work for every picture). Which samples are replaced
 * is decided by a small generator with a fixed seed, so the same film gives the same masks.
 *
 * Unlike ViBe a sample is never spread into foreground: that eats people who stand. What a ghost
 * leaves behind is recognised as such in motion.c and adopted at once.
 */
#include <string.h>

#include "vision/motion_priv.h"

#define FLICKER_STEP 24 /* a pixel that came or went; it calms down by 1 a frame */
#define SEED         0x9e3779b9u

static uint32_t next_random(struct motion_model *m)
{
    uint32_t x = m->seed; /* xorshift32, Marsaglia 2003 */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return m->seed = x;
}

static uint8_t *sample_row(const struct motion_model *m, int y, int k, int c)
{
    return m->samples + (((size_t)y * MODEL_SAMPLES + (size_t)k) * 3 + (size_t)c) * (size_t)m->w;
}

int motion_model_init(struct motion_model *m, int w, int h)
{
    size_t n = (size_t)w * (size_t)h;

    *m = (struct motion_model){.w = w, .h = h, .seed = SEED};
    m->samples = mem_try_calloc(n * 3, MODEL_SAMPLES);
    for (int c = 0; c < 3; c++)
        m->mean[c] = mem_try_calloc(n, sizeof(uint16_t));
    m->noise = mem_try_calloc(n, sizeof(uint16_t));
    m->flicker = mem_try_calloc(n, 1);
    m->was = mem_try_calloc(n, 1);
    m->reach = mem_try_calloc(n, 1);
    m->nearest = mem_try_calloc(n, 1);
    m->count = mem_try_calloc((size_t)w, 1);
    if (m->samples && m->mean[0] && m->mean[1] && m->mean[2] && m->noise && m->flicker && m->was &&
        m->reach && m->nearest && m->count)
        return 0;
    motion_model_finish(m);
    return -1;
}

void motion_model_finish(struct motion_model *m)
{
    free(m->samples);
    for (int c = 0; c < 3; c++)
        free(m->mean[c]);
    free(m->noise);
    free(m->flicker);
    free(m->was);
    free(m->reach);
    free(m->nearest);
    free(m->count);
    *m = (struct motion_model){0};
}

void motion_model_start(struct motion_model *m, uint8_t *const c[3])
{
    size_t n = (size_t)m->w * (size_t)m->h;

    m->seed = SEED;
    m->looks = 0;
    memset(m->flicker, 0, n);
    memset(m->was, 0, n);
    for (size_t i = 0; i < n; i++) {
        m->noise[i] = 2 << 8;
        for (int p = 0; p < 3; p++)
            m->mean[p][i] = (uint16_t)(c[p][i] << 8);
    }
    /* the neighbours' colours stand for the pixel's past; half of the samples are its own */
    for (int y = 0; y < m->h; y++)
        for (int k = 0; k < MODEL_SAMPLES; k++) {
            int dx = k & 1 ? (k >> 1) % 3 - 1 : 0, dy = k & 1 ? (k >> 1) / 3 - 1 : 0;
            int from_y = CLAMP(y + dy, 0, m->h - 1), w = m->w;
            for (int p = 0; p < 3; p++) {
                const uint8_t *from = c[p] + (size_t)from_y * w;
                uint8_t *to = sample_row(m, y, k, p);
                memcpy(to + MAX(-dx, 0), from + MAX(dx, 0), (size_t)(w - (dx != 0)));
                if (dx < 0)
                    to[0] = from[0];
                else if (dx > 0)
                    to[w - 1] = from[w - 1];
            }
        }
}

static inline uint8_t apart(uint8_t a, uint8_t b)
{
    uint8_t hi = a > b ? a : b, lo = a > b ? b : a;
    return (uint8_t)(hi - lo);
}

static void look_sample(const uint8_t *restrict sy, const uint8_t *restrict su,
                        const uint8_t *restrict sv, const uint8_t *restrict y,
                        const uint8_t *restrict u, const uint8_t *restrict v,
                        const uint8_t *restrict reach, uint8_t *restrict count,
                        uint8_t *restrict nearest, int n)
{
    for (int i = 0; i < n; i++) {
        uint8_t a = apart(sy[i], y[i]), b = apart(su[i], u[i]), c = apart(sv[i], v[i]);
        uint8_t d = a > b ? a : b;
        d = d > c ? d : c;
        count[i] = (uint8_t)(count[i] + (d <= reach[i]));
        nearest[i] = nearest[i] < d ? nearest[i] : d;
    }
}

static void reach_row(const uint16_t *restrict noise, const uint8_t *restrict flicker,
                      uint8_t *restrict reach, int n)
{
    for (int i = 0; i < n; i++) {
        int r = REACH_BASE + (noise[i] >> 7) + (flicker[i] >> 3);
        reach[i] = (uint8_t)(r < REACH_MAX ? r : REACH_MAX);
    }
}

/* What was seen of a row goes into its mask, its unrest and its flicker. */
static void settle_row(const uint8_t *restrict count, const uint8_t *restrict nearest,
                       uint8_t *restrict was, uint8_t *restrict flicker, uint16_t *restrict noise,
                       uint8_t *restrict mask, int n)
{
    for (int i = 0; i < n; i++) {
        uint8_t fg = count[i] < MODEL_NEEDED;
        int f = flicker[i];
        f = fg != was[i] ? f + FLICKER_STEP : f - (f > 0);
        flicker[i] = (uint8_t)(f < 255 ? f : 255);
        int near = fg ? noise[i] >> 8 : nearest[i];
        noise[i] = (uint16_t)(noise[i] + near * 4 - (noise[i] >> 6)); /* an average over 64 looks */
        was[i] = fg;
        mask[i] = fg;
    }
}

void motion_model_look(struct motion_model *m, uint8_t *const c[3], const uint8_t *valid,
                       uint8_t *mask)
{
    for (int y = 0; y < m->h; y++) {
        size_t at = (size_t)y * m->w;
        reach_row(m->noise + at, m->flicker + at, m->reach + at, m->w);
        memset(m->count, 0, (size_t)m->w);
        memset(m->nearest + at, 255, (size_t)m->w);
        for (int k = 0; k < MODEL_SAMPLES; k++)
            look_sample(sample_row(m, y, k, 0), sample_row(m, y, k, 1), sample_row(m, y, k, 2),
                        c[0] + at, c[1] + at, c[2] + at, m->reach + at, m->count, m->nearest + at,
                        m->w);
        if (valid)
            for (int x = 0; x < m->w; x++)
                if (!valid[at + x]) {
                    m->count[x] = MODEL_SAMPLES;
                    m->nearest[at + x] = 0;
                }
        settle_row(m->count, m->nearest + at, m->was + at, m->flicker + at, m->noise + at,
                   mask + at, m->w);
    }
    m->looks++;
}

static void put_sample(struct motion_model *m, uint8_t *const c[3], int x, int y, size_t from,
                       int k)
{
    for (int p = 0; p < 3; p++)
        sample_row(m, y, k, p)[x] = c[p][from];
}

static void mean_rows(struct motion_model *m, uint8_t *const c[3], const uint8_t *valid,
                      const uint8_t *keep, int rate)
{
    for (int y = (int)(m->looks & 3); y < m->h; y += 4) {
        size_t at = (size_t)y * m->w;
        for (int p = 0; p < 3; p++) {
            const uint8_t *restrict v = c[p] + at, *restrict k = keep + at;
            uint16_t *restrict mean = m->mean[p] + at;
            for (int x = 0; x < m->w; x++) {
                int d = ((v[x] << 8) - mean[x]) * rate / 1024;
                mean[x] = (uint16_t)(mean[x] + (k[x] || (valid && !valid[at + x]) ? 0 : d));
            }
        }
    }
}

void motion_model_learn(struct motion_model *m, uint8_t *const c[3], const uint8_t *valid,
                        const uint8_t *keep, double share, double rate)
{
    size_t n = (size_t)m->w * (size_t)m->h;
    /* strides of 1 .. 2 f - 1 pixels: f on average, none twice */
    uint32_t f = share <= 1.0 / 1024 ? 1024 : share >= 1 ? 1 : (uint32_t)(1 / share + 0.5);

    for (size_t i = next_random(m) % f; i < n; i += 1 + next_random(m) % (2 * f - 1)) {
        if (keep[i] || (valid && !valid[i]))
            continue;
        uint32_t r = next_random(m);
        int x = (int)(i % (size_t)m->w), y = (int)(i / (size_t)m->w);
        put_sample(m, c, x, y, i, (int)(r % MODEL_SAMPLES));
        int nx = CLAMP(x + (int)(r >> 8) % 3 - 1, 0, m->w - 1);
        int ny = CLAMP(y + (int)(r >> 12) % 3 - 1, 0, m->h - 1);
        if (!keep[(size_t)ny * m->w + nx])
            put_sample(m, c, nx, ny, i, (int)((r >> 20) % MODEL_SAMPLES));
    }
    /* a quarter of the rows each time, with four times the rate */
    mean_rows(m, c, valid, keep, (int)(MIN(4 * rate, 1.0) * 1024));
}

void motion_model_adopt(struct motion_model *m, uint8_t *const c[3], size_t at)
{
    int x = (int)(at % (size_t)m->w), y = (int)(at / (size_t)m->w);

    for (int k = 0; k < MODEL_SAMPLES; k++)
        put_sample(m, c, x, y, at, k);
    for (int p = 0; p < 3; p++)
        m->mean[p][at] = (uint16_t)(c[p][at] << 8);
    m->flicker[at] = m->was[at] = 0;
}

void motion_model_luma(const struct motion_model *m, uint8_t *to)
{
    size_t n = (size_t)m->w * (size_t)m->h;
    const uint16_t *restrict mean = m->mean[0];

    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(mean[i] >> 8);
}
