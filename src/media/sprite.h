/*
 * Sprite sheets for scrubbing: tiles of one width, ten to a row, in JPEG sheets, and the WebVTT
 * that says which tile stands for which time.
 *
 * A tile is wanted every `interval`. All tiles of a film are kept (small, uncompressed) until its
 * end, so that the interval can adapt: when SPRITE_TILES_MAX of them are there, or
 * SPRITE_BYTES_MAX, every second one is dropped and the interval doubles. A known duration starts
 * with the interval that ends just below those bounds. So a film of any length, or of unknown
 * length, costs the same memory at most and gets at most ten sheets of 100.
 *
 * Cues follow each other without a gap from 0 to the end.
 */
#ifndef MEDIA_SPRITE_H
#define MEDIA_SPRITE_H

#include "base/err.h"
#include "media/outfile.h"
#include "media/pic.h"

#define SPRITE_COLUMNS   10
#define SPRITE_TILES_MAX 1000
#define SPRITE_BYTES_MAX ((size_t)32 << 20)
#define SPRITE_QUALITY   75

struct sprite_opts {
    struct pic_size picture; /* of the pictures offered */
    int width;               /* of a tile; never wider than the picture */
    int tiles_a_sheet;
    int64_t interval_us;
    int64_t duration_us; /* as the container claims; 0 unknown */
};

struct sprites;
struct sprites *sprites_new(const struct sprite_opts *o);
void sprites_free(struct sprites *s);
CLEANUP_DEFINE(sprites_free, struct sprites *);
/* A picture at its time, in order; makes a tile of it if one is due. Borrowed. */
int sprites_offer(struct sprites *s, const AVFrame *pic, int64_t us, struct err *e);
/* Writes the sheets into the pack (entries: frame -1, time of the first tile) and the cues into
 * vtt_fd. pack's width and height become those of a full sheet. end_us: end of the film. */
int sprites_finish(struct sprites *s, int64_t end_us, struct outpack *pack, int vtt_fd,
                   struct err *e);

#endif
