/* media/bytes_priv.h - integers of a given byte order out of borrowed bytes. Pure. */
#ifndef MAST_MEDIA_BYTES_PRIV_H
#define MAST_MEDIA_BYTES_PRIV_H

#include "base/bytes.h"
#include "base/str.h"

static inline uint8_t byte_at(struct str s, size_t index)
{
    return (uint8_t)s.ptr[index];
}

static inline uint32_t be16_at(struct str s, size_t index)
{
    return (uint32_t)byte_at(s, index) << 8 | byte_at(s, index + 1);
}

static inline uint32_t be32_at(struct str s, size_t index)
{
    return be16_at(s, index) << 16 | be16_at(s, index + 2);
}

static inline uint32_t le16_at(struct str s, size_t index)
{
    return le16_get((const unsigned char *)s.ptr + index);
}

static inline uint32_t le32_at(struct str s, size_t index)
{
    return le32_get((const unsigned char *)s.ptr + index);
}

/* Tells whether one of a and b is the other's beginning. */
static inline bool bytes_agree(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    return str_eq(str_slice(a, 0, len), str_slice(b, 0, len));
}

#endif
