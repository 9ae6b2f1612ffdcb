/* Objects, scenes, texts, uploads. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/test.h"
#include "db/db_objects.h"
#include "db/db_priv.h"
#include "db/db_scenes.h"
#include "db/db_uploads.h"
#include "db/db_videos.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct fix {
    struct db *db;
    struct tx *tx;
    struct arena *a;
    struct err e;
    char video[UUID_MAX];
};

static void fix_begin(struct fix *f)
{
    static int n;
    char name[32];

    snprintf(name, sizeof(name), "rows%d.db", n++);
    CLEANUP_FREE char *path = fs_join(test_dir(), name);
    *f = (struct fix){.a = arena_new()};
    if (db_open(path, &f->db, &f->e) < 0 || db_begin(f->db, DB_WRITE, &f->tx, &f->e) < 0 ||
        db_video_add(f->tx, &(struct video){0}, f->video, &f->e) < 0)
        fail_msg("%s", f->e.text);
}

static void fix_end(struct fix *f)
{
    db_rollback(f->tx);
    db_close(f->db);
    arena_free(f->a);
}
#define FIX                                                                                        \
    __attribute__((cleanup(fix_end))) struct fix f;                                                \
    fix_begin(&f)

static void next_tx(struct fix *f)
{
    db_rollback(f->tx);
    f->tx = NULL;
    if (db_begin(f->db, DB_WRITE, &f->tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
}

/* ---- objects ---- */

TEST(object_put_tells_new_same_and_other)
{
    struct object o = {.key = "d/x",
                       .source_sha256 = SHA_A,
                       .kind = "proxy",
                       .stage = "media",
                       .stage_version = 2,
                       .params_hash = "ff",
                       .mime_type = "video/mp4",
                       .size_bytes = 9,
                       .sha256 = SHA_B,
                       .meta_json = "{}",
                       .created_at_ms = 44};
    struct object got;
    FIX;

    CHECK_EQ(db_object_get(f.tx, f.a, "d/x", &got, &f.e), 0);
    CHECK_EQ(db_object_put(f.tx, &o, &f.e), 1);
    CHECK_EQ(db_object_put(f.tx, &o, &f.e), 0);
    o.size_bytes = 10;
    CHECK_EQ(db_object_put(f.tx, &o, &f.e), 2);
    CHECK_EQ(db_object_get(f.tx, f.a, "d/x", &got, &f.e), 1);
    CHECK_EQ(got.size_bytes, 10);
    CHECK_STR(got.kind, "proxy");
    CHECK_STR(got.stage, "media");
    CHECK_EQ(got.stage_version, 2);
    CHECK_STR(got.params_hash, "ff");
    CHECK_STR(got.mime_type, "video/mp4");
    CHECK_STR(got.sha256, SHA_B);
    CHECK_STR(got.meta_json, "{}");
    CHECK_EQ(got.created_at_ms, 44);
    CHECK_EQ(db_object_del(f.tx, "d/x", &f.e), 1);
    CHECK_EQ(db_object_del(f.tx, "d/x", &f.e), 0);
}

TEST(object_row_without_hash_or_name_is_our_mistake)
{
    const struct object bad[] = {
        {.source_sha256 = SHA_A, .kind = "k", .sha256 = SHA_B},
        {.key = "x", .kind = "k", .sha256 = SHA_B},
        {.key = "x", .source_sha256 = SHA_A, .sha256 = SHA_B},
        {.key = "x", .source_sha256 = SHA_A, .kind = "k", .sha256 = "123"},
        {.key = "x", .source_sha256 = SHA_A, .kind = "k", .sha256 = SHA_B, .size_bytes = -1},
    };
    FIX;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK(db_object_put(f.tx, &bad[i], &f.e) < 0);
        CHECK_EQ(f.e.code, ERR_INTERNAL);
        next_tx(&f);
    }
}

