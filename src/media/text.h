/*
 * Reading text on pictures, inside the media child: vision/ finds where lines of text may be and makes each ready;
 * Tesseract reads it; what is not believable is dropped. Tesseract is loaded at run time (dlopen), as libav* is, and its
 * language data is read before the sandbox closes.
 */
#ifndef MEDIA_TEXT_H
#define MEDIA_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/media.h"
#include "vision/textregions.h"

/* ---- the engine ---------------------------------------------------------------------------- */

/* "5.3.0", or "" when Tesseract can not be loaded. Opens files: before the sandbox. Static. */
const char *text_engine_version(void);

struct text_engine;
/*
 * languages: names joined by '+'. Opens files: before the sandbox. ERR_UNAVAILABLE when the library or a language is
 * missing; the plain sentence and the next step name what to install. One thread uses an engine.
 */
int text_engine_open(const char *languages, struct text_engine **ret, struct err *e);
void text_engine_free(struct text_engine *t);
CLEANUP_DEFINE(text_engine_free, struct text_engine *);

#define TEXT_WORDS_MAX      128 /* of a line; what follows is dropped */
#define TEXT_LINE_BYTES_MAX 512

struct text_word {
    struct str text;   /* as the engine gave it: to be judged */
    double confidence; /* 0..1 */
};
/* Reads one line. Calls add for every word, from the left; text is borrowed for the call. */
int text_engine_read(struct text_engine *t, const struct text_image *image,
                     void (*add)(void *arg, const struct text_word *word), void *arg,
                     struct err *e);

/* ---- belief -------------------------------------------------------------------------------- */

/*
 * Words of a line as they come in; text_line_end() says what of them makes sense as text. Engines see letters in leaves
 * and bricks, but they are not sure of them: a line needs a word that is believable on its own, and beside such a word
 * lesser ones are believed, too.
 */
struct text_line {
    struct buf bytes; /* of the words, cleaned */
    int n;
    struct {
        size_t from, n;
        int letters, marks;
        double confidence;
    } words[TEXT_WORDS_MAX];
};
void text_line_init(struct text_line *l);
void text_line_finish(struct text_line *l);
void text_line_add(struct text_line *l, const struct text_word *word);
/* Some word may have been misread: another look may give more. */
bool text_line_doubtful(const struct text_line *l);
/* How much of the line is believed: letters, each times its confidence. To choose between two readings. */
double text_line_weight(const struct text_line *l);
/*
 * True: a line to keep, its words parted by one space into ret (valid UTF-8, at most TEXT_LINE_BYTES_MAX), and how sure
 * it is, 0..1.
 */
bool text_line_end(const struct text_line *l, struct buf *ret, double *ret_confidence);

/* ---- pictures ------------------------------------------------------------------------------ */

#define TEXT_LINES_MAX 60000 /* of one film; then reading stops */

struct text_scan;
/* engine: borrowed. */
struct text_scan *text_scan_new(struct text_engine *engine);
void text_scan_free(struct text_scan *s);
CLEANUP_DEFINE(text_scan_free, struct text_scan *);
/*
 * Reads a picture (8-bit luma) and appends its lines to out, top to bottom. A box that looks as it did on the picture
 * before is not read again: its line is repeated. 1 something was read, 0 nothing to read or nothing new.
 */
int text_scan_picture(struct text_scan *s, const uint8_t *luma, int w, int h, int64_t frame,
                      int64_t us, struct media_text *out, struct err *e);

#endif
