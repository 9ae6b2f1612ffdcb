/* The picture of a cut; cut.h says what is kept and what is converted. */
#include "media/cut.h"
#include "media/pic.h"

/* Finer clocks than this are rounded to it: H.264 counts in 31 bits. */
#define CLOCK_MAX 1000000
#define GOP_US    2000000
/* Beyond 4K every picture that the encoder holds counts: it looks less far ahead, refers to fewer and works on fewer at
 * once, so that a child's memory is enough. */
#define LARGE_PIXELS    (4096 * 2304)
#define LARGE_LOOKAHEAD 4
#define LARGE_THREADS   2
/* The encoder gives pictures back in another order; their durations wait here. More than its longest delay. */
#define DURATIONS 512

struct cut_video {
    AVCodecContext *enc;
    AVRational from, to; /* clocks of the source and of the encoder */
    struct pic_maker *maker;
    bool convert; /* all frames; else only those that are unlike the first */
    int src_width, src_height, src_format;
    bool turned;
    int32_t matrix[9]; /* display matrix, if turned */
    int64_t last_pts, next_key_pts;
    struct {
        int64_t pts, duration;
    } durations[DURATIONS];
    unsigned n;
};

static bool kept_as_is(const AVFrame *f)
{
    bool plain = f->format == AV_PIX_FMT_YUV420P || f->format == AV_PIX_FMT_YUVJ420P ||
                 f->format == AV_PIX_FMT_NV12;
    bool hdr = f->color_trc == AVCOL_TRC_SMPTE2084 || f->color_trc == AVCOL_TRC_ARIB_STD_B67;

    return plain && !hdr && f->width > 1 && f->height > 1;
}

static void colours_of(AVCodecContext *c, const AVFrame *f)
{
    c->color_range = f->format == AV_PIX_FMT_YUVJ420P ? AVCOL_RANGE_JPEG : f->color_range;
    c->colorspace = f->colorspace;
    c->color_primaries = f->color_primaries;
    c->color_trc = f->color_trc;
    c->chroma_sample_location = f->chroma_location;
}

static void colours_made(AVCodecContext *c, enum pic_colour colour)
{
    bool hd = colour == PIC_BT709;

    c->color_range = AVCOL_RANGE_MPEG;
    c->colorspace = hd ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    c->color_primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
    c->color_trc = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
    c->chroma_sample_location = AVCHROMA_LOC_LEFT;
}

static AVRational clock_for(AVRational tb)
{
    return tb.den > 0 && tb.den <= CLOCK_MAX ? (AVRational){1, tb.den} : (AVRational){1, CLOCK_MAX};
}

static int open_encoder(struct cut_video *v, const struct cut_video_opts *o, enum pic_colour colour,
                        struct err *e)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    const struct media_stream *st = o->stream;
    AVDictionary *options = NULL;

    if (!codec) {
        err_set(e, ERR_UNAVAILABLE, "no H.264 encoder (libx264) in this libavcodec");
        return err_plain(e, "The video encoder is missing.",
                         "Install FFmpeg's libraries with libx264 (libavcodec-extra).");
    }
    AVCodecContext *c = v->enc = avcodec_alloc_context3(codec);
    if (!c)
        return err_set(e, ERR_LIMIT, "no memory for an encoder");
    c->width = MAX(o->first->width & ~1, 2);
    c->height = MAX(o->first->height & ~1, 2);
    c->pix_fmt = v->convert ? AV_PIX_FMT_YUV420P : o->first->format;
    c->time_base = v->to;
    c->framerate = (AVRational){st->frame_rate.num, st->frame_rate.den};
    if (c->framerate.num <= 0)
        c->framerate = (AVRational){25, 1};
    c->sample_aspect_ratio = (AVRational){st->sample_aspect.num, st->sample_aspect.den};
    c->gop_size = (int)CLAMP(
        av_rescale(GOP_US, c->framerate.num, (int64_t)c->framerate.den * 1000000), 1, 1000);
    c->thread_count = o->threads;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    if (!v->convert && lav_frame_interlaced(o->first) && c->height % 4 == 0)
        c->flags |= AV_CODEC_FLAG_INTERLACED_DCT;
    if (v->convert)
        colours_made(c, colour);
    else
        colours_of(c, o->first);
    av_dict_set(&options, "preset", o->preset, 0);
    av_dict_set_int(&options, "crf", o->crf, 0);
    av_dict_set(&options, "profile", "high", 0);
    av_dict_set(&options, "forced-idr", "1", 0);
    if ((int64_t)c->width * c->height > LARGE_PIXELS) {
        av_dict_set_int(&options, "rc-lookahead", LARGE_LOOKAHEAD, 0);
        c->refs = 1;
        c->max_b_frames = 0;
        c->thread_count = MIN(c->thread_count, LARGE_THREADS);
    }
    int r = avcodec_open2(c, codec, &options);
    av_dict_free(&options);
    if (r < 0)
        return cut_encoder_failed(c, r, e);
    return 0;
}

