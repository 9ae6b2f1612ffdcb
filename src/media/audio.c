#include "media/audio.h"

#include <math.h>

#include "media/audio_loud.h"
#include "media/audio_peaks.h"
#include "media/audio_wav.h"

/*
 * Two ways out of the source's format: as it is but interleaved float, for measuring (peaks,
 * loudness), and stereo at the proxy's rate, which the AAC encoder takes and from which the speech
 * signal is made. A third resampler runs on the stereo, so the source's many channels are mixed
 * down once.
 */
#define CHUNK 4096 /* samples a step, so that the buffers below have a size */

struct input { /* what the converters from the source are set up for */
    enum AVSampleFormat format;
    int sample_rate;
    AVChannelLayout layout;
};

struct audio {
    struct audio_opts o;
    struct input in;
    SwrContext *to_measure, *to_stereo, *to_speech;
    enum { FROM_SOURCE, FROM_ONE, FROM_MEASURED } from; /* what the stereo is made of */

    int measure_rate, measure_channels;
    AVChannelLayout measure_layout;
    struct audio_peaks *peaks;
    struct audio_loud *loud;
    struct audio_wav *wav;
    int stereo_rate;

    int64_t base_us,
        since_base;   /* where the sound is: base_us + since_base samples at the input's rate */
    AVFrame *silence; /* CHUNK samples of the input's format */

    float *measured; /* room for what one step can give */
    float *stereo[2];
    int16_t *speech;
    int measured_cap, stereo_cap, speech_cap;
};

int audio_proxy_rate(int sample_rate)
{
    return sample_rate > 0 && sample_rate % 11025 == 0 ? 44100 : 48000;
}

int audio_new(const struct audio_opts *o, struct audio **ret, struct err *e)
{
    CLEANUP(audio_free) struct audio *a = XNEW(struct audio);
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO, mono = AV_CHANNEL_LAYOUT_MONO;
    int r;

    a->o = *o;
    a->in.format = AV_SAMPLE_FMT_NONE;
    a->stereo_rate = audio_proxy_rate(o->sample_rate);
    a->wav = audio_wav_new(o->wav_fd, AUDIO_SPEECH_RATE);
    r = swr_alloc_set_opts2(&a->to_speech, &mono, AV_SAMPLE_FMT_S16, AUDIO_SPEECH_RATE, &stereo,
                            AV_SAMPLE_FMT_FLTP, a->stereo_rate, 0, NULL);
    if (r >= 0)
        r = swr_init(a->to_speech);
    if (r < 0)
        return lav_err(e, ERR_PROCESSING, r, "resampler for speech");
    *ret = STEAL(a);
    return 0;
}

void audio_free(struct audio *a)
{
    if (!a)
        return;
    swr_free(&a->to_measure);
    swr_free(&a->to_stereo);
    swr_free(&a->to_speech);
    audio_peaks_free(a->peaks);
    audio_loud_free(a->loud);
    audio_wav_free(a->wav);
    av_channel_layout_uninit(&a->in.layout);
    av_channel_layout_uninit(&a->measure_layout);
    av_frame_free(&a->silence);
    free(a->measured);
    free(a->stereo[0]);
    free(a->stereo[1]);
    free(a->speech);
    free(a);
}

/* ---- what comes out of the converters ---------------------------------------------------------- */

static int room_f(float **p, int *cap, int n, int channels, struct err *e)
{
    if (n <= *cap)
        return 0;
    float *grown = mem_try_realloc(*p, (size_t)n * (size_t)channels, sizeof(float));
    if (!grown)
        return err_set(e, ERR_LIMIT, "no memory for %d samples", n);
    *p = grown;
    *cap = n;
    return 0;
}

