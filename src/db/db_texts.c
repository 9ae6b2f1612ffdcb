/* Spans of text of a video: written whole by source. The word index (db_search) follows these rows. */
#include "db/db_priv.h"
#include "db/db_scenes.h"

static const char *const source_names[TEXT_SOURCE_N] = {
    [TEXT_SPEECH] = "speech",           [TEXT_OCR] = "ocr", [TEXT_TITLE] = "title",
    [TEXT_DESCRIPTION] = "description", [TEXT_TAG] = "tag", [TEXT_FILENAME] = "filename",
};

const char *text_source_name(enum text_source s)
{
    return s >= 0 && s < TEXT_SOURCE_N ? source_names[s] : "?";
}

bool text_source_from_name(struct str name, enum text_source *ret)
{
    int i = name_find(source_names, TEXT_SOURCE_N, name);

    if (i < 0)
        return false;
    *ret = (enum text_source)i;
    return true;
}

static int check_span(struct tx *tx, const struct text_span *t, size_t i, struct err *e)
{
    if (t->start_us <= t->end_us && t->width >= 0 && t->height >= 0 && t->confidence >= 0 &&
        t->confidence <= 1)
        return 0;
    err_set(e, ERR_INTERNAL, "text %zu: times, box or confidence out of range", i);
    return tx_spoil(tx, e);
}

static void bind_span(struct stmt *s, const char *video_id, enum text_source source, int seq,
                      const struct text_span *t)
{
    bind_z(s, 1, video_id);
    bind_z(s, 2, text_source_name(source));
    bind_i64(s, 3, seq);
    bind_i64(s, 4, t->start_us);
    bind_i64(s, 5, t->end_us);
    bind_i64(s, 6, t->start_frame);
    bind_i64(s, 7, t->end_frame);
    bind_i64(s, 8, t->x);
    bind_i64(s, 9, t->y);
    bind_i64(s, 10, t->width);
    bind_i64(s, 11, t->height);
    bind_double(s, 12, t->confidence);
    bind_z(s, 13, t->language);
    bind_z(s, 14, t->text);
    bind_z(s, 15, t->detail_json);
}

int db_texts_replace(struct tx *tx, const char *video_id, enum text_source source,
                     const struct text_span *spans, size_t n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *del = NULL, *put = NULL;
    int seq = 0;

    if (n > DB_TEXTS_MAX) {
        err_set(e, ERR_LIMIT, "%zu texts, at most %d", n, DB_TEXTS_MAX);
        return tx_spoil(tx, e);
    }
    if (stmt_open(tx, "DELETE FROM texts WHERE video_id = $1 AND source = $2", &del, e) < 0 ||
        stmt_open(tx,
                  "INSERT INTO texts (video_id, source, seq, start_us, end_us, start_frame, "
                  "end_frame, x, y, width,"
                  " height, confidence, language, text, detail) VALUES ($1, $2, $3, $4, $5, $6, "
                  "$7, $8, $9, $10, $11,"
                  " $12, $13, $14, $15)",
                  &put, e) < 0)
        return -1;
    bind_z(del, 1, video_id);
    bind_z(del, 2, text_source_name(source));
    if (stmt_run(del, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (!spans[i].text || !*spans[i].text)
            continue;
        if (check_span(tx, &spans[i], i, e) < 0)
            return -1;
        stmt_rewind(put);
        bind_span(put, video_id, source, seq++, &spans[i]);
        if (stmt_run(put, e) < 0)
            return err_wrap(e, "text %zu", i);
    }
    return 0;
}

static void read_row(struct stmt *s, struct arena *a, struct text_span *t)
{
    int source = name_find(source_names, TEXT_SOURCE_N, col_str(s, 0));

    *t = (struct text_span){
        .source =
            source < 0 ? TEXT_OCR : (enum text_source)source, /* the table's CHECK rules it out */
        .seq = (int)col_i64(s, 1),
        .start_us = col_i64(s, 2),
        .end_us = col_i64(s, 3),
        .start_frame = col_i64(s, 4),
        .end_frame = col_i64(s, 5),
        .x = (int)col_i64(s, 6),
        .y = (int)col_i64(s, 7),
        .width = (int)col_i64(s, 8),
        .height = (int)col_i64(s, 9),
        .confidence = col_double(s, 10),
        .language = col_text(s, a, 11),
        .text = col_text(s, a, 12),
        .detail_json = col_text(s, a, 13),
    };
}

int db_texts_list(struct tx *tx, struct arena *a, const char *video_id, unsigned sources,
                  int64_t from_us, int64_t to_us, struct text_span **ret, size_t *ret_n,
                  struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    CLEANUP_BUF struct buf sql = {0};
    const char *sep = "";
    struct text_span *rows = NULL;
    size_t n = 0, cap = 0;
    int r;

    buf_addz(&sql, "SELECT source, seq, start_us, end_us, start_frame, end_frame, x, y, width, "
                   "height, confidence,"
                   " language, text, detail FROM texts WHERE video_id = $1 AND end_us >= $2 AND "
                   "start_us < $3");
    if (sources & ((1u << TEXT_SOURCE_N) - 1)) {
        buf_addz(&sql, " AND source IN (");
        for (int i = 0; i < TEXT_SOURCE_N; i++) {
            if (sources & (1u << i)) {
                buf_addf(&sql, "%s'%s'", sep, source_names[i]);
                sep = ", ";
            }
        }
        buf_addz(&sql, ")");
    }
    buf_addz(&sql, " ORDER BY source, seq");
    if (stmt_open(tx, buf_z(&sql), &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    bind_i64(s, 2, from_us);
    bind_i64(s, 3, to_us ? to_us : INT64_MAX);
    while ((r = stmt_step(s, e)) > 0) {
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            struct text_span *more = ARENA_ARRAY(a, struct text_span, cap);
            if (n)
                memcpy(more, rows, n * sizeof(*more));
            rows = more;
        }
        read_row(s, a, &rows[n++]);
    }
    if (r < 0)
        return err_wrap(e, "list texts");
    *ret = rows;
    *ret_n = n;
    return 0;
}
