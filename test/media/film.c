#include "film.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "base/test.h"
#include "clip.h"
#include "conf/conf.h"

/* ---- pictures ------------------------------------------------------------------------------ */

char *film_field(const char *path, const char *stream, const char *field)
{
    char *out = clip_output(
        "ffprobe -v error -select_streams %s -show_entries stream=%s -of csv=p=0 '%s' | head -1",
        stream, field, path);
    size_t n = strlen(out);
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ','))
        out[--n] = 0;
    return out;
}

static int int_field(const char *path, const char *field)
{
    CLEANUP_FREE char *text = film_field(path, "v:0", field);
    int64_t v = 0;
    CHECK(str_to_i64(str_of(text), &v));
    return (int)v;
}

struct film *film_read(const char *path)
{
    struct film *f = XNEW(struct film);
    CLEANUP_FREE char *raw = fs_join(test_dir(), "film.rgb");
    CLEANUP_FREE char *times = clip_output("ffprobe -v error -select_streams v:0 -show_entries "
                                           "frame=best_effort_timestamp_time -of csv=p=0 '%s'",
                                           path);
    CLEANUP_BUF struct buf pixels = BUF_MAX((size_t)1 << 30);
    struct str rest = str_of(times), line;
    struct err e = {0};
    VEC(double) list = {0};

    f->w = int_field(path, "width");
    f->h = int_field(path, "height");
    clip_run("ffmpeg -v error -y -noautorotate -i '%s' -map 0:v:0 -fps_mode passthrough -sws_flags "
             "accurate_rnd+full_chroma_int -f rawvideo -pix_fmt rgb24 '%s'",
             path, raw);
    CHECK_OK(fs_read_file(raw, pixels.max, &pixels, &e));
    f->n = (int)(pixels.n / ((size_t)f->w * (size_t)f->h * 3));
    CHECK_EQ(pixels.n, (size_t)f->n * (size_t)f->w * (size_t)f->h * 3);
    while (str_cut(&rest, '\n', &line)) {
        double t = 0;
        struct str number;
        if (str_cut(&line, ',', &number) && str_to_double(str_trim(number), &t))
            VEC_PUSH(&list, t);
    }
    f->times = list.p;
    if (list.n != 0) /* a lone JPEG has none */
        CHECK_EQ(list.n, f->n);
    f->rgb = (uint8_t *)buf_steal(&pixels);
    return f;
}

void film_free(struct film *f)
{
    if (!f)
        return;
    free(f->rgb);
    free(f->times);
    free(f);
}

struct rgb film_colour(const struct film *f, int n, double x, double y, int side)
{
    int x0 = (int)(x * f->w) - side / 2, y0 = (int)(y * f->h) - side / 2, sum[3] = {0}, count = 0;

    CHECK(n < f->n);
    for (int j = MAX(y0, 0); j < MIN(y0 + MAX(side, 1), f->h); j++)
        for (int i = MAX(x0, 0); i < MIN(x0 + MAX(side, 1), f->w); i++, count++)
            for (int c = 0; c < 3; c++)
                sum[c] +=
                    f->rgb[(((size_t)n * (size_t)f->h + (size_t)j) * (size_t)f->w + (size_t)i) * 3 +
                           (size_t)c];
    CHECK(count > 0);
    return (struct rgb){sum[0] / count, sum[1] / count, sum[2] / count};
}

/* ---- clips --------------------------------------------------------------------------------- */

const struct rgb film_corners[4] = {
    {0xc0, 0x28, 0x28}, {0x28, 0xa0, 0x48}, {0x28, 0x48, 0xc0}, {0xd0, 0xd0, 0xd0}};

char *film_corner_graph(int w, int h, const char *rate, const char *filters)
{
    CLEANUP_BUF struct buf out = {0};
    int left = w / 2, top = h / 2;

    for (int i = 0; i < 4; i++) {
        struct rgb c = film_corners[i];
        buf_addf(&out, "color=0x%02x%02x%02x:s=%dx%d:r=%s,format=gbrp[c%d];", c.r, c.g, c.b,
                 i % 2 ? MAX(w - left, 1) : MAX(left, 1), i / 2 ? MAX(h - top, 1) : MAX(top, 1),
                 rate, i);
    }
    buf_addf(&out, "[c0][c1]hstack[t];[c2][c3]hstack[b];[t][b]vstack,%s[v]", filters);
    return buf_steal(&out);
}

static void put_16_16(uint8_t *p, int v)
{
    uint32_t u = (uint32_t)v << 16;
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(u >> (24 - 8 * i));
}

