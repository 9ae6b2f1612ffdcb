#include "media/pass_stills.h"

#include <math.h>

struct candidate {
    AVFrame *pic;
    int64_t frame, us;
    bool edge;
    double score;
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

    struct pic_maker *shot_maker;
    struct outpack shots;
    int64_t run; /* frames that share a candidate */
    struct candidate waiting[STILLS_WAITING_MAX];
    int n;
    struct candidate spare; /* of the shot before: for one that passed without a picture */
};

/* ---- life -------------------------------------------------------------------------------------- */

struct pass_stills *pass_stills_new(const struct pass_stills_opts *o)
{
    struct pass_stills *s = XNEW(struct pass_stills);
    struct pic_size thumb = pic_fit_width(o->full, o->thumb_width);

    s->o = *o;
    s->o.look = NULL; /* the makers have their own */
    s->jpeg = pic_jpeg_new(STILLS_QUALITY);
    s->thumb_from_source = thumb.w > o->picture.w || thumb.h > o->picture.h;
    s->thumb_maker = pic_maker_new(s->thumb_from_source ? o->look : NULL, thumb, PIC_JFIF);
    s->poster_score = -INFINITY;
    s->result.poster_frame = s->result.poster_us = -1;
    s->shot_maker = pic_maker_new(NULL, o->picture, PIC_JFIF);
    s->shots.fd = o->shots_fd;
    s->shots.pictures.width = o->picture.w;
    s->shots.pictures.height = o->picture.h;
    s->run = MAX(o->min_frames / 3, 1);
    return s;
}

static void drop(struct candidate *c)
{
    av_frame_free(&c->pic);
}

void pass_stills_free(struct pass_stills *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->n; i++)
        drop(&s->waiting[i]);
    drop(&s->spare);
    outpack_finish(&s->shots);
    pic_maker_free(s->thumb_maker);
    pic_maker_free(s->shot_maker);
    pic_jpeg_free(s->jpeg);
    av_frame_free(&s->poster);
    free(s);
}

/* ---- thumb and poster -------------------------------------------------------------------------- */

static int write_jpeg(struct pass_stills *s, const AVFrame *small, int fd, struct err *e)
{
    struct str bytes;
    if (pic_jpeg_encode(s->jpeg, small, &bytes, e) < 0)
        return -1;
    return outfile_write_at(fd, 0, bytes.p, bytes.n, e);
}

static int consider_poster(struct pass_stills *s, const struct candidate *c, const AVFrame *source,
                           struct err *e)
{
    bool first = !s->any;
    AVFrame *small;

    if (!first && c->score <= s->poster_score)
        return 0;
    if (pic_make(s->thumb_maker, s->thumb_from_source ? source : c->pic, &small, e) < 0)
        return -1;
    av_frame_free(&s->poster);
    s->any = true;
    s->poster = small;
    s->poster_score = c->score;
    s->result.poster_frame = c->frame;
    s->result.poster_us = c->us;
    if (first && write_jpeg(s, small, s->o.thumb_fd, e) < 0)
        return err_wrap(e, "thumb");
    return 0;
}

/* ---- candidates -------------------------------------------------------------------------------- */

/* Keeps the better of waiting[i] and waiting[i + 1] in one place. */
static void merge(struct pass_stills *s, int i)
{
    int worse = s->waiting[i + 1].score > s->waiting[i].score ? i : i + 1;
    s->waiting[i + 1].edge = s->waiting[i].edge;
    drop(&s->waiting[worse]);
    memmove(&s->waiting[worse], &s->waiting[worse + 1],
            (size_t)(s->n - worse - 1) * sizeof(s->waiting[0]));
    s->n--;
}

/* No cut parts what lies before `settled`. */
static void merge_settled(struct pass_stills *s, int64_t settled)
{
    while (s->n >= 2 && s->waiting[1].frame < settled)
        merge(s, 0);
}

/* Out of room: the two that are nearest to each other become one. */
static void merge_nearest(struct pass_stills *s)
{
    int best = 0;
    for (int i = 1; i + 1 < s->n; i++)
        if (s->waiting[i + 1].frame - s->waiting[i].frame <
            s->waiting[best + 1].frame - s->waiting[best].frame)
            best = i;
    merge(s, best);
}

static double score_of(const AVFrame *pic)
{
    return pic->width;
}

int pass_stills_picture(struct pass_stills *s, AVFrame *pic, const AVFrame *source, int64_t frame,
                        int64_t us, bool edge, int64_t settled, struct err *e)
{
    struct candidate c = {
        .pic = pic, .frame = frame, .us = us, .edge = edge, .score = score_of(pic)};

    if (consider_poster(s, &c, source, e) < 0)
        return -1;
    c.pic = av_frame_clone(pic);
    if (!c.pic)
        return err_set(e, ERR_LIMIT, "no memory for a picture");
    merge_settled(s, settled);
    if (s->n == STILLS_WAITING_MAX)
        merge_nearest(s);
    s->waiting[s->n++] = c;
    if (s->n >= 2 && !edge && s->waiting[s->n - 2].frame / s->run == frame / s->run)
        merge(s, s->n - 2);
    return 0;
}

/* ---- shots ------------------------------------------------------------------------------------- */

static int write_shot(struct pass_stills *s, const struct candidate *c, struct err *e)
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

/* Ends the shot of the first n candidates. A shot so short that it has none takes the nearest picture there is. */
static int end_shot(struct pass_stills *s, int n, struct err *e)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (s->waiting[i].score > s->waiting[best].score)
            best = i;
    if (n == 0 && s->spare.pic)
        return write_shot(s, &s->spare, e);
    if (n == 0 && s->n == 0)
        return err_set(e, ERR_INTERNAL, "a shot, but no picture at all");
    if (write_shot(s, &s->waiting[best], e) < 0)
        return -1;
    if (n == 0)
        return 0;
    drop(&s->spare);
    s->spare = s->waiting[n - 1];
    for (int i = 0; i < n - 1; i++)
        drop(&s->waiting[i]);
    memmove(&s->waiting[0], &s->waiting[n], (size_t)(s->n - n) * sizeof(s->waiting[0]));
    s->n -= n;
    return 0;
}

int pass_stills_cut(struct pass_stills *s, int64_t frame, struct err *e)
{
    int n = 0;
    while (n < s->n && s->waiting[n].frame < frame)
        n++;
    return end_shot(s, n, e);
}

int pass_stills_end(struct pass_stills *s, struct err *e)
{
    if (!s->any)
        return 0;
    if (end_shot(s, s->n, e) < 0)
        return -1;
    return write_jpeg(s, s->poster, s->o.poster_fd, e) < 0 ? err_wrap(e, "poster") : 0;
}

void pass_stills_result(const struct pass_stills *s, struct pass_stills_result *ret)
{
    *ret = s->result;
    ret->shots = &s->shots;
}
