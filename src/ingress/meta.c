/* What the uploader says: checked once at the door, kept in the upload's row, applied when the video is made. */
#include "base/json.h"
#include "ingress/ingress_priv.h"

static int check_text(const char *what, const char *z, size_t max, struct err *e)
{
    struct str s = str_of(z);

    if (!z)
        return 0;
    if (s.n > max) {
        err_set(e, ERR_USAGE, "%s has %zu bytes, at most %zu are taken", what, s.n, max);
        return err_plainf(e, "The %s is too long: at most %zu bytes are taken.", what, max);
    }
    if (!utf8_valid(s)) {
        err_set(e, ERR_USAGE, "%s is not UTF-8", what);
        return err_plainf(e, "The %s is not valid UTF-8 text.", what);
    }
    return 0;
}

static size_t characters(const char *z)
{
    struct str s = str_of(z);
    size_t n = 0;

    for (size_t i = 0; i < s.n; n++)
        utf8_next(s, &i);
    return n;
}

int meta_check(const struct ingress_meta *m, struct err *e)
{
    static const struct ingress_meta none = {0};

    if (!m)
        m = &none;
    if (check_text("title", m->title, INGRESS_TITLE_MAX, e) < 0 ||
        check_text("description", m->description, INGRESS_TEXT_MAX, e) < 0 ||
        check_text("note", m->notes, INGRESS_TEXT_MAX, e) < 0 ||
        check_text("batch name", m->batch_name, 4 * INGRESS_BATCH_MAX, e) < 0 ||
        check_text("project", m->project_id, INGRESS_TITLE_MAX, e) < 0 ||
        check_text("camera", m->pin_id, INGRESS_TITLE_MAX, e) < 0 ||
        check_text("user", m->user_id, INGRESS_TITLE_MAX, e) < 0)
        return -1;
    if (m->batch_name && characters(m->batch_name) > INGRESS_BATCH_MAX) {
        err_set(e, ERR_USAGE, "batch name has more than %d characters", INGRESS_BATCH_MAX);
        return err_plainf(e, "The batch name is too long: at most %d characters are taken.",
                          INGRESS_BATCH_MAX);
    }
    if (m->n_tags < 0 || m->n_tags > INGRESS_TAGS_MAX) {
        err_set(e, ERR_USAGE, "%d tags, at most %d are taken", m->n_tags, INGRESS_TAGS_MAX);
        return err_plainf(e, "Too many tags: at most %d are taken.", INGRESS_TAGS_MAX);
    }
    for (int i = 0; i < m->n_tags; i++)
        if (check_text("tag", m->tags[i], INGRESS_TAG_MAX, e) < 0)
            return -1;
    return 0;
}

static void put_if(struct jsonw *w, const char *key, const char *z)
{
    if (z && z[0])
        jw_kz(w, key, z);
}

void meta_json(const struct ingress_meta *m, const char *title, struct buf *out)
{
    struct jsonw w = JSONW(out);

    jw_obj(&w);
    put_if(&w, "title", title);
    put_if(&w, "description", m->description);
    if (m->n_tags) {
        jw_key(&w, "tags");
        jw_arr(&w);
        for (int i = 0; i < m->n_tags; i++)
            if (m->tags[i] && m->tags[i][0])
                jw_z(&w, m->tags[i]);
        jw_arr_end(&w);
    }
    put_if(&w, "batch_name", m->batch_name);
    if (m->batch_order)
        jw_ki64(&w, "batch_order", m->batch_order);
    put_if(&w, "project_id", m->project_id);
    put_if(&w, "pin_id", m->pin_id);
    put_if(&w, "notes", m->notes);
    if (m->recorded_at_ms)
        jw_ki64(&w, "recorded_at_ms", m->recorded_at_ms);
    jw_obj_end(&w);
}

static const char *text_of(const json_t *obj, const char *key, struct arena *a)
{
    struct str s = {"", 0};

    json_get_str(obj, key, &s);
    return arena_strndup(a, s.p, s.n);
}

/* A member of obj as JSON text, "" when absent. wrap: as the only member of an object. */
static const char *json_of(const json_t *obj, const char *key, bool wrap, struct arena *a)
{
    json_t *v = json_object_get(obj, key);
    CLEANUP_JSON json_t *whole = NULL;
    char *text;

    if (!v)
        return "";
    whole = wrap ? json_pack("{sO}", key, v) : json_incref(v);
    text = json_dumps(whole, JSON_COMPACT);
    const char *kept = arena_strdup(a, text ? text : "");
    free(text);
    return kept;
}

int meta_apply(struct str json, struct arena *a, struct video *v, struct err *e)
{
    CLEANUP_JSON json_t *obj = NULL;

    if (json.n == 0)
        return 0;
    if (json_read(json, &obj, e) < 0 || !json_is_object(obj))
        return err_wrap(e, "what the uploader said");
    v->title = text_of(obj, "title", a);
    v->description = text_of(obj, "description", a);
    v->tags_json = json_of(obj, "tags", /* wrap */ false, a);
    v->batch_name = text_of(obj, "batch_name", a);
    json_get_i64(obj, "batch_order", &v->batch_order);
    v->project_id = text_of(obj, "project_id", a);
    v->pin_id = text_of(obj, "pin_id", a);
    v->source_metadata_json = json_of(obj, "notes", /* wrap */ true, a);
    json_get_i64(obj, "recorded_at_ms", &v->recorded_at_ms);
    return 0;
}
