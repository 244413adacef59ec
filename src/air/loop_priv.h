/* air/loop_priv.h - the last resort: some seconds of sound, encoded once for each rendition, that
 * can be repeated for ever, frame by frame, with no deck alive. Immutable once made. */
#ifndef MAST_AIR_LOOP_PRIV_H
#define MAST_AIR_LOOP_PRIV_H

#include "air/air.h"

#define LOOP_FRAMES_MAX 4096
#define LOOP_BYTES_MAX  ((size_t)4 << 20) /* of one track */

struct loop_frame {
    uint32_t at, len; /* in bytes[] */
    uint32_t samples;
};

struct loop_track { /* of one rendition */
    char rendition[64];
    struct format format;
    struct buf setup; /* what a decoder must know before: OpusHead; else empty */
    struct buf bytes;
    struct loop_frame *frames;
    size_t count;
};

struct air_loop {
    struct loop_track tracks[BOARD_RENDITIONS_MAX];
    size_t tracks_count;
};

/* Makes a loop whose tracks are those of a station's renditions, and empty.
 * Owner: the caller, air_loop_free().   Errors: E_NOMEM.   Thread: any but loop and air. */
MUST_USE enum err loop_new(const struct board_station *station, struct air_loop **out);

/* Appends a frame.   Errors: E_TOO_LONG there are too many, or too large ones; E_NOMEM. */
MUST_USE enum err loop_track_add(struct loop_track *track, struct str bytes, uint32_t samples);

/* The track of a rendition; NULL if it was not there when the loop was made. */
const struct loop_track *loop_track_find(const struct air_loop *loop, const char *rendition);

/* The i-th frame, counted on without end.   Air-safe. */
struct str loop_track_frame(const struct loop_track *track, uint64_t i, uint32_t *samples);

#endif
