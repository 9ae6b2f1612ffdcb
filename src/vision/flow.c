#include "vision/flow.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define WORK_SIDE 256 /* pictures are followed at most this large */
#define LEVELS    4
#define HALF      4 /* window of 9 x 9 */
#define WINDOW    (2 * HALF + 1)
#define STEPS_MAX 8
#define AGREE_PX  0.7f
#define POINTS_X  12
#define POINTS_Y  8
#define TRIALS    64
#define MARGIN    (HALF + 2)

struct level {
    int w, h;
    uint8_t *p;
};
struct point {
    float x, y;
};
struct flow_picture {
    int w, h, factor; /* of the picture given; small pixels each way */
    int n_levels;
    struct level level[LEVELS];
    bool have_corners;
    int n_corners;
    struct point corner[FLOW_POINTS_MAX]; /* at level 0 */
    int32_t *products;                    /* three planes for the corner measure */
};

struct flow_picture *flow_picture_new(int w, int h)
{
    if (w < FLOW_SIDE_MIN || h < FLOW_SIDE_MIN)
        return NULL;
    struct flow_picture *p = XNEW(struct flow_picture);
    int larger = MAX(w, h);

    p->w = w;
    p->h = h;
    p->factor = MIN((larger + WORK_SIDE - 1) / WORK_SIDE, MAX(MIN(w, h) / FLOW_SIDE_MIN, 1));
    w /= p->factor;
    h /= p->factor;
    for (; p->n_levels < LEVELS && MIN(w, h) >= FLOW_SIDE_MIN; w /= 2, h /= 2) {
        struct level *l = &p->level[p->n_levels++];
        l->w = w;
        l->h = h;
        l->p = mem_try_calloc((size_t)w * h, 1);
        if (!l->p) {
            flow_picture_free(p);
            return NULL;
        }
    }
    p->products = mem_try_calloc(3 * (size_t)p->level[0].w * p->level[0].h, sizeof(int32_t));
    if (!p->products) {
        flow_picture_free(p);
        return NULL;
    }
    return p;
}

void flow_picture_free(struct flow_picture *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->n_levels; i++)
        free(p->level[i].p);
    free(p->products);
    free(p);
}

/* Means of blocks of k x k. */
static void shrink(const uint8_t *from, int from_w, struct level *to, int k)
{
    for (int y = 0; y < to->h; y++) {
        for (int x = 0; x < to->w; x++) {
            const uint8_t *s = from + (size_t)y * k * from_w + (size_t)x * k;
            int sum = k * k / 2;
            for (int j = 0; j < k; j++)
                for (int i = 0; i < k; i++)
                    sum += s[(size_t)j * from_w + i];
            to->p[(size_t)y * to->w + x] = (uint8_t)(sum / (k * k));
        }
    }
}

static void halve(const struct level *from, struct level *to)
{
    for (int y = 0; y < to->h; y++) {
        const uint8_t *restrict a = from->p + (size_t)2 * y * from->w;
        const uint8_t *restrict b = a + from->w;
        uint8_t *restrict o = to->p + (size_t)y * to->w;
        for (int x = 0; x < to->w; x++)
            o[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) / 4);
    }
}

void flow_picture_set(struct flow_picture *p, const uint8_t *luma)
{
    struct level *l = &p->level[0];

    if (p->factor == 1) {
        memcpy(l->p, luma, (size_t)l->w * l->h);
    } else if (p->factor == 2) {
        for (int y = 0; y < l->h; y++) {
            const uint8_t *restrict a = luma + (size_t)2 * y * p->w;
            const uint8_t *restrict b = a + p->w;
            uint8_t *restrict o = l->p + (size_t)y * l->w;
            for (int x = 0; x < l->w; x++)
                o[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) / 4);
        }
    } else {
        shrink(luma, p->w, l, p->factor);
    }
    for (int i = 1; i < p->n_levels; i++)
        halve(&p->level[i - 1], &p->level[i]);
    p->have_corners = false;
}

