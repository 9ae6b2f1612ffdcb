/*
 * media_pass: the one pass. The media child decodes the original once and writes every derived file
 * into scratch; they become objects named by the original's hash and the settings; then one
 * transaction makes them known. When the same content was passed with the same settings before
 * (another video, an earlier crash after publishing), its objects serve again without decoding.
 */
#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "media/results.h"
#include "pipeline/pipeline_priv.h"

#define REPORT_NAME "report.json"
#define REPORT_KIND "report"

static const struct out_file {
    const char *name, *mime;
} out_files[MEDIA_OUT_N] = {
    [MEDIA_OUT_PROXY] = {"proxy.mp4", "video/mp4"},
    [MEDIA_OUT_THUMB] = {"thumb.jpg", "image/jpeg"},
    [MEDIA_OUT_POSTER] = {"poster.jpg", "image/jpeg"},
    [MEDIA_OUT_SPRITES] = {"sprites.mjpeg", "video/x-motion-jpeg"},
    [MEDIA_OUT_VTT] = {"sprites.vtt", "text/vtt"},
    [MEDIA_OUT_SHOTS] = {"shots.mjpeg", "video/x-motion-jpeg"},
    [MEDIA_OUT_SAMPLES] = {"samples.mjpeg", "video/x-motion-jpeg"},
    [MEDIA_OUT_INDEX] = {"frames.idx", "application/octet-stream"},
    [MEDIA_OUT_AUDIO] = {"audio.wav", "audio/wav"},
    [MEDIA_OUT_PEAKS] = {"peaks.json", "application/json"},
};

/* ---- names
 * ---------------------------------------------------------------------------------------------------------
 */

static int names_of(const char *sha256, const char *params, struct pass_names *ret, struct err *e)
{
    snprintf(ret->params, sizeof ret->params, "%s", params);
    for (int i = 0; i < MEDIA_OUT_N; i++)
        if (store_name_derived(sha256, stage_media.name, stage_media.version, params,
                               out_files[i].name, ret->keys[i], e) < 0)
            return -1;
    return store_name_derived(sha256, stage_media.name, stage_media.version, params, REPORT_NAME,
                              ret->report, e);
}

int pass_names(struct library *lib, const char *sha256, struct pass_names *ret, struct err *e)
{
    struct media_pass_opts o;
    char params[STORE_PARAMS_HEX_MAX];
    CLEANUP_BUF struct buf json = {0};
    struct jsonw w = JSONW(&json);
    media_pass_opts_init(&o, lib->conf);
    media_pass_opts_json(&o, &w);
    store_params_hash(buf_str(&json), params);
    return names_of(sha256, params, ret, e);
}

/* ---- a pass that was made before
 * ------------------------------------------------------------------------------------- */

/* Reads and checks the report under its key against the rows of its objects. 1 usable, 0 not. */
static int report_load(struct library *lib, struct tx *tx, struct arena *a,
                       const struct pass_names *names, struct media_pass_result **ret,
                       struct err *e)
{
    struct object o;
    int64_t sizes[MEDIA_OUT_N] = {0};
    bool have[MEDIA_OUT_N];
    CLEANUP_BUF struct buf text = BUF_MAX(MEDIA_RESULT_BYTES_MAX);
    CLEANUP_JSON json_t *json = NULL;
    int r = db_object_get(tx, a, names->report, &o, e);
    if (r <= 0)
        return r;
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        r = db_object_get(tx, a, names->keys[i], &o, e);
        if (r < 0)
            return -1;
        have[i] = r > 0;
        sizes[i] = r ? o.size_bytes : 0;
    }
    if (store_read(lib->store, names->report, MEDIA_RESULT_BYTES_MAX, &text, e) < 0 ||
        json_read(buf_str(&text), &json, e) < 0)
        return err_wrap(e, "report %s", names->report);
    /* the samples are let go when a video is indexed; the report still says how large they were */
    if (!have[MEDIA_OUT_SAMPLES])
        json_get_i64(json_object_get(json, "made"), media_out_name(MEDIA_OUT_SAMPLES),
                     &sizes[MEDIA_OUT_SAMPLES]);
    if (media_pass_result_parse(json, sizes, ret, e) < 0)
        return err_wrap(e, "report %s", names->report);
    return 1;
}

