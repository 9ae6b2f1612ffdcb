/*
 * Packets in, numbered frames out.
 *
 * Packets go to their decoder in file order and a decoder is emptied before the next packet is
 * read, so frames of both kinds come out about as the file interleaves them. Video is held back by
 * one frame: its duration is the distance to the next one. Timestamps are made strictly increasing
 * in source_stamp_video(); the number of a frame is a plain count, so whatever a linear decode
 * shows is frame 0, 1, 2…
 */
#include "media/source_priv.h"

#define CLOCK_MAX ((int64_t)1 << 60) /* timestamps beyond this are noise: 2^60 ns are 36 years */
/* Clocks of broadcast streams are reset and wrap; further off than this is a new clock, not a gap.
 */
#define JUMP_BACK_S      1
#define JUMP_FORWARD_S   10
#define READ_AGAIN_MAX   1000 /* times a demuxer may say "again" in a row */
#define DRAIN_ERRORS_MAX 1000 /* errors of a decoder that is being emptied */

/*
 * Decoders that run out of memory often say that the picture is damaged, and go on with the next: a file would then be
 * short of frames here and whole on a machine with more room. So memory is watched where it is taken.
 */
static int get_buffer(AVCodecContext *dec, AVFrame *f, int flags)
{
    struct source *s = dec->opaque;
    int r = avcodec_default_get_buffer2(dec, f, flags);

    if (r == AVERROR(ENOMEM))
        s->no_memory = true;
    return r;
}

static int open_decoder(struct source *s, struct source_track *t, int threads, struct err *e)
{
    const AVCodecParameters *p = t->st->codecpar;
    const AVCodec *codec = avcodec_find_decoder(p->codec_id);

    if (!codec) {
        err_set(e, ERR_INPUT, "no decoder for %s", avcodec_get_name(p->codec_id));
        return err_plainf(e, "The media is coded as '%s', which can not be decoded here.",
                          avcodec_get_name(p->codec_id));
    }
    t->dec = avcodec_alloc_context3(codec);
    if (!t->dec)
        return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "decoder");
    int r = avcodec_parameters_to_context(t->dec, p);
    if (r >= 0) {
        t->dec->pkt_timebase = t->st->time_base;
        t->dec->thread_count = threads;
        t->dec->max_pixels = s->limits.pixels;
        t->dec->opaque = s;
        t->dec->get_buffer2 = get_buffer;
        lav_callbacks_any_thread(t->dec);
        r = avcodec_open2(t->dec, codec, NULL);
    }
    if (r < 0) {
        avcodec_free_context(&t->dec);
        lav_err(e, ERR_INPUT, r, "open decoder %s", codec->name);
        return err_plainf(e, "The media is coded as '%s' in a form that can not be decoded.",
                          avcodec_get_name(p->codec_id));
    }
    t->st->discard = AVDISCARD_DEFAULT;
    t->ended = false;
    return 0;
}

int source_decoders_open(struct source *s, struct err *e)
{
    if ((s->want & SOURCE_WANT_VIDEO) && s->video.st && !s->video.dec &&
        open_decoder(s, &s->video, s->threads, e) < 0)
        return -1;
    if ((s->want & SOURCE_WANT_AUDIO) && s->audio.st && !s->audio.dec &&
        open_decoder(s, &s->audio, 1, e) < 0)
        return -1;
    return 0;
}

void source_decoders_close(struct source *s)
{
    avcodec_free_context(&s->video.dec);
    avcodec_free_context(&s->audio.dec);
}

int source_decode(struct source *s, unsigned want, int threads, struct err *e)
{
    s->want = want;
    if (threads <= 0)
        threads = CLAMP(av_cpu_count(), 1, 8);
    s->threads = threads;
    return source_decoders_open(s, e);
}

