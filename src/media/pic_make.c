#include "media/pic.h"

#include "media/pic_pixels.h"

/* What a scaler was made for; a frame that differs gets a new one. */
struct source_shape {
    int w, h; /* of the view: a single field has half the height */
    enum AVPixelFormat format;
    enum AVColorSpace space;
    enum AVColorRange range;
    enum AVColorTransferCharacteristic transfer;
};

struct rect {
    int x, y, w, h;
};

struct pic_maker {
    struct pic_look look;
    struct pic_size size;
    enum pic_colour colour;

    AVBufferPool *pool; /* one picture a buffer */
    AVFrame *turned;    /* scaled but not upright yet; NULL when frames are upright */

    bool fields; /* an interlaced frame was seen: from then on all are read by single fields, so
                    that telecine, which mixes, does not set up a scaler for every other frame */
    struct source_shape shape; /* what the rest is for */
    struct rect place;         /* where the picture lies within size */
    struct pic_size scaled;    /* place before turning */
    struct SwsContext *sws;
    struct pic_recolour recolour;
};

/* ---- colour ------------------------------------------------------------------------------------ */

static const AVPixFmtDescriptor *descriptor(const AVFrame *f)
{
    return av_pix_fmt_desc_get(f->format);
}

static bool is_rgb(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    return d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BAYER) ||
           format == AV_PIX_FMT_XYZ12LE || format == AV_PIX_FMT_XYZ12BE;
}

