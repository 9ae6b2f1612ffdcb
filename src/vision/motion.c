/*
 * How a frame becomes regions: reduce, follow the camera, undo small motions of it, undo
 * exposure, look at the background, clean, find regions, tell ghosts and shadows from things,
 * learn.
 */
#include "vision/motion.h"

#include <math.h>
#include <string.h>

#include "vision/motion_priv.h"

#define LEARN_US    700000
#define LIGHT_SHARE 0.5     /* of the picture different at once: that is no thing */
#define GAP_US      2000000 /* a longer step of time counts as this */

const char *motion_state_name(enum motion_state state)
{
    static const char *const names[] = {"learning", "watching", "camera_moving", "light"};
    return names[state];
}

struct motion *motion_new(const struct motion_options *o)
{
    struct motion *m = XNEW(struct motion);

    m->o = *o;
    if (m->o.turn != 90 && m->o.turn != 180 && m->o.turn != 270)
        m->o.turn = 0;
    m->o.min_area = o->min_area > 0 ? MIN(o->min_area, 1) : 0.0005;
    m->o.memory_s = o->memory_s > 0 ? CLAMP(o->memory_s, 1, 600) : 20;
    m->o.absorb_s = o->absorb_s > 0 ? CLAMP(o->absorb_s, 1, 3600) : 60;
    return m;
}

static void drop_pictures(struct motion *m)
{
    motion_plane_free(m->plane);
    motion_plane_free(m->warped);
    motion_model_finish(&m->model);
    motion_regions_finish(&m->regions);
    flow_picture_free(m->flow[0]);
    flow_picture_free(m->flow[1]);
    flow_picture_free(m->flow_back);
    free(m->seen);
    free(m->mask);
    free(m->valid);
    free(m->shown);
    free(m->luma);
    free(m->stood);
    free(m->stir);
    free(m->before);
    m->plane = m->warped = NULL;
    m->flow[0] = m->flow[1] = m->flow_back = NULL;
    m->seen = m->mask = m->valid = m->luma = NULL;
    m->shown = m->stood = NULL;
    m->stir = m->before = NULL;
    m->frame_w = m->frame_h = 0;
}

void motion_free(struct motion *m)
{
    if (!m)
        return;
    drop_pictures(m);
    free(m);
}

static int make_pictures(struct motion *m, int frame_w, int frame_h, struct err *e)
{
    drop_pictures(m);
    m->plane = motion_plane_new(frame_w, frame_h, m->o.turn);
    m->warped = motion_plane_new(frame_w, frame_h, m->o.turn);
    if (!m->plane || !m->warped)
        goto no_memory;
    int w = m->plane->w, h = m->plane->h;
    size_t n = (size_t)w * (size_t)h;
    if (motion_model_init(&m->model, w, h) < 0 || motion_regions_init(&m->regions, w, h) < 0)
        goto no_memory;
    m->seen = mem_try_calloc(n, 1);
    m->mask = mem_try_calloc(n, 1);
    m->valid = mem_try_calloc(n, 1);
    m->shown = mem_try_calloc(n, sizeof(*m->shown));
    m->luma = mem_try_calloc(n, 1);
    m->stood = mem_try_calloc(n, sizeof(*m->stood));
    m->stir = mem_try_calloc(n, 1);
    m->before = mem_try_calloc(n, 1);
    if (!m->stir || !m->before || !m->seen || !m->mask || !m->valid || !m->shown || !m->luma ||
        !m->stood)
        goto no_memory;
    if (MIN(w, h) >= FLOW_SIDE_MIN) {
        m->flow[0] = flow_picture_new(w, h);
        m->flow[1] = flow_picture_new(w, h);
        m->flow_back = flow_picture_new(w, h);
        if (!m->flow[0] || !m->flow[1] || !m->flow_back)
            goto no_memory;
    }
    m->frame_w = frame_w;
    m->frame_h = frame_h;
    m->started = m->have_before = false;
    m->frames = 0;
    return 0;

no_memory:
    drop_pictures(m);
    return err_set(e, ERR_LIMIT, "motion: no memory for pictures of %d x %d", frame_w, frame_h);
}

void motion_cut(struct motion *m)
{
    m->started = m->have_before = false;
    m->frames = 0;
}

static void set_state(struct motion *m, enum motion_state state)
{
    m->out.state = state;
    m->state_since_us = m->pts_us;
}

