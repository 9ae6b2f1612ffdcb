#include "media/pass_samples.h"

#include "media/pic.h"

struct pass_samples {
    struct pic_maker *maker;
    struct pic_jpeg *jpeg;
    struct outpack pack;
};

struct pass_samples *pass_samples_new(int fd, const struct media_stream *st,
                                      const struct media_pass_opts *o)
{
    struct pass_samples *s = XNEW(struct pass_samples);
    struct pic_look look = pic_look_of(st);
    struct pic_size size =
        pic_fit_long(pic_display_size(st->width, st->height, &look), o->sample_width);

    s->maker = pic_maker_new(&look, size, PIC_JFIF);
    s->jpeg = pic_jpeg_new(o->sample_quality);
    s->pack.fd = fd;
    s->pack.pictures.width = size.w;
    s->pack.pictures.height = size.h;
    return s;
}

void pass_samples_free(struct pass_samples *s)
{
    if (!s)
        return;
    pic_maker_free(s->maker);
    pic_jpeg_free(s->jpeg);
    outpack_finish(&s->pack);
    free(s);
}

static int work(void *arg, void *item_arg, struct err *e)
{
    struct pass_samples *s = arg;
    struct pass_item *item = item_arg;
    AVFrame *pic = NULL;
    struct str bytes;

    int r = pic_make(s->maker, item->frame, &pic, e);
    if (r >= 0)
        r = pic_jpeg_encode(s->jpeg, pic, &bytes, e);
    if (r >= 0)
        r = outpack_add(&s->pack, bytes, item->number, item->us, e);
    if (r < 0)
        err_wrap(e, "frame %lld", (long long)item->number);
    av_frame_free(&pic);
    pass_item_drop(item);
    return r;
}

const struct pass_lane_ops pass_samples_ops = {
    .name = "samples", .work = work, .drop = pass_item_drop};

const struct outpack *pass_samples_pack(const struct pass_samples *s)
{
    return &s->pack;
}
