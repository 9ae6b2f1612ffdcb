/* MOTChallenge text: what was read is followed, written and read again. The first byte picks options of the tracker. */
#include <assert.h>
#include <math.h>

#include "fuzz.h"
#include "vision/mot.h"
#include "vision/track_paths.h"

enum { FED_MAX = 2000 }; /* boxes followed of one input; more take long and tell little */

static void check_rows(const struct mot_rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct mot_row *q = &r->rows[i];
        assert(q->frame >= 1 && q->frame <= MOT_FRAME_MAX);
        assert(i == 0 || q->frame >= r->rows[i - 1].frame);
        assert(isfinite(q->box.x) && isfinite(q->box.y) && isfinite(q->box.w) &&
               isfinite(q->box.h) && isfinite(q->confidence));
    }
}

static void follow(struct tracker *t, struct track_paths *p, const struct mot_rows *r)
{
    static struct track_detection d[FED_MAX];
    struct err e = {0};
    for (size_t i = 0; i < r->n && i < FED_MAX;) {
        const struct track_seen *seen;
        size_t n = 0, n_seen;
        int64_t frame = r->rows[i].frame;
        for (; i < r->n && i < FED_MAX && r->rows[i].frame == frame; i++)
            d[n++] = (struct track_detection){r->rows[i].box, r->rows[i].confidence,
                                              (int32_t)(r->rows[i].id & 1)};
        int fed = tracker_feed(t, frame * 33333, d, n, &seen, &n_seen, &e);
        assert(fed == 0);
        for (size_t k = 0; k < n_seen; k++) {
            assert(seen[k].detection >= 0 && seen[k].detection < (int32_t)n);
            assert(isfinite(seen[k].box.x) && isfinite(seen[k].box.h));
        }
        int added = track_paths_add(p, frame, frame * 33333, t, d, seen, n_seen, &e);
        assert(added == 0);
    }
    int finished = track_paths_finish(p, &e);
    assert(finished == 0);
}

static void write_and_read(const struct track_paths *p)
{
    CLEANUP_BUF struct buf out = {0};
    struct mot_rows r = {0};
    struct err e = {0};
    size_t n = 0;
    for (size_t i = 0; i < track_paths_count(p); i++)
        n += track_paths_at(p, i).n_points;
    int written = mot_write(p, &out, &e);
    assert(written == 0);
    int read = mot_read(buf_str(&out), &r, &e);
    assert(read == 0 && r.n == n);
    check_rows(&r);
    mot_rows_finish(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned flags[] = {
        TRACK_PLAIN, TRACK_DEFAULT, TRACK_DEFAULT | TRACK_LINK | TRACK_REUPDATE,
        TRACK_MOMENTUM | TRACK_BUFFERED | TRACK_SIZES | TRACK_NSA | TRACK_CAMERA | TRACK_FILL};
    struct mot_rows r = {0};
    struct err e = {0};

    if (size < 1)
        return 0;
    if (mot_read((struct str){(const char *)data + 1, size - 1}, &r, &e) < 0) {
        assert(e.code == ERR_INPUT || e.code == ERR_LIMIT);
        return 0;
    }
    check_rows(&r);
    struct track_options o = TRACK_OPTIONS_DEFAULT;
    struct tracker *t = NULL;
    o.flags = flags[data[0] % ARRAY_LEN(flags)];
    o.buffer = data[0] >> 3;
    int made = tracker_new(&o, &t, &e);
    assert(made == 0);
    CLEANUP(track_paths_free) struct track_paths *p = track_paths_new(&o);
    follow(t, p, &r);
    write_and_read(p);
    tracker_free(t);
    mot_rows_finish(&r);
    return 0;
}
