/*
 * Frames in, transitions out.
 *
 * CONTENT compares the score of each frame with a threshold and passes what exceeds it through
 * PySceneDetect's merging filter. ADAPTIVE remembers the last 256 frames, lets shots_cut.c and
 * shots_gradual.c put events into a short queue, and takes them out again when no later frame can
 * change them: hard cuts that turned out to lie inside a fade are gone by then, a fade-out has met
 * its fade-in or has not.
 */
#include "vision/shots_priv.h"

#include <stdlib.h>
#include <string.h>

#define CONTENT_THRESHOLD  27.0
#define ADAPTIVE_THRESHOLD 3.0
#define GAP_MAX                                                                                    \
    64 /* frames of black between two shots that still count as their transition, at most */

static int64_t gap_max(const struct shots *s)
{
    return MIN(s->o.min_length, GAP_MAX);
}

const char *shots_kind_name(enum shots_kind kind)
{
    static const char *const names[] = {
        [SHOTS_CUT] = "cut",   [SHOTS_DISSOLVE] = "dissolve", [SHOTS_WIPE] = "wipe",
        [SHOTS_FADE] = "fade", [SHOTS_FADE_OUT] = "fade-out", [SHOTS_FADE_IN] = "fade-in"};
    return names[kind];
}

struct shots *shots_new(const struct shots_options *o)
{
    struct shots *s = XNEW(struct shots);
    s->o = *o;
    s->o.min_length = MAX(s->o.min_length, 1);
    if (!(s->o.threshold > 0))
        s->o.threshold = o->detector == SHOTS_CONTENT ? CONTENT_THRESHOLD : ADAPTIVE_THRESHOLD;
    s->sampler = sampler_new(sample_kernels_best());
    s->gradual_until = -1;
    if (o->detector == SHOTS_ADAPTIVE)
        s->looks = xcalloc(MEMORY, sizeof(*s->looks));
    return s;
}

void shots_free(struct shots *s)
{
    if (!s)
        return;
    sampler_free(s->sampler);
    free(s->looks);
    free(s->list);
    free(s);
}

static int give_out(struct shots *s, const struct shots_transition *t, struct err *e)
{
    if (s->n_list == SHOTS_TRANSITIONS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d transitions in one video",
                       SHOTS_TRANSITIONS_MAX);
    if (s->n_list == s->cap_list) {
        size_t cap = s->cap_list ? 2 * s->cap_list : 64;
        struct shots_transition *list = mem_try_realloc(s->list, cap, sizeof(*list));
        if (!list)
            return err_set(e, ERR_LIMIT, "no memory for %zu transitions", cap);
        s->list = list;
        s->cap_list = cap;
    }
    s->list[s->n_list++] = *t;
    return 0;
}

/* ------------------------------------------------ content
 * ------------------------------------------------ */

/*
 * PySceneDetect's filter in its merging mode, in frames. A first cut needs min_length frames since
 * the last frame above the threshold (or the start). Once there was one, frames above that come too
 * early open a merge, which closes when min_length frames have passed below the threshold: then the
 * last frame above becomes one cut, if it lies min_length or more behind the first.
 */
static int content_step(struct shots *s, int64_t frame, bool above, struct err *e)
{
    bool apart = frame - s->last_above >= s->o.min_length;
    int64_t cut = -1;
    if (above)
        s->last_above = frame;
    if (s->merging) {
        if (apart && !above && s->last_above - s->merge_start >= s->o.min_length) {
            s->merging = false;
            cut = s->last_above;
        }
    } else if (above && apart) {
        s->merge_enabled = true;
        cut = frame;
    } else if (above && s->merge_enabled) {
        s->merging = true;
        s->merge_start = frame;
    }
    if (cut < 0)
        return 0;
    return give_out(
        s, &(struct shots_transition){.kind = SHOTS_CUT, .first = cut, .last = cut - 1, .cut = cut},
        e);
}

/* ------------------------------------------------ adaptive
 * ------------------------------------------------ */

static void drop_pending(struct shots *s, int i)
{
    s->n_pending--;
    memmove(&s->pending[i], &s->pending[i + 1], (size_t)(s->n_pending - i) * sizeof(s->pending[0]));
}

static bool gradual(const struct event *ev)
{
    return ev->t.kind != SHOTS_CUT;
}

/* Does a hard cut lie inside a gradual transition, or beside it where its own ends look like cuts?
 */
