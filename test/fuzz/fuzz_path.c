/*
 * Camera paths that a person, or a stranger, wrote. What is accepted is walked, stays inside of the
 * source, is written out and must be accepted again and be the same.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "vision/path.h"

static struct path *read_path(struct str text)
{
    CLEANUP_JSON json_t *j = NULL;
    struct path *p = NULL;
    struct err e = {0};

    if (json_read(text, &j, &e) < 0 || path_read(j, &p, &e) < 0)
        return NULL;
    return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(path_free) struct path *p = read_path((struct str){(const char *)data, size});
    CLEANUP_BUF struct buf out = {0}, again = {0};
    struct jsonw w = JSONW(&out), v = JSONW(&again);

    if (!p)
        return 0;
    for (int64_t i = 0; i < p->n_keys; i++) {
        const struct path_key *k = &p->keys[i];
        double x, y;
        for (int64_t d = 0; d < 3; d++) {
            path_at(p, k->frame + d - 1, k->pts_us + 1000 * (d - 1), &x, &y);
            assert(isfinite(x) && isfinite(y) && x >= 0 && y >= 0);
            assert(x <= p->width && y <= p->height);
        }
    }
    path_write(p, &w);
    CLEANUP(path_free) struct path *q = read_path(buf_str(&out));
    assert(q && q->n_keys == p->n_keys && q->n_shots == p->n_shots);
    path_write(q, &v);
    assert(strcmp(buf_z(&out), buf_z(&again)) == 0);
    return 0;
}
