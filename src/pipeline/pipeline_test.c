/*
 * The graph of stages without media: jobs are claimed and finished by hand, and what is queued next is looked at. What the
 * stages do is tested through the program, with real files.
 */
#include <sys/resource.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/test.h"
#include "pipeline/pipeline_priv.h"

struct fixture {
    struct conf *conf;
    struct library *lib;
    char video[UUID_MAX];
};

static void set_up(struct fixture *f)
{
    struct err e = {0};
    static int n;
    CLEANUP_FREE char *dir = xasprintf("%s/lib%d", test_dir(), n++);
    CLEANUP(db_rollback) struct tx *tx = NULL;
    f->conf = conf_defaults();
    CHECK_OK(conf_set(f->conf, STR("data"), str_of(dir), "test", &e));
    CHECK_OK(library_open(f->conf, LIBRARY_CREATE, &f->lib, &e));
    struct video v = {.state = VIDEO_VALIDATING,
                      .filename = "a.mp4",
                      .title = "a",
                      .checksum_sha256 =
                          "00000000000000000000000000000000000000000000000000000000000000aa",
                      .storage_key = "originals/00/x"};
    CHECK_OK(db_begin(f->lib->db, DB_WRITE, &tx, &e));
    CHECK_OK(db_video_add(tx, &v, f->video, &e));
    CHECK_OK(pipeline_begin(f->lib, tx, f->video, &e));
    CHECK_OK(db_commit(tx, &e));
}

static void tear_down(struct fixture *f)
{
    library_free(f->lib);
    conf_free(f->conf);
}

static const struct stage *stage_named(const char *name)
{
    static const struct stage *const all[] = {&stage_validate, &stage_media, &stage_text,
                                              &stage_publish};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    fail_msg("no stage %s", name);
    return NULL;
}

/* Claims the next job, checks which stage it is, and finishes it as a stage would; the clock steps by that much while the
 * job runs. */
static void finish_next_after(struct fixture *f, const char *want, int64_t step_ms)
{
    struct err e = {0};
    CLEANUP(job_free) struct job *job = NULL;
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CHECK_EQ(queue_claim(f->lib->queue, QUEUE_ALL, f->video, &job, NULL, &e), CLAIM_GOT);
    CHECK_STR(job_row(job)->stage, want);
    struct run r = {.lib = f->lib, .stage = stage_named(want), .job = job, .arena = a};
    clock_advance_ms(step_ms);
    CHECK_OK(db_begin(f->lib->db, DB_WRITE, &tx, &e));
    CHECK_OK(db_video_get(tx, a, f->video, &r.video, &e));
    CHECK_OK(run_finish(&r, tx, NULL, &e));
}

static void finish_next(struct fixture *f, const char *want)
{
    finish_next_after(f, want, 0);
}

static void nothing_left(struct fixture *f)
{
    struct err e = {0};
    CLEANUP(job_free) struct job *job = NULL;
    CHECK_EQ(queue_claim(f->lib->queue, QUEUE_ALL, f->video, &job, NULL, &e), CLAIM_EMPTY);
}

static int again(struct fixture *f, const char *stage)
{
    struct err e = {0};
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CHECK_OK(db_begin(f->lib->db, DB_WRITE, &tx, &e));
    int n = pipeline_again(f->lib, tx, f->video, stage, &e);
    CHECK_OK(n);
    CHECK_OK(db_commit(tx, &e));
    return n;
}

static void run_all(struct fixture *f)
{
    clock_freeze_ms(1800000000000);
    for (int i = 0; pipeline_stage_name(i); i++) {
        finish_next(f, pipeline_stage_name(i));
        clock_advance_ms(10);
    }
    nothing_left(f);
}

TEST(pipeline_stages_follow_each_other_one_job_each)
{
    struct fixture f;
    set_up(&f);
    run_all(&f);
    CHECK_EQ(again(&f, NULL), 0); /* all is done: nothing to do next */
    clock_thaw();
    tear_down(&f);
}

TEST(pipeline_a_stage_made_anew_makes_what_follows_anew)
{
    struct fixture f;
    set_up(&f);
    run_all(&f);
    CHECK_EQ(again(&f, "media_pass"), 1);
    CHECK_EQ(again(&f, "media_pass"), 0); /* on its way already */
    finish_next(&f, "media_pass");
    clock_advance_ms(10);
    finish_next(&f, "read_text");
    clock_advance_ms(10);
    finish_next(&f, "publish");
    nothing_left(&f);
    clock_thaw();
    tear_down(&f);
}

