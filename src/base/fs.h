/*
 * Files that survive a crash: write beside, fsync, rename, fsync the folder. All functions are safe
 * on any thread and take NUL-terminated paths in the kernel's bytes (any language, any length up to
 * PATH_MAX).
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

char *fs_join(const char *a, const char *b); /* a/b, to be freed */
/* Like mkdir -p; each folder made is durable. ERR_CONFLICT where something else has the name. */
int fs_mkdirs(const char *path, mode_t mode, struct err *e);
int fs_sync_dir_of(const char *path, struct err *e); /* fsync the folder that holds path */
int fs_sync_fd(int fd, struct err *e);
/* Syncs the finished file (or folder) tmp, renames it into place and makes that durable. Replaces
 * what is there. Same file system. When only the last sync fails, final has its new content already
 * and tmp is gone. */
int fs_publish(const char *tmp, const char *final, struct err *e);
/* Writes the whole content beside, fsyncs, renames; mode 0644 less the umask. On failure nothing
 * stays beside. A process that is killed may leave a file ".tmp-" and 16 hex digits in the folder.
 */
int fs_write_file(const char *path, struct str content, struct err *e);
/* Reads at most max bytes; ERR_LIMIT beyond, and where out's own limit is lower. Appends to out. */
int fs_read_file(const char *path, size_t max, struct buf *out, struct err *e);
/* The same of a descriptor, from offset 0; its position stays. No pipes. */
int fs_read_fd(int fd, size_t max, struct buf *out, struct err *e);
int fs_write_all(int fd, const void *p, size_t n, struct err *e);
/* Removes a file, or a folder with all below it (at most 128 folders deep: ERR_LIMIT); not
 * following links. Absent is fine. */
int fs_remove_tree(const char *path, struct err *e);
/* 1 exists, 0 not, negative error */
int fs_exists(const char *path, struct err *e);
/* Calls fn for every entry (not "." and ".."), dir and name borrowed; a link to a folder is no
 * folder. Stops at and returns a non-zero answer; a negative one of fn leaves e as it was. No
 * order. */
int fs_list(const char *dir, int (*fn)(void *arg, const char *dir, const char *name, bool is_dir),
            void *arg, struct err *e);
/* Free bytes for an unprivileged user on the file system of path. */
int fs_free_bytes(const char *path, int64_t *ret, struct err *e);
/* An unnamed temporary file in dir (O_TMPFILE, else created and unlinked). Close-on-exec. */
int fs_tmpfile(const char *dir, int *ret_fd, struct err *e);

#endif
