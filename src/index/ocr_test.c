/* Lines read from pictures become spans of time; what is noise. Pictures are a second apart unless
 * a test says so. */
#include "index/ocr.h"

#include "base/test.h"

#define SECOND INT64_C(1000000)

struct film {
    struct arena *a;
    VEC(struct ocr_line) lines;
    VEC(struct ocr_picture) pictures;
    struct text_span *spans;
    size_t n;
};

static void film_finish(struct film *f)
{
    VEC_FINISH(&f->lines);
    VEC_FINISH(&f->pictures);
    arena_free(f->a);
}
#define CLEANUP_FILM __attribute__((cleanup(film_finish)))

static void picture(struct film *f, int second)
{
    struct ocr_picture p = {.frame = second * 25,
                            .pts_us = second * SECOND,
                            .end_frame = second * 25 + 25,
                            .end_us = (second + 1) * SECOND};

    VEC_PUSH(&f->pictures, p);
}

static void line_at(struct film *f, int second, const char *text, double confidence, int x, int y)
{
    struct ocr_line l = {.frame = second * 25,
                         .pts_us = second * SECOND,
                         .x = x,
                         .y = y,
                         .w = 200,
                         .h = 20,
                         .confidence = confidence,
                         .text = text};

    VEC_PUSH(&f->lines, l);
}

static void line(struct film *f, int second, const char *text, double confidence)
{
    line_at(f, second, text, confidence, 100, 100);
}

/* From the lines alone, or with all pictures named. */
static void merge(struct film *f, bool pictures)
{
    struct err e = {0};
    struct ocr_input in = {.lines = f->lines.p,
                           .n_lines = f->lines.n,
                           .interval_us = SECOND,
                           .end_us = 100 * SECOND,
                           .frame_us = 40000};

    if (pictures) {
        in.pictures = f->pictures.p;
        in.n_pictures = f->pictures.n;
    }
    f->a = arena_new();
    CHECK_OK(ocr_merge(f->a, &in, &f->spans, &f->n, &e));
}

static void check_span(const struct text_span *s, const char *text, int64_t start_s, int64_t end_s)
{
    CHECK_STR(s->text, text);
    CHECK_EQ(s->start_us, start_s * SECOND);
    CHECK_EQ(s->end_us, end_s * SECOND);
    CHECK_EQ(s->start_frame, start_s * 25);
    CHECK_EQ(s->end_frame, end_s * 25);
    CHECK_EQ(s->source, TEXT_OCR);
}

TEST(ocr_no_lines_no_spans)
{
    CLEANUP_FILM struct film f = {0};

    merge(&f, false);
    CHECK_EQ(f.n, 0);
}

TEST(ocr_the_same_line_is_one_span)
{
    CLEANUP_FILM struct film f = {0};

    for (int s = 3; s < 7; s++)
        line(&f, s, "BREAKING NEWS", 0.9);
    merge(&f, false);
    CHECK_EQ(f.n, 1);
    check_span(&f.spans[0], "BREAKING NEWS", 3, 7);
    CHECK_NEAR(f.spans[0].confidence, 0.9, 1e-9);
    CHECK_EQ(f.spans[0].x, 100);
    CHECK_EQ(f.spans[0].width, 200);
}

TEST(ocr_the_majority_of_readings_wins)
{
    CLEANUP_FILM struct film f = {0};

    line(&f, 0, "BREAKlNG NEWS", 0.7);
    line(&f, 1, "BREAKING NEWS", 0.9);
    line(&f, 2, "BRFAKING NEWS", 0.6);
    line(&f, 3, "BREAKING NEWS", 0.8);
    line(&f, 4, "BREAKING NEVVS", 0.9);
    merge(&f, false);
    CHECK_EQ(f.n, 1);
    check_span(&f.spans[0], "BREAKING NEWS", 0, 5);
    CHECK_NEAR(f.spans[0].confidence, 0.85, 1e-9);
}

