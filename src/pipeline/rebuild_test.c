/* The database made again from the store alone equals the one that was lost. */
#include "pipeline/rebuild.h"
#include "pipeline/test_library.h"

static struct rebuild_report run(struct shelf *s)
{
    struct rebuild rb = {.db = s->db, .store = s->store, .start = shelf_start, .start_arg = s};
    struct rebuild_report r;
    struct err e = {0};

    CHECK_OK(rebuild_run(&rb, &r, &e));
    return r;
}

/* The database is gone. */
static void lose_database(struct shelf *s)
{
    static int n;
    CLEANUP_FREE char *name = xasprintf("again-%d.db", n++);

    shelf_close(s);
    shelf_open_as(s, name);
}

static char *dump_all_objects(struct shelf *s)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct buf out = BUF_MAX(1 << 20);
    struct object *o;
    size_t n;
    struct err e = {0};

    CHECK_OK(db_begin(s->db, DB_READ, &tx, &e));
    CHECK_OK(db_object_walk(tx, a, NULL, 1000, &o, &n, &e));
    for (size_t i = 0; i < n; i++)
        buf_addf(&out, "%s %s %s %s %d %s %s %d %s %s\n", o[i].key, o[i].source_sha256, o[i].kind,
                 o[i].stage, o[i].stage_version, o[i].params_hash, o[i].mime_type,
                 (int)o[i].size_bytes, o[i].sha256, o[i].meta_json);
    return buf_steal(&out);
}

static struct video get(struct shelf *s, struct arena *a, const char *id)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v;
    struct err e = {0};

    CHECK_OK(db_begin(s->db, DB_READ, &tx, &e));
    CHECK_OK(db_video_get(tx, a, id, &v, &e));
    return v;
}

static int n_videos(struct shelf *s)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video_filter f = {0};
    struct video_page page;
    struct err e = {0};

    CHECK_OK(db_begin(s->db, DB_READ, &tx, &e));
    CHECK_OK(db_video_list(tx, a, &f, &page, &e));
    return (int)page.n;
}

TEST(rebuilt_database_equals_the_lost_one)
{
    SHELF s = {0};
    struct shelf_video v[3];

    shelf_open(&s);
    shelf_add(&s, "first", "", VIDEO_INDEXED, &v[0]);
    shelf_add(&s, "second", "cam", VIDEO_INDEXED, &v[1]);
    shelf_add(&s, "first", "cam", VIDEO_INDEXED, &v[2]); /* shares the objects of the first */
    CLEANUP_FREE char *a = shelf_dump(&s, v[0].id), *b = shelf_dump(&s, v[1].id),
                      *c = shelf_dump(&s, v[2].id);
    CLEANUP_FREE char *objects = dump_all_objects(&s);

    lose_database(&s);
    struct rebuild_report r = run(&s);
    CHECK_EQ(r.restored, 3);
    CHECK_EQ(r.requeued + r.lost + r.unreadable + r.there + r.objects_gone, 0);
    CLEANUP_FREE char *a2 = shelf_dump(&s, v[0].id), *b2 = shelf_dump(&s, v[1].id),
                      *c2 = shelf_dump(&s, v[2].id);
    CLEANUP_FREE char *objects2 = dump_all_objects(&s);
    CHECK_STR(a, a2);
    CHECK_STR(b, b2);
    CHECK_STR(c, c2);
    CHECK_STR(objects, objects2);
    CHECK_EQ(s.n_started, 0);
    CLEANUP(arena_free) struct arena *mem = arena_new();
    CHECK_STR(get(&s, mem, v[0].id).sidecar_key, v[0].sidecar);
    CHECK_EQ(n_videos(&s), 3);
}

TEST(rebuild_run_twice_adds_nothing)
{
    SHELF s = {0};
    struct shelf_video v;

    shelf_open(&s);
    shelf_add(&s, "first", "", VIDEO_INDEXED, &v);
    CHECK_EQ(run(&s).there, 1); /* also on a database that was never lost */
    lose_database(&s);
    CHECK_EQ(run(&s).restored, 1);
    struct rebuild_report r = run(&s);
    CHECK_EQ(r.there, 1);
    CHECK_EQ(r.restored + r.requeued, 0);
    CHECK_EQ(n_videos(&s), 1);
}

