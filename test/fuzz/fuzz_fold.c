/* Folding (index/fold.h) of any bytes: ranges in the source, tokens that the database can cut at
 * spaces, and stable. */
#include "fuzz.h"

#include <assert.h>

#include "index/fold.h"

static bool is_token_byte(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static void check_token(struct str t)
{
    assert(t.n > 0 && t.n <= 4 * FOLD_TOKEN_MAX && utf8_valid(t));
    for (size_t i = 0; i < t.n; i++)
        assert(is_token_byte((unsigned char)t.p[i]));
    assert(!memmem(t.p, t.n, FOLD_BARRIER, strlen(FOLD_BARRIER)));
}

static void check_folded(const struct folded *f, size_t size)
{
    uint32_t last_at = 0;

    for (size_t i = 0; i < f->tokens.n; i++) {
        const struct fold_token *t = &f->tokens.p[i];
        assert(t->n > 0 && t->at >= last_at && (size_t)t->at + t->n <= size);
        assert(t->kind != FOLD_PAIR || i + 1 < f->tokens.n);
        last_at = t->at;
        check_token(fold_token_text(f, i));
    }
    for (size_t i = 0; i < f->compounds.n; i++) {
        const struct fold_compound *c = &f->compounds.p[i];
        assert(c->parts >= 2 && (size_t)c->first + c->parts <= f->tokens.n);
        check_token(fold_compound_text(f, i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FOLDED struct folded f = {0};
    CLEANUP_FOLDED struct folded again = {0};
    CLEANUP_BUF struct buf words = {0};

    fold_text((struct str){size ? (const char *)data : "", size}, &f);
    check_folded(&f, size);
    fold_words(&f, &words);
    assert(buf_ok(&words));
    for (size_t i = 0; i < f.tokens.n; i++) {
        fold_text(fold_token_text(&f, i), &again);
        assert(again.tokens.n >= 1 && str_eq(fold_token_text(&again, 0), fold_token_text(&f, i)));
    }
    return 0;
}
