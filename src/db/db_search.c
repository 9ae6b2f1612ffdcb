/* The statements behind index/ and search/ that any database can run; db_search_fts5.c has the
 * rest. */
#include "db/db_search.h"

#include <inttypes.h>

#include "base/hash.h"
#include "db/db_priv.h"

int db_search_user(struct tx *tx, const char *user_id, bool make, int64_t *ret_no, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *find = NULL, *add = NULL;

    if (stmt_open(tx, "SELECT user_no FROM search_users WHERE user_id = $1", &find, e) < 0)
        return -1;
    bind_z(find, 1, user_id);
    int r = stmt_step(find, e);
    if (r > 0)
        *ret_no = col_i64(find, 0);
    if (r != 0 || !make)
        return r;
    stmt_rewind(find);
    /* one writer at a time: nobody else takes the number meanwhile */
    if (stmt_open(tx,
                  "INSERT INTO search_users (user_no, user_id) "
                  "SELECT coalesce(max(user_no), 0) + 1, $1 FROM search_users",
                  &add, e) < 0)
        return -1;
    bind_z(add, 1, user_id);
    if (stmt_run(add, e) < 0)
        return err_wrap(e, "number a user");
    bind_z(find, 1, user_id);
    r = stmt_step(find, e);
    if (r > 0)
        *ret_no = col_i64(find, 0);
    return r;
}

int db_search_texts(struct tx *tx, struct arena *a, const char *video_id, enum text_source source,
                    int after, int limit, struct db_text_row **ret, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct db_text_row *rows = ARENA_ARRAY(a, struct db_text_row, (size_t)limit);
    size_t n = 0;
    int r;

    if (stmt_open(tx,
                  "SELECT text_id, seq, text FROM texts WHERE video_id = $1 AND source = $2 AND "
                  "seq > $3 ORDER BY seq LIMIT $4",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    bind_z(s, 2, text_source_name(source));
    bind_i64(s, 3, after);
    bind_i64(s, 4, limit);
    while (n < (size_t)limit && (r = stmt_step(s, e)) != 0) {
        if (r < 0)
            return err_wrap(e, "read texts");
        rows[n++] = (struct db_text_row){
            .text_id = col_i64(s, 0), .seq = (int)col_i64(s, 1), .text = col_text(s, a, 2)};
    }
    *ret = rows;
    *ret_n = n;
    return 0;
}

/* Many rows a statement: the vocabulary would otherwise cost as much as all the rest of
 * indexing. */
#define LEARN_ROWS 16

int db_search_learn(struct tx *tx, int64_t user_no, const struct db_word *words, size_t n,
                    struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "INSERT INTO search_words (user_no, word, rev) VALUES ($1, $2, $3), "
                  "($1, $4, $5), ($1, $6, $7), ($1, $8, $9), ($1, $10, $11), ($1, $12, $13), "
                  "($1, $14, $15), ($1, $16, $17), ($1, $18, $19), ($1, $20, $21), "
                  "($1, $22, $23), ($1, $24, $25), ($1, $26, $27), ($1, $28, $29), "
                  "($1, $30, $31), ($1, $32, $33) ON CONFLICT DO NOTHING",
                  &s, e) < 0)
        return -1;
    for (size_t at = 0; at < n; at += LEARN_ROWS) {
        stmt_rewind(s);
        bind_i64(s, 1, user_no);
        for (size_t k = 0; k < LEARN_ROWS; k++) {
            const struct db_word *w = &words[MIN(at + k, n - 1)]; /* the last one fills up */
            bind_str(s, 2 + 2 * (int)k, w->word);
            bind_str(s, 3 + 2 * (int)k, w->rev);
        }
        if (stmt_run(s, e) < 0)
            return err_wrap(e, "learn words");
    }
    return 0;
}

int db_search_mark(struct tx *tx, const char *video_id, int fold_version, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "INSERT INTO text_index (video_id, fold_version) VALUES ($1, $2) "
                  "ON CONFLICT (video_id) DO UPDATE SET fold_version = excluded.fold_version",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    bind_i64(s, 2, fold_version);
    return stmt_run(s, e) < 0 ? err_wrap(e, "mark a video as indexed") : 0;
}

int db_search_marked(struct tx *tx, const char *video_id, int *ret_version, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT fold_version FROM text_index WHERE video_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    int r = stmt_step(s, e);
    if (r > 0)
        *ret_version = (int)col_i64(s, 0);
    return r;
}

