#include "media/pass.h"

#include <math.h>
#include <sys/stat.h>

#include "media/frame_index.h"
#include "media/pass_lane.h"
#include "media/pass_pick.h"
#include "media/pass_samples.h"
#include "media/pass_views.h"
#include "media/results.h"
#include "media/shotlist.h"
#include "media/source.h"

/* Frames that wait for a lane: enough to smooth over a slow one, within this many bytes of pixels.
 */
#define LANE_BYTES ((int64_t)48 << 20)
/* A content score from which a frame may begin a shot; cuts have more. */
#define CUT_LIKE_SCORE 8
#define LANE_MIN       2
#define LANE_MAX       24

struct pass {
    struct child *child;
    const struct media_pass_opts *o;
    const int *out_fds;
    struct source *source;
    const struct media_info *info;
    const struct media_stream *video, *audio; /* of info; NULL: none */
    AVRational time_base;                     /* of the video */

    struct frame_index_writer *index;
    struct pass_pick pick;
    struct shotlist *shots;
    double last_score;
    int64_t last_candidate;        /* frame that a shot's picture may be made of */
    struct source_frame last_left; /* the last frame that went nowhere; frame NULL: none */
    struct pass_views *views;
    struct pass_samples *samples;
    struct pass_lane *views_lane, *samples_lane;

    int64_t frames, first_us, end_us;
    int64_t shortest,
        longest; /* distance of frames, in time_base; the last frame's is a guess and not counted */
    int64_t last_duration;
};

/* ---- items ------------------------------------------------------------------------------------- */

struct pass_item *pass_item_new(enum pass_kind kind, AVFrame *frame)
{
    struct pass_item *item = XNEW(struct pass_item);
    item->kind = kind;
    item->frame = frame;
    return item;
}

void pass_item_drop(void *arg)
{
    struct pass_item *item = arg;
    av_frame_free(&item->frame);
    free(item);
}