/* data NULL: what the converter still holds. Number of samples now in a->measured, or negative. */
static int measure(struct audio *a, const uint8_t **data, int n, struct err *e)
{
    int out = swr_get_out_samples(a->to_measure, n);
    if (out < 0 || room_f(&a->measured, &a->measured_cap, out, a->measure_channels, e) < 0)
        return out < 0 ? lav_err(e, ERR_PROCESSING, out, "measure sound") : -1;
    uint8_t *to[1] = {(uint8_t *)a->measured};
    out = swr_convert(a->to_measure, to, out, data, n);
    if (out < 0)
        return lav_err(e, ERR_PROCESSING, out, "measure sound");
    audio_peaks_add(a->peaks, a->measured, out, a->measure_channels);
    if (a->loud)
        audio_loud_add(a->loud, a->measured, out);
    return out;
}

/* left NULL: the end. */
static int speak(struct audio *a, const float *left, const float *right, int n, struct err *e)
{
    const uint8_t *in[2] = {(const uint8_t *)left, (const uint8_t *)right};
    int out = swr_get_out_samples(a->to_speech, n);
    if (out > a->speech_cap) {
        int16_t *grown = mem_try_realloc(a->speech, (size_t)out, sizeof(int16_t));
        if (!grown)
            return err_set(e, ERR_LIMIT, "no memory for %d samples", out);
        a->speech = grown;
        a->speech_cap = out;
    }
    uint8_t *to[1] = {(uint8_t *)a->speech};
    out = swr_convert(a->to_speech, to, a->speech_cap, left ? in : NULL, n);
    if (out < 0)
        return lav_err(e, ERR_PROCESSING, out, "resample for speech");
    return audio_wav_add(a->wav, a->speech, out, e);
}

/* data NULL: what the converter still holds. */
static int mix(struct audio *a, const uint8_t **data, int n, struct err *e)
{
    int out = swr_get_out_samples(a->to_stereo, n), cap = a->stereo_cap;
    if (out < 0)
        return lav_err(e, ERR_PROCESSING, out, "resample sound");
    if (room_f(&a->stereo[0], &cap, out, 1, e) < 0 ||
        room_f(&a->stereo[1], &a->stereo_cap, out, 1, e) < 0)
        return -1;
    uint8_t *to[2] = {(uint8_t *)a->stereo[0], (uint8_t *)a->stereo[1]};
    out = swr_convert(a->to_stereo, to, out, data, n);
    if (out < 0)
        return lav_err(e, ERR_PROCESSING, out, "resample sound");
    if (out == 0)
        return 0;
    if (a->o.proxy && proxy_sound(a->o.proxy, a->stereo[0], a->stereo[1], out, e) < 0)
        return -1;
    return speak(a, a->stereo[0], a->stereo[1], out, e);
}

/* The first two channels of what has just been measured. */
static int mix_picked(struct audio *a, int n, struct err *e)
{
    float *out = a->measured;
    for (int i = 0; i < n; i++) /* in place: the writer never passes the reader */
        for (int c = 0; c < 2; c++)
            out[2 * i + c] = a->measured[i * a->measure_channels + c];
    const uint8_t *data[1] = {(const uint8_t *)out};
    return n > 0 ? mix(a, data, n, e) : 0;
}

/* ---- setting up for a format ------------------------------------------------------------------- */

/* A layout that can be mixed: the frame's own, or the usual one of its number of channels. */
static void layout_of(const AVFrame *f, AVChannelLayout *ret)
{
    if (f->ch_layout.order == AV_CHANNEL_ORDER_NATIVE &&
        av_channel_layout_copy(ret, &f->ch_layout) >= 0)
        return;
    av_channel_layout_default(ret, f->ch_layout.nb_channels);
}

static int converter(SwrContext **ret, AVChannelLayout *out, enum AVSampleFormat out_format,
                     int out_rate, struct input *in, struct err *e)
{
    swr_free(ret);
    int r = swr_alloc_set_opts2(ret, out, out_format, out_rate, &in->layout, in->format,
                                in->sample_rate, 0, NULL);
    if (r >= 0)
        r = swr_init(*ret);
    if (r < 0)
        return lav_err(e, ERR_INPUT, r, "sound of %d channels at %d Hz can not be converted",
                       in->layout.nb_channels, in->sample_rate);
    return 0;
}

