#include "media/proxy.h"

#include "media/proxy_mux.h"

/*
 * Fixed, so that the bytes do not depend on the machine: x264 gives other bytes with other numbers
 * of threads. One thread for the frames and one for the lookahead is least work and still keeps two
 * processors busy with the decoder.
 */
#define PROXY_X264_THREADS 1

/* x264 gives pictures back in another order; their durations wait here. More than its longest
 * delay. */
#define DURATIONS 512

struct proxy {
    struct mux *mux;
    AVCodecContext *video, *audio;
    int video_stream, audio_stream;
    AVPacket *packet;

    int64_t last_pts, last_key_pts;
    bool any_picture;
    struct {
        int64_t pts, duration;
    } durations[DURATIONS];
    unsigned n_pictures;

    AVFrame *sound; /* one encoder frame being filled */
    int sound_fill;
    int64_t sound_pts;
};

/* ---- encoders ---------------------------------------------------------------------------------- */

static int open_video(struct proxy *p, const struct proxy_opts *o, struct err *e)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    AVDictionary *options = NULL;
    AVRational rate = o->rate.num > 0 ? o->rate : av_make_q(10, 1);
    bool hd = o->colour == PIC_BT709;

    if (!codec) {
        err_set(e, ERR_UNAVAILABLE, "no H.264 encoder (libx264) in this libavcodec");
        return err_plain(e, "The video encoder is missing.",
                         "Install FFmpeg's libraries with libx264 (libavcodec-extra).");
    }
    AVCodecContext *c = p->video = avcodec_alloc_context3(codec);
    if (!c)
        return err_set(e, ERR_LIMIT, "no memory for an encoder");
    c->width = o->size.w;
    c->height = o->size.h;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = o->time_base;
    c->framerate = rate;
    c->sample_aspect_ratio = av_make_q(1, 1);
    c->color_range = AVCOL_RANGE_MPEG;
    c->colorspace = hd ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    c->color_primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
    c->color_trc = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
    c->chroma_sample_location = AVCHROMA_LOC_LEFT;
    c->gop_size = MAX(1, (int)av_rescale(PROXY_GOP_US, rate.num, (int64_t)rate.den * 1000000));
    c->thread_count = PROXY_X264_THREADS;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    av_dict_set(&options, "preset", o->preset, 0);
    av_dict_set_int(&options, "crf", MAX(o->crf, 1), 0); /* 0 is lossless, which High is not */
    av_dict_set(&options, "profile", "high", 0);
    av_dict_set_int(&options, "rc-lookahead", c->gop_size,
                    0); /* what is learned ends at a key frame */
    av_dict_set(&options, "forced-idr", "1", 0);
    int r = avcodec_open2(c, codec, &options);
    av_dict_free(&options);
    if (r < 0)
        return lav_err(e, ERR_PROCESSING, r, "open H.264 encoder for %dx%d", o->size.w, o->size.h);
    return 0;
}

static int open_audio(struct proxy *p, const struct proxy_opts *o, struct err *e)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("aac");
    AVDictionary *options = NULL;

    if (!codec)
        return err_set(e, ERR_UNAVAILABLE, "no AAC encoder in this libavcodec");
    AVCodecContext *c = p->audio = avcodec_alloc_context3(codec);
    p->sound = av_frame_alloc();
    if (!c || !p->sound)
        return err_set(e, ERR_LIMIT, "no memory for an encoder");
    av_channel_layout_default(&c->ch_layout, 2);
    c->sample_rate = o->sample_rate;
    c->sample_fmt = AV_SAMPLE_FMT_FLTP;
    c->bit_rate = PROXY_AUDIO_BITS_PER_SECOND;
    c->time_base = av_make_q(1, o->sample_rate);
    c->thread_count = 1;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    av_dict_set(&options, "aac_coder", "fast", 0);
    int r = avcodec_open2(c, codec, &options);
    av_dict_free(&options);
    if (r < 0)
        return lav_err(e, ERR_PROCESSING, r, "open AAC encoder for %d Hz", o->sample_rate);
    p->sound->format = c->sample_fmt;
    p->sound->nb_samples = c->frame_size;
    p->sound->sample_rate = c->sample_rate;
    if (av_channel_layout_copy(&p->sound->ch_layout, &c->ch_layout) < 0 ||
        av_frame_get_buffer(p->sound, 0) < 0)
        return err_set(e, ERR_LIMIT, "no memory for sound");
    return 0;
}

