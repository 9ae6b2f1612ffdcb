/*
 * The queue under load: threads of one process, and processes that are killed at random. Each job's
 * result is a row that its worker writes in the transaction that finishes the job; so a job that was
 * published twice, or finished without its result, is seen in the rows afterwards.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/test.h"
#include "conf/conf.h"
#include "db/db_objects.h"
#include "queue/queue.h"

#define THREADS        6
#define THREAD_JOBS    150
#define WORKERS        4
#define WORKER_THREADS 2
#define PROCESS_JOBS   250
#define KILLS          60
#define DEADLINE_MS    120000 /* of a whole test; it takes seconds */

static struct conf *quick_conf(void)
{
    struct conf *c = conf_defaults();
    struct err e = {0};

    if (conf_set(c, STR("queue.lease"), STR("2s"), "test", &e) < 0 ||
        conf_set(c, STR("queue.backoff"), STR("0s"), "test", &e) < 0)
        fail_msg("%s", e.text);
    return c;
}

static char *fresh_path(void)
{
    static int n;
    char name[32];

    snprintf(name, sizeof(name), "stress%d.db", n++);
    return fs_join(test_dir(), name);
}

static void add_jobs(struct db *db, struct queue *q, int n)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(db, DB_WRITE, &tx, &e));
    for (int i = 0; i < n; i++) {
        struct job_spec spec = {
            .queue = (enum queue_name)(i % QUEUE_N == QUEUE_MAINTENANCE ? 0 : i % QUEUE_N),
            .stage = "work",
            .priority = i % 10,
            .max_attempts = 100000};
        CHECK_EQ(queue_add(q, tx, &spec, NULL, &e), QUEUE_ADDED);
    }
    CHECK_OK(db_commit(tx, &e));
}

/* Some processor time, so that kills and lease checks meet jobs in the middle. */
static void work(void)
{
    char hex[SHA256_HEX_MAX] = "x";

    for (uint64_t n = random_u64() % 1500; n > 0; n--)
        sha256_hex_of(str_of(hex), hex);
}

/* Publishes the job: its result row and its completion. 1 done, 0 lost, negative error (also a result that was there:
 * somebody had published this job before). */
static int publish(struct db *db, struct job *j, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    char sha[SHA256_HEX_MAX];

    sha256_hex_of(str_of(job_row(j)->id), sha);
    struct object o = {.key = job_row(j)->id,
                       .source_sha256 = sha,
                       .sha256 = sha,
                       .kind = "result",
                       .stage_version = job_row(j)->attempt};
    if (db_begin(db, DB_WRITE, &tx, e) < 0)
        return -1;
    int put = db_object_put(tx, &o, e);
    if (put < 0)
        return -1;
    if (queue_finish(tx, j, NULL, e) < 0)
        return e->code == ERR_CONFLICT ? 0 : -1;
    if (put != 1)
        return err_set(e, ERR_INTERNAL, "job %s was published twice", job_row(j)->id);
    return db_commit(tx, e) < 0 ? -1 : 1;
}

/* 1 a job was handled, 0 none there, negative error */
static int one_job(struct db *db, struct queue *q, struct err *e)
{
    CLEANUP(job_free) struct job *j = NULL;
    int64_t next_ms;
    int r = queue_claim(q, QUEUE_ALL, NULL, &j, &next_ms, e);

    if (r < 0)
        return -1;
    if (r == CLAIM_EMPTY)
        return queue_wait(q, next_ms, clock_mono_ms() + 100) == WAIT_STOPPED ? 2 : 0;
    work();
    unsigned dice = (unsigned)(random_u64() % 10);
    if (dice == 0) {
        struct err why = {0};
        err_set(&why, random_u64() % 2 ? ERR_STORAGE : ERR_CANCELLED, "dice");
        return queue_fail(q, j, &why, e) < 0 ? -1 : 1;
    }
    if (dice == 1 && queue_progress(q, j, 50, "half", -1, e) < 0)
        return -1;
    return publish(db, j, e) < 0 ? -1 : 1;
}

