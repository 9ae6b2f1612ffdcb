/* work and jobs: running the queue and looking into it. */
#include <inttypes.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "index/index.h"
#include "pipeline/worker.h"

/* ---- work
 * --------------------------------------------------------------------------------------------------------
 */

static int work_run(struct cli *c)
{
    struct err e = {0};
    CLEANUP(library_free) struct library *lib = NULL;
    CLEANUP_BUF struct buf out = {0};
    struct ingress in;
    struct ingress_recovered recovered;
    struct worker_result r = {0};
    cli_catch_signals();
    if (library_open(c->conf, LIBRARY_CREATE, &lib, &e) < 0)
        return cli_fail(c, NULL, &e);
    library_ingress(lib, &in);
    if (ingress_recover(&in, &recovered, &e) < 0)
        return cli_fail(c, NULL, &e);
    /* words folded by an older program would not be found by today's queries */
    if (index_rebuild(lib->db, INDEX_REBUILD_STALE, &e) < 0)
        return cli_fail(c, NULL, &e);
    struct worker_opts o = {
        .drain = cli_flag(c, "--drain"),
        .concurrency = (int)conf_int(c->conf, CONF_WORK_CONCURRENCY),
        .stop = cli_stop_flag(),
    };
    if (worker_run(lib, &o, &r, &e) < 0)
        return cli_fail(c, NULL, &e);
    if (c->json) {
        struct jsonw w = JSONW(&out);
        jw_obj(&w);
        jw_ki64(&w, "done", r.done);
        jw_ki64(&w, "failed", r.failed);
        jw_kbool(&w, "stopped", r.stopped);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
    } else {
        buf_addf(&out, "%" PRId64 " jobs done, %" PRId64 " attempts failed%s\n", r.done, r.failed,
                 r.stopped ? ", stopped" : "");
    }
    return cli_print(c, &out);
}

static const struct cli_switch work_switches[] = {
    {"--drain", 0, NULL, "end when nothing is left to do"},
    {0},
};
const struct cli_command cli_work = {
    .name = "work",
    .group = "The queue",
    .usage = "[--drain]",
    .summary = "run jobs until stopped; any number of these may run at once",
    .max_args = 0,
    .switches = work_switches,
    .run = work_run,
};

/* ---- jobs
 * --------------------------------------------------------------------------------------------------------
 */

static void time_or_null(struct jsonw *w, const char *key, int64_t ms)
{
    char t[CLOCK_ISO_MAX];
    jw_kz(w, key, ms > 0 ? clock_iso(ms, t) : NULL);
}

