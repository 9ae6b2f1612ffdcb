/* The task of the one pass: options in, descriptors by enum media_out, report out. The work is in
 * pass.c. */
#include "media/child.h"
#include "media/pass.h"
#include "media/results.h"

static int run(struct child *c, struct err *e)
{
    CLEANUP_BUF struct buf report = BUF_MAX(MEDIA_RESULT_BYTES_MAX);
    struct media_pass_opts o;
    int out_fds[MEDIA_OUT_N];

    if (c->n_more != MEDIA_OUT_N)
        return err_set(e, ERR_INTERNAL, "pass: %d outputs, %d expected", c->n_more, MEDIA_OUT_N);
    for (int i = 0; i < MEDIA_OUT_N; i++)
        out_fds[i] = CHILD_FD_MORE + i;
    if (media_pass_opts_parse(c->request, &o, e) < 0)
        return -1;
    if (pass_run(c, CHILD_FD_INPUT, out_fds, &o, &report, e) < 0)
        return -1;
    return child_result(c, buf_str(&report), e);
}

const struct child_task task_pass = {.name = "pass", .lav = true, .run = run};
