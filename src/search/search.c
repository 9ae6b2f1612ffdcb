/*
 * One search: read the query, find candidates, read the best, join and rank, cut out the page.
 * Everything is made again for each page. What a cursor holds makes that come out the same: the
 * newest text that counts, and the rank of the last hit shown.
 */
#include "search/search.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "search/search_priv.h"

/* ---- set-up ---- */

static void search_finish(struct search *s)
{
    VEC_FINISH(&s->candidates);
    VEC_FINISH(&s->passages);
    VEC_FINISH(&s->spans);
    map_free(s->met);
    fold_finish(&s->folded);
}

static void set_up(struct search *s, const struct conf *conf, const struct search_filters *filters)
{
    if (filters)
        s->f = *filters;
    s->user_id = s->f.user_id && s->f.user_id[0] ? s->f.user_id : DB_LOCAL_USER;
    s->met = map_new();
    s->scan_max = (size_t)conf_int(conf, CONF_SEARCH_CANDIDATES);
    s->ranked_max = (size_t)conf_int(conf, CONF_SEARCH_RANKED);
    s->join_gap_us = conf_ms(conf, CONF_SEARCH_JOIN_GAP) * 1000;
    s->spelling = conf_bool(conf, CONF_SEARCH_SPELLING);
    s->text_weight = conf_double(conf, CONF_SEARCH_TEXT_WEIGHT);
    s->weight[TEXT_SPEECH] = conf_double(conf, CONF_SEARCH_SPEECH_WEIGHT);
    s->weight[TEXT_OCR] = conf_double(conf, CONF_SEARCH_SCREEN_WEIGHT);
    s->weight[TEXT_TITLE] = conf_double(conf, CONF_SEARCH_TITLE_WEIGHT);
    s->weight[TEXT_DESCRIPTION] = conf_double(conf, CONF_SEARCH_DESCRIPTION_WEIGHT);
    s->weight[TEXT_TAG] = conf_double(conf, CONF_SEARCH_TAG_WEIGHT);
    s->weight[TEXT_FILENAME] = conf_double(conf, CONF_SEARCH_FILENAME_WEIGHT);
}

static int check_filters(const struct search_filters *f, struct err *e)
{
    if (f->n_videos > SEARCH_FILTER_MAX || f->n_tags > SEARCH_FILTER_MAX)
        return err_set(e, ERR_USAGE, "a filter names more than %d videos or tags",
                       SEARCH_FILTER_MAX);
    if (f->created_from_ms < 0 || f->created_to_ms < 0 || f->duration_from_us < 0 ||
        f->duration_to_us < 0)
        return err_set(e, ERR_USAGE, "a filter's bound is negative");
    return 0;
}

static int page_size(const struct search_page *page, struct err *e)
{
    int limit = page ? page->limit : 0;

    if (limit < 0 || limit > SEARCH_PAGE_MAX)
        return err_set(e, ERR_USAGE, "a page has 1 to %d hits, not %d", SEARCH_PAGE_MAX, limit);
    return limit ? limit : SEARCH_PAGE_DEFAULT;
}

/* ---- cursors ---- */

/* Where a page ended: the last hit by its rank, in a search of this check and up to this text. */
struct cursor {
    int64_t newest, score, start_us, end_us;
    uint64_t check;
    char video_id[UUID_MAX];
};

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;

    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * UINT64_C(1099511628211); /* FNV-1a */
    return (h ^ 0x1f) * UINT64_C(1099511628211);
}

static uint64_t mix_z(uint64_t h, const char *z)
{
    return mix(h, z ? z : "", z ? strlen(z) : 0);
}

/* Tells two searches apart, so that a cursor is not used with another one. Not a secret: a made-up
 * cursor only shows another page of what its maker may see. */
static uint64_t check_of(const struct search *s)
{
    const struct search_filters *f = &s->f;
    const int64_t numbers[] = {f->sources,           f->states,           f->created_from_ms,
                               f->created_to_ms,     f->duration_from_us, f->duration_to_us,
                               f->project_id != NULL};
    uint64_t h = mix(UINT64_C(14695981039346656037), s->q.text.p, s->q.text.n);

    h = mix_z(h, s->user_id);
    h = mix(h, numbers, sizeof(numbers));
    h = mix_z(h, f->project_id);
    for (size_t i = 0; i < f->n_videos; i++)
        h = mix_z(h, f->videos[i]);
    h = mix(h, "|", 1);
    for (size_t i = 0; i < f->n_tags; i++)
        h = mix_z(h, f->tags[i]);
    return h;
}

static const char *cursor_make_(struct search *s, const struct span *last)
{
    return arena_printf(s->a, "%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%016" PRIx64 ".%s",
                        (uint64_t)s->newest, (uint64_t)last->score, (uint64_t)last->start_us,
                        (uint64_t)last->end_us, check_of(s), last->video->v.video_id);
}

static bool read_hex(struct str *rest, uint64_t *ret)
{
    struct str part;
    uint64_t v = 0;

    if (!str_cut(rest, '.', &part) || part.n == 0 || part.n > 16)
        return false;
    for (size_t i = 0; i < part.n; i++) {
        char c = part.p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        v = v << 4 | (uint64_t)digit;
    }
    *ret = v;
    return true;
}

