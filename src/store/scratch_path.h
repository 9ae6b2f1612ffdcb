/* How rows of unfinished work name a file in scratch: "scratch/OWNER/FILE", relative to the data folder. */
#ifndef STORE_SCRATCH_PATH_H
#define STORE_SCRATCH_PATH_H

#include "store/store.h"

#define SCRATCH_PATH_MAX 128
#define SCRATCH_FILE_MAX 64
void scratch_path(const char *owner, const char *file, char out[static SCRATCH_PATH_MAX]);
/* False: not of that form (nothing of ours). */
bool scratch_path_parse(const char *path, char ret_owner[static STORE_OWNER_MAX],
                        char ret_file[static SCRATCH_FILE_MAX]);

#endif
