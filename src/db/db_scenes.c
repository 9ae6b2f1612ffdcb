/* Scenes of a video: written whole, read by index or by time. */
#include "db/db_scenes.h"

#include <inttypes.h>

#include "db/db_priv.h"

#define COLUMNS                                                                                    \
    "scene_id, scene_index, start_frame, end_frame, start_us, end_us, boundary, score, detector, " \
    "rep_frame, rep_us,"                                                                           \
    " poster_key, transcript, vision_tags, sidecar_key"

static void read_row(struct stmt *s, struct arena *a, struct scene *sc)
{
    *sc = (struct scene){
        .id = col_text(s, a, 0),
        .index = (int)col_i64(s, 1),
        .start_frame = col_i64(s, 2),
        .end_frame = col_i64(s, 3),
        .start_us = col_i64(s, 4),
        .end_us = col_i64(s, 5),
        .boundary = col_text(s, a, 6),
        .score = col_double(s, 7),
        .detector = col_text(s, a, 8),
        .rep_frame = col_i64(s, 9),
        .rep_us = col_i64(s, 10),
        .poster_key = col_text(s, a, 11),
        .transcript = col_text(s, a, 12),
        .vision_tags_json = col_text(s, a, 13),
        .sidecar_key = col_text(s, a, 14),
    };
}

static int check_order(struct tx *tx, const struct scene *scenes, size_t n, struct err *e)
{
    if (n > DB_SCENES_MAX) {
        err_set(e, ERR_LIMIT, "%zu scenes, at most %d", n, DB_SCENES_MAX);
        return tx_spoil(tx, e);
    }
    for (size_t i = 0; i < n; i++) {
        const struct scene *s = &scenes[i];
        bool ok = s->start_frame < s->end_frame && s->start_us <= s->end_us;
        if (i > 0)
            ok = ok && scenes[i - 1].end_frame <= s->start_frame &&
                 scenes[i - 1].end_us <= s->start_us;
        if (!ok) {
            err_set(e, ERR_INTERNAL, "scene %zu (frames %" PRId64 "..%" PRId64 ") is not in order",
                    i, s->start_frame, s->end_frame);
            return tx_spoil(tx, e);
        }
    }
    return 0;
}

#define UPSERT                                                                                     \
    "INSERT INTO scenes (" COLUMNS ", video_id)"                                                   \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"              \
    " ON CONFLICT (scene_id) DO UPDATE SET scene_index = excluded.scene_index,"                    \
    " start_us = excluded.start_us, end_us = excluded.end_us, boundary = excluded.boundary,"       \
    " score = excluded.score, detector = excluded.detector, rep_frame = excluded.rep_frame,"       \
    " rep_us = excluded.rep_us, poster_key = excluded.poster_key,"                                 \
    " transcript = excluded.transcript, vision_tags = excluded.vision_tags,"                       \
    " sidecar_key = excluded.sidecar_key WHERE scenes.video_id = excluded.video_id"

static void bind_scene(struct stmt *s, const char *video_id, const struct scene *sc, size_t index,
                       const char *id)
{
    bind_z(s, 1, id);
    bind_i64(s, 2, (int64_t)index);
    bind_i64(s, 3, sc->start_frame);
    bind_i64(s, 4, sc->end_frame);
    bind_i64(s, 5, sc->start_us);
    bind_i64(s, 6, sc->end_us);
    bind_z(s, 7, sc->boundary && *sc->boundary ? sc->boundary : index == 0 ? "start" : "cut");
    bind_double(s, 8, sc->score);
    bind_z(s, 9, sc->detector);
    bind_i64(s, 10, sc->rep_frame);
    bind_i64(s, 11, sc->rep_us);
    bind_z(s, 12, sc->poster_key);
    bind_z(s, 13, sc->transcript);
    bind_z(s, 14, sc->vision_tags_json);
    bind_z(s, 15, sc->sidecar_key);
    bind_z(s, 16, video_id);
}

static int run_for_video(struct tx *tx, const char *sql, const char *video_id, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, sql, &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    return stmt_run(s, e) < 0 ? -1 : 0;
}

