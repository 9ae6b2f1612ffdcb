/*
 * To an exact frame. Demuxers land near where they are asked to, decoders drop what they can not
 * show, and timestamps after a seek are not always those of a linear read. So nothing is believed:
 * after a jump to a key frame, every picture that comes out must be the one that the index has at
 * that place, one after the other, until the wanted one is there. If one is not, the next try
 * starts further back, and the last one at the beginning of the file, which is the linear read that
 * made the index.
 */
#include "media/frame_index.h"
#include "media/source_priv.h"

#define TRIES_MAX 6
/* Sound is decoded from this much before the wanted time: overlapping windows need the block before
 * theirs. */
#define AUDIO_PREROLL_US 100000
/* Sound that is still late after starting this many tries further back is not there. */
#define AUDIO_TRIES_MAX 3
/* How many frames may wait while the first sound after a jump is looked for. */
#define AUDIO_LOOKAHEAD_MAX 64

enum landed { LANDED_EXACT, LANDED_ELSEWHERE, LANDED_SOUND_LATE };

static int64_t index_of_pts(const struct frame_index *x, int64_t pts)
{
    int64_t lo = 0, hi = x->n - 1;

    while (lo <= hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (x->frames[mid].pts == pts)
            return mid;
        if (x->frames[mid].pts < pts)
            lo = mid + 1;
        else
            hi = mid - 1;
    }
    return -1;
}

/* The last key frame that is shown at or before frame n and not after pts. */
static int64_t key_before(const struct frame_index *x, int64_t n, int64_t pts)
{
    while (n > 0 && !(x->frames[n].key && x->frames[n].pts <= pts))
        n--;
    return n;
}

static void queue_push(struct source *s, const struct source_frame *f)
{
    VEC_PUSH(&s->queue, *f);
}

/* Keeps the queue of sound as long as it may be needed and no longer. */
static void queue_drop_before(struct source *s, int64_t us)
{
    while (s->queue_at < s->queue.n) {
        struct source_frame *f = &s->queue.p[s->queue_at];
        if (f->end_us >= us)
            break;
        av_frame_free(&f->frame);
        s->queue_at++;
    }
    if (s->queue_at == s->queue.n) {
        s->queue.n = s->queue_at = 0;
    } else if (s->queue_at >=
               256) { /* close the gap now and then, so that the queue does not grow */
        memmove(s->queue.p, s->queue.p + s->queue_at,
                (s->queue.n - s->queue_at) * sizeof(*s->queue.p));
        s->queue.n -= s->queue_at;
        s->queue_at = 0;
    }
}

struct walk {
    const struct frame_index *x;
    int64_t target, target_us;
    int64_t at; /* number of the last picture seen, -1 none yet */
    bool from_start, sound, sound_late;
};

/* Checks a picture against the index and numbers it. False: not where we should be. */
static bool agree(struct source *s, struct walk *w, struct source_frame *f)
{
    const struct frame_index *x = w->x;
    int64_t n = w->at + 1;

    if (w->at < 0) {
        n = w->from_start ? 0 : index_of_pts(x, f->pts);
        if (n < 0 || n > w->target || (!w->from_start && !x->frames[n].key))
            return false;
        /* the source counted from 0: shift what it has numbered so far */
        int64_t shift = n - f->number;
        s->next_number += shift;
        if (s->held.frame)
            s->held.number += shift;
        f->number = n;
    }
    if (n >= x->n || f->pts != x->frames[n].pts || f->key != x->frames[n].key)
        return false;
    if (n + 1 < x->n && f->duration != x->frames[n].duration)
        return false;
    f->duration = x->frames[n].duration;
    f->end_us = frame_index_us(x, n + 1);
    w->at = n;
    return true;
}

static bool damaged(const AVFrame *f)
{
    return f->decode_error_flags || (f->flags & AV_FRAME_FLAG_CORRUPT);
}

static void heard(struct source *s, struct walk *w, const struct source_frame *f)
{
    if (!w->sound) {
        w->sound = true;
        /* the first block of all is whole; any other one lacks the block before it */
        w->sound_late = f->us > w->target_us - AUDIO_PREROLL_US && !w->from_start;
    }
    queue_push(s, f);
}

/* Decodes until the wanted picture is in the queue and, where there is sound, the first of it has
 * been heard. */
static int walk_to(struct source *s, struct walk *w, enum landed *ret, struct err *e)
{
    size_t waiting = 0;

    *ret = LANDED_ELSEWHERE;
    for (;;) {
        struct source_frame f;
        int got = source_produce(s, &f, e);
        if (got < 0)
            return -1;
        if (got == SOURCE_EOF)
            break;
        if (s->on_work)
            s->on_work(s->on_work_arg);
        if (got == SOURCE_AUDIO) {
            heard(s, w, &f);
            if (w->at < w->target)
                queue_drop_before(s, w->target_us - AUDIO_PREROLL_US);
        } else if (w->at >= w->target) {
            queue_push(s, &f);
            waiting++;
        } else {
            bool good = agree(s, w, &f);
            if (good && w->at == w->target && (w->from_start || !damaged(f.frame))) {
                queue_push(s, &f);
            } else {
                bool there = w->at == w->target;
                av_frame_free(&f.frame);
                if (!good || there)
                    return 0;
            }
        }
        if (w->at == w->target && (!s->audio.dec || w->sound || waiting >= AUDIO_LOOKAHEAD_MAX))
            break;
    }
    if (w->at != w->target)
        return 0;
    *ret = w->sound_late ? LANDED_SOUND_LATE : LANDED_EXACT;
    return 0;
}

