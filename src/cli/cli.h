/*
 * The command line: one table of commands, one parser of switches, one way to print and to fail. A
 * command is a thin skin: parse, call, print. It returns 0 or an exit code through cli_fail(),
 * which prints the plain sentence once.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdatomic.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "conf/conf.h"

struct media_ctx;
struct media_progress;
struct library;

/* A switch of one command (settings that every command knows are rows of conf/options.def). */
struct cli_switch {
    const char *name;  /* "--format" */
    char letter;       /* 'o' for -o, 0 for none */
    const char *value; /* name of its value in the help; NULL: a plain flag */
    const char *help;
};
#define CLI_SWITCHES_MAX 16
#define CLI_ARGS_MAX     65536

struct cli {
    const struct conf *conf;
    const struct log *log;
    const struct cli_command *command;
    bool json;        /* --json: results and errors for machines, on standard output */
    bool progress;    /* a person watches: standard error is a terminal and not --json */
    bool reader_left; /* standard output was closed by its reader: more need not be made */
    int n_args;       /* what is neither setting nor switch */
    char **args;
    const char *
        values[CLI_SWITCHES_MAX]; /* in the order of the command's switches; a flag's value is "" */
};

struct cli_command {
    const char *name;
    const char *group;   /* heading in the help */
    const char *usage;   /* what follows the name */
    const char *summary; /* one line */
    const char *details; /* paragraphs, may be NULL */
    int min_args, max_args;
    const struct cli_switch *switches; /* ends with .name == NULL; may be NULL */
    int (*run)(struct cli *c);
};

/* Runs argv (settings already taken out by conf_load). Returns the exit code. */
int cli_main(int argc, char **argv, const struct conf *conf);

/* ---- for commands
 * ---------------------------------------------------------------------------------------------- */

/* The value of a switch, NULL when it was not given. */
const char *cli_value(const struct cli *c, const char *name);
static inline bool cli_flag(const struct cli *c, const char *name)
{
    return cli_value(c, name) != NULL;
}
/* Prints the error (sentence, category, next step; JSON with --json), logs its cause, returns the
 * exit code. `subject` is what it is about, a file name say; may be NULL. */
int cli_fail(struct cli *c, const char *subject, const struct err *e);
int cli_fail_usage(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes a finished buffer to standard output; a full disk or closed pipe is an error. Returns 0 or
 * the exit code. */
int cli_print(struct cli *c, struct buf *out);

/* Opens a local media file for reading: directories, pipes and missing permission are plain
 * sentences. */
int cli_open_media(const char *path, int *ret_fd, struct err *e);
/* A media_ctx from the settings, its progress drawn as a bar where a person watches, cancelled by
 * SIGINT/SIGTERM. */
void cli_media_ctx(struct cli *c, struct media_ctx *m, const char *label);
void cli_progress(struct cli *c, const char *label, int percent, const char *note);
void cli_progress_done(struct cli *c);
/* True once SIGINT or SIGTERM arrived (first call of cli_catch_signals() arms it; a second signal
 * ends at once). */
void cli_catch_signals(void);
bool cli_stopped(void);
atomic_bool *cli_stop_flag(void); /* the same, for a worker to watch */

extern const struct cli_command cli_ingest, cli_search, cli_videos, cli_get, cli_probe, cli_frames,
    cli_shots, cli_cut, cli_reframe, cli_track, cli_work, cli_jobs, cli_verify, cli_rebuild,
    cli_doctor;

#endif
