/* Paths as JSON, by the names that clients of tracking know. */
#include <inttypes.h>

#include "base/json.h"
#include "vision/track_paths.h"

static double mean_score(const struct track_path *p)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < p->n_points; i++) {
        if (p->points[i].kind == TRACK_POINT_FILLED)
            continue;
        sum += p->points[i].score;
        n++;
    }
    return n ? sum / (double)n : 0;
}

static void box_json(struct jsonw *w, struct track_box b)
{
    jw_key(w, "bbox");
    jw_obj(w);
    jw_kdouble(w, "x", b.x, 2);
    jw_kdouble(w, "y", b.y, 2);
    jw_kdouble(w, "width", b.w, 2);
    jw_kdouble(w, "height", b.h, 2);
    jw_obj_end(w);
}

static void path_json(struct jsonw *w, const struct track_path *p, double fps, int64_t base,
                      const char *class_name)
{
    int64_t first = p->points[0].frame - base, last = p->points[p->n_points - 1].frame - base;

    jw_obj(w);
    jw_kz(w, "class", class_name);
    jw_ki64(w, "start_frame", first);
    jw_ki64(w, "end_frame", last);
    jw_ki64(w, "duration_frames", last - first);
    jw_kdouble(w, "avg_confidence", mean_score(p), 4);
    jw_key(w, "frames");
    jw_arr(w);
    for (size_t i = 0; i < p->n_points; i++) {
        const struct track_point *q = &p->points[i];
        jw_obj(w);
        jw_ki64(w, "frame", q->frame - base);
        jw_kdouble(w, "timestamp", (double)(q->frame - base) / fps, 2);
        jw_kdouble(w, "confidence", q->score, 4);
        box_json(w, q->box);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

void track_paths_json(const struct track_paths *p, double fps, int64_t frame_base,
                      const char *(*class_name)(int32_t class_id), struct buf *out)
{
    struct jsonw w = JSONW(out);
    char key[32];

    jw_obj(&w);
    for (size_t i = 0; i < track_paths_count(p); i++) {
        struct track_path path = track_paths_at(p, i);
        snprintf(key, sizeof key, "obj_%03" PRId64, path.id);
        jw_key(&w, key);
        path_json(&w, &path, fps, frame_base, class_name(path.class_id));
    }
    jw_obj_end(&w);
}
