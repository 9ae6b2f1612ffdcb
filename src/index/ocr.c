/*
 * Lines over time. Pictures are walked in order; each line goes on with the track it fits best or
 * begins one; a track that was not seen for two pictures is closed. Work is bounded a picture
 * (OCR_LINES_MAX, OCR_PICTURE_BYTES_MAX), memory by what is kept: the distinct texts of each track.
 */
#include "index/ocr.h"

#include <inttypes.h>

#include "index/edit.h"
#include "index/ocr_priv.h"

#define IOU_MIN            (1.0 / 3)
#define SAME_PLACE_TENTHS  3 /* characters that may differ, of 10 */
#define SAME_BOX_IOU       0.7
#define SAME_BOX_TENTHS    5
#define MOVED_TENTHS       1
#define MOVED_CHARS_MIN    4
#define MISSED_MAX         1   /* pictures in between without the line */
#define VOTE_DISTANCE_MAX  64  /* texts that differ by more count as so far apart */
#define FIGURES_CONFIDENCE 0.6 /* of two readings whose figures are believed */
#define FRAME_US_DEFAULT   40000

struct vote {
    struct reading *r; /* the most confident with this text */
    double weight;
    int n;
};
struct track {
    struct reading last;
    size_t first_picture, last_picture;
    VEC(struct vote) votes;
    int n_readings;
    bool taken; /* by a line of the picture at hand */
};
struct pair {
    double score;
    uint32_t line, track;
};
struct merger {
    struct arena *a;
    const struct ocr_input *in;
    const struct ocr_picture *pictures;
    size_t n_pictures;
    struct folded scratch;
    struct reading lines[OCR_LINES_MAX]; /* of the picture at hand */
    size_t n_lines;
    VEC(struct track) open;
    VEC(struct pair) pairs;
    VEC(struct text_span) done;
};

static void track_finish(struct track *t)
{
    VEC_FINISH(&t->votes);
}

static void merger_finish(struct merger *m)
{
    VEC_FOREACH (&m->open, t)
        track_finish(t);
    VEC_FINISH(&m->open);
    VEC_FINISH(&m->pairs);
    VEC_FINISH(&m->done);
    fold_finish(&m->scratch);
}

/* ---- is it the same line? ---- */

static bool is_figure(uint32_t c)
{
    return c >= '0' && c <= '9'; /* of any script, after folding */
}

static double iou(const struct reading *a, const struct reading *b)
{
    double left = MAX(a->x, b->x), right = MIN((double)a->x + a->w, (double)b->x + b->w);
    double top = MAX(a->y, b->y), bottom = MIN((double)a->y + a->h, (double)b->y + b->h);

    if (right <= left || bottom <= top)
        return 0;
    double both = (right - left) * (bottom - top);
    return both / ((double)a->w * a->h + (double)b->w * b->h - both);
}

/* A clock that moved on, another score: letters may be misread, but of figures that were read well
 * the others are others. */
static bool other_figures(const struct reading *a, const struct reading *b)
{
    size_t i = 0, j = 0;

    if (MIN(a->confidence, b->confidence) < FIGURES_CONFIDENCE)
        return false;
    for (;; i++, j++) {
        while (i < a->n_chars && !is_figure(a->chars[i]))
            i++;
        while (j < b->n_chars && !is_figure(b->chars[j]))
            j++;
        if (i == a->n_chars || j == b->n_chars)
            return i != a->n_chars || j != b->n_chars;
        if (a->chars[i] != b->chars[j])
            return true;
    }
}

