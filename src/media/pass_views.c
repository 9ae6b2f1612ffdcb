#include "media/pass_views.h"

#include <math.h>

#include "media/proxy.h"
#include "media/sprite.h"

#define THUMB_QUALITY 85

struct pass_views {
    struct pass_views_opts o;
    struct pic_size size; /* of the proxy */
    struct pic_maker *proxy_maker;
    struct proxy *proxy;
    struct audio *audio;
    struct sprites *sprites;
    struct outpack sheets;

    struct pic_maker *thumb_maker;
    bool thumb_from_source; /* wider than the proxy: made from the frame itself */
    struct pic_jpeg *thumb_jpeg;
    AVFrame *poster; /* the best so far, already small */
    double poster_score;

    int64_t video_end_us;
    struct pass_views_result result;
};

/* ---- life
 * ----------------------------------------------------------------------------------------------------------
 */

static void set_up_pictures(struct pass_views *v, struct proxy_opts *po)
{
    const struct media_stream *st = v->o.video;
    const struct media_pass_opts *o = v->o.pass;
    struct pic_look look = pic_look_of(st);
    struct pic_size full = pic_display_size(st->width, st->height, &look);
    enum pic_colour colour = pic_video_colour(st);

    v->size = pic_even(pic_fit_short(full, o->proxy_height), full);
    v->proxy_maker = pic_maker_new(&look, v->size, colour);
    struct pic_size thumb = pic_fit_width(full, o->thumb_width);
    v->thumb_from_source = thumb.w > v->size.w || thumb.h > v->size.h;
    v->thumb_maker = pic_maker_new(v->thumb_from_source ? &look : NULL, thumb, PIC_JFIF);
    v->thumb_jpeg = pic_jpeg_new(THUMB_QUALITY);
    v->sprites = sprites_new(&(struct sprite_opts){.picture = v->size,
                                                   .width = o->sprite_width,
                                                   .tiles_a_sheet = o->sprite_tiles,
                                                   .interval_us = o->sprite_interval_us,
                                                   .duration_us = v->o.duration_us});
    v->sheets.fd = v->o.out_fds[MEDIA_OUT_SPRITES];
    po->size = v->size;
    po->time_base = v->o.pick->time_base;
    po->rate = v->o.pick->rate;
    po->colour = colour;
    po->crf = o->proxy_crf;
    po->preset = o->proxy_preset;
}

int pass_views_new(const struct pass_views_opts *o, struct pass_views **ret, struct err *e)
{
    CLEANUP(pass_views_free) struct pass_views *v = XNEW(struct pass_views);
    struct proxy_opts po = {0};

    v->o = *o;
    v->poster_score = -INFINITY;
    v->result.poster_frame = v->result.poster_us = -1;
    v->result.sound =
        (struct audio_result){.loudness_lufs = NAN, .loudness_range_lu = NAN, .peak_dbfs = NAN};
    if (o->video)
        set_up_pictures(v, &po);
    if (o->audio)
        po.sample_rate = audio_proxy_rate(o->audio->sample_rate);
    if (proxy_open(o->out_fds[MEDIA_OUT_PROXY], &po, &v->proxy, e) < 0)
        return -1;
    if (o->audio && audio_new(&(struct audio_opts){.sample_rate = o->audio->sample_rate,
                                                   .limit_us = o->limit_us,
                                                   .wav_fd = o->out_fds[MEDIA_OUT_AUDIO],
                                                   .peaks_fd = o->out_fds[MEDIA_OUT_PEAKS],
                                                   .proxy = v->proxy},
                              &v->audio, e) < 0)
        return -1;
    *ret = STEAL(v);
    return 0;
}

void pass_views_free(struct pass_views *v)
{
    if (!v)
        return;
    audio_free(v->audio);
    proxy_free(v->proxy);
    sprites_free(v->sprites);
    outpack_finish(&v->sheets);
    pic_maker_free(v->proxy_maker);
    pic_maker_free(v->thumb_maker);
    pic_jpeg_free(v->thumb_jpeg);
    av_frame_free(&v->poster);
    free(v);
}

/* ---- pictures
 * ------------------------------------------------------------------------------------------------------
 */

static int write_thumb(struct pass_views *v, const AVFrame *small, enum media_out out,
                       int64_t *ret_bytes, struct err *e)
{
    struct str bytes;
    if (pic_jpeg_encode(v->thumb_jpeg, small, &bytes, e) < 0)
        return -1;
    *ret_bytes = (int64_t)bytes.n;
    return outfile_write_at(v->o.out_fds[out], 0, bytes.p, bytes.n, e);
}

static double score(const AVFrame *pic)
{
    return pic->pts == 0 ? 1 : 0;
}

/* The first frame is the thumb; the best one so far waits to be the poster. */
static int look_for_poster(struct pass_views *v, const struct pass_item *item, const AVFrame *pic,
                           struct err *e)
{
    double s = score(pic);
    bool first = v->result.pictures == 0;
    AVFrame *small;

    if (!first && s <= v->poster_score)
        return 0;
    if (pic_make(v->thumb_maker, v->thumb_from_source ? item->frame : pic, &small, e) < 0)
        return -1;
    v->poster_score = s;
    v->result.poster_frame = item->number;
    v->result.poster_us = item->us;
    av_frame_free(&v->poster);
    v->poster = small;
    return first ? write_thumb(v, small, MEDIA_OUT_THUMB, &v->result.thumb_bytes, e) : 0;
}

static int picture(struct pass_views *v, const struct pass_item *item, struct err *e)
{
    AVFrame *pic;
    int r;

    if (pic_make(v->proxy_maker, item->frame, &pic, e) < 0)
        return -1;
    r = look_for_poster(v, item, pic, e);
    if (r >= 0)
        r = sprites_offer(v->sprites, pic, item->us, e);
    if (r >= 0)
        r = proxy_picture(v->proxy, pic, item->pts, item->duration, e);
    v->result.pictures++;
    av_frame_free(&pic);
    return r;
}

static int work(void *arg, void *item_arg, struct err *e)
{
    struct pass_views *v = arg;
    struct pass_item *item = item_arg;
    int r = item->kind == PASS_SOUND ? audio_frame(v->audio, item->frame, item->us, e)
                                     : picture(v, item, e);
    if (r < 0)
        err_wrap(e, "%s at %lld us", item->kind == PASS_SOUND ? "sound" : "picture",
                 (long long)item->us);
    pass_item_drop(item);
    return r;
}

static int end(void *arg, struct err *e)
{
    struct pass_views *v = arg;

    if (v->audio && audio_finish(v->audio, &v->result.sound, e) < 0)
        return -1;
    if (proxy_finish(v->proxy, e) < 0)
        return -1;
    if (v->result.pictures == 0)
        return 0;
    if (write_thumb(v, v->poster, MEDIA_OUT_POSTER, &v->result.poster_bytes, e) < 0)
        return err_wrap(e, "poster");
    return sprites_finish(v->sprites, MAX(v->video_end_us, v->result.sound.end_us), &v->sheets,
                          v->o.out_fds[MEDIA_OUT_VTT], &v->result.vtt_bytes, e);
}

const struct pass_lane_ops pass_views_ops = {
    .name = "views", .work = work, .end = end, .drop = pass_item_drop};

void pass_views_video_end(struct pass_views *v, int64_t us)
{
    v->video_end_us = us; /* the lane's channel orders this before its end() */
}

void pass_views_result(const struct pass_views *v, struct pass_views_result *ret)
{
    *ret = v->result;
    ret->proxy = v->size;
    ret->sprites = &v->sheets;
}