/* Forgets everything about where decoding stood; what was learnt of the file (pts0) stays. */
void source_state_reset(struct source *s)
{
    while (s->queue_at < s->queue.n)
        av_frame_free(&s->queue.p[s->queue_at++].frame);
    s->queue.n = s->queue_at = 0;
    av_frame_free(&s->held.frame);
    s->demux_ended = false;
    s->draining = NULL;
    s->video.ended = s->audio.ended = false;
    s->next_number = 0;
    s->last_pts = AV_NOPTS_VALUE;
    s->last_duration = 0;
    s->any_pts = false;
    s->first_dts = s->dts_lag = AV_NOPTS_VALUE;
    s->jump = s->audio_jump = 0;
    s->next_sample = AV_NOPTS_VALUE;
    s->samples = 0;
    s->video_frames = 0;
    s->position_us = 0;
    if (!s->anything)
        s->pts0 = s->start_us = AV_NOPTS_VALUE;
}

static bool sane(int64_t t)
{
    return t != AV_NOPTS_VALUE && t >= -CLOCK_MAX && t <= CLOCK_MAX;
}

static bool clock_may_jump(const struct source *s)
{
    return (s->fmt->iformat->flags & AVFMT_TS_DISCONT) != 0;
}

/* How long a frame lasts when no later one tells: its own claim, else the rate, else the frame
 * before. At least 1. */
static int64_t duration_guess(const struct source *s, int64_t claimed)
{
    AVRational tb = s->video.st->time_base, rate = s->video.st->avg_frame_rate;

    if (claimed > 0 && sane(claimed))
        return claimed;
    if (s->last_duration > 0)
        return s->last_duration;
    if (rate.num <= 0 || rate.den <= 0)
        rate = s->video.st->r_frame_rate;
    if (rate.num > 0 && rate.den > 0)
        return MAX(av_rescale_q(1, (AVRational){rate.den, rate.num}, tb), 1);
    return MAX(av_rescale_q(40, (AVRational){1, 1000}, tb), 1);
}

/* The frame's place on the stream's clock, before it is made to advance; NOPTS when nothing tells.
 */
static int64_t own_pts(struct source *s, const AVFrame *f)
{
    if (sane(f->pts)) {
        s->any_pts = true;
        return f->pts + s->jump;
    }
    /* Containers like AVI know only when packets are decoded. A decoder that reorders shows a frame
     * some packets later; that lag is the same for all frames, so it is taken off once it is known
     * from the first. */
    if (!s->any_pts && sane(f->pkt_dts) && sane(s->first_dts)) {
        if (s->dts_lag == AV_NOPTS_VALUE)
            s->dts_lag = MAX(f->pkt_dts - s->first_dts, 0);
        return f->pkt_dts - s->dts_lag;
    }
    return AV_NOPTS_VALUE;
}

static int64_t video_us(const struct source *s, int64_t pts)
{
    return s->start_us +
           av_rescale_q_rnd(pts - s->pts0, s->video.st->time_base, AV_TIME_BASE_Q, AV_ROUND_DOWN);
}

static int too_long(struct source *s, struct err *e)
{
    err_set(e, ERR_LIMIT, "limit.duration: at most %lld us", (long long)s->limits.duration_us);
    return err_plainf(e, "The media is longer than the limit of %lld minutes (limit.duration).",
                      (long long)(s->limits.duration_us / 60000000));
}

/* Numbers a decoded frame and gives it a pts that advances. Its duration is filled when the next
 * one comes. */
