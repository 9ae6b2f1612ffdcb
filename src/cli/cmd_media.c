/* probe, frames, shots, cut: commands on one local file, no library needed. The media child does
 * the work. */
#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/output.h"
#include "cli/cli.h"
#include "edit/cut.h"
#include "media/frame_index.h"
#include "media/media.h"

/*
 * Makes the frame index of a file in an unnamed temporary file; ret_index_fd may be NULL. 0, or the
 * exit code of a failure that was told: what is wrong with the temporary folder is not told of the
 * film.
 */
static int index_of(struct cli *c, const struct media_ctx *m, int fd, int *ret_index_fd,
                    struct frame_index **ret)
{
    struct err e = {0};
    const char *dir = getenv("TMPDIR");
    CLEANUP_CLOSE int index_fd = -1;
    if (!dir || !*dir)
        dir = "/tmp";
    if (fs_tmpfile(dir, &index_fd, &e) < 0) {
        err_plainf(&e, "The folder for temporary files, '%.200s', can not be used.", dir);
        err_plain(&e, NULL, "Name another one with the environment variable TMPDIR.");
        return cli_fail(c, NULL, &e);
    }
    int r = media_index(m, fd, index_fd, &e);
    if (r < 0 && e.code == ERR_STORAGE) {
        err_plainf(&e, "The folder for temporary files, '%.200s', is full or failing.", dir);
        err_plain(&e, NULL, "Make room, or name another one with TMPDIR.");
        cli_progress_done(c);
        return cli_fail(c, NULL, &e);
    }
    if (r == 0)
        r = frame_index_read_fd(index_fd, conf_int(c->conf, CONF_LIMIT_FRAMES), ret, &e);
    cli_progress_done(c);
    if (r < 0)
        return cli_fail(c, c->args[0], &e);
    if (ret_index_fd)
        *ret_index_fd = STEAL_FD(index_fd);
    return 0;
}

/* ---- probe
 * -------------------------------------------------------------------------------------------------------
 */

static int probe_run(struct cli *c)
{
    struct err e = {0};
    struct media_ctx m;
    CLEANUP_CLOSE int fd = -1;
    CLEANUP(media_info_free) struct media_info *info = NULL;
    cli_media_ctx(c, &m, NULL);
    if (cli_open_media(c->args[0], &fd, &e) < 0 || media_probe(&m, fd, &info, &e) < 0)
        return cli_fail(c, c->args[0], &e);
    CLEANUP_BUF struct buf out = {0};
    struct jsonw w = JSONW(&out);
    w.indent = c->json ? 0 : 2;
    media_info_json(info, &w);
    buf_addc(&out, '\n');
    return cli_print(c, &out);
}

const struct cli_command cli_probe = {
    .name = "probe",
    .group = "One file",
    .usage = "FILE",
    .summary = "what a file is: container, streams, duration, as JSON",
    .min_args = 1,
    .max_args = 1,
    .run = probe_run,
};

/* ---- frames
 * ------------------------------------------------------------------------------------------------------
 */

static int frames_run(struct cli *c)
{
    struct err e = {0};
    struct media_ctx m;
    CLEANUP_CLOSE int fd = -1;
    CLEANUP(frame_index_free) struct frame_index *x = NULL;
    cli_media_ctx(c, &m, "frames");
    if (cli_open_media(c->args[0], &fd, &e) < 0)
        return cli_fail(c, c->args[0], &e);
    int r = index_of(c, &m, fd, NULL, &x);
    if (r != 0)
        return r;
    CLEANUP_BUF struct buf out = {.max = (size_t)1 << 30};
    char t[CLOCK_ISO_MAX];
    if (c->json) {
        struct jsonw w = JSONW(&out);
        jw_obj(&w);
        jw_key(&w, "time_base");
        jw_arr(&w);
        jw_i64(&w, x->time_base_num);
        jw_i64(&w, x->time_base_den);
        jw_arr_end(&w);
        jw_key(&w, "frames");
        jw_arr(&w);
        for (int64_t i = 0; i < x->n; i++) {
            jw_obj(&w);
            jw_ki64(&w, "frame", i);
            jw_ki64(&w, "pts", x->frames[i].pts);
            jw_kus(&w, "seconds", frame_index_us(x, i));
            jw_kbool(&w, "key", x->frames[i].key);
            jw_obj_end(&w);
        }
        jw_arr_end(&w);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
    } else {
        buf_addz(&out, "frame,pts,time_base,seconds,key\n");
        for (int64_t i = 0; i < x->n; i++)
            buf_addf(&out, "%" PRId64 ",%" PRId64 ",%d/%d,%s,%d\n", i, x->frames[i].pts,
                     x->time_base_num, x->time_base_den, clock_us_text(frame_index_us(x, i), t),
                     x->frames[i].key);
    }
    return cli_print(c, &out);
}

