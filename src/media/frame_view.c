#include "media/frame_view.h"

#define UNREADABLE                                                                                 \
    (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |                   \
     AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT)

/* Formats of more than 8 bits come in both byte orders; frames are read in this machine's. */
static bool native_order(const AVPixFmtDescriptor *d)
{
    bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return d->comp[0].depth <= 8 || big == ((d->flags & AV_PIX_FMT_FLAG_BE) != 0);
}

bool frame_view(const AVFrame *f, struct vision_frame *ret)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    struct vision_frame v = {.width = f->width, .height = f->height};
    int n;

    if (!d || d->flags & UNREADABLE || !native_order(d) || f->format == AV_PIX_FMT_XYZ12LE)
        return false;
    v.model = d->nb_components < 3             ? VISION_GREY
              : d->flags & AV_PIX_FMT_FLAG_RGB ? VISION_RGB
                                               : VISION_YUV;
    n = v.model == VISION_GREY ? 1 : 3;
    v.depth = d->comp[0].depth;
    v.low_bits = d->comp[0].shift;
    v.chroma_shift_x = d->log2_chroma_w;
    v.chroma_shift_y = d->log2_chroma_h;
    v.full_range = f->color_range == AVCOL_RANGE_JPEG || f->format == AV_PIX_FMT_YUVJ420P ||
                   f->format == AV_PIX_FMT_YUVJ422P || f->format == AV_PIX_FMT_YUVJ444P ||
                   f->format == AV_PIX_FMT_YUVJ440P || f->format == AV_PIX_FMT_YUVJ411P;
    for (int i = 0; i < n; i++) {
        const AVComponentDescriptor *c = &d->comp[i];
        /* A sample must be a byte, or a 16-bit word, of its own. */
        int bytes = c->depth > 8 ? 2 : 1;
        if (c->depth != v.depth || c->shift != v.low_bits || c->depth < 8 || c->depth > 16 ||
            c->step < bytes || (bytes == 1 && c->shift) || c->depth + c->shift > 8 * bytes)
            return false;
        v.c[i] =
            (struct vision_comp){f->data[c->plane] + c->offset, f->linesize[c->plane], c->step};
    }
    *ret = v;
    return true;
}
