/*
 * A whole search with any bytes as the query, against a small library: never an error, and hits that
 * hold together. The first line of the input, if there are two, is a cursor.
 */
#include "fuzz.h"

#include <assert.h>

#include "base/fs.h"
#include "conf/conf.h"
#include "db/db_videos.h"
#include "index/index.h"
#include "search/search.h"

#define SECOND INT64_C(1000000)

/* Made once for the process; no search changes it. */
static struct db *db;
static struct conf *conf;
static char folder[] = "/tmp/fuzz_search_XXXXXX";

static void clean_up(void)
{
    struct err e = {0};

    conf_free(conf);
    db_close(db);
    fs_remove_tree(folder, &e);
}

static void add_video(const char *title, const char *const *lines, size_t n)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v = {.title = title,
                      .description = "A long walk by the sea, e-mail: john@example.org",
                      .tags_json = "[\"red car\",\"night\"]",
                      .filename = "clip.mp4",
                      .state = VIDEO_INDEXED,
                      .media.duration_us = 600 * SECOND,
                      .media.fps_den = 1};
    struct text_span spans[16];
    struct err e = {0};
    char id[UUID_MAX];
    int failed = db_begin(db, DB_WRITE, &tx, &e) < 0 || db_video_add(tx, &v, id, &e) < 0 ||
                 index_put_video(tx, id, &e) < 0;

    for (size_t i = 0; i < n; i++)
        spans[i] = (struct text_span){.start_us = 7 * (int64_t)i * SECOND,
                                      .end_us = (7 * (int64_t)i + 3) * SECOND,
                                      .confidence = 0.9,
                                      .text = lines[i]};
    failed = failed || index_put(tx, id, TEXT_OCR, spans, n, &e) < 0 || db_commit(tx, &e) < 0;
    assert(!failed);
}

static void set_up(void)
{
    static const char *const one[] = {"www.bcastell.com", "東京タワー TOWER 2026",
                                      "GOAL by Ronaldo", "ภาษาไทย", "Straße É O'Brien"};
    static const char *const two[] = {"the red car", "a boat and a truck", "서울특별시",
                                      "👍 U.S.A."};
    struct err e = {0};

    assert(mkdtemp(folder));
    CLEANUP_FREE char *path = fs_join(folder, "f.db");
    int opened = db_open(path, &db, &e);
    assert(opened == 0);
    conf = conf_defaults();
    add_video("Holiday in Rome", one, ARRAY_LEN(one));
    add_video("goal goal GOAL", two, ARRAY_LEN(two));
    atexit(clean_up);
}

static void check_hit(const struct search_hit *h, double most)
{
    assert(h->score >= 0 && h->score <= most && h->n_evidence >= 1);
    assert(h->start_us <= h->end_us);
    for (size_t i = 0; i < h->n_evidence; i++) {
        const struct search_evidence *v = &h->evidence[i];
        size_t n = strlen(v->snippet), at = 0;
        assert(n <= SEARCH_SNIPPET_MAX && utf8_valid(str_of(v->snippet)) && v->n_matches >= 1);
        assert(v->score >= 0 && v->score <= 1);
        for (size_t m = 0; m < v->n_matches; m++) {
            assert(v->matches[m].n > 0 && v->matches[m].at >= at);
            at = v->matches[m].at + v->matches[m].n;
            assert(at <= n);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(search_result_free) struct search_result *r = NULL;
    CLEANUP_BUF struct buf json = {0};
    struct str rest = {size ? (const char *)data : "", size}, cursor = {0};
    struct search_page page = {.limit = 3};
    struct err e = {0};
    double most = 1;

    if (!db)
        set_up();
    if (memchr(rest.p, '\n', rest.n))
        str_cut(&rest, '\n', &cursor);
    CLEANUP_FREE char *cursor_z = str_dup(cursor);
    page.cursor = cursor_z;
    if (search_run(db, conf, rest, NULL, &page, &r, &e) < 0) {
        assert(cursor_z[0] && e.code == ERR_USAGE);
        return 0;
    }
    assert(r->n <= 3 && (int64_t)r->n <= r->total);
    for (size_t i = 0; i < r->n; i++) {
        check_hit(&r->hits[i], most);
        most = r->hits[i].score;
    }
    search_json(r, 0, &json);
    assert(buf_ok(&json) && utf8_valid(buf_str(&json)));
    return 0;
}
