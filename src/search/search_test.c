/* Searching a small library: what is found, in which order, with what evidence; and what never
 * is. */
#include "search/search.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/map.h"
#include "base/test.h"
#include "conf/conf.h"
#include "db/db_priv.h"
#include "db/db_search.h"
#include "index/index.h"

#define SECOND INT64_C(1000000)

struct lib {
    struct db *db;
    struct conf *conf;
    char ids[64][UUID_MAX]; /* by number, as tests name videos */
    struct search_result *r;
    struct search_filters f;
    struct search_page page;
};

static void lib_finish(struct lib *l)
{
    search_result_free(l->r);
    conf_free(l->conf);
    db_close(l->db);
}
#define CLEANUP_LIB __attribute__((cleanup(lib_finish)))

static void lib_init(struct lib *l)
{
    static int n;
    char file[32];
    struct err e = {0};

    snprintf(file, sizeof(file), "s%d.db", n++);
    CLEANUP_FREE char *path = fs_join(test_dir(), file);
    CHECK_OK(db_open(path, &l->db, &e));
    l->conf = conf_defaults();
}

static void set(struct lib *l, const char *name, const char *value)
{
    struct err e = {0};

    CHECK_OK(conf_set(l->conf, str_of(name), str_of(value), "test", &e));
}

/* ---- filling ---- */

/* Adds video number k; v may be NULL. Its id is in l->ids[k]. */
static void add_video(struct lib *l, int k, const struct video *v)
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

static void titled(struct lib *l, int k, const char *title)
{
    struct video v = {.title = title};

    add_video(l, k, &v);
}

struct said {
    int start_s, end_s;
    const char *text;
    double confidence; /* 0 counts as 0.9 */
};

static void put(struct lib *l, int k, enum text_source source, const struct said *s, size_t n)
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

static size_t ask_str(struct lib *l, struct str query)
{
    struct err e = {0};

    search_result_free(l->r);
    l->r = NULL;
    if (search_run(l->db, l->conf, query, &l->f, &l->page, &l->r, &e) < 0)
        fail_msg("%.*s: %s", STR_ARG(query), e.text);
    return l->r->n;
}

static size_t ask(struct lib *l, const char *query)
{
    return ask_str(l, str_of(query));
}

static const struct search_hit *hit(const struct lib *l, size_t i)
{
    CHECK(i < l->r->n);
    return &l->r->hits[i];
}

static bool hit_is(const struct lib *l, size_t i, int k)
{
    return i < l->r->n && strcmp(l->r->hits[i].video_id, l->ids[k]) == 0;
}

/* The marked bytes of a hit's evidence, with | between. */
static const char *marked(const struct lib *l, size_t i, size_t evidence)
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

/* ---- finding ---- */

TEST(search_finds_spans_with_evidence)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Holiday in Rome");
    PUT(&l, 0, TEXT_OCR, {10, 14, "Gelateria BCASTELL"}, {100, 101, "EXIT"});
    CHECK_EQ(ask(&l, "bcastell"), 1);
    CHECK(hit_is(&l, 0, 0));
    CHECK_EQ(hit(&l, 0)->start_us, 10 * SECOND);
    CHECK_EQ(hit(&l, 0)->end_us, 14 * SECOND);
    CHECK_EQ(hit(&l, 0)->start_frame, 250);
    CHECK_EQ(hit(&l, 0)->end_frame, 350);
    CHECK(!hit(&l, 0)->whole_video);
    CHECK(hit(&l, 0)->all_terms);
    CHECK(hit(&l, 0)->score > 0.5 && hit(&l, 0)->score <= 1);
    CHECK_STR(hit(&l, 0)->title, "Holiday in Rome");
    CHECK_STR(hit(&l, 0)->state, "indexed");
    CHECK_EQ(hit(&l, 0)->n_evidence, 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_OCR);
    CHECK_EQ(hit(&l, 0)->evidence[0].width, 100);
    CHECK_STR(marked(&l, 0, 0), "BCASTELL");
    CHECK_EQ(l.r->total, 1);
    CHECK(!l.r->total_is_least);
    CHECK(l.r->next_cursor == NULL);
    CHECK(l.r->hint == NULL);
}

TEST(search_an_address_is_found_by_a_part)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_OCR, {1, 2, "www.bcastell.com"}, {5, 6, "mail: info@Example.org"});
    CHECK_EQ(ask(&l, "bcastell"), 1);
    CHECK_EQ(ask(&l, "www.bcastell.com"), 1);
    CHECK_STR(marked(&l, 0, 0), "www.bcastell.com");
    CHECK_EQ(ask(&l, "bcastell.com"), 1);
    CHECK_EQ(ask(&l, "info@example.org"), 1);
    CHECK_EQ(ask(&l, "example"), 1);
}

TEST(search_nothing_is_an_answer)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    CHECK_EQ(ask(&l, "anything"), 0);
    titled(&l, 0, "Holiday in Rome");
    CHECK_EQ(ask(&l, "submarine"), 0);
    CHECK_EQ(l.r->total, 0);
    CHECK(l.r->hint == NULL);
    CHECK_EQ(ask(&l, ""), 0);
    CHECK_EQ(ask(&l, "!!!"), 0);
    CHECK_EQ(ask(&l, "-rome"), 0); /* nothing is asked for */
}

