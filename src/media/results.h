/*
 * What a child tells its client, as JSON: written in the child from the structs of media.h, parsed
 * on the client as hostile input into the same structs. Both sides live here so that they can not
 * drift apart. The report of a pass goes to the video's sidecar as it is, so times are seconds with
 * six decimals beside frame numbers.
 *
 * Every …_parse() checks types, ranges and order, allocates within what the bytes can hold, fails
 * with ERR_PROCESSING
 * ("the child answered nonsense") and leaves its output untouched then.
 */
#ifndef MEDIA_RESULTS_H
#define MEDIA_RESULTS_H

#include "base/err.h"
#include "base/json.h"
#include "media/media.h"

#define MEDIA_RESULT_BYTES_MAX ((size_t)64 << 20) /* the JSON of one result */

/* {"frames":250,"list":[{"start_frame":0,"end_frame":30,"start":0.000000,"end":1.200000,"kind":"start",
 * "from_frame":0,"picture_frame":15},…]}: shots follow each other without gaps from 0 to frames */
void media_shots_json(const struct media_shots *s, struct jsonw *w);
int media_shots_parse(const json_t *obj, int64_t limit_frames, struct media_shots **ret,
                      struct err *e);

/* {"width":1920,"height":1080,"shots":{…},
 * "frames":[[us,end_us,state,[[x,y,w,h,confidence in 1/1000],…],global…],…]}: the six numbers of
 * global only where there is motion */
void media_motion_json(const struct media_motion *m, struct jsonw *w);
int media_motion_parse(const json_t *obj, int64_t limit_frames, struct media_motion **ret,
                       struct err *e);

/* {"width":320,"height":180,"list":[[frame,us,offset,size],…]}: whole microseconds; offsets in
 * order, inside pack_bytes */
void media_pictures_json(const struct media_pictures *p, struct jsonw *w);
int media_pictures_parse(const json_t *obj, int64_t pack_bytes, struct media_pictures *ret,
                         struct err *e);

void media_text_json(const struct media_text *t, struct jsonw *w);
int media_text_parse(const json_t *obj, struct media_text **ret, struct err *e);

/* All of a pass's result but `report`, which is this JSON itself. */
void media_pass_result_json(const struct media_pass_result *r, struct jsonw *w);
/* sizes[i]: bytes of output i as the client sees them, which must be what the child says. report is
 * shared: the result holds its own reference. */
int media_pass_result_parse(json_t *report, const int64_t sizes[MEDIA_OUT_N],
                            struct media_pass_result **ret, struct err *e);
const char *media_out_name(enum media_out out); /* "proxy", "thumb", "poster", … */

/* The options of a task, client to child; the child trusts its client but still checks ranges.
 * Strings of parsed options are borrowed from the JSON. */
void media_shots_opts_json(const struct media_shots_opts *o, struct jsonw *w);
int media_shots_opts_parse(const json_t *obj, struct media_shots_opts *ret, struct err *e);
void media_pass_opts_json(const struct media_pass_opts *o, struct jsonw *w);
int media_pass_opts_parse(const json_t *obj, struct media_pass_opts *ret, struct err *e);
void media_cut_opts_json(const struct media_cut_opts *o, struct jsonw *w);
int media_cut_opts_parse(const json_t *obj, struct media_cut_opts *ret, struct err *e);
/* text: {"languages":"eng"} */

#endif
