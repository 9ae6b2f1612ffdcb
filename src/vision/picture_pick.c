/*
 * Candidates are kept in order of frames. While a shot may still turn out to have ended among them,
 * one is kept for every few frames, the best; once they are known to lie in the running shot only
 * the best of all those stays.
 */
#include <stdlib.h>
#include <string.h>

#include "vision/picture.h"

#define SPAN_MIN 8  /* frames for which one candidate is kept */
#define MARGIN   12 /* frames from a border of the shot at which a picture counts fully */

struct candidate {
    int64_t frame;
    double score;
    int slot;
};

struct picker {
    int64_t start;   /* of the running shot */
    int64_t settled; /* it does not end before */
    int64_t span;    /* frames for which one candidate is kept */
    struct candidate kept[PICKER_SLOTS];
    int n;
};

struct picker *picker_new(void)
{
    struct picker *p = XNEW(struct picker);
    p->span = SPAN_MIN;
    return p;
}

void picker_free(struct picker *p)
{
    free(p);
}

static double worth(const struct picker *p, const struct candidate *c, int64_t end)
{
    int64_t margin = CLAMP((end - p->start) / 4, 1, MARGIN);
    int64_t near = MIN(c->frame - p->start + 1, end - c->frame);
    return c->score * (0.3 + 0.7 * (double)MIN(near, margin) / (double)margin);
}

static void drop(struct picker *p, int i)
{
    p->n--;
    memmove(&p->kept[i], &p->kept[i + 1], (size_t)(p->n - i) * sizeof(p->kept[0]));
}

static int free_slot(const struct picker *p)
{
    for (int slot = 0; slot < PICKER_SLOTS; slot++) {
        bool used = false;
        for (int i = 0; i < p->n; i++)
            used |= p->kept[i].slot == slot;
        if (!used)
            return slot;
    }
    return -1;
}

/* Of the candidates that are known to lie in the running shot, the best stays. Its end is taken to
 * be far. */
static void merge_settled(struct picker *p)
{
    int64_t end = p->settled + 4 * MARGIN;
    while (p->n >= 2 && p->kept[1].frame < p->settled)
        drop(p, worth(p, &p->kept[0], end) >= worth(p, &p->kept[1], end) ? 1 : 0);
}

int picker_offer(struct picker *p, int64_t frame, double score)
{
    if (frame < p->start) /* still in the transition that the shot began with */
        return -1;
    if (p->n > 0) {
        struct candidate *last = &p->kept[p->n - 1];
        if (last->frame / p->span == frame / p->span) {
            if (score <= last->score)
                return -1;
            last->frame = frame;
            last->score = score;
            return last->slot;
        }
    }
    merge_settled(p);
    while (p->n == PICKER_SLOTS) { /* the end of the shot is long in coming: keep fewer */
        p->span *= 2;
        for (int i = 0; i + 1 < p->n;)
            if (p->kept[i].frame / p->span == p->kept[i + 1].frame / p->span)
                drop(p, p->kept[i].score >= p->kept[i + 1].score ? i + 1 : i);
            else
                i++;
    }
    int slot = free_slot(p);
    p->kept[p->n++] = (struct candidate){.frame = frame, .score = score, .slot = slot};
    return slot;
}

void picker_settle(struct picker *p, int64_t frame)
{
    p->settled = MAX(p->settled, frame);
    merge_settled(p);
}

int picker_take(struct picker *p, int64_t end, int64_t next, int64_t *ret_frame)
{
    int best = -1;
    for (int i = 0; i < p->n && p->kept[i].frame < end; i++)
        if (best < 0 || worth(p, &p->kept[i], end) > worth(p, &p->kept[best], end))
            best = i;
    int slot = best < 0 ? -1 : p->kept[best].slot;
    if (best >= 0)
        *ret_frame = p->kept[best].frame;
    while (p->n > 0 && p->kept[0].frame < next)
        drop(p, 0);
    p->start = next;
    p->settled = MAX(p->settled, next);
    p->span = SPAN_MIN;
    return slot;
}