TEST(search_a_title_is_the_whole_video)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Holiday in Rome");
    CHECK_EQ(ask(&l, "rome holiday"), 1);
    CHECK(hit(&l, 0)->whole_video);
    CHECK_EQ(hit(&l, 0)->start_us, 0);
    CHECK_EQ(hit(&l, 0)->end_us, 600 * SECOND);
    CHECK_EQ(hit(&l, 0)->end_frame, 15000);
    CHECK_STR(marked(&l, 0, 0), "Holiday|Rome");
}

TEST(search_describing_sources)
{
    CLEANUP_LIB struct lib l = {0};
    struct video v = {.title = "Alpha",
                      .description = "A walk by the sea",
                      .tags_json = "[\"Red Car\",\"night\"]",
                      .filename = "DSC_0042.mov"};

    lib_init(&l);
    add_video(&l, 0, &v);
    CHECK_EQ(ask(&l, "alpha"), 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_TITLE);
    CHECK_EQ(ask(&l, "sea"), 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_DESCRIPTION);
    CHECK_EQ(ask(&l, "\"red car\""), 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_TAG);
    CHECK_EQ(ask(&l, "0042"), 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_FILENAME);
    CHECK_EQ(ask(&l, "alpha sea car 0042"), 1); /* each in another source of one video */
    CHECK(hit(&l, 0)->all_terms);
    CHECK_EQ(hit(&l, 0)->n_evidence, 4);
}

TEST(search_substrings_of_scripts_without_spaces)
{
    static const struct {
        const char *text, *query, *marked;
    } rows[] = {
        {"東京都庁へようこそ", "東", "東"},
        {"東京都庁へようこそ", "京", "京"},
        {"東京都庁へようこそ", "京都", "京都"},
        {"東京都庁へようこそ", "都庁へ", "都庁へ"},
        {"東京都庁へようこそ", "そ", "そ"},
        {"東京都庁へようこそ", "東京都庁へようこそ", "東京都庁へようこそ"},
        {"東京タワーTOWER 2026年", "タワーtower", "タワーTOWER"},
        {"東京タワーTOWER2026年", "ワーtower2026年", "ワーTOWER2026年"},
        {"東京タワーTOWER2026年", "タワーtower", NULL}, /* words are whole */
        {"東京タワーTOWER2026年", "タワtower2026", NULL},
        {"ﾄｳｷｮｳ ﾀﾜｰ", "タワー", "ﾀﾜｰ"},
        {"ラーメン屋", "らーめん", "ラーメン"},
        {"서울특별시에서", "특별시", "특별시"},
        {"서울특별시에서", "서울", "서울"},
        {"ยินดีต้อนรับสู่กรุงเทพ", "กรุงเทพ", "กรุงเทพ"},
        {"我们的北京大学", "北京", "北京"},
        {"第3回大会", "3回", "3回"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_LIB struct lib l = {0};
        struct said s = {1, 2, rows[i].text, 0};
        lib_init(&l);
        titled(&l, 0, "");
        put(&l, 0, TEXT_OCR, &s, 1);
        size_t n = ask(&l, rows[i].query);
        if (n != (rows[i].marked ? 1 : 0))
            fail_msg("'%s' in '%s': %zu hits", rows[i].query, rows[i].text, n);
        if (n)
            CHECK_STR(marked(&l, 0, 0), rows[i].marked);
        CHECK_EQ(ask(&l, "庁京"), 0); /* the characters, in no such order */
    }
}

TEST(search_spellings_that_are_one)
{
    static const struct {
        const char *text, *query;
    } rows[] = {
        {"Café", "cafe"},         {"cafe", "CAFÉ"},       {"Cafe\u0301", "Café"},
        {"Straße", "strasse"},    {"STRASSE", "Straße"},  {"İstanbul", "istanbul"},
        {"ISTANBUL", "ıstanbul"}, {"ﬁnal", "final"},      {"Ｆｉｎａｌ", "final"},
        {"e-mail", "email"},      {"email", "e-mail"},    {"Wi-Fi", "wifi"},
        {"O’Brien", "obrien"},    {"O'Brien", "O’Brien"}, {"U.S.A.", "usa"},
        {"USA", "u.s.a."},        {"don't", "dont"},      {"العَرَبِيَّة", "العربية"},
        {"שָׁלוֹם", "שלום"},         {"👍🏽", "👍"},      {"٢٠٢٦", "2026"},
        {"l'eau", "eau"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_LIB struct lib l = {0};
        struct said s = {1, 2, rows[i].text, 0};
        lib_init(&l);
        set(&l, "search.spelling", "false");
        titled(&l, 0, "");
        put(&l, 0, TEXT_SPEECH, &s, 1);
        if (ask(&l, rows[i].query) != 1)
            fail_msg("'%s' does not find '%s'", rows[i].query, rows[i].text);
        CHECK(strlen(marked(&l, 0, 0)) > 0);
    }
}

TEST(search_phrases_prefixes_and_alternatives)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    titled(&l, 1, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "the red car is fast"});
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "a car that is red, and a truck"});
    CHECK_EQ(ask(&l, "\"red car\""), 1);
    CHECK(hit_is(&l, 0, 0));
    CHECK_EQ(ask(&l, "\"car red\""), 0);
    CHECK_EQ(ask(&l, "tru*"), 1);
    CHECK_STR(marked(&l, 0, 0), "truck");
    CHECK_EQ(ask(&l, "fast OR truck"), 2);
    CHECK_EQ(ask(&l, "red fast OR truck"), 2);
    CHECK(hit(&l, 1)->all_terms);
    CHECK_EQ(ask(&l, "red car"), 2);
    CHECK(hit_is(&l, 0, 0)); /* together and in order */
}

