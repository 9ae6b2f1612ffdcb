#include "media/audio_wav.h"

#include <string.h>

#include "media/outfile.h"

#define HEADER  44
#define PENDING 32768 /* samples that wait for one write */

struct audio_wav {
    int fd;
    int sample_rate;
    int64_t offset; /* where the next write goes */
    int n;
    int16_t pending[PENDING];
};

struct audio_wav *audio_wav_new(int fd, int sample_rate)
{
    struct audio_wav *w = XNEW(struct audio_wav);
    w->fd = fd;
    w->sample_rate = sample_rate;
    w->offset = HEADER;
    return w;
}

void audio_wav_free(struct audio_wav *w)
{
    free(w);
}

static int flush(struct audio_wav *w, struct err *e)
{
    uint8_t bytes[PENDING * 2];
    for (int i = 0; i < w->n; i++) {
        bytes[2 * i] = (uint8_t)w->pending[i];
        bytes[2 * i + 1] = (uint8_t)((uint16_t)w->pending[i] >> 8);
    }
    if (outfile_write_at(w->fd, w->offset, bytes, (size_t)w->n * 2, e) < 0)
        return err_wrap(e, "write WAV");
    w->offset += w->n * 2;
    w->n = 0;
    return 0;
}

int audio_wav_add(struct audio_wav *w, const int16_t *samples, int n, struct err *e)
{
    while (n > 0) {
        int take = MIN(n, PENDING - w->n);
        memcpy(w->pending + w->n, samples, (size_t)take * sizeof(*samples));
        w->n += take;
        samples += take;
        n -= take;
        if (w->n == PENDING && flush(w, e) < 0)
            return -1;
    }
    return 0;
}

static void put_le(uint8_t *p, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

int audio_wav_finish(struct audio_wav *w, struct err *e)
{
    uint8_t h[HEADER] = "RIFF....WAVEfmt ";
    int64_t data;

    if (flush(w, e) < 0)
        return -1;
    data = w->offset - HEADER;
    put_le(h + 4, (uint32_t)MIN(data + HEADER - 8, (int64_t)UINT32_MAX), 4);
    put_le(h + 16, 16, 4); /* size of the format that follows */
    put_le(h + 20, 1, 2);  /* PCM */
    put_le(h + 22, 1, 2);  /* channels */
    put_le(h + 24, (uint32_t)w->sample_rate, 4);
    put_le(h + 28, (uint32_t)w->sample_rate * 2, 4); /* bytes a second */
    put_le(h + 32, 2, 2);                            /* bytes a sample of all channels */
    put_le(h + 34, 16, 2);                           /* bits */
    memcpy(h + 36, "data", 4);
    put_le(h + 40, (uint32_t)MIN(data, (int64_t)UINT32_MAX), 4);
    if (outfile_write_at(w->fd, 0, h, sizeof(h), e) < 0)
        return err_wrap(e, "write WAV");
    return 0;
}
