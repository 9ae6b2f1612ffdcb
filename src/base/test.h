/*
 * Unit tests: cmocka behind two macros, so that a test file is only its tests.
 *
 *     TEST(str_cut_at_the_end_gives_an_empty_rest) { CHECK(…); CHECK_EQ(a, b); CHECK_STR(z, "x"); }
 *     TEST_MAIN
 *
 * SKIP("why") ends a test that can not run here; it counts as skipped. CHECK_OK(call) fails with
 * the error's text; it needs `struct err e` in scope. test_dir() is a fresh folder, removed at
 * exit. test_shared("footage/x.mp4") is the path of a shared test file (folder from
 * RUSHES_TEST_SHARED, else ../shared beside the checkout) or NULL when absent.
 */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

void test_register(const char *name, void (*fn)(void **));
int test_run(const char *file); /* argv-less: RUSHES_TEST=substring picks tests */
/* Ends the running test as skipped; what SKIP() does. */
_Noreturn void test_skip(const char *why);
const char *test_dir(void);
const char *test_shared(const char *path);

#define TEST(name)                                                                                 \
    static void name(void **state);                                                                \
    __attribute__((constructor)) static void register_##name(void)                                 \
    {                                                                                              \
        test_register(#name, name);                                                                \
    }                                                                                              \
    static void name(void **state __attribute__((unused)))
#define TEST_MAIN                                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        return test_run(__FILE__);                                                                 \
    }
#define CHECK(cond)     assert_true(cond)
#define CHECK_EQ(a, b)  assert_int_equal((a), (b))
#define CHECK_STR(a, b) assert_string_equal((a), (b))
#define CHECK_NEAR(a, b, tol)                                                                      \
    do {                                                                                           \
        double a_ = (a), b_ = (b);                                                                 \
        if (!(a_ - b_ <= (tol) && b_ - a_ <= (tol)))                                               \
            fail_msg("%s = %.9g is not within %g of %.9g", #a, a_, (double)(tol), b_);             \
    } while (0)
#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, e.text);                                                     \
    } while (0)
#define CHECK_ERR(call, want)                                                                      \
    do {                                                                                           \
        err_clear(&e);                                                                             \
        CHECK((call) < 0);                                                                         \
        CHECK_STR(err_class(e.code)->name, err_class(want)->name);                                 \
    } while (0)
#define SKIP(why) test_skip(why)

#endif
