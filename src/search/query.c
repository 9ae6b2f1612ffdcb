/*
 * Reading a query: cut into pieces (a word, a quoted phrase, with what stands before and behind),
 * then each piece into tokens by the folding that the index uses. There is no grammar that could be
 * violated: an operator where it makes no sense is a word.
 */
#include "search/query.h"

#include "index/fold.h"

/* A single word that may be a slip of another: letters, long enough to have a near one. */
#define TYPO_CHARS_MIN 4
/* "a*" stands for a large part of all words. */
#define PREFIX_CHARS_MIN 2

struct piece {
    struct str text;                       /* without quotes and operators */
    struct str whole;                      /* as typed, with them */
    bool quoted, excluded, prefix, either; /* either: "OR" stood before it */
    enum { PIECE_WORDS, PIECE_IN, PIECE_VIDEO, PIECE_TAG } kind;
};

struct reader {
    struct arena *a;
    struct query *q;
    struct str s;
    size_t i;
    bool too_many;
};

/* ---- pieces ---- */

/* Length of the white space at i; 0 when there is none. */
static size_t space_at(struct str s, size_t i)
{
    size_t next = i;
    uint32_t cp = utf8_next(s, &next);

    if (cp <= ' ' || cp == 0x7F || cp == 0x85 || cp == 0xA0 || cp == 0x1680 ||
        (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 || cp == 0x202F ||
        cp == 0x205F || cp == 0x3000)
        return next - i;
    return 0;
}

/* Length of a quotation mark at i, of the kinds that keyboards and telephones make; 0 when there is
 * none. */
static size_t quote_at(struct str s, size_t i)
{
    size_t next = i;
    uint32_t cp = utf8_next(s, &next);

    return cp == '"' || cp == 0x201C || cp == 0x201D || cp == 0x201E || cp == 0xFF02 ? next - i : 0;
}

static void skip_spaces(struct reader *r)
{
    size_t n;

    while (r->i < r->s.n && (n = space_at(r->s, r->i)) > 0)
        r->i += n;
}

/* A quoted phrase whose mark, n bytes, is at i; an end that is missing is the end of the query. */
static struct str take_quoted(struct reader *r, size_t n)
{
    size_t from = r->i + n, at = from, len = 0;

    while (at < r->s.n && (len = quote_at(r->s, at)) == 0)
        utf8_next(r->s, &at);
    r->i = at + (at < r->s.n ? len : 0);
    return (struct str){r->s.p + from, at - from};
}

/* Up to white space or a quotation mark. */
static struct str take_word(struct reader *r)
{
    size_t from = r->i;

    while (r->i < r->s.n && !space_at(r->s, r->i) && !quote_at(r->s, r->i))
        utf8_next(r->s, &r->i);
    return (struct str){r->s.p + from, r->i - from};
}

static bool starts_field(struct str word, const char *name, struct str *ret_value)
{
    size_t n = strlen(name);

    if (word.n < n || strncasecmp(word.p, name, n) != 0)
        return false;
    *ret_value = (struct str){word.p + n, word.n - n};
    return true;
}

/* in:title, video:ID, tag:x, tag:"red car" */
static bool take_field(struct reader *r, struct piece *p)
{
    static const struct {
        const char *name;
        int kind;
    } fields[] = {{"in:", PIECE_IN}, {"video:", PIECE_VIDEO}, {"tag:", PIECE_TAG}};
    size_t before = r->i;
    struct str word = take_word(r), value;

    for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
        if (!starts_field(word, fields[k].name, &value))
            continue;
        size_t quote = value.n == 0 && r->i < r->s.n ? quote_at(r->s, r->i) : 0;
        if (quote)
            value = take_quoted(r, quote);
        if (value.n == 0)
            break;
        p->kind = fields[k].kind;
        p->text = value;
        return true;
    }
    r->i = before;
    return false;
}

static bool next_piece(struct reader *r, struct piece *ret)
{
    struct piece p = {0};
    size_t from;

    skip_spaces(r);
    if (r->i == r->s.n)
        return false;
    from = r->i;
    if (r->s.p[r->i] == '-' && r->i + 1 < r->s.n && !space_at(r->s, r->i + 1)) {
        p.excluded = true;
        r->i++;
    }
    size_t quote = quote_at(r->s, r->i);
    if (quote) {
        p.quoted = true;
        p.text = take_quoted(r, quote);
        if (r->i < r->s.n && r->s.p[r->i] == '*') {
            p.prefix = true;
            r->i++;
        }
    } else if (p.excluded || !take_field(r, &p)) {
        p.text = take_word(r);
        p.prefix = str_ends(p.text, STR("*"));
    }
    p.whole = (struct str){r->s.p + from, r->i - from};
    *ret = p;
    return true;
}

/* ---- phrases ---- */

static size_t count_chars(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; n++)
        utf8_next(s, &i);
    return n;
}

/*
 * What a run of characters asks for: its pairs; when the run ends the phrase, its last character is
 * in the last pair already, and a run of one character asks for tokens that begin with it. When
 * something follows, the run must end there in the text too, so the last character is asked for as
 * it is.
 */