/* Takes the present picture for the background. */
static void learn_anew(struct motion *m, enum motion_state state)
{
    motion_model_start(&m->model, m->plane->c);
    size_t n = (size_t)m->plane->w * m->plane->h;
    memset(m->stood, 0, n * sizeof(*m->stood));
    memset(m->stir, 255, n);
    memcpy(m->before, m->plane->c[0], n);
    memcpy(m->pose, motion_still, sizeof(motion_still));
    m->posed = false;
    m->gain = 1;
    m->checked_us = m->pts_us;
    set_state(m, state);
}

/* ---- regions ------------------------------------------------ */

/* See docs/motion.md. Strength: by how much pixels are beyond what the background does by itself; a
 * region that only just is, is as likely noise. Size: few pixels can be alike by chance. */
static double confidence_of(const struct motion_blob *b, double min_pixels)
{
    double strength = b->seen > 0 ? b->evidence / b->seen - 1 : 0; /* 0 .. 3 */
    double full = (double)b->seen / b->area;
    double size = b->seen / (b->seen + 2 * min_pixels);

    return CLAMP((1 - exp(-2.0 * strength)) * sqrt(full) * size, 0, 1);
}

static void add_region(struct motion *m, int b, double min_pixels)
{
    const struct motion_blob *o = &m->regions.blob[b];
    struct motion_frame *out = &m->out;
    int at = MIN(out->n, MOTION_REGIONS_MAX), f = m->plane->factor;
    int right = m->o.turn % 180 ? m->frame_h : m->frame_w;
    int low = m->o.turn % 180 ? m->frame_w : m->frame_h;

    /* in order of area; of the largest that do not fit the last falls out */
    while (at > 0 && m->regions.blob[m->out_blob[at - 1]].area < o->area)
        at--;
    if (at == MOTION_REGIONS_MAX)
        return;
    int n = MIN(out->n, MOTION_REGIONS_MAX - 1);
    memmove(out->region + at + 1, out->region + at, (size_t)(n - at) * sizeof(*out->region));
    memmove(m->out_blob + at + 1, m->out_blob + at, (size_t)(n - at) * sizeof(*m->out_blob));
    int dx = 0, dy = 0;
    if (m->posed) { /* a pose is a small motion: where it brings the middle, it brings the box */
        double mx = (o->x0 + o->x1) / 2.0, my = (o->y0 + o->y1) / 2.0;
        dx = (int)lrint(m->pose[0] * mx + m->pose[1] * my + m->pose[2] - mx);
        dy = (int)lrint(m->pose[3] * mx + m->pose[4] * my + m->pose[5] - my);
    }
    int x = CLAMP((o->x0 + dx) * f, 0, right - 1), y = CLAMP((o->y0 + dy) * f, 0, low - 1);
    out->region[at] = (struct motion_region){
        .x = x,
        .y = y,
        .w = CLAMP((o->x1 + dx) * f, x + 1, right) - x,
        .h = CLAMP((o->y1 + dy) * f, y + 1, low) - y,
        .area = o->area * f * f,
        .confidence = confidence_of(o, min_pixels),
    };
    m->out_blob[at] = b;
    out->n = n + 1;
}

/* Labels as they lie in the frame. */
static void place_labels(struct motion *m)
{
    const double *p = m->pose;
    int w = m->plane->w, h = m->plane->h;
    double det = p[0] * p[4] - p[1] * p[3];

    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            double dx = x - p[2], dy = y - p[5];
            long bx = lrint((p[4] * dx - p[1] * dy) / det),
                 by = lrint((p[0] * dy - p[3] * dx) / det);
            bool in = bx >= 0 && by >= 0 && bx < w && by < h;
            m->shown[(size_t)y * w + x] = in ? m->regions.label[(size_t)by * w + bx] : 0;
        }
}

static void find_regions(struct motion *m)
{
    double min_pixels = MAX(m->o.min_area * m->plane->w * m->plane->h, 4);

    motion_regions_join(&m->regions);
    for (int b = 0; b < m->regions.n; b++)
        if (m->regions.blob[b].part_of == b && m->regions.blob[b].seen >= min_pixels)
            add_region(m, b, min_pixels);
    if (m->posed && m->out.n > 0)
        place_labels(m);
}

/* ---- a frame ------------------------------------------------ */

/* The picture as the background's place and light have it; *ret_valid NULL: all of it. */
static uint8_t *const *like_background(struct motion *m, const uint8_t **ret_valid)
{
    uint8_t *const *c = m->plane->c;

    *ret_valid = NULL;
    if (m->posed) {
        motion_camera_undo(m);
        c = m->warped->c;
        *ret_valid = m->valid;
    }
    double gain = motion_gain_measure(m, c, *ret_valid);
    m->gain = gain > 0.97 && gain < 1.03 ? 1 : gain;
    if (m->gain != 1) {
        motion_gain_undo(m, c);
        c = m->warped->c;
    }
    return c;
}

