/*
 * Uploads: bytes on their way in. The row exists before the first byte is written to scratch, so
 * that a crash leaves nothing that nobody knows of.
 *
 *     receiving -> received -> done        bytes complete; stored and handed to a video
 *         +------------+-----> failed | aborted
 */
#ifndef DB_DB_UPLOADS_H
#define DB_DB_UPLOADS_H

#include "base/hash.h"
#include "db/db.h"

enum upload_state {
    UPLOAD_RECEIVING,
    UPLOAD_RECEIVED,
    UPLOAD_DONE,
    UPLOAD_FAILED,
    UPLOAD_ABORTED,
    UPLOAD_STATE_N
};
const char *upload_state_name(enum upload_state s);
bool upload_state_from_name(struct str name, enum upload_state *ret);
bool upload_state_may(enum upload_state from, enum upload_state to);

struct upload {
    const char *id, *user_id;
    const char *video_id; /* "" until there is one */
    enum upload_state state;
    const char *scratch_path; /* relative to the data folder */
    const char *source_path;  /* where a local file came from, "" for the network */
    const char *filename, *mime_type;
    int64_t declared_bytes; /* -1 unknown */
    int64_t received_bytes;
    const char *checksum_sha256; /* hex, "" until known */
    const char *meta_json; /* what the uploader said of it (title, tags ...), a JSON object or "" */
    const char *error_text, *error_plain;
    int64_t created_at_ms, updated_at_ms;
};

/* id "" makes one. */
int db_upload_add(struct tx *tx, const struct upload *u, char ret_id[static UUID_MAX],
                  struct err *e);
int db_upload_get(struct tx *tx, struct arena *a, const char *id, struct upload *ret,
                  struct err *e);
/* Bytes so far; also what keeps the watchdog away. ERR_CONFLICT when not receiving. */
int db_upload_progress(struct tx *tx, const char *id, int64_t received_bytes, struct err *e);
/* A step of the state machine; checksum and video_id may be NULL (kept), why NULL (no reason).
 * ERR_CONFLICT. */
int db_upload_set_state(struct tx *tx, const char *id, enum upload_state to,
                        const char *checksum_sha256, const char *video_id, const struct err *why,
                        struct err *e);
/* States as bits; idle since before updated_before_ms (0: any); oldest first; at most limit. */
int db_upload_list(struct tx *tx, struct arena *a, unsigned states, int64_t updated_before_ms,
                   int limit, struct upload **ret, size_t *ret_n, struct err *e);
/* Removes finished, failed and aborted ones older than that, at most limit; how many. */
int db_upload_purge(struct tx *tx, int64_t updated_before_ms, int limit, struct err *e);

#endif
