/* struct media_info from what the demuxer found: translation only, every value brought into its
 * documented range. */
#include "media/source_priv.h"

#include <ctype.h>

/* Copies text from the file: valid UTF-8, no control characters, cut at a whole character. */
static void copy_text(char *out, size_t size, const char *in)
{
    struct str s = str_of(in);
    size_t n = 0;

    for (size_t i = 0; i < s.n;) {
        char one[4];
        uint32_t cp = utf8_next(s, &i);
        size_t len = utf8_put(cp < 0x20 || cp == 0x7f ? ' ' : cp, one);
        if (n + len >= size)
            break;
        memcpy(out + n, one, len);
        n += len;
    }
    out[n] = '\0';
}

static void copy_tag(char *out, size_t size, const AVDictionary *tags, const char *key)
{
    const AVDictionaryEntry *t = av_dict_get(tags, key, NULL, 0);

    copy_text(out, size, t ? t->value : "");
}

#define US_MAX        ((int64_t)1 << 52) /* 142 years: what is beyond is noise */
#define DIMENSION_MAX (1 << 20)          /* no decoder goes there; keeps products in range */

static int64_t to_us(int64_t t, AVRational tb)
{
    if (t == AV_NOPTS_VALUE)
        return INT64_MIN;
    int64_t us = av_rescale_q_rnd(t, tb, AV_TIME_BASE_Q, AV_ROUND_NEAR_INF);
    return us >= -US_MAX && us <= US_MAX ? us : INT64_MIN;
}

static struct media_rational rational(AVRational r, struct media_rational unknown)
{
    return r.num > 0 && r.den > 0 ? (struct media_rational){r.num, r.den} : unknown;
}

/* Degrees clockwise that turn the picture upright, and whether it is mirrored after that. */
static void orientation(const AVStream *st, struct media_stream *m)
{
    size_t size;
    const uint8_t *data = lav_stream_side_data(st, AV_PKT_DATA_DISPLAYMATRIX, &size);
    int32_t matrix[9];

    if (!data || size < sizeof(matrix))
        return;
    memcpy(matrix, data, sizeof(matrix));
    double det = (double)matrix[0] * matrix[4] - (double)matrix[1] * matrix[3];
    if (det < 0) {
        av_display_matrix_flip(matrix, /* hflip */ 1, /* vflip */ 0);
        m->flip = true;
    }
    double degrees = -av_display_rotation_get(
        matrix); /* the library counts against the clock; NaN if singular */
    if (!(degrees >= -360 && degrees <= 360)) {
        m->flip = false;
        return;
    }
    m->rotation = ((int)((degrees + 360 + 45) / 90) % 4) * 90;
}

#define ASPECT_MAX 16 /* pixels more stretched than this are a broken header */

static void picture_size(const AVFormatContext *fmt, AVStream *st, struct media_stream *m)
{
    AVRational sar = av_guess_sample_aspect_ratio((AVFormatContext *)fmt, st, NULL);

    m->width = CLAMP(st->codecpar->width, 0, DIMENSION_MAX);
    m->height = CLAMP(st->codecpar->height, 0, DIMENSION_MAX);
    m->sample_aspect = rational(sar, (struct media_rational){1, 1});
    if (m->sample_aspect.num / m->sample_aspect.den >= ASPECT_MAX ||
        m->sample_aspect.den / m->sample_aspect.num >= ASPECT_MAX)
        m->sample_aspect = (struct media_rational){1, 1};
    int w = (int)av_rescale_rnd(m->width, m->sample_aspect.num, m->sample_aspect.den,
                                AV_ROUND_NEAR_INF);
    int h = m->height;
    if (m->width && w == 0)
        w = 1;
    bool sideways = m->rotation % 180 != 0;
    m->display_width = sideways ? h : w;
    m->display_height = sideways ? w : h;
}