static void take_tokens(struct arena *a, const struct folded *f, bool prefix,
                        struct query_phrase *p)
{
    size_t n = MIN(f->tokens.n, (size_t)QUERY_PHRASE_MAX);
    const struct fold_token *last = &f->tokens.p[n - 1];

    if (last->kind == FOLD_TAIL && n > 1 && last[-1].kind == FOLD_PAIR) {
        n--;
        prefix = false;
    } else if (last->kind == FOLD_TAIL) {
        p->single_char = true;
        prefix = true;
    } else if (last->kind == FOLD_PAIR ||
               count_chars(fold_token_text(f, n - 1)) < PREFIX_CHARS_MIN) {
        prefix = false;
    }
    p->tokens = ARENA_ARRAY(a, struct str, n);
    p->n = n;
    p->words.prefix = prefix;
}

bool query_phrase_of(struct arena *a, struct str text, bool prefix, struct query_phrase *ret)
{
    CLEANUP_FOLDED struct folded f = {0};
    CLEANUP_BUF struct buf words = {0};
    struct query_phrase p = {0};

    fold_text(text, &f);
    if (f.tokens.n == 0)
        return false;
    take_tokens(a, &f, prefix, &p);
    for (size_t i = 0; i < p.n; i++) {
        if (i)
            buf_addc(&words, ' ');
        buf_adds(&words, fold_token_text(&f, i));
    }
    p.words.tokens = (struct str){arena_strndup(a, words.p, words.n), words.n};
    size_t at = 0;
    for (size_t i = 0; i < p.n; i++) {
        p.tokens[i] = (struct str){p.words.tokens.p + at, f.tokens.p[i].text_n};
        at += f.tokens.p[i].text_n + 1;
    }
    *ret = p;
    return true;
}

/* e-mail asks for email too: the compound that is the whole of the text. */
static bool compound_of(struct arena *a, struct str text, struct query_phrase *ret)
{
    CLEANUP_FOLDED struct folded f = {0};

    fold_text(text, &f);
    if (f.compounds.n != 1 || f.compounds.p[0].parts != f.tokens.n)
        return false;
    return query_phrase_of(a, fold_compound_text(&f, 0), /* prefix */ false, ret);
}

static bool same_phrase(const struct query_phrase *a, const struct query_phrase *b)
{
    return a->words.prefix == b->words.prefix && str_eq(a->words.tokens, b->words.tokens);
}

static void add_phrase(struct arena *a, struct query_term *t, const struct query_phrase *p)
{
    for (size_t i = 0; i < t->n; i++) {
        if (same_phrase(&t->any[i], p))
            return;
    }
    struct query_phrase *any = ARENA_ARRAY(a, struct query_phrase, t->n + 1);
    if (t->n)
        memcpy(any, t->any, t->n * sizeof(*any));
    any[t->n++] = *p;
    t->any = any;
}

static const char *label_of(struct arena *a, const struct piece *p)
{
    return arena_printf(a, p->quoted ? "\"%.*s\"%s" : "%.*s%s", STR_ARG(p->text),
                        p->quoted && p->prefix ? "*" : "");
}

/* ---- terms ---- */

static bool can_be_typo(const struct piece *p, const struct query_phrase *phrase)
{
    struct str word = phrase->tokens[0];
    size_t i = 0, chars = count_chars(word);

    if (p->quoted || p->prefix || phrase->n != 1 || phrase->words.prefix || chars < TYPO_CHARS_MIN)
        return false;
    while (i < word.n) {
        uint32_t cp = utf8_next(word, &i);
        if (fold_is_run(cp) || (cp >= '0' && cp <= '9'))
            return false;
    }
    return true;
}

static bool same_term(const struct query_term *a, const struct query_term *b)
{
    return a->n == b->n && a->n > 0 && same_phrase(&a->any[0], &b->any[0]) &&
           same_phrase(&a->any[a->n - 1], &b->any[b->n - 1]);
}

static void add_term(struct reader *r, const struct piece *p)
{
    struct query *q = r->q;
    struct query_phrase phrase, compound;
    struct query_term t = {0};

    if (!query_phrase_of(r->a, p->text, p->prefix, &phrase))
        return;
    add_phrase(r->a, &t, &phrase);
    if (!p->prefix && compound_of(r->a, p->text, &compound))
        add_phrase(r->a, &t, &compound);
    t.label = label_of(r->a, p);
    if (can_be_typo(p, &phrase)) {
        t.typo_word = phrase.tokens[0];
        t.typed = p->whole;
    }

    if (p->either && q->n_terms) {
        struct query_term *last = &q->terms[q->n_terms - 1];
        if (last->n + t.n > SEARCH_TERMS_MAX) {
            r->too_many = true;
            return;
        }
        for (size_t i = 0; i < t.n; i++)
            add_phrase(r->a, last, &t.any[i]);
        last->label = arena_printf(r->a, "%s OR %s", last->label, t.label);
        last->typo_word = (struct str){0};
        return;
    }
    for (size_t i = 0; i < q->n_terms; i++) {
        if (same_term(&q->terms[i], &t))
            return;
    }
    if (q->n_terms == SEARCH_TERMS_MAX) {
        r->too_many = true;
        return;
    }
    q->terms[q->n_terms++] = t;
}

