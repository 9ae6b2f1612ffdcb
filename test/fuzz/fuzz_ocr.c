/* Lines of text as a recogniser may give them (index/ocr.h): each line of the input is one reading,
 * its first bytes say when, where and how sure. */
#include "fuzz.h"

#include <assert.h>

#include "index/ocr.h"

#define LINES_MAX 200

static size_t read_lines(struct str rest, struct arena *a, struct ocr_line *lines)
{
    size_t n = 0;
    int64_t pts_us = 0;
    struct str part;

    while (n < LINES_MAX && str_cut(&rest, '\n', &part)) {
        unsigned char head[4] = {0};
        for (size_t i = 0; i < sizeof(head) && i < part.n; i++)
            head[i] = (unsigned char)part.p[i];
        size_t skip = MIN(part.n, sizeof(head));
        pts_us += (head[0] % 4) * INT64_C(500000);
        lines[n++] = (struct ocr_line){.frame = pts_us / 40000,
                                       .pts_us = pts_us,
                                       .x = head[1] * 8,
                                       .y = head[2] * 8,
                                       .w = 200,
                                       .h = head[1] - head[2],
                                       .confidence = head[3] / 200.0,
                                       .text = arena_strndup(a, part.p + skip, part.n - skip)};
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct ocr_line *lines = ARENA_ARRAY(a, struct ocr_line, LINES_MAX);
    struct ocr_input in = {.lines = lines, .interval_us = 1000000, .end_us = INT64_C(80000000)};
    struct text_span *spans;
    struct err e = {0};
    size_t n;

    in.n_lines = read_lines((struct str){size ? (const char *)data : "", size}, a, lines);
    int failed = ocr_merge(a, &in, &spans, &n, &e);
    assert(failed == 0 && n <= in.n_lines);
    for (size_t i = 0; i < n; i++) {
        assert(spans[i].start_us <= spans[i].end_us && spans[i].start_frame <= spans[i].end_frame);
        assert(spans[i].confidence >= OCR_SPAN_CONFIDENCE_MIN && spans[i].confidence <= 1);
        assert(spans[i].text[0] && utf8_valid(str_of(spans[i].text)));
        assert(strlen(spans[i].text) <= OCR_LINE_BYTES_MAX);
        assert(spans[i].x >= 0 && spans[i].y >= 0 && spans[i].width >= 0 && spans[i].height >= 0);
        assert(i == 0 || spans[i - 1].start_us <= spans[i].start_us);
    }
    return 0;
}
