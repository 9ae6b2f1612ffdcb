/*
 * Cutting folded characters into tokens; fold.h has the rules. One pass over the characters with no
 * state but the open word or run, then one over the tokens for compounds.
 */
#include "index/fold.h"

#include "index/fold_priv.h"

/* Words that make one compound; more is a list, a path or a serial number. */
#define COMPOUND_PARTS_MAX 4
#define INITIALS_MAX       8 /* letters of an abbreviation with full stops */

/* What lies between a token and the one before it. */
enum gap {
    GAP_WIDE,  /* anything else, or the start */
    GAP_NONE,  /* nothing: another kind of script */
    GAP_JOIN,  /* one hyphen or apostrophe */
    GAP_POINT, /* one full stop */
};

struct cutter {
    struct folded *f;
    enum fold_class open; /* LETTER, RUN or FLAG while a token is open, else SPACE */
    uint32_t text_at;     /* where the open word begins in f->text */
    uint32_t chars;       /* of the open word */
    uint32_t at, end;     /* its bytes in the source; of a run or flag: those of `cp` */
    uint32_t cp;          /* the run's last character, the flag's first half */
    enum gap gap;         /* since the last token */
};

static void put_cp(struct folded *f, uint32_t cp)
{
    char utf8[4];

    buf_add(&f->text, utf8, utf8_put(cp, utf8));
}

static void push(struct cutter *c, enum fold_kind kind, uint32_t text_at, uint32_t at, uint32_t end)
{
    struct folded *f = c->f;
    struct fold_token t = {.kind = (uint8_t)kind,
                           .gap = (uint8_t)c->gap,
                           .text_at = text_at,
                           .text_n = (uint32_t)f->text.n - text_at,
                           .at = at,
                           .n = end - at};

    VEC_PUSH(&f->tokens, t);
    c->gap = GAP_NONE;
}

/* One or two characters as a token. */
static void push_cps(struct cutter *c, enum fold_kind kind, uint32_t one, uint32_t two, uint32_t at,
                     uint32_t end)
{
    uint32_t text_at = (uint32_t)c->f->text.n;

    put_cp(c->f, one);
    if (two)
        put_cp(c->f, two);
    push(c, kind, text_at, at, end);
}

static void end_token(struct cutter *c)
{
    if (c->open == FOLD_CLASS_LETTER)
        push(c, FOLD_WORD, c->text_at, c->at, c->end);
    else if (c->open == FOLD_CLASS_RUN)
        push_cps(c, FOLD_TAIL, c->cp, 0, c->at, c->end);
    else if (c->open == FOLD_CLASS_FLAG)
        push_cps(c, FOLD_WORD, c->cp, 0, c->at, c->end);
    c->open = FOLD_CLASS_SPACE;
}

static void add_letter(struct cutter *c, uint32_t cp, uint32_t at, uint32_t end)
{
    if (c->open != FOLD_CLASS_LETTER) {
        end_token(c);
        c->open = FOLD_CLASS_LETTER;
        c->text_at = (uint32_t)c->f->text.n;
        c->chars = 0;
        c->at = at;
    }
    c->end = end;
    if (c->chars++ < FOLD_TOKEN_MAX)
        put_cp(c->f, cp);
}

static void add_run(struct cutter *c, uint32_t cp, uint32_t at, uint32_t end)
{
    if (c->open == FOLD_CLASS_RUN)
        push_cps(c, FOLD_PAIR, c->cp, cp, c->at, end);
    else
        end_token(c);
    c->open = FOLD_CLASS_RUN;
    c->cp = cp;
    c->at = at;
    c->end = end;
}

static void add_flag(struct cutter *c, uint32_t cp, uint32_t at, uint32_t end)
{
    if (c->open == FOLD_CLASS_FLAG) {
        push_cps(c, FOLD_WORD, c->cp, cp, c->at, end);
        c->open = FOLD_CLASS_SPACE;
        return;
    }
    end_token(c);
    c->open = FOLD_CLASS_FLAG;
    c->cp = cp;
    c->at = at;
    c->end = end;
}

static void add_separator(struct cutter *c, enum fold_class class)
{
    end_token(c);
    if (c->gap == GAP_NONE && class == FOLD_CLASS_HYPHEN)
        c->gap = GAP_JOIN;
    else if (c->gap == GAP_NONE && class == FOLD_CLASS_DOT)
        c->gap = GAP_POINT;
    else
        c->gap = GAP_WIDE;
}

