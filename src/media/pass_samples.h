/* The samples lane: every n-th frame as a JPEG for analysis, upright, long side as asked, scaled
 * from the source. */
#ifndef MEDIA_PASS_SAMPLES_H
#define MEDIA_PASS_SAMPLES_H

#include "media/outfile.h"
#include "media/pass.h"
#include "media/pass_lane.h"

struct pass_samples;
struct pass_samples *pass_samples_new(int fd, const struct media_stream *st,
                                      const struct media_pass_opts *o);
void pass_samples_free(struct pass_samples *s);
CLEANUP_DEFINE(pass_samples_free, struct pass_samples *);
/* Of the lane whose arg is a struct pass_samples; items are PASS_PICTURE. */
extern const struct pass_lane_ops pass_samples_ops;
/* After the lane has ended. Borrowed. */
const struct outpack *pass_samples_pack(const struct pass_samples *s);

#endif
