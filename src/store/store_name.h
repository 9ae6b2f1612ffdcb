/*
 * Names of objects. A key is two to eight parts joined by '/', each of 1..100 characters of
 * [A-Za-z0-9._-] that do not begin with a dot, STORE_KEY_MAX bytes with its NUL in all: safe as a
 * path on any file system and as an S3 key. Three families, each named by what made it, so that a
 * repeated step gives the same name:
 *
 *     originals/ab/SHA256                        the bytes as they came
 *     derived/ab/SHA256/STAGE-vVERSION-PARAMS/NAME   what a stage made of that original
 *     sidecars/VIDEO/VERSION.json                all that is known of a video; six digits
 *
 * "ab" are the first two digits of the hash; PARAMS is 12 hex digits of the SHA-256 of the
 * stage's settings as JSON.
 */
#ifndef STORE_STORE_NAME_H
#define STORE_STORE_NAME_H

#include <stdbool.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#define STORE_KEY_MAX         256
#define STORE_PART_MAX        100
#define STORE_PARTS_MAX       8
#define STORE_PARAMS_HEX_MAX  13 /* 12 digits and NUL */
#define STORE_STAGE_MAX       32 /* [a-z][a-z0-9_]*, with NUL */
#define STORE_VERSION_MAX     999999
#define STORE_PREFIX_ORIGINAL "originals"
#define STORE_PREFIX_DERIVED  "derived"
#define STORE_PREFIX_SIDECAR  "sidecars"

enum store_kind { STORE_OTHER, STORE_ORIGINAL, STORE_DERIVED, STORE_SIDECAR };

/* A key taken apart; only the fields of its kind are set. */
struct store_name {
    enum store_kind kind;
    char sha256[SHA256_HEX_MAX];       /* original, derived: of the original */
    char stage[STORE_STAGE_MAX];       /* derived */
    int version;                       /* derived: of the stage, 0..; sidecar: 1.. */
    char params[STORE_PARAMS_HEX_MAX]; /* derived */
    char name[STORE_PART_MAX + 1];     /* derived: "proxy.mp4" */
    char video_id[UUID_MAX];           /* sidecar */
};

/* Is this a key the store takes? */
bool store_key_ok(struct str key);

/* Each writes the key to out; ERR_INTERNAL when a part is not what the family asks for (outputs
 * untouched). */
int store_name_original(const char *sha256, char out[static STORE_KEY_MAX], struct err *e);
int store_name_derived(const char *sha256, const char *stage, int version, const char *params,
                       const char *name, char out[static STORE_KEY_MAX], struct err *e);
int store_name_sidecar(const char *video_id, int version, char out[static STORE_KEY_MAX],
                       struct err *e);

/* The reverse, strict: true for a key that the three above could have made; STORE_OTHER and false
 * for anything else. */
bool store_name_parse(struct str key, struct store_name *ret);

/* 12 hex digits that stand for a stage's settings (their JSON text, keys in a fixed order). */
void store_params_hash(struct str params, char out[static STORE_PARAMS_HEX_MAX]);

#endif
