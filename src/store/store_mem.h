/* A store in memory, for tests: same promises, gone with the process. Scratch is memfd files; every
 * owner is alive. */
#ifndef STORE_STORE_MEM_H
#define STORE_STORE_MEM_H

#include "store/store.h"

struct store *store_mem_new(void);

#endif
