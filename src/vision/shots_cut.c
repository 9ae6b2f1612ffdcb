/*
 * Hard cuts of the adaptive detector.
 *
 * A frame is a candidate when its score stands out from the two frames before and after
 * (PySceneDetect's AdaptiveDetector: `threshold` times their mean, and at least 15). Candidates are
 * then looked at as pictures:
 *
 *   return     a frame shortly after resembles the one before the candidate: a flash, a bird
 * through the picture, a dropout. The same backwards in time is the end of such a burst. shift
 * moving the picture sideways explains most of the difference: the camera was thrown round.
 *   structure  every part of the picture still looks the same but brighter or darker: light.
 *   darkness   hue and saturation jump in near black while nothing visible changes.
 *
 * A cut into fast motion stands out less. One that scores at least twice its neighbours is taken if
 * the pictures of either side all differ from the other side's, no shift explains it and nothing of
 * the structure stayed.
 */
#include "vision/shots_priv.h"

#include <math.h>
#include <string.h>

#define WINDOW       2    /* frames either side that the score is compared with */
#define SCORE_MIN    15.0 /* no cut below */
#define RETURN_NEAR  4    /* frames: a flash */
#define RETURN_FAR   14   /* frames: a longer burst, which must return more exactly */
#define WEAK_RATIO   2.0  /* of the score to its neighbours', for cuts into motion */
#define WEAK_FRAMES  8    /* frames after such a cut that must be there to be looked at */
#define VISIBLE      8.0  /* least mean difference of two pictures that part shots, of 255 */
#define VISIBLE_WEAK 20.0
#define DARK         20   /* luma of the bars beside a picture, at most */
#define SAME_LIGHT   0.85 /* structure of two frames that differ in light only, at least */

int cut_lookahead(const struct shots *s)
{
    (void)s;
    return RETURN_FAR;
}

static double differ(const struct thumb *a, const struct thumb *b)
{
    int n = a->w * a->h, sum = 0;
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < n; i++) {
            int d = a->c[c][i] - b->c[c][i];
            sum += d < 0 ? -d : d;
        }
    }
    return sum / (3.0 * n);
}

static uint8_t luma_of(int r, int g, int b)
{
    return (uint8_t)((77 * r + 150 * g + 29 * b + 128) >> 8);
}

static void luma_plane(const struct thumb *t, uint8_t *out)
{
    for (int i = 0; i < t->w * t->h; i++)
        out[i] = luma_of(t->c[0][i], t->c[1][i], t->c[2][i]);
}

/* Mean difference where b, moved by (dx, dy), overlaps a. */
static double differ_moved(const uint8_t *a, const uint8_t *b, int w, int h, int dx, int dy)
{
    int x0 = MAX(0, dx), x1 = MIN(w, w + dx), y0 = MAX(0, dy), y1 = MIN(h, h + dy), sum = 0;
    for (int y = y0; y < y1; y++) {
        const uint8_t *p = a + y * w, *q = b + (y - dy) * w - dx;
        for (int x = x0; x < x1; x++) {
            int d = p[x] - q[x];
            sum += d < 0 ? -d : d;
        }
    }
    return sum / (double)((x1 - x0) * (y1 - y0));
}

/* How much of the difference remains under the best shift of the picture: up to 7/16 of its width,
 * 1/4 of its height. */
static double shift_rest(const struct thumb *a, const struct thumb *b)
{
    uint8_t pa[THUMB_SIDE * THUMB_SIDE], pb[THUMB_SIDE * THUMB_SIDE];
    int w = a->w, h = a->h, reach_x = w * 7 / 16, reach_y = h / 4;

    luma_plane(a, pa);
    luma_plane(b, pb);
    double still = differ_moved(pa, pb, w, h, 0, 0), best = still;
    int best_x = 0, best_y = 0;
    for (int dy = -reach_y; dy <= reach_y; dy += 2) {
        for (int dx = -reach_x; dx <= reach_x; dx += 2) {
            double d = differ_moved(pa, pb, w, h, dx, dy);
            if (d < best) {
                best = d;
                best_x = dx;
                best_y = dy;
            }
        }
    }
    for (int dy = best_y - 1; dy <= best_y + 1; dy++)
        for (int dx = best_x - 1; dx <= best_x + 1; dx++)
            if (dx > -w && dx < w && dy > -h && dy < h)
                best = MIN(best, differ_moved(pa, pb, w, h, dx, dy));
    return still > 0 ? best / still : 1;
}

/*
 * Correlation of luma in a rectangle; 2 where neither picture shows anything in it. What is dark in
 * both does not count: the bars beside a picture are no part of it.
 */
