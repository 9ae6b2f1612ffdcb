/*
 * Statements behind index/ and search/: the words of texts, the vocabulary, history. Only those two
 * modules call what is here.
 *
 * Words are finished tokens with one space between (index/fold.h); the database cuts at spaces and
 * knows nothing of languages. The words of a text are found as long as its row in texts exists.
 */
#ifndef DB_DB_SEARCH_H
#define DB_DB_SEARCH_H

#include "base/str.h"
#include "db/db_scenes.h"
#include "db/db_videos.h"

/* ---- writing ---- */

/* A user's number in the vocabulary, made when `make`: 1 there, 0 none. */
int db_search_user(struct tx *tx, const char *user_id, bool make, int64_t *ret_no, struct err *e);

struct db_text_row {
    int64_t text_id;
    int seq;
    const char *text;
};
/* Texts of one source of a video with seq > after, in order of it; at most limit. */
int db_search_texts(struct tx *tx, struct arena *a, const char *video_id, enum text_source source,
                    int after, int limit, struct db_text_row **ret, size_t *ret_n, struct err *e);
/* Adds the words of a text that has none. */
int db_search_add(struct tx *tx, const char *user_id, const char *video_id, int64_t text_id,
                  enum text_source source, struct str words, struct err *e);
/* Removes the words (not the texts) of a video. */
int db_search_clear(struct tx *tx, const char *video_id, struct err *e);
struct db_word {
    struct str word, rev; /* rev: backwards, character by character */
};
/* Adds words to a user's vocabulary; in byte order it is quickest. Those known already are fine. */
int db_search_learn(struct tx *tx, int64_t user_no, const struct db_word *words, size_t n,
                    struct err *e);
int db_search_mark(struct tx *tx, const char *video_id, int fold_version, struct err *e);
/* 1 marked with *ret_version, 0 not marked */
int db_search_marked(struct tx *tx, const char *video_id, int *ret_version, struct err *e);
/* Videos that have texts but were not marked with this version (-1: all that have texts), by id
 * after `after` (NULL: from the start); not deleted ones only; at most limit. */
int db_search_unmarked(struct tx *tx, struct arena *a, int fold_version, const char *after,
                       int limit, const char ***ret_ids, size_t *ret_n, struct err *e);

/* ---- looking words up ---- */

/* Tokens that follow one another in one text. */
struct db_phrase {
    struct str tokens; /* with one space between */
    bool prefix;       /* the last token is the beginning of a word */
};
struct db_term {
    const struct db_phrase *any; /* one of these */
    size_t n;
};
struct db_match {
    const struct db_term *all; /* each of these, in the same text; at least one */
    size_t n_all;
    const struct db_phrase *none; /* and none of these */
    size_t n_none;
    unsigned sources;          /* bits; 0: all */
    const char *user_id;       /* whose */
    const char *const *videos; /* only in these; at most DB_SEARCH_VIDEOS_MAX; n_videos 0: all */
    size_t n_videos;
};
#define DB_SEARCH_VIDEOS_MAX 256
/* Texts that match, newest (highest id) first, ids <= max_id only; at most limit. Room for limit in
 * ret_ids. */
int db_search_scan(struct tx *tx, const struct db_match *m, int64_t max_id, size_t limit,
                   int64_t *ret_ids, size_t *ret_n, struct err *e);
/* The highest id of a text; 0 without texts. */
int db_search_newest(struct tx *tx, int64_t *ret_id, struct err *e);

struct db_found_text {
    int64_t text_id;
    const char *video_id, *text;
    enum text_source source;
    int64_t start_us, end_us, start_frame, end_frame;
    int x, y, width, height;
    double confidence;
};
/* The texts with these ids, in their order; ids that are gone are left out. Room for n in ret. */
int db_search_read(struct tx *tx, struct arena *a, const int64_t *ids, size_t n,
                   struct db_found_text *ret, size_t *ret_n, struct err *e);

struct db_found_video {
    const char *video_id, *user_id, *project_id, *title, *filename, *tags_json;
    enum video_state state;
    int64_t duration_us, frame_count, created_at_ms;
};
/* A video by id: 1 found, 0 none. Deleted ones are found (state tells). */
int db_search_video(struct tx *tx, struct arena *a, const char *video_id,
                    struct db_found_video *ret, struct err *e);
/* Videos of a user in the ranges that are set, newest first; at most limit. Not deleted ones
 * only. */
struct db_search_range {
    const char *user_id;
    const char *project_id; /* NULL: any */
    unsigned states;        /* bits 1 << enum video_state; 0: all */
    int64_t created_from_ms, created_to_ms, duration_from_us, duration_to_us; /* 0 open */
};
int db_search_videos(struct tx *tx, struct arena *a, const struct db_search_range *r, int limit,
                     struct db_found_video **ret, size_t *ret_n, struct err *e);

/* ---- vocabulary ---- */

/*
 * Calls fn with words of the user that begin with prefix (or whose backwards form does), in order;
 * stops after limit words. word is borrowed for the call and always forwards.
 */
enum db_words_side { DB_WORDS_BEGIN, DB_WORDS_END };
int db_search_near(struct tx *tx, int64_t user_no, enum db_words_side side, struct str prefix,
                   int limit, void (*fn)(void *arg, struct str word), void *arg, struct err *e);

/* ---- history ---- */

int db_search_remember(struct tx *tx, const char *user_id, struct str query, int64_t hits,
                       int64_t took_us, struct err *e);
struct db_past_search {
    const char *search_id, *query;
    int64_t hits, took_us, created_at_ms;
};
/* Newest first; at most limit. */
int db_search_history(struct tx *tx, struct arena *a, const char *user_id, int limit,
                      struct db_past_search **ret, size_t *ret_n, struct err *e);
/* Removes a user's history; how many. */
int db_search_forget(struct tx *tx, const char *user_id, struct err *e);

#endif
