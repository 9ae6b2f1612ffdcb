/*
 * Sound beside the picture: one decoded track becomes the stereo that the proxy encodes, 16 kHz
 * mono for speech, waveform peaks and loudness. All of them start at the file's time 0 and run
 * without a gap: where the source's timestamps leave a hole, silence is put; where they overlap,
 * samples are dropped. So a time in any output is a time in the file.
 *
 * One thread uses it.
 */
#ifndef MEDIA_AUDIO_H
#define MEDIA_AUDIO_H

#include "base/err.h"
#include "media/lav.h"
#include "media/proxy.h"

#define AUDIO_SPEECH_RATE 16000
/* A difference between timestamps and samples that is left alone: rounding of containers, not a
 * hole. */
#define AUDIO_TOLERANCE_US 40000

struct audio_opts {
    int sample_rate;  /* of the source, as its header says */
    int64_t limit_us; /* longest sound that is made; beyond it ERR_LIMIT */
    int wav_fd, peaks_fd;
    struct proxy *proxy; /* opened with audio_proxy_rate(); borrowed */
};
struct audio_result {
    int64_t end_us; /* end of the last sample, from the file's start; 0 when there was none */
    double loudness_lufs, loudness_range_lu, peak_dbfs; /* NaN: silent, or nothing to measure */
};

/* 44100 for its relatives, else 48000: what the proxy's sound has for a source of this rate. */
int audio_proxy_rate(int sample_rate);

struct audio;
int audio_new(const struct audio_opts *o, struct audio **ret, struct err *e);
void audio_free(struct audio *a);
CLEANUP_DEFINE(audio_free, struct audio *);
/* frame: borrowed; its format, rate and layout may change from one to the next. us: its time, from
 * the file's start. */
int audio_frame(struct audio *a, const AVFrame *frame, int64_t us, struct err *e);
/* Ends the files. The proxy is its owner's to finish. */
int audio_finish(struct audio *a, struct audio_result *ret, struct err *e);

#endif
