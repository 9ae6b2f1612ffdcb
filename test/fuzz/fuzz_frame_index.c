/* Frame index files: as they are, and with the checksum made right, so that what lies behind it is reached. */
#include <assert.h>

#include "fuzz.h"
#include "media/frame_index.h"

#define LIMIT 100000

static uint32_t crc_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;

    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    }
    return ~c;
}

/* What was accepted keeps all promises of frame_index.h. */
static void parse(struct str bytes)
{
    CLEANUP(frame_index_free) struct frame_index *x = NULL;
    struct err e = {0};

    if (frame_index_parse(bytes, LIMIT, &x, &e) < 0) {
        assert(e.code == ERR_INPUT || e.code == ERR_LIMIT);
        return;
    }
    assert(x->n >= 0 && x->n <= LIMIT && x->start_us >= 0);
    assert(x->time_base_num > 0 && x->time_base_den > 0);
    for (int64_t i = 0; i < x->n; i++) {
        assert(x->frames[i].duration > 0);
        assert(i == 0 || x->frames[i].pts > x->frames[i - 1].pts);
        assert(frame_index_us(x, i) >= x->start_us &&
               frame_index_us(x, i) <= frame_index_us(x, i + 1));
    }
    int64_t at = frame_index_at(x, frame_index_us(x, x->n / 2));
    assert(x->n == 0 ? at == -1 : at >= x->n / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    parse((struct str){(const char *)data, n});
    if (n < 4)
        return 0;
    uint8_t *mended = xmalloc(n);
    memcpy(mended, data, n);
    uint32_t c = crc_of(mended, n - 4);
    for (int i = 0; i < 4; i++)
        mended[n - 4 + (size_t)i] = (uint8_t)(c >> (8 * i));
    parse((struct str){(const char *)mended, n});
    free(mended);
    return 0;
}