/*
 * Scenes that cover the same frames keep their row and id, so that what refers to a scene outlives a
 * repeated stage. The old rows first step aside to negative indexes; both lists rise, so one walk
 * beside each other finds who stays; what is still negative at the end is gone.
 */
int db_scenes_replace(struct tx *tx, const char *video_id, const struct scene *scenes, size_t n,
                      struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(stmt_close) struct stmt *put = NULL;
    struct scene *old;
    size_t n_old, at = 0;
    char id[UUID_MAX];

    if (check_order(tx, scenes, n, e) < 0 || db_scenes_list(tx, a, video_id, &old, &n_old, e) < 0 ||
        run_for_video(tx, "UPDATE scenes SET scene_index = -1 - scene_index WHERE video_id = $1",
                      video_id, e) < 0 ||
        stmt_open(tx, UPSERT, &put, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        while (at < n_old && old[at].start_frame < scenes[i].start_frame)
            at++;
        bool same = at < n_old && old[at].start_frame == scenes[i].start_frame &&
                    old[at].end_frame == scenes[i].end_frame;
        stmt_rewind(put);
        bind_scene(put, video_id, &scenes[i], i,
                   same                            ? old[at].id
                   : uuid_is(str_of(scenes[i].id)) ? scenes[i].id
                                                   : uuid_new(id));
        int64_t n_put = stmt_run(put, e);
        if (n_put < 0)
            return err_wrap(e, "scene %zu", i);
        if (n_put == 0) {
            err_set(e, ERR_CONFLICT, "scene %zu: its id belongs to another video", i);
            return tx_spoil(tx, e);
        }
    }
    return run_for_video(tx, "DELETE FROM scenes WHERE video_id = $1 AND scene_index < 0", video_id,
                         e);
}

int db_scenes_list(struct tx *tx, struct arena *a, const char *video_id, struct scene **ret,
                   size_t *ret_n, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *count = NULL, *s = NULL;
    int r;

    if (stmt_open(tx, "SELECT count(*) FROM scenes WHERE video_id = $1", &count, e) < 0 ||
        stmt_open(tx, "SELECT " COLUMNS " FROM scenes WHERE video_id = $1 ORDER BY scene_index", &s,
                  e) < 0)
        return -1;
    bind_z(count, 1, video_id);
    if (stmt_step(count, e) < 0)
        return -1;
    size_t max = (size_t)col_i64(count, 0), n = 0;
    struct scene *scenes = ARENA_ARRAY(a, struct scene, max);
    bind_z(s, 1, video_id);
    while ((r = stmt_step(s, e)) > 0 && n < max)
        read_row(s, a, &scenes[n++]);
    if (r < 0)
        return err_wrap(e, "list scenes");
    *ret = scenes;
    *ret_n = n;
    return 0;
}

int db_scene_get(struct tx *tx, struct arena *a, const char *scene_id, struct scene *ret,
                 const char **ret_video_id, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx, "SELECT " COLUMNS ", video_id FROM scenes WHERE scene_id = $1", &s, e) < 0)
        return -1;
    bind_z(s, 1, scene_id);
    int r = stmt_step(s, e);
    if (r < 0)
        return -1;
    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no scene '%.60s'", scene_id);
    read_row(s, a, ret);
    *ret_video_id = col_text(s, a, 15);
    return 0;
}

int db_scene_at(struct tx *tx, struct arena *a, const char *video_id, int64_t at_us,
                struct scene *ret, struct err *e)
{
    CLEANUP(stmt_close) struct stmt *s = NULL;

    if (stmt_open(tx,
                  "SELECT " COLUMNS " FROM scenes WHERE video_id = $1 AND start_us <= $2"
                  " ORDER BY start_us DESC, scene_index DESC LIMIT 1",
                  &s, e) < 0)
        return -1;
    bind_z(s, 1, video_id);
    bind_i64(s, 2, at_us);
    int r = stmt_step(s, e);
    if (r <= 0)
        return r;
    if (col_i64(s, 5) <= at_us) /* it ended before */
        return 0;
    read_row(s, a, ret);
    return 1;
}
