#include <errno.h>

#include "base/test.h"

TEST(err_every_code_has_a_whole_row)
{
    for (int c = 0; c < ERR_CODE_N; c++) {
        const struct err_class *k = err_class((enum err_code)c);
        CHECK(k->name && k->name[0] && k->category && k->plain && k->next);
        CHECK_EQ(err_code_from_name(k->name), c);
        CHECK(k->exit_code >= 0 && k->exit_code <= 5);
        CHECK_EQ(k->exit_code == 0, c == ERR_OK);
        CHECK(k->http_status >= 200 && k->http_status < 600);
        size_t n = strlen(k->plain);
        CHECK(n > 0 && k->plain[n - 1] == '.');
        CHECK(n < sizeof((struct err *)0)->plain);
    }
    CHECK_STR(err_class((enum err_code)999)->name, "internal");
    CHECK_STR(err_class((enum err_code) - 1)->name, "internal");
    CHECK_EQ(err_code_from_name("no such"), ERR_INTERNAL);
    CHECK_EQ(err_code_from_name(NULL), ERR_INTERNAL);
}

TEST(err_exit_codes_are_those_of_the_manual)
{
    static const struct {
        enum err_code code;
        int exit_code;
    } rows[] = {{ERR_OK, 0},        {ERR_USAGE, 2},       {ERR_INPUT, 3},
                {ERR_LIMIT, 4},     {ERR_UNAVAILABLE, 5}, {ERR_STORAGE, 1},
                {ERR_NOT_FOUND, 3}, {ERR_DENIED, 3},      {ERR_CONFLICT, 1}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_EQ(err_class(rows[i].code)->exit_code, rows[i].exit_code);
}

TEST(err_wrap_builds_the_chain_outwards)
{
    struct err e = {0};

    CHECK_EQ(err_set(&e, ERR_STORAGE, "write: %s", "disk full"), -1);
    CHECK_EQ(err_wrap(&e, "open proxy %d", 7), -1);
    err_wrap(&e, "media pass");
    CHECK_STR(e.text, "media pass: open proxy 7: write: disk full");
    CHECK_EQ(e.code, ERR_STORAGE);
    err_clear(&e);
    CHECK_EQ(e.code, ERR_OK);
    CHECK_STR(e.text, "");
}

TEST(err_arguments_may_be_the_error_itself)
{
    struct err e = {0};

    err_set(&e, ERR_INPUT, "inner");
    err_set(&e, ERR_PROCESSING, "child said: %s", e.text);
    CHECK_STR(e.text, "child said: inner");
    err_plain(&e, "A sentence.", NULL);
    err_plainf(&e, "Again: %s", e.plain);
    CHECK_STR(e.plain, "Again: A sentence.");
    err_wrap(&e, "%s", e.text);
    CHECK_STR(e.text, "child said: inner: child said: inner");
    err_plain(&e, e.plain, e.next);
    CHECK_STR(e.plain, "Again: A sentence.");
}

TEST(err_wrap_without_an_error_is_our_mistake)
{
    struct err e = {0};

    err_wrap(&e, "who failed");
    CHECK_EQ(e.code, ERR_INTERNAL);
}

TEST(err_wrap_that_overflows_keeps_both_ends)
{
    struct err e = {0};

    err_set(&e, ERR_INPUT, "the cause");
    for (int i = 0; i < 200; i++)
        err_wrap(&e, "link %d with ünïcödé", i);
    size_t n = strlen(e.text);
    CHECK(n < sizeof e.text);
    CHECK(str_ends(str_of(e.text), STR("the cause")));
    CHECK(str_starts(str_of(e.text), STR("link 199 ")));
    CHECK(utf8_valid(str_of(e.text)));
    char big[5000];
    memset(big, 'y', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    err_wrap(&e, "%s", big);
    CHECK(strlen(e.text) < sizeof e.text);
    CHECK(str_ends(str_of(e.text), STR("the cause")));
}

TEST(err_long_texts_are_cut_between_characters)
{
    static const char *const fill[] = {"ä", "€", "😀"};

    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        for (int shift = 0; shift < 4; shift++) {
            struct err e = {0};
            CLEANUP_BUF struct buf b = {0};
            for (int k = 0; k < shift; k++)
                buf_addc(&b, 'x');
            while (b.n < 3000)
                buf_addz(&b, fill[i]);
            err_set(&e, ERR_INPUT, "%s", buf_z(&b));
            err_plain(&e, buf_z(&b), buf_z(&b));
            CHECK(utf8_valid(str_of(e.text)) && strlen(e.text) > sizeof e.text - 5);
            CHECK(utf8_valid(str_of(e.plain)) && strlen(e.plain) > sizeof e.plain - 5);
            CHECK(utf8_valid(str_of(e.next)) && strlen(e.next) > sizeof e.next - 5);
        }
    }
}

TEST(err_errno_table)
{
    static const struct {
        int errnum;
        enum err_code want;
    } rows[] = {
        {ENOSPC, ERR_STORAGE},     {EDQUOT, ERR_STORAGE},     {EIO, ERR_STORAGE},
        {EROFS, ERR_STORAGE},      {EACCES, ERR_DENIED},      {EPERM, ERR_DENIED},
        {ENOENT, ERR_NOT_FOUND},   {ENOTDIR, ERR_NOT_FOUND},  {EEXIST, ERR_CONFLICT},
        {EMFILE, ERR_UNAVAILABLE}, {ENFILE, ERR_UNAVAILABLE}, {ENOMEM, ERR_UNAVAILABLE},
        {EFBIG, ERR_LIMIT},        {ETIMEDOUT, ERR_TIMEOUT},  {EBADF, ERR_INTERNAL},
        {0, ERR_INTERNAL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        CHECK_EQ(err_errno(&e, rows[i].errnum, "open '%s'", "f"), -1);
        CHECK_STR(err_class(e.code)->name, err_class(rows[i].want)->name);
        CHECK(str_starts(str_of(e.text), STR("open 'f': ")));
        CHECK(str_ends(str_of(e.text), str_of(strerror(rows[i].errnum))));
    }
    struct err e = {0};
    err_errno(&e, ENOSPC, "write");
    CHECK_STR(err_plain_text(&e), "The disk is full.");
}

TEST(err_sentences_default_to_the_code)
{
    struct err e = {0};

    err_set(&e, ERR_LIMIT, "x");
    CHECK_STR(err_plain_text(&e), err_class(ERR_LIMIT)->plain);
    CHECK_STR(err_next_text(&e), err_class(ERR_LIMIT)->next);
    err_plain(&e, "Too long.", NULL);
    CHECK_STR(err_plain_text(&e), "Too long.");
    CHECK_STR(err_next_text(&e), err_class(ERR_LIMIT)->next);
    err_plain(&e, NULL, "Cut it.");
    CHECK_STR(err_plain_text(&e), "Too long.");
    CHECK_STR(err_next_text(&e), "Cut it.");
    err_wrap(&e, "outer");
    CHECK_STR(err_plain_text(&e), "Too long.");
    err_set(&e, ERR_INPUT, "a new error forgets the sentences of the old one");
    CHECK_STR(err_plain_text(&e), err_class(ERR_INPUT)->plain);
}

TEST(err_null_is_taken_for_not_wanting_to_know)
{
    CHECK_EQ(err_set(NULL, ERR_INPUT, "x"), -1);
    CHECK_EQ(err_wrap(NULL, "x"), -1);
    CHECK_EQ(err_errno(NULL, ENOENT, "x"), -1);
    CHECK_EQ(err_plain(NULL, "x", "y"), -1);
    CHECK_EQ(err_plainf(NULL, "x"), -1);
    err_clear(NULL);
}

TEST_MAIN
