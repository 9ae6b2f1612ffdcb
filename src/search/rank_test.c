/* In which order, and as which spans. */
#include "search/test_search.h"

/* ---- ranking ---- */

TEST(search_a_title_beats_a_mention)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "other things");
    titled(&l, 1, "Rome");
    PUT(&l, 0, TEXT_SPEECH,
        {0, 9, "and then at the very end of the year they went to rome for some days or so"});
    CHECK_EQ(ask(&l, "rome"), 2);
    CHECK(hit_is(&l, 0, 1));
}

TEST(search_all_words_beat_some)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Red red red");
    titled(&l, 1, "Car");
    titled(&l, 2, "");
    PUT(&l, 2, TEXT_OCR,
        {0, 5, "a long line of text with red and much more of it and at last a car", 0.6});
    CHECK_EQ(ask(&l, "red car"), 3);
    CHECK(hit_is(&l, 0, 2));
    CHECK(hit(&l, 0)->all_terms);
    CHECK(hit(&l, 0)->score >= 0.5);
    CHECK(!hit(&l, 1)->all_terms);
    CHECK(hit(&l, 1)->score < 0.5);
}

TEST(search_a_phrase_beats_scattered_words)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    titled(&l, 1, "");
    titled(&l, 2, "");
    PUT(&l, 0, TEXT_SPEECH, {0, 5, "car that was once red"});
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "that was a red car"});
    PUT(&l, 2, TEXT_SPEECH, {0, 5, "a car red was that"});
    CHECK_EQ(ask(&l, "red car"), 3);
    CHECK(hit_is(&l, 0, 1));
    CHECK(hit_is(&l, 1, 2));
    CHECK(hit_is(&l, 2, 0));
}

TEST(search_a_rare_word_counts_more_than_a_common_one)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    for (int i = 0; i < 20; i++)
        titled(&l, i, "the show");
    titled(&l, 20, "zebra show");
    titled(&l, 21, "the garden");
    CHECK(ask(&l, "the zebra") >= 20);
    CHECK(hit_is(&l, 0, 20));
}

TEST(search_confidence_counts)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    titled(&l, 1, "");
    PUT(&l, 0, TEXT_OCR, {0, 5, "WELCOME", 0.95});
    PUT(&l, 1, TEXT_OCR, {0, 5, "WELCOME", 0.45});
    CHECK_EQ(ask(&l, "welcome"), 2);
    CHECK(hit_is(&l, 0, 0));
    CHECK(hit(&l, 0)->score > hit(&l, 1)->score);
    CHECK_NEAR(hit(&l, 1)->evidence[0].confidence, 0.45, 1e-9);
}

TEST(search_weights_are_settings)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    titled(&l, 1, "");
    PUT(&l, 0, TEXT_OCR, {0, 5, "goal"});
    PUT(&l, 1, TEXT_SPEECH, {0, 5, "goal"});
    set(&l, "search.speech-weight", "0.1");
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK(hit_is(&l, 0, 0));
    set(&l, "search.speech-weight", "1");
    set(&l, "search.screen-weight", "0.1");
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK(hit_is(&l, 0, 1));
    double before = hit(&l, 0)->score;
    set(&l, "search.text-weight", "0.5");
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK_NEAR(hit(&l, 0)->score, before / 2, 1e-5);
}

/* ---- spans ---- */

TEST(search_near_passages_are_one_span)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_SPEECH, {10, 12, "what a goal"}, {16, 18, "the goal again"},
        {40, 42, "a late goal"});
    PUT(&l, 0, TEXT_OCR, {14, 20, "GOAL"});
    CHECK_EQ(ask(&l, "goal"), 2);
    CHECK_EQ(hit(&l, 0)->start_us, 10 * SECOND);
    CHECK_EQ(hit(&l, 0)->end_us, 20 * SECOND);
    CHECK_EQ(hit(&l, 0)->start_frame, 250);
    CHECK_EQ(hit(&l, 0)->end_frame, 500);
    CHECK_EQ(hit(&l, 0)->n_evidence, 3);
    CHECK_EQ(hit(&l, 1)->start_us, 40 * SECOND);
    CHECK(hit(&l, 0)->score > hit(&l, 1)->score); /* two sources agree */
    set(&l, "search.join-gap", "0s");
    CHECK_EQ(ask(&l, "goal"), 3);
}

