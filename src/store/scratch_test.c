/* Scratch of living and dead processes: real processes, killed for real. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/test.h"
#include "store/store_fs.h"

static int n_dirs;
static char *fresh_dir(void)
{
    return xasprintf("%s/data-%d", test_dir(), n_dirs++);
}

static struct store *open_fs(const char *dir)
{
    struct err e = {0};
    struct store *s = NULL;

    CHECK_OK(store_fs_open(dir, NULL, &s, &e));
    return s;
}

/* A process that has written `text` to scratch and waits; it tells its owner and file name first.
 */
struct other {
    pid_t pid;
    char owner[STORE_OWNER_MAX], file[64];
};

static void be_other(const char *dir, const char *text, int tell)
{
    struct err e = {0};
    struct store *s = NULL;
    struct store_writer *w = NULL;
    const char *owner;
    struct other o = {.pid = getpid()};

    if (store_fs_open(dir, NULL, &s, &e) < 0 || store_begin(s, -1, &w, &e) < 0 ||
        store_write(w, text, strlen(text), &e) < 0 || store_owner(s, &owner, &e) < 0)
        _exit(1);
    snprintf(o.owner, sizeof o.owner, "%s", owner);
    snprintf(o.file, sizeof o.file, "%s", store_writer_scratch_name(w));
    if (write(tell, &o, sizeof o) != sizeof o)
        _exit(1);
    for (;;)
        pause();
}

static struct other start_other(const char *dir, const char *text)
{
    struct other o = {0};
    int p[2];