struct crew {
    struct db *db;
    struct queue *q;
    atomic_bool failed, done;
    char what[1024]; /* written by the first that fails */
};

static void crew_failed(struct crew *c, const struct err *e)
{
    if (!atomic_exchange(&c->failed, true)) {
        memcpy(c->what, e->text, sizeof(c->what));
        queue_stop(c->q);
    }
}

static void *crew_work(void *arg)
{
    struct crew *c = arg;
    struct err e = {0};
    int r;

    do {
        r = one_job(c->db, c->q, &e);
    } while (r == 0 || r == 1);
    if (r < 0)
        crew_failed(c, &e);
    return NULL;
}

static void *crew_watch(void *arg)
{
    struct crew *c = arg;

    while (!atomic_load(&c->done) && !atomic_load(&c->failed)) {
        struct watchdog_report rep;
        struct queue_stats st;
        struct err e = {0};
        if (queue_watchdog(c->q, &rep, &e) < 0 || queue_stats(c->q, &st, &e) < 0 ||
            queue_heartbeat(c->q, &e) < 0)
            crew_failed(c, &e);
        (void)queue_wait(c->q, INT64_MAX, clock_mono_ms() + 20);
    }
    return NULL;
}

static int64_t count_completed(struct queue *q)
{
    struct queue_stats st;
    struct err e = {0};
    int64_t n = 0;

    CHECK_OK(queue_stats(q, &st, &e));
    for (int i = 0; i < QUEUE_N; i++)
        n += st.depth[i][JOB_COMPLETED];
    return n;
}

static void check_all_published_once(struct db *db, struct queue *q, int n_jobs)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct object_stats st;
    struct queue_stats qs;
    struct err e = {0};

    CHECK_OK(queue_stats(q, &qs, &e));
    for (int i = 0; i < QUEUE_N; i++) {
        CHECK_EQ(qs.depth[i][JOB_PENDING] + qs.depth[i][JOB_RUNNING] + qs.depth[i][JOB_FAILED], 0);
        CHECK_EQ(qs.dead[i], 0);
    }
    CHECK_EQ(count_completed(q), n_jobs);
    CHECK_OK(db_begin(db, DB_READ, &tx, &e));
    CHECK_OK(db_object_stats(tx, &st, &e));
    CHECK_EQ(st.n, n_jobs);
}

TEST(queue_threads_take_every_job_once)
{
    CLEANUP_FREE char *path = fresh_path();
    CLEANUP(conf_free) struct conf *conf = quick_conf();
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(queue_free) struct queue *q = NULL;
    pthread_t threads[THREADS + 1];
    struct err e = {0};

    log_setup(LOG_OFF, LOG_LOGFMT, 2);
    CHECK_OK(db_open(path, &db, &e));
    CHECK_OK(queue_new(db, conf, &q, &e));
    CHECK_OK(queue_heartbeat_start(q, &e));
    struct crew c = {.db = db, .q = q};
    for (int i = 0; i <= THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, i < THREADS ? crew_work : crew_watch, &c), 0);
    for (int i = 0; i < 3; i++)
        add_jobs(db, q, THREAD_JOBS / 3);
    int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    while (count_completed(q) < THREAD_JOBS && !atomic_load(&c.failed) &&
           clock_mono_ms() < deadline_ms)
        (void)queue_wait(q, INT64_MAX, clock_mono_ms() + 50);
    atomic_store(&c.done, true);
    queue_stop(q);
    for (int i = 0; i <= THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    if (atomic_load(&c.failed))
        fail_msg("%s", c.what);
    check_all_published_once(db, q, THREAD_JOBS);
}

/* ---- processes ---- */

