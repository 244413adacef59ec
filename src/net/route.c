/* net/route.c - which handler a path belongs to; contract in http.h (struct http_route) */
#include "net/server_priv.h"

#include "net/access.h"

#include <stdio.h>
#include <string.h>

enum err route_set_init(struct route_set *set, const struct http_route *routes, size_t count)
{
    *set = (struct route_set){0};
    set->routes = mem_new_array(count, sizeof *set->routes);
    set->paths = mem_new_array(count, sizeof *set->paths);
    set->is_prefix = mem_new_array(count, sizeof *set->is_prefix);
    if (!set->routes || !set->paths || !set->is_prefix)
        goto out;
    for (size_t i = 0; i < count; i++) {
        struct str path = str_of(routes[i].path);
        bool is_prefix = str_ends(path, STR("*"));
        char *copy = mem_new(path.len + 1);
        if (!copy)
            goto out;
        memcpy(copy, path.ptr, path.len);
        path.len -= is_prefix;
        /* Sorted in: the longest path first, of equals the exact one, of those as they came. */
        size_t at = set->count;
        while (at > 0 &&
               (set->paths[at - 1].len < path.len ||
                (set->paths[at - 1].len == path.len && set->is_prefix[at - 1] && !is_prefix))) {
            set->paths[at] = set->paths[at - 1];
            set->is_prefix[at] = set->is_prefix[at - 1];
            set->routes[at] = set->routes[at - 1];
            at--;
        }
        set->paths[at] = (struct str){copy, path.len};
        set->is_prefix[at] = is_prefix;
        set->routes[at] = routes[i];
        set->routes[at].path = copy;
        set->count++;
    }
    return OK;
out:
    route_set_release(set);
    return E_NOMEM;
}

void route_set_release(struct route_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        mem_free((void *)set->paths[i].ptr);
    mem_free(set->routes);
    mem_free(set->paths);
    mem_free(set->is_prefix);
    *set = (struct route_set){0};
}

static unsigned methods_of(const struct http_route *route)
{
    return route->methods | (route->methods & HTTP_GET ? HTTP_HEAD : 0u);
}

struct route_match route_find(const struct route_set *set, struct str path, enum http_method method)
{
    struct route_match match = {0};
    size_t i = 0;
    while (i < set->count &&
           !(set->is_prefix[i] ? str_starts(path, set->paths[i]) : str_eq(path, set->paths[i])))
        i++;
    /* Several routes may share a path and differ in their methods. */
    for (size_t first = i; i < set->count && set->paths[i].len == set->paths[first].len; i++) {
        if (set->is_prefix[i] != set->is_prefix[first] || !str_eq(set->paths[i], set->paths[first]))
            continue;
        const struct http_route *route = &set->routes[i];
        match.methods |= methods_of(route);
        match.cors |= route->cors;
        if (!match.route && (methods_of(route) & method))
            match.route = route;
    }
    return match;
}

void allow_format(unsigned methods, char to[ALLOW_BYTES])
{
    static const enum http_method order[] = {HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_SOURCE};
    size_t len = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (!(methods & order[i]))
            continue;
        struct str name = str_of(http_method_name(order[i]));
        memcpy(to + len, name.ptr, name.len);
        memcpy(to + len + name.len, ", ", 2);
        len += name.len + 2;
    }
    memcpy(to + len, "OPTIONS", sizeof "OPTIONS");
    assert(len + sizeof "OPTIONS" <= ALLOW_BYTES);
}
