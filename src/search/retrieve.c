/*
 * Which texts may answer. All looking up is bounded: a scan ends at search.candidates texts, newest
 * first, and only the most promising search.ranked are read.
 *
 *   1. Texts with every term. When a scan of them ends at its limit, those that describe videos are
 *      asked for apart, so that an old title is not hidden behind new lines of text.
 *   2. When these are few: texts with any of the terms, term by term, which also tells how rare
 *      each is. A rare term is thereby known completely.
 *   3. Then the frequent terms once more, within the videos that the rare ones led to: a span can
 *      have one term spoken, another on screen and the third in the title.
 */
#include <math.h>

#include "search/search_priv.h"

/* Texts with every term from which on others are not looked for. */
#define ENOUGH     100
#define READ_BATCH 64 /* texts read at once */

/* ---- scans ---- */

static struct db_term term_of(struct search *s, const struct query_term *t)
{
    struct db_phrase *any = ARENA_ARRAY(s->a, struct db_phrase, t->n);

    for (size_t i = 0; i < t->n; i++)
        any[i] = t->any[i].words;
    return (struct db_term){.any = any, .n = t->n};
}

struct scan {
    uint32_t terms; /* bits: each of these */
    unsigned sources;
    const char *const *videos;
    size_t n_videos;
};

/* Texts with all of the terms become candidates; how many, and where a full scan ended. */
static int scan(struct search *s, const struct scan *c, size_t *ret_n, int64_t *ret_last,
                struct err *e)
{
    CLEANUP_FREE int64_t *ids = NULL;
    struct db_term all[SEARCH_TERMS_MAX];
    struct db_phrase none[QUERY_EXCLUDED_MAX];
    unsigned sources =
        s->q.sources && s->f.sources ? s->q.sources & s->f.sources : s->q.sources | s->f.sources;
    struct db_match m = {.all = all,
                         .none = none,
                         .user_id = s->user_id,
                         .videos = c->videos,
                         .n_videos = c->n_videos};
    size_t n = 0;

    *ret_n = 0;
    if (s->q.sources && s->f.sources && !sources)
        return 0;
    if (c->sources) {
        sources = sources ? sources & c->sources : c->sources;
        if (!sources)
            return 0;
    }
    m.sources = sources;
    for (size_t t = 0; t < s->q.n_terms; t++) {
        if (c->terms & (1u << t))
            all[m.n_all++] = term_of(s, &s->q.terms[t]);
    }
    for (size_t i = 0; i < s->q.n_excluded; i++)
        none[m.n_none++] = s->q.excluded[i].words;
    ids = mem_try_calloc(s->scan_limit, sizeof(*ids));
    if (!ids)
        return err_set(e, ERR_UNAVAILABLE, "no memory for %zu candidates", s->scan_limit);
    if (db_search_scan(s->tx, &m, s->newest, s->scan_limit, ids, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct candidate one = {
            .text_id = ids[i], .terms = c->terms, .about = c->sources == ABOUT_SOURCES};
        VEC_PUSH(&s->candidates, one);
    }
    *ret_n = n;
    if (n == s->scan_limit) {
        s->more = true;
        *ret_last = ids[n - 1];
    }
    return 0;
}

static int scan_own(struct search *s, uint32_t terms, unsigned sources, size_t *ret_n,
                    int64_t *ret_last, struct err *e)
{
    struct scan c = {
        .terms = terms, .sources = sources, .videos = s->videos, .n_videos = s->n_videos};

    return scan(s, &c, ret_n, ret_last, e);
}

/* All texts of these terms, and when they are more than will be read, those that describe videos
 * apart. */
static int scan_both(struct search *s, uint32_t terms, size_t *ret_n, int64_t *ret_last,
                     struct err *e)
{
    size_t n_about;
    int64_t ignored;

    if (scan_own(s, terms, 0, ret_n, ret_last, e) < 0)
        return -1;
    return *ret_n <= s->ranked_max ? 0 : scan_own(s, terms, ABOUT_SOURCES, &n_about, &ignored, e);
}

int retrieve_exists(struct search *s, const struct query_phrase *p, struct err *e)
{
    struct db_term term = {.any = &p->words, .n = 1};
    struct db_match m = {.all = &term, .n_all = 1, .user_id = s->user_id};
    int64_t id;
    size_t n;

    if (db_search_scan(s->tx, &m, s->newest, 1, &id, &n, e) < 0)
        return -1;
    return n > 0;
}

/* ---- candidates ---- */

static int newest_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return x->text_id > y->text_id ? -1 : x->text_id < y->text_id;
}

