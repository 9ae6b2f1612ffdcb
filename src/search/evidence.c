/* What a hit shows: the best passages, each as a piece of its text around the first matches. */
#include "search/search_priv.h"

#define LEAD_BYTES 60 /* shown before the first match */

/* The nearest begin of a character at or before i. */
static size_t char_at(struct str s, size_t i)
{
    while (i > 0 && i < s.n && ((unsigned char)s.p[i] & 0xC0) == 0x80)
        i--;
    return i;
}

/* A place to begin that is not inside a word, if there is one within reach. */
static size_t word_start(struct str s, size_t from, size_t before)
{
    size_t at = char_at(s, from);

    for (size_t i = at; i < before; i++) {
        if (s.p[i] == ' ')
            return i + 1;
    }
    return at;
}

static size_t word_end(struct str s, size_t to, size_t behind)
{
    size_t at = char_at(s, to);

    for (size_t i = at; i > behind; i--) {
        if (s.p[i] == ' ')
            return i;
    }
    return at;
}

/* Which bytes of the text are shown. */
static void choose_window(struct str text, const struct place *first, size_t *ret_from,
                          size_t *ret_to)
{
    size_t from = 0, to = text.n;

    if (text.n > SEARCH_SNIPPET_MAX) {
        size_t at = first->at, end = MIN((size_t)first->at + first->n, at + SEARCH_SNIPPET_MAX);
        if (at > LEAD_BYTES)
            from = word_start(text, at - LEAD_BYTES, at);
        if (text.n - from > SEARCH_SNIPPET_MAX)
            to = word_end(text, from + SEARCH_SNIPPET_MAX, end);
        if (to < end)
            to = char_at(text, end);
    }
    *ret_from = from;
    *ret_to = to;
}

static int by_byte(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->n > y->n ? -1 : x->n < y->n;
}

/* Places inside the window, in order; of overlapping ones the first, longer where they meet. */
static void put_matches(struct search *s, const struct place *places, size_t n, size_t from,
                        size_t to, struct search_evidence *ret)
{
    struct search_match *m = ARENA_ARRAY(s->a, struct search_match, SEARCH_MATCHES_MAX);
    size_t n_matches = 0;

    for (size_t i = 0; i < n && n_matches < SEARCH_MATCHES_MAX; i++) {
        size_t at = places[i].at, end = at + places[i].n;
        if (at < from || at >= to)
            continue;
        end = MIN(end, to);
        struct search_match *last = n_matches ? &m[n_matches - 1] : NULL;
        if (last && at - from < last->at + last->n) {
            last->n = MAX(last->n, (uint32_t)(end - from) - last->at);
            continue;
        }
        m[n_matches++] = (struct search_match){
            .at = (uint32_t)(at - from), .n = (uint32_t)(end - at), .term = places[i].term};
    }
    ret->matches = m;
    ret->n_matches = n_matches;
}

static void show_passage(struct search *s, const struct passage *p, struct search_evidence *ret)
{
    struct place places[PLACES_MAX];
    struct str text = str_of(p->text.text);
    size_t n, from, to;

    fold_text(text, &s->folded);
    n = find_places(&s->q, &s->folded, places);
    qsort(places, n, sizeof(*places), by_byte);
    choose_window(text, &places[0], &from, &to);
    *ret = (struct search_evidence){
        .source = p->text.source,
        .start_us = p->text.start_us,
        .end_us = p->text.end_us,
        .start_frame = p->text.start_frame,
        .end_frame = p->text.end_frame,
        .x = p->text.x,
        .y = p->text.y,
        .width = p->text.width,
        .height = p->text.height,
        .confidence = p->text.confidence,
        .snippet = arena_strndup(s->a, text.p + from, to - from),
        .cut_before = from > 0,
        .cut_after = to < text.n,
    };
    double weight = 0;
    for (size_t t = 0; t < s->q.n_terms; t++) {
        ret->score += s->idf[t] * p->strength[t];
        weight += s->idf[t];
    }
    ret->score /= weight;
    put_matches(s, places, n, from, to, ret);
}

void show_evidence(struct search *s, const struct span *span, struct search_hit *ret)
{
    size_t n = MIN(span->n, (size_t)SEARCH_EVIDENCE_MAX);
    struct search_evidence *list = ARENA_ARRAY(s->a, struct search_evidence, n);

    for (size_t i = 0; i < n; i++)
        show_passage(s, span->passages[i], &list[i]);
    ret->evidence = list;
    ret->n_evidence = n;
    ret->n_more_evidence = span->n - n;
}
