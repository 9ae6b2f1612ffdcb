/* The sound of the one pass: in step with the picture, the right length, rate, layout, loudness and peaks. */
#include <fcntl.h>
#include <math.h>

#include "base/fs.h"
#include "base/json.h"
#include "clip.h"
#include "film.h"
#include "media/audio_peaks.h"
#include "media/test_child.h"

/* Samples of a file's sound as 16 kHz mono, from its time 0 on. */
struct heard {
    int16_t *p;
    size_t n;
};

static void heard_finish(struct heard *h)
{
    free(h->p);
}
#define CLEANUP_HEARD __attribute__((cleanup(heard_finish)))

static struct heard hear(const char *path)
{
    CLEANUP_FREE char *raw = fs_join(test_dir(), "heard.raw");
    CLEANUP_BUF struct buf bytes = BUF_MAX((size_t)256 << 20);
    struct err e = {0};

    clip_run("ffmpeg -v error -y -i '%s' -map 0:a:0 -af aresample=async=1:first_pts=0 -ac 1 -ar "
             "16000 -f s16le '%s'",
             path, raw);
    CHECK_OK(fs_read_file(raw, bytes.max, &bytes, &e));
    size_t n = bytes.n / 2;
    return (struct heard){(int16_t *)buf_steal(&bytes), n};
}

/* Seconds of the first sample that is louder than a tenth of full scale, from `after` seconds on. */
static double first_loud(const struct heard *h, double after)
{
    for (size_t i = (size_t)(after * 16000); i < h->n; i++)
        if (abs(h->p[i]) > 3276)
            return (double)i / 16000;
    return -1;
}

static double first_light(const struct film *f, double after)
{
    for (int i = 0; i < f->n; i++)
        if (f->times[i] >= after && film_colour(f, i, 0.5, 0.5, 16).g > 128)
            return f->times[i];
    return -1;
}

/* ---- in step ------------------------------------------------------------------------------- */

struct step {
    const char *name, *before_video, *before_sound, *sound, *suffix, *after;
    double light,
        beep; /* when they come on the file's clock, the first time; both come again a second later */
};
static const struct step steps[] = {
    {"together", "", "", "-c:a aac", "mp4", "", 1, 1},
    {"picture late", "-itsoffset 0.5", "", "-c:a aac", "mp4", "", 1.5, 1},
    {"sound late", "", "-itsoffset 0.7", "-c:a aac", "mp4", "", 1, 1.7},
    {"in Matroska, Vorbis", "", "", "-c:a libvorbis", "mkv", "", 1, 1},
    {"in AVI, MP3", "", "", "-c:a libmp3lame -ar 44100", "avi", "", 1, 1},
    /* its sound begins a packet of silence before the picture, and that is the file's start */
    {"a transport stream that starts at ten", "", "", "-c:a aac", "ts", "-output_ts_offset 10",
     1.021, 1.021},
    {"six channels", "", "", "-c:a ac3 -ac 6", "mkv", "", 1, 1},
    {"PCM", "", "", "-c:a pcm_s16le", "mov", "", 1, 1},
};

static void check_step(const struct step *s)
{
    CLEANUP_FREE char *path = xasprintf("%s/step.%s", test_dir(), s->suffix);
    CLEANUP_PASSED struct passed p = {0};

    clip_run(
        "ffmpeg -v error -y %s -f lavfi -i "
        "\"color=black:s=320x240:r=30:d=3,drawbox=c=white:t=fill:enable="
        "'between(t,1,1.18)+between(t,2,2.18)'\" %s -f lavfi -i \"aevalsrc='if(between(t,1,1.2)+"
        "between(t,2,2.2),0.5*sin(2*PI*1000*t),0)':s=48000:d=3\" -map 0:v -map 1:a -c:v libx264 -g "
        "15 "
        "-pix_fmt yuv420p %s %s '%s'",
        s->before_video, s->before_sound, s->sound, s->after, path);
    pass_file(path, NULL, &p);
    CLEANUP(film_free) struct film *f = film_read(p.files[MEDIA_OUT_PROXY]);
    CLEANUP_HEARD struct heard proxy = hear(p.files[MEDIA_OUT_PROXY]),
                               speech = hear(p.files[MEDIA_OUT_AUDIO]);
    for (int again = 0; again < 2; again++) {
        double light = first_light(f, again ? s->light + 0.5 : 0),
               in_proxy = first_loud(&proxy, again ? s->beep + 0.5 : 0),
               in_speech = first_loud(&speech, again ? s->beep + 0.5 : 0);
        if (fabs(light - s->light - again) > 0.085 || fabs(in_proxy - s->beep - again) > 0.03 ||
            fabs(in_speech - s->beep - again) > 0.03)
            fail_msg(
                "%s: light at %.3f, not %.3f; sound at %.3f (proxy) and %.3f (speech), not %.3f",
                s->name, light, s->light + again, in_proxy, in_speech, s->beep + again);
    }
}

