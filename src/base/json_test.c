#include <inttypes.h>
#include <locale.h>
#include <math.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/test.h"

static void write_sample(struct jsonw *w)
{
    jw_obj(w);
    jw_kz(w, "z", "a\"b");
    jw_kz(w, "null", NULL);
    jw_kstr(w, "str", STR("x"));
    jw_ki64(w, "min", INT64_MIN);
    jw_kdouble(w, "fps", 29.97, 3);
    jw_kdouble(w, "nan", NAN, 3);
    jw_kus(w, "at", 83500000);
    jw_kbool(w, "yes", true);
    jw_key(w, "list");
    jw_arr(w);
    jw_i64(w, 1);
    jw_obj(w);
    jw_obj_end(w);
    jw_arr(w);
    jw_arr_end(w);
    jw_raw(w, STR("{\"raw\":1}"));
    jw_null(w);
    jw_bool(w, false);
    jw_arr_end(w);
    jw_obj_end(w);
}

TEST(json_compact)
{
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);

    write_sample(&w);
    CHECK_STR(
        buf_z(&b),
        "{\"z\":\"a\\\"b\",\"null\":null,\"str\":\"x\",\"min\":-9223372036854775808,\"fps\":29.970,"
        "\"nan\":null,\"at\":83.500000,\"yes\":true,\"list\":[1,{},[],{\"raw\":1},null,false]}");
    CHECK_EQ(w.depth, 0);
}

TEST(json_indented_says_the_same)
{
    CLEANUP_BUF struct buf compact = {0}, wide = {0};
    struct jsonw a = JSONW(&compact), b = JSONW(&wide);
    CLEANUP_JSON json_t *ja = NULL, *jb = NULL;
    struct err e = {0};

    b.indent = 2;
    write_sample(&a);
    write_sample(&b);
    CHECK_OK(json_read(buf_str(&compact), &ja, &e));
    CHECK_OK(json_read(buf_str(&wide), &jb, &e));
    CHECK(json_equal(ja, jb));
    CHECK(strstr(buf_z(&wide), "{\n  \"z\": \"a\\\"b\",\n  \"null\": null,\n") == buf_z(&wide));
    CHECK(strstr(buf_z(&wide), "\n  \"list\": [\n    1,\n    {},\n    [],\n") != NULL);
}

TEST(json_strings_table)
{
    static const struct {
        struct str in;
        const char *want;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{NULL, 0}, "\"\""},
        {{"\\\"/", 3}, "\"\\\\\\\"/\""},
        {{"\n\r\t\b\x01\x1f\x7f", 7}, "\"\\n\\r\\t\\u0008\\u0001\\u001f\\u007f\""},
        {{"käse €😀", 13}, "\"käse €😀\""},
        {{"a\xFFz", 3}, "\"a\xEF\xBF\xBDz\""},
        {{"\xE2\x82", 2}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {{"\xEF\xBF\xBD", 3}, "\"\xEF\xBF\xBD\""},
        {{"a\0b", 3},
         "\"a\xEF\xBF\xBD"
         "b\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_BUF struct buf b = {0};
        struct jsonw w = JSONW(&b);
        jw_str(&w, rows[i].in);
        CHECK_STR(buf_z(&b), rows[i].want);
    }
}

TEST(json_doubles_table)
{
    static const struct {
        double v;
        int decimals;
        const char *want;
    } rows[] = {
        {0, 0, "0"},
        {1.5, 3, "1.500"},
        {-0.0, 2, "0.00"},
        {-0.001, 2, "0.00"},
        {-0.4, 1, "-0.4"},
        {2.0 / 3, 6, "0.666667"},
        {1e15, 1, "1000000000000000.0"},
        {INFINITY, 2, "null"},
        {-INFINITY, 2, "null"},
        {NAN, 2, "null"},
        {1, -5, "1"},
        {0.5, 99, "0.50000000000000000"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_BUF struct buf b = {0};
        struct jsonw w = JSONW(&b);
        jw_double(&w, rows[i].v, rows[i].decimals);
        CHECK_STR(buf_z(&b), rows[i].want);
    }
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);
    jw_double(&w, -1.7976931348623157e308, 17);
    CHECK_EQ(b.n, 1 + 309 + 1 + 17);
}

TEST(json_numbers_have_a_point_in_every_locale)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        SKIP("no locale with a decimal comma on this system");
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);
    jw_double(&w, 1.5, 2);
    setlocale(LC_ALL, "C");
    CHECK_STR(buf_z(&b), "1.50");
}

