/*
 * Scenes (shots) of a video and spans of text (spoken, on screen, title, tags). Both are written
 * whole: a stage replaces what it wrote before, so running it twice leaves no double rows.
 */
#ifndef DB_DB_SCENES_H
#define DB_DB_SCENES_H

#include "base/hash.h"
#include "db/db.h"

struct scene {
    const char *id;                 /* kept over a replace when the scene covers the same frames */
    int index;                      /* from 0, without gaps */
    int64_t start_frame, end_frame; /* end exclusive */
    int64_t start_us, end_us;
    const char *boundary; /* how it begins: "start", "cut", "fade", "dissolve" */
    double score;         /* of that boundary, in the detector's unit */
    const char *detector; /* "adaptive", "content" */
    int64_t rep_frame;    /* the representative frame; -1 none */
    int64_t rep_us;
    const char *poster_key; /* object of that frame, "" none */
    const char *transcript, *vision_tags_json, *sidecar_key;
};
#define DB_SCENES_MAX 500000 /* scenes of one video; more is ERR_LIMIT */

/* Replaces all scenes of a video. index of the input is ignored, order is index; a
 * new scene takes the id of the input if it has one (rebuild), else a fresh one. Frames and
 * times must rise (ERR_INTERNAL otherwise). */
int db_scenes_replace(struct tx *tx, const char *video_id, const struct scene *scenes, size_t n,
                      struct err *e);
int db_scenes_list(struct tx *tx, struct arena *a, const char *video_id, struct scene **ret,
                   size_t *ret_n, struct err *e);
int db_scene_get(struct tx *tx, struct arena *a, const char *scene_id, struct scene *ret,
                 const char **ret_video_id, struct err *e);
/* The scene of a video that contains that time: 1 found, 0 none. */
int db_scene_at(struct tx *tx, struct arena *a, const char *video_id, int64_t at_us,
                struct scene *ret, struct err *e);

enum text_source {
    TEXT_SPEECH,
    TEXT_OCR,
    TEXT_TITLE,
    TEXT_DESCRIPTION,
    TEXT_TAG,
    TEXT_FILENAME,
    TEXT_SOURCE_N
};
const char *text_source_name(
    enum text_source s); /* "speech", "ocr", "title", "description", "tag", "filename" */
bool text_source_from_name(struct str name, enum text_source *ret);

struct text_span {
    enum text_source source;
    int seq;                        /* order within video and source, from 0; ignored on input */
    int64_t start_us, end_us;       /* title and the like: 0 and the video's duration */
    int64_t start_frame, end_frame; /* end exclusive; -1 where no frame is meant */
    int x, y, width,
        height;           /* pixels of the picture as shown, from the top left; width 0: no box */
    double confidence;    /* 0..1; 1 for what people typed */
    const char *language; /* "eng", "" unknown */
    const char *text;
    const char *detail_json; /* single words with times or boxes, "" none */
};
#define DB_TEXTS_MAX 2000000 /* spans of one video and source; more is ERR_LIMIT */

/* Replaces all spans of one source of a video (n 0 removes them). Empty texts are left out. */
int db_texts_replace(struct tx *tx, const char *video_id, enum text_source source,
                     const struct text_span *spans, size_t n, struct err *e);
/* By source, then seq. sources: bits 1 << enum text_source, 0 all. from_us <= end and start <
 * to_us; to_us 0: open. */
int db_texts_list(struct tx *tx, struct arena *a, const char *video_id, unsigned sources,
                  int64_t from_us, int64_t to_us, struct text_span **ret, size_t *ret_n,
                  struct err *e);

#endif
