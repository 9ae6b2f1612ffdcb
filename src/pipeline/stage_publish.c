/*
 * publish: what describes the whole video becomes findable, the sidecar is written, the video is
 * indexed. All of it in one transaction: a video that says indexed is found by search and can be
 * made again from the store alone.
 */
#include "index/index.h"
#include "pipeline/pipeline_priv.h"
#include "pipeline/sidecar.h"

static int publish(struct run *r, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    if (db_begin(r->lib->db, DB_WRITE, &tx, e) < 0 || index_put_video(tx, r->video.id, e) < 0)
        return err_wrap(e, "publish");
    if (r->video.state == VIDEO_PROCESSING &&
        db_video_set_state(tx, r->video.id, VIDEO_INDEXED, e) < 0)
        return err_wrap(e, "publish");
    if (sidecar_write(tx, r->lib->store, r->video.id, NULL, e) < 0)
        return err_wrap(e, "publish");
    return run_finish(r, tx, NULL, e);
}

const struct stage stage_publish = {
    .name = "publish",
    .queue = QUEUE_VIDEO_PROCESSING,
    .version = 1,
    .needs = 1u << 2,
    .weight = 2,
    .run = publish,
};