/* The smaller eigenvalue of the window's structure tensor, over its area. */
static float corner_measure(const struct flow_picture *p, int x, int y)
{
    const struct level *l = &p->level[0];
    size_t plane = (size_t)l->w * l->h;
    float xx = 0, xy = 0, yy = 0;

    for (int j = -HALF + 1; j < HALF; j++) {
        const int32_t *row = p->products + (size_t)(y + j) * l->w + x;
        for (int i = -HALF + 1; i < HALF; i++) {
            xx += (float)row[i];
            xy += (float)row[plane + i];
            yy += (float)row[2 * plane + i];
        }
    }
    float half = (xx + yy) / 2, d = (xx - yy) / 2;
    return (half - sqrtf(d * d + xy * xy)) / ((2 * HALF - 1) * (2 * HALF - 1));
}

static void gradients(struct flow_picture *p)
{
    const struct level *l = &p->level[0];
    size_t plane = (size_t)l->w * l->h;

    for (int y = 1; y < l->h - 1; y++) {
        const uint8_t *restrict r = l->p + (size_t)y * l->w;
        int32_t *restrict o = p->products + (size_t)y * l->w;
        for (int x = 1; x < l->w - 1; x++) {
            int gx = r[x + 1] - r[x - 1], gy = r[x + l->w] - r[x - l->w];
            o[x] = gx * gx;
            o[plane + x] = gx * gy;
            o[2 * plane + x] = gy * gy;
        }
    }
}

/* The best corner of each cell of a grid: spread out, so that one thing that moves does not outvote
 * the picture. Every second pixel is looked at. */
static void find_corners(struct flow_picture *p)
{
    const struct level *l = &p->level[0];

    p->have_corners = true;
    p->n_corners = 0;
    if (l->w < 4 * MARGIN || l->h < 4 * MARGIN / 2 || l->h <= 2 * MARGIN)
        return;
    gradients(p);
    for (int cy = 0; cy < POINTS_Y; cy++) {
        for (int cx = 0; cx < POINTS_X; cx++) {
            int x0 = MARGIN + (l->w - 2 * MARGIN) * cx / POINTS_X,
                x1 = MARGIN + (l->w - 2 * MARGIN) * (cx + 1) / POINTS_X;
            int y0 = MARGIN + (l->h - 2 * MARGIN) * cy / POINTS_Y,
                y1 = MARGIN + (l->h - 2 * MARGIN) * (cy + 1) / POINTS_Y;
            float best = 20; /* flatter than this is noise */
            struct point at = {-1, -1};
            for (int y = y0; y < y1; y += 2)
                for (int x = x0; x < x1; x += 2) {
                    float v = corner_measure(p, x, y);
                    if (v > best) {
                        best = v;
                        at = (struct point){(float)x, (float)y};
                    }
                }
            if (at.x >= 0)
                p->corner[p->n_corners++] = at;
        }
    }
}

/* n x n samples around (x, y), between pixels; false outside of the picture. */
static bool patch(const struct level *l, float x, float y, int half, float *out)
{
    float left = x - (float)half, top = y - (float)half;
    int n = 2 * half + 1;

    if (!(left >= 0 && top >= 0 && left + (float)n < (float)l->w && top + (float)n < (float)l->h))
        return false;
    int ix = (int)left, iy = (int)top;
    float fx = left - (float)ix, fy = top - (float)iy;
    float a = (1 - fx) * (1 - fy), b = fx * (1 - fy), c = (1 - fx) * fy, d = fx * fy;
    for (int j = 0; j < n; j++) {
        const uint8_t *restrict r = l->p + (size_t)(iy + j) * l->w + ix;
        const uint8_t *restrict s = r + l->w;
        for (int i = 0; i < n; i++)
            out[j * n + i] = a * r[i] + b * r[i + 1] + c * s[i] + d * s[i + 1];
    }
    return true;
}