/* --- random documents: what the writer says must be what jansson reads --- */

struct rnd {
    uint64_t x;
};
static uint32_t rnd(struct rnd *r, uint32_t below)
{
    r->x = r->x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(r->x >> 33) % below;
}

static void random_text(struct rnd *r, struct buf *out)
{
    static const uint32_t tops[] = {0x7F, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
    uint32_t n = rnd(r, 12);

    for (uint32_t i = 0; i < n; i++) {
        char utf8[4];
        uint32_t cp = 1 + rnd(r, tops[rnd(r, ARRAY_LEN(tops))]);
        buf_add(out, utf8, utf8_put(cp, utf8));
    }
}

static json_t *random_value(struct rnd *r, struct jsonw *w, int depth);

static json_t *random_container(struct rnd *r, struct jsonw *w, int depth, bool is_obj)
{
    json_t *j = is_obj ? json_object() : json_array();
    uint32_t n = rnd(r, 6);

    if (is_obj)
        jw_obj(w);
    else
        jw_arr(w);
    for (uint32_t i = 0; i < n; i++) {
        CLEANUP_BUF struct buf key = {0};
        if (is_obj) {
            random_text(r, &key);
            buf_addf(&key, "%" PRIu32, i); /* no two the same */
            jw_key(w, buf_z(&key));
            CHECK_EQ(json_object_set_new(j, buf_z(&key), random_value(r, w, depth + 1)), 0);
        } else {
            CHECK_EQ(json_array_append_new(j, random_value(r, w, depth + 1)), 0);
        }
    }
    if (is_obj)
        jw_obj_end(w);
    else
        jw_arr_end(w);
    return j;
}

static json_t *random_value(struct rnd *r, struct jsonw *w, int depth)
{
    CLEANUP_BUF struct buf text = {0};
    int64_t v = (int64_t)(((uint64_t)rnd(r, 1u << 31) << 33) ^ rnd(r, 1u << 31));
    uint32_t kind = rnd(r, depth >= JSONW_DEPTH_MAX - 1 ? 6 : 10);

    switch (kind) {
    case 0:
        jw_null(w);
        return json_null();
    case 1:
        jw_bool(w, v & 1);
        return json_boolean(v & 1);
    case 2:
        jw_i64(w, v);
        return json_integer(v);
    case 3: {
        double d = (double)(v >> 24) / 8; /* three decimals say it exactly */
        jw_double(w, d, 3);
        return json_real(d);
    }
    case 4:
        jw_us(w, v >> 20);
        return json_real((double)(v >> 20) / 1e6);
    case 5:
        random_text(r, &text);
        jw_str(w, buf_str(&text));
        return json_stringn(buf_z(&text), text.n);
    default:
        return random_container(r, w, depth, kind & 1);
    }
}

TEST(json_random_documents_are_read_back_the_same)
{
    struct rnd r = {random_u64()};

    print_message("# seed %" PRIu64 "\n", r.x);
    for (int i = 0; i < 3000; i++) {
        CLEANUP_BUF struct buf b = {0};
        struct jsonw w = JSONW(&b);
        struct err e = {0};
        CLEANUP_JSON json_t *got = NULL;
        w.indent = (int)rnd(&r, 3);
        CLEANUP_JSON json_t *want = random_container(&r, &w, 0, i & 1);
        CHECK(buf_ok(&b));
        CHECK_OK(json_read(buf_str(&b), &got, &e));
        if (!json_equal(got, want))
            fail_msg("document %d differs: %s", i, buf_z(&b));
    }
}

TEST(json_random_bytes_still_make_valid_text)
{
    struct rnd r = {random_u64()};

    print_message("# seed %" PRIu64 "\n", r.x);
    for (int i = 0; i < 20000; i++) {
        char bytes[24];
        size_t n = rnd(&r, sizeof bytes + 1);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)rnd(&r, 256);
        CLEANUP_BUF struct buf b = {0};
        struct jsonw w = JSONW(&b);
        struct err e = {0};
        CLEANUP_JSON json_t *got = NULL;
        jw_str(&w, (struct str){bytes, n});
        CHECK(utf8_valid(buf_str(&b)));
        CHECK_OK(json_read(buf_str(&b), &got, &e));
        CHECK(json_is_string(got));
    }
}

