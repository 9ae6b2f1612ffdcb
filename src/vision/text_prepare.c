/*
 * Readers of print want dark letters some 36 pixels tall on white. The box is cut out with a margin
 * (a letter or two may have been missed at its ends), turned dark on light, scaled, and its ground
 * is flattened: what is not clearly darker than the middle between the ink and the ground around it
 * becomes white.
 */
#include <stdlib.h>
#include <string.h>

#include "vision/rows_priv.h"
#include "vision/text_priv.h"

#define HEIGHT_WANTED 36
#define BORDER        10  /* white around, pixels */
#define DARK          170 /* what is darker counts as ink where ground is told from letters */

void text_image_free(struct text_image *t)
{
    if (!t)
        return;
    free(t->p);
    free(t);
}

/* The part of the frame, dark text on light, full range. */
static int cut_out(const struct vision_frame *f, const struct text_box *box, int x0, int y0, int x1,
                   int y1, struct text_plane *ret, struct err *e)
{
    CLEANUP_FREE uint8_t *buf = mem_try_calloc((size_t)f->width, 1);
    uint8_t *p = mem_try_calloc((size_t)(x1 - x0), (size_t)(y1 - y0));
    int black, white;
    uint8_t map[256];

    if (!buf || !p) {
        free(p);
        return err_set(e, ERR_LIMIT, "no memory for a box of text");
    }
    luma_range(f, &black, &white);
    for (int i = 0; i < 256; i++) {
        int v = CLAMP((i - black) * 255 / (white - black), 0, 255);
        map[i] = (uint8_t)(box->light ? 255 - v : v);
    }
    for (int y = y0; y < y1; y++) {
        const uint8_t *row = luma_row(f, y, buf);
        uint8_t *to = p + (size_t)(y - y0) * (size_t)(x1 - x0);
        for (int x = x0; x < x1; x++)
            to[x - x0] = map[row[x]];
    }
    *ret = (struct text_plane){.w = x1 - x0, .h = y1 - y0, .p = p};
    return 0;
}

/* Bilinear, pixel centres on pixel centres, into a part of a larger picture. */
static void scale_into(const struct text_plane *from, uint8_t *to, int w, int h, int stride)
{
    for (int y = 0; y < h; y++) {
        int sy =
            CLAMP((int)(((2 * (int64_t)y + 1) * from->h * 128) / h - 128), 0, (from->h - 1) * 256);
        const uint8_t *a = from->p + (size_t)(sy >> 8) * (size_t)from->w;
        const uint8_t *b = sy >> 8 < from->h - 1 ? a + from->w : a;
        int fy = sy & 255;
        for (int x = 0; x < w; x++) {
            int sx = CLAMP((int)(((2 * (int64_t)x + 1) * from->w * 128) / w - 128), 0,
                           (from->w - 1) * 256);
            int i = sx >> 8, k = i < from->w - 1 ? i + 1 : i, fx = sx & 255;
            int upper = a[i] * (256 - fx) + a[k] * fx, lower = b[i] * (256 - fx) + b[k] * fx;
            to[(size_t)y * (size_t)stride + x] =
                (uint8_t)((upper * (256 - fy) + lower * fy + (1 << 15)) >> 16);
        }
    }
}

/* Brightness of the ink: the mean of what is clearly darker than its surroundings. */
static int ink_of(const struct text_plane *p, int reach)
{
    int64_t sum = 0, n = 0;
    struct text_means *means = text_means_new(p, reach);
    if (!means)
        return -1;
    for (int y = 0; y < p->h; y++) {
        const uint8_t *row = p->p + (size_t)y * (size_t)p->w, *mean = text_means_next(means);
        for (int x = 0; x < p->w; x++) {
            if (row[x] < mean[x] - 20) {
                sum += row[x];
                n++;
            }
        }
    }
    text_means_free(means);
    return n ? (int)(sum / n) : 0;
}

