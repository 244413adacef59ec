/* net/limits.c - contract in limits_priv.h */
#include "net/limits_priv.h"

#include "base/crypto.h"

#include <string.h>

void limits_init(struct limits *limits)
{
    memset(limits, 0, sizeof *limits);
    limits->seeds[0] = random_u64();
    limits->seeds[1] = random_u64();
}

static _Atomic uint32_t *cell(struct limits *limits, const struct addr *addr, int row)
{
    struct addr host = addr_network(addr);
    for (int i = 0; i < 8; i++) /* the seed first, so that the hash mixes it with the address */
        host.ip[i] ^= (unsigned char)(limits->seeds[row] >> (8 * i));
    return &limits->cells[row][addr_hash_host(&host) % LIMIT_CELLS];
}

bool limits_enter(struct limits *limits, const struct addr *addr, uint32_t max)
{
    _Atomic uint32_t *a = cell(limits, addr, 0), *b = cell(limits, addr, 1);
    uint32_t in_a = atomic_fetch_add_explicit(a, 1, memory_order_relaxed) + 1;
    uint32_t in_b = atomic_fetch_add_explicit(b, 1, memory_order_relaxed) + 1;
    if (in_a <= max || in_b <= max)
        return true;
    limits_leave(limits, addr);
    return false;
}

void limits_leave(struct limits *limits, const struct addr *addr)
{
    for (int row = 0; row < 2; row++) {
        uint32_t before =
            atomic_fetch_sub_explicit(cell(limits, addr, row), 1, memory_order_relaxed);
        assert(before > 0);
    }
}
