/* air/relay_priv.h - what tests need of relay.c */
#ifndef MAST_AIR_RELAY_PRIV_H
#define MAST_AIR_RELAY_PRIV_H

#include "air/relay.h"

/* As relays_new(), without a thread: the caller ticks. */
MUST_USE enum err relays_make(struct air *air, struct fetcher *fetcher, struct relays **out);

/* One look at each relay.   Thread: one at a time. */
void relays_tick(struct relays *relays);

/* How long to wait before the next try, after so many that came to nothing: 1, 2, 4 ... 60 s, each
 * a quarter more or less, so that relays of one server do not all come back at once. Pure. */
int64_t relay_delay_us(unsigned failures_count, uint64_t random);

#endif