int cut_video_open(const struct cut_video_opts *o, struct cut_video **ret, struct err *e)
{
    CLEANUP(cut_video_free) struct cut_video *v = XNEW(struct cut_video);
    enum pic_colour colour = pic_video_colour(o->stream);
    struct pic_size size = {MAX(o->first->width & ~1, 2), MAX(o->first->height & ~1, 2)};

    v->from = o->time_base;
    v->to = clock_for(o->time_base);
    v->last_pts = -1;
    v->convert = !kept_as_is(o->first);
    v->src_width = o->first->width;
    v->src_height = o->first->height;
    v->src_format = o->first->format;
    v->maker = pic_maker_new(NULL, size, colour);
    if (open_encoder(v, o, colour, e) < 0)
        return -1;
    if (o->stream->rotation != 0 || o->stream->flip) {
        v->turned = true;
        av_display_rotation_set(
            v->matrix, o->stream->rotation); /* set counts with the clock, get against it */
        av_display_matrix_flip(v->matrix, o->stream->flip, /* vflip */ 0);
    }
    *ret = STEAL(v);
    return 0;
}

void cut_video_free(struct cut_video *v)
{
    if (!v)
        return;
    avcodec_free_context(&v->enc);
    pic_maker_free(v->maker);
    free(v);
}

AVCodecContext *cut_video_encoder(struct cut_video *v)
{
    return v->enc;
}

const int32_t *cut_video_matrix(const struct cut_video *v)
{
    return v->turned ? v->matrix : NULL;
}

static void set_duration(void *arg, AVPacket *packet)
{
    struct cut_video *v = arg;

    for (unsigned i = 0; i < DURATIONS; i++)
        if (v->durations[i].duration > 0 && v->durations[i].pts == packet->pts)
            packet->duration = v->durations[i].duration;
}

/* A frame that the encoder takes: the pixels as they are, less an odd edge, or converted ones. */
static int prepare(struct cut_video *v, const AVFrame *f, AVFrame **ret, struct err *e)
{
    bool like_first =
        f->width == v->src_width && f->height == v->src_height && f->format == v->src_format;

    if (v->convert || !like_first)
        return pic_make(v->maker, f, ret, e);
    AVFrame *out = av_frame_clone(f);
    if (!out)
        return err_set(e, ERR_LIMIT, "no memory for a frame");
    out->width = v->enc->width;
    out->height = v->enc->height;
    *ret = out;
    return 0;
}

int cut_video_frame(struct cut_video *v, const AVFrame *f, int64_t pts, int64_t duration,
                    struct mux *m, int stream, struct err *e)
{
    AVFrame *out = NULL;

    if (prepare(v, f, &out, e) < 0)
        return -1;
    out->pts = MAX(av_rescale_q(pts, v->from, v->to), v->last_pts + 1);
    v->last_pts = out->pts;
    bool key = out->pts >= v->next_key_pts; /* by time: frames may be far apart */
    if (key)
        v->next_key_pts = out->pts + av_rescale_q(GOP_US, AV_TIME_BASE_Q, v->to);
    out->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    out->sample_aspect_ratio = v->enc->sample_aspect_ratio;
    v->durations[v->n % DURATIONS].pts = out->pts;
    v->durations[v->n++ % DURATIONS].duration = MAX(av_rescale_q(duration, v->from, v->to), 1);
    int r = cut_encode(v->enc, out, set_duration, v, m, stream, e);
    av_frame_free(&out);
    return r;
}

int cut_video_finish(struct cut_video *v, struct mux *m, int stream, struct err *e)
{
    if (cut_encode(v->enc, NULL, set_duration, v, m, stream, e) < 0)
        return -1;
    return mux_end(m, stream, e);
}
