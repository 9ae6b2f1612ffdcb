/*
 * Near words. A word with one slip (a letter too many, too few, other, or two swapped) keeps either
 * its first or its last (n - 1) / 2 characters, so two short walks over the vocabulary, forwards
 * and backwards, meet all of them; longer words may have two slips and are looked up by thirds,
 * which misses one slip in the first third together with one in the last.
 * Words that go on where the typed one ends, or begin before it (a recogniser lost a space), come
 * last.
 */
#include "search/search_priv.h"

#include "index/edit.h"

#define TWO_SLIPS_CHARS 8
#define WALK_MAX        20000 /* words looked at for one side */
#define NEAR_MAX        3     /* near words that are searched for */
#define KEEP_MAX        12    /* near words that are checked for being there */
#define LONGER_COST     3     /* the typed word is a part of it */
#define LONGER_CHARS    6     /* most characters more */

struct near {
    struct str word;
    size_t cost, extra;
};
struct speller {
    struct search *s;
    uint32_t typed[EDIT_CHARS_MAX];
    size_t n_typed, slips;
    struct near best[KEEP_MAX];
    size_t n;
};

static int nearer(const struct near *a, const struct near *b)
{
    if (a->cost != b->cost)
        return a->cost < b->cost ? -1 : 1;
    if (a->extra != b->extra)
        return a->extra < b->extra ? -1 : 1;
    size_t n = MIN(a->word.n, b->word.n);
    int r = memcmp(a->word.p, b->word.p, n);
    return r ? r : (a->word.n > b->word.n) - (a->word.n < b->word.n);
}

static size_t cost_of(const struct speller *x, const uint32_t *c, size_t n)
{
    size_t d = edit_distance(x->typed, x->n_typed, c, n, x->slips);

    if (d <= x->slips)
        return d;
    if (n <= x->n_typed || n > x->n_typed + LONGER_CHARS)
        return SIZE_MAX;
    if (memcmp(c, x->typed, x->n_typed * sizeof(*c)) == 0 ||
        memcmp(c + n - x->n_typed, x->typed, x->n_typed * sizeof(*c)) == 0)
        return LONGER_COST;
    return SIZE_MAX;
}

static void offer(void *arg, struct str word)
{
    struct speller *x = arg;
    uint32_t c[EDIT_CHARS_MAX];
    struct near one = {.word = word};
    size_t n, at;

    if (word.n > 4 * (x->n_typed + LONGER_CHARS))
        return;
    n = edit_chars(word, c);
    one.cost = cost_of(x, c, n);
    one.extra = n > x->n_typed ? n - x->n_typed : x->n_typed - n;
    if (one.cost == SIZE_MAX || one.cost == 0)
        return;
    for (at = 0; at < x->n; at++) {
        if (str_eq(x->best[at].word, word))
            return;
    }
    for (at = x->n; at > 0 && nearer(&one, &x->best[at - 1]) < 0; at--) {
        if (at < KEEP_MAX)
            x->best[at] = x->best[at - 1];
    }
    if (at == KEEP_MAX)
        return;
    one.word = (struct str){arena_strndup(x->s->a, word.p, word.n), word.n};
    x->best[at] = one;
    x->n = MIN(x->n + 1, (size_t)KEEP_MAX);
}

/* n characters of the typed word from `from`, in this or the other order. */
static void put_chars(const struct speller *x, size_t from, size_t n, bool backwards,
                      struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        char utf8[4];
        uint32_t cp = x->typed[backwards ? from + n - 1 - i : from + i];
        buf_add(out, utf8, utf8_put(cp, utf8));
    }
}

static int walk(struct speller *x, int64_t user_no, size_t piece, struct err *e)
{
    CLEANUP_BUF struct buf begin = {0};
    CLEANUP_BUF struct buf end = {0};

    put_chars(x, 0, piece, /* backwards */ false, &begin);
    put_chars(x, x->n_typed - piece, piece, /* backwards */ true, &end);
    if (db_search_near(x->s->tx, user_no, DB_WORDS_BEGIN, buf_str(&begin), WALK_MAX, offer, x, e) <
        0)
        return -1;
    return db_search_near(x->s->tx, user_no, DB_WORDS_END, buf_str(&end), WALK_MAX, offer, x, e);
}

/* The near words that are still somewhere, best first, become phrases of the term; how many. */
static int add_near(struct search *s, struct speller *x, struct query_term *t, struct str *ret_best,
                    struct err *e)
{
    struct query_phrase *any = ARENA_ARRAY(s->a, struct query_phrase, t->n + NEAR_MAX);
    int added = 0;

    memcpy(any, t->any, t->n * sizeof(*any));
    for (size_t i = 0; i < x->n && added < NEAR_MAX; i++) {
        struct query_phrase p;
        if (added && x->best[i].cost > x->best[0].cost + 1)
            break;
        if (!query_phrase_of(s->a, x->best[i].word, false, &p))
            continue;
        int r = retrieve_exists(s, &p, e);
        if (r < 0)
            return -1;
        if (!r)
            continue;
        if (!added)
            *ret_best = x->best[i].word;
        p.fuzzy = true;
        any[t->n + (size_t)added++] = p;
    }
    t->any = any;
    t->n += (size_t)added;
    return added;
}

/* 1 found near words, 0 none */
static int spell_term(struct search *s, int64_t user_no, struct query_term *t, struct str *ret_best,
                      struct err *e)
{
    struct speller x = {.s = s};
    int r = retrieve_exists(s, &t->any[0], e);

    if (r != 0) /* known: the filters are in the way, not the spelling */
        return r < 0 ? -1 : 0;
    x.n_typed = edit_chars(t->typo_word, x.typed);
    x.slips = x.n_typed >= TWO_SLIPS_CHARS ? 2 : 1;
    if (walk(&x, user_no, (x.n_typed - 1) / (x.slips + 1), e) < 0)
        return -1;
    r = add_near(s, &x, t, ret_best, e);
    return r > 0 ? 1 : r;
}

int spell_terms(struct search *s, uint32_t unknown, struct err *e)
{
    CLEANUP_BUF struct buf hint = {0};
    const char *copied = s->q.text.p, *end = s->q.text.p + s->q.text.n;
    int64_t user_no;
    int changed = 0;
    int r = db_search_user(s->tx, s->user_id, /* make */ false, &user_no, e);

    if (r <= 0)
        return r;
    for (size_t t = 0; t < s->q.n_terms; t++) {
        struct query_term *term = &s->q.terms[t];
        struct str best = {0};
        if (!(unknown & (1u << t)) || term->typo_word.n == 0)
            continue;
        r = spell_term(s, user_no, term, &best, e);
        if (r < 0)
            return -1;
        if (r == 0)
            continue;
        buf_add(&hint, copied,
                (size_t)(term->typed.p - copied)); /* terms are in order of the text */
        buf_adds(&hint, best);
        copied = term->typed.p + term->typed.n;
        changed++;
    }
    if (changed) {
        buf_add(&hint, copied, (size_t)(end - copied));
        s->hint = arena_strdup(s->a, buf_z(&hint));
        s->corrected = true;
    }
    return changed;
}
