#include "media/sprite.h"

#define VTT_BYTES_MAX ((size_t)1 << 20) /* SPRITE_TILES_MAX cues */

struct tile {
    int64_t us;
    uint8_t *pixels; /* three planes, tightly packed */
};

struct sprites {
    struct sprite_opts o;
    struct pic_size size, chroma; /* of a tile */
    struct pic_maker *maker;
    size_t max_tiles;
    int64_t interval_us, next_us;
    struct tile tiles[SPRITE_TILES_MAX];
    size_t n;
};

static size_t tile_bytes(const struct sprites *s)
{
    return (size_t)s->size.w * (size_t)s->size.h + 2 * (size_t)s->chroma.w * (size_t)s->chroma.h;
}

struct sprites *sprites_new(const struct sprite_opts *o)
{
    struct sprites *s = XNEW(struct sprites);
    int64_t slots;

    s->o = *o;
    s->size = pic_fit_width(o->picture, o->width);
    if (s->size.h > 2 * o->width) /* a tower: sheets must stay below the 65535 rows of a JPEG */
        s->size = pic_fit_long(o->picture, 2 * o->width);
    s->size = pic_even(s->size, o->picture);
    s->chroma = (struct pic_size){s->size.w / 2, s->size.h / 2};
    s->maker = pic_maker_new(NULL, s->size, PIC_JFIF);
    s->max_tiles = CLAMP(SPRITE_BYTES_MAX / tile_bytes(s), 2, SPRITE_TILES_MAX) & ~(size_t)1;
    slots = (int64_t)s->max_tiles - 1; /* one below, so that rounding does not reach the bound */
    s->interval_us = MAX(o->interval_us, 1);
    s->interval_us = MAX(s->interval_us, (o->duration_us + slots - 1) / slots);
    return s;
}

void sprites_free(struct sprites *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->tiles[i].pixels);
    pic_maker_free(s->maker);
    free(s);
}

static void thin_out(struct sprites *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (i % 2)
            free(s->tiles[i].pixels);
        else
            s->tiles[i / 2] = s->tiles[i];
    }
    s->n /= 2; /* max_tiles is even */
    s->interval_us *= 2;
}

static void pack_tile(const struct sprites *s, const AVFrame *pic, uint8_t *out)
{
    for (int c = 0; c < 3; c++) {
        struct pic_size size = c ? s->chroma : s->size;
        for (int y = 0; y < size.h; y++, out += size.w)
            memcpy(out, pic->data[c] + (ptrdiff_t)pic->linesize[c] * y, (size_t)size.w);
    }
}

