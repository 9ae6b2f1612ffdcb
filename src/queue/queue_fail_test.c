/* What becomes of attempts that fail: retries, dead letters, replay by hand, the watchdog. */
#include "queue/test_queue.h"

/* ---- failing ---- */

TEST(queue_backoff_doubles_within_its_bounds)
{
    struct queue_settings s = {.backoff_ms = 1000};

    for (int attempt = 1; attempt < 70; attempt++) {
        int64_t want = attempt > 30 ? QUEUE_BACKOFF_MAX_MS
                                    : MIN((int64_t)1000 << (attempt - 1), QUEUE_BACKOFF_MAX_MS);
        bool differs = false;
        int64_t first = queue_backoff_ms(&s, attempt);
        for (int i = 0; i < 50; i++) {
            int64_t ms = queue_backoff_ms(&s, attempt);
            CHECK(ms >= want / 2 && ms <= want);
            differs = differs || ms != first;
        }
        CHECK(differs);
    }
    s.backoff_ms = 0;
    CHECK_EQ(queue_backoff_ms(&s, 5), 0);
}

TEST(queue_failed_attempts_are_repeated_and_then_dead)
{
    FIX;
    char *vid = add_video(&f, VIDEO_PROCESSING);
    char *id = add_spec(
        &f, (struct job_spec){
                .queue = QUEUE_VIDEO_PROCESSING, .stage = "s", .video_id = vid, .priority = 5});
    struct err w = why(ERR_STORAGE);
    for (int attempt = 1; attempt <= 3; attempt++) {
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        CHECK_EQ(job_row(j)->attempt, attempt);
        CHECK_EQ(queue_fail(f.a, j, &w, &f.e), attempt < 3 ? QUEUE_FAIL_RETRY : QUEUE_FAIL_DEAD);
        struct job_row row = show(&f, id);
        CHECK_STR(row.error.category, "storage");
        CHECK_STR(row.error.text, "went wrong");
        CHECK_STR(row.error.plain, err_plain_text(&w));
        CHECK_STR(row.error.next, err_next_text(&w));
        if (attempt == 3)
            break;
        CHECK_EQ(row.state, JOB_PENDING);
        int64_t wait_ms = row.run_at_ms - clock_now_ms();
        CHECK(wait_ms >= 2500 * attempt && wait_ms <= 5000 * attempt);
        CHECK(!claim(&f, f.a));
        clock_advance_ms(wait_ms);
        CHECK_EQ(video(&f, vid).state, VIDEO_PROCESSING);
    }
    struct job_row row = show(&f, id);
    CHECK_EQ(row.state, JOB_FAILED);
    CHECK(row.dead);
    CHECK_EQ(f.n_dead, 1);
    CHECK_EQ(video(&f, vid).state, VIDEO_FAILED);
    CHECK_STR(video(&f, vid).error.text, "went wrong");
    CHECK_EQ(video(&f, vid).error.code, ERR_STORAGE);
    CHECK(!claim(&f, f.a));
}

TEST(queue_every_error_code_has_its_fate)
{
    FIX;
    for (int code = ERR_OK + 1; code < ERR_CODE_N; code++) {
        char *id = add(&f, "s");
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        CHECK_STR(job_row(j)->id, id);
        struct err w = why((enum err_code)code);
        int want = code == ERR_CANCELLED                       ? QUEUE_FAIL_RELEASED
                   : err_class((enum err_code)code)->retryable ? QUEUE_FAIL_RETRY
                                                               : QUEUE_FAIL_DEAD;
        CHECK_EQ(queue_fail(f.a, j, &w, &f.e), want);
        struct job_row row = show(&f, id);
        CHECK_EQ(row.state, want == QUEUE_FAIL_DEAD ? JOB_FAILED : JOB_PENDING);
        CHECK_EQ(row.attempt, want == QUEUE_FAIL_RELEASED ? 0 : 1);
        CHECK_EQ(queue_cancel(f.a, id, &f.e), want != QUEUE_FAIL_DEAD);
    }
}

