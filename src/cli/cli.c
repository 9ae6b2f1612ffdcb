/*
 * The table of commands, the parser of their switches, and help. Settings (--data, --proxy.height
 * …) are taken out of argv before this file sees it; what remains is a command, its switches and
 * its arguments.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

static const struct cli_command *const commands[] = {
    &cli_ingest, &cli_search, &cli_videos, &cli_get,     &cli_probe,
    &cli_frames, &cli_shots,  &cli_cut,    &cli_reframe, &cli_track,
    &cli_work,   &cli_jobs,   &cli_verify, &cli_rebuild, &cli_doctor,
};

static const struct cli_command *command_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int write_out(int fd, struct str s)
{
    while (s.n > 0) {
        ssize_t w = write(fd, s.p, s.n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        s.p += w;
        s.n -= (size_t)w;
    }
    return 0;
}

int cli_print(struct cli *c, struct buf *out)
{
    struct err e = {0};
    if (!buf_ok(out)) {
        err_set(&e, ERR_LIMIT, "output grew past its limit");
        return cli_fail(c, NULL, &e);
    }
    if (write_out(STDOUT_FILENO, buf_str(out)) < 0) {
        int saved = errno;
        if (saved == EPIPE) { /* `| head`: the reader has what it wanted */
            c->reader_left = true;
            return 0;
        }
        err_errno(&e, saved, "write standard output");
        if (saved == EBADF)
            err_plain(&e, "Standard output is closed.", "Run it with its output open.");
        return cli_fail(c, NULL, &e);
    }
    return 0;
}

/* ---- help
 * --------------------------------------------------------------------------------------------------------
 */

static void help_all(struct buf *out)
{
    buf_addz(out, "rushes " RUSHES_VERSION ": video in, everything people need from it out\n\n"
                  "usage: rushes COMMAND [ARGUMENTS] [--data DIR] [--json] [SETTINGS]\n");
    const char *group = "";
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct cli_command *k = commands[i];
        if (strcmp(group, k->group) != 0) {
            buf_addf(out, "\n%s\n", k->group);
            group = k->group;
        }
        buf_addf(out, "  %-9s %s\n", k->name, k->summary);
    }
    buf_addz(out,
             "\n  rushes COMMAND --help    what a command takes\n"
             "  rushes help settings     every setting: flag, environment variable, config file\n"
             "  rushes version\n\n"
             "exit status: 0 done, 1 failed, 2 usage, 3 bad input, 4 limit, 5 unavailable\n");
}

#define HELP_COLUMN 28 /* where the explanation of a switch begins, after two spaces */

static void help_switch(struct buf *out, const char *head, const char *text)
{
    if (strlen(head) > HELP_COLUMN)
        buf_addf(out, "  %s\n  %-*s %s\n", head, HELP_COLUMN, "", text);
    else
        buf_addf(out, "  %-*s %s\n", HELP_COLUMN, head, text);
}

static void help_command(const struct cli_command *k, struct buf *out)
{
    buf_addf(out, "usage: rushes %s %s\n\n%s\n", k->name, k->usage, k->summary);
    if (k->details)
        buf_addf(out, "\n%s\n", k->details);
    buf_addz(out, "\n");
    for (const struct cli_switch *s = k->switches; s && s->name; s++) {
        char head[96];
        snprintf(head, sizeof head, "%s%c%s%s%s%s", s->letter ? "-" : "",
                 s->letter ? s->letter : ' ', s->letter ? ", " : "   ", s->name,
                 s->value ? " " : "", s->value ? s->value : "");
        help_switch(out, head, s->help);
    }
    help_switch(out, "    --json", "results for machines");
    help_switch(out, "    --data DIR", "the library's folder (default ./rushes-data)");
    buf_addz(out, "\nevery setting may follow too: rushes help settings\n");
}

/* ---- failing
 * -----------------------------------------------------------------------------------------------------
 */

