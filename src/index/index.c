/*
 * From rows of texts to words that are found. The rows are written first and the words are made
 * from the rows as they are in the database, so that indexing for the first time and indexing again
 * are the same code.
 */
#include "index/index.h"

#include "base/json.h"
#include "base/map.h"
#include "db/db_search.h"
#include "index/fold.h"

#define BATCH          512 /* texts held at once */
#define REBUILD_PAGE   64  /* videos listed at once */
#define LEARN_MIN      3   /* characters of a word that the vocabulary takes */
#define LEARN_MAX      32
#define LEARN_BYTES    (4 * LEARN_MAX)
#define LEARN_SEEN_MAX 100000 /* words remembered so as not to be learnt twice */
#define TAGS_MAX       1000   /* of a video */

struct indexer {
    struct tx *tx;
    const char *video_id, *user_id;
    int64_t user_no;
    struct folded folded;
    struct buf words;
    struct map *seen; /* words that wait for the vocabulary, and those it has since this call */
    struct arena *learnt;
    VEC(struct db_word) learn;
};

static void indexer_finish(struct indexer *x)
{
    fold_finish(&x->folded);
    buf_finish(&x->words);
    map_free(x->seen);
    arena_free(x->learnt);
    VEC_FINISH(&x->learn);
}

/* The characters of a word in the other order; false when it is not one for the vocabulary. */
static bool reverse_word(struct str word, char *out)
{
    size_t chars = 0;
    bool letter = false;

    if (word.n > LEARN_BYTES)
        return false;
    for (size_t i = 0; i < word.n; chars++) {
        size_t at = i;
        uint32_t cp = utf8_next(word, &i);
        letter |= cp > '9';
        memcpy(out + word.n - i, word.p + at, i - at);
    }
    return letter && chars >= LEARN_MIN && chars <= LEARN_MAX;
}

static void learn(struct indexer *x, struct str word)
{
    char rev[LEARN_BYTES];

    if (!reverse_word(word, rev) || map_get(x->seen, word))
        return;
    struct db_word w = {.word = {arena_strndup(x->learnt, word.p, word.n), word.n},
                        .rev = {arena_strndup(x->learnt, rev, word.n), word.n}};
    map_set(x->seen, word, x);
    VEC_PUSH(&x->learn, w);
}

static int by_word(const void *a, const void *b)
{
    const struct db_word *x = a, *y = b;
    int r = memcmp(x->word.p, y->word.p, MIN(x->word.n, y->word.n));

    return r ? r : (x->word.n > y->word.n) - (x->word.n < y->word.n);
}

static int flush_learnt(struct indexer *x, struct err *e)
{
    if (x->learn.n == 0)
        return 0;
    qsort(x->learn.p, x->learn.n, sizeof(*x->learn.p), by_word);
    if (db_search_learn(x->tx, x->user_no, x->learn.p, x->learn.n, e) < 0)
        return -1;
    x->learn.n = 0;
    arena_reset(x->learnt);
    if (map_len(x->seen) > LEARN_SEEN_MAX) { /* start over: knowing a word twice does no harm */
        map_free(x->seen);
        x->seen = map_new();
    }
    return 0;
}

static int index_text(struct indexer *x, enum text_source source, const struct db_text_row *row,
                      struct err *e)
{
    const struct folded *f = &x->folded;

    fold_text(str_of(row->text), &x->folded);
    if (f->tokens.n == 0)
        return 0;
    buf_reset(&x->words);
    fold_words(f, &x->words);
    if (!buf_ok(&x->words))
        return err_set(e, ERR_LIMIT, "words of a text are too long");
    if (db_search_add(x->tx, x->user_id, x->video_id, row->text_id, source, buf_str(&x->words), e) <
        0)
        return -1;
    for (size_t i = 0; i < f->tokens.n; i++) {
        if (f->tokens.p[i].kind == FOLD_WORD)
            learn(x, fold_token_text(f, i));
    }
    for (size_t i = 0; i < f->compounds.n; i++)
        learn(x, fold_compound_text(f, i));
    return 0;
}

static int index_rows(struct indexer *x, enum text_source source, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    int after = -1;
    size_t n;

    do {
        struct db_text_row *rows;

        arena_reset(a);
        if (db_search_texts(x->tx, a, x->video_id, source, after, BATCH, &rows, &n, e) < 0)
            return -1;
        for (size_t i = 0; i < n; i++) {
            if (index_text(x, source, &rows[i], e) < 0)
                return -1;
            after = rows[i].seq;
        }
        if (flush_learnt(x, e) < 0)
            return -1;
    } while (n == BATCH);
    return 0;
}

static int index_sources(struct indexer *x, unsigned sources, struct err *e)
{
    for (int s = 0; s < TEXT_SOURCE_N; s++) {
        if ((!sources || (sources & (1u << s))) && index_rows(x, (enum text_source)s, e) < 0)
            return -1;
    }
    return 0;
}

/*
 * Makes the words of a video's texts. Those of `source` have none yet; the others have theirs,
 * unless they were made by another folding: then all are made again.
 */
static int index_video(struct tx *tx, const struct db_found_video *v, unsigned sources,
                       struct err *e)
{
    struct indexer x = {.tx = tx, .video_id = v->video_id, .user_id = v->user_id};
    int version = -1, r;