int pass_report(struct library *lib, const char *sha256, struct media_pass_result **ret,
                struct pass_names *ret_names, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct object o;
    struct pass_names names;
    if (db_begin(lib->db, DB_READ, &tx, e) < 0)
        return -1;
    int r = db_object_find(tx, a, sha256, REPORT_KIND, stage_media.name, &o, e);
    if (r <= 0)
        return r;
    if (names_of(sha256, o.params_hash, &names, e) < 0)
        return -1;
    r = report_load(lib, tx, a, &names, ret, e);
    if (r == 1)
        *ret_names = names;
    return r;
}

/* Are all objects of that report still there, whole? */
static int objects_whole(struct run *r, const struct pass_names *names,
                         const struct media_pass_result *p, struct err *e)
{
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        struct store_info info;
        if (!p->made[i])
            continue;
        int there = store_stat(r->lib->store, names->keys[i], &info, e);
        if (there < 0)
            return -1;
        if (!there || info.size != p->bytes[i])
            return 0;
    }
    return 1;
}

static int reuse(struct run *r, const struct pass_names *names, struct media_pass_result **ret,
                 struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP(media_pass_result_free) struct media_pass_result *p = NULL;
    struct err why = {0};
    if (db_begin(r->lib->db, DB_READ, &tx, e) < 0)
        return -1;
    int got = report_load(r->lib, tx, r->arena, names, &p, &why);
    if (got > 0)
        got = objects_whole(r, names, p, &why);
    if (got < 0)
        log_warn(r->log, "pass_not_reused cause=%s, continuing", LOGZ(why.text));
    if (got <= 0)
        return 0;
    *ret = STEAL(p);
    return 1;
}

/* ---- making it
 * -------------------------------------------------------------------------------------------------------
 */

struct outputs {
    struct store_writer *w[MEDIA_OUT_N];
};

static void outputs_finish(struct outputs *o)
{
    for (int i = 0; i < MEDIA_OUT_N; i++)
        store_writer_free(o->w[i]);
}

/* An object that lies in the store now, for its row. */
static void object_of(struct run *r, const struct store_writer *w, const char *key,
                      const char *kind, const char *mime, const struct pass_names *names,
                      struct object *ret)
{
    *ret = (struct object){
        .key = arena_strdup(r->arena, key),
        .source_sha256 = r->video.checksum_sha256,
        .kind = kind,
        .stage = stage_media.name,
        .stage_version = stage_media.version,
        .params_hash = arena_strdup(r->arena, names->params),
        .mime_type = mime,
        .size_bytes = store_writer_size(w),
        .sha256 = arena_strdup(r->arena, store_writer_sha256(w)),
    };
}

/* Runs the child and puts what it made into the store. The rows for it go to objects[*ret_n]. */
static int make(struct run *r, const struct pass_names *names, struct media_pass_result **ret,
                struct object *objects, size_t *ret_n, struct err *e)
{
    struct media_ctx m;
    struct media_pass_opts o;
    __attribute__((cleanup(outputs_finish))) struct outputs out = {0};
    CLEANUP(media_pass_result_free) struct media_pass_result *p = NULL;
    CLEANUP(store_writer_free) struct store_writer *report = NULL;
    CLEANUP_CLOSE int fd = -1;
    int fds[MEDIA_OUT_N];
    size_t n = 0;

