/* Sidecars: rows come back as they were; versions follow each other; hostile ones are refused. */
#include "pipeline/test_library.h"

static char *sidecar_text(struct shelf *s, const char *key)
{
    struct buf out = BUF_MAX(1 << 20);
    struct err e = {0};

    CHECK_OK(store_read(s->store, key, 1 << 20, &out, &e));
    return buf_steal(&out);
}

TEST(sidecar_gives_back_every_field)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct sidecar sc;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "content", "cam 1", VIDEO_INDEXED, &v);
    CHECK_OK(sidecar_load(s.store, v.sidecar, a, &sc, &e));
    CHECK_EQ(sc.version, 1);
    CHECK_STR(sc.video.id, v.id);
    CHECK_EQ(sc.video.state, VIDEO_INDEXED);
    CHECK_STR(sc.video.pin_id, "cam 1");
    CHECK_STR(sc.video.description, "line\nbreak \xf0\x9f\x8e\xac");
    CHECK_STR(sc.video.media.info_json, "{\"duration\":8.341667,\"nested\":{\"x\":[1,2,3]}}");
    CHECK_EQ(sc.video.media.fps_den, 1001);
    CHECK_EQ(sc.video.batch_order, -3);
    CHECK_EQ(sc.video.completed_at_ms, 1700000000003);
    CHECK_STR(sc.video.sidecar_key, v.sidecar);
    CHECK_EQ(sc.n_objects, 3);
    CHECK_EQ(sc.n_scenes, 2);
    CHECK(sc.scenes[1].score == 27.123456789012345);
    CHECK_EQ(sc.scenes[1].rep_frame, -1);
    CHECK(uuid_is(str_of(sc.scenes[0].id)));
    CHECK_EQ(sc.n_texts, 3);
    CHECK_EQ(sc.texts[0].source, TEXT_OCR);
    CHECK(sc.texts[0].confidence == 0.1);
    CHECK_EQ(sc.texts[1].seq, 1);
    CHECK_EQ(sc.texts[2].source, TEXT_TITLE);
    CHECK_EQ(sc.texts[2].seq, 0);
}

TEST(sidecar_versions_count_up_and_the_row_names_the_newest)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct err e = {0};
    char key[STORE_KEY_MAX];

    shelf_open(&s);
    shelf_add(&s, "content", "", VIDEO_INDEXED, &v);
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video_edit edit = {.title = "Other"};
    struct video now;
    struct object row;
    struct sidecar sc;
    CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
    CHECK_OK(db_video_edit(tx, v.id, &edit, &e));
    CHECK_OK(sidecar_write(tx, s.store, v.id, key, &e));
    CHECK(strstr(key, "/000002.json"));
    CHECK_OK(db_video_get(tx, a, v.id, &now, &e));
    CHECK_STR(now.sidecar_key, key);
    CHECK_EQ(db_object_get(tx, a, key, &row, &e), 1);
    CHECK_STR(row.kind, SIDECAR_KIND);
    CHECK_STR(row.source_sha256, v.sha256);
    CHECK_OK(db_commit(tx, &e));
    CHECK_OK(sidecar_load(s.store, key, a, &sc, &e));
    CHECK_STR(sc.video.title, "Other");
    CHECK_EQ(sc.n_objects, 3); /* sidecars do not list sidecars */
    CHECK_OK(sidecar_load(s.store, v.sidecar, a, &sc, &e));
    CHECK_STR(sc.video.title, "A title");
}

