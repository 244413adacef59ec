/* tape/crc.c - contract in crc_priv.h */
#include "tape/crc_priv.h"

#include <zlib.h>

uint32_t crc32_of(struct str bytes)
{
    return (uint32_t)crc32_z(0, (const unsigned char *)bytes.ptr, bytes.len);
}
