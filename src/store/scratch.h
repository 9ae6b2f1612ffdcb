/*
 * The scratch folder of a data folder: DATA/scratch/<owner>/, one a process, locked (flock) while
 * the process lives. The kernel drops the lock however the process ends, so whoever gets it knows
 * that the owner is dead. Inside store/ only; every back end on a local disk uses it.
 *
 * Making a folder and locking it are two steps, and a sweeper may come between them: the maker
 * checks afterwards that the folder it locked is still there, and makes another if not.
 */
#ifndef STORE_SCRATCH_H
#define STORE_SCRATCH_H

#include "store/store_priv.h"

struct scratch;
struct scratch *scratch_new(const char *data_dir); /* creates nothing on the disk */
void scratch_free(struct scratch *sc);             /* removes our folder */

/* Our folder's name and path, made on first use. Borrowed. Any thread. */
int scratch_own(struct scratch *sc, const char **ret_owner, const char **ret_path, struct err *e);
/* A fresh file in our folder: fills fd, name and path of w. */
int scratch_file(struct scratch *sc, struct store_writer *w, struct err *e);

struct scratch_claim {
    int fd; /* the folder, locked; -1 none */
    char *path;
};
/* Answers enum store_claim_result; on GOT *ret is to be ended with scratch_unclaim(). */
int scratch_claim(struct scratch *sc, const char *owner, struct scratch_claim *ret, struct err *e);
/* 1 opened for reading and writing as w, 0 not there */
int scratch_adopt(struct scratch_claim *c, const char *name, struct store_writer *w, struct err *e);
int scratch_unclaim(struct scratch_claim *c, bool remove, struct err *e);

int scratch_sweep(struct scratch *sc, struct err *e);
int scratch_look(struct scratch *sc, struct store_scratch_use *ret, struct err *e);

#endif