TEST(sound_keeps_in_step_with_the_picture)
{
    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        check_step(&steps[i]);
}

/* ---- shapes of sound ------------------------------------------------------------------------- */

struct shape {
    const char *name, *source, *codec, *encoder, *suffix;
    double seconds;
    int rate, proxy_rate;
};
static const struct shape shapes[] = {
    {"mp3", "sine=440:d=3:r=44100", "-c:a libmp3lame", "libmp3lame", "mp3", 3, 44100, 44100},
    {"flac", "sine=440:d=3:r=96000", "-c:a flac", "flac", "flac", 3, 96000, 48000},
    {"ogg", "sine=440:d=3:r=48000", "-c:a libvorbis", "libvorbis", "ogg", 3, 48000, 48000},
    {"telephone", "sine=440:d=3:r=8000", "-c:a pcm_mulaw", "pcm_mulaw", "wav", 3, 8000, 48000},
    {"eight bits", "sine=440:d=3:r=22050", "-c:a pcm_u8", "pcm_u8", "wav", 3, 22050, 44100},
    {"five in one", "aevalsrc='0.1*sin(2764*t)|0.1*sin(2764*t)|0|0|0|0':c=5.1:d=3:s=48000",
     "-c:a aac", "aac", "m4a", 3, 48000, 48000},
    {"24 bits, eight channels", "sine=440:d=3:r=48000,aformat=channel_layouts=7.1",
     "-c:a pcm_s24le", "pcm_s24le", "wav", 3, 48000, 48000},
};

static void check_peaks(const struct shape *s, const struct passed *p)
{
    CLEANUP_BUF struct buf text = BUF_MAX((size_t)16 << 20);
    CLEANUP_JSON json_t *obj = NULL;
    struct err e = {0};
    int64_t version = 0, rate = 0, stretch = 0, length = 0;

    CHECK_OK(fs_read_fd(p->fds[MEDIA_OUT_PEAKS], text.max, &text, &e));
    CHECK_OK(json_read(buf_str(&text), &obj, &e));
    CHECK(json_get_i64(obj, "version", &version) && json_get_i64(obj, "sample_rate", &rate) &&
          json_get_i64(obj, "samples_per_pixel", &stretch) && json_get_i64(obj, "length", &length));
    CHECK_EQ(version, 2);
    CHECK_EQ(rate, s->rate);
    const json_t *data = json_object_get(obj, "data");
    CHECK_EQ(json_array_size(data), (size_t)length * 2);
    CHECK_NEAR((double)(length * stretch) / (double)rate, s->seconds, 0.12);
    for (int64_t i = 2; i < length * 2 - 4;
         i += 2) { /* a steady tone: every stretch reaches the same on both sides */
        int64_t lo = json_integer_value(json_array_get(data, (size_t)i)),
                hi = json_integer_value(json_array_get(data, (size_t)i + 1));
        CHECK(lo < -1500 && hi > 1500 && llabs(lo + hi) < 500);
    }
}

static void check_shape(const struct shape *s)
{
    CLEANUP_FREE char *path = xasprintf("%s/sound.%s", test_dir(), s->suffix);
    CLEANUP_FREE char *want_rate = xasprintf("%d", s->proxy_rate);
    CLEANUP_PASSED struct passed p = {0};
    const char *proxy, *speech;

    clip_run("ffmpeg -v error -y -f lavfi -i \"%s\" %s '%s'", s->source, s->codec, path);
    pass_file(path, NULL, &p);
    proxy = p.files[MEDIA_OUT_PROXY];
    speech = p.files[MEDIA_OUT_AUDIO];
    CHECK_NEAR((double)p.r->duration_us / 1e6, s->seconds, 0.06);
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        bool sound = i == MEDIA_OUT_PROXY || i == MEDIA_OUT_AUDIO || i == MEDIA_OUT_PEAKS;
        CHECK_EQ(p.r->made[i], sound);
        CHECK_EQ(p.r->bytes[i] > 0, sound);
    }
    CLEANUP_FREE char *codec = film_field(proxy, "a:0", "codec_name");
    CLEANUP_FREE char *rate = film_field(proxy, "a:0", "sample_rate");
    CLEANUP_FREE char *channels = film_field(proxy, "a:0", "channels");
    CHECK_STR(codec, "aac");
    CHECK_STR(rate, want_rate);
    CHECK_STR(channels, "2");
    CLEANUP_FREE char *speech_codec = film_field(speech, "a:0", "codec_name");
    CLEANUP_FREE char *speech_rate = film_field(speech, "a:0", "sample_rate");
    CLEANUP_FREE char *speech_channels = film_field(speech, "a:0", "channels");
    CHECK_STR(speech_codec, "pcm_s16le");
    CHECK_STR(speech_rate, "16000");
    CHECK_STR(speech_channels, "1");
    CLEANUP_HEARD struct heard a = hear(proxy), b = hear(speech);
    CHECK_NEAR((double)a.n / 16000, s->seconds, 0.08);
    CHECK_NEAR((double)b.n / 16000, s->seconds, 0.06);
    check_peaks(s, &p);
    CHECK(!isnan(p.r->loudness_lufs) && p.r->loudness_lufs > -40 && p.r->loudness_lufs < -10);
    CHECK_EQ(p.r->shots->n, 0);
    CHECK_EQ(p.r->poster_frame, -1);
}

