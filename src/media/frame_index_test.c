/* The frame index: what is written is read, and doubtful bytes are refused. */
#include "media/frame_index.h"

#include "base/fs.h"
#include "base/test.h"

static int index_file(const struct frame_entry *frames, int n, int64_t start_us, bool jumps)
{
    CLEANUP(frame_index_writer_free)
    struct frame_index_writer *w = frame_index_writer_new(1, 90000);
    struct err e = {0};
    int fd = -1;

    for (int i = 0; i < n; i++)
        frame_index_writer_add(w, frames[i].pts, frames[i].duration, frames[i].key);
    if (jumps)
        frame_index_writer_clock_jumps(w);
    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    CHECK_OK(frame_index_writer_finish(w, start_us, fd, &e));
    return fd;
}

static const struct frame_entry three[] = {{-3003, 3003, true}, {0, 1, false}, {1, 9000, true}};

static void read_three(struct buf *out)
{
    CLEANUP_CLOSE int fd = index_file(three, 3, 21000, false);
    struct err e = {0};

    CHECK_OK(fs_read_fd(fd, 4096, out, &e));
}

TEST(frame_index_comes_back_as_it_was)
{
    CLEANUP_CLOSE int fd = index_file(three, 3, 21000, true);
    CLEANUP(frame_index_free) struct frame_index *x = NULL;
    struct err e = {0};

    CHECK_OK(frame_index_read_fd(fd, 3, &x, &e));
    CHECK_EQ(x->n, 3);
    CHECK_EQ(x->start_us, 21000);
    CHECK(x->clock_jumps);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(x->frames[i].pts, three[i].pts);
        CHECK_EQ(x->frames[i].duration, three[i].duration);
        CHECK_EQ(x->frames[i].key, three[i].key);
    }
}

TEST(frame_index_times_are_on_the_files_clock_and_rounded_down)
{
    CLEANUP_CLOSE int fd = index_file(three, 3, 21000, false);
    CLEANUP(frame_index_free) struct frame_index *x = NULL;
    struct err e = {0};

    CHECK_OK(frame_index_read_fd(fd, 0, &x, &e));
    CHECK(!x->clock_jumps);
    CHECK_EQ(frame_index_us(x, 0), 21000);
    CHECK_EQ(frame_index_us(x, 1), 21000 + 33366); /* 33366.67 */
    CHECK_EQ(frame_index_us(x, 2), 21000 + 33377); /* 33377.78 */
    CHECK_EQ(frame_index_us(x, 3), 21000 + 133377);
    CHECK_EQ(frame_index_at(x, -5), 0);
    CHECK_EQ(frame_index_at(x, 21000 + 33365), 0);
    CHECK_EQ(frame_index_at(x, 21000 + 33366), 1);
    CHECK_EQ(frame_index_at(x, 21000 + 33377), 2);
    CHECK_EQ(frame_index_at(x, INT64_MAX), 2);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(frame_index_at(x, frame_index_us(x, i)), i);
}

TEST(frame_index_without_frames)
{
    CLEANUP_CLOSE int fd = index_file(NULL, 0, 0, false);
    CLEANUP(frame_index_free) struct frame_index *x = NULL;
    struct err e = {0};

    CHECK_OK(frame_index_read_fd(fd, 0, &x, &e));
    CHECK_EQ(x->n, 0);
    CHECK_EQ(frame_index_at(x, 0), -1);
    CHECK_EQ(frame_index_us(x, 0), 0);
}

TEST(frame_index_every_changed_byte_is_noticed)
{
    CLEANUP_BUF struct buf b = {0};
    struct err e = {0};

    read_three(&b);
    for (size_t i = 0; i < b.n; i++) {
        CLEANUP(frame_index_free) struct frame_index *x = NULL;
        b.p[i] ^= 0x10;
        CHECK_ERR(frame_index_parse(buf_str(&b), 0, &x, &e), ERR_INPUT);
        b.p[i] ^= 0x10;
    }
}

TEST(frame_index_cut_short_anywhere_is_refused)
{
    CLEANUP_BUF struct buf b = {0};
    struct err e = {0};

    read_three(&b);
    for (size_t n = 0; n < b.n; n++) {
        CLEANUP(frame_index_free) struct frame_index *x = NULL;
        CHECK_ERR(frame_index_parse((struct str){b.p, n}, 0, &x, &e), ERR_INPUT);
    }
}

TEST(frame_index_has_the_limit_of_frames)
{
    CLEANUP_CLOSE int fd = index_file(three, 3, 0, false);
    CLEANUP(frame_index_free) struct frame_index *x = NULL;
    struct err e = {0};

    CHECK_ERR(frame_index_read_fd(fd, 2, &x, &e), ERR_LIMIT);
}

/* A right checksum over wrong content: what someone writes who knows the format. */
static void put_le(char *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (char)(v >> (8 * i));
}

static uint32_t crc_of(const char *p, size_t n)
{
    uint32_t c = 0xffffffffu;

    for (size_t i = 0; i < n; i++) {
        c ^= (uint8_t)p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    }
    return ~c;
}

TEST(frame_index_with_right_checksum_and_wrong_content_is_refused)
{
    static const struct {
        int at, bytes;
        uint64_t value;
    } wrong[] = {
        {8, 4, 2},                  /* version */
        {12, 4, 2},                 /* unknown flag */
        {16, 4, 0},                 /* time base 0/90000 */
        {20, 4, 0},                 /* time base 1/0 */
        {20, 4, 0x80000000u},       /* not an int */
        {24, 8, 4},                 /* more frames than there are */
        {24, 8, 2},                 /* fewer */
        {24, 8, (uint64_t)1 << 60}, /* absurd */
        {32, 8, (uint64_t)-1},      /* start before the start */
        {32, 8, (uint64_t)INT64_MAX},
    };
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CLEANUP(frame_index_free) struct frame_index *x = NULL;
        CLEANUP_BUF struct buf b = {0};
        read_three(&b);
        put_le(b.p + wrong[i].at, wrong[i].value, wrong[i].bytes);
        put_le(b.p + b.n - 4, crc_of(b.p, b.n - 4), 4);
        CHECK_ERR(frame_index_parse(buf_str(&b), 0, &x, &e), ERR_INPUT);
    }
}

TEST_MAIN