/* Once the reader wanted the sources in the order of their enum, while the database lists them by name. */
TEST(sidecar_with_texts_of_every_source_reads_back)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct err e = {0};
    char key[STORE_KEY_MAX];
    struct sidecar sc;

    shelf_open(&s);
    shelf_add(&s, "content", "", VIDEO_INDEXED, &v);
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
    for (int source = 0; source < TEXT_SOURCE_N; source++) {
        struct text_span t = {.source = (enum text_source)source,
                              .start_frame = -1,
                              .end_frame = -1,
                              .end_us = 1000,
                              .confidence = 1,
                              .text = "words"};
        CHECK_OK(index_put(tx, v.id, t.source, &t, 1, &e));
    }
    CHECK_OK(sidecar_write(tx, s.store, v.id, key, &e));
    CHECK_OK(db_commit(tx, &e));
    CHECK_OK(sidecar_load(s.store, key, a, &sc, &e));
    CHECK_EQ(sc.n_texts, TEXT_SOURCE_N);
}

TEST(sidecar_of_a_transaction_that_was_undone_is_written_over)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct sidecar sc;
    struct err e = {0};
    char key[STORE_KEY_MAX];

    shelf_open(&s);
    shelf_add(&s, "content", "", VIDEO_INDEXED, &v);
    for (int i = 0; i < 2; i++) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct video_edit edit = {.title = i ? "Second try" : "First try"};
        CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
        CHECK_OK(db_video_edit(tx, v.id, &edit, &e));
        CHECK_OK(sidecar_write(tx, s.store, v.id, key, &e));
        if (i)
            CHECK_OK(db_commit(tx, &e));
    }
    CHECK(strstr(key, "/000002.json"));
    CHECK_OK(sidecar_load(s.store, key, a, &sc, &e));
    CHECK_STR(sc.video.title, "Second try");
}

/* Replaces the first `from` in text; both to be freed by the caller. */
static char *with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);

    if (!at)
        fail_msg("'%s' is not in the sidecar", from);
    return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

TEST(hostile_sidecars_are_refused)
{
    static const struct {
        const char *from, *to;
    } bad[] = {
        {"\"rushes-sidecar\"", "\"other\""},
        {"\"format_version\":1", "\"format_version\":2"},
        {"\"version\":1", "\"version\":0"},
        {"\"version\":1", "\"version\":\"1\""},
        {"\"state\":\"indexed\"", "\"state\":\"dancing\""},
        {"\"state\":\"indexed\"", "\"state\":7"},
        {"\"title\":\"A title\"", "\"title\":[]"},
        {"\"progress\":100", "\"progress\":101"},
        {"\"progress\":100", "\"progress\":1e2"},
        {"\"size_bytes\":", "\"size_bytes\":-"},
        {"\"fps_den\":1001", "\"fps_den\":0"},
        {"\"width\":1920", "\"width\":99999999999"},
        {"\"tags_json\":\"[", "\"tags_json\":\"{"},
        {"\"storage_key\":\"originals/", "\"storage_key\":\"../../../../"},
        {"\"key\":\"originals/", "\"key\":\"derived/"},
        {"\"key\":\"derived/", "\"key\":\"../derived/"},
        {"media_pass-v1-", "media_pass-v3-"},
        {"\"sha256\":\"", "\"sha256\":\"X"},
        {"\"kind\":\"proxy\"", "\"kind\":\"\""},
        {"\"kind\":\"proxy\"", "\"kind\":\"sidecar\""},
        {"\"start_frame\":100", "\"start_frame\":99"},
        {"\"end_frame\":250", "\"end_frame\":100"},
        {"\"score\":", "\"score\":1e400,\"x\":"},
        {"\"score\":", "\"score\":null,\"x\":"},
        {"\"source\":\"ocr\"", "\"source\":\"nose\""},
        {"\"source\":\"title\"", "\"source\":\"filename\""},
        {"\"confidence\":1,", "\"confidence\":1.5,"},
        {"\"end_us\":1000001", "\"end_us\":-1"},
        {"\"scenes\":[", "\"scenes\":7,\"x\":["},
        {"\"scenes\":[", "\"scenes\":[7,"},
        {"\"objects\":[", "\"objects\":{\"a\":1},\"x\":["},
        {"}\n", ""},
        {"\"title\":", "\"title\":\"\xff\",\"x\":"},
        {"\"title\":\"A title\"", "\"title\":\"a\\u0000b\""},
    };
    SHELF s = {0};
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "content", "", VIDEO_INDEXED, &v);
    CLEANUP_FREE char *good = sidecar_text(&s, v.sidecar);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(arena_free) struct arena *a = arena_new();
        CLEANUP_FREE char *text = with(good, bad[i].from, bad[i].to);
        struct sidecar sc;
        err_clear(&e);
        if (sidecar_parse(str_of(text), a, &sc, &e) >= 0)
            fail_msg("taken: %s -> %s", bad[i].from, bad[i].to);
        CHECK_EQ(e.code, ERR_INPUT);
    }
    for (size_t n = 0; n < strlen(good) - 1; n++) { /* cut at every byte */
        CLEANUP(arena_free) struct arena *a = arena_new();
        struct sidecar sc;
        CHECK(sidecar_parse((struct str){good, n}, a, &sc, &e) < 0);
    }
}