static void add(struct cutter *c, uint32_t cp, uint32_t at, uint32_t end)
{
    enum fold_class class = fold_class(cp);

    switch (class) {
    case FOLD_CLASS_LETTER:
        add_letter(c, cp, at, end);
        break;
    case FOLD_CLASS_RUN:
        add_run(c, cp, at, end);
        break;
    case FOLD_CLASS_FLAG:
        add_flag(c, cp, at, end);
        break;
    case FOLD_CLASS_EMOJI:
        end_token(c);
        push_cps(c, FOLD_WORD, cp, 0, at, end);
        break;
    case FOLD_CLASS_SPACE:
    case FOLD_CLASS_HYPHEN:
    case FOLD_CLASS_DOT:
        add_separator(c, class);
        break;
    }
}

/* ---- compounds ---- */

static bool is_single(const struct folded *f, size_t i)
{
    struct str s = fold_token_text(f, i);
    size_t at = 0;

    return s.n && (utf8_next(s, &at), at == s.n);
}

/* Does token i go on with i - 1, as the group that began at `first` does? */
static bool joins(const struct folded *f, size_t first, size_t i)
{
    const struct fold_token *t = &f->tokens.p[i];

    if (t->kind != FOLD_WORD || t[-1].kind != FOLD_WORD)
        return false;
    if (i - first > 1 && t->gap != t[-1].gap)
        return false;
    return t->gap == GAP_JOIN || (t->gap == GAP_POINT && is_single(f, i) && is_single(f, i - 1));
}

static void push_compound(struct folded *f, size_t first, size_t parts)
{
    struct fold_compound c = {
        .text_at = (uint32_t)f->text.n, .first = (uint32_t)first, .parts = (uint32_t)parts};
    char joined[FOLD_TOKEN_MAX]; /* bytes, at least as strict as characters */
    size_t n = 0;

    for (size_t i = first; i < first + parts; i++) {
        struct str part = fold_token_text(f, i);
        if (part.n > sizeof(joined) - n)
            return;
        memcpy(joined + n, part.p, part.n);
        n += part.n;
    }
    buf_add(&f->text, joined, n);
    c.text_n = (uint32_t)n;
    VEC_PUSH(&f->compounds, c);
}

static void find_compounds(struct folded *f)
{
    size_t n = f->tokens.n, end;

    for (size_t first = 0; first < n; first = end) {
        end = first + 1;
        while (end < n && joins(f, first, end))
            end++;
        size_t parts = end - first;
        if (parts >= 2 &&
            parts <= (f->tokens.p[first + 1].gap == GAP_POINT ? INITIALS_MAX : COMPOUND_PARTS_MAX))
            push_compound(f, first, parts);
    }
}

/* ---- the whole ---- */

/* At most n bytes of s, whole characters. */
static struct str cut_at_character(struct str s, size_t n)
{
    if (s.n <= n)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return (struct str){s.p, n};
}

void fold_text(struct str text, struct folded *ret)
{
    struct cutter c = {.f = ret, .gap = GAP_WIDE};
    uint32_t cps[FOLD_CLUSTER_MAX];
    struct str s = cut_at_character(text, FOLD_TEXT_MAX);

    buf_reset(&ret->text);
    ret->text.max = 0;
    ret->tokens.n = ret->compounds.n = 0;
    ret->cut = s.n < text.n;
    for (size_t i = 0; i < s.n;) {
        uint32_t at = (uint32_t)i;
        unsigned char b = (unsigned char)s.p[i];
        if (b < 0x80 &&
            (i + 1 == s.n || (unsigned char)s.p[i + 1] < 0x80)) { /* no mark can follow */
            i++;
            add(&c, b >= 'A' && b <= 'Z' ? b + 32u : b, at, at + 1);
            continue;
        }
        size_t n = fold_cluster(s, &i, cps);
        for (size_t k = 0; k < n; k++)
            add(&c, cps[k], at, (uint32_t)i);
    }
    end_token(&c);
    find_compounds(ret);
}

void fold_finish(struct folded *f)
{
    buf_finish(&f->text);
    VEC_FINISH(&f->tokens);
    VEC_FINISH(&f->compounds);
}

void fold_words(const struct folded *f, struct buf *out)
{
    for (size_t i = 0; i < f->tokens.n; i++) {
        if (i)
            buf_addc(out, ' ');
        buf_adds(out, fold_token_text(f, i));
    }
    for (size_t i = 0; i < f->compounds.n; i++) {
        buf_addz(out, i ? " " : " " FOLD_BARRIER " ");
        buf_adds(out, fold_compound_text(f, i));
    }
}
