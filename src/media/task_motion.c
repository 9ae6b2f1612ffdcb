/*
 * Motion and shots of a file: its pictures are decoded once and go to both as they lie in
 * memory. Boxes leave in pixels of the picture as it is shown. Sound is not read.
 */
#include <math.h>

#include "media/child.h"
#include "media/frame_view.h"
#include "media/pic.h"
#include "media/results.h"
#include "media/shotlist.h"
#include "media/source.h"
#include "vision/motion.h"

/* Frames whose samples can not be read in place are looked at in this size: motion's own is smaller
 * yet. */
#define CONVERTED_SIDE 640
/* PySceneDetect's score of a cut: the background is taken in anew at once, without waiting for the
 * shot detector, which looks ahead. One time too many costs less than a second of motion. */
#define CUT_SCORE 27

struct watch {
    struct shotlist *shots;
    struct motion *motion;
    struct pic_maker *maker; /* for frames that must be converted */
    bool flip;
    struct media_motion *m;
    VEC(struct media_motion_frame) frames;
    VEC(struct media_motion_region) regions;
};

static void watch_finish(struct watch *w)
{
    shotlist_free(w->shots);
    motion_free(w->motion);
    pic_maker_free(w->maker);
    VEC_FINISH(&w->frames);
    VEC_FINISH(&w->regions);
    media_motion_free(w->m);
}

static int look(struct watch *w, const AVFrame *f, int64_t us, int *ret_w, int *ret_h,
                const struct motion_frame **ret, struct err *e)
{
    struct vision_frame view;
    AVFrame *pic = NULL;

    if (!frame_view(f, &view)) {
        if (!w->maker) /* as it lies: motion turns it */
            w->maker = pic_maker_new(
                NULL, pic_fit_long((struct pic_size){f->width, f->height}, CONVERTED_SIDE),
                PIC_BT601);
        if (pic_make(w->maker, f, &pic, e) < 0)
            return -1;
        if (!frame_view(pic, &view)) {
            av_frame_free(&pic);
            return err_set(e, ERR_INTERNAL, "no view of a picture");
        }
    }
    *ret_w = view.width;
    *ret_h = view.height;
    int r = motion_feed(w->motion, &view, us, ret, e);
    av_frame_free(&pic);
    return r;
}

/* From the upright frame of fw x fh to the picture as it is shown. */
static struct media_motion_region shown(const struct watch *w, const struct motion_region *r,
                                        int fw, int fh)
{
    double sx = (double)w->m->width / fw, sy = (double)w->m->height / fh;
    int left = w->flip ? fw - r->x - r->w : r->x;
    int x0 = CLAMP((int)lrint(left * sx), 0, w->m->width - 1);
    int y0 = CLAMP((int)lrint(r->y * sy), 0, w->m->height - 1);
    int x1 = CLAMP((int)lrint((left + r->w) * sx), x0 + 1, w->m->width);
    int y1 = CLAMP((int)lrint((r->y + r->h) * sy), y0 + 1, w->m->height);
    return (struct media_motion_region){x0, y0, x1 - x0, y1 - y0, r->confidence};
}

static void shown_motion(const struct watch *w, const double g[6], int fw, int fh, double ret[6])
{
    double sx = (double)w->m->width / fw, sy = (double)w->m->height / fh;
    double m[6] = {g[0], g[1] * sx / sy, g[2] * sx, g[3] * sy / sx, g[4], g[5] * sy};

    if (w->flip) {
        double width = w->m->width;
        m[2] = width - m[0] * width - m[2];
        m[5] += m[3] * width;
        m[1] = -m[1];
        m[3] = -m[3];
    }
    memcpy(ret, m, sizeof(m));
}

