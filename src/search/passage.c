/*
 * One text: where the terms stand in it, and what it is worth. The text is folded again and read
 * here, instead of asking the database for ranks, so that scores do not depend on the database nor
 * on what was added since (paging), and marks and scores come from the same places.
 */
#include <math.h>

#include "search/search_priv.h"

/* tf / (tf + K1 (1 - B + B length / usual length)), the saturation of BM25; a word that stands once
 * in a text of usual length gives 0.67. */
#define K1 0.5
#define B  0.75
/* Usual number of tokens. Constants, not averages of what is stored, so that a score does not move
 * between two pages. */
static const double usual_length[TEXT_SOURCE_N] = {
    [TEXT_SPEECH] = 12,      [TEXT_OCR] = 4,   [TEXT_TITLE] = 5,
    [TEXT_DESCRIPTION] = 40, [TEXT_TAG] = 1.5, [TEXT_FILENAME] = 4,
};
#define CONFIDENCE_SHARE 0.6 /* of a strength that hangs on the recogniser's confidence */
#define FUZZY_FACTOR     0.6

static bool token_is(struct str token, struct str wanted, bool prefix)
{
    return prefix ? str_starts(token, wanted) : str_eq(token, wanted);
}

static bool phrase_at(const struct folded *f, size_t i, const struct query_phrase *p)
{
    if (p->n > f->tokens.n - i)
        return false;
    for (size_t k = 0; k < p->n; k++) {
        if (!token_is(fold_token_text(f, i + k), p->tokens[k], p->words.prefix && k + 1 == p->n))
            return false;
    }
    return true;
}

/* The bytes of tokens i .. i + p->n - 1. A single character asked for is only the first of a
 * pair. */
static struct place place_of(const struct folded *f, size_t i, const struct query_phrase *p,
                             int term)
{
    const struct fold_token *first = &f->tokens.p[i], *last = first + p->n - 1;
    uint32_t end = last->at + last->n;

    if (p->single_char && last->kind == FOLD_PAIR)
        end = last[1].at; /* a pair always has a token behind it */
    return (struct place){.at = first->at,
                          .n = end - first->at,
                          .token = (uint32_t)i,
                          .len = (uint32_t)p->n,
                          .term = term};
}

/* A word may also be the joined form of several. */
static void find_compounds(const struct folded *f, const struct query_phrase *p, int term,
                           struct place *out, size_t *n)
{
    if (p->n != 1)
        return;
    for (size_t i = 0; i < f->compounds.n && *n < PLACES_MAX; i++) {
        const struct fold_compound *c = &f->compounds.p[i];
        const struct fold_token *first = &f->tokens.p[c->first], *last = first + c->parts - 1;
        if (token_is(fold_compound_text(f, i), p->tokens[0], p->words.prefix))
            out[(*n)++] = (struct place){.at = first->at,
                                         .n = last->at + last->n - first->at,
                                         .token = c->first,
                                         .len = c->parts,
                                         .term = term};
    }
}

static int by_token(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->token != y->token)
        return x->token < y->token ? -1 : 1;
    return x->term < y->term ? -1 : x->term > y->term;
}

size_t find_places(const struct query *q, const struct folded *f,
                   struct place out[static PLACES_MAX])
{
    size_t n = 0;

    for (size_t t = 0; t < q->n_terms; t++) {
        /* a share for each term, so that a frequent one does not crowd out the others */
        size_t most = n + MAX(PLACES_MAX / q->n_terms, (size_t)1);
        for (size_t k = 0; k < q->terms[t].n; k++) {
            const struct query_phrase *p = &q->terms[t].any[k];
            for (size_t i = 0; i < f->tokens.n && n < MIN(most, (size_t)PLACES_MAX); i++) {
                if (phrase_at(f, i, p))
                    out[n++] = place_of(f, i, p, (int)t);
            }
            if (n < most)
                find_compounds(f, p, (int)t, out, &n);
        }
    }
    qsort(out, n, sizeof(*out), by_token);
    return n;
}

/* Is every place of this term there through a near word only? */
static bool only_fuzzy(const struct query_term *t, const struct folded *f)
{
    for (size_t k = 0; k < t->n; k++) {
        struct place any[PLACES_MAX];
        struct query one = {.terms = &(struct query_term){.any = &t->any[k], .n = 1}, .n_terms = 1};
        if (!t->any[k].fuzzy && find_places(&one, f, any))
            return false;
    }
    return true;
}

/*
 * How close the terms stand: the smallest window of tokens that has all of them. 1 when it has
 * nothing else and they are in the order typed.
 */
static double closeness(size_t n_terms, const struct place *places, size_t n)
{
    double best = 0;

    for (size_t from = 0; from < n; from++) {
        uint32_t seen = 0, tokens = 0, end = 0;
        bool in_order = true;
        int last = -1;
        for (size_t i = from; i < n; i++) {
            if (seen & (1u << places[i].term))
                continue;
            seen |= 1u << places[i].term;
            tokens += places[i].len;
            end = MAX(end, places[i].token + places[i].len);
            in_order &= places[i].term == last + 1;
            last = places[i].term;
            if (seen != (uint32_t)((UINT64_C(1) << n_terms) - 1))
                continue;
            double window = (double)(end - places[from].token);
            double close = MIN(tokens / window, 1.0);
            best = MAX(best, in_order && close == 1.0 ? 1.0 : 0.8 * close);
            break;
        }
    }
    return best;
}

bool passage_score(struct search *s, struct passage *p)
{
    const struct folded *f = &s->folded;
    struct place places[PLACES_MAX];
    int tf[SEARCH_TERMS_MAX] = {0};
    double confidence = CLAMP(p->text.confidence, 0.0, 1.0);
    double trust =
        s->weight[p->text.source] * (1 - CONFIDENCE_SHARE + CONFIDENCE_SHARE * confidence);
    double sum = 0;

    fold_text(str_of(p->text.text), &s->folded);
    size_t n = find_places(&s->q, f, places);
    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        tf[places[i].term]++;
    double norm = K1 * (1 - B + B * (double)f->tokens.n / usual_length[p->text.source]);
    for (size_t t = 0; t < s->q.n_terms; t++) {
        if (!tf[t])
            continue;
        p->terms |= 1u << t;
        p->strength[t] = trust * tf[t] / (tf[t] + norm);
        if (s->corrected && only_fuzzy(&s->q.terms[t], f)) {
            p->fuzzy |= 1u << t;
            p->strength[t] *= FUZZY_FACTOR;
        }
        sum += s->idf[t] * p->strength[t];
    }
    bool all = p->terms == (uint32_t)((UINT64_C(1) << s->q.n_terms) - 1);
    if (all && s->q.n_terms > 1)
        p->together = closeness(s->q.n_terms, places, n);
    p->worth = sum * (1 + p->together);
    return true;
}
