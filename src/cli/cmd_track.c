/* rushes track: boxes of a detector in, paths of objects out, as MOTChallenge text. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/cli.h"
#include "vision/mot.h"
#include "vision/track_paths.h"

static const struct {
    const char *name;
    enum track_flag flag;
} flag_names[] = {
    {"likelihood", TRACK_LIKELIHOOD},
    {"nsa", TRACK_NSA},
    {"camera", TRACK_CAMERA},
    {"reupdate", TRACK_REUPDATE},
    {"momentum", TRACK_MOMENTUM},
    {"buffered", TRACK_BUFFERED},
    {"sizes", TRACK_SIZES},
    {"first", TRACK_FIRST},
    {"link", TRACK_LINK},
    {"fill", TRACK_FILL},
    {"smooth", TRACK_SMOOTH},
};

/* "a,b" into flags; 0, or an exit code. */
static int flags_parse(struct cli *c, const char *option, const char *text, unsigned *ret)
{
    struct str rest = str_of(text), part;
    unsigned flags = 0;
    while (str_cut(&rest, ',', &part)) {
        size_t i = 0;
        while (i < ARRAY_LEN(flag_names) && !str_eqz(part, flag_names[i].name))
            i++;
        if (i == ARRAY_LEN(flag_names))
            return cli_fail_usage(c, "%s does not know '%.40s'.", option, text);
        flags |= flag_names[i].flag;
    }
    *ret = flags;
    return 0;
}

static int number_parse(struct cli *c, const char *option, double low, double high, double *ret)
{
    const char *text = cli_value(c, option);
    double v;
    if (!text)
        return 0;
    if (!str_to_double(str_of(text), &v) || v < low || v > high)
        return cli_fail_usage(c, "%s is '%.40s': a number from %g to %g is needed.", option, text,
                              low, high);
    *ret = v;
    return 0;
}

static int options_parse(struct cli *c, struct track_options *o, int64_t *every)
{
    unsigned with = 0, without = 0;
    double step = 0;
    int r = number_parse(c, "--fps", 0.001, 10000, &o->fps);
    if (r == 0)
        r = number_parse(c, "--track-thresh", 0, 1, &o->high_score);
    if (r == 0)
        r = number_parse(c, "--buffer", 0, 1000000, &o->buffer);
    if (r == 0)
        r = number_parse(c, "--match-thresh", 0, 1, &o->match_limit);
    if (r == 0)
        r = number_parse(c, "--every", 1, 1000000, &step);
    if (r == 0 && cli_value(c, "--with"))
        r = flags_parse(c, "--with", cli_value(c, "--with"), &with);
    if (r == 0 && cli_value(c, "--without"))
        r = flags_parse(c, "--without", cli_value(c, "--without"), &without);
    if (r != 0)
        return r;
    if (step != nearbyint(step))
        return cli_fail_usage(c, "--every takes a whole number.");
    if (cli_flag(c, "--plain"))
        o->flags = TRACK_PLAIN;
    o->flags = (o->flags | with) & ~without;
    *every = (int64_t)step;
    return 0;
}

/* The step between frames: what all frame numbers have in common. 1 when there is nothing to tell. */
static int64_t common_step(const struct mot_rows *r)
{
    int64_t step = 0;
    for (size_t i = 1; i < r->n; i++) {
        int64_t a = r->rows[i].frame - r->rows[0].frame, b = step;
        while (b != 0) {
            int64_t rest = a % b;
            a = b;
            b = rest;
        }
        step = a;
    }
    return step > 0 ? step : 1;
}

struct work {
    struct tracker *tracker;
    struct track_paths *paths;
    VEC(struct track_detection) boxes; /* of one frame */
    int64_t frames;
};

static int feed_frame(struct work *w, const struct track_options *o, int64_t frame, struct err *e)
{
    const struct track_seen *seen;
    size_t n;
    int64_t time_us = llround((double)frame * 1e6 / o->fps);

    w->frames++;
    if (tracker_feed(w->tracker, time_us, w->boxes.p, w->boxes.n, &seen, &n, e) < 0)
        return err_wrap(e, "frame %" PRId64, frame);
    return track_paths_add(w->paths, frame, time_us, w->tracker, w->boxes.p, seen, n, e);
}

/* Every frame from 1 (or from the first, of sampled ones) to the last that has a box, also those
 * without: they are where objects hide. A longer stretch of them than anybody is waited for, or any
 * gap filled over, is left out. */
static int follow(struct work *w, const struct track_options *o, const struct mot_rows *r,
                  int64_t every, struct err *e)
{
    int64_t step = every > 0 ? every : common_step(r), empty = 0;
    int64_t empty_max = (int64_t)(3 * o->buffer * o->fps / 30) / step + 4;
    size_t i = 0;

    if (r->n == 0)
        return 0;
    int64_t first = every > 0 || r->rows[0].frame % step == 0 ? 1 : r->rows[0].frame % step;
    for (int64_t frame = first; i < r->n; frame += step) {
        w->boxes.n = 0;
        for (; i < r->n && r->rows[i].frame <= frame; i++)
            if (r->rows[i].frame == frame)
                VEC_PUSH(&w->boxes, ((struct track_detection){.box = r->rows[i].box,
                                                              .score = r->rows[i].confidence}));
        empty = w->boxes.n > 0 ? 0 : empty + 1;
        if (empty <= empty_max && feed_frame(w, o, frame, e) < 0)
            return -1;
        if (empty > empty_max && i < r->n) /* on to the next that has any */
            frame += (r->rows[i].frame - frame - 1) / step * step;
    }
    return 0;
}

/* ---- files */

