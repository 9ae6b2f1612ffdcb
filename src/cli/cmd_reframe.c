/* reframe: a camera path for another aspect, found from what moves. */
#include <inttypes.h>

#include "cli/cli.h"
#include "edit/reframe.h"
#include "media/media.h"

/* A number given with a switch; 0, or an exit code. */
static int number(struct cli *c, const char *name, double lo, double hi, double *ret)
{
    const char *text = cli_value(c, name);
    double v;

    if (!text)
        return 0;
    if (!str_to_double(str_of(text), &v) || v < lo || v > hi)
        return cli_fail_usage(c, "%s takes a number from %g to %g.", name, lo, hi);
    *ret = v;
    return 0;
}

static int options(struct cli *c, struct path_options *o)
{
    const char *aspect = cli_value(c, "--aspect");
    int r;

    if (!aspect)
        aspect = "9:16";
    if (!reframe_aspect_parse(str_of(aspect), &o->aspect_w, &o->aspect_h))
        return cli_fail_usage(c, "There is no aspect '%.40s': give one like 9:16, 1:1 or 4:5.",
                              aspect);
    if ((r = number(c, "--speed", 0.01, 100, &o->max_speed)) != 0 ||
        (r = number(c, "--acceleration", 0.01, 1000, &o->max_acceleration)) != 0 ||
        (r = number(c, "--moves", 0.1, 1000, &o->max_moves)) != 0 ||
        (r = number(c, "--lead", 0.001, 0.4, &o->lead)) != 0)
        return r;
    return 0;
}

static void summary(const struct path *p, const char *out_path, bool json, struct buf *out)
{
    int64_t modes[3] = {0};
    for (int64_t i = 0; i < p->n_shots; i++)
        modes[p->shots[i].mode]++;
    if (!json) {
        buf_addf(out, "%s: %d x %d out of %d x %d, %" PRId64 " shots", out_path, p->out_w, p->out_h,
                 p->width, p->height, p->n_shots);
        buf_addf(out,
                 " (%" PRId64 " hold, %" PRId64 " pan, %" PRId64 " follow), %" PRId64 " keys\n",
                 modes[PATH_HOLD], modes[PATH_PAN], modes[PATH_FOLLOW], p->n_keys);
        return;
    }
    struct jsonw w = JSONW(out);
    jw_obj(&w);
    jw_kz(&w, "output", out_path);
    jw_ki64(&w, "width", p->out_w);
    jw_ki64(&w, "height", p->out_h);
    jw_ki64(&w, "shots", p->n_shots);
    for (int i = 0; i < 3; i++)
        jw_ki64(&w, path_mode_name((enum path_mode)i), modes[i]);
    jw_ki64(&w, "keys", p->n_keys);
    jw_obj_end(&w);
    buf_addc(out, '\n');
}

static int reframe_run(struct cli *c)
{
    struct err e = {0};
    struct media_ctx m;
    struct path_options o = {0};
    struct media_pass_opts pass;
    CLEANUP_CLOSE int fd = -1;
    CLEANUP(path_free) struct path *p = NULL;
    const char *out_path = cli_value(c, "--output");

    if (!cli_flag(c, "--path-only"))
        return cli_fail_usage(c, "'rushes reframe' makes the camera path only, so far: give "
                                 "--path-only -o path.json");
    if (!out_path || !*out_path)
        return cli_fail_usage(c, "'rushes reframe' needs an output: -o path.json");
    int r = options(c, &o);
    if (r != 0)
        return r;
    media_pass_opts_init(&pass, c->conf);
    cli_media_ctx(c, &m, "looking for motion");
    r = cli_open_media(c->args[0], &fd, &e);
    if (r == 0)
        r = reframe_file(&m, fd, &pass.shots, &o, &p, &e);
    cli_progress_done(c);
    if (r < 0)
        return cli_fail(c, c->args[0], &e);
    if (reframe_write(p, out_path, &e) < 0) {
        err_plainf(&e, "The output '%.200s' can not be written there.", out_path);
        return cli_fail(c, out_path, &e);
    }
    CLEANUP_BUF struct buf out = {0};
    summary(p, out_path, c->json, &out);
    return cli_print(c, &out);
}

static const struct cli_switch switches[] = {
    {"--aspect", 'a', "W:H", "the shape wanted: 9:16 (default), 1:1, 4:5, 16:9"},
    {"--path-only", 0, NULL, "write the camera's path, render nothing"},
    {"--output", 'o', "PATH.json", "the file to write"},
    {"--speed", 0, "N", "fastest, in widths of the new picture a second (default 0.8)"},
    {"--acceleration", 0, "N", "strongest, in widths a second squared (default 1.6)"},
    {"--moves", 0, "N", "most moves a minute (default 20)"},
    {"--lead", 0, "N", "room in front of who moves, share of the width (default 0.08)"},
    {0},
};
const struct cli_command cli_reframe = {
    .name = "reframe",
    .group = "One file",
    .usage = "FILE [--aspect W:H] --path-only -o PATH.json",
    .summary = "a camera path for another aspect, after what moves",
    .details = "Each shot is held, panned or followed, whichever keeps its subject inside with the "
               "least motion. The path is key frames in JSON that can be edited by hand; "
               "docs/reframing.md describes them.",
    .min_args = 1,
    .max_args = 1,
    .switches = switches,
    .run = reframe_run,
};
