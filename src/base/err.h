/*
 * Errors: a code to decide on, sentences to read.
 *
 * A function that can fail returns int; negative is failure and `struct err` then tells what went
 * wrong in two voices: `text` is the technical chain for the log ("media pass: open proxy: write:
 * No space left on device"), built from the inside out by err_wrap(); `plain` is the one sentence a
 * person reads and `next` what they can do about it. Code that knows something better than the
 * default sentence of its code says so with err_plain().
 *
 * The struct lives on the caller's stack, is owned by one thread, holds no allocation and needs no
 * clean-up. Each function takes NULL for it from callers that do not want to know. Arguments may
 * point into the struct itself. What does not fit is cut between two characters. Start it with
 * `struct err e = {0};`. Library code fills it; only app/, api/ and cli/ report it, once.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

enum err_code {
    ERR_OK = 0,
    ERR_USAGE,       /* the caller's words are off: unknown option, missing argument */
    ERR_INPUT,       /* the bytes given are not what they should be: broken or unsupported media */
    ERR_NOT_FOUND,   /* what was named is not there */
    ERR_CONFLICT,    /* it is there already, changed meanwhile, or the lease was lost */
    ERR_LIMIT,       /* a limit with a name was reached */
    ERR_DENIED,      /* permission */
    ERR_STORAGE,     /* disk full, read or write failed, object damaged */
    ERR_PROCESSING,  /* a stage failed on media that looked fine: child died, encoder refused */
    ERR_TIMEOUT,     /* a deadline passed */
    ERR_UNAVAILABLE, /* something outside is missing or down: retry later */
    ERR_CANCELLED,   /* someone asked to stop */
    ERR_INTERNAL,    /* our own mistake */
    ERR_CODE_N
};

/* What an error code means to those who decide: one row per code, the single table of its kind. */
struct err_class {
    const char *name;     /* stable machine word: "input" */
    const char *category; /* what users are told: validation, processing, storage, limit,
                             unavailable, usage, internal */
    int exit_code;        /* 0 done, 1 failed, 2 usage, 3 bad input, 4 limit, 5 unavailable */
    int http_status;
    bool retryable; /* would the same attempt, unchanged, have a chance later? */
    const char *plain;
    const char *next;
};

struct err {
    enum err_code code;
    char text[1024];
    char plain[320];
    char next[256];
};

const struct err_class *err_class(enum err_code code);
enum err_code err_code_from_name(const char *name); /* ERR_INTERNAL for a name it does not know */

/* Starts an error. Returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts what the caller was doing in front: "open asset 'a7': " + text. Returns -1. Code and
 * sentences stay. A chain that grows too long loses its middle: the cause, at the end, is kept.
 * Without an error before, the code becomes INTERNAL. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Starts an error from errno: ENOSPC/EDQUOT/EIO/EROFS -> STORAGE, EACCES/EPERM -> DENIED,
 * ENOENT/ENOTDIR -> NOT_FOUND, EEXIST -> CONFLICT, EMFILE/ENFILE/ENOMEM -> UNAVAILABLE, EFBIG ->
 * LIMIT, ETIMEDOUT -> TIMEOUT, else INTERNAL. A full disk also gets its own sentence. */
int err_errno(struct err *e, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Sets the sentence for people and the next step (NULL keeps the default). Returns -1. */
int err_plain(struct err *e, const char *plain, const char *next);
int err_plainf(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The sentence and next step to show: what err_plain() set, else the default of the code. Borrowed
 * from e. */
const char *err_plain_text(const struct err *e);
const char *err_next_text(const struct err *e);
void err_clear(struct err *e);

#endif
