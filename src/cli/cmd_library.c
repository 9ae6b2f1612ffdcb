/* videos, verify, rebuild: looking after the library. */
#include <inttypes.h>

#include "base/fs.h"
#include "base/human.h"
#include "cli/cli.h"
#include "cli/report.h"
#include "pipeline/pipeline.h"
#include "pipeline/rebuild.h"
#include "pipeline/verify.h"

/* ---- videos
 * ------------------------------------------------------------------------------------------------------
 */

static void video_row_json(const struct video *v, struct jsonw *w)
{
    jw_obj(w);
    jw_kz(w, "video_id", v->id);
    jw_kz(w, "state", video_state_name(v->state));
    jw_ki64(w, "progress", v->progress);
    jw_kz(w, "title", v->title);
    jw_kz(w, "filename", v->filename);
    jw_ki64(w, "size_bytes", v->size_bytes);
    jw_kus(w, "duration_seconds", v->media.duration_us);
    jw_obj_end(w);
}

/* Page by page, each read on its own: a reader that takes its time holds nothing in the database,
 * and what is shown first is there first. */
static int videos_list(struct cli *c, struct library *lib)
{
    struct err e = {0};
    CLEANUP_BUF struct buf out = {0};
    CLEANUP_FREE char *after = NULL;
    struct jsonw w = JSONW(&out);
    struct video_filter f = {.limit = DB_PAGE_MAX};
    if (c->json)
        jw_arr(&w);
    do {
        CLEANUP(arena_free) struct arena *a = arena_new();
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct video_page page;
        if (db_begin(lib->db, DB_READ, &tx, &e) < 0 || db_video_list(tx, a, &f, &page, &e) < 0)
            return cli_fail(c, NULL, &e);
        db_rollback(STEAL(tx));
        for (size_t i = 0; i < page.n; i++) {
            const struct video *v = &page.videos[i];
            char time[HUMAN_MAX];
            if (c->json)
                video_row_json(v, &w);
            else
                buf_addf(&out, "%s  %-10s %9s  %s\n", v->id, video_state_name(v->state),
                         human_time(v->media.duration_us, time), log_quote(str_of(v->title)));
        }
        int r = cli_print(c, &out);
        buf_reset(&out);
        if (r != 0 || c->reader_left)
            return r;
        mem_free(after);
        f.after = after = page.next ? xstrdup(page.next) : NULL;
    } while (after);
    if (c->json) {
        jw_arr_end(&w);
        buf_addc(&out, '\n');
    }
    return cli_print(c, &out);
}

static int videos_show(struct cli *c, struct library *lib, const char *id)
{
    struct err e = {0};
    CLEANUP(video_report_free) struct video_report *r = NULL;
    CLEANUP_BUF struct buf out = {.max = (size_t)1 << 30};
    if (video_report_load(lib, id, &r, &e) < 0)
        return cli_fail(c, id, &e);
    if (c->json) {
        struct jsonw w = JSONW(&out);
        video_report_json(r, &w);
        buf_addc(&out, '\n');
    } else {
        video_report_text(r, -1, &out);
    }
    return cli_print(c, &out);
}

static int videos_run(struct cli *c)
{
    struct err e = {0};
    CLEANUP(library_free) struct library *lib = NULL;
    const char *verb = c->n_args > 0 ? c->args[0] : "list";
    bool list = strcmp(verb, "list") == 0 && c->n_args <= 1,
         show = strcmp(verb, "show") == 0 && c->n_args == 2;
    if (!list && !show)
        return cli_fail_usage(c, "Say: rushes videos list, or rushes videos show ID");
    if (library_open(c->conf, LIBRARY_EXISTING, &lib, &e) < 0)
        return cli_fail(c, NULL, &e);
    return list ? videos_list(c, lib) : videos_show(c, lib, c->args[1]);
}

const struct cli_command cli_videos = {
    .name = "videos",
    .group = "The library",
    .usage = "list | show ID",
    .summary = "what is in the library; all that is known of one video",
    .min_args = 0,
    .max_args = 2,
    .run = videos_run,
};

/* ---- verify
 * ------------------------------------------------------------------------------------------------------
 */

static int on_again(void *arg, struct tx *tx, const char *video_id, const char *stage,
                    struct err *e)
{
    int n = pipeline_again(arg, tx, video_id, stage, e);
    return n < 0 ? -1 : n > 0;
}

static int on_verify(void *arg, int64_t objects, int64_t bytes)
{
    struct cli *c = arg;
    char size[HUMAN_MAX];
    if (c->progress) {
        fprintf(stderr, "\rverify  %" PRId64 " objects, %s  ", objects, human_size(bytes, size));
        fflush(stderr);
    }
    return cli_stopped();
}

/* Uploads that a dead process left are finished or undone, as the next ingest would. */
static int on_recover(void *arg, struct err *e)
{
    struct ingress in;
    library_ingress(arg, &in);
    return ingress_recover(&in, NULL, e);
}

