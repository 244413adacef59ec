/* net/target.c - contract in target_priv.h */
#include "net/target_priv.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum err percent_decode(struct str s, bool plus, char *to, size_t *len)
{
    *len = 0;
    size_t used = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return E_SYNTAX;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        to[used++] = c;
    }
    *len = used;
    return OK;
}

static enum err refuse(const char **fault, const char *text)
{
    *fault = text;
    return E_SYNTAX;
}

static struct str without_port_80(struct str host)
{
    if (str_ends(host, STR(":80")))
        host.len -= 3;
    return host;
}

/* "http://host/path" is what a client sends to a proxy; the two hosts must be one. */
static enum err absolute_form(struct str *text, struct str host, const char **fault)
{
    struct str rest = str_slice(*text, 7, text->len);
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
        len++;
    struct str authority = str_slice(rest, 0, len);
    if (authority.len == 0 || str_has(authority, '@'))
        return refuse(fault, "the target's host is malformed");
    if (host.ptr && !str_eq_nocase(without_port_80(authority), without_port_80(host)))
        return refuse(fault, "the target names another host than header 'Host'");
    *text = str_slice(rest, len, rest.len);
    return OK;
}

static enum err path_check(struct str path, const char **fault)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return refuse(fault, "the path has a control byte");
        if (c == '\\')
            return refuse(fault, "the path has a backslash");
        if (i > 0 && c == '/' && path.ptr[i - 1] == '/')
            return refuse(fault, "the path has two slashes in a row");
        if (i > 0 && c == '.' && path.ptr[i - 1] == '.')
            return refuse(fault, "the path has two dots in a row");
    }
    if (!str_is_utf8(path))
        return refuse(fault, "the path is no UTF-8");
    return OK;
}

/* An escaped slash would be a slash to us and none to a proxy in front. */
static bool has_escaped_slash(struct str path)
{
    for (size_t i = 0; i + 2 < path.len; i++)
        if (path.ptr[i] == '%' && path.ptr[i + 1] == '2' &&
            (path.ptr[i + 2] == 'f' || path.ptr[i + 2] == 'F'))
            return true;
    return false;
}

enum err target_parse(struct str text, struct str host, char *room, struct target *out,
                      const char **fault)
{
    *out = (struct target){.path = STR("/"), .query = STR("")};
    *fault = "the target is malformed";
    if (str_has(text, '#'))
        return refuse(fault, "the target has a fragment");
    if (text.len >= 7 && str_eq_nocase(str_slice(text, 0, 7), STR("http://"))) {
        enum err err = absolute_form(&text, host, fault);
        if (err)
            return err;
        if (text.len == 0)
            return OK;
    } else if (text.len == 0 || text.ptr[0] != '/') {
        return E_SYNTAX;
    }
    struct str path;
    str_cut(&text, '?', &path);
    out->query = text;
    if (path.len == 0)
        return OK;
    if (!str_has(path, '%')) {
        out->path = path;
        return path_check(path, fault);
    }
    if (has_escaped_slash(path))
        return refuse(fault, "the path has an escaped slash");
    size_t len;
    if (percent_decode(path, false, room, &len))
        return refuse(fault, "the path has a bad escape");
    out->path = (struct str){room, len};
    return path_check(out->path, fault);
}