TEST(search_words_of_a_query_may_come_from_different_sources)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "Cup final");
    titled(&l, 1, "Something else");
    PUT(&l, 0, TEXT_SPEECH, {10, 12, "what a goal"}, {300, 302, "goal"});
    PUT(&l, 0, TEXT_OCR, {11, 15, "RONALDO"}, {500, 505, "RONALDO"});
    PUT(&l, 1, TEXT_SPEECH, {10, 12, "ronaldo is here"});
    CHECK(ask(&l, "ronaldo goal") >= 2);
    CHECK_EQ(hit(&l, 0)->start_us, 10 * SECOND);
    CHECK(hit(&l, 0)->all_terms);
    CHECK(!hit(&l, 1)->all_terms);
    CHECK(ask(&l, "final ronaldo goal") >= 2);
    CHECK(hit(&l, 0)->all_terms);
    CHECK_EQ(hit(&l, 0)->start_us, 10 * SECOND);
    CHECK_EQ(hit(&l, 0)->n_evidence, 3);
}

TEST(search_a_logo_does_not_join_what_is_apart)
{
    CLEANUP_LIB struct lib l = {0};

    lib_init(&l);
    titled(&l, 0, "");
    PUT(&l, 0, TEXT_OCR, {0, 600, "Channel BCASTELL"});
    PUT(&l, 0, TEXT_SPEECH, {10, 12, "a goal"}, {400, 402, "a goal"});
    CHECK_EQ(ask(&l, "bcastell goal"), 2);
    CHECK(hit(&l, 0)->all_terms && hit(&l, 1)->all_terms);
    CHECK_EQ(hit(&l, 0)->end_us - hit(&l, 0)->start_us, 2 * SECOND);
    CHECK_EQ(ask(&l, "bcastell"), 1); /* alone it is itself a hit */
    CHECK_EQ(hit(&l, 0)->end_us, 600 * SECOND);
}

TEST(search_a_word_that_is_said_all_the_time_makes_no_endless_span)
{
    CLEANUP_LIB struct lib l = {0};
    struct said s[100];

    lib_init(&l);
    titled(&l, 0, "");
    for (int i = 0; i < 100; i++)
        s[i] = (struct said){3 * i, 3 * i + 3, "and so on", 0};
    put(&l, 0, TEXT_SPEECH, s, 100);
    CHECK_EQ(ask(&l, "so"), 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ(hit(&l, i)->end_us - hit(&l, i)->start_us, 60 * SECOND);
        CHECK_EQ(hit(&l, i)->n_evidence, SEARCH_EVIDENCE_MAX);
        CHECK_EQ(hit(&l, i)->n_more_evidence, 20 - SEARCH_EVIDENCE_MAX);
    }
}

TEST(search_long_texts_are_shown_around_the_match)
{
    CLEANUP_LIB struct lib l = {0};
    CLEANUP_BUF struct buf text = {0};
    struct video v = {0};

    lib_init(&l);
    for (int i = 0; i < 100; i++)
        buf_addf(&text, "wörd%d ", i);
    buf_addz(&text, "needle ");
    for (int i = 0; i < 100; i++)
        buf_addf(&text, "more%d ", i);
    v.description = buf_z(&text);
    add_video(&l, 0, &v);
    CHECK_EQ(ask(&l, "needle"), 1);
    const struct search_evidence *e = &hit(&l, 0)->evidence[0];
    CHECK(strlen(e->snippet) <= SEARCH_SNIPPET_MAX);
    CHECK(utf8_valid(str_of(e->snippet)));
    CHECK(e->cut_before && e->cut_after);
    CHECK_STR(marked(&l, 0, 0), "needle");
    CHECK(strncmp(e->snippet, "wörd", strlen("wörd")) == 0); /* begins with a word */
}

TEST_MAIN
