/* Lists of videos: filters, keyset pages, editing, numbers for the dashboard. */
#include <stdio.h>

#include "db/db_videos_priv.h"

#define LIST_WORDS_MAX 8   /* words of a text filter; more are ignored */
#define LIST_WORD_MAX  200 /* bytes of one */

/* Conditions are added as text with the number of their parameter; values are bound afterwards in the same order. */
struct where {
    struct buf sql;
    int n;
    struct {
        bool is_text;
        const char *z;
        int64_t i;
    } values[24];
};

static void where_z(struct where *w, const char *cond, const char *z)
{
    if (!z)
        return;
    w->values[w->n].is_text = true;
    w->values[w->n++].z = z;
    buf_addf(&w->sql, " AND %s $%d", cond, w->n);
}

static void where_i64(struct where *w, const char *cond, int64_t v)
{
    w->values[w->n].is_text = false;
    w->values[w->n++].i = v;
    buf_addf(&w->sql, " AND %s $%d", cond, w->n);
}

static void where_bind(const struct where *w, struct stmt *s)
{
    for (int i = 0; i < w->n; i++) {
        if (w->values[i].is_text)
            bind_z(s, i + 1, w->values[i].z);
        else
            bind_i64(s, i + 1, w->values[i].i);
    }
}

/* "%word%" with LIKE's own signs made plain */
static const char *like_pattern(struct arena *a, struct str word)
{
    char *out = arena_alloc(a, word.n * 2 + 3), *p = out;

    *p++ = '%';
    for (size_t i = 0; i < word.n; i++) {
        if (strchr("%_\\", word.p[i]))
            *p++ = '\\';
        *p++ = word.p[i];
    }
    *p++ = '%';
    *p = '\0';
    return out;
}

static void where_words(struct where *w, struct arena *a, struct str text)
{
    struct str word;

    for (int n = 0; n < LIST_WORDS_MAX && str_cut(&text, ' ', &word);) {
        if (word.n == 0 || word.n > LIST_WORD_MAX)
            continue;
        n++;
        w->values[w->n].is_text = true;
        w->values[w->n++].z = like_pattern(a, word);
        buf_addf(&w->sql,
                 " AND lower(title || ' ' || filename || ' ' || description || ' ' || tags) LIKE "
                 "lower($%d)"
                 " ESCAPE '\\'",
                 w->n);
    }
}

static void where_filter(struct where *w, struct arena *a, const struct video_filter *f)
{
    const unsigned all = (1u << VIDEO_STATE_N) - 1;
    unsigned states = f->states & all;

    if (states == 0)
        states = all & ~(1u << VIDEO_DELETED);
    buf_addz(&w->sql, " WHERE ");
    video_states_in(&w->sql, states);
    where_z(w, "user_id =", f->user_id);
    where_z(w, "project_id =", f->project_id);
    where_z(w, "pin_id =", f->pin_id);
    where_z(w, "batch_name =", f->batch_name);
    if (f->created_from_ms)
        where_i64(w, "created_at >=", f->created_from_ms);
    if (f->created_to_ms)
        where_i64(w, "created_at <", f->created_to_ms);
    if (f->recorded_from_ms)
        where_i64(w, "recorded_at >=", f->recorded_from_ms);
    if (f->recorded_to_ms)
        where_i64(w, "recorded_at <", f->recorded_to_ms);
    if (f->text.n)
        where_words(w, a, f->text);
}

int db_video_list(struct tx *tx, struct arena *a, const struct video_filter *f,
                  struct video_page *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    CLEANUP_BUF struct buf sql = {0};
    struct where w = {0};
    int limit = page_limit(f->limit);
    char after_id[UUID_MAX];
    int64_t after_ms;

    if (f->after && cursor_read(f->after, &after_ms, after_id, e) < 0)
        return -1;
    where_filter(&w, a, f);
    if (f->after) {
        where_i64(&w, "(created_at <=", after_ms);
        buf_addf(&w.sql, " AND (created_at < $%d OR video_id < $%d))", w.n, w.n + 1);
        w.values[w.n].is_text = true;
        w.values[w.n++].z = after_id;
    }
    buf_addf(&sql,
             "SELECT " VIDEO_COLUMNS
             " FROM videos%s ORDER BY created_at DESC, video_id DESC LIMIT $%d",
             buf_z(&w.sql), w.n + 1);
    buf_finish(&w.sql);
    if (stmt_open(tx, buf_z(&sql), &s, e) < 0)
        return err_wrap(e, "list videos");
    where_bind(&w, s);
    bind_i64(s, w.n + 1, limit + 1);

    struct video *videos = ARENA_ARRAY(a, struct video, (size_t)limit + 1);
    int n = 0, r;
    while ((r = stmt_step(s, e)) > 0)
        video_read(s, a, &videos[n++]);
    if (r < 0)
        return err_wrap(e, "list videos");
    bool more = n > limit;
    *ret = (struct video_page){.videos = videos, .n = (size_t)MIN(n, limit)};
    if (more)
        ret->next = cursor_make(a, videos[limit - 1].created_at_ms, videos[limit - 1].id);
    return 0;
}

