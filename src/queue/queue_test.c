/* The queue by one thread with the test clock: claiming order, leases, fencing, retries, dead letters, watchdog. */
#include "queue/queue.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/test.h"
#include "conf/conf.h"
#include "db/db_videos.h"
#include "queue/queue_priv.h"

#define T0       ((int64_t)1700000000000)
#define LEASE_MS 30000

struct fix {
    struct db *db;
    struct queue *a, *b; /* two workers */
    struct arena *mem;
    struct err e;
    int n_dead, n_uploads;
};

static void on_dead(void *arg, const struct job_row *job)
{
    struct fix *f = arg;
    CHECK(job->dead);
    CHECK_EQ(job->state, JOB_FAILED);
    f->n_dead++;
}

static void on_upload(void *arg, const struct upload *up)
{
    struct fix *f = arg;
    CHECK_STR(up->scratch_path, "scratch/x");
    f->n_uploads++;
}

static void fix_begin(struct fix *f)
{
    static int n;
    char name[32];

    log_setup(LOG_OFF, LOG_LOGFMT, 2);
    clock_freeze_ms(T0);
    snprintf(name, sizeof(name), "queue%d.db", n++);
    CLEANUP_FREE char *path = fs_join(test_dir(), name);
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    *f = (struct fix){.mem = arena_new()};
    if (db_open(path, &f->db, &f->e) < 0 || queue_new(f->db, conf, &f->a, &f->e) < 0 ||
        queue_new(f->db, conf, &f->b, &f->e) < 0)
        fail_msg("%s", f->e.text);
    struct queue_hooks hooks = {.arg = f, .dead = on_dead, .upload_failed = on_upload};
    queue_set_hooks(f->a, &hooks);
    queue_set_hooks(f->b, &hooks);
}

static void fix_end(struct fix *f)
{
    queue_free(f->b);
    queue_free(f->a);
    db_close(f->db);
    arena_free(f->mem);
    clock_thaw();
}
#define FIX                                                                                        \
    __attribute__((cleanup(fix_end))) struct fix f;                                                \
    fix_begin(&f)

static char *add_spec(struct fix *f, struct job_spec spec)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    char id[UUID_MAX];

    if (db_begin(f->db, DB_WRITE, &tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
    CHECK_EQ(queue_add(f->a, tx, &spec, id, &f->e), QUEUE_ADDED);
    if (db_commit(tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return arena_strdup(f->mem, id);
}

static char *add(struct fix *f, const char *stage)
{
    return add_spec(f, (struct job_spec){.queue = QUEUE_VIDEO_PROCESSING,
                                         .stage = stage,
                                         .priority = JOB_PRIORITY_DEFAULT});
}

static char *add_video(struct fix *f, enum video_state state)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    char id[UUID_MAX];

    if (db_begin(f->db, DB_WRITE, &tx, &f->e) < 0 ||
        db_video_add(tx, &(struct video){.state = state}, id, &f->e) < 0 ||
        db_commit(tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return arena_strdup(f->mem, id);
}

static struct video video(struct fix *f, const char *id)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v;

    if (db_begin(f->db, DB_READ, &tx, &f->e) < 0 || db_video_get(tx, f->mem, id, &v, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return v;
}

static struct job *claim(struct fix *f, struct queue *q)
{
    struct job *j = NULL;
    int r = queue_claim(q, QUEUE_ALL, NULL, &j, NULL, &f->e);

    if (r < 0)
        fail_msg("%s", f->e.text);
    return j;
}

static struct job *claim_ok(struct fix *f, struct queue *q)
{
    struct job *j = claim(f, q);

    CHECK(j != NULL);
    return j;
}

static int finish(struct fix *f, struct job *j)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(f->db, DB_WRITE, &tx, &f->e) < 0 || queue_finish(tx, j, NULL, &f->e) < 0 ||
        db_commit(tx, &f->e) < 0)
        return -1;
    return 0;
}

static struct job_row show(struct fix *f, const char *id)
{
    struct job_row row;

    if (queue_show(f->a, f->mem, id, &row, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return row;
}

static struct err why(enum err_code code)
{
    struct err w = {0};

    err_set(&w, code, "went wrong");
    return w;
}

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
    clock_advance_ms(LEASE_MS);
    CHECK(!claim(&f, f.b));
    clock_advance_ms(1);
    CLEANUP(job_free) struct job *again = claim_ok(&f, f.b);
    CHECK_STR(job_row(again)->id, id);
    CHECK_EQ(job_row(again)->attempt, 2);
    CHECK_EQ(job_row(again)->fence, 2);
    CHECK(strstr(job_row(again)->error.text, "lease ran out in attempt 1 of 3"));
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
    CHECK_EQ(job_row(j)->attempt, 2);
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
    for (int attempt = 1; attempt <= 3; attempt++) {
        CLEANUP(job_free) struct job *j = claim_ok(&f, attempt % 2 ? f.a : f.b);
        CHECK_EQ(job_row(j)->attempt, attempt);
        clock_advance_ms(LEASE_MS + 1);
        if (attempt == 1) /* the first crash is repeated at once */
            continue;
        CHECK(!claim(&f, f.b)); /* this one takes it back: for later, or for good */
        clock_advance_ms(QUEUE_BACKOFF_MAX_MS);
    }
    CHECK(!claim(&f, f.a));
    struct job_row row = show(&f, id);
    CHECK(row.dead);
    CHECK_EQ(row.error.code, ERR_PROCESSING);
    CHECK(strstr(row.error.text, "attempt 3 of 3"));
    CHECK_EQ(f.n_dead, 1);
    CHECK_EQ(video(&f, vid).state, VIDEO_FAILED);
    CHECK(strstr(video(&f, vid).error.plain, "ended unexpectedly"));
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
