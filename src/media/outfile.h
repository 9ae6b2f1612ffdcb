/*
 * Outputs of the pass: descriptors that are written at named offsets, so that nobody depends on a
 * shared position. A pack is pictures one after another in one descriptor, with the list of where
 * each lies.
 */
#ifndef MEDIA_OUTFILE_H
#define MEDIA_OUTFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "media/media.h"

/* Writes all of it. A full disk is ERR_STORAGE. */
int outfile_write_at(int fd, int64_t offset, const void *bytes, size_t n, struct err *e);

struct outpack {
    int fd; /* borrowed */
    int64_t bytes;
    struct media_pictures pictures; /* owned: outpack_finish(), or taken */
    size_t cap;
};
void outpack_finish(struct outpack *p);
/* Appends a picture and its entry. */
int outpack_add(struct outpack *p, struct str jpeg, int64_t frame, int64_t us, struct err *e);

#endif
