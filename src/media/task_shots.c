/* Shots of a file: its pictures are decoded once and go to the detector as they lie in memory. Sound is not read. */
#include "media/child.h"
#include "media/results.h"
#include "media/shotlist.h"
#include "media/source.h"

static int detect(struct child *c, struct source *s, struct shotlist *l, struct err *e)
{
    struct source_frame f;
    int64_t frames = 0;
    int got;

    while ((got = source_next(s, &f, e)) > 0) {
        int r = shotlist_frame(l, f.frame, f.us, f.end_us, e);
        av_frame_free(&f.frame);
        if (r < 0)
            return err_wrap(e, "frame %lld", (long long)f.number);
        child_progress(c, source_percent(s), ++frames, f.us);
    }
    if (got < 0)
        return -1;
    if (source_errors(s) > 0)
        child_log(LOG_WARN, "damaged_media errors=%lld frames=%lld", (long long)source_errors(s),
                  (long long)frames);
    return shotlist_finish(l, e);
}

static int run(struct child *c, struct err *e)
{
    CLEANUP(source_free) struct source *s = NULL;
    CLEANUP(shotlist_free) struct shotlist *l = NULL;
    CLEANUP(media_shots_free) struct media_shots *shots = NULL;
    CLEANUP_BUF struct buf out = BUF_MAX(MEDIA_RESULT_BYTES_MAX);
    struct jsonw w = JSONW(&out);
    struct media_shots_opts o;

    if (media_shots_opts_parse(c->request, &o, e) < 0 ||
        source_open(CHILD_FD_INPUT, &c->limits, &s, e) < 0)
        return -1;
    if (source_info(s)->video < 0) {
        err_set(e, ERR_INPUT, "shots: no video stream");
        return err_plain(e, "The file has sound only: there are no shots to find.", NULL);
    }
    if (source_decode(s, SOURCE_WANT_VIDEO, c->threads, e) < 0)
        return -1;
    l = shotlist_new(&o);
    if (detect(c, s, l, e) < 0 || shotlist_result(l, &shots, e) < 0)
        return -1;
    media_shots_json(shots, &w);
    if (!buf_ok(&out))
        return err_set(e, ERR_LIMIT, "list of %lld shots is too large", (long long)shots->n);
    return child_result(c, buf_str(&out), e);
}

const struct child_task task_shots = {.name = "shots", .lav = true, .run = run};
