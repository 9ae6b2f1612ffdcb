/* Videos: the row, its state machine, and the small updates that stages make. Lists are in db_video_list.c. */
#include "db/db_videos.h"

#include <stdio.h>

#include "db/db_videos_priv.h"

static const char *const state_names[VIDEO_STATE_N] = {
    [VIDEO_UPLOADING] = "uploading",   [VIDEO_VALIDATING] = "validating",
    [VIDEO_PROCESSING] = "processing", [VIDEO_INDEXED] = "indexed",
    [VIDEO_FAILED] = "failed",         [VIDEO_DELETED] = "deleted",
};

/* The state machine: for each state the bits of those it may be entered from. */
#define FROM(s) (1u << VIDEO_##s)
static const unsigned may_come_from[VIDEO_STATE_N] = {
    [VIDEO_UPLOADING] = 0,
    [VIDEO_VALIDATING] = FROM(UPLOADING) | FROM(FAILED),
    [VIDEO_PROCESSING] = FROM(VALIDATING) | FROM(INDEXED) | FROM(FAILED),
    [VIDEO_INDEXED] = FROM(PROCESSING),
    [VIDEO_FAILED] = FROM(UPLOADING) | FROM(VALIDATING) | FROM(PROCESSING),
    [VIDEO_DELETED] =
        FROM(UPLOADING) | FROM(VALIDATING) | FROM(PROCESSING) | FROM(INDEXED) | FROM(FAILED),
};

const char *video_state_name(enum video_state s)
{
    return s >= 0 && s < VIDEO_STATE_N ? state_names[s] : "?";
}

bool video_state_from_name(struct str name, enum video_state *ret)
{
    int i = name_find(state_names, VIDEO_STATE_N, name);

    if (i < 0)
        return false;
    *ret = (enum video_state)i;
    return true;
}

bool video_state_may(enum video_state from, enum video_state to)
{
    return to >= 0 && to < VIDEO_STATE_N && (may_come_from[to] & (1u << from));
}

void video_states_in(struct buf *sql, unsigned states)
{
    const char *sep = "";

    buf_addz(sql, "state IN (");
    for (int i = 0; i < VIDEO_STATE_N; i++) {
        if (states & (1u << i)) {
            buf_addf(sql, "%s'%s'", sep, state_names[i]);
            sep = ", ";
        }
    }
    buf_addz(sql, ")");
}

/* ---- reading ---- */

void video_read(struct stmt *s, struct arena *a, struct video *v)
{
    int c = 0;
#define TEXT() col_text(s, a, c++)
#define I64()  col_i64(s, c++)
    *v = (struct video){0};
    v->id = TEXT();
    v->user_id = TEXT();
    v->project_id = TEXT();
    v->pin_id = TEXT();
    int state = name_find(state_names, VIDEO_STATE_N, col_str(s, c++));
    v->state =
        state < 0 ? VIDEO_FAILED : (enum video_state)state; /* the table's CHECK rules it out */
    v->progress = (int)I64();
    const char *code = TEXT();
    v->error.code = *code ? err_code_from_name(code) : ERR_OK;
    v->error.text = TEXT();
    v->error.plain = TEXT();
    v->error.next = TEXT();
    v->worker_id = TEXT();
    v->filename = TEXT();
    v->mime_type = TEXT();
    v->title = TEXT();
    v->description = TEXT();
    v->tags_json = TEXT();
    v->source_type = TEXT();
    v->source_url = TEXT();
    v->source_metadata_json = TEXT();
    v->batch_name = TEXT();
    v->batch_order = I64();
    v->size_bytes = I64();
    v->checksum_sha256 = TEXT();
    v->storage_key = TEXT();
    v->sidecar_key = TEXT();
    v->media.duration_us = I64();
    v->media.width = (int)I64();
    v->media.height = (int)I64();
    v->media.rotation = (int)I64();
    v->media.fps_num = I64();
    v->media.fps_den = I64();
    v->media.frame_count = I64();
    v->media.audio_rate = (int)I64();
    v->media.audio_channels = (int)I64();
    v->media.container = TEXT();
    v->media.video_codec = TEXT();
    v->media.audio_codec = TEXT();
    v->media.info_json = TEXT();
    v->recorded_at_ms = I64();
    v->created_at_ms = I64();
    v->updated_at_ms = I64();
    v->started_at_ms = I64();
    v->completed_at_ms = I64();
    v->deleted_at_ms = I64();
    v->revision = I64();
#undef TEXT
#undef I64
}

