#include "vision/mot.h"

#include <math.h>

#include "base/test.h"
#include "vision/track_paths.h"

static struct mot_rows read_ok(const char *text)
{
    struct mot_rows r = {0};
    struct err e = {0};
    CHECK_OK(mot_read(str_of(text), &r, &e));
    return r;
}

TEST(mot_reads_lines_of_boxes)
{
    struct mot_rows r = read_ok("1,-1,584.6,446.2,87.8,261.9,0.96,-1,-1,-1\n"
                                "1,7,-3,4e1,5.25,6,.5\n"
                                "2,-1,1,2,3,4\n");
    CHECK_EQ(r.n, 3);
    CHECK_EQ(r.rows[0].frame, 1);
    CHECK_EQ(r.rows[0].id, -1);
    CHECK_NEAR(r.rows[0].box.x, 584.6, 0);
    CHECK_NEAR(r.rows[0].box.h, 261.9, 0);
    CHECK_NEAR(r.rows[0].confidence, 0.96, 0);
    CHECK_EQ(r.rows[1].id, 7);
    CHECK_NEAR(r.rows[1].box.x, -3, 0);
    CHECK_NEAR(r.rows[1].box.y, 40, 0);
    CHECK_NEAR(r.rows[1].confidence, 0.5, 0);
    CHECK_NEAR(r.rows[2].confidence, 1, 0); /* not given */
    mot_rows_finish(&r);
    CHECK(r.rows == NULL);
}

TEST(mot_reads_what_other_programs_write)
{
    static const char *const same[] = {
        "3,1,2,3,4,5,0.5\n",
        "3,1,2,3,4,5,0.5",
        "3,1,2,3,4,5,0.5\r\n",
        "\xef\xbb\xbf"
        "3,1,2,3,4,5,0.5\r\n",
        "# a comment\n\n3,1,2,3,4,5,0.5\n\n",
        "  3 , 1 , 2 , 3 , 4 , 5 , 0.5 \n",
        "3.0,1.000000000000000000e+00,2,3,4,5,0.5,-1,-1,-1\n",
        "3,1,2,3,4,5,0.5,car,?,\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct mot_rows r = read_ok(same[i]);
        CHECK_EQ(r.n, 1);
        CHECK_EQ(r.rows[0].frame, 3);
        CHECK_EQ(r.rows[0].id, 1);
        CHECK_NEAR(r.rows[0].box.w, 4, 0);
        CHECK_NEAR(r.rows[0].confidence, 0.5, 0);
        mot_rows_finish(&r);
    }
    static const char *const nothing[] = {"", "\n", "\r\n\r\n", "#", "# 1,2\n#3\n", "   "};
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        struct mot_rows r = read_ok(nothing[i]);
        CHECK_EQ(r.n, 0);
        mot_rows_finish(&r);
    }
    struct mot_rows r = read_ok("1,1,2,3,4,5,\n"); /* a comma that ends the line */
    CHECK_EQ(r.n, 1);
    CHECK_NEAR(r.rows[0].confidence, 1, 0);
    mot_rows_finish(&r);
}

TEST(mot_puts_frames_in_order_and_keeps_the_order_within_one)
{
    struct mot_rows r = read_ok("3,1,0,0,1,1\n1,2,0,0,1,1\n3,3,0,0,1,1\n2,4,0,0,1,1\n"
                                "1,5,0,0,1,1\n9,6,0,0,1,1\n1,7,0,0,1,1\n");
    static const int64_t ids[] = {2, 5, 7, 4, 1, 3, 6};
    CHECK_EQ(r.n, ARRAY_LEN(ids));
    for (size_t i = 0; i < r.n; i++)
        CHECK_EQ(r.rows[i].id, ids[i]);
    mot_rows_finish(&r);
}

