/* Sound: holes, overlaps, changes on the way, peaks, and the text of a line. */
#include <math.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/test.h"
#include "media/audio.h"
#include "media/audio_loud.h"
#include "media/audio_peaks.h"
#include "media/audio_wav.h"

/* ---- peaks --------------------------------------------------------------------------------- */

static json_t *peaks_of(struct audio_peaks *p)
{
    CLEANUP_BUF struct buf text = BUF_MAX((size_t)8 << 20);
    CLEANUP_CLOSE int fd = -1;
    struct err e = {0};
    json_t *obj = NULL;

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    CHECK_OK(audio_peaks_write(p, fd, &e));
    CHECK_OK(fs_read_fd(fd, text.max, &text, &e));
    CHECK_OK(json_read(buf_str(&text), &obj, &e));
    return obj;
}

static int64_t number(const json_t *obj, const char *key)
{
    int64_t v = -1;
    CHECK(json_get_i64(obj, key, &v));
    return v;
}

static int64_t peak(const json_t *obj, size_t i)
{
    return json_integer_value(json_array_get(json_object_get(obj, "data"), i));
}

TEST(peaks_hold_least_and_largest_of_all_channels)
{
    CLEANUP(audio_peaks_free) struct audio_peaks *p = audio_peaks_new(1000); /* 50 samples a pair */
    float samples[120 * 2] = {0};
    samples[2 * 10] = 0.5f;
    samples[2 * 20 + 1] = -0.25f;
    samples[2 * 49 + 1] = 1.5f; /* beyond full scale */
    samples[2 * 60] = NAN;
    samples[2 * 110] = -1.0f;
    audio_peaks_add(p, samples, 7, 2); /* in pieces of any length */
    audio_peaks_add(p, samples + 14, 113, 2);
    CLEANUP_JSON json_t *obj = peaks_of(p);
    CHECK_EQ(number(obj, "version"), 2);
    CHECK_EQ(number(obj, "samples_per_pixel"), 50);
    CHECK_EQ(number(obj, "length"), 3);
    static const int want[] = {-8192, 32767, 0, 0, -32767, 0};
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        CHECK_NEAR((double)peak(obj, i), want[i], 1);
}

TEST(peaks_of_a_long_film_stay_bounded)
{
    CLEANUP(audio_peaks_free) struct audio_peaks *p = audio_peaks_new(100); /* 5 samples a pair */
    static float block[5000];
    int64_t total = 0;
    for (int i = 0; i < 5000; i++)
        block[i] = i % 2 ? 0.25f : -0.5f;
    while (total < 5LL * AUDIO_PEAKS_MAX * 5) {
        audio_peaks_add(p, block, 5000, 1);
        total += 5000;
    }
    CLEANUP_JSON json_t *obj = peaks_of(p);
    CHECK(number(obj, "length") < AUDIO_PEAKS_MAX);
    CHECK_EQ(number(obj, "samples_per_pixel"), 40);
    CHECK_EQ(number(obj, "length"), (total + 39) / 40);
    for (size_t i = 0; i + 1 < (size_t)number(obj, "length"); i++) {
        CHECK_NEAR((double)peak(obj, 2 * i), -16384, 2);
        CHECK_NEAR((double)peak(obj, 2 * i + 1), 8192, 2);
    }
}

TEST(no_sound_at_all_has_no_peaks)
{
    CLEANUP(audio_peaks_free) struct audio_peaks *p = audio_peaks_new(48000);
    CLEANUP_JSON json_t *obj = peaks_of(p);
    CHECK_EQ(number(obj, "length"), 0);
}

/* ---- WAV ----------------------------------------------------------------------------------- */

