/*
 * Where values come from. The flags are looked at first, because they may name the config file or
 * the data folder that holds it, and applied last, because they win.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_priv.h"

#define CONF_FILE_MAX  ((size_t)1 << 20)
#define CONF_FILE_NAME "rushes.conf"

struct flag {
    struct str name, value;
};
struct flags {
    VEC(struct flag) list;
    const char *config; /* the last --config, or NULL */
};

char *conf_env_name_(const char *name, char out[static CONF_ENV_NAME_MAX])
{
    size_t n = sizeof CONF_ENV_PREFIX - 1;

    memcpy(out, CONF_ENV_PREFIX, n);
    for (const char *p = name; *p; p++) {
        assert(n + 1 < CONF_ENV_NAME_MAX);
        char c = *p == '.' || *p == '-' ? '_' : *p;
        out[n++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    out[n] = '\0';
    return out;
}

static int flag_needs_value(struct err *e, const char *arg)
{
    err_set(e, ERR_USAGE, "flag: %s: the value is missing", arg);
    err_plainf(e, "The option %s needs a value.", arg);
    return err_plain(e, NULL, "See 'rushes help settings' for what each setting takes.");
}

/* Takes argv[i], and argv[i + 1] where that is its value. Returns how many were taken: 0 when it is
 * not ours. */
static int take_flag(struct flags *f, char **argv, int i, int argc, struct err *e)
{
    struct str rest = str_of(argv[i] + 2), name;

    str_cut(&rest, '=', &name);
    bool joined = rest.p != NULL, is_config = str_eqz(name, "config");
    int id = conf_find_(name);
    if (id < 0 && !is_config) {
        struct str positive = {name.p + 3, name.n - 3};
        if (joined || !str_starts(name, STR("no-")) || (id = conf_find_(positive)) < 0 ||
            conf_options_[id].type != CONF_BOOL)
            return 0;
        VEC_PUSH(&f->list, ((struct flag){positive, STR("false")}));
        return 1;
    }
    int taken = 1;
    struct str value = rest;
    if (!joined && id >= 0 && conf_options_[id].type == CONF_BOOL) {
        value = STR("true");
    } else if (!joined) {
        if (i + 1 >= argc || str_starts(str_of(argv[i + 1]), STR("--")))
            return flag_needs_value(e, argv[i]);
        value = str_of(argv[i + 1]);
        taken = 2;
    }
    if (is_config)
        f->config = value.p; /* the end of an argument: NUL-terminated */
    else
        VEC_PUSH(&f->list, ((struct flag){name, value}));
    return taken;
}

/* Splits argv into our flags and the rest. argv is put in order only when all went well. */
static int take_flags(struct flags *f, int *argc, char **argv, struct err *e)
{
    CLEANUP_FREE char **kept = xcalloc((size_t)*argc + 1, sizeof *kept);
    int n = 0, i = 0;

    while (i < *argc) {
        int taken = 0;
        if (i > 0 && strcmp(argv[i], "--") == 0)
            break;
        if (i > 0 && strncmp(argv[i], "--", 2) == 0)
            taken = take_flag(f, argv, i, *argc, e);
        if (taken < 0)
            return -1;
        if (taken == 0)
            kept[n++] = argv[i++];
        i += taken;
    }
    while (i < *argc)
        kept[n++] = argv[i++];
    memcpy(argv, kept, (size_t)n * sizeof *kept);
    if (n < *argc)
        argv[n] = NULL;
    *argc = n;
    return 0;
}

static int line_error(struct err *e, const char *source, const char *why)
{
    err_set(e, ERR_USAGE, "%s: %s", source, why);
    err_plainf(e, "The settings have a mistake (%s): %s.", source, why);
    return err_plain(e, NULL, "Write one 'name = value' a line; # starts a comment.");
}

/* Cuts a comment: # at the start or after white space, outside of quotes. */
static struct str without_comment(struct str line)
{
    bool quoted = false;

    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '"')
            quoted = !quoted;
        else if (line.p[i] == '#' && !quoted &&
                 (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
            return (struct str){line.p, i};
    }
    return line;
}

static int read_line(struct conf *c, struct str line, const char *source, struct err *e)
{
    struct str name, value = str_trim(without_comment(line));

    if (value.n == 0)
        return 0;
    if (!memchr(value.p, '=', value.n))
        return line_error(e, source, "no '=' in the line");
    str_cut(&value, '=', &name);
    name = str_trim(name);
    value = str_trim(value);
    if (value.n > 0 && value.p[0] == '"') {
        if (value.n < 2 || value.p[value.n - 1] != '"')
            return line_error(e, source, "a quote is not closed");
        value = (struct str){value.p + 1, value.n - 2};
    }
    return conf_set(c, name, value, source, e);
}

int conf_read_text_(struct conf *c, struct str text, const char *path, struct err *e)
{
    struct str line;

    for (int n = 1; str_cut(&text, '\n', &line); n++) {
        CLEANUP_FREE char *source = xasprintf("file %s:%d", path, n);
        if (read_line(c, line, source, e) < 0)
            return -1;
    }
    return 0;
}

static int read_config(struct conf *c, const char *path, struct err *e)
{
    CLEANUP_BUF struct buf text = BUF_MAX(CONF_FILE_MAX);

    if (fs_read_file(path, CONF_FILE_MAX, &text, e) < 0) {
        err_wrap(e, "config file");
        return err_plainf(e, "The config file %s can not be read.", path);
    }
    return conf_read_text_(c, buf_str(&text), path, e);
}

/* An empty variable counts as not set. */
static const char *env_of(const char *name)
{
    char env[CONF_ENV_NAME_MAX];
    const char *value = getenv(conf_env_name_(name, env));

    return value && value[0] ? value : NULL;
}

/* The data folder as it will be without a config file, to look for that file in it. */
static struct str data_before_config(const struct conf *c, struct flags *f)
{
    const char *name = conf_name(CONF_DATA), *env = env_of(name);
    struct str data = str_of(env ? env : conf_str(c, CONF_DATA));

    VEC_FOREACH (&f->list, flag)
        if (str_eqz(flag->name, name))
            data = flag->value;
    return data;
}

/* A file that nobody named is obeyed only if it is ours: the folder one happens to stand in may be somebody else's. */
static int check_owner(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return err_errno(e, errno, "stat %s", LOGZ(path));
    if ((st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    err_set(e, ERR_DENIED, "%s: owner %d, mode %o", LOGZ(path), (int)st.st_uid,
            st.st_mode & 07777U);
    err_plainf(e, "The settings in '%.200s' are not taken: others may have written them.", path);
    return err_plain(e, NULL, "Make the file yours (chown, chmod go-w), or name it with --config.");
}

static int load_file(struct conf *c, struct flags *f, struct err *e)
{
    const char *named = f->config ? f->config : env_of("config");

    if (named)
        return read_config(c, named, e);
    CLEANUP_FREE char *data = str_dup(data_before_config(c, f));
    CLEANUP_FREE char *path = fs_join(data, CONF_FILE_NAME);
    int r = fs_exists(path, e);
    if (r > 0 && check_owner(path, e) < 0)
        return -1;
    return r <= 0 ? r : read_config(c, path, e);
}

/* Variables of ours that are no settings. */
static bool is_other_variable(struct str name)
{
    static const char *const others[] = {"RUSHES_CONFIG", "RUSHES_TEST", "RUSHES_FAULT",
                                         "RUSHES_SOURCE_ROOT"};

    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (str_starts(name, str_of(others[i])))
            return true;
    return false;
}

/* A variable that is nearly a setting is a slip of the pen; others with our prefix are somebody
 * else's business. */
static int check_variable(struct str name, struct err *e)
{
    size_t rest = name.n - (sizeof CONF_ENV_PREFIX - 1), near = rest <= 4 ? 1 : 2;
    char known[CONF_ENV_NAME_MAX];
    const char *meant = NULL;

    for (int id = 0; id < CONF_N; id++) {
        size_t d = conf_distance_(name, str_of(conf_env_name_(conf_options_[id].name, known)));
        if (d == 0)
            return 0;
        if (d <= near)
            meant = conf_options_[id].name;
    }
    if (!meant)
        return 0;
    conf_env_name_(meant, known);
    err_set(e, ERR_USAGE, "environment: %.*s: there is no such setting; did you mean %s?",
            STR_ARG(name), known);
    err_plainf(e, "The environment has %.*s, which is no setting; did you mean %s?", STR_ARG(name),
               known);
    return err_plain(e, NULL, "Rename or remove the variable.");
}

static int load_environment(struct conf *c, struct err *e)
{
    for (char **v = environ; v && *v; v++) {
        struct str rest = str_of(*v), name;
        str_cut(&rest, '=', &name);
        if (str_starts(name, STR(CONF_ENV_PREFIX)) && !is_other_variable(name) &&
            check_variable(name, e) < 0)
            return -1;
    }
    for (int id = 0; id < CONF_N; id++) {
        const char *value = env_of(conf_options_[id].name);
        if (value &&
            conf_set(c, str_of(conf_options_[id].name), str_of(value), "environment", e) < 0)
            return -1;
    }
    return 0;
}

static int load(struct conf *c, struct flags *f, int *argc, char **argv, struct err *e)
{
    CLEANUP_FREE char **before = xcalloc((size_t)*argc + 1, sizeof *before);
    int argc_before = *argc;

    memcpy(before, argv, (size_t)*argc * sizeof *before);
    if (take_flags(f, argc, argv, e) < 0)
        return -1;
    int r = load_file(c, f, e);
    if (r == 0)
        r = load_environment(c, e);
    VEC_FOREACH (&f->list, flag)
        if (r == 0)
            r = conf_set(c, flag->name, flag->value, "flag", e);
    if (r < 0) { /* outputs change only on success */
        memcpy(argv, before, (size_t)argc_before * sizeof *before);
        *argc = argc_before;
    }
    return r;
}

int conf_load(int *argc, char **argv, struct conf **ret, struct err *e)
{
    CLEANUP(conf_free) struct conf *c = conf_defaults();
    struct flags f = {0};
    int r = load(c, &f, argc, argv, e);

    VEC_FINISH(&f.list);
    if (r < 0)
        return -1;
    *ret = STEAL(c);
    return 0;
}