TEST(search_excluded_words)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Rome");
    titled(&l, 1, "Rome at night");
    titled(&l, 2, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "we see a car"}, {300, 305, "a car and a boat"});
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "a car"});
    PUT(&l, 2, TEXT_SPEECH, {0, 5, "night and a car"}, {300, 305, "a car"});
    CHECK_EQ(ask(&l, "car"), 5);
    CHECK_EQ(ask(&l, "car -boat"), 4);
    CHECK_EQ(ask(&l, "car -night"), 3); /* the video titled so, and the passage */
    CHECK_EQ(ask(&l, "car -night -boat"), 2);
    CHECK_EQ(ask(&l, "rome -\"at night\""), 1);
    CHECK_EQ(ask(&l, "car -ca*"), 0);
}

/* ---- filters ---- */

TEST(search_in_one_source)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "goal");
    titled(&l, 1, "");
    titled(&l, 2, "");
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "goal"});
    PUT(&l, 2, TEXT_OCR, {0, 5, "goal"});
    CHECK_EQ(ask(&l, "goal"), 3);
    CHECK_EQ(ask(&l, "in:title goal"), 1);
    CHECK(hit_is(&l, 0, 0));
    CHECK_EQ(ask(&l, "in:speech goal"), 1);
    CHECK(hit_is(&l, 0, 1));
    CHECK_EQ(ask(&l, "goal in:text"), 1);
    CHECK(hit_is(&l, 0, 2));
    CHECK_EQ(ask(&l, "goal in:text in:title"), 2);
    l.f.sources = 1u << TEXT_SPEECH;
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK_EQ(ask(&l, "goal in:title"), 0); /* both must hold */
}

TEST(search_filters)
{
    CLEANUP_LIB struct lib l = {0};
    struct video a = {.title = "goal a",
                      .created_at_ms = 1000,
                      .media.duration_us = 10 * SECOND,
                      .tags_json = "[\"Red Car\"]",
                      .project_id = "p1"};
    struct video b = {.title = "goal b",
                      .created_at_ms = 2000,
                      .media.duration_us = 20 * SECOND,
                      .tags_json = "[\"red car\",\"Night\"]",
                      .state = VIDEO_PROCESSING};
    const char *ids[2], *tags[] = {"night", "RED CAR"};

    lib_init(&l);
    add_video(&l, 0, &a);
    add_video(&l, 1, &b);
    CHECK_EQ(ask(&l, "goal"), 2);
    l.f = (struct search_filters){.created_from_ms = 1500};
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 1));
    l.f = (struct search_filters){.created_to_ms = 2000};
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 0));
    l.f = (struct search_filters){.duration_from_us = 15 * SECOND};
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 1));
    l.f = (struct search_filters){.duration_to_us = 15 * SECOND};
    CHECK_EQ(ask(&l, "goal"), 1);
    l.f = (struct search_filters){.states = 1u << VIDEO_PROCESSING};
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 1));
    l.f = (struct search_filters){.project_id = "p1"};
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 0));
    l.f = (struct search_filters){.tags = tags, .n_tags = 2};
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 1));
    l.f = (struct search_filters){.created_from_ms = 5000};
    CHECK_EQ(ask(&l, "goal"), 0);
    ids[0] = l.ids[0];
    ids[1] = "nobody";
    l.f = (struct search_filters){.videos = ids, .n_videos = 2};
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 0));
    l.f = (struct search_filters){0};
    CHECK_EQ(ask(&l, "tag:\"red car\" goal"), 2);
    CHECK_EQ(ask(&l, "tag:red goal"), 0); /* whole tags */
    char query[100];
    snprintf(query, sizeof(query), "video:%s goal", l.ids[1]);
    CHECK_EQ(ask(&l, query), 1);
    CHECK(hit_is(&l, 0, 1));
    CHECK_EQ(ask(&l, "video:nobody goal"), 0);
}

/* With more videos than can be named in a query, rows are filtered as they are read. */
TEST(search_filters_over_many_videos)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};
    char id[UUID_MAX];

    lib_init(&l);
    CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
    for (int i = 0; i < DB_SEARCH_VIDEOS_MAX + 50; i++) {
        struct video v = {.title = "goal",
                          .state = VIDEO_INDEXED,
                          .created_at_ms = 1000 + i,
                          .tags_json = i % 10 ? "" : "[\"tenth\"]"};
        CHECK_EQ(db_video_add(tx, &v, id, &e), VIDEO_ADDED);
        CHECK_OK(index_put_video(tx, id, &e));
    }
    CHECK_OK(db_commit(tx, &e));
    l.f.created_from_ms = 1;
    CHECK_EQ(ask(&l, "goal tag:tenth"), SEARCH_PAGE_DEFAULT);
    CHECK_EQ(l.r->total, (DB_SEARCH_VIDEOS_MAX + 50 + 9) / 10);
    l.f.created_to_ms = 1010;
    CHECK_EQ(ask(&l, "goal"), 10);
}

TEST(search_filters_out_of_bounds_are_refused)
{
    CLEANUP_LIB struct lib l = {0};
    struct err e = {0};

    lib_init(&l);
    CHECK_ERR(search_run(l.db, l.conf, STR("x"), &(struct search_filters){.created_from_ms = -1},
                         NULL, &l.r, &e),
              ERR_USAGE);
    CHECK_ERR(search_run(l.db, l.conf, STR("x"),
                         &(struct search_filters){.n_tags = SEARCH_FILTER_MAX + 1}, NULL, &l.r, &e),
              ERR_USAGE);
    CHECK_ERR(search_run(l.db, l.conf, STR("x"), NULL,
                         &(struct search_page){.limit = SEARCH_PAGE_MAX + 1}, &l.r, &e),
              ERR_USAGE);
    CHECK_ERR(
        search_run(l.db, l.conf, STR("x"), NULL, &(struct search_page){.limit = -1}, &l.r, &e),
        ERR_USAGE);
    CHECK(l.r == NULL);
}