static void watch(struct motion *m, int64_t step_us)
{
    size_t n = (size_t)m->plane->w * m->plane->h, count = 0;
    const uint8_t *valid;
    uint8_t *const *c = like_background(m, &valid);
    bool learning = m->out.state != MOTION_WATCHING;

    motion_model_look(&m->model, c, valid, m->mask);
    for (size_t i = 0; i < n; i++)
        count += m->mask[i];
    m->out.foreground = (double)count / (double)n;
    if (m->out.foreground > LIGHT_SHARE) {
        learn_anew(m, MOTION_LIGHT);
        memset(m->mask, 0, n);
        return;
    }
    motion_things_unshadow(m, c);
    memcpy(m->seen, m->mask, n);
    motion_regions_clean(&m->regions, m->mask);
    motion_regions_label(&m->regions, m->mask, m->seen, &m->model);
    motion_things_give_back(m, c, step_us);
    if (!learning)
        find_regions(m);
    double step_s = (double)step_us / 1e6;
    /* while it is new the background learns four times as fast */
    double hurry = learning ? 4 : 1;
    motion_model_learn(&m->model, c, valid, m->mask,
                       hurry * MODEL_SAMPLES * step_s / (m->o.memory_s * 2),
                       1 - exp(-hurry * step_s * 4 / m->o.memory_s));
    if (learning && m->pts_us - m->state_since_us >= LEARN_US) {
        /* what came while it learned (a title, say) is background; what then leaves is a ghost */
        for (size_t i = 0; i < n; i++)
            if (m->mask[i])
                motion_model_adopt(&m->model, c, i);
        set_state(m, MOTION_WATCHING);
    }
}

static void frame_in(struct motion *m, int64_t step_us)
{
    bool stands = motion_camera_follow(m);

    m->out.n = 0;
    m->out.foreground = 0;
    if (!m->started) {
        learn_anew(m, MOTION_LEARNING);
        memset(m->mask, 0, (size_t)m->plane->w * m->plane->h);
        memcpy(m->drift, motion_still, sizeof(motion_still));
        m->started = true;
    } else if (m->out.state == MOTION_CAMERA_MOVING) {
        if (motion_camera_wait(m, stands))
            learn_anew(m, MOTION_LEARNING);
    } else if (!stands) {
        memcpy(m->drift, motion_still, sizeof(motion_still));
        memset(m->mask, 0, (size_t)m->plane->w * m->plane->h);
        set_state(m, MOTION_CAMERA_MOVING);
    } else {
        watch(m, step_us);
    }
    m->have_before = true;
    m->frames++;
}

int motion_feed(struct motion *m, const struct vision_frame *frame, int64_t pts_us,
                const struct motion_frame **ret_frame, struct err *e)
{
    if (vision_frame_check(frame, e) < 0)
        return err_wrap(e, "motion");
    if ((m->frame_w != frame->width || m->frame_h != frame->height) &&
        make_pictures(m, frame->width, frame->height, e) < 0)
        return -1;
    int64_t step_us = 1000;
    if (m->have_before && pts_us > m->pts_us)
        step_us = pts_us - m->pts_us > GAP_US ? GAP_US : MAX(pts_us - m->pts_us, 1000);
    m->pts_us = m->have_before ? m->pts_us + step_us : 0;
    /* our clock runs on by steps; times of the file may leap */
    motion_plane_fill(m->plane, frame);
    frame_in(m, step_us);
    *ret_frame = &m->out;
    return 0;
}

void motion_mask(const struct motion *m, int i, struct buf *out)
{
    int f = m->plane->factor;
    int w = m->o.turn % 180 ? m->frame_h : m->frame_w;
    int h = m->o.turn % 180 ? m->frame_w : m->frame_h;
    const uint16_t *label = m->posed ? m->shown : m->regions.label;
    int64_t run = 0;
    bool ones = false, first = true;

    for (int y = 0; y < h; y++) {
        const uint16_t *row = y / f < m->plane->h ? label + (size_t)(y / f) * m->plane->w : NULL;
        for (int x = 0; x <= m->plane->w; x++) {
            int span = x < m->plane->w ? f : w - m->plane->w * f;
            bool in = row && x < m->plane->w && row[x] &&
                      m->regions.blob[row[x] - 1].part_of == m->out_blob[i];
            if (in != ones && span > 0) {
                buf_addf(out, first ? "%lld" : ",%lld", (long long)run);
                first = false;
                ones = in;
                run = 0;
            }
            run += span;
        }
    }
    if (run > 0)
        buf_addf(out, first ? "%lld" : ",%lld", (long long)run);
}
