/* air/relay.h - streams that are fetched from elsewhere, as if they had logged in.
 *
 *     fetch thread: answer -> [ICY metadata off] -> port's ring -> air, as from any source
 *     thread "relay": ten times a second: begin, resume, end, free
 *
 * One relay for each source of the board that has an address. It is fetched all the time, since a
 * standby must sound before it is needed; what ends is fetched again after 1, 2, 4 ... 60 s, from 1
 * s on again after a minute of sound. Each reason why one does not sound is logged once, until it
 * changes. */
#ifndef MAST_AIR_RELAY_H
#define MAST_AIR_RELAY_H

#include "air/air.h"
#include "net/fetch.h"

struct relays; /* private: relay.c */

/* Owner: the caller; relays_free() before the fetcher stops and before air_free(): it ends all
 * relays and waits for their requests, not for the air.
 * Errors: E_NOMEM, E_LIMIT.   Thread: main. */
MUST_USE enum err relays_new(struct air *air, struct fetcher *fetcher, struct relays **out);
void relays_free(struct relays **relays);

/* Starts what is new on the board and ends what is gone; what stands on it as before goes on. The
 * board is not looked at after this.
 * Errors: E_NOMEM: what could be started was.   Thread: control. */
MUST_USE enum err relays_set(struct relays *relays, const struct board *board);

#endif