/* 0..1 how well they fit, negative when they are not the same line */
static double fit(const struct reading *a, const struct reading *b)
{
    double overlap = iou(a, b);
    size_t longer = MAX(a->n_chars, b->n_chars), shorter = MIN(a->n_chars, b->n_chars);
    size_t tenths = overlap >= SAME_BOX_IOU ? SAME_BOX_TENTHS
                    : overlap >= IOU_MIN    ? SAME_PLACE_TENTHS
                                            : MOVED_TENTHS;
    size_t most = longer * tenths / 10;

    if ((overlap < IOU_MIN && shorter < MOVED_CHARS_MIN) || longer - shorter > most ||
        other_figures(a, b))
        return -1;
    size_t d = edit_distance(a->chars, a->n_chars, b->chars, b->n_chars, most);
    if (d > most)
        return -1;
    return 0.5 * (1 - (double)d / (double)longer) + 0.5 * overlap;
}

static int by_score(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->track != y->track)
        return x->track < y->track ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* ---- tracks ---- */

static bool same_chars(const struct reading *a, const struct reading *b)
{
    return a->n_chars == b->n_chars &&
           memcmp(a->chars, b->chars, a->n_chars * sizeof(*a->chars)) == 0;
}

static void track_add(struct merger *m, struct track *t, size_t picture, const struct reading *r)
{
    t->last = *r;
    t->last_picture = picture;
    t->n_readings++;
    VEC_FOREACH (&t->votes, v) {
        if (strcmp(v->r->text, r->text) != 0)
            continue;
        v->weight += r->confidence;
        v->n++;
        if (r->confidence > v->r->confidence)
            *v->r = *r;
        return;
    }
    if (t->votes.n == OCR_READINGS_MAX)
        return;
    struct reading *kept = ARENA_NEW(m->a, struct reading);
    *kept = *r;
    struct vote vote = {.r = kept, .weight = r->confidence, .n = 1};
    VEC_PUSH(&t->votes, vote);
}

/* The text nearest to all others, and the mean confidence of those that say the same. */
static const struct reading *elect(struct track *t, double *ret_confidence)
{
    const struct reading *best = t->votes.p[0].r;
    double best_cost = -1, weight = 0;
    int n = 0;

    VEC_FOREACH (&t->votes, v) {
        double cost = 0;
        VEC_FOREACH (&t->votes, other) {
            if (!same_chars(v->r, other->r))
                cost += other->weight * (double)edit_distance(v->r->chars, v->r->n_chars,
                                                              other->r->chars, other->r->n_chars,
                                                              VOTE_DISTANCE_MAX);
            else if (v != other) /* same words, other spelling: the one with more votes */
                cost += 0.01 * other->weight;
        }
        if (best_cost < 0 || cost < best_cost) {
            best_cost = cost;
            best = v->r;
        }
    }
    VEC_FOREACH (&t->votes, v) {
        if (same_chars(v->r, best)) {
            weight += v->weight;
            n += v->n;
        }
    }
    *ret_confidence = weight / n;
    return best;
}

/* Was a picture near this one read too? */
static bool has_neighbour(const struct merger *m, size_t picture)
{
    const struct ocr_picture *p = m->pictures + picture;

    return (picture > 0 && p->pts_us - p[-1].pts_us <= 2 * m->in->interval_us) ||
           (picture + 1 < m->n_pictures && p[1].pts_us - p->pts_us <= 2 * m->in->interval_us);
}

static bool is_noise(const struct merger *m, const struct track *t, const struct reading *r,
                     double confidence)
{
    if (confidence < OCR_SPAN_CONFIDENCE_MIN)
        return true;
    if (t->n_readings > 1)
        return false;
    if (r->is_short && confidence < OCR_SHORT_CONFIDENCE_MIN)
        return true;
    return confidence < OCR_ONCE_CONFIDENCE_MIN && has_neighbour(m, t->first_picture);
}

static int scaled(double scale, int v)
{
    double s = v * scale;

    return (int)CLAMP(s + 0.5, 0.0, 1e9);
}

