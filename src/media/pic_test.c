/* Pictures: sizes, turning, colours. What comes out of whole files is in test/media. */
#include <math.h>

#include "base/test.h"
#include "media/pic.h"
#include "media/pic_pixels.h"

/* ---- sizes --------------------------------------------------------------------------------- */

static void check_size(struct pic_size got, int w, int h)
{
    CHECK_EQ(got.w, w);
    CHECK_EQ(got.h, h);
}

TEST(sizes_keep_the_shape_and_never_grow)
{
    struct pic_look square = {.sample_aspect = {1, 1}}, wide = {.sample_aspect = {64, 45}},
                    turned = {.rotation = 90, .sample_aspect = {8, 9}},
                    odd = {.sample_aspect = {0, 1}};

    check_size(pic_display_size(1920, 1080, &square), 1920, 1080);
    check_size(pic_display_size(720, 576, &wide), 1024, 576);
    check_size(pic_display_size(720, 480, &turned), 480, 640);
    check_size(pic_display_size(720, 480, &odd), 720, 480);
    check_size(pic_display_size(1, 1, &(struct pic_look){.sample_aspect = {1, 1000000}}), 1, 1);

    struct pic_size hd = {1920, 1080};
    check_size(pic_even(pic_fit_short(hd, 480), hd), 854, 480);
    check_size(pic_fit_short((struct pic_size){320, 240}, 480), 320, 240);
    check_size(pic_fit_long(hd, 1280), 1280, 720);
    check_size(pic_fit_long((struct pic_size){1080, 1920}, 1280), 720, 1280);
    check_size(pic_fit_width(hd, 320), 320, 180);
    check_size(pic_fit_width((struct pic_size){4000, 40}, 320), 320, 3);
    check_size(pic_fit_width((struct pic_size){40000, 1}, 320), 320, 1);
    check_size(pic_fit_short((struct pic_size){40000, 10000}, 10000), 16384, 4096);
    check_size(pic_even((struct pic_size){321, 241}, (struct pic_size){321, 241}), 320, 240);
    check_size(pic_even((struct pic_size){1, 1}, (struct pic_size){1, 1}), 2, 2);
}

/* ---- turning ------------------------------------------------------------------------------- */

