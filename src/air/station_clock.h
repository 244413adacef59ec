/* air/station_clock.h - station time: monotonic time plus an offset that is steered, not stepped.
 *
 * Sound is stamped in station time, so a step of the system clock must not tear it. Pure: the
 * caller brings both clocks.
 *   error up to 2 s          steered away at 500 ppm
 *   system clock ahead more  stable for 10 s: station time jumps (a hole in the tape)
 *   system clock behind more runs on, steered back at 0.5 %, a warning each minute */
#ifndef MAST_AIR_STATION_CLOCK_H
#define MAST_AIR_STATION_CLOCK_H

#include "base/clock.h"

struct station_clock {
    int64_t offset_us;    /* station time = mono + offset */
    int64_t remainder_ns; /* of the steering, so that short ticks add up */
    struct mono last;
    struct mono ahead_since; /* 0 = the system clock is not far ahead */
    int64_t ahead_us;        /* by how much it was then */
    struct mono warned;
};

enum clock_news { CLOCK_NO_NEWS, CLOCK_JUMPED, CLOCK_BEHIND };

/* Starts station time at the system's, or at the tape's end if that lies later (never backwards
 * into what is recorded). */
void station_clock_init(struct station_clock *clock, struct mono mono, struct utc utc,
                        struct utc tape_end);

/* Steers, once each tick. CLOCK_BEHIND is said once a minute.   Air-safe. */
enum clock_news station_clock_tick(struct station_clock *clock, struct mono mono, struct utc utc);

struct utc station_clock_now(const struct station_clock *clock, struct mono mono);

#endif
