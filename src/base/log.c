/*
 * The logger. A line is put together in a buffer on the stack, cleaned of control characters, and
 * written with one write() under a lock. The JSON form is made by reading the logfmt form back: the
 * call's own words stay the single source of what a line says.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

#define LOG_LINE_MAX  ((size_t)8192) /* what is longer is cut, with "..." */
#define LOG_VALUE_MAX ((size_t)512)  /* bytes of a quoted value, before escapes */
#define QUOTE_RING    8

struct log {
    char *module; /* may be NULL */
    char *fields; /* may be NULL */
};

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error", "off"};

static _Atomic int level_min = LOG_WARN;
static _Atomic int format_now = LOG_LOGFMT;
static _Atomic int fd_now = STDERR_FILENO;
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

void log_setup(enum log_level level, enum log_format format, int fd)
{
    atomic_store(&fd_now, fd);
    atomic_store(&format_now, (int)format);
    atomic_store(&level_min, (int)level);
}

bool log_level_from_name(struct str name, enum log_level *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_eqz(name, level_names[i])) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level != LOG_OFF && (int)level >= atomic_load_explicit(&level_min, memory_order_relaxed);
}

struct log *log_new(const struct log *parent, const char *module, const char *fields_fmt, ...)
{
    struct log *l = XNEW(struct log);
    CLEANUP_BUF struct buf fields = BUF_MAX(LOG_LINE_MAX);
    va_list ap;

    if (!module && parent)
        module = parent->module;
    l->module = module ? xstrdup(module) : NULL;
    if (parent && parent->fields)
        buf_addz(&fields, parent->fields);
    if (fields_fmt) {
        if (fields.n)
            buf_addc(&fields, ' ');
        va_start(ap, fields_fmt);
        buf_addv(&fields, fields_fmt, ap);
        va_end(ap);
    }
    l->fields = fields.n ? buf_steal(&fields) : NULL;
    return l;
}

void log_free(struct log *l)
{
    if (!l)
        return;
    free(l->module);
    free(l->fields);
    free(l);
}

/* What would move a terminal's cursor, end a line or turn its direction. */
static bool is_unsafe(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || (cp >= 0x2028 && cp <= 0x202E) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0x061C || cp == 0x200E || cp == 0x200F;
}

static void add_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        buf_addf(out, "\\x%02x", (unsigned)(unsigned char)bytes.p[i]);
}

/* Copies text with what is unsafe or not UTF-8 escaped; inside quotes also '"' and '\'. */
static void add_clean(struct buf *out, struct str s, bool in_quotes)
{
    for (size_t i = 0; i < s.n;) {
        size_t at = i;
        uint32_t cp = utf8_next(s, &i);
        struct str seen = {s.p + at, i - at};
        if (in_quotes && (cp == '"' || cp == '\\')) {
            buf_addc(out, '\\');
            buf_adds(out, seen);
        } else if (cp == '\n') {
            buf_addz(out, "\\n");
        } else if (cp == '\t') {
            buf_addz(out, "\\t");
        } else if (cp == '\r') {
            buf_addz(out, "\\r");
        } else if (is_unsafe(cp) || (cp == 0xFFFD && seen.n == 1)) {
            add_hex(out, seen);
        } else {
            buf_adds(out, seen);
        }
    }
}

static bool needs_quotes(struct str s)
{
    if (s.n == 0)
        return true;
    for (size_t i = 0; i < s.n;) {
        size_t at = i;
        uint32_t cp = utf8_next(s, &i);
        if (cp <= ' ' || cp == '"' || cp == '=' || cp == '\\' || is_unsafe(cp) ||
            (cp == 0xFFFD && i - at == 1))
            return true;
    }
    return false;
}

/* At most n bytes of s, not ending inside a character. */
static struct str cut_at(struct str s, size_t n)
{
    if (s.n <= n)
        return s;
    size_t end = n;
    for (int back = 0; back < 3 && end > 0 && ((unsigned char)s.p[end] & 0xC0) == 0x80; back++)
        end--;
    if (((unsigned char)s.p[end] & 0xC0) == 0x80)
        end = n; /* not UTF-8 anyway */
    return (struct str){s.p, end};
}

const char *log_quote(struct str value)
{
    static _Thread_local char ring[QUOTE_RING][4 * LOG_VALUE_MAX + 8];
    static _Thread_local unsigned turn;
    char *out = ring[turn++ % QUOTE_RING];
    struct str shown = cut_at(value, LOG_VALUE_MAX);
    bool quotes = needs_quotes(shown);
    CLEANUP_BUF struct buf b = {0};

    if (quotes)
        buf_addc(&b, '"');
    add_clean(&b, shown, quotes);
    if (shown.n < value.n)
        buf_addz(&b, "...");
    if (quotes)
        buf_addc(&b, '"');
    memcpy(out, buf_z(&b), b.n + 1);
    return out;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes the quoting of one value; out gets bytes that need not be UTF-8. */
static void unquote(struct str v, struct buf *out)
{
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] != '\\' || i + 1 == v.n) {
            buf_addc(out, v.p[i]);
            continue;
        }
        char c = v.p[++i];
        if (c == 'x' && i + 2 < v.n && hex_digit(v.p[i + 1]) >= 0 && hex_digit(v.p[i + 2]) >= 0) {
            buf_addc(out, (char)(hex_digit(v.p[i + 1]) << 4 | hex_digit(v.p[i + 2])));
            i += 2;
        } else {
            buf_addc(out, c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
        }
    }
}

/* A plain decimal that any reader takes for the same number; identifiers like "12e4" or "007" stay
 * text. */
