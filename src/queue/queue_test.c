/* The queue by one thread with the test clock: claiming order, leases, fencing, waiting. */
#include "queue/queue.h"

#include <signal.h>
#include <sys/wait.h>

#include "queue/test_queue.h"

/* ---- claiming ---- */

TEST(queue_names_go_both_ways)
{
    static const char *const names[] = {"video_processing", "cv_analysis", "export", "import",
                                        "maintenance"};
    enum queue_name q;

    for (int i = 0; i < QUEUE_N; i++) {
        CHECK_STR(queue_name((enum queue_name)i), names[i]);
        CHECK(queue_from_name(str_of(names[i]), &q));
        CHECK_EQ(q, i);
    }
    CHECK(!queue_from_name(STR("nope"), &q));
}

TEST(queue_claim_gives_what_was_added)
{
    int64_t next_ms;
    struct job *none = NULL;
    FIX;

    char *vid = add_video(&f, VIDEO_VALIDATING);
    char *id = add_spec(&f, (struct job_spec){.queue = QUEUE_EXPORT,
                                              .stage = "cut",
                                              .video_id = vid,
                                              .payload_json = "{\"a\":1}",
                                              .priority = 7,
                                              .max_attempts = 9,
                                              .time_limit_ms = 1234});
    {
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        const struct job_row *r = job_row(j);
        CHECK_STR(r->id, id);
        CHECK_STR(r->queue, "export");
        CHECK_STR(r->stage, "cut");
        CHECK_STR(r->video_id, vid);
        CHECK_STR(r->payload_json, "{\"a\":1}");
        CHECK_STR(r->worker_id, queue_worker_id(f.a));
        CHECK_EQ(r->priority, 7);
        CHECK_EQ(r->state, JOB_RUNNING);
        CHECK_EQ(r->attempt, 1);
        CHECK_EQ(r->max_attempts, 9);
        CHECK_EQ(r->time_limit_ms, 1234);
        CHECK_EQ(r->fence, 1);
        CHECK_EQ(r->lease_until_ms, T0 + LEASE_MS);
        CHECK_EQ(r->started_at_ms, T0);
        CHECK_EQ(job_status(j), JOB_HELD);
        CHECK_EQ(queue_claim(f.b, QUEUE_ALL, NULL, &none, &next_ms, &f.e), CLAIM_EMPTY);
        CHECK(next_ms > T0 && next_ms <= T0 + LEASE_MS + 1);
        CHECK_EQ(finish(&f, j), 0);
    }
    CHECK_EQ(show(&f, id).state, JOB_COMPLETED);
    CHECK_EQ(show(&f, id).progress, 100);
    CHECK_EQ(show(&f, id).finished_at_ms, T0);
    CHECK_EQ(queue_claim(f.b, QUEUE_ALL, NULL, &none, &next_ms, &f.e), CLAIM_EMPTY);
    CHECK_EQ(next_ms, INT64_MAX);
    CHECK(!none);
}

TEST(queue_claim_takes_high_priority_then_the_oldest)
{
    static const struct {
        enum queue_name queue;
        int priority;
        int64_t delay_ms;
        const char *stage;
    } jobs[] = {
        {QUEUE_EXPORT, 5, 0, "d"},         {QUEUE_VIDEO_PROCESSING, 5, -1, "c-older"},
        {QUEUE_EXPORT, 9, 60000, "later"}, {QUEUE_CV_ANALYSIS, 9, 0, "a"},
        {QUEUE_EXPORT, 8, 0, "b"},         {QUEUE_EXPORT, 0, 0, "e"},
    };
    static const char *const order[] = {"a", "b", "c-older", "d", "e"};
    int64_t next_ms;
    struct job *none = NULL;
    FIX;

    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        clock_freeze_ms(jobs[i].delay_ms < 0 ? T0 - 1000 : T0);
        add_spec(&f, (struct job_spec){.queue = jobs[i].queue,
                                       .stage = jobs[i].stage,
                                       .priority = jobs[i].priority,
                                       .delay_ms = jobs[i].delay_ms});
    }
    clock_freeze_ms(T0);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        CHECK_STR(job_row(j)->stage, order[i]);
        CHECK_EQ(finish(&f, j), 0);
    }
    CHECK_EQ(queue_claim(f.a, QUEUE_ALL, NULL, &none, &next_ms, &f.e), CLAIM_EMPTY);
    CHECK_EQ(next_ms, T0 + 60000);
    clock_advance_ms(60000);
    CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
    CHECK_STR(job_row(j)->stage, "later");
}

