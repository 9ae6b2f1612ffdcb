/* What is found, by which spellings, and what queries of strangers find. */
#include "search/test_search.h"

/* ---- finding ---- */

TEST(search_finds_spans_with_evidence)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Holiday in Rome");
    PUT(&l, 0, TEXT_OCR, {10, 14, "Gelateria BCASTELL"}, {100, 101, "EXIT"});
    CHECK_EQ(ask(&l, "bcastell"), 1);
    CHECK(hit_is(&l, 0, 0));
    CHECK_EQ(hit(&l, 0)->start_us, 10 * SECOND);
    CHECK_EQ(hit(&l, 0)->end_us, 14 * SECOND);
    CHECK_EQ(hit(&l, 0)->start_frame, 250);
    CHECK_EQ(hit(&l, 0)->end_frame, 350);
    CHECK(!hit(&l, 0)->whole_video);
    CHECK(hit(&l, 0)->all_terms);
    CHECK(hit(&l, 0)->score > 0.5 && hit(&l, 0)->score <= 1);
    CHECK_STR(hit(&l, 0)->title, "Holiday in Rome");
    CHECK_STR(hit(&l, 0)->state, "indexed");
    CHECK_EQ(hit(&l, 0)->n_evidence, 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_OCR);
    CHECK_EQ(hit(&l, 0)->evidence[0].width, 100);
    CHECK_STR(marked(&l, 0, 0), "BCASTELL");
    CHECK_EQ(l.r->total, 1);
    CHECK(!l.r->total_is_least);
    CHECK(l.r->next_cursor == NULL);
    CHECK(l.r->hint == NULL);
}

TEST(search_an_address_is_found_by_a_part)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_OCR, {1, 2, "www.bcastell.com"}, {5, 6, "mail: info@Example.org"});
    CHECK_EQ(ask(&l, "bcastell"), 1);
    CHECK_EQ(ask(&l, "www.bcastell.com"), 1);
    CHECK_STR(marked(&l, 0, 0), "www.bcastell.com");
    CHECK_EQ(ask(&l, "bcastell.com"), 1);
    CHECK_EQ(ask(&l, "info@example.org"), 1);
    CHECK_EQ(ask(&l, "example"), 1);
}

TEST(search_nothing_is_an_answer)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    CHECK_EQ(ask(&l, "anything"), 0);
    titled(&l, 0, "Holiday in Rome");
    CHECK_EQ(ask(&l, "submarine"), 0);
    CHECK_EQ(l.r->total, 0);
    CHECK(l.r->hint == NULL);
    CHECK_EQ(ask(&l, ""), 0);
    CHECK_EQ(ask(&l, "!!!"), 0);
    CHECK_EQ(ask(&l, "-rome"), 0); /* nothing is asked for */
}

TEST(search_a_title_is_the_whole_video)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Holiday in Rome");
    CHECK_EQ(ask(&l, "rome holiday"), 1);
    CHECK(hit(&l, 0)->whole_video);
    CHECK_EQ(hit(&l, 0)->start_us, 0);
    CHECK_EQ(hit(&l, 0)->end_us, 600 * SECOND);
    CHECK_EQ(hit(&l, 0)->end_frame, 15000);
    CHECK_STR(marked(&l, 0, 0), "Holiday|Rome");
}

TEST(search_describing_sources)
{
    CLEANUP_LIB struct lib l = {0};
    struct video v = {.title = "Alpha",
                      .description = "A walk by the sea",
                      .tags_json = "[\"Red Car\",\"night\"]",
                      .filename = "DSC_0042.mov"};

    lib_init(&l);
    add_video(&l, 0, &v);
    CHECK_EQ(ask(&l, "alpha"), 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_TITLE);
    CHECK_EQ(ask(&l, "sea"), 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_DESCRIPTION);
    CHECK_EQ(ask(&l, "\"red car\""), 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_TAG);
    CHECK_EQ(ask(&l, "0042"), 1);
    CHECK_EQ(hit(&l, 0)->evidence[0].source, TEXT_FILENAME);
    CHECK_EQ(ask(&l, "alpha sea car 0042"), 1); /* each in another source of one video */
    CHECK(hit(&l, 0)->all_terms);
    CHECK_EQ(hit(&l, 0)->n_evidence, 4);
}

