/* air/guard_priv.h - the brake on guessing keys: ten failures a minute from one host (an IPv6 one
 * is its /64) are free, from then on the answer comes a second late. A small table; the least
 * recent host makes room. */
#ifndef MAST_AIR_GUARD_PRIV_H
#define MAST_AIR_GUARD_PRIV_H

#include "base/clock.h"
#include "net/addr.h"

#define GUARD_HOSTS     256
#define GUARD_FAILURES  10
#define GUARD_WINDOW_US (60 * US_PER_S)

struct guard {
    struct guard_host {
        struct addr host;
        struct mono since; /* start of the minute that is counted */
        uint32_t failures;
        bool is_used;
    } hosts[GUARD_HOSTS];
};

/* Notes a failure and tells whether its answer must come late.   Thread: under the owner's lock. */
bool guard_failed(struct guard *guard, const struct addr *host, struct mono now);

#endif