TEST(newest_readable_sidecar_wins)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct err e = {0};
    char key[STORE_KEY_MAX];

    shelf_open(&s);
    shelf_add(&s, "first", "", VIDEO_INDEXED, &v);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct video_edit edit = {.title = "Second version"};
        CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
        CHECK_OK(db_video_edit(tx, v.id, &edit, &e));
        CHECK_OK(sidecar_write(tx, s.store, v.id, key, &e));
        CHECK_OK(db_commit(tx, &e));
    }
    CHECK_OK(store_name_sidecar(v.id, 3, key, &e));
    CHECK_OK(store_put(s.store, key, STR("{\"half\":"), STORE_KEEP, &e));
    lose_database(&s);
    struct rebuild_report r = run(&s);
    CHECK_EQ(r.restored, 1);
    CHECK_EQ(r.unreadable, 1);
    CHECK_STR(get(&s, a, v.id).title, "Second version");
}

TEST(original_without_sidecar_is_processed_from_the_start)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;

    shelf_open(&s);
    shelf_add(&s, "bare", "", VIDEO_PROCESSING, &v); /* not finished: no sidecar yet */
    lose_database(&s);
    struct rebuild_report r = run(&s);
    CHECK_EQ(r.requeued, 1);
    CHECK_EQ(s.n_started, 1);
    struct video now = get(&s, a, s.started[0]);
    CHECK_EQ(now.state, VIDEO_VALIDATING);
    CHECK_STR(now.checksum_sha256, v.sha256);
    CHECK_STR(now.storage_key, v.original);
    CHECK_EQ(now.size_bytes, 4);
    CHECK(strstr(now.title, "untitled"));
    CHECK_EQ(run(&s).requeued, 0);
}

TEST(damaged_original_without_sidecar_makes_no_video)
{
    SHELF s = {0};
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "bare", "", VIDEO_PROCESSING, &v);
    CHECK_OK(store_put(s.store, v.original, STR("bore"), STORE_REPLACE, &e));
    lose_database(&s);
    struct rebuild_report r = run(&s);
    CHECK_EQ(r.unreadable, 1);
    CHECK_EQ(r.requeued, 0);
    CHECK_EQ(n_videos(&s), 0);
}

TEST(video_whose_original_is_lost_is_there_as_failed)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "first", "", VIDEO_INDEXED, &v);
    CHECK_EQ(store_remove(s.store, v.original, &e), 1);
    CHECK_EQ(store_remove(s.store, v.text, &e), 1);
    lose_database(&s);
    struct rebuild_report r = run(&s);
    CHECK_EQ(r.lost, 1);
    CHECK_EQ(r.objects_gone, 2);
    struct video now = get(&s, a, v.id);
    CHECK_EQ(now.state, VIDEO_FAILED);
    CHECK_EQ(now.error.code, ERR_STORAGE);
    CHECK(strstr(now.error.plain, "original of this video is lost"));
    CHECK_STR(now.title, "A title");
    CHECK_EQ(s.n_started, 0);
}

TEST(unfinished_video_with_a_sidecar_keeps_its_words_and_starts_over)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "early", "", VIDEO_PROCESSING, &v);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
        CHECK_OK(sidecar_write(tx, s.store, v.id, NULL, &e));
        CHECK_OK(db_commit(tx, &e));
    }
    lose_database(&s);
    CHECK_EQ(run(&s).requeued, 1);
    CHECK_STR(s.started[0], v.id);
    struct video now = get(&s, a, v.id);
    CHECK_EQ(now.state, VIDEO_VALIDATING);
    CHECK_STR(now.title, "A title");
    CHECK_STR(now.source_metadata_json, "{\"notes\":\"shaky\"}");
}

TEST(empty_store_gives_an_empty_database)
{
    SHELF s = {0};

    shelf_open(&s);
    struct rebuild_report r = run(&s);
    CHECK_EQ(r.restored + r.requeued + r.unreadable, 0);
}

static int stop(void *arg, int64_t done, const char *what)
{
    return done > 1;
}

TEST(interrupted_rebuild_is_simply_run_again)
{
    SHELF s = {0};
    struct shelf_video v[3];
    struct rebuild_report r;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "1", "", VIDEO_INDEXED, &v[0]);
    shelf_add(&s, "2", "", VIDEO_INDEXED, &v[1]);
    shelf_add(&s, "3", "", VIDEO_INDEXED, &v[2]);
    lose_database(&s);
    struct rebuild rb = {
        .db = s.db, .store = s.store, .start = shelf_start, .start_arg = &s, .progress = stop};
    CHECK_ERR(rebuild_run(&rb, &r, &e), ERR_CANCELLED);
    CHECK_EQ(n_videos(&s), 1);
    CHECK_EQ(run(&s).restored, 2);
    CHECK_EQ(n_videos(&s), 3);
}

TEST_MAIN
