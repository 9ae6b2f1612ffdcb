/* How well the child is closed in here, for `rushes doctor`: the layers as they are on this very child. */
#include "media/child_priv.h"
#include "media/sandbox.h"

static int run(struct child *c, struct err *e)
{
    CLEANUP_BUF struct buf out = {0};
    struct jsonw w = JSONW(&out);
    const struct media_sandbox_layer *layers = child_sandbox_layers();

    jw_obj(&w);
    jw_key(&w, "layers");
    jw_arr(&w);
    for (int i = 0; i < SANDBOX_N; i++) {
        jw_obj(&w);
        jw_kbool(&w, "active", layers[i].active);
        jw_kz(&w, "detail", layers[i].detail);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    return child_result(c, buf_str(&out), e);
}

const struct child_task task_sandbox = {.name = "sandbox", .run = run};
