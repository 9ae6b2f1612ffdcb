#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/test.h"
#include "conf/conf.h"
#include "conf/conf_priv.h"

/* A command line that conf_load() may change. */
struct args {
    char *v[16];
    int n;
};
static struct args args_of(const char *const *words)
{
    struct args a = {0};

    for (; words[a.n]; a.n++)
        a.v[a.n] = (char *)words[a.n];
    return a;
}
#define ARGS(...) args_of((const char *const[]){"rushes", __VA_ARGS__, NULL})
#define NO_ARGS   args_of((const char *const[]){"rushes", NULL})

static int load(struct args *a, struct conf **ret, struct err *e)
{
    return conf_load(&a->n, a->v, ret, e);
}

/* What is left of the command line, joined. */
static char *left(const struct args *a)
{
    CLEANUP_BUF struct buf b = {0};

    for (int i = 0; i < a->n; i++)
        buf_addf(&b, "%s%s", i ? " " : "", a->v[i]);
    return buf_steal(&b);
}

static char *write_config(const char *name, const char *text)
{
    struct err e = {0};
    char *path = fs_join(test_dir(), name);

    CHECK_OK(fs_write_file(path, str_of(text), &e));
    return path;
}

/* The environment of a test: these variables and no other of ours. */
static void set_env(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

TEST(conf_load_later_sources_win)
{
    static const struct {
        const char *file, *env, *flag;
        int64_t want;
        const char *source;
    } rows[] = {
        {NULL, NULL, NULL, 28, "default"},
        {"proxy.crf = 30\n", NULL, NULL, 30, "file"},
        {NULL, "31", NULL, 31, "environment"},
        {NULL, NULL, "32", 32, "flag"},
        {"proxy.crf = 30\n", "31", NULL, 31, "environment"},
        {"proxy.crf = 30\n", NULL, "32", 32, "flag"},
        {NULL, "31", "32", 32, "flag"},
        {"proxy.crf = 30\n", "31", "32", 32, "flag"},
        {"proxy.crf = 30\n", "", NULL, 30, "file"}, /* empty is not set */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_FREE char *path = write_config("order.conf", rows[i].file ? rows[i].file : "");
        CLEANUP(conf_free) struct conf *c = NULL;
        struct err e = {0};
        struct args a = rows[i].flag ? ARGS("--config", path, "--proxy.crf", rows[i].flag)
                                     : ARGS("--config", path);
        set_env("RUSHES_PROXY_CRF", rows[i].env);
        int r = load(&a, &c, &e);
        set_env("RUSHES_PROXY_CRF", NULL);
        CHECK_OK(r);
        CHECK_EQ(conf_int(c, CONF_PROXY_CRF), rows[i].want);
        CHECK(str_starts(str_of(conf_source(c, CONF_PROXY_CRF)), str_of(rows[i].source)));
        CHECK_EQ(a.n, 1);
        CHECK(a.v[1] == NULL);
    }
}

TEST(conf_load_leaves_what_is_not_its_own_in_order)
{
    CLEANUP(conf_free) struct conf *c = NULL;
    struct err e = {0};
    struct args a =
        ARGS("shots", "--threshold", "30", "clip.mp4", "--proxy.crf=20", "-v", "--no-ocr",
             "--detector=adaptive", "--proxy.height", "720", "last", "--", "--proxy.crf", "1");

    CHECK_OK(load(&a, &c, &e));
    CLEANUP_FREE char *rest = left(&a);
    CHECK_STR(rest,
              "rushes shots --threshold 30 clip.mp4 -v --detector=adaptive last -- --proxy.crf 1");
    CHECK(a.v[a.n] == NULL);
    CHECK_EQ(conf_int(c, CONF_PROXY_CRF), 20);
    CHECK_EQ(conf_int(c, CONF_PROXY_HEIGHT), 720);
    CHECK(!conf_bool(c, CONF_OCR));
}

TEST(conf_load_flags_of_booleans)
{
    static const struct {
        const char *flag;
        int want; /* -1: an error; -2: not ours */
    } rows[] = {
        {"--ocr", 1},   {"--no-ocr", 0}, {"--ocr=false", 0},    {"--ocr=on", 1},
        {"--ocr=", -1}, {"--ocr=x", -1}, {"--no-ocr=true", -2}, {"--no-proxy.crf", -2},
        {"--no-", -2},  {"--OCR", -2},   {"-ocr", -2},          {"--", -2},
        {"--ocrr", -2},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(conf_free) struct conf *c = NULL;
        struct err e = {0};
        struct args a = ARGS(rows[i].flag, "file");
        int r = load(&a, &c, &e);
        if ((r < 0) != (rows[i].want == -1))
            fail_msg("%s: %s", rows[i].flag, r < 0 ? e.text : "taken");
        if (r == 0)
            CHECK_EQ(a.n, rows[i].want == -2 ? 3 : 2); /* a boolean takes no second word */
        if (rows[i].want >= 0)
            CHECK_EQ(conf_bool(c, CONF_OCR), rows[i].want);
    }
}

TEST(conf_load_the_last_flag_wins)
{
    CLEANUP(conf_free) struct conf *c = NULL;
    struct err e = {0};
    struct args a = ARGS("--proxy.crf=1", "--ocr", "--proxy.crf", "2", "--no-ocr");

    CHECK_OK(load(&a, &c, &e));
    CHECK_EQ(conf_int(c, CONF_PROXY_CRF), 2);
    CHECK(!conf_bool(c, CONF_OCR));
}

TEST(conf_load_that_fails_leaves_the_command_line)
{
    static const char *const bad[][4] = {
        {"--proxy.crf", "999", "x", NULL},
        {"--proxy.crf", "--ocr", "x", NULL},
        {"x", "--ocr", "--proxy.crf", NULL},
        {"--ocr", "--config", "/no/such", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct conf *c = NULL;
        struct err e = {0};
        struct args a = ARGS(bad[i][0], bad[i][1], bad[i][2]), before = a;
        CHECK(load(&a, &c, &e) < 0);
        CHECK(c == NULL);
        CHECK_EQ(a.n, before.n);
        for (int k = 0; k <= a.n; k++)
            CHECK(a.v[k] == before.v[k]);
    }
    struct conf *c = NULL;
    struct err e = {0};
    struct args a = ARGS("x", "--proxy.crf");
    CHECK_ERR(load(&a, &c, &e), ERR_USAGE);
    CHECK(strstr(e.text, "--proxy.crf") && strstr(e.text, "value is missing"));
    CHECK_STR(e.plain, "The option --proxy.crf needs a value.");
}

TEST(conf_load_a_value_may_begin_with_dashes_when_joined)
{
    CLEANUP(conf_free) struct conf *c = NULL;
    struct err e = {0};
    struct args a = ARGS("--data=--strange");

    CHECK_OK(load(&a, &c, &e));
    CHECK_STR(conf_str(c, CONF_DATA), "--strange");
}

/* ./rushes-data/rushes.conf of any folder one stood in once switched the sandbox off. */
TEST(conf_load_obeys_no_file_that_others_may_have_written)
{
    struct err e = {0};
    struct conf *c = NULL;
    CLEANUP_FREE char *data = fs_join(test_dir(), "shared");
    set_env("RUSHES_CONFIG", NULL);
    set_env("RUSHES_DATA", NULL);
    CHECK_OK(fs_mkdirs(data, 0755, &e));
    CLEANUP_FREE char *path = write_config("shared/rushes.conf", "sandbox = off");
    CHECK_EQ(chmod(path, 0666), 0);
    struct args a = ARGS("--data", data);
    CHECK_ERR(load(&a, &c, &e), ERR_DENIED);
    struct args named = ARGS("--data", data, "--config", path);
    CHECK_OK(load(&named, &c, &e)); /* whoever names it means it */
    CHECK_STR(conf_str(c, CONF_SANDBOX), "off");
    conf_free(STEAL(c));
    CHECK_EQ(chmod(path, 0644), 0);
    struct args ours = ARGS("--data", data);
    CHECK_OK(load(&ours, &c, &e));
    conf_free(c);
}

TEST(conf_load_finds_its_file)
{
    struct err e = {0};
    CLEANUP_FREE char *named = write_config("named.conf", "proxy.crf = 11"),
                      *by_env = write_config("env.conf", "proxy.crf = 12"),
                      *data = fs_join(test_dir(), "data"), *other = fs_join(test_dir(), "other");
    CHECK_OK(fs_mkdirs(data, 0755, &e));
    CHECK_OK(fs_mkdirs(other, 0755, &e));
    mem_free(write_config("data/rushes.conf", "proxy.crf = 13"));
    mem_free(write_config("other/rushes.conf", "proxy.crf = 14"));
    const struct {
        const char *config_env, *data_env;
        struct args a;
        int64_t want;
    } rows[] = {
        {NULL, NULL, NO_ARGS, 28},
        {NULL, NULL, ARGS("--config", named), 11},
        {by_env, NULL, NO_ARGS, 12},
        {by_env, NULL, ARGS("--config", named), 11},
        {NULL, data, NO_ARGS, 13},
        {NULL, data, ARGS("--data", other), 14},
        {by_env, data, ARGS("--data", other), 12},
        {NULL, NULL, ARGS("--data", test_dir()), 28}, /* no file there is fine */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(conf_free) struct conf *c = NULL;
        struct args a = rows[i].a;
        set_env("RUSHES_CONFIG", rows[i].config_env);
        set_env("RUSHES_DATA", rows[i].data_env);
        int r = load(&a, &c, &e);
        set_env("RUSHES_CONFIG", NULL);
        set_env("RUSHES_DATA", NULL);
        CHECK_OK(r);
        CHECK_EQ(conf_int(c, CONF_PROXY_CRF), rows[i].want);
    }
}

TEST(conf_load_a_named_file_must_be_there)
{
    struct conf *c = NULL;
    struct err e = {0};
    struct args a = ARGS("--config", "/no/such/file");

    CHECK_ERR(load(&a, &c, &e), ERR_NOT_FOUND);
    CHECK(strstr(e.plain, "/no/such/file") != NULL);
    a = NO_ARGS;
    set_env("RUSHES_CONFIG", "/no/such/file");
    int r = load(&a, &c, &e);
    set_env("RUSHES_CONFIG", NULL);
    CHECK(r < 0 && e.code == ERR_NOT_FOUND);
}

TEST(conf_load_a_file_that_is_too_big_is_refused)
{
    CLEANUP_BUF struct buf big = {0};
    struct conf *c = NULL;
    struct err e = {0};

    while (big.n <= 1 << 20)
        buf_addz(&big, "# a comment\n");
    CLEANUP_FREE char *path = write_config("big.conf", buf_z(&big));
    struct args a = ARGS("--config", path);
    CHECK_ERR(load(&a, &c, &e), ERR_LIMIT);
}

TEST(conf_file_grammar)
{
    static const struct {
        const char *text;
        const char *data; /* what it makes of `data`, or NULL for an error */
        const char *says; /* of the error */
    } rows[] = {
        {"", "./rushes-data", NULL},
        {"\n\n  \t\n", "./rushes-data", NULL},
        {"# only a comment", "./rushes-data", NULL},
        {"data = x", "x", NULL},
        {"data=x\n", "x", NULL},
        {"  data\t=  x y  \r\n", "x y", NULL},
        {"data = x # why", "x", NULL},
        {"data = x#y", "x#y", NULL},
        {"data = \"x # y\"", "x # y", NULL},
        {"data = \" x \" # why", " x ", NULL},
        {"data = \"\"", "", NULL},
        {"data =", "", NULL},
        {"data = a=b", "a=b", NULL},
        {"data = x\ndata = y\n", "y", NULL},
        {"data = \"x", NULL, "file F:1: a quote is not closed"},
        {"data = \"", NULL, "file F:1: a quote is not closed"},
        {"\n\ndata", NULL, "file F:3: no '=' in the line"},
        {"= x", NULL, "file F:1: : there is no such setting"},
        {"data = x\nproxy.crf = 99 # too much\n", NULL, "file F:2: proxy.crf: 99 is more than 51"},
        {"proxy.heigth = 480", NULL,
         "file F:1: proxy.heigth: there is no such setting; did you mean proxy.height?"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(conf_free) struct conf *c = conf_defaults();
        struct err e = {0};
        int r = conf_read_text_(c, str_of(rows[i].text), "F", &e);
        if (rows[i].data) {
            if (r < 0 || strcmp(conf_str(c, CONF_DATA), rows[i].data) != 0)
                fail_msg("row %zu gave '%s', %s", i, conf_str(c, CONF_DATA), e.text);
            continue;
        }
        CHECK_EQ(r, -1);
        CHECK_EQ(e.code, ERR_USAGE);
        CHECK_STR(e.text, rows[i].says);
    }
    CLEANUP(conf_free) struct conf *c = conf_defaults();
    struct err e = {0};
    CHECK_ERR(conf_read_text_(c, (struct str){"data = a\0b", 10}, "F", &e), ERR_USAGE);
    CHECK_OK(conf_read_text_(c, STR("\n\nproxy.crf = 3"), "F", &e));
    CHECK_STR(conf_source(c, CONF_PROXY_CRF), "file F:3");
}

TEST(conf_environment_table)
{
    static const struct {
        const char *name, *value;
        bool ok;
        const char *says;
    } rows[] = {
        {"RUSHES_SHOTS_MIN_LENGTH", "20", true, NULL},
        {"RUSHES_PROXY_CRF", "x", false, "environment: proxy.crf: 'x' is not a whole number"},
        {"RUSHES_PROXY_HEIGTH", "480", false,
         "environment: RUSHES_PROXY_HEIGTH: there is no such setting; did you mean "
         "RUSHES_PROXY_HEIGHT?"},
        {"RUSHES_OCS", "1", false, "did you mean RUSHES_OCR?"},
        {"RUSHES_SOMETHING_ELSE", "1", true, NULL},
        {"RUSHES_TEST", "conf", true, NULL},
        {"RUSHES_FAULT_LOG", "", true, NULL},
        {"RUSHES", "1", true, NULL},
        {"RUSHES_", "1", true, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(conf_free) struct conf *c = NULL;
        struct err e = {0};
        struct args a = NO_ARGS;
        const char *had = getenv(rows[i].name);
        CLEANUP_FREE char *before = had ? xstrdup(had) : NULL;
        set_env(rows[i].name, rows[i].value);
        int r = load(&a, &c, &e);
        set_env(rows[i].name, before);
        if ((r == 0) != rows[i].ok)
            fail_msg("%s: %s", rows[i].name, e.text);
        if (!rows[i].ok)
            CHECK(e.code == ERR_USAGE && strstr(e.text, rows[i].says) != NULL);
        if (i == 0)
            CHECK_EQ(conf_int(c, CONF_SHOTS_MIN_LENGTH), 20);
    }
}

TEST(conf_env_names)
{
    char out[CONF_ENV_NAME_MAX];

    CHECK_STR(conf_env_name_("shots.min-length", out), "RUSHES_SHOTS_MIN_LENGTH");
    CHECK_STR(conf_env_name_("ocr", out), "RUSHES_OCR");
}

TEST_MAIN
