/*
 * A query in words -> ranked spans of time, each with the evidence for it.
 *
 * The query language never has a syntax error: what can not be understood is searched as words.
 *
 *     red car        both words; spans that have all of them come first
 *     "red car"      these words in this order
 *     -boat          passages with it are left out, and videos that have it in their title,
 *                    description, tags or name
 *     cam*           words that begin so (two letters at least)
 *     car OR truck   one of them; binds its two neighbours
 *     in:title       only there: title, description, tag, name, text (on screen), speech;
 *                    several add up
 *     video:ID       only this video; several add up
 *     tag:x          only videos with this tag; several must all hold
 *
 * Words are folded as index/fold.h says: case, accents and width do not matter, scripts written
 * without spaces are found by any part.
 *
 * Ranking. Each term gives a passage 0..1 for how often it stands there relative to the passage's
 * length, times the weight of its source (search.*-weight) and the recogniser's confidence. Passages
 * of a video within search.join-gap of each other become one span; what describes the whole video
 * (title, tags, …) counts for all of its spans. A span's score is the mean over terms, weighted by
 * how rare each is, plus a part for the words standing together as typed. Spans that have every term
 * score 0.5..1 (times search.text-weight), others below that by the share that they have; words
 * found only after correcting the spelling count as missing in this. A video found by what describes
 * it alone is one span over its whole length.
 *
 * Passages longer than SEARCH_BACKGROUND_US (a logo in the corner) count for the spans within them,
 * but do not join what lies apart.
 *
 * Nothing relevant is an answer: no hits. Where a word is unknown and a known one is near, the hits
 * are those of the near one, marked as `corrected`, with the corrected query as `hint`.
 */
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H

#include "base/hash.h"
#include "base/str.h"
#include "db/db_scenes.h"

struct conf;
struct db;

#define SEARCH_QUERY_MAX     1024 /* bytes that are looked at; cut at a character */
#define SEARCH_TERMS_MAX     16   /* words or phrases; later ones are left out */
#define SEARCH_PAGE_MAX      200
#define SEARCH_PAGE_DEFAULT  20
#define SEARCH_EVIDENCE_MAX  16  /* passages shown for a hit; the best ones */
#define SEARCH_MATCHES_MAX   32  /* marked words of a snippet */
#define SEARCH_SNIPPET_MAX   200 /* bytes */
#define SEARCH_FILTER_MAX    64  /* videos or tags in a filter */
#define SEARCH_BACKGROUND_US INT64_C(60000000)

/* All that is set must hold. Zeroed: everything of the local user that is not deleted. */
struct search_filters {
    const char *user_id; /* NULL or "": the local user. Users never see each other's videos. */
    unsigned sources;    /* bits 1 << enum text_source; 0: all */
    unsigned states;     /* bits 1 << enum video_state; 0: all but deleted, which are never found */
    const char *const *videos; /* any of these; n_videos 0: all */
    size_t n_videos;
    const char *const *tags; /* all of these, whole tags, compared folded */
    size_t n_tags;
    const char *project_id;                   /* NULL: any */
    int64_t created_from_ms, created_to_ms;   /* from <= created < to; 0 open */
    int64_t duration_from_us, duration_to_us; /* from <= duration < to; 0 open */
};
struct search_page {
    int limit;          /* 0: SEARCH_PAGE_DEFAULT; at most SEARCH_PAGE_MAX */
    const char *cursor; /* next_cursor of the page before, or NULL */
};

struct search_match { /* bytes of the snippet */
    uint32_t at, n;
    int term; /* which of the query's terms, from 0 */
};
struct search_evidence {
    enum text_source source;
    int64_t start_us, end_us, start_frame, end_frame; /* frames -1 where none is meant */
    int x, y, width, height;                          /* width 0: no box */
    double score, confidence;                         /* 0..1 */
    const char *snippet;                /* part of the text around the matches, UTF-8 */
    bool cut_before, cut_after;         /* there is more text before, behind */
    const struct search_match *matches; /* in order, not overlapping */
    size_t n_matches;
};
struct search_hit {
    const char *video_id, *title, *filename;
    const char *state;
    int64_t start_us, end_us;
    int64_t start_frame, end_frame; /* end exclusive; -1 where not known */
    bool whole_video;               /* found by what describes the video, not by a moment of it */
    bool all_terms;                 /* false: some words are missing here */
    double score;                   /* 0..1, falling over the pages */
    const struct search_evidence *evidence; /* best first */
    size_t n_evidence, n_more_evidence;     /* shown, left out */
};
struct search_result {
    struct arena *arena; /* holds everything below */
    const struct search_hit *hits;
    size_t n;
    int64_t total;            /* hits over all pages */
    bool total_is_least;      /* there are more passages than were ranked (search.candidates) */
    const char *next_cursor;  /* NULL at the end */
    const char *const *terms; /* as understood, for people: "red car", cam* */
    size_t n_terms;
    const char *hint; /* the query with unknown words replaced by near known ones, or NULL */
    bool corrected;   /* the hits are those of the hint */
    const char *note; /* what of the query was left out, a sentence, or NULL */
    int64_t took_us;
};
void search_result_free(struct search_result *r);
CLEANUP_DEFINE(search_result_free, struct search_result *);

/*
 * Answers one page. Any bytes are a query; one without words gives no hits. Reads one state of the
 * database. The same cursor over a changed database goes on where it was: passages added since the
 * first page are left out. With search.history the query of a first page is kept in the user's
 * history (a failure to do so is logged). ERR_USAGE: a cursor that is not of this query, a limit or
 * filter out of bounds. *ret is the caller's.
 */
int search_run(struct db *db, const struct conf *conf, struct str query,
               const struct search_filters *filters, const struct search_page *page,
               struct search_result **ret, struct err *e);
/*
 * The result as one JSON object; indent 0: one line. Times are seconds with six decimals, null stands
 * for what there is not, `at` and `bytes` are bytes of the UTF-8 snippet.
 *
 *     {"terms": ["red", "car"], "total": 1, "total_is_least": false, "hint": null,
 *      "corrected": false, "note": null, "next_cursor": null, "took_ms": 0.8,
 *      "hits": [{"video_id": "…", "title": "…", "filename": "…", "state": "indexed",
 *                "start_seconds": 10.000000, "end_seconds": 14.000000, "start_frame": 250, "end_frame": 350,
 *                "score": 0.87, "whole_video": false, "all_terms": true,
 *                "evidence": [{"source": "ocr", "start_seconds": 10.000000, "end_seconds": 14.000000,
 *                              "start_frame": 250, "end_frame": 350, "score": 0.7,
 *                              "confidence": 0.9, "snippet": "RED CAR", "cut_before": false,
 *                              "cut_after": false, "matches": [{"at": 0, "bytes": 3, "term": 0}],
 *                              "box": [x, y, width, height]}],
 *                "more_evidence": 0}]}
 */
void search_json(const struct search_result *r, int indent, struct buf *out);

#endif
