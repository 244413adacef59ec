/* media/ogg_page_priv.h - one Ogg page: read, checked, written. Pure.
 *
 *     0  "OggS"    4  version 0    5  flags     6  granule position (le64)
 *    14  serial (le32)   18  sequence number (le32)   22  CRC (le32)   26  n   27  n lacing values
 *
 * A packet is cut into segments of 255 bytes; the first shorter one (it may be empty) ends it.
 * Source: RFC 3533 section 6. */
#ifndef MAST_MEDIA_OGG_PAGE_PRIV_H
#define MAST_MEDIA_OGG_PAGE_PRIV_H

#include "base/str.h"

#define OGG_HEAD_BYTES     27
#define OGG_FLAG_CONTINUED 1
#define OGG_FLAG_BOS       2

struct ogg_page {
    size_t bytes; /* of the whole page */
    uint8_t flags;
    uint64_t granule;
    uint32_t serial;
    uint32_t seq;
    struct str lacing; /* borrowed from the page, as is the body */
    struct str body;
};

/* Reads the page at the start of `bytes`; does not look at its CRC.
 * Errors: E_AGAIN    the bytes end inside the page, and it may be one so far.
 *         E_CORRUPT  no page starts here. */
MUST_USE enum err ogg_page_parse(struct str bytes, struct ogg_page *out);

bool ogg_page_crc_is_right(struct str page);

/* Writes a page with its CRC. Shape: lacing and body must belong together; `to` has room for them
 * and OGG_HEAD_BYTES; it does not overlap them.   Returns the number of bytes. */
size_t ogg_page_write(const struct ogg_page *page, unsigned char *to);

#endif
