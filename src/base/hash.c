/* SHA-256 through libcrypto's EVP interface; random bytes from the kernel; version 7 UUIDs. */
#include "base/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

#define SHA256_SIZE 32

struct sha256 {
    EVP_MD_CTX *ctx;
};

/* These fail only without memory, or when libcrypto has no SHA-256: neither leaves anything to do.
 */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

struct sha256 *sha256_new(void)
{
    struct sha256 *s = XNEW(struct sha256);

    s->ctx = EVP_MD_CTX_new();
    must(s->ctx != NULL);
    must(EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL));
    return s;
}

void sha256_free(struct sha256 *s)
{
    if (!s)
        return;
    EVP_MD_CTX_free(s->ctx);
    free(s);
}

void sha256_add(struct sha256 *s, const void *p, size_t n)
{
    if (n)
        must(EVP_DigestUpdate(s->ctx, p, n));
}

void sha256_hex(struct sha256 *s, char out[static SHA256_HEX_MAX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[SHA256_SIZE];

    must(EVP_DigestFinal_ex(s->ctx, raw, NULL));
    for (size_t i = 0; i < sizeof raw; i++) {
        out[2 * i] = digits[raw[i] >> 4];
        out[2 * i + 1] = digits[raw[i] & 15];
    }
    out[2 * sizeof raw] = '\0';
}

void sha256_hex_of(struct str bytes, char out[static SHA256_HEX_MAX])
{
    CLEANUP(sha256_free) struct sha256 *s = sha256_new();

    sha256_add(s, bytes.p, bytes.n);
    sha256_hex(s, out);
}

static bool is_lower_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool sha256_is_hex(struct str s)
{
    if (s.n != SHA256_HEX_MAX - 1)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_lower_hex(s.p[i]))
            return false;
    return true;
}

void random_bytes(void *out, size_t n)
{
    char *p = out;

    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* identifiers that strangers can guess are worse than none */
        p += got;
        n -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t v;

    random_bytes(&v, sizeof v);
    return v;
}

/*
 * Milliseconds << 12 with the fraction of the millisecond below (RFC 9562, section 6.2, method 3),
 * made to grow by at least one from call to call, so that UUIDs of one process sort in the order
 * they were made. A clock that was set back by more than a second is believed.
 */
static uint64_t uuid_ticks(void)
{
    static _Atomic uint64_t last;
    int64_t us = clock_now_us();
    uint64_t now = us < 0 ? 0 : (uint64_t)us / 1000 << 12 | (uint64_t)us % 1000 * 4096 / 1000;
    uint64_t before = atomic_load(&last), next;

    do {
        next = now > before || before - now > (uint64_t)1000 << 12 ? now : before + 1;
    } while (!atomic_compare_exchange_weak(&last, &before, next));
    return next;
}

char *uuid_new(char out[static UUID_MAX])
{
    uint64_t ticks = uuid_ticks(), low = random_u64();
    uint64_t ms = ticks >> 12;

    snprintf(out, UUID_MAX, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(ms >> 16 & 0xffffffff),
             (unsigned)(ms & 0xffff), (unsigned)(ticks & 0xfff),
             (unsigned)(0x8000 | (low >> 48 & 0x3fff)), (unsigned long long)(low & 0xffffffffffff));
    return out;
}

bool uuid_is(struct str s)
{
    if (s.n != UUID_MAX - 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.p[i] != '-' : !is_lower_hex(s.p[i]))
            return false;
    }
    return true;
}
