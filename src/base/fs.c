/*
 * Files that survive a crash. Each durable step passes a fault point before and after it, named
 * "fs.STEP.before" and "fs.STEP.after", so that test/fault can kill or fail every one of them.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs_priv.h"
#include "base/hash.h"

#define FS_CHUNK          ((size_t)64 << 10)
#define FS_TREE_DEPTH_MAX 128 /* folders inside folders that fs_remove_tree() goes down */

char *fs_join(const char *a, const char *b)
{
    size_t n = strlen(a);

    while (*b == '/')
        b++;
    if (n == 0)
        return xstrdup(b);
    return xasprintf("%s%s%s", a, a[n - 1] == '/' ? "" : "/", b);
}

/* The folder that holds path; to be freed. */
static char *dir_of(const char *path)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    if (n == 0)
        return xstrdup(".");
    while (n > 1 && path[n - 1] == '/')
        n--;
    return xstrndup(path, n);
}

static int sync_fd(int fd)
{
    if (fault_point("fs.sync.before") < 0)
        return -1;
    int r;
    do {
        r = fsync(fd);
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return -1;
    return fault_point("fs.sync.after");
}

int fs_sync_fd(int fd, struct err *e)
{
    if (sync_fd(fd) < 0)
        return err_errno(e, errno, "sync");
    return 0;
}

static int sync_path(const char *path, int flags, struct err *e)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

    if (fd < 0)
        return err_errno(e, errno, "open '%s' to sync it", path);
    if (sync_fd(fd) < 0)
        return err_errno(e, errno, "sync '%s'", path);
    return 0;
}

int fs_sync_dir_of(const char *path, struct err *e)
{
    CLEANUP_FREE char *dir = dir_of(path);

    return sync_path(dir, O_DIRECTORY, e);
}

static bool is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes one folder; a folder that is there is fine. Looked for first, because mkdir() may say EROFS
 * or EACCES of something that exists; and again, because somebody else may have been faster. */
static int make_dir(const char *path, mode_t mode, struct err *e)
{
    if (is_dir(path))
        return 0;
    if (fault_point("fs.mkdir.before") < 0)
        return err_errno(e, errno, "make folder '%s'", path);
    if (mkdir(path, mode) < 0) {
        int why = errno;
        return is_dir(path) ? 0 : err_errno(e, why, "make folder '%s'", path);
    }
    if (fault_point("fs.mkdir.after") < 0)
        return err_errno(e, errno, "make folder '%s'", path);
    return fs_sync_dir_of(path, e);
}

int fs_mkdirs(const char *path, mode_t mode, struct err *e)
{
    CLEANUP_FREE char *part = xstrdup(path);

    if (path[0] == '\0')
        return err_set(e, ERR_INTERNAL, "make folder: empty path");
    if (is_dir(path))
        return 0;
    for (char *p = part + 1; *p; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        if (make_dir(part, mode, e) < 0)
            return -1;
        *p = '/';
    }
    return make_dir(part, mode, e);
}

int fs_publish(const char *tmp, const char *final, struct err *e)
{
    if (sync_path(tmp, O_NOFOLLOW, e) < 0)
        return err_wrap(e, "publish '%s'", final);
    if (fault_point("fs.publish.before") < 0 || rename(tmp, final) < 0)
        return err_errno(e, errno, "publish '%s': rename", final);
    if (fault_point("fs.publish.after") < 0)
        return err_errno(e, errno, "publish '%s'", final);
    if (fs_sync_dir_of(final, e) < 0)
        return err_wrap(e, "publish '%s'", final);
    return 0;
}

int fs_write_file(const char *path, struct str content, struct err *e)
{
    CLEANUP_FREE char *dir = dir_of(path);
    CLEANUP_FREE char *tmp = xasprintf("%s/.tmp-%016" PRIx64, dir, random_u64());
    CLEANUP_CLOSE int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0)
        return err_errno(e, errno, "write '%s': create", path);
    if (fs_write_all(fd, content.p, content.n, e) < 0 || fs_publish(tmp, path, e) < 0) {
        unlink(tmp); /* gone already when only the last sync failed */
        return err_wrap(e, "write '%s'", path);
    }
    return 0;
}

