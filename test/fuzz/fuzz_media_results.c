/*
 * Results of a media child, all of them JSON: the first byte picks the kind. What is accepted is written out again and
 * must be accepted again, and say the same.
 */
#include <assert.h>

#include "fuzz.h"
#include "media/results.h"

#define PACK_BYTES 100000

static json_t *parsed(const struct buf *b)
{
    struct err e = {0};
    json_t *j = NULL;

    assert(buf_ok(b) && json_read(buf_str(b), &j, &e) >= 0);
    return j;
}

static void one_info(const json_t *j)
{
    CLEANUP(media_info_free) struct media_info *a = NULL;
    CLEANUP(media_info_free) struct media_info *b = NULL;
    CLEANUP_BUF struct buf out = {0};
    struct jsonw w = JSONW(&out);
    struct err e = {0};

    if (media_info_parse(j, &a, &e) < 0)
        return;
    media_info_json(a, &w);
    CLEANUP_JSON json_t *again = parsed(&out);
    assert(media_info_parse(again, &b, &e) >= 0);
    assert(a->n_streams == b->n_streams && a->duration_us == b->duration_us &&
           a->video == b->video);
}

static void one_shots(const json_t *j)
{
    CLEANUP(media_shots_free) struct media_shots *a = NULL;
    CLEANUP(media_shots_free) struct media_shots *b = NULL;
    CLEANUP_BUF struct buf out = {0};
    struct jsonw w = JSONW(&out);
    struct err e = {0};

    if (media_shots_parse(j, 1000000, &a, &e) < 0)
        return;
    assert(a->n == 0 || a->shots[a->n - 1].end_frame == a->frames);
    media_shots_json(a, &w);
    CLEANUP_JSON json_t *again = parsed(&out);
    assert(media_shots_parse(again, 1000000, &b, &e) >= 0 && a->n == b->n);
}

static void one_pictures(const json_t *j)
{
    struct media_pictures p = {0};
    struct err e = {0};

    if (media_pictures_parse(j, PACK_BYTES, &p, &e) < 0)
        return;
    for (int64_t i = 0; i < p.n; i++)
        assert(p.p[i].offset >= 0 && p.p[i].size > 0 && p.p[i].offset + p.p[i].size <= PACK_BYTES);
    free(p.p);
}

static void one_text(const json_t *j)
{
    CLEANUP(media_text_free) struct media_text *t = NULL;
    struct err e = {0};

    if (media_text_parse(j, &t, &e) < 0)
        return;
    for (int64_t i = 0; i < t->n; i++)
        assert(t->lines[i].confidence >= 0 && t->lines[i].confidence <= 1 && t->lines[i].text);
}

static void one_pass(json_t *j)
{
    static const int64_t sizes[MEDIA_OUT_N] = {
        [MEDIA_OUT_SPRITES] = 7, [MEDIA_OUT_SAMPLES] = 7, [MEDIA_OUT_INDEX] = 99};
    CLEANUP(media_pass_result_free) struct media_pass_result *r = NULL;
    struct err e = {0};

    if (media_pass_result_parse(j, sizes, &r, &e) < 0)
        return;
    assert(r->info && r->shots && r->poster_frame < r->shots->frames);
    for (int i = 0; i < MEDIA_OUT_N; i++)
        assert(r->bytes[i] == sizes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP_JSON json_t *j = NULL;
    struct err e = {0};

    if (n < 1 || json_read((struct str){(const char *)data + 1, n - 1}, &j, &e) < 0)
        return 0;
    switch (data[0]) {
    case 'i':
        one_info(j);
        break;
    case 's':
        one_shots(j);
        break;
    case 'p':
        one_pictures(j);
        break;
    case 't':
        one_text(j);
        break;
    case 'r':
        one_pass(j);
        break;
    default:
        break;
    }
    return 0;
}
