/* The JSON writer, and reading through jansson with our limits. */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/locale_priv.h"

#define DECIMALS_MAX    17
#define DOUBLE_TEXT_MAX 352 /* 309 digits, sign, point, decimals */

static void newline(struct jsonw *w)
{
    if (!w->indent)
        return;
    buf_addc(w->out, '\n');
    for (int i = 0; i < w->depth * w->indent; i++)
        buf_addc(w->out, ' ');
}

/* What comes before any value: the comma and line of the one before. */
static void before_value(struct jsonw *w)
{
    assert(w->depth == 0 || w->after_key || !w->in_obj[w->depth - 1]); /* a member needs its key */
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0)
        return;
    if (w->need_comma[w->depth - 1])
        buf_addc(w->out, ',');
    w->need_comma[w->depth - 1] = true;
    newline(w);
}

static void open_level(struct jsonw *w, char bracket, bool is_obj)
{
    before_value(w);
    assert(w->depth < JSONW_DEPTH_MAX);
    buf_addc(w->out, bracket);
    w->in_obj[w->depth] = is_obj;
    w->need_comma[w->depth++] = false;
}

static void close_level(struct jsonw *w, char bracket, bool is_obj)
{
    assert(w->depth > 0 && !w->after_key && w->in_obj[w->depth - 1] == is_obj);
    w->depth--;
    if (w->need_comma[w->depth])
        newline(w);
    buf_addc(w->out, bracket);
}

void jw_obj(struct jsonw *w)
{
    open_level(w, '{', true);
}

void jw_obj_end(struct jsonw *w)
{
    close_level(w, '}', true);
}

void jw_arr(struct jsonw *w)
{
    open_level(w, '[', false);
}

void jw_arr_end(struct jsonw *w)
{
    close_level(w, ']', false);
}

static void add_escaped(struct buf *out, struct str s)
{
    size_t plain = 0; /* start of what needs no change */

    buf_addc(out, '"');
    for (size_t i = 0; i < s.n;) {
        size_t at = i;
        unsigned char c = (unsigned char)s.p[at];
        uint32_t cp = utf8_next(s, &i);
        bool replace = cp == 0 || (cp == 0xFFFD && i - at == 1); /* NUL: C strings end at it */
        if (cp >= 0x20 && c != '"' && c != '\\' && cp != 0x7F && !replace)
            continue;
        buf_add(out, s.p + plain, at - plain);
        plain = i;
        switch (c) {
        case '"':
            buf_addz(out, "\\\"");
            break;
        case '\\':
            buf_addz(out, "\\\\");
            break;
        case '\n':
            buf_addz(out, "\\n");
            break;
        case '\r':
            buf_addz(out, "\\r");
            break;
        case '\t':
            buf_addz(out, "\\t");
            break;
        default:
            if (replace)
                buf_addz(out, "\xEF\xBF\xBD");
            else
                buf_addf(out, "\\u%04x", (unsigned)cp);
        }
    }
    buf_add(out, s.p + plain, s.n - plain);
    buf_addc(out, '"');
}

void jw_key(struct jsonw *w, const char *key)
{
    assert(w->depth > 0 && w->in_obj[w->depth - 1] && !w->after_key);
    if (w->need_comma[w->depth - 1])
        buf_addc(w->out, ',');
    w->need_comma[w->depth - 1] = true;
    newline(w);
    add_escaped(w->out, str_of(key));
    buf_addz(w->out, w->indent ? ": " : ":");
    w->after_key = true;
}

void jw_str(struct jsonw *w, struct str s)
{
    before_value(w);
    add_escaped(w->out, s);
}

void jw_z(struct jsonw *w, const char *z)
{
    if (z)
        jw_str(w, str_of(z));
    else
        jw_null(w);
}

void jw_i64(struct jsonw *w, int64_t v)
{
    before_value(w);
    buf_addf(w->out, "%" PRId64, v);
}

void jw_double(struct jsonw *w, double v, int decimals)
{
    char text[DOUBLE_TEXT_MAX];

    if (!isfinite(v)) {
        jw_null(w);
        return;
    }
    locale_t before = uselocale(locale_c_());
    snprintf(text, sizeof text, "%.*f", CLAMP(decimals, 0, DECIMALS_MAX), v);
    uselocale(before);
    const char *z = text;
    if (z[0] == '-' && strspn(z + 1, "0.") == strlen(z + 1))
        z++; /* "-0.00" looks like a mistake */
    before_value(w);
    buf_addz(w->out, z);
}

void jw_us(struct jsonw *w, int64_t us)
{
    char text[CLOCK_ISO_MAX];

    before_value(w);
    buf_addz(w->out, clock_us_text(us, text));
}

void jw_bool(struct jsonw *w, bool v)
{
    before_value(w);
    buf_addz(w->out, v ? "true" : "false");
}

void jw_null(struct jsonw *w)
{
    before_value(w);
    buf_addz(w->out, "null");
}

void jw_raw(struct jsonw *w, struct str json)
{
    assert(json.n > 0);
    before_value(w);
    buf_adds(w->out, json);
}

void jw_kz(struct jsonw *w, const char *key, const char *z)
{
    jw_key(w, key);
    jw_z(w, z);
}

void jw_kstr(struct jsonw *w, const char *key, struct str s)
{
    jw_key(w, key);
    jw_str(w, s);
}

void jw_ki64(struct jsonw *w, const char *key, int64_t v)
{
    jw_key(w, key);
    jw_i64(w, v);
}

void jw_kdouble(struct jsonw *w, const char *key, double v, int decimals)
{
    jw_key(w, key);
    jw_double(w, v, decimals);
}

void jw_kus(struct jsonw *w, const char *key, int64_t us)
{
    jw_key(w, key);
    jw_us(w, us);
}

void jw_kbool(struct jsonw *w, const char *key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}

int json_read(struct str text, json_t **ret, struct err *e)
{
    json_error_t why;
    json_t *j =
        json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);

    if (!j)
        return err_set(
            e, json_error_code(&why) == json_error_out_of_memory ? ERR_UNAVAILABLE : ERR_INPUT,
            "JSON line %d, column %d: %s", why.line, why.column, why.text);
    *ret = j;
    return 0;
}

bool json_get_str(const json_t *obj, const char *key, struct str *ret)
{
    const json_t *v = json_object_get(obj, key);

    if (!json_is_string(v))
        return false;
    *ret = (struct str){json_string_value(v), json_string_length(v)};
    return true;
}

bool json_get_i64(const json_t *obj, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(obj, key);

    if (!json_is_integer(v))
        return false;
    *ret = json_integer_value(v);
    return true;
}

bool json_get_double(const json_t *obj, const char *key, double *ret)
{
    const json_t *v = json_object_get(obj, key);

    if (!json_is_number(v))
        return false;
    *ret = json_number_value(v);
    return true;
}

bool json_get_bool(const json_t *obj, const char *key, bool *ret)
{
    const json_t *v = json_object_get(obj, key);

    if (!json_is_boolean(v))
        return false;
    *ret = json_is_true(v);
    return true;
}

bool json_get_us(const json_t *obj, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(obj, key);
    int64_t us;

    if (json_is_integer(v)) {
        if (__builtin_mul_overflow((int64_t)json_integer_value(v), (int64_t)1000000, &us))
            return false;
    } else if (json_is_real(v)) {
        double d = json_real_value(v) * 1e6;
        if (!(d > -9.2e18 && d < 9.2e18))
            return false;
        us = llround(d);
    } else {
        return false;
    }
    *ret = us;
    return true;
}