TEST(queue_claim_minds_which_queues_and_which_video)
{
    struct job *j = NULL;
    FIX;

    char *v1 = add_video(&f, VIDEO_VALIDATING), *v2 = add_video(&f, VIDEO_VALIDATING);
    add_spec(&f,
             (struct job_spec){.queue = QUEUE_EXPORT, .stage = "s", .video_id = v1, .priority = 9});
    add_spec(&f,
             (struct job_spec){.queue = QUEUE_EXPORT, .stage = "s", .video_id = v2, .priority = 1});
    CHECK_EQ(queue_claim(f.a, 1u << QUEUE_IMPORT, NULL, &j, NULL, &f.e), CLAIM_EMPTY);
    CHECK_EQ(queue_claim(f.a, QUEUE_ALL, v2, &j, NULL, &f.e), CLAIM_GOT);
    CHECK_STR(job_row(j)->video_id, v2);
    job_free(STEAL(j));
    CHECK_EQ(queue_claim(f.a, QUEUE_ALL, v2, &j, NULL, &f.e), CLAIM_EMPTY);
}

TEST(queue_concurrency_holds_over_all_workers)
{
    struct queue_settings s;
    FIX;

    s = queue_settings(f.a, QUEUE_EXPORT);
    s.concurrency = 2;
    queue_set_settings(f.a, QUEUE_EXPORT, &s);
    queue_set_settings(f.b, QUEUE_EXPORT, &s);
    for (int i = 0; i < 4; i++)
        add_spec(&f, (struct job_spec){.queue = QUEUE_EXPORT, .stage = "s", .priority = 5});
    CLEANUP(job_free) struct job *one = claim_ok(&f, f.a);
    CLEANUP(job_free) struct job *two = claim_ok(&f, f.b);
    CHECK(!claim(&f, f.a));
    CHECK(!claim(&f, f.b));
    CHECK_EQ(finish(&f, one), 0);
    CLEANUP(job_free) struct job *three = claim_ok(&f, f.b);
    CHECK(!claim(&f, f.a));
    CHECK(three && two);
}

TEST(queue_has_no_two_live_jobs_of_the_same_video_and_stage)
{
    char id[UUID_MAX];
    FIX;

    char *vid = add_video(&f, VIDEO_VALIDATING);
    struct job_spec spec = {.queue = QUEUE_EXPORT, .stage = "s", .video_id = vid, .priority = 5};
    char *first = add_spec(&f, spec);
    for (int i = 0; i < 2; i++) { /* pending, then running */
        CLEANUP(job_free) struct job *j = i ? claim_ok(&f, f.a) : NULL;
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
        CHECK_EQ(queue_add(f.a, tx, &spec, id, &f.e), QUEUE_EXISTS);
        CHECK_STR(id, first);
        db_rollback(STEAL(tx));
        if (j)
            CHECK_EQ(finish(&f, j), 0);
    }
    CHECK(strcmp(add_spec(&f, spec), first) != 0);
    spec.stage = "other";
    add_spec(&f, spec);
}

TEST(queue_add_that_is_rolled_back_adds_nothing)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct job_spec spec = {.queue = QUEUE_EXPORT, .stage = "s", .priority = 5};
    FIX;

    CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
    CHECK_EQ(queue_add(f.a, tx, &spec, NULL, &f.e), QUEUE_ADDED);
    db_rollback(STEAL(tx));
    CHECK(!claim(&f, f.a));
    CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
    CLEANUP_FREE char *huge = xmalloc(JOB_PAYLOAD_MAX + 2);
    memset(huge, ' ', JOB_PAYLOAD_MAX + 1);
    huge[JOB_PAYLOAD_MAX + 1] = '\0';
    spec.payload_json = huge;
    CHECK(queue_add(f.a, tx, &spec, NULL, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_LIMIT);
    db_rollback(STEAL(tx));
}

