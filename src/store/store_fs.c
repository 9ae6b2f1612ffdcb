/*
 * The folder store. A finished scratch file becomes an object by one rename within the file system,
 * followed by an fsync of the folder that now names it. Two processes that publish the same key
 * meet in that rename: RENAME_NOREPLACE lets one win, the other compares and keeps what is there.
 */
#include "store/store_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/log.h"
#include "store/fs_list.h"
#include "store/scratch.h"
#include "store/store_priv.h"

#define PUBLISH_TRIES                                                                              \
    16 /* each is lost only when another process removed the last object of the same folder just   \
          now */

struct store_fs {
    struct store base;
    char *data, *objects;
    struct scratch *scratch;
    struct log *log;
};
struct claim_fs {
    struct store_claim base;
    struct scratch_claim c;
};

static struct store_fs *fs_of(struct store *s)
{
    return (struct store_fs *)s;
}

static int fs_scratch_new(struct store *s, struct store_writer *w, struct err *e)
{
    return scratch_file(fs_of(s)->scratch, w, e);
}

static void fs_scratch_drop(struct store_writer *w)
{
    unlink(w->path);
}

/* ---- publishing ---- */

/* Same content? 1 yes, 0 no, negative error. The size decides most cases without reading. */
static int same_content(const struct store_writer *w, const char *final, struct err *e)
{
    CLEANUP_CLOSE int fd = open(final, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char sha256[SHA256_HEX_MAX];
    struct stat st;
    int64_t size;

    if (fd < 0)
        return err_errno(e, errno, "open what is there");
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, "look at what is there");
    if (!S_ISREG(st.st_mode) || st.st_size != w->size)
        return 0;
    if (store_hash_fd(fd, NULL, NULL, &size, sha256, e) < 0)
        return err_wrap(e, "read what is there");
    return size == w->size && strcmp(sha256, w->sha256) == 0;
}

static int keep(struct store_writer *w, const char *final, struct err *e)
{
    if (utimensat(AT_FDCWD, final, NULL, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, errno, "renew the time of what is there");
    /* the one who wrote it may not have come to its sync yet, and our caller is promised a durable
     * object */
    if (fs_sync_dir_of(final, e) < 0)
        return -1;
    w->store->ops->scratch_drop(w);
    return STORE_SAME;
}

/* After the rename: sync the folder. When that fails a new object is taken back, so that a failure
 * shows nothing. */
static int seal(struct store_writer *w, const char *final, enum store_commit outcome, struct err *e)
{
    if (fault_point("store.published") == 0 && fs_sync_dir_of(final, e) == 0)
        return outcome;
    if (e && e->code == ERR_OK)
        store_errno(w->store, errno, -1, e, "publish");
    if (outcome == STORE_NEW)
        (void)!rename(final, w->path);
    return -1;
}

/* rename() that does not replace: 0, or -1 with errno. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (link(from, to) < 0) /* file systems that do not know the flag */
        return -1;
    unlink(from);
    return 0;
}

static int publish_over(struct store_writer *w, const char *final, enum store_mode mode,
                        struct err *e)
{
    int same = same_content(w, final, e);

    if (same < 0)
        return -1;
    if (same)
        return keep(w, final, e);
    if (mode == STORE_KEEP) {
        err_set(e, ERR_CONFLICT, "there is other content already");
        return err_plain(e, "A stored object would have been overwritten with other content.",
                         NULL);
    }
    if (rename(w->path, final) < 0)
        return store_errno(w->store, errno, -1, e, "replace");
    return seal(w, final, STORE_REPLACED, e);
}

static int publish_once(struct store_writer *w, const char *final, enum store_mode mode,
                        struct err *e)
{
    if (fault_point("store.publish") < 0)
        return store_errno(w->store, errno, -1, e, "publish");
    if (rename_new(w->path, final) == 0)
        return seal(w, final, STORE_NEW, e);
    if (errno == EEXIST)
        return publish_over(w, final, mode, e);
    return store_errno(w->store, errno, -1, e, "publish");
}

static int fs_publish_object(struct store_writer *w, const char *key, enum store_mode mode,
                             struct err *e)
{
    CLEANUP_FREE char *final = fs_join(fs_of(w->store)->objects, key);
    CLEANUP_FREE char *dir = xstrndup(final, (size_t)(strrchr(final, '/') - final));

    if (fchmod(w->fd, 0444) < 0)
        return store_errno(w->store, errno, -1, e, "make read-only");
    for (int i = 0;; i++) {
        err_clear(e);
        bool made = fs_mkdirs(dir, 0755, e) == 0;
        int r = made ? publish_once(w, final, mode, e) : -1;
        /* store_remove() takes empty folders away: ours may go between any two steps, also of
         * mkdirs */
        bool gone = e->code == ERR_NOT_FOUND || (!made && e->code == ERR_CONFLICT);
        if (r >= 0 || !gone || i == PUBLISH_TRIES)
            return r;
    }
}

/* ---- reading ---- */

