/* net/chunked.h - takes the chunked transfer coding off a body that comes in pieces.
 *
 * For bodies that the server gathers itself, and for a source that took its connection over and
 * sends chunks. Pure; wraps llhttp (wire.c).   Source: RFC 9112 section 7.1. */
#ifndef MAST_NET_CHUNKED_H
#define MAST_NET_CHUNKED_H

#include "base/str.h"

#include <stdalign.h>

#define CHUNKED_BYTES 128
struct chunked {
    void (*on_bytes)(void *ctx, struct str bytes); /* borrowed; in any number of pieces */
    void *ctx;
    uint64_t overhead_bytes; /* sizes and extensions since the last byte of the body */
    bool is_begun, is_done;
    char last_byte;
    alignas(16) unsigned char parser[CHUNKED_BYTES];
};

/* Begins at the first byte after the head.   Owner: the caller; nothing to release, must not move.
 * Thread: one at a time. */
void chunked_init(struct chunked *chunked, void (*on_bytes)(void *ctx, struct str bytes),
                  void *ctx);

/* Takes in the next piece; *used tells how much of it belonged to the body. After the last chunk
 * is_done is true, and what follows is not touched.
 * Errors: E_SYNTAX (trailers too), E_TOO_LONG (more than 16 KiB in a row that are no body); no
 * further call then.
 */
MUST_USE enum err chunked_feed(struct chunked *chunked, struct str bytes, size_t *used);

#endif