/* There is no function for it yet: users come with the server. */
static void add_user(struct lib *l, const char *user_id)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(l->db, DB_WRITE, &tx, &e));
    {
        CLEANUP(stmt_close) struct stmt *s = NULL;
        CHECK_OK(stmt_open(
            tx, "INSERT INTO users (user_id, created_at, updated_at) VALUES ($1, 0, 0)", &s, &e));
        bind_z(s, 1, user_id);
        CHECK_OK((int)stmt_run(s, &e));
    }
    CHECK_OK(db_commit(tx, &e));
}

TEST(search_users_never_meet)
{
    CLEANUP_LIB struct lib l = {0};
    const char *other = "11111111-1111-7111-8111-111111111111";
    struct video theirs = {.title = "secret goal", .user_id = other};
    const char *ids[1];

    lib_init(&l);
    add_user(&l, other);
    titled(&l, 0, "my goal");
    add_video(&l, 1, &theirs);
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "extraordinary words and a goal"});

    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 0));
    CHECK_EQ(ask(&l, "secret"), 0);
    CHECK_EQ(ask(&l, "extraordinary"), 0);
    CHECK_EQ(ask(&l, "extraordinari"), 0);
    CHECK(l.r->hint == NULL); /* not even a word of theirs */
    ids[0] = l.ids[1];
    l.f = (struct search_filters){.videos = ids, .n_videos = 1};
    CHECK_EQ(ask(&l, "goal"), 0);
    l.f = (struct search_filters){.user_id = other};
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 1));
    CHECK_EQ(ask(&l, "extraordinari"), 1);
    CHECK(l.r->corrected);
    CHECK_EQ(ask(&l, "my"), 0);
    l.f = (struct search_filters){.user_id = "22222222-2222-7222-8222-222222222222"};
    CHECK_EQ(ask(&l, "goal"), 0);
}

TEST(search_a_crowd_of_others_does_not_hide_ones_own)
{
    CLEANUP_LIB struct lib l = {0};
    const char *other = "11111111-1111-7111-8111-111111111111";
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};
    char id[UUID_MAX];

    lib_init(&l);
    set(&l, "search.candidates", "100");
    add_user(&l, other);
    titled(&l, 0, "my goal"); /* the oldest */
    CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
    for (int i = 0; i < 300; i++) {
        struct video v = {.title = "goal", .state = VIDEO_INDEXED, .user_id = other};
        CHECK_EQ(db_video_add(tx, &v, id, &e), VIDEO_ADDED);
        CHECK_OK(index_put_video(tx, id, &e));
    }
    CHECK_OK(db_commit(tx, &e));
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 0));
}

/* ---- changes ---- */

TEST(search_deleted_videos_are_not_found)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};
    bool last;

    lib_init(&l);
    titled(&l, 0, "goal");
    titled(&l, 1, "goal");
    PUT(&l, 1, TEXT_OCR, {0, 5, "goal"});
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
    CHECK_EQ(db_video_delete(tx, l.ids[1], &last, &e), 1);
    CHECK_OK(db_commit(tx, &e));
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK(hit_is(&l, 0, 0));
}

TEST(search_a_video_put_again_is_there_once)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    for (int i = 0; i < 3; i++)
        PUT(&l, 0, TEXT_SPEECH, {0, 5, "one goal"}, {100, 105, "another goal"});
    PUT(&l, 0, TEXT_OCR, {0, 5, "score"});
    CHECK_EQ(ask(&l, "goal"), 2);
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "no more"});
    CHECK_EQ(ask(&l, "goal"), 0);
    CHECK_EQ(ask(&l, "more"), 1);
    CHECK_EQ(ask(&l, "score"), 1); /* other sources stay */
    put(&l, 0, TEXT_SPEECH, NULL, 0);
    CHECK_EQ(ask(&l, "more"), 0);
}

TEST(search_after_a_rollback_nothing_has_changed)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct text_span s = {.source = TEXT_SPEECH, .text = "goal", .end_us = SECOND};
    struct err e = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "before"});
    CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
    CHECK_OK(index_put(tx, l.ids[0], TEXT_SPEECH, &s, 1, &e));
    db_rollback(STEAL(tx));
    CHECK_EQ(ask(&l, "goal"), 0);
    CHECK_EQ(ask(&l, "before"), 1);
}

TEST(search_removed_and_rebuilt)
{
    CLEANUP_LIB struct lib l = {0};
    struct err e = {0};

    lib_init(&l);
    titled(&l, 0, "goal one");
    titled(&l, 1, "goal two");
    CHECK_EQ(index_rebuild(l.db, INDEX_REBUILD_STALE, &e), 0);
    CHECK_EQ(index_rebuild(l.db, INDEX_REBUILD_ALL, &e), 2);
    CHECK_EQ(ask(&l, "goal"), 2);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
        CHECK_OK(
            db_search_clear(tx, l.ids[0], &e)); /* as if an older program had made other words */
        CHECK_OK(db_search_mark(tx, l.ids[0], 0, &e));
        CHECK_OK(db_commit(tx, &e));
    }
    CHECK_EQ(ask(&l, "goal"), 1);
    CHECK_EQ(index_rebuild(l.db, INDEX_REBUILD_STALE, &e), 1);
    CHECK_EQ(ask(&l, "goal"), 2);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
        CHECK_OK(index_remove(tx, l.ids[0], &e));
        CHECK_OK(index_remove(tx, l.ids[0], &e));
        CHECK_OK(db_commit(tx, &e));
    }
    CHECK_EQ(ask(&l, "goal"), 1);
}