static int cursor_read_(const struct search *s, const char *text, struct cursor *ret, struct err *e)
{
    struct str rest = str_of(text);
    uint64_t n[5];

    for (size_t i = 0; i < ARRAY_LEN(n); i++) {
        if (!read_hex(&rest, &n[i]))
            goto wrong;
    }
    if (n[4] != check_of(s) || n[0] > INT64_MAX || n[1] > SCORE_UNIT || n[2] > INT64_MAX ||
        n[3] > INT64_MAX || rest.n == 0 || rest.n >= UUID_MAX)
        goto wrong;
    *ret = (struct cursor){.newest = (int64_t)n[0],
                           .score = (int64_t)n[1],
                           .start_us = (int64_t)n[2],
                           .end_us = (int64_t)n[3],
                           .check = n[4]};
    memcpy(ret->video_id, rest.p, rest.n);
    return 0;
wrong:
    err_set(e, ERR_USAGE, "'%.80s' is not a cursor of this search", text);
    return err_plain(e, "This page belongs to another search.",
                     "Search again from the first page.");
}

/* Is the span behind the hit that the cursor names? The order is that of by_rank() in span.c. */
static bool is_behind(const struct span *sp, const struct cursor *c)
{
    if (sp->score != c->score)
        return sp->score < c->score;
    int r = strcmp(sp->video->v.video_id, c->video_id);
    if (r)
        return r < 0;
    if (sp->start_us != c->start_us)
        return sp->start_us > c->start_us;
    return sp->end_us > c->end_us;
}

/* ---- the page ---- */

static void show_hit(struct search *s, const struct span *sp, struct search_hit *ret)
{
    *ret = (struct search_hit){
        .video_id = sp->video->v.video_id,
        .title = sp->video->v.title,
        .filename = sp->video->v.filename,
        .state = video_state_name(sp->video->v.state),
        .start_us = sp->start_us,
        .end_us = sp->end_us,
        .start_frame = sp->start_frame,
        .end_frame = sp->end_frame,
        .whole_video = sp->whole_video,
        .all_terms = sp->all_terms,
        .score = (double)sp->score / SCORE_UNIT,
    };
    show_evidence(s, sp, ret);
}

static void show_terms(struct search *s, struct search_result *ret)
{
    const char **terms = ARENA_ARRAY(s->a, const char *, s->q.n_terms + 1);

    for (size_t i = 0; i < s->q.n_terms; i++)
        terms[i] = s->q.terms[i].label;
    ret->terms = terms;
    ret->n_terms = s->q.n_terms;
}

static void cut_page(struct search *s, const struct cursor *after, int limit,
                     struct search_result *ret)
{
    size_t from = 0, n;

    while (after && from < s->spans.n && !is_behind(&s->spans.p[from], after))
        from++;
    n = MIN(s->spans.n - from, (size_t)limit);
    struct search_hit *hits = ARENA_ARRAY(s->a, struct search_hit, n);
    for (size_t i = 0; i < n; i++)
        show_hit(s, &s->spans.p[from + i], &hits[i]);
    ret->hits = hits;
    ret->n = n;
    ret->total = (int64_t)s->spans.n;
    ret->total_is_least = s->more && s->spans.n > 0;
    if (from + n < s->spans.n)
        ret->next_cursor = cursor_make_(s, &s->spans.p[from + n - 1]);
    show_terms(s, ret);
    ret->note = s->q.note;
    if (s->spans.n) {
        ret->hint = s->hint;
        ret->corrected = s->corrected;
    }
}

static int answer(struct search *s, const struct search_page *page, struct search_result *ret,
                  struct err *e)
{
    struct cursor after;
    bool goes_on = page && page->cursor && page->cursor[0];
    int limit = page_size(page, e);

    if (limit < 0 || check_filters(&s->f, e) < 0)
        return -1;
    if (goes_on && cursor_read_(s, page->cursor, &after, e) < 0)
        return -1;
    if (db_search_newest(s->tx, &s->newest, e) < 0)
        return -1;
    if (goes_on)
        s->newest = MIN(s->newest, after.newest);
    if (filter_prepare(s, e) < 0 || retrieve_candidates(s, e) < 0 || retrieve_passages(s, e) < 0)
        return -1;
    make_spans(s);
    cut_page(s, goes_on ? &after : NULL, limit, ret);
    return 0;
}

/* History is a convenience: when it can not be kept, the answer still counts. */
static void remember(struct db *db, const struct search *s, const struct search_result *r)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    if (db_begin(db, DB_WRITE, &tx, &e) < 0 ||
        db_search_remember(tx, s->user_id, s->q.text, r->total, r->took_us, &e) < 0 ||
        db_commit(tx, &e) < 0)
        log_warn(NULL, "search_history_failed error=%s, continuing", LOGZ(e.text));
}

void search_result_free(struct search_result *r)
{
    if (r)
        arena_free(r->arena);
}

int search_run(struct db *db, const struct conf *conf, struct str query,
               const struct search_filters *filters, const struct search_page *page,
               struct search_result **ret, struct err *e)
{
    int64_t began_us = clock_mono_us();
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct search_result *r = ARENA_NEW(a, struct search_result);
    struct search s = {.a = a};
    bool first = !page || !page->cursor || !page->cursor[0];

    set_up(&s, conf, filters);
    query_parse(a, query, &s.q);
    int failed = db_begin(db, DB_READ, &s.tx, e);
    if (failed == 0)
        failed = answer(&s, page, r, e);
    db_rollback(s.tx);
    r->took_us = clock_mono_us() - began_us;
    if (failed == 0 && first && s.q.n_terms && conf_bool(conf, CONF_SEARCH_HISTORY))
        remember(db, &s, r);
    search_finish(&s);
    if (failed < 0)
        return err_wrap(e, "search");
    r->arena = STEAL(a);
    *ret = r;
    return 0;
}