/*
 * What the stereo is made from: the source; one channel twice, where swresample would lower it by 3 dB; or where nobody
 * knows what the channels are (sixteen of a mixing desk) the first two of what is measured, interleaved float by then.
 */
static int set_up_stereo(struct audio *a, struct err *e)
{
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
    struct input measured = {AV_SAMPLE_FMT_FLT, a->measure_rate, AV_CHANNEL_LAYOUT_STEREO};
    struct input twice = {av_get_planar_sample_fmt(a->in.format), a->in.sample_rate,
                          AV_CHANNEL_LAYOUT_STEREO};
    bool one = a->in.layout.nb_channels == 1;

    a->from = a->in.layout.order == AV_CHANNEL_ORDER_UNSPEC && !one ? FROM_MEASURED
              : one                                                 ? FROM_ONE
                                                                    : FROM_SOURCE;
    return converter(&a->to_stereo, &stereo, AV_SAMPLE_FMT_FLTP, a->stereo_rate,
                     a->from == FROM_MEASURED ? &measured
                     : a->from == FROM_ONE    ? &twice
                                              : &a->in,
                     e);
}

static int first_frame(struct audio *a)
{
    a->measure_rate = a->in.sample_rate;
    a->measure_channels = a->in.layout.nb_channels;
    a->peaks = audio_peaks_new(a->measure_rate);
    a->loud = audio_loud_new(a->measure_rate, a->measure_channels);
    if (!a->loud || a->in.layout.order != AV_CHANNEL_ORDER_NATIVE)
        return av_channel_layout_copy(&a->measure_layout, &a->in.layout);
    for (int c = 0, bit = 0; bit < 63; bit++) {
        uint64_t speaker = 1ULL << bit;
        if (!(a->in.layout.u.mask & speaker))
            continue;
        if (speaker & (AV_CH_LOW_FREQUENCY | AV_CH_LOW_FREQUENCY_2))
            audio_loud_channel(a->loud, c, AUDIO_LOUD_IGNORED);
        else if (speaker &
                 (AV_CH_SIDE_LEFT | AV_CH_SIDE_RIGHT | AV_CH_BACK_LEFT | AV_CH_BACK_RIGHT))
            audio_loud_channel(a->loud, c, AUDIO_LOUD_SURROUND);
        c++;
    }
    return av_channel_layout_copy(&a->measure_layout, &a->in.layout);
}

static int set_up_silence(struct audio *a, struct err *e)
{
    av_frame_free(&a->silence);
    a->silence = av_frame_alloc();
    if (!a->silence)
        return err_set(e, ERR_LIMIT, "no memory for sound");
    a->silence->format = a->in.format;
    a->silence->sample_rate = a->in.sample_rate;
    a->silence->nb_samples = CHUNK;
    if (av_channel_layout_copy(&a->silence->ch_layout, &a->in.layout) < 0 ||
        av_frame_get_buffer(a->silence, 0) < 0)
        return err_set(e, ERR_LIMIT, "no memory for sound");
    av_samples_set_silence(a->silence->extended_data, 0, CHUNK, a->in.layout.nb_channels,
                           a->in.format);
    return 0;
}

static int set_up(struct audio *a, const AVFrame *f, struct err *e)
{
    bool first = a->in.format == AV_SAMPLE_FMT_NONE;

    if (f->sample_rate <= 0 || f->ch_layout.nb_channels <= 0)
        return err_set(e, ERR_INPUT, "sound of %d channels at %d Hz", f->ch_layout.nb_channels,
                       f->sample_rate);
    if (!first && mix(a, NULL, 0, e) < 0) /* what the old converter holds */
        return -1;
    /* The clock goes on from where it is, in the new rate. */
    if (!first)
        a->base_us += av_rescale(a->since_base, 1000000, a->in.sample_rate);
    a->since_base = 0;
    a->in.format = f->format;
    a->in.sample_rate = f->sample_rate;
    av_channel_layout_uninit(&a->in.layout);
    layout_of(f, &a->in.layout);
    if (first && first_frame(a) < 0)
        return err_set(e, ERR_LIMIT, "no memory for sound");
    if (set_up_silence(a, e) < 0)
        return -1;
    if (set_up_stereo(a, e) < 0)
        return -1;
    return converter(&a->to_measure, &a->measure_layout, AV_SAMPLE_FMT_FLT, a->measure_rate, &a->in,
                     e);
}

