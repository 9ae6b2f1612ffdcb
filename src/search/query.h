/*
 * The query language (search.h) read from a stranger's bytes. Reading never fails: what is not
 * understood is words. Everything is bounded by SEARCH_QUERY_MAX, SEARCH_TERMS_MAX and the limits
 * here.
 */
#ifndef SEARCH_QUERY_H
#define SEARCH_QUERY_H

#include "db/db_scenes.h"
#include "db/db_search.h"
#include "search/search.h"

#define QUERY_EXCLUDED_MAX 8
#define QUERY_PHRASE_MAX   64 /* tokens; later ones are left out */

struct query_phrase {
    struct db_phrase words; /* what is looked up: tokens, and whether the last is a beginning */
    struct str *tokens;     /* the same, one by one */
    size_t n;
    bool fuzzy;       /* not what was typed, but near it */
    bool single_char; /* the last token is one character of a run, which stands for itself alone */
};
/* One condition: any of its phrases. */
struct query_term {
    struct query_phrase *any;
    size_t n;
    const char *label; /* as a person would type it: car, "red car", cam*, car OR truck */
    /* Where the term is a single word that may be misspelt: the word folded, and what was typed, in
     * query.text, to be replaced in a hint. Else empty. */
    struct str typo_word, typed;
};
struct query {
    struct str text; /* what was read, in the arena */
    struct query_term *terms;
    size_t n_terms;
    struct query_phrase *excluded;
    size_t n_excluded;
    unsigned sources; /* bits, 0 all */
    const char **videos;
    size_t n_videos;
    const char **tags;
    size_t n_tags;
    const char *note; /* what was left out, or NULL */
};

/* Everything in `a`. */
void query_parse(struct arena *a, struct str text, struct query *ret);
/* The tokens of one phrase; false when there are none. */
bool query_phrase_of(struct arena *a, struct str text, bool prefix, struct query_phrase *ret);

#endif
