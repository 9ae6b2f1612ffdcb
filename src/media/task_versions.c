/* Which libraries a child finds, for `rushes doctor`. What is missing is said by an empty text. */
#include "media/child.h"
#include "media/lav.h"
#include "media/text.h"

static void libav_version(char out[64])
{
    struct err e = {0};

    out[0] = '\0';
    if (lav_load(&e) < 0)
        return;
    unsigned codec = avcodec_version(), format = avformat_version();
    snprintf(out, 64, "FFmpeg %s (avcodec %u.%u, avformat %u.%u)", av_version_info(), codec >> 16,
             codec >> 8 & 255, format >> 16, format >> 8 & 255);
}

static char libav[64];
static const char *tesseract;

/* Libraries are loaded here, before the sandbox closes. */
static int prepare(struct child *c, struct err *e)
{
    libav_version(libav);
    tesseract = text_engine_version();
    return 0;
}

static int run(struct child *c, struct err *e)
{
    CLEANUP_BUF struct buf out = {0};
    struct jsonw w = JSONW(&out);

    jw_obj(&w);
    jw_kz(&w, "libav", libav);
    jw_kz(&w, "tesseract", tesseract);
    jw_obj_end(&w);
    return child_result(c, buf_str(&out), e);
}

const struct child_task task_versions = {.name = "versions", .prepare = prepare, .run = run};