static int by_chance(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->chance != y->chance)
        return x->chance > y->chance ? -1 : 1;
    return newest_first(a, b);
}

/* One entry a text, best chance first. */
static void settle(struct search *s)
{
    size_t n = 0;

    if (s->candidates.n == 0)
        return;
    qsort(s->candidates.p, s->candidates.n, sizeof(*s->candidates.p), newest_first);
    VEC_FOREACH (&s->candidates, c) {
        if (n && s->candidates.p[n - 1].text_id == c->text_id) {
            s->candidates.p[n - 1].terms |= c->terms;
            s->candidates.p[n - 1].about |= c->about;
        } else {
            s->candidates.p[n++] = *c;
        }
    }
    s->candidates.n = n;
    VEC_FOREACH (&s->candidates, c) {
        for (size_t t = 0; t < s->q.n_terms; t++)
            c->chance += c->terms & (1u << t) ? s->idf[t] : 0;
        c->chance *= c->about ? 1.5 : 1;
    }
    qsort(s->candidates.p, s->candidates.n, sizeof(*s->candidates.p), by_chance);
}

/* How rare a term is: of all texts ever, those that have it. A scan that ended at its limit is
 * stretched. */
static double idf_of(const struct search *s, size_t found, int64_t last)
{
    double all = (double)s->newest, df = (double)found;

    if (found == s->scan_limit && s->newest > last)
        df *= all / (double)(s->newest - last + 1);
    df = MIN(df, all);
    return MAX(log(1 + (all - df + 0.5) / (df + 0.5)), 0.05);
}

/* Each term by itself; bits of those that nothing has. */
static int scan_terms(struct search *s, uint32_t *ret_unknown, struct err *e)
{
    uint32_t unknown = 0;

    for (size_t t = 0; t < s->q.n_terms; t++) {
        size_t n = 0;
        int64_t last = 0;
        if (scan_both(s, 1u << t, &n, &last, e) < 0)
            return -1;
        s->idf[t] = idf_of(s, n, last);
        if (n == 0)
            unknown |= 1u << t;
        if (n == s->scan_limit)
            s->frequent |= 1u << t;
    }
    *ret_unknown = unknown;
    return 0;
}

static int scan_all(struct search *s, uint32_t *ret_unknown, struct err *e)
{
    const uint32_t every = (uint32_t)((UINT64_C(1) << s->q.n_terms) - 1);
    size_t n = 0;
    int64_t last = 0;

    s->candidates.n = 0;
    s->more = s->partial = false;
    s->frequent = 0;
    for (size_t t = 0; t < s->q.n_terms; t++)
        s->idf[t] = 1;
    if (scan_both(s, every, &n, &last, e) < 0)
        return -1;
    *ret_unknown = n ? 0 : every;
    if (n >= ENOUGH || s->q.n_terms == 1)
        return 0;
    s->partial = true;
    return scan_terms(s, ret_unknown, e);
}

int retrieve_candidates(struct search *s, struct err *e)
{
    uint32_t unknown;

    if (s->nothing || s->q.n_terms == 0)
        return 0;
    if (scan_all(s, &unknown, e) < 0)
        return -1;
    if (unknown && s->spelling) {
        int r = spell_terms(s, unknown, e);
        if (r < 0 || (r > 0 && scan_all(s, &unknown, e) < 0))
            return -1;
    }
    settle(s);
    return 0;
}

/* ---- passages ---- */

/* A text that was read becomes a passage if its video is wanted. */
static int take(struct search *s, const struct db_found_text *t, struct err *e)
{
    struct passage *p = ARENA_NEW(s->a, struct passage);
    struct met_video *m;

    if (filter_meet(s, t->video_id, &m, e) < 0)
        return -1;
    p->text = *t;
    p->video = m;
    if (m->wanted && passage_score(s, p))
        VEC_PUSH(&s->passages, p);
    return 0;
}

/* The best candidates, until as many as are ranked are passages or none is left. */
static int take_best(struct search *s, struct err *e)
{
    size_t most = s->passages.n + s->ranked_max, n;

    for (size_t at = 0; at < s->candidates.n; at += n) {
        struct db_found_text texts[READ_BATCH];
        int64_t ids[READ_BATCH];
        size_t n_texts;

        if (s->passages.n >= most) {
            s->more = true;
            return 0;
        }
        n = MIN(MIN(s->candidates.n - at, most - s->passages.n), (size_t)READ_BATCH);
        for (size_t i = 0; i < n; i++)
            ids[i] = s->candidates.p[at + i].text_id;
        if (db_search_read(s->tx, s->a, ids, n, texts, &n_texts, e) < 0)
            return -1;
        for (size_t i = 0; i < n_texts; i++) {
            if (take(s, &texts[i], e) < 0)
                return -1;
        }
    }
    return 0;
}

