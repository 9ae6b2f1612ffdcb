/*
 * Waveform peaks for drawing a sound: the least and largest sample of every stretch of time, over
 * all channels.
 *
 * Written as the JSON that BBC's audiowaveform made common (version 2, one channel, 16 bits), so
 * that waveform players read it as it is:
 *
 *     {"version":2,"channels":1,"sample_rate":48000,"samples_per_pixel":2400,"bits":16,"length":2,"data":[-12,40,-7,9]}
 *
 * data holds min, max, min, max …; pair n covers the samples from n * samples_per_pixel on. It
 * begins at 20 pairs a second; when AUDIO_PEAKS_MAX pairs are full, neighbours are merged and the
 * stretch doubles, so a long film costs no more than a short one.
 */
#ifndef MEDIA_AUDIO_PEAKS_H
#define MEDIA_AUDIO_PEAKS_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define AUDIO_PEAKS_A_SECOND 20
#define AUDIO_PEAKS_MAX      72000 /* an hour at full resolution */

struct audio_peaks;
struct audio_peaks *audio_peaks_new(int sample_rate);
void audio_peaks_free(struct audio_peaks *p);
CLEANUP_DEFINE(audio_peaks_free, struct audio_peaks *);
/* n samples a channel, interleaved, full scale is 1. What is not finite counts as 0. */
void audio_peaks_add(struct audio_peaks *p, const float *samples, int n, int channels);
/* Writes the JSON to an empty descriptor. */
int audio_peaks_write(struct audio_peaks *p, int fd, struct err *e);

#endif
