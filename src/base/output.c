/* Results under the names that people gave: an unnamed file, then a link, then a rename. */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"

#define LINKS_MAX 40 /* as the kernel follows */

struct output {
    char *shown; /* as the person named it */
    char *path;  /* where it goes, links followed */
    char *dir;   /* the folder of path */
    char *tmp;   /* its name while it is written; NULL: it has none */
    int fd;
    bool direct; /* a pipe or device */
};

/* The folder that holds path, to be freed. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int refuse(struct err *e, const char *path, const char *why, const char *next)
{
    err_set(e, ERR_USAGE, "output %s %s", LOGZ(path), why);
    err_plainf(e, "The output '%.200s' %s.", path, why);
    return err_plain(e, NULL, next);
}

static int not_writable(struct err *e, int errnum, const char *path)
{
    err_errno(e, errnum, "output %s", LOGZ(path));
    if (errnum == ENOSPC || errnum == EDQUOT)
        return -1; /* says it better */
    return err_plainf(e, "The output '%.200s' can not be written there: %s.", path,
                      strerrordesc_np(errnum));
}

/* Follows links whose last target need not exist; what it comes to, to be freed, NULL for a loop. */
static char *follow(const char *path)
{
    CLEANUP_FREE char *at = xstrdup(path);
    char target[PATH_MAX];

    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t n = readlink(at, target, sizeof target - 1);
        if (n < 0) /* no link any more; what else is wrong, opening it will say */
            return STEAL(at);
        target[n] = '\0';
        CLEANUP_FREE char *dir = folder_of(at);
        char *next = target[0] == '/' ? xstrdup(target) : fs_join(dir, target);
        mem_free(at);
        at = next;
    }
    return NULL;
}

/* What is there under the name decides: *ret_mode is 0 for nothing. */
static int look(struct output *o, const char *path, enum output_kind kind, mode_t *ret_mode,
                struct err *e)
{
    struct stat st;

    *ret_mode = 0;
    if (path[0] == '\0') {
        err_set(e, ERR_USAGE, "empty name of output");
        return err_plain(e, "The output has no name.", "Name a file with -o FILE.");
    }
    if (stat(path, &st) == 0) {
        *ret_mode = st.st_mode;
        if (S_ISDIR(st.st_mode))
            return refuse(e, path, "is a folder", "Name a file in it.");
        if (S_ISREG(st.st_mode)) {
            char real[PATH_MAX];
            if (!realpath(path, real))
                return not_writable(e, errno, path);
            if (access(real, W_OK) < 0)
                return not_writable(e, errno, path);
            o->path = xstrdup(real);
            return 0;
        }
        if (kind == OUTPUT_FILE)
            return refuse(e, path, "is a pipe or device, and a file is needed",
                          "Name a file; it can be copied from there.");
        o->direct = true;
        o->path = xstrdup(path);
        return 0;
    }
    if (errno != ENOENT)
        return errno == ENOTDIR ? refuse(e, path, "would lie below a file, not a folder", NULL)
                                : not_writable(e, errno, path);
    if (path[strlen(path) - 1] == '/')
        return refuse(e, path, "names a folder that is not there", "Name a file.");
    o->path = follow(path);
    if (!o->path)
        return not_writable(e, ELOOP, path);
    return 0;
}

/* Has no name until it is whole, where the file system can; else a hidden one beside the target. */
static int open_beside(struct output *o, mode_t mode, struct err *e)
{
    o->dir = folder_of(o->path);
    o->fd = open(o->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (o->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        o->tmp = xasprintf("%s/.tmp-%016" PRIx64, o->dir, random_u64());
        o->fd = open(o->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (o->fd < 0) {
            int why = errno;
            mem_free(STEAL(o->tmp)); /* not ours to remove */
            errno = why;
        }
    }
    if (o->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return refuse(e, o->shown, "lies in a folder that is not there", "Make the folder first.");
    if (o->fd < 0)
        return not_writable(e, errno, o->shown);
    /* somebody else's file in our folder: its permissions are kept as far as we may */
    if (mode != 0 && fchmod(o->fd, mode & 0777) < 0)
        return not_writable(e, errno, o->shown);
    return 0;
}

static int open_direct(struct output *o, struct err *e)
{
    o->fd = open(o->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (o->fd >= 0)
        return 0;
    if (errno == EINTR)
        return err_set(e, ERR_CANCELLED, "waiting for the reader of %s", LOGZ(o->path));
    return not_writable(e, errno, o->shown);
}

int output_open(const char *path, enum output_kind kind, struct output **ret, struct err *e)
{
    CLEANUP(output_free) struct output *o = XNEW(struct output);
    mode_t mode;

    o->fd = -1;
    o->shown = xstrdup(path);
    if (look(o, path, kind, &mode, e) < 0 ||
        (o->direct ? open_direct(o, e) : open_beside(o, mode, e)) < 0)
        return -1;
    *ret = STEAL(o);
    return 0;
}

int output_fd(const struct output *o)
{
    return o->fd;
}

/* Gives the unnamed file a name beside the target, to be renamed: link() itself replaces nothing. */
static int give_name(struct output *o)
{
    char self[64];
    CLEANUP_FREE char *tmp = xasprintf("%s/.tmp-%016" PRIx64, o->dir, random_u64());

    snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
    if (linkat(AT_FDCWD, self, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW) < 0)
        return -1;
    o->tmp = STEAL(tmp);
    return 0;
}

int output_publish(struct output *o, struct err *e)
{
    if (o->direct)
        return 0;
    if (fs_sync_fd(o->fd, e) < 0)
        return err_wrap(e, "output %s", LOGZ(o->shown));
    if (!o->tmp && give_name(o) < 0)
        return not_writable(e, errno, o->shown);
    if (fault_point("output.publish") < 0 || rename(o->tmp, o->path) < 0)
        return not_writable(e, errno, o->shown);
    mem_free(STEAL(o->tmp));
    return fs_sync_dir_of(o->path, e);
}

void output_free(struct output *o)
{
    if (!o)
        return;
    if (o->tmp)
        unlink(o->tmp);
    fd_close(o->fd);
    mem_free(o->tmp);
    mem_free(o->dir);
    mem_free(o->path);
    mem_free(o->shown);
    mem_free(o);
}
