/*
 * The file that is taken in. It is somebody's path: it may be a folder, a fifo that nobody writes to, a device, a file
 * that another program is still writing. Each is told apart before a byte is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

#include "base/human.h"
#include "ingress/ingress_priv.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Appends the code points of s, without control characters and bytes that are not UTF-8, up to room bytes. */
static size_t put_clean(struct str s, char *out, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n;) {
        char utf8[4];
        uint32_t cp = utf8_next(s, &i);
        bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029;
        size_t one = control ? sizeof REPLACEMENT - 1 : utf8_put(cp, utf8);
        if (n + one > room)
            break;
        memcpy(out + n, control ? REPLACEMENT : utf8, one);
        n += one;
    }
    out[n] = '\0';
    return n;
}

static struct str last_part(const char *path)
{
    struct str s = str_of(path);

    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    for (size_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == '/' && s.n > 1)
            return (struct str){s.p + i, s.n - i};
    return s;
}

void origin_name(const char *path, char out[static INGRESS_TITLE_MAX + 1])
{
    put_clean(last_part(path), out, INGRESS_TITLE_MAX);
}

void ingress_title_of(const char *path, char out[static INGRESS_TITLE_MAX + 1])
{
    struct str name = last_part(path);
    const char *dot = name.p && name.n ? memrchr(name.p, '.', name.n) : NULL;

    if (dot && dot > name.p &&
        (size_t)(name.p + name.n - dot) <= 6) /* ".webm" is one, ". and so on" is not */
        name.n = (size_t)(dot - name.p);
    put_clean(str_trim(name), out, INGRESS_TITLE_MAX);
    if (!out[0])
        snprintf(out, INGRESS_TITLE_MAX + 1, "untitled");
}

/* The end of a path tells more than its beginning. */
static void show_path(const char *path, char *out, size_t size)
{
    struct str s = str_of(path);
    size_t room = size - 4, n = 0;

    if (s.n > room / 2) { /* a replaced byte takes three: half keeps the end in view */
        s.p += s.n - room / 2;
        s.n = room / 2;
        while (s.n && ((unsigned char)*s.p & 0xC0) == 0x80)
            s.p++, s.n--;
        memcpy(out, "...", 3);
        n = 3;
    }
    put_clean(s, out + n, room - n);
}

char *origin_where(const char *path)
{
    CLEANUP_FREE char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    CLEANUP_FREE char *whole = cwd ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
    size_t room = 3 * strlen(whole);
    char *out = xmalloc(room + 1);

    put_clean(str_of(whole), out, room);
    return out;
}

static int refuse(struct err *e, const struct origin *s, const char *what, const char *next)
{
    err_set(e, ERR_INPUT, "'%s' is %s", s->shown, what);
    err_plainf(e, "'%s' is %s, not a media file.", s->shown, what);
    return err_plain(e, NULL, next);
}

static int check_kind(const struct origin *s, struct err *e)
{
    switch (s->st.st_mode & S_IFMT) {
    case S_IFREG:
        return 0;
    case S_IFDIR:
        return refuse(e, s, "a folder", "Name the files in it.");
    case S_IFIFO:
        return refuse(e, s, "a named pipe", "Save its output to a file and name that.");
    case S_IFSOCK:
        return refuse(e, s, "a socket", "Name a file.");
    default:
        return refuse(e, s, "a device", "Copy its content to a file and name that.");
    }
}

static int refuse_errno(struct err *e, int why, const struct origin *s)
{
    err_errno(e, why, "open '%s'", s->shown);
    switch (why) {
    case ENOENT:
    case ENOTDIR:
        err_plainf(e, "There is no file '%s'.", s->shown);
        return err_plain(e, NULL, "Check the name.");
    case EACCES:
    case EPERM:
        err_plainf(e, "'%s' may not be read by this user.", s->shown);
        return err_plain(e, NULL,
                         "Give read permission on the file and its folders, then try again.");
    case ENAMETOOLONG:
    case ELOOP:
        e->code = ERR_INPUT;
        err_plainf(
            e, why == ELOOP ? "'%s' is a link that leads nowhere." : "The name '%s' is too long.",
            s->shown);
        return err_plain(e, NULL, "Check the name.");
    case ENXIO:
    case ENODEV:
        return refuse(e, s, "a socket or a device", "Name a file.");
    default:
        if (e->code == ERR_INTERNAL)
            e->code = ERR_INPUT;
        return -1;
    }
}

static int check_size(const struct origin *s, int64_t max_bytes, struct err *e)
{
    if (s->st.st_size == 0) {
        err_set(e, ERR_INPUT, "'%s' is empty", s->shown);
        err_plainf(e, "'%s' is empty.", s->shown);
        return err_plain(e, NULL, "Check that it was copied or recorded completely.");
    }
    if (s->st.st_size > max_bytes) {
        err_set(e, ERR_LIMIT, "'%s' has %" PRId64 " bytes, limit.size is %" PRId64, s->shown,
                (int64_t)s->st.st_size, max_bytes);
        char is[HUMAN_MAX], may[HUMAN_MAX];
        err_plainf(e, "'%s' has %s; that is larger than the %s that are taken.", s->shown,
                   human_size(s->st.st_size, is), human_size(max_bytes, may));
        return err_plain(e, NULL, "Raise the setting limit.size, or make the file smaller.");
    }
    return 0;
}

int origin_open(const char *path, int64_t max_bytes, struct origin *ret, struct err *e)
{
    struct origin s = {.fd = -1};

    show_path(path, s.shown, sizeof s.shown);
    /* look before opening: opening a device or a fifo can have effects of its own */
    if (stat(path, &s.st) < 0)
        return refuse_errno(e, errno, &s);
    if (check_kind(&s, e) < 0)
        return -1;
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return refuse_errno(e, errno, &s);
    if (fstat(fd, &s.st) < 0)
        return refuse_errno(e, errno, &s);
    if (check_kind(&s, e) < 0 ||
        check_size(&s, max_bytes, e) < 0) /* it may be another thing by now */
        return -1;
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    s.fd = STEAL_FD(fd);
    *ret = s;
    return 0;
}

void origin_close(struct origin *s)
{
    fd_close(s->fd);
    s->fd = -1;
}

int origin_unchanged(const struct origin *s, struct err *e)
{
    struct stat now;

    if (fstat(s->fd, &now) < 0)
        return refuse_errno(e, errno, s);
    if (now.st_size == s->st.st_size && now.st_mtim.tv_sec == s->st.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == s->st.st_mtim.tv_nsec)
        return 0;
    err_set(e, ERR_CONFLICT, "'%s' changed while it was read: %" PRId64 " then %" PRId64 " bytes",
            s->shown, (int64_t)s->st.st_size, (int64_t)now.st_size);
    err_plainf(e, "'%s' changed while it was being read.", s->shown);
    return err_plain(e, NULL,
                     "Wait until the program that writes it has finished, then try again.");
}