int sprites_offer(struct sprites *s, const AVFrame *pic, int64_t us, struct err *e)
{
    AVFrame *small;

    if (us < s->next_us)
        return 0;
    if (s->n == s->max_tiles) {
        thin_out(s);
        s->next_us = s->tiles[s->n - 1].us / s->interval_us * s->interval_us + s->interval_us;
        if (us < s->next_us)
            return 0;
    }
    uint8_t *pixels = mem_try_calloc(1, tile_bytes(s));
    if (!pixels)
        return err_set(e, ERR_LIMIT, "no memory for a tile of %dx%d", s->size.w, s->size.h);
    if (pic_make(s->maker, pic, &small, e) < 0) {
        free(pixels);
        return -1;
    }
    pack_tile(s, small, pixels);
    av_frame_free(&small);
    s->tiles[s->n++] = (struct tile){us, pixels};
    s->next_us = us / s->interval_us * s->interval_us + s->interval_us;
    return 0;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static void vtt_time(struct buf *out, int64_t us)
{
    int64_t ms = us / 1000;
    buf_addf(out, "%02lld:%02lld:%02lld.%03lld", (long long)(ms / 3600000),
             (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60), (long long)(ms % 1000));
}

static void cue(const struct sprites *s, struct buf *out, size_t i, int64_t end_us)
{
    int64_t from = i ? s->tiles[i].us : 0;
    int64_t to = i + 1 < s->n ? s->tiles[i + 1].us : MAX(end_us, from + 1000);
    size_t sheet = i / (size_t)s->o.tiles_a_sheet, at = i % (size_t)s->o.tiles_a_sheet;
    buf_addz(out, "\n");
    vtt_time(out, from);
    buf_addz(out, " --> ");
    vtt_time(out, to);
    buf_addf(out, "\nsprite-%03zu.jpg#xywh=%d,%d,%d,%d\n", sheet + 1,
             (int)(at % SPRITE_COLUMNS) * s->size.w, (int)(at / SPRITE_COLUMNS) * s->size.h,
             s->size.w, s->size.h);
}

static struct pic_size sheet_size(const struct sprites *s, size_t tiles)
{
    int columns = (int)MIN(tiles, SPRITE_COLUMNS),
        rows = (int)((tiles + SPRITE_COLUMNS - 1) / SPRITE_COLUMNS);
    return (struct pic_size){columns * s->size.w, rows * s->size.h};
}

static void place_tile(const struct sprites *s, const struct tile *t, size_t at,
                       uint8_t *const planes[3], const int strides[3])
{
    const uint8_t *in = t->pixels;
    for (int c = 0; c < 3; c++) {
        struct pic_size size = c ? s->chroma : s->size;
        uint8_t *out = planes[c] +
                       (size_t)(at / SPRITE_COLUMNS) * (size_t)size.h * (size_t)strides[c] +
                       (at % SPRITE_COLUMNS) * (size_t)size.w;
        for (int y = 0; y < size.h; y++, in += size.w, out += strides[c])
            memcpy(out, in, (size_t)size.w);
    }
}

static int write_sheet(struct sprites *s, size_t first, size_t tiles, struct pic_jpeg *jpeg,
                       struct outpack *pack, struct err *e)
{
    struct pic_size size = sheet_size(s, tiles);
    size_t luma = (size_t)size.w * (size_t)size.h, chroma = luma / 4;
    CLEANUP_FREE uint8_t *pixels = mem_try_calloc(1, luma + 2 * chroma);
    if (!pixels)
        return err_set(e, ERR_LIMIT, "no memory for a sheet of %dx%d", size.w, size.h);
    uint8_t *const planes[3] = {pixels, pixels + luma, pixels + luma + chroma};
    const int strides[3] = {size.w, size.w / 2, size.w / 2};
    struct str bytes;

    memset(planes[1], 128, 2 * chroma); /* places without a tile are black */
    for (size_t i = 0; i < tiles; i++)
        place_tile(s, &s->tiles[first + i], i, planes, strides);
    if (pic_jpeg_planes(jpeg, (const uint8_t *const *)planes, strides, size, &bytes, e) < 0)
        return -1;
    return outpack_add(pack, bytes, -1, first ? s->tiles[first].us : 0, e);
}

int sprites_finish(struct sprites *s, int64_t end_us, struct outpack *pack, int vtt_fd,
                   struct err *e)
{
    CLEANUP_BUF struct buf vtt = BUF_MAX(VTT_BYTES_MAX);
    CLEANUP(pic_jpeg_free) struct pic_jpeg *jpeg = pic_jpeg_new(SPRITE_QUALITY);
    size_t a_sheet = (size_t)s->o.tiles_a_sheet;
    struct pic_size full = sheet_size(s, MIN(s->n, a_sheet));

    buf_addz(&vtt, "WEBVTT\n");
    for (size_t i = 0; i < s->n; i++)
        cue(s, &vtt, i, end_us);
    for (size_t i = 0; i < s->n; i += a_sheet)
        if (write_sheet(s, i, MIN(a_sheet, s->n - i), jpeg, pack, e) < 0)
            return err_wrap(e, "sprite sheet");
    pack->pictures.width = full.w;
    pack->pictures.height = full.h;
    if (!buf_ok(&vtt))
        return err_set(e, ERR_LIMIT, "cues longer than %zu bytes", VTT_BYTES_MAX);
    if (outfile_write_at(vtt_fd, 0, vtt.p, vtt.n, e) < 0)
        return err_wrap(e, "write cues");
    return 0;
}