TEST(json_as_deep_as_allowed)
{
    CLEANUP_BUF struct buf b = {0};
    struct jsonw w = JSONW(&b);
    struct err e = {0};
    CLEANUP_JSON json_t *got = NULL;

    for (int i = 0; i < JSONW_DEPTH_MAX; i++)
        jw_arr(&w);
    for (int i = 0; i < JSONW_DEPTH_MAX; i++)
        jw_arr_end(&w);
    CHECK_OK(json_read(buf_str(&b), &got, &e));
}

TEST(json_that_overflows_its_buffer_is_marked)
{
    CLEANUP_BUF struct buf b = BUF_MAX(10);
    struct jsonw w = JSONW(&b);

    jw_arr(&w);
    for (int i = 0; i < 100; i++)
        jw_i64(&w, i);
    jw_arr_end(&w);
    CHECK(!buf_ok(&b));
}

TEST(json_read_refuses_table)
{
    static const char *const rows[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":2}",
        "nul",
        "01",
        "\"\\u0000\"",
        "\"\xFF\"",
        "[1] 2",
        "'a'",
        "1e999",
        "99999999999999999999",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        json_t *j = NULL;
        if (json_read(str_of(rows[i]), &j, &e) == 0)
            fail_msg("taken: %s", rows[i]);
        CHECK_EQ(e.code, ERR_INPUT);
        CHECK(j == NULL);
    }
    struct err e = {0};
    json_t *j = NULL;
    CHECK_ERR(json_read(STR("{\n  \"a\": x}"), &j, &e), ERR_INPUT);
    CHECK(strstr(e.text, "line 2, column ") != NULL);
    CHECK_ERR(json_read((struct str){NULL, 0}, &j, &e), ERR_INPUT);
}

TEST(json_read_has_a_bound_for_depth)
{
    CLEANUP_BUF struct buf b = {0};
    struct err e = {0};
    json_t *j = NULL;

    for (int i = 0; i < 100000; i++)
        buf_addc(&b, '[');
    CHECK_ERR(json_read(buf_str(&b), &j, &e), ERR_INPUT);
}

TEST(json_typed_access)
{
    CLEANUP_JSON json_t *j = NULL;
    struct err e = {0};
    struct str s = STR("before");
    int64_t i = 42;
    double d = 42;
    bool b = false;

    CHECK_OK(json_read(STR("{\"s\":\"tëxt\",\"i\":-7,\"d\":1.5,\"b\":true,\"n\":null,\"o\":{}}"),
                       &j, &e));
    CHECK(!json_get_str(j, "i", &s) && !json_get_str(j, "none", &s) &&
          !json_get_str(NULL, "s", &s));
    CHECK(!json_get_i64(j, "d", &i) && !json_get_i64(j, "s", &i) && !json_get_i64(j, "n", &i));
    CHECK(!json_get_double(j, "b", &d) && !json_get_double(j, "o", &d));
    CHECK(!json_get_bool(j, "i", &b) && !json_get_bool(j, "none", &b));
    CHECK(str_eqz(s, "before"));
    CHECK_EQ(i, 42);
    CHECK(d == 42 && !b);
    CHECK(json_get_str(j, "s", &s) && str_eqz(s, "tëxt"));
    CHECK(json_get_i64(j, "i", &i) && i == -7);
    CHECK(json_get_double(j, "d", &d) && d == 1.5);
    CHECK(json_get_double(j, "i", &d) && d == -7);
    CHECK(json_get_bool(j, "b", &b) && b);
}

TEST(json_microseconds_go_there_and_back)
{
    static const int64_t rows[] = {0,      1,        -1,           83500000,
                                   999999, -1000001, 359999999999, 172800000000 /* two days */};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_BUF struct buf b = {0};
        struct jsonw w = JSONW(&b);
        struct err e = {0};
        CLEANUP_JSON json_t *j = NULL;
        int64_t got = 42;
        jw_obj(&w);
        jw_kus(&w, "at", rows[i]);
        jw_obj_end(&w);
        CHECK_OK(json_read(buf_str(&b), &j, &e));
        CHECK(json_get_us(j, "at", &got));
        CHECK_EQ(got, rows[i]);
    }
    CLEANUP_JSON json_t *j = NULL;
    struct err e = {0};
    int64_t got = 42;
    CHECK_OK(json_read(
        STR("{\"whole\":3,\"huge\":1e300,\"over\":9223372036854775807,\"text\":\"1\"}"), &j, &e));
    CHECK(!json_get_us(j, "huge", &got) && !json_get_us(j, "over", &got) &&
          !json_get_us(j, "text", &got));
    CHECK_EQ(got, 42);
    CHECK(json_get_us(j, "whole", &got) && got == 3000000);
}

TEST_MAIN
