#include "media/pass_views.h"

#include <math.h>

#include "media/proxy.h"
#include "media/sprite.h"

struct pass_views {
    struct pass_views_opts o;
    struct pic_size size; /* of the proxy */
    struct pic_maker *maker;
    struct proxy *proxy;
    struct audio *audio;
    struct sprites *sprites;
    struct outpack sheets;
    struct pass_stills *stills;

    int64_t video_frames, video_end_us;
    int64_t pictures;
    struct audio_result sound;
};

/* ---- life -------------------------------------------------------------------------------- */

static void set_up_pictures(struct pass_views *v, struct proxy_opts *po)
{
    const struct media_stream *st = v->o.video;
    const struct media_pass_opts *o = v->o.pass;
    struct pic_look look = pic_look_of(st);
    struct pic_size full = pic_display_size(st->width, st->height, &look);
    enum pic_colour colour = pic_video_colour(st);

    v->size = pic_even(pic_fit_short(full, o->proxy_height), full);
    v->maker = pic_maker_new(&look, v->size, colour);
    v->stills =
        pass_stills_new(&(struct pass_stills_opts){.look = &look,
                                                   .full = full,
                                                   .picture = v->size,
                                                   .colour = colour,
                                                   .thumb_width = o->thumb_width,
                                                   .thumb_fd = v->o.out_fds[MEDIA_OUT_THUMB],
                                                   .poster_fd = v->o.out_fds[MEDIA_OUT_POSTER],
                                                   .shots_fd = v->o.out_fds[MEDIA_OUT_SHOTS]});
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
    v->sound =
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
    pass_stills_free(v->stills);
    pic_maker_free(v->maker);
    free(v);
}

/* ---- items ------------------------------------------------------------------------------- */

static int picture(struct pass_views *v, const struct pass_item *item, struct err *e)
{
    AVFrame *pic;
    int r;

    if (pic_make(v->maker, item->frame, &pic, e) < 0)
        return -1;
    r = pass_stills_picture(v->stills, pic, item->frame, item->number, item->us, item->edge,
                            item->settled, e);
    if (r >= 0 && item->kind == PASS_PICTURE)
        r = sprites_offer(v->sprites, pic, item->us, e);
    if (r >= 0 && item->kind == PASS_PICTURE) {
        r = proxy_picture(v->proxy, pic, item->pts, item->duration, e);
        v->pictures++;
    }
    av_frame_free(&pic);
    return r;
}

static int one(struct pass_views *v, const struct pass_item *item, struct err *e)
{
    switch (item->kind) {
    case PASS_SOUND:
        return audio_frame(v->audio, item->frame, item->us, e);
    case PASS_BORDER:
        return pass_stills_cut(v->stills, item->border.end, item->border.cut, item->border.next, e);
    default:
        return picture(v, item, e);
    }
}

static int work(void *arg, void *item_arg, struct err *e)
{
    struct pass_views *v = arg;
    struct pass_item *item = item_arg;
    int r = one(v, item, e);

    if (r < 0)
        err_wrap(e, "%s at %lld us", item->kind == PASS_SOUND ? "sound" : "picture",
                 (long long)item->us);
    pass_item_drop(item);
    return r;
}

static int end(void *arg, struct err *e)
{
    struct pass_views *v = arg;

    if (v->audio && audio_finish(v->audio, &v->sound, e) < 0)
        return -1;
    if (proxy_finish(v->proxy, e) < 0)
        return -1;
    if (v->pictures == 0)
        return 0;
    if (pass_stills_end(v->stills, v->video_frames, e) < 0)
        return -1;
    return sprites_finish(v->sprites, MAX(v->video_end_us, v->sound.end_us), &v->sheets,
                          v->o.out_fds[MEDIA_OUT_VTT], e);
}

const struct pass_lane_ops pass_views_ops = {
    .name = "views", .work = work, .end = end, .drop = pass_item_drop};

void pass_views_video_end(struct pass_views *v, int64_t frames, int64_t us)
{
    v->video_frames = frames;
    v->video_end_us = us; /* the lane's channel orders this before its end() */
}

void pass_views_result(const struct pass_views *v, struct pass_views_result *ret)
{
    *ret = (struct pass_views_result){
        .proxy = v->size, .pictures = v->pictures, .sprites = &v->sheets, .sound = v->sound};
    ret->stills.poster_frame = ret->stills.poster_us = -1;
    if (v->stills)
        pass_stills_result(v->stills, &ret->stills);
}