int db_video_get(struct tx *tx, struct arena *a, const char *id, struct video *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT " VIDEO_COLUMNS " FROM videos WHERE video_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    int r = stmt_step(s, e);
    if (r < 0)
        return -1;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no video '%.60s'", id);
    video_read(s, a, ret);
    return 0;
}

static const char *user_or_local(const char *user_id)
{
    return user_id && *user_id ? user_id : DB_LOCAL_USER;
}

int db_video_find(struct tx *tx, struct arena *a, const char *user_id, const char *project_id,
                  const char *pin_id, const char *checksum_sha256, struct video *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(
            tx,
            "SELECT " VIDEO_COLUMNS " FROM videos WHERE checksum_sha256 = $1 AND user_id = $2"
            " AND project_id = $3 AND pin_id = $4 AND checksum_sha256 <> '' AND state <> 'deleted'",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, checksum_sha256);
    bind_z(s, 2, user_or_local(user_id));
    bind_z(s, 3, project_id);
    bind_z(s, 4, pin_id);
    int r = stmt_step(s, e);
    if (r > 0)
        video_read(s, a, ret);
    return r;
}

/* ---- adding ---- */

int video_check_batch_name(struct tx *tx, const char *name, struct err *e)
{
    size_t n = 0;

    for (size_t i = 0; name && name[i]; i++)
        n += ((unsigned char)name[i] & 0xc0) != 0x80;
    if (n <= VIDEO_BATCH_NAME_MAX)
        return 0;
    err_set(e, ERR_LIMIT, "batch name has %zu characters, at most %d", n, VIDEO_BATCH_NAME_MAX);
    err_plainf(e, "A batch name has at most %d characters.", VIDEO_BATCH_NAME_MAX);
    return tx_spoil(tx, e);
}

static int check_checksum(struct tx *tx, const char *sha, struct err *e)
{
    if (sha256_is_hex(str_of(sha)))
        return 0;
    err_set(e, ERR_INTERNAL, "'%.80s' is not a SHA-256", sha ? sha : "");
    return tx_spoil(tx, e);
}

static void bind_media(struct stmt *s, int at, const struct video_media *m)
{
    bind_i64(s, at, m->duration_us);
    bind_i64(s, at + 1, m->width);
    bind_i64(s, at + 2, m->height);
    bind_i64(s, at + 3, m->rotation);
    bind_i64(s, at + 4, m->fps_num);
    bind_i64(s, at + 5, m->fps_den ? m->fps_den : 1);
    bind_i64(s, at + 6, m->frame_count);
    bind_i64(s, at + 7, m->audio_rate);
    bind_i64(s, at + 8, m->audio_channels);
    bind_z(s, at + 9, m->container);
    bind_z(s, at + 10, m->video_codec);
    bind_z(s, at + 11, m->audio_codec);
    bind_z(s, at + 12, m->info_json);
}

static void bind_video(struct stmt *s, const struct video *v, const char *id, int64_t now_ms)
{
    int64_t created_ms = v->created_at_ms ? v->created_at_ms : now_ms;
    const char *source_type = v->source_type && *v->source_type ? v->source_type : "direct";

    bind_z(s, 1, id);
    bind_z(s, 2, user_or_local(v->user_id));
    bind_z(s, 3, v->project_id);
    bind_z(s, 4, v->pin_id);
    bind_z(s, 5, video_state_name(v->state));
    bind_i64(s, 6, v->progress);
    bind_z(s, 7, v->error.code ? err_class(v->error.code)->name : "");
    bind_z(s, 8, v->error.text);
    bind_z(s, 9, v->error.plain);
    bind_z(s, 10, v->error.next);
    bind_z(s, 11, v->worker_id);
    bind_z(s, 12, v->filename);
    bind_z(s, 13, v->mime_type);
    bind_z(s, 14, v->title);
    bind_z(s, 15, v->description);
    bind_z(s, 16, v->tags_json);
    bind_z(s, 17, source_type);
    bind_z(s, 18, v->source_url);
    bind_z(s, 19, v->source_metadata_json);
    bind_z(s, 20, v->batch_name);
    bind_i64(s, 21, v->batch_order);
    bind_i64(s, 22, v->size_bytes);
    bind_z(s, 23, v->checksum_sha256);
    bind_z(s, 24, v->storage_key);
    bind_z(s, 25, v->sidecar_key);
    bind_media(s, 26, &v->media); /* to 38 */
    bind_ms(s, 39, v->recorded_at_ms);
    bind_i64(s, 40, created_ms);
    bind_i64(s, 41, v->updated_at_ms ? v->updated_at_ms : now_ms);
    bind_ms(s, 42, v->started_at_ms);
    bind_ms(s, 43, v->completed_at_ms);
}

