#include "media/text.h"

/*
 * What a word and a line need to be believed. Over the shared clips, of which most show no text, words that were there
 * came with 0.7 and more, or with 0.4 and more beside such; what was made of leaves and bricks stayed below 0.51.
 */
#define SURE       0.60
#define SURE_SHORT 0.80 /* of one or two letters */
#define BESIDE     0.40
#define LINE_SURE  0.62
#define LETTERS    3 /* least of a line */

void text_line_init(struct text_line *l)
{
    *l = (struct text_line){.bytes = BUF_MAX(TEXT_LINE_BYTES_MAX)};
}

void text_line_finish(struct text_line *l)
{
    buf_finish(&l->bytes);
}

static bool is_space(uint32_t c)
{
    return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000 ||
           c == 0xfeff;
}

/* Letters and digits, roughly: everything that is no mark. Every script but Latin's punctuation counts. */
static bool is_letter(uint32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return c >= 0xc0 && c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c <= 0x2bff) && c != 0xfffd;
}

void text_line_add(struct text_line *l, const struct text_word *word)
{
    struct str in = word->text;
    size_t from = l->bytes.n;
    int letters = 0, marks = 0;

    /* bytes of the words and a space between each two must fit */
    if (l->n == TEXT_WORDS_MAX || !utf8_valid(in) ||
        from + in.n + (size_t)l->n > TEXT_LINE_BYTES_MAX)
        return;
    for (size_t i = 0; i < in.n;) {
        size_t at = i;
        uint32_t c = utf8_next(in, &i);
        if (is_space(c)) /* nor control or direction marks */
            continue;
        letters += is_letter(c);
        marks += !is_letter(c);
        buf_add(&l->bytes, in.p + at, i - at);
    }
    if (l->bytes.n == from)
        return;
    l->words[l->n].from = from;
    l->words[l->n].n = l->bytes.n - from;
    l->words[l->n].letters = letters;
    l->words[l->n].marks = marks;
    l->words[l->n++].confidence = word->confidence;
}

static bool sure(const struct text_line *l, int i)
{
    int letters = l->words[i].letters;
    return letters > 0 && l->words[i].marks <= letters + 2 &&
           l->words[i].confidence >= (letters <= 2 ? SURE_SHORT : SURE);
}

static bool beside(const struct text_line *l, int i)
{
    /* a lone mark is a speck more often than a dash */
    return l->words[i].confidence >= (l->words[i].letters > 0 ? BESIDE : SURE);
}

bool text_line_doubtful(const struct text_line *l)
{
    for (int i = 0; i < l->n; i++)
        if (l->words[i].letters > 0 && l->words[i].confidence < SURE)
            return true;
    return false;
}

double text_line_weight(const struct text_line *l)
{
    double sum = 0;
    for (int i = 0; i < l->n; i++)
        if (sure(l, i) || beside(l, i))
            sum += l->words[i].confidence * l->words[i].letters;
    return sum;
}

bool text_line_end(const struct text_line *l, struct buf *ret, double *ret_confidence)
{
    double sum = 0;
    int letters = 0, longest = 0, n_sure = 0;

    for (int i = 0; i < l->n; i++)
        n_sure += sure(l, i);
    if (n_sure == 0)
        return false;
    for (int i = 0; i < l->n; i++) {
        if (!sure(l, i) && !beside(l, i))
            continue;
        if (ret->n > 0)
            buf_addc(ret, ' ');
        buf_add(ret, l->bytes.p + l->words[i].from, l->words[i].n);
        sum += l->words[i].confidence * l->words[i].letters;
        letters += l->words[i].letters;
        longest = MAX(longest, l->words[i].letters);
    }
    if (letters < LETTERS || longest < 2 || sum / letters < LINE_SURE)
        return false;
    *ret_confidence = MIN(sum / letters, 1.0);
    return true;
}
