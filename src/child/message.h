/* child/message.h - a message between the station and a child, as it lies in bytes. Pure.
 *
 *     u32 length of the payload | u16 type | u16 id | i64 station time in µs | u32 samples |
 * payload
 *
 * Little-endian throughout. What type, id, time and samples mean: deck.h.   Thread: any. Air-safe.
 */
#ifndef MAST_CHILD_MESSAGE_H
#define MAST_CHILD_MESSAGE_H

#include "base/str.h"

#define MESSAGE_HEAD_BYTES  20
#define MESSAGE_PAYLOAD_MAX (64 * 1024)

struct message {
    uint16_t type, id;
    int64_t at_us;
    uint32_t samples;
    struct str payload; /* at most MESSAGE_PAYLOAD_MAX bytes; borrowed */
};

/* Writes the head of a message; its payload follows as it is. */
void message_pack_head(const struct message *message, unsigned char head[MESSAGE_HEAD_BYTES]);

/* Reads a head.
 * Shape:  out->payload.ptr is NULL and .len what the head says.
 * Errors: E_TOO_LONG the payload is longer than MESSAGE_PAYLOAD_MAX. */
MUST_USE enum err message_unpack_head(const unsigned char head[MESSAGE_HEAD_BYTES],
                                      struct message *out);

#endif
