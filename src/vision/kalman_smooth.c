/* Forwards as ever, keeping every state; then backwards, each state corrected by what is known of
 * the one after it. */
#include <math.h>
#include <stdlib.h>

#include "vision/kalman.h"

struct kept {
    struct kalman predicted, filtered;
};

struct kalman_smoother {
    struct kept *kept;
    size_t cap;
};

struct kalman_smoother *kalman_smoother_new(void)
{
    return XNEW(struct kalman_smoother);
}

void kalman_smoother_free(struct kalman_smoother *s)
{
    if (!s)
        return;
    free(s->kept);
    free(s);
}

/* Särkkä eq. 8.6 for the means, which are all that is asked for: with the gain G = P F^T
 * predicted^-1 of the step to the later state, state += G (later smoothed - later predicted). */
static void axis_back(struct kalman_axis *state, double steps, const struct kalman_axis *predicted,
                      const struct kalman_axis *later)
{
    double det = predicted->pp * predicted->vv - predicted->pv * predicted->pv;
    double dp = later->p - predicted->p, dv = later->v - predicted->v;

    if (det > 0) {
        /* inverse of the prediction's covariance, times the correction */
        double ip = (predicted->vv * dp - predicted->pv * dv) / det;
        double iv = (predicted->pp * dv - predicted->pv * dp) / det;
        state->p += (state->pp + steps * state->pv) * ip + state->pv * iv;
        state->v += (state->pv + steps * state->vv) * ip + state->vv * iv;
    } else if (predicted->pp > 0) { /* a velocity that is known to be 0: the aspect's */
        state->p += state->pp / predicted->pp * dp;
    }
}

int kalman_smooth(struct kalman_smoother *s, const struct kalman_noise *q,
                  struct kalman_sample *samples, size_t n, struct err *e)
{
    if (n > s->cap) {
        size_t cap = n + n / 2;
        struct kept *p = mem_try_realloc(s->kept, cap, sizeof *p);
        if (!p)
            return err_set(e, ERR_LIMIT, "no memory to smooth %zu boxes", n);
        s->kept = p;
        s->cap = cap;
    }
    for (size_t i = 0; i < n; i++) {
        struct kept *k = &s->kept[i];
        if (i == 0) {
            kalman_start(&k->predicted, q, samples[i].box, samples[i].score);
            k->filtered = k->predicted;
            continue;
        }
        k->predicted = s->kept[i - 1].filtered;
        kalman_predict(&k->predicted, q, samples[i].steps);
        k->filtered = k->predicted;
        if (samples[i].seen)
            kalman_update(&k->filtered, q, samples[i].box, samples[i].score);
    }
    for (size_t i = n; i-- > 0;) {
        struct kalman *k = &s->kept[i].filtered;
        if (i + 1 < n) {
            const struct kalman *p = &s->kept[i + 1].predicted, *l = &s->kept[i + 1].filtered;
            double steps = samples[i + 1].steps;
            axis_back(&k->x, steps, &p->x, &l->x);
            axis_back(&k->y, steps, &p->y, &l->y);
            axis_back(&k->a, steps, &p->a, &l->a);
            axis_back(&k->h, steps, &p->h, &l->h);
        }
        struct track_box b = kalman_box(k);
        /* heights are far from 0 where something was seen; a long unseen stretch may undershoot */
        b.h = fmax(b.h, 1);
        b.w = fmax(b.w, 1);
        samples[i].box = (struct track_box){k->x.p - b.w / 2, k->y.p - b.h / 2, b.w, b.h};
    }
    return 0;
}