TEST(wav_says_how_long_it_is)
{
    struct err e = {0};
    CLEANUP_CLOSE int fd = -1;
    static int16_t samples[100000];
    static const uint8_t head[] = {'R', 'I', 'F', 'F', 0x64, 0x0d, 3, 0};
    static const uint8_t data[] = {'d', 'a', 't', 'a', 0x40, 0x0d, 3, 0};
    uint8_t got[44];

    for (int i = 0; i < 100000; i++)
        samples[i] = (int16_t)(i * 7);
    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    CLEANUP(audio_wav_free) struct audio_wav *w = audio_wav_new(fd, 16000);
    CHECK_OK(audio_wav_add(w, samples, 1, &e));
    CHECK_OK(audio_wav_add(w, samples + 1, 99999, &e));
    CHECK_OK(audio_wav_finish(w, &e));
    CHECK_EQ(pread(fd, got, sizeof(got), 0), 44);
    CHECK_EQ(memcmp(got, head, sizeof(head)), 0); /* 200036 = 0x30d64 */
    CHECK_EQ(memcmp(got + 36, data, sizeof(data)), 0);
    uint8_t last[3];
    CHECK_EQ(pread(fd, last, 3, 44 + 199998), 2);
    CHECK_EQ((int16_t)(last[0] | last[1] << 8), samples[99999]);
}

/* ---- a track ------------------------------------------------------------------------------- */

struct track {
    struct audio *audio;
    int wav_fd, peaks_fd;
};

static struct track track_new(int rate)
{
    struct track t = {.wav_fd = -1, .peaks_fd = -1};
    struct err e = {0};
    CHECK_OK(lav_load(&e));
    CHECK_OK(fs_tmpfile(test_dir(), &t.wav_fd, &e));
    CHECK_OK(fs_tmpfile(test_dir(), &t.peaks_fd, &e));
    const struct audio_opts o = {
        .sample_rate = rate, .limit_us = 100000000, .wav_fd = t.wav_fd, .peaks_fd = t.peaks_fd};
    CHECK_OK(audio_new(&o, &t.audio, &e));
    return t;
}

/* n samples of a tone that goes on through time, so that a cut would be heard. */
static AVFrame *tone(int rate, int channels, enum AVSampleFormat format, int64_t at, int n)
{
    AVFrame *f = av_frame_alloc();
    CHECK(f != NULL);
    f->sample_rate = rate;
    f->format = format;
    f->nb_samples = n;
    av_channel_layout_default(&f->ch_layout, channels);
    CHECK(av_frame_get_buffer(f, 0) >= 0);
    for (int i = 0; i < n; i++) {
        double v = 0.5 * sin(2 * M_PI * 500 * (double)(at + i) / rate);
        for (int c = 0; c < channels; c++) {
            if (format == AV_SAMPLE_FMT_FLTP)
                ((float *)f->extended_data[c])[i] = (float)v;
            else
                ((int16_t *)f->extended_data[0])[i * channels + c] = (int16_t)(v * 32767);
        }
    }
    return f;
}

static void give(struct track *t, AVFrame *f, int64_t us)
{
    struct err e = {0};
    CHECK_OK(audio_frame(t->audio, f, us, &e));
    av_frame_free(&f);
}

static int16_t *end_track(struct track *t, struct audio_result *r, size_t *ret_n)
{
    CLEANUP_BUF struct buf wav = BUF_MAX((size_t)64 << 20);
    struct err e = {0};
    CHECK_OK(audio_finish(t->audio, r, &e));
    CHECK_OK(fs_read_fd(t->wav_fd, wav.max, &wav, &e));
    *ret_n = (wav.n - 44) / 2;
    int16_t *samples = xcalloc(*ret_n + 1, sizeof(*samples));
    memcpy(samples, wav.p + 44, *ret_n * 2);
    audio_free(t->audio);
    fd_close(t->wav_fd);
    fd_close(t->peaks_fd);
    return samples;
}

static int loudest(const int16_t *s, size_t from, size_t to)
{
    int m = 0;
    for (size_t i = from; i < to; i++)
        m = MAX(m, abs(s[i]));
    return m;
}

TEST(a_late_start_is_silence_first)
{
    struct track t = track_new(48000);
    struct audio_result r;
    size_t n;
    give(&t, tone(48000, 2, AV_SAMPLE_FMT_FLTP, 0, 48000), 250000);
    CLEANUP_FREE int16_t *s = end_track(&t, &r, &n);
    CHECK_EQ(r.end_us, 1250000);
    CHECK_NEAR((double)n, 20000, 16);
    CHECK(loudest(s, 0, 3900) == 0);
    CHECK(loudest(s, 4100, 5000) > 15000);
}

