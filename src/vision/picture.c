#include "vision/picture.h"

#include <math.h>
#include <string.h>

#include "vision/rows_priv.h"

/* ------------------------------------------------ quality
 * ------------------------------------------------ */

struct sums {
    int64_t n, edge, edge2; /* pixels with neighbours all round, their Laplacian, its square */
    uint32_t histogram[256];
    int64_t n_chroma, u, v, u2, v2; /* chroma around 0 */
};

static void laplacian_row(const uint8_t *restrict above, const uint8_t *restrict row,
                          const uint8_t *restrict below, int w, struct sums *s)
{
    int sum = 0;
    int64_t sum2 = 0;
    for (int from = 1; from < w - 1; from += 1024) { /* in pieces whose squares fit 32 bits */
        int to = MIN(w - 1, from + 1024);
        uint32_t piece = 0;
        for (int x = from; x < to; x++) {
            int l = 4 * row[x] - row[x - 1] - row[x + 1] - above[x] - below[x];
            sum += l;
            piece += (uint32_t)(l * l);
        }
        sum2 += piece;
    }
    s->edge += sum;
    s->edge2 += sum2;
    s->n += w - 2;
}

static void luma_sums(const struct vision_frame *f, struct sums *s)
{
    size_t room = (size_t)f->width;
    CLEANUP_FREE uint8_t *buf = xmalloc(3 * room);
    const uint8_t *rows[3] = {NULL, NULL, luma_row(f, 0, buf)};

    for (int y = 0; y < f->height; y++) {
        rows[0] = rows[1];
        rows[1] = rows[2];
        rows[2] = y + 1 < f->height ? luma_row(f, y + 1, buf + (size_t)((y + 1) % 3) * room) : NULL;
        if (rows[0] && rows[2] && f->width > 2)
            laplacian_row(rows[0], rows[1], rows[2], f->width, s);
        /* a histogram does not vectorise; a quarter of a large picture tells as much */
        int step = f->width * f->height > 40000 ? 2 : 1;
        if (y % step == 0)
            for (int x = 0; x < f->width; x += step)
                s->histogram[rows[1][x]]++;
    }
}

static void chroma_sums(const struct vision_frame *f, struct sums *s)
{
    if (f->model == VISION_GREY)
        return;
    bool yuv = f->model == VISION_YUV;
    int w = yuv ? (f->width + (1 << f->chroma_shift_x) - 1) >> f->chroma_shift_x : f->width;
    int h = yuv ? (f->height + (1 << f->chroma_shift_y) - 1) >> f->chroma_shift_y : f->height;
    int step = w * h > 20000 ? 2 : 1;
    for (int y = 0; y < h; y += step) {
        for (int x = 0; x < w; x += step) {
            int u, v;
            if (yuv) {
                u = sample_8bit(f, 1, x, y) - 128;
                v = sample_8bit(f, 2, x, y) - 128;
            } else {
                int r = sample_8bit(f, 0, x, y), g = sample_8bit(f, 1, x, y),
                    b = sample_8bit(f, 2, x, y);
                u = (-43 * r - 85 * g + 128 * b) / 256;
                v = (128 * r - 107 * g - 21 * b) / 256;
            }
            s->u += u;
            s->v += v;
            s->u2 += u * u;
            s->v2 += v * v;
            s->n_chroma++;
        }
    }
}

/* 0 at or below lo, 1 at or above hi. */
static double ramp(double v, double lo, double hi)
{
    return CLAMP((v - lo) / (hi - lo), 0.0, 1.0);
}

static void tones(const struct sums *s, int black, int white, struct picture_quality *q)
{
    double n = 0, sum = 0, sum2 = 0, bits = 0, range = white - black;
    uint32_t most = 0; /* pixels within a few levels of one: of a flat picture, nearly all */
    for (int i = 0; i < 256; i++) {
        double v = (i - black) / range, count = s->histogram[i];
        n += count;
        sum += count * v;
        sum2 += count * v * v;
        uint32_t near = 0;
        for (int k = MAX(0, i - 3); k <= MIN(255, i + 3); k++)
            near += s->histogram[k];
        most = MAX(most, near);
        if (v < 0.05)
            q->black += count;
        if (v > 0.985)
            q->white += count;
    }
    for (int i = 0; i < 256; i++)
        if (s->histogram[i])
            bits -= s->histogram[i] / n * log2(s->histogram[i] / n);
    q->brightness = CLAMP(sum / n, 0.0, 1.0);
    q->contrast = sqrt(MAX(0, sum2 / n - sum / n * (sum / n)));
    q->black /= n;
    q->white /= n;
    q->entropy = bits / 8;
    q->blank = most > 0.94 * n;
}

