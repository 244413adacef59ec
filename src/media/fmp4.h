/* media/fmp4.h - fragmented MP4, as HLS wants it: AAC frames in, an init section and media segments
 * out. Pure.   Thread: any.
 *
 *     init:     ftyp  moov [ mvhd  trak [ ... mp4a/esds ]  mvex ]
 *     segment:  moof [ mfhd  traf [ tfhd  tfdt  trun ] ]  mdat [ raw AAC blocks ]
 *
 * Source: ISO/IEC 14496-12 (boxes), 14496-14 (mp4a, esds), 14496-3 1.6.2 (AudioSpecificConfig),
 * 23000-19 (CMAF: what may be left out), RFC 8216 3.3. */
#ifndef MAST_MEDIA_FMP4_H
#define MAST_MEDIA_FMP4_H

#include "base/buf.h"
#include "media/format.h"

/* Names the init section of a format: equal ids, equal bytes, for ever. It holds the decoder's
 * configuration itself, so that the section can be made from its name. 0: no AAC, or a format that
 * the configuration cannot say. */
uint32_t fmp4_init_id(const struct format *format);

/* Appends the init section with this id; its timescale is the sample rate.
 * Errors: E_UNSUPPORTED no format has this id; those of the buffer stay there. */
MUST_USE enum err fmp4_init(uint32_t id, struct buf *out);

/* One media segment: frames back to back as they lie on a tape (with ADTS heads, which come off),
 * in one or more stretches. */
struct fmp4_segment {
    uint32_t sequence;    /* of the fragment: grows from each to the next */
    uint64_t decode_time; /* of the first frame, in samples */
    const struct str *stretches;
    size_t stretches_count;
};

/* Appends it. *samples: how long it is.
 * Errors: E_CORRUPT a stretch is not of whole AAC frames, or there are none; nothing is appended
 *         then. Those of the buffer stay there. */
MUST_USE enum err fmp4_segment(const struct fmp4_segment *segment, struct buf *out,
                               uint64_t *samples);

/* The RFC 6381 name of a format for CODECS: "mp4a.40.2". Shape: 16 bytes are enough.
 * Errors: E_UNSUPPORTED. */
MUST_USE enum err fmp4_codec_name(const struct format *format, char out[16]);

#endif