TEST(queue_death_of_an_optional_stage_keeps_the_video)
{
    FIX;
    char *vid = add_video(&f, VIDEO_PROCESSING);
    add_spec(&f, (struct job_spec){.queue = QUEUE_EXPORT,
                                   .stage = "s",
                                   .video_id = vid,
                                   .priority = 5,
                                   .keeps_video = true});
    CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
    struct err w = why(ERR_INPUT);
    CHECK_EQ(queue_fail(f.a, j, &w, &f.e), QUEUE_FAIL_DEAD);
    CHECK_EQ(video(&f, vid).state, VIDEO_PROCESSING);
}

TEST(queue_job_that_keeps_killing_its_workers_is_buried_with_its_video)
{
    FIX;
    char *vid = add_video(&f, VIDEO_PROCESSING);
    char *id =
        add_spec(&f, (struct job_spec){
                         .queue = QUEUE_EXPORT, .stage = "poison", .video_id = vid, .priority = 5});
    for (int n = 1; n <= QUEUE_ABANDONED_MAX; n++) {
        CLEANUP(job_free) struct job *j = claim_ok(&f, n % 2 ? f.a : f.b);
        CHECK_EQ(job_row(j)->attempt, 1); /* of three: a worker that goes takes none with it */
        CHECK_EQ(job_row(j)->abandoned, n - 1);
        clock_advance_ms(LEASE_MS + 1);
        if (n == 1) /* the first crash is repeated at once */
            continue;
        CHECK(!claim(&f, f.b)); /* this one takes it back: for later, or for good */
        clock_advance_ms(QUEUE_BACKOFF_MAX_MS);
    }
    CHECK(!claim(&f, f.a));
    struct job_row row = show(&f, id);
    CHECK(row.dead);
    CHECK_EQ(row.error.code, ERR_PROCESSING);
    CHECK_EQ(row.abandoned, QUEUE_ABANDONED_MAX);
    CHECK(strstr(row.error.text, "the 10. of 10 to go"));
    CHECK_EQ(f.n_dead, 1);
    CHECK_EQ(video(&f, vid).state, VIDEO_FAILED);
    CHECK(strstr(video(&f, vid).error.plain, "ended unexpectedly"));
}

TEST(queue_failures_count_as_before_when_workers_were_killed_in_between)
{
    FIX;
    char *id = add(&f, "s");
    struct err w = why(ERR_STORAGE);
    for (int attempt = 1; attempt <= 3; attempt++) {
        for (int kill = 0; kill < 3; kill++) {
            CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
            CHECK_EQ(job_row(j)->attempt, attempt);
            clock_advance_ms(LEASE_MS + 1);
            (void)queue_watchdog(f.b, &(struct watchdog_report){0}, &f.e);
            clock_advance_ms(QUEUE_BACKOFF_MAX_MS);
        }
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        CHECK_EQ(queue_fail(f.a, j, &w, &f.e), attempt < 3 ? QUEUE_FAIL_RETRY : QUEUE_FAIL_DEAD);
        clock_advance_ms(QUEUE_BACKOFF_MAX_MS);
    }
    CHECK(show(&f, id).dead);
    CHECK_EQ(queue_retry(f.a, id, &f.e), QUEUE_ADDED);
    CHECK_EQ(show(&f, id).abandoned, 0);
}

TEST(queue_release_gives_back_unharmed)
{
    FIX;
    char *id = add(&f, "s");
    for (int i = 0; i < 5; i++) {
        CLEANUP(job_free) struct job *j = claim_ok(&f, i % 2 ? f.a : f.b);
        CHECK_EQ(job_row(j)->attempt, 1);
        CHECK_EQ(job_row(j)->fence, i + 1);
        CHECK_EQ(queue_release(i % 2 ? f.a : f.b, j, &f.e), QUEUE_FAIL_RELEASED);
        CHECK_EQ(show(&f, id).state, JOB_PENDING);
    }
}

/* ---- by hand ---- */

