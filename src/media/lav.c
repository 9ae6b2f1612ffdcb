/*
 * Loading of FFmpeg's libraries: lav.h tells why and how. Each library is opened by the name with
 * the major version whose headers we were compiled against; another major has other structs and is
 * refused by not being found.
 */
#define LAV_NO_NAMES
#include "media/lav.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "base/mem.h"

#define LOG_LINES_MAX 200 /* damaged media can make a library complain about every macroblock */

struct lav lav;
static bool loaded;

struct name {
    const char *fn;
    size_t offset; /* of the pointer in struct lav */
};
#define NAME_(fn) {#fn, offsetof(struct lav, fn)},
static const struct name util_names[] = {LAV_UTIL(NAME_)};
static const struct name codec_names[] = {LAV_CODEC(NAME_) LAV_SIDE_DATA(NAME_)};
static const struct name format_names[] = {LAV_FORMAT(NAME_) LAV_SIDE_DATA_STREAM(NAME_)};
static const struct name swr_names[] = {LAV_SWR(NAME_)};
static const struct name sws_names[] = {LAV_SWS(NAME_)};

#define LIB_(lib, major, names)                                                                    \
    {                                                                                              \
        "lib" lib ".so." AV_STRINGIFY(major), "lib" lib AV_STRINGIFY(major), names,                \
            ARRAY_LEN(names)                                                                       \
    }
static const struct library {
    const char *file, *package;
    const struct name *names;
    size_t n;
} libraries[] = {
    LIB_("avutil", LIBAVUTIL_VERSION_MAJOR, util_names),
    LIB_("swresample", LIBSWRESAMPLE_VERSION_MAJOR, swr_names),
    LIB_("swscale", LIBSWSCALE_VERSION_MAJOR, sws_names),
    LIB_("avcodec", LIBAVCODEC_VERSION_MAJOR, codec_names),
    LIB_("avformat", LIBAVFORMAT_VERSION_MAJOR, format_names),
};

static int load_library(const struct library *lib, struct err *e)
{
    /* NOW: nothing is left to resolve once the sandbox is closed. The handle is kept for the life
     * of the process. */
    void *handle = dlopen(lib->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        err_set(e, ERR_UNAVAILABLE, "load %s: %s", lib->file, dlerror());
        return err_plainf(e, "FFmpeg's library %s is missing; install the package %s.", lib->file,
                          lib->package);
    }
    for (size_t i = 0; i < lib->n; i++) {
        void *fn = dlsym(handle, lib->names[i].fn);
        if (!fn) {
            err_set(e, ERR_UNAVAILABLE, "load %s: no function %s", lib->file, lib->names[i].fn);
            return err_plainf(e, "FFmpeg's library %s is not the one this program was built for.",
                              lib->file);
        }
        memcpy((char *)&lav + lib->names[i].offset, &fn, sizeof(fn));
    }
    return 0;
}

/* The libraries' errors, one line each, to standard error: the client keeps the end of it for its own error. */
static void log_line(void *avcl, int level, const char *fmt, va_list ap)
{
    static _Atomic int lines;
    char text[512];
    int print_prefix = 1;

    if (level > lav.av_log_get_level() || level > AV_LOG_ERROR ||
        atomic_fetch_add(&lines, 1) >= LOG_LINES_MAX)
        return;
    int n = lav.av_log_format_line2(avcl, level, fmt, ap, text, sizeof(text), &print_prefix);
    if (n > 0 && write(STDERR_FILENO, text, (size_t)MIN(n, (int)sizeof(text) - 1)) < 0)
        return; /* nobody listens */
}

int lav_load(struct err *e)
{
    if (loaded)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
        if (load_library(&libraries[i], e) < 0)
            return -1;
    lav.av_log_set_level(AV_LOG_ERROR);
    lav.av_log_set_callback(log_line);
    loaded = true;
    return 0;
}

bool lav_loaded(void)
{
    return loaded;
}

char *lav_err_text(int averror, char out[static LAV_ERR_MAX])
{
    if (lav.av_strerror(averror, out, LAV_ERR_MAX) < 0)
        snprintf(out, LAV_ERR_MAX, "error %d", averror);
    return out;
}

static enum err_code code_of(int averror, enum err_code otherwise)
{
    switch (averror) {
    case AVERROR(ENOMEM):
        return ERR_LIMIT;
    case AVERROR(ENOSPC):
    case AVERROR(EDQUOT):
    case AVERROR(EROFS):
        return ERR_STORAGE;
    case AVERROR(EIO): /* demuxers say this of truncated files, too */
        return otherwise == ERR_INPUT ? ERR_INPUT : ERR_STORAGE;
    default:
        return otherwise;
    }
}

int lav_err(struct err *e, enum err_code code, int averror, const char *fmt, ...)
{
    char what[256], why[LAV_ERR_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    err_set(e, code_of(averror, code), "%s: %s", what, lav_err_text(averror, why));
    if (averror == AVERROR(ENOMEM))
        err_plain(e, "The media needs more memory than a media process may use.",
                  "Raise child.memory and try again.");
    return -1;
}

const uint8_t *lav_stream_side_data(const AVStream *st, enum AVPacketSideDataType type,
                                    size_t *ret_size)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    const AVPacketSideData *sd = lav.av_packet_side_data_get(
        st->codecpar->coded_side_data, st->codecpar->nb_coded_side_data, type);
    *ret_size = sd ? sd->size : 0;
    return sd ? sd->data : NULL;
#else
    *ret_size = 0;
    return lav.av_stream_get_side_data(st, type, ret_size);
#endif
}

uint8_t *lav_stream_new_side_data(AVStream *st, enum AVPacketSideDataType type, size_t size)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    AVPacketSideData *sd = lav.av_packet_side_data_new(
        &st->codecpar->coded_side_data, &st->codecpar->nb_coded_side_data, type, size, 0);
    return sd ? sd->data : NULL;
#else
    return lav.av_stream_new_side_data(st, type, size);
#endif
}
