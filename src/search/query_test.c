/* What a query is understood as. Nothing is an error. */
#include "search/query.h"

#include "base/test.h"
#include "index/fold.h"

/* The query as one line: terms in brackets with their tokens, then excluded ones, then filters. */
static const char *understood(struct str text)
{
    static char out[8192];
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP_BUF struct buf b = {0};
    struct query q;

    query_parse(a, text, &q);
    for (size_t i = 0; i < q.n_terms; i++) {
        buf_addz(&b, "[");
        for (size_t k = 0; k < q.terms[i].n; k++) {
            const struct query_phrase *p = &q.terms[i].any[k];
            buf_addf(&b, "%s%.*s%s", k ? "|" : "", STR_ARG(p->words.tokens),
                     p->words.prefix ? "*" : "");
        }
        buf_addz(&b, "]");
    }
    for (size_t i = 0; i < q.n_excluded; i++)
        buf_addf(&b, "-[%.*s%s]", STR_ARG(q.excluded[i].words.tokens),
                 q.excluded[i].words.prefix ? "*" : "");
    if (q.sources) {
        buf_addz(&b, " in");
        for (int s = 0; s < TEXT_SOURCE_N; s++) {
            if (q.sources & (1u << s))
                buf_addf(&b, ":%s", text_source_name((enum text_source)s));
        }
    }
    for (size_t i = 0; i < q.n_videos; i++)
        buf_addf(&b, " video:%s", q.videos[i]);
    for (size_t i = 0; i < q.n_tags; i++)
        buf_addf(&b, " tag:%s", q.tags[i]);
    snprintf(out, sizeof(out), "%s", buf_z(&b));
    return out;
}

struct row {
    const char *text, *want;
};
static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = understood(str_of(rows[i].text));
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("'%s' is read as '%s', not '%s'", rows[i].text, got, rows[i].want);
    }
}
#define CHECK_ROWS(...)                                                                            \
    do {                                                                                           \
        static const struct row rows_[] = {__VA_ARGS__};                                           \
        check_rows(rows_, ARRAY_LEN(rows_));                                                       \
    } while (0)

TEST(query_words)
{
    CHECK_ROWS({"", ""}, {"   \t\n", ""}, {"Red CAR", "[red][car]"}, {"red red RED", "[red]"},
               {"café", "[cafe]"}, {"東京 大阪", "[東京][大阪]"},
               {"red\xE3\x80\x80"
                "car",
                "[red][car]"},
               {"!!! ...", ""}, {"www.bcastell.com", "[www bcastell com]"}, {"👍", "[👍]"});
}

TEST(query_phrases)
{
    CHECK_ROWS({"\"red car\"", "[red car]"}, {"\"red car", "[red car]"},
               {"a\"b c\"d", "[a][b c][d]"}, {"“red car”", "[red car]"},
               {"„rotes Auto“", "[rotes auto]"}, {"\"\"", ""}, {"\"", ""}, {"\" \" x", "[x]"},
               {"\"東京 tower\"", "[東京 京 tower]"});
}

TEST(query_excluded)
{
    CHECK_ROWS({"car -boat", "[car]-[boat]"}, {"-\"big boat\" car", "[car]-[big boat]"},
               {"car - boat", "[car][boat]"}, {"-", ""}, {"--", ""}, {"--car", "-[car]"},
               {"-boat", "-[boat]"}, {"-cam*", "-[cam*]"}, {"spider-man", "[spider man|spiderman]"},
               {"-in:title", "-[in title]"});
}

TEST(query_prefixes)
{
    CHECK_ROWS({"cam*", "[cam*]"}, {"\"red ca\"*", "[red ca*]"}, {"*", ""}, {"a*", "[a]"},
               {"ca*r", "[ca r]"}, {"**", ""}, {"cam**", "[cam*]"}, {"*cam", "[cam]"},
               {"東京*", "[東京]"}, {"東*", "[東*]"});
}

TEST(query_alternatives)
{
    CHECK_ROWS({"car OR truck", "[car|truck]"}, {"red car OR truck fast", "[red][car|truck][fast]"},
               {"a OR b OR c", "[a|b|c]"}, {"car | truck", "[car|truck]"},
               {"car or truck", "[car][or][truck]"}, {"OR", "[or]"}, {"OR car", "[or][car]"},
               {"car OR", "[car][or]"}, {"car OR OR truck", "[car|or][truck]"},
               {"car OR -boat", "[car][or]-[boat]"}, {"car OR in:title", "[car][or] in:title"},
               {"car OR \"red truck\"", "[car|red truck]"}, {"car OR car", "[car]"},
               {"car OR !!", "[car][or]"});
}