static double correlation(const uint8_t *a, const uint8_t *b, int stride, int w, int h)
{
    int sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0, n = 0;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            int p = a[y * stride + x], q = b[y * stride + x], counts = MAX(p, q) > DARK;
            p *= counts;
            q *= counts;
            n += counts;
            sa += p;
            sb += q;
            saa += p * p;
            sbb += q * q;
            sab += p * q;
        }
    }
    if (n * 4 < w * h)
        return 2;
    double va = saa - (double)sa * sa / n, vb = sbb - (double)sb * sb / n;
    double flat = 1.5 * 1.5 * n;
    if (va < flat && vb < flat)
        return 2;
    if (va < 1 || vb < 1)
        return 0;
    return (sab - (double)sa * sb / n) / sqrt(va * vb);
}

double cut_layout(const struct look *a, const struct look *b)
{
    uint8_t pa[SMALL_SIDE * SMALL_SIDE], pb[SMALL_SIDE * SMALL_SIDE];
    int plane = SMALL_SIDE * SMALL_SIDE;
    for (int i = 0; i < plane; i++) {
        pa[i] = luma_of(a->small[i], a->small[plane + i], a->small[2 * plane + i]);
        pb[i] = luma_of(b->small[i], b->small[plane + i], b->small[2 * plane + i]);
    }
    double r = correlation(pa, pb, SMALL_SIDE, (a->thumb.w + 3) / 4, (a->thumb.h + 3) / 4);
    return r > 1.5 ? 0 : r;
}

double cut_structure(const struct thumb *a, const struct thumb *b)
{
    uint8_t pa[THUMB_SIDE * THUMB_SIDE], pb[THUMB_SIDE * THUMB_SIDE];
    double found[16];
    int n = 0;

    luma_plane(a, pa);
    luma_plane(b, pb);
    for (int ty = 0; ty < 4; ty++) {
        for (int tx = 0; tx < 4; tx++) {
            int x0 = a->w * tx / 4, x1 = a->w * (tx + 1) / 4;
            int y0 = a->h * ty / 4, y1 = a->h * (ty + 1) / 4;
            if (x1 - x0 < 2 || y1 - y0 < 2)
                continue;
            double r =
                correlation(pa + y0 * a->w + x0, pb + y0 * a->w + x0, a->w, x1 - x0, y1 - y0);
            if (r > 1.5)
                continue;
            int at = n++;
            for (; at > 0 && found[at - 1] > r; at--)
                found[at] = found[at - 1];
            found[at] = r;
        }
    }
    if (n < 3)
        return 0;
    return n & 1 ? found[n / 2] : (found[n / 2 - 1] + found[n / 2]) / 2;
}

/* The score of k against the mean of its neighbours'; negative when they are not all there. */
static double ratio_at(const struct shots *s, int64_t k)
{
    double sum = 0;
    for (int64_t i = k - WINDOW; i <= k + WINDOW; i++) {
        if (!look_has(s, i))
            return -1;
        if (i != k)
            sum += look_at(s, i)->score;
    }
    double mean = sum / (2 * WINDOW);
    return mean < 1e-5 ? 255 : MIN(look_at(s, k)->score / mean, 255);
}

/* Least difference of frame `of` to the frames first..last that are remembered, in units of
 * `whole`; 9 for none. */
static double least_difference(const struct shots *s, int64_t of, int64_t first, int64_t last,
                               double whole)
{
    double least = 9;
    for (int64_t i = first; i <= last; i++)
        if (look_has(s, i))
            least = MIN(least, differ(&look_at(s, of)->thumb, &look_at(s, i)->thumb) / whole);
    return least;
}

static bool returns(const struct shots *s, int64_t k, double whole)
{
    int64_t far = MIN(RETURN_FAR, s->o.min_length - 1), near = MIN(RETURN_NEAR, far);
    return least_difference(s, k - 1, k + 1, k + near, whole) < 0.5 ||
           least_difference(s, k - 1, k + near + 1, k + far, whole) < 0.35 ||
           least_difference(s, k, k - 1 - near, k - 2, whole) < 0.5 ||
           least_difference(s, k, k - 1 - far, k - 2 - near, whole) < 0.35;
}

bool cut_decide(const struct shots *s, int64_t k)
{
    if (!look_has(s, k - 1) || look_at(s, k)->score < SCORE_MIN)
        return false;
    double ratio = ratio_at(s, k);
    bool strong = ratio >= s->o.threshold;
    if (!strong && ratio < WEAK_RATIO * s->o.threshold / 3)
        return false;
    const struct thumb *before = &look_at(s, k - 1)->thumb, *after = &look_at(s, k)->thumb;
    double whole = differ(before, after);
    if (whole < VISIBLE || returns(s, k, whole))
        return false;
    double structure = cut_structure(before, after);
    if (strong)
        return structure <= SAME_LIGHT && shift_rest(before, after) >= 0.5;
    return whole >= VISIBLE_WEAK && look_has(s, k + WEAK_FRAMES) && structure <= 0.35 &&
           least_difference(s, k - 1, k + 1, k + WEAK_FRAMES, whole) >= 0.75 &&
           least_difference(s, k, k - 1 - WEAK_FRAMES, k - 2, whole) >= 0.75 &&
           shift_rest(before, after) >= 0.6;
}
