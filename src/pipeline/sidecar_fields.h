/*
 * One table a struct tells both the writer and the reader of sidecars which members there are, so that neither can know
 * one that the other does not. Inside the sidecar files only.
 */
#ifndef PIPELINE_SIDECAR_FIELDS_H
#define PIPELINE_SIDECAR_FIELDS_H

#include <stddef.h>

#include "base/json.h"
#include "base/mem.h"

enum field_type {
    FIELD_TEXT, /* const char * */
    FIELD_JSON, /* const char *: JSON as text, or ""; kept as a string so that its bytes stay as they are */
    FIELD_I64,    /* int64_t */
    FIELD_INT,    /* int */
    FIELD_DOUBLE, /* double; not finite is 0 */
};
struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    int64_t min, max; /* numbers; for text max is the most bytes */
};
struct field_set {
    const char *what; /* for errors: "scene" */
    const struct field *fields;
    size_t n;
};
extern const struct field_set video_fields, object_fields, scene_fields, text_fields;

/* Members of an object that is open in w. */
void fields_write(const struct field_set *set, const void *from, struct jsonw *w);
/* Sets what obj has; text is copied into a, absent text becomes "". ERR_INPUT names the member. */
int fields_read(const struct field_set *set, const json_t *obj, void *to, struct arena *a,
                struct err *e);

#endif
