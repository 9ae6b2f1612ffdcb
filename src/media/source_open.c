/*
 * What a file is: which formats are taken, opening the demuxer, choosing the streams, and the
 * limits that the headers already show. Everything here works on claims of the file; decoding
 * proves or disproves them.
 */
#include "media/source_priv.h"

#include <errno.h>

#include "base/human.h"

/*
 * The demuxers taken. Left out on purpose: all that opens other files (playlists, concat, DASH,
 * IMF), image sequences, devices, game and tracker formats, and raw elementary streams, which have
 * no clock to cut by.
 */
static const struct source_format formats[] = {
    {"mov", "mp4", "video/mp4", "MP4 or QuickTime"},
    {"matroska", "mkv", "video/x-matroska", "Matroska or WebM"},
    {"avi", "avi", "video/x-msvideo", "AVI"},
    {"mpegts", "ts", "video/mp2t", "MPEG transport stream"},
    {"mpeg", "mpg", "video/mpeg", "MPEG program stream"},
    {"flv", "flv", "video/x-flv", "Flash video"},
    {"ogg", "ogg", "video/ogg", "Ogg"},
    {"asf", "asf", "video/x-ms-asf", "Windows media"},
    {"mxf", "mxf", "application/mxf", "MXF"},
    {"dv", "dv", "video/x-dv", "DV"},
    {"ivf", "ivf", "video/x-ivf", "IVF"},
    {"wav", "wav", "audio/wav", "WAVE"},
    {"w64", "w64", "audio/x-w64", "Wave64"},
    {"aiff", "aiff", "audio/aiff", "AIFF"},
    {"caf", "caf", "audio/x-caf", "Core Audio"},
    {"au", "au", "audio/basic", "AU"},
    {"mp3", "mp3", "audio/mpeg", "MP3"},
    {"aac", "aac", "audio/aac", "AAC"},
    {"flac", "flac", "audio/flac", "FLAC"},
    {"ac3", "ac3", "audio/ac3", "AC-3"},
    {"eac3", "eac3", "audio/eac3", "E-AC-3"},
    {"amr", "amr", "audio/amr", "AMR"},
};

const struct source_format *source_format_find(const char *demuxer_names)
{
    struct str first, rest = str_of(demuxer_names);

    if (!str_cut(&rest, ',', &first))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_eqz(first, formats[i].demuxer))
            return &formats[i];
    return NULL;
}

/* Media that points at other files gets none of them. */
static int refuse_io_open(AVFormatContext *fmt, AVIOContext **pb, const char *url, int flags,
                          AVDictionary **options)
{
    return AVERROR(EACCES);
}

static int not_media(struct err *e, int averror)
{
    lav_err(e, ERR_INPUT, averror, "recognise the format");
    return err_plain(
        e, "This is not a video or audio file, or it is damaged beyond recognition.",
        "Check that the file plays elsewhere; MP4, MOV, MKV, WebM and AVI are sure to be taken.");
}

static int probe_format(struct source *s, const AVInputFormat **ret, struct err *e)
{
    const AVInputFormat *in = NULL;
    int r = av_probe_input_buffer2(s->io.pb, &in, "", NULL, 0, 0);

    if (r < 0 || !in) {
        if (s->io.read_errno)
            return err_errno(e, s->io.read_errno, "read input");
        return not_media(e, r < 0 ? r : AVERROR_INVALIDDATA);
    }
    s->format = source_format_find(in->name);
    if (!s->format) {
        err_set(e, ERR_INPUT, "format '%s' is not taken", in->name);
        return err_plain(e, "This kind of file is not taken as video or audio.",
                         "MP4, MOV, MKV, WebM and AVI are sure to be taken.");
    }
    *ret = in;
    return 0;
}

static int headers_failed(struct source *s, int averror, struct err *e)
{
    if (s->io.read_errno)
        return err_errno(e, s->io.read_errno, "read input");
    lav_err(e, ERR_INPUT, averror, "open %s", s->format->demuxer);
    if (e->code != ERR_INPUT)
        return -1;
    if (strcmp(s->format->demuxer, "mov") == 0)
        return err_plain(
            e, "The file has no readable table of contents (moov): it is incomplete or damaged.",
            "The recording or the upload was probably cut short; send the whole file again.");
    return err_plainf(e, "The file looks like %s, but its headers are damaged.",
                      s->format->in_words);
}

