/*
 * The walk reads one folder at a time into memory and sorts it, so the order is that of the keys'
 * parts and removing what was just shown does no harm. What the store did not write (links,
 * sockets, names that are no keys, folders too deep) is shown as foreign and not gone into.
 */
#include "store/fs_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    int root_fd;
    const char *prefix;
    size_t prefix_n;
    int (*fn)(void *arg, const struct store_entry *en);
    void *arg;
    struct err *e;
};

struct names {
    VEC(char *) v;
};

static void names_finish(struct names *n)
{
    VEC_FOREACH (&n->v, it)
        free(*it);
    VEC_FINISH(&n->v);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* 1 read, 0 the folder is gone, negative error */
static int read_names(struct walk *w, const char *dir, struct names *ret)
{
    int fd =
        openat(w->root_fd, dir[0] ? dir : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(w->e, errno, "list objects in '%s'", dir);
    DIR *d = fdopendir(fd);
    if (!d) {
        err_errno(w->e, errno, "list objects in '%s'", dir);
        fd_close(fd);
        return -1;
    }
    for (;;) {
        errno = 0;
        const struct dirent *de = readdir(d);
        if (!de)
            break;
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            VEC_PUSH(&ret->v, xstrdup(de->d_name));
    }
    int why = errno;
    closedir(d);
    if (why)
        return err_errno(w->e, why, "list objects in '%s'", dir);
    if (ret->v.n)
        qsort(ret->v.p, ret->v.n, sizeof ret->v.p[0], by_name);
    return 1;
}

/* Could a key below (or equal to) path begin with the prefix? */
static bool on_the_way(const struct walk *w, const char *path, size_t n)
{
    return memcmp(path, w->prefix, MIN(n, w->prefix_n)) == 0 &&
           (n >= w->prefix_n || w->prefix[n] == '/');
}

static int walk_dir(struct walk *w, const char *dir, int depth);

static int walk_entry(struct walk *w, const char *dir, const char *name, int depth)
{
    CLEANUP_FREE char *path = dir[0] ? xasprintf("%s/%s", dir, name) : xstrdup(name);
    struct store_entry en = {.key = path};
    size_t n = strlen(path);
    struct stat st;

    if (fstatat(w->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_errno(w->e, errno, "look at object '%s'", path);
    bool is_dir = S_ISDIR(st.st_mode);
    if (is_dir && n < STORE_KEY_MAX && depth + 1 < STORE_PARTS_MAX)
        return on_the_way(w, path, n) ? walk_dir(w, path, depth + 1) : 0;
    if (n < w->prefix_n || memcmp(path, w->prefix, w->prefix_n) != 0)
        return 0;
    en.info.size = is_dir ? 0 : st.st_size;
    en.info.modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    en.foreign = !S_ISREG(st.st_mode) || !store_key_ok(str_of(path));
    return w->fn(w->arg, &en);
}

static int walk_dir(struct walk *w, const char *dir, int depth)
{
    __attribute__((cleanup(names_finish))) struct names names = {0};
    int r = read_names(w, dir, &names);

    if (r < 0)
        return -1;
    for (size_t i = 0; i < names.v.n; i++) {
        r = walk_entry(w, dir, names.v.p[i], depth);
        if (r != 0)
            return r;
    }
    return 0;
}

int fs_list_tree(const char *root, const char *prefix,
                 int (*fn)(void *arg, const struct store_entry *en), void *arg, struct err *e)
{
    CLEANUP_CLOSE int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct walk w = {.root_fd = root_fd,
                     .prefix = prefix,
                     .prefix_n = strlen(prefix),
                     .fn = fn,
                     .arg = arg,
                     .e = e};

    if (root_fd < 0)
        return errno == ENOENT ? 0 : err_errno(e, errno, "list objects in '%s'", root);
    return walk_dir(&w, "", 0);
}
