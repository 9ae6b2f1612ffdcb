/*
 * Writing JSON: a small writer that keeps track of commas and nesting, so that what it makes is
 * always well formed. Text that is not UTF-8 has its bad bytes replaced by U+FFFD, and so have
 * NULs, which our own reader refuses. Reading is jansson's work (json_read() below sets our
 * limits).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* A key outside of an object, a value without its key, a close that does not fit or more levels
 * than this are mistakes of ours and abort. What does not fit into the buffer marks that as failed:
 * ask buf_ok() at the end. */
#define JSONW_DEPTH_MAX 32
struct jsonw {
    struct buf *out; /* borrowed */
    int depth;
    bool need_comma[JSONW_DEPTH_MAX];
    bool in_obj[JSONW_DEPTH_MAX];
    bool after_key;
    int indent; /* 0 compact, else spaces a level */
};
#define JSONW(buf_ptr) ((struct jsonw){.out = (buf_ptr)})
void jw_obj(struct jsonw *w);
void jw_obj_end(struct jsonw *w);
void jw_arr(struct jsonw *w);
void jw_arr_end(struct jsonw *w);
void jw_key(struct jsonw *w, const char *key);
void jw_str(struct jsonw *w, struct str s);
void jw_z(struct jsonw *w, const char *z); /* NULL writes null */
void jw_i64(struct jsonw *w, int64_t v);
void jw_double(struct jsonw *w, double v, int decimals); /* not finite writes null */
void jw_us(struct jsonw *w, int64_t us);                 /* seconds with six decimals */
void jw_bool(struct jsonw *w, bool v);
void jw_null(struct jsonw *w);
void jw_raw(struct jsonw *w, struct str json); /* already JSON */
/* key + value in one call */
void jw_kz(struct jsonw *w, const char *key, const char *z);
void jw_kstr(struct jsonw *w, const char *key, struct str s);
void jw_ki64(struct jsonw *w, const char *key, int64_t v);
void jw_kdouble(struct jsonw *w, const char *key, double v, int decimals);
void jw_kus(struct jsonw *w, const char *key, int64_t us);
void jw_kbool(struct jsonw *w, const char *key, bool v);

/* Parses one value of at most 2048 levels (jansson's own bound), duplicates refused; ERR_INPUT with
 * line and column. To be freed with json_decref(). */
int json_read(struct str text, json_t **ret, struct err *e);
static inline void json_decref_any_(json_t **j)
{
    json_decref(*j);
}
#define CLEANUP_JSON __attribute__((cleanup(json_decref_any_)))
/* Typed access: false when absent or of another type (outputs untouched). */
bool json_get_str(const json_t *obj, const char *key, struct str *ret);
bool json_get_i64(const json_t *obj, const char *key, int64_t *ret);
bool json_get_double(const json_t *obj, const char *key, double *ret); /* integers too */
bool json_get_bool(const json_t *obj, const char *key, bool *ret);
/* "83.500000"-style JSON numbers as microseconds, rounded to the nearest */
bool json_get_us(const json_t *obj, const char *key, int64_t *ret);

#endif
