/* net/addr.h - who is at the other end. Pure.   Thread: any. */
#ifndef MAST_NET_ADDR_H
#define MAST_NET_ADDR_H

#include "base/str.h"

/* IPv6, or IPv4 as ::ffff:a.b.c.d; all zero with port 0 for a unix socket. */
struct addr {
    unsigned char ip[16];
    uint16_t port;
};

/* "127.0.0.1" or "2001:db8::1", without the port; "local" for a unix socket. */
#define ADDR_BYTES 48
void addr_format(const struct addr *addr, char out[ADDR_BYTES]);

/* Reads "127.0.0.1:8000", "[::1]:8000".   Errors: E_SYNTAX, E_RANGE (port). */
MUST_USE enum err addr_parse(struct str text, struct addr *out);

bool addr_is_v4(const struct addr *addr);
bool addr_same_host(const struct addr *a, const struct addr *b); /* the port does not matter */
uint64_t addr_hash_host(const struct addr *addr);

/* What a limit counts as one host: an IPv4 address, or the /64 of an IPv6 one, the rest of which is
 * free for its owner to vary. Without a port. */
struct addr addr_network(const struct addr *addr);

/* As the kernel tells an address; zero for a unix socket's. */
struct sockaddr_storage;
struct addr addr_from_sockaddr(const struct sockaddr_storage *from);

#endif
