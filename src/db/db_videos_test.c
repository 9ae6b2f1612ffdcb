/* Videos: the state machine as a table, deduplication, lists, edits, deletion. */
#include "db/db_videos.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/test.h"
#include "db/db_jobs.h"
#include "db/db_priv.h"
#include "db/db_scenes.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct fix {
    struct db *db;
    struct tx *tx;
    struct arena *a;
    struct err e;
};

static void fix_begin(struct fix *f)
{
    static int n;
    char name[32];

    snprintf(name, sizeof(name), "videos%d.db", n++);
    CLEANUP_FREE char *path = fs_join(test_dir(), name);
    *f = (struct fix){.a = arena_new()};
    if (db_open(path, &f->db, &f->e) < 0 || db_begin(f->db, DB_WRITE, &f->tx, &f->e) < 0)
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

static void next_tx(struct fix *f, bool keep)
{
    if (keep && db_commit(f->tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
    db_rollback(f->tx);
    f->tx = NULL;
    if (db_begin(f->db, DB_WRITE, &f->tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
}

static char *add(struct fix *f, struct video v)
{
    char id[UUID_MAX];

    CHECK_EQ(db_video_add(f->tx, &v, id, &f->e), VIDEO_ADDED);
    return arena_strdup(f->a, id);
}

static struct video get(struct fix *f, const char *id)
{
    struct video v;

    if (db_video_get(f->tx, f->a, id, &v, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return v;
}

/* ---- the state machine ---- */

static const char *const allowed[] = {
    "uploading validating", "uploading failed",   "uploading deleted",  "validating processing",
    "validating failed",    "validating deleted", "processing indexed", "processing failed",
    "processing deleted",   "indexed processing", "indexed deleted",    "failed validating",
    "failed processing",    "failed deleted",
};

static bool is_allowed(enum video_state from, enum video_state to)
{
    char step[64];

    snprintf(step, sizeof(step), "%s %s", video_state_name(from), video_state_name(to));
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        if (strcmp(allowed[i], step) == 0)
            return true;
    }
    return false;
}

TEST(video_states_have_names_both_ways)
{
    for (int i = 0; i < VIDEO_STATE_N; i++) {
        enum video_state s;
        CHECK(video_state_from_name(str_of(video_state_name((enum video_state)i)), &s));
        CHECK_EQ(s, i);
    }
    enum video_state s;
    CHECK(!video_state_from_name(STR("ready"), &s));
    CHECK(!video_state_from_name(STR(""), &s));
}

/* One step by the function that makes it: 1 moved. */
static int step(struct fix *f, const char *id, enum video_state to)
{
    bool last;
    struct err why = {0};

    if (to == VIDEO_DELETED)
        return db_video_delete(f->tx, id, &last, &f->e);
    err_set(&why, ERR_PROCESSING, "because");
    if (to == VIDEO_FAILED)
        return db_video_fail(f->tx, id, &why, &f->e);
    return db_video_set_state(f->tx, id, to, &f->e);
}

TEST(video_steps_are_those_of_the_table_and_no_others)
{
    FIX;
    for (int from = 0; from < VIDEO_STATE_N; from++) {
        for (int to = 0; to < VIDEO_STATE_N; to++) {
            CHECK_EQ(video_state_may((enum video_state)from, (enum video_state)to),
                     is_allowed((enum video_state)from, (enum video_state)to));
            bool deleted = from == VIDEO_DELETED;
            char *id =
                add(&f, (struct video){.state = deleted ? VIDEO_INDEXED : (enum video_state)from});
            bool last;
            if (deleted)
                CHECK_EQ(db_video_delete(f.tx, id, &last, &f.e), 1);
            next_tx(&f, /* keep */ true);
            int64_t revision = get(&f, id).revision;
            int r = step(&f, id, (enum video_state)to);
            if (is_allowed((enum video_state)from, (enum video_state)to)) {
                CHECK_EQ(r, 1);
                CHECK_EQ(get(&f, id).state, to);
                CHECK_EQ(get(&f, id).revision, revision + 1);
            } else if (r < 0) { /* the refusal names both states */
                CHECK_STR(err_class(f.e.code)->name,
                          to == VIDEO_UPLOADING ? "internal" : "conflict");
            } else {
                CHECK_EQ(r, 0);
            }
            next_tx(&f, /* keep */ r > 0);
            if (r <= 0) {
                CHECK_EQ(get(&f, id).state, from);
                CHECK_EQ(get(&f, id).revision, revision);
            }
        }
    }
}

TEST(video_step_of_a_video_that_is_not_there_is_not_found)
{
    char id[UUID_MAX];
    bool last;
    FIX;

    uuid_new(id);
    CHECK(db_video_set_state(f.tx, id, VIDEO_INDEXED, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_NOT_FOUND);
    next_tx(&f, false);
    CHECK(db_video_delete(f.tx, id, &last, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_NOT_FOUND);
    next_tx(&f, false);
    struct video v;
    CHECK(db_video_get(f.tx, f.a, id, &v, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_NOT_FOUND);
}

TEST(video_keeps_the_reason_of_its_failure_until_it_is_revived)
{
    struct err why = {0};
    FIX;

    err_set(&why, ERR_INPUT, "moov: missing");
    err_plain(&why, "This file is cut off.", "Copy it again.");
    char *id = add(&f, (struct video){.state = VIDEO_PROCESSING});
    CHECK_EQ(db_video_set_progress(f.tx, id, 40, "w1", &f.e), 1);
    CHECK_EQ(db_video_fail(f.tx, id, &why, &f.e), 1);
    struct video v = get(&f, id);
    CHECK_EQ(v.state, VIDEO_FAILED);
    CHECK_EQ(v.error.code, ERR_INPUT);
    CHECK_STR(v.error.text, "moov: missing");
    CHECK_STR(v.error.plain, "This file is cut off.");
    CHECK_STR(v.error.next, "Copy it again.");
    CHECK_EQ(db_video_fail(f.tx, id, &why, &f.e), 0);
    CHECK_EQ(db_video_revive(f.tx, id, &f.e), 1);
    v = get(&f, id);
    CHECK_EQ(v.state, VIDEO_PROCESSING);
    CHECK_EQ(v.error.code, ERR_OK);
    CHECK_STR(v.error.text, "");
    CHECK_EQ(v.progress, 0);
    CHECK_EQ(db_video_revive(f.tx, id, &f.e), 0);
    id = add(&f, (struct video){.state = VIDEO_VALIDATING});
    CHECK_EQ(db_video_fail(f.tx, id, &why, &f.e), 1);
    CHECK_EQ(db_video_revive(f.tx, id, &f.e), 1);
    CHECK_EQ(get(&f, id).state, VIDEO_VALIDATING);
}

TEST(video_progress_and_times_follow_its_steps)
{
    FIX;
    clock_freeze_ms(1000000);
    char *id = add(&f, (struct video){.state = VIDEO_VALIDATING});
    CHECK_EQ(db_video_set_progress(f.tx, id, 10, "w", &f.e), 1);
    CHECK_EQ(db_video_set_progress(f.tx, id, 5, NULL, &f.e), 1);
    CHECK_EQ(get(&f, id).progress, 10);
    CHECK_STR(get(&f, id).worker_id, "w");
    clock_advance_ms(100);
    CHECK_EQ(db_video_set_state(f.tx, id, VIDEO_PROCESSING, &f.e), 1);
    CHECK_EQ(db_video_set_state(f.tx, id, VIDEO_PROCESSING, &f.e), 0);
    CHECK_EQ(get(&f, id).started_at_ms, 1000100);
    CHECK_EQ(db_video_set_progress(f.tx, id, 250, NULL, &f.e), 1);
    CHECK_EQ(get(&f, id).progress, 100);
    clock_advance_ms(100);
    CHECK_EQ(db_video_set_state(f.tx, id, VIDEO_INDEXED, &f.e), 1);
    struct video v = get(&f, id);
    CHECK_EQ(v.completed_at_ms, 1000200);
    CHECK_EQ(v.created_at_ms, 1000000);
    CHECK_EQ(v.progress, 100);
    CHECK_STR(v.worker_id, "");
    CHECK_EQ(db_video_set_progress(f.tx, id, 3, NULL, &f.e), 0);
    CHECK_EQ(db_video_set_state(f.tx, id, VIDEO_PROCESSING, &f.e), 1);
    v = get(&f, id);
    CHECK_EQ(v.progress, 0);
    CHECK_EQ(v.completed_at_ms, 0);
    CHECK_EQ(v.started_at_ms, 1000100);
    clock_thaw();
}

/* ---- rows ---- */

TEST(video_row_comes_back_as_it_was_given)
{
    FIX;
    struct video v = {
        .state = VIDEO_INDEXED,
        .progress = 100,
        .project_id = "p",
        .pin_id = "c",
        .filename = "ä 日本.mp4",
        .mime_type = "video/mp4",
        .title = "T",
        .description = "D",
        .tags_json = "[\"a\"]",
        .source_type = "loom",
        .source_url = "https://x",
        .source_metadata_json = "{}",
        .batch_name = "2026 match",
        .batch_order = 3,
        .size_bytes = 1LL << 40,
        .checksum_sha256 = SHA_A,
        .storage_key = "k",
        .sidecar_key = "s",
        .media = {.duration_us = 123456789,
                  .width = 1920,
                  .height = 1080,
                  .rotation = 90,
                  .fps_num = 30000,
                  .fps_den = 1001,
                  .frame_count = 77,
                  .audio_rate = 48000,
                  .audio_channels = 2,
                  .container = "mov",
                  .video_codec = "h264",
                  .audio_codec = "aac",
                  .info_json = "{\"a\":1}"},
        .recorded_at_ms = 5,
        .created_at_ms = 6,
        .updated_at_ms = 7,
        .started_at_ms = 8,
        .completed_at_ms = 9,
    };
    struct video w = get(&f, add(&f, v));
    CHECK_STR(w.user_id, DB_LOCAL_USER);
#define SAME_TEXT(field) CHECK_STR(w.field, v.field)
#define SAME(field)      CHECK_EQ(w.field, v.field)
    SAME_TEXT(project_id), SAME_TEXT(pin_id), SAME_TEXT(filename), SAME_TEXT(mime_type),
        SAME_TEXT(title);
    SAME_TEXT(description), SAME_TEXT(tags_json), SAME_TEXT(source_type), SAME_TEXT(source_url);
    SAME_TEXT(source_metadata_json), SAME_TEXT(batch_name), SAME_TEXT(checksum_sha256),
        SAME_TEXT(storage_key);
    SAME_TEXT(sidecar_key), SAME_TEXT(media.container), SAME_TEXT(media.video_codec),
        SAME_TEXT(media.audio_codec);
    SAME_TEXT(media.info_json);
    SAME(state), SAME(progress), SAME(batch_order), SAME(size_bytes), SAME(media.duration_us),
        SAME(media.width);
    SAME(media.height), SAME(media.rotation), SAME(media.fps_num), SAME(media.fps_den),
        SAME(media.frame_count);
    SAME(media.audio_rate), SAME(media.audio_channels), SAME(recorded_at_ms), SAME(created_at_ms);
    SAME(updated_at_ms), SAME(started_at_ms), SAME(completed_at_ms);
    CHECK_EQ(w.deleted_at_ms, 0);
    CHECK_EQ(w.revision, 1);
    w = get(&f, add(&f, (struct video){0}));
    CHECK_STR(w.source_type, "direct");
    CHECK_STR(w.title, "");
    CHECK_EQ(w.media.fps_den, 1);
}

TEST(video_batch_name_has_at_most_50_characters_not_bytes)
{
    struct video v = {.batch_name = "ääääääääääääääääääääääääääääääääääääääääääääääääää"};
    char id[UUID_MAX];
    FIX;

    CHECK_EQ(strlen(v.batch_name), 100);
    (void)add(&f, v);
    v.batch_name = "äääääääääääääääääääääääääääääääääääääääääääääääääää";
    CHECK(db_video_add(f.tx, &v, id, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_LIMIT);
}

TEST(video_id_that_is_taken_is_a_conflict)
{
    char id[UUID_MAX];
    FIX;

    struct video v = {.id = add(&f, (struct video){0})};
    CHECK(db_video_add(f.tx, &v, id, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_CONFLICT);
}

/* ---- deduplication ---- */

TEST(video_content_is_once_in_a_scope)
{
    char id[UUID_MAX];
    struct video found;
    bool last;
    FIX;

    char *first = add(&f, (struct video){.checksum_sha256 = SHA_A});
    CHECK_EQ(db_video_add(f.tx, &(struct video){.checksum_sha256 = SHA_A}, id, &f.e),
             VIDEO_DUPLICATE);
    CHECK_STR(id, first);
    char *elsewhere = add(&f, (struct video){.checksum_sha256 = SHA_A, .pin_id = "cam2"});
    (void)add(&f, (struct video){.checksum_sha256 = SHA_A, .project_id = "p"});
    (void)add(&f, (struct video){0});
    (void)add(&f, (struct video){0}); /* no content yet: no duplicate */
    CHECK_EQ(db_video_find(f.tx, f.a, "", "", "cam2", SHA_A, &found, &f.e), 1);
    CHECK_STR(found.id, elsewhere);
    CHECK_EQ(db_video_find(f.tx, f.a, NULL, "", "cam3", SHA_A, &found, &f.e), 0);
    CHECK_EQ(db_video_find(f.tx, f.a, NULL, "", "", "", &found, &f.e), 0);
    CHECK_EQ(db_video_delete(f.tx, first, &last, &f.e), 1);
    CHECK(!last);
    CHECK_EQ(db_video_has_content(f.tx, SHA_A, &f.e), 1);
    CHECK_EQ(db_video_has_content(f.tx, SHA_B, &f.e), 0);
    CHECK_EQ(db_video_has_content(f.tx, "", &f.e), 0);
    CHECK_EQ(db_video_find(f.tx, f.a, "", "", "", SHA_A, &found, &f.e), 0);
    (void)add(&f, (struct video){.checksum_sha256 = SHA_A});
}

TEST(video_content_that_becomes_known_later_is_checked_too)
{
    char other[UUID_MAX] = "";
    FIX;

    char *first = add(&f, (struct video){.checksum_sha256 = SHA_A}),
         *late = add(&f, (struct video){0});
    CHECK_EQ(db_video_set_checksum(f.tx, late, SHA_A, 5, other, &f.e), VIDEO_DUPLICATE);
    CHECK_STR(other, first);
    CHECK_STR(get(&f, late).checksum_sha256, "");
    CHECK_EQ(db_video_set_checksum(f.tx, late, SHA_B, 5, other, &f.e), VIDEO_SET);
    CHECK_EQ(db_video_set_checksum(f.tx, late, SHA_B, 5, other, &f.e), VIDEO_SET);
    CHECK_EQ(get(&f, late).size_bytes, 5);
    next_tx(&f, true);
    CHECK(db_video_set_checksum(f.tx, late, SHA_A, 5, other, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_CONFLICT);
    next_tx(&f, false);
    CHECK(db_video_set_checksum(f.tx, late, "ABC", 5, other, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_INTERNAL);
}

/* ---- deleting ---- */

TEST(video_delete_takes_scenes_texts_and_jobs_along)
{
    struct scene sc = {.start_frame = 0, .end_frame = 10, .start_us = 0, .end_us = 100};
    struct text_span text = {.text = "hello", .confidence = 1};
    struct job_page jobs;
    struct scene *scenes;
    struct text_span *texts;
    char job[UUID_MAX];
    bool last = false;
    size_t n;
    FIX;

    char *id = add(&f, (struct video){.checksum_sha256 = SHA_A, .state = VIDEO_INDEXED});
    CHECK_EQ(db_scenes_replace(f.tx, id, &sc, 1, &f.e), 0);
    CHECK_EQ(db_texts_replace(f.tx, id, TEXT_TITLE, &text, 1, &f.e), 0);
    struct job_row row = {
        .queue = "export", .stage = "s", .video_id = id, .max_attempts = 1, .payload_json = "{}"};
    CHECK_EQ(db_job_add(f.tx, &row, job, &f.e), 1);
    CHECK_EQ(db_video_delete(f.tx, id, &last, &f.e), 1);
    CHECK(last);
    CHECK_EQ(db_scenes_list(f.tx, f.a, id, &scenes, &n, &f.e), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(db_texts_list(f.tx, f.a, id, 0, 0, 0, &texts, &n, &f.e), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(db_job_list(f.tx, f.a, &(struct job_filter){.video_id = id}, &jobs, &f.e), 0);
    CHECK_EQ(jobs.n, 0);
    CHECK_EQ(get(&f, id).state, VIDEO_DELETED);
    CHECK_EQ(db_video_delete(f.tx, id, &last, &f.e), 0);
}

/* ---- lists ---- */

static size_t count(struct fix *f, struct video_filter filter)
{
    struct video_page page;

    if (db_video_list(f->tx, f->a, &filter, &page, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return page.n;
}

TEST(video_list_filters)
{
    bool last;
    FIX;
    (void)add(&f, (struct video){.title = "Cup Final",
                                 .filename = "a.mp4",
                                 .created_at_ms = 100,
                                 .project_id = "p1"});
    (void)add(&f, (struct video){.title = "100% \\ real_time",
                                 .created_at_ms = 200,
                                 .state = VIDEO_INDEXED,
                                 .recorded_at_ms = 50});
    char *gone =
        add(&f, (struct video){.title = "gone cup", .created_at_ms = 300, .batch_name = "b"});
    CHECK_EQ(db_video_delete(f.tx, gone, &last, &f.e), 1);

    CHECK_EQ(count(&f, (struct video_filter){0}), 2);
    CHECK_EQ(count(&f, (struct video_filter){.states = 1u << VIDEO_DELETED}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.states = 1u << VIDEO_DELETED | 1u << VIDEO_INDEXED}),
             2);
    CHECK_EQ(count(&f, (struct video_filter){.text = STR("final CUP")}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.text = STR("cup A.mp4")}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.text = STR("cup nowhere")}), 0);
    CHECK_EQ(count(&f, (struct video_filter){.text = STR("0%")}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.text = STR("%")}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.text = STR("l_t")}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.text = STR("\\")}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.created_from_ms = 100, .created_to_ms = 200}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.created_from_ms = 101}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.recorded_from_ms = 50, .recorded_to_ms = 51}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.recorded_to_ms = 50}), 0);
    CHECK_EQ(count(&f, (struct video_filter){.project_id = "p1"}), 1);
    CHECK_EQ(count(&f, (struct video_filter){.batch_name = "b"}), 0);
    CHECK_EQ(count(&f, (struct video_filter){.user_id = "nobody"}), 0);
}

TEST(video_list_pages_see_every_row_once_even_with_equal_times)
{
    FIX;
    for (int i = 0; i < 25; i++)
        (void)add(&f, (struct video){.created_at_ms = 1000 + i / 10});
    size_t n = 0, pages = 0;
    const char *before = "z";
    int64_t before_ms = INT64_MAX;
    struct video_filter filter = {.limit = 4};
    do {
        struct video_page page;
        CHECK_EQ(db_video_list(f.tx, f.a, &filter, &page, &f.e), 0);
        for (size_t i = 0; i < page.n; i++) {
            const struct video *v = &page.videos[i];
            CHECK(v->created_at_ms < before_ms ||
                  (v->created_at_ms == before_ms && strcmp(v->id, before) < 0));
            before = v->id;
            before_ms = v->created_at_ms;
        }
        n += page.n;
        pages++;
        filter.after = page.next;
    } while (filter.after);
    CHECK_EQ(n, 25);
    CHECK_EQ(pages, 7);
}

TEST(video_list_refuses_cursors_that_are_not_ours)
{
    static const char *const cursors[] = {
        "",
        ".",
        "1",
        "1.",
        "x.y",
        "1.'; DROP TABLE videos",
        "99999999999999999999.00000000-0000-7000-8000-000000000001"};
    struct video_page page;
    FIX;

    for (size_t i = 0; i < ARRAY_LEN(cursors); i++) {
        CHECK(db_video_list(f.tx, f.a, &(struct video_filter){.after = cursors[i]}, &page, &f.e) <
              0);
        CHECK_EQ(f.e.code, ERR_USAGE);
    }
}

TEST(video_edit_changes_what_is_named_and_minds_the_revision)
{
    int64_t order = 9;
    FIX;

    char *id = add(&f, (struct video){.title = "old", .description = "kept"});
    CHECK_EQ(
        db_video_edit(f.tx, id,
                      &(struct video_edit){.title = "new", .batch_order = &order, .if_revision = 1},
                      &f.e),
        0);
    struct video v = get(&f, id);
    CHECK_STR(v.title, "new");
    CHECK_STR(v.description, "kept");
    CHECK_EQ(v.batch_order, 9);
    CHECK_EQ(v.revision, 2);
    next_tx(&f, true);
    CHECK(db_video_edit(f.tx, id, &(struct video_edit){.title = "late", .if_revision = 1}, &f.e) <
          0);
    CHECK_EQ(f.e.code, ERR_CONFLICT);
    next_tx(&f, false);
    CHECK_STR(get(&f, id).title, "new");
}

TEST(video_stats_count_what_is_there)
{
    struct video_stats st;
    bool last;
    FIX;

    (void)add(&f, (struct video){.state = VIDEO_INDEXED, .size_bytes = 10, .media.duration_us = 7});
    (void)add(&f, (struct video){.state = VIDEO_FAILED, .size_bytes = 5});
    char *gone = add(&f, (struct video){.state = VIDEO_INDEXED, .size_bytes = 100});
    CHECK_EQ(db_video_delete(f.tx, gone, &last, &f.e), 1);
    CHECK_EQ(db_video_stats(f.tx, &st, &f.e), 0);
    CHECK_EQ(st.by_state[VIDEO_INDEXED], 1);
    CHECK_EQ(st.by_state[VIDEO_FAILED], 1);
    CHECK_EQ(st.by_state[VIDEO_DELETED], 1);
    CHECK_EQ(st.source_bytes, 15);
    CHECK_EQ(st.duration_us, 7);
}

TEST_MAIN
