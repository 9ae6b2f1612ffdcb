/* Edit distance against the plain full table. */
#include "index/edit.h"

#include "base/test.h"

static size_t plain(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    static size_t d[32][32];

    for (size_t i = 0; i <= na; i++) {
        for (size_t j = 0; j <= nb; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] =
                MIN(MIN(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[na][nb];
}

static size_t between(const char *x, const char *y, size_t most)
{
    uint32_t a[EDIT_CHARS_MAX], b[EDIT_CHARS_MAX];
    size_t na = edit_chars(str_of(x), a), nb = edit_chars(str_of(y), b);

    return edit_distance(a, na, b, nb, most);
}

TEST(edit_known_distances)
{
    CHECK_EQ(between("kitten", "sitting", 5), 3);
    CHECK_EQ(between("ronaldo", "ronalod", 2), 1);
    CHECK_EQ(between("", "abc", 5), 3);
    CHECK_EQ(between("abc", "", 2), 3); /* further than asked */
    CHECK_EQ(between("same", "same", 0), 0);
    CHECK_EQ(between("same", "some", 0), 1);
    CHECK_EQ(between("東京都", "東都", 1), 1);
}

TEST(edit_long_texts_are_cut)
{
    CLEANUP_BUF struct buf text = {0};
    uint32_t a[EDIT_CHARS_MAX];

    for (int i = 0; i < 2 * EDIT_CHARS_MAX; i++)
        buf_addc(&text, 'a' + i % 7);
    CHECK_EQ(edit_chars(buf_str(&text), a), EDIT_CHARS_MAX);
    CHECK_EQ(edit_distance(a, EDIT_CHARS_MAX, a, EDIT_CHARS_MAX, EDIT_CHARS_MAX), 0);
    CHECK_EQ(edit_distance(a, EDIT_CHARS_MAX, a, 0, EDIT_CHARS_MAX), EDIT_CHARS_MAX);
}

TEST(edit_agrees_with_the_full_table)
{
    uint64_t seed = 88172645463325252u;

    for (int round = 0; round < 20000; round++) {
        uint32_t a[12], b[12];
        size_t na, nb;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        na = seed % 11;
        nb = (seed >> 8) % 11;
        for (size_t i = 0; i < na; i++)
            a[i] = 'a' + (uint32_t)((seed >> (16 + 2 * i)) % 3);
        for (size_t i = 0; i < nb; i++)
            b[i] = 'a' + (uint32_t)((seed >> (40 + 2 * i)) % 3);
        size_t want = plain(a, na, b, nb);
        for (size_t most = 0; most < 13; most++)
            CHECK_EQ(edit_distance(a, na, b, nb, most), MIN(want, most + 1));
    }
}

TEST_MAIN