TEST(object_find_takes_the_newest_version)
{
    struct object got;
    struct object *all;
    struct object_stats st;
    size_t n;
    FIX;

    for (int v = 1; v <= 3; v++) {
        CHECK_EQ(db_object_put(f.tx,
                               &(struct object){.key = arena_printf(f.a, "k%d", v),
                                                .source_sha256 = SHA_A,
                                                .kind = "proxy",
                                                .stage = v == 3 ? "old" : "media",
                                                .stage_version = v == 3 ? 0 : v,
                                                .size_bytes = v,
                                                .sha256 = SHA_B},
                               &f.e),
                 1);
    }
    CHECK_EQ(db_object_put(f.tx,
                           &(struct object){.key = "o",
                                            .source_sha256 = SHA_A,
                                            .kind = "original",
                                            .size_bytes = 100,
                                            .sha256 = SHA_A},
                           &f.e),
             1);
    CHECK_EQ(db_object_find(f.tx, f.a, SHA_A, "proxy", NULL, &got, &f.e), 1);
    CHECK_STR(got.key, "k2");
    CHECK_EQ(db_object_find(f.tx, f.a, SHA_A, "proxy", "old", &got, &f.e), 1);
    CHECK_STR(got.key, "k3");
    CHECK_EQ(db_object_find(f.tx, f.a, SHA_B, "proxy", NULL, &got, &f.e), 0);
    CHECK_EQ(db_object_of_source(f.tx, f.a, SHA_A, &all, &n, &f.e), 0);
    CHECK_EQ(n, 4);
    CHECK_STR(all[0].kind, "original");
    CHECK_EQ(db_object_stats(f.tx, &st, &f.e), 0);
    CHECK_EQ(st.n, 4);
    CHECK_EQ(st.size_bytes, 106);
    CHECK_EQ(st.original_bytes, 100);
    CHECK_EQ(db_object_del_source(f.tx, SHA_A, &f.e), 4);
}

TEST(object_size_is_known_of_originals_only)
{
    struct object o = {
        .key = "o", .source_sha256 = SHA_A, .kind = "original", .size_bytes = 100, .sha256 = SHA_A};
    struct object p = {
        .key = "p", .source_sha256 = SHA_A, .kind = "proxy", .size_bytes = 50, .sha256 = SHA_B};
    FIX;

    CHECK_EQ(db_object_put(f.tx, &o, &f.e), 1);
    CHECK_EQ(db_object_put(f.tx, &p, &f.e), 1);
    CHECK_EQ(db_object_size_known(f.tx, 100, &f.e), 1);
    CHECK_EQ(db_object_size_known(f.tx, 50, &f.e), 0);
}

TEST(object_walk_sees_all_in_order)
{
    const char *after = NULL, *last = "";
    struct object *page;
    size_t n, seen = 0;
    FIX;

    for (int i = 0; i < 57; i++)
        CHECK_EQ(db_object_put(f.tx,
                               &(struct object){.key = arena_printf(f.a, "o/%02x", i * 37 % 57),
                                                .source_sha256 = SHA_A,
                                                .kind = "k",
                                                .sha256 = SHA_B},
                               &f.e),
                 1);
    do {
        CHECK_EQ(db_object_walk(f.tx, f.a, after, 10, &page, &n, &f.e), 0);
        for (size_t i = 0; i < n; i++) {
            CHECK(strcmp(last, page[i].key) < 0);
            after = last = page[i].key;
        }
        seen += n;
    } while (n == 10);
    CHECK_EQ(seen, 57);
}

/* ---- scenes ---- */

static struct scene scene(int64_t start, int64_t end)
{
    return (struct scene){.start_frame = start,
                          .end_frame = end,
                          .start_us = start * 40000,
                          .end_us = end * 40000,
                          .boundary = "",
                          .rep_frame = start,
                          .score = 0.5,
                          .detector = "adaptive"};
}

TEST(scenes_replace_keeps_ids_of_the_same_frames)
{
    struct scene first[] = {scene(0, 50), scene(50, 80), scene(80, 200)};
    struct scene second[] = {scene(0, 20), scene(20, 50), scene(50, 80), scene(80, 150)};
    struct scene *before, *after;
    size_t n;
    FIX;

    CHECK_EQ(db_scenes_replace(f.tx, f.video, first, 3, &f.e), 0);
    CHECK_EQ(db_scenes_list(f.tx, f.a, f.video, &before, &n, &f.e), 0);
    CHECK_EQ(n, 3);
    CHECK_STR(before[0].boundary, "start");
    CHECK_STR(before[1].boundary, "cut");
    CHECK_EQ(db_scenes_replace(f.tx, f.video, second, 4, &f.e), 0);
    CHECK_EQ(db_scenes_list(f.tx, f.a, f.video, &after, &n, &f.e), 0);
    CHECK_EQ(n, 4);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(after[i].index, i);
        CHECK_EQ(after[i].start_frame, second[i].start_frame);
        CHECK_EQ(after[i].end_us, second[i].end_us);
    }
    CHECK_STR(after[2].id, before[1].id);
    CHECK(strcmp(after[0].id, before[0].id) != 0);
    CHECK(strcmp(after[3].id, before[2].id) != 0);
    CHECK_EQ(db_scenes_replace(f.tx, f.video, first, 0, &f.e), 0);
    CHECK_EQ(db_scenes_list(f.tx, f.a, f.video, &after, &n, &f.e), 0);
    CHECK_EQ(n, 0);
}