/* ---- leases and fences ---- */

TEST(queue_lease_that_runs_out_returns_the_job)
{
    FIX;
    char *id = add(&f, "s");
    CLEANUP(job_free) struct job *first = claim_ok(&f, f.a);
    CHECK_EQ(job_status(first), JOB_HELD);
    clock_advance_ms(LEASE_MS);
    CHECK(!claim(&f, f.b));
    clock_advance_ms(1);
    CLEANUP(job_free) struct job *again = claim_ok(&f, f.b);
    CHECK_STR(job_row(again)->id, id);
    CHECK_EQ(job_row(again)->attempt, 1); /* the worker went, the job did not fail */
    CHECK_EQ(job_row(again)->abandoned, 1);
    CHECK_EQ(job_row(again)->fence, 2);
    CHECK(strstr(job_row(again)->error.text, "lease ran out in attempt 1 of 3"));
}

TEST(queue_late_worker_does_not_get_its_lease_into_a_transaction)
{
    FIX;
    add(&f, "s");
    CLEANUP(job_free) struct job *late = claim_ok(&f, f.a);
    struct tx *tx = NULL;
    clock_advance_ms(10);
    CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
    CHECK_EQ(queue_renew_in(tx, late, &f.e), 0);
    CHECK_EQ(db_commit(tx, &f.e), 0);
    db_rollback(tx);
    CHECK_EQ(show(&f, job_row(late)->id).lease_until_ms, clock_now_ms() + LEASE_MS);
    clock_advance_ms(LEASE_MS + 1);
    CLEANUP(job_free) struct job *j = claim_ok(&f, f.b);
    CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
    CHECK(queue_renew_in(tx, late, &f.e) < 0);
    CHECK_EQ(f.e.code, ERR_CONFLICT);
    db_rollback(tx);
    CHECK_EQ(job_status(late), JOB_LOST);
    CHECK_EQ(finish(&f, j), 0);
}

TEST(queue_late_worker_publishes_nothing)
{
    FIX;
    char *vid = add_video(&f, VIDEO_PROCESSING);
    char *id = add_spec(
        &f, (struct job_spec){.queue = QUEUE_EXPORT, .stage = "s", .video_id = vid, .priority = 5});
    CLEANUP(job_free) struct job *late = claim_ok(&f, f.a);
    clock_advance_ms(LEASE_MS + 1);
    CLEANUP(job_free) struct job *owner = claim_ok(&f, f.b);
    { /* its results and its completion stand or fall together */
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
        CHECK_EQ(db_video_edit(tx, vid, &(struct video_edit){.title = "late"}, &f.e), 0);
        CHECK(queue_finish(tx, late, NULL, &f.e) < 0);
        CHECK_EQ(f.e.code, ERR_CONFLICT);
    }
    struct err w = why(ERR_PROCESSING);
    CHECK_EQ(job_status(late), JOB_LOST);
    CHECK_EQ(queue_renew(f.a, late, &f.e), QUEUE_LOST);
    CHECK_EQ(queue_progress(f.a, late, 50, "x", 50, &f.e), QUEUE_LOST);
    CHECK_EQ(queue_fail(f.a, late, &w, &f.e), QUEUE_FAIL_LOST);
    CHECK_EQ(queue_release(f.a, late, &f.e), QUEUE_FAIL_LOST);
    CHECK_STR(video(&f, vid).title, "");
    CHECK_EQ(show(&f, id).state, JOB_RUNNING);
    CHECK_EQ(job_status(owner), JOB_HELD);
    CHECK_EQ(finish(&f, owner), 0);
    CHECK(finish(&f, owner) < 0); /* once only */
    CHECK_EQ(f.e.code, ERR_CONFLICT);
}

