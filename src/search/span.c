/* Passages of a video that lie near each other become one span with one score. */
#include <math.h>

#include "search/search_priv.h"

#define TOGETHER_SHARE  0.25 /* of a score with all terms: how close they stand */
#define ALL_TERMS_FLOOR 0.5

static bool is_background(const struct passage *p)
{
    return p->text.end_us - p->text.start_us > SEARCH_BACKGROUND_US;
}

/* 0 about the video, 1 moments, 2 background: the order in which a video's passages are walked. */
static int layer(const struct passage *p)
{
    return is_about(p->text.source) ? 0 : is_background(p) ? 2 : 1;
}

static int by_video_and_time(const void *a, const void *b)
{
    const struct passage *x = *(struct passage *const *)a, *y = *(struct passage *const *)b;
    int r = strcmp(x->text.video_id, y->text.video_id);

    if (r)
        return r;
    if (layer(x) != layer(y))
        return layer(x) - layer(y);
    if (x->text.start_us != y->text.start_us)
        return x->text.start_us < y->text.start_us ? -1 : 1;
    return x->text.text_id < y->text.text_id ? -1 : x->text.text_id > y->text.text_id;
}

static int by_worth(const void *a, const void *b)
{
    const struct passage *x = *(struct passage *const *)a, *y = *(struct passage *const *)b;

    if (x->worth != y->worth)
        return x->worth > y->worth ? -1 : 1;
    return x->text.text_id < y->text.text_id ? -1 : x->text.text_id > y->text.text_id;
}

/*
 * The mean over terms, weighted by rarity, of how sure each is there. Of one source the best
 * passage counts, so a line that is read again and again gains nothing; sources that agree do: 1 -
 * product of (1 - strength).
 */
static int64_t score(const struct search *s, struct span *sp)
{
    const uint32_t every = (uint32_t)((UINT64_C(1) << s->q.n_terms) - 1);
    double sum = 0, weight = 0, together = 0;
    uint32_t found = 0, exact = 0;

    for (size_t i = 0; i < sp->n; i++) {
        found |= sp->passages[i]->terms;
        exact |= sp->passages[i]->terms & ~sp->passages[i]->fuzzy;
        together = MAX(together, sp->passages[i]->together);
    }
    for (size_t t = 0; t < s->q.n_terms; t++) {
        double best[TEXT_SOURCE_N] = {0}, doubt = 1;
        for (size_t i = 0; i < sp->n; i++) {
            double *b = &best[sp->passages[i]->text.source];
            *b = MAX(*b, sp->passages[i]->strength[t]);
        }
        for (int k = 0; k < TEXT_SOURCE_N; k++)
            doubt *= 1 - best[k];
        sum += s->idf[t] * (1 - doubt);
        weight += s->idf[t];
    }
    double mean = sum / weight, result;
    sp->all_terms = found == every;
    if (s->q.n_terms > 1)
        mean = (1 - TOGETHER_SHARE) * mean + TOGETHER_SHARE * together;
    if (exact == every)
        result = ALL_TERMS_FLOOR + (1 - ALL_TERMS_FLOOR) * mean;
    else
        result = ALL_TERMS_FLOOR * mean;
    return (int64_t)llround(CLAMP(result * s->text_weight, 0.0, 1.0) * SCORE_UNIT);
}

struct builder {
    struct search *s;
    struct passage **about, **moments, **backs; /* of the video at hand */
    size_t n_about, n_moments, n_backs;
};

static bool overlaps(const struct passage *p, int64_t start_us, int64_t end_us)
{
    return p->text.start_us < end_us && p->text.end_us > start_us;
}

