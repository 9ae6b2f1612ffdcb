/*
 * A hash map that remembers the order of insertion: entries lie in an array, and a table of indexes
 * (linear probing, at most three quarters full) finds them. A removed entry leaves a hole until the
 * next rebuild. Keys are hashed with SipHash-1-3 under a seed drawn once a process.
 */
#include "base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"

#define SLOT_EMPTY 0u
#define SLOT_GONE  UINT32_MAX /* was in use: probing goes on behind it */
#define MAP_FIRST  16u
#define MAP_MOST   (1u << 28) /* entries and holes */

struct entry {
    char *key; /* NULL: a hole */
    size_t key_n;
    uint64_t hash;
    void *value;
};
struct map {
    struct entry *entries;
    uint32_t n, n_used, cap; /* living, with holes, room */
    uint32_t *slots;         /* index + 1, SLOT_EMPTY or SLOT_GONE */
    uint32_t n_slots;        /* a power of two */
};

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed[2];

static void make_seed(void)
{
    random_bytes(seed, sizeof seed);
}

static uint64_t rotl(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] = rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] = rotl(v[2], 32);
}

/* SipHash (Aumasson, Bernstein 2012) with one round a word and three at the end */
static uint64_t hash_of(struct str key)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
                     seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573};
    size_t whole = key.n & ~(size_t)7;
    uint64_t m;

    for (size_t i = 0; i < whole; i += 8) {
        memcpy(&m, key.p + i, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    m = (uint64_t)key.n << 56;
    for (size_t i = whole; i < key.n; i++)
        m |= (uint64_t)(unsigned char)key.p[i] << (8 * (i - whole));
    v[3] ^= m;
    sip_round(v);
    v[0] ^= m;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(void)
{
    pthread_once(&seed_once, make_seed);
    return XNEW(struct map);
}

void map_free(struct map *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; i < m->n_used; i++)
        free(m->entries[i].key);
    free(m->entries);
    free(m->slots);
    free(m);
}

size_t map_len(const struct map *m)
{
    return m->n;
}

/* The slot that holds key, or -1. */
static int64_t find(const struct map *m, struct str key, uint64_t hash)
{
    if (m->n == 0)
        return -1;
    uint32_t mask = m->n_slots - 1;
    for (uint32_t at = (uint32_t)hash & mask; m->slots[at] != SLOT_EMPTY; at = (at + 1) & mask) {
        if (m->slots[at] == SLOT_GONE)
            continue;
        const struct entry *en = &m->entries[m->slots[at] - 1];
        if (en->hash == hash && str_eq((struct str){en->key, en->key_n}, key))
            return at;
    }
    return -1;
}

static void put_slot(struct map *m, uint64_t hash, uint32_t index)
{
    uint32_t mask = m->n_slots - 1, at = (uint32_t)hash & mask;

    while (m->slots[at] != SLOT_EMPTY)
        at = (at + 1) & mask;
    m->slots[at] = index + 1;
}

/* Closes the holes and makes room for one more entry. */
static void rebuild(struct map *m)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < m->n_used; i++)
        if (m->entries[i].key)
            m->entries[kept++] = m->entries[i];
    m->n_used = kept;
    uint32_t n_slots = MAP_FIRST;
    while (n_slots / 4 * 3 < 2 * (kept + 1)) /* at most half full after a rebuild, roughly */
        n_slots *= 2;
    uint32_t cap = n_slots / 4 * 3;
    m->entries = xrealloc(m->entries, cap * sizeof *m->entries);
    m->cap = cap;
    free(m->slots);
    m->slots = xcalloc(n_slots, sizeof *m->slots);
    m->n_slots = n_slots;
    for (uint32_t i = 0; i < kept; i++)
        put_slot(m, m->entries[i].hash, i);
}

void *map_get(const struct map *m, struct str key)
{
    int64_t at = find(m, key, hash_of(key));

    return at < 0 ? NULL : m->entries[m->slots[at] - 1].value;
}

void *map_set(struct map *m, struct str key, void *value)
{
    uint64_t hash = hash_of(key);
    int64_t at = find(m, key, hash);

    assert(value);
    if (at >= 0) {
        struct entry *en = &m->entries[m->slots[at] - 1];
        void *before = en->value;
        en->value = value;
        return before;
    }
    if (m->n_used == m->cap) {
        assert(m->n_used < MAP_MOST);
        rebuild(m);
    }
    m->entries[m->n_used] =
        (struct entry){.key = str_dup(key), .key_n = key.n, .hash = hash, .value = value};
    put_slot(m, hash, m->n_used);
    m->n_used++;
    m->n++;
    return NULL;
}

void *map_del(struct map *m, struct str key)
{
    int64_t at = find(m, key, hash_of(key));

    if (at < 0)
        return NULL;
    struct entry *en = &m->entries[m->slots[at] - 1];
    void *value = en->value;
    free(en->key);
    *en = (struct entry){0};
    m->slots[at] = SLOT_GONE;
    m->n--;
    return value;
}

bool map_next(const struct map *m, size_t *it, struct str *ret_key, void **ret_value)
{
    for (; *it < m->n_used; (*it)++) {
        const struct entry *en = &m->entries[*it];
        if (!en->key)
            continue;
        *ret_key = (struct str){en->key, en->key_n};
        *ret_value = en->value;
        (*it)++;
        return true;
    }
    return false;
}
