/*
 * The frame index on disk: frame_index.h has the format. The reader takes nothing on trust: every
 * frame needs two bytes at least, so the bytes there are bound what is allocated, whatever the
 * header's count says.
 */
#include "media/frame_index.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"

#define MAGIC       "RUSHFIDX"
#define VERSION     1
#define HEADER_SIZE 40 /* magic 8, version 4, flags 4, time base 4 + 4, frames 8, start 8 */
#define CLOCK_JUMPS 1u /* flag */
#define CRC_SIZE    4
#define ENTRY_MIN   2           /* one byte each for distance and duration */
#define ENTRY_MAX   20          /* ten bytes each */
#define PTS_MAX     (1LL << 61) /* as the source makes them; sums of two stay in range */

static uint32_t crc32_table[256];

static void __attribute__((constructor)) crc32_init(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        crc32_table[i] = c;
    }
}

/* CRC-32 of ISO 3309, as in zlib and PNG. */
static uint32_t crc32_of(struct str s)
{
    uint32_t c = 0xffffffffu;

    for (size_t i = 0; i < s.n; i++)
        c = crc32_table[(c ^ (uint8_t)s.p[i]) & 0xff] ^ (c >> 8);
    return c ^ 0xffffffffu;
}

static void put_le(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_addc(b, (char)(v >> (8 * i)));
}

static uint64_t get_le(const char *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)(uint8_t)p[i] << (8 * i);
    return v;
}

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_addc(b, (char)(v | 0x80));
    buf_addc(b, (char)v);
}

static bool get_varint(struct str s, size_t *at, uint64_t *ret)
{
    uint64_t v = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        if (*at >= s.n)
            return false;
        uint8_t byte = (uint8_t)s.p[(*at)++];
        if (shift == 63 && byte > 1)
            return false;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = v;
            return byte != 0 || shift == 0; /* one spelling for each number */
        }
    }
    return false;
}

void frame_index_free(struct frame_index *x)
{
    if (!x)
        return;
    free(x->frames);
    free(x);
}

static int broken(struct err *e, const char *why)
{
    err_set(e, ERR_INPUT, "frame index: %s", why);
    return err_plain(e, "The frame index is damaged.", "Make it again from the video.");
}

static int parse_frames(struct str body, struct frame_index *x, struct err *e)
{
    size_t at = 0;
    int64_t pts = 0;

    for (int64_t i = 0; i < x->n; i++) {
        uint64_t v, duration;
        if (!get_varint(body, &at, &v) || !get_varint(body, &at, &duration))
            return broken(e, "cut short");
        uint64_t zigzag = v >> 1;
        int64_t delta = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
        if (delta > PTS_MAX || delta < -PTS_MAX || (i > 0 && delta <= 0))
            return broken(e, "time does not advance");
        pts += delta;
        if (pts > PTS_MAX || pts < -PTS_MAX)
            return broken(e, "time out of range");
        if (duration < 1 || duration > PTS_MAX)
            return broken(e, "duration out of range");
        x->frames[i] =
            (struct frame_entry){.pts = pts, .duration = (int64_t)duration, .key = v & 1};
    }
    return at == body.n ? 0 : broken(e, "bytes left over");
}

/* The last end in microseconds must be a number, so that no later sum goes over. */
static bool times_fit(const struct frame_index *x)
{
    if (x->n == 0)
        return true;
    const struct frame_entry *last = &x->frames[x->n - 1];
    __int128 ticks = (__int128)last->pts + last->duration - x->frames[0].pts;
    return ticks * x->time_base_num * 1000000 / x->time_base_den < PTS_MAX;
}

int frame_index_parse(struct str bytes, int64_t limit_frames, struct frame_index **ret,
                      struct err *e)
{
    if (bytes.n < HEADER_SIZE + CRC_SIZE)
        return broken(e, "too short");
    if (memcmp(bytes.p, MAGIC, 8) != 0)
        return broken(e, "not a frame index");
    if (get_le(bytes.p + 8, 4) != VERSION ||
        (get_le(bytes.p + 12, 4) & ~(uint64_t)CLOCK_JUMPS) != 0)
        return broken(e, "unknown version or flags");
    struct str covered = {bytes.p, bytes.n - CRC_SIZE};
    if (crc32_of(covered) != get_le(bytes.p + covered.n, CRC_SIZE))
        return broken(e, "checksum does not match");

