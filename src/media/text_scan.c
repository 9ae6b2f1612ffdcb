#include "media/text.h"

/* What a box looks like, coarse: the mean of COLUMNS x ROWS cells of the image made for reading. */
#define COLUMNS 96
#define ROWS    6
/* A letter that changes moves the mean of its column by a quarter of the range and more; noise by a few steps. */
#define COLUMN_SAME 20

struct seen {
    struct text_box box;
    uint8_t cells[COLUMNS * ROWS];
    char *text; /* NULL: nothing believable stands there */
    double confidence;
};

struct boxes {
    struct seen s[TEXT_BOXES_MAX];
    int n;
};

struct text_scan {
    struct text_engine *engine;
    struct boxes now, before;
};

struct text_scan *text_scan_new(struct text_engine *engine)
{
    struct text_scan *s = XNEW(struct text_scan);
    s->engine = engine;
    return s;
}

static void clear(struct boxes *b)
{
    for (int i = 0; i < b->n; i++)
        free(b->s[i].text);
    b->n = 0;
}

void text_scan_free(struct text_scan *s)
{
    if (!s)
        return;
    clear(&s->now);
    clear(&s->before);
    free(s);
}

/* ---- unchanged boxes ----------------------------------------------------------------------- */

static void look_at(const struct text_image *image, uint8_t cells[COLUMNS * ROWS])
{
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            int x0 = image->w * c / COLUMNS, x1 = MAX(image->w * (c + 1) / COLUMNS, x0 + 1);
            int y0 = image->h * r / ROWS, y1 = MAX(image->h * (r + 1) / ROWS, y0 + 1);
            int sum = 0;
            for (int y = y0; y < MIN(y1, image->h); y++)
                for (int x = x0; x < MIN(x1, image->w); x++)
                    sum += image->p[(size_t)y * (size_t)image->w + (size_t)x];
            cells[r * COLUMNS + c] = (uint8_t)(sum / MAX((y1 - y0) * (x1 - x0), 1));
        }
}

static bool looks_the_same(const uint8_t a[COLUMNS * ROWS], const uint8_t b[COLUMNS * ROWS])
{
    for (int c = 0; c < COLUMNS; c++) {
        int sum = 0;
        for (int r = 0; r < ROWS; r++)
            sum += abs(a[r * COLUMNS + c] - b[r * COLUMNS + c]);
        if (sum > COLUMN_SAME * ROWS)
            return false;
    }
    return true;
}

/* The same place, but for the pixel or two by which edges are found differently. */
static bool same_place(const struct text_box *a, const struct text_box *b)
{
    int slack = MAX(2, a->height / 6);
    return a->light == b->light && abs(a->x - b->x) <= slack && abs(a->y - b->y) <= slack &&
           abs(a->x + a->w - b->x - b->w) <= slack && abs(a->y + a->h - b->y - b->h) <= slack;
}

