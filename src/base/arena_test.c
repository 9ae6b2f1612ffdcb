#include <stdalign.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static bool all_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

TEST(arena_memory_is_aligned_zeroed_and_apart)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct {
        char *p;
        size_t n;
    } pieces[400];

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        size_t n = i % 7 == 0 ? i * 97 : i % 50; /* small, zero and bigger than a block */
        pieces[i].p = arena_alloc(a, n);
        pieces[i].n = n;
        CHECK_EQ((uintptr_t)pieces[i].p % alignof(max_align_t), 0);
        CHECK(all_zero(pieces[i].p, n));
        memset(pieces[i].p, (int)(i & 0xFF), n);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        for (size_t k = 0; k < pieces[i].n; k++)
            CHECK_EQ((unsigned char)pieces[i].p[k], i & 0xFF);
}

TEST(arena_reset_gives_zeroed_memory_again)
{
    CLEANUP(arena_free) struct arena *a = arena_new();

    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 300; i++) {
            char *p = arena_alloc(a, 200);
            CHECK(all_zero(p, 200));
            memset(p, 0xAA, 200);
        }
        arena_reset(a);
    }
}

TEST(arena_texts)
{
    CLEANUP(arena_free) struct arena *a = arena_new();

    CHECK_STR(arena_strdup(a, "käse"), "käse");
    CHECK_STR(arena_strndup(a, "käse", 1), "k");
    CHECK_STR(arena_strndup(a, "ab", 10), "ab");
    CHECK_STR(arena_printf(a, "%d-%s", 7, "x"), "7-x");
    char *wide = arena_printf(a, "%100000d", 1);
    CHECK_EQ(strlen(wide), 100000);
    int *numbers = ARENA_ARRAY(a, int, 1000);
    CHECK(all_zero((char *)numbers, 1000 * sizeof *numbers));
}

static char order[16];
static size_t order_n;
static char digits[] = "123";
static void note(void *arg)
{
    order[order_n++] = *(const char *)arg;
    order[order_n] = '\0';
}

TEST(arena_on_free_runs_last_registered_first_and_once)
{
    struct arena *a = arena_new();

    order_n = 0;
    arena_on_free(a, note, &digits[0]);
    arena_on_free(a, note, &digits[1]);
    arena_reset(a);
    CHECK_STR(order, "21");
    arena_on_free(a, note, &digits[2]);
    arena_free(a);
    CHECK_STR(order, "213");
    arena_free(NULL);
}

/* what the closer looks at must still be there */
static void read_back(void *arg)
{
    CHECK_STR(arg, "still here");
    order_n++;
}

TEST(arena_on_free_runs_before_the_memory_goes)
{
    struct arena *a = arena_new();

    order_n = 0;
    arena_on_free(a, read_back, arena_strdup(a, "still here"));
    arena_free(a);
    CHECK_EQ(order_n, 1);
}

TEST(arena_array_that_overflows_ends_the_process)
{
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        struct arena *a = arena_new();
        volatile size_t many = SIZE_MAX / 4;
        (void)arena_array(a, many, 8);
        _exit(0); /* came back */
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0); /* SIGABRT, or the sanitizer's own end */
}

#ifdef __SANITIZE_ADDRESS__
TEST(arena_piece_that_is_overrun_is_seen_by_the_sanitizer)
{
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        CLEANUP(arena_free) struct arena *a = arena_new();
        volatile char *p = arena_alloc(a, 24);
        arena_alloc(a, 24);
        p[24] = 1;
        _exit(0); /* unseen */
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}
#endif

TEST_MAIN
