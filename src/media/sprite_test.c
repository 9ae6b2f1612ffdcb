/* Tiles: when one is made, how their number stays bounded, and what the cues say. */
#include <unistd.h>

#include "base/fs.h"
#include "base/test.h"
#include "media/sprite.h"

struct made {
    struct outpack pack;
    int vtt_fd;
    char *vtt;
    int cues;
    int64_t starts_ms[SPRITE_TILES_MAX + 1];
};

static void made_finish(struct made *m)
{
    fd_close(m->pack.fd);
    fd_close(m->vtt_fd);
    outpack_finish(&m->pack);
    free(m->vtt);
}

static AVFrame *picture(struct pic_size size)
{
    AVFrame *f = av_frame_alloc();
    CHECK(f != NULL);
    f->width = size.w;
    f->height = size.h;
    f->format = AV_PIX_FMT_YUV420P;
    CHECK(av_frame_get_buffer(f, 0) >= 0);
    for (int p = 0; p < 3; p++)
        memset(f->data[p], 128, (size_t)f->linesize[p] * (size_t)(p ? (size.h + 1) / 2 : size.h));
    return f;
}

/* Pictures every step_us until end_us. */
static struct made run(struct sprite_opts opts, int64_t step_us, int64_t end_us)
{
    const struct sprite_opts *o = &opts;
    struct err e = {0};
    struct made m = {.vtt_fd = -1};
    CLEANUP_BUF struct buf vtt = BUF_MAX((size_t)4 << 20);

    CHECK_OK(lav_load(&e));
    CHECK_OK(fs_tmpfile(test_dir(), &m.pack.fd, &e));
    CHECK_OK(fs_tmpfile(test_dir(), &m.vtt_fd, &e));
    CLEANUP(sprites_free) struct sprites *s = sprites_new(o);
    AVFrame *pic = picture(o->picture);
    for (int64_t us = 0; us < end_us; us += step_us)
        CHECK_OK(sprites_offer(s, pic, us, &e));
    av_frame_free(&pic);
    CHECK_OK(sprites_finish(s, end_us, &m.pack, m.vtt_fd, &e));
    CHECK_OK(fs_read_fd(m.vtt_fd, vtt.max, &vtt, &e));
    m.vtt = buf_steal(&vtt);
    for (const char *at = m.vtt; (at = strstr(at, " --> ")); at++, m.cues++) {
        int64_t h = 0, mi = 0, s2 = 0, ms = 0;
        CHECK(m.cues < SPRITE_TILES_MAX);
        CHECK(str_to_i64((struct str){at - 12, 2}, &h) &&
              str_to_i64((struct str){at - 9, 2}, &mi) &&
              str_to_i64((struct str){at - 6, 2}, &s2) && str_to_i64((struct str){at - 3, 3}, &ms));
        m.starts_ms[m.cues] = ((h * 60 + mi) * 60 + s2) * 1000 + ms;
    }
    return m;
}

static const struct pic_size hd = {854, 480};
/* The usual ones but for what a test is about. */
static struct sprite_opts usual(int64_t duration_us)
{
    return (struct sprite_opts){.picture = hd,
                                .width = 160,
                                .tiles_a_sheet = 100,
                                .interval_us = 2000000,
                                .duration_us = duration_us};
}

TEST(a_tile_every_interval)
{
    struct made m = run(usual(60000000), 100000, 60000000);
    CHECK_EQ(m.cues, 30);
    for (int i = 0; i < 30; i++)
        CHECK_EQ(m.starts_ms[i], i * 2000);
    CHECK_EQ(m.pack.pictures.n, 1);
    CHECK_EQ(m.pack.pictures.width, 1600);
    CHECK_EQ(m.pack.pictures.height, 270);
    CHECK_EQ(m.pack.pictures.p[0].frame, -1);
    CHECK_EQ(m.pack.pictures.p[0].size, m.pack.bytes);
    CHECK(strstr(m.vtt, "\n00:00:58.000 --> 00:01:00.000\nsprite-001.jpg#xywh=1440,180,160,90\n") !=
          NULL);
    made_finish(&m);
}

TEST(a_long_film_gets_a_longer_interval)
{
    struct made m = run(usual(7200LL * 1000000), 1000000, 7200LL * 1000000);
    CHECK(m.cues > 800 && m.cues <= SPRITE_TILES_MAX);
    CHECK(m.pack.pictures.n <= 10);
    int64_t step = m.starts_ms[1] - m.starts_ms[0];
    for (int i = 1; i < m.cues; i++)
        CHECK_NEAR((double)(m.starts_ms[i] - m.starts_ms[i - 1]), (double)step, 1001);
    made_finish(&m);
}

TEST(a_film_that_is_longer_than_it_said_is_thinned_out)
{
    static const int64_t said[] = {0, 10000000, 3000LL * 1000000};
    for (size_t k = 0; k < ARRAY_LEN(said); k++) {
        struct made m = run(usual(said[k]), 1000000, 20000LL * 1000000);
        CHECK(m.cues > 300 && m.cues <= SPRITE_TILES_MAX);
        CHECK_EQ(m.starts_ms[0], 0);
        for (int i = 2; i < m.cues - 1; i++) /* even, whatever was dropped on the way */
            CHECK_NEAR((double)(m.starts_ms[i] - m.starts_ms[i - 1]),
                       (double)(m.starts_ms[1] - m.starts_ms[0]), 1001);
        CHECK(20000000 - m.starts_ms[m.cues - 1] <= 2 * (m.starts_ms[1] - m.starts_ms[0]));
        made_finish(&m);
    }
}

TEST(wide_tiles_are_fewer)
{
    struct sprite_opts o = usual(0);
    o.width = 640;
    struct made m = run(o, 1000000, 4000LL * 1000000);
    CHECK(m.cues >= 40);
    CHECK(m.cues <= (int)(SPRITE_BYTES_MAX / (640 * 360 * 3 / 2)));
    made_finish(&m);
}

TEST(towers_and_strips_fit_into_a_jpeg)
{
    struct sprite_opts o = usual(0);
    o.picture = (struct pic_size){40, 4000};
    o.tiles_a_sheet = 400;
    o.interval_us = 1000;
    struct made m = run(o, 1000, 450000);
    CHECK(m.cues >= 400);
    CHECK(m.pack.pictures.height <= 65500);
    made_finish(&m);
    o = usual(0);
    o.picture = (struct pic_size){4000, 40};
    m = run(o, 1000000, 10000000);
    CHECK_EQ(m.pack.pictures.height, 2);
    made_finish(&m);
    o.picture = (struct pic_size){2, 2};
    m = run(o, 1000000, 10000000);
    CHECK_EQ(m.pack.pictures.width, 10);
    made_finish(&m);
}

TEST(one_picture_has_one_cue)
{
    struct made m = run(usual(0), 1000000, 33333);
    CHECK_EQ(m.cues, 1);
    CHECK(strstr(m.vtt, "00:00:00.000 --> 00:00:00.033\n") != NULL);
    made_finish(&m);
}

TEST_MAIN
