/* What text is found by: a table of texts and their tokens, and what must hold for every
 * character. */
#include "index/fold.h"

#include "base/test.h"
#include "index/fold_priv.h"

static const char *words_of(struct str text)
{
    static char out[4096];
    CLEANUP_FOLDED struct folded f = {0};
    CLEANUP_BUF struct buf words = {0};

    fold_text(text, &f);
    fold_words(&f, &words);
    snprintf(out, sizeof(out), "%s", buf_z(&words));
    return out;
}

struct row {
    const char *text, *words;
};
#define BAR " " FOLD_BARRIER " "

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = words_of(str_of(rows[i].text));
        if (strcmp(got, rows[i].words) != 0)
            fail_msg("'%s' folds to '%s', not '%s'", rows[i].text, got, rows[i].words);
    }
}
#define CHECK_ROWS(...)                                                                            \
    do {                                                                                           \
        static const struct row rows_[] = {__VA_ARGS__};                                           \
        check_rows(rows_, ARRAY_LEN(rows_));                                                       \
    } while (0)

TEST(fold_words_and_separators)
{
    CHECK_ROWS({"", ""}, {"   ", ""}, {"...!?", ""}, {"Hello, World!", "hello world"},
               {"my_video-file.MP4", "my video file mp4" BAR "videofile"}, {"a\tb\nc", "a b c"},
               {"5,000 m²", "5 000 m2"}, {"3.14", "3 14"});
}

TEST(fold_addresses_are_found_by_their_parts)
{
    CHECK_ROWS({"www.bcastell.com", "www bcastell com"},
               {"https://www.bcastell.com/a?b=c", "https www bcastell com a b c"},
               {"John.Doe@Example.org", "john doe example org"},
               {"#hashtag @user", "hashtag user"});
}

TEST(fold_case_and_accents)
{
    CHECK_ROWS({"ÀÉÎÕÜ", "aeiou"}, {"Café CAFÉ cafe\u0301", "cafe cafe cafe"},
               {"Ångström \u212B", "angstrom a"}, {"Việt Nam đường ơ", "viet nam duong o"},
               {"Straße STRASSE ẞ", "strasse strasse ss"}, {"ŁÓDŹ łódź", "lodz lodz"},
               {"Øre Æble cœur Þór", "ore aeble coeur thor"}, {"Ελλάδα ΕΛΛΆΔΑ", "ελλαδα ελλαδα"},
               {"Ὀδυσσεύς ΟΔΥΣΣΕΥΣ", "οδυσσευσ οδυσσευσ"}, {"Ёлка ЁЛКА", "елка елка"},
               {"Йод и\u0306од Иод a҂\u0306b", "йод йод иод a b"}, {"ŽIŽEK žižek", "zizek zizek"});
}

TEST(fold_turkish_dots_do_not_matter)
{
    CHECK_ROWS({"İstanbul ISTANBUL ıstanbul istanbul I\u0307stanbul",
                "istanbul istanbul istanbul istanbul istanbul"},
               {"DİYARBAKIR diyarbakır", "diyarbakir diyarbakir"});
}

TEST(fold_composed_and_decomposed_are_one)
{
    CHECK_ROWS({"é e\u0301", "e e"}, {"ế e\u0302\u0301 e\u0301\u0302", "e e e"},
               {"한 \u1112\u1161\u11AB", "한 한"},
               {"が か\u3099 カ\u3099 ｶﾞ ｶ\u3099", "が が が が が"},
               {"ぱ ハ\u309A ﾊﾟ", "ぱ ぱ ぱ"});
}

TEST(fold_width_ligatures_and_other_forms)
{
    CHECK_ROWS({"Ｆｕｌｌ　Ｗｉｄｔｈ１２", "full width12"}, {"ﬁne ﬂow oﬀer", "fine flow offer"},
               {"ｱｲｳ アイウ あいう", "あい いう う あい いう う あい いう う"},
               {"① ½ ㎏ ℡", "1 1 2 kg tel"}, {"𝕳𝖊𝖑𝖑𝖔", "hello"}, {"co\u00ADoperate", "cooperate"},
               {"zero\u200Bwidth", "zerowidth"}, {"Brand™ Name®", "brand name"});
}

