/* Objects in a map from key to bytes; scratch files are memfds. One lock guards it all: tests are
 * not in a hurry. */
#include "store/store_mem.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/map.h"
#include "store/store_priv.h"

#define MEM_OBJECT_MAX ((size_t)256 << 20)

struct mem_object {
    char *bytes;
    size_t n;
    char sha256[SHA256_HEX_MAX];
    int64_t modified_ms;
};
struct store_mem {
    struct store base;
    pthread_mutex_t lock;
    /* protected by lock */
    struct map *objects;
    uint64_t next;
};

static struct store_mem *mem_of(struct store *s)
{
    return (struct store_mem *)s;
}

static void object_free(struct mem_object *o)
{
    if (!o)
        return;
    free(o->bytes);
    free(o);
}

static int mem_scratch_new(struct store *s, struct store_writer *w, struct err *e)
{
    struct store_mem *m = mem_of(s);

    pthread_mutex_lock(&m->lock);
    snprintf(w->name, sizeof w->name, "%" PRIu64 ".part", m->next++);
    pthread_mutex_unlock(&m->lock);
    w->fd = memfd_create("rushes-object", MFD_CLOEXEC);
    return w->fd < 0 ? err_errno(e, errno, "memory file") : 0;
}

static void mem_scratch_drop(struct store_writer *w)
{
    (void)w;
}

static int publish_locked(struct store_mem *m, const char *key, enum store_mode mode,
                          struct mem_object *o, struct err *e)
{
    struct mem_object *old = map_get(m->objects, str_of(key));

    if (old && old->n == o->n && strcmp(old->sha256, o->sha256) == 0) {
        old->modified_ms = o->modified_ms;
        object_free(o);
        return STORE_SAME;
    }
    if (old && mode == STORE_KEEP)
        return err_set(e, ERR_CONFLICT, "there is other content already");
    object_free(map_set(m->objects, str_of(key), o));
    return old ? STORE_REPLACED : STORE_NEW;
}

static int mem_publish(struct store_writer *w, const char *key, enum store_mode mode, struct err *e)
{
    struct store_mem *m = mem_of(w->store);
    CLEANUP_BUF struct buf bytes = BUF_MAX(MEM_OBJECT_MAX + 1);

    if (fs_read_fd(w->fd, MEM_OBJECT_MAX, &bytes, e) < 0)
        return -1;
    struct mem_object *o = XNEW(struct mem_object);
    o->n = bytes.n;
    o->bytes = buf_steal(&bytes);
    o->modified_ms = clock_now_ms();
    memcpy(o->sha256, w->sha256, sizeof o->sha256);
    pthread_mutex_lock(&m->lock);
    int r = publish_locked(m, key, mode, o, e);
    pthread_mutex_unlock(&m->lock);
    if (r < 0)
        object_free(o);
    return r;
}

static int mem_stat(struct store *s, const char *key, struct store_info *ret, struct err *e)
{
    struct store_mem *m = mem_of(s);

    pthread_mutex_lock(&m->lock);
    const struct mem_object *o = map_get(m->objects, str_of(key));
    if (o)
        *ret = (struct store_info){.size = (int64_t)o->n, .modified_ms = o->modified_ms};
    pthread_mutex_unlock(&m->lock);
    return o != NULL;
}

static int mem_fetch(struct store *s, const char *key, int *ret_fd, struct err *e)
{
    struct store_mem *m = mem_of(s);
    CLEANUP_CLOSE int fd = memfd_create("rushes-object", MFD_CLOEXEC);

    if (fd < 0)
        return err_errno(e, errno, "memory file");
    pthread_mutex_lock(&m->lock);
    const struct mem_object *o = map_get(m->objects, str_of(key));
    int r = o ? fs_write_all(fd, o->bytes, o->n, e) : err_set(e, ERR_NOT_FOUND, "no such object");
    pthread_mutex_unlock(&m->lock);
    if (r < 0)
        return -1;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(e, errno, "rewind");
    *ret_fd = STEAL_FD(fd);
    return 0;
}

