/*
 * What was learned of a video, made findable. A document is a span of time and its words (struct
 * text_span of db_scenes.h: source, times, frames, box, confidence, text). The rows are the truth;
 * the word index beside them is made from the rows and can be made again.
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include "db/db_scenes.h"

/*
 * Replaces all documents of one source of a video, rows and word index together, in the caller's
 * DB_WRITE transaction; n 0 removes them. Doing it twice with the same input leaves what doing it
 * once leaves. Empty texts are left out. ERR_NOT_FOUND: no such video. ERR_LIMIT: more than
 * DB_TEXTS_MAX spans or a text over DB_TEXT_MAX.
 */
int index_put(struct tx *tx, const char *video_id, enum text_source source,
              const struct text_span *spans, size_t n, struct err *e);
/* Documents of sources that describe the whole video, from its row: title, description, tags,
 * filename. Call it when the row's words or its duration have changed. */
int index_put_video(struct tx *tx, const char *video_id, struct err *e);
/* Removes all documents of a video; no such video is fine. */
int index_remove(struct tx *tx, const char *video_id, struct err *e);

/*
 * Makes the word index again for videos that were indexed by another FOLD_VERSION, or for all of
 * them. Works in transactions of its own of bounded size, so that others can write meanwhile; may
 * be stopped and called again. Returns the number of videos done, negative on error.
 */
enum index_rebuild { INDEX_REBUILD_STALE, INDEX_REBUILD_ALL };
int64_t index_rebuild(struct db *db, enum index_rebuild what, struct err *e);

#endif
