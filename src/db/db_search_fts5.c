/*
 * The word index as SQLite's FTS5 has it (migrations/sqlite/0002_search.sql). This is the part of
 * search that another database says differently: how words are added, and what a query looks like.
 *
 * A query is built here from tokens, never from what a person typed: each phrase is a quoted
 * string, and what could end a string can not be in it (put_tokens). Whose document it is, and of
 * which video, are words too, marked with a character that folding never leaves in a token; so
 * "this word, in these videos" is one walk over posting lists instead of a row lookup for each
 * match.
 */
#include "db/db_priv.h"
#include "db/db_search.h"

#define SCOPE_MARK "\xee\x80\x81" /* U+E001 */

static const char *const column_names[TEXT_SOURCE_N] = {
    [TEXT_SPEECH] = "speech",           [TEXT_OCR] = "ocr", [TEXT_TITLE] = "title",
    [TEXT_DESCRIPTION] = "description", [TEXT_TAG] = "tag", [TEXT_FILENAME] = "filename",
};

static const char *const add_sql[TEXT_SOURCE_N] = {
    [TEXT_SPEECH] = "INSERT INTO text_words (rowid, speech, scope) VALUES ($1, $2, $3)",
    [TEXT_OCR] = "INSERT INTO text_words (rowid, ocr, scope) VALUES ($1, $2, $3)",
    [TEXT_TITLE] = "INSERT INTO text_words (rowid, title, scope) VALUES ($1, $2, $3)",
    [TEXT_DESCRIPTION] = "INSERT INTO text_words (rowid, description, scope) VALUES ($1, $2, $3)",
    [TEXT_TAG] = "INSERT INTO text_words (rowid, tag, scope) VALUES ($1, $2, $3)",
    [TEXT_FILENAME] = "INSERT INTO text_words (rowid, filename, scope) VALUES ($1, $2, $3)",
};

/* An id as one token: letters and digits only. Two ids that come out the same would only cost time:
 * whose video it is is checked on its row again. */
static void put_scope(struct buf *out, char kind, const char *id)
{
    buf_addz(out, SCOPE_MARK);
    buf_addc(out, kind);
    for (; *id; id++) {
        if ((*id >= '0' && *id <= '9') || (*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z'))
            buf_addc(out, *id);
    }
}

int db_search_add(struct tx *tx, const char *user_id, const char *video_id, int64_t text_id,
                  enum text_source source, struct str words, struct err *e)
{
    CLEANUP_BUF struct buf scope = {.max = 1024};
    CLEANUP(stmt_close) struct stmt *s = NULL;

    put_scope(&scope, 'u', user_id);
    buf_addc(&scope, ' ');
    put_scope(&scope, 'v', video_id);
    if (!buf_ok(&scope))
        return err_set(e, ERR_LIMIT, "ids of a text are too long"), tx_spoil(tx, e);
    if (stmt_open(tx, add_sql[source], &s, e) < 0)
        return -1;
    bind_i64(s, 1, text_id);
    bind_str(s, 2, words);
    bind_str(s, 3, buf_str(&scope));
    return stmt_run(s, e) < 0 ? err_wrap(e, "index words") : 0;
}

int db_search_clear(struct tx *tx, const char *video_id, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(
            tx,
            "DELETE FROM text_words WHERE rowid IN (SELECT text_id FROM texts WHERE video_id = $1)",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    return stmt_run(s, e) < 0 ? err_wrap(e, "remove words of a video") : 0;
}

/* ---- queries ---- */

static void put_tokens(struct buf *q, struct str tokens)
{
    buf_addc(q, '"');
    for (size_t i = 0; i < tokens.n; i++)
        buf_addc(q, tokens.p[i] == '"' || tokens.p[i] == '\0' ? ' ' : tokens.p[i]);
    buf_addc(q, '"');
}

static void put_any(struct buf *q, const struct db_phrase *any, size_t n)
{
    buf_addc(q, '(');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addz(q, " OR ");
        put_tokens(q, any[i].tokens);
        if (any[i].prefix)
            buf_addz(q, " *");
    }
    buf_addc(q, ')');
}

static void put_columns(struct buf *q, unsigned sources)
{
    buf_addc(q, '{');
    for (int s = 0; s < TEXT_SOURCE_N; s++) {
        if (sources & (1u << s))
            buf_addf(q, " %s", column_names[s]);
    }
    buf_addz(q, " } : ");
}

static void put_scopes(struct buf *q, char kind, const char *const *ids, size_t n)
{
    CLEANUP_BUF struct buf one = {.max = 1024};

    buf_addz(q, " AND (");
    for (size_t i = 0; i < n; i++) {
        buf_reset(&one);
        put_scope(&one, kind, ids[i]);
        if (i)
            buf_addz(q, " OR ");
        put_tokens(q, buf_str(&one));
    }
    buf_addc(q, ')');
}

static void put_query(struct buf *q, const struct db_match *m, bool name_user)
{
    const unsigned every = (1u << TEXT_SOURCE_N) - 1;

    buf_addc(q, '(');
    if (m->sources && (m->sources & every) != every)
        put_columns(q, m->sources);
    buf_addc(q, '(');
    for (size_t i = 0; i < m->n_all; i++) {
        if (i)
            buf_addz(q, " AND ");
        put_any(q, m->all[i].any, m->all[i].n);
    }
    buf_addc(q, ')');
    if (name_user)
        put_scopes(q, 'u', &m->user_id, 1);
    if (m->n_videos)
        put_scopes(q, 'v', m->videos, m->n_videos);
    buf_addc(q, ')');
    if (m->n_none) {
        buf_addz(q, " NOT ");
        put_any(q, m->none, m->n_none);
    }
}

/* Does anyone else have words? While one user is alone, naming them would only cost time. */
static int others_have_words(struct tx *tx, const char *user_id, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT user_no FROM search_users WHERE user_id <> $1 LIMIT 1", &s, e) < 0)
        return -1;
    bind_z(s, 1, user_id);
    return stmt_step(s, e);
}

int db_search_scan(struct tx *tx, const struct db_match *m, int64_t max_id, size_t limit,
                   int64_t *ret_ids, size_t *ret_n, struct err *e)
{
    CLEANUP_BUF struct buf q = {.max = 1 << 20};
    CLEANUP(stmt_close) struct stmt *s = NULL;
    int others = others_have_words(tx, m->user_id, e);

    if (others < 0)
        return -1;
    put_query(&q, m, others > 0);
    if (!buf_ok(&q) || m->n_all == 0 || m->n_videos > DB_SEARCH_VIDEOS_MAX)
        return err_set(e, ERR_LIMIT, "a query of %zu terms in %zu videos", m->n_all, m->n_videos);
    if (stmt_open(tx,
                  "SELECT rowid FROM text_words WHERE text_words MATCH $1 AND rowid <= $2 "
                  "ORDER BY rowid DESC LIMIT $3",
                  &s, e) < 0)
        return -1;
    bind_str(s, 1, buf_str(&q));
    bind_i64(s, 2, max_id);
    bind_i64(s, 3, (int64_t)limit);

    size_t n = 0;
    int r = 0;
    while (n < limit && (r = stmt_step(s, e)) > 0)
        ret_ids[n++] = col_i64(s, 0);
    if (r < 0)
        return err_wrap(e, "look up words");
    *ret_n = n;
    return 0;
}