void picture_measure(const struct vision_frame *f, struct picture_quality *ret)
{
    struct sums s = {0};
    struct picture_quality q = {0};
    int black, white;

    luma_range(f, &black, &white);
    luma_sums(f, &s);
    chroma_sums(f, &s);
    tones(&s, black, white, &q);
    if (s.n > 0) {
        double mean = (double)s.edge / s.n, scale = 255.0 / (white - black);
        double variance = MAX(0, (double)s.edge2 / s.n - mean * mean) * scale * scale;
        q.sharpness = variance / (variance + 400);
    }
    if (s.n_chroma > 0) {
        double n = (double)s.n_chroma, u = s.u / n, v = s.v / n;
        double spread = sqrt(MAX(0, s.u2 / n - u * u) + MAX(0, s.v2 / n - v * v));
        q.colour = ramp(spread + 0.3 * sqrt(u * u + v * v), 0, 40);
    }
    if (!q.blank) {
        double light = ramp(q.brightness, 0.02, 0.28) * ramp(1 - q.brightness, 0.05, 0.30) *
                       (1 - 0.5 * ramp(q.white, 0.05, 0.4)) * (1 - 0.5 * ramp(q.black, 0.5, 0.95));
        q.score = (0.05 + 0.95 * light) * (0.1 + 0.9 * ramp(q.contrast, 0.02, 0.18)) *
                  (0.3 + 0.7 * ramp(q.entropy, 0.3, 0.9)) * (0.25 + 0.75 * q.sharpness) *
                  (0.85 + 0.15 * q.colour);
    }
    *ret = q;
}

/* ------------------------------------------------ change
 * ------------------------------------------------ */

/* Noticed: a difference of the mean brightness of a cell, and of its mean gradient, of 255. */
#define LUMA_STEP   14
#define DETAIL_STEP 8

void picture_digest(const struct vision_frame *f, struct picture_digest *ret)
{
    CLEANUP_FREE uint8_t *buf = xmalloc((size_t)f->width);
    uint32_t luma[DIGEST_W], detail[DIGEST_W], count[DIGEST_W];
    int black, white;

    luma_range(f, &black, &white);
    for (int cy = 0; cy < DIGEST_H; cy++) {
        /* pictures smaller than the grid repeat their rows and columns */
        int y0 = (int)((int64_t)f->height * cy / DIGEST_H);
        int y1 = MAX(y0 + 1, (int)((int64_t)f->height * (cy + 1) / DIGEST_H));
        memset(luma, 0, sizeof(luma));
        memset(detail, 0, sizeof(detail));
        memset(count, 0, sizeof(count));
        for (int y = y0; y < y1; y++) {
            const uint8_t *row = luma_row(f, y, buf);
            for (int cx = 0; cx < DIGEST_W; cx++) {
                int x0 = (int)((int64_t)f->width * cx / DIGEST_W);
                int x1 = MAX(x0 + 1, (int)((int64_t)f->width * (cx + 1) / DIGEST_W));
                uint32_t sum = 0, steps = 0;
                for (int x = x0; x < x1; x++) {
                    sum += row[x];
                    int d = row[x] - row[MIN(x + 1, f->width - 1)];
                    steps += (uint32_t)(d < 0 ? -d : d);
                }
                luma[cx] += sum;
                detail[cx] += steps;
                count[cx] += (uint32_t)(x1 - x0);
            }
        }
        for (int cx = 0; cx < DIGEST_W; cx++) {
            int v = ((int)(luma[cx] / count[cx]) - black) * 255 / (white - black);
            ret->luma[cy * DIGEST_W + cx] = (uint8_t)CLAMP(v, 0, 255);
            ret->detail[cy * DIGEST_W + cx] = (uint8_t)(detail[cx] / count[cx]);
        }
    }
}

double picture_change(const struct picture_digest *a, const struct picture_digest *b)
{
    int changed = 0;
    for (int i = 0; i < DIGEST_W * DIGEST_H; i++) {
        int luma = a->luma[i] - b->luma[i], detail = a->detail[i] - b->detail[i];
        changed +=
            luma > LUMA_STEP || luma < -LUMA_STEP || detail > DETAIL_STEP || detail < -DETAIL_STEP;
    }
    return changed / (double)(DIGEST_W * DIGEST_H);
}
