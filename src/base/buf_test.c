#include "base/test.h"

TEST(buf_collects_and_terminates)
{
    CLEANUP_BUF struct buf b = {0};

    CHECK_STR(buf_z(&b), "");
    CHECK_EQ(buf_str(&b).n, 0);
    buf_addz(&b, "ab");
    buf_addc(&b, 'c');
    buf_adds(&b, STR("de"));
    buf_add(&b, "f\0g", 3);
    buf_addf(&b, "%03d", 7);
    CHECK_EQ(b.n, 11);
    CHECK(memcmp(b.p, "abcdef\0g007", 12) == 0);
    CHECK(buf_ok(&b));
}

TEST(buf_takes_exactly_its_limit)
{
    static const struct {
        size_t max, add;
        bool ok;
    } rows[] = {{1, 1, true},   {1, 2, false},   {63, 63, true},
                {64, 64, true}, {64, 65, false}, {1000, 1000, true}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_BUF struct buf whole = BUF_MAX(rows[i].max), bytes = BUF_MAX(rows[i].max),
                               printed = BUF_MAX(rows[i].max);
        CLEANUP_FREE char *text = xcalloc(rows[i].add + 1, 1);
        memset(text, 'x', rows[i].add);
        buf_addz(&whole, text);
        for (size_t k = 0; k < rows[i].add; k++)
            buf_addc(&bytes, 'x');
        buf_addf(&printed, "%s", text);
        CHECK_EQ(buf_ok(&whole), rows[i].ok);
        CHECK_EQ(buf_ok(&bytes), rows[i].ok);
        CHECK_EQ(buf_ok(&printed), rows[i].ok);
        CHECK(whole.cap <= rows[i].max + 1 && bytes.cap <= rows[i].max + 1 &&
              printed.cap <= rows[i].max + 1);
        if (rows[i].ok)
            CHECK_STR(buf_z(&printed), text);
        else
            CHECK_EQ(whole.n, 0);
    }
}

TEST(buf_that_failed_takes_nothing_until_reset)
{
    CLEANUP_BUF struct buf b = BUF_MAX(4);

    buf_addz(&b, "abc");
    buf_addz(&b, "de");
    buf_addc(&b, 'x'); /* would fit, but there would be a hole before it */
    buf_addf(&b, "%d", 1);
    CHECK(!buf_ok(&b));
    CHECK_STR(buf_z(&b), "abc");
    buf_reset(&b);
    CHECK(buf_ok(&b));
    CHECK_STR(buf_z(&b), "");
    buf_addz(&b, "wxyz");
    CHECK_STR(buf_z(&b), "wxyz");
}

TEST(buf_default_limit_holds)
{
    CLEANUP_BUF struct buf b = {0};
    CLEANUP_FREE char *mega = xcalloc(1, 1 << 20);

    for (int i = 0; i < 64; i++)
        buf_add(&b, mega, 1 << 20);
    CHECK(buf_ok(&b));
    CHECK_EQ(b.n, BUF_DEFAULT_MAX);
    buf_addc(&b, 'x');
    CHECK(!buf_ok(&b));
}

TEST(buf_steal_leaves_an_empty_buffer)
{
    struct buf b = BUF_MAX(100);

    buf_addz(&b, "mine");
    CLEANUP_FREE char *s = buf_steal(&b);
    CHECK_STR(s, "mine");
    CHECK_EQ(b.n, 0);
    CHECK_EQ(b.max, 100);
    CLEANUP_FREE char *empty = buf_steal(&b);
    CHECK_STR(empty, "");
    buf_finish(&b);
    buf_finish(&b);
    buf_finish(NULL);
}

TEST(buf_grows_over_many_prints)
{
    CLEANUP_BUF struct buf b = {0};

    for (int i = 0; i < 2000; i++)
        buf_addf(&b, "%d,", i);
    struct str rest = buf_str(&b), part;
    for (int64_t i = 0, v; i < 2000; i++) {
        CHECK(str_cut(&rest, ',', &part));
        CHECK(str_to_i64(part, &v));
        CHECK_EQ(v, i);
    }
    CHECK_EQ(rest.n, 0);
}

TEST(vec_grows_and_is_walked_in_order)
{
    VEC(int) v = {0};
    int want = 0;

    VEC_FOREACH (&v, none)
        fail_msg("%d in an empty vector", *none);
    for (int i = 0; i < 1000; i++)
        VEC_PUSH(&v, i * 3);
    VEC_FOREACH (&v, it)
        CHECK_EQ(*it, 3 * want++);
    CHECK_EQ(want, 1000);
    VEC_FINISH(&v);
    CHECK_EQ(v.n, 0);
    CHECK(v.p == NULL);
}

TEST(mem_try_refuses_what_overflows)
{
    volatile size_t half = SIZE_MAX / 2 + 1;

    CHECK(mem_try_calloc(half, 2) == NULL);
    CHECK(mem_try_realloc(NULL, half, 2) == NULL);
    CLEANUP_FREE char *p = mem_try_calloc(3, 5);
    for (int i = 0; i < 15; i++)
        CHECK_EQ(p[i], 0);
    CLEANUP_FREE char *nothing = mem_try_calloc(0, 8);
    CHECK(nothing != NULL);
}

TEST(steal_takes_the_value_out_of_its_scope)
{
    char *kept = NULL;
    {
        CLEANUP_FREE char *s = xasprintf("%s", "kept");
        kept = STEAL(s);
        CHECK(s == NULL);
    }
    CHECK_STR(kept, "kept");
    mem_free(kept);
    CLEANUP_FREE char *cut = xstrndup("abcdef", 3);
    CHECK_STR(cut, "abc");
}

TEST_MAIN
