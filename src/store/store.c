/*
 * What all back ends share: the checks on keys, and the writer, which is a plain file in scratch
 * that is hashed on the way in. A back end only says where scratch is and how a finished file
 * becomes an object.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/human.h"
#include "store/store_priv.h"

#define CHUNK_BYTES ((size_t)1 << 20)
#define FLUSH_BYTES                                                                                \
    ((int64_t)16 << 20) /* the disk begins to write after so many: less is left for the sync */
#define RESERVE_BYTES ((int64_t)4 << 20) /* left for the database when we refuse to begin */

void store_free(struct store *s)
{
    if (s)
        s->ops->free(s);
}

static int check_key(const char *key, struct err *e)
{
    if (!store_key_ok(str_of(key)))
        return err_set(e, ERR_INTERNAL, "store: '%.200s' is not a key", key ? key : "");
    return 0;
}

/* ---- what people read about space
 * ------------------------------------------------------------------------------ */

static void full_sentence(struct store *s, int64_t need_bytes, struct err *e)
{
    char need[HUMAN_MAX], have[HUMAN_MAX];
    int64_t left;
    struct err ignored = {0}; /* a second failure must not hide the first */

    if (store_free_bytes(s, &left, &ignored) < 0)
        return;
    if (need_bytes > 0)
        err_plainf(e, "The disk that holds %.120s is full: %s needed, %s free.", s->where,
                   human_size(need_bytes, need), human_size(left, have));
    else
        err_plainf(e, "The disk that holds %.120s is full: %s free.", s->where,
                   human_size(left, have));
    err_plain(e, NULL,
              "Make room on the disk or choose another data folder with --data, then try again.");
}

int store_errno(struct store *s, int errnum, int64_t need_bytes, struct err *e, const char *fmt,
                ...)
{
    char what[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    err_errno(e, errnum, "%s", what);
    if (e && (errnum == ENOSPC || errnum == EDQUOT))
        full_sentence(s, need_bytes, e);
    return -1;
}

int store_free_bytes(struct store *s, int64_t *ret, struct err *e)
{
    return s->ops->free_bytes(s, ret, e);
}

int store_need(struct store *s, int64_t need_bytes, struct err *e)
{
    int64_t left;

    if (store_free_bytes(s, &left, e) < 0)
        return err_wrap(e, "free space of the store");
    if (need_bytes <= 0 || (left >= RESERVE_BYTES && left - RESERVE_BYTES >= need_bytes))
        return 0;
    err_set(e, ERR_STORAGE, "%" PRId64 " bytes needed, %" PRId64 " free", need_bytes, left);
    full_sentence(s, need_bytes, e);
    return -1;
}

/* ---- writing ---- */

int store_begin(struct store *s, int64_t need_bytes, struct store_writer **ret, struct err *e)
{
    CLEANUP(store_writer_free) struct store_writer *w = XNEW(struct store_writer);

    w->store = s;
    w->fd = -1;
    if (need_bytes > 0 && store_need(s, need_bytes, e) < 0)
        return err_wrap(e, "begin object");
    if (fault_point("store.begin") < 0)
        return store_errno(s, errno, need_bytes, e, "begin object");
    if (s->ops->scratch_new(s, w, e) < 0)
        return err_wrap(e, "begin object");
    w->hash = sha256_new();
    *ret = STEAL(w);
    return 0;
}

void store_writer_free(struct store_writer *w)
{
    if (!w)
        return;
    if (!w->committed && w->fd >= 0)
        w->store->ops->scratch_drop(w);
    fd_close(w->fd);
    sha256_free(w->hash);
    free(w->path);
    free(w);
}

int store_writer_fd(struct store_writer *w)
{
    sha256_free(w->hash);
    w->hash = NULL;
    return w->fd;
}

int store_write(struct store_writer *w, const void *p, size_t n, struct err *e)
{
    const char *at = p;
    size_t left = n;

    if (!w->hash)
        return err_set(e, ERR_INTERNAL,
                       "store: write to an object that someone else writes, or that is finished");
    while (left) {
        ssize_t did =
            fault_point("store.write") < 0 ? -1 : write(w->fd, at, MIN(left, CHUNK_BYTES));
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return store_errno(w->store, errno, (int64_t)left, e, "write object");
        sha256_add(w->hash, at, (size_t)did);
        at += did;
        left -= (size_t)did;
        w->size += did;
        if (w->size - w->flushed >= FLUSH_BYTES) {
            /* a hint that may fail on some file systems; finish() syncs and looks */
            sync_file_range(w->fd, w->flushed, w->size - w->flushed, SYNC_FILE_RANGE_WRITE);
            w->flushed = w->size;
        }
    }
    return 0;
}

/* Up to n bytes; fewer only at the end. */
static ssize_t read_full(int fd, char *p, size_t n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t did = read(fd, p + got, n - got);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return -1;
        if (did == 0)
            break;
        got += (size_t)did;
    }
    return (ssize_t)got;
}

