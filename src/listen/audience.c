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

static void tally_join(struct tally *tally, bool is_new)
{
    uint32_t now = atomic_fetch_add(&tally->now, 1) + 1;
    uint32_t peak = atomic_load(&tally->peak);
    while (now > peak && !atomic_compare_exchange_weak(&tally->peak, &peak, now))
        continue;
    if (is_new)
        atomic_fetch_add(&tally->total, 1);
}

static void tally_leave(struct tally *tally, bool was_dropped)
{
    uint32_t before = atomic_fetch_sub(&tally->now, 1);
    assert(before > 0);
    if (was_dropped)
        atomic_fetch_add(&tally->dropped, 1);
}

void audience_join(struct audience *audience, enum listen_protocol protocol, bool is_new)
{
    tally_join(&audience->all, is_new);
    tally_join(&audience->by[protocol], is_new);
}

void audience_leave(struct audience *audience, enum listen_protocol protocol, bool was_dropped)
{
    tally_leave(&audience->by[protocol], was_dropped);
    tally_leave(&audience->all, was_dropped);
}

/* The hottest of the three: the sum over the protocols is made when somebody asks. */
void audience_add_bytes(struct audience *audience, enum listen_protocol protocol, uint64_t bytes)
{
    atomic_fetch_add_explicit(&audience->by[protocol].bytes_sent, bytes, memory_order_relaxed);
}

struct audience_facts audience_facts(const struct audience *audience)
{
    struct audience_facts facts = {
        .now = atomic_load(&audience->all.now),
        .peak = atomic_load(&audience->all.peak),
        .total_count = atomic_load(&audience->all.total),
        .dropped_count = atomic_load(&audience->all.dropped),
    };
    for (int i = 0; i < LISTEN_PROTOCOLS; i++) {
        const struct tally *tally = &audience->by[i];
        facts.by[i] = (struct audience_count){
            .now = atomic_load(&tally->now),
            .peak = atomic_load(&tally->peak),
            .total_count = atomic_load(&tally->total),
            .bytes_sent = atomic_load(&tally->bytes_sent),
            .dropped_count = atomic_load(&tally->dropped),
        };
        facts.bytes_sent += facts.by[i].bytes_sent;
    }
    return facts;
}

const char *listen_protocol_name(enum listen_protocol protocol)
{
    static const char *const names[LISTEN_PROTOCOLS] = {"http", "icy", "hls"};
    return names[protocol];
}
