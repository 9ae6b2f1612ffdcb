/*
 * The sound of a cut. Positions are samples of the source from the cut's first frame: what lies before 0 is dropped, a
 * hole is filled with silence, and at the end of the last frame it stops, so that picture and sound stay together and
 * two cuts that follow each other join without a click.
 */
#include "media/cut.h"

#define BITS_PER_CHANNEL 80000
#define RATE_MAX         48000
#define SILENCE_STEP     16384

struct cut_audio {
    struct source *s; /* borrowed */
    AVCodecContext *enc;
    SwrContext *swr;
    AVAudioFifo *fifo;
    AVFrame *block; /* one encoder frame */
    struct source_frame first;
    int64_t from_us, to_us;
    /* the source's sound as it is now; swr is made for it */
    int in_rate, in_format;
    AVChannelLayout in_layout;
    int64_t base; /* pts that is position 0 */
    int64_t next; /* position wanted next */
    int64_t total;
    int64_t out_pts, out_total; /* samples coded; to be coded */
    bool ended;
};

static int no_memory(struct err *e)
{
    return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "sound of the cut");
}

static int64_t samples(int64_t us, int rate)
{
    return av_rescale_rnd(us, rate, 1000000, AV_ROUND_NEAR_INF);
}

static int out_rate(int rate)
{
    static const int known[] = {48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (rate == known[i])
            return rate;
    return RATE_MAX;
}

static void out_layout(AVChannelLayout *out, int channels)
{
    av_channel_layout_default(out, channels == 1 || channels == 6 ? channels : 2);
}

static int open_encoder(struct cut_audio *a, const AVFrame *f, struct err *e)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("aac");

    if (!codec)
        return err_set(e, ERR_UNAVAILABLE, "no AAC encoder in this libavcodec");
    AVCodecContext *c = a->enc = avcodec_alloc_context3(codec);
    if (!c)
        return no_memory(e);
    c->sample_rate = out_rate(f->sample_rate);
    c->sample_fmt = AV_SAMPLE_FMT_FLTP;
    out_layout(&c->ch_layout, f->ch_layout.nb_channels);
    c->bit_rate = (int64_t)BITS_PER_CHANNEL * c->ch_layout.nb_channels;
    c->time_base = (AVRational){1, c->sample_rate};
    c->thread_count = 1;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    int r = avcodec_open2(c, codec, NULL);
    if (r < 0)
        return lav_err(e, ERR_PROCESSING, r, "open AAC encoder for %d Hz", c->sample_rate);
    a->fifo = av_audio_fifo_alloc(c->sample_fmt, c->ch_layout.nb_channels, c->frame_size * 4);
    a->block = av_frame_alloc();
    if (!a->fifo || !a->block)
        return no_memory(e);
    a->block->format = c->sample_fmt;
    a->block->sample_rate = c->sample_rate;
    a->block->nb_samples = c->frame_size;
    if (av_channel_layout_copy(&a->block->ch_layout, &c->ch_layout) < 0 ||
        av_frame_get_buffer(a->block, 0) < 0)
        return no_memory(e);
    a->out_total = samples(a->to_us - a->from_us, c->sample_rate);
    return 0;
}

int cut_audio_open(struct source *s, int64_t from_us, int64_t to_us, struct cut_audio **ret,
                   struct err *e)
{
    CLEANUP(cut_audio_free) struct cut_audio *a = XNEW(struct cut_audio);

    a->s = s;
    a->from_us = from_us;
    a->to_us = to_us;
    for (;;) { /* to the first sound that belongs to the cut */
        int got = source_next(s, &a->first, e);
        if (got < 0)
            return -1;
        if (got == SOURCE_EOF || a->first.us >= to_us) {
            *ret = NULL;
            return 0;
        }
        if (a->first.end_us > from_us)
            break;
        av_frame_free(&a->first.frame);
    }
    if (open_encoder(a, a->first.frame, e) < 0)
        return -1;
    *ret = STEAL(a);
    return 0;
}

void cut_audio_free(struct cut_audio *a)
{
    if (!a)
        return;
    av_frame_free(&a->first.frame);
    av_frame_free(&a->block);
    av_audio_fifo_free(a->fifo);
    swr_free(&a->swr);
    av_channel_layout_uninit(&a->in_layout);
    avcodec_free_context(&a->enc);
    free(a);
}

AVCodecContext *cut_audio_encoder(struct cut_audio *a)
{
    return a->enc;
}

/* Takes what the resampler has ready: in may be NULL for that alone. */
static int convert(struct cut_audio *a, const uint8_t **in, int n, struct err *e)
{
    uint8_t *planes[AV_NUM_DATA_POINTERS] = {0};
    int room = swr_get_out_samples(a->swr, n);

    if (room <= 0)
        return room < 0 ? lav_err(e, ERR_PROCESSING, room, "convert sound") : 0;
    if (av_samples_alloc(planes, NULL, a->enc->ch_layout.nb_channels, room, a->enc->sample_fmt, 0) <
        0)
        return no_memory(e);
    int got = swr_convert(a->swr, planes, room, in, n);
    int r = got > 0 ? av_audio_fifo_write(a->fifo, (void **)planes, got) : got;
    av_freep(&planes[0]);
    return r < 0 ? lav_err(e, ERR_PROCESSING, r, "convert sound") : 0;
}

