/*
 * Killed at every durable step, failed at every durable step, many at once: real processes of this test program, each
 * with its own plan in RUSHES_FAULT. Whatever happens, the next process finds nothing half-written and ends with
 * exactly one video.
 */
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/test.h"
#include "db/db_objects.h"
#include "db/db_uploads.h"
#include "ingress/ingress.h"
#include "store/store_fs.h"

#define STEPS_MAX 2000

static int start(void *arg, struct tx *tx, const char *video_id, struct err *e)
{
    return 0;
}

static int open_lib(const char *dir, struct ingress *in, struct err *e)
{
    CLEANUP_FREE char *db_path = fs_join(dir, "rushes.db");

    *in = (struct ingress){.max_bytes = 1 << 20, .start = start};
    if (fs_mkdirs(dir, 0700, e) < 0 || store_fs_open(dir, NULL, &in->store, e) < 0)
        return -1;
    return db_open(db_path, &in->db, e);
}

static void close_lib(struct ingress *in)
{
    store_free(in->store);
    db_close(in->db);
}

/* argv: self "child" "ingest"|"recover" DIR FILE */
static int child(char **argv)
{
    struct err e = {0};
    struct ingress in = {0};
    struct ingress_recovered rec;
    struct ingress_result r;
    int done = open_lib(argv[3], &in, &e);

    if (done == 0)
        done = ingress_recover(&in, &rec, &e);
    if (done == 0 && strcmp(argv[2], "ingest") == 0)
        done = ingress_file(&in, argv[4], NULL, &r, &e);
    if (done < 0)
        fprintf(stderr, "%s | %s\n", e.text, err_plain_text(&e));
    close_lib(&in);
    return done < 0 ? 1 : 0;
}

/* Starts this program again; fault may be NULL. */
static pid_t start_child(const char *what, const char *dir, const char *file, const char *fault)
{
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid != 0)
        return pid;
    if (fault)
        setenv("RUSHES_FAULT", fault, 1);
    if (fault && !freopen("/dev/null", "w", stderr))
        _exit(126);
    execl("/proc/self/exe", "crash_test", "child", what, dir, file, (char *)NULL);
    _exit(127);
}

enum ended { ENDED_OK, ENDED_FAILED, ENDED_KILLED };

static enum ended wait_child(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        CHECK_EQ(WTERMSIG(status), SIGKILL);
        return ENDED_KILLED;
    }
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) > 1)
        fail_msg("child ended with %d", WEXITSTATUS(status));
    return WEXITSTATUS(status) ? ENDED_FAILED : ENDED_OK;
}

static enum ended run_child(const char *what, const char *dir, const char *file, const char *fault)
{
    return wait_child(start_child(what, dir, file, fault));
}

struct state {
    int videos, originals, other, rows, open_uploads, dead_scratch;
};

static int see(void *arg, const struct store_entry *en)
{
    struct state *s = arg;
    struct store_name n;

    if (!en->foreign && store_name_parse(str_of(en->key), &n) && n.kind == STORE_ORIGINAL)
        s->originals++;
    else
        s->other++;
    return 0;
}

static struct state look(const char *dir)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct err e = {0};
    struct ingress in = {0};
    struct state s = {0};
    struct store_scratch_use use;
    struct video_page page;
    struct object *objects;
    struct upload *ups;
    size_t n;

    CHECK_OK(open_lib(dir, &in, &e));
    CHECK_OK(db_check(in.db, &e));
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct video_filter f = {0};
        CHECK_OK(db_begin(in.db, DB_READ, &tx, &e));
        CHECK_OK(db_video_list(tx, a, &f, &page, &e));
        s.videos = (int)page.n;
        CHECK_OK(db_object_walk(tx, a, NULL, 1000, &objects, &n, &e));
        s.rows = (int)n;
        CHECK_OK(db_upload_list(tx, a, 1u << UPLOAD_RECEIVING | 1u << UPLOAD_RECEIVED, 0, 0, &ups,
                                &n, &e));
        s.open_uploads = (int)n;
    }
    CHECK_OK(store_list(in.store, "", see, &s, &e));
    CHECK_OK(store_scratch_look(in.store, &use, &e));
    s.dead_scratch = use.dead;
    close_lib(&in);
    return s;
}

/* No halves: a video has its original, an original has its row, nothing is under way. */
static void check_whole(const char *dir, int videos, const char *when)
{
    struct state s = look(dir);

    if (s.videos != videos || s.originals != videos || s.rows != videos || s.other ||
        s.open_uploads || s.dead_scratch)
        fail_msg("%s: %d videos, %d originals, %d rows, %d other objects, %d open uploads, %d dead "
                 "scratch",
                 when, s.videos, s.originals, s.rows, s.other, s.open_uploads, s.dead_scratch);
}

static char *source_file(void)
{
    struct err e = {0};
    char *path = fs_join(test_dir(), "film.mp4");

    CHECK_OK(fs_write_file(path, STR("a film, told in bytes"), &e));
    return path;
}