static int open_format(struct source *s, struct err *e)
{
    AVDictionary *options = NULL;
    const AVInputFormat *in = NULL;

    if (probe_format(s, &in, e) < 0)
        return -1;
    s->fmt = avformat_alloc_context();
    if (!s->fmt)
        return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "demuxer");
    s->fmt->pb = s->io.pb;
    s->fmt->flags |= AVFMT_FLAG_CUSTOM_IO;
    s->fmt->io_open = refuse_io_open;
    /* a demuxer inside a demuxer obeys these, too */
    av_dict_set(&options, "format_whitelist", in->name, 0);
    av_dict_set(&options, "protocol_whitelist", "", 0);
    av_dict_set_int(&options, "max_streams", s->limits.streams + 1, 0);
    int r = avformat_open_input(&s->fmt, "", in, &options); /* frees s->fmt on failure */
    av_dict_free(&options);
    return r < 0 ? headers_failed(s, r, e) : 0;
}

/* Also before the streams are read: what the headers claim is what decoders would be asked for. */
static int check_pixels(const struct source *s, struct err *e)
{
    for (unsigned i = 0; i < s->fmt->nb_streams; i++) {
        const AVStream *st = s->fmt->streams[i];
        const AVCodecParameters *p = st->codecpar;
        if (p->codec_type != AVMEDIA_TYPE_VIDEO ||
            (st->disposition & AV_DISPOSITION_ATTACHED_PIC) || s->limits.pixels <= 0 ||
            (int64_t)p->width * p->height <= s->limits.pixels)
            continue;
        err_set(e, ERR_LIMIT, "limit.pixels: %d x %d, at most %lld", p->width, p->height,
                (long long)s->limits.pixels);
        return err_plainf(e, "The picture is %d x %d; the limit is %lld pixels (limit.pixels).",
                          p->width, p->height, (long long)s->limits.pixels);
    }
    return 0;
}

/* Reads far enough to know the streams; the decoders it opens for that obey our limit on pictures.
 */
static int find_streams(struct source *s, struct err *e)
{
    unsigned n = s->fmt->nb_streams;
    AVDictionary **options = mem_try_calloc(n ? n : 1, sizeof(*options));

    if (!options)
        return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "stream options");
    for (unsigned i = 0; i < n; i++)
        av_dict_set_int(&options[i], "max_pixels", s->limits.pixels, 0);
    int r = avformat_find_stream_info(s->fmt, n ? options : NULL);
    for (unsigned i = 0; i < n; i++)
        av_dict_free(&options[i]);
    free(options);
    if (r < 0)
        return headers_failed(s, r, e);
    if (s->fmt->nb_streams > s->limits.streams) {
        err_set(e, ERR_LIMIT, "limit.streams: more than %lld", (long long)s->limits.streams);
        return err_plainf(e, "The file has more than %lld streams (limit.streams).",
                          (long long)s->limits.streams);
    }
    return 0;
}

static bool decodable(const AVStream *st)
{
    return avcodec_find_decoder(st->codecpar->codec_id) != NULL;
}

/*
 * A picture beside the video, not the video: cover art, thumbnails, and the second video of a
 * phone's file, which has a frame or two where its neighbour has hundreds.
 */
static bool side_picture(const AVFormatContext *fmt, const AVStream *st)
{
    const int pictures =
        AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS | AV_DISPOSITION_STILL_IMAGE;

    if (st->disposition & pictures)
        return true;
    if (st->nb_frames < 1 || st->nb_frames > 2)
        return false;
    for (unsigned i = 0; i < fmt->nb_streams; i++) {
        const AVStream *other = fmt->streams[i];
        if (other != st && other->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
            !(other->disposition & pictures) && other->nb_frames > 2 && decodable(other))
            return true;
    }
    return false;
}

static int64_t video_rank(const AVFormatContext *fmt, const AVStream *st)
{
    const AVCodecParameters *p = st->codecpar;

    /* without a size nothing of it could be read: announced, but not there */
    if (p->codec_type != AVMEDIA_TYPE_VIDEO || p->width <= 0 || p->height <= 0 ||
        side_picture(fmt, st))
        return -1;
    int64_t pixels = (int64_t)p->width * p->height;
    return ((int64_t)decodable(st) << 62) +
           ((int64_t) !!(st->disposition & AV_DISPOSITION_DEFAULT) << 61) +
           MIN(pixels, (int64_t)1 << 60);
}

static int64_t audio_rank(const AVFormatContext *fmt, const AVStream *st)
{
    const int asides =
        AV_DISPOSITION_VISUAL_IMPAIRED | AV_DISPOSITION_COMMENT | AV_DISPOSITION_KARAOKE;

    /* a track we can not decode is no reason to refuse the pictures: it counts as absent */
    if (st->codecpar->codec_type != AVMEDIA_TYPE_AUDIO || !decodable(st))
        return -1;
    return ((int64_t) !(st->disposition & asides) << 62) +
           ((int64_t) !!(st->disposition & AV_DISPOSITION_DEFAULT) << 61) +
           st->codecpar->ch_layout.nb_channels;
}

