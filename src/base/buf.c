/* base/buf.c - contract in buf.h */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *buf, size_t cap)
{
    *buf = (struct buf){.cap = cap};
}

void buf_release(struct buf *buf)
{
    mem_free(buf->ptr);
    buf_init(buf, buf->cap);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->err = OK;
}

char *buf_reserve(struct buf *buf, size_t bytes)
{
    if (buf->err)
        return NULL;
    if (bytes > buf->cap || buf->len > buf->cap - bytes) {
        buf->err = E_TOO_LONG;
        return NULL;
    }
    size_t need = buf->len + bytes + 1;
    if (need > buf->size) {
        size_t size = buf->size > 0 ? buf->size * 2 : 64;
        if (size < need)
            size = need;
        char *ptr = mem_resize(buf->ptr, size);
        if (!ptr) {
            buf->err = E_NOMEM;
            return NULL;
        }
        buf->ptr = ptr;
        buf->size = size;
    }
    return buf->ptr + buf->len;
}

void buf_grew(struct buf *buf, size_t bytes)
{
    assert(buf->len + bytes < buf->size);
    buf->len += bytes;
    buf->ptr[buf->len] = '\0';
}

void buf_add(struct buf *buf, struct str s)
{
    char *to = buf_reserve(buf, s.len);
    if (!to)
        return;
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    buf_grew(buf, s.len);
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, (struct str){&c, 1});
}

static struct str xml_escape(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        return STR("");
    }
}

void buf_add_xml(struct buf *buf, struct str text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        struct str escaped = xml_escape(text.ptr[i]);
        if (escaped.len == 0)
            continue;
        buf_add(buf, str_slice(text, from, i));
        buf_add(buf, escaped);
        from = i + 1;
    }
    buf_add(buf, str_slice(text, from, text.len));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    char *to = buf_reserve(buf, (size_t)len);
    if (!to)
        return;
    va_start(args, format);
    vsnprintf(to, (size_t)len + 1, format, args);
    va_end(args);
    buf_grew(buf, (size_t)len);
}

void buf_consume(struct buf *buf, size_t bytes)
{
    assert(bytes <= buf->len);
    if (bytes == 0)
        return;
    memmove(buf->ptr, buf->ptr + bytes, buf->len - bytes);
    buf->len -= bytes;
    buf->ptr[buf->len] = '\0';
}

enum err buf_err(const struct buf *buf)
{
    return buf->err;
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->ptr, buf->len};
}
