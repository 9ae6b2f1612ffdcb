/* What a file is: headers only. Result: media info. */
#include "media/child.h"
#include "media/results.h"
#include "media/source.h"

static int run(struct child *c, struct err *e)
{
    CLEANUP(source_free) struct source *s = NULL;
    CLEANUP_BUF struct buf out = BUF_MAX(MEDIA_RESULT_BYTES_MAX);
    struct jsonw w = JSONW(&out);

    if (source_open(CHILD_FD_INPUT, &c->limits, &s, e) < 0)
        return -1;
    media_info_json(source_info(s), &w);
    if (!buf_ok(&out))
        return err_set(e, ERR_LIMIT, "media info is too large");
    return child_result(c, buf_str(&out), e);
}

const struct child_task task_probe = {.name = "probe", .lav = true, .run = run};
