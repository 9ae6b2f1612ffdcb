/*
 * Folding of single characters. utf8proc knows Unicode's tables (decomposition, case folding,
 * composition); here is only what a reader takes for the same although Unicode does not. Order
 * matters: decompose, put marks in canonical order, drop and replace, compose. Composing last makes
 * Hangul syllables and voiced kana single characters again.
 */
#include "index/fold_priv.h"

#include <utf8proc.h>

#include "index/fold.h"

/* Source characters of a cluster: real text has at most a handful of marks; a longer pile is cut
 * into several. */
#define CLUSTER_SOURCE_MAX 8
/* The longest compatibility decomposition has 18 characters. */
_Static_assert(FOLD_CLUSTER_MAX >= CLUSTER_SOURCE_MAX * 18, "a cluster fits");

struct range {
    uint32_t from, to;
};

static bool in_ranges(uint32_t cp, const struct range *r, size_t n)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cp > r[mid].to)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && cp >= r[lo].from;
}

/* Marks that are dropped. Sorted. */
static const struct range dropped[] = {
    {0x0300, 0x036F}, /* combining diacritical marks */
    {0x0483, 0x0489}, /* Cyrillic */
    {0x0591, 0x05BD}, /* Hebrew accents and points */
    {0x05BF, 0x05BF},   {0x05C1, 0x05C2}, {0x05C4, 0x05C5},
    {0x05C7, 0x05C7},   {0x0610, 0x061A}, /* Arabic signs */
    {0x0640, 0x0640},                     /* tatweel */
    {0x064B, 0x065F},                     /* Arabic vowel signs, hamza and madda above */
    {0x0670, 0x0670},   {0x06D6, 0x06DC}, {0x06DF, 0x06E4},
    {0x06E7, 0x06E8},   {0x06EA, 0x06ED}, {0x08CA, 0x08E1},
    {0x08E3, 0x08FF},   {0x1AB0, 0x1AFF}, /* combining marks extended */
    {0x1DC0, 0x1DFF},                     /* supplement */
    {0x20D0, 0x20F0},                     /* for symbols; keycap */
    {0xFE00, 0xFE0F},                     /* variation selectors */
    {0xFE20, 0xFE2F},                     /* half marks */
    {0x1F3FB, 0x1F3FF},                   /* skin tones */
    {0xE0100, 0xE01EF},                   /* variation selectors */
};

static bool is_dropped(uint32_t cp, uint32_t base)
{
    if (cp < 0x0300)
        return false;
    if (cp == 0x0306 &&
        (base == 0x0430 || base == 0x0435 || base == 0x0436 || base == 0x0438 || base == 0x0443))
        return false; /* й, ў and their kin are letters of their own */
    return in_ranges(cp, dropped, ARRAY_LEN(dropped));
}

/* Scripts that are written without spaces, and Hangul. Sorted. Letters and marks only; the class
 * check comes first. */
static const struct range runs[] = {
    {0x0E01, 0x0E4E},                                         /* Thai */
    {0x0E81, 0x0ECD},                                         /* Lao */
    {0x0EDC, 0x0EDF},   {0x1000, 0x103F},                     /* Burmese */
    {0x1050, 0x108F},   {0x109A, 0x109F},   {0x1100, 0x11FF}, /* Hangul letters */
    {0x1780, 0x17D3},                                         /* Khmer */
    {0x17DC, 0x17DD},   {0x2E80, 0x2FDF},                     /* radicals */
    {0x3005, 0x3007},   {0x3021, 0x302F},   {0x3031, 0x3035},
    {0x3038, 0x303C},   {0x3041, 0x30FF},                     /* kana */
    {0x3105, 0x31BF},                                         /* bopomofo, Hangul letters */
    {0x31F0, 0x31FF},   {0x3400, 0x4DBF},                     /* Han */
    {0x4E00, 0x9FFF},   {0xA960, 0xA97C},                     /* Hangul letters */
    {0xA9E0, 0xA9EF},                                         /* Burmese extended */
    {0xA9FA, 0xA9FE},   {0xAA60, 0xAA7F},   {0xAC00, 0xD7FB}, /* Hangul syllables and letters */
    {0xF900, 0xFAFF},   {0x16FE0, 0x18CFF},                   /* Tangut, Khitan */
    {0x1AFF0, 0x1B16F},                                       /* kana */
    {0x1B170, 0x1B2FF},                                       /* Nushu */
    {0x20000, 0x3FFFD},
};

