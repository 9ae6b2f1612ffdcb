/* What is known of a video, gathered once and shown two ways: for people and as JSON. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "db/db_jobs.h"
#include "db/db_objects.h"
#include "db/db_scenes.h"
#include "db/db_videos.h"

struct jsonw;
struct library;

struct video_report {
    struct arena *arena; /* holds the rest */
    struct video video;
    struct scene *scenes;
    struct text_span *texts; /* on screen and spoken */
    struct object *objects;
    struct job_row *jobs; /* the newest of each stage, in the order they were queued */
    size_t n_scenes, n_texts, n_objects, n_jobs;
};
int video_report_load(struct library *lib, const char *video_id, struct video_report **ret,
                      struct err *e);
void video_report_free(struct video_report *r);
CLEANUP_DEFINE(video_report_free, struct video_report *);

void video_report_json(const struct video_report *r, struct jsonw *w); /* one object */
/* Lines of text. took_ms < 0: not shown. */
void video_report_text(const struct video_report *r, int64_t took_ms, struct buf *out);

#endif
