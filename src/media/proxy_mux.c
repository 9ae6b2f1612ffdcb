#include "media/proxy_mux.h"

#include <errno.h>
#include <unistd.h>

#include "base/str.h"

#define IO_BUFFER 65536

/* A position in a descriptor that is shared with others: all reading and writing names its offset.
 */
struct fd_io {
    int fd;
    int64_t at, size;
    int failed_errno; /* of the first write that failed: libav passes codes on, but not always */
};

struct queue {
    AVPacket **p; /* a ring of cap packets */
    size_t first, n, cap;
    bool ended;
};

struct mux {
    AVFormatContext *format;
    struct fd_io out,
        back; /* the second pass that moves the index to the front reads what the first wrote */
    AVCodecContext *encoders[MUX_STREAMS_MAX];
    struct queue queues[MUX_STREAMS_MAX];
    size_t waiting_bytes;
    int n;
};

/* ---- descriptor -------------------------------------------------------------------------------- */

static int fd_write(void *arg, lav_write_byte *bytes, int n)
{
    struct fd_io *io = arg;
    for (int done = 0; done < n;) {
        ssize_t r = pwrite(io->fd, bytes + done, (size_t)(n - done), io->at);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            int code = r < 0 ? errno : EIO;
            if (!io->failed_errno)
                io->failed_errno = code;
            return AVERROR(code);
        }
        done += (int)r;
        io->at += r;
        io->size = MAX(io->size, io->at);
    }
    return n;
}

static int fd_read(void *arg, uint8_t *bytes, int n)
{
    struct fd_io *io = arg;
    ssize_t r;
    do
        r = pread(io->fd, bytes, (size_t)n, io->at);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return AVERROR(errno);
    if (r == 0)
        return AVERROR_EOF;
    io->at += r;
    return (int)r;
}

static int64_t fd_seek(void *arg, int64_t offset, int whence)
{
    struct fd_io *io = arg;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
        return io->size;
    case SEEK_SET:
        break;
    case SEEK_CUR:
        offset += io->at;
        break;
    case SEEK_END:
        offset += io->size;
        break;
    default:
        return AVERROR(EINVAL);
    }
    if (offset < 0)
        return AVERROR(EINVAL);
    io->at = offset;
    return offset;
}

static AVIOContext *io_new(struct fd_io *io, bool writing)
{
    uint8_t *buffer = av_malloc(IO_BUFFER);
    AVIOContext *pb =
        buffer ? avio_alloc_context(buffer, IO_BUFFER, writing, io, writing ? NULL : fd_read,
                                    writing ? fd_write : NULL, fd_seek)
               : NULL;
    if (!pb)
        av_free(buffer);
    return pb;
}

static void io_free(AVIOContext **pb)
{
    if (*pb)
        av_freep(&(*pb)->buffer);
    avio_context_free(pb);
}

/* The muxer reopens its own file to move the index to the front; it gets the same descriptor to
 * read from. */
static int open_again(AVFormatContext *format, AVIOContext **pb, const char *url, int flags,
                      AVDictionary **options)
{
    struct mux *m = format->opaque;
    if (flags & AVIO_FLAG_WRITE)
        return AVERROR(EPERM);
    m->back = (struct fd_io){.fd = m->out.fd, .size = m->out.size};
    *pb = io_new(&m->back, false);
    return *pb ? 0 : AVERROR(ENOMEM);
}

static int close_again(AVFormatContext *format, AVIOContext *pb)
{
    if (pb != format->pb)
        io_free(&pb);
    return 0;
}

static int failed(struct mux *m, int averror, const char *what, struct err *e)
{
    if (m->out.failed_errno)
        return err_errno(e, m->out.failed_errno, "%s", what);
    return lav_err(e, ERR_PROCESSING, averror, "%s", what);
}

/* ---- life -------------------------------------------------------------------------------------- */

static int add_stream(struct mux *m, AVCodecContext *encoder, struct err *e)
{
    AVStream *st = avformat_new_stream(m->format, NULL);
    if (!st || avcodec_parameters_from_context(st->codecpar, encoder) < 0)
        return err_set(e, ERR_LIMIT, "no memory for a stream");
    st->time_base = encoder->time_base;
    if (encoder->codec_type == AVMEDIA_TYPE_VIDEO) {
        st->avg_frame_rate = encoder->framerate;
        st->sample_aspect_ratio = encoder->sample_aspect_ratio;
    }
    m->encoders[m->n++] = encoder;
    return 0;
}

#define MATRIX_SIZE (9 * sizeof(int32_t))

static int add_matrix(struct mux *m, const int32_t *matrix, struct err *e)
{
    uint8_t *p =
        lav_stream_new_side_data(m->format->streams[0], AV_PKT_DATA_DISPLAYMATRIX, MATRIX_SIZE);
    if (!p)
        return err_set(e, ERR_LIMIT, "no memory for a display matrix");
    memcpy(p, matrix, MATRIX_SIZE);
    return 0;
}