/* The formats that say "full range" by their name are the plain ones with a flag. */
static enum AVPixelFormat plain_format(enum AVPixelFormat format, enum AVColorRange *range)
{
    static const struct {
        enum AVPixelFormat full, plain;
    } pairs[] = {
        {AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P}, {AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P},
        {AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P}, {AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P},
        {AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (pairs[i].full == format) {
            *range = AVCOL_RANGE_JPEG;
            return pairs[i].plain;
        }
    return format;
}

/* What a stream that does not say is taken to be: the convention of every player. */
static enum AVColorSpace guess_space(enum AVColorSpace space, int w, int h)
{
    if (space != AVCOL_SPC_UNSPECIFIED && space != AVCOL_SPC_RESERVED && space != AVCOL_SPC_RGB)
        return space;
    return w >= 1280 || h > 576 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

static struct pic_matrix matrix_of(enum AVColorSpace space, bool full)
{
    switch (space) {
    case AVCOL_SPC_BT709:
        return (struct pic_matrix){0.2126, 0.0722, full};
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return (struct pic_matrix){0.2627, 0.0593, full};
    case AVCOL_SPC_SMPTE240M:
        return (struct pic_matrix){0.212, 0.087, full};
    case AVCOL_SPC_FCC:
        return (struct pic_matrix){0.30, 0.11, full};
    default:
        return (struct pic_matrix){0.299, 0.114, full};
    }
}

enum pic_colour pic_video_colour(const struct media_stream *st)
{
    int named = av_color_space_from_name(st->color_space);
    enum AVColorSpace space =
        guess_space(named < 0 ? AVCOL_SPC_UNSPECIFIED : named, st->width, st->height);
    bool sd = space == AVCOL_SPC_SMPTE170M || space == AVCOL_SPC_BT470BG || space == AVCOL_SPC_FCC;
    return sd ? PIC_BT601 : PIC_BT709;
}

/* What our pictures say of themselves. */
static void tag(AVFrame *pic, enum pic_colour colour)
{
    bool hd = colour == PIC_BT709;
    pic->colorspace = hd                   ? AVCOL_SPC_BT709
                      : colour == PIC_JFIF ? AVCOL_SPC_BT470BG
                                           : AVCOL_SPC_SMPTE170M;
    pic->color_range = colour == PIC_JFIF ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    pic->color_primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
    pic->color_trc = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
}

/* ---- setting up -------------------------------------------------------------------------------- */

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
    sws_freeContext(m->sws);
    av_frame_free(&m->turned);
    av_buffer_pool_uninit(&m->pool);
    free(m);
}

/* The largest rectangle of the source's shape inside the picture; all of it when only rounding is
 * between them. */
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

/*
 * Large reductions average over enough samples by themselves; the wider bicubic kernel costs twice
 * as much there and shows no more. Small ones and enlargements need it to stay sharp.
 */
static int scaler_flags(struct pic_size from, struct pic_size to)
{
    bool strong = from.w >= 2 * to.w && from.h >= 2 * to.h;
    return (strong ? SWS_BILINEAR : SWS_BICUBIC) | SWS_ACCURATE_RND;
}

static int set_up_scaler(struct pic_maker *m, struct err *e)
{
    enum AVColorRange range = m->shape.range;
    enum AVPixelFormat format = plain_format(m->shape.format, &range);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    bool grey = d->nb_components <= 2 && !(d->flags & AV_PIX_FMT_FLAG_PAL);
    bool full = range == AVCOL_RANGE_JPEG || (grey && range != AVCOL_RANGE_MPEG);
    enum AVColorSpace space = guess_space(m->shape.space, m->shape.w, m->shape.h);
    bool out_full = m->colour == PIC_JFIF;
    struct pic_size from = {m->shape.w, m->shape.h};
    const int *coefficients;

    sws_freeContext(m->sws);
    m->sws = NULL;
    if (!sws_isSupportedInput(format))
        return err_set(e, ERR_INPUT, "pixel format %s can not be converted", d->name);
    m->sws = sws_getContext(m->shape.w, m->shape.h, format, m->scaled.w, m->scaled.h,
                            AV_PIX_FMT_YUV420P, scaler_flags(from, m->scaled), NULL, NULL, NULL);
    if (!m->sws)
        return err_set(e, ERR_LIMIT, "no scaler from %dx%d %s to %dx%d", m->shape.w, m->shape.h,
                       d->name, m->scaled.w, m->scaled.h);
    if (is_rgb(format)) {
        /* swscale goes straight to the matrix and range that are wanted. */
        coefficients = sws_getCoefficients(m->colour == PIC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601);
        sws_setColorspaceDetails(m->sws, coefficients, 1, coefficients, out_full, 0, 1 << 16,
                                 1 << 16);
        m->recolour.identity = true;
    } else {
        /* swscale only scales: it would take another matrix through RGB, frame by frame. Ours is a
         * pass over what is small already. */
        struct pic_matrix a = matrix_of(space, full),
                          b = matrix_of(m->colour == PIC_BT709 ? AVCOL_SPC_BT709
                                                               : AVCOL_SPC_SMPTE170M,
                                        out_full);
        coefficients = sws_getCoefficients(SWS_CS_ITU601);
        sws_setColorspaceDetails(m->sws, coefficients, full, coefficients, full, 0, 1 << 16,
                                 1 << 16);
        pic_recolour_init(&m->recolour, &a, &b);
    }
    return 0;
}

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

static int set_up(struct pic_maker *m, const struct source_shape *shape, struct pic_size full,
                  struct err *e)
{
    struct pic_size shown = pic_display_size(full.w, full.h, &m->look);
    bool across = m->look.rotation == 90 || m->look.rotation == 270;

    m->shape = *shape;
    m->place = place_of(shown, m->size);
    m->scaled = across ? (struct pic_size){m->place.h, m->place.w}
                       : (struct pic_size){m->place.w, m->place.h};
    av_frame_free(&m->turned);
    if (m->look.rotation || m->look.flip) {
        m->turned = frame_new(NULL, m->scaled);
        if (!m->turned)
            return err_set(e, ERR_LIMIT, "no memory for a picture");
    }
    if (set_up_scaler(m, e) < 0) {
        m->shape.format = AV_PIX_FMT_NONE; /* nothing is set up */
        return -1;
    }
    return 0;
}

/* ---- making ------------------------------------------------------------------------------------ */

/* Every second row of an interlaced frame: one moment in time, with all the height that a small
 * picture needs. */
static bool wants_field(struct pic_maker *m, const AVFrame *src)
{
    struct pic_size shown = pic_display_size(src->width, src->height, &m->look);
    struct rect r = place_of(shown, m->size);
    bool across = m->look.rotation == 90 || m->look.rotation == 270;
    int height = across ? r.w : r.h;
    m->fields |= lav_frame_interlaced(src);
    return m->fields && src->height >= 4 && height * 5 <= src->height * 3 &&
           !(descriptor(src)->flags & AV_PIX_FMT_FLAG_PAL);
}

static void black_around(const AVFrame *pic, const struct rect *place, bool full)
{
    if (place->w == pic->width && place->h == pic->height)
        return;
    pic_fill(pic->data[0], pic->linesize[0], pic->width, pic->height, full ? 0 : 16);
    for (int c = 1; c < 3; c++)
        pic_fill(pic->data[c], pic->linesize[c], (pic->width + 1) / 2, (pic->height + 1) / 2, 128);
}

/* Scales the view into f at `at` planes, in the wanted colours. */
static int scale(struct pic_maker *m, const uint8_t *const data[4], const int strides[4],
                 uint8_t *const out[4], const int out_strides[4], struct err *e)
{
    int n = sws_scale(m->sws, data, strides, 0, m->shape.h, out, out_strides);
    if (n < 0)
        return lav_err(e, ERR_PROCESSING, n, "scale to %dx%d", m->scaled.w, m->scaled.h);
    pic_recolour(&m->recolour, out, out_strides, m->scaled.w, m->scaled.h);
    return 0;
}

static int draw(struct pic_maker *m, const AVFrame *src, int rows_apart, AVFrame *pic,
                struct err *e)
{
    const uint8_t *data[4];
    int strides[4];
    uint8_t *out[4] = {NULL};
    const int out_strides[4] = {pic->linesize[0], pic->linesize[1], pic->linesize[2], 0};

    for (int i = 0; i < 4; i++) {
        data[i] = src->data[i];
        strides[i] = src->linesize[i] * rows_apart;
    }
    black_around(pic, &m->place, m->colour == PIC_JFIF);
    for (int i = 0; i < 3; i++)
        out[i] = pic->data[i] + (ptrdiff_t)pic->linesize[i] * (m->place.y >> (i > 0)) +
                 (m->place.x >> (i > 0));
    if (!m->turned)
        return scale(m, data, strides, out, out_strides, e);

    uint8_t *const turned[4] = {m->turned->data[0], m->turned->data[1], m->turned->data[2], NULL};
    const int turned_strides[4] = {m->turned->linesize[0], m->turned->linesize[1],
                                   m->turned->linesize[2], 0};
    if (scale(m, data, strides, turned, turned_strides, e) < 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        int shift = i > 0, w = (m->scaled.w + shift) >> shift, h = (m->scaled.h + shift) >> shift;
        pic_turn_plane(out[i], out_strides[i], turned[i], turned_strides[i], w, h, m->look.rotation,
                       m->look.flip);
    }
    return 0;
}

int pic_make(struct pic_maker *m, const AVFrame *src, AVFrame **ret, struct err *e)
{
    bool field = wants_field(m, src);
    struct source_shape shape = {.w = src->width,
                                 .h = field ? (src->height + 1) / 2 : src->height,
                                 .format = src->format,
                                 .space = src->colorspace,
                                 .range = src->color_range,
                                 .transfer = src->color_trc};
    bool same = shape.w == m->shape.w && shape.h == m->shape.h && shape.format == m->shape.format &&
                shape.space == m->shape.space && shape.range == m->shape.range &&
                shape.transfer == m->shape.transfer;

    if (!same && set_up(m, &shape, (struct pic_size){src->width, src->height}, e) < 0)
        return err_wrap(e, "picture of %dx%d", m->size.w, m->size.h);
    if (!m->pool)
        m->pool = av_buffer_pool_init(layout_bytes(m->size), NULL);
    AVFrame *pic = frame_new(m->pool, m->size);
    if (!pic)
        return err_set(e, ERR_LIMIT, "no memory for a picture of %dx%d", m->size.w, m->size.h);
    if (draw(m, src, field ? 2 : 1, pic, e) < 0) {
        av_frame_free(&pic);
        return -1;
    }
    tag(pic, m->colour);
    *ret = pic;
    return 0;
}
