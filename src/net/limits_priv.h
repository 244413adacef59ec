/* net/limits_priv.h - how many connections of one address have not sent a whole head yet.
 *
 * A silent connection is not to be told from one whose request is under way, and a proxy's or a
 * whole town's listeners come from one address, a thousand in a moment after an outage. So each
 * head has half a second's grace, in which only a quarter of all connections is the limit for one
 * address; who is later than that is counted, and over unfinished_per_address_max refused.
 *
 * Two rows of counters, each under a hash of its own with a secret seed; an address counts in one
 * cell of each row, and its count is the smaller of the two. Shared by all loops without a lock:
 * loop 0 counts up when it accepts, a connection's own loop for each further head, and that loop
 * counts down. A stranger cannot choose
 * cells, so to be refused for others' sake both his cells must be crowded by chance: with 100
 * addresses at their limit that is one address in 1,700. No memory grows with the number of
 * addresses. An IPv6 host is its /64 (addr_network). */
#ifndef MAST_NET_LIMITS_PRIV_H
#define MAST_NET_LIMITS_PRIV_H

#include "net/addr.h"

#include <stdatomic.h>

#define LIMIT_CELLS 4096
struct limits {
    uint64_t seeds[2];
    _Atomic uint32_t cells[2][LIMIT_CELLS];
};

void limits_init(struct limits *limits); /* Thread: main */

/* Counts one more if that is at most `max`; false, and nothing counted, if not.   Thread: any. */
MUST_USE bool limits_enter(struct limits *limits, const struct addr *addr, uint32_t max);
void limits_leave(struct limits *limits, const struct addr *addr);

#endif
