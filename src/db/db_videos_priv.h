/* Shared by the files of db/ that read video rows. */
#ifndef DB_DB_VIDEOS_PRIV_H
#define DB_DB_VIDEOS_PRIV_H

#include "db/db_priv.h"
#include "db/db_videos.h"

/* In the order of video_read(). */
#define VIDEO_COLUMNS                                                                              \
    "video_id, user_id, project_id, pin_id, state, processing_progress, error_code,"               \
    " processing_error, error_plain, error_next, worker_id, filename, mime_type, title,"           \
    " description, tags, source_type, source_url, source_metadata, batch_name, batch_order,"       \
    " size_bytes, checksum_sha256, storage_key, sidecar_key, duration_us, width, height,"          \
    " rotation, fps_num, fps_den, frame_count, audio_rate, audio_channels, container,"             \
    " video_codec, audio_codec, media_info, recorded_at, created_at, updated_at, started_at,"      \
    " completed_at, deleted_at, revision"
void video_read(struct stmt *s, struct arena *a, struct video *v);
/* "state IN ('…', …)" for bits 1 << enum video_state, at least one */
void video_states_in(struct buf *sql, unsigned states);
/* ERR_LIMIT beyond VIDEO_BATCH_NAME_MAX characters; NULL is fine. */
int video_check_batch_name(struct tx *tx, const char *name, struct err *e);
/* Why an update of the row changed nothing: ERR_NOT_FOUND, or ERR_CONFLICT with the state and `what`. */
int video_fail_unchanged(struct tx *tx, const char *id, const char *what, struct err *e);

#endif
