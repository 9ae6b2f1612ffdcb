/*
 * What a pass made, read back by the ffmpeg command: pictures as RGB with their times, and the outputs of one pass in
 * files. Independent of our own decoding on purpose.
 */
#ifndef TEST_MEDIA_FILM_H
#define TEST_MEDIA_FILM_H

#include <stdint.h>

#include "base/mem.h"
#include "media/media.h"

/* ---- pictures ------------------------------------------------------------------------------ */

struct film {
    int w, h, n;
    uint8_t *rgb; /* n pictures of w x h, three bytes a pixel */
    double *times;
};
/* All frames of the first video stream as they are stored (no rotation applied by the reader). */
struct film *film_read(const char *path);
void film_free(struct film *f);
CLEANUP_DEFINE(film_free, struct film *);
/* The mean colour of a square of side `side` around a point given in fractions of the picture. */
struct rgb {
    int r, g, b;
};
struct rgb film_colour(const struct film *f, int n, double x, double y, int side);
/* One field of ffprobe's first video (v:0) or sound (a:0) stream, "" when absent. To be freed. */
char *film_field(const char *path, const char *stream, const char *field);

/* ---- clips --------------------------------------------------------------------------------- */

/* Red, green, blue and light grey from the top left corner on, row by row. */
extern const struct rgb film_corners[4];
/* A filter graph "[v]" whose pictures have those colours in their quarters. */
char *film_corner_graph(int w, int h, const char *rate, const char *filters);
/* Sets the display matrix of the first track of an MP4: turned clockwise, then mirrored. */
void film_set_rotation(const char *path, int degrees, int flip);

/* ---- passes -------------------------------------------------------------------------------- */

struct passed {
    struct media_pass_result *r;
    char *files[MEDIA_OUT_N];
    int fds[MEDIA_OUT_N];
};
void passed_finish(struct passed *p);
#define CLEANUP_PASSED __attribute__((cleanup(passed_finish)))
/* Runs the pass over a file with the defaults, or what `change` made of them (may be NULL); fails the test if it fails. */
void pass_file(const char *path, void (*change)(struct media_pass_opts *o), struct passed *ret);
/* The same, into an error. */
int pass_try(const char *path, struct passed *ret, struct err *e);
/* Writes entry i of a pack into a file of its own; to be freed. */
char *pass_picture(const struct passed *p, enum media_out pack, const struct media_pictures *list,
                   int64_t i);
/* Cues of the WebVTT: reads one after another, checks that they are inside their sheets. */
struct cue {
    int64_t from_ms, to_ms;
    int sheet, x, y, w, h;
};
int pass_cues(const struct passed *p, struct cue *cues, int max);

#endif
