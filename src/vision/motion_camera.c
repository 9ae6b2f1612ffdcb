/*
 * The camera. Corners are followed from the frame before. Where most of them stay, the camera
 * does; where most agree on another motion, it is the camera's and adds to its pose, which is
 * set right against the background's own picture twice a second. A pose beyond POSE_MAX of the
 * picture, or corners that agree on nothing, mean that the camera travels: the background is
 * dropped and taken in anew once the picture has stood still for SETTLE_US.
 */
#include <math.h>
#include <string.h>

#include "vision/motion_priv.h"

#define POINTS_MIN   12     /* fewer corners say nothing about the camera */
#define STILL_SHARE  0.55   /* of the corners stay where they were: so does the camera */
#define AGREE_SHARE  0.5    /* of the corners agree on one motion */
#define POSE_MAX     0.05   /* of the larger side: how far a move is undone */
#define PLACE_SHARE  0.9    /* as many where the background has them as agree: nothing to undo */
#define SETTLE_US    500000 /* the picture stands this long before it is learned again */
#define SETTLE_DRIFT 0.006  /* of the larger side, over that time */
#define CHECK_US     500000 /* between two comparisons of pose and background */

const double motion_still[6] = {1, 0, 0, 0, 1, 0};

static double larger_side(const struct motion *m)
{
    return MAX(m->plane->w, m->plane->h);
}

/* ret = b after a */
static void compose(const double a[6], const double b[6], double ret[6])
{
    double r[6] = {b[0] * a[0] + b[1] * a[3],        b[0] * a[1] + b[1] * a[4],
                   b[0] * a[2] + b[1] * a[5] + b[2], b[3] * a[0] + b[4] * a[3],
                   b[3] * a[1] + b[4] * a[4],        b[3] * a[2] + b[4] * a[5] + b[5]};
    memcpy(ret, r, sizeof(r));
}

static double reach_of(const double m[6], int w, int h)
{
    double most = 0;
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? w : 0, y = i & 2 ? h : 0;
        most = MAX(most, hypot(m[0] * x + m[1] * y + m[2] - x, m[3] * x + m[4] * y + m[5] - y));
    }
    return most;
}

/* The pose as the background's own picture says it. False: they can not be brought together. */
static bool check_pose(struct motion *m)
{
    struct flow_motion r;

    m->checked_us = m->pts_us;
    motion_model_luma(&m->model, m->luma);
    flow_picture_set(m->flow_back, m->luma);
    flow_between(m->flow_back, m->flow[m->now], m->pose, &r);
    if (r.points < POINTS_MIN || r.agree < AGREE_SHARE * r.points)
        return false;
    bool in_place = r.still >= PLACE_SHARE * r.agree;
    memcpy(m->pose, in_place ? motion_still : r.m, sizeof(r.m));
    return true;
}

/* Follows the camera. False: it travels. */
bool motion_camera_follow(struct motion *m)
{
    struct flow_motion r;
    int w = m->plane->w, h = m->plane->h;

    memcpy(m->out.global, motion_still, sizeof(motion_still));
    if (!m->flow[0])
        return true;
    m->now = !m->now;
    flow_picture_set(m->flow[m->now], m->plane->c[0]);
    if (!m->have_before)
        return true;
    flow_between(m->flow[!m->now], m->flow[m->now], NULL, &r);
    if (r.points < POINTS_MIN)
        return true;
    bool still = r.still >= STILL_SHARE * r.points, agree = r.agree >= AGREE_SHARE * r.points;
    if (agree) {
        memcpy(m->out.global, r.m, sizeof(r.m));
        /* to pixels of the frame: centres of blocks keep their place */
        double f = m->plane->factor, off = (f - 1) / 2;
        m->out.global[2] = r.m[2] * f + off - off * (r.m[0] + r.m[1]);
        m->out.global[5] = r.m[5] * f + off - off * (r.m[3] + r.m[4]);
    }
    if (m->out.state == MOTION_CAMERA_MOVING) {
        if (!still)
            return false;
        compose(m->drift, r.m, m->drift);
        return true;
    }
    if (!still && !agree)
        return false;
    if (!still)
        compose(m->pose, r.m, m->pose);
    if (m->model.looks > 4 && (!still || m->pts_us - m->checked_us >= CHECK_US) && !check_pose(m) &&
        !still)
        return false;
    double reach = reach_of(m->pose, w, h);
    m->posed = reach > 0;
    return reach <= POSE_MAX * larger_side(m);
}

/* The camera travels: wait until it stands. True when it has stood for long enough. */
bool motion_camera_wait(struct motion *m, bool stands)
{
    double drift = reach_of(m->drift, m->plane->w, m->plane->h);

    if (!stands || drift > SETTLE_DRIFT * larger_side(m)) {
        memcpy(m->drift, motion_still, sizeof(motion_still));
        m->state_since_us = m->pts_us;
        return false;
    }
    return m->pts_us - m->state_since_us >= SETTLE_US;
}

/* Brings the present picture to where the background lies. */
void motion_camera_undo(struct motion *m)
{
    const struct motion_plane *p = m->plane;
    int w = p->w, h = p->h;

    for (int y = 0; y < h; y++) {
        double fx = m->pose[1] * y + m->pose[2], fy = m->pose[4] * y + m->pose[5];
        int64_t ax = llrint(fx * 65536), ay = llrint(fy * 65536);
        int64_t dx = llrint(m->pose[0] * 65536), dy = llrint(m->pose[3] * 65536);
        for (int x = 0; x < w; x++, ax += dx, ay += dy) {
            size_t i = (size_t)y * w + x;
            int64_t ix = ax >> 16, iy = ay >> 16;
            m->valid[i] = ix >= 0 && iy >= 0 && ix < w - 1 && iy < h - 1;
            if (!m->valid[i])
                continue;
            int bx = (int)(ax >> 8) & 255, by = (int)(ay >> 8) & 255;
            for (int c = 0; c < 3; c++) {
                const uint8_t *s = p->c[c] + (size_t)iy * w + ix;
                int top = s[0] * (256 - bx) + s[1] * bx, low = s[w] * (256 - bx) + s[w + 1] * bx;
                m->warped->c[c][i] = (uint8_t)((top * (256 - by) + low * by + 32768) >> 16);
            }
        }
    }
}
