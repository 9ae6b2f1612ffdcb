#include "media/pic_scale.h"

#include "media/frame_view.h"
#include "media/pic_pixels.h"
#include "vision/tonemap.h"

struct pic_scaler {
    struct pic_shape shape;
    struct pic_size to;
    struct SwsContext *sws;
    struct pic_recolour recolour;

    /* high dynamic range only: scaled to planar RGB of 12 bits, mapped to RGB of 8, converted */
    struct tonemap *tonemap;
    AVFrame *wide, *narrow;
    struct SwsContext *to_yuv;
};

/* ---- colour -------------------------------------------------------------------------------- */

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

static struct pic_matrix matrix_out(enum pic_colour colour)
{
    return matrix_of(colour == PIC_BT709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M,
                     colour == PIC_JFIF);
}

enum pic_colour pic_video_colour(const struct media_stream *st)
{
    int named = av_color_space_from_name(st->color_space);
    enum AVColorSpace space =
        guess_space(named < 0 ? AVCOL_SPC_UNSPECIFIED : named, st->width, st->height);
    bool sd = space == AVCOL_SPC_SMPTE170M || space == AVCOL_SPC_BT470BG || space == AVCOL_SPC_FCC;
    return sd ? PIC_BT601 : PIC_BT709;
}

void pic_tag(AVFrame *pic, enum pic_colour colour)
{
    bool hd = colour == PIC_BT709;
    pic->colorspace = hd                   ? AVCOL_SPC_BT709
                      : colour == PIC_JFIF ? AVCOL_SPC_BT470BG
                                           : AVCOL_SPC_SMPTE170M;
    pic->color_range = colour == PIC_JFIF ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    pic->color_primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
    pic->color_trc = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
}

/* ---- shape --------------------------------------------------------------------------------- */

struct pic_shape pic_shape_of(const AVFrame *f)
{
    return (struct pic_shape){.w = f->width,
                              .h = f->height,
                              .format = f->format,
                              .space = f->colorspace,
                              .range = f->color_range,
                              .transfer = f->color_trc,
                              .primaries = f->color_primaries};
}

bool pic_shape_same(const struct pic_shape *a, const struct pic_shape *b)
{
    return a->w == b->w && a->h == b->h && a->format == b->format && a->space == b->space &&
           a->range == b->range && a->transfer == b->transfer && a->primaries == b->primaries;
}

bool pic_shape_hdr(const struct pic_shape *s)
{
    return s->transfer == AVCOL_TRC_SMPTE2084 || s->transfer == AVCOL_TRC_ARIB_STD_B67;
}

/* ---- setting up ---------------------------------------------------------------------------- */

/*
 * Large reductions average over enough samples by themselves; the wider bicubic kernel costs twice as much there and
 * shows no more. Small ones and enlargements need it to stay sharp.
 */
static int scaler_flags(struct pic_size from, struct pic_size to)
{
    bool strong = from.w >= 2 * to.w && from.h >= 2 * to.h;
    return strong ? SWS_BILINEAR : SWS_BICUBIC;
}

static int open_sws(struct pic_scaler *s, enum AVPixelFormat format, enum AVPixelFormat to,
                    int more_flags, struct err *e)
{
    struct pic_size from = {s->shape.w, s->shape.h};
    const char *name = av_get_pix_fmt_name(format);

    if (!sws_isSupportedInput(format))
        return err_set(e, ERR_INPUT, "pixel format %s can not be converted", name);
    s->sws = sws_getContext(from.w, from.h, format, s->to.w, s->to.h, to,
                            scaler_flags(from, s->to) | more_flags, NULL, NULL, NULL);
    if (!s->sws)
        return err_set(e, ERR_LIMIT, "no scaler from %dx%d %s to %dx%d", from.w, from.h, name,
                       s->to.w, s->to.h);
    return 0;
}

static void set_colours(struct SwsContext *sws, int from, bool from_full, int to, bool to_full)
{
    sws_setColorspaceDetails(sws, sws_getCoefficients(from), from_full, sws_getCoefficients(to),
                             to_full, 0, 1 << 16, 1 << 16);
}

static AVFrame *frame_of(enum AVPixelFormat format, struct pic_size size)
{
    AVFrame *f = av_frame_alloc();
    if (!f)
        return NULL;
    f->format = format;
    f->width = size.w;
    f->height = size.h;
    if (av_frame_get_buffer(f, 0) < 0)
        av_frame_free(&f);
    return f;
}