    run_media_ctx(r, &m);
    media_pass_opts_init(&o, r->lib->conf);
    if (store_fetch(r->lib->store, r->video.storage_key, &fd, e) < 0)
        return -1;
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        if (store_begin(r->lib->store, -1, &out.w[i], e) < 0)
            return -1;
        fds[i] = store_writer_fd(out.w[i]);
    }
    if (media_pass(&m, fd, fds, &o, &p, e) < 0)
        return -1;
    for (int i = 0; i < MEDIA_OUT_N; i++) {
        if (!p->made[i])
            continue;
        if (store_commit(out.w[i], names->keys[i], STORE_REPLACE, e) < 0)
            return err_wrap(e, "store %s", out_files[i].name);
        object_of(r, out.w[i], names->keys[i], media_out_name(i), out_files[i].mime, names,
                  &objects[n++]);
    }
    CLEANUP_FREE char *json = json_dumps(p->report, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (!json)
        return err_set(e, ERR_INTERNAL, "report does not serialise");
    if (store_begin(r->lib->store, (int64_t)strlen(json), &report, e) < 0 ||
        store_write(report, json, strlen(json), e) < 0 ||
        store_commit(report, names->report, STORE_REPLACE, e) < 0)
        return err_wrap(e, "store report");
    object_of(r, report, names->report, REPORT_KIND, "application/json", names, &objects[n++]);
    *ret_n = n;
    *ret = STEAL(p);
    return 0;
}

/* ---- publishing
 * ------------------------------------------------------------------------------------------------------
 */

static int put_scenes(struct run *r, struct tx *tx, const struct pass_names *names,
                      const struct media_pass_result *p, struct err *e)
{
    const struct media_shots *s = p->shots;
    const char *detector = conf_str(r->lib->conf, CONF_SHOTS_DETECTOR);
    struct scene *scenes = mem_try_calloc((size_t)MAX(s->n, 1), sizeof *scenes);
    if (!scenes)
        return err_set(e, ERR_LIMIT, "no memory for %" PRId64 " scenes", s->n);
    for (int64_t i = 0; i < s->n; i++) {
        const struct media_shot *t = &s->shots[i];
        scenes[i] = (struct scene){
            .start_frame = t->start_frame,
            .end_frame = t->end_frame,
            .start_us = t->start_us,
            .end_us = t->end_us,
            .boundary = t->kind,
            .detector = detector,
            .rep_frame = t->picture_frame,
            .rep_us = i < p->shot_pictures.n ? p->shot_pictures.p[i].pts_us : t->start_us,
            .poster_key = i < p->shot_pictures.n ? names->keys[MEDIA_OUT_SHOTS] : "",
        };
    }
    int done = db_scenes_replace(tx, r->video.id, scenes, (size_t)s->n, e);
    free(scenes);
    return done;
}

/* What a person should know of a file that could be worked on though something is wrong with it; "" nothing. */
static const char *warning(struct run *r, const struct media_pass_result *p)
{
    int64_t missing_us = p->info->duration_us - p->duration_us;
    if (missing_us > MAX(INT64_C(1000000), p->info->duration_us / 50))
        return arena_printf(
            r->arena,
            "The file ends after %.1f of %.1f seconds; it was not copied or recorded to its end.",
            (double)p->duration_us / 1e6, (double)p->info->duration_us / 1e6);
    if (p->decode_errors > 0)
        return arena_printf(r->arena, "%" PRId64 " damaged places were passed over.",
                            p->decode_errors);
    return "";
}

static int media_stage(struct run *r, struct err *e)
{
    struct pass_names names;
    CLEANUP(media_pass_result_free) struct media_pass_result *p = NULL;
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct object objects[MEDIA_OUT_N + 1];
    size_t n_objects = 0;

    if (pass_names(r->lib, r->video.checksum_sha256, &names, e) < 0)
        return -1;
    int reused = reuse(r, &names, &p, e);
    if (reused < 0 || (!reused && make(r, &names, &p, objects, &n_objects, e) < 0))
        return err_wrap(e, "media pass");
    if (db_begin(r->lib->db, DB_WRITE, &tx, e) < 0)
        return err_wrap(e, "publish media pass");
    for (size_t i = 0; i < n_objects; i++)
        if (db_object_put(tx, &objects[i], e) < 0)
            return err_wrap(e, "publish media pass");
    if (run_set_media(r, tx, p->info, p->duration_us, p->shots->frames, e) < 0 ||
        put_scenes(r, tx, &names, p, e) < 0)
        return err_wrap(e, "publish media pass");
    return run_finish(r, tx, warning(r, p), e);
}

const struct stage stage_media = {
    .name = "media_pass",
    .queue = QUEUE_VIDEO_PROCESSING,
    .version = 1,
    .needs = 1u << 0,
    .weight = 79,
    .run = media_stage,
};
