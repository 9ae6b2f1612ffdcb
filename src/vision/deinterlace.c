#include "vision/deinterlace.h"

#include <string.h>

#include "base/mem.h"
#include "vision/rows_priv.h"

#define COMB_MIN 12 /* of 255: a row that stands out less from both its neighbours is no comb */

struct vision_frame deinterlace_field(const struct vision_frame *f, bool odd)
{
    struct vision_frame field = *f;
    if (f->height < 2)
        return field;
    field.height = odd ? f->height / 2 : (f->height + 1) / 2;
    for (int i = 0; i < 3; i++) {
        /* the fields alternate in subsampled chroma, too; where it has but one row both share that
         */
        int shift = f->model == VISION_YUV && i > 0 ? f->chroma_shift_y : 0;
        int rows = (f->height + (1 << shift) - 1) >> shift;
        int field_rows = (field.height + (1 << shift) - 1) >> shift;
        bool enough = (field_rows - 1) * 2 + odd < rows;
        if (!f->c[i].p)
            continue;
        if (odd && enough)
            field.c[i].p += f->c[i].stride;
        if (enough || rows > 1)
            field.c[i].stride *= 2;
    }
    return field;
}

static inline int distance(int a, int b)
{
    return a > b ? a - b : b - a;
}

/* above, below: rows of the kept field; now, past: the row to rebuild in this frame and the one
 * before. */
static void rebuild_row(uint8_t *restrict dst, const uint8_t *restrict above,
                        const uint8_t *restrict now, const uint8_t *restrict below,
                        const uint8_t *restrict past_above, const uint8_t *restrict past,
                        const uint8_t *restrict past_below, int w)
{
    for (int x = 0; x < w; x++) {
        int between = (above[x] + below[x] + 1) >> 1, woven = (now[x] + past[x] + 1) >> 1;
        /* how far from the woven value motion may have carried it */
        int room = MAX(distance(now[x], past[x]) / 2,
                       (distance(above[x], past_above[x]) + distance(below[x], past_below[x])) / 2);
        int v = between < woven - room   ? woven - room
                : between > woven + room ? woven + room
                                         : between;
        dst[x] = (uint8_t)CLAMP(v, 0, 255);
    }
}

static void average_row(uint8_t *restrict dst, const uint8_t *restrict above,
                        const uint8_t *restrict below, int w)
{
    for (int x = 0; x < w; x++)
        dst[x] = (uint8_t)((above[x] + below[x] + 1) >> 1);
}

void deinterlace_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *cur, ptrdiff_t cur_stride,
                       const uint8_t *before, ptrdiff_t before_stride, int w, int h, bool keep_odd)
{
    for (int y = 0; y < h; y++) {
        uint8_t *to = dst + dst_stride * y;
        const uint8_t *now = cur + cur_stride * y;
        if ((y & 1) == keep_odd || h < 2) {
            memcpy(to, now, (size_t)w);
            continue;
        }
        int up = y > 0 ? y - 1 : y + 1, down = y + 1 < h ? y + 1 : y - 1;
        const uint8_t *above = cur + cur_stride * up, *below = cur + cur_stride * down;
        if (before)
            rebuild_row(to, above, now, below, before + before_stride * up,
                        before + before_stride * y, before + before_stride * down, w);
        else
            average_row(to, above, below, w);
    }
}

/*
 * Combed: the rows above and below differ to the same side from this one, and the rows two away
 * agree with it more than those do; so that fine horizontal lines, which stand alone, do not count.
 */
static int combed_row(const uint8_t *restrict a2, const uint8_t *restrict a1,
                      const uint8_t *restrict row, const uint8_t *restrict b1,
                      const uint8_t *restrict b2, int w, uint8_t *restrict combed)
{
    int count = 0;
    for (int x = 0; x < w; x++) {
        int up = row[x] - a1[x], down = row[x] - b1[x];
        int least = up > 0 ? MIN(up, down) : MIN(-up, -down);
        int far = distance(row[x], a2[x]) + distance(row[x], b2[x]) + distance(a1[x], b1[x]);
        combed[x] = (least > COMB_MIN) & (2 * far < 3 * least);
    }
    for (int x = 1; x < w; x++) /* noise combs single pixels */
        count += combed[x] & combed[x - 1];
    return count;
}

double deinterlace_combing(const struct vision_frame *f)
{
    if (f->height < 5)
        return 0;
    size_t w = (size_t)f->width;
    CLEANUP_FREE uint8_t *buf = xmalloc(6 * w);
    const uint8_t *rows[5] = {0};
    int64_t count = 0;
    for (int y = 0; y < f->height; y++) {
        memmove(rows, rows + 1, 4 * sizeof(rows[0]));
        rows[4] = luma_row(f, y, buf + (size_t)(y % 5) * w);
        if (y >= 4)
            count += combed_row(rows[0], rows[1], rows[2], rows[3], rows[4], f->width, buf + 5 * w);
    }
    return (double)count / ((double)f->width * (f->height - 4));
}