static int mem_remove(struct store *s, const char *key, struct err *e)
{
    struct store_mem *m = mem_of(s);

    pthread_mutex_lock(&m->lock);
    struct mem_object *o = map_del(m->objects, str_of(key));
    pthread_mutex_unlock(&m->lock);
    object_free(o);
    return o != NULL;
}

struct keys {
    VEC(char *) v;
};

static void keys_finish(struct keys *k)
{
    VEC_FOREACH (&k->v, it)
        free(*it);
    VEC_FINISH(&k->v);
}

/* The order of the folder store: '/' sorts before everything that a part may hold. */
static int by_parts(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;

    while (*x && *x == *y)
        x++, y++;
    int cx = *x == '/' ? 1 : (unsigned char)*x, cy = *y == '/' ? 1 : (unsigned char)*y;
    return cx - cy;
}

static int mem_list(struct store *s, const char *prefix,
                    int (*fn)(void *arg, const struct store_entry *en), void *arg, struct err *e)
{
    struct store_mem *m = mem_of(s);
    __attribute__((cleanup(keys_finish))) struct keys keys = {0};
    struct str key;
    void *value;
    size_t it = 0;
    int r = 0;

    pthread_mutex_lock(&m->lock);
    while (map_next(m->objects, &it, &key, &value))
        if (str_starts(key, str_of(prefix)))
            VEC_PUSH(&keys.v, str_dup(key));
    pthread_mutex_unlock(&m->lock);
    if (keys.v.n)
        qsort(keys.v.p, keys.v.n, sizeof keys.v.p[0], by_parts);
    for (size_t i = 0; i < keys.v.n && r == 0; i++) {
        struct store_entry en = {.key = keys.v.p[i]};
        if (mem_stat(s, en.key, &en.info, e) == 1)
            r = fn(arg, &en);
    }
    return r;
}

static int mem_free_bytes(struct store *s, int64_t *ret, struct err *e)
{
    *ret = INT64_MAX;
    return 0;
}

static int mem_owner(struct store *s, const char **ret, struct err *e)
{
    *ret = "memory";
    return 0;
}

static int mem_tmpfile(struct store *s, int *ret_fd, struct err *e)
{
    int fd = memfd_create("rushes-scratch", MFD_CLOEXEC);

    if (fd < 0)
        return err_errno(e, errno, "memory file");
    *ret_fd = fd;
    return 0;
}

static int mem_claim(struct store *s, const char *owner, struct store_claim **ret, struct err *e)
{
    return strcmp(owner, "memory") == 0 ? STORE_CLAIM_ALIVE : STORE_CLAIM_GONE;
}

static int mem_sweep(struct store *s, struct err *e)
{
    return 0;
}

static int mem_look(struct store *s, struct store_scratch_use *ret, struct err *e)
{
    *ret = (struct store_scratch_use){.live = 1};
    return 0;
}

static void mem_free_store(struct store *s)
{
    struct store_mem *m = mem_of(s);
    struct str key;
    void *value;
    size_t it = 0;

    while (map_next(m->objects, &it, &key, &value))
        object_free(value);
    map_free(m->objects);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct store_ops mem_ops = {
    .scratch_new = mem_scratch_new,
    .scratch_drop = mem_scratch_drop,
    .publish = mem_publish,
    .stat = mem_stat,
    .fetch = mem_fetch,
    .remove = mem_remove,
    .list = mem_list,
    .free_bytes = mem_free_bytes,
    .owner = mem_owner,
    .tmpfile = mem_tmpfile,
    .claim = mem_claim, /* never GOT: the other two are not reached */
    .sweep = mem_sweep,
    .scratch_look = mem_look,
    .free = mem_free_store,
};

struct store *store_mem_new(void)
{
    struct store_mem *m = XNEW(struct store_mem);

    m->base = (struct store){.ops = &mem_ops, .where = "memory"};
    m->objects = map_new();
    pthread_mutex_init(&m->lock, NULL);
    return &m->base;
}
