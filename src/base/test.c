/* The small layer over cmocka that base/test.h describes. */
#include "base/test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

static VEC(struct CMUnitTest) tests;
static char *own_dir;
static pid_t own_pid;

void test_register(const char *name, void (*fn)(void **))
{
    VEC_PUSH(&tests, ((struct CMUnitTest){.name = name, .test_func = fn}));
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