/* How bright the film gets, as far as it tells; 0 unknown. */
static double peak_nits(const AVFrame *f)
{
    const AVFrameSideData *light = av_frame_get_side_data(f, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
    const AVFrameSideData *screen =
        av_frame_get_side_data(f, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);

    if (light && light->size >= sizeof(AVContentLightMetadata)) {
        const AVContentLightMetadata *m = (const AVContentLightMetadata *)light->data;
        if (m->MaxCLL > 0)
            return m->MaxCLL;
    }
    if (screen && screen->size >= sizeof(AVMasteringDisplayMetadata)) {
        const AVMasteringDisplayMetadata *m = (const AVMasteringDisplayMetadata *)screen->data;
        if (m->has_luminance && m->max_luminance.den > 0)
            return av_q2d(m->max_luminance);
    }
    return 0;
}

static int sws_of_space(enum AVColorSpace space)
{
    switch (space) {
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;
    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;
    default:
        return SWS_CS_ITU601;
    }
}

static int open_hdr(struct pic_scaler *s, enum AVPixelFormat format, bool full,
                    const AVFrame *first, enum pic_colour colour, struct err *e)
{
    const struct tonemap_options o = {
        .curve = s->shape.transfer == AVCOL_TRC_ARIB_STD_B67 ? TONEMAP_HLG : TONEMAP_PQ,
        .bt709 = s->shape.primaries == AVCOL_PRI_BT709,
        .peak_nits = peak_nits(first)};
    /* Who says PQ and leaves out the matrix means BT.2020. */
    enum AVColorSpace space =
        s->shape.space == AVCOL_SPC_UNSPECIFIED ? AVCOL_SPC_BT2020_NCL : s->shape.space;

    if (open_sws(s, format, AV_PIX_FMT_GBRP12, SWS_FULL_CHR_H_INT, e) < 0)
        return -1;
    set_colours(s->sws, sws_of_space(space), full, SWS_CS_ITU709, true);
    s->wide = frame_of(AV_PIX_FMT_GBRP12, s->to);
    s->narrow = frame_of(AV_PIX_FMT_RGB24, s->to);
    s->to_yuv =
        sws_getContext(s->to.w, s->to.h, AV_PIX_FMT_RGB24, s->to.w, s->to.h, AV_PIX_FMT_YUV420P,
                       SWS_BILINEAR | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (!s->wide || !s->narrow || !s->to_yuv)
        return err_set(e, ERR_LIMIT, "no memory for a picture of %dx%d", s->to.w, s->to.h);
    set_colours(s->to_yuv, SWS_CS_ITU709, true, colour == PIC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601,
                colour == PIC_JFIF);
    s->tonemap = tonemap_new(&o);
    return 0;
}

int pic_scaler_new(const struct pic_shape *shape, const AVFrame *first, struct pic_size to,
                   enum pic_colour colour, struct pic_scaler **ret, struct err *e)
{
    CLEANUP(pic_scaler_free) struct pic_scaler *s = XNEW(struct pic_scaler);
    enum AVColorRange range = shape->range;
    enum AVPixelFormat format = plain_format(shape->format, &range);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);

    if (!d)
        return err_set(e, ERR_INPUT, "pixel format %d is not known", shape->format);
    bool grey = d->nb_components <= 2 && !(d->flags & AV_PIX_FMT_FLAG_PAL);
    bool full = range == AVCOL_RANGE_JPEG || (grey && range != AVCOL_RANGE_MPEG);
    s->shape = *shape;
    s->to = to;
    s->recolour.identity = true;
    if (pic_shape_hdr(shape)) {
        if (open_hdr(s, format, full, first, colour, e) < 0)
            return -1;
    } else if (open_sws(s, format, AV_PIX_FMT_YUV420P, 0, e) < 0) {
        return -1;
    } else if (is_rgb(format)) {
        /* swscale goes straight to the matrix and range that are wanted. */
        set_colours(s->sws, SWS_CS_ITU601, true,
                    colour == PIC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601, colour == PIC_JFIF);
    } else {
        /* swscale only scales: it would take another matrix through RGB, frame by frame. Ours is a pass over what is
         * small already. */
        struct pic_matrix from = matrix_of(guess_space(shape->space, shape->w, shape->h), full);
        struct pic_matrix into = matrix_out(colour);
        set_colours(s->sws, SWS_CS_ITU601, full, SWS_CS_ITU601, full);
        pic_recolour_init(&s->recolour, &from, &into);
    }
    *ret = STEAL(s);
    return 0;
}

void pic_scaler_free(struct pic_scaler *s)
{
    if (!s)
        return;
    sws_freeContext(s->sws);
    sws_freeContext(s->to_yuv);
    tonemap_free(s->tonemap);
    av_frame_free(&s->wide);
    av_frame_free(&s->narrow);
    free(s);
}

/* ---- running ------------------------------------------------------------------------------- */

int pic_scaler_run(struct pic_scaler *s, const uint8_t *const data[4], const int strides[4],
                   uint8_t *const out[4], const int out_strides[4], struct err *e)
{
    bool hdr = s->tonemap != NULL;
    struct vision_frame view;
    int n = sws_scale(s->sws, data, strides, 0, s->shape.h, hdr ? s->wide->data : out,
                      hdr ? s->wide->linesize : out_strides);

    if (n >= 0 && hdr) {
        if (!frame_view(s->wide, &view))
            return err_set(e, ERR_INTERNAL, "no view of a wide picture");
        tonemap_rows(s->tonemap, &view, 0, s->to.h, s->narrow->data[0], s->narrow->linesize[0]);
        n = sws_scale(s->to_yuv, (const uint8_t *const *)s->narrow->data, s->narrow->linesize, 0,
                      s->to.h, out, out_strides);
    }
    if (n < 0)
        return lav_err(e, ERR_PROCESSING, n, "scale to %dx%d", s->to.w, s->to.h);
    pic_recolour(&s->recolour, out, out_strides, s->to.w, s->to.h);
    return 0;
}
