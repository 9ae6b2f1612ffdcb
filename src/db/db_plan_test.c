/*
 * How statements find their rows: everything that happens once a job or once a request goes through
 * an index. The statements are those that the functions below have left in the connection's cache.
 */
#include "base/fs.h"
#include "base/test.h"
#include "db/db_conn.h"
#include "db/db_jobs.h"
#include "db/db_objects.h"
#include "db/db_scenes.h"
#include "db/db_uploads.h"
#include "db/db_videos.h"

#define SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Scans that are meant: over rows that are few by their nature (what runs now). Sorting is, where few
 * rows are sorted: those of one video, and those that run. */
enum sorting { SORT_FEW, SORT_ANY };
static bool is_fine(const char *sql, const char *plan, enum sorting sorting)
{
    bool few = sorting == SORT_ANY || strstr(sql, "state = 'running'") ||
               strstr(sql, "video_id = $1") || strstr(sql, "source_sha256 = $1");

    if (strncmp(plan, "SCAN ", 5) == 0)
        return strstr(plan, "INDEX idx_jobs_running") || strstr(plan, "CONSTANT ROW");
    return few || !strstr(plan, "USE TEMP B-TREE FOR ORDER BY");
}

static int check_plans(struct tx *tx, enum sorting sorting)
{
    struct err e = {0};
    VEC(char *) sqls = {0};
    int n = 0;

    VEC_FOREACH (&tx->conn->stmts, s)
        VEC_PUSH(&sqls, xstrdup((*s)->sql));
    VEC_FOREACH (&sqls, sql) {
        CLEANUP_FREE char *explain = xasprintf("EXPLAIN QUERY PLAN %s", *sql);
        CLEANUP(stmt_close) struct stmt *s = NULL;
        CHECK_OK(stmt_open(tx, explain, &s, &e));
        while (stmt_step(s, &e) > 0) {
            struct str plan = col_str(s, 3);
            CLEANUP_FREE char *z = str_dup(plan);
            if (!is_fine(*sql, z, sorting))
                fail_msg("%s\n  by: %s", *sql, z);
            n++;
        }
        free(*sql);
    }
    VEC_FINISH(&sqls);
    return n;
}

static struct tx *begin_fresh(struct db **ret_db)
{
    static int n;
    char name[32];
    struct err e = {0};
    struct tx *tx;

    snprintf(name, sizeof(name), "plan%d.db", n++);
    CLEANUP_FREE char *path = fs_join(test_dir(), name);
    CHECK_OK(db_open(path, ret_db, &e));
    CHECK_OK(db_begin(*ret_db, DB_WRITE, &tx, &e));
    return tx;
}

TEST(db_every_step_of_a_job_goes_through_an_index)
{
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(db_rollback) struct tx *tx = begin_fresh(&db);
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct job_row j = {.queue = "export",
                        .stage = "s",
                        .unique_key = "k",
                        .max_attempts = 3,
                        .payload_json = "{}"};
    struct err e = {0}, why = {0};
    struct job_candidate c;
    struct job_row *rows;
    int64_t next_ms = INT64_MAX, n_running;
    char id[UUID_MAX], video[UUID_MAX];
    struct job_stage_state stage;
    size_t n;

    err_set(&why, ERR_STORAGE, "x");
    CHECK_EQ(db_video_add(tx, &(struct video){0}, video, &e), 1);
    j.video_id = video;
    CHECK_EQ(db_job_add(tx, &j, id, &e), 1);
    CHECK_EQ(db_job_add(tx, &j, id, &e), 0);
    CHECK_EQ(db_job_next(tx, "export", NULL, INT64_MAX, &c, &next_ms, &e), 1);
    CHECK_EQ(db_job_next(tx, "export", video, INT64_MAX, &c, &next_ms, &e), 1);
    CHECK_EQ(db_job_claim(tx, id, "w", 5, &e), 1);
    CHECK_EQ(db_job_get(tx, a, id, &j, &e), 0);
    CHECK_EQ(db_job_running(tx, a, NULL, &rows, &n, &e), 0);
    CHECK_EQ(db_job_running(tx, a, "export", &rows, &n, &e), 0);
    CHECK_EQ(db_job_running_count(tx, "export", &n_running, &e), 0);
    CHECK_EQ(n_running, 1);
    CHECK_EQ(db_job_renew(tx, id, 1, 9, &e), 1);
    CHECK_EQ(db_job_progress(tx, id, 1, 5, "x", 9, &e), 1);
    CHECK_EQ(db_job_again(tx, id, 1, 0, &why, &e), 1);
    CHECK_EQ(db_job_claim(tx, id, "w", 5, &e), 1);
    CHECK_EQ(db_job_again(tx, id, 2, 0, NULL, &e), 1);
    CHECK_EQ(db_job_claim(tx, id, "w", 5, &e), 1);
    CHECK_EQ(db_job_abandoned(tx, id, 3, 0, &why, &e), 1);
    CHECK_EQ(db_job_claim(tx, id, "w", 5, &e), 1);
    CHECK_EQ(db_job_fail(tx, id, 4, JOB_END_ABANDONED, &why, &e), 1);
    CHECK_OK(db_job_stage(tx, video, "s", &stage, &e));
    CHECK_EQ(db_job_replay(tx, id, &e), 1);
    CHECK_EQ(db_job_cancel(tx, id, &why, &e), 1);
    CHECK_EQ(db_job_complete(tx, id, 4, NULL, &e), 0);
    CHECK_EQ(db_job_purge(tx, 0, 10, &e), 0);
    CHECK(check_plans(tx, SORT_FEW) >= 20);
}

