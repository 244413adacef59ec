/* child/message.c - contract in message.h */
#include "child/message.h"

#include "base/bytes.h"

void message_pack_head(const struct message *message, unsigned char head[MESSAGE_HEAD_BYTES])
{
    assert(message->payload.len <= MESSAGE_PAYLOAD_MAX);
    le_put(head, message->payload.len, 4);
    le_put(head + 4, message->type, 2);
    le_put(head + 6, message->id, 2);
    le_put(head + 8, (uint64_t)message->at_us, 8);
    le_put(head + 16, message->samples, 4);
}

enum err message_unpack_head(const unsigned char head[MESSAGE_HEAD_BYTES], struct message *out)
{
    *out = (struct message){0};
    uint64_t payload_bytes = le_get(head, 4);
    if (payload_bytes > MESSAGE_PAYLOAD_MAX)
        return E_TOO_LONG;
    *out = (struct message){
        .type = (uint16_t)le_get(head + 4, 2),
        .id = (uint16_t)le_get(head + 6, 2),
        .at_us = (int64_t)le_get(head + 8, 8),
        .samples = (uint32_t)le_get(head + 16, 4),
        .payload = {NULL, (size_t)payload_bytes},
    };
    return OK;
}
