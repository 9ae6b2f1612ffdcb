/* The bytes of a source: an AVIOContext over pread, so that the demuxer has no path, no protocol
 * and no other file. */
#include "media/source_priv.h"

#include <errno.h>
#include <sys/stat.h>

/* Reads of this size keep system calls rare and, in files whose streams lie far apart, little is
 * read in vain. */
#define IO_BUFFER 65536

static int io_read(void *opaque, uint8_t *out, int n)
{
    struct source_io *io = opaque;
    ssize_t got;

    if (n <= 0)
        return AVERROR(EINVAL);
    do
        got = pread(io->fd, out, (size_t)n, io->pos);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (!io->read_errno)
            io->read_errno = errno;
        return AVERROR(errno);
    }
    if (got == 0)
        return AVERROR_EOF;
    io->pos += got;
    return (int)got;
}

static int64_t io_seek(void *opaque, int64_t offset, int whence)
{
    struct source_io *io = opaque;
    int64_t base;

    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
        return io->size;
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = io->pos;
        break;
    case SEEK_END:
        base = io->size;
        break;
    default:
        return AVERROR(EINVAL);
    }
    int64_t to;
    if (__builtin_add_overflow(base, offset, &to) || to < 0)
        return AVERROR(EINVAL);
    io->pos = to;
    return to;
}

static double gigabytes(int64_t bytes)
{
    return (double)bytes / (double)(1 << 30);
}

static int check_file(int fd, const struct media_limits *limits, int64_t *ret_size, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, "stat input");
    if (S_ISDIR(st.st_mode)) {
        err_set(e, ERR_INPUT, "input is a directory");
        return err_plain(e, "This is a folder, not a media file.", "Name the files inside it.");
    }
    if (!S_ISREG(st.st_mode)) {
        err_set(e, ERR_INPUT, "input is not a regular file (mode %o)", (unsigned)st.st_mode);
        return err_plain(e, "This is not an ordinary file; media is read from files only.", NULL);
    }
    if (st.st_size == 0) {
        err_set(e, ERR_INPUT, "input is empty");
        return err_plain(e, "The file is empty.", "Check that the upload or copy was completed.");
    }
    if (limits->size_bytes > 0 && st.st_size > limits->size_bytes) {
        err_set(e, ERR_LIMIT, "limit.size: %lld bytes, at most %lld", (long long)st.st_size,
                (long long)limits->size_bytes);
        return err_plainf(e, "The file has %.2f GB; the limit is %.2f GB (limit.size).",
                          gigabytes(st.st_size), gigabytes(limits->size_bytes));
    }
    *ret_size = st.st_size;
    return 0;
}

int source_io_open(struct source_io *io, int fd, const struct media_limits *limits, struct err *e)
{
    int64_t size = 0;

    if (check_file(fd, limits, &size, e) < 0)
        return -1;
    uint8_t *buffer = av_malloc(IO_BUFFER);
    if (!buffer)
        return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "read buffer");
    *io = (struct source_io){.fd = fd, .size = size};
    io->pb = avio_alloc_context(buffer, IO_BUFFER, /* write_flag */ 0, io, io_read, NULL, io_seek);
    if (!io->pb) {
        av_free(buffer);
        return lav_err(e, ERR_PROCESSING, AVERROR(ENOMEM), "read context");
    }
    return 0;
}

void source_io_close(struct source_io *io)
{
    if (!io->pb)
        return;
    av_freep(&io->pb->buffer);
    avio_context_free(&io->pb);
}
