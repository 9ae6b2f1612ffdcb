/*
 * Folders of living and dead processes. All decisions hang on the lock of a folder's own
 * descriptor; nothing is inferred from process ids, times or the content of files.
 */
#include "store/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/hash.h"
#include "store/scratch_path.h"

#define MAKE_TRIES 16 /* a sweeper that catches a folder between mkdir and flock costs one */

struct scratch {
    char *root;
    pthread_mutex_t lock;
    /* protected by lock */
    char owner[STORE_OWNER_MAX];
    char *path; /* NULL until made */
    int fd;     /* the folder, locked */
    uint64_t next;
};

void scratch_path(const char *owner, const char *file, char out[static SCRATCH_PATH_MAX])
{
    snprintf(out, SCRATCH_PATH_MAX, "scratch/%s/%s", owner, file);
}

bool scratch_path_parse(const char *path, char ret_owner[static STORE_OWNER_MAX],
                        char ret_file[static SCRATCH_FILE_MAX])
{
    struct str rest = str_of(path), first, owner;

    if (!str_cut(&rest, '/', &first) || !str_eqz(first, "scratch") ||
        !str_cut(&rest, '/', &owner) || !rest.p)
        return false;
    if (owner.n == 0 || owner.n >= STORE_OWNER_MAX || rest.n == 0 || rest.n >= SCRATCH_FILE_MAX)
        return false;
    snprintf(ret_owner, STORE_OWNER_MAX, "%.*s", STR_ARG(owner));
    snprintf(ret_file, SCRATCH_FILE_MAX, "%.*s", STR_ARG(rest));
    return true;
}

struct scratch *scratch_new(const char *data_dir)
{
    struct scratch *sc = XNEW(struct scratch);

    sc->root = fs_join(data_dir, "scratch");
    sc->fd = -1;
    pthread_mutex_init(&sc->lock, NULL);
    return sc;
}

void scratch_free(struct scratch *sc)
{
    struct err ignored = {0}; /* what stays is swept by the next process */

    if (!sc)
        return;
    if (sc->path)
        fs_remove_tree(sc->path, &ignored);
    fd_close(sc->fd);
    free(sc->path);
    free(sc->root);
    pthread_mutex_destroy(&sc->lock);
    free(sc);
}

