/* air/guard.c - contract in guard_priv.h */
#include "air/guard_priv.h"

static struct guard_host *find_or_replace(struct guard *guard, const struct addr *addr)
{
    const struct addr host = addr_network(addr);
    struct guard_host *oldest = &guard->hosts[0];
    for (size_t i = 0; i < GUARD_HOSTS; i++) {
        struct guard_host *h = &guard->hosts[i];
        if (h->is_used && addr_same_host(&h->host, &host))
            return h;
        if (!h->is_used || (oldest->is_used && h->since.us < oldest->since.us))
            oldest = h;
    }
    *oldest = (struct guard_host){.host = host, .is_used = true};
    return oldest;
}

bool guard_failed(struct guard *guard, const struct addr *host, struct mono now)
{
    struct guard_host *h = find_or_replace(guard, host);
    if (h->failures == 0 || now.us - h->since.us > GUARD_WINDOW_US) {
        h->since = now;
        h->failures = 0;
    }
    h->failures++;
    return h->failures > GUARD_FAILURES;
}