TEST(search_putting_one_source_brings_stale_others_up_to_date)
{
    CLEANUP_LIB struct lib l = {0};
    struct err e = {0};

    lib_init(&l);
    titled(&l, 0, "goal");
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
        CHECK_OK(db_search_clear(tx, l.ids[0], &e));
        CHECK_OK(db_search_mark(tx, l.ids[0], 0, &e));
        CHECK_OK(db_commit(tx, &e));
    }
    PUT(&l, 0, TEXT_OCR, {0, 5, "score"});
    CHECK_EQ(ask(&l, "goal score"), 1);
    CHECK(hit(&l, 0)->all_terms);
    CHECK_EQ(index_rebuild(l.db, INDEX_REBUILD_STALE, &e), 0);
}

TEST(search_put_for_no_video_is_an_error)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    lib_init(&l);
    CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
    CHECK_ERR(index_put(tx, "nobody", TEXT_OCR, NULL, 0, &e), ERR_NOT_FOUND);
}

/* ---- ranking ---- */

TEST(search_a_title_beats_a_mention)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "other things");
    titled(&l, 1, "Rome");
    PUT(&l, 0, TEXT_SPEECH,
        {0, 9, "and then at the very end of the year they went to rome for some days or so"});
    CHECK_EQ(ask(&l, "rome"), 2);
    CHECK(hit_is(&l, 0, 1));
}

TEST(search_all_words_beat_some)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Red red red");
    titled(&l, 1, "Car");
    titled(&l, 2, "");
    PUT(&l, 2, TEXT_OCR,
        {0, 5, "a long line of text with red and much more of it and at last a car", 0.6});
    CHECK_EQ(ask(&l, "red car"), 3);
    CHECK(hit_is(&l, 0, 2));
    CHECK(hit(&l, 0)->all_terms);
    CHECK(hit(&l, 0)->score >= 0.5);
    CHECK(!hit(&l, 1)->all_terms);
    CHECK(hit(&l, 1)->score < 0.5);
}

TEST(search_a_phrase_beats_scattered_words)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    titled(&l, 1, "");
    titled(&l, 2, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "car that was once red"});
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "that was a red car"});
    PUT(&l, 2, TEXT_SPEECH, {0, 5, "a car red was that"});
    CHECK_EQ(ask(&l, "red car"), 3);
    CHECK(hit_is(&l, 0, 1));
    CHECK(hit_is(&l, 1, 2));
    CHECK(hit_is(&l, 2, 0));
}

TEST(search_a_rare_word_counts_more_than_a_common_one)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    for (int i = 0; i < 20; i++)
        titled(&l, i, "the show");
    titled(&l, 20, "zebra show");
    titled(&l, 21, "the garden");
    CHECK(ask(&l, "the zebra") >= 20);
    CHECK(hit_is(&l, 0, 20));
}

TEST(search_confidence_counts)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    titled(&l, 1, "");
    PUT(&l, 0, TEXT_OCR, {0, 5, "WELCOME", 0.95});
    PUT(&l, 1, TEXT_OCR, {0, 5, "WELCOME", 0.45});
    CHECK_EQ(ask(&l, "welcome"), 2);
    CHECK(hit_is(&l, 0, 0));
    CHECK(hit(&l, 0)->score > hit(&l, 1)->score);
    CHECK_NEAR(hit(&l, 1)->evidence[0].confidence, 0.45, 1e-9);
}

TEST(search_weights_are_settings)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    titled(&l, 1, "");
    PUT(&l, 0, TEXT_OCR, {0, 5, "goal"});
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "goal"});
    set(&l, "search.speech-weight", "0.1");
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK(hit_is(&l, 0, 0));
    set(&l, "search.speech-weight", "1");
    set(&l, "search.screen-weight", "0.1");
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK(hit_is(&l, 0, 1));
    double before = hit(&l, 0)->score;
    set(&l, "search.text-weight", "0.5");
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK_NEAR(hit(&l, 0)->score, before / 2, 1e-5);
}

/* ---- spans ---- */

TEST(search_near_passages_are_one_span)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_SPEECH, {10, 12, "what a goal"}, {16, 18, "the goal again"},
        {40, 42, "a late goal"});
    PUT(&l, 0, TEXT_OCR, {14, 20, "GOAL"});
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK_EQ(hit(&l, 0)->start_us, 10 * SECOND);
    CHECK_EQ(hit(&l, 0)->end_us, 20 * SECOND);
    CHECK_EQ(hit(&l, 0)->start_frame, 250);
    CHECK_EQ(hit(&l, 0)->end_frame, 500);
    CHECK_EQ(hit(&l, 0)->n_evidence, 3);
    CHECK_EQ(hit(&l, 1)->start_us, 40 * SECOND);
    CHECK(hit(&l, 0)->score > hit(&l, 1)->score); /* two sources agree */
    set(&l, "search.join-gap", "0s");
    CHECK_EQ(ask(&l, "goal"), 3);
}

