/* Gathering, filling and smoothing; see track_paths.h. Joining pieces is in track_link.c. */
#include "vision/track_paths_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/track_priv.h"

struct track_paths *track_paths_new(const struct track_options *o)
{
    struct track_paths *p = XNEW(struct track_paths);
    p->o = *o;
    p->noise = (struct kalman_noise){
        .model = KALMAN_TIMED, .fps = o->fps, .by_score = o->flags & TRACK_NSA};
    p->smoother = kalman_smoother_new();
    return p;
}

void track_paths_free(struct track_paths *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_pieces; i++) {
        free(p->pieces[i].points);
        free(p->pieces[i].told);
    }
    free(p->pieces);
    free(p->frames);
    free(p->samples);
    kalman_smoother_free(p->smoother);
    free(p);
}

/* ---- memory that the video sizes */

static int grow(void *pp, size_t *cap, size_t n, size_t size, struct err *e)
{
    if (n <= *cap)
        return 0;
    size_t want = n + n / 2 + 16;
    void *q = mem_try_realloc(*(void **)pp, want, size);
    if (!q)
        return err_set(e, ERR_LIMIT, "no memory for the paths of what was followed");
    memset((char *)q + *cap * size, 0, (want - *cap) * size);
    *(void **)pp = q;
    *cap = want;
    return 0;
}

int paths_reserve(struct track_paths *p, struct paths_piece *piece, size_t n, struct err *e)
{
    if (p->n_points + (int64_t)n - (int64_t)piece->n > TRACK_POINTS_MAX)
        return err_set(e, ERR_LIMIT, "more than %" PRId64 " boxes to follow", TRACK_POINTS_MAX);
    return grow(&piece->points, &piece->cap, n, sizeof *piece->points, e);
}

/* ---- gathering */

int track_paths_add(struct track_paths *p, int64_t frame, int64_t time_us, const struct tracker *t,
                    const struct track_detection *detections, const struct track_seen *seen,
                    size_t n, struct err *e)
{
    const struct paths_frame *last = p->n_frames ? &p->frames[p->n_frames - 1] : NULL;
    if (last && (frame <= last->frame || time_us <= last->time_us))
        return err_set(e, ERR_INPUT, "frame %" PRId64 " follows frame %" PRId64, frame,
                       last->frame);
    size_t most = p->n_pieces;
    for (size_t i = 0; i < n; i++)
        most = MAX(most, (size_t)seen[i].id);
    if (grow(&p->frames, &p->frames_cap, p->n_frames + 1, sizeof *p->frames, e) < 0 ||
        grow(&p->pieces, &p->pieces_cap, most, sizeof *p->pieces, e) < 0)
        return -1;
    if (p->n_points + (int64_t)n > TRACK_POINTS_MAX)
        return err_set(e, ERR_LIMIT, "more than %" PRId64 " boxes to follow", TRACK_POINTS_MAX);
    for (size_t i = 0; i < n; i++) {
        struct paths_piece *piece = &p->pieces[seen[i].id - 1];
        if (paths_reserve(p, piece, piece->n + 1, e) < 0)
            return -1;
    }
    /* nothing can fail any more */
    for (size_t i = 0; i < n; i++) {
        const struct track_seen *s = &seen[i];
        struct paths_piece *piece = &p->pieces[s->id - 1];
        piece->id = s->id;
        piece->class_id = s->class_id;
        piece->sure = piece->sure || s->sure;
        piece->points[piece->n++] = (struct paths_point){
            .at = (int64_t)p->n_frames,
            .kind = s->sure ? TRACK_POINT_SEEN : TRACK_POINT_FIRST,
            .detection = s->detection,
            .score = s->score,
            .seen = detections[s->detection].box,
            .result = s->box,
        };
    }
    p->n_pieces = most;
    p->n_points += (int64_t)n;
    p->frames[p->n_frames++] = (struct paths_frame){
        .frame = frame, .time_us = time_us, .shot = p->shot, .to_picture = tracker_camera(t)};
    return 0;
}

void track_paths_cut(struct track_paths *p)
{
    p->shot++;
}

double paths_steps(const struct track_paths *p, int64_t from, int64_t to)
{
    return (double)(p->frames[to].time_us - p->frames[from].time_us) * p->o.fps / 1e6;
}

struct track_box paths_in_plane(const struct track_paths *p, const struct paths_point *q)
{
    struct track_affine a = track_affine_inverse(&p->frames[q->at].to_picture);
    return track_box_moved(&a, q->seen);
}

/* ---- finishing */

static void drop_points(struct track_paths *p, struct paths_piece *piece)
{
    p->n_points -= (int64_t)piece->n;
    piece->n = 0;
}

/* What never became sure, and where not asked for the boxes before it was. */
static void drop_unsure(struct track_paths *p)
{
    for (size_t i = 0; i < p->n_pieces; i++) {
        struct paths_piece *piece = &p->pieces[i];
        if (!piece->sure) {
            drop_points(p, piece);
        } else if (!(p->o.flags & TRACK_FIRST) && piece->points[0].kind == TRACK_POINT_FIRST) {
            memmove(piece->points, piece->points + 1, --piece->n * sizeof *piece->points);
            p->n_points--;
        }
    }
}

