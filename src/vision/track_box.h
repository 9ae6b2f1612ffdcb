/* Boxes as detectors give them, and how much two of them share. */
#ifndef VISION_TRACK_BOX_H
#define VISION_TRACK_BOX_H

/* Left, top, width and height in pixels; not bounded by the picture. */
struct track_box {
    double x, y, w, h;
};

static inline double track_box_cx(struct track_box b)
{
    return b.x + b.w / 2;
}

static inline double track_box_cy(struct track_box b)
{
    return b.y + b.h / 2;
}

/* On the way from a (share 0) to b (1). */
static inline struct track_box track_box_between(struct track_box a, struct track_box b,
                                                 double share)
{
    return (struct track_box){a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share,
                              a.w + (b.w - a.w) * share, a.h + (b.h - a.h) * share};
}

/* Intersection over union, 0..1, of boxes that count whole pixels: both edges are inside, so a width
 * of 10 covers 11. The published trackers were measured with this one. */
static inline double track_box_iou(struct track_box a, struct track_box b)
{
    double left = a.x > b.x ? a.x : b.x, top = a.y > b.y ? a.y : b.y;
    double right = a.x + a.w < b.x + b.w ? a.x + a.w : b.x + b.w;
    double bottom = a.y + a.h < b.y + b.h ? a.y + a.h : b.y + b.h;
    double w = right - left + 1, h = bottom - top + 1;

    if (w <= 0 || h <= 0)
        return 0;
    return w * h / ((a.w + 1) * (a.h + 1) + (b.w + 1) * (b.h + 1) - w * h);
}

#endif
