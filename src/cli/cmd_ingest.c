/* ingest: the main job on local files. The same queue and stages as a server's; this process is the
 * worker. */
#include <inttypes.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/report.h"
#include "pipeline/worker.h"

struct ingest {
    struct cli *c;
    struct library *lib;
    struct ingress in;
    struct ingress_meta meta;
    const char *tags[INGRESS_TAGS_MAX];
};

static int on_copy(void *arg, int64_t done, int64_t total)
{
    struct ingest *g = arg;
    char text[CLI_TEXT_MAX];
    cli_progress(g->c, "reading", total > 0 ? (int)(done * 100 / total) : 0,
                 cli_size_text(done, text));
    return cli_stopped();
}

/* What people call a stage. */
static const char *stage_text(const char *stage)
{
    static const struct {
        const char *stage, *text;
    } names[] = {{"upload_validate", "checking"},
                 {"media_pass", "one pass"},
                 {"read_text", "reading text"},
                 {"publish", "indexing"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].stage, stage) == 0)
            return names[i].text;
    return stage;
}

static void on_stage(void *arg, const struct pipeline_progress *p)
{
    struct ingest *g = arg;
    cli_progress(g->c, stage_text(p->stage), p->video_percent, NULL);
}

/* A failed video that is ingested again gets another try; from the start when its original had been
 * lost, since what was made of it may have been given up with it. */
static int again(struct ingest *g, const struct ingress_result *in, struct err *e)
{
    const char *stage = in->healed ? pipeline_stage_name(0) : NULL;
    CLEANUP(db_rollback) struct tx *tx = NULL;
    if (db_begin(g->lib->db, DB_WRITE, &tx, e) < 0 ||
        pipeline_again(g->lib, tx, in->video_id, stage, e) < 0)
        return -1;
    return db_commit(tx, e);
}

static int finished(struct ingest *g, const struct video_report *r, enum ingress_outcome outcome,
                    int64_t took_ms, const char *path)
{
    struct cli *c = g->c;
    const struct video *v = &r->video;
    CLEANUP_BUF struct buf out = {0};
    if (v->state == VIDEO_FAILED && !c->json) {
        struct err why = {0};
        err_set(&why, v->error.code, "%s", v->error.text);
        err_plain(&why, v->error.plain, v->error.next);
        return cli_fail(c, path, &why);
    }
    if (c->json) {
        struct jsonw w = JSONW(&out);
        jw_obj(&w);
        jw_kz(&w, "file", path);
        jw_kbool(&w, "duplicate", outcome == INGRESS_DUPLICATE);
        jw_ki64(&w, "took_ms", took_ms);
        jw_key(&w, "video");
        video_report_json(r, &w);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
    } else {
        if (outcome == INGRESS_DUPLICATE)
            buf_addf(&out, "%s is in the library already:\n", log_quote(str_of(path)));
        video_report_text(r, outcome == INGRESS_DUPLICATE ? -1 : took_ms, &out);
    }
    int done = cli_print(c, &out);
    if (done == 0 && v->state == VIDEO_FAILED)
        done = err_class(v->error.code)->exit_code;
    return done;
}

static int ingest_one(struct ingest *g, const char *path)
{
    struct cli *c = g->c;
    struct err e = {0};
    struct ingress_result in;
    struct worker_result done = {0};
    CLEANUP(video_report_free) struct video_report *report = NULL;
    int64_t t0 = clock_mono_ms();

    int r = ingress_file(&g->in, path, &g->meta, &in, &e);
    if (r >= 0 && in.state == VIDEO_FAILED)
        r = again(g, &in, &e);
    if (r >= 0) {
        struct worker_opts o = {.video_id = in.video_id,
                                .concurrency = 1,
                                .stop = cli_stop_flag(),
                                .progress = on_stage,
                                .arg = g};
        r = worker_run(g->lib, &o, &done, &e);
    }
    if (r >= 0)
        r = video_report_load(g->lib, in.video_id, &report, &e);
    cli_progress_done(c);
    if (r >= 0 && done.stopped && report->video.state != VIDEO_INDEXED &&
        report->video.state != VIDEO_FAILED) {
        r = err_set(&e, ERR_CANCELLED, "stopped by a signal");
        err_plain(&e, "Stopped. What was finished is kept.",
                  "Go on with: rushes ingest or rushes work");
    }
    if (r < 0)
        return cli_fail(c, path, &e);
    return finished(g, report, in.outcome, clock_mono_ms() - t0, path);
}

static int read_meta(struct ingest *g)
{
    struct cli *c = g->c;
    struct str rest = str_of(cli_value(c, "--tags")), part;
    g->meta = (struct ingress_meta){
        .title = cli_value(c, "--title"),
        .description = cli_value(c, "--description"),
        .batch_name = cli_value(c, "--batch"),
        .notes = cli_value(c, "--notes"),
        .tags = g->tags,
    };
    while (rest.p && str_cut(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.n == 0)
            continue;
        if (g->meta.n_tags == INGRESS_TAGS_MAX)
            return cli_fail_usage(c, "There can be at most %d tags.", INGRESS_TAGS_MAX);
        g->tags[g->meta.n_tags++] = str_dup(part);
    }
    if (c->n_args > 1 && g->meta.title)
        return cli_fail_usage(c, "--title names one video, but there are %d files.", c->n_args);
    return 0;
}

static int ingest_all(struct ingest *g)
{
    struct cli *c = g->c;
    struct err e = {0};
    struct ingress_recovered recovered;
    CLEANUP(library_free) struct library *lib = NULL;
    int worst = 0;

    cli_catch_signals();
    if (library_open(c->conf, LIBRARY_CREATE, &lib, &e) < 0)
        return cli_fail(c, NULL, &e);
    g->lib = lib;
    library_ingress(lib, &g->in);
    g->in.progress = on_copy;
    g->in.progress_arg = g;
    if (ingress_recover(&g->in, &recovered, &e) < 0)
        return cli_fail(c, NULL, &e);
    for (int i = 0; i < c->n_args && !cli_stopped(); i++) {
        int code = ingest_one(g, c->args[i]);
        worst = MAX(worst, code);
    }
    return worst;
}

static int ingest_run(struct cli *c)
{
    struct ingest g = {.c = c};
    int r = read_meta(&g);
    if (r == 0)
        r = ingest_all(&g);
    for (int i = 0; i < g.meta.n_tags; i++)
        mem_free((void *)g.tags[i]);
    return r;
}

static const struct cli_switch ingest_switches[] = {
    {"--title", 0, "TEXT", "title of the video (default: the file's name)"},
    {"--description", 0, "TEXT", "what it is about; found by search"},
    {"--tags", 0, "A,B", "tags, found by search"},
    {"--batch", 0, "NAME", "the batch it belongs to (at most 50 characters)"},
    {"--notes", 0, "TEXT", "notes of the operator"},
    {0},
};
const struct cli_command cli_ingest = {
    .name = "ingest",
    .group = "The library",
    .usage = "FILE... [--title TEXT] [--tags A,B]",
    .summary = "take videos in: check, store, one pass, read, index",
    .details =
        "A file that is in the library already is recognised by its content and not decoded again. "
        "An ingest that\n"
        "was stopped or killed goes on where it was when it is run again, or with 'rushes work'.",
    .min_args = 1,
    .max_args = CLI_ARGS_MAX,
    .switches = ingest_switches,
    .run = ingest_run,
};