TEST(search_words_of_a_query_may_come_from_different_sources)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Cup final");
    titled(&l, 1, "Something else");
    PUT(&l, 0, TEXT_SPEECH, {10, 12, "what a goal"}, {300, 302, "goal"});
    PUT(&l, 0, TEXT_OCR, {11, 15, "RONALDO"}, {500, 505, "RONALDO"});
    PUT(&l, 1, TEXT_SPEECH, {10, 12, "ronaldo is here"});
    CHECK(ask(&l, "ronaldo goal") >= 2);
    CHECK_EQ(hit(&l, 0)->start_us, 10 * SECOND);
    CHECK(hit(&l, 0)->all_terms);
    CHECK(!hit(&l, 1)->all_terms);
    CHECK(ask(&l, "final ronaldo goal") >= 2);
    CHECK(hit(&l, 0)->all_terms);
    CHECK_EQ(hit(&l, 0)->start_us, 10 * SECOND);
    CHECK_EQ(hit(&l, 0)->n_evidence, 3);
}

TEST(search_a_logo_does_not_join_what_is_apart)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_OCR, {0, 600, "Channel BCASTELL"});
    PUT(&l, 0, TEXT_SPEECH, {10, 12, "a goal"}, {400, 402, "a goal"});
    CHECK_EQ(ask(&l, "bcastell goal"), 2);
    CHECK(hit(&l, 0)->all_terms && hit(&l, 1)->all_terms);
    CHECK_EQ(hit(&l, 0)->end_us - hit(&l, 0)->start_us, 2 * SECOND);
    CHECK_EQ(ask(&l, "bcastell"), 1); /* alone it is itself a hit */
    CHECK_EQ(hit(&l, 0)->end_us, 600 * SECOND);
}

TEST(search_a_word_that_is_said_all_the_time_makes_no_endless_span)
{
    CLEANUP_LIB struct lib l = {0};
    struct said s[100];

    lib_init(&l);
    titled(&l, 0, "");
    for (int i = 0; i < 100; i++)
        s[i] = (struct said){3 * i, 3 * i + 3, "and so on", 0};
    put(&l, 0, TEXT_SPEECH, s, 100);
    CHECK_EQ(ask(&l, "so"), 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ(hit(&l, i)->end_us - hit(&l, i)->start_us, 60 * SECOND);
        CHECK_EQ(hit(&l, i)->n_evidence, SEARCH_EVIDENCE_MAX);
        CHECK_EQ(hit(&l, i)->n_more_evidence, 20 - SEARCH_EVIDENCE_MAX);
    }
}

TEST(search_long_texts_are_shown_around_the_match)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP_BUF struct buf text = {0};
    struct video v = {0};

    lib_init(&l);
    for (int i = 0; i < 100; i++)
        buf_addf(&text, "wörd%d ", i);
    buf_addz(&text, "needle ");
    for (int i = 0; i < 100; i++)
        buf_addf(&text, "more%d ", i);
    v.description = buf_z(&text);
    add_video(&l, 0, &v);
    CHECK_EQ(ask(&l, "needle"), 1);
    const struct search_evidence *e = &hit(&l, 0)->evidence[0];
    CHECK(strlen(e->snippet) <= SEARCH_SNIPPET_MAX);
    CHECK(utf8_valid(str_of(e->snippet)));
    CHECK(e->cut_before && e->cut_after);
    CHECK_STR(marked(&l, 0, 0), "needle");
    CHECK(strncmp(e->snippet, "wörd", strlen("wörd")) == 0); /* begins with a word */
}

/* ---- pages ---- */

static void take_cursor(struct lib *l, char *out, size_t size)
{
    CHECK(l->r->next_cursor != NULL);
    snprintf(out, size, "%s", l->r->next_cursor);
    l->page.cursor = out;
}

TEST(search_pages_show_every_hit_once_though_more_are_added)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP(map_free) struct map *seen = NULL;
    char cursor[300];
    double last = 2;
    int n = 0;

    lib_init(&l);
    for (int i = 0; i < 25; i++) {
        char title[64];
        snprintf(title, sizeof(title), "goal %.*s", i % 7 * 5,
                 "aaaa bbbb cccc dddd eeee ffff gggg");
        titled(&l, i, title);
    }
    seen = map_new();
    l.page.limit = 4;
    for (int page = 0; page < 7; page++) {
        size_t got = ask(&l, "goal");
        CHECK_EQ(got, page < 6 ? 4 : 1);
        CHECK_EQ(l.r->total, 25);
        for (size_t i = 0; i < got; i++, n++) {
            CHECK(map_set(seen, str_of(hit(&l, i)->video_id), &l) == NULL);
            CHECK(hit(&l, i)->score <= last);
            last = hit(&l, i)->score;
        }
        CHECK_EQ(l.r->next_cursor != NULL, page < 6);
        if (page < 6)
            take_cursor(&l, cursor, sizeof(cursor));
        titled(&l, 30 + page, "goal"); /* would be first */
    }
    CHECK_EQ(n, 25);
    l.page.cursor = NULL;
    ask(&l, "goal");
    CHECK_EQ(l.r->total, 32);
}