static AVFrame *share(const AVFrame *f, struct err *e)
{
    AVFrame *again = av_frame_clone(f);
    if (!again)
        err_set(e, ERR_LIMIT, "no memory for a frame");
    return again;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void finish(struct pass *p)
{
    /* Lanes first: their threads use the rest. */
    pass_lane_free(p->views_lane);
    pass_lane_free(p->samples_lane);
    pass_views_free(p->views);
    pass_samples_free(p->samples);
    frame_index_writer_free(p->index);
    shotlist_free(p->shots);
    av_frame_free(&p->last_left.frame);
    source_free(p->source);
}

static size_t lane_capacity(const struct media_stream *video)
{
    int64_t frame_bytes =
        video ? (int64_t)video->width * video->height * (video->bit_depth > 8 ? 3 : 2) : 1;
    return (size_t)CLAMP(LANE_BYTES / MAX(frame_bytes, 1), LANE_MIN, LANE_MAX);
}

static int start_lanes(struct pass *p, struct err *e)
{
    const struct pass_views_opts vo = {.pass = p->o,
                                       .out_fds = p->out_fds,
                                       .video = p->video,
                                       .audio = p->audio,
                                       .pick = &p->pick,
                                       .duration_us = p->info->duration_us,
                                       .limit_us = p->child->limits.duration_us};
    size_t capacity = lane_capacity(p->video);

    if (pass_views_new(&vo, &p->views, e) < 0 ||
        pass_lane_start(&pass_views_ops, p->views, capacity, &p->views_lane, e) < 0)
        return -1;
    if (!p->video)
        return 0;
    p->samples = pass_samples_new(p->out_fds[MEDIA_OUT_SAMPLES], p->video, p->o);
    return pass_lane_start(&pass_samples_ops, p->samples, MIN(capacity, (size_t)8),
                           &p->samples_lane, e);
}

static int start(struct pass *p, int in_fd, struct err *e)
{
    if (source_open(in_fd, &p->child->limits, &p->source, e) < 0)
        return -1;
    p->info = source_info(p->source);
    p->video = p->info->video >= 0 ? &p->info->streams[p->info->video] : NULL;
    p->audio = p->info->audio >= 0 ? &p->info->streams[p->info->audio] : NULL;
    if (source_decode(p->source, SOURCE_WANT_VIDEO | SOURCE_WANT_AUDIO, p->child->threads, e) < 0)
        return -1;
    if (p->video) {
        p->time_base = source_video_time_base(p->source);
        p->shots = shotlist_new(&p->o->shots);
        p->index = frame_index_writer_new(p->time_base.num, p->time_base.den);
        pass_pick_init(&p->pick, av_make_q(p->video->frame_rate.num, p->video->frame_rate.den),
                       p->o->proxy_fps);
    }
    return start_lanes(p, e);
}

/* ---- decoding ---------------------------------------------------------------------------------- */

/* 1 moved on, 0 the lane has failed. */
static int give(struct pass_lane *lane, struct pass_item *item, const struct source_frame *f)
{
    item->number = f->number;
    item->us = f->us;
    return pass_lane_put(lane, item) ? 1 : 0;
}

static void keep_time(struct pass *p, const struct source_frame *f, int64_t next_us)
{
    if (p->frames == 0)
        p->first_us = f->us;
    if (p->frames > 0) {
        p->shortest = p->frames == 1 ? p->last_duration : MIN(p->shortest, p->last_duration);
        p->longest = MAX(p->longest, p->last_duration);
    }
    p->last_duration = f->duration;
    p->frames++;
    p->end_us = next_us;
}

/* Shots that have become known. */
static int tell_borders(struct pass *p)
{
    struct shotlist_border border;
    int r = 1;
    while (r > 0 && shotlist_next_border(p->shots, &border)) {
        struct pass_item *item = pass_item_new(PASS_BORDER, NULL);
        item->border = border;
        r = pass_lane_put(p->views_lane, item) ? 1 : 0;
    }
    return r;
}

/*
 * A shot needs at least one candidate for its picture. The proxy's frames are enough where shots
 * are long; a frame that looks like the first of a new shot is one, too, and so is a frame when
 * the last candidate lies further back than half of the shortest shot.
 */
static bool looks_like_a_cut(struct pass *p)
{
    double before = p->last_score;
    p->last_score = shotlist_score(p->shots);
    return p->last_score >= CUT_LIKE_SCORE && p->last_score >= 2 * before;
}

static bool needs_candidate(const struct pass *p, const struct source_frame *f)
{
    return f->number - p->last_candidate >= MAX(p->o->shots.min_frames / 2, 1);
}

/* Takes f->frame. edge: see struct pass_item. */
static int give_picture(struct pass *p, struct source_frame *f, int64_t next_us, bool edge)
{
    int64_t pts = 0, duration = 0;
    bool taken = pass_pick_frame(&p->pick, f->us, next_us, &pts, &duration);

    av_frame_free(&p->last_left.frame);
    if (!taken && !edge && !needs_candidate(p, f)) {
        p->last_left = *f; /* the last of all is a candidate */
        return 1;
    }
    struct pass_item *item = pass_item_new(taken ? PASS_PICTURE : PASS_STILL, f->frame);
    item->pts = pts;
    item->duration = duration;
    item->edge = edge;
    item->settled = shotlist_settled(p->shots);
    p->last_candidate = f->number;
    return give(p->views_lane, item, f);
}

/* 1 go on, 0 a lane has failed, negative an error. Takes f->frame. */
static int on_video(struct pass *p, struct source_frame *f, struct err *e)
{
    int64_t next_us = f->us + av_rescale_q(f->duration, p->time_base, av_make_q(1, 1000000));
    int r;

    frame_index_writer_add(p->index, f->pts, f->duration, f->key);
    keep_time(p, f, next_us);
    r = shotlist_frame(p->shots, f->frame, f->us, next_us, e) < 0 ? -1 : tell_borders(p);
    if (r > 0 && f->number % p->o->sample_every == 0) {
        AVFrame *again = share(f->frame, e);
        r = again ? give(p->samples_lane, pass_item_new(PASS_PICTURE, again), f) : -1;
    }
    if (r > 0)
        return give_picture(p, f, next_us, looks_like_a_cut(p));
    av_frame_free(&f->frame);
    return r;
}

/* What is only known at the end of the picture. */
static int end_video(struct pass *p, struct err *e)
{
    if (p->last_left.frame) {
        struct pass_item *item = pass_item_new(PASS_STILL, STEAL(p->last_left.frame));
        item->edge = true;
        item->settled = shotlist_settled(p->shots);
        if (give(p->views_lane, item, &p->last_left) == 0)
            return 0;
    }
    if (shotlist_finish(p->shots, e) < 0)
        return -1;
    return tell_borders(p);
}

static int decode(struct pass *p, struct err *e)
{
    struct source_frame f;
    int r;

    while ((r = source_next(p->source, &f, e)) > 0) {
        if (r == SOURCE_VIDEO) {
            if ((r = on_video(p, &f, e)) <= 0)
                return r;
        } else if (give(p->views_lane, pass_item_new(PASS_SOUND, f.frame), &f) == 0) {
            return 0;
        }
        child_progress(p->child, source_percent(p->source), p->frames, f.us);
    }
    return r == SOURCE_EOF && p->frames > 0 ? end_video(p, e) : r;
}

/* ---- result ------------------------------------------------------------------------------------ */

static int64_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) < 0 ? 0 : (int64_t)st.st_size;
}