static void info_of(const struct stat *st, struct store_info *ret)
{
    ret->size = st->st_size;
    ret->modified_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static int fs_stat_object(struct store *s, const char *key, struct store_info *ret, struct err *e)
{
    CLEANUP_FREE char *path = fs_join(fs_of(s)->objects, key);
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(e, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return 0;
    info_of(&st, ret);
    return 1;
}

static int fs_fetch(struct store *s, const char *key, int *ret_fd, struct err *e)
{
    CLEANUP_FREE char *path = fs_join(fs_of(s)->objects, key);
    /* O_NONBLOCK: something that is not a file must not hold us; files do not mind */
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return err_errno(e, errno == ELOOP ? ENOENT : errno, "'%s'", path);
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_NOT_FOUND, "'%s' is not a file", path);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int fs_remove_object(struct store *s, const char *key, struct err *e)
{
    CLEANUP_FREE char *path = fs_join(fs_of(s)->objects, key);
    size_t objects_n = strlen(fs_of(s)->objects);

    if (fault_point("store.remove") < 0)
        return err_errno(e, errno, "'%s'", path);
    if (unlink(path) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(e, errno, "'%s'", path);
    if (fs_sync_dir_of(path, e) < 0) {
        if (e->code != ERR_NOT_FOUND)
            return -1;
        err_clear(e); /* someone else removed the last object of the folder, and the folder */
    }
    /* folders that this emptied; a kept one is harmless, so failures do not matter */
    for (char *slash; (slash = strrchr(path, '/')) && (size_t)(slash - path) > objects_n;) {
        *slash = '\0';
        if (rmdir(path) < 0)
            break;
    }
    return 1;
}

static int fs_list_objects(struct store *s, const char *prefix,
                           int (*fn)(void *arg, const struct store_entry *en), void *arg,
                           struct err *e)
{
    return fs_list_tree(fs_of(s)->objects, prefix, fn, arg, e);
}

/* ---- space, scratch
 * -------------------------------------------------------------------------------------------- */

/* The data folder may not exist yet: then the nearest folder above it counts. */
static int fs_free_space(struct store *s, int64_t *ret, struct err *e)
{
    CLEANUP_FREE char *path = xstrdup(fs_of(s)->data);

    for (;;) {
        int r = fs_exists(path, e);
        if (r < 0)
            return -1;
        if (r)
            return fs_free_bytes(path, ret, e);
        char *slash = strrchr(path, '/');
        if (!slash)
            return fs_free_bytes(".", ret, e);
        slash[slash == path] = '\0'; /* "/x" -> "/" */
    }
}

static int fs_owner(struct store *s, const char **ret, struct err *e)
{
    return scratch_own(fs_of(s)->scratch, ret, NULL, e);
}

static int fs_temporary(struct store *s, int *ret_fd, struct err *e)
{
    const char *dir;

    if (scratch_own(fs_of(s)->scratch, NULL, &dir, e) < 0)
        return -1;
    return fs_tmpfile(dir, ret_fd, e);
}

static int fs_claim(struct store *s, const char *owner, struct store_claim **ret, struct err *e)
{
    struct scratch_claim c = {.fd = -1};
    int r = scratch_claim(fs_of(s)->scratch, owner, &c, e);

    if (r != STORE_CLAIM_GOT)
        return r;
    struct claim_fs *claim = XNEW(struct claim_fs);
    claim->base.store = s;
    claim->c = c;
    *ret = &claim->base;
    return STORE_CLAIM_GOT;
}

static int fs_claim_adopt(struct store_claim *c, const char *name, struct store_writer *w,
                          struct err *e)
{
    return scratch_adopt(&((struct claim_fs *)c)->c, name, w, e);
}

static void fs_claim_free(struct store_claim *c, bool remove)
{
    struct err e = {0};

    if (scratch_unclaim(&((struct claim_fs *)c)->c, remove, &e) < 0)
        log_warn(fs_of(c->store)->log, "scratch_left cause=%s, continuing", LOGZ(e.text));
    free(c);
}

static int fs_sweep(struct store *s, struct err *e)
{
    return scratch_sweep(fs_of(s)->scratch, e);
}

static int fs_look(struct store *s, struct store_scratch_use *ret, struct err *e)
{
    return scratch_look(fs_of(s)->scratch, ret, e);
}

static void fs_free(struct store *s)
{
    struct store_fs *f = fs_of(s);

    scratch_free(f->scratch);
    log_free(f->log);
    free(f->objects);
    free(f->data);
    free(f);
}

static const struct store_ops fs_ops = {
    .scratch_new = fs_scratch_new,
    .scratch_drop = fs_scratch_drop,
    .publish = fs_publish_object,
    .stat = fs_stat_object,
    .fetch = fs_fetch,
    .remove = fs_remove_object,
    .list = fs_list_objects,
    .free_bytes = fs_free_space,
    .owner = fs_owner,
    .tmpfile = fs_temporary,
    .claim = fs_claim,
    .claim_adopt = fs_claim_adopt,
    .claim_free = fs_claim_free,
    .sweep = fs_sweep,
    .scratch_look = fs_look,
    .free = fs_free,
};

int store_fs_open(const char *data_dir, const struct log *log, struct store **ret, struct err *e)
{
    if (!data_dir || !data_dir[0])
        return err_set(e, ERR_USAGE, "open store: no data folder named");
    struct store_fs *f = XNEW(struct store_fs);
    f->data = xstrdup(data_dir);
    f->objects = fs_join(data_dir, "objects");
    f->scratch = scratch_new(data_dir);
    f->log = log_new(log, "store", NULL);
    f->base = (struct store){.ops = &fs_ops, .where = f->data};
    *ret = &f->base;
    return 0;
}
