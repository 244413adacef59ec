/* child/channel.h - what the owner of a child sees of it: messages out, messages in, is it there.
 *
 *     owner --start--> (is_up) --send--> child --receive--> owner ... (not is_up) --start--> ...
 *
 * child.h makes a channel to a real process; the simulator has its own. A channel has one owner,
 * who calls everything from one thread. None of the calls waits or allocates: air-safe. */
#ifndef MAST_CHILD_CHANNEL_H
#define MAST_CHILD_CHANNEL_H

#include "child/message.h"

struct channel {
    void *ctx;

    /* Asks for the child to be started. Allowed when not up; what was left in both directions from
     * an earlier life is thrown away. From the return on it is up, and can be sent to. */
    void (*start)(void *ctx);

    /* Up from start() until the child is gone and all that it had said was received. A child that
     * cannot be started goes down soon after start(). */
    bool (*is_up)(void *ctx);

    /* Ends the child at once (SIGKILL). It is up until it is gone. */
    void (*kill)(void *ctx);

    /* Sends a message whole or not at all; false: there is no room now. */
    bool (*send)(void *ctx, const struct message *message);

    /* Has what was sent carried over; once after a few send(). */
    void (*flush)(void *ctx);

    /* Takes the next message. The payload is borrowed until the next call.
     * Errors: E_AGAIN there is none now; E_TOO_LONG it does not keep to the form: kill it. */
    enum err (*receive)(void *ctx, struct message *out);
};

#endif