TEST(planes_are_turned_and_mirrored)
{
    /* a b c      d a     f e d     c f
     * d e f      e b     c b a     b e
     *            f c               a d   */
    static const char in[] = "abcdef";
    static const struct {
        int rotation;
        bool flip;
        const char *want;
    } cases[] = {{0, false, "abcdef"},   {90, false, "daebfc"}, {180, false, "fedcba"},
                 {270, false, "cfbead"}, {0, true, "cbafed"},   {90, true, "adbecf"},
                 {180, true, "defabc"},  {270, true, "fcebda"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool across = cases[i].rotation % 180 != 0;
        int w = across ? 2 : 3, h = across ? 3 : 2;
        char out[3 * 8];
        char got[7] = "";
        memset(out, '.', sizeof(out));
        pic_turn_plane((uint8_t *)out, 8, (const uint8_t *)in, 3, 3, 2, cases[i].rotation,
                       cases[i].flip);
        for (int y = 0; y < h; y++)
            memcpy(got + y * w, out + 8 * y, (size_t)w);
        CHECK_STR(got, cases[i].want);
        for (int y = 0; y < h; y++)
            CHECK_EQ(out[8 * y + w], '.');
    }
}

/* ---- colours ------------------------------------------------------------------------------- */

static void encode(const struct pic_matrix *m, const double rgb[3], double out[3])
{
    double y = m->kr * rgb[0] + (1 - m->kr - m->kb) * rgb[1] + m->kb * rgb[2];
    double cb = (rgb[2] - y) / (2 * (1 - m->kb)), cr = (rgb[0] - y) / (2 * (1 - m->kr));
    out[0] = m->full ? 255 * y : 16 + 219 * y;
    out[1] = 128 + (m->full ? 255 : 224) * cb;
    out[2] = 128 + (m->full ? 255 : 224) * cr;
}

TEST(colours_stay_what_they_are_in_every_matrix)
{
    static const struct pic_matrix all[] = {{0.2126, 0.0722, false}, {0.2126, 0.0722, true},
                                            {0.299, 0.114, false},   {0.299, 0.114, true},
                                            {0.2627, 0.0593, false}, {0.212, 0.087, true}};
    for (size_t a = 0; a < ARRAY_LEN(all); a++)
        for (size_t b = 0; b < ARRAY_LEN(all); b++)
            for (int n = 0; n < 6 * 6 * 6; n++) {
                double rgb[3] = {n % 6 / 5.0, n / 6 % 6 / 5.0, n / 36 / 5.0}, from[3], want[3];
                uint8_t y[15], cb[6], cr[6]; /* 5 x 3: odd both ways */
                uint8_t *const planes[3] = {y, cb, cr};
                const int strides[3] = {5, 3, 3};
                struct pic_recolour r;
                encode(&all[a], rgb, from);
                encode(&all[b], rgb, want);
                memset(y, (int)lround(MIN(from[0], 255)), sizeof(y));
                memset(cb, (int)lround(MIN(from[1], 255)), sizeof(cb));
                memset(cr, (int)lround(MIN(from[2], 255)), sizeof(cr));
                pic_recolour_init(&r, &all[a], &all[b]);
                pic_recolour(&r, planes, strides, 5, 3);
                for (size_t i = 0; i < sizeof(y); i++) /* what went in was rounded, too */
                    CHECK_NEAR(y[i], MIN(want[0], 255), 1.3);
                for (size_t i = 0; i < sizeof(cb); i++) {
                    CHECK_NEAR(cb[i], MIN(want[1], 255), 1.3);
                    CHECK_NEAR(cr[i], MIN(want[2], 255), 1.3);
                }
            }
}

TEST(grey_stays_exactly_grey)
{
    static const struct pic_matrix from = {0.2126, 0.0722, false}, to = {0.299, 0.114, true};
    struct pic_recolour r;
    pic_recolour_init(&r, &from, &to);
    for (int v = 16; v <= 235; v++) {
        uint8_t y = (uint8_t)v, cb = 128, cr = 128;
        uint8_t *const planes[3] = {&y, &cb, &cr};
        const int strides[3] = {1, 1, 1};
        pic_recolour(&r, planes, strides, 1, 1);
        CHECK_EQ(cb, 128);
        CHECK_EQ(cr, 128);
        CHECK_EQ(y, (int)lround((v - 16) * 255.0 / 219));
    }
}

/* ---- makers -------------------------------------------------------------------------------- */

static AVFrame *grey(int w, int h, enum AVPixelFormat format, int value)
{
    AVFrame *f = av_frame_alloc();
    CHECK(f != NULL);
    f->width = w;
    f->height = h;
    f->format = format;
    CHECK(av_frame_get_buffer(f, 0) >= 0);
    for (int p = 0; p < 4 && f->buf[p]; p++)
        memset(f->data[p], p ? 128 : value, (size_t)f->linesize[p] * (size_t)(p ? (h + 1) / 2 : h));
    return f;
}

TEST(a_maker_follows_its_source)
{
    struct err e = {0};
    CHECK_OK(lav_load(&e));
    CLEANUP(pic_maker_free)
    struct pic_maker *m = pic_maker_new(NULL, (struct pic_size){64, 36}, PIC_BT601);
    static const struct {
        int w, h;
        enum AVPixelFormat format;
        bool bars; /* at the sides */
    } sources[] = {{128, 72, AV_PIX_FMT_YUV420P, false},
                   {40, 40, AV_PIX_FMT_YUV420P, true},
                   {128, 72, AV_PIX_FMT_YUV420P, false},
                   {127, 71, AV_PIX_FMT_GRAY8, false},
                   {1, 1, AV_PIX_FMT_YUV420P, true}};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        AVFrame *in = grey(sources[i].w, sources[i].h, sources[i].format, 200), *pic = NULL;
        CHECK_OK(pic_make(m, in, &pic, &e));
        CHECK_EQ(pic->width, 64);
        CHECK_EQ(pic->height, 36);
        CHECK_EQ(pic->format, AV_PIX_FMT_YUV420P);
        CHECK_EQ(pic->color_range, AVCOL_RANGE_MPEG);
        int middle = pic->data[0][18 * pic->linesize[0] + 32],
            side = pic->data[0][18 * pic->linesize[0] + 1];
        int want =
            sources[i].format == AV_PIX_FMT_GRAY8 ? 188 : 200; /* grey formats are full range */
        CHECK_NEAR(middle, want, 1);
        CHECK_NEAR(side, sources[i].bars ? 16 : want, 1);
        av_frame_free(&pic);
        av_frame_free(&in);
    }
}

TEST(a_jpeg_is_a_jpeg)
{
    struct err e = {0};
    CHECK_OK(lav_load(&e));
    CLEANUP(pic_jpeg_free) struct pic_jpeg *j = pic_jpeg_new(85);
    static const int sizes[][2] = {{64, 36}, {1, 1}, {17, 3}, {640, 360}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        AVFrame *f = grey(sizes[i][0], sizes[i][1], AV_PIX_FMT_YUV420P, 90);
        struct str bytes;
        CHECK_OK(pic_jpeg_encode(j, f, &bytes, &e));
        CHECK(bytes.n > 100);
        CHECK(memcmp(bytes.p, "\xff\xd8\xff\xe0", 4) == 0);
        CHECK(memcmp(bytes.p + 6, "JFIF", 5) == 0);
        CHECK(memcmp(bytes.p + bytes.n - 2, "\xff\xd9", 2) == 0);
        av_frame_free(&f);
    }
    CHECK_ERR(pic_jpeg_planes(j, (const uint8_t *const[3]){NULL}, (const int[3]){0},
                              (struct pic_size){70000, 4}, &(struct str){0}, &e),
              ERR_LIMIT);
}

TEST_MAIN
