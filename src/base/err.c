/* Errors: filling, wrapping and the one table of what each code means. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const struct err_class classes[ERR_CODE_N] = {
    [ERR_OK] = {"ok", "internal", 0, 200, false, "Nothing went wrong.", ""},
    [ERR_USAGE] = {"usage", "usage", 2, 400, false, "The request is not worded as it should be.",
                   "Check the command or the request against the help."},
    [ERR_INPUT] = {"input", "validation", 3, 422, false,
                   "The file is damaged or not a kind that can be processed.",
                   "Check that it plays elsewhere, or export it again and retry."},
    [ERR_NOT_FOUND] = {"not_found", "validation", 3, 404, false,
                       "What was asked for does not exist.", "Check the name or the id."},
    [ERR_CONFLICT] = {"conflict", "validation", 1, 409, false,
                      "It exists already or was changed meanwhile.",
                      "Look at the current state and try again."},
    [ERR_LIMIT] = {"limit", "limit", 4, 413, false, "A limit was reached.",
                   "Use something smaller or raise the limit in the settings."},
    [ERR_DENIED] = {"denied", "validation", 3, 403, false, "Permission was denied.",
                    "Check the permissions of the files or of the key."},
    [ERR_STORAGE] = {"storage", "storage", 1, 507, true, "Reading or writing the storage failed.",
                     "Check that the disk has room and is healthy, then retry."},
    [ERR_PROCESSING] = {"processing", "processing", 1, 500, true, "Processing the media failed.",
                        "Retry; if it fails again, keep the file and report it."},
    [ERR_TIMEOUT] = {"timeout", "processing", 1, 504, true, "It took longer than allowed.",
                     "Retry, or raise the time limit in the settings."},
    [ERR_UNAVAILABLE] = {"unavailable", "unavailable", 5, 503, true,
                         "Something that is needed is not available now.", "Try again later."},
    [ERR_CANCELLED] = {"cancelled", "processing", 1, 499, true, "It was stopped on request.",
                       "Start it again when wanted."},
    [ERR_INTERNAL] = {"internal", "internal", 1, 500, false, "The program made a mistake.",
                      "Report it together with the log."},
};

const struct err_class *err_class(enum err_code code)
{
    if ((unsigned)code >= ERR_CODE_N)
        code = ERR_INTERNAL;
    return &classes[code];
}

enum err_code err_code_from_name(const char *name)
{
    for (int c = 0; name && c < ERR_CODE_N; c++)
        if (strcmp(classes[c].name, name) == 0)
            return (enum err_code)c;
    return ERR_INTERNAL;
}

/* Formats into out; what does not fit is cut between two UTF-8 characters. */
static void format_cut(char *out, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(out, size, fmt, ap);

    if (n < 0) {
        out[0] = '\0';
        return;
    }
    if ((size_t)n < size)
        return;
    size_t end = size - 1, lead = end;
    while (lead > 0 && lead + 4 > end && ((unsigned char)out[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0)
        return;
    unsigned char c = (unsigned char)out[lead - 1];
    size_t want = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    if (lead - 1 + want > end)
        out[lead - 1] = '\0';
}

static void start(struct err *e, enum err_code code, const char *text)
{
    e->code = code;
    e->plain[0] = e->next[0] = '\0';
    memcpy(e->text, text, strlen(text) + 1);
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    char text[sizeof e->text]; /* the arguments may point into e */
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, fmt);
    format_cut(text, sizeof text, fmt, ap);
    va_end(ap);
    start(e, code, text);
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    static const char gap[] = "...";
    char front[sizeof e->text], joined[2 * sizeof e->text];
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, fmt);
    format_cut(front, sizeof front / 4, fmt, ap); /* one link never pushes out the whole chain */
    va_end(ap);
    size_t front_n = strlen(front), text_n = strlen(e->text), room = sizeof e->text - 1;
    const char *tail = e->text, *between = ": ";
    if (front_n + 2 + text_n > room) { /* the cause is at the end: what goes is the middle */
        between = gap;
        tail += front_n + 3 + text_n - room;
        while (((unsigned char)*tail & 0xC0) == 0x80)
            tail++;
    }
    int n = snprintf(joined, sizeof joined, "%s%s%s", front, between, tail);
    memcpy(e->text, joined, (size_t)n + 1);
    if (e->code == ERR_OK)
        e->code = ERR_INTERNAL; /* someone failed without saying why */
    return -1;
}

static enum err_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EROFS:
        return ERR_STORAGE;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_CONFLICT;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return ERR_UNAVAILABLE;
    case EFBIG:
        return ERR_LIMIT;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    default:
        return ERR_INTERNAL;
    }
}

int err_errno(struct err *e, int errnum, const char *fmt, ...)
{
    char text[sizeof e->text], joined[2 * sizeof e->text], name[128];
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, fmt);
    format_cut(text, sizeof text - sizeof name, fmt, ap);
    va_end(ap);
    snprintf(joined, sizeof joined, "%s: %s", text, strerror_r(errnum, name, sizeof name));
    joined[sizeof e->text - 1] = '\0';
    start(e, code_of_errno(errnum), joined);
    if (errnum == ENOSPC || errnum == EDQUOT)
        err_plain(e, "The disk is full.", "Make room on the disk, then retry.");
    return -1;
}

static void copy_cut(char *out, size_t size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    format_cut(out, size, fmt, ap);
    va_end(ap);
}

int err_plain(struct err *e, const char *plain, const char *next)
{
    if (!e)
        return -1;
    if (plain && plain != e->plain)
        copy_cut(e->plain, sizeof e->plain, "%s", plain);
    if (next && next != e->next)
        copy_cut(e->next, sizeof e->next, "%s", next);
    return -1;
}

int err_plainf(struct err *e, const char *fmt, ...)
{
    char plain[sizeof e->plain];
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, fmt);
    format_cut(plain, sizeof plain, fmt, ap);
    va_end(ap);
    memcpy(e->plain, plain, strlen(plain) + 1);
    return -1;
}

const char *err_plain_text(const struct err *e)
{
    return e->plain[0] ? e->plain : err_class(e->code)->plain;
}

const char *err_next_text(const struct err *e)
{
    return e->next[0] ? e->next : err_class(e->code)->next;
}

void err_clear(struct err *e)
{
    if (!e)
        return;
    e->code = ERR_OK;
    e->text[0] = e->plain[0] = e->next[0] = '\0';
}