static int start_over(struct source *s, struct err *e)
{
    struct media_limits limits = s->limits;
    int fd = s->io.fd;

    source_state_reset(s);
    source_decoders_close(s);
    source_demux_close(s);
    source_io_close(&s->io);
    if (source_io_open(&s->io, fd, &limits, e) < 0 || source_demux_open(s, e) < 0)
        return -1;
    return source_decoders_open(s, e);
}

static bool jump(struct source *s, int64_t pts)
{
    source_state_reset(s);
    if (s->video.dec)
        avcodec_flush_buffers(s->video.dec);
    if (s->audio.dec)
        avcodec_flush_buffers(s->audio.dec);
    return av_seek_frame(s->fmt, s->video.st->index, pts, AVSEEK_FLAG_BACKWARD) >= 0;
}

static int try_from(struct source *s, const struct frame_index *x, int64_t target, int64_t pts,
                    bool from_start, enum landed *ret, struct err *e)
{
    struct walk w = {.x = x, .target = target, .at = -1, .from_start = from_start};

    *ret = LANDED_ELSEWHERE;
    if (from_start) {
        if (start_over(s, e) < 0)
            return -1;
    } else if (!jump(s, pts)) {
        return 0;
    }
    s->pts0 = x->frames[0].pts;
    s->start_us = x->start_us;
    w.target_us = frame_index_us(x, target);
    return walk_to(s, &w, ret, e);
}

static int not_as_indexed(int64_t number, struct err *e)
{
    err_set(e, ERR_INPUT, "frame %lld is not where the index has it", (long long)number);
    return err_plain(e, "The video does not match its frame index.",
                     "Make the index again from this very file.");
}

int source_seek(struct source *s, const struct frame_index *x, int64_t number, struct err *e)
{
    AVRational tb = source_video_time_base(s);

    if (!s->video.dec)
        return err_set(e, ERR_INTERNAL, "seek without a video decoder");
    if (number < 0 || number >= x->n || x->time_base_num != tb.num || x->time_base_den != tb.den)
        return not_as_indexed(number, e);

    const int64_t second = MAX(av_rescale_q(1, (AVRational){1, 1}, tb), 1);
    const int64_t wanted = x->frames[number].pts;
    int64_t errors = s->errors,
            mended = s->mended; /* what failed tries stumble over is no damage of the file */
    /* transport streams are searched by decoding time, which lies before the picture's */
    const bool by_decoding_time = (s->fmt->iformat->flags & AVFMT_TS_DISCONT) != 0;
    int64_t back = by_decoding_time ? second : s->audio.dec ? second / 5 : 0;
    int late = 0;

    for (int i = 0; i < TRIES_MAX; i++) {
        int64_t key = key_before(x, number, back > 0 ? wanted - back : wanted);
        bool from_start = x->clock_jumps || key == 0 || i == TRIES_MAX - 1;
        enum landed landed;
        int64_t ask = x->frames[key].pts - (by_decoding_time ? back : 0);
        int r = try_from(s, x, number, ask, from_start, &landed, e);
        if (r < 0 && (from_start || (e->code != ERR_INPUT && e->code != ERR_LIMIT)))
            return err_wrap(e, "seek to frame %lld", (long long)number);
        s->errors = errors;
        s->mended = mended;
        if (r < 0)
            err_clear(e); /* timestamps went wrong after the jump: that, too, is being elsewhere */
        if (landed == LANDED_EXACT || (landed == LANDED_SOUND_LATE && ++late >= AUDIO_TRIES_MAX))
            return 0;
        if (from_start)
            return not_as_indexed(number, e);
        back = MAX(back * 4, second);
    }
    return not_as_indexed(number, e);
}

/* 1 the first sound after the jump is early enough and waits in the queue, 0 it is not, negative error. */
static int hear_from(struct source *s, int64_t ask_us, int64_t us, bool from_start, struct err *e)
{
    struct source_frame f;
    bool first = true;

    if (from_start) {
        if (start_over(s, e) < 0)
            return -1;
    } else {
        AVRational tb = s->audio.st->time_base;
        source_state_reset(s);
        avcodec_flush_buffers(s->audio.dec);
        if (av_seek_frame(s->fmt, s->audio.st->index, av_rescale_q(ask_us, AV_TIME_BASE_Q, tb),
                          AVSEEK_FLAG_BACKWARD) < 0)
            return 0;
    }
    for (;;) {
        int got = source_produce(s, &f, e);
        if (got < 0)
            return -1;
        if (got == SOURCE_EOF)
            return from_start ? 1 : 0;
        if (s->on_work)
            s->on_work(s->on_work_arg);
        if (first && !from_start && f.us > us - AUDIO_PREROLL_US) {
            av_frame_free(&f.frame);
            return 0;
        }
        first = false;
        queue_push(s, &f);
        if (f.end_us >= us - AUDIO_PREROLL_US)
            return 1;
        queue_drop_before(s, f.us); /* keeps the last one only */
    }
}

int source_seek_sound(struct source *s, int64_t us, bool from_start, struct err *e)
{
    int64_t back = 2 * AUDIO_PREROLL_US;

    if (!s->audio.dec || s->video.dec)
        return err_set(e, ERR_INTERNAL, "seek in sound without a decoder for sound alone");
    for (int i = 0; i < TRIES_MAX; i++) {
        bool start = from_start || us <= back || i == TRIES_MAX - 1;
        int r = hear_from(s, us - back + s->file_start_us, us, start, e);
        if (r > 0)
            return 0;
        if (r < 0 && (start || (e->code != ERR_INPUT && e->code != ERR_LIMIT)))
            return err_wrap(e, "seek to sound at %lld us", (long long)us);
        err_clear(e);
        back = MAX(back * 4, 1000000);
    }
    return err_set(e, ERR_INTERNAL, "seek to sound at %lld us",
                   (long long)us); /* the last try is from the start */
}
