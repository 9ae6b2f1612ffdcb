#include "media/audio_peaks.h"

#include "base/json.h"
#include "media/outfile.h"

#define PEAKS_JSON_MAX                                                                             \
    ((size_t)2 << 20) /* AUDIO_PEAKS_MAX pairs at their longest, and the head   \
                                          */

struct pair {
    int16_t min, max;
};

struct audio_peaks {
    int sample_rate;
    int64_t stretch; /* samples a pair */
    int64_t n;
    int64_t in_current; /* samples of the pair being filled */
    float min, max;     /* of it */
    struct pair pairs[AUDIO_PEAKS_MAX];
};

struct audio_peaks *audio_peaks_new(int sample_rate)
{
    struct audio_peaks *p = XNEW(struct audio_peaks);
    p->sample_rate = sample_rate;
    p->stretch = MAX(sample_rate / AUDIO_PEAKS_A_SECOND, 1);
    return p;
}

void audio_peaks_free(struct audio_peaks *p)
{
    free(p);
}

static int16_t to_16(float v)
{
    v = v * 32767 + (v < 0 ? -0.5f : 0.5f);
    return (int16_t)CLAMP(v, -32768, 32767);
}

static void merge_neighbours(struct audio_peaks *p)
{
    for (int64_t i = 0; i < p->n / 2; i++) {
        struct pair a = p->pairs[2 * i], b = p->pairs[2 * i + 1];
        p->pairs[i] = (struct pair){MIN(a.min, b.min), MAX(a.max, b.max)};
    }
    p->n /= 2;
    p->stretch *= 2;
}

static void end_pair(struct audio_peaks *p)
{
    p->pairs[p->n++] = (struct pair){to_16(p->min), to_16(p->max)};
    p->in_current = 0;
    if (p->n == AUDIO_PEAKS_MAX) /* an even number: nothing is left over */
        merge_neighbours(p);
}

/* Eight accumulators, so that the comparison is not one long chain. NaN compares false both ways
 * and drops out. */
static void min_max(const float *s, int64_t n, float *min, float *max)
{
    float lo[8], hi[8];
    int64_t i = 0;
    for (int k = 0; k < 8; k++) {
        lo[k] = *min;
        hi[k] = *max;
    }
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) {
            lo[k] = s[i + k] < lo[k] ? s[i + k] : lo[k];
            hi[k] = s[i + k] > hi[k] ? s[i + k] : hi[k];
        }
    for (; i < n; i++) {
        lo[0] = s[i] < lo[0] ? s[i] : lo[0];
        hi[0] = s[i] > hi[0] ? s[i] : hi[0];
    }
    for (int k = 0; k < 8; k++) {
        *min = MIN(*min, lo[k]);
        *max = MAX(*max, hi[k]);
    }
}

void audio_peaks_add(struct audio_peaks *p, const float *samples, int n, int channels)
{
    while (n > 0) {
        int take = (int)MIN(n, p->stretch - p->in_current);
        if (p->in_current == 0) {
            /* of the first sample, if that is a number */
            p->min = p->max = samples[0] == samples[0] ? samples[0] : 0;
        }
        min_max(samples, (int64_t)take * channels, &p->min, &p->max);
        samples += (size_t)take * (size_t)channels;
        n -= take;
        p->in_current += take;
        if (p->in_current >= p->stretch)
            end_pair(p);
    }
}

int audio_peaks_write(struct audio_peaks *p, int fd, struct err *e)
{
    CLEANUP_BUF struct buf out = BUF_MAX(PEAKS_JSON_MAX);
    struct jsonw w = JSONW(&out);

    if (p->in_current > 0)
        end_pair(p);
    jw_obj(&w);
    jw_ki64(&w, "version", 2);
    jw_ki64(&w, "channels", 1);
    jw_ki64(&w, "sample_rate", p->sample_rate);
    jw_ki64(&w, "samples_per_pixel", p->stretch);
    jw_ki64(&w, "bits", 16);
    jw_ki64(&w, "length", p->n);
    jw_key(&w, "data");
    jw_arr(&w);
    for (int64_t i = 0; i < p->n; i++) {
        jw_i64(&w, p->pairs[i].min);
        jw_i64(&w, p->pairs[i].max);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    if (!buf_ok(&out))
        return err_set(e, ERR_LIMIT, "peaks longer than %zu bytes", PEAKS_JSON_MAX);
    if (outfile_write_at(fd, 0, out.p, out.n, e) < 0)
        return err_wrap(e, "write peaks");
    return 0;
}
