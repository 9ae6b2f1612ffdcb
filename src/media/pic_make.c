#include "media/pic.h"

#include "media/pic_pixels.h"
#include "media/pic_scale.h"
#include "vision/deinterlace.h"

struct rect {
    int x, y, w, h;
};

struct pic_maker {
    struct pic_look look;
    struct pic_size size;
    enum pic_colour colour;

    AVBufferPool *pool; /* one picture a buffer */
    AVFrame *turned;    /* scaled but not upright yet; NULL when frames are upright */

    bool
        interlaced; /* such a frame was seen: from then on all are taken for it, so that telecine, which mixes, does not
                         set up a scaler for every other frame */
    AVFrame *
        before; /* the last interlaced frame given: what has not changed since needs no rebuilding */
    AVFrame *mended; /* a deinterlaced frame */

    struct pic_shape shape; /* what the rest is for; format NONE: nothing is set up */
    struct rect place;      /* where the picture lies within size */
    struct pic_size scaled; /* place before turning */
    struct pic_scaler *scaler;
};

/* ---- life ---------------------------------------------------------------------------------- */

struct pic_maker *pic_maker_new(const struct pic_look *look, struct pic_size size,
                                enum pic_colour colour)
{
    struct pic_maker *m = XNEW(struct pic_maker);
    m->look = look ? *look : (struct pic_look){.sample_aspect = {1, 1}};
    m->size = size;
    m->colour = colour;
    m->shape.format = AV_PIX_FMT_NONE;
    return m;
}

void pic_maker_free(struct pic_maker *m)
{
    if (!m)
        return;
    pic_scaler_free(m->scaler);
    av_frame_free(&m->turned);
    av_frame_free(&m->before);
    av_frame_free(&m->mended);
    av_buffer_pool_uninit(&m->pool);
    free(m);
}

/* ---- frames -------------------------------------------------------------------------------- */

/* A frame without pixels of its own: planes of w x h 4:2:0 in one buffer. */
static bool lay_out(AVFrame *f, AVBufferRef *buffer, struct pic_size s)
{
    int stride = (s.w + 63) & ~63, chroma_stride = ((s.w + 1) / 2 + 63) & ~63;
    if (!buffer)
        return false;
    f->width = s.w;
    f->height = s.h;
    f->format = AV_PIX_FMT_YUV420P;
    f->buf[0] = buffer;
    f->linesize[0] = stride;
    f->linesize[1] = f->linesize[2] = chroma_stride;
    f->data[0] = buffer->data;
    f->data[1] = f->data[0] + (size_t)stride * s.h;
    f->data[2] = f->data[1] + (size_t)chroma_stride * ((s.h + 1) / 2);
    return true;
}

static size_t layout_bytes(struct pic_size s)
{
    size_t stride = ((size_t)s.w + 63) & ~(size_t)63,
           chroma = (((size_t)s.w + 1) / 2 + 63) & ~(size_t)63;
    /* swscale writes whole vectors, at most 64 bytes past a row */
    return stride * s.h + 2 * chroma * (((size_t)s.h + 1) / 2) + 64;
}

static AVFrame *frame_new(AVBufferPool *pool, struct pic_size s)
{
    AVFrame *f = av_frame_alloc();
    if (f && !lay_out(f, pool ? av_buffer_pool_get(pool) : av_buffer_alloc(layout_bytes(s)), s))
        av_frame_free(&f);
    return f;
}

/* ---- place --------------------------------------------------------------------------------- */

/* The largest rectangle of the source's shape inside the picture; all of it when only rounding is between them. */
static struct rect place_of(struct pic_size shown, struct pic_size out)
{
    int64_t by_height = (int64_t)shown.w * out.h, by_width = (int64_t)shown.h * out.w;
    struct rect r = {0, 0, out.w, out.h};