int mux_open(int fd, AVCodecContext *const *encoders, int n, struct mux **ret, struct err *e)
{
    return mux_open_turned(fd, encoders, n, NULL, ret, e);
}

int mux_open_turned(int fd, AVCodecContext *const *encoders, int n, const int32_t *matrix,
                    struct mux **ret, struct err *e)
{
    CLEANUP(mux_free) struct mux *m = XNEW(struct mux);
    AVDictionary *options = NULL;
    int r;

    m->out.fd = fd;
    r = avformat_alloc_output_context2(&m->format, NULL, "mp4", NULL);
    if (r < 0)
        return lav_err(e, ERR_UNAVAILABLE, r, "MP4 muxer");
    m->format->opaque = m;
    m->format->flags |=
        AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO; /* no version strings, no dates */
    m->format->io_open = open_again;
    m->format->io_close2 = close_again;
    m->format->url = av_strdup("out.mp4"); /* must be there to be reopened; never looked at */
    m->format->pb = io_new(&m->out, true);
    if (!m->format->pb || !m->format->url)
        return err_set(e, ERR_LIMIT, "no memory for an MP4");
    for (int i = 0; i < n; i++)
        if (add_stream(m, encoders[i], e) < 0)
            return -1;
    if (matrix && add_matrix(m, matrix, e) < 0)
        return -1;
    av_dict_set(&options, "movflags", "+faststart", 0);
    r = avformat_write_header(m->format, &options);
    av_dict_free(&options);
    if (r < 0)
        return failed(m, r, "MP4 header", e);
    *ret = STEAL(m);
    return 0;
}

void mux_free(struct mux *m)
{
    if (!m)
        return;
    for (int i = 0; i < MUX_STREAMS_MAX; i++) {
        struct queue *q = &m->queues[i];
        for (size_t k = 0; k < q->n; k++)
            av_packet_free(&q->p[(q->first + k) % q->cap]);
        free(q->p);
    }
    if (m->format) {
        io_free(&m->format->pb);
        avformat_free_context(m->format);
    }
    free(m);
}

/* ---- order ------------------------------------------------------------------------------------- */

static void push(struct queue *q, AVPacket *packet)
{
    if (q->n == q->cap) {
        size_t cap = MAX(q->cap * 2, (size_t)64);
        AVPacket **p = xcalloc(cap, sizeof(*p));
        for (size_t k = 0; k < q->n; k++)
            p[k] = q->p[(q->first + k) % q->cap];
        free(q->p);
        *q = (struct queue){.p = p, .n = q->n, .cap = cap, .ended = q->ended};
    }
    q->p[(q->first + q->n++) % q->cap] = packet;
}

static const AVPacket *head(const struct queue *q)
{
    return q->n ? q->p[q->first] : NULL;
}

/* The stream whose turn it is, or -1: one that may still get an earlier packet has none waiting. */
static int next_stream(const struct mux *m)
{
    int best = -1;
    bool all_known = true;
    for (int i = 0; i < m->n; i++) {
        const AVPacket *p = head(&m->queues[i]);
        if (!p) {
            all_known &= m->queues[i].ended;
            continue;
        }
        if (best < 0 ||
            av_compare_ts(p->dts, m->encoders[i]->time_base, head(&m->queues[best])->dts,
                          m->encoders[best]->time_base) < 0)
            best = i;
    }
    return all_known || m->waiting_bytes > MUX_WAIT_BYTES ? best : -1;
}

static int write_ready(struct mux *m, struct err *e)
{
    for (int i; (i = next_stream(m)) >= 0;) {
        struct queue *q = &m->queues[i];
        AVPacket *packet = q->p[q->first];
        q->first = (q->first + 1) % q->cap;
        q->n--;
        m->waiting_bytes -= (size_t)packet->size;
        av_packet_rescale_ts(packet, m->encoders[i]->time_base, m->format->streams[i]->time_base);
        packet->stream_index = i;
        packet->pos = -1;
        int r = av_write_frame(m->format, packet);
        av_packet_free(&packet);
        if (r < 0 || m->out.failed_errno)
            return failed(m, r, "write MP4", e);
    }
    return 0;
}

int mux_packet(struct mux *m, int stream, AVPacket *packet, struct err *e)
{
    m->waiting_bytes += (size_t)packet->size;
    push(&m->queues[stream], packet);
    return write_ready(m, e);
}

int mux_end(struct mux *m, int stream, struct err *e)
{
    m->queues[stream].ended = true;
    return write_ready(m, e);
}

int mux_finish(struct mux *m, struct err *e)
{
    for (int i = 0; i < m->n; i++)
        if (mux_end(m, i, e) < 0)
            return -1;
    int r = av_write_trailer(m->format);
    avio_flush(m->format->pb);
    if (r < 0 || m->out.failed_errno)
        return failed(m, r, "end MP4", e);
    return 0;
}
