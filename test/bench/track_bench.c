/*
 * Time of the tracker alone, a line a case on standard output: "NAME frames=N us_per_frame=X".
 *
 *     track_bench                  made-up crowds
 *     track_bench DET.txt FPS      a file of detections
 *
 * The best of several passes: what the code takes when nobody else has the processor.
 */
#include <math.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vision/mot.h"
#include "vision/track_paths.h"

enum { PASSES = 7 };

struct frame {
    struct track_detection *boxes;
    size_t n;
};
struct film {
    struct frame *frames;
    int64_t n;
    double fps;
};

static uint64_t seed;
static double chance(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 40) / (1 << 24);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* People who walk about in a picture that grows with their number, a tenth of them not seen, a tenth
 * with a low score, and some that are not there. */
static struct film crowd(int people, int64_t frames)
{
    struct film film = {xcalloc((size_t)frames, sizeof(struct frame)), frames, 30};
    double *s = xcalloc((size_t)people * 4, sizeof *s), wide = 320 * sqrt(people);
    seed = 1;
    for (int i = 0; i < 4 * people; i += 4) {
        s[i] = chance() * wide;
        s[i + 1] = chance() * wide * 9 / 16;
        s[i + 2] = chance() * 6 - 3;
        s[i + 3] = chance() * 2 - 1;
    }
    for (int64_t f = 0; f < frames; f++) {
        struct frame *to = &film.frames[f];
        to->boxes = xcalloc((size_t)people + 8, sizeof *to->boxes);
        for (int i = 0; i < 4 * people; i += 4) {
            s[i] += s[i + 2];
            s[i + 1] += s[i + 3];
            if (s[i] < 0 || s[i] > wide)
                s[i + 2] = -s[i + 2];
            if (s[i + 1] < 0 || s[i + 1] > wide * 9 / 16)
                s[i + 3] = -s[i + 3];
            double luck = chance();
            if (luck < 0.9)
                to->boxes[to->n++] =
                    (struct track_detection){.box = {s[i] + chance() * 6, s[i + 1] + chance() * 6,
                                                     57 + chance() * 6, 145 + chance() * 10},
                                             .score = luck < 0.1 ? 0.3 : 0.7 + 0.29 * chance()};
        }
        for (int g = 0; g < 4; g++)
            to->boxes[to->n++] = (struct track_detection){
                .box = {chance() * wide, chance() * wide * 9 / 16, 50, 120},
                .score = 0.5 * chance()};
    }
    free(s);
    return film;
}

static struct film film_of_file(const char *path, double fps)
{
    CLEANUP_BUF struct buf text = BUF_MAX(MOT_BYTES_MAX);
    struct mot_rows rows = {0};
    struct err e = {0};
    if (fs_read_file(path, MOT_BYTES_MAX, &text, &e) < 0 ||
        mot_read(buf_str(&text), &rows, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    struct film film = {NULL, rows.n ? rows.rows[rows.n - 1].frame : 0, fps};
    film.frames = xcalloc((size_t)film.n + 1, sizeof *film.frames);
    for (size_t i = 0; i < rows.n; i++) {
        struct frame *to = &film.frames[rows.rows[i].frame - 1];
        to->boxes = xrealloc(to->boxes, (to->n + 1) * sizeof *to->boxes);
        to->boxes[to->n++] =
            (struct track_detection){.box = rows.rows[i].box, .score = rows.rows[i].confidence};
    }
    mot_rows_finish(&rows);
    return film;
}

static void film_finish(struct film *film)
{
    for (int64_t f = 0; f < film->n; f++)
        free(film->frames[f].boxes);
    free(film->frames);
}

/* Nanoseconds of one pass; with whole, paths are gathered and finished too. */
static int64_t pass(const struct film *film, unsigned flags, bool whole)
{
    struct track_options o = TRACK_OPTIONS_DEFAULT;
    struct tracker *t = NULL;
    struct err e = {0};
    o.fps = film->fps;
    o.flags = flags;
    if (tracker_new(&o, &t, &e) < 0)
        abort();
    struct track_paths *p = track_paths_new(&o);
    int64_t began = now_ns();
    for (int64_t f = 0; f < film->n; f++) {
        const struct track_seen *seen;
        size_t n;
        int64_t us = llround((double)f * 1e6 / film->fps);
        const struct frame *from = &film->frames[f];
        if (tracker_feed(t, us, from->boxes, from->n, &seen, &n, &e) < 0 ||
            (whole && track_paths_add(p, f, us, t, from->boxes, seen, n, &e) < 0))
            abort();
    }
    if (whole && track_paths_finish(p, &e) < 0)
        abort();
    int64_t took = now_ns() - began;
    track_paths_free(p);
    tracker_free(t);
    return took;
}

static void measure(const char *name, const struct film *film)
{
    static const struct {
        const char *name;
        unsigned flags;
        bool whole;
    } modes[] = {
        {"plain", TRACK_PLAIN, false},
        {"default", TRACK_DEFAULT, false},
        {"default_with_paths", TRACK_DEFAULT, true},
    };
    for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
        int64_t best = INT64_MAX;
        for (int i = 0; i < PASSES; i++)
            best = MIN(best, pass(film, modes[m].flags, modes[m].whole));
        printf("%s_%s frames=%ld us_per_frame=%.2f\n", name, modes[m].name, (long)film->n,
               (double)best / 1000 / (double)film->n);
    }
}

int main(int argc, char **argv)
{
    double fps;
    if (argc == 3 && str_to_double(str_of(argv[2]), &fps)) {
        struct film film = film_of_file(argv[1], fps);
        measure("file", &film);
        film_finish(&film);
        return 0;
    }
    static const struct {
        const char *name;
        int people;
        int64_t frames;
    } crowds[] = {{"crowd_30", 30, 2000},
                  {"crowd_100", 100, 500},
                  {"crowd_500", 500, 100},
                  {"crowd_10000", 10000, 4}};
    for (size_t i = 0; i < ARRAY_LEN(crowds); i++) {
        struct film film = crowd(crowds[i].people, crowds[i].frames);
        measure(crowds[i].name, &film);
        film_finish(&film);
    }
    return 0;
}
