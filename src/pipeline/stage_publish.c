/*
 * publish: what describes the whole video becomes findable, the sidecar is written, the video is
 * indexed. All of it in one transaction: a video that says indexed is found by search and can be
 * made again from the store alone.
 */
#include "index/index.h"
#include "pipeline/pipeline_priv.h"
#include "pipeline/sidecar.h"

/* The bytes go while nobody can publish a row that names them, and only if nobody did since ours went. */
static int remove_unnamed(struct run *r, const char *key, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct object o;
    if (db_begin(r->lib->db, DB_WRITE, &tx, e) < 0)
        return -1;
    int row = db_object_get(tx, r->arena, key, &o, e);
    if (row != 0)
        return row < 0 ? -1 : 0;
    return store_remove(r->lib->store, key, e) < 0 ? -1 : 0;
}

/*
 * The analysis frames have served. The row goes first, and only while the job is ours: a worker that lost it must not
 * take them from the one that has it. The bytes go after, and both before the video is indexed: a crash in between runs
 * this stage again, which finds the names in the report and removes what is left.
 */
static int let_samples_go(struct run *r, struct err *e)
{
    CLEANUP(media_pass_result_free) struct media_pass_result *p = NULL;
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct pass_names names;
    if (conf_bool(r->lib->conf, CONF_SAMPLE_KEEP))
        return 0;
    int found = pass_report(r->lib, r->video.checksum_sha256, &p, &names, e);
    if (found <= 0 || !p->made[MEDIA_OUT_SAMPLES])
        return found < 0 ? -1 : 0;
    const char *key = names.keys[MEDIA_OUT_SAMPLES];
    if (db_begin(r->lib->db, DB_WRITE, &tx, e) < 0 || queue_renew_in(tx, r->job, e) < 0 ||
        db_object_del(tx, key, e) < 0 || db_commit(tx, e) < 0)
        return err_wrap(e, "let samples go");
    db_rollback(STEAL(tx));
    return remove_unnamed(r, key, e) < 0 ? err_wrap(e, "let samples go") : 0;
}

static int publish(struct run *r, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    if (let_samples_go(r, e) < 0 || db_begin(r->lib->db, DB_WRITE, &tx, e) < 0 ||
        index_put_video(tx, r->video.id, e) < 0)
        return err_wrap(e, "publish");
    if (r->video.state == VIDEO_PROCESSING &&
        db_video_set_state(tx, r->video.id, VIDEO_INDEXED, e) < 0)
        return err_wrap(e, "publish");
    if (sidecar_write(tx, r->lib->store, r->video.id, NULL, e) < 0)
        return err_wrap(e, "publish");
    if (run_finish(r, tx, NULL, e) < 0)
        return -1;
    db_rollback(STEAL(tx));
    struct err why = {0}; /* the video is indexed; what is left over harms nothing */
    if (sidecar_trim(r->lib->db, r->lib->store, r->video.id, &why) < 0)
        log_warn(r->log, "sidecars_not_trimmed cause=%s, continuing", LOGZ(why.text));
    return 0;
}

const struct stage stage_publish = {
    .name = "publish",
    .queue = QUEUE_VIDEO_PROCESSING,
    .version = 1,
    .needs = 1u << 2,
    .weight = 2,
    .run = publish,
};
