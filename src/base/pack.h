/* base/pack.h - gzip and CRC-32; wraps zlib. Pure.   Thread: any but air. */
#ifndef MAST_BASE_PACK_H
#define MAST_BASE_PACK_H

#include "base/buf.h"

/* CRC-32 as in IEEE 802.3 and zlib.   Air-safe. */
uint32_t crc32_of(struct str bytes);

/* Appends `plain` as one gzip member; the same bytes come out of the same bytes.
 * Errors: E_NOMEM; those of the buffer stay there.   Source: RFC 1952. */
MUST_USE enum err gzip_add(struct str plain, struct buf *out);

#endif