static void add_excluded(struct reader *r, const struct piece *p)
{
    struct query *q = r->q;
    struct query_phrase phrase;

    if (!query_phrase_of(r->a, p->text, p->prefix, &phrase))
        return;
    if (q->n_excluded == QUERY_EXCLUDED_MAX)
        r->too_many = true;
    else
        q->excluded[q->n_excluded++] = phrase;
}

/* ---- fields ---- */

static unsigned source_bits(struct str name)
{
    static const struct {
        const char *name;
        enum text_source source;
    } names[] = {
        {"title", TEXT_TITLE},   {"description", TEXT_DESCRIPTION},
        {"tag", TEXT_TAG},       {"tags", TEXT_TAG},
        {"name", TEXT_FILENAME}, {"filename", TEXT_FILENAME},
        {"text", TEXT_OCR},      {"screen", TEXT_OCR},
        {"ocr", TEXT_OCR},       {"speech", TEXT_SPEECH},
        {"said", TEXT_SPEECH},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_ieqz(name, names[i].name))
            return 1u << names[i].source;
    }
    return 0;
}

/* in:title,text */
static bool add_sources(struct reader *r, struct str value)
{
    unsigned bits = 0;
    struct str rest = value, part;

    while (str_cut(&rest, ',', &part)) {
        unsigned one = source_bits(part);
        if (!one)
            return false;
        bits |= one;
    }
    r->q->sources |= bits;
    return true;
}

static void add_filter(struct reader *r, const char **list, size_t *n, struct str value)
{
    if (*n == SEARCH_FILTER_MAX) {
        r->too_many = true;
        return;
    }
    list[(*n)++] = arena_strndup(r->a, value.p, value.n);
}

/* false: not a field after all */
static bool add_field(struct reader *r, const struct piece *p)
{
    switch (p->kind) {
    case PIECE_WORDS:
        return false;
    case PIECE_IN:
        return add_sources(r, p->text);
    case PIECE_VIDEO:
        add_filter(r, r->q->videos, &r->q->n_videos, p->text);
        return true;
    case PIECE_TAG:
        add_filter(r, r->q->tags, &r->q->n_tags, p->text);
        return true;
    }
    return false;
}

/* ---- the whole ---- */

static bool is_or(const struct piece *p)
{
    return !p->quoted && p->kind == PIECE_WORDS &&
           (str_eqz(p->whole, "OR") || str_eqz(p->whole, "|"));
}

/* Is there something behind an OR that it can bind? */
static bool binds_next(struct reader r)
{
    struct piece next;
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct query_phrase phrase;

    return next_piece(&r, &next) && !next.excluded && next.kind == PIECE_WORDS &&
           query_phrase_of(a, next.text, false, &phrase);
}

/* At most SEARCH_QUERY_MAX bytes, whole characters, as valid UTF-8 without NUL. */
static struct str take_text(struct arena *a, struct str text, bool *ret_cut)
{
    CLEANUP_BUF struct buf out = {0};
    size_t i = 0;

    while (i < text.n) {
        char utf8[4];
        uint32_t cp = utf8_next(text, &i);
        size_t n = utf8_put(cp ? cp : ' ', utf8);
        if (out.n + n > SEARCH_QUERY_MAX) {
            *ret_cut = true;
            break;
        }
        buf_add(&out, utf8, n);
    }
    return (struct str){arena_strndup(a, out.p ? out.p : "", out.n), out.n};
}

void query_parse(struct arena *a, struct str text, struct query *ret)
{
    bool cut = false;
    struct query q = {
        .terms = ARENA_ARRAY(a, struct query_term, SEARCH_TERMS_MAX),
        .excluded = ARENA_ARRAY(a, struct query_phrase, QUERY_EXCLUDED_MAX),
        .videos = ARENA_ARRAY(a, const char *, SEARCH_FILTER_MAX),
        .tags = ARENA_ARRAY(a, const char *, SEARCH_FILTER_MAX),
        .text = take_text(a, text, &cut),
    };
    struct reader r = {.a = a, .q = &q, .s = q.text};
    struct piece p;
    bool either = false;

    while (next_piece(&r, &p)) {
        if (!p.excluded && add_field(&r, &p))
            continue;
        if (p.kind != PIECE_WORDS) /* a field that is none, as words */
            p.text = p.whole;
        if (is_or(&p) && q.n_terms && !either && binds_next(r)) {
            either = true;
            continue;
        }
        p.either = either;
        either = false;
        if (p.excluded)
            add_excluded(&r, &p);
        else
            add_term(&r, &p);
    }
    if (cut)
        q.note = "The query is long; its end was left out.";
    else if (r.too_many)
        q.note = "The query has many words; some were left out.";
    *ret = q;
}
