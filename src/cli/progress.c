/* The progress bar: one line on standard error that is drawn over, only where a person watches. */
#include <stdatomic.h>

#include "base/human.h"
#include "cli/cli.h"
#include "media/media.h"

#define BAR_WIDTH 30

void cli_progress(struct cli *c, const char *label, int percent, const char *note)
{
    if (!c->progress)
        return;
    char bar[BAR_WIDTH + 1];
    int full = CLAMP(percent, 0, 100) * BAR_WIDTH / 100;
    memset(bar, '#', (size_t)full);
    memset(bar + full, '.', (size_t)(BAR_WIDTH - full));
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%-14.14s [%s] %3d %%  %-24.24s", label, bar, CLAMP(percent, 0, 100),
            note ? note : "");
    fflush(stderr);
}

void cli_progress_done(struct cli *c)
{
    if (c->progress)
        fputs("\r\033[K", stderr);
}

struct watch {
    struct cli *c;
    const char *label;
};

static int on_progress(void *arg, const struct media_progress *p)
{
    const struct watch *w = arg;
    char at[HUMAN_MAX];
    if (w->label)
        cli_progress(w->c, w->label, p->percent, human_time(p->position_us, at));
    return cli_stopped();
}

void cli_media_ctx(struct cli *c, struct media_ctx *m, const char *label)
{
    static struct watch w; /* a command runs one child at a time */
    w = (struct watch){c, label};
    media_ctx_init(m, c->conf);
    m->log = c->log;
    m->progress = on_progress;
    m->progress_arg = &w;
}
