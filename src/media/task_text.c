/*
 * The task that reads text: input is a pack of JPEGs, more[0] the list of those to read (JSON of struct media_pictures).
 * Each is decoded to luma alone, in turn; text.h does the rest.
 */
#include <errno.h>
#include <sys/stat.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "base/fs.h"
#include "media/child.h"
#include "media/results.h"
#include "media/text.h"

#define JPEG_BYTES_MAX ((int64_t)64 << 20)

static struct text_engine *engine; /* opened before the sandbox closed */

struct job {
    struct child *child;
    struct media_pictures pictures;
    struct text_scan *scan;
    struct media_text text;
    tjhandle tj;
    struct buf jpeg; /* the one being read */
    uint8_t *luma;
    size_t luma_cap;
};

static int prepare(struct child *c, struct err *e)
{
    struct str languages;
    char z[256];

    if (!json_get_str(c->request, "languages", &languages) || languages.n >= sizeof(z))
        return err_set(e, ERR_USAGE, "no languages to read");
    snprintf(z, sizeof(z), "%.*s", STR_ARG(languages));
    return text_engine_open(z, &engine, e);
}

static int read_list(struct job *j, struct err *e)
{
    CLEANUP_BUF struct buf bytes = BUF_MAX(MEDIA_RESULT_BYTES_MAX);
    CLEANUP_JSON json_t *obj = NULL;
    struct stat st;

    if (fstat(CHILD_FD_INPUT, &st) < 0)
        return err_errno(e, errno, "stat pack");
    if (fs_read_fd(CHILD_FD_MORE, bytes.max, &bytes, e) < 0 ||
        json_read(buf_str(&bytes), &obj, e) < 0)
        return err_wrap(e, "list of pictures");
    return media_pictures_parse(obj, st.st_size, &j->pictures, e);
}

static int read_jpeg(struct job *j, const struct media_picture *p, struct err *e)
{
    if (p->size > JPEG_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "picture of %lld bytes", (long long)p->size);
    buf_reset(&j->jpeg);
    for (int64_t done = 0; done < p->size;) {
        char piece[65536];
        ssize_t n = pread(CHILD_FD_INPUT, piece,
                          (size_t)MIN((int64_t)sizeof(piece), p->size - done), p->offset + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? err_errno(e, errno, "read pack")
                         : err_set(e, ERR_INPUT, "pack ends early");
        buf_add(&j->jpeg, piece, (size_t)n);
        done += n;
    }
    return buf_ok(&j->jpeg) ? 0 : err_set(e, ERR_LIMIT, "no memory for a picture");
}

/* 1 decoded, 0 not a picture: it is passed over, negative an error */
static int decode(struct job *j, int *ret_w, int *ret_h, struct err *e)
{
    const unsigned char *bytes = (const unsigned char *)j->jpeg.p;
    int w, h, sampling, space;

    if (tjDecompressHeader3(j->tj, bytes, j->jpeg.n, &w, &h, &sampling, &space) < 0 || w < 1 ||
        h < 1 || (int64_t)w * h > TEXT_PIXELS_MAX)
        return 0;
    size_t need = (size_t)w * (size_t)h;
    if (need > j->luma_cap) {
        uint8_t *grown = mem_try_realloc(j->luma, need, 1);
        if (!grown)
            return err_set(e, ERR_LIMIT, "no memory for a picture of %dx%d", w, h);
        j->luma = grown;
        j->luma_cap = need;
    }
    if (tjDecompress2(j->tj, bytes, j->jpeg.n, j->luma, w, w, h, TJPF_GRAY, 0) < 0)
        return 0;
    *ret_w = w;
    *ret_h = h;
    return 1;
}

static int read_picture(struct job *j, const struct media_picture *p, struct err *e)
{
    int w = 0, h = 0, r;

    if (read_jpeg(j, p, e) < 0 || (r = decode(j, &w, &h, e)) < 0)
        return -1;
    if (r == 0)
        child_log(LOG_WARN, "text_picture_damaged frame=%lld", (long long)p->frame);
    else if ((r = text_scan_picture(j->scan, j->luma, w, h, p->frame, p->pts_us, &j->text, e)) < 0)
        return -1;
    if (r > 0)
        j->text.frames_read++;
    else
        j->text.frames_skipped++;
    return 0;
}

static int read_all(struct job *j, struct err *e)
{
    for (int64_t i = 0; i < j->pictures.n && j->text.n < TEXT_LINES_MAX; i++) {
        const struct media_picture *p = &j->pictures.p[i];
        if (read_picture(j, p, e) < 0)
            return -1;
        child_progress(j->child, (int)((i + 1) * 100 / j->pictures.n), i + 1, p->pts_us);
    }
    if (j->text.n >= TEXT_LINES_MAX)
        child_log(LOG_WARN, "text_cut_short lines=%lld", (long long)j->text.n);
    return 0;
}

static int write_result(struct job *j, struct err *e)
{
    CLEANUP_BUF struct buf out = BUF_MAX(MEDIA_RESULT_BYTES_MAX);
    struct jsonw w = JSONW(&out);

    media_text_json(&j->text, &w);
    if (!buf_ok(&out))
        return err_set(e, ERR_LIMIT, "%lld lines of text are too long", (long long)j->text.n);
    return child_result(j->child, buf_str(&out), e);
}

static void finish(struct job *j)
{
    for (int64_t i = 0; i < j->text.n; i++)
        free(j->text.lines[i].text);
    free(j->text.lines);
    free(j->pictures.p);
    text_scan_free(j->scan);
    if (j->tj)
        tjDestroy(j->tj);
    buf_finish(&j->jpeg);
    free(j->luma);
    text_engine_free(engine);
    engine = NULL;
}

static int run(struct child *c, struct err *e)
{
    struct job j = {.child = c, .jpeg = BUF_MAX(JPEG_BYTES_MAX + 1)};
    int r = -1;

    j.scan = text_scan_new(engine);
    j.tj = tjInitDecompress();
    if (!j.tj)
        err_set(e, ERR_LIMIT, "no memory for the JPEG decoder");
    else if (c->n_more < 1)
        err_set(e, ERR_INTERNAL, "text: no list of pictures");
    else if (read_list(&j, e) >= 0 && read_all(&j, e) >= 0)
        r = write_result(&j, e);
    finish(&j);
    return r;
}

const struct child_task task_text = {.name = "text", .prepare = prepare, .run = run};