/* Flattens the ground in place. */
static int flatten(struct text_plane *p, int reach)
{
    int ink = ink_of(p, reach);
    struct text_means *means = ink < 0 ? NULL : text_means_new(p, reach);
    if (!means)
        return -1;
    uint8_t *copy = mem_try_calloc((size_t)p->w, (size_t)p->h);
    if (!copy) {
        text_means_free(means);
        return -1;
    }
    for (int y = 0; y < p->h; y++) {
        const uint8_t *row = p->p + (size_t)y * (size_t)p->w, *mean = text_means_next(means);
        uint8_t *to = copy + (size_t)y * (size_t)p->w;
        for (int x = 0; x < p->w; x++) {
            int middle = MAX(mean[x], ink + 24), half = MAX(12, (middle - ink) / 2);
            /* black at the ink, white from the middle on */
            to[x] = (uint8_t)CLAMP(255 - (middle - row[x]) * 255 / (2 * half), 0, 255);
        }
    }
    text_means_free(means);
    free(p->p);
    p->p = copy;
    return 0;
}

/*
 * Whitens the dark that runs in from the border: ground of the same brightness as the ink, which
 * the outline or shadow of the letters keeps apart from them.
 */
static int clear_border(struct text_plane *p)
{
    size_t n = (size_t)p->w * (size_t)p->h, waiting = 0;
    int32_t *stack = mem_try_calloc(n, sizeof(*stack));
    if (!stack)
        return -1;
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x += y == 0 || y == p->h - 1 ? 1 : MAX(1, p->w - 1))
            if (p->p[(size_t)y * (size_t)p->w + (size_t)x] < DARK) {
                p->p[(size_t)y * (size_t)p->w + (size_t)x] = 255;
                stack[waiting++] = (int32_t)(y * p->w + x);
            }
    while (waiting > 0) {
        int at = stack[--waiting], x = at % p->w, y = at / p->w;
        const int next[4] = {x > 0 ? at - 1 : -1, x < p->w - 1 ? at + 1 : -1,
                             y > 0 ? at - p->w : -1, y < p->h - 1 ? at + p->w : -1};
        for (int i = 0; i < 4; i++) {
            if (next[i] >= 0 && p->p[next[i]] < DARK) {
                p->p[next[i]] = 255; /* so that each is put on the stack once */
                stack[waiting++] = next[i];
            }
        }
    }
    free(stack);
    return 0;
}

int text_prepare(const struct vision_frame *f, const struct text_box *box, struct text_image **ret,
                 struct err *e)
{
    int height = MAX(box->height, 4), aside = height * 8 / 5, above = MAX(2, height * 2 / 5);
    int x0 = MAX(0, box->x - aside), x1 = MIN(f->width, box->x + box->w + aside);
    int y0 = MAX(0, box->y - above), y1 = MIN(f->height, box->y + box->h + above);
    struct text_plane plane;
    if (x0 >= x1 || y0 >= y1)
        return err_set(e, ERR_INPUT, "box of text at %d, %d lies outside of %d x %d", box->x,
                       box->y, f->width, f->height);
    if (cut_out(f, box, x0, y0, x1, y1, &plane, e) < 0)
        return -1;

    int by =
        height / (2 * HEIGHT_WANTED); /* large letters: means first, or thin strokes get lost */
    if (by >= 2) {
        struct text_plane less;
        if (text_plane_shrink(&plane, by, &less, e) < 0) {
            free(plane.p);
            return -1;
        }
        free(plane.p);
        plane = less;
        height /= by;
    }
    double scale = (double)HEIGHT_WANTED / height;
    scale = MIN(scale, (double)(TEXT_IMAGE_W_MAX - 2 * BORDER) / plane.w);
    int w = MAX(1, (int)(plane.w * scale)), h = MAX(1, (int)(plane.h * scale));

    struct text_image *image = XNEW(struct text_image);
    struct text_plane scaled = {.w = w, .h = h, .p = mem_try_calloc((size_t)w, (size_t)h)};
    image->w = w + 2 * BORDER;
    image->h = h + 2 * BORDER;
    image->p = mem_try_calloc((size_t)image->w, (size_t)image->h);
    if (scaled.p && image->p) {
        scale_into(&plane, scaled.p, w, h, w);
        if (flatten(&scaled, HEIGHT_WANTED / 2) == 0 && clear_border(&scaled) == 0) {
            memset(image->p, 255, (size_t)image->w * (size_t)image->h);
            for (int y = 0; y < h; y++)
                memcpy(image->p + (size_t)(y + BORDER) * (size_t)image->w + BORDER,
                       scaled.p + (size_t)y * (size_t)w, (size_t)w);
            free(plane.p);
            free(scaled.p);
            *ret = image;
            return 0;
        }
    }
    free(plane.p);
    free(scaled.p);
    text_image_free(image);
    return err_set(e, ERR_LIMIT, "no memory for a box of text");
}