static bool fits(const struct audio *a, const AVFrame *f)
{
    return a->in.format == f->format && a->in.sample_rate == f->sample_rate &&
           a->in.layout.nb_channels == f->ch_layout.nb_channels &&
           (f->ch_layout.order != AV_CHANNEL_ORDER_NATIVE ||
            av_channel_layout_compare(&a->in.layout, &f->ch_layout) == 0);
}

/* ---- frames ------------------------------------------------------------------------------------ */

/* Samples [from, from + n) of f into everything. */
static int put(struct audio *a, const AVFrame *f, int from, int n, struct err *e)
{
    bool planar = av_sample_fmt_is_planar(f->format);
    int planes = planar ? f->ch_layout.nb_channels : 1;
    size_t step = (size_t)av_get_bytes_per_sample(f->format) *
                  (planar ? 1 : (size_t)f->ch_layout.nb_channels);
    const uint8_t *at[AV_NUM_DATA_POINTERS * 8] = {NULL};

    if (planes > (int)ARRAY_LEN(at))
        return err_set(e, ERR_LIMIT, "sound of %d channels", planes);
    while (n > 0) {
        int take = MIN(n, CHUNK);
        for (int c = 0; c < planes; c++)
            at[c] = f->extended_data[c] + step * (size_t)from;
        int measured = measure(a, at, take, e);
        if (measured < 0)
            return -1;
        at[1] = a->from == FROM_ONE ? at[0] : at[1];
        if (a->from == FROM_MEASURED ? mix_picked(a, measured, e) < 0 : mix(a, at, take, e) < 0)
            return -1;
        a->since_base += take;
        from += take;
        n -= take;
    }
    return 0;
}

int audio_frame(struct audio *a, const AVFrame *frame, int64_t us, struct err *e)
{
    int from = 0;

    if (!fits(a, frame) && set_up(a, frame, e) < 0)
        return -1;
    int64_t here_us = a->base_us + av_rescale(a->since_base, 1000000, a->in.sample_rate);
    int64_t off_us = us - here_us;
    bool first = here_us == 0;
    if (us > a->o.limit_us)
        return err_set(e, ERR_LIMIT, "sound at %lld s is beyond the longest duration",
                       (long long)(us / 1000000));
    if (off_us > (first ? 0 : AUDIO_TOLERANCE_US)) {
        for (int64_t missing = av_rescale(off_us, a->in.sample_rate, 1000000); missing > 0;
             missing -= CHUNK)
            if (put(a, a->silence, 0, (int)MIN(missing, CHUNK), e) < 0)
                return -1;
    } else if (off_us < (first ? 0 : -AUDIO_TOLERANCE_US)) {
        from = (int)MIN(av_rescale(-off_us, a->in.sample_rate, 1000000), frame->nb_samples);
    }
    return put(a, frame, from, frame->nb_samples - from, e);
}

int audio_finish(struct audio *a, struct audio_result *ret, struct err *e)
{
    *ret = (struct audio_result){.loudness_lufs = NAN, .loudness_range_lu = NAN, .peak_dbfs = NAN};
    if (a->in.format != AV_SAMPLE_FMT_NONE) {
        if (mix(a, NULL, 0, e) < 0 || measure(a, NULL, 0, e) < 0)
            return -1;
        ret->end_us = a->base_us + av_rescale(a->since_base, 1000000, a->in.sample_rate);
        if (a->loud)
            audio_loud_result(a->loud, &ret->loudness_lufs, &ret->loudness_range_lu,
                              &ret->peak_dbfs);
    }
    if (speak(a, NULL, NULL, 0, e) < 0 || audio_wav_finish(a->wav, e) < 0)
        return -1;
    if (a->peaks && audio_peaks_write(a->peaks, a->o.peaks_fd, e) < 0)
        return -1;
    return 0;
}
