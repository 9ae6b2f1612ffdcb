/*
 * The file that a person named for a result (-o FILE). Checked before any work is done, written
 * without a name where the file system can, and published whole: a run that fails, is stopped or is
 * killed leaves neither half a file nor a temporary one.
 *
 *     CLEANUP(output_free) struct output *o = NULL;
 *     output_open(path, OUTPUT_FILE, &o, e);   before the work; says what is wrong with the name
 *     ... write to output_fd(o) ...
 *     output_publish(o, e);
 *
 * A link is followed: its target is replaced, the link stays. One thread uses one of these.
 */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include "base/err.h"
#include "base/mem.h"

enum output_kind {
    OUTPUT_FILE, /* must be a regular file, or nothing yet: the writer seeks */
    OUTPUT_ANY,  /* a pipe or device is written straight into */
};
struct output;
/*
 * ERR_USAGE: no name, a folder, a folder that is not there, a pipe or device where a file is
 * needed. ERR_DENIED, ERR_STORAGE ...: it can not be written there. Each has its plain sentence,
 * which names the output. Opening a pipe waits for its reader; a signal ends that: ERR_CANCELLED.
 */
int output_open(const char *path, enum output_kind kind, struct output **ret, struct err *e);
/* Open for writing (a file: for reading too), at offset 0, close-on-exec. Borrowed. */
int output_fd(const struct output *o);
/* Durable under its name when it returns; what was there before is replaced in one step and gives
 * its permissions. A pipe or device needs nothing more. Once. */
int output_publish(struct output *o, struct err *e);
/* Leaves nothing of what was not published. NULL is fine. */
void output_free(struct output *o);
CLEANUP_DEFINE(output_free, struct output *);

#endif
