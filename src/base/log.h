/*
 * Logs: one line an event, logfmt by default, JSON on request. The logger adds time, level, module
 * and bound fields (job=…, video=…); the call adds the event's name and its numbers:
 *
 *     log_info(log, "stage_done frames=%" PRIu64, n);
 *     time=2026-11-20T22:47:58.123Z level=info module=pipeline job=81 event=stage_done frames=7
 *
 * The format's own words are key=value pairs after the event word; values from outside must go
 * through %s with log_quote(), which adds quotes where they are needed. Control characters that
 * come unquoted are escaped, so a line stays a line, but only quoting keeps a value from looking
 * like two. The JSON form is made from the same words: bare decimals and true/false become numbers
 * and booleans, everything else text; words without "=" after the event go into "text".
 *
 * Never a token, a signed URL or a user's text above debug. Any thread; a line is written whole and
 * at most about 8 KiB of message (then "..."). errno is left alone. Loggers form a tree: a child
 * holds a copy of its parent's fields.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/mem.h"
#include "base/str.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log;
/* Process-wide set-up; defaults are WARN, logfmt, standard error. */
void log_setup(enum log_level level, enum log_format format, int fd);
bool log_level_from_name(struct str name, enum log_level *ret);

/* parent NULL: the root. fields may be NULL or like "job=81 video=ab12" (already quoted). The
 * caller frees it. */
struct log *log_new(const struct log *parent, const char *module, const char *fields_fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_free(struct log *l);
CLEANUP_DEFINE(log_free, struct log *);

/* Quotes a value for a log line if it needs it: control characters escaped, cut at 512 bytes.
 * Borrowed from a small per-thread ring: good until eight more calls. */
const char *log_quote(struct str value);
#define LOGZ(z) log_quote(str_of(z))

/* l may be NULL: the root logger. */
void log_write(const struct log *l, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool log_enabled(enum log_level level);
#define log_at(l, level, ...)                                                                      \
    do {                                                                                           \
        if (log_enabled(level))                                                                    \
            log_write((l), (level), __VA_ARGS__);                                                  \
    } while (0)
#define log_trace(l, ...) log_at(l, LOG_TRACE, __VA_ARGS__)
#define log_debug(l, ...) log_at(l, LOG_DEBUG, __VA_ARGS__)
#define log_info(l, ...)  log_at(l, LOG_INFO, __VA_ARGS__)
#define log_warn(l, ...)  log_at(l, LOG_WARN, __VA_ARGS__)
#define log_error(l, ...) log_at(l, LOG_ERROR, __VA_ARGS__)

#endif
