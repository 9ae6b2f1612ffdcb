/* One video, as people and machines see it. */
#include "cli/report.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/json.h"
#include "cli/cli.h"
#include "pipeline/library.h"
#include "pipeline/pipeline.h"

#define REPORT_LINES_MAX 12 /* shots or texts shown to people; JSON has all */

static void newest_jobs(struct video_report *r, const struct job_page *page)
{
    r->jobs = ARENA_ARRAY(r->arena, struct job_row, page->n + 1);
    for (size_t i = page->n;
         i-- > 0;) { /* newest first: walk backwards, later rounds replace earlier ones */
        size_t k = 0;
        while (k < r->n_jobs && strcmp(r->jobs[k].stage, page->jobs[i].stage) != 0)
            k++;
        r->jobs[k] = page->jobs[i];
        if (k == r->n_jobs)
            r->n_jobs++;
    }
}

int video_report_load(struct library *lib, const char *video_id, struct video_report **ret,
                      struct err *e)
{
    CLEANUP(video_report_free) struct video_report *r = XNEW(struct video_report);
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct job_filter jobs = {.video_id = video_id, .limit = DB_PAGE_MAX};
    struct job_page page;
    unsigned found = 1u << TEXT_OCR | 1u << TEXT_SPEECH;
    r->arena = arena_new();
    if (db_begin(lib->db, DB_READ, &tx, e) < 0 ||
        db_video_get(tx, r->arena, video_id, &r->video, e) < 0 ||
        db_scenes_list(tx, r->arena, video_id, &r->scenes, &r->n_scenes, e) < 0 ||
        db_texts_list(tx, r->arena, video_id, found, 0, 0, &r->texts, &r->n_texts, e) < 0 ||
        db_job_list(tx, r->arena, &jobs, &page, e) < 0)
        return err_wrap(e, "look at video %s", LOGZ(video_id));
    if (*r->video.checksum_sha256 && db_object_of_source(tx, r->arena, r->video.checksum_sha256,
                                                         &r->objects, &r->n_objects, e) < 0)
        return err_wrap(e, "look at video %s", LOGZ(video_id));
    newest_jobs(r, &page);
    *ret = STEAL(r);
    return 0;
}

void video_report_free(struct video_report *r)
{
    if (!r)
        return;
    arena_free(r->arena);
    free(r);
}

/* ---- JSON
 * --------------------------------------------------------------------------------------------------------
 */

static void json_or_null(struct jsonw *w, const char *key, const char *json)
{
    jw_key(w, key);
    if (*json)
        jw_raw(w, str_of(json));
    else
        jw_null(w);
}

static void time_or_null(struct jsonw *w, const char *key, int64_t ms)
{
    char t[CLOCK_ISO_MAX];
    jw_kz(w, key, ms > 0 ? clock_iso(ms, t) : NULL);
}

