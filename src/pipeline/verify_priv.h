/* Shared by the files of verify only. */
#ifndef PIPELINE_VERIFY_PRIV_H
#define PIPELINE_VERIFY_PRIV_H

#include "base/map.h"
#include "base/str.h"
#include "db/db_objects.h"
#include "db/db_videos.h"
#include "pipeline/verify.h"
#include "store/store.h"

/* A live video, as far as it matters here; in the report's arena. */
struct seen_video {
    const char *id, *sha256, *sidecar_key;
    enum video_state state;
    bool has_job;
    bool has_original_row;
    struct seen_video *same_content; /* next with this sha256 */
};

struct verify_walk {
    const struct verify *v;
    struct verify_report *r;
    VEC(struct verify_finding) findings;
    VEC(struct seen_video *) videos;
    struct map *by_sha; /* sha256 -> struct seen_video *, first of those with this content */
    bool uploads_left;  /* interrupted uploads that scratch still serves */
    struct err *e;
};

/* The videos with this content, linked; NULL none. */
struct seen_video *walk_videos_of(const struct verify_walk *w, const char *sha256);
/* Adds a finding; texts are copied. detail is formatted. */
void walk_found(struct verify_walk *w, enum verify_problem problem, enum verify_fix fix,
                const char *key, const char *video_id, const char *stage, int64_t bytes,
                const char *detail, ...) __attribute__((format(printf, 8, 9)));
int walk_tell(struct verify_walk *w);

enum bytes_state { BYTES_GOOD, BYTES_MISSING, BYTES_DAMAGED };
/* What lies under key, compared with size and hash (not read when quick). Answers enum bytes_state. */
int bytes_look(const struct verify *v, const char *key, int64_t size_bytes, const char *sha256,
               int64_t *ret_read, struct err *e);

/* Repairs what was found, marking what is mended. What can not be mended now is logged and stays a finding. */
int verify_repair(struct verify_walk *w, struct err *e);

#endif
