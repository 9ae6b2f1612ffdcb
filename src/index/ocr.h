/*
 * Text on screen over time: lines read from single pictures become spans. The same line on pictures
 * that follow one another is one span, from the first picture that shows it to the end of the last.
 *
 * Same line: boxes that overlap by a third (intersection over union) with texts that differ in at
 * most 3 of 10 characters; nearly the same box (0.7) with texts that differ in at most half, because
 * recognisers drop words; or, for texts of at least 4 characters that move (credits, tickers), texts
 * that differ in at most 1 of 10, wherever they are. Figures that were read well (both readings 0.6)
 * must be the same: a clock or a score that changes is another line. Compared is what search compares
 * (fold.h), without spaces. The pairs of two pictures are matched best first. One picture in between
 * may have missed the line.
 *
 * Text of a span: every reading votes with its confidence; the text that is nearest to all others
 * (least sum of edit distances weighted by votes) wins, the earlier one of two. Its confidence is
 * the mean of the readings that fold to the same text: repetition does not raise it, because a
 * recogniser repeats its errors. Spaces between single Han and kana characters, a habit of
 * recognisers, are taken out.
 *
 * Noise, left out:
 *   - a reading with confidence under OCR_READ_CONFIDENCE_MIN, without any letter or digit, or
 *     where letters and digits are less than half of what is not a space;
 *   - a span with confidence under OCR_SPAN_CONFIDENCE_MIN;
 *   - a span read once, while the picture before or behind (at most two usual intervals away) was
 *     read too, with confidence under OCR_ONCE_CONFIDENCE_MIN: words stay longer than that;
 *   - a span of one character, or of two that are not both Han, kana or Hangul, read once with
 *     confidence under OCR_SHORT_CONFIDENCE_MIN.
 */
#ifndef INDEX_OCR_H
#define INDEX_OCR_H

#include "base/mem.h"
#include "db/db_scenes.h"

#define OCR_READ_CONFIDENCE_MIN  0.30
#define OCR_SPAN_CONFIDENCE_MIN  0.40
#define OCR_ONCE_CONFIDENCE_MIN  0.60
#define OCR_SHORT_CONFIDENCE_MIN 0.80

/* Of a picture; the most confident are kept. Bounds the work for a picture full of noise. */
#define OCR_LINES_MAX         256
#define OCR_PICTURE_BYTES_MAX (32 << 10)
#define OCR_LINE_BYTES_MAX    512 /* of a line that is compared and kept; cut at a character */
#define OCR_READINGS_MAX      32  /* different texts of a span that vote */

struct ocr_line {
    int64_t frame, pts_us;
    int x, y, w, h;    /* pixels of the picture that was read */
    double confidence; /* 0..1 */
    const char *text;  /* UTF-8, one line */
};
/* A picture that was read, with or without words found. */
struct ocr_picture {
    int64_t frame, pts_us;
    int64_t end_frame, end_us; /* until when it stands for the film: the next picture, or the end */
};
struct ocr_input {
    const struct ocr_line *lines; /* by pts_us; in any order within a picture */
    size_t n_lines;
    /* By pts_us, every picture of a line among them. NULL: the pictures are those of the lines, and
     * each stands until the next or for interval_us, whichever is less. */
    const struct ocr_picture *pictures;
    size_t n_pictures;
    int64_t interval_us; /* usual distance of two pictures; > 0 */
    int64_t frame_us;    /* usual duration of a frame, for ends that no picture names; 0: 40000 */
    int64_t end_us;      /* of the film: no span goes beyond; 0: not known */
    double scale; /* pixels of the film for one pixel of the picture that was read; 0 counts as 1 */
};
/* Spans by start, then top to bottom; source TEXT_OCR, in `a`. ERR_INTERNAL: input out of order. */
int ocr_merge(struct arena *a, const struct ocr_input *in, struct text_span **ret, size_t *ret_n,
              struct err *e);

#endif
