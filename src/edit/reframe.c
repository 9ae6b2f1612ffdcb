#include "edit/reframe.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "media/media.h"
#include "vision/track_paths.h"

#define PATH_BYTES ((size_t)256 << 20)

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

struct subjects {
    struct tracker *tracker;
    struct track_paths *paths;
    VEC(struct path_box) boxes;
};

static void subjects_finish(struct subjects *s)
{
    tracker_free(s->tracker);
    track_paths_free(s->paths);
    VEC_FINISH(&s->boxes);
}

/* Frames a second, for the tracker's sense of time. */
static double rate_of(const struct media_motion *m)
{
    int64_t us = m->frames[m->shots->frames - 1].end_us - m->frames[0].us;
    return CLAMP(us > 0 ? (double)m->shots->frames * 1e6 / (double)us : 25, 1, 1000);
}

/* first: of its shot, so the camera did not come from the frame before */
static int track_frame(struct subjects *s, const struct media_motion *m, int64_t frame, bool first,
                       struct err *e)
{
    const struct media_motion_frame *f = &m->frames[frame];
    struct track_detection boxes[MEDIA_MOTION_REGIONS_MAX];
    const struct track_seen *seen;
    struct track_affine camera;
    size_t n;

    for (int i = 0; i < f->n; i++) {
        const struct media_motion_region *r = &m->regions[f->first + i];
        boxes[i] = (struct track_detection){.box = {.x = r->x, .y = r->y, .w = r->w, .h = r->h},
                                            .score = r->confidence};
    }
    memcpy(camera.m, f->global, sizeof(camera.m));
    /* one that it does not believe (a mirror image, say) it leaves out */
    if (!first && f->state == MEDIA_MOTION_WATCHING)
        tracker_camera_moved(s->tracker, &camera, NULL);
    if (tracker_feed(s->tracker, f->us, boxes, (size_t)f->n, &seen, &n, e) < 0)
        return -1;
    return track_paths_add(s->paths, frame, f->us, s->tracker, boxes, seen, n, e);
}

static int in_order(const void *pa, const void *pb)
{
    const struct path_box *a = pa, *b = pb;
    int later = (a->frame > b->frame) - (a->frame < b->frame);
    return later ? later : (a->subject > b->subject) - (a->subject < b->subject);
}

/* The boxes of one path, if it lasts; where one was filled in it weighs what the others do. */
static void take_path(struct subjects *s, const struct media_motion *m, int number)
{
    struct track_path p = track_paths_at(s->paths, (size_t)number);
    const struct track_point *last = &p.points[p.n_points - 1];
    double score = 0;
    int seen = 0;

    if (m->frames[last->frame].end_us - m->frames[p.points[0].frame].us < REFRAME_SEEN_US)
        return;
    for (size_t i = 0; i < p.n_points; i++) {
        score += p.points[i].score;
        seen += p.points[i].detection >= 0;
    }
    score = seen ? score / seen : REFRAME_CONFIDENCE;
    for (size_t i = 0; i < p.n_points; i++) {
        const struct track_point *k = &p.points[i];
        VEC_PUSH(&s->boxes, ((struct path_box){k->frame, number, k->box.x, k->box.y, k->box.w,
                                               k->box.h, score}));
    }
}

static int track_all(struct subjects *s, const struct media_motion *m, struct err *e)
{
    struct track_options o = TRACK_OPTIONS_DEFAULT;

    o.fps = rate_of(m);
    o.high_score = REFRAME_CONFIDENCE;
    o.flags &= ~(unsigned)TRACK_LINK; /* regions that flicker up here and there are no one object */
    if (tracker_new(&o, &s->tracker, e) < 0)
        return -1;
    s->paths = track_paths_new(&o);
    for (int64_t k = 0; k < m->shots->n; k++) {
        if (k > 0) { /* nobody crosses a cut */
            tracker_cut(s->tracker);
            track_paths_cut(s->paths);
        }
        for (int64_t i = m->shots->shots[k].start_frame; i < m->shots->shots[k].end_frame; i++)
            if (track_frame(s, m, i, i == m->shots->shots[k].start_frame, e) < 0)
                return err_wrap(e, "frame %lld", (long long)i);
    }
    if (track_paths_finish(s->paths, e) < 0)
        return -1;
    size_t n = track_paths_count(s->paths);
    if (n >= PATH_SUBJECTS_MAX)
        return err_set(e, ERR_LIMIT, "%zu things move in the film", n);
    for (size_t i = 0; i < n; i++)
        take_path(s, m, (int)i);
    if (s->boxes.n > 0)
        qsort(s->boxes.p, s->boxes.n, sizeof(*s->boxes.p), in_order);
    return 0;
}

/* ---- the path ------------------------------------------------ */

static int make(const struct subjects *s, const struct media_motion *m,
                const struct path_options *o, struct path **ret, struct err *e)
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
                                  .boxes = s->boxes.p,
                                  .n_boxes = (int64_t)s->boxes.n};
    return path_make(o, &in, ret, e);
}

int reframe_path(const struct media_motion *m, const struct path_options *o, struct path **ret,
                 struct err *e)
{
    struct subjects s = {0};

    if (m->shots->frames < 1)
        return err_set(e, ERR_INPUT, "reframe: no frames");
    int r = track_all(&s, m, e);
    if (r == 0)
        r = make(&s, m, o, ret, e);
    subjects_finish(&s);
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
