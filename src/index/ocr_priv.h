/* Between ocr.c (lines over time) and ocr_line.c (what a single line is worth). */
#ifndef INDEX_OCR_PRIV_H
#define INDEX_OCR_PRIV_H

#include "index/fold.h"
#include "index/ocr.h"

/* A line that passed the noise rules of single readings. */
struct reading {
    const char *text;      /* clean: one space between words, valid UTF-8 */
    const uint32_t *chars; /* what is compared: folded, without spaces */
    size_t n_chars;
    double confidence; /* 0..1 */
    int x, y, w, h;
    bool is_short; /* so few characters that one reading is no proof */
};

/* false: noise. f is scratch. */
bool ocr_read_line(struct arena *a, struct folded *f, const struct ocr_line *line,
                   struct reading *ret);

#endif
