/*
 * From what moves in a film to a camera path for another aspect: regions of motion become subjects
 * that keep their number within a shot, and path.h does the rest.
 */
#ifndef EDIT_REFRAME_H
#define EDIT_REFRAME_H

#include "base/err.h"
#include "base/str.h"
#include "vision/path.h"

struct media_motion;
struct media_ctx;
struct media_shots_opts;

/* "9:16", "4x5": two whole numbers from 1 to 1000. False for anything else. */
bool reframe_aspect_parse(struct str text, int *ret_w, int *ret_h);
/*
 * The path for the motion found. Regions are followed by the tracker (vision/track.h, its
 * defaults), whose high score is REFRAME_CONFIDENCE; subjects there for less than
 * REFRAME_SEEN_US count for nothing; a shot without subjects is held in the middle. Errors as
 * path_make(); ERR_INPUT also for a film without frames.
 */
#define REFRAME_CONFIDENCE 0.5
#define REFRAME_SEEN_US    400000
int reframe_path(const struct media_motion *m, const struct path_options *o, struct path **ret,
                 struct err *e);
/* The same for an open file: looks for motion in a media child. Errors of media.h, too. */
int reframe_file(const struct media_ctx *ctx, int in_fd, const struct media_shots_opts *shots,
                 const struct path_options *o, struct path **ret, struct err *e);
/* Writes it as JSON, whole or not at all. */
int reframe_write(const struct path *p, const char *out_path, struct err *e);

#endif
