/*
 * Objects: what lies in the object store. A row is written after its bytes are durable, so it never
 * names bytes that may be missing. Originals are named by their content, derived objects by what
 * made them (source hash, kind, stage, stage version, parameters): the same work done twice is the
 * same row, and videos with equal content share objects.
 */
#ifndef DB_DB_OBJECTS_H
#define DB_DB_OBJECTS_H

#include "base/hash.h"
#include "db/db.h"

struct object {
    const char *key; /* name in the store, unique */
    const char
        *source_sha256; /* of the original it was made from; of itself when it is the original */
    const char *kind;   /* "original", "proxy", "poster", "sprite", "frames", "sidecar" … */
    const char *stage;  /* "" for originals */
    int stage_version;
    const char *params_hash; /* hex, "" without parameters */
    const char *mime_type;
    int64_t size_bytes;
    const char *sha256;    /* of the bytes */
    const char *meta_json; /* small facts (width, height, frame …), "" for none */
    int64_t created_at_ms; /* 0: now */
};

/* Adds or replaces the row of this key. 1 new, 0 was there with the same bytes, 2 replaced other
 * bytes. */
int db_object_put(struct tx *tx, const struct object *o, struct err *e);
/* 1 found, 0 none */
int db_object_get(struct tx *tx, struct arena *a, const char *key, struct object *ret,
                  struct err *e);
/* The newest object of a source by kind (stage NULL: any): 1 found, 0 none. Newest is highest stage
 * version, then created last. */
int db_object_find(struct tx *tx, struct arena *a, const char *source_sha256, const char *kind,
                   const char *stage, struct object *ret, struct err *e);
/* All objects of a source, by kind and key. At most DB_OBJECTS_MAX, else ERR_LIMIT. */
#define DB_OBJECTS_MAX 200000
int db_object_of_source(struct tx *tx, struct arena *a, const char *source_sha256,
                        struct object **ret, size_t *ret_n, struct err *e);
/* Is there an original of exactly this size? 1 yes, 0 no. What lets ingest hash before it copies. */
int db_object_size_known(struct tx *tx, int64_t size_bytes, struct err *e);
/* Walks all objects by key, after NULL from the start; *ret_n < limit at the end. */
int db_object_walk(struct tx *tx, struct arena *a, const char *after_key, int limit,
                   struct object **ret, size_t *ret_n, struct err *e);
/* 1 removed, 0 none */
int db_object_del(struct tx *tx, const char *key, struct err *e);
/* Removes the rows of a source; how many. Remove the rows first (committed), then the bytes:
 * orphans are found by verify, rows without bytes are damage. */
int db_object_del_source(struct tx *tx, const char *source_sha256, struct err *e);

struct object_stats {
    int64_t n, size_bytes, original_bytes;
};
int db_object_stats(struct tx *tx, struct object_stats *ret, struct err *e);

#endif