TEST(pipeline_a_clock_that_steps_back_repeats_nothing)
{
    struct fixture f;
    set_up(&f);
    clock_freeze_ms(1800000000000);
    for (int i = 0; pipeline_stage_name(i); i++)
        finish_next_after(&f, pipeline_stage_name(i), -60000);
    nothing_left(&f);
    CHECK_EQ(again(&f, NULL), 0);
    CHECK_EQ(again(&f, "media_pass"),
             1); /* and what follows it follows, though its time is earlier */
    finish_next_after(&f, "media_pass", -60000);
    finish_next_after(&f, "read_text", -60000);
    finish_next_after(&f, "publish", -60000);
    nothing_left(&f);
    clock_thaw();
    tear_down(&f);
}

TEST(pipeline_purged_jobs_of_early_stages_are_not_done_again)
{
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    run_all(&f); /* 10 ms apart, the first at 0 */
    CHECK_EQ(queue_purge(f.lib->queue, 1800000000000 + 5, &e), 1);
    CHECK_EQ(again(&f, NULL), 0);
    CHECK_EQ(again(&f, "media_pass"), 1);
    finish_next(&f, "media_pass");
    finish_next(&f, "read_text");
    finish_next(&f, "publish");
    nothing_left(&f);
    clock_advance_ms(1);
    CHECK(queue_purge(f.lib->queue, clock_now_ms(), &e) > 0);
    CHECK_EQ(again(&f, "read_text"), 1); /* nothing is known any more: it and what follows */
    finish_next(&f, "read_text");
    finish_next(&f, "publish");
    nothing_left(&f);
    clock_thaw();
    tear_down(&f);
}

TEST(pipeline_many_jobs_of_a_video_hide_none)
{
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    run_all(&f);
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct job_spec spec = {.queue = QUEUE_EXPORT, .stage = "cut", .video_id = f.video};
    CHECK_OK(db_begin(f.lib->db, DB_WRITE, &tx, &e));
    for (int i = 0; i < DB_PAGE_MAX + 10; i++) {
        char key[32];
        snprintf(key, sizeof key, "cut-%d", i);
        spec.unique_key = key;
        clock_advance_ms(1);
        CHECK_EQ(queue_add(f.lib->queue, tx, &spec, NULL, &e), QUEUE_ADDED);
    }
    CHECK_OK(db_commit(tx, &e));
    db_rollback(STEAL(tx));
    CHECK_EQ(again(&f, NULL), 0);
    clock_thaw();
    tear_down(&f);
}

/* Runs the next stage for real; it fails: there is no original to read. */
static void run_next(struct fixture *f, atomic_bool *stop, enum err_code want_why,
                     struct job_row *ret, struct arena *a)
{
    struct err e = {0}, why = {0};
    CLEANUP(job_free) struct job *job = NULL;
    struct pipeline_watch watch = {.stop = stop};
    CHECK_EQ(queue_claim(f->lib->queue, QUEUE_ALL, f->video, &job, NULL, &e), CLAIM_GOT);
    CHECK_OK(pipeline_run(f->lib, job, &watch, &why, &e));
    CHECK_EQ(why.code, want_why);
    CHECK_OK(queue_show(f->lib->queue, a, job_row(job)->id, ret, &e));
}

TEST(pipeline_a_stage_that_fails_while_the_worker_stops_uses_no_attempt)
{
    struct fixture f;
    atomic_bool stop = true;
    struct job_row row;
    CLEANUP(arena_free) struct arena *a = arena_new();
    set_up(&f);
    run_next(&f, &stop, ERR_CANCELLED, &row, a);
    CHECK_EQ(row.state, JOB_PENDING);
    CHECK_EQ(row.attempt, 0);
    tear_down(&f);
}

