/* Parts of fs.c that its test reaches one by one. Private to base/. */
#ifndef BASE_FS_PRIV_H
#define BASE_FS_PRIV_H

#include "base/err.h"

/* What fs_tmpfile() does where the file system has no O_TMPFILE: a name, taken away at once. */
int fs_tmpfile_linked_(const char *dir, int *ret_fd, struct err *e);

#endif