/* ---- editing ---- */

int db_video_edit(struct tx *tx, const char *id, const struct video_edit *edit, struct err *e)
{
    const struct {
        const char *column, *value;
    } texts[] = {
        {"title", edit->title},
        {"description", edit->description},
        {"tags", edit->tags_json},
        {"project_id", edit->project_id},
        {"pin_id", edit->pin_id},
        {"batch_name", edit->batch_name},
        {"storage_key", edit->storage_key},
        {"sidecar_key", edit->sidecar_key},
        {"mime_type", edit->mime_type},
        {"filename", edit->filename},
        {"source_metadata", edit->source_metadata_json},
    };
    CLEANUP(stmt_close) struct stmt *s = NULL;
    CLEANUP_BUF struct buf sql = {0};
    int n = 3;

    if (edit->batch_name && video_check_batch_name(tx, edit->batch_name, e) < 0)
        return -1;
    buf_addz(&sql, "UPDATE videos SET updated_at = $2, revision = revision + 1");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].value)
            buf_addf(&sql, ", %s = $%d", texts[i].column, ++n);
    }
    if (edit->batch_order)
        buf_addf(&sql, ", batch_order = $%d", ++n);
    if (edit->recorded_at_ms)
        buf_addf(&sql, ", recorded_at = $%d", ++n);
    buf_addz(&sql, " WHERE video_id = $1 AND state <> 'deleted' AND (revision = $3 OR $3 = 0)");
    if (stmt_open(tx, buf_z(&sql), &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, db_now_ms(tx));
    bind_i64(s, 3, edit->if_revision);
    n = 3;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].value)
            bind_z(s, ++n, texts[i].value);
    }
    if (edit->batch_order)
        bind_i64(s, ++n, *edit->batch_order);
    if (edit->recorded_at_ms)
        bind_ms(s, ++n, *edit->recorded_at_ms);
    int64_t changed = stmt_run(s, e);
    if (changed < 0)
        return err_wrap(e, "edit video");
    return changed > 0 ? 0 : video_fail_unchanged(tx, id, "it has changed meanwhile", e);
}

/* ---- numbers ---- */

int db_video_stats(struct tx *tx, struct video_stats *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct video_stats st = {0};
    int r;

    if (stmt_open(
            tx,
            "SELECT state, count(*), sum(duration_us), sum(size_bytes) FROM videos GROUP BY state",
            &s, e) < 0)
        return -1;
    while ((r = stmt_step(s, e)) > 0) {
        enum video_state state;
        if (!video_state_from_name(col_str(s, 0), &state))
            continue;
        st.by_state[state] = col_i64(s, 1);
        if (state == VIDEO_DELETED)
            continue;
        st.duration_us += col_i64(s, 2);
        st.source_bytes += col_i64(s, 3);
    }
    if (r < 0)
        return -1;
    *ret = st;
    return 0;
}

int db_video_stuck(struct tx *tx, struct arena *a, enum video_state state, int64_t before_ms,
                   const char ***ret_ids, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    const char **ids = ARENA_ARRAY(a, const char *, DB_PAGE_MAX);
    size_t n = 0;
    int r;

    if (stmt_open(tx,
                  "SELECT video_id FROM videos WHERE state = $1 AND updated_at < $2 AND NOT EXISTS "
                  "(SELECT 1 FROM"
                  " processing_jobs AS j WHERE j.video_id = videos.video_id AND j.state IN "
                  "('pending', 'running'))"
                  " AND NOT EXISTS (SELECT 1 FROM uploads AS u WHERE u.video_id = videos.video_id"
                  " AND u.state IN ('receiving', 'received')) ORDER BY updated_at LIMIT $3",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, video_state_name(state));
    bind_i64(s, 2, before_ms);
    bind_i64(s, 3, DB_PAGE_MAX);
    while ((r = stmt_step(s, e)) > 0)
        ids[n++] = col_text(s, a, 0);
    if (r < 0)
        return -1;
    *ret_ids = ids;
    *ret_n = n;
    return 0;
}
