/* front/text.c - how texts and times are written, contract in front_priv.h */
#include "front/front_priv.h"

#include <stdio.h>

/* May a well-formed sequence of `len` bytes stand in XML? */
static bool is_xml_char(const char *p, size_t len)
{
    unsigned char c = (unsigned char)p[0];
    if (len == 1)
        return (c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n' || c == '\r';
    /* U+FFFE and U+FFFF */
    return !(len == 3 && c == 0xef && (unsigned char)p[1] == 0xbf && (unsigned char)p[2] >= 0xbe);
}

void xml_add(struct buf *out, struct str text)
{
    size_t from = 0, at = 0;
    while (at < text.len) {
        struct str rest = str_slice(text, at, text.len);
        size_t len = str_utf8_first(rest);
        if (len > 0 && is_xml_char(rest.ptr, len)) {
            at += len;
            continue;
        }
        buf_add_xml(out, str_slice(text, from, at));
        if (len == 0)
            buf_add_char(out, '?');
        at += len == 0 ? 1 : len;
        from = at;
    }
    buf_add_xml(out, str_slice(text, from, at));
}

void query_add(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (is_plain)
            buf_add_char(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

void ice_time_format(struct utc t, char out[ICE_TIME_BYTES])
{
    char http[UTC_HTTP_BYTES];
    utc_format_http(t, http);
    struct str s = str_of(http);
    snprintf(out, ICE_TIME_BYTES, "%.*s+0000", (int)s.len - 3, http); /* for "GMT" */
}

void ice_iso_format(struct utc t, char out[ICE_TIME_BYTES])
{
    struct civil c = utc_to_civil(t, 0);
    snprintf(out, ICE_TIME_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d+0000", c.year, c.month, c.day,
             c.hour, c.minute, c.second);
}
