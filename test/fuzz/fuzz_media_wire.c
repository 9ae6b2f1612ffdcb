/* Messages of a media child that was taken over. */
#include <assert.h>

#include "fuzz.h"
#include "media/wire.h"

static bool shown_safely(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return utf8_valid(str_of(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str bytes = {(const char *)data, n};
    struct wire_msg m;
    struct err e = {0};

    if (wire_parse(bytes, &m, &e) < 0) {
        assert(e.code == ERR_PROCESSING);
        return 0;
    }
    switch (m.type) {
    case WIRE_PROGRESS:
        assert(m.progress.percent >= 0 && m.progress.percent <= 100);
        assert(m.progress.frames >= 0 && m.progress.position_us >= 0);
        break;
    case WIRE_LOG:
        assert(m.level < LOG_OFF && m.text.n < n);
        break;
    case WIRE_ERROR:
        assert(m.error.code != ERR_OK && m.error.code < ERR_CODE_N);
        assert(shown_safely(m.error.plain) && shown_safely(m.error.next) &&
               shown_safely(m.error.text));
        break;
    case WIRE_REQUEST:
        assert(m.request.n + WIRE_HEADER == n);
        break;
    case WIRE_DONE:
        break;
    default:
        assert(!"a type that is none");
    }
    return 0;
}