static bool covers(const struct event *g, const struct event *cut)
{
    return cut->t.cut >= g->t.first - 1 && cut->t.cut <= g->t.last + 1;
}

void shots_put(struct shots *s, const struct event *ev)
{
    for (int i = s->n_pending - 1; i >= 0; i--) {
        struct event *other = &s->pending[i];
        if (!gradual(ev) && gradual(other) && covers(other, ev))
            return;
        if (gradual(ev) && !gradual(other) && covers(ev, other))
            drop_pending(s, i);
    }
    if (s->n_pending ==
        PENDING) /* never seen; the newest gives way, what is queued stays in order */
        return;
    int at = s->n_pending;
    while (at > 0 && s->pending[at - 1].t.cut > ev->t.cut)
        at--;
    memmove(&s->pending[at + 1], &s->pending[at], (size_t)(s->n_pending - at) * sizeof(*ev));
    s->pending[at] = *ev;
    s->n_pending++;
}

const struct run *shots_run_from(const struct shots *s, int64_t first)
{
    for (int i = MAX(0, s->n_runs - RUNS); i < s->n_runs; i++)
        if (s->runs[i % RUNS].first == first)
            return &s->runs[i % RUNS];
    return NULL;
}

const struct run *shots_run_until(const struct shots *s, int64_t last)
{
    for (int i = MAX(0, s->n_runs - RUNS); i < s->n_runs; i++)
        if (s->runs[i % RUNS].last == last)
            return &s->runs[i % RUNS];
    return NULL;
}

static void run_step(struct shots *s, int64_t frame)
{
    enum blank now = look_at(s, frame)->blank;
    enum blank before = frame > 0 ? look_at(s, frame - 1)->blank : BLANK_NOT;
    if (now == before)
        return;
    if (before != BLANK_NOT)
        s->runs[(s->n_runs - 1) % RUNS].last = frame - 1;
    if (now != BLANK_NOT)
        s->runs[s->n_runs++ % RUNS] = (struct run){.first = frame, .last = -1};
}

/* The event on the far side of a short blank run that starts where ev ends; -1 if none. */
static int counterpart(const struct shots *s, const struct event *ev)
{
    const struct run *run = shots_run_from(s, ev->run >= 0 ? ev->run : ev->t.cut);
    if (!run || run->last < 0 || run->last - run->first + 1 >= gap_max(s))
        return -1; /* none, or one that lasts: both sides stand alone */
    for (int i = 1; i < s->n_pending; i++) {
        const struct event *x = &s->pending[i];
        if (x->t.kind == SHOTS_FADE_IN ? x->run == run->first
                                       : x->t.kind == SHOTS_CUT && x->t.cut == run->last + 1)
            return i;
    }
    return -1;
}

bool shots_same_picture(const struct shots *s, int64_t a, int64_t b)
{
    if (!look_has(s, a) || !look_has(s, b))
        return false;
    return cut_structure(&look_at(s, a)->thumb, &look_at(s, b)->thumb) > 0.8;
}

/* Takes the oldest event, with its counterpart, and gives it out if it parts two shots. */
static int resolve(struct shots *s, struct err *e)
{
    struct event ev = s->pending[0];
    struct shots_transition *t = &ev.t;

    if (t->kind == SHOTS_CUT || t->kind == SHOTS_FADE_OUT) {
        int i = counterpart(s, &ev);
        if (i > 0) {
            const struct event other = s->pending[i];
            drop_pending(s, i);
            if (t->kind != SHOTS_CUT || other.t.kind != SHOTS_CUT)
                t->kind = SHOTS_FADE;
            t->last = MAX(other.t.last, other.t.cut - 1);
            t->cut = other.t.cut;
            if (shots_same_picture(s, t->first - 1, t->last + 1)) {
                drop_pending(s, 0);
                return 0;
            }
        }
    }
    drop_pending(s, 0);
    const struct run *run = ev.run >= 0 ? shots_run_from(s, ev.run) : NULL;
    if (t->kind == SHOTS_FADE_IN && run && run->first == 0 && t->cut < s->o.min_length)
        t->cut = 0;
    else if (t->kind == SHOTS_FADE_OUT && s->finished && s->n - t->cut < s->o.min_length &&
             (!run || run->last < 0 || run->last == s->n - 1))
        t->cut = s->n;
    else if (t->cut - s->last_cut < s->o.min_length)
        return 0;
    if (t->cut > 0 && t->cut < s->n)
        s->last_cut = t->cut;
    return give_out(s, t, e);
}