static int source_stamp_video(struct source *s, AVFrame *f, struct source_frame *ret, struct err *e)
{
    AVRational tb = s->video.st->time_base;
    int64_t pts = own_pts(s, f);

    if (s->last_pts == AV_NOPTS_VALUE) {
        if (pts == AV_NOPTS_VALUE)
            pts = sane(s->video.st->start_time) ? s->video.st->start_time : 0;
    } else {
        int64_t next =
            s->last_pts + duration_guess(s, s->held.frame ? lav_frame_duration(s->held.frame) : 0);
        if (pts == AV_NOPTS_VALUE) {
            pts = next;
        } else if (clock_may_jump(s) &&
                   (pts < s->last_pts - av_rescale_q(JUMP_BACK_S, (AVRational){1, 1}, tb) ||
                    pts > s->last_pts + av_rescale_q(JUMP_FORWARD_S, (AVRational){1, 1}, tb))) {
            s->jump += next - pts;
            s->jumped = true;
            pts = next;
            s->mended++;
        }
        if (pts <= s->last_pts) {
            pts = s->last_pts + 1;
            s->mended++;
        }
    }
    if (!sane(pts) || !(s->jump >= -CLOCK_MAX && s->jump <= CLOCK_MAX)) {
        err_set(e, ERR_INPUT, "frame %lld has timestamp %lld", (long long)s->next_number,
                (long long)pts);
        return err_plain(e, "The video's timestamps are damaged.", NULL);
    }
    if (s->pts0 == AV_NOPTS_VALUE) {
        s->pts0 = pts;
        s->start_us =
            MAX(av_rescale_q_rnd(pts, tb, AV_TIME_BASE_Q, AV_ROUND_DOWN) - s->file_start_us, 0);
    }
    if (s->last_pts != AV_NOPTS_VALUE)
        s->last_duration = pts - s->last_pts;
    *ret = (struct source_frame){.frame = f,
                                 .number = s->next_number,
                                 .pts = pts,
                                 .us = video_us(s, pts),
                                 .key = lav_frame_key(f)};
    if (s->limits.duration_us > 0 && (ret->us < 0 || ret->us > s->limits.duration_us))
        return too_long(s, e);
    if (s->limits.frames > 0 && s->next_number >= s->limits.frames) {
        err_set(e, ERR_LIMIT, "limit.frames: more than %lld", (long long)s->limits.frames);
        return err_plainf(e, "The video has more than %lld frames (limit.frames).",
                          (long long)s->limits.frames);
    }
    s->last_pts = pts;
    s->next_number++;
    s->position_us = MAX(s->position_us, ret->us);
    return 0;
}

/* Places a block of samples; containers round its time to their ticks, so small differences are the
 * same place. */
static int stamp_audio(struct source *s, AVFrame *f, struct source_frame *ret, struct err *e)
{
    AVRational unit = {1, f->sample_rate};
    AVRational tb = s->audio.st->time_base;
    int64_t tick = av_rescale_q_rnd(1, tb, unit, AV_ROUND_UP) + 1;
    int64_t pts = AV_NOPTS_VALUE;

    if (sane(f->pts))
        pts = av_rescale_q(f->pts, tb, unit) + av_rescale_q(s->audio_jump, AV_TIME_BASE_Q, unit);
    if (s->next_sample == AV_NOPTS_VALUE) {
        if (!sane(pts))
            pts = av_rescale_q(s->file_start_us, AV_TIME_BASE_Q, unit);
    } else if (!sane(pts)) {
        pts = s->next_sample;
    } else {
        if (clock_may_jump(s) &&
            (pts < s->next_sample - (int64_t)JUMP_BACK_S * f->sample_rate ||
             pts > s->next_sample + (int64_t)JUMP_FORWARD_S * f->sample_rate)) {
            s->audio_jump += av_rescale_q(s->next_sample - pts, unit, AV_TIME_BASE_Q);
            pts = s->next_sample;
            s->mended++;
        }
        if (pts < s->next_sample - tick)
            s->mended++;
        if (pts <= s->next_sample + tick)
            pts = s->next_sample;
    }
    int64_t us = sane(pts) ? av_rescale_q_rnd(pts, unit, AV_TIME_BASE_Q, AV_ROUND_DOWN) : INT64_MIN;
    if (!sane(us) || !(s->audio_jump >= -CLOCK_MAX && s->audio_jump <= CLOCK_MAX)) {
        err_set(e, ERR_INPUT, "sound has timestamp %lld", (long long)pts);
        return err_plain(e, "The sound's timestamps are damaged.", NULL);
    }
    *ret = (struct source_frame){.frame = f,
                                 .number = s->samples,
                                 .pts = pts,
                                 .duration = f->nb_samples,
                                 .us = us - s->file_start_us,
                                 .key = true};
    if (s->limits.duration_us > 0 && ret->us > s->limits.duration_us)
        return too_long(s, e);
    s->next_sample = pts + f->nb_samples;
    ret->end_us =
        av_rescale_q_rnd(s->next_sample, unit, AV_TIME_BASE_Q, AV_ROUND_DOWN) - s->file_start_us;
    s->samples += f->nb_samples;
    s->position_us = MAX(s->position_us, ret->us);
    return 0;
}

