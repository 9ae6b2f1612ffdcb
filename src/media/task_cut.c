/*
 * A cut: frames [from, to) and the sound that goes with them, coded anew into an MP4 whose first frame is at 0.
 * more[0]: the file's frame index, more[1]: the MP4. cut.h says what becomes of picture and sound.
 *
 * Picture and sound are two sources over the same file, so that each can be sought by itself and neither waits in
 * memory for the other.
 */
#include "media/child.h"
#include "media/cut.h"
#include "media/frame_index.h"
#include "media/results.h"

enum { VIDEO_STREAM, AUDIO_STREAM };
/* Sound is coded so far ahead of the picture: the muxer then seldom waits. */
#define AHEAD_US 200000

struct cut {
    struct child *c;
    struct media_cut_opts o;
    struct frame_index *x;
    struct source *video, *sound;
    struct cut_video *v;
    struct cut_audio *a;
    struct mux *m;
    int64_t from_us, to_us, sought;
};

static void cut_finish(struct cut *t)
{
    mux_free(t->m); /* before the encoders it borrows */
    cut_audio_free(t->a);
    cut_video_free(t->v);
    source_free(t->sound);
    source_free(t->video);
    frame_index_free(t->x);
}

int cut_encoder_failed(const AVCodecContext *enc, int averror, struct err *e)
{
    lav_err(e, ERR_PROCESSING, averror, "encode %s", enc->codec->name);
    if (averror == AVERROR_EXTERNAL)
        err_plain(e,
                  "The cut could not be coded, most likely because its pictures need more memory "
                  "than allowed.",
                  "Raise child.memory and try again.");
    return -1;
}

int cut_encode(AVCodecContext *enc, const AVFrame *frame, void (*fix)(void *arg, AVPacket *packet),
               void *arg, struct mux *m, int stream, struct err *e)
{
    int r = avcodec_send_frame(enc, frame);

    if (r < 0)
        return cut_encoder_failed(enc, r, e);
    for (;;) {
        AVPacket *packet = av_packet_alloc();
        if (!packet)
            return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "packet");
        r = avcodec_receive_packet(enc, packet);
        if (r < 0) {
            av_packet_free(&packet);
            return r == AVERROR(EAGAIN) || r == AVERROR_EOF ? 0 : cut_encoder_failed(enc, r, e);
        }
        if (fix)
            fix(arg, packet);
        if (mux_packet(m, stream, packet, e) < 0)
            return err_wrap(e, "write cut");
    }
}

static void on_work(void *arg)
{
    struct cut *t = arg;

    child_progress(t->c, 0, ++t->sought, 0); /* frames passed over on the way are work, too */
}

static int check_range(const struct cut *t, struct err *e)
{
    if (t->o.to_frame <= t->x->n)
        return 0;
    err_set(e, ERR_USAGE, "cut to frame %lld of %lld", (long long)t->o.to_frame,
            (long long)t->x->n);
    return err_plainf(e, "The video has %lld frames; the cut ends beyond its last one.",
                      (long long)t->x->n);
}

static int open_video(struct cut *t, struct err *e)
{
    if (source_open(CHILD_FD_INPUT, &t->c->limits, &t->video, e) < 0)
        return -1;
    if (source_info(t->video)->video < 0) {
        err_set(e, ERR_INPUT, "cut: no video stream");
        return err_plain(e, "The file has sound only: there are no frames to cut by.", NULL);
    }
    source_on_work(t->video, on_work, t);
    if (source_decode(t->video, SOURCE_WANT_VIDEO, t->c->threads, e) < 0)
        return -1;
    return source_seek(t->video, t->x, t->o.from_frame, e);
}

