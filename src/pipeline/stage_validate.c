/*
 * upload_validate: is this media that we can work on? Headers only; the pass that follows looks at
 * every frame. What the container says becomes the video's row.
 */
#include "base/json.h"
#include "pipeline/pipeline_priv.h"
#include "pipeline/sidecar.h"

/* The row's view of what a file is. info_json is borrowed. */
static struct video_media media_row(const struct media_info *info, const char *info_json)
{
    struct video_media m = {
        .duration_us = info->duration_us,
        .fps_num = 0,
        .fps_den = 1,
        .container = info->family,
        .info_json = info_json,
    };
    if (info->video >= 0) {
        const struct media_stream *v = &info->streams[info->video];
        m.width = v->display_width;
        m.height = v->display_height;
        m.rotation = v->rotation;
        m.fps_num = v->frame_rate.num;
        m.fps_den = MAX(v->frame_rate.den, 1);
        m.video_codec = v->codec;
    }
    if (info->audio >= 0) {
        const struct media_stream *a = &info->streams[info->audio];
        m.audio_rate = a->sample_rate;
        m.audio_channels = a->channels;
        m.audio_codec = a->codec;
    }
    return m;
}

int run_set_media(struct run *r, struct tx *tx, const struct media_info *info, int64_t duration_us,
                  int64_t frames, struct err *e)
{
    CLEANUP_BUF struct buf json = {0};
    struct jsonw w = JSONW(&json);
    media_info_json(info, &w);
    struct video_media m = media_row(info, buf_z(&json));
    struct video_edit edit = {.mime_type = info->mime};
    if (duration_us > 0)
        m.duration_us = duration_us;
    m.frame_count = frames;
    if (db_video_set_media(tx, r->video.id, &m, e) < 0 ||
        db_video_edit(tx, r->video.id, &edit, e) < 0)
        return -1;
    return 0;
}

static int validate(struct run *r, struct err *e)
{
    struct media_ctx m;
    CLEANUP_CLOSE int fd = -1;
    CLEANUP(media_info_free) struct media_info *info = NULL;
    CLEANUP(db_rollback) struct tx *tx = NULL;

    run_media_ctx(r, &m);
    if (store_fetch(r->lib->store, r->video.storage_key, &fd, e) < 0 ||
        media_probe(&m, fd, &info, e) < 0)
        return err_wrap(e, "validate");
    if (db_begin(r->lib->db, DB_WRITE, &tx, e) < 0 || run_set_media(r, tx, info, 0, 0, e) < 0)
        return err_wrap(e, "publish validation");
    if (r->video.state == VIDEO_VALIDATING &&
        db_video_set_state(tx, r->video.id, VIDEO_PROCESSING, e) < 0)
        return err_wrap(e, "publish validation");
    /* so that a rebuild in the middle of the work keeps what people said about the video */
    if (sidecar_write(tx, r->lib->store, r->video.id, NULL, e) < 0)
        return err_wrap(e, "publish validation");
    return run_finish(r, tx, NULL, e);
}

const struct stage stage_validate = {
    .name = "upload_validate",
    .queue = QUEUE_VIDEO_PROCESSING,
    .version = 1,
    .weight = 1,
    .run = validate,
};
