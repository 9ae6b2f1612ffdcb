#include "base/hash.h"
#include "base/map.h"
#include "base/test.h"

TEST(map_set_get_del)
{
    CLEANUP(map_free) struct map *m = map_new();
    int a = 1, b = 2;

    CHECK(map_get(m, STR("x")) == NULL);
    CHECK(map_del(m, STR("x")) == NULL);
    CHECK(map_set(m, STR("x"), &a) == NULL);
    CHECK(map_set(m, STR("x"), &b) == &a);
    CHECK(map_get(m, STR("x")) == &b);
    CHECK_EQ(map_len(m), 1);
    CHECK(map_del(m, STR("x")) == &b);
    CHECK(map_get(m, STR("x")) == NULL);
    CHECK_EQ(map_len(m), 0);
    map_free(NULL);
}

TEST(map_keys_are_copied_and_may_hold_any_byte)
{
    CLEANUP(map_free) struct map *m = map_new();
    int v[5];
    char key[] = "abc";
    struct str keys[] = {{key, 3}, {NULL, 0}, {"a\0b", 3}, {"a\0c", 3}, {"\xff\xfe", 2}};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        CHECK(map_set(m, keys[i], &v[i]) == NULL);
    key[0] = 'X';
    CHECK(map_get(m, STR("abc")) == &v[0]);
    CHECK(map_get(m, STR("")) == &v[1]);
    CHECK(map_get(m, (struct str){"a\0b", 3}) == &v[2]);
    CHECK(map_get(m, (struct str){"a\0c", 3}) == &v[3]);
    CHECK(map_get(m, STR("\xff\xfe")) == &v[4]);
    CHECK(map_get(m, STR("a")) == NULL);
}

TEST(map_walks_in_insertion_order)
{
    CLEANUP(map_free) struct map *m = map_new();
    char name[16];
    int values[1000], want = 0;
    struct str key;
    void *value;

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "k%d", i);
        map_set(m, str_of(name), &values[i]);
    }
    for (int i = 0; i < 1000; i += 3) {
        snprintf(name, sizeof name, "k%d", i);
        CHECK(map_del(m, str_of(name)) == &values[i]);
    }
    for (size_t it = 0; map_next(m, &it, &key, &value); want++) {
        if (want % 3 == 0)
            want++;
        CHECK(value == &values[want]);
        snprintf(name, sizeof name, "k%d", want);
        CHECK(str_eqz(key, name));
    }
    CHECK(want >= 999);
    map_set(m, STR("k1"), &values[0]); /* a new value does not move a key */
    size_t it = 0;
    CHECK(map_next(m, &it, &key, &value));
    CHECK(str_eqz(key, "k1") && value == &values[0]);
}

/* The same random operations on a map and on an array that is searched from front to back. */
TEST(map_agrees_with_a_plain_array)
{
    enum { KEYS = 300, STEPS = 60000 };
    CLEANUP(map_free) struct map *m = map_new();
    static int values[STEPS];
    int *model[KEYS] = {0};
    size_t n = 0;
    uint64_t r = random_u64() | 1;

    print_message("# seed %llu\n", (unsigned long long)r);
    for (int i = 0; i < STEPS; i++) {
        r ^= r << 13;
        r ^= r >> 7;
        r ^= r << 17;
        size_t k = r % KEYS;
        char key[16];
        snprintf(key, sizeof key, "key-%zu", k);
        switch (r >> 32 & 3) {
        case 0:
            CHECK(map_del(m, str_of(key)) == model[k]);
            n -= model[k] != NULL;
            model[k] = NULL;
            break;
        case 1:
            CHECK(map_get(m, str_of(key)) == model[k]);
            break;
        default:
            CHECK(map_set(m, str_of(key), &values[i]) == model[k]);
            n += model[k] == NULL;
            model[k] = &values[i];
        }
        CHECK_EQ(map_len(m), n);
    }
    size_t walked = 0;
    struct str key;
    void *value;
    for (size_t it = 0; map_next(m, &it, &key, &value); walked++)
        CHECK(map_get(m, key) == value);
    CHECK_EQ(walked, n);
}

TEST(map_that_is_filled_and_emptied_does_not_grow_for_ever)
{
    CLEANUP(map_free) struct map *m = map_new();
    int v;
    char key[24];

    for (int i = 0; i < 200000; i++) { /* a queue of 10: each rebuild must close the holes */
        snprintf(key, sizeof key, "%d", i);
        map_set(m, str_of(key), &v);
        if (i >= 10) {
            snprintf(key, sizeof key, "%d", i - 10);
            CHECK(map_del(m, str_of(key)) == &v);
        }
    }
    CHECK_EQ(map_len(m), 10);
    size_t it = 0;
    struct str k;
    void *value;
    CHECK(map_next(m, &it, &k, &value));
    CHECK(it < 1000); /* the walk's position tells how many holes lie before the first key */
}

TEST_MAIN