TEST(search_substrings_of_scripts_without_spaces)
{
    static const struct {
        const char *text, *query, *marked;
    } rows[] = {
        {"東京都庁へようこそ", "東", "東"},
        {"東京都庁へようこそ", "京", "京"},
        {"東京都庁へようこそ", "京都", "京都"},
        {"東京都庁へようこそ", "都庁へ", "都庁へ"},
        {"東京都庁へようこそ", "そ", "そ"},
        {"東京都庁へようこそ", "東京都庁へようこそ", "東京都庁へようこそ"},
        {"東京タワーTOWER 2026年", "タワーtower", "タワーTOWER"},
        {"東京タワーTOWER2026年", "ワーtower2026年", "ワーTOWER2026年"},
        {"東京タワーTOWER2026年", "タワーtower", NULL}, /* words are whole */
        {"東京タワーTOWER2026年", "タワtower2026", NULL},
        {"ﾄｳｷｮｳ ﾀﾜｰ", "タワー", "ﾀﾜｰ"},
        {"ラーメン屋", "らーめん", "ラーメン"},
        {"서울특별시에서", "특별시", "특별시"},
        {"서울특별시에서", "서울", "서울"},
        {"ยินดีต้อนรับสู่กรุงเทพ", "กรุงเทพ", "กรุงเทพ"},
        {"我们的北京大学", "北京", "北京"},
        {"第3回大会", "3回", "3回"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_LIB struct lib l = {0};
        struct said s = {1, 2, rows[i].text, 0};
        lib_init(&l);
        titled(&l, 0, "");
        put(&l, 0, TEXT_OCR, &s, 1);
        size_t n = ask(&l, rows[i].query);
        if (n != (rows[i].marked ? 1 : 0))
            fail_msg("'%s' in '%s': %zu hits", rows[i].query, rows[i].text, n);
        if (n)
            CHECK_STR(marked(&l, 0, 0), rows[i].marked);
        CHECK_EQ(ask(&l, "庁京"), 0); /* the characters, in no such order */
    }
}

TEST(search_spellings_that_are_one)
{
    static const struct {
        const char *text, *query;
    } rows[] = {
        {"Café", "cafe"},         {"cafe", "CAFÉ"},       {"Cafe\u0301", "Café"},
        {"Straße", "strasse"},    {"STRASSE", "Straße"},  {"İstanbul", "istanbul"},
        {"ISTANBUL", "ıstanbul"}, {"ﬁnal", "final"},      {"Ｆｉｎａｌ", "final"},
        {"e-mail", "email"},      {"email", "e-mail"},    {"Wi-Fi", "wifi"},
        {"O’Brien", "obrien"},    {"O'Brien", "O’Brien"}, {"U.S.A.", "usa"},
        {"USA", "u.s.a."},        {"don't", "dont"},      {"العَرَبِيَّة", "العربية"},
        {"שָׁלוֹם", "שלום"},         {"👍🏽", "👍"},      {"٢٠٢٦", "2026"},
        {"l'eau", "eau"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_LIB struct lib l = {0};
        struct said s = {1, 2, rows[i].text, 0};
        lib_init(&l);
        set(&l, "search.spelling", "false");
        titled(&l, 0, "");
        put(&l, 0, TEXT_SPEECH, &s, 1);
        if (ask(&l, rows[i].query) != 1)
            fail_msg("'%s' does not find '%s'", rows[i].query, rows[i].text);
        CHECK(strlen(marked(&l, 0, 0)) > 0);
    }
}

TEST(search_phrases_prefixes_and_alternatives)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    titled(&l, 1, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "the red car is fast"});
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "a car that is red, and a truck"});
    CHECK_EQ(ask(&l, "\"red car\""), 1);
    CHECK(hit_is(&l, 0, 0));
    CHECK_EQ(ask(&l, "\"car red\""), 0);
    CHECK_EQ(ask(&l, "tru*"), 1);
    CHECK_STR(marked(&l, 0, 0), "truck");
    CHECK_EQ(ask(&l, "fast OR truck"), 2);
    CHECK_EQ(ask(&l, "red fast OR truck"), 2);
    CHECK(hit(&l, 1)->all_terms);
    CHECK_EQ(ask(&l, "red car"), 2);
    CHECK(hit_is(&l, 0, 0)); /* together and in order */
}