static void track_close(struct merger *m, struct track *t)
{
    double confidence, scale = m->in->scale > 0 ? m->in->scale : 1;
    const struct reading *r = elect(t, &confidence);
    const struct ocr_picture *first = &m->pictures[t->first_picture];
    const struct ocr_picture *last = &m->pictures[t->last_picture];
    int64_t end_us = last->end_us;

    if (!is_noise(m, t, r, confidence)) {
        if (m->in->end_us > 0)
            end_us = MIN(end_us, m->in->end_us);
        struct text_span span = {
            .source = TEXT_OCR,
            .start_us = first->pts_us,
            .end_us = MAX(end_us, first->pts_us),
            .start_frame = first->frame,
            .end_frame = MAX(last->end_frame, first->frame),
            .x = scaled(scale, r->x),
            .y = scaled(scale, r->y),
            .width = scaled(scale, r->w),
            .height = scaled(scale, r->h),
            .confidence = confidence,
            .text = r->text,
        };
        VEC_PUSH(&m->done, span);
    }
    track_finish(t);
}

/* ---- one picture ---- */

static int by_confidence(const void *a, const void *b)
{
    const struct ocr_line *x = *(const struct ocr_line *const *)a;
    const struct ocr_line *y = *(const struct ocr_line *const *)b;

    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The lines of a picture that are not noise, the most confident ones if there are too many. */
static void read_lines(struct merger *m, const struct ocr_line *lines, size_t n)
{
    CLEANUP_FREE const struct ocr_line **order = xcalloc(n + 1, sizeof(struct ocr_line *));
    size_t bytes = 0, n_order = 0;

    for (size_t i = 0; i < n; i++) {
        if (lines[i].confidence >= OCR_READ_CONFIDENCE_MIN)
            order[n_order++] = &lines[i];
    }
    qsort(order, n_order, sizeof(*order), by_confidence);
    m->n_lines = 0;
    for (size_t i = 0; i < n_order && m->n_lines < OCR_LINES_MAX; i++) {
        struct reading *r = &m->lines[m->n_lines];
        if (!ocr_read_line(m->a, &m->scratch, order[i], r))
            continue;
        bytes += strlen(r->text);
        if (bytes > OCR_PICTURE_BYTES_MAX)
            break;
        m->n_lines++;
    }
}

static bool still_open(const struct merger *m, const struct track *t, size_t picture)
{
    const struct ocr_picture *last = &m->pictures[t->last_picture], *now = &m->pictures[picture];

    return picture - t->last_picture <= 1 + MISSED_MAX &&
           now->pts_us - last->end_us <= m->in->interval_us * (1 + 2 * MISSED_MAX) / 2;
}

static void close_old(struct merger *m, size_t picture)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->open.n; i++) {
        struct track *t = &m->open.p[i];
        if (still_open(m, t, picture)) {
            t->taken = false;
            m->open.p[kept++] = *t;
        } else {
            track_close(m, t);
        }
    }
    m->open.n = kept;
}

static void take_picture(struct merger *m, size_t picture, const struct ocr_line *lines, size_t n)
{
    bool used[OCR_LINES_MAX] = {false};

    close_old(m, picture);
    read_lines(m, lines, n);
    m->pairs.n = 0;
    for (uint32_t l = 0; l < m->n_lines; l++) {
        for (uint32_t t = 0; t < m->open.n; t++) {
            double score = fit(&m->lines[l], &m->open.p[t].last);
            struct pair p = {.score = score, .line = l, .track = t};
            if (score >= 0)
                VEC_PUSH(&m->pairs, p);
        }
    }
    if (m->pairs.n)
        qsort(m->pairs.p, m->pairs.n, sizeof(*m->pairs.p), by_score);
    VEC_FOREACH (&m->pairs, p) {
        struct track *t = &m->open.p[p->track];
        if (used[p->line] || t->taken)
            continue;
        used[p->line] = t->taken = true;
        track_add(m, t, picture, &m->lines[p->line]);
    }
    for (size_t l = 0; l < m->n_lines; l++) {
        struct track t = {.first_picture = picture, .taken = true};
        if (used[l])
            continue;
        track_add(m, &t, picture, &m->lines[l]);
        VEC_PUSH(&m->open, t);
    }
}

