#include "media/pic.h"

struct pic_look pic_look_of(const struct media_stream *st)
{
    return (struct pic_look){st->rotation, st->flip, st->sample_aspect};
}

/* a * num / den, rounded to the nearest, within 1..PIC_SIDE_MAX * 16 */
static int scaled(int64_t a, int64_t num, int64_t den)
{
    int64_t v = (a * num + den / 2) / den;
    return (int)CLAMP(v, 1, PIC_SIDE_MAX * 16);
}

struct pic_size pic_display_size(int w, int h, const struct pic_look *look)
{
    struct pic_size s = {MAX(w, 1), MAX(h, 1)};
    struct media_rational a = look->sample_aspect;
    if (a.num > 0 && a.den > 0 && a.num != a.den)
        s.w = scaled(s.w, a.num, a.den);
    if (look->rotation == 90 || look->rotation == 270)
        s = (struct pic_size){s.h, s.w};
    return s;
}

/* Multiplied by num / den, which is at most 1, then made small enough for what we write. */
static struct pic_size fit(struct pic_size s, int64_t num, int64_t den)
{
    int longest = MAX(s.w, s.h);
    if (num > den)
        num = den = 1;
    if (longest * num > PIC_SIDE_MAX * den) {
        num = PIC_SIDE_MAX;
        den = longest;
    }
    return (struct pic_size){scaled(s.w, num, den), scaled(s.h, num, den)};
}

struct pic_size pic_fit_short(struct pic_size full, int max)
{
    return fit(full, max, MIN(full.w, full.h));
}

struct pic_size pic_fit_long(struct pic_size full, int max)
{
    return fit(full, max, MAX(full.w, full.h));
}

struct pic_size pic_fit_width(struct pic_size full, int max)
{
    return fit(full, max, full.w);
}

static int even(int side, int full)
{
    int up = (side + 1) & ~1;
    return MAX(up <= full ? up : side & ~1, 2);
}

struct pic_size pic_even(struct pic_size s, struct pic_size full)
{
    return (struct pic_size){even(s.w, full.w), even(s.h, full.h)};
}