/* Moves *q on one level until the windows agree. False: flat, or out of the picture. */
static bool follow_level(const struct level *from, const struct level *to, struct point p,
                         struct point *q, float *ret_error)
{
    enum { WIDE = WINDOW + 2 };
    float wide[WIDE * WIDE], now[WINDOW * WINDOW];
    float gx[WINDOW * WINDOW], gy[WINDOW * WINDOW], xx = 0, xy = 0, yy = 0;

    if (!patch(from, p.x, p.y, HALF + 1, wide))
        return false;
    for (int j = 0; j < WINDOW; j++)
        for (int i = 0; i < WINDOW; i++) {
            const float *c = wide + (j + 1) * WIDE + i + 1;
            float dx = (c[1] - c[-1]) / 2, dy = (c[WIDE] - c[-WIDE]) / 2;
            gx[j * WINDOW + i] = dx;
            gy[j * WINDOW + i] = dy;
            xx += dx * dx;
            xy += dx * dy;
            yy += dy * dy;
        }
    float det = xx * yy - xy * xy;
    if (det < 1.0f)
        return false;
    for (int step = 0; step < STEPS_MAX; step++) {
        float bx = 0, by = 0, error = 0;
        if (!patch(to, q->x, q->y, HALF, now))
            return false;
        for (int j = 0; j < WINDOW; j++)
            for (int i = 0; i < WINDOW; i++) {
                int k = j * WINDOW + i;
                float d = wide[(j + 1) * WIDE + i + 1] - now[k];
                bx += d * gx[k];
                by += d * gy[k];
                error += d < 0 ? -d : d;
            }
        float dx = (yy * bx - xy * by) / det, dy = (xx * by - xy * bx) / det;
        q->x += dx;
        q->y += dy;
        *ret_error = error / (WINDOW * WINDOW);
        if (dx * dx + dy * dy < 0.0009f)
            break;
    }
    return true;
}

static bool follow(const struct flow_picture *from, const struct flow_picture *to, struct point p,
                   struct point *q)
{
    float error = 0;

    for (int i = from->n_levels - 1; i >= 0; i--) {
        float scale = (float)(1 << i);
        /* pixel centres: a pixel of level i covers 2^i of level 0 */
        struct point a = {(p.x + 0.5f) / scale - 0.5f, (p.y + 0.5f) / scale - 0.5f};
        struct point b = {(q->x + 0.5f) / scale - 0.5f, (q->y + 0.5f) / scale - 0.5f};
        bool ok = follow_level(&from->level[i], &to->level[i], a, &b, &error);
        if (!ok && i == 0)
            return false;
        if (ok)
            *q = (struct point){(b.x + 0.5f) * scale - 0.5f, (b.y + 0.5f) * scale - 0.5f};
    }
    return error < 24 && isfinite(q->x) && isfinite(q->y);
}

/* x' = a x - b y + c, y' = b x + a y + d */
struct similarity {
    double a, b, c, d;
};

static double miss(const struct similarity *s, struct point p, struct point q)
{
    double dx = s->a * p.x - s->b * p.y + s->c - q.x, dy = s->b * p.x + s->a * p.y + s->d - q.y;
    return sqrt(dx * dx + dy * dy);
}

static int agreeing(const struct similarity *s, const struct point *p, const struct point *q, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        count += miss(s, p[i], q[i]) < AGREE_PX;
    return count;
}

static bool from_pair(struct point p0, struct point p1, struct point q0, struct point q1,
                      struct similarity *ret)
{
    double px = p1.x - p0.x, py = p1.y - p0.y, qx = q1.x - q0.x, qy = q1.y - q0.y;
    double n = px * px + py * py;

    if (n < 100)
        return false;
    double a = (px * qx + py * qy) / n, b = (px * qy - py * qx) / n;
    *ret = (struct similarity){a, b, q0.x - a * p0.x + b * p0.y, q0.y - b * p0.x - a * p0.y};
    double zoom = sqrt(a * a + b * b);
    return zoom > 0.7 && zoom < 1.4;
}

