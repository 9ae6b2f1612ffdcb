/* What is believed of the words that an engine reads. */
#include "base/test.h"
#include "media/text.h"

struct words {
    const char *text;
    double confidence;
};

/* The line that comes of the words; NULL: none. */
static const char *join(const struct words *w, double *confidence)
{
    static char out[TEXT_LINE_BYTES_MAX + 1];
    CLEANUP_BUF struct buf text = BUF_MAX(TEXT_LINE_BYTES_MAX);
    struct text_line l;

    text_line_init(&l);
    for (; w->text; w++)
        text_line_add(&l, &(struct text_word){str_of(w->text), w->confidence});
    bool keep = text_line_end(&l, &text, confidence);
    text_line_finish(&l);
    CHECK(buf_ok(&text) && utf8_valid(buf_str(&text)));
    snprintf(out, sizeof(out), "%s", buf_z(&text));
    return keep ? out : NULL;
}
#define JOIN(...) join((const struct words[]){__VA_ARGS__, {NULL, 0}}, &confidence)

TEST(sure_words_are_kept_and_lesser_ones_beside_them)
{
    double confidence;
    CHECK_STR(JOIN({"Copyright", 0.96}, {"\xc2\xa9", 0.97}, {"2013", 0.97}),
              "Copyright \xc2\xa9 2013");
    CHECK_NEAR(confidence, 0.963, 0.01);
    CHECK_STR(JOIN({"Score", 0.96}, {"11", 0.87}, {"to", 0.47}, {"9", 0.47}), "Score 11 to 9");
    CHECK_STR(JOIN({"hello", 0.9}, {"w0r", 0.2}, {"world", 0.8}), "hello world");
    CHECK_STR(JOIN({"hello", 0.9}, {"|", 0.5}, {"~~", 0.3}), "hello");
    CHECK_STR(JOIN({"\xe4\xbd\xa0\xe5\xa5\xbd\xe5\x90\x97", 0.9}),
              "\xe4\xbd\xa0\xe5\xa5\xbd\xe5\x90\x97");
}

TEST(leaves_and_bricks_are_no_text)
{
    double confidence;
    CHECK(JOIN({"ent", 0.50}, {"te", 0.47}, {"ye", 0.41}) == NULL);
    CHECK(JOIN({"a", 0.9}) == NULL);
    CHECK(JOIN({"a", 0.9}, {"l", 0.95}, {"i", 0.9}) == NULL);
    CHECK(JOIN({"---", 0.99}, {"...", 0.99}) == NULL);
    CHECK(JOIN({"a~=|/;", 0.9}) == NULL);
    CHECK(JOIN({"", 0.9}) == NULL);
    CHECK(JOIN({"ok", 0.82}, {"murmurs", 0.41}, {"whispers", 0.42}) == NULL);
}

TEST(hostile_words_are_cleaned_or_dropped)
{
    double confidence;
    char monster[2000];
    memset(monster, 'a', sizeof(monster) - 1);
    monster[sizeof(monster) - 1] = 0;
    CHECK_STR(JOIN({"line\nbreak", 0.9}, {"tab\tbed", 0.9}), "linebreak tabbed");
    CHECK_STR(JOIN({"good", 0.9}, {"bad\xff\xfe", 0.9}), "good");
    CHECK_STR(JOIN({"good", 0.9}, {monster, 0.9}), "good");
    CHECK_STR(JOIN({"\xe2\x80\xaegood\xe2\x80\x8b", 0.9}),
              "good"); /* turned round, and of no width */
}

static struct text_line line_of(const struct words *w)
{
    struct text_line l;
    text_line_init(&l);
    for (; w->text; w++)
        text_line_add(&l, &(struct text_word){str_of(w->text), w->confidence});
    return l;
}

TEST(doubt_asks_for_another_look_and_weight_chooses)
{
    struct text_line good = line_of((const struct words[]){{"WE", 0.9}, {"TOOK", 0.9}, {NULL, 0}});
    struct text_line less = line_of((const struct words[]){{"WE", 0.1}, {"TOOK", 0.9}, {NULL, 0}});
    struct text_line none = line_of((const struct words[]){{"|", 0.1}, {NULL, 0}});

    CHECK(!text_line_doubtful(&good));
    CHECK(text_line_doubtful(&less));
    CHECK(!text_line_doubtful(&none)); /* a speck is not worth a look */
    CHECK_NEAR(text_line_weight(&good), 5.4, 1e-9);
    CHECK_NEAR(text_line_weight(&less), 3.6, 1e-9);
    CHECK_NEAR(text_line_weight(&none), 0, 1e-9);
    text_line_finish(&good);
    text_line_finish(&less);
    text_line_finish(&none);
}

TEST(a_line_has_an_end)
{
    double confidence;
    struct text_line l;
    CLEANUP_BUF struct buf text = BUF_MAX(TEXT_LINE_BYTES_MAX);

    text_line_init(&l);
    for (int i = 0; i < 10000; i++)
        text_line_add(&l, &(struct text_word){STR("seven77"), 0.9});
    CHECK(text_line_end(&l, &text, &confidence));
    CHECK(buf_ok(&text));
    CHECK(text.n <= TEXT_LINE_BYTES_MAX && text.n > TEXT_LINE_BYTES_MAX / 2);
    text_line_finish(&l);
}

TEST_MAIN
