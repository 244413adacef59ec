/* media/framer.h - bytes of a source in, whole codec frames out.
 *
 *     socket bytes --framer_push--> [ fixed buffer ] --framer_next--> frame, frame, frame ...
 *
 * Corrupt bytes are never an error of the program: they are skipped and counted until sound is
 * found again. Invariants: no allocation after framer_new(); every byte is looked at a bounded
 * number of times; a frame is only given out when the next header stands where the frame ends, or
 * when an earlier frame of the same format led straight to it, so that noise does not pass as
 * sound (MPEG, ADTS).
 * Taken off: ID3v1, ID3v2, APE tags, Xing/Info/VBRI frames, ADTS CRC; Ogg headers and chains.
 * Source: ISO/IEC 11172-3 2.4.1, 13818-3 2.4.1 (MPEG); 14496-3 1.A.2 (ADTS); RFC 3533 (Ogg), 7845
 *         (Opus in Ogg); Vorbis I specification 4.2, A.2; xiph.org Ogg FLAC mapping 1.0. */
#ifndef MAST_MEDIA_FRAMER_H
#define MAST_MEDIA_FRAMER_H

#include "media/format.h"

struct framer; /* private: framer.c */

/* One frame in wire form (format.h says what that is for each codec). */
struct frame {
    struct str bytes;     /* borrowed until the next call on the framer */
    uint32_t samples;     /* at format.rate_hz; 0 for the first Vorbis packet of a link */
    struct format format; /* of this frame; compare with format_same() to notice a change */
};

/* What was thrown away so far, for the log and the metrics. */
struct framer_losses {
    uint64_t skipped_bytes;     /* not sound: tags are not counted, noise is */
    uint64_t since_frame_bytes; /* pushed since the last whole frame; large = this is no sound */
};

/* Makes a framer; framer_free() sets *framer to NULL.
 * Shape:  takes about 220 KB for Ogg, 35 KB for the others.   Owner: the caller.
 * Thread: any; then one at a time.
 * Errors: E_NOMEM. */
MUST_USE enum err framer_new(enum container container, struct framer **out);
void framer_free(struct framer **framer);

/* Takes in as many bytes as there is room for and returns how many; fewer than given means: call
 * framer_next() until it says E_AGAIN, then push the rest. Never 0 right after E_AGAIN.
 * Thread: the framer's. Air-safe. */
MUST_USE size_t framer_push(struct framer *framer, struct str bytes);

/* Gives out the next whole frame.
 * Errors: E_AGAIN        more bytes are needed.
 *         E_UNSUPPORTED  an Ogg codec that is none of ours (Theora, Speex, Skeleton alone ...) or
 *                        a mapping that we do not take; framer_why() names it. The framer
 *                        stays so, and drops what is pushed.
 * Thread: the framer's. Air-safe. */
MUST_USE enum err framer_next(struct framer *framer, struct frame *out);

/* Tells what a decoder has to know before the first frame of an Ogg codec, as Matroska's
 * CodecPrivate and FFmpeg's extradata have it. Opus: the OpusHead packet. Vorbis: the three headers
 * behind their lengths, the comments left out. FLAC: the STREAMINFO block. MP3, AAC: empty.
 * Shape: belongs to the frame that was given out last; *seq changes with each link of a chain: the
 *        decoder has to be started anew then, even if format_same().
 * Owner: the framer; until the next call on it.   Thread: the framer's. Air-safe. */
struct str framer_setup(const struct framer *framer, uint32_t *seq);

/* The reason behind E_UNSUPPORTED, "" before.   Owner: the framer. */
const char *framer_why(const struct framer *framer);

struct framer_losses framer_losses(const struct framer *framer);

/* Hands over the title that the stream itself carries (the comment header of Ogg: "ARTIST - TITLE",
 * or TITLE alone), once for each new one.
 * Shape:  at most size - 1 bytes of UTF-8, NUL-terminated, already clean as title_clean() makes it.
 * Errors: E_AGAIN there is no new one.   Thread: the framer's. Air-safe. */
MUST_USE enum err framer_take_title(struct framer *framer, char *title, size_t size);

#endif