void film_set_rotation(const char *path, int degrees, int flip)
{
    CLEANUP_BUF struct buf bytes = BUF_MAX((size_t)64 << 20);
    struct err e = {0};
    int c = degrees == 0     ? 1
            : degrees == 180 ? -1
                             : 0,
        s = degrees == 90    ? 1
            : degrees == 270 ? -1
                             : 0;
    int sign = flip ? -1 : 1; /* mirroring comes last: it turns the sign of what becomes x */

    CHECK_OK(fs_read_file(path, bytes.max, &bytes, &e));
    char *tkhd = memmem(bytes.p, bytes.n, "tkhd", 4);
    CHECK(tkhd != NULL && tkhd[4] == 0); /* version 0: 32-bit times */
    uint8_t *matrix = (uint8_t *)tkhd + 4 + 40;
    CHECK((char *)matrix + 36 <= bytes.p + bytes.n);
    memset(matrix, 0, 32);
    put_16_16(matrix, sign * c);
    put_16_16(matrix + 4, s);
    put_16_16(matrix + 12, sign * -s);
    put_16_16(matrix + 16, c);
    CHECK_OK(fs_write_file(path, buf_str(&bytes), &e));
}

/* ---- passes -------------------------------------------------------------------------------- */

void passed_finish(struct passed *p)
{
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        if (p->files[i])
            fd_close(p->fds[i]);
        free(p->files[i]);
    }
    media_pass_result_free(p->r);
}

static int run(const char *path, void (*change)(struct media_pass_opts *o), struct passed *ret,
               struct err *e)
{
    static const char *const names[MEDIA_OUT_N] = {
        "proxy.mp4",   "thumb.jpg",     "poster.jpg", "sprites.mjpeg", "tiles.vtt",
        "shots.mjpeg", "samples.mjpeg", "index",      "speech.wav",    "peaks.json"};
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    CLEANUP_CLOSE int in = open(path, O_RDONLY | O_CLOEXEC);
    struct media_pass_opts o;
    struct media_ctx m;

    *ret = (struct passed){0};
    CHECK(in >= 0);
    media_ctx_init(&m, conf);
    media_pass_opts_init(&o, conf);
    if (change)
        change(&o);
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        ret->files[i] = fs_join(test_dir(), names[i]);
        ret->fds[i] = open(ret->files[i], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        CHECK(ret->fds[i] >= 0);
    }
    return media_pass(&m, in, ret->fds, &o, &ret->r, e);
}

void pass_file(const char *path, void (*change)(struct media_pass_opts *o), struct passed *ret)
{
    struct err e = {0};
    if (run(path, change, ret, &e) < 0)
        fail_msg("%s: %s", path, e.text);
}

int pass_try(const char *path, struct passed *ret, struct err *e)
{
    return run(path, NULL, ret, e);
}

char *pass_picture(const struct passed *p, enum media_out pack, const struct media_pictures *list,
                   int64_t i)
{
    char *path = xasprintf("%s/picture-%d-%lld.jpg", test_dir(), (int)pack, (long long)i);
    CHECK(i < list->n);
    CLEANUP_FREE char *bytes = xmalloc((size_t)list->p[i].size);
    struct err e = {0};

    CHECK_EQ(pread(p->fds[pack], bytes, (size_t)list->p[i].size, list->p[i].offset),
             list->p[i].size);
    CHECK_OK(fs_write_file(path, (struct str){bytes, (size_t)list->p[i].size}, &e));
    return path;
}

/* Matches text against a pattern in which '?' stands for a whole number; the numbers go to values. */
static const char *match(const char *text, const char *pattern, int64_t *values)
{
    for (; *pattern; pattern++) {
        if (*pattern != '?') {
            if (*text++ != *pattern)
                return NULL;
            continue;
        }
        size_t digits = strspn(text, "0123456789");
        if (!str_to_i64((struct str){text, digits}, values++))
            return NULL;
        text += digits;
    }
    return text;
}

int pass_cues(const struct passed *p, struct cue *cues, int max)
{
    CLEANUP_BUF struct buf text = BUF_MAX((size_t)4 << 20);
    struct err e = {0};
    int n = 0;

    CHECK_OK(fs_read_fd(p->fds[MEDIA_OUT_VTT], text.max, &text, &e));
    const char *at = match(buf_z(&text), "WEBVTT\n", NULL);
    CHECK(at != NULL);
    while (n < max && *at) {
        int64_t v[13];
        struct cue *c = &cues[n++];
        const char *after = match(at, "\n?:?:?.? --> ?:?:?.?\nsprite-?.jpg#xywh=?,?,?,?\n", v);
        if (!after)
            fail_msg("not a cue: %.60s", at);
        at = after;
        c->from_ms = ((v[0] * 60 + v[1]) * 60 + v[2]) * 1000 + v[3];
        c->to_ms = ((v[4] * 60 + v[5]) * 60 + v[6]) * 1000 + v[7];
        c->sheet = (int)v[8];
        c->x = (int)v[9];
        c->y = (int)v[10];
        c->w = (int)v[11];
        c->h = (int)v[12];
    }
    return n;
}