TEST(fold_digits_of_all_scripts)
{
    CHECK_ROWS({"٢٠٢٦ ۲۰۲۶ २०२६ ２０２６", "2026 2026 2026 2026"}, {"๒๕๖๙", "2569"}, {"໒໐", "20"});
}

TEST(fold_arabic_and_hebrew_marks_are_optional)
{
    CHECK_ROWS({"الْعَرَبِيَّةُ العربية", "العربيه العربيه"},
               {"أحمد إحمد آحمد احمد", "احمد احمد احمد احمد"}, {"مـــرحبا", "مرحبا"},
               {"یکی يكي", "يكي يكي"}, {"שָׁלוֹם שלום", "שלום שלום"}, {"צה״ל", "צה ל" BAR "צהל"});
}

TEST(fold_vowel_signs_that_mean_something_stay)
{
    CHECK_ROWS({"हिन्दी", "हिन्दी"}, {"தமிழ்", "தமிழ்"}, {"ไทย", "ไท ทย ย"},
               {"น้ำ", "น้ ้\u0e4d \u0e4dา า"});
}

TEST(fold_runs_become_pairs)
{
    CHECK_ROWS({"東京", "東京 京"}, {"京", "京"}, {"東京タワー", "東京 京た たわ わー ー"},
               {"第3回", "第 3 回"}, {"東京tower", "東京 京 tower"}, {"한국어", "한국 국어 어"},
               {"北京,上海", "北京 京 上海 海"}, {"𠮷野家", "𠮷野 野家 家"},
               {"ខ្មែរ", "ខ្ ្ម មែ ែរ រ"}, {"ㄅㄆ", "ㄅㄆ ㄆ"});
}

TEST(fold_emoji_are_words)
{
    CHECK_ROWS({"I ❤️ this👍🏽!", "i ❤ this 👍"}, {"🇯🇵🇩🇪🇺", "🇯🇵 🇩🇪 🇺"},
               {"👨‍👩‍👧", "👨 👩 👧"}, {"1️⃣", "1"}, {"→ ■ ─ ©", ""});
}

TEST(fold_compounds)
{
    CHECK_ROWS({"e-mail", "e mail" BAR "email"},
               {"O’Brien o'brien", "o brien o brien" BAR "obrien obrien"},
               {"l'eau-de-vie", "l eau de vie" BAR "leaudevie"}, {"U.S.A.", "u s a" BAR "usa"},
               {"a-b-c-d-e", "a b c d e"}, {"3-2", "3 2" BAR "32"},
               {"rock 'n' roll", "rock n roll"}, {"end. Start", "end start"}, {"a.bc", "a bc"},
               {"x - y", "x y"}, {"don't stop", "don t stop" BAR "dont"});
}

TEST(fold_ranges_are_bytes_of_the_source)
{
    CLEANUP_FOLDED struct folded f = {0};
    struct str text = STR("Ｗeiß, 東京 ﬁn");

    fold_text(text, &f);
    CHECK_EQ(f.tokens.n, 4);
    CHECK_EQ(f.tokens.p[0].at, 0);
    CHECK_EQ(f.tokens.p[0].n, strlen("Ｗeiß"));
    CHECK_EQ(f.tokens.p[1].at, strlen("Ｗeiß, "));
    CHECK_EQ(f.tokens.p[1].n, strlen("東京"));
    CHECK_EQ(f.tokens.p[2].kind, FOLD_TAIL);
    CHECK_EQ(f.tokens.p[2].at, strlen("Ｗeiß, 東"));
    CHECK_EQ(f.tokens.p[3].at + f.tokens.p[3].n, text.n);
}

TEST(fold_bytes_that_are_not_text_part_words)
{
    CHECK_STR(words_of(STR("ab\xff"
                           "cd\xc3")),
              "ab cd");
    CHECK_STR(words_of(STR("ab\xed\xa0\x80"
                           "cd")),
              "ab cd"); /* a surrogate */
    CHECK_STR(words_of((struct str){"a\0b", 3}), "a b");
    CHECK_STR(words_of(STR(FOLD_BARRIER "x" FOLD_BARRIER)), "x");
}

