#include "clip.h"

#include <stdarg.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/test.h"

/*
 * A number is 16 bits, drawn in the upper half of the picture, and the same bits inverted in the lower half: a picture
 * in which the two disagree is no number.
 */
#define COLUMNS 8
#define ROWS    4
#define BLACK   24
#define WHITE   220

static bool bit_of(int number, int cell)
{
    int bit = cell % 16;
    bool inverted = cell >= 16;

    return ((number >> bit) & 1) != inverted;
}

static void draw(uint8_t *luma, int number)
{
    const int w = CLIP_WIDTH / COLUMNS, h = CLIP_HEIGHT / ROWS;

    for (int y = 0; y < CLIP_HEIGHT; y++)
        for (int x = 0; x < CLIP_WIDTH; x++)
            luma[y * CLIP_WIDTH + x] = bit_of(number, y / h * COLUMNS + x / w) ? WHITE : BLACK;
}

/* The mean of the middle of a cell, where ringing of its edges does not reach. */
static int mean(const uint8_t *luma, int stride, int x0, int y0, int w, int h)
{
    int64_t sum = 0;
    int n = 0;

    for (int y = y0 + h / 4; y < y0 + h - h / 4; y++)
        for (int x = x0 + w / 4; x < x0 + w - w / 4; x++, n++)
            sum += luma[(ptrdiff_t)y * stride + x];
    return n ? (int)(sum / n) : 0;
}

int clip_number(const uint8_t *luma, int stride, int width, int height)
{
    const int w = width / COLUMNS, h = height / ROWS;
    int number = 0;

    if (w < 4 || h < 4)
        return -1;
    for (int cell = 0; cell < COLUMNS * ROWS; cell++) {
        int m = mean(luma, stride, cell % COLUMNS * w, cell / COLUMNS * h, w, h);
        bool white = m > (BLACK + WHITE) / 2;
        if (m > BLACK + 60 && m < WHITE - 60)
            return -1; /* neither: two pictures mixed, or grey of concealment */
        if (cell < 16)
            number |= white << cell;
        else if (white == ((number >> (cell - 16)) & 1))
            return -1;
    }
    return number;
}

void clip_write_raw(const char *path, int first, int n)
{
    const size_t luma = (size_t)CLIP_WIDTH * CLIP_HEIGHT;
    CLEANUP_FREE uint8_t *frame = xmalloc(luma * 3 / 2);
    FILE *f = fopen(path, "wb");

    CHECK(f != NULL);
    memset(frame + luma, 128, luma / 2);
    for (int i = 0; i < n; i++) {
        draw(frame, first + i);
        CHECK_EQ(fwrite(frame, luma * 3 / 2, 1, f), 1);
    }
    CHECK_EQ(fclose(f), 0);
}

/* Noise, a little smoothed so that coders keep its shape. */
int16_t clip_sample(int64_t at)
{
    int sum = 0;

    for (int64_t i = at / 3; i < at / 3 + 2; i++) {
        uint64_t z = ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z ^= z >> 27;
        sum += (int)(z % 16000) - 8000;
    }
    return (int16_t)(sum / 2);
}

void clip_write_sound(const char *path, int64_t samples)
{
    FILE *f = fopen(path, "wb");

    CHECK(f != NULL);
    for (int64_t i = 0; i < samples; i++) {
        uint16_t v = (uint16_t)clip_sample(i);
        uint8_t le[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
        CHECK_EQ(fwrite(le, 2, 1, f), 1);
    }
    CHECK_EQ(fclose(f), 0);
}

void clip_run(const char *fmt, ...)
{
    char command[4096];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    CHECK(n > 0 && (size_t)n < sizeof(command));
    int r = system(command);
    if (r != 0)
        fail_msg("status %d of: %s", r, command);
}

char *clip_output(const char *fmt, ...)
{
    char command[4096];
    CLEANUP_FREE char *file = fs_join(test_dir(), "output");
    CLEANUP_BUF struct buf out = BUF_MAX((size_t)256 << 20);
    struct err e = {0};
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    CHECK(n > 0 && (size_t)n < sizeof(command));
    clip_run("%s > %s", command, file);
    CHECK_OK(fs_read_file(file, out.max, &out, &e));
    buf_addz(&out, ""); /* a file without a byte is an empty text */
    return buf_steal(&out);
}

bool clip_can(const char *encoder)
{
    char command[256];

    if (system("ffmpeg -version > /dev/null 2>&1") != 0)
        return false;
    snprintf(command, sizeof(command), "ffmpeg -v quiet -encoders | grep -q -w '%s'", encoder);
    return !*encoder || system(command) == 0;
}
