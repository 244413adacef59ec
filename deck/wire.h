/* deck/wire.h - messages over the socket to the station, both ways buffered; blocking.
 *
 * What is to be sent gathers until a DONE, or until wire_receive() would have to wait, so that one
 * RUN is answered with few writes, and at once even by a deck that has many more before it.
 *
 * Thread: one. */
#ifndef MAST_DECK_WIRE_H
#define MAST_DECK_WIRE_H

#include "child/deck.h"

struct wire; /* private: wire.c */

/* Owner: the caller, wire_free(); the descriptor stays the caller's.   Errors: E_NOMEM. */
MUST_USE enum err wire_new(int fd, struct wire **out);
void wire_free(struct wire **wire);

/* Gives the next message, waiting for it; the payload is borrowed until the next call.
 * Errors: E_CLOSED    the other side is gone; between two messages or not.
 *         E_TOO_LONG  a payload over MESSAGE_PAYLOAD_MAX; E_IO. */
MUST_USE enum err wire_receive(struct wire *wire, struct message *out);

/* Sends a message, now or a little later. A fault shows at the next wire_receive(). */
void wire_send(struct wire *wire, const struct message *message);

#endif
