/* net/fetch_addr.c - which addresses are nobody's business from outside; contract in fetch.h
 *
 * Apart from fetch.c, so that tests can say otherwise of 127.0.0.1.
 * Source: the IANA special-purpose address registries (RFC 6890), RFC 6598, RFC 6052, RFC 3056. */
#include "net/addr.h"
#include "net/fetch.h"

#include <string.h>

struct block {
    unsigned char ip[16];
    unsigned bits;
};

static const struct block v4_blocks[] = {
    {{0}, 8},          /* this network, unspecified */
    {{10}, 8},         /* private */
    {{100, 64}, 10},   /* shared by providers */
    {{127}, 8},        /* loopback */
    {{169, 254}, 16},  /* link-local; the clouds' metadata services */
    {{172, 16}, 12},   /* private */
    {{192, 0, 0}, 24}, /* protocol assignments */
    {{192, 168}, 16},  /* private */
    {{198, 18}, 15},   /* benchmarks */
    {{224}, 3},        /* multicast, reserved, broadcast */
};

static const struct block v6_blocks[] = {
    {{0}, 8},                       /* unspecified, loopback, IPv4-compatible, local translation */
    {{0x01, 0x00}, 64},             /* discard */
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments, Teredo */
    {{0xfc}, 7},                    /* unique local */
    {{0xfe, 0x80}, 9},              /* link-local, site-local */
    {{0xff}, 8},                    /* multicast */
};

static bool is_in(const struct block *block, const unsigned char *ip)
{
    for (unsigned bit = 0; bit < block->bits; bit += 8) {
        unsigned left = block->bits - bit;
        unsigned mask = left >= 8 ? 0xFF : 0xFF00u >> left & 0xFF;
        if ((ip[bit / 8] & mask) != block->ip[bit / 8])
            return false;
    }
    return true;
}

static bool is_private_v4(const unsigned char *ip)
{
    for (size_t i = 0; i < sizeof v4_blocks / sizeof *v4_blocks; i++)
        if (is_in(&v4_blocks[i], ip))
            return true;
    return false;
}

bool fetch_is_private(const struct addr *addr)
{
    static const struct block mapped = {{[10] = 0xff, [11] = 0xff}, 96};
    static const struct block translated = {{0x00, 0x64, 0xff, 0x9b}, 96};
    static const struct block six_to_four = {{0x20, 0x02}, 16};
    /* An IPv6 address that leads to an IPv4 one is judged by that. */
    if (is_in(&mapped, addr->ip) || is_in(&translated, addr->ip))
        return is_private_v4(addr->ip + 12);
    if (is_in(&six_to_four, addr->ip))
        return is_private_v4(addr->ip + 2);
    for (size_t i = 0; i < sizeof v6_blocks / sizeof *v6_blocks; i++)
        if (is_in(&v6_blocks[i], addr->ip))
            return true;
    return false;
}
