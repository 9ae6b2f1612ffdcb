/*
 * What a media child and its client say to each other: one message a packet of a SOCK_SEQPACKET pair, little endian.
 *
 *   u32 magic "RUSH"   u8 type   u8[3] zero   u32 length of what follows
 *   REQUEST   JSON      client to child, once, first
 *   PROGRESS  i32 percent, i64 frames, i64 position_us
 *   LOG       u8 level, text
 *   ERROR     JSON {"code","plain","next","text"}; the child ends
 *   DONE      u64 bytes of the result; the child ends
 *
 * Descriptors travel by inheritance, never in messages. The parser is for hostile bytes: whatever is not exactly a
 * message is ERR_PROCESSING, and text has its control characters taken out, since people's terminals will show it.
 */
#ifndef MEDIA_WIRE_H
#define MEDIA_WIRE_H

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "media/media.h"

#define WIRE_MESSAGE_MAX 65536 /* header included */
#define WIRE_HEADER      12

enum wire_type { WIRE_REQUEST = 1, WIRE_PROGRESS, WIRE_LOG, WIRE_ERROR, WIRE_DONE };

struct wire_msg {
    enum wire_type type;
    struct str request; /* borrowed from the message */
    struct media_progress progress;
    enum log_level level;
    struct str text; /* borrowed */
    struct err error;
    uint64_t result_bytes;
};

/* Each appends one whole message; text that is too long is cut. wire_put_request() fails with ERR_LIMIT instead. */
int wire_put_request(struct buf *out, struct str json, struct err *e);
void wire_put_progress(struct buf *out, const struct media_progress *p);
void wire_put_log(struct buf *out, enum log_level level, struct str text);
void wire_put_error(struct buf *out, const struct err *error);
void wire_put_done(struct buf *out, uint64_t result_bytes);

/* bytes: one packet. *ret borrows from it. */
int wire_parse(struct str bytes, struct wire_msg *ret, struct err *e);

#endif