int proxy_open(int fd, const struct proxy_opts *o, struct proxy **ret, struct err *e)
{
    CLEANUP(proxy_free) struct proxy *p = XNEW(struct proxy);
    AVCodecContext *encoders[MUX_STREAMS_MAX];
    int n = 0;

    p->video_stream = p->audio_stream = -1;
    p->packet = av_packet_alloc();
    if (!p->packet)
        return err_set(e, ERR_LIMIT, "no memory for a packet");
    if (o->size.w > 0) {
        if (open_video(p, o, e) < 0)
            return -1;
        p->video_stream = n;
        encoders[n++] = p->video;
    }
    if (o->sample_rate > 0) {
        if (open_audio(p, o, e) < 0)
            return -1;
        p->audio_stream = n;
        encoders[n++] = p->audio;
    }
    if (mux_open(fd, encoders, n, &p->mux, e) < 0)
        return err_wrap(e, "open proxy");
    *ret = STEAL(p);
    return 0;
}

void proxy_free(struct proxy *p)
{
    if (!p)
        return;
    mux_free(p->mux);
    avcodec_free_context(&p->video);
    avcodec_free_context(&p->audio);
    av_packet_free(&p->packet);
    av_frame_free(&p->sound);
    free(p);
}

/* ---- encoding ---------------------------------------------------------------------------------- */

/* frame NULL: the end. Gives what comes out to the muxer. */
static int encode(struct proxy *p, AVCodecContext *c, int stream, const AVFrame *frame,
                  struct err *e)
{
    int r = avcodec_send_frame(c, frame);
    if (r < 0)
        return lav_err(e, ERR_PROCESSING, r, "encode %s", c->codec->name);
    while ((r = avcodec_receive_packet(c, p->packet)) >= 0) {
        AVPacket *packet = av_packet_alloc();
        if (!packet)
            return err_set(e, ERR_LIMIT, "no memory for a packet");
        av_packet_move_ref(packet, p->packet);
        if (c == p->video)
            for (unsigned i = 0; i < DURATIONS; i++)
                if (p->durations[i].pts == packet->pts && p->durations[i].duration)
                    packet->duration = p->durations[i].duration;
        if (mux_packet(p->mux, stream, packet, e) < 0)
            return err_wrap(e, "write proxy");
    }
    if (r != AVERROR(EAGAIN) && r != AVERROR_EOF)
        return lav_err(e, ERR_PROCESSING, r, "encode %s", c->codec->name);
    return 0;
}

int proxy_picture(struct proxy *p, AVFrame *pic, int64_t pts, int64_t duration, struct err *e)
{
    int64_t gop = av_rescale_q(PROXY_GOP_US, av_make_q(1, 1000000), p->video->time_base);
    /* Where frames are far apart, counting them would let the distance of key frames grow in time.
     */
    bool key = !p->any_picture || pts - p->last_key_pts >= MAX(gop, 1);

    pic->pts = pts;
    pic->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    pic->sample_aspect_ratio = av_make_q(1, 1);
    if (key)
        p->last_key_pts = pts;
    p->any_picture = true;
    p->last_pts = pts;
    p->durations[p->n_pictures % DURATIONS].pts = pts;
    p->durations[p->n_pictures++ % DURATIONS].duration = duration;
    return encode(p, p->video, p->video_stream, pic, e);
}

static int encode_sound(struct proxy *p, struct err *e)
{
    p->sound->nb_samples = p->sound_fill;
    p->sound->pts = p->sound_pts;
    p->sound_pts += p->sound_fill;
    p->sound_fill = 0;
    if (encode(p, p->audio, p->audio_stream, p->sound, e) < 0)
        return -1;
    /* The encoder may keep a reference to what it was given. */
    p->sound->nb_samples = p->audio->frame_size;
    if (av_frame_make_writable(p->sound) < 0)
        return err_set(e, ERR_LIMIT, "no memory for sound");
    return 0;
}

int proxy_sound(struct proxy *p, const float *left, const float *right, int n, struct err *e)
{
    while (n > 0) {
        int take = MIN(n, p->audio->frame_size - p->sound_fill);
        memcpy((float *)p->sound->data[0] + p->sound_fill, left, (size_t)take * sizeof(float));
        memcpy((float *)p->sound->data[1] + p->sound_fill, right, (size_t)take * sizeof(float));
        left += take;
        right += take;
        n -= take;
        p->sound_fill += take;
        if (p->sound_fill == p->audio->frame_size && encode_sound(p, e) < 0)
            return -1;
    }
    return 0;
}

int proxy_finish(struct proxy *p, struct err *e)
{
    if (p->video && p->any_picture && encode(p, p->video, p->video_stream, NULL, e) < 0)
        return -1;
    if (p->video && mux_end(p->mux, p->video_stream, e) < 0)
        return -1;
    if (p->audio && p->sound_fill > 0 && encode_sound(p, e) < 0)
        return -1;
    if (p->audio && encode(p, p->audio, p->audio_stream, NULL, e) < 0)
        return -1;
    if (mux_finish(p->mux, e) < 0)
        return err_wrap(e, "end proxy");
    return 0;
}
