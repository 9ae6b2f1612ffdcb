#include "media/pass_stills.h"

#include "media/frame_view.h"
#include "vision/picture.h"

struct still {
    AVFrame *pic; /* NULL: none */
    int64_t frame, us;
};

struct pass_stills {
    struct pass_stills_opts o;
    struct pic_jpeg *jpeg;

    struct pic_maker *thumb_maker;
    bool thumb_from_source; /* larger than the picture: made from the frame itself */
    bool any;
    AVFrame *poster; /* the best so far, already small */
    double poster_score;
    struct pass_stills_result result;

    struct pic_maker *smaller; /* makes what is kept of large pictures; NULL: kept as they are */
    struct pic_maker *shot_maker;
    struct outpack shots;
    int64_t shot_start;
    struct picker *picker;
    struct still slots[PICKER_SLOTS];
    struct still edges[STILLS_EDGES]; /* a ring */
    int n_edges;
    struct still last; /* the newest picture of all */
};

/* ---- life ------------------------------------------------------------------------------- */

struct pass_stills *pass_stills_new(const struct pass_stills_opts *o)
{
    struct pass_stills *s = XNEW(struct pass_stills);
    struct pic_size thumb = pic_fit_width(o->full, o->thumb_width);

    s->o = *o;
    s->o.look = NULL; /* the makers have their own */
    s->jpeg = pic_jpeg_new(STILLS_QUALITY);
    s->thumb_from_source = thumb.w > o->picture.w || thumb.h > o->picture.h;
    s->thumb_maker = pic_maker_new(s->thumb_from_source ? o->look : NULL, thumb, PIC_JFIF);
    s->result.poster_frame = s->result.poster_us = -1;
    struct pic_size kept = pic_fit_long(o->picture, STILLS_SIDE_MAX);
    if (kept.w != o->picture.w || kept.h != o->picture.h)
        s->smaller = pic_maker_new(NULL, kept, o->colour);
    s->shot_maker = pic_maker_new(NULL, kept, PIC_JFIF);
    s->shots.fd = o->shots_fd;
    s->shots.pictures.width = kept.w;
    s->shots.pictures.height = kept.h;
    s->picker = picker_new();
    return s;
}

void pass_stills_free(struct pass_stills *s)
{
    if (!s)
        return;
    for (int i = 0; i < PICKER_SLOTS; i++)
        av_frame_free(&s->slots[i].pic);
    for (int i = 0; i < STILLS_EDGES; i++)
        av_frame_free(&s->edges[i].pic);
    av_frame_free(&s->last.pic);
    picker_free(s->picker);
    outpack_finish(&s->shots);
    pic_maker_free(s->thumb_maker);
    pic_maker_free(s->smaller);
    pic_maker_free(s->shot_maker);
    pic_jpeg_free(s->jpeg);
    av_frame_free(&s->poster);
    free(s);
}

static int keep(struct still *in, const struct still *from, struct err *e)
{
    av_frame_free(&in->pic);
    *in = *from;
    in->pic = av_frame_clone(from->pic);
    return in->pic ? 0 : err_set(e, ERR_LIMIT, "no memory for a picture");
}

/* ---- thumb and poster ------------------------------------------------------------------- */

static int write_jpeg(struct pass_stills *s, const AVFrame *small, int fd, struct err *e)
{
    struct str bytes;
    if (pic_jpeg_encode(s->jpeg, small, &bytes, e) < 0)
        return -1;
    return outfile_write_at(fd, 0, bytes.p, bytes.n, e);
}

static int consider_poster(struct pass_stills *s, const struct still *c, double score,
                           const AVFrame *source, struct err *e)
{
    bool first = !s->any;
    AVFrame *small;

    if (!first && score <= s->poster_score)
        return 0;
    if (pic_make(s->thumb_maker, s->thumb_from_source ? source : c->pic, &small, e) < 0)
        return -1;
    av_frame_free(&s->poster);
    s->any = true;
    s->poster = small;
    s->poster_score = score;
    s->result.poster_frame = c->frame;
    s->result.poster_us = c->us;
    if (first && write_jpeg(s, small, s->o.thumb_fd, e) < 0)
        return err_wrap(e, "thumb");
    return 0;
}

static double score_of(const AVFrame *pic)
{
    struct picture_quality q = {0};
    struct vision_frame view;

    if (frame_view(pic, &view))
        picture_measure(&view, &q);
    return q.score;
}

static int keep_where_wanted(struct pass_stills *s, const struct still *c, double score, bool edge,
                             int64_t settled, struct err *e)
{
    picker_settle(s->picker, settled);
    int slot = picker_offer(s->picker, c->frame, score);
    if (slot >= 0 && keep(&s->slots[slot], c, e) < 0)
        return -1;
    if (edge && keep(&s->edges[s->n_edges++ % STILLS_EDGES], c, e) < 0)
        return -1;
    return keep(&s->last, c, e);
}

int pass_stills_picture(struct pass_stills *s, AVFrame *pic, const AVFrame *source, int64_t frame,
                        int64_t us, bool edge, int64_t settled, struct err *e)
{
    const struct still whole = {pic, frame, us};
    double score = score_of(pic);
    AVFrame *small = NULL;

    if (consider_poster(s, &whole, score, source, e) < 0)
        return -1;
    if (s->smaller && pic_make(s->smaller, pic, &small, e) < 0)
        return -1;
    int r = keep_where_wanted(s, &(struct still){small ? small : pic, frame, us}, score, edge,
                              settled, e);
    av_frame_free(&small);
    return r;
}

/* ---- shots ------------------------------------------------------------------------------ */

static int write_shot(struct pass_stills *s, const struct still *c, struct err *e)
{
    AVFrame *pic;
    struct str bytes;

    if (pic_make(s->shot_maker, c->pic, &pic, e) < 0)
        return -1;
    int r = pic_jpeg_encode(s->jpeg, pic, &bytes, e);
    if (r >= 0)
        r = outpack_add(&s->shots, bytes, c->frame, c->us, e);
    av_frame_free(&pic);
    return r < 0 ? err_wrap(e, "picture of a shot") : 0;
}

/* For a shot that the picker has nothing of: one of the edges that lies in it, else the newest
 * picture, which is at least near. */
static const struct still *nearest(const struct pass_stills *s, int64_t cut)
{
    for (int i = 0; i < STILLS_EDGES; i++) {
        const struct still *c = &s->edges[i];
        if (c->pic && c->frame >= s->shot_start && c->frame < cut)
            return c;
    }
    return &s->last;
}

int pass_stills_cut(struct pass_stills *s, int64_t end, int64_t cut, int64_t next, struct err *e)
{
    int64_t frame;
    int slot = picker_take(s->picker, end, next, &frame);
    const struct still *c = slot >= 0 ? &s->slots[slot] : nearest(s, cut);

    if (!c->pic)
        return err_set(e, ERR_INTERNAL, "a shot, but no picture at all");
    s->shot_start = cut;
    return write_shot(s, c, e);
}

int pass_stills_end(struct pass_stills *s, int64_t frames, struct err *e)
{
    if (!s->any)
        return 0;
    if (pass_stills_cut(s, frames, frames, frames, e) < 0)
        return -1;
    return write_jpeg(s, s->poster, s->o.poster_fd, e) < 0 ? err_wrap(e, "poster") : 0;
}

void pass_stills_result(const struct pass_stills *s, struct pass_stills_result *ret)
{
    *ret = s->result;
    ret->shots = &s->shots;
}