/* Points for the frames of the gap between two of a path, on a straight line in the plane. */
static void fill_gap(const struct track_paths *p, const struct paths_point *a,
                     const struct paths_point *b, struct paths_point *ret)
{
    struct track_affine from = track_affine_inverse(&p->frames[a->at].to_picture);
    struct track_affine to = track_affine_inverse(&p->frames[b->at].to_picture);
    struct track_box first = track_box_moved(&from, a->result);
    struct track_box last = track_box_moved(&to, b->result);
    double steps = paths_steps(p, a->at, b->at);

    for (int64_t at = a->at + 1; at < b->at; at++) {
        struct track_box box = track_box_between(first, last, paths_steps(p, a->at, at) / steps);
        *ret++ = (struct paths_point){
            .at = at,
            .kind = TRACK_POINT_FILLED,
            .detection = -1,
            .result = track_box_moved(&p->frames[at].to_picture, box),
        };
    }
}

static int fill(struct track_paths *p, struct paths_piece *piece, struct err *e)
{
    size_t whole = (size_t)(piece->points[piece->n - 1].at - piece->points[0].at + 1);
    size_t had = piece->n;
    if (whole == had)
        return 0;
    if (paths_reserve(p, piece, whole, e) < 0)
        return -1;
    /* from the end, each point to where it belongs: what is before it has not moved yet */
    struct paths_point *points = piece->points, next = points[had - 1];
    int64_t first = points[0].at;
    points[whole - 1] = next;
    for (size_t i = had - 1; i-- > 0;) {
        struct paths_point q = points[i];
        fill_gap(p, &q, &next, &points[q.at - first + 1]);
        points[q.at - first] = next = q;
    }
    piece->n = whole;
    p->n_points += (int64_t)(whole - had);
    return 0;
}

static int smooth(struct track_paths *p, struct paths_piece *piece, struct err *e)
{
    if (grow(&p->samples, &p->samples_cap, piece->n, sizeof *p->samples, e) < 0)
        return -1;
    for (size_t i = 0; i < piece->n; i++) {
        const struct paths_point *q = &piece->points[i];
        p->samples[i] = (struct kalman_sample){
            .steps = i > 0 ? paths_steps(p, piece->points[i - 1].at, q->at) : 0,
            .seen = q->kind != TRACK_POINT_FILLED,
            .score = q->score,
            .box = paths_in_plane(p, q),
        };
    }
    if (kalman_smooth(p->smoother, &p->noise, p->samples, piece->n, e) < 0)
        return -1;
    for (size_t i = 0; i < piece->n; i++) {
        struct paths_point *q = &piece->points[i];
        q->result = track_box_moved(&p->frames[q->at].to_picture, p->samples[i].box);
    }
    return 0;
}

/* Puts the pieces that are left in front of the others, as what will be told. */
static int tell(struct track_paths *p, struct err *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n_pieces; i++) {
        struct paths_piece piece = p->pieces[i];
        if (piece.n == 0)
            continue;
        piece.told = mem_try_calloc(piece.n, sizeof *piece.told);
        if (!piece.told)
            return err_set(e, ERR_LIMIT, "no memory for the paths of what was followed");
        for (size_t k = 0; k < piece.n; k++) {
            const struct paths_point *q = &piece.points[k];
            piece.told[k] = (struct track_point){p->frames[q->at].frame, q->kind, q->detection,
                                                 q->score, q->result};
        }
        free(piece.points);
        piece.points = NULL;
        p->pieces[i] = p->pieces[kept];
        p->pieces[kept++] = piece;
        p->pieces[kept - 1].id = (int64_t)kept;
    }
    for (size_t i = kept; i < p->n_pieces; i++)
        free(p->pieces[i].points);
    p->n_pieces = kept;
    return 0;
}

int track_paths_finish(struct track_paths *p, struct err *e)
{
    drop_unsure(p);
    if (p->o.flags & TRACK_LINK && paths_link(p, e) < 0)
        return err_wrap(e, "join paths");
    for (size_t i = 0; i < p->n_pieces; i++) {
        struct paths_piece *piece = &p->pieces[i];
        if (piece->n == 0)
            continue;
        if (p->o.flags & TRACK_FILL && fill(p, piece, e) < 0)
            return err_wrap(e, "fill path %" PRId64, piece->id);
        if (p->o.flags & TRACK_SMOOTH && smooth(p, piece, e) < 0)
            return err_wrap(e, "smooth path %" PRId64, piece->id);
    }
    return tell(p, e);
}

size_t track_paths_count(const struct track_paths *p)
{
    return p->n_pieces;
}

struct track_path track_paths_at(const struct track_paths *p, size_t i)
{
    const struct paths_piece *piece = &p->pieces[i];
    return (struct track_path){piece->id, piece->class_id, piece->told, piece->n};
}
