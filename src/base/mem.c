/* Memory: allocations that abort for what we sized ourselves, allocations that say no for what
 * strangers sized. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"

static void *alive(void *p)
{
    static const char last_words[] = "rushes: out of memory\n";

    if (!p) {
        /* nothing that could allocate again */
        ssize_t n = write(STDERR_FILENO, last_words, sizeof last_words - 1);
        (void)n;
        abort();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return alive(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
    return alive(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
    return alive(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = xmalloc(len + 1);

    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return alive(n < 0 ? NULL : s);
}

void *mem_try_calloc(size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes) || fault_point("mem.try") < 0)
        return NULL;
    return calloc(bytes ? bytes : 1, 1);
}

void *mem_try_realloc(void *p, size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes) || fault_point("mem.try") < 0)
        return NULL;
    return realloc(p, bytes ? bytes : 1);
}

void mem_free(void *p)
{
    free(p);
}

void fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
