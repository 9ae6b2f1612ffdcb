/*
 * The object store: key -> immutable bytes, durable. One struct of functions, three back ends: a
 * folder (store_fs.h), an S3 bucket (later) and memory (store_mem.h, tests).
 *
 * An object is written in scratch, then committed under its key in one step: no reader ever sees
 * half of it, and after a crash it is either there whole or not at all. Keys are checked here
 * (store_name.h); a bad one is ERR_INTERNAL. All functions may be called from any thread; one
 * writer is used by one thread at a time. Failures of the medium are ERR_STORAGE; a full disk says
 * in plain words how much was needed and how much is free.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store_name.h"

struct store;
struct store_writer;

struct store_info {
    int64_t size;
    int64_t modified_ms; /* when it was committed last (kept ones count as committed again) */
};

/* Ends the back end and this process's scratch. NULL is fine. No writer or claim may be left. */
void store_free(struct store *s);
CLEANUP_DEFINE(store_free, struct store *);

/* ---- writing ---- */

/*
 * Starts an object in scratch. need_bytes is how large it will be, for an early answer on a full
 * disk (ERR_STORAGE); -1 when not known. *ret is the caller's, to be ended with
 * store_writer_free().
 */
int store_begin(struct store *s, int64_t need_bytes, struct store_writer **ret, struct err *e);
/* Throws the scratch file away unless it was committed. NULL is fine. */
void store_writer_free(struct store_writer *w);
CLEANUP_DEFINE(store_writer_free, struct store_writer *);

/*
 * The scratch file, open for reading and writing at offset 0, for someone else to write into (a
 * media child). Borrowed: good until commit or free. Taking it means that commit reads the file
 * once to know its hash.
 */
int store_writer_fd(struct store_writer *w);
/* Appends, hashing on the way. Not after store_writer_fd(). */
int store_write(struct store_writer *w, const void *p, size_t n, struct err *e);
/*
 * Appends all that can be read from src_fd (from its present offset), reading it once. More than
 * max_bytes is ERR_LIMIT. progress, when given, is called now and then with the bytes done;
 * non-zero from it is ERR_CANCELLED. Failing to read the source is ERR_INPUT; failing to write is
 * ERR_STORAGE.
 */
int store_write_from(struct store_writer *w, int src_fd, int64_t max_bytes,
                     int (*progress)(void *arg, int64_t done), void *arg, struct err *e);
/*
 * Ends writing: the content is durable in scratch (fsync) and size and hash are known. Commit does
 * it where the caller did not; between the two a caller can write down what it is about to commit.
 * Nothing may be written afterwards.
 */
int store_writer_finish(struct store_writer *w, struct err *e);
/* After finish or commit. */
int64_t store_writer_size(const struct store_writer *w);
const char *store_writer_sha256(const struct store_writer *w); /* borrowed from w */

enum store_mode {
    STORE_KEEP,    /* a key that is there with other content: ERR_CONFLICT */
    STORE_REPLACE, /* a key that is there with other content is replaced in one step */
};
enum store_commit { STORE_NEW, STORE_SAME, STORE_REPLACED };
/*
 * Publishes the content under key, read-only: durable when it returns. With the same content
 * already there that object is kept (its time is renewed, so that orphan removal leaves it alone):
 * STORE_SAME. On failure nothing is visible and the writer may be committed again or freed.
 */
int store_commit(struct store_writer *w, const char *key, enum store_mode mode, struct err *e);
/* begin, write, commit. ret_info may be NULL. */
int store_put(struct store *s, const char *key, struct str content, enum store_mode mode,
              struct err *e);

/* ---- reading ---- */

/* 1 there (*ret filled, ret may be NULL), 0 not, negative error */
int store_stat(struct store *s, const char *key, struct store_info *ret, struct err *e);
/* A descriptor to the whole object, read-only, seekable, at offset 0, close-on-exec; the caller's.
 * ERR_NOT_FOUND. */