static void close_held(struct source *s, int64_t duration, struct source_frame *ret)
{
    *ret = s->held;
    ret->duration = duration;
    ret->end_us = video_us(s, ret->pts + duration);
    s->held = (struct source_frame){0};
}

/* 1 *ret is filled, 0 the frame waits, negative error; takes the frame out of s->scratch */
static int take_video(struct source *s, struct source_frame *ret, struct err *e)
{
    struct source_frame now;
    AVFrame *f = av_frame_alloc();

    if (!f)
        return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "frame");
    av_frame_move_ref(f, s->scratch);
    if (source_stamp_video(s, f, &now, e) < 0) {
        av_frame_free(&f);
        return -1;
    }
    s->video_frames++;
    s->anything = true;
    if (f->decode_error_flags || (f->flags & AV_FRAME_FLAG_CORRUPT))
        s->errors++;
    int r = 0;
    if (s->held.frame) {
        close_held(s, now.pts - s->held.pts, ret);
        r = 1;
    }
    s->held = now;
    return r;
}

static int take_audio(struct source *s, struct source_frame *ret, struct err *e)
{
    if (s->scratch->nb_samples <= 0 || s->scratch->sample_rate <= 0) {
        av_frame_unref(s->scratch);
        return 0;
    }
    AVFrame *f = av_frame_alloc();
    if (!f)
        return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "frame");
    av_frame_move_ref(f, s->scratch);
    if (stamp_audio(s, f, ret, e) < 0) {
        av_frame_free(&f);
        return -1;
    }
    s->anything = true;
    if (f->decode_error_flags || (f->flags & AV_FRAME_FLAG_CORRUPT))
        s->errors++;
    return 1;
}

/* Takes one frame from the decoder that may have some: 1 *ret is filled, 0 nothing to give yet,
 * negative error. */
static int drain(struct source *s, struct source_frame *ret, struct err *e)
{
    struct source_track *t = s->draining;

    for (int i = 0; i < DRAIN_ERRORS_MAX; i++) {
        int r = avcodec_receive_frame(t->dec, s->scratch);
        if (r >= 0)
            return t == &s->video ? take_video(s, ret, e) : take_audio(s, ret, e);
        if (r == AVERROR(ENOMEM))
            return lav_err(e, ERR_PROCESSING, r, "decode");
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF) {
            s->draining = NULL;
            t->ended = r == AVERROR_EOF;
            return 0;
        }
        s->errors++;
    }
    s->draining = NULL;
    t->ended = s->demux_ended;
    return 0;
}

static int send(struct source *s, struct source_track *t, const AVPacket *pkt, struct err *e)
{
    int r = avcodec_send_packet(t->dec, pkt);

    if (r == AVERROR(ENOMEM))
        return lav_err(e, ERR_PROCESSING, r, "decode");
    if (r < 0 && r != AVERROR_EOF)
        s->errors++;
    s->draining = t;
    return 0;
}

static int read_packet(struct source *s, struct err *e)
{
    int r = AVERROR(EAGAIN);

    for (int i = 0; i < READ_AGAIN_MAX && r == AVERROR(EAGAIN); i++)
        r = av_read_frame(s->fmt, s->pkt);
    if (r < 0) {
        if (s->io.read_errno)
            return err_errno(e, s->io.read_errno, "read input");
        if (r == AVERROR(ENOMEM))
            return lav_err(e, ERR_PROCESSING, r, "read packet");
        if (r != AVERROR_EOF)
            s->errors++; /* damaged or cut off here: what came before counts */
        s->demux_ended = true;
        return 0;
    }
    struct source_track *t = s->video.st && s->pkt->stream_index == s->video.st->index   ? &s->video
                             : s->audio.st && s->pkt->stream_index == s->audio.st->index ? &s->audio
                                                                                         : NULL;
    if (t && t->dec && !t->ended) {
        if (s->pkt->flags & AV_PKT_FLAG_CORRUPT)
            s->errors++;
        if (t == &s->video && s->first_dts == AV_NOPTS_VALUE)
            s->first_dts = s->pkt->dts;
        r = send(s, t, s->pkt, e);
    }
    av_packet_unref(s->pkt);
    return r < 0 ? -1 : 0;
}

