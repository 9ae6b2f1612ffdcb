/*
 * Each kernel is one always-inlined body and two callers, the second compiled for AVX2. The bodies
 * use whole numbers and single divisions of floats, never a product and a sum that could be fused,
 * so both give the same bits.
 */
#include "vision/sample_kernels.h"

#include <string.h>

#define BODY static inline __attribute__((always_inline)) void

static inline __attribute__((always_inline)) int16_t clip8(int v)
{
    return (int16_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static inline __attribute__((always_inline)) int16_t upper(int16_t a, int16_t b)
{
    return (int16_t)((a * b) >> 16);
}

static inline __attribute__((always_inline)) int larger(int a, int b)
{
    return a > b ? a : b;
}

static inline __attribute__((always_inline)) int smaller(int a, int b)
{
    return a < b ? a : b;
}

BODY scale_one(const uint16_t *restrict in, const struct sample_form *form, int16_t *restrict out,
               int n)
{
    int left = form->left, right = form->right, ceiling = form->ceiling;
    for (int i = 0; i < n; i++)
        out[i] = (int16_t)smaller((in[i] << left) >> right, ceiling);
}

BODY scale_body(const uint16_t *lo, const uint16_t *hi, const struct sample_form *form, int16_t *a,
                int16_t *b, int n)
{
    scale_one(lo, form, a, n);
    scale_one(hi, form, b, n);
}

BODY blend_one(int16_t *restrict a, const int16_t *restrict other, int n)
{
    for (int i = 0; i < n; i++)
        a[i] = (int16_t)((3 * a[i] + other[i] + 2) >> 2);
}

BODY blend_body(int16_t *a, int16_t *b, const int16_t *other_a, const int16_t *other_b, int n)
{
    blend_one(a, other_a, n);
    blend_one(b, other_b, n);
}

BODY split_body(const uint16_t *restrict both, const int16_t *restrict lo_second,
                const int16_t *restrict hi_second, int shift, int16_t *restrict a,
                int16_t *restrict b, int n)
{
    for (int i = 0; i < n; i++) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        uint16_t first = both[i] & 0xff, second = both[i] >> 8;
#else
        uint16_t first = both[i] >> 8, second = both[i] & 0xff;
#endif
        uint16_t differ = first ^ second;
        a[i] = (int16_t)((first ^ (differ & lo_second[i])) << shift);
        b[i] = (int16_t)((first ^ (differ & hi_second[i])) << shift);
    }
}

BODY interpolate(const int16_t *restrict a, const int16_t *restrict b, const int16_t *restrict w0,
                 const int16_t *restrict w1, int16_t *restrict out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (int16_t)((a[i] * w0[i] + b[i] * w1[i]) >> 4);
}

BODY to_rgb(const int16_t *restrict y, const int16_t *restrict u, const int16_t *restrict v,
            const struct sample_matrix *restrict m, int16_t *restrict r, int16_t *restrict g,
            int16_t *restrict b, int n)
{
    for (int i = 0; i < n; i++) {
        int16_t uc = (int16_t)(u[i] - 1024), vc = (int16_t)(v[i] - 1024);
        int16_t yc = upper((int16_t)(y[i] - m->y_offset), m->y);
        r[i] = clip8((int16_t)(yc + upper(vc, m->v_r)));
        g[i] = clip8((int16_t)(yc + (int16_t)(upper(uc, m->u_g) + upper(vc, m->v_g))));
        b[i] = clip8((int16_t)(yc + upper(uc, m->u_b)));
    }
}

BODY yuv_across_body(const struct sample_pairs *p, const struct sample_matrix *m, const int16_t *w0,
                     const int16_t *w1, struct sample_across *ret, int n)
{
    int16_t left[3][SAMPLE_SIDE] ROW_ALIGNED, right[3][SAMPLE_SIDE] ROW_ALIGNED;

    to_rgb(p->a[0], p->a[1], p->a[2], m, left[0], left[1], left[2], n);
    to_rgb(p->b[0], p->b[1], p->b[2], m, right[0], right[1], right[2], n);
    for (int c = 0; c < 3; c++)
        interpolate(left[c], right[c], w0, w1, ret->c[c], n);
}

BODY rgb_across_body(const struct sample_pairs *p, const int16_t *w0, const int16_t *w1,
                     struct sample_across *ret, int n)
{
    for (int c = 0; c < 3; c++)
        interpolate(p->a[c], p->b[c], w0, w1, ret->c[c], n);
}

BODY down_body(const struct sample_across *above, const struct sample_across *below, int w0, int w1,
               struct sample_rgb *ret, int n)
{
    int16_t v0 = (int16_t)w0, v1 = (int16_t)w1;
    for (int c = 0; c < 3; c++) {
        const int16_t *restrict a = above->c[c], *restrict b = below->c[c];
        uint8_t *restrict out = ret->c[c];
        for (int i = 0; i < n; i++)
            out[i] = (uint8_t)((int16_t)(upper(a[i], v0) + upper(b[i], v1) + 2) >> 2);
    }
}

/*
 * 8-bit HSV as OpenCV has it: hue in 0..179, saturation and value in 0..255; quotients through
 * tables of 1/4096, which a division and a rounding reproduce exactly (a test goes through all of
 * them).
 */
BODY hsv_body(const struct sample_rgb *rgb, uint8_t *restrict hue, uint8_t *restrict sat,
              uint8_t *restrict val, int n)
{
    const uint8_t *restrict red = rgb->c[0], *restrict green = rgb->c[1],
                            *restrict blue = rgb->c[2];
    for (int i = 0; i < n; i++) {
        int r = red[i], g = green[i], b = blue[i];
        int most = larger(larger(r, g), b), span = most - smaller(smaller(r, g), b);
        /* at black and grey the factor is multiplied by 0, so any divisor but 0 will do */
        int per_val = (int)(1044480.0f / (float)larger(most, 1) + 0.5f);
        int per_span = (int)(122880.0f / (float)larger(span, 1) + 0.5f);
        /* masks, not branches: those would keep the loop from being vectorised */
        int is_r = -(most == r), is_g = -(most == g) & ~is_r, is_b = ~(is_r | is_g);
        int h = ((g - b) & is_r) | ((b - r + 2 * span) & is_g) | ((r - g + 4 * span) & is_b);
        h = (h * per_span + 2048) >> 12;
        hue[i] = (uint8_t)(h + (180 & (h >> 31)));
        sat[i] = (uint8_t)((span * per_val + 2048) >> 12);
        val[i] = (uint8_t)most;
    }
}

BODY hsv_diff_body(const struct sample_rgb *rgb, uint8_t *const hsv[3], uint32_t sums[3], int n)
{
    uint8_t now[3][SAMPLE_SIDE] ROW_ALIGNED;

    hsv_body(rgb, now[0], now[1], now[2], n);
    for (int c = 0; c < 3; c++) {
        uint8_t *restrict before = hsv[c];
        int sum = 0;
        for (int i = 0; i < n; i++) {
            int d = now[c][i] - before[i];
            sum += d < 0 ? -d : d;
        }
        memcpy(before, now[c], (size_t)n);
        sums[c] += (uint32_t)sum;
    }
}

BODY band_add_body(const struct sample_rgb *rgb, uint16_t band[3][SAMPLE_SIDE], int n)
{
    for (int c = 0; c < 3; c++) {
        const uint8_t *restrict row = rgb->c[c];
        uint16_t *restrict sum = band[c];
        for (int i = 0; i < n; i++)
            sum[i] = (uint16_t)(sum[i] + row[i]);
    }
}

#define KERNELS(suffix, attribute)                                                                 \
    attribute static void scale_##suffix(const uint16_t *lo, const uint16_t *hi,                   \
                                         const struct sample_form *form, int16_t *a, int16_t *b,   \
                                         int n)                                                    \
    {                                                                                              \
        scale_body(lo, hi, form, a, b, n & ~31);                                                   \
    }                                                                                              \
    attribute static void blend_##suffix(int16_t *a, int16_t *b, const int16_t *other_a,           \
                                         const int16_t *other_b, int n)                            \
    {                                                                                              \
        blend_body(a, b, other_a, other_b, n & ~31);                                               \
    }                                                                                              \
    attribute static void split_##suffix(const uint16_t *both, const int16_t *lo_second,           \
                                         const int16_t *hi_second, int shift, int16_t *a,          \
                                         int16_t *b, int n)                                        \
    {                                                                                              \
        split_body(both, lo_second, hi_second, shift, a, b, n & ~31);                              \
    }                                                                                              \
    attribute static void yuv_across_##suffix(const struct sample_pairs *p,                        \
                                              const struct sample_matrix *m, const int16_t *w0,    \
                                              const int16_t *w1, struct sample_across *ret, int n) \
    {                                                                                              \
        yuv_across_body(p, m, w0, w1, ret, n & ~31);                                               \
    }                                                                                              \
    attribute static void rgb_across_##suffix(const struct sample_pairs *p, const int16_t *w0,     \
                                              const int16_t *w1, struct sample_across *ret, int n) \
    {                                                                                              \
        rgb_across_body(p, w0, w1, ret, n & ~31);                                                  \
    }                                                                                              \
    attribute static void down_##suffix(const struct sample_across *above,                         \
                                        const struct sample_across *below, int w0, int w1,         \
                                        struct sample_rgb *ret, int n)                             \
    {                                                                                              \
        down_body(above, below, w0, w1, ret, n & ~31);                                             \
    }                                                                                              \
    attribute static void hsv_diff_##suffix(const struct sample_rgb *rgb, uint8_t *const hsv[3],   \
                                            uint32_t sums[3], int n)                               \
    {                                                                                              \
        hsv_diff_body(rgb, hsv, sums, n & ~31);                                                    \
    }                                                                                              \
    attribute static void band_add_##suffix(const struct sample_rgb *rgb,                          \
                                            uint16_t band[3][SAMPLE_SIDE], int n)                  \
    {                                                                                              \
        band_add_body(rgb, band, n & ~31);                                                         \
    }

#define TABLE(suffix)                                                                              \
    {                                                                                              \
        scale_##suffix, blend_##suffix, split_##suffix, yuv_across_##suffix, rgb_across_##suffix,  \
            down_##suffix, hsv_diff_##suffix, band_add_##suffix                                    \
    }

KERNELS(plain, )
const struct sample_kernels sample_kernels_plain = TABLE(plain);

#if defined(__x86_64__) && defined(__GNUC__)
KERNELS(avx2, __attribute__((target("avx2"))))
static const struct sample_kernels sample_kernels_avx2 = TABLE(avx2);
#endif

const struct sample_kernels *sample_kernels_best(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx2"))
        return &sample_kernels_avx2;
#endif
    return &sample_kernels_plain;
}