static int verify_cmd(struct cli *c)
{
    struct err e = {0};
    CLEANUP(library_free) struct library *lib = NULL;
    CLEANUP(verify_report_free) struct verify_report *r = NULL;
    CLEANUP_BUF struct buf out = {.max = (size_t)1 << 30};
    cli_catch_signals();
    if (library_open(c->conf, LIBRARY_EXISTING, &lib, &e) < 0)
        return cli_fail(c, NULL, &e);
    struct verify v = {
        .db = lib->db,
        .store = lib->store,
        .log = lib->log,
        .quick = cli_flag(c, "--quick"),
        .repair = cli_flag(c, "--repair"),
        .grace_ms = cli_flag(c, "--now") ? 0 : VERIFY_GRACE_MS,
        .again = on_again,
        .again_arg = lib,
        .recover = on_recover,
        .recover_arg = lib,
        .progress = on_verify,
        .progress_arg = c,
    };
    int sound = verify_run(&v, &r, &e);
    cli_progress_done(c);
    if (sound < 0)
        return cli_fail(c, NULL, &e);
    if (c->json) {
        struct jsonw w = JSONW(&out);
        verify_json(r, &w);
        buf_addc(&out, '\n');
    } else {
        verify_report_text(r, &out);
    }
    int printed = cli_print(c, &out);
    return printed != 0 ? printed : sound > 0 ? 1 : 0;
}

static const struct cli_switch verify_switches[] = {
    {"--repair", 0, NULL, "mend what can be mended: derive again, remove what nobody names"},
    {"--quick", 0, NULL, "compare sizes only, do not read every object"},
    {"--now", 0, NULL, "objects that nobody names count at once, not after an hour"},
    {0},
};
const struct cli_command cli_verify = {
    .name = "verify",
    .group = "Keeping it sound",
    .usage = "[--repair] [--quick] [--now]",
    .summary = "compare database and store: missing, damaged, orphaned, stuck",
    .details =
        "Exit status 1 when something is wrong and was not repaired, or is lost. What must be "
        "derived\nagain is queued: 'rushes work --drain' does it. Files of others are named, "
        "and left.",
    .max_args = 0,
    .switches = verify_switches,
    .run = verify_cmd,
};

/* ---- rebuild
 * -----------------------------------------------------------------------------------------------------
 */

static int on_start(void *arg, struct tx *tx, const char *video_id, struct err *e)
{
    return pipeline_begin(arg, tx, video_id, e);
}

static int on_rebuild(void *arg, int64_t done, const char *what)
{
    struct cli *c = arg;
    if (c->progress) {
        fprintf(stderr, "\rrebuild  %" PRId64 "  %.50s\033[K", done, what);
        fflush(stderr);
    }
    return cli_stopped();
}

static int rebuild_cmd(struct cli *c)
{
    struct err e = {0};
    CLEANUP(library_free) struct library *lib = NULL;
    CLEANUP_BUF struct buf out = {0};
    struct rebuild_report r = {0};
    CLEANUP_FREE char *objects = fs_join(conf_str(c->conf, CONF_DATA), "objects");
    cli_catch_signals();
    int there = fs_exists(objects, &e);
    if (there == 0) {
        err_set(&e, ERR_NOT_FOUND, "no store in %s", LOGZ(conf_str(c->conf, CONF_DATA)));
        err_plain(&e, "There is no object store in this data folder.",
                  "Name the library's folder with --data.");
    }
    if (there <= 0 || library_open(c->conf, LIBRARY_CREATE, &lib, &e) < 0)
        return cli_fail(c, NULL, &e);
    struct rebuild rb = {
        .db = lib->db,
        .store = lib->store,
        .log = lib->log,
        .start = on_start,
        .start_arg = lib,
        .progress = on_rebuild,
        .progress_arg = c,
    };
    int done = rebuild_run(&rb, &r, &e);
    cli_progress_done(c);
    if (done < 0)
        return cli_fail(c, NULL, &e);
    if (c->json) {
        struct jsonw w = JSONW(&out);
        jw_obj(&w);
        jw_ki64(&w, "restored", r.restored);
        jw_ki64(&w, "requeued", r.requeued);
        jw_ki64(&w, "there", r.there);
        jw_ki64(&w, "deleted", r.deleted);
        jw_ki64(&w, "lost", r.lost);
        jw_ki64(&w, "unreadable", r.unreadable);
        jw_ki64(&w, "objects", r.objects);
        jw_ki64(&w, "objects_gone", r.objects_gone);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
    } else {
        buf_addf(&out,
                 "%" PRId64 " videos restored, %" PRId64 " queued again, %" PRId64
                 " were there, %" PRId64 " lost; %" PRId64 " sidecars unreadable\n",
                 r.restored, r.requeued, r.there, r.lost, r.unreadable);
        if (r.requeued > 0)
            buf_addz(&out, "finish with: rushes work --drain\n");
    }
    return cli_print(c, &out);
}

const struct cli_command cli_rebuild = {
    .name = "rebuild",
    .group = "Keeping it sound",
    .usage = "",
    .summary = "make the database again from the object store alone",
    .details = "Only adds what is missing: it may be run on a library that works. Move a damaged "
               "rushes.db away first.",
    .max_args = 0,
    .run = rebuild_cmd,
};
