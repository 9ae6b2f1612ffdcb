/*
 * The small layer over cmocka that base/test.h describes.
 *
 * cmocka before 1.1.6 says "not ok 2 # SKIP name" of a skipped test, which readers of TAP take for
 * a failure, and whatever a test prints stands between the TAP lines. So in TAP form standard
 * output goes through a stream of ours that puts the first right and makes comments of the rest.
 */
#include "base/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

static VEC(struct CMUnitTest) tests;
static char *own_dir;
static pid_t own_pid;

static struct {
    char line[4096];
    size_t n;
    char why[256]; /* of the test that is being skipped */
} tap;

static bool is_tap(const char *line)
{
    static const char *const starts[] = {"ok ", "not ok ", "1..", "#", "Bail out!", "TAP version"};

    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (str_starts(str_of(line), str_of(starts[i])))
            return true;
    return false;
}

static void write_out(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void write_out(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (vdprintf(STDOUT_FILENO, fmt, ap) < 0)
        abort(); /* results that nobody can read are no results */
    va_end(ap);
}

static void tap_line(void)
{
    struct str rest = {tap.line, tap.n}, number, skip = STR("# SKIP ");

    tap.line[tap.n] = '\0';
    tap.n = 0;
    bool ok = str_starts(rest, STR("ok ")), not_ok = str_starts(rest, STR("not ok "));
    if (ok || not_ok) {
        size_t head = ok ? 3 : 7;
        rest = (struct str){rest.p + head, rest.n - head};
        str_cut(&rest, ' ', &number);
        if (str_starts(rest, skip)) {
            write_out("ok %.*s - %s # SKIP %s\n", STR_ARG(number), rest.p + skip.n, tap.why);
            return;
        }
    }
    write_out("%s%s\n", is_tap(tap.line) || !tap.line[0] ? "" : "# ", tap.line);
}

static ssize_t tap_write(void *cookie, const char *p, size_t n)
{
    (void)cookie;
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\n' && tap.n < sizeof tap.line - 1)
            tap.line[tap.n++] = p[i];
        else if (p[i] == '\n')
            tap_line();
    }
    return (ssize_t)n;
}

/* cmocka's word on a test starts its own line, whatever the test printed last. */
static int end_line(void **state)
{
    (void)state;
    fflush(stdout);
    if (tap.n > 0)
        tap_line();
    return 0;
}

static void filter_tap(void)
{
    const char *form = getenv("CMOCKA_MESSAGE_OUTPUT");

    if (!form || !str_ieqz(str_of(form), "TAP"))
        return;
    FILE *filtered = fopencookie(NULL, "w", (cookie_io_functions_t){.write = tap_write});
    if (!filtered)
        abort();
    setvbuf(filtered, NULL, _IOLBF, 4096);
    stdout = filtered; /* glibc lets it be assigned */
}

void test_skip(const char *why)
{
    if (snprintf(tap.why, sizeof tap.why, "%s", why) < 0)
        tap.why[0] = '\0';
    print_message("skipped: %s\n", why);
    _skip(__FILE__, __LINE__);
    abort(); /* it jumps */
}

void test_register(const char *name, void (*fn)(void **))
{
    VEC_PUSH(&tests,
             ((struct CMUnitTest){.name = name, .test_func = fn, .teardown_func = end_line}));
}

static void clean_up(void)
{
    struct err e = {0};

    if (own_dir && own_pid == getpid() &&
        fs_remove_tree(own_dir, &e) < 0) /* not in a child that exits */
        fprintf(stderr, "# %s\n", e.text);
    free(own_dir);
    own_dir = NULL;
}

int test_run(const char *file)
{
    const char *only = getenv("RUSHES_TEST");
    const char *base = strrchr(file, '/');
    VEC(struct CMUnitTest) chosen = {0};

    VEC_FOREACH (&tests, t)
        if (!only || strstr(t->name, only))
            VEC_PUSH(&chosen, *t);
    filter_tap();
    atexit(clean_up);
    int failed = 0;
    if (chosen.n == 0)
        printf("1..0 # SKIP no test is named like RUSHES_TEST\n");
    else
        failed = _cmocka_run_group_tests(base ? base + 1 : file, chosen.p, chosen.n, NULL, NULL);
    VEC_FINISH(&chosen);
    VEC_FINISH(&tests);
    return failed ? 1 : 0;
}

const char *test_dir(void)
{
    if (own_dir)
        return own_dir;
    const char *tmp = getenv("TMPDIR");
    own_dir = fs_join(tmp && tmp[0] ? tmp : "/tmp", "rushes-test-XXXXXX");
    own_pid = getpid();
    if (!mkdtemp(own_dir)) {
        fprintf(stderr, "# test folder '%s': %s\n", own_dir, strerror(errno));
        abort();
    }
    return own_dir;
}

/* The folder of shared test files: told, or beside the checkout. */
static char *shared_root(void)
{
    const char *told = getenv("RUSHES_TEST_SHARED"), *checkout = getenv("RUSHES_SOURCE_ROOT");

    return told && told[0] ? xstrdup(told)
                           : fs_join(checkout && checkout[0] ? checkout : ".", "../shared");
}

const char *test_shared(const char *path)
{
    static VEC(char *) given; /* reachable until exit */
    CLEANUP_FREE char *root = shared_root();
    char *full = fs_join(root, path);

    if (access(full, R_OK) < 0) {
        free(full);
        return NULL;
    }
    VEC_PUSH(&given, full);
    return full;
}