TEST(search_a_cursor_is_of_one_search)
{
    CLEANUP_LIB struct lib l = {0};
    static const char *const wild[] = {"x",
                                       "1.2.3",
                                       "0.0.0.0.0.",
                                       "0.0.0.0.0000000000000000.v",
                                       "ffffffffffffffff.0.0.0.0.v",
                                       "-1.0.0.0.0.v",
                                       "1.2.3.4.5.6.7.8",
                                       "....."};
    struct err e = {0};
    char cursor[300];
    struct search_result *r = NULL;

    lib_init(&l);
    for (int i = 0; i < 5; i++)
        titled(&l, i, "goal");
    l.page.limit = 2;
    ask(&l, "goal");
    take_cursor(&l, cursor, sizeof(cursor));
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK_ERR(search_run(l.db, l.conf, STR("other"), &l.f, &l.page, &r, &e), ERR_USAGE);
    l.f.states = 1u << VIDEO_INDEXED;
    CHECK_ERR(search_run(l.db, l.conf, STR("goal"), &l.f, &l.page, &r, &e), ERR_USAGE);
    l.f.states = 0;
    for (size_t i = 0; i < ARRAY_LEN(wild); i++) {
        l.page.cursor = wild[i];
        CHECK_ERR(search_run(l.db, l.conf, STR("goal"), &l.f, &l.page, &r, &e), ERR_USAGE);
    }
    CHECK(r == NULL);
}

TEST(search_a_hit_that_was_deleted_leaves_the_others_in_place)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};
    char cursor[300];
    bool last;

    lib_init(&l);
    for (int i = 0; i < 6; i++)
        titled(&l, i, "goal");
    l.page.limit = 2;
    ask(&l, "goal");
    CHECK(hit_is(&l, 0, 5) && hit_is(&l, 1, 4)); /* equal scores: newest first */
    take_cursor(&l, cursor, sizeof(cursor));
    CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
    CHECK_EQ(db_video_delete(tx, l.ids[4], &last, &e), 1);
    CHECK_OK(db_commit(tx, &e));
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK(hit_is(&l, 0, 3) && hit_is(&l, 1, 2));
}

TEST(search_bounds_tell_that_there_is_more)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP_FREE struct said *s = xcalloc(3000, sizeof(*s));

    lib_init(&l);
    set(&l, "search.candidates", "100");
    set(&l, "search.ranked", "10");
    titled(&l, 0, "the goal"); /* older than all that is said */
    titled(&l, 1, "");
    for (int i = 0; i < 3000; i++)
        s[i] = (struct said){100 * i, 100 * i + 1, "goal", 0};
    put(&l, 1, TEXT_SPEECH, s, 3000);
    CHECK(ask(&l, "goal") > 0);
    CHECK(l.r->total_is_least);
    bool title = false;
    for (size_t i = 0; i < l.r->n; i++)
        title |= hit_is(&l, i, 0);
    CHECK(title); /* what describes a video is asked for apart */
}

/* One word rare, one so frequent that a scan of it does not reach the rare one's video. */
TEST(search_rare_and_frequent_words_still_meet)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP_FREE struct said *s = xcalloc(1000, sizeof(*s));

    lib_init(&l);
    set(&l, "search.candidates", "100");
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_SPEECH, {10, 12, "zanzibar"}, {13, 15, "a goal"});
    titled(&l, 1, "");
    for (int i = 0; i < 1000; i++)
        s[i] = (struct said){100 * i, 100 * i + 1, "goal", 0};
    put(&l, 1, TEXT_SPEECH, s, 1000);
    CHECK(ask(&l, "zanzibar goal") > 0);
    CHECK(hit_is(&l, 0, 0));
    CHECK(hit(&l, 0)->all_terms);
    CHECK_EQ(hit(&l, 0)->end_us, 15 * SECOND);
}

/* ---- near words ---- */

TEST(search_slips_are_forgiven_and_told)
{
    static const struct {
        const char *query, *hint;
    } rows[] = {
        {"ronalod", "ronaldo"},
        {"Ronadlo", "ronaldo"},
        {"onaldo", "ronaldo"},
        {"ronald", "ronaldo"},
        {"ronaldoo", "ronaldo"},
        {"rxnaldo", "ronaldo"},
        {"ronaldx", "ronaldo"},
        {"celebraiton", "celebration"},
        {"celebratoin!", "celebration"},
        {"celxbrxtion", "celebration"},
        {"goal ronalod", "goal ronaldo"},
        {"cristano", "cristiano"},
        {"bcastel", "bcastell"},
        {"castell", "bcastell"},
    };
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "cristiano ronaldo and his celebration of a goal on bcastell"});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (ask(&l, rows[i].query) != 1 || !l.r->hint || strcmp(l.r->hint, rows[i].hint) != 0)
            fail_msg("'%s': %zu hits, hint '%s'", rows[i].query, l.r->n,
                     l.r->hint ? l.r->hint : "none");
        CHECK(l.r->corrected);
        CHECK(hit(&l, 0)->score < 0.5);
    }
    CHECK_EQ(ask(&l, "ronaldo"), 1);
    CHECK(!l.r->corrected && !l.r->hint);
    CHECK_EQ(ask(&l, "\"ronalod\""), 0); /* quoted is meant as it is */
    CHECK_EQ(ask(&l, "goxl"), 1);
    CHECK_EQ(ask(&l, "gxal"), 1);
    CHECK_EQ(ask(&l, "hsi"), 0); /* too short to guess */
    CHECK_EQ(ask(&l, "rxnxldo"), 0);
    set(&l, "search.spelling", "false");
    CHECK_EQ(ask(&l, "ronalod"), 0);
    CHECK(l.r->hint == NULL);
}

TEST(search_a_near_word_ranks_under_the_word_itself)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Ronaldo goal");
    titled(&l, 1, "goal");
    CHECK_EQ(ask(&l, "ronaldo goal"), 2);
    double exact = hit(&l, 0)->score;
    CHECK_EQ(ask(&l, "ronalod goal"), 2);
    CHECK(hit_is(&l, 0, 0));
    CHECK(hit(&l, 0)->score < exact);
    CHECK(hit(&l, 0)->score > hit(&l, 1)->score);
}

