/* air/inject.h - sources without a socket: the simulator's, and whatever else brings sound of its
 * own. The bytes go the way of every source's: ring, framer, stamps.
 *
 *     inject_open -> inject_push ... -> inject_end -> (inject_is_gone) -> inject_free
 *
 * Thread: one at a time, not the air's; none of the calls waits. */
#ifndef MAST_AIR_INJECT_H
#define MAST_AIR_INJECT_H

#include "air/air.h"

struct port;

/* Logs a source in, past all keys: facts has station, mount, user and whatever else is known.
 * Errors: E_BUSY the mount is in use; E_LIMIT; E_NOMEM. */
MUST_USE enum err inject_open(struct air *air, struct source_facts *facts, enum container container,
                              struct port **out);

/* Gives bytes; returns how many were taken. 0 as long as it is held back or full. */
size_t inject_push(struct air *air, struct port *port, struct str bytes);

/* Why the air wants it to end; NULL = it does not. */
const char *inject_refused(const struct port *port);

/* It ended. What it gave is played out; then it is gone, and can be freed. */
void inject_end(struct port *port);
bool inject_is_gone(const struct port *port);
void inject_free(struct air *air, struct port **port);

#endif
