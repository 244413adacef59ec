/* base/bytes.h - little-endian integers into bytes and out of them. Pure.   Thread: any. Air-safe. */
#ifndef MAST_BASE_BYTES_H
#define MAST_BASE_BYTES_H

#include <stdint.h>

/* Puts `count` bytes of `value`, lowest first.   Shape: count 1..8. */
static inline void le_put(unsigned char *to, uint64_t value, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

/* Reads `count` bytes, lowest first.   Shape: count 1..8. */
static inline uint64_t le_get(const unsigned char *from, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static inline uint16_t le16_get(const unsigned char *from)
{
    return (uint16_t)le_get(from, 2);
}

static inline uint32_t le32_get(const unsigned char *from)
{
    return (uint32_t)le_get(from, 4);
}

#endif