TEST(db_lists_of_jobs_and_videos_go_through_an_index)
{
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(db_rollback) struct tx *tx = begin_fresh(&db);
    CLEANUP(arena_free) struct arena *a = arena_new();
    const struct job_filter jobs[] = {
        {.queue = "export"},
        {.queue = "export", .states = 1u << JOB_FAILED},
        {.queue = "export", .dead_only = true},
        {.video_id = "v"},
    };
    struct job_page page;
    struct video_page videos;
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
        CHECK_OK(db_job_list(tx, a, &jobs[i], &page, &e));
    CHECK_OK(db_video_list(tx, a, &(struct video_filter){.user_id = DB_LOCAL_USER}, &videos, &e));
    CHECK_OK(
        db_video_list(tx, a, &(struct video_filter){.states = 1u << VIDEO_FAILED}, &videos, &e));
    CHECK(check_plans(tx, SORT_ANY) >= 6);
}

TEST(db_updates_and_look_ups_of_rows_go_through_an_index)
{
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(db_rollback) struct tx *tx = begin_fresh(&db);
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct object o = {.key = "k", .source_sha256 = SHA, .sha256 = SHA, .kind = "proxy"}, *os;
    struct scene sc = {.start_frame = 0, .end_frame = 1, .end_us = 5}, *scs;
    struct text_span t = {.text = "x", .confidence = 1}, *ts;
    struct upload *us;
    struct video v;
    const char **ids;
    char id[UUID_MAX], other[UUID_MAX];
    struct err e = {0};
    bool last;
    size_t n;

    CHECK_EQ(db_video_add(tx, &(struct video){0}, id, &e), 1);
    CHECK_EQ(db_video_set_checksum(tx, id, SHA, 1, other, &e), 1);
    CHECK_EQ(db_video_find(tx, a, "", "", "", SHA, &v, &e), 1);
    CHECK_EQ(db_video_set_state(tx, id, VIDEO_VALIDATING, &e), 1);
    CHECK_EQ(db_video_set_progress(tx, id, 1, "w", &e), 1);
    CHECK_OK(db_video_edit(tx, id, &(struct video_edit){.title = "t"}, &e));
    CHECK_EQ(db_object_put(tx, &o, &e), 1);
    CHECK_EQ(db_object_find(tx, a, SHA, "proxy", NULL, &o, &e), 1);
    CHECK_OK(db_object_of_source(tx, a, SHA, &os, &n, &e));
    CHECK_OK(db_object_size_known(tx, 5, &e));
    CHECK_OK(db_object_walk(tx, a, NULL, 5, &os, &n, &e));
    CHECK_OK(db_scenes_replace(tx, id, &sc, 1, &e));
    CHECK_OK(db_scenes_list(tx, a, id, &scs, &n, &e));
    CHECK_OK(db_scene_at(tx, a, id, 0, &sc, &e));
    CHECK_OK(db_texts_replace(tx, id, TEXT_OCR, &t, 1, &e));
    CHECK_OK(db_texts_list(tx, a, id, 0, 0, 0, &ts, &n, &e));
    CHECK_OK(db_upload_list(tx, a, 1u << UPLOAD_RECEIVING, 5, 0, &us, &n, &e));
    CHECK_OK(db_video_stuck(tx, a, VIDEO_PROCESSING, 5, &ids, &n, &e));
    CHECK_EQ(db_video_delete(tx, id, &last, &e), 1);
    CHECK_EQ(db_object_del_source(tx, SHA, &e), 1);
    CHECK(check_plans(tx, SORT_FEW) >= 20);
}

TEST_MAIN