int cli_fail(struct cli *c, const char *subject, const struct err *e)
{
    const struct err_class *k = err_class(e->code);
    log_error(c->log, "command_failed command=%s code=%s cause=%s",
              c->command ? c->command->name : "-", k->name, LOGZ(e->text));
    if (c->json) {
        CLEANUP_BUF struct buf out = {0};
        struct jsonw w = JSONW(&out);
        jw_obj(&w);
        jw_key(&w, "error");
        jw_obj(&w);
        jw_kz(&w, "code", k->name);
        jw_kz(&w, "category", k->category);
        if (subject)
            jw_kz(&w, "subject", subject);
        jw_kz(&w, "message", err_plain_text(e));
        jw_kz(&w, "next", err_next_text(e));
        jw_kz(&w, "cause", e->text);
        jw_obj_end(&w);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
        write_out(STDOUT_FILENO, buf_str(&out));
    } else {
        CLEANUP_BUF struct buf out = {0};
        buf_addz(&out, "rushes: ");
        if (subject)
            buf_addf(&out, "%s: ", LOGZ(subject)); /* a name may hold what terminals obey */
        buf_addf(&out, "%s (%s)\n", err_plain_text(e), k->category);
        const char *next = err_next_text(e);
        if (next && *next)
            buf_addf(&out, "  %s\n", next);
        write_out(STDERR_FILENO, buf_str(&out));
    }
    return k->exit_code;
}

int cli_fail_usage(struct cli *c, const char *fmt, ...)
{
    struct err e = {0};
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(&e, ERR_USAGE, "%s", text);
    err_plain(&e, text, NULL);
    if (c->command) {
        char next[128];
        snprintf(next, sizeof next, "See: rushes %s --help", c->command->name);
        err_plain(&e, text, next);
    }
    return cli_fail(c, NULL, &e);
}

/* ---- switches
 * ----------------------------------------------------------------------------------------------------
 */

const char *cli_value(const struct cli *c, const char *name)
{
    for (int i = 0; c->command->switches && c->command->switches[i].name; i++)
        if (strcmp(c->command->switches[i].name, name) == 0)
            return c->values[i];
    return NULL;
}

/* Finds the switch that arg names; *ret_inline is its value after '=' or a letter, if there. */
static int switch_find(const struct cli_command *k, const char *arg, const char **ret_inline)
{
    *ret_inline = NULL;
    for (int i = 0; k->switches && k->switches[i].name; i++) {
        const struct cli_switch *s = &k->switches[i];
        size_t n = strlen(s->name);
        if (strncmp(arg, s->name, n) == 0 && (arg[n] == '\0' || arg[n] == '=')) {
            *ret_inline = arg[n] == '=' ? arg + n + 1 : NULL;
            return i;
        }
        if (s->letter && arg[0] == '-' && arg[1] == s->letter) {
            *ret_inline = arg[2] ? arg + 2 : NULL;
            return i;
        }
    }
    return -1;
}

/* Sorts argv into switches and arguments. 0, or an exit code; 100 when help was asked for. */
enum { PARSE_OK = 0, PARSE_HELP = 100 };
static int parse(struct cli *c, int argc, char **argv)
{
    c->args = xcalloc((size_t)argc + 1, sizeof *c->args);
    bool only_args = false;
    for (int i = 0; i < argc; i++) {
        char *a = argv[i];
        const char *value;
        if (only_args || a[0] != '-' || a[1] == '\0') {
            c->args[c->n_args++] = a;
            continue;
        }
        if (strcmp(a, "--") == 0) {
            only_args = true;
            continue;
        }
        if (strcmp(a, "--json") == 0) {
            c->json = true;
            c->progress = false;
            continue;
        }
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
            return PARSE_HELP;
        int k = switch_find(c->command, a, &value);
        if (k < 0)
            return cli_fail_usage(c, "'%s' is not an option of 'rushes %s'.", a, c->command->name);
        const struct cli_switch *s = &c->command->switches[k];
        if (!s->value && value)
            return cli_fail_usage(c, "Option %s takes no value.", s->name);
        if (s->value && !value) {
            if (i + 1 >= argc)
                return cli_fail_usage(c, "Option %s needs a value: %s.", s->name, s->value);
            value = argv[++i];
        }
        if (c->values[k])
            return cli_fail_usage(c, "Option %s is given twice.", s->name);
        c->values[k] = value ? value : "";
    }
    if (c->n_args < c->command->min_args)
        return cli_fail_usage(c, "'rushes %s' needs more: rushes %s %s", c->command->name,
                              c->command->name, c->command->usage);
    if (c->n_args > c->command->max_args)
        return cli_fail_usage(c, "'%s' is one argument too many for 'rushes %s'.",
                              c->args[c->command->max_args], c->command->name);
    return PARSE_OK;
}