TEST(mot_says_which_line_is_wrong)
{
    static const struct {
        const char *text, *line, *word;
    } bad[] = {
        {"1,-1,2,3,4\n", "Line 1 ", "5 columns"},
        {"1,-1,2,3,4,5,0.5\n7\n", "Line 2 ", "1 columns"},
        {"# x\n\n1;2;3;4;5;6\n", "Line 3", "frame"},
        {"frame,id,x,y,w,h\n", "Line 1:", "frame"},
        {"0,-1,2,3,4,5\n", "Line 1:", "frame"},
        {"-4,-1,2,3,4,5\n", "Line 1:", "frame"},
        {"1.5,-1,2,3,4,5\n", "Line 1:", "frame"},
        {"100000001,-1,2,3,4,5\n", "Line 1:", "frame"},
        {"99999999999999999999999,-1,2,3,4,5\n", "Line 1:", "frame"},
        {"1,99999999999999999999999,2,3,4,5\n", "Line 1:", "id"},
        {"1,0.5,2,3,4,5\n", "Line 1:", "id"},
        {"1,,2,3,4,5\n", "Line 1:", "id"},
        {"1,-1,nan,3,4,5\n", "Line 1:", "left"},
        {"1,-1,2,inf,4,5\n", "Line 1:", "top"},
        {"1,-1,2,3,1e999,5\n", "Line 1:", "width"},
        {"1,-1,2,3,4,0x10\n", "Line 1:", "height"},
        {"1,-1,2,3,4,5,high\n", "Line 1:", "confidence"},
        {"1,-1,2,3,4,5,\x1b[31mred\n", "Line 1:", "?[31mred"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct mot_rows r = {0};
        struct err e = {0};
        CHECK_ERR(mot_read(str_of(bad[i].text), &r, &e), ERR_INPUT);
        CHECK(r.rows == NULL);
        if (!strstr(err_plain_text(&e), bad[i].line) || !strstr(err_plain_text(&e), bad[i].word))
            fail_msg("case %zu: %s", i, err_plain_text(&e));
    }
    /* bytes that are no text */
    struct mot_rows r = {0};
    struct err e = {0};
    CHECK_ERR(mot_read((struct str){"1,-1,2,3,4,5\n\0\xff", 15}, &r, &e), ERR_INPUT);
}

TEST(mot_refuses_lines_without_end)
{
    CLEANUP_BUF struct buf text = {0};
    struct mot_rows r = {0};
    struct err e = {0};
    buf_addz(&text, "1,-1,2,3,4,5,0.5");
    for (int i = 0; i < MOT_LINE_MAX; i++)
        buf_addz(&text, ",9");
    CHECK_ERR(mot_read(buf_str(&text), &r, &e), ERR_LIMIT);
}

TEST(mot_writes_paths_by_frame_and_id)
{
    struct track_options o = TRACK_OPTIONS_DEFAULT;
    struct tracker *t = NULL;
    struct err e = {0};
    o.flags = TRACK_PLAIN;
    CHECK_OK(tracker_new(&o, &t, &e));
    CLEANUP(track_paths_free) struct track_paths *p = track_paths_new(&o);
    for (int64_t f = 1; f <= 3; f++) {
        struct track_detection d[] = {{.box = {300, 20, 40, 100}, .score = 0.75},
                                      {.box = {10, 20, 40, 100}, .score = 0.9}};
        const struct track_seen *seen;
        size_t n;
        CHECK_OK(tracker_feed(t, f * 33333, d, f == 2 ? 1 : 2, &seen, &n, &e));
        CHECK_OK(track_paths_add(p, f, f * 33333, t, d, seen, n, &e));
    }
    CHECK_OK(track_paths_finish(p, &e));
    CLEANUP_BUF struct buf out = {0};
    CHECK_OK(mot_write(p, &out, &e));
    CHECK_STR(buf_z(&out), "1,1,10.000,20.000,40.000,100.000,0.9,-1,-1,-1\n"
                           "1,2,300.000,20.000,40.000,100.000,0.75,-1,-1,-1\n"
                           "2,2,300.000,20.000,40.000,100.000,0.75,-1,-1,-1\n"
                           "3,1,10.000,20.000,40.000,100.000,0.9,-1,-1,-1\n"
                           "3,2,300.000,20.000,40.000,100.000,0.75,-1,-1,-1\n");
    struct mot_rows r = read_ok(buf_z(&out));
    CHECK_EQ(r.n, 5);
    mot_rows_finish(&r);
    CLEANUP_BUF struct buf small = BUF_MAX(20);
    CHECK_ERR(mot_write(p, &small, &e), ERR_LIMIT);
    tracker_free(t);
}

TEST_MAIN
