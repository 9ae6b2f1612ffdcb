/*
 * Text on screen over time: lines read from single pictures become spans. The same line on pictures
 * that follow one another is one span, from the first picture that shows it to the end of the last.
 *
 * Same line: the boxes overlap by a third (intersection over union) and the folded texts differ in
 * at most 3 of 10 characters; or, for texts of at least 4 characters that move (credits, tickers),
 * they differ in at most 1 of 10, wherever they are. The pairs of two pictures are matched best
 * first. One picture in between may have missed the line.
 *
 * Text of a span: every reading votes with its confidence; the text that is nearest to all others
 * (least sum of edit distances weighted by votes) wins. Its confidence is that of the votes for
 * texts that fold the same, raised by repetition: 1 - product of (1 - c) would trust the
 * recogniser's systematic errors, so it is the mean. Spaces between single Han and kana characters,
 * a habit of recognisers, are taken out.
 *
 * Noise, left out:
 *   - a reading with confidence under OCR_READ_CONFIDENCE_MIN, or without any letter or digit, or
 * where letters and digits are less than half of what is not a space;
 *   - a span of one or two characters that was read once, unless Han, kana or Hangul with
 * OCR_SHORT_CONFIDENCE_MIN;
 *   - a span read from one picture only, though its neighbours in time were read too, with
 * confidence under OCR_ONCE_CONFIDENCE_MIN;
 *   - a span where the mean confidence is under OCR_SPAN_CONFIDENCE_MIN;
 *   - a span whose words have four equal letters in a row or no vowel at all in a Latin word of
 * more than five letters, read once with confidence under OCR_SHORT_CONFIDENCE_MIN (texture read as
 * text).
 */
#ifndef INDEX_OCR_H
#define INDEX_OCR_H

#include "base/mem.h"
#include "db/db_scenes.h"

#define OCR_READ_CONFIDENCE_MIN  0.30
#define OCR_SPAN_CONFIDENCE_MIN  0.40
#define OCR_ONCE_CONFIDENCE_MIN  0.60
#define OCR_SHORT_CONFIDENCE_MIN 0.80
#define OCR_LINES_MAX            256 /* lines of a picture that are looked at, best confidence first */
#define OCR_LINE_BYTES_MAX       1024 /* of a line; the rest is cut at a character */

struct ocr_line {
    int64_t frame, pts_us;
    int x, y, w, h;    /* pixels of the picture that was read */
    double confidence; /* 0..1 */
    const char *text;  /* UTF-8, one line */
};
/* A picture that was read, with or without words found. */
struct ocr_picture {
    int64_t frame, pts_us;
    int64_t end_frame,
        end_us; /* until when it stands for the film: the next picture read, or the end */
};
struct ocr_input {
    const struct ocr_line *lines; /* in order of pts_us; anything goes within a picture */
    size_t n_lines;
    /* In order of pts_us. NULL: the pictures are those of the lines and each stands for
     * interval_us. */
    const struct ocr_picture *pictures;
    size_t n_pictures;
    int64_t interval_us; /* usual distance of two pictures; > 0 */
    int64_t frame_us; /* usual duration of a frame, for frame numbers of ends that no picture names;
                         0: 40000 */
    int64_t end_us;   /* of the film; no span goes beyond; 0: not known */
    double scale; /* pixels of the film for one pixel of the picture that was read; 0 counts as 1 */
};
/* Spans by start, then top to bottom; source TEXT_OCR, in `a`. ERR_INTERNAL: lines or pictures out
 * of order. */
int ocr_merge(struct arena *a, const struct ocr_input *in, struct text_span **ret, size_t *ret_n,
              struct err *e);

#endif