TEST(query_fields)
{
    CHECK_ROWS({"in:title car", "[car] in:title"}, {"IN:Speech x", "[x] in:speech"},
               {"in:title in:text x", "[x] in:ocr:title"}, {"in:title,tag x", "[x] in:title:tag"},
               {"in:nowhere x", "[in nowhere][x]"}, {"in: x", "[in][x]"}, {"in:", "[in]"},
               {"video:0193-ab x", "[x] video:0193-ab"}, {"video:", "[video]"},
               {"tag:red tag:\"big boat\" x", "[x] tag:red tag:big boat"},
               {"\"in:title\"", "[in title]"}, {"http://x", "[http x]"}, {"time:12", "[time 12]"});
}

/* A run asks for its pairs; a single character for whatever begins with it; one before something
 * else must end there. */
TEST(query_runs)
{
    CHECK_ROWS({"京", "[京*]"}, {"東京", "[東京]"}, {"東京都", "[東京 京都]"},
               {"東京tower", "[東京 京 tower]"}, {"tower京", "[tower 京*]"}, {"第3", "[第 3]"},
               {"ไทย", "[ไท ทย]"}, {"한국", "[한국]"});
}

TEST(query_compounds)
{
    CHECK_ROWS({"e-mail", "[e mail|email]"}, {"O’Brien", "[o brien|obrien]"},
               {"U.S.A.", "[u s a|usa]"}, {"\"e-mail me\"", "[e mail me]"},
               {"e-mail*", "[e mail*]"});
}

TEST(query_other_languages_of_search_are_words)
{
    CHECK_ROWS({"title:car", "[title car]"}, {"car AND truck", "[car][and][truck]"},
               {"NEAR(car truck, 5)", "[near car][truck][5]"}, {"(car)", "[car]"},
               {"{title} : car", "[title][car]"}, {"^car", "[car]"},
               {"car + truck", "[car][truck]"}, {"a\"\"b", "[a][b]"},
               {"'; DROP TABLE videos; --", "[drop][table][videos]"}, {"car\\\"", "[car]"},
               {"\"a\" \"b", "[a][b]"}, {"$1 ?1 :x @y", "[1][x][y]"});
}

TEST(query_bytes_that_are_not_text)
{
    CHECK_STR(understood(STR("red\xff"
                             "car")),
              "[red car]"); /* one word as typed: parts of it follow each other */
    CHECK_STR(understood((struct str){"a\0b", 3}), "[a][b]");
    CHECK_STR(understood(STR("\xc3")), "");
    CHECK_STR(understood(STR("\xee\x80\x81"
                             "u1")),
              "[u1]"); /* the mark of owners in db/ */
}

TEST(query_is_bounded)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP_BUF struct buf b = {0};
    struct query q;

    for (int i = 0; i < 100; i++)
        buf_addf(&b, "w%d ", i);
    query_parse(a, buf_str(&b), &q);
    CHECK_EQ(q.n_terms, SEARCH_TERMS_MAX);
    CHECK(q.note != NULL);

    buf_reset(&b);
    for (int i = 0; i < 100; i++)
        buf_addf(&b, "w%d OR ", i);
    query_parse(a, buf_str(&b), &q);
    CHECK_EQ(q.terms[0].n, SEARCH_TERMS_MAX);

    buf_reset(&b);
    for (int i = 0; i < 100; i++)
        buf_addf(&b, "-x%d ", i);
    query_parse(a, buf_str(&b), &q);
    CHECK_EQ(q.n_excluded, QUERY_EXCLUDED_MAX);

    buf_reset(&b);
    buf_addz(&b, "\"");
    for (int i = 0; i < 400; i++)
        buf_addz(&b, "y ");
    query_parse(a, buf_str(&b), &q);
    CHECK_EQ(q.n_terms, 1);
    CHECK_EQ(q.terms[0].any[0].n, QUERY_PHRASE_MAX);

    buf_reset(&b);
    for (int i = 0; i < 1000; i++)
        buf_addz(&b, "é");
    query_parse(a, buf_str(&b), &q);
    CHECK(q.text.n <= SEARCH_QUERY_MAX);
    CHECK(utf8_valid(q.text));
    CHECK(q.note != NULL);
}

TEST(query_labels_are_as_typed)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct query q;

    query_parse(a, STR("Red \"Big Car\" cam* a OR b"), &q);
    CHECK_EQ(q.n_terms, 4);
    CHECK_STR(q.terms[0].label, "Red");
    CHECK_STR(q.terms[1].label, "\"Big Car\"");
    CHECK_STR(q.terms[2].label, "cam*");
    CHECK_STR(q.terms[3].label, "a OR b");
}

TEST_MAIN
