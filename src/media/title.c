/* media/title.c - title_clean(); contract in icy.h */
#include "media/icy.h"

#include <string.h>

#include "media/bytes_priv.h"

/* What never belongs into a title: controls of ASCII and Latin-1, and what turns, joins or hides
 * text without being seen. Sorted. */
static const struct {
    uint32_t first;
    uint32_t last;
} dropped[] = {
    {0x0000, 0x0008},   {0x000A, 0x001F}, /* C0 but HTAB, which is a blank */
    {0x007F, 0x009F},                     /* DEL and C1 */
    {0x061C, 0x061C},                     /* Arabic letter mark */
    {0x180E, 0x180E},                     /* Mongolian vowel separator */
    {0x200B, 0x200F},                     /* zero width, left-to-right and right-to-left marks */
    {0x2028, 0x202E},                     /* line, paragraph, embeddings, overrides */
    {0x2060, 0x206F},                     /* word joiner, isolates, formatting */
    {0xFEFF, 0xFEFF},                     /* byte order mark */
    {0xFFF9, 0xFFFB},   {0xFFFE, 0xFFFF}, /* annotations; not allowed in XML */
    {0xE0000, 0xE007F},                   /* tags */
};

static bool is_dropped(uint32_t code)
{
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0] && dropped[i].first <= code; i++)
        if (code <= dropped[i].last)
            return true;
    return false;
}

static bool is_blank(uint32_t code)
{
    return code == ' ' || code == '\t' || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x202F || code == 0x205F || code == 0x3000;
}

/* Reads the first code point of well-formed UTF-8; returns its length. */
static size_t utf8_read(struct str s, uint32_t *code)
{
    uint8_t lead = byte_at(s, 0);
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    *code = len == 1 ? lead : lead & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        *code = *code << 6 | (byte_at(s, i) & 0x3F);
    return len;
}

static size_t utf8_write(uint32_t code, char to[4])
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    to[0] = (char)((0xF00u >> len & 0xF0) | code);
    return len;
}

size_t title_clean(struct str raw, bool latin1, char *title, size_t size)
{
    assert(size > 0);
    latin1 = latin1 || !str_is_utf8(raw);
    bool blank_pending = false;
    size_t len = 0;
    while (raw.len > 0) {
        uint32_t code = byte_at(raw, 0);
        size_t used = latin1 ? 1 : utf8_read(raw, &code);
        raw = str_slice(raw, used, raw.len);
        if (is_dropped(code))
            continue;
        if (is_blank(code)) {
            blank_pending = len > 0;
            continue;
        }
        char bytes[4];
        size_t count = utf8_write(code, bytes);
        if (len + blank_pending + count >= size)
            break;
        if (blank_pending)
            title[len++] = ' ';
        blank_pending = false;
        memcpy(title + len, bytes, count);
        len += count;
    }
    title[len] = '\0';
    return len;
}
