/* Writes a 16-bit mono WAV through a descriptor, its sizes filled in at the end. */
#ifndef MEDIA_AUDIO_WAV_H
#define MEDIA_AUDIO_WAV_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct audio_wav;
struct audio_wav *audio_wav_new(int fd, int sample_rate); /* fd: borrowed, empty */
void audio_wav_free(struct audio_wav *w);
CLEANUP_DEFINE(audio_wav_free, struct audio_wav *);
int audio_wav_add(struct audio_wav *w, const int16_t *samples, int n, struct err *e);
/* Lengths beyond 4 GiB, which the format can not say, are written as its "unknown" 0xffffffff. */
int audio_wav_finish(struct audio_wav *w, struct err *e);

#endif