int store_fetch(struct store *s, const char *key, int *ret_fd, struct err *e);
/* Appends the content to out; ERR_LIMIT when it is larger than max. ERR_NOT_FOUND. */
int store_read(struct store *s, const char *key, size_t max, struct buf *out, struct err *e);
/* Reads the object once and tells what it holds. progress as above. ERR_NOT_FOUND. */
int store_hash(struct store *s, const char *key, int (*progress)(void *arg, int64_t done),
               void *arg, struct store_info *ret, char ret_sha256[static SHA256_HEX_MAX],
               struct err *e);
/* The same of an open file, from its start whatever its offset is. Failing to read is ERR_STORAGE. */
int store_hash_fd(int fd, int (*progress)(void *arg, int64_t done), void *arg, int64_t *ret_size,
                  char ret_sha256[static SHA256_HEX_MAX], struct err *e);
/* Removes it, durably; 1 removed, 0 was not there. */
int store_remove(struct store *s, const char *key, struct err *e);

struct store_entry {
    const char *key; /* borrowed; for what is not ours the path below objects/, at most PATH_MAX
                        bytes, any bytes */
    struct store_info info;
    bool foreign; /* not a key, or not a plain file: nothing this store wrote */
};
/*
 * Calls fn for every object whose key begins with prefix ("" for all), in order of the key's parts.
 * Non-zero from fn ends the walk and is returned. Objects that come or go meanwhile may be seen or
 * not. fn may remove the entry.
 */
int store_list(struct store *s, const char *prefix,
               int (*fn)(void *arg, const struct store_entry *en), void *arg, struct err *e);

/* ---- space ---- */

/* Free bytes for new objects; INT64_MAX where that has no meaning. */
int store_free_bytes(struct store *s, int64_t *ret, struct err *e);
/* ERR_STORAGE with a plain sentence when fewer than need_bytes (and a small reserve) are free. */
int store_need(struct store *s, int64_t need_bytes, struct err *e);

/* ---- scratch ---- */

/*
 * Every process has one scratch folder, made when it is first needed and locked while the process
 * lives; its name is the process's owner name, which rows of unfinished work carry. What a dead
 * process left is found and ended by others.
 */
#define STORE_OWNER_MAX 40
/* Our own name, made with the folder; "" after an error. Borrowed from the store. */
int store_owner(struct store *s, const char **ret, struct err *e);
/* The file's name within the owner's folder, for store_claim_adopt() by a later process. Borrowed
 * from w. */
const char *store_writer_scratch_name(const struct store_writer *w);
/* An unnamed temporary file in scratch: read-write, close-on-exec, the caller's. */
int store_tmpfile(struct store *s, int *ret_fd, struct err *e);

struct store_claim;
enum store_claim_result {
    STORE_CLAIM_GOT,   /* the owner is dead; its folder is locked by us until store_claim_free() */
    STORE_CLAIM_ALIVE, /* the owner lives (or someone else is clearing up after it): hands off */
    STORE_CLAIM_GONE,  /* no such folder any more: the owner is dead and swept */
};
int store_claim(struct store *s, const char *owner, struct store_claim **ret, struct err *e);
/*
 * Takes a file of the dead owner over as a writer of ours. 1 taken (*ret is the caller's), 0 not
 * there. The content is what reached the disk: finish it and compare the hash before trusting it.
 */
int store_claim_adopt(struct store_claim *c, const char *name, struct store_writer **ret,
                      struct err *e);
/* Gives the folder up; it is removed when nothing of it is needed any more (remove = true). */
void store_claim_free(struct store_claim *c, bool remove);
/*
 * Removes the scratch folders of dead processes; returns how many. Work that could be finished from
 * them must have been looked at before (ingress_recover()).
 */
int store_sweep(struct store *s, struct err *e);
struct store_scratch_use {
    int live, dead;     /* folders */
    int64_t dead_bytes; /* in the dead ones */
};
/* What is in scratch; changes nothing. */
int store_scratch_look(struct store *s, struct store_scratch_use *ret, struct err *e);

#endif
