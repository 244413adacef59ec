/* net/addr.c - contract in addr.h */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const unsigned char v4_head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

_Static_assert(ADDR_BYTES >= INET6_ADDRSTRLEN, "an IPv6 address must fit");

bool addr_is_v4(const struct addr *addr)
{
    return memcmp(addr->ip, v4_head, sizeof v4_head) == 0;
}

static bool is_zero(const struct addr *addr)
{
    static const unsigned char zero[16];
    return addr->port == 0 && memcmp(addr->ip, zero, sizeof zero) == 0;
}

void addr_format(const struct addr *addr, char out[ADDR_BYTES])
{
    if (is_zero(addr))
        snprintf(out, ADDR_BYTES, "local");
    else if (addr_is_v4(addr))
        inet_ntop(AF_INET, addr->ip + 12, out, ADDR_BYTES);
    else
        inet_ntop(AF_INET6, addr->ip, out, ADDR_BYTES);
}

enum err addr_parse(struct str text, struct addr *out)
{
    *out = (struct addr){0};
    struct addr addr = {0};
    char host[ADDR_BYTES];
    struct str name = text, port = {0};
    int family = AF_INET;
    if (str_starts(text, STR("["))) {
        name = str_slice(text, 1, text.len);
        if (!str_cut(&name, ']', &port) || !str_starts(name, STR(":")))
            return E_SYNTAX;
        struct str inside = port;
        port = str_slice(name, 1, name.len);
        name = inside;
        family = AF_INET6;
    } else {
        port = text;
        if (!str_cut(&port, ':', &name))
            return E_SYNTAX;
    }
    if (!str_copy(host, sizeof host, name) || str_has(name, '\0'))
        return E_SYNTAX;
    if (family == AF_INET)
        memcpy(addr.ip, v4_head, sizeof v4_head);
    if (inet_pton(family, host, family == AF_INET ? addr.ip + 12 : addr.ip) != 1)
        return E_SYNTAX;
    uint64_t number;
    enum err err = str_parse_u64(port, UINT16_MAX, &number);
    if (err)
        return err;
    addr.port = (uint16_t)number;
    *out = addr;
    return OK;
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

uint64_t addr_hash_host(const struct addr *addr)
{
    uint64_t half[2];
    memcpy(half, addr->ip, sizeof half);
    uint64_t x = half[0] ^ (half[1] * UINT64_C(0x9e3779b97f4a7c15));
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

struct addr addr_network(const struct addr *addr)
{
    struct addr network = {0};
    memcpy(network.ip, addr->ip, addr_is_v4(addr) ? 16 : 8);
    return network;
}

struct addr addr_from_sockaddr(const struct sockaddr_storage *from)
{
    struct addr addr = {0};
    if (from->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        memcpy(addr.ip, v4_head, sizeof v4_head);
        memcpy(addr.ip + 12, &v4.sin_addr, 4);
        addr.port = ntohs(v4.sin_port);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof v6);
        memcpy(addr.ip, &v6.sin6_addr, 16);
        addr.port = ntohs(v6.sin6_port);
    }
    return addr;
}