TEST(search_no_hint_for_words_that_went_away)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "ronaldo"});
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "something else"});
    CHECK_EQ(ask(&l, "ronalod"), 0);
    CHECK(l.r->hint == NULL);
}

TEST(search_a_known_word_behind_a_filter_is_not_corrected)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "ronaldo");
    titled(&l, 1, "ronalda");
    l.f.created_from_ms = INT64_MAX / 2;
    CHECK_EQ(ask(&l, "ronaldo"), 0);
    CHECK(l.r->hint == NULL);
    l.f.created_from_ms = 0;
    CHECK_EQ(ask(&l, "in:speech ronaldo"), 0);
    CHECK(l.r->hint == NULL);
}

/* ---- hostile queries ---- */

TEST(search_strangers_bytes_are_words)
{
    static const char *const queries[] = {
        "\"",
        "\"\"\"",
        "a\"b\"c",
        "*",
        "^goal",
        "goal^2",
        "(((",
        "goal)",
        "NOT",
        "NOT goal",
        "goal NOT",
        "AND",
        "OR OR OR",
        "NEAR(goal)",
        "NEAR/3",
        "{title}:goal",
        "title:",
        "-title:x",
        "goal + car",
        "- - -",
        "'",
        "';--",
        "\\",
        "%",
        "_",
        "goal;",
        "\xff\xfe\xfd",
        "\xc3\x28",
        "{",
        "}",
        "scope:goal",
        "{scope} : goal",
        "rowid:1",
        ":",
        "::",
        "in:in:in:",
        "video:\"",
        "tag:\"x",
        "-\"",
        "--",
        "\"*\"",
        "* *",
        "goal*goal*",
        "OR*",
        "|",
        "| |",
        "a|b",
        "\xee\x80\x81u1",
        "\xee\x80\x80",
    };
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "goal");
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        ask(&l, queries[i]);
        CHECK(l.r->n <= 1);
    }
    CHECK_EQ(ask_str(&l, (struct str){"goal\0", 5}), 1);
    CHECK_EQ(ask(&l, "goal\"; DROP TABLE videos; --"), 1);
    CHECK_EQ(ask(&l, "goal"), 1);
}

TEST(search_owners_can_not_be_named_in_a_query)
{
    CLEANUP_LIB struct lib l = {0};
    char query[200];

    lib_init(&l);
    titled(&l, 0, "goal");
    snprintf(query, sizeof(query), "\xee\x80\x81v%s", l.ids[0]);
    CHECK_EQ(ask(&l, query), 0);
    snprintf(query, sizeof(query), "\"\xee\x80\x81u00000000000070008000000000000001\"");
    CHECK_EQ(ask(&l, query), 0);
}

TEST(search_long_and_deep_queries_are_answered)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP_BUF struct buf q = {0};

    lib_init(&l);
    titled(&l, 0, "goal");
    for (int i = 0; i < 20000; i++)
        buf_addz(&q, "goal OR \"x y\" -z* ");
    ask_str(&l, buf_str(&q));
    CHECK(l.r->note != NULL);
    buf_reset(&q);
    for (int i = 0; i < 20000; i++)
        buf_addz(&q, "東京");
    ask_str(&l, buf_str(&q));
    buf_reset(&q);
    for (int i = 0; i < 20000; i++)
        buf_addz(&q, "(");
    ask_str(&l, buf_str(&q));
    CHECK_EQ(l.r->n, 0);
}

/* ---- the rest ---- */

TEST(search_history_is_kept_when_asked_for)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct db_past_search *past;
    struct err e = {0};
    size_t n;

    lib_init(&l);
    titled(&l, 0, "goal");
    ask(&l, "goal");
    set(&l, "search.history", "true");
    ask(&l, "goal two");
    ask(&l, "!!"); /* no words, no entry */
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(l.db, DB_READ, &tx, &e));
        CHECK_OK(db_search_history(tx, a, DB_LOCAL_USER, 10, &past, &n, &e));
    }
    CHECK_EQ(n, 1);
    CHECK_STR(past[0].query, "goal two");
    CHECK_EQ(past[0].hits, 1);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
        CHECK_EQ(db_search_forget(tx, DB_LOCAL_USER, &e), 1);
        CHECK_OK(db_commit(tx, &e));
    }
}

TEST(search_json_says_it_all)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP_BUF struct buf out = {0};
    CLEANUP_JSON json_t *j = NULL;
    struct err e = {0};
    struct str s;
    double d;
    bool b;

    lib_init(&l);
    titled(&l, 0, "Say \"hello\"");
    PUT(&l, 0, TEXT_OCR, {10, 14, "Hello <b>World</b>"});
    ask(&l, "hello");
    search_json(l.r, 2, &out);
    CHECK(buf_ok(&out));
    CHECK_OK(json_read(buf_str(&out), &j, &e));
    const json_t *hit0 = json_array_get(json_object_get(j, "hits"), 0);
    CHECK(json_get_str(hit0, "title", &s));
    CHECK(str_eqz(s, "Say \"hello\""));
    CHECK(json_get_double(hit0, "start", &d));
    CHECK_NEAR(d, 10, 1e-9);
    CHECK(json_get_bool(hit0, "all_terms", &b) && b);
    CHECK_EQ(json_array_size(json_object_get(hit0, "evidence")), 2);
    CHECK(json_is_null(json_object_get(j, "hint")));
    CHECK(json_is_null(json_object_get(j, "next_cursor")));
    CHECK_EQ(json_array_size(json_object_get(j, "terms")), 1);
}

TEST_MAIN
