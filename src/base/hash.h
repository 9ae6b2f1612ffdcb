/* SHA-256 (FIPS 180-4) by libcrypto, incremental and one-shot, and random bytes. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define SHA256_HEX_MAX 65 /* 64 lower-case hex digits and NUL */

struct sha256;
struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *s);
CLEANUP_DEFINE(sha256_free, struct sha256 *);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_hex(struct sha256 *s,
                char out[static SHA256_HEX_MAX]); /* ends it; only free may follow */
void sha256_hex_of(struct str bytes, char out[static SHA256_HEX_MAX]);
bool sha256_is_hex(struct str s); /* 64 digits of 0-9a-f */

void random_bytes(void *out, size_t n);
uint64_t random_u64(void);
#define UUID_MAX 37
/* A version 7 UUID (RFC 9562): sorts by creation time, within a process also inside one
 * millisecond. Any thread. */
char *uuid_new(char out[static UUID_MAX]);
bool uuid_is(struct str s);

#endif