/* A span of n passages and of what else holds there. */
static void add_span(struct builder *b, struct passage **passages, size_t n, bool whole)
{
    struct span sp = {
        .video = passages[0]->video, .start_frame = -1, .end_frame = -1, .whole_video = whole};
    struct passage **all = ARENA_ARRAY(b->s->a, struct passage *, n + b->n_backs + b->n_about);
    size_t n_all = 0;

    sp.start_us = passages[0]->text.start_us;
    for (size_t i = 0; i < n; i++) {
        const struct db_found_text *t = &passages[i]->text;
        all[n_all++] = passages[i];
        sp.start_us = MIN(sp.start_us, t->start_us);
        sp.end_us = MAX(sp.end_us, t->end_us);
        if (t->start_frame >= 0 && (sp.start_frame < 0 || t->start_frame < sp.start_frame))
            sp.start_frame = t->start_frame;
        sp.end_frame = MAX(sp.end_frame, t->end_frame);
    }
    for (size_t i = 0; !whole && i < b->n_backs; i++) {
        if (!is_background(passages[0]) && overlaps(b->backs[i], sp.start_us, sp.end_us))
            all[n_all++] = b->backs[i];
    }
    for (size_t i = 0; !whole && i < b->n_about; i++)
        all[n_all++] = b->about[i];
    qsort(all, n_all, sizeof(struct passage *), by_worth);
    sp.passages = all;
    sp.n = n_all;
    sp.score = score(b->s, &sp);
    VEC_PUSH(&b->s->spans, sp);
}

/* Passages in order of time: those within the gap belong together, up to the length of a
 * background. */
static void join(struct builder *b, struct passage **p, size_t n, int64_t gap_us, int64_t most_us)
{
    size_t end;

    for (size_t from = 0; from < n; from = end) {
        int64_t until_us = p[from]->text.end_us;
        for (end = from + 1; end < n; end++) {
            int64_t to_us = MAX(until_us, p[end]->text.end_us);
            if (p[end]->text.start_us > until_us + gap_us ||
                to_us - p[from]->text.start_us > most_us)
                break;
            until_us = to_us;
        }
        add_span(b, p + from, end - from, /* whole */ false);
    }
}

static bool is_covered(const struct builder *b, const struct passage *back)
{
    for (size_t i = 0; i < b->n_moments; i++) {
        if (overlaps(back, b->moments[i]->text.start_us, b->moments[i]->text.end_us))
            return true;
    }
    return false;
}

/* The passages of one video, by layer and time. */
static void take_video(struct search *s, struct passage **p, size_t n)
{
    struct builder b = {.s = s, .about = p};

    while (b.n_about < n && layer(p[b.n_about]) == 0)
        b.n_about++;
    b.moments = p + b.n_about;
    while (b.n_about + b.n_moments < n && layer(b.moments[b.n_moments]) == 1)
        b.n_moments++;
    b.backs = b.moments + b.n_moments;
    b.n_backs = n - b.n_about - b.n_moments;

    join(&b, b.moments, b.n_moments, s->join_gap_us, SEARCH_BACKGROUND_US);
    struct passage **alone = ARENA_ARRAY(s->a, struct passage *, b.n_backs);
    size_t n_alone = 0;
    for (size_t i = 0; i < b.n_backs; i++) {
        if (!is_covered(&b, b.backs[i]))
            alone[n_alone++] = b.backs[i];
    }
    join(&b, alone, n_alone, s->join_gap_us, INT64_MAX);
    if (b.n_moments == 0 && n_alone == 0)
        add_span(&b, b.about, b.n_about, /* whole */ true);
}

static int by_rank(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    int r =
        strcmp(y->video->v.video_id, x->video->v.video_id); /* ids rise with time: newest first */
    if (r)
        return r;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    return x->end_us < y->end_us ? -1 : x->end_us > y->end_us;
}

void make_spans(struct search *s)
{
    size_t n = s->passages.n, end;

    if (n == 0)
        return;
    qsort(s->passages.p, n, sizeof(struct passage *), by_video_and_time);
    for (size_t from = 0; from < n; from = end) {
        const char *video = s->passages.p[from]->text.video_id;
        for (end = from + 1; end < n && strcmp(s->passages.p[end]->text.video_id, video) == 0;)
            end++;
        take_video(s, s->passages.p + from, end - from);
    }
    qsort(s->spans.p, s->spans.n, sizeof(*s->spans.p), by_rank);
}
