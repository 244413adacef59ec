/* program/board_relay.c - what the address of a relay may be, and the name that it gets. */
#include "program/board_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* "example.org", "192.0.2.1", "[2001:db8::1]". */
static bool host_is_good(struct str host)
{
    char ip[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (str_starts(host, STR("[")))
        return str_ends(host, STR("]")) &&
               str_copy(ip, sizeof ip, str_slice(host, 1, host.len - 1)) &&
               inet_pton(AF_INET6, ip, bytes) == 1;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool is_name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_name && (!strchr("-._", c) || i == 0 || (c == '.' && host.ptr[i - 1] == '.')))
            return false;
    }
    return host.len > 0;
}

static bool port_is_good(struct str port)
{
    uint64_t number;
    return !str_parse_u64(port, 65535, &number) && number > 0;
}

const char *board_relay_wrong(struct str address)
{
    struct str rest = address, before;
    for (size_t i = 0; i < address.len; i++)
        if (address.ptr[i] <= ' ' || address.ptr[i] > '~' || strchr("\"#<>\\^`{|}", address.ptr[i]))
            return "may have only what an address is made of (a blank is %20, a '#' is %23)";
    if (!str_starts(address, STR("http://")) && !str_starts(address, STR("https://")))
        return "must start with http:// or https://";
    str_cut(&rest, ':', &before);
    rest = str_slice(rest, 2, rest.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    struct str host = str_slice(rest, 0, end);
    /* A second '@' is where two readers of one address see two hosts. */
    if (str_cut(&host, '@', &before) && str_has(host, '@'))
        return "must have at most one '@' before its path (in a password it is %40)";
    if (!str_has(str_slice(rest, 0, end), '@'))
        host = before;
    size_t colon = host.len;
    while (colon > 0 && host.ptr[colon - 1] != ':' && host.ptr[colon - 1] != ']')
        colon--;
    bool has_port = colon > 0 && host.ptr[colon - 1] == ':';
    if (has_port && !port_is_good(str_slice(host, colon, host.len)))
        return "must have a port from 1 to 65535";
    if (!host_is_good(str_slice(host, 0, has_port ? colon - 1 : host.len)))
        return "must name a host";
    return NULL;
}

static bool is_taken(const struct board_station *station, struct str mount)
{
    for (size_t i = 0; i < station->sources_count; i++)
        if (str_eq(str_of(station->sources[i].mount), mount))
            return true;
    for (size_t i = 0; i < station->renditions_count; i++)
        for (size_t m = 0; m < station->renditions[i].mounts_count; m++)
            if (str_eq(str_of(station->renditions[i].mounts[m]), mount))
                return true;
    return false;
}

void board_relay_name(const struct board_station *station, char out[96])
{
    unsigned n = 0;
    do
        snprintf(out, 96, "/%s/relay-%u", station->slug, ++n);
    while (is_taken(station, str_of(out)));
}

bool board_relay_is_name(const struct board_station *station, struct str mount)
{
    char head[96];
    uint64_t n;
    snprintf(head, sizeof head, "/%s/relay-", station->slug);
    struct str number = str_slice(mount, strlen(head), mount.len);
    return str_starts(mount, str_of(head)) && !str_starts(number, STR("0")) &&
           !str_parse_u64(number, 9999, &n);
}