static void json_jobs(const struct video_report *r, struct jsonw *w)
{
    jw_key(w, "jobs");
    jw_arr(w);
    for (size_t i = 0; i < r->n_jobs; i++) {
        const struct job_row *j = &r->jobs[i];
        jw_obj(w);
        jw_kz(w, "job_id", j->id);
        jw_kz(w, "stage", j->stage);
        jw_kz(w, "state", job_state_name(j->state));
        jw_ki64(w, "progress", j->progress);
        jw_ki64(w, "attempt", j->attempt);
        jw_kz(w, "note", *j->note ? j->note : NULL);
        jw_kbool(w, "skipped", str_starts(str_of(j->note), STR(PIPELINE_SKIPPED)));
        if (j->started_at_ms > 0 && j->finished_at_ms > 0)
            jw_ki64(w, "took_ms", j->finished_at_ms - j->started_at_ms);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void video_report_json(const struct video_report *r, struct jsonw *w)
{
    const struct video *v = &r->video;
    jw_obj(w);
    jw_kz(w, "video_id", v->id);
    jw_kz(w, "state", video_state_name(v->state));
    jw_ki64(w, "progress", v->progress);
    jw_kz(w, "title", v->title);
    jw_kz(w, "filename", v->filename);
    jw_kz(w, "checksum_sha256", *v->checksum_sha256 ? v->checksum_sha256 : NULL);
    jw_ki64(w, "size_bytes", v->size_bytes);
    jw_kus(w, "duration_seconds", v->media.duration_us);
    jw_ki64(w, "width", v->media.width);
    jw_ki64(w, "height", v->media.height);
    jw_ki64(w, "frame_count", v->media.frame_count);
    json_or_null(w, "tags", v->tags_json);
    time_or_null(w, "created_at", v->created_at_ms);
    time_or_null(w, "recorded_at", v->recorded_at_ms);
    if (v->error.code != ERR_OK) {
        jw_key(w, "error");
        jw_obj(w);
        jw_kz(w, "code", err_class(v->error.code)->name);
        jw_kz(w, "category", err_class(v->error.code)->category);
        jw_kz(w, "message", v->error.plain);
        jw_kz(w, "next", v->error.next);
        jw_obj_end(w);
    }
    json_jobs(r, w);
    jw_key(w, "shots");
    jw_arr(w);
    for (size_t i = 0; i < r->n_scenes; i++) {
        const struct scene *s = &r->scenes[i];
        jw_obj(w);
        jw_ki64(w, "shot", s->index);
        jw_ki64(w, "start_frame", s->start_frame);
        jw_ki64(w, "end_frame", s->end_frame);
        jw_kus(w, "start_seconds", s->start_us);
        jw_kus(w, "end_seconds", s->end_us);
        jw_kz(w, "begins_with", s->boundary);
        jw_ki64(w, "picture_frame", s->rep_frame);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_key(w, "texts");
    jw_arr(w);
    for (size_t i = 0; i < r->n_texts; i++) {
        const struct text_span *t = &r->texts[i];
        jw_obj(w);
        jw_kz(w, "source", text_source_name(t->source));
        jw_kus(w, "start_seconds", t->start_us);
        jw_kus(w, "end_seconds", t->end_us);
        jw_ki64(w, "start_frame", t->start_frame);
        jw_ki64(w, "end_frame", t->end_frame);
        jw_kz(w, "text", t->text);
        jw_kdouble(w, "confidence", t->confidence, 3);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_key(w, "objects");
    jw_arr(w);
    for (size_t i = 0; i < r->n_objects; i++) {
        const struct object *o = &r->objects[i];
        jw_obj(w);
        jw_kz(w, "kind", o->kind);
        jw_kz(w, "key", o->key);
        jw_kz(w, "mime_type", o->mime_type);
        jw_ki64(w, "size_bytes", o->size_bytes);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    json_or_null(w, "media", v->media.info_json);
    jw_obj_end(w);
}

/* ---- text
 * --------------------------------------------------------------------------------------------------------
 */

static void text_media(const struct video *v, struct buf *out)
{
    char size[HUMAN_MAX], time[HUMAN_MAX];
    const struct video_media *m = &v->media;
    buf_addf(out, "  media   %s", human_size(v->size_bytes, size));
    if (m->duration_us > 0)
        buf_addf(out, ", %s", human_time(m->duration_us, time));
    if (m->width > 0)
        buf_addf(out, ", %dx%d", m->width, m->height);
    if (m->fps_num > 0)
        buf_addf(out, ", %.4g fps", (double)m->fps_num / (double)MAX(m->fps_den, 1));
    if (*m->container)
        buf_addf(out, ", %s", m->container);
    if (*m->video_codec)
        buf_addf(out, " %s", m->video_codec);
    if (*m->audio_codec)
        buf_addf(out, " %s", m->audio_codec);
    buf_addc(out, '\n');
}

static void text_shots(const struct video_report *r, struct buf *out)
{
    char a[HUMAN_MAX], b[HUMAN_MAX];
    if (r->n_scenes == 0)
        return;
    buf_addf(out, "  shots   %zu; frames from the first up to, not including, the last\n",
             r->n_scenes);
    for (size_t i = 0; i < r->n_scenes && i < REPORT_LINES_MAX; i++) {
        const struct scene *s = &r->scenes[i];
        buf_addf(out, "          %2zu  %8s - %-8s  frames %" PRId64 "-%" PRId64 "%s%s\n", i,
                 human_time(s->start_us, a), human_time(s->end_us, b), s->start_frame, s->end_frame,
                 i > 0 && strcmp(s->boundary, "cut") != 0 ? "  " : "",
                 i > 0 && strcmp(s->boundary, "cut") != 0 ? s->boundary : "");
    }
    if (r->n_scenes > REPORT_LINES_MAX)
        buf_addf(out, "          … and %zu more\n", r->n_scenes - REPORT_LINES_MAX);
}

static void text_words(const struct video_report *r, struct buf *out)
{
    char a[HUMAN_MAX], b[HUMAN_MAX];
    if (r->n_texts == 0)
        return;
    buf_addf(out, "  words   %zu %s\n", r->n_texts, r->n_texts == 1 ? "line" : "lines");
    for (size_t i = 0; i < r->n_texts && i < REPORT_LINES_MAX; i++) {
        const struct text_span *t = &r->texts[i];
        buf_addf(out, "              %8s - %-8s  %s\n", human_time(t->start_us, a),
                 human_time(t->end_us, b), log_quote(str_of(t->text)));
    }
    if (r->n_texts > REPORT_LINES_MAX)
        buf_addf(out, "          … and %zu more\n", r->n_texts - REPORT_LINES_MAX);
}

static void text_files(const struct video_report *r, struct buf *out)
{
    char size[HUMAN_MAX];
    const char *sep = "  files   ";
    for (size_t i = 0; i < r->n_objects; i++) {
        const struct object *o = &r->objects[i];
        if (strcmp(o->kind, "original") == 0 || strcmp(o->kind, "sidecar") == 0 ||
            strcmp(o->kind, "report") == 0)
            continue;
        buf_addf(out, "%s%s %s", sep, o->kind, human_size(o->size_bytes, size));
        sep = ", ";
    }
    if (r->n_objects > 0)
        buf_addc(out, '\n');
}

void video_report_text(const struct video_report *r, int64_t took_ms, struct buf *out)
{
    const struct video *v = &r->video;
    buf_addf(out, "%s  %s", log_quote(str_of(v->filename)), video_state_name(v->state));
    if (took_ms > 0) {
        buf_addf(out, " in %.1f s", (double)took_ms / 1000);
        if (v->media.duration_us > 0)
            buf_addf(out, " (%.1f x real time)",
                     (double)v->media.duration_us / 1000 / (double)took_ms);
    }
    buf_addf(out, "\n  id      %s\n", v->id);
    if (v->error.code != ERR_OK)
        buf_addf(out, "  failed  %s (%s)\n          %s\n", v->error.plain,
                 err_class(v->error.code)->category, v->error.next);
    text_media(v, out);
    text_shots(r, out);
    text_words(r, out);
    text_files(r, out);
    for (size_t i = 0; i < r->n_jobs; i++) {
        const struct job_row *j = &r->jobs[i];
        if (str_starts(str_of(j->note), STR(PIPELINE_SKIPPED)))
            buf_addf(out, "  skipped %s: %s\n", j->stage, j->note + strlen(PIPELINE_SKIPPED));
        else if (*j->note)
            buf_addf(out, "  note    %s\n", j->note);
    }
}
