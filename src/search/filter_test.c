/* Which videos may be found: filters, owners, and what changes. */
#include "search/test_search.h"

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

TEST_MAIN