TEST(sound_alone_of_every_shape)
{
    int seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        if (!clip_can(shapes[i].encoder))
            continue;
        seen++;
        check_shape(&shapes[i]);
    }
    if (!seen)
        SKIP("no ffmpeg");
}

TEST(loudness_of_the_calibration_tone)
{
    CLEANUP_FREE char *path = xasprintf("%s/tone.wav", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("pcm_s24le"))
        SKIP("no ffmpeg");
    /* EBU Tech 3341, case 1: a stereo 1 kHz sine at -23 dBFS is -23 LUFS, within 0.1 */
    clip_run("ffmpeg -v error -y -f lavfi -i "
             "\"aevalsrc='0.070795*sin(2*PI*1000*t)|0.070795*sin(2*PI*1000*t)':d=20:"
             "s=48000\" -c:a pcm_s24le '%s'",
             path);
    pass_file(path, NULL, &p);
    CHECK_NEAR(p.r->loudness_lufs, -23.0, 0.1);
    CHECK_NEAR(p.r->loudness_range_lu, 0.0, 0.1);
    CHECK_NEAR(p.r->peak_dbfs, -23.0, 0.05);
}

TEST(silence_has_no_loudness)
{
    CLEANUP_FREE char *path = xasprintf("%s/silence.wav", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("pcm_s16le"))
        SKIP("no ffmpeg");
    clip_run("ffmpeg -v error -y -f lavfi -i anullsrc=d=3 '%s'", path);
    pass_file(path, NULL, &p);
    CHECK(isnan(p.r->loudness_lufs) && isnan(p.r->loudness_range_lu) && isnan(p.r->peak_dbfs));
    CHECK(p.r->made[MEDIA_OUT_AUDIO]);
}

/* Times that the signal rises through zero, a second. */
static double pitch(const struct heard *h)
{
    int rises = 0;
    for (size_t i = 1; i < h->n; i++)
        rises += h->p[i - 1] < 0 && h->p[i] >= 0;
    return rises * 16000.0 / (double)h->n;
}

TEST(the_default_of_several_tracks_is_taken)
{
    CLEANUP_FREE char *path = xasprintf("%s/tracks.mkv", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("libx264"))
        SKIP("no ffmpeg with libx264");
    clip_run("ffmpeg -v error -y -f lavfi -i color=gray:s=64x64:d=2 -f lavfi -i sine=400:d=2 -f "
             "lavfi -i sine=1000:d=2 "
             "-map 0 -map 1 -map 2 -c:v libx264 -pix_fmt yuv420p -c:a aac -disposition:a:0 0 "
             "-disposition:a:1 default "
             "'%s'",
             path);
    pass_file(path, NULL, &p);
    CLEANUP_HEARD struct heard h = hear(p.files[MEDIA_OUT_AUDIO]);
    CHECK_NEAR(pitch(&h), 1000, 30);
}

TEST(a_hole_in_the_sound_becomes_silence)
{
    CLEANUP_FREE char *path = xasprintf("%s/hole.mkv", test_dir());
    CLEANUP_PASSED struct passed p = {0};

    if (!clip_can("pcm_s16le"))
        SKIP("no ffmpeg");
    /* a second of tone, a second of nothing at all (no packets), a second of tone */
    clip_run("ffmpeg -v error -y -f lavfi -i \"sine=440:d=3:r=48000\" -af "
             "\"volume=4,aselect='not(between(t,1,2))'\" "
             "-c:a pcm_s16le '%s'",
             path);
    pass_file(path, NULL, &p);
    CLEANUP_HEARD struct heard h = hear(p.files[MEDIA_OUT_AUDIO]);
    CHECK_NEAR((double)h.n / 16000, 3.0, 0.06);
    for (size_t i = 16000 + 1600; i < 32000 - 1600; i++)
        CHECK(abs(h.p[i]) < 50);
    CHECK_NEAR(first_loud(&h, 1.2), 2.0, 0.05);
}

MEDIA_TEST_MAIN