TEST(small_steps_of_the_clock_are_no_holes)
{
    struct track t = track_new(44100);
    struct audio_result r;
    size_t n;
    for (int i = 0; i < 100; i++) /* rounded to milliseconds, as Matroska has them, and a wobble */
        give(&t, tone(44100, 1, AV_SAMPLE_FMT_S16, i * 1024, 1024),
             (int64_t)i * 1024 * 1000 / 44100 * 1000 + (i % 3) * 9000);
    CLEANUP_FREE int16_t *s = end_track(&t, &r, &n);
    CHECK_NEAR((double)n, 102400.0 / 44100 * 16000, 16);
    for (size_t i = 1000; i + 1000 < n; i += 500) /* no silence was put in between */
        CHECK(loudest(s, i, i + 64) > 14000);
}

TEST(overlaps_are_dropped_and_holes_filled)
{
    struct track t = track_new(48000);
    struct audio_result r;
    size_t n;
    give(&t, tone(48000, 1, AV_SAMPLE_FMT_S16, 0, 48000), 0);
    give(&t, tone(48000, 1, AV_SAMPLE_FMT_S16, 24000, 48000), 500000); /* half of it again */
    give(&t, tone(48000, 1, AV_SAMPLE_FMT_S16, 0, 4800), 300000);      /* long past */
    give(&t, tone(48000, 1, AV_SAMPLE_FMT_S16, 0, 24000), 2000000); /* half a second is missing */
    CLEANUP_FREE int16_t *s = end_track(&t, &r, &n);
    CHECK_EQ(r.end_us, 2500000);
    CHECK_NEAR((double)n, 40000, 16);
    CHECK(loudest(s, 23000, 23900) > 15000);
    CHECK(loudest(s, 24200, 31800) == 0);
    CHECK(loudest(s, 32200, 33000) > 15000);
}

TEST(the_format_may_change_on_the_way)
{
    struct track t = track_new(48000);
    struct audio_result r;
    size_t n;
    give(&t, tone(48000, 2, AV_SAMPLE_FMT_FLTP, 0, 48000), 0);
    give(&t, tone(44100, 1, AV_SAMPLE_FMT_S16, 0, 44100), 1000000);
    give(&t, tone(48000, 6, AV_SAMPLE_FMT_FLTP, 0, 24000), 2000000);
    CLEANUP_FREE int16_t *s = end_track(&t, &r, &n);
    CHECK_EQ(r.end_us, 2500000);
    CHECK_NEAR((double)n, 40000, 48);
    for (size_t i = 500; i + 500 < n; i += 250)
        CHECK(loudest(s, i, i + 64) > 5000);
}

TEST(sound_beyond_every_limit_is_refused)
{
    struct track t = track_new(8000);
    struct audio_result r;
    struct err e = {0};
    size_t n;
    AVFrame *f = tone(8000, 1, AV_SAMPLE_FMT_S16, 0, 800);
    CHECK_ERR(audio_frame(t.audio, f, (int64_t)1 << 50, &e), ERR_LIMIT);
    av_frame_free(&f);
    CLEANUP_FREE int16_t *s = end_track(&t, &r, &n);
    CHECK(s != NULL && n < 800);
}

TEST(no_frames_make_an_empty_file)
{
    struct track t = track_new(48000);
    struct audio_result r;
    size_t n;
    CLEANUP_FREE int16_t *s = end_track(&t, &r, &n);
    CHECK(s != NULL && n == 0);
    CHECK_EQ(r.end_us, 0);
    CHECK(isnan(r.loudness_lufs));
}

TEST(loudness_refuses_what_it_can_not_measure)
{
    CHECK(audio_loud_new(48000, 65) == NULL);
    CHECK(audio_loud_new(5, 2) == NULL);
    CHECK(audio_loud_new(48000, 0) == NULL);
}

TEST_MAIN
