/* From times to frames, then one child to cut. */
#include "edit/cut.h"

#include <inttypes.h>

#include "media/frame_index.h"
#include "media/media.h"

bool edit_point_parse(struct str text, struct edit_point *ret)
{
    struct edit_point p = {0};
    if (text.n > 1 && (text.p[0] == 'f' || text.p[0] == '#')) {
        p.is_frame = true;
        text.p++;
        text.n--;
        if (!str_to_i64(text, &p.value) || p.value < 0)
            return false;
    } else if (!str_to_time_us(text, &p.value) || p.value < 0) {
        return false;
    }
    *ret = p;
    return true;
}

int64_t edit_point_frame(const struct edit_point *p, const struct frame_index *x)
{
    if (p->is_frame)
        return MIN(p->value, x->n);
    int64_t f = frame_index_at(x, p->value);
    if (f < 0)
        return 0;
    if (frame_index_us(x, f) < p->value)
        f++; /* that frame began before the time; f may now be n, the end */
    return f;
}

static int choose_frames(const struct edit_cut *o, const struct frame_index *x,
                         struct media_cut_opts *cut, struct err *e)
{
    cut->from_frame = o->from ? edit_point_frame(o->from, x) : 0;
    cut->to_frame = o->to ? edit_point_frame(o->to, x) : x->n;
    if (cut->from_frame < cut->to_frame)
        return 0;
    err_set(e, ERR_USAGE, "cut [%" PRId64 ", %" PRId64 ") of %" PRId64 " frames", cut->from_frame,
            cut->to_frame, x->n);
    return err_plainf(
        e, "There is no frame between the two points: the file has %" PRId64 " frames.", x->n);
}

int edit_cut_file(const struct media_ctx *m, int in_fd, int index_fd, const struct frame_index *x,
                  const struct edit_cut *o, int out_fd, struct edit_cut_result *ret, struct err *e)
{
    struct media_cut_opts cut = {.crf = o->crf, .preset = o->preset};

    if (choose_frames(o, x, &cut, e) < 0)
        return -1;
    if (media_cut(m, in_fd, index_fd, out_fd, &cut, e) < 0)
        return err_wrap(e, "cut");
    *ret = (struct edit_cut_result){cut.from_frame, cut.to_frame, frame_index_us(x, cut.from_frame),
                                    frame_index_us(x, cut.to_frame)};
    return 0;
}
