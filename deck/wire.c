#include "wire.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX  (MESSAGE_HEAD_BYTES + MESSAGE_PAYLOAD_MAX)
#define BUFFER_BYTES ((size_t)2 * MESSAGE_MAX)

struct wire {
    int fd;
    enum err err; /* of sending */
    size_t in_head, in_tail, out_bytes;
    unsigned char in[BUFFER_BYTES], out[BUFFER_BYTES];
};

enum err wire_new(int fd, struct wire **out)
{
    *out = mem_new(sizeof(**out));
    if (!*out)
        return E_NOMEM;
    (*out)->fd = fd;
    return OK;
}

void wire_free(struct wire **wire)
{
    mem_free(*wire);
    *wire = NULL;
}

static void flush(struct wire *wire)
{
    for (size_t done = 0; done < wire->out_bytes && wire->err == OK;) {
        ssize_t sent = write(wire->fd, wire->out + done, wire->out_bytes - done);
        if (sent >= 0)
            done += (size_t)sent;
        else if (errno != EINTR)
            wire->err = err_from_errno(errno);
    }
    wire->out_bytes = 0;
}

void wire_send(struct wire *wire, const struct message *message)
{
    size_t bytes = MESSAGE_HEAD_BYTES + message->payload.len;
    assert(bytes <= MESSAGE_MAX);
    if (bytes > BUFFER_BYTES - wire->out_bytes)
        flush(wire);
    message_pack_head(message, wire->out + wire->out_bytes);
    if (message->payload.len > 0)
        memcpy(wire->out + wire->out_bytes + MESSAGE_HEAD_BYTES, message->payload.ptr,
               message->payload.len);
    wire->out_bytes += bytes;
    if (message->type == DECK_DONE)
        flush(wire);
}

static enum err fill(struct wire *wire)
{
    flush(wire);
    if (wire->err != OK)
        return wire->err;
    memmove(wire->in, wire->in + wire->in_head, wire->in_tail - wire->in_head);
    wire->in_tail -= wire->in_head;
    wire->in_head = 0;
    assert(wire->in_tail < BUFFER_BYTES);
    ssize_t got;
    do
        got = read(wire->fd, wire->in + wire->in_tail, BUFFER_BYTES - wire->in_tail);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_from_errno(errno);
    wire->in_tail += (size_t)got;
    return got == 0 ? E_CLOSED : OK;
}

enum err wire_receive(struct wire *wire, struct message *out)
{
    for (;;) {
        size_t unread = wire->in_tail - wire->in_head;
        const unsigned char *head = wire->in + wire->in_head;
        if (unread >= MESSAGE_HEAD_BYTES) {
            enum err err = message_unpack_head(head, out);
            if (err != OK)
                return err;
            if (unread >= MESSAGE_HEAD_BYTES + out->payload.len) {
                out->payload.ptr = (const char *)head + MESSAGE_HEAD_BYTES;
                wire->in_head += MESSAGE_HEAD_BYTES + out->payload.len;
                return OK;
            }
        }
        enum err err = fill(wire);
        if (err != OK)
            return err;
    }
}