TEST(queue_heartbeat_keeps_leases_and_flags_the_lost)
{
    FIX;
    char *kept = add(&f, "kept");
    CLEANUP(job_free) struct job *k = claim_ok(&f, f.a);
    for (int i = 0; i < 10; i++) {
        clock_advance_ms(LEASE_MS / 3);
        CHECK_EQ(queue_heartbeat(f.a, &f.e), 0);
    }
    CHECK_EQ(show(&f, kept).lease_until_ms, T0 + 10 * (LEASE_MS / 3) + LEASE_MS);
    CHECK(!claim(&f, f.b));
    clock_advance_ms(LEASE_MS + 1);
    CLEANUP(job_free) struct job *stolen = claim_ok(&f, f.b);
    CHECK_EQ(job_status(k), JOB_HELD); /* it can not know yet */
    CHECK_EQ(queue_heartbeat(f.a, &f.e), 0);
    CHECK_EQ(job_status(k), JOB_LOST);
    CHECK_EQ(job_status(stolen), JOB_HELD);
}

TEST(queue_heartbeat_does_not_call_a_finished_job_lost)
{
    FIX;
    add(&f, "s");
    CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
    CHECK_EQ(finish(&f, j), 0);
    CHECK_EQ(queue_heartbeat(f.a, &f.e), 0);
    CHECK_EQ(job_status(j), JOB_HELD);
}

TEST(queue_job_overtime_is_told_to_its_owner_then_taken)
{
    struct watchdog_report rep;
    FIX;

    char *id = add_spec(&f, (struct job_spec){.queue = QUEUE_EXPORT,
                                              .stage = "s",
                                              .priority = 5,
                                              .max_attempts = 2,
                                              .time_limit_ms = 100000});
    for (int attempt = 1; attempt <= 2; attempt++) {
        CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
        for (int i = 0; i < 10; i++) { /* alive all the time */
            clock_advance_ms(10000);
            CHECK_EQ(queue_heartbeat(f.a, &f.e), 0);
        }
        CHECK_EQ(job_status(j), JOB_HELD);
        clock_advance_ms(1);
        CHECK_EQ(job_status(j), JOB_OVERTIME);
        CHECK_EQ(queue_watchdog(f.b, &rep, &f.e), 0);
        CHECK_EQ(rep.overtime, 0);
        clock_advance_ms(20000);
        CHECK_EQ(queue_heartbeat(f.a, &f.e), 0);
        clock_advance_ms(10000);
        CHECK_EQ(queue_watchdog(f.b, &rep, &f.e), 0);
        CHECK_EQ(rep.overtime, 1);
        CHECK_EQ(rep.leases_expired, 0);
        CHECK_EQ(rep.dead, attempt == 2);
        CHECK_EQ(queue_heartbeat(f.a, &f.e), 0);
        CHECK_EQ(job_status(j), JOB_LOST);
        clock_advance_ms(60000);
    }
    CHECK_EQ(show(&f, id).error.code, ERR_TIMEOUT);
    CHECK(show(&f, id).dead);
    CHECK_EQ(f.n_dead, 1);
}

TEST(queue_worker_whose_process_ended_loses_its_job_at_once)
{
    int status;
    FIX;

    char *id = add(&f, "s");
    /* A child with a worker id of its own: opens nothing, so that no connection crosses the fork. */
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        char *worker = worker_id_new();
        size_t n = strlen(worker);
        if (write(fds[1], worker, n) != (ssize_t)n)
            _exit(1);
        pause();
        _exit(0);
    }
    char worker[512] = "";
    CHECK(read(fds[0], worker, sizeof(worker) - 1) > 0);
    close(fds[0]);
    close(fds[1]);
    CHECK(strcmp(worker, queue_worker_id(f.a)) != 0);
    CHECK(!worker_id_is_gone(worker));
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_EQ(db_begin(f.db, DB_WRITE, &tx, &f.e), 0);
        CHECK_EQ(db_job_claim(tx, id, worker, T0 + LEASE_MS, &f.e), 1);
        CHECK_EQ(db_commit(tx, &f.e), 0);
    }
    CHECK(!claim(&f, f.a));
    CHECK_EQ(kill(pid, SIGKILL), 0);
    siginfo_t si;
    CHECK_EQ(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0); /* a zombie now */
    CHECK(worker_id_is_gone(worker));
    clock_advance_ms(QUEUE_LOOK_AROUND_MS);
    CLEANUP(job_free) struct job *j = claim_ok(&f, f.a);
    CHECK_STR(job_row(j)->id, id);
    CHECK_EQ(job_row(j)->attempt, 1);
    CHECK_EQ(job_row(j)->abandoned, 1);
    CHECK(strstr(job_row(j)->error.text, "process is gone"));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(worker_id_is_gone(worker));
}

