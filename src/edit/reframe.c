#include "edit/reframe.h"

#include <math.h>

#include "base/fs.h"
#include "media/media.h"

#define LOST_US       700000 /* a subject not seen for longer has gone */
#define OPEN_MAX      256    /* subjects at a time */
#define OVERLAP_LEAST 0.15   /* of two boxes, to be the same thing a frame later */
#define PATH_BYTES    ((size_t)256 << 20)

bool reframe_aspect_parse(struct str text, int *ret_w, int *ret_h)
{
    struct str w, h = text;
    int64_t a, b;
    char sep = memchr(text.p, ':', text.n) ? ':' : 'x';

    if (!str_cut(&h, sep, &w) || !h.p || !str_to_i64(w, &a) || !str_to_i64(h, &b) || a < 1 ||
        b < 1 || a > 1000 || b > 1000)
        return false;
    *ret_w = (int)a;
    *ret_h = (int)b;
    return true;
}

/* ---- who is who ---------------------------------------------- */

struct open_subject {
    int number;
    int64_t us;
    double x, y, w, h;
};
struct linker {
    struct open_subject open[OPEN_MAX];
    int n, next;
    VEC(struct path_box) boxes;
    VEC(int64_t) first_us; /* of each number */
    VEC(int64_t) last_us;
};

/* The overlap of two boxes over both together; things of very different size are not the same. */
static double alike(const struct open_subject *s, const struct media_motion_region *r)
{
    double w = MIN(s->x + s->w, r->x + r->w) - MAX(s->x, r->x);
    double h = MIN(s->y + s->h, r->y + r->h) - MAX(s->y, r->y);

    return w > 0 && h > 0 ? w * h / (s->w * s->h + (double)r->w * r->h - w * h) : 0;
}

static void forget(struct linker *l, int64_t before_us)
{
    int kept = 0;
    for (int i = 0; i < l->n; i++)
        if (l->open[i].us >= before_us)
            l->open[kept++] = l->open[i];
    l->n = kept;
}

/* Pairs by overlap, the largest first: regions are few, and most touch one subject only. */
static void link_frame(struct linker *l, const struct media_motion *m, int64_t frame)
{
    const struct media_motion_frame *f = &m->frames[frame];
    int of[MEDIA_MOTION_REGIONS_MAX];
    bool taken[OPEN_MAX] = {false};

    forget(l, f->us - LOST_US);
    int known = l->n;
    for (int i = 0; i < f->n; i++)
        of[i] = -1;
    for (;;) {
        double best = OVERLAP_LEAST;
        int region = -1, subject = -1;
        for (int i = 0; i < f->n; i++) {
            const struct media_motion_region *r = &m->regions[f->first + i];
            if (of[i] >= 0 || r->confidence < REFRAME_CONFIDENCE)
                continue;
            for (int k = 0; k < known; k++) {
                double v = taken[k] ? 0 : alike(&l->open[k], r);
                if (v > best)
                    best = v, region = i, subject = k;
            }
        }
        if (region < 0)
            break;
        of[region] = subject;
        taken[subject] = true;
    }
    for (int i = 0; i < f->n; i++) {
        const struct media_motion_region *r = &m->regions[f->first + i];
        if (r->confidence < REFRAME_CONFIDENCE || (of[i] < 0 && l->n == OPEN_MAX))
            continue;
        if (of[i] < 0) {
            of[i] = l->n++;
            l->open[of[i]].number = l->next++;
            VEC_PUSH(&l->first_us, f->us);
            VEC_PUSH(&l->last_us, f->us);
        }
        struct open_subject *s = &l->open[of[i]];
        *s = (struct open_subject){s->number, f->us, r->x, r->y, r->w, r->h};
        l->last_us.p[s->number] = f->end_us;
        VEC_PUSH(&l->boxes,
                 ((struct path_box){frame, s->number, r->x, r->y, r->w, r->h, r->confidence}));
    }
}

/* Drops the boxes of subjects that were there for a moment only. */
static void drop_short(struct linker *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->boxes.n; i++) {
        int k = l->boxes.p[i].subject;
        if (l->last_us.p[k] - l->first_us.p[k] >= REFRAME_SEEN_US)
            l->boxes.p[kept++] = l->boxes.p[i];
    }
    l->boxes.n = kept;
}

static int link_all(struct linker *l, const struct media_motion *m, struct err *e)
{
    for (int64_t s = 0; s < m->shots->n; s++) {
        l->n = 0; /* nobody crosses a cut */
        for (int64_t i = m->shots->shots[s].start_frame; i < m->shots->shots[s].end_frame; i++) {
            link_frame(l, m, i);
            if (l->next >= PATH_SUBJECTS_MAX - OPEN_MAX)
                return err_set(e, ERR_LIMIT, "more than %d things move in the film", l->next);
        }
    }
    drop_short(l);
    return 0;
}

/* ---- the path ------------------------------------------------ */

static int make(const struct linker *l, const struct media_motion *m, const struct path_options *o,
                struct path **ret, struct err *e)
{
    CLEANUP_FREE int64_t *pts = mem_try_calloc((size_t)m->shots->frames, sizeof(*pts));
    CLEANUP_FREE struct path_span *shots = mem_try_calloc((size_t)m->shots->n, sizeof(*shots));
    if (!pts || !shots)
        return err_set(e, ERR_LIMIT, "no memory for %lld frames", (long long)m->shots->frames);

    for (int64_t i = 0; i < m->shots->frames; i++)
        pts[i] = m->frames[i].us;
    for (int64_t i = 0; i < m->shots->n; i++)
        shots[i] = (struct path_span){m->shots->shots[i].start_frame, m->shots->shots[i].end_frame};
    const struct path_input in = {.width = m->width,
                                  .height = m->height,
                                  .pts_us = pts,
                                  .n_frames = m->shots->frames,
                                  .shots = shots,
                                  .n_shots = m->shots->n,
                                  .boxes = l->boxes.p,
                                  .n_boxes = (int64_t)l->boxes.n};
    return path_make(o, &in, ret, e);
}

int reframe_path(const struct media_motion *m, const struct path_options *o, struct path **ret,
                 struct err *e)
{
    struct linker *l;

    if (m->shots->frames < 1)
        return err_set(e, ERR_INPUT, "reframe: no frames");
    l = XNEW(struct linker);
    int r = link_all(l, m, e);
    if (r == 0)
        r = make(l, m, o, ret, e);
    VEC_FINISH(&l->boxes);
    VEC_FINISH(&l->first_us);
    VEC_FINISH(&l->last_us);
    free(l);
    return r < 0 ? err_wrap(e, "reframe") : 0;
}

int reframe_file(const struct media_ctx *ctx, int in_fd, const struct media_shots_opts *shots,
                 const struct path_options *o, struct path **ret, struct err *e)
{
    CLEANUP(media_motion_free) struct media_motion *m = NULL;

    if (media_motion(ctx, in_fd, shots, &m, e) < 0)
        return -1;
    return reframe_path(m, o, ret, e);
}

int reframe_write(const struct path *p, const char *out_path, struct err *e)
{
    CLEANUP_BUF struct buf out = BUF_MAX(PATH_BYTES);
    struct jsonw w = JSONW(&out);

    w.indent = 2;
    path_write(p, &w);
    buf_addc(&out, '\n');
    if (!buf_ok(&out))
        return err_set(e, ERR_LIMIT, "camera path of %lld keys", (long long)p->n_keys);
    return fs_write_file(out_path, buf_str(&out), e);
}