/* What a worker process does until it is killed. Ends by itself only when something is wrong. */
static int worker_main(const char *path)
{
    CLEANUP(conf_free) struct conf *conf = quick_conf();
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(queue_free) struct queue *q = NULL;
    pthread_t threads[WORKER_THREADS];
    struct err e = {0};

    log_setup(LOG_OFF, LOG_LOGFMT, 2);
    if (db_open(path, &db, &e) < 0 || queue_new(db, conf, &q, &e) < 0 ||
        queue_heartbeat_start(q, &e) < 0) {
        fprintf(stderr, "worker: %s\n", e.text);
        return 1;
    }
    struct crew c = {.db = db, .q = q};
    for (int i = 0; i < WORKER_THREADS; i++)
        pthread_create(&threads[i], NULL, crew_work, &c);
    for (int i = 0; i < WORKER_THREADS; i++)
        pthread_join(threads[i], NULL);
    fprintf(stderr, "worker: %s\n", c.what);
    return 1;
}

static pid_t start_worker(const char *path)
{
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    setenv("QUEUE_STRESS_WORKER", path, 1);
    execl("/proc/self/exe", "queue_stress_test", NULL);
    _exit(127);
}

static void kill_worker(pid_t pid)
{
    int status;

    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    /* one that had ended by itself found something wrong, and said what */
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(queue_processes_killed_at_random_lose_and_double_nothing)
{
    CLEANUP_FREE char *path = fresh_path();
    CLEANUP(conf_free) struct conf *conf = quick_conf();
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(queue_free) struct queue *q = NULL;
    pid_t workers[WORKERS];
    struct err e = {0};
    int n_kills = 0, n_added = PROCESS_JOBS;

    log_setup(LOG_OFF, LOG_LOGFMT, 2);
    for (int i = 0; i < WORKERS;
         i++) /* before anything is opened here; they race for the first opening */
        workers[i] = start_worker(path);
    CHECK_OK(db_open(path, &db, &e));
    CHECK_OK(queue_new(db, conf, &q, &e));
    add_jobs(db, q, PROCESS_JOBS);
    int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    while (clock_mono_ms() < deadline_ms) {
        struct watchdog_report rep;
        int64_t completed = count_completed(q);
        if (completed == n_added && n_kills >= KILLS)
            break;
        if (n_added - completed < 50 &&
            n_kills < KILLS) { /* there must be work while killing goes on */
            add_jobs(db, q, 50);
            n_added += 50;
        }
        if (n_kills < KILLS) {
            int i = (int)(random_u64() % WORKERS);
            kill_worker(workers[i]);
            workers[i] = start_worker(path);
            n_kills++;
        }
        CHECK_OK(queue_watchdog(q, &rep, &e));
        CHECK_EQ(rep.dead, 0);
        (void)queue_wait(q, INT64_MAX, clock_mono_ms() + (int64_t)(random_u64() % 40));
    }
    for (int i = 0; i < WORKERS; i++)
        kill_worker(workers[i]);
    CHECK_EQ(n_kills, KILLS);
    check_all_published_once(db, q, n_added);
    CHECK_OK(db_check(db, &e));
}

#ifdef RUSHES_FAULTS
/* ---- every durable step ---- */

#define STEP_JOBS 2

/* A worker that opens (or makes) the database, puts its jobs into it unless they are there, works
 * until nothing is left, and ends. 0 all done, 1 it met an error. */
static int finite_main(const char *path)
{
    CLEANUP(conf_free) struct conf *conf = quick_conf();
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(queue_free) struct queue *q = NULL;
    struct queue_stats st;
    struct watchdog_report rep;
    struct err e = {0};
    int64_t n = 0;
    int r = 0;

    log_setup(LOG_OFF, LOG_LOGFMT, 2);
    if (db_open(path, &db, &e) < 0 || queue_new(db, conf, &q, &e) < 0 ||
        queue_stats(q, &st, &e) < 0)
        return 1;
    for (int i = 0; i < QUEUE_N * JOB_STATE_N; i++)
        n += st.depth[i / JOB_STATE_N][i % JOB_STATE_N];
    if (n == 0) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct job_spec spec = {.queue = QUEUE_EXPORT, .stage = "s", .max_attempts = 100};
        if (db_begin(db, DB_WRITE, &tx, &e) < 0)
            return 1;
        for (int i = 0; i < STEP_JOBS; i++) {
            if (queue_add(q, tx, &spec, NULL, &e) < 0)
                return 1;
        }
        if (db_commit(tx, &e) < 0)
            return 1;
    }
    for (int i = 0; r >= 0 && count_completed(q) < STEP_JOBS; i++) {
        CLEANUP(job_free) struct job *j = NULL;
        struct err why = {0};
        err_set(&why, ERR_STORAGE, "first try");
        if (queue_watchdog(q, &rep, &e) < 0 ||
            (r = queue_claim(q, QUEUE_ALL, NULL, &j, NULL, &e)) < 0)
            return 1;
        if (r == CLAIM_GOT)
            r = job_row(j)->attempt == 1 ? queue_fail(q, j, &why, &e) : publish(db, j, &e);
    }
    return r < 0;
}

