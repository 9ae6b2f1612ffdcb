/*
 * For tests of sidecar, verify and rebuild: a data folder with finished videos in it, made without media. Everything
 * that a row can hold is filled with something that is easily lost: quotes, other scripts, large numbers, fractions.
 */
#ifndef PIPELINE_TEST_LIBRARY_H
#define PIPELINE_TEST_LIBRARY_H

#include "base/fs.h"
#include "base/test.h"
#include "db/db_objects.h"
#include "db/db_scenes.h"
#include "db/db_uploads.h"
#include "db/db_videos.h"
#include "index/index.h"
#include "pipeline/sidecar.h"
#include "store/store_fs.h"

struct shelf {
    char *dir;
    struct db *db;
    struct store *store;
    int n_started;
    char started[8][UUID_MAX];
};

static inline void shelf_open_as(struct shelf *s, const char *db_name)
{
    struct err e = {0};
    static int n;
    CLEANUP_FREE char *db_path = NULL;

    if (!s->dir)
        s->dir = xasprintf("%s/shelf-%d", test_dir(), n++);
    db_path = fs_join(s->dir, db_name);
    CHECK_OK(fs_mkdirs(s->dir, 0700, &e));
    CHECK_OK(store_fs_open(s->dir, NULL, &s->store, &e));
    CHECK_OK(db_open(db_path, &s->db, &e));
}

static inline void shelf_open(struct shelf *s)
{
    shelf_open_as(s, "rushes.db");
}

static inline void shelf_close(struct shelf *s)
{
    db_close(s->db);
    store_free(s->store);
    s->db = NULL;
    s->store = NULL;
}

static inline void shelf_finish(struct shelf *s)
{
    shelf_close(s);
    free(s->dir);
}
#define SHELF __attribute__((cleanup(shelf_finish))) struct shelf

/* For rebuild and verify: notes who was started. */
static inline int shelf_start(void *arg, struct tx *tx, const char *video_id, struct err *e)
{
    struct shelf *s = arg;

    CHECK(s->n_started < 8);
    snprintf(s->started[s->n_started++], UUID_MAX, "%s", video_id);
    return 0;
}

struct shelf_video {
    char id[UUID_MAX], sha256[SHA256_HEX_MAX];
    char original[STORE_KEY_MAX], proxy[STORE_KEY_MAX], text[STORE_KEY_MAX], sidecar[STORE_KEY_MAX];
};

static inline void shelf_put(struct shelf *s, struct tx *tx, const char *key, const char *source,
                             const char *kind, const char *stage, int version, const char *content)
{
    char sha256[SHA256_HEX_MAX];
    struct err e = {0};
    struct object o = {
        .key = key,
        .source_sha256 = source,
        .kind = kind,
        .stage = stage,
        .stage_version = version,
        .params_hash = stage[0] ? "0123456789ab" : "",
        .mime_type = "video/mp4",
        .size_bytes = (int64_t)strlen(content),
        .sha256 = sha256,
        .meta_json = stage[0] ? "{\"width\":854,\"note\":\"\\\"q\\\"\",\"rate\":83.500000}" : "",
        .created_at_ms = 1700000000123,
    };

    sha256_hex_of(str_of(content), sha256);
    CHECK_OK(store_put(s->store, key, str_of(content), STORE_REPLACE, &e));
    CHECK_OK(db_object_put(tx, &o, &e));
}

static inline void shelf_words(struct tx *tx, const char *video_id)
{
    struct err e = {0};
    const struct scene scenes[] = {
        {.start_frame = 0,
         .end_frame = 100,
         .end_us = 3336667,
         .boundary = "start",
         .detector = "adaptive",
         .rep_frame = 50,
         .rep_us = 1668333},
        {.start_frame = 100,
         .end_frame = 250,
         .start_us = 3336667,
         .end_us = 8341667,
         .boundary = "dissolve",
         .score = 27.123456789012345,
         .detector = "adaptive",
         .rep_frame = -1,
         .transcript = "so \"it\" goes",
         .vision_tags_json = "[\"street\"]"},
    };
    const struct text_span ocr[] = {
        {.source = TEXT_OCR,
         .start_us = 0,
         .end_us = 1000001,
         .start_frame = 0,
         .end_frame = 30,
         .x = 10,
         .y = 20,
         .width = 300,
         .height = 40,
         .confidence = 0.1,
         .language = "eng",
         .text = "EXIT \xe2\x86\x92 \"B\"",
         .detail_json = "[{\"w\":\"EXIT\",\"c\":0.98}]"},
        {.source = TEXT_OCR,
         .start_us = 5,
         .end_us = 5,
         .start_frame = -1,
         .end_frame = -1,
         .confidence = 1,
         .text = "\xe6\x98\xa0\xe7\x94\xbb"},
    };
    const struct text_span title = {.source = TEXT_TITLE,
                                    .end_us = 8341667,
                                    .start_frame = -1,
                                    .end_frame = -1,
                                    .confidence = 1,
                                    .text = "A title"};

    CHECK_OK(db_scenes_replace(tx, video_id, scenes, ARRAY_LEN(scenes), &e));
    CHECK_OK(index_put(tx, video_id, TEXT_OCR, ocr, ARRAY_LEN(ocr), &e));
    CHECK_OK(index_put(tx, video_id, TEXT_TITLE, &title, 1, &e));
}

