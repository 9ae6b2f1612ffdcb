/* Pages, near words, history, and the answer as JSON. */
#include "search/test_search.h"

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
    CHECK(json_get_double(hit0, "start_seconds", &d));
    CHECK_NEAR(d, 10, 1e-9);
    CHECK(json_get_bool(hit0, "all_terms", &b) && b);
    CHECK_EQ(json_array_size(json_object_get(hit0, "evidence")), 2);
    CHECK(json_is_null(json_object_get(j, "hint")));
    CHECK(json_is_null(json_object_get(j, "next_cursor")));
    CHECK_EQ(json_array_size(json_object_get(j, "terms")), 1);
}

TEST_MAIN