TEST(fold_long_words_are_cut)
{
    char text[1000];
    CLEANUP_FOLDED struct folded f = {0};

    memset(text, 'a', sizeof(text));
    fold_text((struct str){text, sizeof(text)}, &f);
    CHECK_EQ(f.tokens.n, 1);
    CHECK_EQ(f.tokens.p[0].text_n, FOLD_TOKEN_MAX);
    CHECK_EQ(f.tokens.p[0].n, sizeof(text));
}

TEST(fold_long_texts_are_cut_at_a_character)
{
    CLEANUP_BUF struct buf text = {0};
    CLEANUP_FOLDED struct folded f = {0};

    buf_addc(&text, ' ');
    while (text.n < FOLD_TEXT_MAX + 100)
        buf_addz(&text, "é");
    fold_text(buf_str(&text), &f);
    CHECK(f.cut);
    CHECK_EQ(f.tokens.n, 1);
    CHECK(f.tokens.p[0].at + f.tokens.p[0].n <= FOLD_TEXT_MAX);
    fold_text(STR("short"), &f);
    CHECK(!f.cut);
    CHECK_EQ(f.tokens.n, 1);
}

TEST(fold_many_marks_on_one_letter_are_bounded)
{
    CLEANUP_BUF struct buf text = {0};
    CLEANUP_FOLDED struct folded f = {0};

    buf_addc(&text, 'z');
    for (int i = 0; i < 5000; i++)
        buf_addz(&text, "\u0334\u0315");
    buf_addz(&text, "algo");
    fold_text(buf_str(&text), &f);
    CHECK_EQ(f.tokens.n, 1);
    CHECK(str_eqz(fold_token_text(&f, 0), "zalgo"));
}

/* Folding what was folded changes nothing, tokens are what the database can cut at spaces, and
 * every range lies in the source: for each character, alone and between letters. */
TEST(fold_every_character_is_stable)
{
    CLEANUP_FOLDED struct folded f = {0};
    CLEANUP_FOLDED struct folded again = {0};

    for (uint32_t cp = 1; cp <= 0x10FFFF; cp++) {
        char text[8];
        size_t n = 0;

        if (cp >= 0xD800 && cp <= 0xDFFF)
            continue;
        text[n++] = 'x';
        n += utf8_put(cp, text + n);
        text[n++] = 'y';
        fold_text((struct str){text, n}, &f);
        CHECK(f.tokens.n >= 1);
        for (size_t i = 0; i < f.tokens.n; i++) {
            struct str t = fold_token_text(&f, i);
            CHECK(t.n > 0 && f.tokens.p[i].n > 0 && f.tokens.p[i].at + f.tokens.p[i].n <= n);
            CHECK(utf8_valid(t));
            for (size_t k = 0; k < t.n; k++) {
                unsigned char c = (unsigned char)t.p[k];
                if (!(c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')))
                    fail_msg("U+%04X gives the byte %02x in a token", cp, c);
            }
            if (f.tokens.p[i].kind == FOLD_PAIR)
                continue; /* by itself a pair is folded to itself and its tail */
            fold_text(t, &again);
            if (again.tokens.n < 1 || !str_eq(fold_token_text(&again, 0), t))
                fail_msg("U+%04X is not stable", cp);
        }
    }
}

TEST(fold_pairs_are_stable_too)
{
    CLEANUP_FOLDED struct folded f = {0};

    fold_text(STR("京た"), &f);
    CHECK_EQ(f.tokens.n, 2);
    CHECK(str_eqz(fold_token_text(&f, 0), "京た"));
}

TEST(fold_the_scope_and_barrier_marks_are_in_no_token)
{
    CHECK_STR(words_of(STR("a\xee\x80\x81"
                           "b")),
              "a b"); /* U+E001 */
}

TEST_MAIN
