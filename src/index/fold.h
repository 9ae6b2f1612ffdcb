/*
 * Folding: how text becomes the words it is found by. The same function folds what is indexed and
 * what is asked for, so the database only ever sees finished tokens and any engine that can index
 * "words between spaces" gives the same answers (SQLite FTS5 today; a tsvector needs nothing more).
 *
 * A character is first normalised (Unicode NFKC with full case folding: full-width and half-width
 * forms, ligatures, ß as ss, composed and decomposed spellings are one), then
 *
 *   - marks that readers leave out are dropped: accents of Latin, Greek and Cyrillic letters (the
 *     breve of й and ў makes another letter and stays), Hebrew points, Arabic vowel signs and
 *     tatweel, enclosing marks, variation and skin tone of emoji. Vowel signs of Indic scripts and
 *     Thai carry meaning and stay;
 *   - letters that Unicode does not decompose are spelt: ı as i, đ d, ø o, ł l, æ ae, œ oe, þ th;
 *     Arabic alef, yeh, kaf and teh marbuta variants become one each; katakana becomes hiragana
 *     (text recognition can not tell へ from ヘ); digits of all scripts become 0-9.
 *
 * What is left is cut into tokens:
 *
 *   - Letters, digits and marks in a row are a word. Everything else parts words, so
 *     www.bcastell.com is three. Each emoji is a word.
 *   - Scripts written without spaces (Han, kana, bopomofo, Thai, Lao, Khmer, Burmese; Hangul too,
 *     because Korean glues particles to words) form runs. A run of n characters gives n tokens:
 *     every pair of neighbours, and the last one alone. Asking for k >= 2 characters is asking for
 *     a phrase of k - 1 pairs; asking for one is asking for tokens that begin with it, and every
 *     character begins exactly one token. So substrings of every length are found, exactly, with
 *     far shorter posting lists than single characters would give (的 alone is in a third of all
 *     Chinese texts), one token a character, and no table of words.
 *   - Words joined by hyphens or apostrophes, and single letters with full stops (e-mail, l'eau,
 *     O'Brien, U.S.A.), are also known by the joined form (email, obrien, usa): a `compound`.
 *
 * Bytes that are not UTF-8 part words. Folding a folded token gives that token.
 */
#ifndef INDEX_FOLD_H
#define INDEX_FOLD_H

#include "base/str.h"

/* Moves when the same text gives other tokens: what was indexed with another version is indexed
 * again. */
#define FOLD_VERSION 1

#define FOLD_TEXT_MAX  ((size_t)64 << 10) /* bytes of a text; the rest is not found */
#define FOLD_TOKEN_MAX 64 /* characters of a token; what follows in the word is left out */

enum fold_kind {
    FOLD_WORD,
    FOLD_PAIR, /* two neighbours of a run */
    FOLD_TAIL, /* the last character of a run */
};
struct fold_token {
    uint8_t kind;             /* enum fold_kind */
    uint8_t gap;              /* what is before it in the source; fold.c's own */
    uint32_t text_at, text_n; /* the token, in folded.text */
    uint32_t at, n;           /* the bytes it was made of, in the source */
};
struct fold_compound {
    uint32_t text_at, text_n;
    uint32_t first, parts; /* the tokens it joins */
};
/* All tokens of a text, in order. Owned: fold_finish(). */
struct folded {
    struct buf text;
    VEC(struct fold_token) tokens;
    VEC(struct fold_compound) compounds;
    bool cut; /* the text was longer than FOLD_TEXT_MAX */
};

/* Starts over what ret holds (zeroed the first time; the memory is used again). Any bytes. Pure;
 * any thread. */
void fold_text(struct str text, struct folded *ret);
void fold_finish(struct folded *f);
static inline void fold_finish_cleanup_(struct folded *f)
{
    fold_finish(f);
}
#define CLEANUP_FOLDED __attribute__((cleanup(fold_finish_cleanup_)))
static inline struct str fold_token_text(const struct folded *f, size_t i)
{
    return (struct str){f->text.p + f->tokens.p[i].text_at, f->tokens.p[i].text_n};
}
static inline struct str fold_compound_text(const struct folded *f, size_t i)
{
    return (struct str){f->text.p + f->compounds.p[i].text_at, f->compounds.p[i].text_n};
}

/* Between two passages of a document that do not follow one another: no phrase crosses it. It is a
 * token that no text folds to. */
#define FOLD_BARRIER "\xee\x80\x80"
/* What is indexed for a text: its tokens with one space between, then, if there are any, a barrier
 * and the compounds. */
void fold_words(const struct folded *f, struct buf *out);

/* True for characters of scripts that are written without spaces (after folding). */
bool fold_is_run(uint32_t cp);

#endif