/* A video in that state with all its objects, shots, texts and (when indexed) sidecar. pin "" for none. */
static inline void shelf_add(struct shelf *s, const char *content, const char *pin,
                             enum video_state state, struct shelf_video *ret)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};
    CLEANUP_FREE char *proxy = xasprintf("proxy of %s", content);

    sha256_hex_of(str_of(content), ret->sha256);
    CHECK_OK(store_name_original(ret->sha256, ret->original, &e));
    CHECK_OK(store_name_derived(ret->sha256, "media_pass", 1, "0123456789ab", "proxy.mp4",
                                ret->proxy, &e));
    CHECK_OK(store_name_derived(ret->sha256, "read_text", 2, "0123456789ab", "text.json", ret->text,
                                &e));
    struct video v = {
        .state = state,
        .progress = state == VIDEO_INDEXED ? 100 : 30,
        .pin_id = pin,
        .filename = "My \"film\".mp4",
        .mime_type = "video/mp4",
        .title = "A title",
        .description = "line\nbreak \xf0\x9f\x8e\xac",
        .tags_json = "[\"a\",\"b\"]",
        .source_metadata_json = "{\"notes\":\"shaky\"}",
        .batch_name = "spring",
        .batch_order = -3,
        .size_bytes = (int64_t)strlen(content),
        .checksum_sha256 = ret->sha256,
        .storage_key = ret->original,
        .media = {.duration_us = 8341667,
                  .width = 1920,
                  .height = 1080,
                  .rotation = 90,
                  .fps_num = 30000,
                  .fps_den = 1001,
                  .frame_count = 250,
                  .audio_rate = 48000,
                  .audio_channels = 2,
                  .container = "mov,mp4",
                  .video_codec = "h264",
                  .audio_codec = "aac",
                  .info_json = "{\"duration\":8.341667,\"nested\":{\"x\":[1,2,3]}}"},
        .recorded_at_ms = 1600000000001,
        .created_at_ms = 1700000000001,
        .started_at_ms = 1700000000002,
        .completed_at_ms = state == VIDEO_INDEXED ? 1700000000003 : 0,
    };
    if (state == VIDEO_FAILED) {
        v.error.code = ERR_INPUT;
        v.error.text = "probe: moov not found";
        v.error.plain = "The file is \"broken\".";
        v.error.next = "Record it again.";
    }
    CHECK_OK(db_begin(s->db, DB_WRITE, &tx, &e));
    shelf_put(s, tx, ret->original, ret->sha256, "original", "", 0, content);
    shelf_put(s, tx, ret->proxy, ret->sha256, "proxy", "media_pass", 1, proxy);
    shelf_put(s, tx, ret->text, ret->sha256, "text", "read_text", 2, "{}");
    CHECK_EQ(db_video_add(tx, &v, ret->id, &e), VIDEO_ADDED);
    shelf_words(tx, ret->id);
    ret->sidecar[0] = '\0';
    if (state == VIDEO_INDEXED)
        CHECK_OK(sidecar_write(tx, s->store, ret->id, ret->sidecar, &e));
    CHECK_OK(db_commit(tx, &e));
}

/* What the sidecar of a video would say now: every row that matters, as text. To be freed. When the row was written last
 * does not matter: naming the sidecar is a write of its own. */
static inline char *shelf_dump(struct shelf *s, const char *video_id)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct buf out = BUF_MAX(1 << 20);
    struct err e = {0};

    CHECK_OK(db_begin(s->db, DB_READ, &tx, &e));
    CHECK_OK(sidecar_build(tx, video_id, 1, &out, &e));
    char *text = buf_steal(&out), *at = strstr(text, "\"updated_at_ms\":");
    CHECK(at != NULL);
    for (at += sizeof "\"updated_at_ms\":" - 1; *at != ','; at++)
        *at = '0';
    return text;
}

#endif