TEST(members_that_are_not_known_are_passed_over)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct sidecar sc;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "content", "", VIDEO_INDEXED, &v);
    CLEANUP_FREE char *good = sidecar_text(&s, v.sidecar);
    CLEANUP_FREE char *text = with(good, "\"title\":", "\"later\":{\"a\":[1]},\"title\":");
    CHECK_OK(sidecar_parse(str_of(text), a, &sc, &e));
    CHECK_STR(sc.video.title, "A title");
}

TEST(sidecar_under_another_name_is_refused)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct sidecar sc;
    struct err e = {0};
    char key[STORE_KEY_MAX];

    shelf_open(&s);
    shelf_add(&s, "content", "", VIDEO_INDEXED, &v);
    CLEANUP_FREE char *good = sidecar_text(&s, v.sidecar);
    CHECK_OK(store_name_sidecar(v.id, 9, key, &e));
    CHECK_OK(store_put(s.store, key, str_of(good), STORE_KEEP, &e));
    CHECK_ERR(sidecar_load(s.store, key, a, &sc, &e), ERR_INPUT);
    CHECK_OK(store_name_sidecar(DB_LOCAL_USER, 1, key, &e));
    CHECK_OK(store_put(s.store, key, str_of(good), STORE_KEEP, &e));
    CHECK_ERR(sidecar_load(s.store, key, a, &sc, &e), ERR_INPUT);
    CHECK_ERR(sidecar_load(s.store, v.original, a, &sc, &e), ERR_INPUT);
}

TEST(sidecar_old_versions_go_and_the_newest_three_stay)
{
    SHELF s = {0};
    struct shelf_video v, other;
    struct err e = {0};
    char key[6][STORE_KEY_MAX];

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    shelf_add(&s, "film", "cam", VIDEO_INDEXED, &other); /* of the same content */
    CHECK_EQ(sidecar_trim(s.db, s.store, v.id, &e), 0);
    for (int version = 2; version <= 5; version++) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
        CHECK_OK(sidecar_write(tx, s.store, v.id, key[version], &e));
        CHECK_OK(db_commit(tx, &e));
    }
    CHECK_EQ(sidecar_trim(s.db, s.store, v.id, &e), 2);
    CHECK_EQ(store_stat(s.store, v.sidecar, NULL, &e), 0);
    CHECK_EQ(store_stat(s.store, key[2], NULL, &e), 0);
    for (int version = 3; version <= 5; version++)
        CHECK_EQ(store_stat(s.store, key[version], NULL, &e), 1);
    CHECK_EQ(store_stat(s.store, other.sidecar, NULL, &e), 1);
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct object o;
    CHECK_OK(db_begin(s.db, DB_READ, &tx, &e));
    CHECK_EQ(db_object_get(tx, a, v.sidecar, &o, &e), 0);
    CHECK_EQ(db_object_get(tx, a, key[3], &o, &e), 1);
    db_rollback(STEAL(tx));
    CHECK_EQ(sidecar_trim(s.db, s.store, v.id, &e), 0);
}

TEST_MAIN