static void job_json(const struct job_row *j, struct jsonw *w)
{
    jw_obj(w);
    jw_kz(w, "job_id", j->id);
    jw_kz(w, "queue", j->queue);
    jw_kz(w, "stage", j->stage);
    jw_kz(w, "video_id", *j->video_id ? j->video_id : NULL);
    jw_kz(w, "state", job_state_name(j->state));
    jw_kbool(w, "dead", j->dead);
    jw_ki64(w, "priority", j->priority);
    jw_ki64(w, "progress", j->progress);
    jw_kz(w, "note", *j->note ? j->note : NULL);
    jw_ki64(w, "attempt", j->attempt);
    jw_ki64(w, "max_attempts", j->max_attempts);
    jw_kz(w, "worker", *j->worker_id ? j->worker_id : NULL);
    time_or_null(w, "created_at", j->created_at_ms);
    time_or_null(w, "run_at", j->run_at_ms);
    time_or_null(w, "started_at", j->started_at_ms);
    time_or_null(w, "finished_at", j->finished_at_ms);
    jw_key(w, "error");
    if (j->error.code == ERR_OK) {
        jw_null(w);
    } else {
        jw_obj(w);
        jw_kz(w, "code", err_class(j->error.code)->name);
        jw_kz(w, "category", j->error.category);
        jw_kz(w, "message", j->error.plain);
        jw_kz(w, "next", j->error.next);
        jw_kz(w, "cause", j->error.text);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

static void job_line(const struct job_row *j, struct buf *out)
{
    buf_addf(out, "%s  %-16s %-16s %-9s %3d %%  %d/%d  %s%s%s\n", j->id, j->queue, j->stage,
             j->dead ? "dead" : job_state_name(j->state), j->progress, j->attempt, j->max_attempts,
             j->video_id, j->error.code != ERR_OK && j->state != JOB_COMPLETED ? "  " : "",
             j->error.code != ERR_OK && j->state != JOB_COMPLETED ? j->error.plain : "");
}

#define JOBS_SHOWN 100 /* for people, unless --limit says otherwise; machines get all */

/* Fills what --state, --video and --limit say; *ret_limit 0: all. 0, or an exit code. */
static int jobs_filter(struct cli *c, bool dead, struct job_filter *ret, int64_t *ret_limit)
{
    const char *state = cli_value(c, "--state"), *limit = cli_value(c, "--limit");
    enum job_state s;
    *ret = (struct job_filter){.video_id = cli_value(c, "--video"), .dead_only = dead};
    *ret_limit = c->json ? 0 : JOBS_SHOWN;
    if (state && strcmp(state, "dead") == 0)
        ret->dead_only = true;
    else if (state && job_state_from_name(str_of(state), &s))
        ret->states = 1u << s;
    else if (state)
        return cli_fail_usage(c,
                              "There is no state '%.40s': pending, running, completed, failed "
                              "or dead.",
                              state);
    if (limit && (!str_to_i64(str_of(limit), ret_limit) || *ret_limit < 1))
        return cli_fail_usage(c, "--limit takes a number from 1 up.");
    return 0;
}

/* Page by page: the queue may be long, and the reader may leave. */
static int jobs_list(struct cli *c, struct library *lib, struct job_filter *f, int64_t limit,
                     struct buf *out)
{
    struct err e = {0};
    struct jsonw w = JSONW(out);
    CLEANUP_FREE char *after = NULL;
    int64_t shown = 0;
    bool more;
    if (c->json)
        jw_arr(&w);
    do {
        CLEANUP(arena_free) struct arena *a = arena_new();
        struct job_page page;
        f->limit = limit > 0 ? (int)MIN(limit - shown, DB_PAGE_MAX) : DB_PAGE_MAX;
        if (queue_list(lib->queue, a, f, &page, &e) < 0)
            return cli_fail(c, NULL, &e);
        for (size_t i = 0; i < page.n; i++) {
            if (c->json)
                job_json(&page.jobs[i], &w);
            else
                job_line(&page.jobs[i], out);
        }
        shown += (int64_t)page.n;
        int r = cli_print(c, out);
        buf_reset(out);
        if (r != 0 || c->reader_left)
            return r;
        more = page.next != NULL;
        mem_free(after);
        f->after = after = more ? xstrdup(page.next) : NULL;
    } while (more && (limit == 0 || shown < limit));
    if (c->json) {
        jw_arr_end(&w);
        buf_addc(out, '\n');
    } else if (shown == 0) {
        buf_addz(out, f->dead_only ? "No dead letters.\n" : "No jobs.\n");
    } else if (more) {
        buf_addf(out,
                 "There are more: these are the newest %" PRId64 "; see more with --limit N.\n",
                 shown);
    }
    return cli_print(c, out);
}

static int jobs_show(struct cli *c, struct library *lib, const char *id, struct buf *out)
{
    struct err e = {0};
    struct jsonw w = JSONW(out);
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct job_row j;
    if (queue_show(lib->queue, a, id, &j, &e) < 0)
        return cli_fail(c, id, &e);
    w.indent = c->json ? 0 : 2;
    job_json(&j, &w);
    buf_addc(out, '\n');
    return cli_print(c, out);
}

static int jobs_stats(struct cli *c, struct library *lib, struct buf *out)
{
    struct err e = {0};
    struct jsonw w = JSONW(out);
    struct queue_stats s;
    if (queue_stats(lib->queue, &s, &e) < 0)
        return cli_fail(c, NULL, &e);
    if (c->json)
        jw_obj(&w);
    else
        buf_addf(out, "%-18s %8s %8s %10s %8s %6s\n", "queue", "pending", "running", "completed",
                 "failed", "dead");
    for (int q = 0; q < QUEUE_N; q++) {
        const int64_t *d = s.depth[q];
        if (c->json) {
            jw_key(&w, queue_name((enum queue_name)q));
            jw_obj(&w);
            for (int k = 0; k < JOB_STATE_N; k++)
                jw_ki64(&w, job_state_name((enum job_state)k), d[k]);
            jw_ki64(&w, "dead", s.dead[q]);
            jw_obj_end(&w);
        } else {
            buf_addf(out,
                     "%-18s %8" PRId64 " %8" PRId64 " %10" PRId64 " %8" PRId64 " %6" PRId64 "\n",
                     queue_name((enum queue_name)q), d[JOB_PENDING], d[JOB_RUNNING],
                     d[JOB_COMPLETED], d[JOB_FAILED], s.dead[q]);
        }
    }
    if (c->json) {
        jw_obj_end(&w);
        buf_addc(out, '\n');
    }
    return cli_print(c, out);
}

static int jobs_change(struct cli *c, struct library *lib, const char *verb, const char *id,
                       struct buf *out)
{
    struct err e = {0};
    bool cancel = strcmp(verb, "cancel") == 0;
    int r = cancel ? queue_cancel(lib->queue, id, &e) : queue_retry(lib->queue, id, &e);
    if (r == 0 && cancel) {
        err_set(&e, ERR_CONFLICT, "job %s has ended", LOGZ(id));
        r = err_plain(&e, "This job had ended already; there is nothing to cancel.",
                      "See what became of it with: rushes jobs show ID");
    }
    if (r < 0)
        return cli_fail(c, id, &e);
    return jobs_show(c, lib, id, out);
}

static int jobs_run(struct cli *c)
{
    struct err e = {0};
    CLEANUP(library_free) struct library *lib = NULL;
    CLEANUP_BUF struct buf out = {.max = (size_t)1 << 30};
    const char *verb = c->n_args > 0 ? c->args[0] : "list", *id = c->n_args > 1 ? c->args[1] : NULL;
    bool list = strcmp(verb, "list") == 0, dead = strcmp(verb, "dead") == 0,
         stats = strcmp(verb, "stats") == 0;
    bool show = strcmp(verb, "show") == 0,
         change = strcmp(verb, "retry") == 0 || strcmp(verb, "cancel") == 0;
    if (!((list || dead || stats) && !id) && !((show || change) && id))
        return cli_fail_usage(c,
                              "Say: rushes jobs list, dead, stats, show ID, retry ID or cancel ID");
    struct job_filter filter;
    int64_t limit;
    bool narrowed = cli_value(c, "--state") || cli_value(c, "--video") || cli_value(c, "--limit");
    if (narrowed && !list && !dead)
        return cli_fail_usage(c,
                              "--state, --video and --limit are for 'jobs list' and 'jobs dead'.");
    int r = jobs_filter(c, dead, &filter, &limit);
    if (r != 0)
        return r;
    if (library_open(c->conf, LIBRARY_EXISTING, &lib, &e) < 0)
        return cli_fail(c, NULL, &e);
    if (show)
        return jobs_show(c, lib, id, &out);
    if (change)
        return jobs_change(c, lib, verb, id, &out);
    return stats ? jobs_stats(c, lib, &out) : jobs_list(c, lib, &filter, limit, &out);
}

static const struct cli_switch jobs_switches[] = {
    {"--state", 0, "STATE", "only these: pending, running, completed, failed or dead"},
    {"--video", 0, "ID", "only those of this video"},
    {"--limit", 'n', "N", "at most so many, newest first (default 100; with --json all)"},
    {0},
};
const struct cli_command cli_jobs = {
    .name = "jobs",
    .group = "The queue",
    .usage = "list [--state STATE] [--video ID] [--limit N] | dead | stats | show ID | retry ID | "
             "cancel ID",
    .summary = "look into the queue; replay dead letters",
    .details = "'dead' lists what failed for good. 'retry' gives a failed job fresh attempts and "
               "revives its video.",
    .max_args = 2,
    .switches = jobs_switches,
    .run = jobs_run,
};