static bool owner_ok(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n >= STORE_OWNER_MAX)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Is the folder behind fd still the one that path names? */
static bool still_there(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* 1 made and locked, 0 a sweeper was quicker, negative error */
static int make_own_locked(struct scratch *sc, struct err *e)
{
    CLEANUP_FREE char *path = NULL;
    CLEANUP_CLOSE int fd = -1;
    char owner[STORE_OWNER_MAX];

    snprintf(owner, sizeof owner, "%d-%016" PRIx64, (int)getpid(), random_u64());
    path = fs_join(sc->root, owner);
    if (fault_point("scratch.make") < 0 || mkdir(path, 0700) < 0)
        return err_errno(e, errno, "make scratch folder '%s'", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(e, errno, "open scratch folder '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? 0 : err_errno(e, errno, "lock scratch folder '%s'", path);
    if (!still_there(fd, path))
        return 0;
    memcpy(sc->owner, owner, sizeof owner);
    sc->path = STEAL(path);
    sc->fd = fd;
    fd = -1;
    return 1;
}

static int own_locked(struct scratch *sc, struct err *e)
{
    if (sc->path)
        return 0;
    if (fs_mkdirs(sc->root, 0755, e) < 0)
        return err_wrap(e, "make scratch");
    for (int i = 0; i < MAKE_TRIES; i++) {
        int r = make_own_locked(sc, e);
        if (r != 0)
            return r < 0 ? -1 : 0;
    }
    return err_set(e, ERR_UNAVAILABLE, "scratch folder in '%s' taken away %d times", sc->root,
                   MAKE_TRIES);
}

int scratch_own(struct scratch *sc, const char **ret_owner, const char **ret_path, struct err *e)
{
    pthread_mutex_lock(&sc->lock);
    int r = own_locked(sc, e);
    pthread_mutex_unlock(&sc->lock);
    if (r < 0)
        return -1;
    if (ret_owner)
        *ret_owner = sc->owner; /* never changes once made */
    if (ret_path)
        *ret_path = sc->path;
    return 0;
}

int scratch_file(struct scratch *sc, struct store_writer *w, struct err *e)
{
    const char *dir;

    if (scratch_own(sc, NULL, &dir, e) < 0)
        return -1;
    pthread_mutex_lock(&sc->lock);
    uint64_t n = sc->next++;
    pthread_mutex_unlock(&sc->lock);
    snprintf(w->name, sizeof w->name, "%" PRIu64 ".part", n);
    w->path = fs_join(dir, w->name);
    w->fd = open(w->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (w->fd < 0)
        return store_errno(w->store, errno, -1, e, "create scratch file '%s'", w->path);
    return 0;
}

int scratch_claim(struct scratch *sc, const char *owner, struct scratch_claim *ret, struct err *e)
{
    CLEANUP_FREE char *path = NULL;
    CLEANUP_CLOSE int fd = -1;

    if (!owner_ok(owner))
        return STORE_CLAIM_GONE; /* no folder of ours was ever called so */
    path = fs_join(sc->root, owner);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return STORE_CLAIM_GONE;
    if (fd < 0)
        return err_errno(e, errno, "open scratch folder '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return STORE_CLAIM_ALIVE;
        return err_errno(e, errno, "lock scratch folder '%s'", path);
    }
    if (!still_there(fd, path))
        return STORE_CLAIM_GONE;
    ret->path = STEAL(path);
    ret->fd = fd;
    fd = -1;
    return STORE_CLAIM_GOT;
}

int scratch_adopt(struct scratch_claim *c, const char *name, struct store_writer *w, struct err *e)
{
    struct stat st;

    if (!name[0] || strlen(name) >= sizeof w->name || strchr(name, '/') || name[0] == '.')
        return 0;
    int fd = openat(c->fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == EISDIR))
        return 0;
    if (fd < 0)
        return err_errno(e, errno, "open scratch file '%s/%s'", c->path, name);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        fd_close(fd);
        return 0;
    }
    snprintf(w->name, sizeof w->name, "%s", name);
    w->path = fs_join(c->path, name);
    w->fd = fd;
    return 1;
}

int scratch_unclaim(struct scratch_claim *c, bool remove, struct err *e)
{
    int r = remove ? fs_remove_tree(c->path, e) : 0; /* still locked: nobody else looks inside */

    fd_close(c->fd);
    free(c->path);
    *c = (struct scratch_claim){.fd = -1};
    return r;
}

struct sweep {
    struct scratch *sc;
    struct err *e;
    int removed;
};

static int sweep_one(void *arg, const char *dir, const char *name, bool is_dir)
{
    struct sweep *sw = arg;
    struct scratch_claim c = {.fd = -1};

    if (!is_dir)
        return 0;
    int r = scratch_claim(sw->sc, name, &c, sw->e);
    if (r != STORE_CLAIM_GOT)
        return r < 0 ? r : 0;
    if (scratch_unclaim(&c, /* remove */ true, sw->e) < 0)
        return -1;
    sw->removed++;
    return 0;
}

/* 1 there, 0 not: an absent scratch folder is an empty one */
static int root_there(struct scratch *sc, struct err *e)
{
    return fs_exists(sc->root, e);
}

int scratch_sweep(struct scratch *sc, struct err *e)
{
    struct sweep sw = {.sc = sc, .e = e};
    int r = root_there(sc, e);

    if (r > 0)
        r = fs_list(sc->root, sweep_one, &sw, e);
    return r < 0 ? err_wrap(e, "sweep scratch") : sw.removed;
}

struct look {
    struct scratch *sc;
    struct store_scratch_use *use;
    struct err *e;
};

static int64_t bytes_in(int dir_fd)
{
    int64_t sum = 0;
    struct stat st;
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;

    if (!d) {
        fd_close(fd);
        return 0;
    }
    while ((de = readdir(d)))
        if (fstatat(dir_fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            sum += st.st_size;
    closedir(d);
    return sum;
}

static int look_one(void *arg, const char *dir, const char *name, bool is_dir)
{
    struct look *l = arg;
    struct scratch_claim c = {.fd = -1};

    if (!is_dir)
        return 0;
    int r = scratch_claim(l->sc, name, &c, l->e);
    if (r < 0)
        return r;
    if (r == STORE_CLAIM_ALIVE)
        l->use->live++;
    if (r != STORE_CLAIM_GOT)
        return 0;
    l->use->dead++;
    l->use->dead_bytes += bytes_in(c.fd);
    return scratch_unclaim(&c, /* remove */ false, l->e);
}

int scratch_look(struct scratch *sc, struct store_scratch_use *ret, struct err *e)
{
    struct store_scratch_use use = {0};
    struct look l = {.sc = sc, .use = &use, .e = e};
    int r = root_there(sc, e);

    if (r > 0)
        r = fs_list(sc->root, look_one, &l, e);
    if (r < 0)
        return err_wrap(e, "look at scratch");
    *ret = use;
    return 0;
}