#define INSERT_VIDEO                                                                               \
    "INSERT INTO videos (video_id, user_id, project_id, pin_id, state, processing_progress, "      \
    "error_code,"                                                                                  \
    " processing_error, error_plain, error_next, worker_id, filename, mime_type, title, "          \
    "description, tags,"                                                                           \
    " source_type, source_url, source_metadata, batch_name, batch_order, size_bytes, "             \
    "checksum_sha256, storage_key,"                                                                \
    " sidecar_key, duration_us, width, height, rotation, fps_num, fps_den, frame_count, "          \
    "audio_rate, audio_channels,"                                                                  \
    " container, video_codec, audio_codec, media_info, recorded_at, created_at, updated_at, "      \
    "started_at, completed_at)"                                                                    \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "   \
    "$19, $20, $21, $22,"                                                                          \
    " $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, "  \
    "$41, $42, $43)"                                                                               \
    " ON CONFLICT DO NOTHING"

/* The id of the live video that has this content in the scope: 1, 0 none. */
static int find_content(struct tx *tx, const char *user_id, const char *project_id,
                        const char *pin_id, const char *checksum, char ret_id[static UUID_MAX],
                        struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "SELECT video_id FROM videos WHERE checksum_sha256 = $1 AND user_id = $2 AND "
                  "project_id = $3"
                  " AND pin_id = $4 AND checksum_sha256 <> '' AND state <> 'deleted'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, checksum);
    bind_z(s, 2, user_id);
    bind_z(s, 3, project_id);
    bind_z(s, 4, pin_id);
    int r = stmt_step(s, e);
    if (r > 0)
        col_copy(s, 0, ret_id, UUID_MAX);
    return r;
}

int db_video_add(struct tx *tx, const struct video *v, char ret_id[static UUID_MAX], struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    bool has_sum = v->checksum_sha256 && *v->checksum_sha256;
    char id[UUID_MAX], other[UUID_MAX];

    if (v->id && *v->id) {
        if (!uuid_is(str_of(v->id))) {
            err_set(e, ERR_INTERNAL, "'%.60s' is not a UUID", v->id);
            return tx_spoil(tx, e);
        }
        memcpy(id, v->id, UUID_MAX);
    } else {
        uuid_new(id);
    }
    if (v->state == VIDEO_DELETED) {
        err_set(e, ERR_INTERNAL, "a video is not added as deleted");
        return tx_spoil(tx, e);
    }
    if (video_check_batch_name(tx, v->batch_name, e) < 0 ||
        (has_sum && check_checksum(tx, v->checksum_sha256, e) < 0))
        return -1;
    if (stmt_open(tx, INSERT_VIDEO, &s, e) < 0)
        return -1;
    bind_video(s, v, id, db_now_ms(tx));
    int64_t n = stmt_run(s, e);
    if (n < 0)
        return err_wrap(e, "add video");
    if (n > 0) {
        memcpy(ret_id, id, UUID_MAX);
        return VIDEO_ADDED;
    }
    int r = has_sum ? find_content(tx, user_or_local(v->user_id), v->project_id, v->pin_id,
                                   v->checksum_sha256, other, e)
                    : 0;
    if (r < 0)
        return -1;
    if (r == 0) {
        err_set(e, ERR_CONFLICT, "add video: id '%s' is taken", id);
        return tx_spoil(tx, e);
    }
    memcpy(ret_id, other, UUID_MAX);
    return VIDEO_DUPLICATE;
}

/* ---- the state machine ---- */

/* Why an update of the row changed nothing. */
int video_fail_unchanged(struct tx *tx, const char *id, const char *what, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT state FROM videos WHERE video_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    int r = stmt_step(s, e);
    if (r < 0)
        return -1;
    if (r == 0)
        err_set(e, ERR_NOT_FOUND, "no video '%.60s'", id);
    else
        err_set(e, ERR_CONFLICT, "video %s is %.*s: %s", id, STR_ARG(col_str(s, 0)), what);
    return tx_spoil(tx, e);
}