static bool is_json_number(struct str v)
{
    size_t i = v.n > 0 && v.p[0] == '-', first = i, digits = 0;

    for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9'; i++)
        digits++;
    if (digits == 0 || (digits > 1 && v.p[first] == '0'))
        return false;
    if (i < v.n && v.p[i] == '.') {
        size_t point = i++;
        for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9'; i++)
            digits++;
        if (i == point + 1)
            return false;
    }
    return i == v.n && digits <= 15;
}

/* Cuts the next word, quoted parts included, off the front of a logfmt text. */
static bool cut_word(struct str *rest, struct str *ret)
{
    while (rest->n > 0 && rest->p[0] == ' ')
        *rest = (struct str){rest->p + 1, rest->n - 1};
    if (rest->n == 0)
        return false;
    bool inside = false;
    size_t i = 0;
    for (; i < rest->n && (inside || rest->p[i] != ' '); i++) {
        if (rest->p[i] == '\\' && inside && i + 1 < rest->n)
            i++;
        else if (rest->p[i] == '"')
            inside = !inside;
    }
    *ret = (struct str){rest->p, i};
    *rest = (struct str){rest->p + i, rest->n - i};
    return true;
}

static void json_pair(struct jsonw *w, struct str word, struct str *ret_loose)
{
    const char *eq = memchr(word.p, '=', word.n);
    CLEANUP_BUF struct buf key = BUF_MAX(LOG_LINE_MAX), value = BUF_MAX(LOG_LINE_MAX);

    if (!eq || eq == word.p) { /* a word alone: part of a sentence somebody logged */
        *ret_loose = word;
        return;
    }
    struct str v = {eq + 1, word.n - (size_t)(eq + 1 - word.p)};
    buf_add(&key, word.p, (size_t)(eq - word.p));
    jw_key(w, buf_z(&key));
    if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"') {
        unquote((struct str){v.p + 1, v.n - 2}, &value);
        jw_str(w, buf_str(&value));
    } else if (is_json_number(v)) {
        jw_raw(w, v);
    } else if (str_eqz(v, "true") || str_eqz(v, "false")) {
        jw_raw(w, v);
    } else {
        jw_str(w, v);
    }
}

static void json_pairs(struct jsonw *w, struct str text, struct buf *loose)
{
    struct str word;

    while (cut_word(&text, &word)) {
        struct str alone = {NULL, 0};
        json_pair(w, word, &alone);
        if (alone.p) {
            if (loose->n)
                buf_addc(loose, ' ');
            buf_adds(loose, alone);
        }
    }
}

/* Cuts the event, a first word without "=", off the front of the message. */
static struct str cut_event(struct str *message)
{
    struct str rest = *message, word;

    if (!cut_word(&rest, &word) || memchr(word.p, '=', word.n) || memchr(word.p, '"', word.n))
        return (struct str){NULL, 0};
    while (rest.n > 0 && rest.p[0] == ' ')
        rest = (struct str){rest.p + 1, rest.n - 1};
    *message = rest;
    return word;
}

static void make_json(struct buf *line, const struct log *l, const char *when, const char *level,
                      struct str message)
{
    struct jsonw w = JSONW(line);
    CLEANUP_BUF struct buf loose = BUF_MAX(LOG_LINE_MAX);

    jw_obj(&w);
    jw_kz(&w, "time", when);
    jw_kz(&w, "level", level);
    if (l && l->module)
        jw_kz(&w, "module", l->module);
    if (l && l->fields)
        json_pairs(&w, str_of(l->fields), &loose);
    struct str event = cut_event(&message);
    if (event.p)
        jw_kstr(&w, "event", event);
    json_pairs(&w, message, &loose);
    if (loose.n)
        jw_kstr(&w, "text", buf_str(&loose));
    jw_obj_end(&w);
}

static void make_logfmt(struct buf *line, const struct log *l, const char *when, const char *level,
                        struct str message)
{
    buf_addf(line, "time=%s level=%s", when, level);
    if (l && l->module)
        buf_addf(line, " module=%s", l->module);
    if (l && l->fields) {
        buf_addc(line, ' ');
        add_clean(line, str_of(l->fields), /* in_quotes */ false);
    }
    struct str event = cut_event(&message);
    if (event.p) {
        buf_addz(line, " event=");
        add_clean(line, event, /* in_quotes */ false);
    }
    if (message.n) {
        buf_addc(line, ' ');
        add_clean(line, message, /* in_quotes */ false);
    }
}

/* A line that can not be written is lost: there is nowhere left to say so. */
static void write_line(struct str line)
{
    int fd = atomic_load(&fd_now);

    pthread_mutex_lock(&write_lock);
    while (line.n > 0) {
        ssize_t n = write(fd, line.p, line.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        line = (struct str){line.p + n, line.n - (size_t)n};
    }
    pthread_mutex_unlock(&write_lock);
}

void log_write(const struct log *l, enum log_level level, const char *fmt, ...)
{
    int errno_before = errno;
    char message[LOG_LINE_MAX], when[CLOCK_ISO_MAX];
    CLEANUP_BUF struct buf line = {0};
    va_list ap;

    if (!log_enabled(level))
        return;
    va_start(ap, fmt);
    int n = vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof message) {
        static const char cut[] = "...";
        struct str fits =
            cut_at((struct str){message, sizeof message - 1}, sizeof message - sizeof cut);
        memcpy(message + fits.n, cut, sizeof cut);
    }
    clock_iso(clock_now_ms(), when);
    struct str text = str_of(n < 0 ? fmt : message);
    if (atomic_load(&format_now) == LOG_JSON)
        make_json(&line, l, when, level_names[level], text);
    else
        make_logfmt(&line, l, when, level_names[level], text);
    buf_addc(&line, '\n');
    if (buf_ok(&line))
        write_line(buf_str(&line));
    errno = errno_before;
}
