/* media/scan.h - walking over frames that were framed before: what lies on a tape.
 *
 * The bytes of a tape are trusted to be whole frames back to back, but a disk may have torn or
 * changed them, so each step checks what it reads. Pure.   Thread: any. Air-safe. */
#ifndef MAST_MEDIA_SCAN_H
#define MAST_MEDIA_SCAN_H

#include "media/format.h"

struct scan_frame {
    size_t bytes;
    uint32_t samples;
    struct format format; /* Opus: rate and codec only, channels 0 */
};

/* Reads the frame in wire form at the start of `bytes`.
 * Errors: E_AGAIN    the bytes end inside a frame (a torn tail).
 *         E_CORRUPT  no frame starts here.
 *         *out is zero then. */
MUST_USE enum err scan_frame(enum codec codec, struct str bytes, struct scan_frame *out);

#endif
