/*
 * A small library to search in: videos are named by a number, texts are put with seconds. Included by
 * the tests of this folder only.
 */
#ifndef SEARCH_TEST_SEARCH_H
#define SEARCH_TEST_SEARCH_H

#include <sqlite3.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/map.h"
#include "base/test.h"
#include "conf/conf.h"
#include "db/db_search.h"
#include "index/index.h"
#include "search/search.h"

#define SECOND INT64_C(1000000)

struct lib {
    struct db *db;
    struct conf *conf;
    char *path;
    char ids[64][UUID_MAX]; /* by number, as tests name videos */
    struct search_result *r;
    struct search_filters f;
    struct search_page page;
};

static inline void lib_finish(struct lib *l)
{
    search_result_free(l->r);
    conf_free(l->conf);
    db_close(l->db);
    free(l->path);
}
#define CLEANUP_LIB __attribute__((cleanup(lib_finish)))

static inline void lib_init(struct lib *l)
{
    static int n;
    char file[32];
    struct err e = {0};

    snprintf(file, sizeof(file), "s%d.db", n++);
    l->path = fs_join(test_dir(), file);
    CHECK_OK(db_open(l->path, &l->db, &e));
    l->conf = conf_defaults();
}

static inline void set(struct lib *l, const char *name, const char *value)
{
    struct err e = {0};

    CHECK_OK(conf_set(l->conf, str_of(name), str_of(value), "test", &e));
}

/* ---- filling ---- */

/* Adds video number k; v may be NULL. Its id is in l->ids[k]. */
static inline void add_video(struct lib *l, int k, const struct video *v)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video row = v ? *v : (struct video){0};
    struct err e = {0};

    if (!row.state)
        row.state = VIDEO_INDEXED;
    if (!row.media.duration_us)
        row.media.duration_us = 600 * SECOND;
    row.media.frame_count = 15000;
    row.media.fps_den = 1;
    CHECK_OK(db_begin(l->db, DB_WRITE, &tx, &e));
    CHECK_EQ(db_video_add(tx, &row, l->ids[k], &e), VIDEO_ADDED);
    CHECK_OK(index_put_video(tx, l->ids[k], &e));
    CHECK_OK(db_commit(tx, &e));
}

static inline void titled(struct lib *l, int k, const char *title)
{
    struct video v = {.title = title};

    add_video(l, k, &v);
}

struct said {
    int start_s, end_s;
    const char *text;
    double confidence; /* 0 counts as 0.9 */
};

static inline void put(struct lib *l, int k, enum text_source source, const struct said *s,
                       size_t n)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP_FREE struct text_span *spans = xcalloc(n + 1, sizeof(*spans));
    struct err e = {0};

    for (size_t i = 0; i < n; i++)
        spans[i] = (struct text_span){.source = source,
                                      .start_us = s[i].start_s * SECOND,
                                      .end_us = s[i].end_s * SECOND,
                                      .start_frame = s[i].start_s * 25,
                                      .end_frame = s[i].end_s * 25,
                                      .x = 10,
                                      .width = source == TEXT_OCR ? 100 : 0,
                                      .height = source == TEXT_OCR ? 20 : 0,
                                      .confidence = s[i].confidence ? s[i].confidence : 0.9,
                                      .text = s[i].text};
    CHECK_OK(db_begin(l->db, DB_WRITE, &tx, &e));
    CHECK_OK(index_put(tx, l->ids[k], source, spans, n, &e));
    CHECK_OK(db_commit(tx, &e));
}
#define PUT(l, k, source, ...)                                                                     \
    do {                                                                                           \
        static const struct said said_[] = {__VA_ARGS__};                                          \
        put((l), (k), (source), said_, ARRAY_LEN(said_));                                          \
    } while (0)

/* ---- asking ---- */

static inline size_t ask_str(struct lib *l, struct str query)
{
    struct err e = {0};

    search_result_free(l->r);
    l->r = NULL;
    if (search_run(l->db, l->conf, query, &l->f, &l->page, &l->r, &e) < 0)
        fail_msg("%.*s: %s", STR_ARG(query), e.text);
    return l->r->n;
}

static inline size_t ask(struct lib *l, const char *query)
{
    return ask_str(l, str_of(query));
}

static inline const struct search_hit *hit(const struct lib *l, size_t i)
{
    CHECK(i < l->r->n);
    return &l->r->hits[i];
}

static inline bool hit_is(const struct lib *l, size_t i, int k)
{
    return i < l->r->n && strcmp(l->r->hits[i].video_id, l->ids[k]) == 0;
}

/* The marked bytes of a hit's evidence, with | between. */
static inline const char *marked(const struct lib *l, size_t i, size_t evidence)
{
    static char out[1024];
    CLEANUP_BUF struct buf b = {0};
    const struct search_evidence *v = &hit(l, i)->evidence[evidence];

    CHECK(evidence < hit(l, i)->n_evidence);
    for (size_t m = 0; m < v->n_matches; m++) {
        CHECK(v->matches[m].at + v->matches[m].n <= strlen(v->snippet));
        buf_addf(&b, "%s%.*s", m ? "|" : "", (int)v->matches[m].n, v->snippet + v->matches[m].at);
    }
    snprintf(out, sizeof(out), "%s", buf_z(&b));
    return out;
}

/* Behind the program's back: there is no function for it yet, users come with the server. */
static inline void add_user(struct lib *l, const char *user_id)
{
    CLEANUP_FREE char *sql = xasprintf("INSERT INTO users (user_id, created_at, updated_at) "
                                       "VALUES ('%s', 0, 0)",
                                       user_id);
    sqlite3 *h = NULL;

    CHECK_EQ(sqlite3_open(l->path, &h), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ(sqlite3_close(h), SQLITE_OK);
}

#endif