    uint64_t num = get_le(bytes.p + 16, 4), den = get_le(bytes.p + 20, 4),
             n = get_le(bytes.p + 24, 8);
    int64_t start_us = (int64_t)get_le(bytes.p + 32, 8);
    struct str body = {bytes.p + HEADER_SIZE, covered.n - HEADER_SIZE};
    if (num < 1 || den < 1 || num > INT32_MAX || den > INT32_MAX)
        return broken(e, "time base out of range");
    if (start_us < 0 || start_us > PTS_MAX)
        return broken(e, "start out of range");
    if (n > body.n / ENTRY_MIN)
        return broken(e, "more frames than bytes");
    if (limit_frames > 0 && n > (uint64_t)limit_frames) {
        err_set(e, ERR_LIMIT, "limit.frames: frame index of %llu", (unsigned long long)n);
        return err_plainf(e, "The video has %llu frames; the limit is %lld (limit.frames).",
                          (unsigned long long)n, (long long)limit_frames);
    }
    CLEANUP(frame_index_free) struct frame_index *x = XNEW(struct frame_index);
    x->frames = mem_try_calloc(n ? (size_t)n : 1, sizeof(*x->frames));
    if (!x->frames)
        return err_set(e, ERR_LIMIT, "no memory for a frame index of %llu", (unsigned long long)n);
    x->time_base_num = (int)num;
    x->time_base_den = (int)den;
    x->start_us = start_us;
    x->clock_jumps = (get_le(bytes.p + 12, 4) & CLOCK_JUMPS) != 0;
    x->n = (int64_t)n;
    if (parse_frames(body, x, e) < 0)
        return -1;
    if (!times_fit(x))
        return broken(e, "time out of range");
    *ret = STEAL(x);
    return 0;
}

int frame_index_read_fd(int fd, int64_t limit_frames, struct frame_index **ret, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, "stat frame index");
    /* as many bytes as the limit can fill, so a false file costs no more than a true one */
    int64_t frames = limit_frames > 0 ? limit_frames : INT32_MAX;
    if (st.st_size > HEADER_SIZE + CRC_SIZE + frames * ENTRY_MAX)
        return broken(e, "larger than the limit of frames allows");
    CLEANUP_BUF struct buf b = BUF_MAX((size_t)st.st_size + 1);
    if (fs_read_fd(fd, (size_t)st.st_size, &b, e) < 0)
        return err_wrap(e, "read frame index");
    if (!buf_ok(&b))
        return err_set(e, ERR_LIMIT, "no memory for a frame index of %lld bytes",
                       (long long)st.st_size);
    return frame_index_parse(buf_str(&b), limit_frames, ret, e);
}

int64_t frame_index_us(const struct frame_index *x, int64_t n)
{
    if (x->n == 0)
        return x->start_us;
    n = CLAMP(n, 0, x->n);
    int64_t pts = n < x->n ? x->frames[n].pts : x->frames[n - 1].pts + x->frames[n - 1].duration;
    __int128 ticks = (__int128)pts - x->frames[0].pts;
    return x->start_us + (int64_t)(ticks * x->time_base_num * 1000000 / x->time_base_den);
}

int64_t frame_index_at(const struct frame_index *x, int64_t us)
{
    int64_t lo = 0, hi = x->n - 1;

    if (x->n == 0)
        return -1;
    while (lo < hi) { /* the last frame with time <= us, or frame 0 */
        int64_t mid = lo + (hi - lo + 1) / 2;
        if (frame_index_us(x, mid) <= us)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

struct frame_index_writer {
    struct buf body;
    int time_base_num, time_base_den;
    int64_t n, last_pts;
    bool clock_jumps;
};

struct frame_index_writer *frame_index_writer_new(int time_base_num, int time_base_den)
{
    struct frame_index_writer *w = XNEW(struct frame_index_writer);

    w->body.max = (size_t)1 << 30; /* frames are limited before: 4 million take some 16 MB */
    w->time_base_num = time_base_num;
    w->time_base_den = time_base_den;
    return w;
}

void frame_index_writer_free(struct frame_index_writer *w)
{
    if (!w)
        return;
    buf_finish(&w->body);
    free(w);
}

void frame_index_writer_add(struct frame_index_writer *w, int64_t pts, int64_t duration, bool key)
{
    int64_t delta = pts - w->last_pts;
    uint64_t zigzag = ((uint64_t)delta << 1) ^ (uint64_t)(delta >> 63);

    put_varint(&w->body, zigzag << 1 | (key ? 1 : 0));
    put_varint(&w->body, (uint64_t)MAX(duration, 1));
    w->last_pts = pts;
    w->n++;
}

void frame_index_writer_clock_jumps(struct frame_index_writer *w)
{
    w->clock_jumps = true;
}

int frame_index_writer_finish(struct frame_index_writer *w, int64_t start_us, int fd, struct err *e)
{
    CLEANUP_BUF struct buf b = BUF_MAX(w->body.n + HEADER_SIZE + CRC_SIZE + 1);

    buf_add(&b, MAGIC, 8);
    put_le(&b, VERSION, 4);
    put_le(&b, w->clock_jumps ? CLOCK_JUMPS : 0, 4);
    put_le(&b, (uint64_t)w->time_base_num, 4);
    put_le(&b, (uint64_t)w->time_base_den, 4);
    put_le(&b, (uint64_t)w->n, 8);
    put_le(&b, (uint64_t)start_us, 8);
    buf_adds(&b, buf_str(&w->body));
    put_le(&b, crc32_of(buf_str(&b)), CRC_SIZE);
    if (!buf_ok(&w->body) || !buf_ok(&b))
        return err_set(e, ERR_LIMIT, "frame index of %lld frames is too large", (long long)w->n);
    if (fs_write_all(fd, b.p, b.n, e) < 0)
        return err_wrap(e, "write frame index");
    return 0;
}