TEST(scenes_take_given_ids_but_not_those_of_another_video)
{
    static const char given[] = "01234567-89ab-7cde-8f01-23456789abcd";
    struct scene first[] = {scene(0, 50), scene(50, 80)}, second[] = {scene(0, 9)};
    struct scene *got;
    char other[UUID_MAX];
    size_t n;
    FIX;

    first[1].id = given;
    CHECK_EQ(db_video_add(f.tx, &(struct video){0}, other, &f.e), 1);
    CHECK_EQ(db_scenes_replace(f.tx, f.video, first, 2, &f.e), 0);
    CHECK_EQ(db_scenes_list(f.tx, f.a, f.video, &got, &n, &f.e), 0);
    CHECK_STR(got[1].id, given);
    second[0].id = given;
    CHECK(db_scenes_replace(f.tx, other, second, 1, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_CONFLICT);
}

TEST(scene_is_found_by_time_and_by_id)
{
    struct scene list[] = {scene(0, 50), scene(50, 80)};
    struct scene got, again;
    const char *video;
    const struct {
        int64_t at_us;
        int want; /* index, -1 none */
    } cases[] = {{0, 0}, {1999999, 0}, {2000000, 1}, {3199999, 1}, {3200000, -1}, {-1, -1}};
    FIX;

    CHECK_EQ(db_scenes_replace(f.tx, f.video, list, 2, &f.e), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int r = db_scene_at(f.tx, f.a, f.video, cases[i].at_us, &got, &f.e);
        CHECK_EQ(r, cases[i].want >= 0);
        if (r)
            CHECK_EQ(got.index, cases[i].want);
    }
    CHECK_EQ(db_scene_at(f.tx, f.a, f.video, 5, &got, &f.e), 1);
    CHECK_EQ(db_scene_get(f.tx, f.a, got.id, &again, &video, &f.e), 0);
    CHECK_STR(video, f.video);
    CHECK_EQ(again.index, 0);
    CHECK_STR(again.detector, "adaptive");
    CHECK(db_scene_get(f.tx, f.a, f.video, &again, &video, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_NOT_FOUND);
}

TEST(scenes_out_of_order_or_of_no_video_are_refused)
{
    struct scene overlap[] = {scene(0, 50), scene(40, 80)}, empty[] = {scene(5, 5)},
                 ok[] = {scene(0, 5)};
    FIX;

    CHECK(db_scenes_replace(f.tx, f.video, overlap, 2, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_INTERNAL);
    next_tx(&f);
    CHECK(db_scenes_replace(f.tx, f.video, empty, 1, &f.e) < 0);
    next_tx(&f);
    CHECK(db_scenes_replace(f.tx, "00000000-0000-7000-8000-00000000dead", ok, 1, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_CONFLICT);
    next_tx(&f);
    CHECK(db_scenes_replace(f.tx, f.video, ok, DB_SCENES_MAX + 1, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_LIMIT);
}

/* ---- texts ---- */

TEST(texts_replace_one_source_and_leave_the_others)
{
    struct text_span ocr[] = {
        {.start_us = 10,
         .end_us = 20,
         .start_frame = 1,
         .end_frame = 2,
         .x = 1,
         .y = 2,
         .width = 3,
         .height = 4,
         .confidence = 0.5,
         .language = "eng",
         .text = "EXIT",
         .detail_json = "[]"},
        {.start_us = 15, .end_us = 30, .text = ""},
        {.start_us = 30, .end_us = 40, .text = "出口", .confidence = 1},
    };
    struct text_span title = {.text = "Title", .confidence = 1, .start_frame = -1, .end_frame = -1};
    struct text_span *got;
    size_t n;
    FIX;

    CHECK_EQ(db_texts_replace(f.tx, f.video, TEXT_TITLE, &title, 1, &f.e), 0);
    for (int twice = 0; twice < 2; twice++)
        CHECK_EQ(db_texts_replace(f.tx, f.video, TEXT_OCR, ocr, 3, &f.e), 0);
    CHECK_EQ(db_texts_list(f.tx, f.a, f.video, 0, 0, 0, &got, &n, &f.e), 0);
    CHECK_EQ(n, 3);
    CHECK_EQ(db_texts_list(f.tx, f.a, f.video, 1u << TEXT_OCR, 0, 0, &got, &n, &f.e), 0);
    CHECK_EQ(n, 2);
    CHECK_STR(got[0].text, "EXIT");
    CHECK_EQ(got[0].height, 4);
    CHECK_EQ(got[0].end_frame, 2);
    CHECK_NEAR(got[0].confidence, 0.5, 0);
    CHECK_STR(got[0].language, "eng");
    CHECK_STR(got[1].text, "出口");
    CHECK_EQ(got[1].seq, 1);
    CHECK_EQ(db_texts_list(f.tx, f.a, f.video, 1u << TEXT_OCR, 21, 0, &got, &n, &f.e), 0);
    CHECK_EQ(n, 1);
    CHECK_EQ(db_texts_list(f.tx, f.a, f.video, 1u << TEXT_OCR, 0, 30, &got, &n, &f.e), 0);
    CHECK_EQ(n, 1);
    CHECK_EQ(db_texts_replace(f.tx, f.video, TEXT_OCR, NULL, 0, &f.e), 0);
    CHECK_EQ(db_texts_list(f.tx, f.a, f.video, 0, 0, 0, &got, &n, &f.e), 0);
    CHECK_EQ(n, 1);
    CHECK_EQ(got[0].source, TEXT_TITLE);
    title.confidence = 0.0 / 0.0;
    CHECK(db_texts_replace(f.tx, f.video, TEXT_TITLE, &title, 1, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_INTERNAL);
}

/* ---- uploads ---- */

static const char *const upload_steps[] = {
    "receiving received", "receiving failed", "receiving aborted",
    "received done",      "received failed",  "received aborted",
};

TEST(upload_steps_are_those_of_the_table_and_no_others)
{
    FIX;
    for (int from = 0; from < UPLOAD_STATE_N; from++) {
        for (int to = 0; to < UPLOAD_STATE_N; to++) {
            char step[64], id[UUID_MAX];
            bool want = false;
            struct upload u;
            snprintf(step, sizeof(step), "%s %s", upload_state_name((enum upload_state)from),
                     upload_state_name((enum upload_state)to));
            for (size_t i = 0; i < ARRAY_LEN(upload_steps); i++)
                want = want || strcmp(upload_steps[i], step) == 0;
            CHECK_EQ(upload_state_may((enum upload_state)from, (enum upload_state)to), want);
            CHECK_EQ(
                db_upload_add(f.tx, &(struct upload){.state = (enum upload_state)from}, id, &f.e),
                0);
            int r = db_upload_set_state(f.tx, id, (enum upload_state)to, NULL, NULL, NULL, &f.e);
            CHECK_EQ(r, want ? 0 : -1);
            if (r < 0)
                next_tx(&f);
            else
                CHECK_EQ(db_upload_get(f.tx, f.a, id, &u, &f.e), 0), CHECK_EQ(u.state, to);
        }
    }
}

TEST(upload_progress_keeps_it_young_and_ends_with_receiving)
{
    struct upload u, *old;
    struct err why = {0};
    char id[UUID_MAX];
    size_t n;
    FIX;

    clock_freeze_ms(1000);
    CHECK_EQ(db_upload_add(f.tx,
                           &(struct upload){.scratch_path = "scratch/x",
                                            .filename = "f.mp4",
                                            .declared_bytes = -1},
                           id, &f.e),
             0);
    clock_advance_ms(500);
    CHECK_EQ(db_upload_list(f.tx, f.a, 1u << UPLOAD_RECEIVING, 1400, 0, &old, &n, &f.e), 0);
    CHECK_EQ(n, 1);
    CHECK_EQ(db_upload_progress(f.tx, id, 77, &f.e), 0);
    CHECK_EQ(db_upload_list(f.tx, f.a, 1u << UPLOAD_RECEIVING, 1400, 0, &old, &n, &f.e), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(db_upload_set_state(f.tx, id, UPLOAD_RECEIVED, SHA_A, f.video, NULL, &f.e), 0);
    err_set(&why, ERR_INPUT, "bad");
    err_plain(&why, "Broken.", NULL);
    CHECK_EQ(db_upload_set_state(f.tx, id, UPLOAD_FAILED, NULL, NULL, &why, &f.e), 0);
    CHECK_EQ(db_upload_get(f.tx, f.a, id, &u, &f.e), 0);
    CHECK_EQ(u.received_bytes, 77);
    CHECK_EQ(u.declared_bytes, -1);
    CHECK_STR(u.checksum_sha256, SHA_A);
    CHECK_STR(u.video_id, f.video);
    CHECK_STR(u.error_plain, "Broken.");
    CHECK_STR(u.scratch_path, "scratch/x");
    CHECK_EQ(db_upload_purge(f.tx, 1500, 10, &f.e), 0);
    CHECK_EQ(db_upload_purge(f.tx, 1501, 10, &f.e), 1);
    CHECK(db_upload_progress(f.tx, id, 78, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_NOT_FOUND);
    clock_thaw();
}

TEST_MAIN