TEST(worker_id_of_elsewhere_is_never_called_gone)
{
    CLEANUP_FREE char *ours = worker_id_new();
    CLEANUP_FREE char *again = worker_id_new();
    static const char *const others[] = {
        "", "x", "h//1.1/0", "h/b.1/1.1/0", "///", "h/other-boot.4026531836/1.5/0"};

    CHECK(strcmp(ours, again) != 0);
    CHECK(!worker_id_is_gone(ours));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK(!worker_id_is_gone(others[i]));
    /* the same process number, started at another time: another process had it */
    char *dot = strrchr(ours, '.');
    CHECK(dot != NULL);
    CLEANUP_FREE char *older = xasprintf("%.*s.1/0", (int)(dot - ours), ours);
    CHECK(worker_id_is_gone(older));
}

/* ---- waiting ---- */

static void *add_soon(void *arg)
{
    add(arg, "woken");
    return NULL;
}

TEST(queue_wait_wakes_for_a_job_added_by_another_thread)
{
    struct job *j = NULL;
    int64_t next_ms;
    pthread_t t;
    FIX;

    CHECK_EQ(queue_claim(f.b, QUEUE_ALL, NULL, &j, &next_ms, &f.e), CLAIM_EMPTY);
    CHECK_EQ(pthread_create(&t, NULL, add_soon, &f), 0);
    CHECK_EQ(queue_wait(f.b, next_ms, -1), WAIT_CHANGED);
    CHECK_EQ(pthread_join(t, NULL), 0);
    j = claim_ok(&f, f.b);
    job_free(j);
}

TEST(queue_wait_sees_what_happened_between_claim_and_wait)
{
    struct job *j = NULL;
    int64_t next_ms;
    FIX;

    CHECK_EQ(queue_claim(f.b, QUEUE_ALL, NULL, &j, &next_ms, &f.e), CLAIM_EMPTY);
    add(&f, "s");
    CHECK_EQ(queue_wait(f.b, next_ms, -1), WAIT_CHANGED);
}

TEST(queue_wait_ends_when_time_has_come_or_is_over_or_stopped)
{
    FIX;
    CHECK_EQ(queue_wait(f.a, T0, -1), WAIT_CHANGED);
    CHECK_EQ(queue_wait(f.a, INT64_MAX, clock_mono_ms()), WAIT_TIMEOUT);
    queue_stop(f.a);
    CHECK_EQ(queue_wait(f.a, INT64_MAX, -1), WAIT_STOPPED);
}

TEST(queue_heartbeat_thread_renews_by_itself)
{
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    struct queue *q;
    FIX;

    CHECK_EQ(conf_set(conf, STR("queue.lease"), STR("1s"), "test", &f.e), 0);
    CHECK_EQ(queue_new(f.db, conf, &q, &f.e), 0);
    CHECK_EQ(queue_heartbeat_start(q, &f.e), 0);
    CHECK_EQ(queue_heartbeat_start(q, &f.e), 0);
    char *id = add(&f, "s");
    {
        CLEANUP(job_free) struct job *j = claim_ok(&f, q);
        CHECK_EQ(job_status(j), JOB_HELD);
        clock_advance_ms(900); /* the next beat must put the lease 1 s after this */
        int64_t until = 0;
        for (int i = 0; i < 100 && until != T0 + 1900; i++) { /* at most 10 s */
            (void)queue_wait(f.b, INT64_MAX, -1);
            until = show(&f, id).lease_until_ms;
        }
        CHECK_EQ(until, T0 + 1900);
    }
    queue_free(q);
}

TEST_MAIN
