/* air/stamp.h - when each frame of a source is heard, by counting its samples.
 *
 * A frame's time is the time of the one before plus its samples, never its arrival, which jitters.
 * The source's clock and ours drift apart by up to some 100 ppm; the *cushion* (sound that has
 * arrived and is not due yet; negative when it comes late) shows by how much, and the pace of the
 * stamps is steered by at most 500 ppm to keep the cushion where it settled.
 * Sound that comes late keeps its place: listeners have some seconds in hand, and the steering
 * brings it back. Later than that for 2 s, or over 1.5 s for 0.2 s (a stall whose backlog did not
 * come), it does not follow on any more and is stamped anew. Pure.   Thread: air. Air-safe. */
#ifndef MAST_AIR_STAMP_H
#define MAST_AIR_STAMP_H

#include "base/clock.h"

#define STAMP_LATE_US         (1200 * US_PER_MS) /* bearable, since listeners have more in hand */
#define STAMP_LATE_UNHEARD_US (250 * US_PER_MS)  /* ... of sound that nobody hears */

struct stamp {
    bool is_running;
    bool is_broken;            /* the next frame begins a new count */
    int64_t next_ns;           /* start of the next frame, station time in ns since 1970 */
    int64_t cushion_us;        /* smoothed */
    int64_t cushion_wanted_us; /* where it settled */
    int64_t settled_at_us;     /* station time from which on cushion_wanted holds */
    int64_t looked_at_us;      /* last stamp_look() */
    int64_t late_since_us;     /* frames come late since then; 0 = they do not */
    int32_t steer_ppm;         /* positive: a frame lasts that much less than its samples say */
};

void stamp_init(struct stamp *stamp);

/* When the next frame is due. At the start: now. bearable_us: so late it may come for ever.
 * *broken: it does not follow on from the frame before (first frame, or late for too long).
 * May be asked again until stamp_take(). */
struct utc stamp_next(struct stamp *stamp, struct utc now, int64_t bearable_us, bool *broken);

/* The frame was used: moves on by its samples. */
void stamp_take(struct stamp *stamp, uint32_t samples, uint32_t rate_hz);

/* Looks at the cushion, once a tick. arrived_us: how much sound lies waiting behind the next frame.
 * held_back: the source sends faster than real time and is kept waiting; its cushion is as large as
 * it can be, and wanted so. */
void stamp_look(struct stamp *stamp, struct utc now, int64_t arrived_us, bool held_back);

/* Station time was set forward by so much: the sound goes with it, and the tape has a hole. */
void stamp_jump(struct stamp *stamp, int64_t by_us);

#endif
