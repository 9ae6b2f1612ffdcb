/* ingest: the main job on local files. The same queue and stages as a server's; this process is the
 * worker. */
#include <inttypes.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/json.h"
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
    char text[HUMAN_MAX];
    cli_progress(g->c, "reading", total > 0 ? (int)(done * 100 / total) : 0,
                 human_size(done, text));
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

/* What an ingest of a file that the library knows came to. */
struct known {
    bool again;  /* a failed video was given another try */
    bool edited; /* what was said about it is new */
    int redone;  /* stages that had been skipped are tried with the settings of now */
};

/* The members of a stored object with "notes" set; to be freed. */
static int notes_json(const char *stored, const char *notes, char **ret, struct err *e)
{
    CLEANUP_JSON json_t *obj = NULL;
    if (*stored && (json_read(str_of(stored), &obj, e) < 0 || !json_is_object(obj)))
        return err_wrap(e, "source metadata");
    if (!obj)
        obj = json_object();
    CLEANUP_BUF struct buf text = {0};
    struct jsonw w = JSONW(&text);
    jw_obj(&w);
    const char *key;
    json_t *value;
    json_object_foreach(obj, key, value)
    {
        if (strcmp(key, "notes") == 0)
            continue;
        char *raw = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        jw_key(&w, key);
        jw_raw(&w, str_of(raw));
        free(raw);
    }
    jw_kz(&w, "notes", notes);
    jw_obj_end(&w);
    *ret = buf_steal(&text);
    return 0;
}

static void tags_text(const struct ingress_meta *m, struct buf *out)
{
    struct jsonw w = JSONW(out);
    jw_arr(&w);
    for (int i = 0; i < m->n_tags; i++)
        jw_z(&w, m->tags[i]);
    jw_arr_end(&w);
}

/* What was said this time replaces what was said before; the rest stays. 1 changed, 0 nothing new. */
static int apply_meta(struct ingest *g, struct tx *tx, const struct video *v, struct err *e)
{
    const struct ingress_meta *m = &g->meta;
    CLEANUP_BUF struct buf tags = {0};
    CLEANUP_FREE char *notes = NULL;
    struct video_edit edit = {
        .title = m->title, .description = m->description, .batch_name = m->batch_name};
    if (cli_value(g->c, "--tags")) {
        tags_text(m, &tags);
        edit.tags_json = buf_z(&tags);
    }
    if (m->notes && notes_json(v->source_metadata_json, m->notes, &notes, e) < 0)
        return -1;
    edit.source_metadata_json = notes;
    bool same = (!edit.title || strcmp(edit.title, v->title) == 0) &&
                (!edit.description || strcmp(edit.description, v->description) == 0) &&
                (!edit.batch_name || strcmp(edit.batch_name, v->batch_name) == 0) &&
                (!edit.tags_json || strcmp(edit.tags_json, v->tags_json) == 0) &&
                (!notes || strcmp(notes, v->source_metadata_json) == 0);
    if (same)
        return 0;
    return db_video_edit(tx, v->id, &edit, e) < 0 ? -1 : 1;
}

/* Queues the stages whose newest run was skipped. How many. */
static int redo_skipped(struct ingest *g, struct tx *tx, struct arena *a, const char *id,
                        struct err *e)
{
    struct job_filter f = {.video_id = id, .limit = DB_PAGE_MAX};
    struct job_page page;
    int n = 0;
    if (db_job_list(tx, a, &f, &page, e) < 0)
        return -1;
    for (size_t i = 0; i < page.n; i++) {
        const struct job_row *j = &page.jobs[i];
        bool newest = true;
        for (size_t k = 0; k < i && newest; k++)
            newest = strcmp(page.jobs[k].stage, j->stage) != 0;
        if (!newest || j->state != JOB_COMPLETED ||
            !str_starts(str_of(j->note), STR(PIPELINE_SKIPPED)))
            continue;
        int added = pipeline_again(g->lib, tx, id, j->stage, e);
        if (added < 0)
            return -1;
        n += added;
    }
    return n;
}

/*
 * A file that is there already: what is said about it now is taken over, a failed video gets
 * another try, and stages that were skipped are tried with the settings of now. A failed one goes
 * from the start when its original had been lost, since what was made of it may be lost with it.
 */
static int known_file(struct ingest *g, const struct ingress_result *in, struct known *ret,
                      struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v;
    if (db_begin(g->lib->db, DB_WRITE, &tx, e) < 0 || db_video_get(tx, a, in->video_id, &v, e) < 0)
        return -1;
    int edited = apply_meta(g, tx, &v, e);
    if (edited < 0)
        return -1;
    ret->edited = edited > 0;
    if (v.state == VIDEO_FAILED) {
        const char *stage = in->healed ? pipeline_stage_name(0) : NULL;
        ret->again = true;
        if (pipeline_again(g->lib, tx, v.id, stage, e) < 0)
            return -1;
    } else if (v.state == VIDEO_INDEXED) {
        ret->redone = redo_skipped(g, tx, a, v.id, e);
        /* search and sidecar learn of the words from the last stage */
        if (ret->redone < 0 ||
            (ret->redone == 0 && edited > 0 && pipeline_again(g->lib, tx, v.id, "publish", e) < 0))
            return -1;
    }
    return db_commit(tx, e);
}

static void finished_text(const struct video_report *r, enum ingress_outcome outcome,
                          const struct known *known, int64_t took_ms, const char *path,
                          struct buf *out)
{
    bool duplicate = outcome == INGRESS_DUPLICATE && !known->again;
    if (duplicate)
        buf_addf(out, "%s is in the library already%s%s:\n", log_quote(str_of(path)),
                 known->edited ? "; what was said about it is taken over" : "",
                 known->redone > 0 ? "; what had been skipped was tried again" : "");
    video_report_text(r, duplicate && known->redone == 0 ? -1 : took_ms, out);
}

static int finished(struct ingest *g, const struct video_report *r, enum ingress_outcome outcome,
                    const struct known *known, int64_t took_ms, const char *path)
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
        jw_kbool(&w, "duplicate", outcome == INGRESS_DUPLICATE && !known->again);
        jw_kbool(&w, "resumed", outcome == INGRESS_RESUMED || known->again);
        jw_kbool(&w, "edited", known->edited);
        jw_ki64(&w, "stages_redone", known->redone);
        jw_ki64(&w, "took_ms", took_ms);
        jw_key(&w, "video");
        video_report_json(r, &w);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
    } else {
        finished_text(r, outcome, known, took_ms, path, &out);
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
    struct known known = {0};
    CLEANUP(video_report_free) struct video_report *report = NULL;
    int64_t t0 = clock_mono_ms();

    int r = ingress_file(&g->in, path, &g->meta, &in, &e);
    if (r >= 0 && in.outcome != INGRESS_NEW)
        r = known_file(g, &in, &known, &e);
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
    return finished(g, report, in.outcome, &known, clock_mono_ms() - t0, path);
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
    .details = "A file that is in the library already is recognised by its content and not decoded "
               "again;\n"
               "what is said about it now (--title, --tags ...) replaces what was said before, and "
               "what had been\n"
               "skipped is tried again. An ingest that was stopped or killed goes on where it was "
               "when it is run\n"
               "again, or with 'rushes work'.",
    .min_args = 1,
    .max_args = CLI_ARGS_MAX,
    .switches = ingest_switches,
    .run = ingest_run,
};