static int take(struct watch *w, const struct source_frame *f, int rotation, struct err *e)
{
    const struct motion_frame *seen;
    int fw = 0, fh = 0;

    if (shotlist_frame(w->shots, f->frame, f->us, f->end_us, e) < 0)
        return -1;
    if (shotlist_score(w->shots) >= CUT_SCORE)
        motion_cut(w->motion);
    if (look(w, f->frame, f->us, &fw, &fh, &seen, e) < 0)
        return -1;
    if (rotation % 180) {
        int swap = fw;
        fw = fh;
        fh = swap;
    }
    struct media_motion_frame out = {.us = f->us,
                                     .end_us = f->end_us,
                                     .state = (enum media_motion_state)seen->state,
                                     .first = (int64_t)w->regions.n,
                                     .n = MIN(seen->n, MEDIA_MOTION_REGIONS_MAX)};
    _Static_assert((int)MEDIA_MOTION_LIGHT == (int)MOTION_LIGHT, "the same states");
    shown_motion(w, seen->global, fw, fh, out.global);
    for (int i = 0; i < out.n; i++)
        VEC_PUSH(&w->regions, shown(w, &seen->region[i], fw, fh));
    VEC_PUSH(&w->frames, out);
    return 0;
}

static int watch_all(struct child *c, struct source *s, struct watch *w, int rotation,
                     struct err *e)
{
    struct source_frame f;
    int64_t frames = 0;
    int got;

    while ((got = source_next(s, &f, e)) > 0) {
        int r = take(w, &f, rotation, e);
        av_frame_free(&f.frame);
        if (r < 0)
            return err_wrap(e, "frame %lld", (long long)f.number);
        child_progress(c, source_percent(s), ++frames, f.us);
    }
    if (got < 0)
        return -1;
    if (source_errors(s) > 0)
        child_log(LOG_WARN, "damaged_media errors=%lld frames=%lld", (long long)source_errors(s),
                  (long long)frames);
    return shotlist_finish(w->shots, e);
}

static int watch_result(struct child *c, struct watch *w, struct err *e)
{
    CLEANUP_BUF struct buf out = BUF_MAX(MEDIA_RESULT_BYTES_MAX);
    struct jsonw j = JSONW(&out);

    if (shotlist_result(w->shots, &w->m->shots, e) < 0)
        return -1;
    w->m->frames = w->frames.p;
    w->m->regions = w->regions.p;
    media_motion_json(w->m, &j);
    w->m->frames = NULL;
    w->m->regions = NULL;
    if (!buf_ok(&out)) {
        err_set(e, ERR_LIMIT, "motion of %zu frames, %zu regions is too large", w->frames.n,
                w->regions.n);
        return err_plain(e, "The film is too long to look for motion in one go.",
                         "Cut it into pieces first: rushes cut");
    }
    return child_result(c, buf_str(&out), e);
}

static int run(struct child *c, struct err *e)
{
    CLEANUP(source_free) struct source *s = NULL;
    struct media_shots_opts o;

    if (media_shots_opts_parse(c->request, &o, e) < 0 ||
        source_open(CHILD_FD_INPUT, &c->limits, &s, e) < 0)
        return -1;
    if (source_info(s)->video < 0) {
        err_set(e, ERR_INPUT, "motion: no video stream");
        return err_plain(e, "The file has sound only: there is no motion to find.", NULL);
    }
    if (source_decode(s, SOURCE_WANT_VIDEO, c->threads, e) < 0)
        return -1;
    const struct media_stream *st = &source_info(s)->streams[source_info(s)->video];
    struct watch w = {.shots = shotlist_new(&o),
                      .motion = motion_new(&(struct motion_options){.turn = st->rotation}),
                      .flip = st->flip,
                      .m = XNEW(struct media_motion)};
    w.m->width = MAX(st->display_width, 1);
    w.m->height = MAX(st->display_height, 1);
    int r = watch_all(c, s, &w, st->rotation, e);
    if (r == 0)
        r = watch_result(c, &w, e);
    watch_finish(&w);
    return r;
}

const struct child_task task_motion = {.name = "motion", .lav = true, .run = run};
