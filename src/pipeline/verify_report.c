/* What verify found: names, memory, JSON. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "pipeline/verify_priv.h"

static const char *const problem_names[VERIFY_PROBLEM_N] = {
    [VERIFY_MISSING] = "missing", [VERIFY_DAMAGED] = "damaged", [VERIFY_ORPHAN] = "orphan",
    [VERIFY_FOREIGN] = "foreign", [VERIFY_SCRATCH] = "scratch", [VERIFY_UPLOAD] = "upload",
    [VERIFY_STUCK] = "stuck",     [VERIFY_UNNAMED] = "unnamed", [VERIFY_DATABASE] = "database",
};
static const char *const fix_names[VERIFY_FIX_N] = {
    [VERIFY_FIX_NONE] = "none", [VERIFY_FIX_REQUEUE] = "requeue", [VERIFY_FIX_REMOVE] = "remove",
    [VERIFY_FIX_FAIL] = "fail", [VERIFY_FIX_WRITE] = "write",     [VERIFY_FIX_RECOVER] = "recover",
};

static const char *const outcome_names[VERIFY_OUTCOME_N] = {
    [VERIFY_LEFT] = "left",
    [VERIFY_REPAIRED] = "repaired",
    [VERIFY_QUEUED] = "queued",
    [VERIFY_GIVEN_UP] = "given up",
};

const char *verify_outcome_name(enum verify_outcome o)
{
    return o < VERIFY_OUTCOME_N ? outcome_names[o] : "?";
}

const char *verify_problem_name(enum verify_problem p)
{
    return p < VERIFY_PROBLEM_N ? problem_names[p] : "?";
}

const char *verify_fix_name(enum verify_fix f)
{
    return f < VERIFY_FIX_N ? fix_names[f] : "?";
}

void verify_report_free(struct verify_report *r)
{
    if (!r)
        return;
    arena_free(r->arena);
    free(r->findings);
    free(r);
}

void walk_found(struct verify_walk *w, enum verify_problem problem, enum verify_fix fix,
                const char *key, const char *video_id, const char *stage, int64_t bytes,
                const char *detail, ...)
{
    char text[400];
    va_list ap;

    w->r->count[problem]++;
    w->r->repairable += fix != VERIFY_FIX_NONE && fix != VERIFY_FIX_FAIL;
    if (w->findings.n >= VERIFY_FINDINGS_MAX)
        return;
    va_start(ap, detail);
    vsnprintf(text, sizeof text, detail, ap);
    va_end(ap);
    struct verify_finding f = {
        .problem = problem,
        .fix = fix,
        .key = arena_strdup(w->r->arena, key ? key : ""),
        .video_id = arena_strdup(w->r->arena, video_id ? video_id : ""),
        .stage = arena_strdup(w->r->arena, stage ? stage : ""),
        .detail = arena_strdup(w->r->arena, text),
        .bytes = bytes,
    };
    VEC_PUSH(&w->findings, f);
}

static void finding_json(const struct verify_finding *f, struct jsonw *w)
{
    jw_obj(w);
    jw_kz(w, "problem", verify_problem_name(f->problem));
    jw_kz(w, "fix", verify_fix_name(f->fix));
    jw_kz(w, "outcome", verify_outcome_name(f->outcome));
    jw_kz(w, "key", f->key);
    jw_kz(w, "video_id", f->video_id);
    jw_kz(w, "stage", f->stage);
    jw_ki64(w, "bytes", f->bytes);
    jw_kz(w, "detail", f->detail);
    jw_obj_end(w);
}

static int64_t problems_of(const struct verify_report *r)
{
    int64_t n = 0;

    for (int p = 0; p < VERIFY_PROBLEM_N; p++)
        n += p == VERIFY_FOREIGN ? 0 : r->count[p];
    return n;
}

int64_t verify_unsettled(const struct verify_report *r)
{
    return problems_of(r) - r->repaired - r->queued;
}

static void finding_text(const struct verify_finding *f, struct buf *out)
{
    buf_addf(out, "%-9s %s%s%s: %s", verify_problem_name(f->problem), f->key,
             *f->key && *f->video_id ? " " : "", f->video_id, f->detail);
    if (f->outcome != VERIFY_LEFT)
        buf_addf(out, " (%s)", verify_outcome_name(f->outcome));
    buf_addc(out, '\n');
}

static void outcome_text(struct buf *out, int64_t n, const char *what)
{
    if (n)
        buf_addf(out, ", %" PRId64 " %s", n, what);
}

void verify_report_text(const struct verify_report *r, struct buf *out)
{
    int64_t problems = problems_of(r), foreign = r->count[VERIFY_FOREIGN];

    for (size_t i = 0; i < r->n_findings; i++)
        finding_text(&r->findings[i], out);
    buf_addf(out, "%" PRId64 " video%s, %" PRId64 " object%s%s: ", r->videos,
             r->videos == 1 ? "" : "s", r->objects, r->objects == 1 ? "" : "s",
             r->quick ? " (sizes only)" : "");
    if (problems)
        buf_addf(out, "%" PRId64 " problem%s", problems, problems == 1 ? "" : "s");
    else
        buf_addz(out, "all sound");
    outcome_text(out, r->repaired, "repaired");
    outcome_text(out, r->queued, "queued");
    outcome_text(out, r->given_up, "given up");
    if (foreign)
        buf_addf(out, "; %" PRId64 " foreign file%s left alone", foreign, foreign == 1 ? "" : "s");
    buf_addc(out, '\n');
    if (r->queued)
        buf_addz(out, "finish with: rushes work --drain\n");
    if (r->given_up)
        buf_addz(out, "bring back what is lost with: rushes ingest FILE\n");
    if (!r->repair && r->repairable)
        buf_addz(out, "repair with: rushes verify --repair\n");
}

void verify_json(const struct verify_report *r, struct jsonw *w)
{
    jw_obj(w);
    jw_kbool(w, "ok", verify_unsettled(r) == 0);
    jw_kbool(w, "quick", r->quick);
    jw_ki64(w, "objects", r->objects);
    jw_ki64(w, "bytes", r->bytes);
    jw_ki64(w, "videos", r->videos);
    jw_ki64(w, "repaired", r->repaired);
    jw_ki64(w, "queued", r->queued);
    jw_ki64(w, "given_up", r->given_up);
    jw_key(w, "problems");
    jw_obj(w);
    for (int p = 0; p < VERIFY_PROBLEM_N; p++)
        jw_ki64(w, verify_problem_name((enum verify_problem)p), r->count[p]);
    jw_obj_end(w);
    jw_key(w, "findings");
    jw_arr(w);
    for (size_t i = 0; i < r->n_findings; i++)
        finding_json(&r->findings[i], w);
    jw_arr_end(w);
    jw_obj_end(w);
}
