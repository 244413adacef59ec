/* base/str.c - contract in str.h */
#include "base/str.h"

#include <string.h>

struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    if (!s.ptr)
        return s;
    return (struct str){s.ptr + from, to - from};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = str_slice(s, 1, s.len);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str head)
{
    return s.len >= head.len && str_eq(str_slice(s, 0, head.len), head);
}

bool str_ends(struct str s, struct str tail)
{
    return s.len >= tail.len && str_eq(str_slice(s, s.len - tail.len, s.len), tail);
}

bool str_has(struct str s, char c)
{
    return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

bool str_cut(struct str *s, char c, struct str *head)
{
    const char *at = s->len > 0 ? memchr(s->ptr, c, s->len) : NULL;
    if (!at) {
        *head = *s;
        *s = str_slice(*s, s->len, s->len);
        return false;
    }
    size_t index = (size_t)(at - s->ptr);
    *head = str_slice(*s, 0, index);
    *s = str_slice(*s, index + 1, s->len);
    return true;
}

enum err str_parse_u64(struct str s, uint64_t max, uint64_t *out)
{
    *out = 0;
    if (s.len == 0)
        return E_SYNTAX;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return E_SYNTAX;
        unsigned digit = (unsigned)(s.ptr[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return E_RANGE;
        value = value * 10 + digit;
    }
    *out = value;
    return OK;
}

size_t str_utf8_first(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (s.len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
                 : (p[0] & 0xF0) == 0xE0        ? 3
                 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                                : 0;
    if (len == 0 || s.len < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return len;
}

bool str_is_utf8(struct str s)
{
    while (s.len > 0) {
        size_t len = str_utf8_first(s);
        if (len == 0)
            return false;
        s = str_slice(s, len, s.len);
    }
    return true;
}

size_t str_utf8_fit(struct str s, size_t max)
{
    if (s.len <= max)
        return s.len;
    size_t len = max;
    while (len > 0 && ((unsigned char)s.ptr[len] & 0xC0) == 0x80)
        len--;
    return len;
}

bool str_is_slug(struct str s)
{
    if (s.len == 0 || s.len > 63 || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

bool str_copy(char *field, size_t size, struct str s)
{
    assert(size > 0);
    size_t len = str_utf8_fit(s, size - 1);
    if (len > 0)
        memcpy(field, s.ptr, len);
    field[len] = '\0';
    return len == s.len;
}