static const struct seen *known(const struct text_scan *s, const struct seen *box)
{
    for (int i = 0; i < s->before.n; i++)
        if (same_place(&s->before.s[i].box, &box->box) &&
            looks_the_same(s->before.s[i].cells, box->cells))
            return &s->before.s[i];
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void add_word(void *arg, const struct text_word *word)
{
    text_line_add(arg, word);
}

/* The image at two thirds of its size, by the mean of what each pixel covers. NULL without memory. */
static struct text_image *shrink(const struct text_image *image)
{
    int w = MAX(image->w * 2 / 3, 1), h = MAX(image->h * 2 / 3, 1);
    struct text_image *small = XNEW(struct text_image);

    small->w = w;
    small->h = h;
    small->p = mem_try_calloc((size_t)w, (size_t)h);
    for (int y = 0; small->p && y < h; y++) {
        const uint8_t *a = image->p + (size_t)(y * 3 / 2) * (size_t)image->w;
        const uint8_t *b = y * 3 / 2 + 1 < image->h ? a + image->w : a;
        /* of each three rows, two: the first and half of the second, the other half and the third */
        int wa = y % 2 ? 1 : 2, wb = 3 - wa;
        for (int x = 0; x < w; x++) {
            int at = x * 3 / 2, next = MIN(at + 1, image->w - 1), va = x % 2 ? 1 : 2, vb = 3 - va;
            small->p[(size_t)y * (size_t)w + (size_t)x] =
                (uint8_t)((wa * (va * a[at] + vb * a[next]) + wb * (va * b[at] + vb * b[next]) +
                           4) /
                          9);
        }
    }
    if (!small->p) {
        free(small);
        return NULL;
    }
    return small;
}

/* A line with words that are in doubt is looked at again, smaller: engines part words at other places then, and of the
 * two readings the one that is believed more is taken. */
static int read_again(struct text_scan *s, const struct text_image *image, struct text_line *line,
                      struct err *e)
{
    CLEANUP(text_image_free) struct text_image *small = shrink(image);
    struct text_line other;

    if (!small)
        return err_set(e, ERR_LIMIT, "no memory for a line of text");
    text_line_init(&other);
    int r = text_engine_read(s->engine, small, add_word, &other, e);
    if (r >= 0 && text_line_weight(&other) > text_line_weight(line)) {
        struct text_line swap = *line;
        *line = other;
        other = swap;
    }
    text_line_finish(&other);
    return r;
}

static int read_box(struct text_scan *s, const struct text_image *image, struct seen *box,
                    struct err *e)
{
    CLEANUP_BUF struct buf text = BUF_MAX(TEXT_LINE_BYTES_MAX);
    struct text_line line;

    text_line_init(&line);
    int r = text_engine_read(s->engine, image, add_word, &line, e);
    if (r >= 0 && text_line_doubtful(&line) && text_line_weight(&line) > 0)
        r = read_again(s, image, &line, e);
    if (r >= 0 && text_line_end(&line, &text, &box->confidence) && buf_ok(&text))
        box->text = buf_steal(&text);
    text_line_finish(&line);
    return r;
}

static void put_line(const struct seen *box, int64_t frame, int64_t us, struct media_text *out)
{
    /* grown by doubling: room is there when n is no power of two */
    if ((out->n & (out->n - 1)) == 0)
        out->lines = xrealloc(out->lines, (size_t)MAX(out->n * 2, 1) * sizeof(*out->lines));
    out->lines[out->n++] = (struct media_text_line){.frame = frame,
                                                    .pts_us = us,
                                                    .x = box->box.x,
                                                    .y = box->box.y,
                                                    .w = box->box.w,
                                                    .h = box->box.h,
                                                    .confidence = box->confidence,
                                                    .text = xstrdup(box->text)};
}

static int scan_box(struct text_scan *s, const struct vision_frame *view, const struct text_box *at,
                    bool *read, struct err *e)
{
    CLEANUP(text_image_free) struct text_image *image = NULL;
    struct seen *box = &s->now.s[s->now.n];

    if (text_prepare(view, at, &image, e) < 0)
        return -1;
    *box = (struct seen){.box = *at};
    look_at(image, box->cells);
    s->now.n++;
    const struct seen *old = known(s, box);
    if (old) {
        box->text = old->text ? xstrdup(old->text) : NULL;
        box->confidence = old->confidence;
        return 0;
    }
    *read = true;
    return read_box(s, image, box, e);
}

int text_scan_picture(struct text_scan *s, const uint8_t *luma, int w, int h, int64_t frame,
                      int64_t us, struct media_text *out, struct err *e)
{
    struct vision_frame view = vision_frame_grey8(luma, w, h);
    struct text_box boxes[TEXT_BOXES_MAX];
    bool read = false;
    int n;

    if (text_find(&view, boxes, &n, e) < 0)
        return -1;
    clear(&s->before);
    s->before = s->now;
    s->now.n = 0;
    for (int i = 0; i < n; i++) {
        if (scan_box(s, &view, &boxes[i], &read, e) < 0)
            return err_wrap(e, "frame %lld", (long long)frame);
        const struct seen *box = &s->now.s[s->now.n - 1];
        if (box->text && out->n < TEXT_LINES_MAX)
            put_line(box, frame, us, out);
    }
    return read ? 1 : 0;
}
