/* listen/audience.c - contract in listen.h and audience_priv.h */
#include "listen/audience_priv.h"

#include "base/mem.h"

enum err audience_new(struct audience **out)
{
    *out = mem_new(sizeof **out);
    return *out ? OK : E_NOMEM;
}

void audience_free(struct audience **audience)
{
    mem_free(*audience);
    *audience = NULL;
}

void audience_join(struct audience *audience)
{
    uint32_t now = atomic_fetch_add(&audience->now, 1) + 1;
    uint32_t peak = atomic_load(&audience->peak);
    while (now > peak && !atomic_compare_exchange_weak(&audience->peak, &peak, now))
        continue;
    atomic_fetch_add(&audience->total, 1);
}

void audience_leave(struct audience *audience, bool was_dropped)
{
    uint32_t before = atomic_fetch_sub(&audience->now, 1);
    assert(before > 0);
    if (was_dropped)
        atomic_fetch_add(&audience->dropped, 1);
}

void audience_add_bytes(struct audience *audience, uint64_t bytes)
{
    atomic_fetch_add_explicit(&audience->bytes_sent, bytes, memory_order_relaxed);
}

struct audience_facts audience_facts(const struct audience *audience)
{
    return (struct audience_facts){
        .now = atomic_load(&audience->now),
        .peak = atomic_load(&audience->peak),
        .total_count = atomic_load(&audience->total),
        .bytes_sent = atomic_load(&audience->bytes_sent),
        .dropped_count = atomic_load(&audience->dropped),
    };
}
