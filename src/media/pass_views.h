/*
 * The views lane: what people look at and listen to. One proxy-size picture is made of each frame
 * it gets; the encoder, the thumb, the poster, the sprites and the shots' pictures all live on it.
 * Sound runs in the same lane, because the proxy's file takes both in the source's order.
 */
#ifndef MEDIA_PASS_VIEWS_H
#define MEDIA_PASS_VIEWS_H

#include "media/audio.h"
#include "media/outfile.h"
#include "media/pass.h"
#include "media/pass_lane.h"
#include "media/pass_pick.h"
#include "media/pass_stills.h"

struct pass_views_opts {
    const struct media_pass_opts *pass; /* borrowed, as all here */
    const int *out_fds;
    const struct media_stream *video, *audio; /* NULL: none */
    const struct pass_pick *pick;             /* the proxy's clock */
    int64_t duration_us;                      /* as the container claims; 0 unknown */
    int64_t limit_us;
};
struct pass_views;
int pass_views_new(const struct pass_views_opts *o, struct pass_views **ret, struct err *e);
void pass_views_free(struct pass_views *v);
CLEANUP_DEFINE(pass_views_free, struct pass_views *);
extern const struct pass_lane_ops pass_views_ops; /* arg: a struct pass_views */
/* How many frames the source had and where the last one ends; before the lane is joined. */
void pass_views_video_end(struct pass_views *v, int64_t frames, int64_t us);

/* After the lane has ended. */
struct pass_views_result {
    struct pic_size proxy;
    int64_t pictures;                 /* that the proxy has */
    struct pass_stills_result stills; /* its shots are NULL without video */
    const struct outpack *sprites;    /* borrowed */
    struct audio_result sound;
};
void pass_views_result(const struct pass_views *v, struct pass_views_result *ret);

#endif
