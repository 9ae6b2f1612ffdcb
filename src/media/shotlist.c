#include "media/shotlist.h"

#include "media/frame_view.h"
#include "media/pic.h"
#include "vision/shots.h"

/* Frames whose samples can not be read in place are looked at in this size: the detector's own is smaller yet. */
#define CONVERTED_SIDE 512

struct shotlist {
    struct shots *shots;
    struct pic_maker *maker; /* for frames that must be converted */
    VEC(int64_t) us;         /* of each frame, and the end of the last: 8 bytes a frame */
    int64_t end_us;
    size_t told; /* transitions that shotlist_next_border() has gone through */
};

struct shotlist *shotlist_new(const struct media_shots_opts *o)
{
    struct shotlist *l = XNEW(struct shotlist);
    l->shots = shots_new(&(struct shots_options){
        .detector = o->detector == MEDIA_SHOTS_CONTENT ? SHOTS_CONTENT : SHOTS_ADAPTIVE,
        .threshold = o->threshold,
        .min_length = o->min_frames});
    return l;
}

void shotlist_free(struct shotlist *l)
{
    if (!l)
        return;
    shots_free(l->shots);
    pic_maker_free(l->maker);
    VEC_FINISH(&l->us);
    free(l);
}

static int feed_converted(struct shotlist *l, const AVFrame *f, struct err *e)
{
    struct vision_frame view;
    AVFrame *pic;

    if (!l->maker)
        l->maker = pic_maker_new(
            NULL, pic_fit_long((struct pic_size){f->width, f->height}, CONVERTED_SIDE), PIC_BT601);
    if (pic_make(l->maker, f, &pic, e) < 0)
        return -1;
    int r = frame_view(pic, &view) ? shots_feed(l->shots, &view, e)
                                   : err_set(e, ERR_INTERNAL, "no view of a picture");
    av_frame_free(&pic);
    return r;
}

int shotlist_frame(struct shotlist *l, const AVFrame *f, int64_t us, int64_t end_us, struct err *e)
{
    struct vision_frame view;
    int r = frame_view(f, &view) ? shots_feed(l->shots, &view, e) : feed_converted(l, f, e);
    if (r < 0)
        return err_wrap(e, "shots: frame %zu", l->us.n);
    VEC_PUSH(&l->us, us);
    l->end_us = end_us;
    return 0;
}

int shotlist_finish(struct shotlist *l, struct err *e)
{
    return shots_finish(l->shots, e);
}

bool shotlist_next_border(struct shotlist *l, struct shotlist_border *ret)
{
    size_t n;
    const struct shots_transition *list = shots_transitions(l->shots, &n);
    while (l->told < n) {
        const struct shots_transition *t = &list[l->told++];
        /* Fades that only open or close the video part nothing. */
        if (t->cut > 0 && t->cut < (int64_t)l->us.n) {
            *ret =
                (struct shotlist_border){MIN(t->first, t->cut), t->cut, MAX(t->last + 1, t->cut)};
            return true;
        }
    }
    return false;
}

int64_t shotlist_settled(const struct shotlist *l)
{
    return shots_settled(l->shots);
}

double shotlist_score(const struct shotlist *l)
{
    return shots_score(l->shots);
}

static int64_t us_at(const struct shotlist *l, int64_t frame)
{
    return frame < (int64_t)l->us.n ? l->us.p[frame] : l->end_us;
}

int shotlist_result(const struct shotlist *l, struct media_shots **ret, struct err *e)
{
    size_t n = shots_count(l->shots), n_transitions, at = 0;
    const struct shots_transition *t = shots_transitions(l->shots, &n_transitions);
    CLEANUP(media_shots_free) struct media_shots *s = XNEW(struct media_shots);

    s->shots = mem_try_calloc(MAX(n, 1), sizeof(*s->shots));
    if (!s->shots)
        return err_set(e, ERR_LIMIT, "no memory for %zu shots", n);
    s->n = (int64_t)n;
    s->frames = (int64_t)l->us.n;
    for (size_t i = 0; i < n; i++) {
        struct shot shot = shots_at(l->shots, i);
        struct media_shot *m = &s->shots[i];
        const char *kind = "start";
        m->start_frame = m->from_frame = shot.start;
        m->end_frame = shot.end;
        m->start_us = us_at(l, shot.start);
        m->end_us = us_at(l, shot.end);
        m->picture_frame = shot.start + (shot.end - shot.start) / 2;
        while (at < n_transitions && t[at].cut < shot.start)
            at++;
        if (shot.start > 0 && at < n_transitions && t[at].cut == shot.start) {
            kind = shots_kind_name(t[at].kind);
            m->from_frame = MIN(t[at].first, shot.start);
        }
        snprintf(m->kind, sizeof(m->kind), "%s", kind);
    }
    *ret = STEAL(s);
    return 0;
}
