/* The program: settings, logs, then a command. `media-child` comes before everything else: it must
 * touch nothing. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "conf/conf.h"
#include "media/media.h"

/* A bad setting is told like any other failure; there is no command yet that could tell it. */
static int bad_settings(const struct err *e, bool json)
{
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    CLEANUP(log_free) struct log *log = log_new(NULL, "app", NULL);
    struct cli c = {.conf = conf, .log = log, .json = json};
    return cli_fail(&c, NULL, e);
}

/* A person at a terminal reads sentences, not log lines, unless they asked for them; scripts and services get both. */
static void set_up_log(const struct conf *conf)
{
    enum log_level level = LOG_WARN;
    bool asked = strcmp(conf_source(conf, CONF_LOG_LEVEL), "default") != 0;
    log_level_from_name(str_of(conf_str(conf, CONF_LOG_LEVEL)), &level);
    if (!asked && isatty(STDERR_FILENO) == 1)
        level = LOG_OFF;
    log_setup(level, strcmp(conf_str(conf, CONF_LOG_FORMAT), "json") == 0 ? LOG_JSON : LOG_LOGFMT,
              STDERR_FILENO);
}

/* A descriptor 0 to 2 that was closed would be given to the next file that is opened, a database
 * say, and then be printed into. The wrong way round, so that output that nobody gets is an error. */
static void fill_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(1);
}

int main(int argc, char **argv)
{
    struct err e = {0};
    CLEANUP(conf_free) struct conf *conf = NULL;
    bool json = false;

    if (argc > 1 && strcmp(argv[1], "media-child") == 0)
        return media_child_main(argc, argv);
    fill_standard();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error code like any other */
    for (int i = 1; i < argc; i++)
        json = json || strcmp(argv[i], "--json") == 0;
    if (conf_load(&argc, argv, &conf, &e) < 0)
        return bad_settings(&e, json);
    set_up_log(conf);
    return cli_main(argc, argv, conf);
}
