/*
 * Between the files of search/. The order of work:
 *
 *     query.c     the query's terms
 *     filter.c    which videos may be found
 *     retrieve.c  texts that have them, best chance first     -> struct candidate
 *     spell.c     near words for terms that nobody knows
 *     passage.c   a text read and scored                      -> struct passage
 *     span.c      passages of a video joined and scored       -> struct span
 *     search.c    the page
 *     evidence.c  what the page's hits show
 */
#ifndef SEARCH_SEARCH_PRIV_H
#define SEARCH_SEARCH_PRIV_H

#include "base/map.h"
#include "conf/conf.h"
#include "index/fold.h"
#include "search/query.h"

/* Scores are compared in millionths, so that a cursor can name one exactly. */
#define SCORE_UNIT 1000000

/* Sources that describe the whole video. */
#define ABOUT_SOURCES                                                                              \
    ((1u << TEXT_TITLE) | (1u << TEXT_DESCRIPTION) | (1u << TEXT_TAG) | (1u << TEXT_FILENAME))
static inline bool is_about(enum text_source s)
{
    return ABOUT_SOURCES & (1u << s);
}

struct candidate {
    int64_t text_id;
    uint32_t terms; /* bits */
    bool about;
    double chance; /* what it may be worth, before it is read */
};

/* A video that was met, and what is decided of it. */
struct met_video {
    struct db_found_video v;
    bool wanted; /* passes the filters */
};

/* Where a term stands in a text. */
struct place {
    uint32_t at, n;      /* bytes */
    uint32_t token, len; /* tokens */
    int term;
};
#define PLACES_MAX 64 /* of a text */

struct passage {
    struct db_found_text text;
    const struct met_video *video;
    uint32_t terms, fuzzy;             /* bits: found; found only by a near word */
    double strength[SEARCH_TERMS_MAX]; /* 0..1 a term */
    double together;                   /* 0..1: all terms, how close and in order */
    double worth;                      /* for the order of evidence */
};

struct span {
    const struct met_video *video;
    int64_t start_us, end_us, start_frame, end_frame;
    bool whole_video, all_terms;
    int64_t score;             /* in SCORE_UNIT */
    struct passage **passages; /* best first */
    size_t n;
};

struct search {
    struct arena *a;
    struct tx *tx;
    struct query q;
    struct search_filters f;
    const char *user_id;
    int64_t newest; /* texts beyond are not looked at */
    size_t scan_max, ranked_max;
    int64_t join_gap_us;
    bool spelling;
    double weight[TEXT_SOURCE_N], text_weight;

    const char **videos; /* only these; n_videos 0: all */
    size_t n_videos;
    bool nothing;      /* the filters leave no video */
    size_t scan_limit; /* scan_max, or more when rows will be filtered */

    double idf[SEARCH_TERMS_MAX];
    uint32_t frequent; /* bits: terms whose own scan ended at its limit */
    bool partial;      /* texts with some of the terms were looked for too */
    bool more;         /* a scan ended at its limit, or more candidates than are ranked */
    bool corrected;
    const char *hint;
    VEC(struct candidate) candidates;
    struct map *met; /* video id -> struct met_video */
    VEC(struct passage *) passages;
    VEC(struct span) spans;
    struct folded folded; /* scratch */
};

/* filter.c */
int filter_prepare(struct search *s, struct err *e);
/* The video of this id, read once. */
int filter_meet(struct search *s, const char *video_id, struct met_video **ret, struct err *e);

/* retrieve.c */
int retrieve_candidates(struct search *s, struct err *e); /* fills candidates, idf; asks spell.c */
int retrieve_passages(struct search *s, struct err *e);   /* fills passages */
/* 1 something of the user matches, within no filter; 0 nothing */
int retrieve_exists(struct search *s, const struct query_phrase *p, struct err *e);

/* spell.c: adds near words to the terms of `unknown` (bits) and sets the hint; how many terms got
 * some */
int spell_terms(struct search *s, uint32_t unknown, struct err *e);

/* passage.c */
size_t find_places(const struct query *q, const struct folded *f,
                   struct place out[static PLACES_MAX]);
/* p->text and video are set; fills the rest. False: nothing of the query is in it. */
bool passage_score(struct search *s, struct passage *p);

/* span.c */
void make_spans(struct search *s); /* from passages, in order of rank */

/* evidence.c */
void show_evidence(struct search *s, const struct span *span, struct search_hit *ret);

#endif
