/*
 * The walls around the child, tried from inside, and the client's patience with children that misbehave. The attempts
 * live in the child (task_hostile.c) of test builds; without -Dfaults=true the tests are skipped.
 */
#include "media/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "conf/conf.h"
#include "media/client.h"
#include "media/test_child.h"

#ifdef RUSHES_FAULTS
#define NEEDS_FAULTS
#else
#define NEEDS_FAULTS SKIP("needs a build with -Dfaults=true")
#endif

static struct media_ctx context(enum media_sandbox mode)
{
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    struct media_ctx m;

    media_ctx_init(&m, conf);
    m.sandbox = mode;
    return m;
}

static int attempt_with(const struct media_ctx *m, const char *what, int in_fd, int *ret_errno,
                        struct err *e)
{
    CLEANUP_JSON json_t *result = NULL;
    char options[64];
    int64_t n = -1;

    snprintf(options, sizeof(options), "{\"do\":\"%s\"}", what);
    const struct client_call call = {.task = "hostile", .options = str_of(options), .in_fd = in_fd};
    if (client_run(m, &call, &result, e) < 0)
        return -1;
    CHECK(json_get_i64(result, "errno", &n));
    *ret_errno = (int)n;
    return 0;
}

enum { ENDS = -1 }; /* the attempt ends the child */

/* What an attempt must come to. */
static void expect(enum media_sandbox mode, const char *what, int want)
{
    struct media_ctx m = context(mode);
    struct err e = {0};
    int got = 0, r = attempt_with(&m, what, -1, &got, &e);

    if (want == ENDS) {
        if (r >= 0)
            fail_msg("%s was answered with %d", what, got);
        CHECK_EQ(e.code, ERR_PROCESSING);
        if (!strstr(e.text, "SYS"))
            fail_msg("%s: %s", what, e.text);
    } else if (r < 0 || got != want) {
        fail_msg("%s: answer %d, %d expected: %s", what, got, want, e.text);
    }
}

static bool seccomp_here(void)
{
    struct media_sandbox_layer layers[MEDIA_SANDBOX_LAYERS_MAX];

    media_sandbox_report(layers);
    return layers[SANDBOX_SECCOMP].active;
}

TEST(sandbox_report_names_every_layer)
{
    struct media_sandbox_layer layers[MEDIA_SANDBOX_LAYERS_MAX];
    int n = media_sandbox_report(layers);

    CHECK_EQ(n, SANDBOX_N);
    for (int i = 0; i < n; i++) {
        print_message("%-13s %-3s %s\n", layers[i].name, layers[i].active ? "on" : "off",
                      layers[i].detail);
        CHECK_STR(layers[i].name, sandbox_names[i]);
        CHECK(strlen(layers[i].detail) > 0);
    }
    CHECK(layers[SANDBOX_RLIMITS].active);
}

/* Libraries look for files and must get an answer, which is always no. */
TEST(sandbox_looking_for_files_is_refused)
{
    NEEDS_FAULTS;
    if (!seccomp_here())
        SKIP("no seccomp here");
    expect(MEDIA_SANDBOX_AUTO, "open", EACCES);
    expect(MEDIA_SANDBOX_AUTO, "create", EACCES);
    expect(MEDIA_SANDBOX_AUTO, "stat", EACCES);
    CHECK_EQ(access("/tmp/media-child-was-here", F_OK), -1);
}

TEST(sandbox_sockets_and_processes_end_the_child)
{
    NEEDS_FAULTS;
    if (!seccomp_here())
        SKIP("no seccomp here");
    expect(MEDIA_SANDBOX_AUTO, "socket", ENDS);
    expect(MEDIA_SANDBOX_AUTO, "execve", ENDS);
    expect(MEDIA_SANDBOX_AUTO, "fork", ENDS);
    expect(MEDIA_SANDBOX_AUTO, "kill", ENDS);
    expect(MEDIA_SANDBOX_AUTO, "ptrace", ENDS);
    expect(MEDIA_SANDBOX_STRICT, "socket", ENDS);
}

TEST(sandbox_memory_that_runs_is_refused_and_threads_are_not)
{
    NEEDS_FAULTS;
    if (seccomp_here())
        expect(MEDIA_SANDBOX_AUTO, "executable-memory", EACCES);
    expect(MEDIA_SANDBOX_AUTO, "thread", 0);
    expect(MEDIA_SANDBOX_STRICT, "thread", 0);
}

TEST(sandbox_address_space_has_its_limit)
{
    NEEDS_FAULTS;
#if defined(__SANITIZE_ADDRESS__)
    SKIP("a sanitizer needs the address space");
#endif
    expect(MEDIA_SANDBOX_AUTO, "huge", ENOMEM);
}

/* Without the sandbox the same attempts work: so it is the sandbox that stops them. */
TEST(sandbox_off_stops_nothing)
{
    NEEDS_FAULTS;
    static const char *const attempts[] = {
        "open", "stat", "socket", "execve", "fork", "executable-memory", "thread"};

    for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
        struct media_ctx m = context(MEDIA_SANDBOX_OFF);
        struct err e = {0};
        int got = -1, r = attempt_with(&m, attempts[i], -1, &got, &e);
        if (strcmp(attempts[i], "execve") == 0)
            CHECK(r < 0 && strstr(e.text, "no answer")); /* it has become another program */
        else if (r < 0 || got != 0)
            fail_msg("%s: answer %d: %s", attempts[i], got, e.text);
    }
}

