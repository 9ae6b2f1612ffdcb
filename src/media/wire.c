/* Messages between a media child and its client; wire.h has the format. */
#include "media/wire.h"

#include <string.h>

#include "base/json.h"

#define MAGIC         0x48535552u /* "RUSH" as little endian */
#define PROGRESS_SIZE 20
#define DONE_SIZE     8
#define LOG_TEXT_MAX  2000
#define POSITION_MAX  ((int64_t)1 << 52)

static void put_le(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_addc(b, (char)(v >> (8 * i)));
}

static uint64_t get_le(const char *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)(uint8_t)p[i] << (8 * i);
    return v;
}

static void put_header(struct buf *out, enum wire_type type, size_t length)
{
    put_le(out, MAGIC, 4);
    put_le(out, (uint64_t)type, 4); /* the type and three zero bytes */
    put_le(out, length, 4);
}

int wire_put_request(struct buf *out, struct str json, struct err *e)
{
    if (json.n > WIRE_MESSAGE_MAX - WIRE_HEADER)
        return err_set(e, ERR_LIMIT, "request of %zu bytes for the media child", json.n);
    put_header(out, WIRE_REQUEST, json.n);
    buf_adds(out, json);
    return 0;
}

void wire_put_progress(struct buf *out, const struct media_progress *p)
{
    put_header(out, WIRE_PROGRESS, PROGRESS_SIZE);
    put_le(out, (uint64_t)p->percent, 4);
    put_le(out, (uint64_t)p->frames, 8);
    put_le(out, (uint64_t)p->position_us, 8);
}

void wire_put_log(struct buf *out, enum log_level level, struct str text)
{
    text.n = MIN(text.n, LOG_TEXT_MAX);
    put_header(out, WIRE_LOG, text.n + 1);
    buf_addc(out, (char)level);
    buf_adds(out, text);
}

void wire_put_error(struct buf *out, const struct err *error)
{
    CLEANUP_BUF struct buf json = {0};
    struct jsonw w = JSONW(&json);

    jw_obj(&w);
    jw_kz(&w, "code", err_class(error->code)->name);
    jw_kz(&w, "plain", error->plain);
    jw_kz(&w, "next", error->next);
    jw_kz(&w, "text", error->text);
    jw_obj_end(&w);
    put_header(out, WIRE_ERROR, json.n);
    buf_adds(out, buf_str(&json));
}

void wire_put_done(struct buf *out, uint64_t result_bytes)
{
    put_header(out, WIRE_DONE, DONE_SIZE);
    put_le(out, result_bytes, 8);
}

static int off(struct err *e, const char *what)
{
    return err_set(e, ERR_PROCESSING, "message of the media child: %s", what);
}

static int parse_progress(struct str body, struct wire_msg *m, struct err *e)
{
    if (body.n != PROGRESS_SIZE)
        return off(e, "progress of a wrong size");
    m->progress = (struct media_progress){.percent = (int32_t)get_le(body.p, 4),
                                          .frames = (int64_t)get_le(body.p + 4, 8),
                                          .position_us = (int64_t)get_le(body.p + 12, 8)};
    if (m->progress.percent < 0 || m->progress.percent > 100 || m->progress.frames < 0 ||
        m->progress.position_us < 0 || m->progress.position_us > POSITION_MAX)
        return off(e, "progress out of range");
    return 0;
}

static int parse_log(struct str body, struct wire_msg *m, struct err *e)
{
    if (body.n < 1 || body.n > LOG_TEXT_MAX + 1 || (uint8_t)body.p[0] >= LOG_OFF)
        return off(e, "log line of a wrong shape");
    m->level = (enum log_level)body.p[0];
    m->text = (struct str){body.p + 1, body.n - 1};
    return 0;
}

/* Into out, cut to fit at a whole character, without control characters. */
static void take_text(const json_t *obj, const char *key, char *out, size_t size)
{
    struct str s = {0};
    size_t n = 0;

    json_get_str(obj, key, &s);
    for (size_t i = 0; i < s.n;) {
        char one[4];
        uint32_t cp = utf8_next(s, &i);
        if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
            cp = ' ';
        size_t len = utf8_put(cp, one);
        if (n + len >= size)
            break;
        memcpy(out + n, one, len);
        n += len;
    }
    out[n] = '\0';
}

static int parse_error(struct str body, struct wire_msg *m, struct err *e)
{
    CLEANUP_JSON json_t *obj = NULL;
    struct err ignored = {0};
    struct str code;
    char name[32];

    if (json_read(body, &obj, &ignored) < 0 || !json_get_str(obj, "code", &code) ||
        code.n >= sizeof(name))
        return off(e, "error of a wrong shape");
    memcpy(name, code.p, code.n);
    name[code.n] = '\0';
    m->error = (struct err){.code = err_code_from_name(name)};
    if (m->error.code == ERR_OK)
        m->error.code = ERR_INTERNAL;
    take_text(obj, "text", m->error.text, sizeof(m->error.text));
    take_text(obj, "plain", m->error.plain, sizeof(m->error.plain));
    take_text(obj, "next", m->error.next, sizeof(m->error.next));
    return 0;
}

int wire_parse(struct str bytes, struct wire_msg *ret, struct err *e)
{
    struct wire_msg m = {0};
    int r = 0;

    if (bytes.n < WIRE_HEADER || bytes.n > WIRE_MESSAGE_MAX)
        return off(e, "wrong size");
    if (get_le(bytes.p, 4) != MAGIC)
        return off(e, "wrong magic");
    uint64_t type = get_le(bytes.p + 4, 4);
    struct str body = {bytes.p + WIRE_HEADER, bytes.n - WIRE_HEADER};
    if (get_le(bytes.p + 8, 4) != body.n)
        return off(e, "length does not match");
    switch (type) {
    case WIRE_REQUEST:
        m.request = body;
        break;
    case WIRE_PROGRESS:
        r = parse_progress(body, &m, e);
        break;
    case WIRE_LOG:
        r = parse_log(body, &m, e);
        break;
    case WIRE_ERROR:
        r = parse_error(body, &m, e);
        break;
    case WIRE_DONE:
        if (body.n != DONE_SIZE)
            return off(e, "done of a wrong size");
        m.result_bytes = get_le(body.p, DONE_SIZE);
        break;
    default:
        return off(e, "unknown type");
    }
    if (r < 0)
        return -1;
    m.type = (enum wire_type)type;
    *ret = m;
    return 0;
}
