/* A result as JSON. Times are seconds with six decimals, matches are bytes of the snippet. */
#include "base/json.h"
#include "search/search.h"

static void put_frame(struct jsonw *w, const char *key, int64_t frame)
{
    jw_key(w, key);
    if (frame < 0)
        jw_null(w);
    else
        jw_i64(w, frame);
}

static void put_span(struct jsonw *w, int64_t start_us, int64_t end_us, int64_t start_frame,
                     int64_t end_frame)
{
    jw_kus(w, "start_seconds", start_us);
    jw_kus(w, "end_seconds", end_us);
    put_frame(w, "start_frame", start_frame);
    put_frame(w, "end_frame", end_frame);
}

static void put_evidence(struct jsonw *w, const struct search_evidence *v)
{
    jw_obj(w);
    jw_kz(w, "source", text_source_name(v->source));
    put_span(w, v->start_us, v->end_us, v->start_frame, v->end_frame);
    jw_kdouble(w, "score", v->score, 4);
    jw_kdouble(w, "confidence", v->confidence, 4);
    jw_kz(w, "snippet", v->snippet);
    jw_kbool(w, "cut_before", v->cut_before);
    jw_kbool(w, "cut_after", v->cut_after);
    jw_key(w, "matches");
    jw_arr(w);
    for (size_t i = 0; i < v->n_matches; i++) {
        jw_obj(w);
        jw_ki64(w, "at", v->matches[i].at);
        jw_ki64(w, "bytes", v->matches[i].n);
        jw_ki64(w, "term", v->matches[i].term);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_key(w, "box");
    if (v->width > 0) {
        jw_arr(w);
        jw_i64(w, v->x);
        jw_i64(w, v->y);
        jw_i64(w, v->width);
        jw_i64(w, v->height);
        jw_arr_end(w);
    } else {
        jw_null(w);
    }
    jw_obj_end(w);
}

static void put_hit(struct jsonw *w, const struct search_hit *h)
{
    jw_obj(w);
    jw_kz(w, "video_id", h->video_id);
    jw_kz(w, "title", h->title);
    jw_kz(w, "filename", h->filename);
    jw_kz(w, "state", h->state);
    put_span(w, h->start_us, h->end_us, h->start_frame, h->end_frame);
    jw_kdouble(w, "score", h->score, 6);
    jw_kbool(w, "whole_video", h->whole_video);
    jw_kbool(w, "all_terms", h->all_terms);
    jw_key(w, "evidence");
    jw_arr(w);
    for (size_t i = 0; i < h->n_evidence; i++)
        put_evidence(w, &h->evidence[i]);
    jw_arr_end(w);
    jw_ki64(w, "more_evidence", (int64_t)h->n_more_evidence);
    jw_obj_end(w);
}

void search_json(const struct search_result *r, int indent, struct buf *out)
{
    struct jsonw w = JSONW(out);

    w.indent = indent;
    jw_obj(&w);
    jw_key(&w, "terms");
    jw_arr(&w);
    for (size_t i = 0; i < r->n_terms; i++)
        jw_z(&w, r->terms[i]);
    jw_arr_end(&w);
    jw_ki64(&w, "total", r->total);
    jw_kbool(&w, "total_is_least", r->total_is_least);
    jw_kz(&w, "hint", r->hint);
    jw_kbool(&w, "corrected", r->corrected);
    jw_kz(&w, "note", r->note);
    jw_kz(&w, "next_cursor", r->next_cursor);
    jw_kdouble(&w, "took_ms", (double)r->took_us / 1000, 3);
    jw_key(&w, "hits");
    jw_arr(&w);
    for (size_t i = 0; i < r->n; i++)
        put_hit(&w, &r->hits[i]);
    jw_arr_end(&w);
    jw_obj_end(&w);
}