    CHECK_EQ(pipe(p), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        be_other(dir, text, p[1]);
    CHECK_EQ(read(p[0], &o, sizeof o), sizeof o);
    CHECK_EQ(o.pid, pid);
    close(p[0]);
    close(p[1]);
    return o;
}

static void kill_other(const struct other *o)
{
    int status;

    CHECK_EQ(kill(o->pid, SIGKILL), 0);
    CHECK_EQ(waitpid(o->pid, &status, 0), o->pid);
}

TEST(scratch_of_a_living_process_is_never_swept)
{
    CLEANUP_FREE char *dir = fresh_dir();
    struct other o = start_other(dir, "half");
    CLEANUP(store_free) struct store *s = open_fs(dir);
    struct store_claim *c = NULL;
    struct store_scratch_use use;
    struct err e = {0};

    CHECK_EQ(store_sweep(s, &e), 0);
    CHECK_EQ(store_claim(s, o.owner, &c, &e), STORE_CLAIM_ALIVE);
    CHECK_OK(store_scratch_look(s, &use, &e));
    CHECK_EQ(use.live, 1);
    CHECK_EQ(use.dead, 0);
    kill_other(&o);
    CHECK_OK(store_scratch_look(s, &use, &e));
    CHECK_EQ(use.live, 0);
    CHECK_EQ(use.dead, 1);
    CHECK_EQ(use.dead_bytes, 4);
    CHECK_EQ(store_sweep(s, &e), 1);
    CHECK_EQ(store_claim(s, o.owner, &c, &e), STORE_CLAIM_GONE);
    CHECK_EQ(store_sweep(s, &e), 0);
}

TEST(scratch_of_our_own_is_alive_and_goes_with_the_store)
{
    CLEANUP_FREE char *dir = fresh_dir();
    struct store *s = open_fs(dir);
    CLEANUP(store_free) struct store *second = open_fs(dir);
    struct store_claim *c = NULL;
    struct err e = {0};
    const char *owner, *again;
    CLEANUP_CLOSE int fd = -1;

    CHECK_OK(store_owner(s, &owner, &e));
    CHECK_OK(store_owner(s, &again, &e));
    CHECK(owner == again);
    CHECK_OK(store_tmpfile(s, &fd, &e));
    CHECK_EQ(store_claim(second, owner, &c, &e), STORE_CLAIM_ALIVE);
    CHECK_EQ(store_sweep(second, &e), 0);
    CLEANUP_FREE char *name = xstrdup(owner);
    store_free(s);
    CHECK_EQ(store_claim(second, name, &c, &e), STORE_CLAIM_GONE);
}

TEST(file_of_a_dead_process_can_be_finished_by_another)
{
    CLEANUP_FREE char *dir = fresh_dir();
    struct other o = start_other(dir, "test");
    CLEANUP(store_free) struct store *s = open_fs(dir);
    CLEANUP(store_free) struct store *third = open_fs(dir);
    struct store_claim *c = NULL, *other_claim = NULL;
    struct store_writer *w = NULL;
    struct err e = {0};

    kill_other(&o);
    CHECK_EQ(store_claim(s, o.owner, &c, &e), STORE_CLAIM_GOT);
    /* while we hold it, nobody else does */
    CHECK_EQ(store_claim(third, o.owner, &other_claim, &e), STORE_CLAIM_ALIVE);
    CHECK_EQ(store_sweep(third, &e), 0);
    CHECK_EQ(store_claim_adopt(c, "nothing.part", &w, &e), 0);
    CHECK_EQ(store_claim_adopt(c, "../x", &w, &e), 0);
    CHECK_EQ(store_claim_adopt(c, "", &w, &e), 0);
    CHECK_EQ(store_claim_adopt(c, ".", &w, &e), 0);
    CHECK_EQ(store_claim_adopt(c, o.file, &w, &e), 1);
    CHECK_OK(store_writer_finish(w, &e));
    CHECK_STR(store_writer_sha256(w),
              "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    CHECK_EQ(store_commit(w, "a/b", STORE_KEEP, &e), STORE_NEW);
    store_writer_free(w);
    store_claim_free(c, /* remove */ true);
    CHECK_EQ(store_claim(third, o.owner, &other_claim, &e), STORE_CLAIM_GONE);
    CHECK_EQ(store_stat(third, "a/b", NULL, &e), 1);
}

TEST(claim_given_up_leaves_the_folder_to_the_next)
{
    CLEANUP_FREE char *dir = fresh_dir();
    struct other o = start_other(dir, "test");
    CLEANUP(store_free) struct store *s = open_fs(dir);
    struct store_claim *c = NULL;
    struct err e = {0};

    kill_other(&o);
    CHECK_EQ(store_claim(s, o.owner, &c, &e), STORE_CLAIM_GOT);
    store_claim_free(c, /* remove */ false);
    CHECK_EQ(store_claim(s, o.owner, &c, &e), STORE_CLAIM_GOT);
    store_claim_free(c, /* remove */ true);
    CHECK_EQ(store_claim(s, o.owner, &c, &e), STORE_CLAIM_GONE);
}

TEST(owner_names_from_a_hostile_row_reach_no_other_folder)
{
    static const char *const names[] = {
        "",           ".",    "..",
        "../objects", "/etc", "a/b",
        "UPPER",      "\xff", "0123456789012345678901234567890123456789"};
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    struct store_claim *c = NULL;
    struct err e = {0};

    CHECK_OK(store_put(s, "a/b", STR("x"), STORE_KEEP, &e));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        CHECK_EQ(store_claim(s, names[i], &c, &e), STORE_CLAIM_GONE);
}

TEST(what_others_put_into_scratch_is_left_alone)
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    CLEANUP_FREE char *file = xasprintf("%s/scratch/README", dir);
    CLEANUP_FREE char *folder = xasprintf("%s/scratch/Not Ours", dir);
    struct err e = {0};

    CHECK_OK(fs_mkdirs(folder, 0700, &e));
    CHECK_OK(fs_write_file(file, STR("x"), &e));
    CHECK_EQ(store_sweep(s, &e), 0);
    CHECK_EQ(fs_exists(file, &e), 1);
    CHECK_EQ(fs_exists(folder, &e), 1);
}

/* Many processes that make scratch, publish and end, while others sweep: none loses its folder. */
TEST(sweepers_and_makers_at_once)
{
    enum { MAKERS = 6, ROUNDS = 40 };
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    struct err e = {0};
    pid_t pids[MAKERS];
    int running = MAKERS, bad = 0;

    for (int i = 0; i < MAKERS; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] != 0)
            continue;
        for (int k = 0; k < ROUNDS; k++) {
            struct store *mine = NULL;
            char key[64];
            snprintf(key, sizeof key, "m%d/%d", i, k);
            if (store_fs_open(dir, NULL, &mine, &e) < 0 ||
                store_put(mine, key, STR("x"), STORE_KEEP, &e) < 0) {
                fprintf(stderr, "maker: %s\n", e.text);
                _exit(1);
            }
            store_free(mine);
        }
        _exit(0);
    }
    while (running) {
        int status;
        CHECK_OK(store_sweep(s, &e));
        pid_t p = waitpid(-1, &status, WNOHANG);
        if (p > 0) {
            running--;
            bad += !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
    }
    CHECK_EQ(bad, 0);
}

TEST_MAIN