/* Videos that rare terms led to, at most DB_SEARCH_VIDEOS_MAX, those with the best passages. */
static size_t rare_videos(struct search *s, const char **out)
{
    CLEANUP(map_free) struct map *seen = map_new();
    size_t n = 0;

    VEC_FOREACH (&s->passages, p) { /* in order of chance */
        const char *id = (*p)->video->v.video_id;
        if (n == DB_SEARCH_VIDEOS_MAX)
            break;
        if (((*p)->terms & ~s->frequent) && !map_set(seen, str_of(id), s))
            out[n++] = id;
    }
    return n;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Leaves the candidates that are no passage yet. */
static void drop_taken(struct search *s)
{
    CLEANUP_FREE int64_t *taken = xcalloc(s->passages.n + 1, sizeof(*taken));
    size_t n = 0;

    for (size_t i = 0; i < s->passages.n; i++)
        taken[i] = s->passages.p[i]->text.text_id;
    qsort(taken, s->passages.n, sizeof(*taken), by_id);
    VEC_FOREACH (&s->candidates, c) {
        if (!bsearch(&c->text_id, taken, s->passages.n, sizeof(*taken), by_id))
            s->candidates.p[n++] = *c;
    }
    s->candidates.n = n;
}

/* Step 3: the frequent terms within the videos of the rare ones. */
static int take_frequent(struct search *s, struct err *e)
{
    const char *videos[DB_SEARCH_VIDEOS_MAX];
    struct scan c = {.videos = videos, .n_videos = rare_videos(s, videos)};
    size_t n;
    int64_t ignored;

    if (c.n_videos == 0)
        return 0;
    s->candidates.n = 0;
    for (size_t t = 0; t < s->q.n_terms; t++) {
        c.terms = 1u << t;
        if ((s->frequent & c.terms) && scan(s, &c, &n, &ignored, e) < 0)
            return -1;
    }
    settle(s);
    drop_taken(s);
    return take_best(s, e);
}

/* Videos that what describes them excludes. */
static int drop_excluded(struct search *s, struct err *e)
{
    CLEANUP_FREE int64_t *ids = NULL;
    const char *videos[DB_SEARCH_VIDEOS_MAX];
    struct db_phrase any[QUERY_EXCLUDED_MAX];
    struct db_term term = {.any = any, .n = s->q.n_excluded};
    struct db_match m = {.all = &term,
                         .n_all = 1,
                         .sources = ABOUT_SOURCES,
                         .user_id = s->user_id,
                         .videos = videos};
    size_t it = 0, n;
    struct str key;
    void *value;
    bool again = true;

    for (size_t i = 0; i < s->q.n_excluded; i++)
        any[i] = s->q.excluded[i].words;
    ids = mem_try_calloc(s->scan_limit, sizeof(*ids));
    if (!ids)
        return err_set(e, ERR_UNAVAILABLE, "no memory for %zu candidates", s->scan_limit);
    while (again) {
        m.n_videos = 0;
        while (m.n_videos < DB_SEARCH_VIDEOS_MAX && (again = map_next(s->met, &it, &key, &value)))
            videos[m.n_videos++] = ((struct met_video *)value)->v.video_id;
        if (m.n_videos == 0)
            break;
        if (db_search_scan(s->tx, &m, s->newest, s->scan_limit, ids, &n, e) < 0)
            return -1;
        for (size_t at = 0; at < n; at += READ_BATCH) {
            struct db_found_text texts[READ_BATCH];
            size_t n_texts;
            if (db_search_read(s->tx, s->a, ids + at, MIN(n - at, (size_t)READ_BATCH), texts,
                               &n_texts, e) < 0)
                return -1;
            for (size_t i = 0; i < n_texts; i++) {
                struct met_video *v = map_get(s->met, str_of(texts[i].video_id));
                if (v)
                    v->wanted = false;
            }
        }
    }
    n = 0;
    VEC_FOREACH (&s->passages, p) {
        if ((*p)->video->wanted)
            s->passages.p[n++] = *p;
    }
    s->passages.n = n;
    return 0;
}

int retrieve_passages(struct search *s, struct err *e)
{
    if (take_best(s, e) < 0 || (s->frequent && take_frequent(s, e) < 0))
        return -1;
    return s->q.n_excluded ? drop_excluded(s, e) : 0;
}
