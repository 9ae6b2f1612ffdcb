#include "media/audio_loud.h"

#include <ebur128.h>
#include <math.h>

struct audio_loud {
    ebur128_state *state;
    int channels;
};

struct audio_loud *audio_loud_new(int sample_rate, int channels)
{
    int mode =
        EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_SAMPLE_PEAK | EBUR128_MODE_HISTOGRAM;
    if (channels < 1 || channels > 64 || sample_rate < 16 || sample_rate > 2822400)
        return NULL;
    ebur128_state *state = ebur128_init((unsigned)channels, (unsigned long)sample_rate, mode);
    if (!state)
        return NULL;
    struct audio_loud *l = XNEW(struct audio_loud);
    l->state = state;
    l->channels = channels;
    return l;
}

void audio_loud_free(struct audio_loud *l)
{
    if (!l)
        return;
    ebur128_destroy(&l->state);
    free(l);
}

void audio_loud_channel(struct audio_loud *l, int channel, enum audio_loud_place place)
{
    int as = place == AUDIO_LOUD_IGNORED    ? EBUR128_UNUSED
             : place == AUDIO_LOUD_SURROUND ? EBUR128_LEFT_SURROUND
                                            : EBUR128_LEFT;
    ebur128_set_channel(l->state, (unsigned)channel, as);
}

void audio_loud_add(struct audio_loud *l, const float *samples, int n)
{
    if (n > 0)
        ebur128_add_frames_float(l->state, samples, (size_t)n);
}

void audio_loud_result(struct audio_loud *l, double *ret_lufs, double *ret_range_lu,
                       double *ret_peak_dbfs)
{
    double lufs = NAN, range = NAN, peak = 0;

    if (ebur128_loudness_global(l->state, &lufs) != EBUR128_SUCCESS || !isfinite(lufs))
        lufs = NAN;
    if (isnan(lufs) || ebur128_loudness_range(l->state, &range) != EBUR128_SUCCESS ||
        !isfinite(range))
        range = NAN;
    for (int c = 0; c < l->channels; c++) {
        double p;
        if (ebur128_sample_peak(l->state, (unsigned)c, &p) == EBUR128_SUCCESS && p > peak)
            peak = p;
    }
    *ret_lufs = lufs;
    *ret_range_lu = range;
    *ret_peak_dbfs = peak > 0 && isfinite(peak) ? 20 * log10(peak) : NAN;
}