TEST(queue_retry_revives_job_and_video)
{
    FIX;
    char *vid = add_video(&f, VIDEO_PROCESSING);
    struct job_spec spec = {.queue = QUEUE_EXPORT, .stage = "s", .video_id = vid, .priority = 5};
    char *id = add_spec(&f, spec);
    struct err w = why(ERR_INPUT);
    {
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        CHECK(queue_retry(f.a, id, &f.e) < 0);
        CHECK_EQ(f.e.code, ERR_CONFLICT);
        CHECK_EQ(queue_fail(f.a, j, &w, &f.e), QUEUE_FAIL_DEAD);
    }
    CHECK_EQ(video(&f, vid).state, VIDEO_FAILED);
    CHECK_EQ(queue_retry(f.a, id, &f.e), QUEUE_ADDED);
    CHECK_EQ(video(&f, vid).state, VIDEO_PROCESSING);
    struct job_row row = show(&f, id);
    CHECK_EQ(row.state, JOB_PENDING);
    CHECK_EQ(row.attempt, 0);
    CHECK(!row.dead);
    CHECK_EQ(row.error.code, ERR_OK);
    {
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        CHECK_EQ(queue_fail(f.a, j, &w, &f.e), QUEUE_FAIL_DEAD);
    }
    char *newer = add_spec(&f, spec);
    CHECK(queue_retry(f.a, id, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_CONFLICT);
    CHECK_EQ(queue_cancel(f.a, newer, &f.e), 1);
    CHECK_EQ(queue_cancel(f.a, newer, &f.e), 0);
    CHECK(!show(&f, newer).dead);
    CHECK_EQ(show(&f, newer).error.code, ERR_CANCELLED);
    CHECK(queue_retry(f.a, vid, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_NOT_FOUND);
}

TEST(queue_cancel_takes_a_running_job_from_its_owner)
{
    FIX;
    char *id = add(&f, "s");
    CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
    CHECK_EQ(queue_cancel(f.b, id, &f.e), 1);
    CHECK_EQ(queue_heartbeat(f.a, &f.e), 0);
    CHECK_EQ(job_status(j), JOB_LOST);
    CHECK(finish(&f, j) < 0);
    CHECK_EQ(show(&f, id).state, JOB_FAILED);
}

TEST(queue_lists_counts_and_purges)
{
    struct queue_stats st;
    struct job_page page;
    struct job_filter all = {.limit = 3};
    size_t n = 0;
    FIX;

    for (int i = 0; i < 8; i++) {
        clock_advance_ms(10);
        add_spec(&f, (struct job_spec){.queue = QUEUE_EXPORT, .stage = "s", .priority = 5});
    }
    add_spec(&f, (struct job_spec){.queue = QUEUE_IMPORT, .stage = "t", .priority = 0});
    struct err w = why(ERR_INPUT);
    {
        CLEANUP(job_free) struct job *done = claim_ok(&f, f.a);
        CLEANUP(job_free) struct job *dead = claim_ok(&f, f.a);
        CHECK_EQ(finish(&f, done), 0);
        CHECK_EQ(queue_fail(f.a, dead, &w, &f.e), QUEUE_FAIL_DEAD);
    }
    CLEANUP(job_free) struct job *running = claim_ok(&f, f.a);
    CHECK_EQ(job_status(running), JOB_HELD);
    CHECK_EQ(queue_stats(f.a, &st, &f.e), 0);
    CHECK_EQ(st.depth[QUEUE_EXPORT][JOB_PENDING], 5);
    CHECK_EQ(st.depth[QUEUE_EXPORT][JOB_RUNNING], 1);
    CHECK_EQ(st.depth[QUEUE_EXPORT][JOB_COMPLETED], 1);
    CHECK_EQ(st.depth[QUEUE_EXPORT][JOB_FAILED], 1);
    CHECK_EQ(st.dead[QUEUE_EXPORT], 1);
    CHECK_EQ(st.dead[QUEUE_IMPORT], 0);
    CHECK_EQ(st.depth[QUEUE_IMPORT][JOB_PENDING], 1);
    CHECK_EQ(st.oldest_pending_ms[QUEUE_EXPORT], T0 + 40);
    int64_t before_ms = INT64_MAX;
    do {
        CHECK_EQ(queue_list(f.a, f.mem, &all, &page, &f.e), 0);
        for (size_t i = 0; i < page.n; i++) {
            CHECK(page.jobs[i].created_at_ms <= before_ms);
            before_ms = page.jobs[i].created_at_ms;
        }
        n += page.n;
        all.after = page.next;
    } while (all.after);
    CHECK_EQ(n, 9);
    CHECK_EQ(queue_list(f.a, f.mem, &(struct job_filter){.dead_only = true}, &page, &f.e), 0);
    CHECK_EQ(page.n, 1);
    CHECK_EQ(queue_list(f.a, f.mem,
                        &(struct job_filter){.queue = "import", .states = 1u << JOB_PENDING}, &page,
                        &f.e),
             0);
    CHECK_EQ(page.n, 1);
    CHECK_EQ(queue_list(f.a, f.mem, &(struct job_filter){.stage = "t", .states = 1u << JOB_RUNNING},
                        &page, &f.e),
             0);
    CHECK_EQ(page.n, 0);
    CHECK_EQ(queue_purge(f.a, clock_now_ms(), &f.e), 0);
    CHECK_EQ(queue_purge(f.a, clock_now_ms() + 1, &f.e), 1);
    CHECK_EQ(queue_stats(f.a, &st, &f.e), 0);
    CHECK_EQ(st.depth[QUEUE_EXPORT][JOB_COMPLETED], 0);
    CHECK_EQ(st.dead[QUEUE_EXPORT], 1);
}

TEST(queue_progress_is_written_now_and_then_and_moves_the_video)
{
    char note[400];
    FIX;

    char *vid = add_video(&f, VIDEO_PROCESSING);
    char *id = add_spec(
        &f, (struct job_spec){.queue = QUEUE_EXPORT, .stage = "s", .video_id = vid, .priority = 5});
    CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
    CHECK_EQ(queue_progress(f.a, j, 10, NULL, 5, &f.e), QUEUE_HELD);
    CHECK_EQ(show(&f, id).progress, 10);
    CHECK_EQ(queue_progress(f.a, j, 20, NULL, 9, &f.e), QUEUE_HELD); /* too soon */
    CHECK_EQ(show(&f, id).progress, 10);
    clock_advance_ms(QUEUE_PROGRESS_EVERY_MS);
    CHECK_EQ(queue_progress(f.a, j, 30, NULL, 12, &f.e), QUEUE_HELD);
    CHECK_EQ(show(&f, id).progress, 30);
    CHECK_EQ(video(&f, vid).progress, 12);
    CHECK_EQ(show(&f, id).lease_until_ms, clock_now_ms() + LEASE_MS);
    for (size_t i = 0; i < sizeof(note) - 2; i += 2) /* two bytes a character: never cut in one */
        memcpy(note + i, "ä", 3);
    CHECK_EQ(queue_progress(f.a, j, 31, note + 0, -1, &f.e), QUEUE_HELD);
    CHECK_EQ(strlen(show(&f, id).note), JOB_NOTE_MAX);
    CHECK(utf8_valid(str_of(show(&f, id).note)));
    clock_advance_ms(QUEUE_PROGRESS_EVERY_MS);
    CHECK_EQ(queue_progress(f.a, j, 32, NULL, -1, &f.e), QUEUE_HELD);
    CHECK_EQ(strlen(show(&f, id).note), JOB_NOTE_MAX);
}

/* ---- the watchdog ---- */

TEST(watchdog_fails_uploads_and_videos_that_nobody_works_on)
{
    const int64_t hour_ms = 3600 * 1000;
    struct watchdog_report rep;
    char up[UUID_MAX], young[UUID_MAX];
    FIX;

    char *with_upload = add_video(&f, VIDEO_UPLOADING), *alive = add_video(&f, VIDEO_UPLOADING);
    char *lonely = add_video(&f, VIDEO_UPLOADING), *lost = add_video(&f, VIDEO_PROCESSING);
    char *queued = add_video(&f, VIDEO_VALIDATING), *done = add_video(&f, VIDEO_INDEXED);
    add_spec(&f, (struct job_spec){.queue = QUEUE_EXPORT,
                                   .stage = "s",
                                   .video_id = queued,
                                   .priority = 5,
                                   .delay_ms = 100 * hour_ms});
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
        struct upload u = {.video_id = with_upload, .scratch_path = "scratch/x"};
        CHECK_EQ(db_upload_add(tx, &u, up, &f.e), 0);
        u.video_id = alive;
        CHECK_EQ(db_upload_add(tx, &u, young, &f.e), 0);
        CHECK_EQ(db_commit(tx, &f.e), 0);
    }
    clock_advance_ms(3 * hour_ms);
    CHECK_EQ(queue_watchdog(f.a, &rep, &f.e), 0);
    CHECK_EQ(rep.uploads_failed + rep.videos_failed, 0);
    clock_advance_ms(2 * hour_ms);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
        CHECK_EQ(db_upload_progress(tx, young, 5, &f.e), 0);
        CHECK_EQ(db_commit(tx, &f.e), 0);
    }
    CHECK_EQ(queue_watchdog(f.a, &rep, &f.e), 0);
    CHECK_EQ(rep.videos_failed, 1);
    CHECK_EQ(video(&f, lost).state, VIDEO_FAILED);
    clock_advance_ms(1 * hour_ms + 1);
    CHECK_EQ(queue_watchdog(f.a, &rep, &f.e), 0);
    CHECK_EQ(rep.uploads_failed, 1);
    CHECK_EQ(rep.videos_failed, 2);
    CHECK_EQ(f.n_uploads, 1);
    CHECK_EQ(video(&f, with_upload).state, VIDEO_FAILED);
    CHECK_EQ(video(&f, with_upload).error.code, ERR_TIMEOUT);
    CHECK_EQ(video(&f, lonely).state, VIDEO_FAILED);
    CHECK_EQ(video(&f, alive).state, VIDEO_UPLOADING);
    CHECK_EQ(video(&f, queued).state, VIDEO_VALIDATING);
    CHECK_EQ(video(&f, done).state, VIDEO_INDEXED);
    CHECK_EQ(queue_watchdog(f.a, &rep, &f.e), 0);
    CHECK_EQ(rep.uploads_failed + rep.videos_failed, 0);
}