static int run_finite(const char *path, const char *fault)
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        setenv("QUEUE_STRESS_FINITE", path, 1);
        if (fault)
            setenv("RUSHES_FAULT", fault, 1);
        execl("/proc/self/exe", "queue_stress_test", NULL);
        _exit(127);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* How many durable steps such a worker's life has. */
static int count_steps(void)
{
    CLEANUP_FREE char *path = fresh_path();
    CLEANUP_FREE char *log = xasprintf("%s.steps", path);
    CLEANUP_BUF struct buf text = {0};
    struct err e = {0};
    int n = 0;

    setenv("RUSHES_FAULT_LOG", log, 1);
    CHECK_EQ(run_finite(path, NULL), 0);
    unsetenv("RUSHES_FAULT_LOG");
    CHECK_OK(fs_read_file(log, 1 << 20, &text, &e));
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

/* After whatever happened: the next worker ends well, and nothing is lost or there twice. */
static void check_recovers(const char *path)
{
    CLEANUP(conf_free) struct conf *conf = quick_conf();
    CLEANUP(db_close) struct db *db = NULL;
    CLEANUP(queue_free) struct queue *q = NULL;
    struct err e = {0};

    CHECK_EQ(run_finite(path, NULL), 0);
    CHECK_OK(db_open(path, &db, &e));
    CHECK_OK(queue_new(db, conf, &q, &e));
    check_all_published_once(db, q, STEP_JOBS);
    CHECK_OK(db_check(db, &e));
}

TEST(queue_worker_killed_at_any_durable_step_is_replaced_by_the_next)
{
    int n_steps = count_steps();

    CHECK(n_steps > 20);
    for (int n = 1; n <= n_steps; n++) {
        CLEANUP_FREE char *path = fresh_path();
        CLEANUP_FREE char *fault = xasprintf("kill:%d", n);
        CHECK_EQ(run_finite(path, fault), -SIGKILL);
        check_recovers(path);
    }
}

TEST(queue_step_that_fails_loses_nothing)
{
    int n_steps = count_steps(), n_told = 0;

    for (int n = 1; n <= n_steps; n++) {
        CLEANUP_FREE char *path = fresh_path();
        CLEANUP_FREE char *fault = xasprintf("fail:%d", n);
        int r = run_finite(path, fault); /* 0: behind a commit there is nothing left to fail */
        CHECK(r == 0 || r == 1);
        n_told += r;
        check_recovers(path);
    }
    CHECK(n_told > 10);
}
#else
static int finite_main(const char *path)
{
    (void)path;
    return 2;
}
#endif

int main(void)
{
    const char *worker = getenv("QUEUE_STRESS_WORKER"), *finite = getenv("QUEUE_STRESS_FINITE");

    if (worker)
        return worker_main(worker);
    return finite ? finite_main(finite) : test_run(__FILE__);
}