bool fold_is_run(uint32_t cp)
{
    return cp >= runs[0].from && in_ranges(cp, runs, ARRAY_LEN(runs));
}

/* The zeros of scripts with ten digits in a row. Sorted. */
static const uint32_t zeros[] = {
    0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6,  0x0B66,  0x0BE6,  0x0C66,
    0x0CE6,  0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20,  0x1040,  0x1090,  0x17E0,  0x1810,
    0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,
    0xA900,  0xA9D0,  0xA9F0,  0xAA50,  0xABF0,  0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136,
    0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50,
    0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1E140, 0x1E2F0, 0x1E950,
};

struct swap {
    uint32_t from, to, to2;
};

/* Letters that Unicode does not decompose. Sorted. */
static const struct swap swaps[] = {
    {0x00E6, 'a', 'e'},  /* æ */
    {0x00F0, 'd', 0},    /* ð */
    {0x00F8, 'o', 0},    /* ø */
    {0x00FE, 't', 'h'},  /* þ */
    {0x0111, 'd', 0},    /* đ */
    {0x0127, 'h', 0},    /* ħ */
    {0x0131, 'i', 0},    /* ı */
    {0x0142, 'l', 0},    /* ł */
    {0x0153, 'o', 'e'},  /* œ */
    {0x0167, 't', 0},    /* ŧ */
    {0x0180, 'b', 0},    /* ƀ */
    {0x01E5, 'g', 0},    /* ǥ */
    {0x0268, 'i', 0},    /* ɨ */
    {0x0289, 'u', 0},    /* ʉ */
    {0x0629, 0x0647, 0}, /* teh marbuta: heh */
    {0x0649, 0x064A, 0}, /* alef maksura: yeh */
    {0x0671, 0x0627, 0}, /* alef wasla: alef */
    {0x06A9, 0x0643, 0}, /* Persian kaf */
    {0x06CC, 0x064A, 0}, /* Persian yeh */
};

static size_t swap_char(uint32_t cp, uint32_t out[static 2])
{
    if ((cp >= 0x30A1 && cp <= 0x30F6) || cp == 0x30FD) {
        out[0] = cp - 0x60; /* katakana to hiragana */
        return 1;
    }
    size_t lo = 0, hi = ARRAY_LEN(swaps);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cp > swaps[mid].from)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < ARRAY_LEN(swaps) && swaps[lo].from == cp) {
        out[0] = swaps[lo].to;
        out[1] = swaps[lo].to2;
        return out[1] ? 2 : 1;
    }
    for (size_t i = 0; cp >= zeros[0] && i < ARRAY_LEN(zeros) && zeros[i] <= cp; i++) {
        if (cp - zeros[i] < 10) {
            out[0] = '0' + (cp - zeros[i]);
            return 1;
        }
    }
    out[0] = cp;
    return 1;
}

/* Belongs to the character before it: combining marks, vowels and finals of a decomposed Hangul
 * syllable, half-width voicing marks. */
static bool continues(uint32_t cp)
{
    if (cp < 0x0300)
        return false;
    if ((cp >= 0x1160 && cp <= 0x11FF) || cp == 0xFF9E || cp == 0xFF9F || cp == 0x3099 ||
        cp == 0x309A)
        return true;
    if (cp >= 0x1F3FB && cp <= 0x1F3FF)
        return true;
    return utf8proc_get_property((utf8proc_int32_t)cp)->combining_class != 0;
}

/* A Hangul vowel of the compatibility or half-width block after a leading consonant of any block: normalisation makes one
 * syllable of the two, so they are one cluster. */
static bool joins(uint32_t before, uint32_t cp)
{
    bool lead = (before >= 0x1100 && before <= 0x115F) || (before >= 0x3131 && before <= 0x314E) ||
                (before >= 0xFFA1 && before <= 0xFFBE);
    return lead && ((cp >= 0x314F && cp <= 0x3163) || (cp >= 0xFFC2 && cp <= 0xFFDC));
}

