/*
 * How a frame becomes regions: reduce, follow the camera, undo small motions of it, undo
 * exposure, look at the background, clean, find regions, tell ghosts and shadows from things,
 * learn.
 *
 * The camera. Corners are followed from the frame before. Where most of them stay, the camera
 * does; where most agree on another motion, it is the camera's and adds to its pose, which is
 * set right against the background's own picture twice a second. A pose beyond POSE_MAX of the
 * picture, or corners that agree on nothing, mean that the camera travels: the background is
 * dropped and taken in anew once the picture has stood still for SETTLE_US.
 */
#include "vision/motion.h"

#include <math.h>
#include <string.h>

#include "vision/flow.h"
#include "vision/motion_priv.h"

#define POINTS_MIN   12     /* fewer corners say nothing about the camera */
#define STILL_SHARE  0.55   /* of the corners stay where they were: so does the camera */
#define AGREE_SHARE  0.5    /* of the corners agree on one motion */
#define POSE_MAX     0.05   /* of the larger side: how far a move is undone */
#define PLACE_SHARE  0.9    /* as many where the background has them as agree: nothing to undo */
#define SETTLE_US    500000 /* the picture stands this long before it is learned again */
#define SETTLE_DRIFT 0.006  /* of the larger side, over that time */
#define LEARN_US     700000
#define CHECK_US     500000 /* between two comparisons of pose and background */
#define LIGHT_SHARE  0.5    /* of the picture different at once: that is no thing */
#define STOOD_US     16000
#define STIR_US      40000
#define STIR_LEVELS  14      /* grey levels from a frame to the next are a change */
#define STIR_SHARE   0.05    /* of a region changed lately: it is alive */
#define GAP_US       2000000 /* a longer step of time counts as this */

struct motion {
    struct motion_options o;
    int frame_w, frame_h; /* as fed; 0: nothing yet */
    struct motion_plane *plane, *warped;
    struct motion_model model;
    struct motion_regions regions;
    struct flow_picture *flow[2], *flow_back; /* NULL for pictures too small */
    uint8_t *seen, *mask, *valid, *luma;
    uint16_t *shown; /* labels where they lie in the frame, when a pose was undone */
    uint16_t *stood; /* how long a pixel has been foreground: units of STOOD_US */
    uint8_t *stir;   /* time left until a pixel counts as unchanged: units of STIR_US */
    uint8_t *before; /* luma when it last changed, as the background has it: slow sway adds up */
    int64_t stir_us; /* not yet taken off stir[] */
    int64_t frames;
    bool started, have_before, posed;
    int now; /* which of flow[] is the present */
    int64_t pts_us, state_since_us, checked_us;
    double pose[6];  /* from the background to the present, small pixels */
    double drift[6]; /* since the camera seemed to stand, while it moves */
    double gain;
    struct motion_frame out;
    int out_blob[MOTION_REGIONS_MAX];
};

static const double identity[6] = {1, 0, 0, 0, 1, 0};

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

static double larger_side(const struct motion *m)
{
    return MAX(m->plane->w, m->plane->h);
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
    memcpy(m->pose, identity, sizeof(identity));
    m->posed = false;
    m->gain = 1;
    m->checked_us = m->pts_us;
    set_state(m, state);
}

/* ---- camera ------------------------------------------------ */

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
    memcpy(m->pose, in_place ? identity : r.m, sizeof(r.m));
    return true;
}

