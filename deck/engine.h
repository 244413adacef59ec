/* deck/engine.h - the deck itself: messages of the station in, messages to the station out; no
 * descriptor, no clock.
 *
 *     FRAMES --> input 0..3 --render a block--> mixer --> output 0..7 --> OUT
 *                      |                          |
 *                    meter                      meter ---------------> LEVELS
 *
 * The same messages give the same bytes. What the station says must make sense, or it is an error;
 * what lies in a frame need not.   Thread: one at a time. */
#ifndef MAST_DECK_ENGINE_H
#define MAST_DECK_ENGINE_H

#include "child/deck.h"

struct engine; /* private: engine.c */

/* Gets each message; it is borrowed for the call. */
struct engine_sink {
    void *ctx;
    void (*message)(void *ctx, const struct message *message);
};

/* Owner: the caller, engine_free(), which sets *engine to NULL; sink is copied.
 * Errors: E_NOMEM. */
MUST_USE enum err engine_new(const struct engine_sink *sink, struct engine **out);
void engine_free(struct engine **engine);

/* Takes the next message. A DECK_RUN returns when all is rendered and DONE was given out.
 * Errors: E_SYNTAX a message that makes no sense (engine_why() says why); E_UNSUPPORTED an output
 *         that cannot be encoded; E_NOMEM, E_IO. The engine can only be freed then. */
MUST_USE enum err engine_take(struct engine *engine, const struct message *message);

/* What was wrong, as a clause.   Owner: static. */
const char *engine_why(const struct engine *engine);

#endif