static void canonical_order(utf8proc_int32_t *c, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        utf8proc_int32_t cp = c[i];
        int ccc = utf8proc_get_property(cp)->combining_class;
        size_t j = i;
        if (ccc == 0)
            continue;
        while (j > 0 && utf8proc_get_property(c[j - 1])->combining_class > ccc) {
            c[j] = c[j - 1];
            j--;
        }
        c[j] = cp;
    }
}

size_t fold_cluster(struct str s, size_t *i, uint32_t out[static FOLD_CLUSTER_MAX])
{
    utf8proc_int32_t c[FOLD_CLUSTER_MAX];
    size_t n = 0;
    uint32_t before = 0;

    for (int taken = 0; taken < CLUSTER_SOURCE_MAX && *i < s.n; taken++) {
        size_t next = *i;
        uint32_t cp = utf8_next(s, &next);
        if (taken > 0 && !continues(cp) && !joins(before, cp))
            break;
        before = cp;
        *i = next;
        if (cp == 0x2122 || cp == 0x2120) { /* trade marks: not letters of the word before */
            out[0] = ' ';
            return 1;
        }
        int bound = 0;
        utf8proc_ssize_t got = utf8proc_decompose_char(
            (utf8proc_int32_t)cp, c + n, (utf8proc_ssize_t)(ARRAY_LEN(c) - n),
            UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, &bound);
        if (got < 0 ||
            (size_t)got > ARRAY_LEN(c) - n) { /* can not happen: no option that refuses */
            out[0] = 0xFFFD;
            return 1;
        }
        n += (size_t)got;
    }
    canonical_order(c, n);

    utf8proc_int32_t kept[FOLD_CLUSTER_MAX];
    size_t n_kept = 0;
    uint32_t base = 0;
    for (size_t k = 0; k < n; k++) {
        uint32_t two[2];
        if (is_dropped((uint32_t)c[k], base))
            continue;
        base = (uint32_t)c[k];
        size_t m = swap_char(base, two);
        for (size_t q = 0; q < m && n_kept < ARRAY_LEN(kept); q++)
            kept[n_kept++] = (utf8proc_int32_t)two[q];
    }
    utf8proc_ssize_t composed = utf8proc_normalize_utf32(kept, (utf8proc_ssize_t)n_kept,
                                                         UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    n_kept = composed < 0 ? 0 : (size_t)composed;
    for (size_t k = 0; k < n_kept; k++)
        out[k] = (uint32_t)kept[k];
    return n_kept;
}

static enum fold_class class_of_ascii(uint32_t cp)
{
    if ((cp >= 'a' && cp <= 'z') || (cp >= '0' && cp <= '9') || (cp >= 'A' && cp <= 'Z'))
        return FOLD_CLASS_LETTER;
    return cp == '-' || cp == '\'' ? FOLD_CLASS_HYPHEN
           : cp == '.'             ? FOLD_CLASS_DOT
                                   : FOLD_CLASS_SPACE;
}

enum fold_class fold_class(uint32_t cp)
{
    if (cp < 0x80)
        return class_of_ascii(cp);
    switch (cp) {
    case 0x02BB: /* okina */
    case 0x02BC:
    case 0x05F3: /* geresh, gershayim */
    case 0x05F4:
    case 0x2010:
    case 0x2018:
    case 0x2019:
        return FOLD_CLASS_HYPHEN;
    case 0xE000: /* the barrier, and what db/ marks owners of texts with */
    case 0xE001:
    case 0xFFFC:
    case 0xFFFD:
        return FOLD_CLASS_SPACE;
    }
    if (cp >= 0x1F1E6 && cp <= 0x1F1FF)
        return FOLD_CLASS_FLAG;
    switch (utf8proc_get_property((utf8proc_int32_t)cp)->category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_CO:
        return fold_is_run(cp) ? FOLD_CLASS_RUN : FOLD_CLASS_LETTER;
    case UTF8PROC_CATEGORY_SO:
        /* pictures; not the signs, arrows and box drawing that recognisers and lists are full of */
        return cp >= 0x2300 && !(cp >= 0x2400 && cp <= 0x25FF) ? FOLD_CLASS_EMOJI
                                                               : FOLD_CLASS_SPACE;
    default:
        return FOLD_CLASS_SPACE;
    }
}