static void video_fields(const AVFormatContext *fmt, AVStream *st, struct media_stream *m)
{
    const AVCodecParameters *p = st->codecpar;
    const AVPixFmtDescriptor *desc = p->format >= 0 ? av_pix_fmt_desc_get(p->format) : NULL;
    AVRational rate = st->avg_frame_rate.num > 0 ? st->avg_frame_rate : st->r_frame_rate;

    orientation(st, m);
    picture_size(fmt, st, m);
    copy_text(m->pixel_format, sizeof(m->pixel_format), desc ? av_get_pix_fmt_name(p->format) : "");
    m->bit_depth = desc ? desc->comp[0].depth : 0;
    m->full_range = p->color_range == AVCOL_RANGE_JPEG || strncmp(m->pixel_format, "yuvj", 4) == 0;
    m->hdr = p->color_trc == AVCOL_TRC_SMPTE2084 || p->color_trc == AVCOL_TRC_ARIB_STD_B67;
    m->interlaced = p->field_order != AV_FIELD_UNKNOWN && p->field_order != AV_FIELD_PROGRESSIVE;
    copy_text(m->color_transfer, sizeof(m->color_transfer), av_color_transfer_name(p->color_trc));
    copy_text(m->color_primaries, sizeof(m->color_primaries),
              av_color_primaries_name(p->color_primaries));
    copy_text(m->color_space, sizeof(m->color_space), av_color_space_name(p->color_space));
    m->frame_rate = rational(rate, (struct media_rational){0, 1});
    m->frame_count = MAX(st->nb_frames, 0);
    m->attached_picture = (st->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

static void audio_fields(const AVStream *st, struct media_stream *m)
{
    const AVCodecParameters *p = st->codecpar;

    m->sample_rate = MAX(p->sample_rate, 0);
    m->channels = MAX(p->ch_layout.nb_channels, 0);
    if (av_channel_layout_describe(&p->ch_layout, m->channel_layout, sizeof(m->channel_layout)) < 0)
        m->channel_layout[0] = '\0';
    m->channel_layout[sizeof(m->channel_layout) - 1] = '\0';
}

static enum media_kind kind_of(enum AVMediaType t)
{
    switch (t) {
    case AVMEDIA_TYPE_VIDEO:
        return MEDIA_VIDEO;
    case AVMEDIA_TYPE_AUDIO:
        return MEDIA_AUDIO;
    case AVMEDIA_TYPE_SUBTITLE:
        return MEDIA_SUBTITLE;
    case AVMEDIA_TYPE_ATTACHMENT:
        return MEDIA_ATTACHMENT;
    default:
        return MEDIA_DATA;
    }
}

static void stream_fields(const AVFormatContext *fmt, AVStream *st, struct media_stream *m)
{
    const AVCodecParameters *p = st->codecpar;
    const char *profile = avcodec_profile_name(p->codec_id, p->profile);

    m->index = st->index;
    m->kind = kind_of(p->codec_type);
    copy_text(m->codec, sizeof(m->codec),
              p->codec_id == AV_CODEC_ID_NONE ? "unknown" : avcodec_get_name(p->codec_id));
    copy_text(m->profile, sizeof(m->profile), profile);
    copy_tag(m->language, sizeof(m->language), st->metadata, "language");
    copy_tag(m->title, sizeof(m->title), st->metadata, "title");
    m->is_default = (st->disposition & AV_DISPOSITION_DEFAULT) != 0;
    m->time_base = rational(st->time_base, (struct media_rational){1, 1000000});
    m->start_us = to_us(st->start_time, st->time_base);
    m->duration_us = to_us(st->duration, st->time_base);
    if (m->duration_us < 0)
        m->duration_us = INT64_MIN;
    m->bit_rate = MAX(p->bit_rate, 0);
    m->sample_aspect = (struct media_rational){1, 1};
    m->frame_rate = (struct media_rational){0, 1};
    if (m->kind == MEDIA_VIDEO)
        video_fields(fmt, st, m);
    else if (m->kind == MEDIA_AUDIO)
        audio_fields(st, m);
}

/* "mp4" and its relatives by major brand; WebM by the document type in the first bytes of a
 * Matroska file. */
static void family_of(const AVFormatContext *fmt, const struct source_format *format,
                      const struct source_io *io, bool has_video, struct media_info *info)
{
    const char *family = format->family, *mime = format->mime;

    if (strcmp(format->demuxer, "mov") == 0) {
        const AVDictionaryEntry *t = av_dict_get(fmt->metadata, "major_brand", NULL, 0);
        const char *brand = t ? t->value : "";
        if (!t || strncmp(brand, "qt", 2) == 0) {
            family = "mov";
            mime = "video/quicktime";
        } else if (strncmp(brand, "3g", 2) == 0) {
            family = "3gp";
            mime = "video/3gpp";
        } else if (!has_video) {
            family = "m4a";
            mime = "audio/mp4";
        }
    } else if (strcmp(format->demuxer, "matroska") == 0) {
        char head[64];
        ssize_t n = pread(io->fd, head, sizeof(head), 0);
        if (n > 0 && memmem(head, (size_t)n, "\x42\x82\x84webm", 7)) {
            family = "webm";
            mime = has_video ? "video/webm" : "audio/webm";
        } else if (!has_video) {
            mime = "audio/x-matroska";
        }
    } else if (strcmp(format->demuxer, "ogg") == 0 && !has_video) {
        mime = "audio/ogg";
    }
    copy_text(info->family, sizeof(info->family), family);
    copy_text(info->mime, sizeof(info->mime), mime);
}

/* The recording time, if it is written as ISO 8601: QuickTime's own tag knows the time zone, so it
 * comes first. */
static void created(const AVFormatContext *fmt, struct media_info *info)
{
    static const char *const keys[] = {"com.apple.quicktime.creationdate", "creation_time", "date"};

    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        copy_tag(info->created, sizeof(info->created), fmt->metadata, keys[k]);
        const char *z = info->created;
        bool plain = strlen(z) >= 10 && isdigit((unsigned char)z[0]) &&
                     isdigit((unsigned char)z[3]) && z[4] == '-' && z[7] == '-' &&
                     strspn(z, "0123456789-T:.Z+ ") == strlen(z);
        /* containers count from 1904 or 1970 and write 0 when they do not know */
        if (plain && strncmp(z, "1904-01-01", 10) != 0 && strncmp(z, "1970-01-01", 10) != 0)
            return;
        info->created[0] = '\0';
    }
}

struct media_info *source_info_make(const AVFormatContext *fmt, const struct source_format *format,
                                    const struct source_io *io)
{
    struct media_info *info = XNEW(struct media_info);
    bool has_video = false;

    info->video = info->audio = -1;
    info->n_streams = (int)fmt->nb_streams;
    info->streams = xcalloc((size_t)MAX(info->n_streams, 1), sizeof(*info->streams));
    for (int i = 0; i < info->n_streams; i++) {
        stream_fields(fmt, fmt->streams[i], &info->streams[i]);
        has_video |= info->streams[i].kind == MEDIA_VIDEO && !info->streams[i].attached_picture;
    }
    copy_text(info->container, sizeof(info->container), fmt->iformat->name);
    family_of(fmt, format, io, has_video, info);
    info->duration_us = MAX(to_us(fmt->duration, AV_TIME_BASE_Q), 0);
    info->start_us = to_us(fmt->start_time, AV_TIME_BASE_Q);
    if (info->start_us == INT64_MIN)
        info->start_us = 0;
    info->bit_rate = MAX(fmt->bit_rate, 0);
    info->size_bytes = io->size;
    created(fmt, info);
    return info;
}
