/* Queries of strangers (search/query.h): bounded, and nothing in them but tokens. */
#include "fuzz.h"

#include <assert.h>

#include "search/query.h"

static void check_phrase(const struct query_phrase *p)
{
    size_t at = 0;

    assert(p->n >= 1 && p->n <= QUERY_PHRASE_MAX && p->words.tokens.n > 0);
    assert(utf8_valid(p->words.tokens));
    for (size_t i = 0; i < p->n; i++) {
        assert(p->tokens[i].p == p->words.tokens.p + at && p->tokens[i].n > 0);
        for (size_t k = 0; k < p->tokens[i].n; k++) {
            unsigned char c = (unsigned char)p->tokens[i].p[k];
            assert(c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
        }
        at += p->tokens[i].n;
        assert(at == p->words.tokens.n || p->words.tokens.p[at] == ' ');
        at++;
    }
    /* the mark of owners in db/ */
    assert(!memmem(p->words.tokens.p, p->words.tokens.n, "\xee\x80\x81", 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct query q, again;

    query_parse(a, (struct str){size ? (const char *)data : "", size}, &q);
    assert(q.text.n <= SEARCH_QUERY_MAX && utf8_valid(q.text) && !memchr(q.text.p, 0, q.text.n));
    assert(q.n_terms <= SEARCH_TERMS_MAX && q.n_excluded <= QUERY_EXCLUDED_MAX);
    assert(q.n_videos <= SEARCH_FILTER_MAX && q.n_tags <= SEARCH_FILTER_MAX);
    for (size_t t = 0; t < q.n_terms; t++) {
        assert(q.terms[t].n >= 1 && q.terms[t].n <= SEARCH_TERMS_MAX && q.terms[t].label[0]);
        assert(utf8_valid(str_of(q.terms[t].label)));
        for (size_t k = 0; k < q.terms[t].n; k++)
            check_phrase(&q.terms[t].any[k]);
    }
    for (size_t i = 0; i < q.n_excluded; i++)
        check_phrase(&q.excluded[i]);

    /* what was read is read the same again */
    query_parse(a, q.text, &again);
    assert(again.n_terms == q.n_terms && again.n_excluded == q.n_excluded &&
           again.sources == q.sources && again.n_videos == q.n_videos && again.n_tags == q.n_tags);
    return 0;
}
