/* net/request.c - what a handler reads out of a request; contract in http.h */
#include "net/http.h"

#include "base/crypto.h"
#include "net/target_priv.h"

#include <string.h>

struct str request_header(const struct request *request, struct str name)
{
    for (size_t i = 0; i < request->headers_count; i++)
        if (str_eq_nocase(request->headers[i].name, name))
            return request->headers[i].value;
    return (struct str){0};
}

/* Tells whether an escaped name is this one, without memory: names are short. */
static bool is_name(struct str escaped, struct str name)
{
    char decoded[128];
    size_t len;
    if (str_eq(escaped, name))
        return true;
    return escaped.len <= sizeof decoded && (str_has(escaped, '%') || str_has(escaped, '+')) &&
           percent_decode(escaped, true, decoded, &len) == OK &&
           str_eq((struct str){decoded, len}, name);
}

enum err form_field(struct arena *arena, struct str form, struct str name, struct str *out)
{
    *out = (struct str){0};
    while (form.len > 0) {
        struct str value, key;
        str_cut(&form, '&', &value);
        str_cut(&value, '=', &key);
        if (!is_name(key, name))
            continue;
        char *room = arena_get(arena, value.len + 1);
        if (!room)
            return E_NOMEM;
        size_t len;
        enum err err = percent_decode(value, true, room, &len);
        if (err)
            return err;
        *out = (struct str){room, len};
        return OK;
    }
    return E_NOT_FOUND;
}

enum err request_query(struct request *request, struct str name, struct str *out)
{
    return form_field(request->arena, request->query, name, out);
}

enum err request_basic_auth(struct request *request, struct str *user, struct str *password)
{
    *user = *password = (struct str){0};
    struct str header = request_header(request, STR("authorization")), scheme;
    if (!header.ptr)
        return E_NOT_FOUND;
    if (!str_cut(&header, ' ', &scheme) || !str_eq_nocase(scheme, STR("basic")))
        return E_SYNTAX;
    struct str text = str_trim(header);
    char *room = arena_get(request->arena, text.len + 1);
    if (!room)
        return E_NOMEM;
    size_t len;
    if (base64_decode(text, room, text.len + 1, &len))
        return E_SYNTAX;
    struct str both = {room, len};
    if (str_has(both, '\0') || !str_cut(&both, ':', user)) {
        *user = (struct str){0};
        return E_SYNTAX;
    }
    *password = both;
    return OK;
}