static AVStream *best(const AVFormatContext *fmt,
                      int64_t (*rank)(const AVFormatContext *, const AVStream *))
{
    AVStream *found = NULL;
    int64_t best_rank = -1;

    for (unsigned i = 0; i < fmt->nb_streams; i++) {
        int64_t r = rank(fmt, fmt->streams[i]);
        if (r > best_rank) {
            best_rank = r;
            found = fmt->streams[i];
        }
    }
    return found;
}

static int64_t start_us_of(const AVStream *st)
{
    if (!st || st->start_time == AV_NOPTS_VALUE)
        return AV_NOPTS_VALUE;
    return av_rescale_q_rnd(st->start_time, st->time_base, AV_TIME_BASE_Q, AV_ROUND_DOWN);
}

static int choose_streams(struct source *s, struct err *e)
{
    s->video.st = best(s->fmt, video_rank);
    s->audio.st = best(s->fmt, audio_rank);
    if (!s->video.st && !s->audio.st) {
        err_set(e, ERR_INPUT, "%s without video or audio among its %u streams", s->format->demuxer,
                s->fmt->nb_streams);
        return err_plain(e, "The file holds neither moving pictures nor sound.", NULL);
    }
    for (unsigned i = 0; i < s->fmt->nb_streams; i++)
        s->fmt->streams[i]->discard = AVDISCARD_ALL;

    int64_t v = start_us_of(s->video.st), a = start_us_of(s->audio.st);
    s->file_start_us = v == AV_NOPTS_VALUE ? a : a == AV_NOPTS_VALUE ? v : MIN(v, a);
    if (s->file_start_us == AV_NOPTS_VALUE)
        s->file_start_us = 0;
    return 0;
}

static int check_limits(struct source *s, struct err *e)
{
    const struct media_limits *lim = &s->limits;

    if (s->fmt->duration != AV_NOPTS_VALUE && lim->duration_us > 0 &&
        s->fmt->duration > lim->duration_us) {
        err_set(e, ERR_LIMIT, "limit.duration: %lld us, at most %lld", (long long)s->fmt->duration,
                (long long)lim->duration_us);
        char is[HUMAN_MAX], may[HUMAN_MAX];
        return err_plainf(e, "The media is %s long; the limit is %s (limit.duration).",
                          human_duration(s->fmt->duration, is),
                          human_duration(lim->duration_us, may));
    }
    if (!s->video.st)
        return 0;
    if (lim->frames > 0 && s->video.st->nb_frames > lim->frames) {
        err_set(e, ERR_LIMIT, "limit.frames: %lld, at most %lld", (long long)s->video.st->nb_frames,
                (long long)lim->frames);
        return err_plainf(e, "The video has %lld frames; the limit is %lld (limit.frames).",
                          (long long)s->video.st->nb_frames, (long long)lim->frames);
    }
    return 0;
}

int source_demux_open(struct source *s, struct err *e)
{
    if (open_format(s, e) < 0 || check_pixels(s, e) < 0 || find_streams(s, e) < 0 ||
        check_pixels(s, e) < 0 || choose_streams(s, e) < 0)
        return -1;
    return check_limits(s, e);
}

void source_demux_close(struct source *s)
{
    s->video.st = s->audio.st = NULL;
    if (s->fmt)
        avformat_close_input(&s->fmt); /* with CUSTOM_IO the io stays ours */
}

int source_open(int fd, const struct media_limits *limits, struct source **ret, struct err *e)
{
    CLEANUP(source_free) struct source *s = XNEW(struct source);

    s->limits = *limits;
    if (source_io_open(&s->io, fd, limits, e) < 0 || source_demux_open(s, e) < 0)
        return err_wrap(e, "open media");
    s->pkt = av_packet_alloc();
    s->scratch = av_frame_alloc();
    if (!s->pkt || !s->scratch)
        return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "open media");
    s->info = source_info_make(s->fmt, s->format, &s->io);
    s->info->video = s->video.st ? s->video.st->index : -1;
    s->info->audio = s->audio.st ? s->audio.st->index : -1;
    source_state_reset(s);
    *ret = STEAL(s);
    return 0;
}

void source_free(struct source *s)
{
    if (!s)
        return;
    source_state_reset(s);
    VEC_FINISH(&s->queue);
    source_decoders_close(s);
    source_demux_close(s);
    source_io_close(&s->io);
    av_packet_free(&s->pkt);
    av_frame_free(&s->scratch);
    media_info_free(s->info);
    free(s);
}