static void remember(struct shots *s, int64_t frame, double score, const struct thumb *thumb)
{
    struct look *l = look_at(s, frame);
    int n = thumb->w * thumb->h, sum = 0, above = 0, below = 0;

    l->score = score;
    l->thumb = *thumb;
    for (int i = 0; i < n; i++) {
        int luma = (77 * thumb->c[0][i] + 150 * thumb->c[1][i] + 29 * thumb->c[2][i]) >> 4;
        sum += luma;
        above += luma > 8 * 16;
        below += luma < 245 * 16;
    }
    l->mean = sum / n;
    /* a logo or a line of text may stand on it */
    l->blank = above * 100 <= n * 6 ? BLANK_BLACK : below * 100 <= n * 6 ? BLANK_WHITE : BLANK_NOT;

    memset(l->small, 0, sizeof(l->small));
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y < thumb->h; y += 4) {
            for (int x = 0; x < thumb->w; x += 4) {
                int rows = MIN(4, thumb->h - y), cols = MIN(4, thumb->w - x), block = 0;
                for (int j = 0; j < rows; j++)
                    for (int i = 0; i < cols; i++)
                        block += thumb->c[c][(y + j) * thumb->w + x + i];
                l->small[(c * SMALL_SIDE + y / 4) * SMALL_SIDE + x / 4] =
                    (uint8_t)((block + rows * cols / 2) / (rows * cols));
            }
        }
    }
}

static void decide_cut(struct shots *s, int64_t k)
{
    if (k > 0 && k < s->n && cut_decide(s, k))
        shots_put(s, &(struct event){.t = {.kind = SHOTS_CUT, .first = k, .last = k - 1, .cut = k},
                                     .run = -1});
}

int shots_feed(struct shots *s, const struct vision_frame *frame, struct err *e)
{
    struct hsv_diff diff;
    struct thumb thumb;

    if (vision_frame_check(frame, e) < 0)
        return -1;
    sampler_run(s->sampler, frame, &diff, &thumb);
    int64_t at = s->n++;
    s->score = (diff.hue + diff.sat + diff.val) / 3;
    if (s->o.detector == SHOTS_CONTENT)
        return content_step(s, at, s->score >= s->o.threshold, e);

    remember(s, at, s->score, &thumb);
    run_step(s, at);
    decide_cut(s, at - cut_lookahead(s));
    gradual_step(s);
    while (s->n_pending && s->pending[0].t.cut < s->n - DELAY)
        if (resolve(s, e) < 0)
            return -1;
    return 0;
}

int shots_finish(struct shots *s, struct err *e)
{
    if (s->finished)
        return 0;
    s->finished = true;
    if (s->o.detector == SHOTS_CONTENT)
        return 0; /* PySceneDetect, too, forgets a merge that the end cuts short */
    for (int64_t k = s->n - cut_lookahead(s); k < s->n; k++)
        decide_cut(s, k);
    gradual_finish(s);
    while (s->n_pending)
        if (resolve(s, e) < 0)
            return -1;
    return 0;
}

int64_t shots_frames(const struct shots *s)
{
    return s->n;
}

double shots_score(const struct shots *s)
{
    return s->score;
}

int64_t shots_settled(const struct shots *s)
{
    if (s->finished)
        return s->n;
    if (s->o.detector == SHOTS_CONTENT)
        return s->merging ? s->merge_start : s->n;
    return MAX(0, s->n - DELAY);
}

const struct shots_transition *shots_transitions(const struct shots *s, size_t *ret_n)
{
    *ret_n = s->n_list;
    return s->list;
}

/* A fade that only opens the video is the first of the list, one that only closes it the last. */
static size_t opening(const struct shots *s)
{
    return s->n_list > 0 && s->list[0].cut == 0;
}

static size_t closing(const struct shots *s)
{
    return s->n_list > opening(s) && s->list[s->n_list - 1].cut >= s->n;
}

size_t shots_count(const struct shots *s)
{
    return s->n > 0 ? s->n_list - opening(s) - closing(s) + 1 : 0;
}

struct shot shots_at(const struct shots *s, size_t i)
{
    const struct shots_transition *parting = s->list + opening(s);
    return (struct shot){.start = i > 0 ? parting[i - 1].cut : 0,
                         .end = i + 1 < shots_count(s) ? parting[i].cut : s->n};
}