/* Follows the camera. False: it travels. */
static bool follow_camera(struct motion *m)
{
    struct flow_motion r;
    int w = m->plane->w, h = m->plane->h;

    memcpy(m->out.global, identity, sizeof(identity));
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
static bool wait_for_camera(struct motion *m, bool stands)
{
    double drift = reach_of(m->drift, m->plane->w, m->plane->h);

    if (!stands || drift > SETTLE_DRIFT * larger_side(m)) {
        memcpy(m->drift, identity, sizeof(identity));
        m->state_since_us = m->pts_us;
        return false;
    }
    return m->pts_us - m->state_since_us >= SETTLE_US;
}

/* Brings the present picture to where the background lies. */
static void undo_pose(struct motion *m)
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

/* ---- light ------------------------------------------------ */

#define BLACK 16 /* where gain has no effect; close enough for full range */

/* Exposure: the median of present over background on a grid, where nothing was foreground. */
static double measure_gain(const struct motion *m, uint8_t *const c[3], const uint8_t *valid)
{
    enum { BINS = 1024, STEP = 6 };
    int histogram[BINS] = {0}, n = 0;

    for (int y = STEP / 2; y < m->plane->h; y += STEP)
        for (int x = STEP / 2; x < m->plane->w; x += STEP) {
            size_t i = (size_t)y * m->plane->w + x;
            int back = m->model.mean[0][i] >> 8, now = c[0][i];
            if (back < BLACK + 16 || now < BLACK || now > 250 || m->mask[i] || (valid && !valid[i]))
                continue;
            int bin = (now - BLACK) * 256 / (back - BLACK);
            histogram[MIN(bin, BINS - 1)]++;
            n++;
        }
    if (n < 30)
        return 1;
    int bin = 0, below = histogram[0];
    while (2 * below < n)
        below += histogram[++bin];
    double gain = (bin + 0.5) / 256;
    int near = 0;
    for (int i = MAX(bin * 9 / 10, 0); i <= MIN(bin * 11 / 10, BINS - 1); i++)
        near += histogram[i];
    return 2 * near >= n ? CLAMP(gain, 0.4, 2.5) : 1;
}

static void undo_gain(struct motion *m, uint8_t *const from[3])
{
    uint8_t luma[256], chroma[256];
    size_t n = (size_t)m->plane->w * m->plane->h;

    for (int i = 0; i < 256; i++) {
        luma[i] = (uint8_t)CLAMP(lrint(BLACK + (i - BLACK) / m->gain), 0, 255);
        chroma[i] = (uint8_t)CLAMP(lrint(128 + (i - 128) / m->gain), 0, 255);
    }
    for (size_t i = 0; i < n; i++)
        m->warped->c[0][i] = luma[from[0][i]];
    for (int c = 1; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            m->warped->c[c][i] = chroma[from[c][i]];
}

/* ---- things, ghosts and shadows ------------------------------------------------ */

/*
 * A shadow takes the same part of the light from all pixels around, and of all colours alike
 * (Horprasert et al. 1999; Cucchiara et al., PAMI 2003, equation 7). Dark clothes do that too where
 * they are smooth, so only a moderate darkening counts.
 */
static bool is_shadow(const struct motion *m, uint8_t *const c[3], const uint32_t inverse[256],
                      int x, int y)
{
    static const int8_t around[5][2] = {{0, 0}, {-2, 0}, {2, 0}, {0, -2}, {0, 2}};
    int lo = 1 << 20, hi = 0, w = m->plane->w, h = m->plane->h;

    for (int k = 0; k < 5; k++) {
        int px = CLAMP(x + around[k][0], 0, w - 1), py = CLAMP(y + around[k][1], 0, h - 1);
        size_t i = (size_t)py * w + px;
        int now = MAX(c[0][i] - BLACK, 0);
        if (!m->model.was[i]) /* lit: the rim of a shadow is one too */
            continue;
        if (k == 0)
            for (int p = 1; p < 3; p++) {
                int d = c[p][i] - (m->model.mean[p][i] >> 8);
                if (d > 10 || d < -10)
                    return false;
            }
        int ratio = (int)(((uint32_t)now * inverse[m->model.mean[0][i] >> 8]) >> 8);
        lo = MIN(lo, ratio);
        hi = MAX(hi, ratio);
    }
    return lo > 140 && hi < 248 && hi - lo < 40; /* 0.55, 0.97, 0.16 */
}

static void remove_shadows(struct motion *m, uint8_t *const c[3])
{
    uint32_t inverse[256]; /* of a background's luma above black, in 1/65536 */

    for (int i = 0; i < 256; i++)
        inverse[i] = 65536u / (uint32_t)MAX(i - BLACK, 1);
    for (int y = 0; y < m->plane->h; y++) {
        uint8_t *row = m->mask + (size_t)y * m->plane->w, *p = row;
        uint8_t *end = row + m->plane->w;
        while (p < end && (p = memchr(p, 1, (size_t)(end - p)))) {
            if (is_shadow(m, c, inverse, (int)(p - row), y))
                *p = 0;
            p++;
        }
    }
}

static int steepness8(const uint8_t *p, size_t i, int w)
{
    int x = p[i + 1] - p[i - 1], y = p[i + (size_t)w] - p[i - (size_t)w];
    return (x < 0 ? -x : x) + (y < 0 ? -y : y);
}

static int steepness16(const uint16_t *p, size_t i, int w)
{
    int x = p[i + 1] - p[i - 1], y = p[i + (size_t)w] - p[i - (size_t)w];
    return ((x < 0 ? -x : x) + (y < 0 ? -y : y)) >> 8;
}

/*
 * A thing has edges along its outline where the background has none; a place that something left
 * has them in the background only. Along the outline of blob b, which of the two is steeper?
 */
static bool is_ghost(const struct motion *m, uint8_t *const c[3], int b)
{
    const struct motion_blob *o = &m->regions.blob[b];
    const uint16_t *label = m->regions.label;
    int w = m->plane->w, h = m->plane->h;
    int64_t now = 0, back = 0;
    int n = 0;

    for (int y = MAX(o->y0, 1); y < MIN(o->y1, h - 1); y++)
        for (int x = MAX(o->x0, 1); x < MIN(o->x1, w - 1); x++) {
            size_t i = (size_t)y * w + x;
            if (label[i] != b + 1 || (label[i - 1] == b + 1 && label[i + 1] == b + 1 &&
                                      label[i - w] == b + 1 && label[i + w] == b + 1))
                continue;
            now += steepness8(c[0], i, w);
            back += steepness16(m->model.mean[0], i, w);
            n++;
        }
    return n >= 12 && 2 * back > 3 * now && back > (int64_t)n * 12;
}

static void adopt_blob(struct motion *m, uint8_t *const c[3], int b)
{
    struct motion_blob *o = &m->regions.blob[b];

    for (int y = o->y0; y < o->y1; y++)
        for (int x = o->x0; x < o->x1; x++) {
            size_t i = (size_t)y * m->plane->w + x;
            if (m->regions.label[i] != b + 1)
                continue;
            motion_model_adopt(&m->model, c, i);
            m->mask[i] = m->seen[i] = 0;
            m->regions.label[i] = 0;
        }
    o->area = o->seen = 0;
}

/* Nothing in it has changed for a while: a thing put down, a mark of other light. */
static bool is_lifeless(const struct motion *m, int b)
{
    const struct motion_blob *o = &m->regions.blob[b];
    int alive = 0, n = 0;

    for (int y = o->y0; y < o->y1; y++)
        for (int x = o->x0; x < o->x1; x++) {
            size_t i = (size_t)y * m->plane->w + x;
            bool in = m->regions.label[i] == b + 1;
            n += in;
            alive += in && m->stir[i] > 0;
        }
    return alive < STIR_SHARE * n;
}

static void stir_row(const uint8_t *restrict now, uint8_t *restrict before, uint8_t *restrict stir,
                     int wear, int full, int n)
{
    for (int i = 0; i < n; i++) {
        int d = now[i] - before[i];
        int s = stir[i] > wear ? stir[i] - wear : 0;
        bool moved = d > STIR_LEVELS || d < -STIR_LEVELS;
        stir[i] = (uint8_t)(moved ? full : s);
        before[i] = moved ? now[i] : before[i];
    }
}

/* Which pixels changed from frame to frame. Where that can not be told (a pose is being undone, so
 * edges shimmer) everything that is set stays alive. */
static void note_stir(struct motion *m, uint8_t *const c[3], int64_t step_us)
{
    int64_t full = (int64_t)(MIN(m->o.absorb_s / 6, 10) * 1e6) / STIR_US;

    m->stir_us += step_us;
    int wear = (int)MIN(m->stir_us / STIR_US, 255);
    m->stir_us -= (int64_t)wear * STIR_US;
    stir_row(c[0], m->before, m->stir, wear, (int)CLAMP(full, 1, 255), m->plane->w * m->plane->h);
}

static void note_stood(struct motion *m, uint8_t *const c[3], int64_t step_us)
{
    size_t n = (size_t)m->plane->w * m->plane->h;
    int step = (int)CLAMP(step_us / STOOD_US, 1, 1000);
    int limit = (int)MIN(m->o.absorb_s * 1e6 / STOOD_US, 64000), most = 0;
    uint16_t *restrict stood = m->stood;
    const uint8_t *restrict seen = m->seen;

    for (size_t i = 0; i < n; i++) {
        int v = seen[i] ? stood[i] + step : 0;
        stood[i] = (uint16_t)v;
        most = v > most ? v : most;
    }
    for (size_t i = 0; most > limit && i < n; i++)
        if (m->stood[i] > limit) {
            motion_model_adopt(&m->model, c, i);
            m->stood[i] = 0;
        }
}

/* Gives to the background what is no thing: ghosts, what lies lifeless, what stood for too long. */
static void give_back(struct motion *m, uint8_t *const c[3], int64_t step_us)
{
    note_stir(m, c, step_us);
    note_stood(m, c, step_us);
    /* a third of the blobs a frame is soon enough */
    for (int b = (int)(m->frames % 3); b < m->regions.n; b += 3)
        if (m->regions.blob[b].area >= 24 && (is_lifeless(m, b) || is_ghost(m, c, b)))
            adopt_blob(m, c, b);
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
        undo_pose(m);
        c = m->warped->c;
        *ret_valid = m->valid;
    }
    double gain = measure_gain(m, c, *ret_valid);
    m->gain = gain > 0.97 && gain < 1.03 ? 1 : gain;
    if (m->gain != 1) {
        undo_gain(m, c);
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
    remove_shadows(m, c);
    memcpy(m->seen, m->mask, n);
    motion_regions_clean(&m->regions, m->mask);
    motion_regions_label(&m->regions, m->mask, m->seen, &m->model);
    give_back(m, c, step_us);
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
    bool stands = follow_camera(m);

    m->out.n = 0;
    m->out.foreground = 0;
    if (!m->started) {
        learn_anew(m, MOTION_LEARNING);
        memset(m->mask, 0, (size_t)m->plane->w * m->plane->h);
        memcpy(m->drift, identity, sizeof(identity));
        m->started = true;
    } else if (m->out.state == MOTION_CAMERA_MOVING) {
        if (wait_for_camera(m, stands))
            learn_anew(m, MOTION_LEARNING);
    } else if (!stands) {
        memcpy(m->drift, identity, sizeof(identity));
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
