#include "base/test.h"

TEST(str_compare)
{
    CHECK(str_eq(STR("ab"), STR("ab")));
    CHECK(!str_eq(STR("ab"), STR("aB")));
    CHECK(!str_eq(STR("ab"), STR("abc")));
    CHECK(str_eq((struct str){NULL, 0}, STR("")));
    CHECK(str_eqz((struct str){"abc", 2}, "ab"));
    CHECK(!str_eqz((struct str){"ab\0c", 4}, "ab"));
    CHECK(str_eqz((struct str){NULL, 0}, NULL));
    CHECK(str_ieqz(STR("Content-LENGTH"), "content-length"));
    CHECK(!str_ieqz(STR("["), "{")); /* they differ by the bit that makes letters small */
    CHECK(!str_ieqz(STR("\xC3\x84"), "\xC3\xA4"));
    CHECK_EQ(str_of(NULL).n, 0);
}

TEST(str_starts_and_ends)
{
    CHECK(str_starts(STR("abc"), STR("ab")));
    CHECK(str_starts(STR("abc"), STR("")));
    CHECK(!str_starts(STR("a"), STR("ab")));
    CHECK(str_ends(STR("clip.mp4"), STR(".mp4")));
    CHECK(str_ends((struct str){NULL, 0}, STR("")));
    CHECK(!str_ends(STR("mp4"), STR(".mp4")));
}

TEST(str_trim_table)
{
    static const struct {
        const char *in, *want;
    } rows[] = {{"", ""}, {"  ", ""}, {" a b ", "a b"}, {"\t\r\n\v\fx\n", "x"}, {"x", "x"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(str_eqz(str_trim(str_of(rows[i].in)), rows[i].want));
}

TEST(str_cut_gives_every_part_once)
{
    static const struct {
        const char *in, *want; /* parts joined by | */
    } rows[] = {{"a,b", "a|b|"}, {"", "|"},     {",", "||"},
                {"a,", "a||"},   {",a", "|a|"}, {"abc", "abc|"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_BUF struct buf b = {0};
        struct str rest = str_of(rows[i].in), part;
        while (str_cut(&rest, ',', &part))
            buf_addf(&b, "%.*s|", STR_ARG(part));
        CHECK_STR(buf_z(&b), rows[i].want);
        CHECK(!str_cut(&rest, ',', &part));
    }
}

TEST(str_dup_copies_and_terminates)
{
    CLEANUP_FREE char *a = str_dup((struct str){"abcdef", 3});
    CLEANUP_FREE char *empty = str_dup((struct str){NULL, 0});

    CHECK_STR(a, "abc");
    CHECK_STR(empty, "");
}

TEST(utf8_valid_table)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {
        {"", true},
        {"plain", true},
        {"äöü €", true},
        {"😀", true},
        {"\xF4\x8F\xBF\xBF", true},  /* U+10FFFF */
        {"\xF4\x90\x80\x80", false}, /* beyond */
        {"\xC0\x80", false},         /* NUL the long way */
        {"\xC1\xBF", false},
        {"\xE0\x9F\xBF", false}, /* two bytes would do */
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xED\xA0\x80", false}, /* surrogate */
        {"\xF0\x8F\xBF\xBF", false},
        {"\xF0\x90\x80\x80", true},
        {"\x80", false},
        {"a\xC3", false}, /* ends inside */
        {"\xE2\x82", false},
        {"\xF0\x9F\x98", false},
        {"\xC3\x28", false},
        {"\xE2\x28\xA1", false},
        {"\xF8\x88\x80\x80\x80", false},
        {"\xFF", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (utf8_valid(str_of(rows[i].text)) != rows[i].want)
            fail_msg("row %zu", i);
}

TEST(utf8_every_code_point_goes_there_and_back)
{
    char text[4];

    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        size_t n = utf8_put(cp, text), i = 0;
        bool real = cp <= 0x10FFFF && !(cp >= 0xD800 && cp <= 0xDFFF);
        CHECK_EQ(utf8_next((struct str){text, n}, &i), real ? cp : 0xFFFD);
        CHECK_EQ(i, n);
        CHECK(utf8_valid((struct str){text, n}));
    }
}

TEST(utf8_next_steps_one_byte_over_what_is_broken)
{
    struct str s = STR("a\xE2\x82z\xFF");
    static const uint32_t want[] = {'a', 0xFFFD, 0xFFFD, 'z', 0xFFFD};
    size_t i = 0, k = 0;

    while (i < s.n) {
        size_t before = i;
        CHECK_EQ(utf8_next(s, &i), want[k++]);
        CHECK_EQ(i, before + 1);
    }
    CHECK_EQ(k, ARRAY_LEN(want));
}

TEST_MAIN
