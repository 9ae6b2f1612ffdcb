/*
 * A hash map from text to pointers. Keys are copied; values are the caller's. Not safe for
 * concurrent use. Memory comes from xmalloc(): bound what strangers may put in. Lookup is keyed
 * with a per-process random seed, so that strangers can not choose colliding keys.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map;
struct map *map_new(void);
void map_free(struct map *m); /* the values stay */
CLEANUP_DEFINE(map_free, struct map *);
size_t map_len(const struct map *m);
void *map_get(const struct map *m, struct str key); /* NULL when absent */
void *map_set(struct map *m, struct str key,
              void *value); /* value not NULL; returns what was there before */
void *map_del(struct map *m, struct str key);
/* Walks in insertion order: size_t it = 0; while (map_next(m, &it, &key, &value)) … ; no change
 * meanwhile. */
bool map_next(const struct map *m, size_t *it, struct str *ret_key, void **ret_value);

#endif