int store_write_from(struct store_writer *w, int src_fd, int64_t max_bytes,
                     int (*progress)(void *arg, int64_t done), void *arg, struct err *e)
{
    CLEANUP_FREE char *chunk = xmalloc(CHUNK_BYTES);
    int64_t done = 0;

    for (;;) {
        ssize_t got = read_full(src_fd, chunk, CHUNK_BYTES);
        if (got < 0) {
            int why = errno;
            err_errno(e, why, "read source at byte %" PRId64, done);
            e->code = ERR_INPUT;
            err_plain(e, "The file could not be read to its end.",
                      "Check the disk or network folder it is on.");
            return -1;
        }
        if (got == 0)
            return 0;
        done += got;
        if (done > max_bytes)
            return err_set(e, ERR_LIMIT, "source is larger than %" PRId64 " bytes", max_bytes);
        if (store_write(w, chunk, (size_t)got, e) < 0)
            return -1;
        if (progress && progress(arg, done) != 0)
            return err_set(e, ERR_CANCELLED, "copy stopped at byte %" PRId64, done);
    }
}

int store_hash_fd(int fd, int (*progress)(void *arg, int64_t done), void *arg, int64_t *ret_size,
                  char ret_sha256[static SHA256_HEX_MAX], struct err *e)
{
    CLEANUP(sha256_free) struct sha256 *h = sha256_new();
    CLEANUP_FREE char *chunk = xmalloc(CHUNK_BYTES);
    int64_t done = 0;

    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    for (;;) {
        ssize_t got = pread(fd, chunk, CHUNK_BYTES, done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_errno(e, errno, "read at byte %" PRId64, done);
            e->code = ERR_STORAGE;
            return -1;
        }
        if (got == 0)
            break;
        sha256_add(h, chunk, (size_t)got);
        done += got;
        if (progress && progress(arg, done) != 0)
            return err_set(e, ERR_CANCELLED, "stopped at byte %" PRId64, done);
    }
    sha256_hex(h, ret_sha256);
    *ret_size = done;
    return 0;
}

int store_writer_finish(struct store_writer *w, struct err *e)
{
    if (w->finished)
        return 0;
    if (w->broken)
        return err_set(e, ERR_STORAGE, "finish object: an earlier sync failed");
    if (fault_point("store.finish") < 0)
        return store_errno(w->store, errno, -1, e, "finish object");
    if (w->hash) {
        sha256_hex(w->hash, w->sha256);
        sha256_free(w->hash);
        w->hash = NULL;
    } else if (store_hash_fd(w->fd, NULL, NULL, &w->size, w->sha256, e) < 0) {
        return err_wrap(e, "finish object");
    }
    if (fs_sync_fd(w->fd, e) < 0) {
        w->broken = true;
        return err_wrap(e, "finish object");
    }
    w->finished = true;
    return 0;
}

int64_t store_writer_size(const struct store_writer *w)
{
    return w->size;
}

const char *store_writer_sha256(const struct store_writer *w)
{
    return w->sha256;
}

const char *store_writer_scratch_name(const struct store_writer *w)
{
    return w->name;
}

int store_commit(struct store_writer *w, const char *key, enum store_mode mode, struct err *e)
{
    if (check_key(key, e) < 0)
        return -1;
    if (w->committed)
        return err_set(e, ERR_INTERNAL, "store: '%s' committed twice", key);
    if (store_writer_finish(w, e) < 0)
        return err_wrap(e, "store '%s'", key);
    int r = w->store->ops->publish(w, key, mode, e);
    if (r < 0)
        return err_wrap(e, "store '%s'", key);
    w->committed = true;
    return r;
}

