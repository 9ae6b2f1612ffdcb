/* Shots, pictures and text on screen as JSON and back; results_pass.c has the report of a pass. */
#include <stdlib.h>

#include "media/results_priv.h"

#define DIMENSION_MAX  (1 << 24)
#define TEXT_LINES_MAX 1000000

static const char *const shot_kinds[] = {"start", "cut", "fade", "fade-in", "fade-out", "dissolve"};

void media_shots_free(struct media_shots *s)
{
    if (!s)
        return;
    free(s->shots);
    free(s);
}

void media_shots_json(const struct media_shots *s, struct jsonw *w)
{
    jw_obj(w);
    jw_ki64(w, "frames", s->frames);
    jw_key(w, "list");
    jw_arr(w);
    for (int64_t i = 0; i < s->n; i++) {
        const struct media_shot *t = &s->shots[i];
        jw_obj(w);
        jw_ki64(w, "start_frame", t->start_frame);
        jw_ki64(w, "end_frame", t->end_frame);
        jw_kus(w, "start", t->start_us);
        jw_kus(w, "end", t->end_us);
        jw_kz(w, "kind", t->kind);
        jw_ki64(w, "from_frame", t->from_frame);
        jw_ki64(w, "picture_frame", t->picture_frame);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static bool known_kind(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(shot_kinds); i++)
        if (strcmp(kind, shot_kinds[i]) == 0)
            return true;
    return false;
}

/* before: the shot in front of this one, NULL for the first */
static bool parse_shot(const json_t *o, int64_t frames, const struct media_shot *before,
                       struct media_shot *t)
{
    int64_t start = before ? before->end_frame : 0, start_us = before ? before->end_us : 0;

    return want_i64(o, "start_frame", start, start, &t->start_frame) &&
           want_i64(o, "end_frame", start + 1, frames, &t->end_frame) &&
           want_us(o, "start", start_us, RESULT_US_MAX, &t->start_us) &&
           want_us(o, "end", t->start_us, RESULT_US_MAX, &t->end_us) &&
           want_text(o, "kind", t->kind, sizeof(t->kind)) && known_kind(t->kind) &&
           want_i64(o, "from_frame", 0, t->start_frame, &t->from_frame) &&
           want_i64(o, "picture_frame", t->start_frame, t->end_frame - 1, &t->picture_frame);
}

int media_shots_parse(const json_t *obj, int64_t limit_frames, struct media_shots **ret,
                      struct err *e)
{
    CLEANUP(media_shots_free) struct media_shots *s = XNEW(struct media_shots);
    const json_t *list = json_object_get(obj, "list");

    if (!json_is_object(obj) || !json_is_array(list) ||
        !want_i64(obj, "frames", 0, limit_frames, &s->frames))
        return nonsense(e, "list of shots");
    s->n = (int64_t)json_array_size(list);
    if ((s->frames == 0) != (s->n == 0) || s->n > s->frames)
        return nonsense(e, "number of shots");
    s->shots = mem_try_calloc((size_t)MAX(s->n, 1), sizeof(*s->shots));
    if (!s->shots)
        return err_set(e, ERR_LIMIT, "no memory for %lld shots", (long long)s->n);
    for (int64_t i = 0; i < s->n; i++)
        if (!parse_shot(json_array_get(list, (size_t)i), s->frames, i ? &s->shots[i - 1] : NULL,
                        &s->shots[i]))
            return nonsense(e, "shot");
    if (s->n > 0 && s->shots[s->n - 1].end_frame != s->frames)
        return nonsense(e, "end of the last shot");
    *ret = STEAL(s);
    return 0;
}

void media_pictures_json(const struct media_pictures *p, struct jsonw *w)
{
    jw_obj(w);
    jw_ki64(w, "width", p->width);
    jw_ki64(w, "height", p->height);
    jw_key(w, "list");
    jw_arr(w);
    for (int64_t i = 0; i < p->n; i++) {
        jw_arr(w);
        jw_i64(w, p->p[i].frame);
        jw_i64(w, p->p[i].pts_us);
        jw_i64(w, p->p[i].offset);
        jw_i64(w, p->p[i].size);
        jw_arr_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static bool item_i64(const json_t *arr, size_t at, int64_t lo, int64_t hi, int64_t *ret)
{
    const json_t *v = json_array_get(arr, at);

    if (!json_is_integer(v) || json_integer_value(v) < lo || json_integer_value(v) > hi)
        return false;
    *ret = json_integer_value(v);
    return true;
}

int media_pictures_parse(const json_t *obj, int64_t pack_bytes, struct media_pictures *ret,
                         struct err *e)
{
    const json_t *list = json_object_get(obj, "list");
    struct media_pictures p = {0};
    int64_t end = 0, last_us = -RESULT_US_MAX;

    if (!json_is_object(obj) || !json_is_array(list) ||
        !want_int(obj, "width", 0, DIMENSION_MAX, &p.width) ||
        !want_int(obj, "height", 0, DIMENSION_MAX, &p.height))
        return nonsense(e, "list of pictures");
    p.n = (int64_t)json_array_size(list);
    CLEANUP_FREE struct media_picture *pics = mem_try_calloc((size_t)MAX(p.n, 1), sizeof(*pics));
    if (!pics)
        return err_set(e, ERR_LIMIT, "no memory for %lld pictures", (long long)p.n);
    for (int64_t i = 0; i < p.n; i++) {
        const json_t *one = json_array_get(list, (size_t)i);
        struct media_picture *pic = &pics[i];
        if (!json_is_array(one) || json_array_size(one) != 4 ||
            !item_i64(one, 0, -1, INT64_MAX, &pic->frame) ||
            !item_i64(one, 1, last_us, RESULT_US_MAX, &pic->pts_us) ||
            !item_i64(one, 2, end, pack_bytes, &pic->offset) ||
            !item_i64(one, 3, 1, pack_bytes - pic->offset, &pic->size))
            return nonsense(e, "picture");
        end = pic->offset + pic->size;
        last_us = pic->pts_us;
    }
    p.p = STEAL(pics);
    *ret = p;
    return 0;
}

void media_text_free(struct media_text *t)
{
    if (!t)
        return;
    for (int64_t i = 0; i < t->n; i++)
        free(t->lines[i].text);
    free(t->lines);
    free(t);
}

void media_text_json(const struct media_text *t, struct jsonw *w)
{
    jw_obj(w);
    jw_ki64(w, "frames_read", t->frames_read);
    jw_ki64(w, "frames_skipped", t->frames_skipped);
    jw_key(w, "lines");
    jw_arr(w);
    for (int64_t i = 0; i < t->n; i++) {
        const struct media_text_line *l = &t->lines[i];
        jw_obj(w);
        jw_ki64(w, "frame", l->frame);
        jw_kus(w, "time", l->pts_us);
        jw_ki64(w, "x", l->x);
        jw_ki64(w, "y", l->y);
        jw_ki64(w, "w", l->w);
        jw_ki64(w, "h", l->h);
        jw_kdouble(w, "confidence", l->confidence, 4);
        jw_kz(w, "text", l->text);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static bool parse_line(const json_t *o, int64_t after_frame, struct media_text_line *l)
{
    struct str text;

    if (!want_i64(o, "frame", after_frame, INT64_MAX, &l->frame) ||
        !want_us(o, "time", -RESULT_US_MAX, RESULT_US_MAX, &l->pts_us) ||
        !want_int(o, "x", 0, DIMENSION_MAX, &l->x) || !want_int(o, "y", 0, DIMENSION_MAX, &l->y) ||
        !want_int(o, "w", 1, DIMENSION_MAX, &l->w) || !want_int(o, "h", 1, DIMENSION_MAX, &l->h) ||
        !want_double(o, "confidence", 0, 1, &l->confidence) || !json_get_str(o, "text", &text) ||
        memchr(text.p, '\0', text.n) || memchr(text.p, '\n', text.n))
        return false;
    l->text = str_dup(text);
    return true;
}

int media_text_parse(const json_t *obj, struct media_text **ret, struct err *e)
{
    CLEANUP(media_text_free) struct media_text *t = XNEW(struct media_text);
    const json_t *lines = json_object_get(obj, "lines");

    if (!json_is_object(obj) || !json_is_array(lines) || json_array_size(lines) > TEXT_LINES_MAX ||
        !want_i64(obj, "frames_read", 0, INT64_MAX, &t->frames_read) ||
        !want_i64(obj, "frames_skipped", 0, INT64_MAX, &t->frames_skipped))
        return nonsense(e, "text on screen");
    size_t n = json_array_size(lines);
    t->lines = xcalloc(MAX(n, 1), sizeof(*t->lines));
    for (size_t i = 0; i < n; i++) {
        if (!parse_line(json_array_get(lines, i), i ? t->lines[i - 1].frame : 0, &t->lines[i]))
            return nonsense(e, "line of text");
        t->n = (int64_t)i + 1;
    }
    *ret = STEAL(t);
    return 0;
}