TEST(child_can_not_write_its_input_though_we_can)
{
    NEEDS_FAULTS;
    struct media_ctx m = context(MEDIA_SANDBOX_OFF);
    CLEANUP_CLOSE int fd = -1;
    struct err e = {0};
    int got = 0;

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    CHECK_EQ(pwrite(fd, "a", 1, 0), 1);
    /* an unnamed file of ours is opened anew for reading alone */
    CHECK_OK(attempt_with(&m, "write-input", fd, &got, &e));
    CHECK_EQ(got, EBADF);
}

TEST(child_can_not_let_its_result_grow)
{
    NEEDS_FAULTS;
    expect(MEDIA_SANDBOX_OFF, "grow-result", EPERM);
}

static void expect_failure(const char *what, int64_t stall_ms, enum err_code code, const char *says)
{
    struct media_ctx m = context(MEDIA_SANDBOX_AUTO);
    struct err e = {0};
    int got;

    m.stall_ms = stall_ms;
    int64_t before = clock_mono_ms();
    CHECK(attempt_with(&m, what, -1, &got, &e) < 0);
    int64_t took = clock_mono_ms() - before;
    if (e.code != code)
        fail_msg("%s: %s: %s", what, err_class(e.code)->name, e.text);
    if (!strstr(err_plain_text(&e), says))
        fail_msg("%s: %s", what, err_plain_text(&e));
    CHECK(took < stall_ms + 10000);
}

TEST(child_that_hangs_is_ended_after_its_time)
{
    NEEDS_FAULTS;
    expect_failure("stall", 300, ERR_TIMEOUT, "stuck");
    expect_failure("spin", 300, ERR_TIMEOUT, "stuck");
}

/* Talking is not getting on. */
TEST(child_that_only_talks_is_ended_after_its_time)
{
    NEEDS_FAULTS;
    expect_failure("chatter", 500, ERR_TIMEOUT, "stuck");
}

TEST(child_that_crashes_is_a_failure_of_processing)
{
    NEEDS_FAULTS;
    expect_failure("crash", 10000, ERR_PROCESSING, "crashed");
}

/* Status 0 without `done` is not success. */
TEST(child_that_leaves_without_an_answer_has_failed)
{
    NEEDS_FAULTS;
    expect_failure("die", 10000, ERR_PROCESSING, "without a result");
}

TEST(child_that_talks_nonsense_is_ended)
{
    NEEDS_FAULTS;
    struct media_ctx m = context(MEDIA_SANDBOX_AUTO);
    struct err e = {0};
    int got;

    CHECK(attempt_with(&m, "babble", -1, &got, &e) < 0);
    CHECK_EQ(e.code, ERR_PROCESSING);
    CHECK(strstr(e.text, "message of the media child") != NULL);
}

static int stop_at_once(void *arg, const struct media_progress *p)
{
    ++*(int *)arg;
    return 1;
}

TEST(child_is_ended_when_the_caller_cancels)
{
    NEEDS_FAULTS;
    struct media_ctx m = context(MEDIA_SANDBOX_AUTO);
    struct err e = {0};
    int asked = 0, got;

    m.progress = stop_at_once;
    m.progress_arg = &asked;
    CHECK(attempt_with(&m, "stall", -1, &got, &e) < 0);
    CHECK_EQ(e.code, ERR_CANCELLED);
    CHECK_EQ(asked, 1);
}

/* SIGKILL from outside: the kernel out of memory, or an administrator. */
static int kill_child(void *arg, const struct media_progress *p)
{
    char path[64], text[64] = "";
    int64_t pid;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
    FILE *f = fopen(path, "r");
    CHECK(f != NULL);
    CHECK(fgets(text, sizeof(text), f) != NULL);
    fclose(f);
    CHECK(str_to_i64(str_trim(str_of(text)), &pid));
    CHECK_EQ(kill((pid_t)pid, SIGKILL), 0);
    return 0;
}

TEST(child_killed_from_outside_is_a_failure_of_processing)
{
    NEEDS_FAULTS;
    struct media_ctx m = context(MEDIA_SANDBOX_AUTO);
    struct err e = {0};
    int got;

    m.progress = kill_child;
    CHECK(attempt_with(&m, "stall", -1, &got, &e) < 0);
    CHECK_EQ(e.code, ERR_PROCESSING);
    CHECK(strstr(err_plain_text(&e), "killed") != NULL);
}

/* The child of a helper process of ours writes its parent's death down by dying: the helper tells us its id. */
static int tell_child(void *arg, const struct media_progress *p)
{
    char path[64];
    int64_t pid;
    char text[64] = "";

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
    FILE *f = fopen(path, "r");
    if (!f || !fgets(text, sizeof(text), f) || !str_to_i64(str_trim(str_of(text)), &pid))
        return 1;
    fclose(f);
    return write(*(int *)arg, &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1;
}

/* Also after its ids have changed, which makes the kernel forget the wish. */
TEST(child_dies_with_its_parent)
{
    NEEDS_FAULTS;
    int ends[2];

    CHECK_EQ(pipe(ends), 0);
    pid_t helper = fork();
    if (helper == 0) {
        struct media_ctx m = context(MEDIA_SANDBOX_AUTO);
        struct err e = {0};
        int got;
        m.progress = tell_child;
        m.progress_arg = &ends[1];
        attempt_with(&m, "stall", -1, &got, &e);
        _exit(1);
    }
    CHECK(helper > 0);
    int64_t child = 0;
    CHECK_EQ(read(ends[0], &child, sizeof(child)), sizeof(child));
    CLEANUP_CLOSE int pidfd = pidfd_open((pid_t)child, 0);
    CHECK(pidfd >= 0);
    CHECK_EQ(kill(helper, SIGKILL), 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    CHECK_EQ(poll(&p, 1, 10000), 1);
    CHECK_EQ(waitpid(helper, NULL, 0), helper);
    close(ends[0]);
    close(ends[1]);
}

MEDIA_TEST_MAIN