int cli_main(int argc, char **argv, const struct conf *conf)
{
    CLEANUP(log_free) struct log *log = log_new(NULL, "cli", NULL);
    struct cli c = {.conf = conf, .log = log, .progress = isatty(STDERR_FILENO) == 1};
    CLEANUP_BUF struct buf out = {0};
    const char *name = argc > 1 ? argv[1] : "help";

    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        buf_addz(&out, "rushes " RUSHES_VERSION "\n");
        return cli_print(&c, &out);
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        const char *topic = argc > 2 ? argv[2] : "";
        const struct cli_command *k = command_find(topic);
        if (strcmp(topic, "settings") == 0 || strcmp(topic, "options") == 0)
            conf_help(&out);
        else if (k)
            help_command(k, &out);
        else if (*topic)
            return cli_fail_usage(&c, "There is no command '%s'. 'rushes help' lists them.", topic);
        else
            help_all(&out);
        int r = cli_print(&c, &out);
        return r != 0 ? r : argc > 1 ? 0 : err_class(ERR_USAGE)->exit_code;
    }
    c.command = command_find(name);
    if (!c.command)
        return cli_fail_usage(&c, "There is no command '%s'. 'rushes help' lists them.", name);
    int r = parse(&c, argc - 2, argv + 2);
    if (r == PARSE_HELP) {
        help_command(c.command, &out);
        r = cli_print(&c, &out);
    } else if (r == PARSE_OK) {
        r = c.command->run(&c);
    }
    free(c.args);
    return r;
}

/* ---- media files on the command line
 * ------------------------------------------------------------------------------- */

int cli_open_media(const char *path, int *ret_fd, struct err *e)
{
    struct stat st;
    /* O_NONBLOCK: a named pipe must not hang us; it means nothing for regular files */
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        err_errno(e, errno, "open %s", LOGZ(path));
        if (e->code == ERR_NOT_FOUND)
            err_plain(e, "There is no such file.", "Check the name and the folder you are in.");
        else if (e->code == ERR_DENIED)
            err_plain(e, "You are not allowed to read this file.", "Check its permissions.");
        return -1;
    }
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, "fstat %s", LOGZ(path));
    if (S_ISDIR(st.st_mode)) {
        err_set(e, ERR_INPUT, "%s is a directory", LOGZ(path));
        return err_plain(e, "This is a folder, not a video file.",
                         "Name the files in it: FOLDER/*.mp4");
    }
    if (!S_ISREG(st.st_mode)) {
        err_set(e, ERR_INPUT, "%s is not a regular file (mode %o)", LOGZ(path),
                st.st_mode & S_IFMT);
        return err_plain(e, "This is a pipe or device, not a file.", "Save it to a file first.");
    }
    if (st.st_size == 0) {
        err_set(e, ERR_INPUT, "%s is empty", LOGZ(path));
        return err_plain(e, "The file is empty.", "Copy or export it again.");
    }
    *ret_fd = STEAL_FD(fd);
    return 0;
}

/* ---- signals
 * -------------------------------------------------------------------------------------------------------
 */

static atomic_bool stop_flag;

static void on_stop(int sig)
{
    (void)sig;
    if (atomic_exchange(&stop_flag, true))
        _exit(130);
}

void cli_catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_stop};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
}

atomic_bool *cli_stop_flag(void)
{
    return &stop_flag;
}

bool cli_stopped(void)
{
    return atomic_load(&stop_flag);
}
