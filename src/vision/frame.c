#include "vision/frame.h"

static int subsampled(int side, int shift)
{
    return (side + (1 << shift) - 1) >> shift;
}

struct vision_frame vision_frame_grey8(const uint8_t *p, int width, int height)
{
    return (struct vision_frame){
        .width = width, .height = height, .model = VISION_GREY, .depth = 8, .c = {{p, width, 1}}};
}

struct vision_frame vision_frame_yuv420p8(const uint8_t *p, int width, int height)
{
    int cw = subsampled(width, 1), ch = subsampled(height, 1);
    const uint8_t *u = p + (size_t)width * (size_t)height;
    return (struct vision_frame){.width = width,
                                 .height = height,
                                 .model = VISION_YUV,
                                 .depth = 8,
                                 .chroma_shift_x = 1,
                                 .chroma_shift_y = 1,
                                 .c = {{p, width, 1}, {u, cw, 1}, {u + (size_t)cw * ch, cw, 1}}};
}

struct vision_frame vision_frame_rgb24(const uint8_t *p, int width, int height, ptrdiff_t stride)
{
    return (struct vision_frame){.width = width,
                                 .height = height,
                                 .model = VISION_RGB,
                                 .depth = 8,
                                 .c = {{p, stride, 3}, {p + 1, stride, 3}, {p + 2, stride, 3}}};
}

int vision_frame_check(const struct vision_frame *f, struct err *e)
{
    if (f->width < 1 || f->height < 1 || f->width > VISION_SIDE_MAX || f->height > VISION_SIDE_MAX)
        return err_set(e, ERR_INPUT, "picture of %d x %d pixels", f->width, f->height);
    if (f->depth < 8 || f->depth > 16 || f->low_bits < 0 || f->depth + f->low_bits > 16 ||
        (f->depth == 8 && f->low_bits))
        return err_set(e, ERR_INPUT, "samples of %d bits above %d unused ones", f->depth,
                       f->low_bits);
    if (f->model != VISION_YUV && f->model != VISION_RGB && f->model != VISION_GREY)
        return err_set(e, ERR_INPUT, "unknown colour model %d", (int)f->model);
    if (f->chroma_shift_x < 0 || f->chroma_shift_x > 2 || f->chroma_shift_y < 0 ||
        f->chroma_shift_y > 2)
        return err_set(e, ERR_INPUT, "chroma subsampling of %d, %d", f->chroma_shift_x,
                       f->chroma_shift_y);
    int bytes = f->depth > 8 ? 2 : 1;
    for (int i = 0; i < (f->model == VISION_GREY ? 1 : 3); i++) {
        bool chroma = f->model == VISION_YUV && i > 0;
        ptrdiff_t samples = chroma ? subsampled(f->width, f->chroma_shift_x) : f->width;
        ptrdiff_t stride = f->c[i].stride < 0 ? -f->c[i].stride : f->c[i].stride;
        if (!f->c[i].p || f->c[i].step < bytes || f->c[i].step > 64 ||
            stride < (samples - 1) * f->c[i].step + bytes)
            return err_set(e, ERR_INPUT, "component %d: %td bytes a row for %td samples of %d", i,
                           f->c[i].stride, samples, f->c[i].step);
    }
    return 0;
}
