/* Loudness after EBU R128 (libebur128): integrated, range, and the largest sample. Memory does not
 * grow with time. */
#ifndef MEDIA_AUDIO_LOUD_H
#define MEDIA_AUDIO_LOUD_H

#include "base/mem.h"

struct audio_loud;
/* NULL when nothing can be measured: more than 64 channels, or a rate beyond what the filter takes.
 */
struct audio_loud *audio_loud_new(int sample_rate, int channels);
void audio_loud_free(struct audio_loud *l);
CLEANUP_DEFINE(audio_loud_free, struct audio_loud *);
/* Which channels are low-frequency effects (not counted) or surround (counted more), as the
 * standard asks. */
enum audio_loud_place { AUDIO_LOUD_FRONT, AUDIO_LOUD_SURROUND, AUDIO_LOUD_IGNORED };
void audio_loud_channel(struct audio_loud *l, int channel, enum audio_loud_place place);
/* Interleaved, full scale is 1. */
void audio_loud_add(struct audio_loud *l, const float *samples, int n);
/* Each NaN where the sound is silent or too short. */
void audio_loud_result(struct audio_loud *l, double *ret_lufs, double *ret_range_lu,
                       double *ret_peak_dbfs);

#endif