const struct cli_command cli_frames = {
    .name = "frames",
    .group = "One file",
    .usage = "FILE",
    .summary = "the frame index: number, pts, time base, seconds and key flag of every frame",
    .details = "Frames are counted from 0 in the order they are shown, edit lists applied. The "
               "text form is CSV.",
    .min_args = 1,
    .max_args = 1,
    .run = frames_run,
};

/* ---- shots
 * -------------------------------------------------------------------------------------------------------
 */

static void shots_csv(const struct media_shots *s, struct buf *out)
{
    char a[CLOCK_ISO_MAX], b[CLOCK_ISO_MAX];
    buf_addz(out, "shot,start_frame,end_frame,start_seconds,end_seconds\n");
    for (int64_t i = 0; i < s->n; i++)
        buf_addf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%s,%s\n", i, s->shots[i].start_frame,
                 s->shots[i].end_frame, clock_us_text(s->shots[i].start_us, a),
                 clock_us_text(s->shots[i].end_us, b));
}

static void shots_json(const struct media_shots *s, struct buf *out)
{
    struct jsonw w = JSONW(out);
    jw_obj(&w);
    jw_ki64(&w, "frames", s->frames);
    jw_key(&w, "shots");
    jw_arr(&w);
    for (int64_t i = 0; i < s->n; i++) {
        const struct media_shot *t = &s->shots[i];
        jw_obj(&w);
        jw_ki64(&w, "shot", i);
        jw_ki64(&w, "start_frame", t->start_frame);
        jw_ki64(&w, "end_frame", t->end_frame);
        jw_kus(&w, "start_seconds", t->start_us);
        jw_kus(&w, "end_seconds", t->end_us);
        jw_kz(&w, "begins_with", t->kind);
        jw_ki64(&w, "transition_frame", t->from_frame);
        jw_ki64(&w, "picture_frame", t->picture_frame);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    buf_addc(out, '\n');
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

#define EDL_FPS_MAX 99

/* HH:MM:SS:FF at a whole nominal rate, non-drop: what CMX 3600 edit decision lists count in. */
static void edl_time(int64_t frame, int fps, struct buf *out)
{
    int64_t s = frame / fps;
    buf_addf(out, "%02d:%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60),
             (int)(frame % fps));
}

static void shots_edl(const struct media_shots *s, const struct media_info *info, const char *path,
                      struct buf *out)
{
    struct media_rational r = info->streams[info->video].frame_rate;
    double rate = r.den > 0 && r.num > 0 ? (double)r.num / r.den : 25;
    while (rate > EDL_FPS_MAX) /* two digits count the frames of a second */
        rate /= 2;
    int fps = MAX((int)lround(rate), 1);
    const char *name = file_name(path);
    /* a line an entry: what would break it (control characters in a file name) becomes '_' */
    CLEANUP_BUF struct buf clean = {0};
    for (const char *p = name; *p; p++)
        buf_addc(&clean, (unsigned char)*p < 0x20 || *p == 0x7f ? '_' : *p);
    buf_addf(out, "TITLE: %s\nFCM: NON-DROP FRAME\n\n", buf_z(&clean));
    for (int64_t i = 0; i < s->n; i++) {
        buf_addf(out, "%03" PRId64 "  AX       V     C        ", i + 1);
        for (int k = 0; k < 4; k++) {
            /* from times, not numbers: at a variable rate the two part */
            int64_t us = k % 2 ? s->shots[i].end_us : s->shots[i].start_us;
            edl_time(llround((double)(us - s->shots[0].start_us) * rate / 1e6), fps, out);
            buf_addc(out, k < 3 ? ' ' : '\n');
        }
        buf_addf(out, "* FROM CLIP NAME: %s\n\n", buf_z(&clean));
    }
}

static void otio_time(struct jsonw *w, const char *key, double value, double rate)
{
    jw_key(w, key);
    jw_obj(w);
    jw_kz(w, "OTIO_SCHEMA", "RationalTime.1");
    jw_kdouble(w, "rate", rate, 6);
    jw_kdouble(w, "value", value, 6);
    jw_obj_end(w);
}

static void otio_range(struct jsonw *w, const char *key, int64_t start, int64_t n, double rate)
{
    jw_key(w, key);
    jw_obj(w);
    jw_kz(w, "OTIO_SCHEMA", "TimeRange.1");
    otio_time(w, "start_time", (double)start, rate);
    otio_time(w, "duration", (double)n, rate);
    jw_obj_end(w);
}

/* The file as a URL: absolute, links resolved, every byte that a URL does not take escaped. */
static void file_url(const char *path, struct buf *out)
{
    CLEANUP_FREE char *real = realpath(path, NULL);
    buf_addz(out, "file://");
    for (const char *p = real ? real : path; *p; p++) {
        if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
            strchr("/-._~", *p))
            buf_addc(out, *p);
        else
            buf_addf(out, "%%%02X", (unsigned char)*p);
    }
}

static void shots_otio(const struct media_shots *s, const struct media_info *info, const char *path,
                       struct buf *out)
{
    struct media_rational r = info->streams[info->video].frame_rate;
    double rate = r.den > 0 && r.num > 0 ? (double)r.num / r.den : 25;
    CLEANUP_BUF struct buf url = {0};
    file_url(path, &url);
    struct jsonw w = JSONW(out);
    w.indent = 2;
    jw_obj(&w);
    jw_kz(&w, "OTIO_SCHEMA", "Timeline.1");
    jw_kz(&w, "name", file_name(path));
    jw_key(&w, "tracks");
    jw_obj(&w);
    jw_kz(&w, "OTIO_SCHEMA", "Stack.1");
    jw_key(&w, "children");
    jw_arr(&w);
    jw_obj(&w);
    jw_kz(&w, "OTIO_SCHEMA", "Track.1");
    jw_kz(&w, "kind", "Video");
    jw_key(&w, "children");
    jw_arr(&w);
    for (int64_t i = 0; i < s->n; i++) {
        char name[32];
        snprintf(name, sizeof name, "shot %" PRId64, i);
        jw_obj(&w);
        jw_kz(&w, "OTIO_SCHEMA", "Clip.1");
        jw_kz(&w, "name", name);
        otio_range(&w, "source_range", s->shots[i].start_frame,
                   s->shots[i].end_frame - s->shots[i].start_frame, rate);
        jw_key(&w, "media_reference");
        jw_obj(&w);
        jw_kz(&w, "OTIO_SCHEMA", "ExternalReference.1");
        jw_kstr(&w, "target_url", buf_str(&url));
        otio_range(&w, "available_range", 0, s->frames, rate);
        jw_obj_end(&w);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_obj_end(&w);
    buf_addc(out, '\n');
}

static int shots_run(struct cli *c)
{
    struct err e = {0};
    struct media_ctx m;
    CLEANUP_CLOSE int fd = -1;
    CLEANUP(media_info_free) struct media_info *info = NULL;
    CLEANUP(media_shots_free) struct media_shots *s = NULL;
    struct media_pass_opts o;
    media_pass_opts_init(&o, c->conf);

    const char *format = cli_value(c, "--format");
    if (!format)
        format = c->json ? "json" : "csv";
    bool edl = strcmp(format, "edl") == 0, otio = strcmp(format, "otio") == 0,
         json = strcmp(format, "json") == 0;
    if (!edl && !otio && !json && strcmp(format, "csv") != 0)
        return cli_fail_usage(c, "There is no format '%s': csv, json, edl or otio.", format);
    const char *detector = cli_value(c, "--detector"), *threshold = cli_value(c, "--threshold");
    if (detector && strcmp(detector, "content") == 0)
        o.shots.detector = MEDIA_SHOTS_CONTENT;
    else if (detector && strcmp(detector, "adaptive") == 0)
        o.shots.detector = MEDIA_SHOTS_ADAPTIVE;
    else if (detector)
        return cli_fail_usage(c, "There is no detector '%s': content or adaptive.", detector);
    if (threshold && (!str_to_double(str_of(threshold), &o.shots.threshold) ||
                      o.shots.threshold <= 0 || o.shots.threshold > 255))
        return cli_fail_usage(c, "The threshold '%s' is not a number above 0, up to 255.",
                              threshold);

    cli_media_ctx(c, &m, "shots");
    int r = cli_open_media(c->args[0], &fd, &e);
    if (r == 0 && (edl || otio)) /* they name a frame rate */
        r = media_probe(&m, fd, &info, &e);
    if (r == 0)
        r = media_shots(&m, fd, &o.shots, &s, &e);
    cli_progress_done(c);
    if (r < 0)
        return cli_fail(c, c->args[0], &e);
    CLEANUP_BUF struct buf out = {.max = (size_t)256 << 20};
    if (edl)
        shots_edl(s, info, c->args[0], &out);
    else if (otio)
        shots_otio(s, info, c->args[0], &out);
    else if (json)
        shots_json(s, &out);
    else
        shots_csv(s, &out);
    return cli_print(c, &out);
}

static const struct cli_switch shots_switches[] = {
    {"--format", 'f', "csv|json|edl|otio", "how to print (default csv)"},
    {"--detector", 'd', "content|adaptive", "how cuts are found (default: setting shots.detector)"},
    {"--threshold", 't', "N", "content: 27, adaptive: 3"},
    {0},
};
const struct cli_command cli_shots = {
    .name = "shots",
    .group = "One file",
    .usage = "FILE [--format csv|json|edl|otio] [--detector content|adaptive] [--threshold N]",
    .summary = "where the shots begin and end",
    .details = "Frames count from 0; the end is exclusive. EDL time codes are non-drop, from "
               "the times at the\nnominal frame rate.",
    .min_args = 1,
    .max_args = 1,
    .switches = shots_switches,
    .run = shots_run,
};

/* ---- cut
 * ---------------------------------------------------------------------------------------------------------
 */

/* Reads the switch as a point; *ret stays NULL when it was not given. 0, or an exit code. */
static int cut_point(struct cli *c, const char *name, struct edit_point *room,
                     const struct edit_point **ret)
{
    const char *text = cli_value(c, name);
    if (!text)
        return 0;
    if (!edit_point_parse(str_of(text), room))
        return cli_fail_usage(
            c, "%s is '%.40s': give a time like 12.5 or 1:02.5, or a frame like f312.", name, text);
    *ret = room;
    return 0;
}

/* What is written is MP4: a name that promises something else would mislead every program. */
static bool cut_name_fits(const char *path)
{
    const char *name = file_name(path);
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || !dot[1])
        return true;
    struct str ending = str_of(dot + 1);
    return str_ieqz(ending, "mp4") || str_ieqz(ending, "m4v") || str_ieqz(ending, "mov");
}

/* Opens input and output; the output is looked at before any work is done on the input. */
static int cut_open(struct cli *c, const char *out_path, int *ret_fd, struct output **ret)
{
    struct err e = {0};
    struct stat a, b;
    CLEANUP_CLOSE int fd = -1;
    bool there = stat(out_path, &b) == 0;
    if (!(there && !S_ISREG(b.st_mode)) && !cut_name_fits(out_path))
        return cli_fail_usage(c,
                              "The output '%.200s' would be an MP4 file: its name must end in "
                              ".mp4, .m4v or .mov, or have no ending.",
                              out_path);
    if (output_open(out_path, OUTPUT_FILE, ret, &e) < 0)
        return cli_fail(c, NULL, &e);
    if (cli_open_media(c->args[0], &fd, &e) < 0)
        return cli_fail(c, c->args[0], &e);
    if (there && fstat(fd, &a) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return cli_fail_usage(c, "The output '%s' is the input.", out_path);
    *ret_fd = STEAL_FD(fd);
    return 0;
}

static int cut_print(struct cli *c, const char *out_path, const struct edit_cut_result *done)
{
    CLEANUP_BUF struct buf out = {0};
    if (c->json) {
        struct jsonw w = JSONW(&out);
        jw_obj(&w);
        jw_kz(&w, "output", out_path);
        jw_ki64(&w, "from_frame", done->from_frame);
        jw_ki64(&w, "to_frame", done->to_frame);
        jw_ki64(&w, "frames", done->to_frame - done->from_frame);
        jw_kus(&w, "from_seconds", done->from_us);
        jw_kus(&w, "to_seconds", done->to_us);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
    } else {
        buf_addf(
            &out, "%s: frames %" PRId64 "-%" PRId64 ", the end not included (%" PRId64 " frames)\n",
            LOGZ(out_path), done->from_frame, done->to_frame, done->to_frame - done->from_frame);
    }
    return cli_print(c, &out);
}

static int cut_run(struct cli *c)
{
    struct err e = {0};
    struct media_ctx m;
    CLEANUP_CLOSE int fd = -1;
    CLEANUP_CLOSE int index_fd = -1;
    CLEANUP(frame_index_free) struct frame_index *x = NULL;
    CLEANUP(output_free) struct output *file = NULL;
    const char *out_path = cli_value(c, "--output"), *crf = cli_value(c, "--crf");
    struct edit_point from, to;
    struct edit_cut o = {.crf = 18, .preset = "medium"};
    struct edit_cut_result done;
    int64_t v = 0;

    if (!out_path)
        return cli_fail_usage(c, "'rushes cut' needs an output: -o OUT.mp4");
    if (crf && (!str_to_i64(str_of(crf), &v) || v < 0 || v > 51))
        return cli_fail_usage(c, "--crf takes a number from 0 (lossless) to 51.");
    if (crf)
        o.crf = (int)v;
    int r = cut_point(c, "--from", &from, &o.from);
    if (r == 0)
        r = cut_point(c, "--to", &to, &o.to);
    if (r == 0) {
        cli_catch_signals();
        r = cut_open(c, out_path, &fd, &file);
    }
    if (r != 0)
        return r;
    cli_media_ctx(c, &m, "cutting");
    r = index_of(c, &m, fd, &index_fd, &x);
    if (r != 0)
        return r;
    r = edit_cut_file(&m, fd, index_fd, x, &o, output_fd(file), &done, &e);
    if (r == 0)
        r = output_publish(file, &e);
    cli_progress_done(c);
    if (r < 0)
        return cli_fail(c, e.code == ERR_STORAGE ? out_path : c->args[0], &e);
    return cut_print(c, out_path, &done);
}

static const struct cli_switch cut_switches[] = {
    {"--from", 0, "T",
     "first frame shown: a time (12.5, 1:02.5) or a frame (f312); default the start"},
    {"--to", 0, "T", "first frame not shown any more; default the end"},
    {"--output", 'o', "OUT.mp4", "the file to write"},
    {"--crf", 0, "N", "H.264 quality, 0 to 51, lower is better (default 18)"},
    {0},
};
const struct cli_command cli_cut = {
    .name = "cut",
    .group = "One file",
    .usage = "FILE [--from T] [--to T] -o OUT.mp4",
    .summary = "cut a piece out, exact to the frame",
    .details = "Re-encodes, so that the cut may fall on any frame. A time takes the first frame at "
               "or after it.",
    .min_args = 1,
    .max_args = 1,
    .switches = cut_switches,
    .run = cut_run,
};
