/* air/loop_priv.h - the last resort: some seconds of sound, encoded once for each rendition, that
 * can be repeated for ever, frame by frame, with no deck alive. Immutable once made. */
#ifndef MAST_AIR_LOOP_PRIV_H
#define MAST_AIR_LOOP_PRIV_H

#include "air/air.h"

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

/* The track of a rendition; NULL if it was not there when the loop was made. */
const struct loop_track *loop_track_find(const struct air_loop *loop, const char *rendition);

/* The i-th frame, counted on without end.   Air-safe. */
struct str loop_track_frame(const struct loop_track *track, uint64_t i, uint32_t *samples);

#endif
