/*
 * Clips that tests make: every frame carries its number in the picture, as black and white blocks that survive coding,
 * and the sound is noise that never repeats, so that any stretch of either can be recognised. Coding is done by the
 * ffmpeg command, as people would; a test is skipped where it is missing.
 */
#ifndef TEST_MEDIA_CLIP_H
#define TEST_MEDIA_CLIP_H

#include <stdbool.h>
#include <stdint.h>

#define CLIP_WIDTH  256
#define CLIP_HEIGHT 144
#define CLIP_RATE   48000 /* of the sound, mono */

/* ffmpeg is there and knows the encoder ("" for none in particular). */
bool clip_can(const char *encoder);

/* Writes raw pictures (yuv420p) for frames first … first + n - 1, and raw sound (s16le, mono) of so many samples. */
void clip_write_raw(const char *path, int first, int n);
void clip_write_sound(const char *path, int64_t samples);
/* Runs a shell command that must succeed; %s and so on as in printf. */
void clip_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, into a buffer of its own, to be freed. */
char *clip_output(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The number in a picture of luma, -1 when there is none (damaged, another size). */
int clip_number(const uint8_t *luma, int stride, int width, int height);
/* The sample of the sound at a position. */
int16_t clip_sample(int64_t at);

#endif