TEST(ocr_without_a_majority_the_text_between_the_others_wins)
{
    CLEANUP_FILM struct film f = {0};

    line(&f, 0, "Goal by Ronaldx", 0.7);
    line(&f, 1, "Goal by Ronaldo", 0.7);
    line(&f, 2, "Gxal by Ronaldo", 0.7);
    merge(&f, false);
    CHECK_EQ(f.n, 1);
    CHECK_STR(f.spans[0].text, "Goal by Ronaldo");
}

TEST(ocr_one_missed_picture_does_not_part_a_line)
{
    CLEANUP_FILM struct film f = {0};

    for (int s = 0; s < 6; s++)
        picture(&f, s);
    line(&f, 0, "Subtitle", 0.9);
    line(&f, 2, "Subtitle", 0.9);
    line(&f, 5, "Subtitle", 0.9);
    merge(&f, true);
    CHECK_EQ(f.n, 2);
    check_span(&f.spans[0], "Subtitle", 0, 3);
    check_span(&f.spans[1], "Subtitle", 5, 6);
}

TEST(ocr_without_named_pictures_gaps_count_the_same)
{
    CLEANUP_FILM struct film f = {0};

    line(&f, 0, "Subtitle", 0.9);
    line(&f, 2, "Subtitle", 0.9);
    line(&f, 5, "Subtitle", 0.9);
    merge(&f, false);
    CHECK_EQ(f.n, 2);
    check_span(&f.spans[0], "Subtitle", 0, 3);
    check_span(&f.spans[1], "Subtitle", 5, 6);
}

TEST(ocr_a_picture_that_stands_long_keeps_its_line)
{
    CLEANUP_FILM struct film f = {0};

    picture(&f, 0); /* unchanged until 20, so nothing in between was read */
    f.pictures.p[0].end_us = 20 * SECOND;
    f.pictures.p[0].end_frame = 500;
    picture(&f, 20);
    line(&f, 0, "Title card", 0.9);
    line(&f, 20, "Title card", 0.9);
    merge(&f, true);
    CHECK_EQ(f.n, 1);
    check_span(&f.spans[0], "Title card", 0, 21);
}

TEST(ocr_different_lines_in_one_place_are_apart)
{
    CLEANUP_FILM struct film f = {0};

    line(&f, 0, "How are you?", 0.9);
    line(&f, 1, "Fine, thanks.", 0.9);
    merge(&f, false);
    CHECK_EQ(f.n, 2);
    check_span(&f.spans[0], "How are you?", 0, 1);
    check_span(&f.spans[1], "Fine, thanks.", 1, 2);
}

TEST(ocr_a_reading_that_lost_a_word_is_the_same_line)
{
    CLEANUP_FILM struct film f = {0};

    line(&f, 0, "Copyright © 2013 Brandon Castellano", 0.94);
    line(&f, 1, "Copyright,© 2013 Brandon", 0.84);
    line(&f, 2, "Copyright © 2013 Brandon Castellano", 0.96);
    merge(&f, false);
    CHECK_EQ(f.n, 1);
    check_span(&f.spans[0], "Copyright © 2013 Brandon Castellano", 0, 3);
}

TEST(ocr_figures_that_change_are_other_lines)
{
    CLEANUP_FILM struct film f = {0};

    line(&f, 0, "HOME 1 : 0 GUEST", 0.9);
    line(&f, 1, "HOME 1 : 0 GUEST", 0.9);
    line(&f, 2, "HOME 2 : 0 GUEST", 0.9);
    line(&f, 3, "H0ME 2 : 0 GUEST", 0.5); /* not read well: the letter is believed to be one */
    merge(&f, false);
    CHECK_EQ(f.n, 2);
    check_span(&f.spans[0], "HOME 1 : 0 GUEST", 0, 2);
    check_span(&f.spans[1], "HOME 2 : 0 GUEST", 2, 4);
}

TEST(ocr_two_like_lines_keep_their_places)
{
    CLEANUP_FILM struct film f = {0};

    for (int s = 0; s < 3; s++) {
        line_at(&f, s, "Player 1", 0.9, 10,
                s == 1 ? 300 : 100); /* they change places for a moment */
        line_at(&f, s, "Player 2", 0.9, 10, s == 1 ? 100 : 300);
    }
    merge(&f, false);
    CHECK_EQ(f.n, 2);
    check_span(&f.spans[0], "Player 1", 0, 3);
    check_span(&f.spans[1], "Player 2", 0, 3);
}

