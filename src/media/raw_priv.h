/* media/raw_priv.h - frames that carry their own header: MPEG audio and ADTS. Pure. */
#ifndef MAST_MEDIA_RAW_PRIV_H
#define MAST_MEDIA_RAW_PRIV_H

#include "media/format.h"

/* What the header of a frame says. */
struct raw_head {
    size_t bytes; /* of the whole frame */
    uint32_t samples;
    struct format format;
    bool has_crc;
};

#define MPEG_FRAME_MAX_BYTES 1441 /* 320 kbit/s at 32 kHz, padded */
#define ADTS_FRAME_MAX_BYTES 8191
#define ADTS_HEAD_BYTES      7

/* Reads the header at the start of `bytes`; the frame itself need not be there.
 * Errors: E_AGAIN    the bytes end inside the header, and it may be one so far.
 *         E_CORRUPT  no frame that mast takes starts here: not layer III, free format, a reserved
 *                    value; ADTS: channels told elsewhere, more than one block, no payload.
 * Source: ISO/IEC 11172-3 2.4.1.3, 13818-3 2.4.1; 14496-3 1.A.2.2. */
MUST_USE enum err mpeg_parse(struct str bytes, struct raw_head *out);
MUST_USE enum err adts_parse(struct str bytes, struct raw_head *out);

/* Tells whether a whole MPEG frame holds a Xing, Info or VBRI header in place of sound. */
bool mpeg_is_index(struct str frame, const struct raw_head *head);

/* Takes the CRC out of a whole ADTS frame, in place: the frame then starts two bytes later, its
 * header says that there is no CRC, and it is two bytes shorter. */
void adts_strip_crc(unsigned char *frame, struct raw_head *head);

/* Measures the tag that starts at the start of `bytes`: ID3v1 (with its extension), ID3v2, APE.
 * Errors: E_AGAIN    too few bytes to tell.
 *         E_CORRUPT  no tag, or one over 16 MiB, which is taken for noise.
 * Source: id3.org ID3v2.4.0 structure 3.1; the fields' custom (ID3v1, APEv2). */
MUST_USE enum err tag_measure(struct str bytes, size_t *out);

#endif