int db_search_unmarked(struct tx *tx, struct arena *a, int fold_version, const char *after,
                       int limit, const char ***ret_ids, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    const char **ids = ARENA_ARRAY(a, const char *, (size_t)limit);
    size_t n = 0;
    int r;

    if (stmt_open(
            tx,
            "SELECT v.video_id FROM videos v LEFT JOIN text_index i ON i.video_id = v.video_id "
            "WHERE v.video_id > $1 AND v.state <> 'deleted' AND "
            "coalesce(i.fold_version, -2) <> $2 AND "
            "EXISTS (SELECT 1 FROM texts t WHERE t.video_id = v.video_id) "
            "ORDER BY v.video_id LIMIT $3",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, after);
    bind_i64(s, 2, fold_version);
    bind_i64(s, 3, limit);
    while (n < (size_t)limit && (r = stmt_step(s, e)) != 0) {
        if (r < 0)
            return err_wrap(e, "list videos to index");
        ids[n++] = col_text(s, a, 0);
    }
    *ret_ids = ids;
    *ret_n = n;
    return 0;
}

int db_search_newest(struct tx *tx, int64_t *ret_id, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT coalesce(max(text_id), 0) FROM texts", &s, e) < 0)
        return -1;
    if (stmt_step(s, e) < 0)
        return err_wrap(e, "newest text");
    *ret_id = col_i64(s, 0);
    return 0;
}

static int read_text(struct stmt *s, struct arena *a, int64_t text_id, struct db_found_text *ret,
                     struct err *e)
{
    struct db_found_text t = {
        .text_id = text_id,
        .video_id = col_text(s, a, 0),
        .text = col_text(s, a, 2),
        .start_us = col_i64(s, 3),
        .end_us = col_i64(s, 4),
        .start_frame = col_i64(s, 5),
        .end_frame = col_i64(s, 6),
        .x = (int)col_i64(s, 7),
        .y = (int)col_i64(s, 8),
        .width = (int)col_i64(s, 9),
        .height = (int)col_i64(s, 10),
        .confidence = col_double(s, 11),
    };

    if (!text_source_from_name(col_str(s, 1), &t.source))
        return err_set(e, ERR_STORAGE, "text %" PRId64 " has an unknown source", text_id);
    *ret = t;
    return 0;
}

int db_search_read(struct tx *tx, struct arena *a, const int64_t *ids, size_t n,
                   struct db_found_text *ret, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    size_t n_found = 0;

    if (stmt_open(tx,
                  "SELECT video_id, source, text, start_us, end_us, start_frame, end_frame, x, y, "
                  "width, height, confidence FROM texts WHERE text_id = $1",
                  &s, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        stmt_rewind(s);
        bind_i64(s, 1, ids[i]);
        int r = stmt_step(s, e);
        if (r < 0 || (r > 0 && read_text(s, a, ids[i], &ret[n_found], e) < 0))
            return err_wrap(e, "read found texts");
        n_found += (size_t)r;
    }
    *ret_n = n_found;
    return 0;
}

#define VIDEO_COLUMNS                                                                              \
    "video_id, user_id, project_id, title, filename, tags, state, duration_us, frame_count, "      \
    "created_at"

static int read_video(struct stmt *s, struct arena *a, struct db_found_video *ret, struct err *e)
{
    struct db_found_video v = {
        .video_id = col_text(s, a, 0),
        .user_id = col_text(s, a, 1),
        .project_id = col_text(s, a, 2),
        .title = col_text(s, a, 3),
        .filename = col_text(s, a, 4),
        .tags_json = col_text(s, a, 5),
        .duration_us = col_i64(s, 7),
        .frame_count = col_i64(s, 8),
        .created_at_ms = col_i64(s, 9),
    };

    if (!video_state_from_name(col_str(s, 6), &v.state))
        return err_set(e, ERR_STORAGE, "video '%s' has an unknown state", v.video_id);
    *ret = v;
    return 0;
}

int db_search_video(struct tx *tx, struct arena *a, const char *video_id,
                    struct db_found_video *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT " VIDEO_COLUMNS " FROM videos WHERE video_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    int r = stmt_step(s, e);
    if (r <= 0)
        return r;
    return read_video(s, a, ret, e) < 0 ? -1 : 1;
}

int db_search_videos(struct tx *tx, struct arena *a, const struct db_search_range *q, int limit,
                     struct db_found_video **ret, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct db_found_video *videos = ARENA_ARRAY(a, struct db_found_video, (size_t)limit);
    size_t n = 0;
    int r;

    if (stmt_open(tx,
                  "SELECT " VIDEO_COLUMNS " FROM videos WHERE user_id = $1 AND "
                  "state <> 'deleted' AND state IN ($2, $3, $4, $5, $6, $7) AND "
                  "($8 = '*' OR project_id = $8) AND created_at >= $9 AND created_at < $10 AND "
                  "duration_us >= $11 AND duration_us < $12 "
                  "ORDER BY created_at DESC, video_id DESC LIMIT $13",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, q->user_id);
    for (int k = 0; k < VIDEO_STATE_N; k++)
        bind_z(s, 2 + k,
               !q->states || (q->states & (1u << k)) ? video_state_name((enum video_state)k) : "");
    bind_z(s, 2 + VIDEO_STATE_N, q->project_id ? q->project_id : "*");
    bind_i64(s, 9, q->created_from_ms ? q->created_from_ms : INT64_MIN);
    bind_i64(s, 10, q->created_to_ms ? q->created_to_ms : INT64_MAX);
    bind_i64(s, 11, q->duration_from_us ? q->duration_from_us : INT64_MIN);
    bind_i64(s, 12, q->duration_to_us ? q->duration_to_us : INT64_MAX);
    bind_i64(s, 13, limit);
    _Static_assert(VIDEO_STATE_N == 6, "the statement names every state");
    while (n < (size_t)limit && (r = stmt_step(s, e)) != 0) {
        if (r < 0 || read_video(s, a, &videos[n], e) < 0)
            return err_wrap(e, "list videos to search in");
        n++;
    }
    *ret = videos;
    *ret_n = n;
    return 0;
}

/* ---- vocabulary ---- */

/* Greater than all that begin with prefix: no token has the last character there is. */
static void put_after(struct buf *out, struct str prefix)
{
    buf_adds(out, prefix);
    buf_addz(out, "\xf4\x8f\xbf\xbf"); /* U+10FFFF */
}

int db_search_near(struct tx *tx, int64_t user_no, enum db_words_side side, struct str prefix,
                   int limit, void (*fn)(void *arg, struct str word), void *arg, struct err *e)
{
    CLEANUP_BUF struct buf to = {.max = 4096};
    CLEANUP(stmt_close) struct stmt *s = NULL;
    int r;

    put_after(&to, prefix);
    if (stmt_open(
            tx,
            side == DB_WORDS_BEGIN
                ? "SELECT word FROM search_words WHERE user_no = $1 AND word >= $2 AND word < $3 "
                  "ORDER BY word LIMIT $4"
                : "SELECT word FROM search_words WHERE user_no = $1 AND rev >= $2 AND rev < $3 "
                  "ORDER BY rev LIMIT $4",
            &s, e) < 0)
        return -1;
    bind_i64(s, 1, user_no);
    bind_str(s, 2, prefix);
    bind_str(s, 3, buf_str(&to));
    bind_i64(s, 4, limit);
    while ((r = stmt_step(s, e)) > 0)
        fn(arg, col_str(s, 0));
    return r < 0 ? err_wrap(e, "near words") : 0;
}

/* ---- history ---- */

int db_search_remember(struct tx *tx, const char *user_id, struct str query, int64_t hits,
                       int64_t took_us, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    char id[UUID_MAX];

    if (stmt_open(tx,
                  "INSERT INTO searches (search_id, user_id, query, hits, took_us, created_at) "
                  "VALUES ($1, $2, $3, $4, $5, $6)",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, uuid_new(id));
    bind_z(s, 2, user_id);
    bind_str(s, 3, query);
    bind_i64(s, 4, hits);
    bind_i64(s, 5, took_us);
    bind_i64(s, 6, db_now_ms(tx));
    return stmt_run(s, e) < 0 ? err_wrap(e, "remember a search") : 0;
}

int db_search_history(struct tx *tx, struct arena *a, const char *user_id, int limit,
                      struct db_past_search **ret, size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    int most = page_limit(limit);
    struct db_past_search *rows = ARENA_ARRAY(a, struct db_past_search, (size_t)most);
    size_t n = 0;
    int r;

    if (stmt_open(
            tx,
            "SELECT search_id, query, hits, took_us, created_at FROM searches WHERE user_id = $1 "
            "ORDER BY created_at DESC, search_id DESC LIMIT $2",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, user_id);
    bind_i64(s, 2, most);
    while (n < (size_t)most && (r = stmt_step(s, e)) != 0) {
        if (r < 0)
            return err_wrap(e, "read past searches");
        rows[n++] = (struct db_past_search){.search_id = col_text(s, a, 0),
                                            .query = col_text(s, a, 1),
                                            .hits = col_i64(s, 2),
                                            .took_us = col_i64(s, 3),
                                            .created_at_ms = col_i64(s, 4)};
    }
    *ret = rows;
    *ret_n = n;
    return 0;
}

int db_search_forget(struct tx *tx, const char *user_id, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "DELETE FROM searches WHERE user_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, user_id);
    return (int)stmt_run(s, e);
}
