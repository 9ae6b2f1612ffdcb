/* Walking a folder of objects in order. Inside store/ only. */
#ifndef STORE_FS_LIST_H
#define STORE_FS_LIST_H

#include "store/store.h"

/* store_list() on the folder root; an absent one is empty. */
int fs_list_tree(const char *root, const char *prefix,
                 int (*fn)(void *arg, const struct store_entry *en), void *arg, struct err *e);

#endif