/* What is busy or used up now (here: descriptors) is no missing tool. */
TEST(pipeline_an_optional_stage_that_could_not_run_just_now_is_not_skipped)
{
    struct fixture f;
    struct err e = {0};
    struct job_row row;
    struct pass_names names;
    struct rlimit before, none;
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    const char *sha = "00000000000000000000000000000000000000000000000000000000000000aa";
    set_up(&f);
    clock_freeze_ms(1800000000000);
    finish_next(&f, "upload_validate");
    finish_next(&f, "media_pass");
    CHECK_OK(pass_names(f.lib, sha, &names, &e));
    struct object o = {.key = names.report,
                       .source_sha256 = sha,
                       .sha256 = sha,
                       .kind = "report",
                       .stage = stage_media.name,
                       .stage_version = stage_media.version,
                       .params_hash = names.params};
    CHECK_OK(store_put(f.lib->store, names.report, STR("{}"), STORE_REPLACE, &e));
    CHECK_OK(db_begin(f.lib->db, DB_WRITE, &tx, &e));
    CHECK_OK(db_object_put(tx, &o, &e));
    CHECK_OK(db_commit(tx, &e));
    db_rollback(STEAL(tx));
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    run_next(&f, NULL, ERR_UNAVAILABLE, &row, a);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_STR(row.stage, "read_text");
    CHECK_EQ(row.state, JOB_PENDING);
    CHECK_EQ(row.attempt, 1);
    clock_thaw();
    tear_down(&f);
}

TEST(pipeline_a_lost_lease_publishes_nothing)
{
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    CLEANUP(job_free) struct job *job = NULL, *other = NULL;
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct tx *tx = NULL;
    clock_freeze_ms(1800000000000);
    CHECK_EQ(queue_claim(f.lib->queue, QUEUE_ALL, NULL, &job, NULL, &e), CLAIM_GOT);
    clock_advance_ms(conf_ms(f.conf, CONF_QUEUE_LEASE) + 1);
    struct watchdog_report dog;
    CHECK_OK(queue_watchdog(f.lib->queue, &dog, &e));
    struct run r = {.lib = f.lib, .stage = &stage_validate, .job = job, .arena = a};
    CHECK_OK(db_begin(f.lib->db, DB_WRITE, &tx, &e));
    CHECK_OK(db_video_get(tx, a, f.video, &r.video, &e));
    CHECK_OK(db_video_set_state(tx, f.video, VIDEO_PROCESSING, &e));
    CHECK_ERR(run_finish(&r, tx, NULL, &e), ERR_CONFLICT);
    db_rollback(tx);
    CHECK_OK(db_begin(f.lib->db, DB_READ, &tx, &e));
    CHECK_OK(db_video_get(tx, a, f.video, &r.video, &e));
    CHECK_EQ(r.video.state,
             VIDEO_VALIDATING); /* the late worker's write is gone with its transaction */
    db_rollback(tx);
    clock_thaw();
    job_free(STEAL(job));
    tear_down(&f);
}

TEST(pipeline_an_unknown_stage_dies_with_a_reason)
{
    struct fixture f;
    struct err e = {0}, why = {0};
    set_up(&f);
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct job_spec spec = {
        .queue = QUEUE_EXPORT, .stage = "levitate", .video_id = f.video, .priority = 9};
    char id[UUID_MAX];
    CHECK_OK(db_begin(f.lib->db, DB_WRITE, &tx, &e));
    CHECK_OK(queue_add(f.lib->queue, tx, &spec, id, &e));
    CHECK_OK(db_commit(tx, &e));
    db_rollback(STEAL(tx));
    struct job *job = NULL;
    CHECK_EQ(queue_claim(f.lib->queue, 1u << QUEUE_EXPORT, NULL, &job, NULL, &e), CLAIM_GOT);
    CHECK_OK(pipeline_run(f.lib, job, NULL, &why, &e));
    CHECK_EQ(why.code, ERR_INTERNAL);
    job_free(job);
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct job_row row;
    CHECK_OK(queue_show(f.lib->queue, a, id, &row, &e));
    CHECK(row.dead);
    tear_down(&f);
}

TEST(library_existing_is_not_made_by_looking)
{
    struct err e = {0};
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    CLEANUP_FREE char *dir = fs_join(test_dir(), "nowhere");
    struct library *lib = NULL;
    CHECK_OK(conf_set(conf, STR("data"), str_of(dir), "test", &e));
    CHECK_ERR(library_open(conf, LIBRARY_EXISTING, &lib, &e), ERR_NOT_FOUND);
    CHECK(lib == NULL);
    CHECK_EQ(fs_exists(dir, &e), 0);
}

TEST_MAIN