    if (by_height > by_width)
        r.h = (int)((by_width + shown.w / 2) / shown.w);
    else
        r.w = (int)((by_height + shown.h / 2) / shown.h);
    if (out.w - r.w <= 2 && out.h - r.h <= 2)
        return (struct rect){0, 0, out.w, out.h};
    r.w = MAX(r.w & ~1, 2);
    r.h = MAX(r.h & ~1, 2);
    r.x = ((out.w - r.w) / 2) & ~1;
    r.y = ((out.h - r.h) / 2) & ~1;
    return r;
}

static bool across(const struct pic_maker *m)
{
    return m->look.rotation == 90 || m->look.rotation == 270;
}

static void find_place(struct pic_maker *m, const AVFrame *src)
{
    struct rect r = m->place =
        place_of(pic_display_size(src->width, src->height, &m->look), m->size);
    m->scaled = across(m) ? (struct pic_size){r.h, r.w} : (struct pic_size){r.w, r.h};
}

static int set_up(struct pic_maker *m, const struct pic_shape *shape, const AVFrame *src,
                  struct err *e)
{
    m->shape.format = AV_PIX_FMT_NONE;
    pic_scaler_free(m->scaler);
    m->scaler = NULL;
    av_frame_free(&m->turned);
    if (m->look.rotation || m->look.flip) {
        m->turned = frame_new(NULL, m->scaled);
        if (!m->turned)
            return err_set(e, ERR_LIMIT, "no memory for a picture");
    }
    if (pic_scaler_new(shape, src, m->scaled, m->colour, &m->scaler, e) < 0)
        return -1;
    m->shape = *shape;
    return 0;
}

/* ---- interlaced frames --------------------------------------------------------------------- */

enum reading { READ_WHOLE, READ_FIELD, READ_MENDED };

static bool plain_planes(const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    return d->comp[0].depth == 8 && (d->nb_components == 1 || d->flags & AV_PIX_FMT_FLAG_PLANAR) &&
           av_pix_fmt_count_planes(f->format) == d->nb_components;
}

/*
 * A single field is one moment in time and has all the height that a small picture needs. A picture of nearly full
 * height gets a field with the rows between rebuilt.
 */
static enum reading how_to_read(struct pic_maker *m, const AVFrame *src)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(src->format);

    m->interlaced |= lav_frame_interlaced(src);
    if (!m->interlaced || src->height < 4 ||
        d->flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM))
        return READ_WHOLE;
    bool small = m->scaled.h * 5 <= src->height * 3;
    return small || !plain_planes(src) ? READ_FIELD : READ_MENDED;
}

static bool same_layout(const AVFrame *a, const AVFrame *b)
{
    return a && b && a->width == b->width && a->height == b->height && a->format == b->format;
}

static int mend(struct pic_maker *m, const AVFrame *src, struct err *e)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(src->format);
    const AVFrame *before = same_layout(m->before, src) ? m->before : NULL;

    if (!same_layout(m->mended, src)) {
        av_frame_free(&m->mended);
        m->mended = av_frame_alloc();
        if (m->mended) {
            m->mended->format = src->format;
            m->mended->width = src->width;
            m->mended->height = src->height;
        }
        if (!m->mended || av_frame_get_buffer(m->mended, 0) < 0)
            return err_set(e, ERR_LIMIT, "no memory for a frame of %dx%d", src->width, src->height);
    }
    for (int p = 0; p < d->nb_components; p++) {
        bool chroma = p == 1 || p == 2;
        int w = chroma ? AV_CEIL_RSHIFT(src->width, d->log2_chroma_w) : src->width;
        int h = chroma ? AV_CEIL_RSHIFT(src->height, d->log2_chroma_h) : src->height;
        deinterlace_plane(m->mended->data[p], m->mended->linesize[p], src->data[p],
                          src->linesize[p], before ? before->data[p] : NULL,
                          before ? before->linesize[p] : 0, w, h, !lav_frame_top_first(src));
    }
    av_frame_free(&m->before);
    m->before = av_frame_clone(src);
    return m->before ? 0 : err_set(e, ERR_LIMIT, "no memory for a frame");
}

