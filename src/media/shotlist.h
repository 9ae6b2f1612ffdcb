/*
 * Shots of a decoded video: frames go into the detector of vision/ as they lie in memory, and out comes the list that
 * clients get. Cuts can be asked for while it runs, for those who pick pictures of shots.
 *
 * One thread uses a list.
 */
#ifndef MEDIA_SHOTLIST_H
#define MEDIA_SHOTLIST_H

#include "base/err.h"
#include "media/lav.h"
#include "media/media.h"

struct shotlist;
struct shotlist *shotlist_new(const struct media_shots_opts *o);
void shotlist_free(struct shotlist *l);
CLEANUP_DEFINE(shotlist_free, struct shotlist *);
/* The next frame, borrowed; from us to end_us on the file's clock (from its start). */
int shotlist_frame(struct shotlist *l, const AVFrame *f, int64_t us, int64_t end_us, struct err *e);
/* No more frames; more cuts may have come. */
int shotlist_finish(struct shotlist *l, struct err *e);

/* A border between two shots: the new one begins at `cut`; frames from `end` to before `next` show something of both, or
 * nothing. All three are equal for a hard cut. */
struct shotlist_border {
    int64_t end, cut, next;
};
/* The next border, each once, in order. False: none known yet. */
bool shotlist_next_border(struct shotlist *l, struct shotlist_border *ret);
/* Borders not yet told have their cut at or after this frame. */
int64_t shotlist_settled(const struct shotlist *l);
/* How much the last frame differs from the one before, 0..255; see shots_score(). */
double shotlist_score(const struct shotlist *l);

/* After shotlist_finish(). The representative frame of each is the middle one. The caller frees *ret. */
int shotlist_result(const struct shotlist *l, struct media_shots **ret, struct err *e);

#endif
