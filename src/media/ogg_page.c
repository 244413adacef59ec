/* media/ogg_page.c - contract in ogg_page_priv.h */
#include "media/ogg_page_priv.h"

#include "media/bytes_priv.h"

#include <string.h>

#define CRC_AT 22

static const uint32_t crc_table[256] = {
#include "media/tbl/ogg_crc.h"
};

static uint32_t crc_add(uint32_t crc, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        crc = crc << 8 ^ crc_table[(crc >> 24 ^ byte_at(bytes, i)) & 0xFF];
    return crc;
}

/* The CRC of a page is taken as if its own field were zero. */
static uint32_t page_crc(struct str page)
{
    uint32_t crc = crc_add(0, str_slice(page, 0, CRC_AT));
    crc = crc_add(crc, (struct str){"\0\0\0\0", 4});
    return crc_add(crc, str_slice(page, CRC_AT + 4, page.len));
}

bool ogg_page_crc_is_right(struct str page)
{
    assert(page.len >= OGG_HEAD_BYTES);
    return le32_at(page, CRC_AT) == page_crc(page);
}

enum err ogg_page_parse(struct str bytes, struct ogg_page *out)
{
    *out = (struct ogg_page){0};
    if (!bytes_agree(bytes, (struct str){"OggS\0", 5})) /* the NUL is the version */
        return E_CORRUPT;
    if (bytes.len < OGG_HEAD_BYTES)
        return E_AGAIN;
    size_t lacing_count = byte_at(bytes, OGG_HEAD_BYTES - 1);
    size_t head_bytes = OGG_HEAD_BYTES + lacing_count;
    if (bytes.len < head_bytes)
        return E_AGAIN;
    struct str lacing = str_slice(bytes, OGG_HEAD_BYTES, head_bytes);
    size_t body_bytes = 0;
    for (size_t i = 0; i < lacing_count; i++)
        body_bytes += byte_at(lacing, i);
    if (bytes.len < head_bytes + body_bytes)
        return E_AGAIN;
    *out = (struct ogg_page){
        .bytes = head_bytes + body_bytes,
        .flags = byte_at(bytes, 5),
        .granule = le32_at(bytes, 6) | (uint64_t)le32_at(bytes, 10) << 32,
        .serial = le32_at(bytes, 14),
        .seq = le32_at(bytes, 18),
        .lacing = lacing,
        .body = str_slice(bytes, head_bytes, head_bytes + body_bytes),
    };
    return OK;
}

size_t ogg_page_write(const struct ogg_page *page, unsigned char *to)
{
    assert(page->lacing.len <= 255 && page->body.len <= 255 * page->lacing.len);
    memcpy(to, "OggS\0", 5);
    to[5] = page->flags;
    le_put(to + 6, page->granule, 8);
    le_put(to + 14, page->serial, 4);
    le_put(to + 18, page->seq, 4);
    to[26] = (unsigned char)page->lacing.len;
    memcpy(to + OGG_HEAD_BYTES, page->lacing.ptr, page->lacing.len);
    size_t head_bytes = OGG_HEAD_BYTES + page->lacing.len;
    memcpy(to + head_bytes, page->body.ptr, page->body.len);
    size_t bytes = head_bytes + page->body.len;
    le_put(to + CRC_AT, page_crc((struct str){(const char *)to, bytes}), 4);
    return bytes;
}