/* ---- making -------------------------------------------------------------------------------- */

static void black_around(const AVFrame *pic, const struct rect *place, bool full)
{
    if (place->w == pic->width && place->h == pic->height)
        return;
    pic_fill(pic->data[0], pic->linesize[0], pic->width, pic->height, full ? 0 : 16);
    for (int c = 1; c < 3; c++)
        pic_fill(pic->data[c], pic->linesize[c], (pic->width + 1) / 2, (pic->height + 1) / 2, 128);
}

static int turn(struct pic_maker *m, const uint8_t *const data[4], const int strides[4],
                uint8_t *const out[4], const int out_strides[4], struct err *e)
{
    uint8_t *const turned[4] = {m->turned->data[0], m->turned->data[1], m->turned->data[2], NULL};
    const int turned_strides[4] = {m->turned->linesize[0], m->turned->linesize[1],
                                   m->turned->linesize[2], 0};

    if (pic_scaler_run(m->scaler, data, strides, turned, turned_strides, e) < 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        int shift = i > 0, w = (m->scaled.w + shift) >> shift, h = (m->scaled.h + shift) >> shift;
        pic_turn_plane(out[i], out_strides[i], turned[i], turned_strides[i], w, h, m->look.rotation,
                       m->look.flip);
    }
    return 0;
}

static int draw(struct pic_maker *m, const AVFrame *src, enum reading how, AVFrame *pic,
                struct err *e)
{
    const AVFrame *from = how == READ_MENDED ? m->mended : src;
    bool second =
        how == READ_FIELD && !lav_frame_top_first(src); /* the field that was taken first */
    const uint8_t *data[4];
    int strides[4];
    uint8_t *out[4] = {NULL};
    const int out_strides[4] = {pic->linesize[0], pic->linesize[1], pic->linesize[2], 0};

    for (int i = 0; i < 4; i++) {
        data[i] = from->data[i] && second ? from->data[i] + from->linesize[i] : from->data[i];
        strides[i] = from->linesize[i] * (how == READ_FIELD ? 2 : 1);
    }
    black_around(pic, &m->place, m->colour == PIC_JFIF);
    for (int i = 0; i < 3; i++)
        out[i] = pic->data[i] + (ptrdiff_t)pic->linesize[i] * (m->place.y >> (i > 0)) +
                 (m->place.x >> (i > 0));
    return m->turned ? turn(m, data, strides, out, out_strides, e)
                     : pic_scaler_run(m->scaler, data, strides, out, out_strides, e);
}

int pic_make(struct pic_maker *m, const AVFrame *src, AVFrame **ret, struct err *e)
{
    struct pic_shape shape = pic_shape_of(src);

    if (!av_pix_fmt_desc_get(src->format) || src->width < 1 || src->height < 1)
        return err_set(e, ERR_INPUT, "picture of %dx%d in pixel format %d", src->width, src->height,
                       src->format);
    find_place(m, src);
    enum reading how = how_to_read(m, src);
    if (how == READ_FIELD)
        shape.h /= 2;
    if (!pic_shape_same(&shape, &m->shape) && set_up(m, &shape, src, e) < 0)
        return err_wrap(e, "picture of %dx%d", m->size.w, m->size.h);
    if (how == READ_MENDED && mend(m, src, e) < 0)
        return -1;
    if (!m->pool)
        m->pool = av_buffer_pool_init(layout_bytes(m->size), NULL);
    AVFrame *pic = frame_new(m->pool, m->size);
    if (!pic)
        return err_set(e, ERR_LIMIT, "no memory for a picture of %dx%d", m->size.w, m->size.h);
    if (draw(m, src, how, pic, e) < 0) {
        av_frame_free(&pic);
        return -1;
    }
    pic_tag(pic, m->colour);
    *ret = pic;
    return 0;
}
