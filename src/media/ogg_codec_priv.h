/* media/ogg_codec_priv.h - what Vorbis and FLAC packets, and the comments of all Ogg codecs, tell
 * without decoding. Pure. */
#ifndef MAST_MEDIA_OGG_CODEC_PRIV_H
#define MAST_MEDIA_OGG_CODEC_PRIV_H

#include "media/format.h"

#define VORBIS_HEAD_BYTES 30

/* What the length of a Vorbis packet depends on. */
struct vorbis {
    uint32_t block_samples[2]; /* short, long */
    uint64_t long_modes;       /* bit n: mode n uses the long block */
    unsigned mode_bits;
    unsigned modes_count;    /* 0 until the setup header was read */
    uint32_t before_samples; /* the block of the packet before, 0 at the start */
};

/* Reads the identification header.
 * Errors: E_CORRUPT.   Source: Vorbis I specification 4.2.2. */
MUST_USE enum err vorbis_parse_head(struct str packet, struct vorbis *vorbis,
                                    struct format *format);

/* Walks through the setup header to the modes at its end.
 * Errors: E_CORRUPT.   Source: Vorbis I specification 4.2.4, 3.2.1, 6.2.1, 7.2.2, 8.6.1. */
MUST_USE enum err vorbis_parse_setup(struct str packet, uint8_t channels, struct vorbis *vorbis);

/* Tells how many samples a decoder gives out for the next packet: none for the first.
 * Errors: E_CORRUPT  no sound packet.   Source: Vorbis I specification 4.3.1, 1.3.2. */
MUST_USE enum err vorbis_samples(struct vorbis *vorbis, struct str packet, uint32_t *out);

#define FLAC_HEAD_BYTES       51 /* the first packet: mapping header and STREAMINFO */
#define FLAC_STREAMINFO_AT    17
#define FLAC_STREAMINFO_BYTES 34

/* Reads the first packet of a FLAC stream.
 * Errors: E_CORRUPT.   Source: xiph.org Ogg FLAC mapping 1.0; RFC 9639 sections 8.2, 10.1. */
MUST_USE enum err flac_parse_head(struct str packet, struct format *format);

/* Tells the samples of a frame from its header, whose CRC is checked.
 * Errors: E_CORRUPT.   Source: RFC 9639 section 9.1. */
MUST_USE enum err flac_samples(struct str frame, uint32_t *out);

/* Makes "ARTIST - TITLE", or TITLE alone, out of a comment header; `body` begins with the length of
 * the vendor's name. A header that is cut off or wrong gives what stands before the fault.
 * Shape: title has TITLE_BYTES; clean.   Returns false if there is no title. */
bool comment_title(struct str body, char *title);

#endif
