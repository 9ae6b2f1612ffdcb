/* Object names: what is built parses back, what could escape the store is refused. */
#include "base/test.h"
#include "store/store_name.h"

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define VID "01234567-89ab-7cde-8f01-23456789abcd"

TEST(names_are_built_as_documented)
{
    struct err e = {0};
    char key[STORE_KEY_MAX];

    CHECK_OK(store_name_original(SHA, key, &e));
    CHECK_STR(key, "originals/9f/" SHA);
    CHECK_OK(store_name_derived(SHA, "media_pass", 3, "0123456789ab", "proxy.mp4", key, &e));
    CHECK_STR(key, "derived/9f/" SHA "/media_pass-v3-0123456789ab/proxy.mp4");
    CHECK_OK(store_name_sidecar(VID, 7, key, &e));
    CHECK_STR(key, "sidecars/" VID "/000007.json");
}

TEST(names_parse_back_to_their_parts)
{
    struct err e = {0};
    char key[STORE_KEY_MAX];
    struct store_name n;

    CHECK_OK(store_name_derived(SHA, "read_text", 0, "00000000000f", "text.json", key, &e));
    CHECK(store_name_parse(str_of(key), &n));
    CHECK_EQ(n.kind, STORE_DERIVED);
    CHECK_STR(n.sha256, SHA);
    CHECK_STR(n.stage, "read_text");
    CHECK_EQ(n.version, 0);
    CHECK_STR(n.params, "00000000000f");
    CHECK_STR(n.name, "text.json");
    CHECK_OK(store_name_sidecar(VID, STORE_VERSION_MAX, key, &e));
    CHECK(store_name_parse(str_of(key), &n));
    CHECK_EQ(n.kind, STORE_SIDECAR);
    CHECK_STR(n.video_id, VID);
    CHECK_EQ(n.version, STORE_VERSION_MAX);
    CHECK_OK(store_name_original(SHA, key, &e));
    CHECK(store_name_parse(str_of(key), &n));
    CHECK_EQ(n.kind, STORE_ORIGINAL);
    CHECK_STR(n.sha256, SHA);
}

TEST(names_with_bad_parts_are_not_built)
{
    static const struct {
        const char *sha, *stage, *params, *name;
        int version;
    } bad[] = {
        {"9f86", "pass", "0123456789ab", "a", 1},
        {SHA, "", "0123456789ab", "a", 1},
        {SHA, "Pass", "0123456789ab", "a", 1},
        {SHA, "pa-ss", "0123456789ab", "a", 1},
        {SHA, "pa/ss", "0123456789ab", "a", 1},
        {SHA, "a123456789012345678901234567890123", "0123456789ab", "a", 1},
        {SHA, "pass", "0123456789a", "a", 1},
        {SHA, "pass", "0123456789AB", "a", 1},
        {SHA, "pass", "0123456789ab", "", 1},
        {SHA, "pass", "0123456789ab", "..", 1},
        {SHA, "pass", "0123456789ab", ".hidden", 1},
        {SHA, "pass", "0123456789ab", "a/b", 1},
        {SHA, "pass", "0123456789ab", "a b", 1},
        {SHA, "pass", "0123456789ab", "\xc3\xa9", 1},
        {SHA, "pass", "0123456789ab", "a", -1},
        {SHA, "pass", "0123456789ab", "a", STORE_VERSION_MAX + 1},
    };
    struct err e = {0};
    char key[STORE_KEY_MAX] = "untouched";

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(store_name_derived(bad[i].sha, bad[i].stage, bad[i].version, bad[i].params,
                                     bad[i].name, key, &e),
                  ERR_INTERNAL);
        CHECK_STR(key, "untouched");
    }
    CHECK_ERR(store_name_sidecar(VID, 0, key, &e), ERR_INTERNAL);
    CHECK_ERR(store_name_sidecar("../../etc", 1, key, &e), ERR_INTERNAL);
    CHECK_ERR(store_name_original("", key, &e), ERR_INTERNAL);
}

TEST(keys_that_could_leave_the_store_are_refused)
{
    static const char *const bad[] = {
        "",       "/",    "a",    "/a/b",  "a/b/",   "a//b",   "../a",  "a/..",
        "a/../b", "a/.b", ".a/b", "a/b c", "a/b\nc", "a/b\\c", "a/%2e", "1/2/3/4/5/6/7/8/9",
    };
    static const char *const good[] = {"a/b", "1/2/3/4/5/6/7/8", "A-Z/a..b", "a/-", "a/b.c_d-e"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (store_key_ok(str_of(bad[i])))
            fail_msg("taken: '%s'", bad[i]);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!store_key_ok(str_of(good[i])))
            fail_msg("refused: '%s'", good[i]);
    CHECK(!store_key_ok((struct str){"a/b\0c", 5}));
    CHECK(!store_key_ok((struct str){NULL, 0}));

    char longest[STORE_KEY_MAX + 1];
    memset(longest, 'a', sizeof longest);
    longest[100] = longest[200] = '/';
    CHECK(store_key_ok((struct str){longest, STORE_KEY_MAX - 1}));
    CHECK(!store_key_ok((struct str){longest, STORE_KEY_MAX}));
    longest[100] = 'a'; /* a part of 200 */
    CHECK(!store_key_ok((struct str){longest, STORE_KEY_MAX - 1}));
}

TEST(names_that_only_look_right_do_not_parse)
{
    static const char *const bad[] = {
        "originals/9e/" SHA,
        "originals/9f/" SHA "/x",
        "originals/9f/9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
        "derived/9f/" SHA "/pass-v1-0123456789ab",
        "derived/9f/" SHA "/pass-v01-0123456789ab/a",
        "derived/9f/" SHA "/pass-v-0123456789ab/a",
        "derived/9f/" SHA "/pass-v+1-0123456789ab/a",
        "derived/9f/" SHA "/pass-1-0123456789ab/a",
        "derived/9f/" SHA "/pass-v1-0123456789ab-x/a",
        "derived/9f/" SHA "/pass-v9999999-0123456789ab/a",
        "derived/9f/" SHA "/pass-v99999999999999999999-0123456789ab/a",
        "sidecars/" VID "/7.json",
        "sidecars/" VID "/000000.json",
        "sidecars/" VID "/-00001.json",
        "sidecars/" VID "/000001.jsom",
        "sidecars/nobody/000001.json",
        "other/9f/" SHA,
    };
    struct store_name n;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (store_name_parse(str_of(bad[i]), &n))
            fail_msg("parsed: '%s'", bad[i]);
        CHECK_EQ(n.kind, STORE_OTHER);
    }
}

TEST(params_hash_is_the_start_of_the_sha256)
{
    char out[STORE_PARAMS_HEX_MAX];

    store_params_hash(STR("test"), out);
    CHECK_STR(out, "9f86d081884c");
}

TEST_MAIN
