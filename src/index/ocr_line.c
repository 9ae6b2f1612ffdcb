/* One line as a recogniser gave it: cleaned, judged by itself, and brought into the form that is
 * compared. */
#include <math.h>

#include "index/edit.h"
#include "index/fold_priv.h"
#include "index/ocr_priv.h"

/* Spaced pairs of Han or kana characters, of 10, from which on the spaces are the recogniser's. */
#define SPACED_TENTHS 6

static bool is_han_kana(uint32_t cp)
{
    return (cp >= 0x2E80 && cp <= 0x30FF) || (cp >= 0x3400 && cp <= 0x9FFF) ||
           (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x20000 && cp <= 0x3FFFD);
}

static bool is_space(uint32_t cp)
{
    return cp <= ' ' || (cp >= 0x7F && cp <= 0xA0) || cp == 0x3000 ||
           (cp >= 0x2000 && cp <= 0x200B) || cp == 0x2028 || cp == 0x2029 || cp == 0xFEFF;
}

/* Spaces and control characters become single spaces; bad bytes U+FFFD; at most
 * OCR_LINE_BYTES_MAX. */
static void clean(const char *text, struct buf *out)
{
    struct str s = str_of(text);
    bool space = false;

    for (size_t i = 0; i < s.n;) {
        uint32_t cp = utf8_next(s, &i);
        char utf8[4];
        size_t n = utf8_put(cp, utf8);
        if (is_space(cp)) {
            space = out->n > 0;
            continue;
        }
        if (out->n + n + space > OCR_LINE_BYTES_MAX)
            return;
        if (space)
            buf_addc(out, ' ');
        space = false;
        buf_add(out, utf8, n);
    }
}

/* Takes the spaces between single Han and kana characters out, if most of these stand apart. */
static void join_cjk(struct buf *text, struct buf *out)
{
    struct str s = buf_str(text);
    uint32_t last = 0, before_space = 0;
    size_t spaced = 0, close = 0;

    for (size_t i = 0; i < s.n;) {
        uint32_t cp = utf8_next(s, &i);
        if (is_han_kana(cp) && is_han_kana(last))
            close++;
        if (is_han_kana(cp) && last == ' ' && is_han_kana(before_space))
            spaced++;
        before_space = last;
        last = cp;
    }
    if (spaced == 0 || spaced * 10 < (spaced + close) * SPACED_TENTHS) {
        buf_adds(out, s);
        return;
    }
    last = 0;
    for (size_t i = 0; i < s.n;) {
        size_t at = i, next;
        uint32_t cp = utf8_next(s, &i);
        if (cp == ' ' && is_han_kana(last) && (next = i, is_han_kana(utf8_next(s, &next))))
            continue;
        buf_add(out, s.p + at, i - at);
        last = cp;
    }
}

/* Marks that stand alone at the ends of a line are edges of the picture read as text ("CAFE ,," or "| Harbour"). Marks
 * that touch a word, and signs like (c) and currencies, stay. */
static struct str trim_marks(struct str s)
{
    static const char marks[] = "!\"'()*,-./:;<=>?[\\]^_`{|}~";
    for (;;) {
        size_t head = 0, tail = s.n;
        while (head < s.n && memchr(marks, s.p[head], sizeof(marks) - 1))
            head++;
        while (tail > 0 && memchr(marks, s.p[tail - 1], sizeof(marks) - 1))
            tail--;
        if (head > 0 && head < s.n && s.p[head] == ' ')
            s = (struct str){s.p + head + 1, s.n - head - 1};
        else if (tail > 0 && tail < s.n && s.p[tail - 1] == ' ')
            s.n = tail - 1;
        else
            return s;
    }
}

/* Letters and digits, and whether they are at least half of what can be seen. */
static size_t count_letters(struct str s, bool *ret_mostly, bool *ret_dense)
{
    size_t letters = 0, seen = 0, dense = 0;

    for (size_t i = 0; i < s.n;) {
        uint32_t cp = utf8_next(s, &i);
        enum fold_class class = fold_class(cp);
        if (cp == ' ')
            continue;
        seen++;
        letters += class == FOLD_CLASS_LETTER || class == FOLD_CLASS_RUN;
        dense += is_han_kana(cp) || (cp >= 0xAC00 && cp <= 0xD7A3);
    }
    *ret_mostly = letters * 2 >= seen;
    *ret_dense = letters > 0 && dense == letters;
    return letters;
}

bool ocr_read_line(struct arena *a, struct folded *f, const struct ocr_line *line,
                   struct reading *ret)
{
    CLEANUP_BUF struct buf raw = {.max = OCR_LINE_BYTES_MAX + 8};
    CLEANUP_BUF struct buf text = {.max = OCR_LINE_BYTES_MAX + 8};
    uint32_t chars[EDIT_CHARS_MAX];
    size_t n = 0;
    bool mostly, dense;

    if (!(line->confidence >= OCR_READ_CONFIDENCE_MIN) || !line->text) /* NaN too */
        return false;
    clean(line->text, &raw);
    join_cjk(&raw, &text);
    struct str line_text = trim_marks(buf_str(&text));
    size_t letters = count_letters(line_text, &mostly, &dense);
    if (letters == 0 || !mostly)
        return false;

    fold_text(line_text, f);
    for (size_t i = 0; i < f->tokens.n; i++) {
        struct str t = fold_token_text(f, i);
        size_t at = 0;
        do { /* of a pair only the first: the second begins the next token */
            if (n < EDIT_CHARS_MAX)
                chars[n++] = utf8_next(t, &at);
        } while (n < EDIT_CHARS_MAX && at < t.n && f->tokens.p[i].kind != FOLD_PAIR);
    }
    if (n == 0)
        return false;
    uint32_t *kept = ARENA_ARRAY(a, uint32_t, n);
    memcpy(kept, chars, n * sizeof(*kept));
    *ret = (struct reading){
        .text = arena_strndup(a, line_text.p, line_text.n),
        .chars = kept,
        .n_chars = n,
        .confidence = MIN(line->confidence, 1.0),
        .x = line->x,
        .y = line->y,
        .w = MAX(line->w, 0),
        .h = MAX(line->h, 0),
        .is_short = letters == 1 || (letters == 2 && !dense),
    };
    return true;
}