/* 1 it is in that state, 0 not (or there is none) */
static int is_in_state(struct tx *tx, const char *id, enum video_state state, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT 1 FROM videos WHERE video_id = $1 AND state = $2", &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_z(s, 2, video_state_name(state));
    return stmt_step(s, e);
}

/* What entering a state changes besides the state. */
static const char *const on_entry[VIDEO_STATE_N] = {
    [VIDEO_UPLOADING] = "",
    [VIDEO_VALIDATING] = ", processing_progress = 0",
    [VIDEO_PROCESSING] = (", processing_progress = CASE WHEN state = 'validating' THEN "
                          "processing_progress ELSE 0 END"
                          ", started_at = coalesce(started_at, $2), completed_at = NULL"),
    [VIDEO_INDEXED] = ", processing_progress = 100, completed_at = $2, worker_id = ''",
    [VIDEO_FAILED] = ", failed_from = state",
    [VIDEO_DELETED] = ", deleted_at = $2",
};

/* 1 moved, 0 not from there */
static int enter_state(struct tx *tx, const char *id, enum video_state to, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    CLEANUP_BUF struct buf sql = {0};

    buf_addf(&sql, "UPDATE videos SET state = '%s', updated_at = $2, revision = revision + 1%s",
             state_names[to], on_entry[to]);
    if (to != VIDEO_FAILED && to != VIDEO_DELETED)
        buf_addz(&sql,
                 ", error_code = '', processing_error = '', error_plain = '', error_next = ''");
    buf_addz(&sql, " WHERE video_id = $1 AND ");
    video_states_in(&sql, may_come_from[to]);
    if (stmt_open(tx, buf_z(&sql), &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, db_now_ms(tx));
    return (int)stmt_run(s, e);
}

int db_video_set_state(struct tx *tx, const char *id, enum video_state to, struct err *e)
{
    if (to < 0 || to >= VIDEO_STATE_N || !may_come_from[to] || to == VIDEO_DELETED ||
        to == VIDEO_FAILED) {
        err_set(e, ERR_INTERNAL, "no step leads to '%s' this way", video_state_name(to));
        return tx_spoil(tx, e);
    }
    int r = enter_state(tx, id, to, e);
    if (r != 0)
        return r;
    r = is_in_state(tx, id, to, e);
    if (r != 0)
        return r < 0 ? -1 : 0;
    char what[64];
    snprintf(what, sizeof(what), "it can not become %s", state_names[to]);
    return video_fail_unchanged(tx, id, what, e);
}

int db_video_fail(struct tx *tx, const char *id, const struct err *why, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;
    int r = enter_state(tx, id, VIDEO_FAILED, e);

    if (r <= 0)
        return r;
    if (stmt_open(tx,
                  "UPDATE videos SET error_code = $2, processing_error = $3, error_plain = $4, "
                  "error_next = $5,"
                  " worker_id = '' WHERE video_id = $1",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_z(s, 2, err_class(why->code)->name);
    bind_z(s, 3, why->text);
    bind_z(s, 4, err_plain_text(why));
    bind_z(s, 5, err_next_text(why));
    return stmt_run(s, e) < 0 ? -1 : 1;
}

int db_video_revive(struct tx *tx, const char *id, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    /* validating and processing may both be entered from failed: see may_come_from */
    if (stmt_open(tx,
                  "UPDATE videos SET state = CASE failed_from WHEN 'processing' THEN 'processing' "
                  "ELSE 'validating' END,"
                  " failed_from = '', error_code = '', processing_error = '', error_plain = '', "
                  "error_next = '',"
                  " processing_progress = 0, updated_at = $2, revision = revision + 1"
                  " WHERE video_id = $1 AND state = 'failed'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, db_now_ms(tx));
    return (int)stmt_run(s, e);
}

int db_video_delete(struct tx *tx, const char *id, bool *ret_last, struct err *e)
{
    static const char *const clear[] = {
        "DELETE FROM scenes WHERE video_id = $1",
        "DELETE FROM texts WHERE video_id = $1",
        "DELETE FROM processing_jobs WHERE video_id = $1",
        "UPDATE uploads SET video_id = NULL WHERE video_id = $1",
    };
    int r = enter_state(tx, id, VIDEO_DELETED, e);

    if (r < 0)
        return -1;
    if (r == 0) {
        r = is_in_state(tx, id, VIDEO_DELETED, e);
        *ret_last = false;
        return r > 0 ? 0 : r < 0 ? -1 : video_fail_unchanged(tx, id, "it can not be deleted", e);
    }
    for (size_t i = 0; i < ARRAY_LEN(clear); i++) {
        CLEANUP(stmt_close) struct stmt *s = NULL;
        if (stmt_open(tx, clear[i], &s, e) < 0)
            return -1;
        bind_z(s, 1, id);
        if (stmt_run(s, e) < 0)
            return -1;
    }
    CLEANUP(stmt_close) struct stmt *s = NULL;
    if (stmt_open(tx,
                  "SELECT 1 FROM videos AS other, videos AS gone WHERE gone.video_id = $1"
                  " AND gone.checksum_sha256 <> '' AND other.checksum_sha256 = gone.checksum_sha256"
                  " AND other.checksum_sha256 <> '' AND other.state <> 'deleted' LIMIT 1",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    r = stmt_step(s, e);
    if (r < 0)
        return -1;
    *ret_last = r == 0;
    return 1;
}

int db_video_has_content(struct tx *tx, const char *checksum_sha256, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "SELECT 1 FROM videos WHERE checksum_sha256 = $1 AND checksum_sha256 <> ''"
                  " AND state <> 'deleted' LIMIT 1",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, checksum_sha256);
    return stmt_step(s, e);
}

/* ---- small updates ---- */

int db_video_set_progress(struct tx *tx, const char *id, int percent, const char *worker_id,
                          struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(
            tx,
            "UPDATE videos SET processing_progress = CASE WHEN processing_progress < $2 THEN $2"
            " ELSE processing_progress END, worker_id = CASE WHEN $3 = '' THEN worker_id ELSE $3 "
            "END,"
            " updated_at = $4 WHERE video_id = $1 AND state IN ('uploading', 'validating', "
            "'processing')",
            &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, CLAMP(percent, 0, 100));
    bind_z(s, 3, worker_id);
    bind_i64(s, 4, db_now_ms(tx));
    int64_t n = stmt_run(s, e);
    return n < 0 ? -1 : (int)n;
}

int db_video_set_checksum(struct tx *tx, const char *id, const char *checksum, int64_t size_bytes,
                          char ret_existing[static UUID_MAX], struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(stmt_close) struct stmt *s = NULL;
    struct video v;
    char other[UUID_MAX];

    if (check_checksum(tx, checksum, e) < 0 || db_video_get(tx, a, id, &v, e) < 0)
        return tx_spoil(tx, e);
    if (*v.checksum_sha256 && strcmp(v.checksum_sha256, checksum) != 0)
        return video_fail_unchanged(tx, id, "its content is another one already", e);
    int r = find_content(tx, v.user_id, v.project_id, v.pin_id, checksum, other, e);
    if (r < 0)
        return -1;
    if (r > 0 && strcmp(other, id) != 0) {
        memcpy(ret_existing, other, UUID_MAX);
        return VIDEO_DUPLICATE;
    }
    if (stmt_open(tx,
                  "UPDATE videos SET checksum_sha256 = $2, size_bytes = $3, updated_at = $4, "
                  "revision = revision + 1"
                  " WHERE video_id = $1 AND state <> 'deleted'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_z(s, 2, checksum);
    bind_i64(s, 3, size_bytes);
    bind_i64(s, 4, db_now_ms(tx));
    int64_t n = stmt_run(s, e);
    if (n < 0)
        return -1;
    return n > 0 ? VIDEO_SET : video_fail_unchanged(tx, id, "its content can not be set", e);
}

int db_video_set_media(struct tx *tx, const char *id, const struct video_media *m, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "UPDATE videos SET duration_us = $3, width = $4, height = $5, rotation = $6, "
                  "fps_num = $7,"
                  " fps_den = $8, frame_count = $9, audio_rate = $10, audio_channels = $11, "
                  "container = $12,"
                  " video_codec = $13, audio_codec = $14, media_info = $15, updated_at = $2, "
                  "revision = revision + 1"
                  " WHERE video_id = $1 AND state <> 'deleted'",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, id);
    bind_i64(s, 2, db_now_ms(tx));
    bind_media(s, 3, m);
    int64_t n = stmt_run(s, e);
    if (n < 0)
        return -1;
    return n > 0 ? 0 : video_fail_unchanged(tx, id, "its media facts can not be set", e);
}