static bool variable_rate(const struct pass *p)
{
    /* A rate that the time base can not say exactly makes distances that differ by a tick. */
    return p->frames > 2 && p->longest - p->shortest > MAX(1, p->longest / 50);
}

/* The picture that a shot has is the one that was made; a shot that has passed between two pictures
 * keeps its middle. */
static void name_pictures(struct media_shots *shots, const struct media_pictures *pictures)
{
    for (int64_t i = 0; i < MIN(shots->n, pictures->n); i++) {
        struct media_shot *s = &shots->shots[i];
        int64_t frame = pictures->p[i].frame;
        if (frame >= s->start_frame && frame < s->end_frame)
            s->picture_frame = frame;
    }
}

static void fill_made(const struct pass *p, bool pictures, bool sound, struct media_pass_result *r)
{
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        bool of_sound = i == MEDIA_OUT_AUDIO || i == MEDIA_OUT_PEAKS;
        r->made[i] = i == MEDIA_OUT_PROXY ? pictures || sound : of_sound ? sound : pictures;
        r->bytes[i] = size_of(p->out_fds[i]);
    }
}

static int report(struct pass *p, struct buf *out, struct err *e)
{
    struct media_pass_result r = {.info = (struct media_info *)p->info};
    CLEANUP(media_shots_free) struct media_shots *shots = NULL;
    struct pass_views_result v;
    struct jsonw w = JSONW(out);

    pass_views_result(p->views, &v);
    if (p->frames > 0) {
        if (shotlist_result(p->shots, &shots, e) < 0)
            return -1;
        name_pictures(shots, &v.stills.shots->pictures);
        r.shot_pictures = v.stills.shots->pictures;
        r.samples = pass_samples_pack(p->samples)->pictures;
        r.sprites = v.sprites->pictures;
    } else {
        shots = XNEW(struct media_shots);
    }
    fill_made(p, p->frames > 0, v.sound.end_us > 0, &r);
    r.shots = shots;
    r.poster_frame = v.stills.poster_frame;
    r.poster_us = v.stills.poster_us;
    r.proxy_width = v.proxy.w;
    r.proxy_height = v.proxy.h;
    r.proxy_fps = p->frames > 0 ? av_q2d(p->pick.rate) : 0;
    r.duration_us = MAX(p->end_us, v.sound.end_us);
    r.variable_rate = variable_rate(p);
    r.decode_errors = source_errors(p->source);
    r.loudness_lufs = v.sound.loudness_lufs;
    r.loudness_range_lu = v.sound.loudness_range_lu;
    r.peak_dbfs = v.sound.peak_dbfs;
    media_pass_result_json(&r, &w);
    return buf_ok(out) ? 0 : err_set(e, ERR_LIMIT, "report longer than %zu bytes", out->max);
}

static int join(struct pass *p, struct err *e)
{
    if (p->views_lane && pass_lane_join(p->views_lane, e) < 0)
        return -1;
    if (p->samples_lane && pass_lane_join(p->samples_lane, e) < 0)
        return -1;
    return 0;
}

static int work(struct pass *p, int in_fd, struct buf *out, struct err *e)
{
    if (start(p, in_fd, e) < 0 || decode(p, e) < 0)
        return -1;
    pass_views_video_end(p->views, p->frames, p->end_us);
    if (join(p, e) < 0)
        return -1;
    if (source_clock_jumped(p->source))
        frame_index_writer_clock_jumps(p->index);
    if (p->frames > 0 &&
        frame_index_writer_finish(p->index, p->first_us, p->out_fds[MEDIA_OUT_INDEX], e) < 0)
        return err_wrap(e, "frame index");
    return report(p, out, e);
}

int pass_run(struct child *c, int in_fd, const int out_fds[MEDIA_OUT_N],
             const struct media_pass_opts *o, struct buf *out, struct err *e)
{
    struct pass p = {.child = c, .o = o, .out_fds = out_fds};
    int r = work(&p, in_fd, out, e);
    finish(&p);
    return r;
}