static int open_sound(struct cut *t, struct err *e)
{
    if (source_info(t->video)->audio < 0)
        return 0;
    if (source_open(CHILD_FD_INPUT, &t->c->limits, &t->sound, e) < 0)
        return -1;
    source_on_work(t->sound, on_work, t);
    if (source_decode(t->sound, SOURCE_WANT_AUDIO, 1, e) < 0 ||
        source_seek_sound(t->sound, t->from_us, t->x->clock_jumps, e) < 0)
        return -1;
    return cut_audio_open(t->sound, t->from_us, t->to_us, &t->a, e);
}

static int open_output(struct cut *t, const AVFrame *first, struct err *e)
{
    const struct media_info *info = source_info(t->video);
    const struct cut_video_opts vo = {.stream = &info->streams[info->video],
                                      .first = first,
                                      .time_base = source_video_time_base(t->video),
                                      .crf = t->o.crf,
                                      .preset = t->o.preset,
                                      .threads = t->c->threads};

    if (cut_video_open(&vo, &t->v, e) < 0)
        return -1;
    AVCodecContext *encoders[MUX_STREAMS_MAX] = {[VIDEO_STREAM] = cut_video_encoder(t->v)};
    if (t->a)
        encoders[AUDIO_STREAM] = cut_audio_encoder(t->a);
    return mux_open_turned(CHILD_FD_MORE + 1, encoders, t->a ? 2 : 1, cut_video_matrix(t->v), &t->m,
                           e);
}

static int one_frame(struct cut *t, const struct source_frame *f, struct err *e)
{
    const struct frame_entry *first = &t->x->frames[t->o.from_frame];
    int64_t done = f->number - t->o.from_frame, all = t->o.to_frame - t->o.from_frame;

    if (!t->m && open_output(t, f->frame, e) < 0)
        return -1;
    if (cut_video_frame(t->v, f->frame, f->pts - first->pts, f->duration, t->m, VIDEO_STREAM, e) <
        0)
        return -1;
    if (t->a && cut_audio_until(t->a, f->end_us - t->from_us + AHEAD_US, t->m, AUDIO_STREAM, e) < 0)
        return -1;
    child_progress(t->c, (int)(done * 100 / all), t->sought + done + 1, f->us);
    return 0;
}

static int frames(struct cut *t, struct err *e)
{
    struct source_frame f;

    for (int64_t n = t->o.from_frame; n < t->o.to_frame; n++) {
        int got = source_next(t->video, &f, e);
        if (got < 0)
            return -1;
        if (got == SOURCE_EOF || f.pts != t->x->frames[n].pts) {
            if (got != SOURCE_EOF)
                av_frame_free(&f.frame);
            err_set(e, ERR_INPUT, "frame %lld is not where the index has it", (long long)n);
            return err_plain(e, "The video does not match its frame index.", NULL);
        }
        int r = one_frame(t, &f, e);
        av_frame_free(&f.frame);
        if (r < 0)
            return -1;
    }
    if (cut_video_finish(t->v, t->m, VIDEO_STREAM, e) < 0)
        return -1;
    if (t->a && cut_audio_finish(t->a, t->m, AUDIO_STREAM, e) < 0)
        return -1;
    return mux_finish(t->m, e);
}

static int cut(struct cut *t, struct err *e)
{
    if (media_cut_opts_parse(t->c->request, &t->o, e) < 0 ||
        frame_index_read_fd(CHILD_FD_MORE, t->c->limits.frames, &t->x, e) < 0 ||
        check_range(t, e) < 0)
        return -1;
    t->from_us = frame_index_us(t->x, t->o.from_frame);
    t->to_us = frame_index_us(t->x, t->o.to_frame);
    if (open_video(t, e) < 0 || open_sound(t, e) < 0)
        return -1;
    return frames(t, e);
}

static int run(struct child *c, struct err *e)
{
    struct cut t = {.c = c};

    if (c->n_more != 2)
        return err_set(e, ERR_INTERNAL, "cut: %d descriptors, 2 expected", c->n_more);
    int r = cut(&t, e);
    cut_finish(&t);
    return r;
}

const struct child_task task_cut = {.name = "cut", .lav = true, .run = run};
