/* Reading and writing MOTChallenge text; see mot.h. */
#include "vision/mot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vision/track_paths.h"

enum { COLUMNS_MIN = 6, COLUMNS_READ = 7 };

void mot_rows_finish(struct mot_rows *r)
{
    free(r->rows);
    *r = (struct mot_rows){0};
}

/* ---- reading */

static const char *const column_names[COLUMNS_READ] = {"frame", "id",     "left",      "top",
                                                       "width", "height", "confidence"};

/* A whole number, also one written as a decimal, as numpy does. */
static bool to_whole(struct str s, int64_t *ret)
{
    double v;
    if (str_to_i64(s, ret))
        return true;
    if (!str_to_double(s, &v) || v != nearbyint(v) || fabs(v) > 9e15)
        return false;
    *ret = (int64_t)v;
    return true;
}

static int bad_column(struct err *e, int64_t line, int column, struct str s)
{
    /* part of a stranger's text: cut, and nothing that a terminal would obey */
    char shown[33];
    size_t n = MIN(s.n, sizeof shown - 1);
    for (size_t i = 0; i < n; i++)
        shown[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
    shown[n] = '\0';
    err_set(e, ERR_INPUT, "line %" PRId64 ": %s is '%s'", line, column_names[column], shown);
    return err_plainf(e, "Line %" PRId64 ": the %s, '%s', is not a number that can be used.", line,
                      column_names[column], shown);
}

static int read_row(struct str text, int64_t line, struct mot_row *ret, struct err *e)
{
    double *const numbers[] = {&ret->box.x, &ret->box.y, &ret->box.w, &ret->box.h,
                               &ret->confidence};
    struct str rest = text, part;
    int n = 0;

    ret->confidence = 1;
    for (; n < COLUMNS_READ && str_cut(&rest, ',', &part); n++) {
        part = str_trim(part);
        if (n == 6 && part.n == 0 && rest.p == NULL) /* a comma that ends the line */
            break;
        bool good =
            n == 0   ? to_whole(part, &ret->frame) && ret->frame >= 1 && ret->frame <= MOT_FRAME_MAX
            : n == 1 ? to_whole(part, &ret->id)
                     : str_to_double(part, numbers[n - 2]);
        if (!good)
            return bad_column(e, line, n, part);
    }
    if (n < COLUMNS_MIN) {
        err_set(e, ERR_INPUT, "line %" PRId64 ": %d columns", line, n);
        return err_plainf(e,
                          "Line %" PRId64 " has %d columns; at least %d are needed: frame, id, "
                          "left, top, width, height.",
                          line, n, COLUMNS_MIN);
    }
    return 0;
}

/* By frame, keeping the order within one: a merge sort, for a file that is not in order already. */
static int sort_rows(struct mot_row *rows, size_t n, struct err *e)
{
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = rows[i - 1].frame <= rows[i].frame;
    if (sorted)
        return 0;
    CLEANUP_FREE struct mot_row *spare = mem_try_calloc(n, sizeof *spare);
    if (!spare)
        return err_set(e, ERR_LIMIT, "no memory to sort %zu boxes", n);
    struct mot_row *from = rows, *to = spare;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t a = start, mid = MIN(start + width, n), b = mid, end = MIN(mid + width, n);
            for (size_t k = start; k < end; k++)
                to[k] =
                    a < mid && (b >= end || from[a].frame <= from[b].frame) ? from[a++] : from[b++];
        }
        struct mot_row *swap = from;
        from = to;
        to = swap;
    }
    if (from != rows)
        memcpy(rows, from, n * sizeof *rows);
    return 0;
}

static int add_row(struct mot_rows *r, size_t *cap, const struct mot_row *row, struct err *e)
{
    if (r->n >= MOT_ROWS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d boxes", MOT_ROWS_MAX);
    if (r->n == *cap) {
        size_t want = *cap * 2 + 256;
        struct mot_row *p = mem_try_realloc(r->rows, want, sizeof *p);
        if (!p)
            return err_set(e, ERR_LIMIT, "no memory for %zu boxes", want);
        r->rows = p;
        *cap = want;
    }
    r->rows[r->n++] = *row;
    return 0;
}

static int read_rows(struct str text, struct mot_rows *r, struct err *e)
{
    struct str rest = text, line;
    size_t cap = 0;

    if (str_starts(rest, STR("\xef\xbb\xbf")))
        rest = (struct str){rest.p + 3, rest.n - 3};
    for (int64_t number = 1; str_cut(&rest, '\n', &line); number++) {
        struct mot_row row = {0};
        line = str_trim(line); /* the CR of CRLF too */
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (line.n > MOT_LINE_MAX)
            return err_set(e, ERR_LIMIT, "line %" PRId64 " has more than %d bytes", number,
                           MOT_LINE_MAX);
        if (read_row(line, number, &row, e) < 0 || add_row(r, &cap, &row, e) < 0)
            return -1;
    }
    return sort_rows(r->rows, r->n, e);
}

int mot_read(struct str text, struct mot_rows *ret, struct err *e)
{
    struct mot_rows r = {0};
    if (text.n > MOT_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "%zu bytes of boxes", text.n);
    if (read_rows(text, &r, e) < 0) {
        mot_rows_finish(&r);
        return -1;
    }
    *ret = r;
    return 0;
}

/* ---- writing: all paths' boxes as rows, paths in order of id, then by frame */

int mot_write(const struct track_paths *p, struct buf *out, struct err *e)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < track_paths_count(p); i++)
        n += track_paths_at(p, i).n_points;
    CLEANUP_FREE struct mot_row *rows = mem_try_calloc(n, sizeof *rows);
    if (!rows)
        return err_set(e, ERR_LIMIT, "no memory to write %zu boxes", n);
    for (size_t i = 0; i < track_paths_count(p); i++) {
        struct track_path path = track_paths_at(p, i);
        for (size_t j = 0; j < path.n_points; j++) {
            const struct track_point *q = &path.points[j];
            rows[k++] = (struct mot_row){q->frame, path.id, q->box, q->score};
        }
    }
    if (sort_rows(rows, n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%" PRId64 ",%" PRId64 ",%.3f,%.3f,%.3f,%.3f,%.4g,-1,-1,-1\n", rows[i].frame,
                 rows[i].id, rows[i].box.x, rows[i].box.y, rows[i].box.w, rows[i].box.h,
                 rows[i].confidence);
    return buf_ok(out) ? 0 : err_set(e, ERR_LIMIT, "more than %zu bytes of boxes", out->max);
}
