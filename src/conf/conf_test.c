#include "base/test.h"
#include "conf/conf.h"
#include "conf/conf_priv.h"

static int set(struct conf *c, const char *name, const char *value, struct err *e)
{
    return conf_set(c, str_of(name), str_of(value), "here", e);
}

TEST(conf_table_is_sound)
{
    char env[CONF_ENV_NAME_MAX], other[CONF_ENV_NAME_MAX];

    for (int id = 0; id < CONF_N; id++) {
        const struct option *o = &conf_options_[id];
        CHECK(o->name && o->name[0] && o->help && o->help[0]);
        CHECK_EQ(conf_find_(str_of(o->name)), id);
        CHECK_EQ(o->type == CONF_ENUM, o->choices[0] != '\0');
        CHECK(!str_starts(str_of(o->name), STR("no-"))); /* is how a flag says false */
        CHECK(strcmp(o->name, "config") != 0);
        for (const char *p = o->name; *p; p++)
            CHECK((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '.' || *p == '-');
        conf_env_name_(o->name, env);
        for (int k = 0; k < id; k++)
            CHECK(strcmp(env, conf_env_name_(conf_options_[k].name, other)) != 0);
    }
    CHECK_EQ(conf_find_(STR("")), -1);
    CHECK_EQ(conf_find_(STR("proxy")), -1);
    CHECK_EQ(conf_find_(STR("PROXY.HEIGHT")), -1);
}

/* Each row's bounds are values it takes, and the default lies between them (conf_defaults() aborts
 * otherwise). */
TEST(conf_bounds_are_values_themselves)
{
    CLEANUP(conf_free) struct conf *c = conf_defaults();

    for (int id = 0; id < CONF_N; id++) {
        const struct option *o = &conf_options_[id];
        struct err e = {0};
        if (o->min[0])
            CHECK_OK(set(c, o->name, o->min, &e));
        if (o->max[0])
            CHECK_OK(set(c, o->name, o->max, &e));
    }
}

TEST(conf_defaults_are_the_table)
{
    CLEANUP(conf_free) struct conf *c = conf_defaults();

    CHECK_STR(conf_str(c, CONF_DATA), "./rushes-data");
    CHECK_STR(conf_str(c, CONF_LOG_LEVEL), "warn");
    CHECK_EQ(conf_bytes(c, CONF_LIMIT_SIZE), (int64_t)5 << 30);
    CHECK_EQ(conf_ms(c, CONF_LIMIT_DURATION), 6 * 3600000);
    CHECK_EQ(conf_int(c, CONF_PROXY_HEIGHT), 480);
    CHECK_NEAR(conf_double(c, CONF_PROXY_FPS), 10, 0);
    CHECK(conf_bool(c, CONF_OCR));
    for (int id = 0; id < CONF_N; id++)
        CHECK_STR(conf_source(c, (enum conf_id)id), "default");
    CHECK_STR(conf_name(CONF_SHOTS_MIN_LENGTH), "shots.min-length");
}

TEST(conf_set_takes_and_refuses_by_type)
{
    static const struct {
        const char *name, *value;
        bool ok;
        const char *says; /* part of the message */
    } rows[] = {
        {"ocr", "true", true, NULL},
        {"ocr", "Yes", true, NULL},
        {"ocr", "on", true, NULL},
        {"ocr", "1", true, NULL},
        {"ocr", "OFF", true, NULL},
        {"ocr", "0", true, NULL},
        {"ocr", "maybe", false, "'maybe' is not true or false"},
        {"ocr", "", false, "is not true or false"},
        {"proxy.crf", "0", true, NULL},
        {"proxy.crf", "51", true, NULL},
        {"proxy.crf", "52", false, "52 is more than 51"},
        {"proxy.crf", "-1", false, "-1 is less than 0"},
        {"proxy.crf", "2.5", false, "'2.5' is not a whole number"},
        {"proxy.crf", "99999999999999999999", false, "is not a whole number"},
        {"proxy.fps", "29.97", true, NULL},
        {"proxy.fps", "60", true, NULL},
        {"proxy.fps", "60.01", false, "60.01 is more than 60"},
        {"proxy.fps", "0.99", false, "0.99 is less than 1"},
        {"proxy.fps", "nan", false, "'nan' is not a number"},
        {"proxy.fps", "1,5", false, "'1,5' is not a number"},
        {"limit.size", "1k", true, NULL},
        {"limit.size", "300M", true, NULL},
        {"limit.size", "1023", false, "1023 is less than 1k"},
        {"limit.size", "2T", false, "2T is more than 1024G"},
        {"limit.size", "5GB", false, "is not a size such as 300M"},
        {"limit.duration", "90", true, NULL},
        {"limit.duration", "1.5h", true, NULL},
        {"limit.duration", "49h", false, "49h is more than 48h"},
        {"limit.duration", "10ms", false, "10ms is less than 1s"},
        {"limit.duration", "soon", false, "is not a duration such as"},
        {"log.format", "json", true, NULL},
        {"log.format", "JSON", false, "'JSON' is not one of the choices logfmt,json"},
        {"log.format", "", false, "is not one of"},
        {"log.format", "logfmt,json", false, "is not one of"},
        {"data", "/srv/käse und brot", true, NULL},
        {"data", "", true, NULL},
        {"data", "a\nb", false, "control characters"},
        {"proxy.heigth", "480", false, "did you mean proxy.height?"},
        {"height", "480", false, "did you mean proxy.height?"},
        {"proxy_height", "480", false, "did you mean proxy.height?"},
        {"completely.different", "480", false, "there is no such setting"},
        {"", "480", false, "there is no such setting"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(conf_free) struct conf *c = conf_defaults();
        struct err e = {0};
        int r = set(c, rows[i].name, rows[i].value, &e);
        if ((r == 0) != rows[i].ok)
            fail_msg("%s = '%s': %s", rows[i].name, rows[i].value, r == 0 ? "taken" : e.text);
        if (rows[i].ok)
            continue;
        CHECK_EQ(e.code, ERR_USAGE);
        if (!strstr(e.text, rows[i].says) || !strstr(e.plain, rows[i].says))
            fail_msg("'%s' does not say '%s'", e.text, rows[i].says);
        CHECK(str_starts(str_of(e.text), STR("here: ")));
    }
}

TEST(conf_values_are_read_back_in_their_units)
{
    CLEANUP(conf_free) struct conf *c = conf_defaults();
    struct err e = {0};

    CHECK_OK(set(c, "ocr", "off", &e));
    CHECK_OK(set(c, "proxy.crf", "17", &e));
    CHECK_OK(set(c, "proxy.fps", "23.976", &e));
    CHECK_OK(set(c, "limit.size", "300M", &e));
    CHECK_OK(set(c, "sprite.interval", "250ms", &e));
    CHECK_OK(set(c, "log.format", "json", &e));
    CHECK_OK(set(c, "data", "/d", &e));
    CHECK(!conf_bool(c, CONF_OCR));
    CHECK_EQ(conf_int(c, CONF_PROXY_CRF), 17);
    CHECK_NEAR(conf_double(c, CONF_PROXY_FPS), 23.976, 1e-12);
    CHECK_EQ(conf_bytes(c, CONF_LIMIT_SIZE), 300 << 20);
    CHECK_EQ(conf_ms(c, CONF_SPRITE_INTERVAL), 250);
    CHECK_STR(conf_str(c, CONF_LOG_FORMAT), "json");
    CHECK_STR(conf_str(c, CONF_DATA), "/d");
    CHECK_STR(conf_source(c, CONF_DATA), "here");
}

TEST(conf_set_that_fails_changes_nothing)
{
    CLEANUP(conf_free) struct conf *c = conf_defaults();
    struct err e = {0};

    CHECK_OK(set(c, "proxy.crf", "17", &e));
    CHECK_ERR(conf_set(c, STR("proxy.crf"), STR("999"), "elsewhere", &e), ERR_USAGE);
    CHECK_EQ(conf_int(c, CONF_PROXY_CRF), 17);
    CHECK_STR(conf_source(c, CONF_PROXY_CRF), "here");
}

TEST(conf_messages_stay_short_for_long_values)
{
    CLEANUP(conf_free) struct conf *c = conf_defaults();
    struct err e = {0};
    char big[5000];

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    CHECK_ERR(set(c, "proxy.crf", big, &e), ERR_USAGE);
    CHECK(strlen(e.text) < 200);
    CHECK_ERR(set(c, big, "1", &e), ERR_USAGE);
    CHECK(strlen(e.text) < 200);
}

TEST(conf_distance_table)
{
    static const struct {
        const char *a, *b;
        size_t want;
    } rows[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "", 3},
        {"abc", "abc", 0},
        {"abc", "abd", 1},
        {"abc", "ab", 1},
        {"ab", "abc", 1},
        {"abcd", "acbd", 1} /* a swap */,
        {"heigth", "height", 1},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(conf_distance_(str_of(rows[i].a), str_of(rows[i].b)), rows[i].want);
        CHECK_EQ(conf_distance_(str_of(rows[i].b), str_of(rows[i].a)), rows[i].want);
    }
}

TEST(conf_nearest_table)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"proxy.heigth", "proxy.height"},
        {"proxy.hight", "proxy.height"},
        {"prxy.height", "proxy.height"},
        {"dta", "data"},
        {"shots.minlength", "shots.min-length"},
        {"threshold", "shots.threshold"},
        {"zzzzzz", NULL},
        {"x", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got = conf_nearest(str_of(rows[i].name));
        if (rows[i].want ? !got || strcmp(got, rows[i].want) != 0 : got != NULL)
            fail_msg("'%s' gave %s", rows[i].name, got ? got : "nothing");
    }
}