/* ---- the whole ---- */

/* Pictures as far as the lines tell of them. */
static void guess_pictures(struct merger *m)
{
    const struct ocr_input *in = m->in;
    const int64_t frame_us = in->frame_us > 0 ? in->frame_us : FRAME_US_DEFAULT;
    struct ocr_picture *p = ARENA_ARRAY(m->a, struct ocr_picture, in->n_lines + 1);
    size_t n = 0;

    for (size_t i = 0; i < in->n_lines; i++) {
        if (n && p[n - 1].pts_us == in->lines[i].pts_us)
            continue;
        p[n++] = (struct ocr_picture){.frame = in->lines[i].frame, .pts_us = in->lines[i].pts_us};
    }
    for (size_t i = 0; i < n; i++) {
        int64_t stands_us = in->interval_us;
        if (i + 1 < n && p[i + 1].pts_us - p[i].pts_us <= stands_us) {
            p[i].end_us = p[i + 1].pts_us;
            p[i].end_frame = p[i + 1].frame;
            continue;
        }
        p[i].end_us = p[i].pts_us + stands_us;
        if (in->end_us > 0)
            p[i].end_us = MAX(MIN(p[i].end_us, in->end_us), p[i].pts_us);
        p[i].end_frame = p[i].frame + (p[i].end_us - p[i].pts_us + frame_us / 2) / frame_us;
    }
    m->pictures = p;
    m->n_pictures = n;
}

static int by_place(const void *a, const void *b)
{
    const struct text_span *x = a, *y = b;

    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    if (x->y != y->y)
        return x->y < y->y ? -1 : 1;
    if (x->x != y->x)
        return x->x < y->x ? -1 : 1;
    return strcmp(x->text, y->text);
}

static int check_input(const struct ocr_input *in, struct err *e)
{
    if (in->interval_us <= 0)
        return err_set(e, ERR_INTERNAL, "interval of pictures is %" PRId64 " us", in->interval_us);
    for (size_t i = 1; i < in->n_lines; i++) {
        if (in->lines[i].pts_us < in->lines[i - 1].pts_us)
            return err_set(e, ERR_INTERNAL, "line %zu is before the one before it", i);
    }
    for (size_t i = 1; in->pictures && i < in->n_pictures; i++) {
        if (in->pictures[i].pts_us <= in->pictures[i - 1].pts_us)
            return err_set(e, ERR_INTERNAL, "picture %zu is not behind the one before it", i);
    }
    return 0;
}

int ocr_merge(struct arena *a, const struct ocr_input *in, struct text_span **ret, size_t *ret_n,
              struct err *e)
{
    CLEANUP_FREE struct merger *m = NULL;
    size_t at = 0;

    if (check_input(in, e) < 0)
        return -1;
    m = XNEW(struct merger);
    m->a = a;
    m->in = in;
    m->pictures = in->pictures;
    m->n_pictures = in->pictures ? in->n_pictures : 0;
    if (!m->pictures)
        guess_pictures(m);
    for (size_t p = 0; p < m->n_pictures; p++) {
        size_t first = at;
        while (at < in->n_lines && in->lines[at].pts_us == m->pictures[p].pts_us)
            at++;
        take_picture(m, p, in->lines + first, at - first);
    }
    if (at < in->n_lines) {
        merger_finish(m);
        return err_set(e, ERR_INTERNAL, "line %zu is of no picture that was read", at);
    }
    while (m->open.n)
        track_close(m, &m->open.p[--m->open.n]);

    struct text_span *spans = ARENA_ARRAY(a, struct text_span, m->done.n + 1);
    if (m->done.n) {
        memcpy(spans, m->done.p, m->done.n * sizeof(*spans));
        qsort(spans, m->done.n, sizeof(*spans), by_place);
    }
    *ret = spans;
    *ret_n = m->done.n;
    merger_finish(m);
    return 0;
}
