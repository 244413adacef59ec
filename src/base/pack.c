/* base/pack.c - contract in pack.h */
#include "base/pack.h"

#include <zlib.h>

#define LEVEL        6
#define WINDOW_GZIP  (15 + 16) /* the largest window; zlib's way to say gzip */
#define MEMORY_LEVEL 8

uint32_t crc32_of(struct str bytes)
{
    return (uint32_t)crc32_z(0, (const unsigned char *)bytes.ptr, bytes.len);
}

enum err gzip_add(struct str plain, struct buf *out)
{
    z_stream z = {0};
    assert(plain.len < UINT32_MAX);
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return E_NOMEM;
    size_t bound = deflateBound(&z, plain.len);
    char *to = buf_reserve(out, bound);
    if (to) {
        z.next_in = (unsigned char *)plain.ptr;
        z.avail_in = (uInt)plain.len;
        z.next_out = (unsigned char *)to;
        z.avail_out = (uInt)bound;
        int end = deflate(&z, Z_FINISH);
        assert(end == Z_STREAM_END); /* there is room for all of it */
        buf_grew(out, z.total_out);
    }
    deflateEnd(&z);
    return OK;
}