#ifdef RUSHES_FAULTS
/* At every step n: kill, then either recover or ingest again; ends when a run completes. */
static void loop(const char *verb, bool by_recovery)
{
    CLEANUP_FREE char *file = source_file();
    int n_finished = 0;

    for (int n = 1;; n++) {
        CLEANUP_FREE char *dir = xasprintf("%s/%s-%d-%d", test_dir(), verb, by_recovery, n);
        CLEANUP_FREE char *fault = xasprintf("%s:%d", verb, n);
        CLEANUP_FREE char *when =
            xasprintf("%s, then %s", fault, by_recovery ? "recover" : "ingest");
        struct err e = {0};
        if (n == STEPS_MAX)
            fail_msg("no run completed");
        enum ended ended = run_child("ingest", dir, file, fault);
        if (ended == ENDED_OK && strcmp(verb, "kill") == 0) {
            check_whole(dir, 1, when);
            print_message("%s: %d steps, %d finished by recovery alone\n", verb, n - 1, n_finished);
            CHECK(n > 20);
            CHECK(!by_recovery || n_finished > 3);
            return;
        }
        CHECK(ended == (strcmp(verb, "kill") == 0 ? ENDED_KILLED : ENDED_FAILED) ||
              ended == ENDED_OK);
        if (by_recovery) {
            CHECK_EQ(run_child("recover", dir, file, NULL), ENDED_OK);
            struct state s = look(dir);
            check_whole(dir, s.videos, when);
            n_finished += s.videos;
        }
        CHECK_EQ(run_child("ingest", dir, file, NULL), ENDED_OK);
        check_whole(dir, 1, when);
        CHECK_OK(fs_remove_tree(dir, &e));
        if (ended == ENDED_OK && n > 20)
            return; /* fail: the step past the last was not reached, or its failure did not matter */
    }
}
#endif

TEST(killed_at_every_step_then_ingested_again)
{
#ifdef RUSHES_FAULTS
    loop("kill", /* by_recovery */ false);
#else
    SKIP("built without fault points");
#endif
}

TEST(killed_at_every_step_then_recovered)
{
#ifdef RUSHES_FAULTS
    loop("kill", /* by_recovery */ true);
#else
    SKIP("built without fault points");
#endif
}

TEST(every_step_fails_in_turn)
{
#ifdef RUSHES_FAULTS
    CLEANUP_FREE char *file = source_file();
    CLEANUP_FREE char *log = fs_join(test_dir(), "points");
    CLEANUP_FREE char *dir0 = fs_join(test_dir(), "fail-count");
    CLEANUP_BUF struct buf points = BUF_MAX(1 << 20);
    struct err e = {0};
    int n_points = 0, n_failed = 0;

    setenv("RUSHES_FAULT_LOG", log, 1);
    CHECK_EQ(run_child("ingest", dir0, file, NULL), ENDED_OK);
    unsetenv("RUSHES_FAULT_LOG");
    CHECK_OK(fs_read_file(log, 1 << 20, &points, &e));
    for (size_t i = 0; i < points.n; i++)
        n_points += points.p[i] == '\n';
    CHECK(n_points > 20 && n_points < STEPS_MAX);
    for (int n = 1; n <= n_points; n++) {
        CLEANUP_FREE char *dir = xasprintf("%s/fail-%d", test_dir(), n);
        CLEANUP_FREE char *fault = xasprintf("fail:%d", n);
        enum ended ended = run_child("ingest", dir, file, fault);
        CHECK(ended != ENDED_KILLED);
        n_failed += ended == ENDED_FAILED;
        CHECK_EQ(run_child("ingest", dir, file, NULL), ENDED_OK);
        check_whole(dir, 1, fault);
        CHECK_OK(fs_remove_tree(dir, &e));
    }
    print_message("%d points, %d of them fail the ingest\n", n_points, n_failed);
    CHECK(n_failed > n_points / 2);
#else
    SKIP("built without fault points");
#endif
}

/* Kills it when it has not ended by then. */
static void kill_after(pid_t pid, int ms)
{
    CLEANUP_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    CHECK(pidfd >= 0);
    poll(&p, 1, ms);
    kill(pid, SIGKILL);
}

TEST(killed_from_outside_at_any_time)
{
    enum { ROUNDS = 30 };
    CLEANUP_FREE char *file = source_file();
    struct err e = {0};
    int killed = 0;

    for (int i = 0; i < ROUNDS; i++) {
        CLEANUP_FREE char *dir = xasprintf("%s/outside-%d", test_dir(), i);
        pid_t pid = start_child("ingest", dir, file, NULL);
        kill_after(pid, i);
        killed += wait_child(pid) == ENDED_KILLED;
        CHECK_EQ(run_child("ingest", dir, file, NULL), ENDED_OK);
        check_whole(dir, 1, "killed from outside");
        CHECK_OK(fs_remove_tree(dir, &e));
    }
    CHECK(killed > 0);
}

TEST(many_ingests_of_one_file_at_once_make_one_video)
{
    enum { N = 6, ROUNDS = 5 };
    CLEANUP_FREE char *file = source_file();

    for (int round = 0; round < ROUNDS; round++) {
        CLEANUP_FREE char *dir = xasprintf("%s/many-%d", test_dir(), round);
        pid_t pids[N];
        for (int i = 0; i < N; i++)
            pids[i] = start_child("ingest", dir, file, NULL);
        for (int i = 0; i < N; i++)
            CHECK_EQ(wait_child(pids[i]), ENDED_OK);
        check_whole(dir, 1, "many at once");
    }
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "child") == 0)
        return child(argv);
    return test_run(__FILE__);
}