static int read_input(const char *path, struct mot_rows *ret, struct err *e)
{
    struct stat st;
    /* O_NONBLOCK: a named pipe must not hang us */
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    CLEANUP_BUF struct buf text = BUF_MAX(MOT_BYTES_MAX);

    if (fd < 0) {
        err_errno(e, errno, "open %s", LOGZ(path));
        if (e->code == ERR_NOT_FOUND)
            err_plain(e, "There is no such file.", "Check the name and the folder you are in.");
        return -1;
    }
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, "fstat %s", LOGZ(path));
    if (!S_ISREG(st.st_mode)) {
        err_set(e, ERR_INPUT, "%s is not a regular file (mode %o)", LOGZ(path),
                st.st_mode & S_IFMT);
        return err_plain(e, "This is a folder or a device, not a file of detections.", NULL);
    }
    if (fs_read_fd(fd, MOT_BYTES_MAX, &text, e) < 0)
        return err_wrap(e, "read detections");
    return mot_read(buf_str(&text), ret, e);
}

/* A file is replaced whole; what is none (/dev/stdout) is written to. */
static int write_output(const char *path, const struct buf *out, struct err *e)
{
    struct stat st;
    if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
        return fs_write_file(path, buf_str(out), e);
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, errno, "open %s", LOGZ(path));
    return fs_write_all(fd, out->p, out->n, e);
}

/* ---- the command */

static const char *class_name(int32_t class_id)
{
    return class_id == 0 ? "object" : "other";
}

/* What came of it, for people. */
static void summary(const struct work *w, const char *path, struct buf *out)
{
    struct track_counts n = tracker_counts(w->tracker);
    size_t boxes = 0;
    for (size_t i = 0; i < track_paths_count(w->paths); i++)
        boxes += track_paths_at(w->paths, i).n_points;
    buf_addf(out, "%s: %zu objects, %zu boxes in %" PRId64 " frames\n", path,
             track_paths_count(w->paths), boxes, w->frames);
    if (n.ignored > 0)
        buf_addf(out, "  %" PRId64 " boxes were left out: no area, or no place\n", n.ignored);
    if (n.crowded > 0)
        buf_addf(out, "  %" PRId64 " times something was left out of a crowd too dense\n",
                 n.crowded);
}

static int answer(struct cli *c, const struct work *w, const struct track_options *o)
{
    struct err e = {0};
    const char *path = cli_value(c, "--output");
    CLEANUP_BUF struct buf text = BUF_MAX(MOT_BYTES_MAX);
    CLEANUP_BUF struct buf out = BUF_MAX(MOT_BYTES_MAX);

    if ((path || !c->json) && mot_write(w->paths, &text, &e) < 0)
        return cli_fail(c, NULL, &e);
    if (path && write_output(path, &text, &e) < 0)
        return cli_fail(c, path, &e);
    if (c->json) {
        /* MOTChallenge counts frames from 1, we from 0 */
        track_paths_json(w->paths, o->fps, 1, class_name, &out);
        buf_addc(&out, '\n');
        return cli_print(c, &out);
    }
    if (!path)
        return cli_print(c, &text);
    summary(w, path, &out);
    return cli_print(c, &out);
}

static int track_run(struct cli *c)
{
    struct err e = {0};
    struct track_options o = TRACK_OPTIONS_DEFAULT;
    struct mot_rows rows = {0};
    struct work w = {0};
    int64_t every = 0;
    const char *input = cli_value(c, "--input");

    if (!input)
        return cli_fail_usage(c, "'rushes track' needs an input: --input det.txt");
    int r = options_parse(c, &o, &every);
    if (r != 0)
        return r;
    if (tracker_new(&o, &w.tracker, &e) < 0)
        return cli_fail(c, NULL, &e);
    w.paths = track_paths_new(&o);
    r = read_input(input, &rows, &e);
    if (r == 0)
        r = follow(&w, &o, &rows, every, &e);
    if (r == 0)
        r = track_paths_finish(w.paths, &e);
    mot_rows_finish(&rows);
    VEC_FINISH(&w.boxes);
    r = r < 0 ? cli_fail(c, input, &e) : answer(c, &w, &o);
    track_paths_free(w.paths);
    tracker_free(w.tracker);
    return r;
}

static const struct cli_switch track_switches[] = {
    {"--input", 'i', "DET.txt", "boxes, as MOTChallenge text"},
    {"--output", 'o', "OUT.txt", "paths, as MOTChallenge text (default: standard output)"},
    {"--fps", 0, "N", "frames a second of the video (default 30)"},
    {"--track-thresh", 0, "S", "boxes above this score come first (default 0.5)"},
    {"--buffer", 0, "N", "how long a hidden object is waited for, in 1/30 s (default 30)"},
    {"--match-thresh", 0, "C", "cost of a match at most, with --plain (default 0.8)"},
    {"--every", 0, "N", "use every Nth frame only, from the first"},
    {"--plain", 0, NULL, "ByteTrack as published, nothing added"},
    {"--with", 0, "A,B", "add: likelihood nsa camera first link fill smooth reupdate"},
    {"--without", 0, "A,B", "leave out; more: momentum buffered sizes (docs/tracking.md)"},
    {0},
};
const struct cli_command cli_track = {
    .name = "track",
    .group = "One file",
    .usage = "--input DET.txt [--output OUT.txt] [--fps N] [--plain]",
    .summary = "follow objects: boxes of a detector in, paths out",
    .details =
        "A line a box: frame,id,left,top,width,height,confidence; frames from 1. Where all frame "
        "numbers are a step apart, frames are taken as sampled at that step. --json prints the "
        "paths by object; frames there count from 0.",
    .min_args = 0,
    .max_args = 0,
    .switches = track_switches,
    .run = track_run,
};