TEST(ocr_text_that_moves_is_one_span)
{
    CLEANUP_FILM struct film f = {0};

    for (int s = 0; s < 5; s++)
        line_at(&f, s, "Directed by Someone", 0.9, 100, 500 - 100 * s);
    merge(&f, false);
    CHECK_EQ(f.n, 1);
    check_span(&f.spans[0], "Directed by Someone", 0, 5);
}

TEST(ocr_short_text_elsewhere_is_another)
{
    CLEANUP_FILM struct film f = {0};

    line_at(&f, 0, "42", 0.95, 10, 10);
    line_at(&f, 1, "42", 0.95, 500, 500);
    merge(&f, false);
    CHECK_EQ(f.n, 2);
}

struct noise {
    const char *text;
    double confidence;
    int readings;
    bool kept;
};

TEST(ocr_noise_table)
{
    static const struct noise rows[] = {
        {"Welcome", 0.29, 3, false}, /* a single reading so unsure is none */
        {"Welcome", 0.35, 3, false}, /* unsure all along */
        {"Welcome", 0.45, 3, true},  /* seen again and again */
        {"Welcome", 0.55, 1, false}, /* once, with pictures around it */
        {"Welcome", 0.65, 1, true},  {"| | -- |", 0.95, 5, false}, /* no letters */
        {"a|||]{~", 0.95, 5, false},                               /* mostly none */
        {"x", 0.7, 1, false},        {"x", 0.7, 2, true},
        {"x", 0.85, 1, true},        {"ab", 0.7, 1, false},
        {"東京", 0.7, 1, true},                           /* two characters can be a city */
        {"東", 0.7, 1, false},       {"7", 0.9, 4, true}, /* a shirt */
        {"", 0.9, 5, false},         {"   ", 0.9, 5, false},
        {"\xff\xfe", 0.9, 5, false}, {"ok \xff text", 0.9, 2, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_FILM struct film f = {0};
        for (int s = 0; s < 8; s++)
            picture(&f, s);
        for (int s = 0; s < rows[i].readings; s++)
            line(&f, s + 1, rows[i].text, rows[i].confidence);
        merge(&f, true);
        if (f.n != (size_t)rows[i].kept)
            fail_msg("'%s' %.2f x%d: %zu spans", rows[i].text, rows[i].confidence, rows[i].readings,
                     f.n);
        if (f.n)
            CHECK(utf8_valid(str_of(f.spans[0].text)));
    }
}

TEST(ocr_a_lone_picture_is_trusted_more)
{
    CLEANUP_FILM struct film f = {0};

    picture(&f, 0);
    line(&f, 0, "Welcome", 0.5); /* a film of one picture: there was no second chance to read it */
    merge(&f, true);
    CHECK_EQ(f.n, 1);
}

TEST(ocr_spaces_between_single_cjk_characters_go)
{
    CLEANUP_FILM struct film f = {0};

    line_at(&f, 0, "東 京 タ ワ ー 2026", 0.9, 0, 0);
    line_at(&f, 0, "東京 大阪", 0.9, 0, 100); /* a real space */
    line_at(&f, 0, "서 울 시", 0.9, 0, 200);  /* Korean has spaces */
    merge(&f, false);
    CHECK_EQ(f.n, 3);
    CHECK_STR(f.spans[0].text, "東京タワー 2026");
    CHECK_STR(f.spans[1].text, "東京 大阪");
    CHECK_STR(f.spans[2].text, "서 울 시");
}

/* "CAFE MUNCHEN ,," was once what a film's café sign said. */
TEST(ocr_marks_that_stand_alone_at_the_ends_go)
{
    static const struct {
        const char *read, *text;
    } table[] = {
        {"CAFE MUNCHEN ,,", "CAFE MUNCHEN"},
        {"| Harbour -", "Harbour"},
        {"' ' Harbour . ,", "Harbour"},
        {"\"stay\" (really?)", "\"stay\" (really?)"},
        {"\302\251 2013 Someone", "\302\251 2013 Someone"},
        {"10 - 12 July", "10 - 12 July"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        CLEANUP_FILM struct film f = {0};
        picture(&f, 0);
        line(&f, 0, table[i].read, 0.95);
        merge(&f, true);
        CHECK_EQ(f.n, 1);
        CHECK_STR(f.spans[0].text, table[i].text);
    }
}

TEST(ocr_control_characters_and_long_lines)
{
    CLEANUP_FILM struct film f = {0};
    char text[2000];

    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    line_at(&f, 0, " two\twords\r\n", 0.9, 0, 0);
    line_at(&f, 0, text, 0.9, 0, 100);
    merge(&f, false);
    CHECK_EQ(f.n, 2);
    CHECK_STR(f.spans[0].text, "two words");
    CHECK_EQ(strlen(f.spans[1].text), OCR_LINE_BYTES_MAX);
}

TEST(ocr_a_picture_full_of_lines_keeps_the_surest)
{
    CLEANUP_FILM struct film f = {0};
    char text[OCR_LINES_MAX + 50][16];

    for (int i = 0; i < OCR_LINES_MAX + 50; i++) {
        snprintf(text[i], sizeof(text[i]), "line%dx", i * 7919);
        line_at(&f, 0, text[i], i < 50 ? 0.7 : 0.9, (i % 20) * 300, (i / 20) * 40);
    }
    merge(&f, false);
    CHECK_EQ(f.n, OCR_LINES_MAX);
    for (size_t i = 0; i < f.n; i++)
        CHECK_NEAR(f.spans[i].confidence, 0.9, 1e-9);
}

TEST(ocr_wild_numbers_do_no_harm)
{
    CLEANUP_FILM struct film f = {0};
    struct ocr_line wild = {.x = INT32_MAX,
                            .y = INT32_MIN,
                            .w = INT32_MAX,
                            .h = -5,
                            .confidence = 7,
                            .text = "Welcome home"};
    struct ocr_line nan = {.confidence = 0.0 / 0.0, .text = "Welcome home"};
    struct ocr_line none = {.confidence = 0.9, .text = NULL};

    VEC_PUSH(&f.lines, wild);
    VEC_PUSH(&f.lines, nan);
    VEC_PUSH(&f.lines, none);
    merge(&f, false);
    CHECK_EQ(f.n, 1);
    CHECK_NEAR(f.spans[0].confidence, 1, 1e-9);
    CHECK(f.spans[0].y >= 0 && f.spans[0].height >= 0);
}

TEST(ocr_spans_end_with_the_film)
{
    CLEANUP_FILM struct film f = {0};

    line(&f, 99, "The End", 0.9);
    f.lines.p[0].pts_us = 99 * SECOND + 500000;
    merge(&f, false);
    CHECK_EQ(f.n, 1);
    CHECK_EQ(f.spans[0].end_us, 100 * SECOND);
    CHECK_EQ(f.spans[0].end_frame, 99 * 25 + 13); /* half a second of 25 frames */
}

TEST(ocr_input_out_of_order_is_an_error)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct err e = {0};
    struct text_span *spans;
    size_t n;
    struct ocr_line lines[] = {{.pts_us = 5, .text = "b"}, {.pts_us = 3, .text = "a"}};
    struct ocr_picture pictures[] = {{.pts_us = 3}, {.pts_us = 4}};
    struct ocr_input in = {.lines = lines, .n_lines = 2, .interval_us = 1};

    CHECK_ERR(ocr_merge(a, &in, &spans, &n, &e), ERR_INTERNAL);
    lines[0].pts_us = 1; /* of no picture */
    in.pictures = pictures;
    in.n_pictures = 2;
    CHECK_ERR(ocr_merge(a, &in, &spans, &n, &e), ERR_INTERNAL);
    in.interval_us = 0;
    CHECK_ERR(ocr_merge(a, &in, &spans, &n, &e), ERR_INTERNAL);
}

TEST_MAIN
