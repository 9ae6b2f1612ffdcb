/*
 * read_text: words on screen. Chosen analysis frames of the original are read in a media child; the
 * lines become spans of time that search finds. Optional: without the text recogniser the video
 * goes on without words.
 */
#include <inttypes.h>

#include "index/index.h"
#include "index/ocr.h"
#include "pipeline/pipeline_priv.h"

/*
 * Which samples to read: one every interval, and the first one of each shot at least, since a title
 * may be as short as its shot. Samples are in order; *ret->p borrows nothing.
 */
static void choose(struct run *r, const struct media_pass_result *p, int64_t interval_us,
                   struct media_pictures *ret)
{
    const struct media_pictures *all = &p->samples;
    int64_t next_us = INT64_MIN, shot = -1;
    ret->width = all->width;
    ret->height = all->height;
    ret->n = 0;
    ret->p = ARENA_ARRAY(r->arena, struct media_picture, (size_t)MAX(all->n, 1));
    for (int64_t i = 0; i < all->n; i++) {
        const struct media_picture *pic = &all->p[i];
        bool new_shot = false;
        while (shot + 1 < p->shots->n && pic->frame >= p->shots->shots[shot + 1].start_frame) {
            shot++;
            new_shot = true;
        }
        if (!new_shot && pic->pts_us < next_us)
            continue;
        ret->p[ret->n++] = *pic;
        next_us = pic->pts_us + interval_us;
    }
}

static int merge(struct run *r, const struct media_pass_result *p,
                 const struct media_pictures *read, const struct media_text *text,
                 struct text_span **ret, size_t *ret_n, struct err *e)
{
    struct ocr_line *lines = ARENA_ARRAY(r->arena, struct ocr_line, (size_t)MAX(text->n, 1));
    struct ocr_picture *pictures =
        ARENA_ARRAY(r->arena, struct ocr_picture, (size_t)MAX(read->n, 1));
    for (int64_t i = 0; i < text->n; i++) {
        const struct media_text_line *t = &text->lines[i];
        lines[i] =
            (struct ocr_line){t->frame, t->pts_us, t->x, t->y, t->w, t->h, t->confidence, t->text};
    }
    for (int64_t i = 0; i < read->n; i++) {
        bool last = i + 1 == read->n;
        pictures[i] = (struct ocr_picture){
            .frame = read->p[i].frame,
            .pts_us = read->p[i].pts_us,
            .end_frame = last ? MAX(p->shots->frames, read->p[i].frame + 1) : read->p[i + 1].frame,
            .end_us = last ? MAX(p->duration_us, read->p[i].pts_us + 1) : read->p[i + 1].pts_us,
        };
    }
    struct ocr_input in = {
        .lines = lines,
        .n_lines = (size_t)text->n,
        .pictures = pictures,
        .n_pictures = (size_t)read->n,
        .interval_us = conf_ms(r->lib->conf, CONF_OCR_INTERVAL) * 1000,
        .frame_us = p->shots->frames > 0 ? p->duration_us / p->shots->frames : 0,
        .end_us = p->duration_us,
        .scale = read->width > 0 ? (double)r->video.media.width / read->width : 1,
    };
    return ocr_merge(r->arena, &in, ret, ret_n, e);
}

/* The samples were let go meanwhile (another video with this content was finished): the pass makes them again, and this
 * stage follows it. */
static int pass_first(struct run *r, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    if (db_begin(r->lib->db, DB_WRITE, &tx, e) < 0 ||
        pipeline_again(r->lib, tx, r->video.id, stage_media.name, e) < 0)
        return err_wrap(e, "make samples again");
    return run_finish(r, tx, "waits for the media pass, which makes its pictures again", e);
}

static int read_text(struct run *r, struct err *e)
{
    CLEANUP(media_pass_result_free) struct media_pass_result *p = NULL;
    CLEANUP(media_text_free) struct media_text *text = NULL;
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP_CLOSE int fd = -1;
    struct pass_names names;
    struct media_pictures chosen;
    struct media_ctx m;
    struct text_span *spans = NULL;
    size_t n_spans = 0;
    char note[128] = "";

    if (!conf_bool(r->lib->conf, CONF_OCR)) {
        snprintf(note, sizeof note,
                 PIPELINE_SKIPPED "Reading text is switched off. Switch it on with --ocr.");
    } else {
        int found = pass_report(r->lib, r->video.checksum_sha256, &p, &names, e);
        if (found < 0)
            return err_wrap(e, "read text");
        if (!found)
            return err_set(e, ERR_INTERNAL, "read text: the media pass left no report");
        if (p->made[MEDIA_OUT_SAMPLES]) {
            int there = store_stat(r->lib->store, names.keys[MEDIA_OUT_SAMPLES], NULL, e);
            if (there <= 0)
                return there < 0 ? -1 : pass_first(r, e);
            struct media_text_opts o = {.languages = conf_str(r->lib->conf, CONF_OCR_LANGUAGES)};
            choose(r, p, conf_ms(r->lib->conf, CONF_OCR_INTERVAL) * 1000, &chosen);
            run_media_ctx(r, &m);
            if (store_fetch(r->lib->store, names.keys[MEDIA_OUT_SAMPLES], &fd, e) < 0)
                return err_wrap(e, "read text");
            if (media_read_text(&m, fd, &chosen, &o, &text, e) < 0) {
                r->lacks_tool = e->code == ERR_UNAVAILABLE;
                return err_wrap(e, "read text");
            }
            if (merge(r, p, &chosen, text, &spans, &n_spans, e) < 0)
                return err_wrap(e, "read text");
            log_info(r->log,
                     "text_read pictures=%" PRId64 " read=%" PRId64 " lines=%" PRId64 " spans=%zu",
                     chosen.n, text->frames_read, text->n, n_spans);
        }
    }
    if (db_begin(r->lib->db, DB_WRITE, &tx, e) < 0 ||
        index_put(tx, r->video.id, TEXT_OCR, spans, n_spans, e) < 0)
        return err_wrap(e, "publish text");
    return run_finish(r, tx, *note ? note : NULL, e);
}

const struct stage stage_text = {
    .name = "read_text",
    .queue = QUEUE_CV_ANALYSIS,
    .version = 1,
    .needs = 1u << 1,
    .optional = true,
    .weight = 18,
    .run = read_text,
};
