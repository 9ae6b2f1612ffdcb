#include <pthread.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/test.h"

/* FIPS 180-4 examples and the empty message */
static const struct {
    const char *text, *want;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

TEST(sha256_known_answers)
{
    char out[SHA256_HEX_MAX];

    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        sha256_hex_of(str_of(vectors[i].text), out);
        CHECK_STR(out, vectors[i].want);
        CHECK(sha256_is_hex(str_of(out)));
    }
    CLEANUP(sha256_free) struct sha256 *million = sha256_new();
    for (int i = 0; i < 10000; i++)
        sha256_add(
            million,
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaa",
            100);
    sha256_hex(million, out);
    CHECK_STR(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    sha256_free(NULL);
}

TEST(sha256_does_not_depend_on_the_pieces)
{
    char text[300], want[SHA256_HEX_MAX], got[SHA256_HEX_MAX];

    random_bytes(text, sizeof text);
    sha256_hex_of((struct str){text, sizeof text}, want);
    for (size_t step = 1; step <= sizeof text; step++) {
        CLEANUP(sha256_free) struct sha256 *s = sha256_new();
        sha256_add(s, NULL, 0);
        for (size_t at = 0; at < sizeof text; at += step)
            sha256_add(s, text + at, MIN(step, sizeof text - at));
        sha256_hex(s, got);
        CHECK_STR(got, want);
    }
}

TEST(sha256_is_hex_table)
{
    char hex[SHA256_HEX_MAX];

    sha256_hex_of(STR("x"), hex);
    CHECK(!sha256_is_hex((struct str){hex, 63}));
    CHECK(!sha256_is_hex(STR("")));
    hex[5] = 'A';
    CHECK(!sha256_is_hex(str_of(hex)));
    hex[5] = 'g';
    CHECK(!sha256_is_hex(str_of(hex)));
    hex[5] = '/';
    CHECK(!sha256_is_hex(str_of(hex)));
}

TEST(random_bytes_fill_everything_and_differ)
{
    unsigned char seen[64] = {0};

    for (int i = 0; i < 64;
         i++) { /* a byte that stays 0 in all rounds was never written: odds 64 * 2^-512 */
        unsigned char now[64] = {0};
        random_bytes(now, sizeof now);
        for (size_t k = 0; k < sizeof now; k++)
            seen[k] |= now[k];
    }
    for (size_t k = 0; k < sizeof seen; k++)
        CHECK(seen[k] != 0);
    CHECK(random_u64() != random_u64());
}

TEST(uuid_is_version_7_and_carries_the_time)
{
    char u[UUID_MAX];

    clock_freeze_ms(0x0123456789ab);
    uuid_new(u);
    clock_thaw();
    CHECK(uuid_is(str_of(u)));
    CHECK(str_starts(str_of(u), STR("01234567-89ab-7")));
    CHECK(u[19] == '8' || u[19] == '9' || u[19] == 'a' || u[19] == 'b');
}

TEST(uuids_sort_in_the_order_they_were_made)
{
    char last[UUID_MAX], now[UUID_MAX];

    uuid_new(last);
    for (int i = 0; i < 20000; i++) {
        uuid_new(now);
        CHECK(strcmp(last, now) < 0);
        memcpy(last, now, sizeof last);
    }
    clock_freeze_ms(clock_now_ms()); /* also when the clock stands */
    for (int i = 0; i < 1000; i++) {
        uuid_new(now);
        CHECK(strcmp(last, now) < 0);
        memcpy(last, now, sizeof last);
    }
    clock_thaw();
}

enum { EACH = 2000, THREADS = 4 };
static void *make_uuids(void *arg)
{
    char(*out)[UUID_MAX] = arg;

    for (int i = 0; i < EACH; i++)
        uuid_new(out[i]);
    return NULL;
}

TEST(uuids_of_threads_differ)
{
    CLEANUP_FREE char(*all)[UUID_MAX] = xcalloc(THREADS * EACH, UUID_MAX);
    CLEANUP(map_free) struct map *seen = map_new();
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, make_uuids, all + i * EACH), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < THREADS * EACH; i++) {
        struct str prefix = {all[i],
                             18}; /* time and counter: already different without the random part */
        CHECK(map_set(seen, prefix, all[i]) == NULL);
    }
}

TEST(uuid_is_table)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {
        {"01890a5d-ac96-774b-bcce-b302099a8057", true},
        {"01890a5d-ac96-774b-bcce-b302099a805", false},
        {"01890a5d-ac96-774b-bcce-b302099a80570", false},
        {"01890A5D-ac96-774b-bcce-b302099a8057", false},
        {"01890a5dxac96-774b-bcce-b302099a8057", false},
        {"01890a5d-ac96-774b-bcce-b302099a805g", false},
        {"0189-a5d-ac96-774b-bcce-b302099a8057", false},
        {"", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_EQ(uuid_is(str_of(rows[i].text)), rows[i].want);
}

TEST_MAIN