/* last: also the block that is not full */
static int encode_ready(struct cut_audio *a, bool last, struct mux *m, int stream, struct err *e)
{
    for (;;) {
        int64_t have = MIN(av_audio_fifo_size(a->fifo), a->out_total - a->out_pts);
        if (have < a->enc->frame_size && !(last && have > 0))
            return 0;
        int n = (int)MIN(have, a->enc->frame_size);
        a->block->nb_samples = a->enc->frame_size;
        if (av_frame_make_writable(a->block) < 0)
            return no_memory(e);
        av_audio_fifo_read(a->fifo, (void **)a->block->data, n);
        a->block->nb_samples = n;
        a->block->pts = a->out_pts;
        a->out_pts += n;
        if (cut_encode(a->enc, a->block, NULL, NULL, m, stream, e) < 0)
            return -1;
    }
}

static int silence(struct cut_audio *a, int64_t n, struct mux *m, int stream, struct err *e)
{
    while (n > 0) {
        int step = (int)MIN(n, SILENCE_STEP);
        int r = swr_inject_silence(a->swr, step);
        if (r < 0)
            return lav_err(e, ERR_PROCESSING, r, "silence");
        if (convert(a, NULL, 0, e) < 0 || encode_ready(a, false, m, stream, e) < 0)
            return -1;
        n -= step;
        a->next += step;
    }
    return 0;
}

/* Sound of another shape than before: what the resampler still holds goes out, then it is made anew. */
static int reshape(struct cut_audio *a, const struct source_frame *f, struct err *e)
{
    const AVFrame *in = f->frame;
    AVChannelLayout layout = {0};

    if (a->swr && convert(a, NULL, 0, e) < 0)
        return -1;
    /* some decoders know how many channels there are and not where they stand */
    if (in->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&layout, in->ch_layout.nb_channels);
    else if (av_channel_layout_copy(&layout, &in->ch_layout) < 0)
        return no_memory(e);
    swr_free(&a->swr);
    int r = swr_alloc_set_opts2(&a->swr, &a->enc->ch_layout, a->enc->sample_fmt,
                                a->enc->sample_rate, &layout, in->format, in->sample_rate, 0, NULL);
    av_channel_layout_uninit(&layout);
    if (r >= 0)
        r = swr_init(a->swr);
    if (r < 0)
        return lav_err(e, ERR_PROCESSING, r, "convert sound");
    int64_t done_us = a->in_rate ? av_rescale(a->next, 1000000, a->in_rate) : 0;
    av_channel_layout_uninit(&a->in_layout);
    if (av_channel_layout_copy(&a->in_layout, &in->ch_layout) < 0)
        return no_memory(e);
    a->in_rate = in->sample_rate;
    a->in_format = in->format;
    a->base = f->pts - samples(f->us - a->from_us, a->in_rate);
    a->next = samples(done_us, a->in_rate);
    a->total = samples(a->to_us - a->from_us, a->in_rate);
    return 0;
}

static bool same_shape(const struct cut_audio *a, const AVFrame *f)
{
    return a->swr && a->in_rate == f->sample_rate && a->in_format == f->format &&
           av_channel_layout_compare(&a->in_layout, &f->ch_layout) == 0;
}

static int take(struct cut_audio *a, const struct source_frame *f, struct mux *m, int stream,
                struct err *e)
{
    const AVFrame *in = f->frame;

    if (!same_shape(a, in) && reshape(a, f, e) < 0)
        return -1;
    int64_t at = f->pts - a->base;
    if (at > a->next && silence(a, MIN(at, a->total) - a->next, m, stream, e) < 0)
        return -1;
    int64_t skip = MAX(a->next - at, 0), n = MIN(in->nb_samples - skip, a->total - a->next);
    if (n <= 0)
        return 0;

    bool planar = av_sample_fmt_is_planar(in->format);
    int channels = in->ch_layout.nb_channels, planes = planar ? channels : 1;
    size_t step = (size_t)av_get_bytes_per_sample(in->format) * (size_t)(planar ? 1 : channels);
    CLEANUP_FREE const uint8_t **data = xcalloc((size_t)planes, sizeof(*data));
    for (int i = 0; i < planes; i++)
        data[i] = in->extended_data[i] + (size_t)skip * step;
    if (convert(a, data, (int)n, e) < 0)
        return -1;
    a->next += n;
    return encode_ready(a, false, m, stream, e);
}

int cut_audio_until(struct cut_audio *a, int64_t us, struct mux *m, int stream, struct err *e)
{
    while (!a->ended &&
           (!a->in_rate || (a->next < a->total && a->next < samples(us, a->in_rate)))) {
        struct source_frame f = a->first;
        int got = SOURCE_AUDIO;
        a->first.frame = NULL;
        if (!f.frame)
            got = source_next(a->s, &f, e);
        if (got < 0)
            return -1;
        if (got == SOURCE_EOF || f.us >= a->to_us)
            a->ended = true;
        int r = got != SOURCE_EOF && !a->ended ? take(a, &f, m, stream, e) : 0;
        if (got != SOURCE_EOF)
            av_frame_free(&f.frame);
        if (r < 0)
            return -1;
    }
    return 0;
}

int cut_audio_finish(struct cut_audio *a, struct mux *m, int stream, struct err *e)
{
    if (cut_audio_until(a, a->to_us - a->from_us, m, stream, e) < 0)
        return -1;
    if (a->swr && convert(a, NULL, 0, e) < 0)
        return -1;
    if (encode_ready(a, true, m, stream, e) < 0 ||
        cut_encode(a->enc, NULL, NULL, NULL, m, stream, e) < 0)
        return -1;
    return mux_end(m, stream, e);
}