static int nothing_decoded(struct source *s, const char *what, const char *plain, struct err *e)
{
    err_set(e, ERR_INPUT, "no %s could be decoded, %lld errors", what, (long long)s->errors);
    return err_plain(e, plain, "The file is probably damaged; check that it plays elsewhere.");
}

static int ended(struct source *s, struct err *e)
{
    if (s->video.dec && s->video_frames == 0 && !s->anything)
        return nothing_decoded(s, "picture", "The video holds no picture that can be decoded.", e);
    if (s->video.dec && s->video_frames == 0 && s->pts0 == AV_NOPTS_VALUE)
        return nothing_decoded(s, "picture",
                               "Sound was found, but no picture of the video can be decoded.", e);
    if (!s->video.dec && s->audio.dec && !s->anything)
        return nothing_decoded(s, "sound", "The file holds no sound that can be decoded.", e);
    return SOURCE_EOF;
}

int source_produce(struct source *s, struct source_frame *ret, struct err *e)
{
    for (;;) {
        if (s->no_memory)
            return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "decode");
        if (s->draining) {
            bool video = s->draining == &s->video;
            int r = drain(s, ret, e);
            if (r != 0)
                return r < 0 ? -1 : video ? SOURCE_VIDEO : SOURCE_AUDIO;
        } else if (!s->demux_ended) {
            if (read_packet(s, e) < 0)
                return -1;
        } else if (s->video.dec && !s->video.ended) {
            if (send(s, &s->video, NULL, e) < 0)
                return -1;
        } else if (s->held.frame) {
            close_held(s, duration_guess(s, lav_frame_duration(s->held.frame)), ret);
            s->position_us = MAX(s->position_us, ret->end_us);
            return SOURCE_VIDEO;
        } else if (s->audio.dec && !s->audio.ended) {
            if (send(s, &s->audio, NULL, e) < 0)
                return -1;
        } else {
            return ended(s, e);
        }
    }
}

int source_next(struct source *s, struct source_frame *ret, struct err *e)
{
    if (s->queue_at < s->queue.n) {
        *ret = s->queue.p[s->queue_at++];
        if (s->queue_at == s->queue.n)
            s->queue.n = s->queue_at = 0;
        return ret->frame->nb_samples > 0 ? SOURCE_AUDIO : SOURCE_VIDEO;
    }
    return source_produce(s, ret, e);
}

const struct media_info *source_info(const struct source *s)
{
    return s->info;
}

int64_t source_errors(const struct source *s)
{
    return s->errors;
}

bool source_clock_jumped(const struct source *s)
{
    return s->jumped;
}

int64_t source_mended(const struct source *s)
{
    return s->mended;
}

int64_t source_position_bytes(const struct source *s)
{
    return s->io.pos;
}

int source_percent(const struct source *s)
{
    int64_t done = s->io.pos, all = s->io.size;

    if (s->info->duration_us > 0) {
        done = s->position_us;
        all = s->info->duration_us;
    }
    return all > 0 ? (int)CLAMP(av_rescale(MAX(done, 0), 100, all), 0, 100) : 0;
}

AVRational source_video_time_base(const struct source *s)
{
    return s->video.st ? s->video.st->time_base : (AVRational){1, AV_TIME_BASE};
}

void source_on_work(struct source *s, void (*fn)(void *arg), void *arg)
{
    s->on_work = fn;
    s->on_work_arg = arg;
}