int store_put(struct store *s, const char *key, struct str content, enum store_mode mode,
              struct err *e)
{
    CLEANUP(store_writer_free) struct store_writer *w = NULL;

    if (check_key(key, e) < 0 || store_begin(s, (int64_t)content.n, &w, e) < 0)
        return -1;
    if (store_write(w, content.p, content.n, e) < 0)
        return err_wrap(e, "store '%s'", key);
    return store_commit(w, key, mode, e);
}

/* ---- reading ---- */

int store_stat(struct store *s, const char *key, struct store_info *ret, struct err *e)
{
    struct store_info info;

    if (check_key(key, e) < 0)
        return -1;
    int r = s->ops->stat(s, key, &info, e);
    if (r < 0)
        return err_wrap(e, "look at object '%s'", key);
    if (r && ret)
        *ret = info;
    return r;
}

int store_fetch(struct store *s, const char *key, int *ret_fd, struct err *e)
{
    if (check_key(key, e) < 0)
        return -1;
    int r = s->ops->fetch(s, key, ret_fd, e);
    return r < 0 ? err_wrap(e, "open object '%s'", key) : r;
}

int store_read(struct store *s, const char *key, size_t max, struct buf *out, struct err *e)
{
    CLEANUP_CLOSE int fd = -1;

    if (store_fetch(s, key, &fd, e) < 0)
        return -1;
    if (fs_read_fd(fd, max, out, e) < 0)
        return err_wrap(e, "read object '%s'", key);
    return 0;
}

int store_hash(struct store *s, const char *key, int (*progress)(void *arg, int64_t done),
               void *arg, struct store_info *ret, char ret_sha256[static SHA256_HEX_MAX],
               struct err *e)
{
    CLEANUP_CLOSE int fd = -1;
    struct store_info info = {0};
    char sha256[SHA256_HEX_MAX];
    struct stat st;

    if (store_fetch(s, key, &fd, e) < 0)
        return -1;
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, "look at object '%s'", key);
    if (store_hash_fd(fd, progress, arg, &info.size, sha256, e) < 0)
        return err_wrap(e, "hash object '%s'", key);
    info.modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    if (ret)
        *ret = info;
    memcpy(ret_sha256, sha256, sizeof sha256);
    return 0;
}

int store_remove(struct store *s, const char *key, struct err *e)
{
    if (check_key(key, e) < 0)
        return -1;
    int r = s->ops->remove(s, key, e);
    return r < 0 ? err_wrap(e, "remove object '%s'", key) : r;
}

int store_list(struct store *s, const char *prefix,
               int (*fn)(void *arg, const struct store_entry *en), void *arg, struct err *e)
{
    return s->ops->list(s, prefix, fn, arg, e);
}

/* ---- scratch ---- */

int store_owner(struct store *s, const char **ret, struct err *e)
{
    return s->ops->owner(s, ret, e);
}

int store_tmpfile(struct store *s, int *ret_fd, struct err *e)
{
    return s->ops->tmpfile(s, ret_fd, e);
}

int store_claim(struct store *s, const char *owner, struct store_claim **ret, struct err *e)
{
    return s->ops->claim(s, owner, ret, e);
}

int store_claim_adopt(struct store_claim *c, const char *name, struct store_writer **ret,
                      struct err *e)
{
    CLEANUP(store_writer_free) struct store_writer *w = XNEW(struct store_writer);

    w->store = c->store;
    w->fd = -1;
    int r = c->store->ops->claim_adopt(c, name, w, e);
    if (r <= 0)
        return r;
    *ret = STEAL(w); /* no running hash: finish reads the file */
    return 1;
}

void store_claim_free(struct store_claim *c, bool remove)
{
    if (c)
        c->store->ops->claim_free(c, remove);
}

int store_sweep(struct store *s, struct err *e)
{
    return s->ops->sweep(s, e);
}

int store_scratch_look(struct store *s, struct store_scratch_use *ret, struct err *e)
{
    return s->ops->scratch_look(s, ret, e);
}
