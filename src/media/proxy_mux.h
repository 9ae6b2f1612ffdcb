/*
 * Writing an MP4 through one descriptor: packets of up to two streams come in as their encoders
 * give them and go out by decoding time. Shared by the proxy and what else makes an MP4.
 */
#ifndef MEDIA_PROXY_MUX_H
#define MEDIA_PROXY_MUX_H

#include "base/err.h"
#include "base/mem.h"
#include "media/lav.h"

#define MUX_STREAMS_MAX 2
/* Most bytes that wait for the other stream: a file whose streams are not interleaved at all is
 * then written as it comes, which is legal and merely makes a player seek more. */
#define MUX_WAIT_BYTES ((size_t)32 << 20)

struct mux;
/* encoders: open, with global headers; borrowed until mux_free(). fd: borrowed, empty, read and
 * written. */
int mux_open(int fd, AVCodecContext *const *encoders, int n, struct mux **ret, struct err *e);
/* The same; matrix (may be NULL): how players are to turn the picture of the first stream. Borrowed for the call. */
int mux_open_turned(int fd, AVCodecContext *const *encoders, int n, const int32_t *matrix,
                    struct mux **ret, struct err *e);
void mux_free(struct mux *m);
CLEANUP_DEFINE(mux_free, struct mux *);
/* packet: moved (also on failure), times in its encoder's time base. stream: position in encoders.
 */
int mux_packet(struct mux *m, int stream, AVPacket *packet, struct err *e);
/* No more packets of this stream will come. */
int mux_end(struct mux *m, int stream, struct err *e);
/* Ends the file, index first. */
int mux_finish(struct mux *m, struct err *e);

#endif