/* Least squares over the points that agree with *s; false when they are too few. */
static bool refine(struct similarity *s, const struct point *p, const struct point *q, int n)
{
    double px = 0, py = 0, qx = 0, qy = 0, dot = 0, cross = 0, norm = 0;
    int count = 0;

    for (int i = 0; i < n; i++) {
        if (miss(s, p[i], q[i]) >= AGREE_PX)
            continue;
        px += p[i].x, py += p[i].y, qx += q[i].x, qy += q[i].y;
        count++;
    }
    if (count < 4)
        return false;
    px /= count, py /= count, qx /= count, qy /= count;
    for (int i = 0; i < n; i++) {
        if (miss(s, p[i], q[i]) >= AGREE_PX)
            continue;
        double ax = p[i].x - px, ay = p[i].y - py, bx = q[i].x - qx, by = q[i].y - qy;
        dot += ax * bx + ay * by;
        cross += ax * by - ay * bx;
        norm += ax * ax + ay * ay;
    }
    if (norm < 1)
        return false;
    double a = dot / norm, b = cross / norm;
    *s = (struct similarity){a, b, qx - a * px + b * py, qy - b * px - a * py};
    return true;
}

static struct similarity fit(const struct point *p, const struct point *q, int n, int *ret_agree)
{
    struct similarity best = {.a = 1};
    int most = agreeing(&best, p, q, n);
    uint32_t seed = 12345; /* the same pairs for the same number of points */

    for (int t = 0; t < TRIALS && most < n; t++) {
        struct similarity s;
        seed = seed * 1664525u + 1013904223u;
        int i = (int)((seed >> 8) % (unsigned)n);
        seed = seed * 1664525u + 1013904223u;
        int j = (int)((seed >> 8) % (unsigned)n);
        if (i == j || !from_pair(p[i], p[j], q[i], q[j], &s))
            continue;
        int count = agreeing(&s, p, q, n);
        if (count > most) {
            most = count;
            best = s;
        }
    }
    for (int k = 0; k < 3; k++) {
        struct similarity s = best;
        if (!refine(&s, p, q, n))
            break;
        int count = agreeing(&s, p, q, n);
        if (count < most)
            break;
        most = count;
        best = s;
    }
    *ret_agree = most;
    return best;
}

static double largest_shift(const double m[6], int w, int h)
{
    double most = 0;

    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? w : 0, y = i & 2 ? h : 0;
        double dx = m[0] * x + m[1] * y + m[2] - x, dy = m[3] * x + m[4] * y + m[5] - y;
        most = MAX(most, sqrt(dx * dx + dy * dy));
    }
    return most;
}

void flow_between(struct flow_picture *from, const struct flow_picture *to, const double *guess,
                  struct flow_motion *ret)
{
    static const double identity[6] = {1, 0, 0, 0, 1, 0};
    struct point p[FLOW_POINTS_MAX], q[FLOW_POINTS_MAX];
    struct flow_motion r = {0};
    int n = 0;

    if (!guess)
        guess = identity;
    if (!from->have_corners)
        find_corners(from);
    /* between pictures as given and level 0: centres of blocks */
    float k = (float)from->factor, off = (k - 1) / 2;
    for (int i = 0; i < from->n_corners; i++) {
        struct point c = from->corner[i];
        double x = c.x * k + off, y = c.y * k + off;
        q[n] = (struct point){(float)(guess[0] * x + guess[1] * y + guess[2] - off) / k,
                              (float)(guess[3] * x + guess[4] * y + guess[5] - off) / k};
        if (!follow(from, to, c, &q[n]))
            continue;
        p[n] = c;
        r.still += hypotf(q[n].x - c.x, q[n].y - c.y) < AGREE_PX;
        n++;
    }
    r.points = n;
    memcpy(r.m, guess, sizeof(r.m));
    if (n >= 8) {
        struct similarity s = fit(p, q, n, &r.agree);
        double m[6] = {s.a, -s.b, s.c * k + off - off * (s.a - s.b),
                       s.b, s.a,  s.d * k + off - off * (s.a + s.b)};
        memcpy(r.m, m, sizeof(m));
    }
    r.size = largest_shift(r.m, from->w, from->h);
    *ret = r;
}
