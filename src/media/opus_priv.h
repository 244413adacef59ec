/* media/opus_priv.h - what an Opus packet and its header tell without decoding. Pure. */
#ifndef MAST_MEDIA_OPUS_PRIV_H
#define MAST_MEDIA_OPUS_PRIV_H

#include "base/str.h"

#define OPUS_PACKET_MAX_SAMPLES 5760 /* 120 ms */

/* Checks a packet's form and tells its length in samples at 48 kHz.
 * Errors: E_CORRUPT.   Source: RFC 6716 sections 3.1, 3.2 and 3.4. */
MUST_USE enum err opus_packet_samples(struct str packet, uint32_t *out);

#endif