TEST(watchdog_forgets_what_ended_long_ago)
{
    const int64_t day_ms = (int64_t)24 * 3600 * 1000;
    struct watchdog_report rep;
    char up[UUID_MAX];
    FIX;

    char *done = add(&f, "s");
    {
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        CHECK_EQ(finish(&f, j), 0);
    }
    char *dead = add(&f, "s");
    {
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        struct err w = why(ERR_INPUT);
        CHECK_EQ(queue_fail(f.a, j, &w, &f.e), QUEUE_FAIL_DEAD);
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
        struct upload u = {.scratch_path = "scratch/x"};
        CHECK_EQ(db_upload_add(tx, &u, up, &f.e), 0);
        CHECK_EQ(db_upload_set_state(tx, up, UPLOAD_FAILED, NULL, NULL, &w, &f.e), 0);
        CHECK_EQ(db_commit(tx, &f.e), 0);
    }
    clock_advance_ms(90 * day_ms);
    CHECK_EQ(queue_watchdog(f.a, &rep, &f.e), 0);
    CHECK_EQ(rep.purged, 0);
    clock_advance_ms(1);
    CHECK_EQ(queue_watchdog(f.a, &rep, &f.e), 0);
    CHECK_EQ(rep.purged, 2);
    struct job_row row;
    CHECK(queue_show(f.a, f.mem, done, &row, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_NOT_FOUND);
    CHECK(show(&f, dead).dead); /* stays until someone has looked at it */
}

TEST_MAIN