int fs_write_all(int fd, const void *p, size_t n, struct err *e)
{
    const char *at = p;

    if (fault_point("fs.write") < 0)
        return err_errno(e, errno, "write");
    while (n > 0) {
        ssize_t done = write(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_errno(e, errno, "write");
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

int fs_read_fd(int fd, size_t max, struct buf *out, struct err *e)
{
    char chunk[FS_CHUNK];
    size_t total = 0;

    for (;;) {
        ssize_t got = pread(fd, chunk, sizeof chunk, (off_t)total);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, errno, "read");
        if (got == 0)
            return 0;
        if ((size_t)got > max - total)
            return err_set(e, ERR_LIMIT, "read: longer than %zu bytes", max);
        buf_add(out, chunk, (size_t)got);
        if (!buf_ok(out))
            return err_set(e, ERR_LIMIT, "read: the buffer is full");
        total += (size_t)got;
    }
}

int fs_read_file(const char *path, size_t max, struct buf *out, struct err *e)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, errno, "open '%s'", path);
    if (fs_read_fd(fd, max, out, e) < 0)
        return err_wrap(e, "'%s'", path);
    return 0;
}

static int remove_at(int dir_fd, const char *name, int depth, struct err *e);

static int empty_dir(int dir_fd, const char *name, int depth, struct err *e)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0) /* no folder: the EPERM that brought us here was about the file itself */
        return err_errno(e, errno == ENOTDIR || errno == ELOOP ? EPERM : errno, "remove '%s'",
                         name);
    DIR *d = fdopendir(fd);
    if (!d) {
        err_errno(e, errno, "remove '%s': open", name);
        close(fd);
        return -1;
    }
    int r = 0;
    for (;;) {
        errno = 0;
        const struct dirent *de = readdir(d);
        if (!de) {
            if (errno)
                r = err_errno(e, errno, "remove '%s': list", name);
            break;
        }
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
            continue;
        r = remove_at(fd, de->d_name, depth, e);
        if (r < 0)
            break;
    }
    closedir(d);
    return r;
}

static int remove_at(int dir_fd, const char *name, int depth, struct err *e)
{
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM) /* POSIX says EPERM for a folder, Linux EISDIR */
        return err_errno(e, errno, "remove '%s'", name);
    if (depth == FS_TREE_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "remove '%s': more than %d folders deep", name,
                       FS_TREE_DEPTH_MAX);
    if (empty_dir(dir_fd, name, depth + 1, e) < 0)
        return -1;
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_errno(e, errno, "remove '%s'", name);
    return 0;
}

int fs_remove_tree(const char *path, struct err *e)
{
    if (fault_point("fs.remove.before") < 0)
        return err_errno(e, errno, "remove '%s'", path);
    if (remove_at(AT_FDCWD, path, 0, e) < 0)
        return -1;
    if (fault_point("fs.remove.after") < 0)
        return err_errno(e, errno, "remove '%s'", path);
    return 0;
}

int fs_exists(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return 1;
    if (errno == ENOENT || errno == ENOTDIR)
        return 0;
    return err_errno(e, errno, "look for '%s'", path);
}

static bool entry_is_dir(int dir_fd, const struct dirent *de)
{
    struct stat st;

    if (de->d_type != DT_UNKNOWN)
        return de->d_type == DT_DIR;
    return fstatat(dir_fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int fs_list(const char *dir, int (*fn)(void *arg, const char *dir, const char *name, bool is_dir),
            void *arg, struct err *e)
{
    DIR *d = opendir(dir);

    if (!d)
        return err_errno(e, errno, "list '%s'", dir);
    int r = 0;
    while (r == 0) {
        errno = 0;
        const struct dirent *de = readdir(d);
        if (!de) {
            if (errno)
                r = err_errno(e, errno, "list '%s'", dir);
            break;
        }
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            r = fn(arg, dir, de->d_name, entry_is_dir(dirfd(d), de));
    }
    closedir(d);
    return r;
}

int fs_free_bytes(const char *path, int64_t *ret, struct err *e)
{
    struct statvfs vfs;
    uint64_t bytes;

    if (statvfs(path, &vfs) < 0)
        return err_errno(e, errno, "free space of '%s'", path);
    if (__builtin_mul_overflow((uint64_t)vfs.f_bavail, (uint64_t)vfs.f_frsize, &bytes) ||
        bytes > INT64_MAX)
        bytes = INT64_MAX;
    *ret = (int64_t)bytes;
    return 0;
}

int fs_tmpfile_linked_(const char *dir, int *ret_fd, struct err *e)
{
    CLEANUP_FREE char *path = xasprintf("%s/.tmp-%016" PRIx64, dir, random_u64());
    CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(e, errno, "temporary file in '%s'", dir);
    if (unlink(path) < 0)
        return err_errno(e, errno, "temporary file in '%s'", dir);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int fs_tmpfile(const char *dir, int *ret_fd, struct err *e)
{
    if (fault_point("fs.tmpfile") < 0)
        return err_errno(e, errno, "temporary file in '%s'", dir);
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno == EOPNOTSUPP || errno == EISDIR ||
        errno == EINVAL) /* the file system does not know it */
        return fs_tmpfile_linked_(dir, ret_fd, e);
    return err_errno(e, errno, "temporary file in '%s'", dir);
}