TEST(search_excluded_words)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Rome");
    titled(&l, 1, "Rome at night");
    titled(&l, 2, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "we see a car"}, {300, 305, "a car and a boat"});
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "a car"});
    PUT(&l, 2, TEXT_SPEECH, {0, 5, "night and a car"}, {300, 305, "a car"});
    CHECK_EQ(ask(&l, "car"), 5);
    CHECK_EQ(ask(&l, "car -boat"), 4);
    CHECK_EQ(ask(&l, "car -night"), 3); /* the video titled so, and the passage */
    CHECK_EQ(ask(&l, "car -night -boat"), 2);
    CHECK_EQ(ask(&l, "rome -\"at night\""), 1);
    CHECK_EQ(ask(&l, "car -ca*"), 0);
}

/* ---- hostile queries ---- */

TEST(search_strangers_bytes_are_words)
{
    static const char *const queries[] = {
        "\"",
        "\"\"\"",
        "a\"b\"c",
        "*",
        "^goal",
        "goal^2",
        "(((",
        "goal)",
        "NOT",
        "NOT goal",
        "goal NOT",
        "AND",
        "OR OR OR",
        "NEAR(goal)",
        "NEAR/3",
        "{title}:goal",
        "title:",
        "-title:x",
        "goal + car",
        "- - -",
        "'",
        "';--",
        "\\",
        "%",
        "_",
        "goal;",
        "\xff\xfe\xfd",
        "\xc3\x28",
        "{",
        "}",
        "scope:goal",
        "{scope} : goal",
        "rowid:1",
        ":",
        "::",
        "in:in:in:",
        "video:\"",
        "tag:\"x",
        "-\"",
        "--",
        "\"*\"",
        "* *",
        "goal*goal*",
        "OR*",
        "|",
        "| |",
        "a|b",
        "\xee\x80\x81u1",
        "\xee\x80\x80",
    };
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "goal");
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        ask(&l, queries[i]);
        CHECK(l.r->n <= 1);
    }
    CHECK_EQ(ask_str(&l, (struct str){"goal\0", 5}), 1);
    CHECK_EQ(ask(&l, "goal\"; DROP TABLE videos; --"), 1);
    CHECK_EQ(ask(&l, "goal"), 1);
}

TEST(search_owners_can_not_be_named_in_a_query)
{
    CLEANUP_LIB struct lib l = {0};
    char query[200];

    lib_init(&l);
    titled(&l, 0, "goal");
    snprintf(query, sizeof(query), "\xee\x80\x81v%s", l.ids[0]);
    CHECK_EQ(ask(&l, query), 0);
    snprintf(query, sizeof(query), "\"\xee\x80\x81u00000000000070008000000000000001\"");
    CHECK_EQ(ask(&l, query), 0);
}

TEST(search_long_and_deep_queries_are_answered)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP_BUF struct buf q = {0};

    lib_init(&l);
    titled(&l, 0, "goal");
    for (int i = 0; i < 20000; i++)
        buf_addz(&q, "goal OR \"x y\" -z* ");
    ask_str(&l, buf_str(&q));
    CHECK(l.r->note != NULL);
    buf_reset(&q);
    for (int i = 0; i < 20000; i++)
        buf_addz(&q, "東京");
    ask_str(&l, buf_str(&q));
    buf_reset(&q);
    for (int i = 0; i < 20000; i++)
        buf_addz(&q, "(");
    ask_str(&l, buf_str(&q));
    CHECK_EQ(l.r->n, 0);
}

TEST_MAIN
