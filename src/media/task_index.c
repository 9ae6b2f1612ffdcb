/* The frame index of a file: every frame of the chosen video is decoded. more[0]: the index. */
#include "media/child.h"
#include "media/frame_index.h"
#include "media/source.h"

static int run(struct child *c, struct err *e)
{
    CLEANUP(source_free) struct source *s = NULL;
    struct source_frame f;
    int64_t start_us = 0, frames = 0;
    int got;

    if (c->n_more != 1)
        return err_set(e, ERR_INTERNAL, "index: no output");
    if (source_open(CHILD_FD_INPUT, &c->limits, &s, e) < 0)
        return -1;
    if (source_info(s)->video < 0) {
        err_set(e, ERR_INPUT, "index: no video stream");
        return err_plain(e, "The file has sound only: there are no frames to index.", NULL);
    }
    if (source_decode(s, SOURCE_WANT_VIDEO, c->threads, e) < 0)
        return -1;
    AVRational tb = source_video_time_base(s);
    CLEANUP(frame_index_writer_free)
    struct frame_index_writer *w = frame_index_writer_new(tb.num, tb.den);
    while ((got = source_next(s, &f, e)) > 0) {
        if (f.number == 0)
            start_us = f.us;
        frame_index_writer_add(w, f.pts, f.duration, f.key);
        child_progress(c, source_percent(s), ++frames, f.us);
        av_frame_free(&f.frame);
    }
    if (got < 0)
        return -1;
    if (source_errors(s) > 0)
        child_log(LOG_WARN, "damaged_media errors=%lld frames=%lld", (long long)source_errors(s),
                  (long long)frames);
    if (source_clock_jumped(s))
        frame_index_writer_clock_jumps(w);
    return frame_index_writer_finish(w, start_us, CHILD_FD_MORE, e);
}

const struct child_task task_index = {.name = "index", .lav = true, .run = run};