    r = db_search_marked(tx, v->video_id, &version, e);
    if (r < 0 || db_search_user(tx, v->user_id, /* make */ true, &x.user_no, e) < 0)
        return -1;
    if (r == 0 || version != FOLD_VERSION)
        sources = 0;
    if (sources == 0 && (db_search_clear(tx, v->video_id, e) < 0 ||
                         db_search_mark(tx, v->video_id, FOLD_VERSION, e) < 0))
        return -1;
    x.seen = map_new();
    x.learnt = arena_new();
    r = index_sources(&x, sources, e);
    indexer_finish(&x);
    return r;
}

static int find_video(struct tx *tx, struct arena *a, const char *video_id,
                      struct db_found_video *ret, struct err *e)
{
    int r = db_search_video(tx, a, video_id, ret, e);

    if (r == 0)
        return err_set(e, ERR_NOT_FOUND, "no video '%s'", video_id);
    return r;
}

int index_put(struct tx *tx, const char *video_id, enum text_source source,
              const struct text_span *spans, size_t n, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct db_found_video v;

    if (find_video(tx, a, video_id, &v, e) < 0 ||
        db_texts_replace(tx, video_id, source, spans, n, e) < 0 ||
        index_video(tx, &v, 1u << source, e) < 0)
        return err_wrap(e, "index %s of video '%s'", text_source_name(source), video_id);
    return 0;
}

/* ---- what describes the whole video ---- */

static struct text_span whole_span(const struct db_found_video *v, enum text_source source,
                                   const char *text)
{
    bool counted = v->frame_count > 0;

    return (struct text_span){.source = source,
                              .end_us = v->duration_us,
                              .start_frame = counted ? 0 : -1,
                              .end_frame = counted ? v->frame_count : -1,
                              .confidence = 1,
                              .text = text};
}

static int put_one(struct tx *tx, const struct db_found_video *v, enum text_source source,
                   const char *text, struct err *e)
{
    struct text_span span = whole_span(v, source, text);

    return index_put(tx, v->video_id, source, &span, text[0] != '\0', e);
}

static int put_tags(struct tx *tx, const struct db_found_video *v, struct err *e)
{
    CLEANUP_JSON json_t *tags = NULL;
    CLEANUP_FREE struct text_span *spans = NULL;
    size_t n = 0;

    if (v->tags_json[0] && json_read(str_of(v->tags_json), &tags, e) < 0)
        return err_wrap(e, "tags of video '%s'", v->video_id);
    if (json_array_size(tags) > TAGS_MAX)
        return err_set(e, ERR_LIMIT, "video '%s' has more than %d tags", v->video_id, TAGS_MAX);
    spans = xcalloc(json_array_size(tags) + 1, sizeof(*spans));
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *tag = json_string_value(json_array_get(tags, i));
        if (tag && tag[0])
            spans[n++] = whole_span(v, TEXT_TAG, tag);
    }
    return index_put(tx, v->video_id, TEXT_TAG, spans, n, e);
}

int index_put_video(struct tx *tx, const char *video_id, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct db_found_video v;
    struct video row;

    if (find_video(tx, a, video_id, &v, e) < 0 || db_video_get(tx, a, video_id, &row, e) < 0 ||
        put_one(tx, &v, TEXT_TITLE, row.title, e) < 0 ||
        put_one(tx, &v, TEXT_DESCRIPTION, row.description, e) < 0 || put_tags(tx, &v, e) < 0)
        return -1;
    return put_one(tx, &v, TEXT_FILENAME, row.filename, e);
}

int index_remove(struct tx *tx, const char *video_id, struct err *e)
{
    /* the words go with the rows */
    for (int s = 0; s < TEXT_SOURCE_N; s++) {
        if (db_texts_replace(tx, video_id, (enum text_source)s, NULL, 0, e) < 0)
            return err_wrap(e, "remove texts of video '%s'", video_id);
    }
    return 0;
}

/* ---- again ---- */

static int rebuild_video(struct db *db, const char *video_id, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct db_found_video v;

    if (db_begin(db, DB_WRITE, &tx, e) < 0)
        return -1;
    int r = db_search_video(tx, a, video_id, &v, e);
    if (r <= 0) /* gone meanwhile */
        return r;
    if (index_video(tx, &v, 0, e) < 0 || db_commit(tx, e) < 0)
        return err_wrap(e, "index video '%s' again", video_id);
    return 1;
}

static int list_videos(struct db *db, struct arena *a, int except, const char *after,
                       const char ***ret_ids, size_t *ret_n, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(db, DB_READ, &tx, e) < 0)
        return -1;
    return db_search_unmarked(tx, a, except, after, REBUILD_PAGE, ret_ids, ret_n, e);
}

int64_t index_rebuild(struct db *db, enum index_rebuild what, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    const int except = what == INDEX_REBUILD_ALL ? -1 : FOLD_VERSION;
    char after[UUID_MAX] = "";
    int64_t done = 0;
    size_t n;

    do {
        const char **ids;

        arena_reset(a);
        if (list_videos(db, a, except, after, &ids, &n, e) < 0)
            return -1;
        for (size_t i = 0; i < n; i++) {
            int r = rebuild_video(db, ids[i], e);
            if (r < 0)
                return -1;
            done += r;
            snprintf(after, sizeof(after), "%s", ids[i]);
        }
    } while (n == REBUILD_PAGE);
    return done;
}
