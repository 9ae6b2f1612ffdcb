/*
 * The folder store: DATA/objects/<key>, DATA/scratch/<owner>/. Objects are plain files of mode
 * 0444; anything that can read files can read them. Both folders are on one file system.
 */
#ifndef STORE_STORE_FS_H
#define STORE_STORE_FS_H

#include "store/store.h"

struct log;
/*
 * Opens the store below data_dir. Nothing is created until something is written, so that a
 * read-only folder can be searched and verified; an absent one is an empty store. log: borrowed,
 * may be NULL. *ret ends with store_free().
 */
int store_fs_open(const char *data_dir, const struct log *log, struct store **ret, struct err *e);

#endif