TEST(conf_help_names_every_option_once)
{
    CLEANUP_BUF struct buf b = {0};

    conf_help(&b);
    CHECK(buf_ok(&b));
    for (int id = 0; id < CONF_N; id++) {
        const struct option *o = &conf_options_[id];
        CLEANUP_FREE char *line = xasprintf("\n  --%s%s%s", o->type == CONF_BOOL ? "[no-]" : "",
                                            o->name, o->type == CONF_BOOL ? "\n" : " ");
        const char *first = strstr(buf_z(&b), line);
        if (!first)
            fail_msg("%s is missing", o->name);
        CHECK(strstr(first + strlen(line) - 1, line) == NULL);
        CHECK(strstr(first, o->help) != NULL);
    }
    CHECK(strstr(buf_z(&b), "\nproxy\n  --proxy.height NUMBER\n") != NULL);
    CHECK(strstr(buf_z(&b), "      144 to 2160; default 480\n") != NULL);
    CHECK(strstr(buf_z(&b),
                 "\nocr\n  --[no-]ocr\n      read text on screen\n      default true\n") != NULL);
    struct str rest = buf_str(&b), line;
    while (str_cut(&rest, '\n', &line))
        if (line.n > 100)
            fail_msg("too long: %.*s", STR_ARG(line));
}

TEST_MAIN
