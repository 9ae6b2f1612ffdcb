/* Inside store/ only: what a back end implements, and the writer that all of them share. */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include "store/store.h"

/* The contracts are those of the functions of the same name in store.h; keys have been checked. */
struct store_ops {
    int (*scratch_new)(struct store *s, struct store_writer *w,
                       struct err *e);            /* fills fd, name, where */
    void (*scratch_drop)(struct store_writer *w); /* the file, not the descriptor */
    /* w is finished; answers enum store_commit */
    int (*publish)(struct store_writer *w, const char *key, enum store_mode mode, struct err *e);
    int (*stat)(struct store *s, const char *key, struct store_info *ret, struct err *e);
    int (*fetch)(struct store *s, const char *key, int *ret_fd, struct err *e);
    int (*remove)(struct store *s, const char *key, struct err *e);
    int (*list)(struct store *s, const char *prefix,
                int (*fn)(void *arg, const struct store_entry *en), void *arg, struct err *e);
    int (*free_bytes)(struct store *s, int64_t *ret, struct err *e);
    int (*owner)(struct store *s, const char **ret, struct err *e);
    int (*tmpfile)(struct store *s, int *ret_fd, struct err *e);
    int (*claim)(struct store *s, const char *owner, struct store_claim **ret, struct err *e);
    int (*claim_adopt)(struct store_claim *c, const char *name, struct store_writer *w,
                       struct err *e);
    void (*claim_free)(struct store_claim *c, bool remove);
    int (*sweep)(struct store *s, struct err *e);
    int (*scratch_look)(struct store *s, struct store_scratch_use *ret, struct err *e);
    void (*free)(struct store *s);
};

/* First member of every back end. */
struct store {
    const struct store_ops *ops;
    const char *where; /* for people: the data folder; borrowed from the back end */
};

struct store_claim {
    struct store *store;
};

#define STORE_SCRATCH_NAME_MAX 32
struct store_writer {
    struct store *store;
    int fd;
    char name[STORE_SCRATCH_NAME_MAX]; /* within the owner's folder */
    char *path;                        /* the scratch file; NULL where there is none */
    struct sha256 *hash;               /* NULL once the descriptor was handed out, or at the end */
    bool finished, committed;
    bool broken; /* a sync failed: what the kernel lost it does not report twice, so never commit it
                  */
    int64_t size;
    int64_t flushed; /* bytes that the disk was told to begin with */
    char sha256[SHA256_HEX_MAX];
};

/* Starts an error from errno; a full disk says how much was wanted (-1 not known) and how much is
 * free. */
int store_errno(struct store *s, int errnum, int64_t need_bytes, struct err *e, const char *fmt,
                ...) __attribute__((format(printf, 5, 6)));

#endif
