/* sim/sim_listener.h - a hundred listeners at random phases of the second, served from the RAM tail
 * of a tape by the rule of listen/: 3 s at once, then once a second all that is new; who is over
 * 20 s behind is dropped. Each plays from his first byte on, in real time: when he has played all
 * that he was given, that is an underrun. */
#ifndef MAST_SIM_LISTENER_H
#define MAST_SIM_LISTENER_H

#include "base/clock.h"
#include "sim/sim_clock.h"
#include "sim/sim_tape.h"

#define SIM_SEATS 100
#define SIM_SLOTS 50

struct sim_seat {
    bool is_taken;
    uint8_t tape;
    uint64_t pos;
    int64_t due_us;    /* he comes, or leaves */
    int64_t began_us;  /* began to play; later for each time that he had to wait */
    int64_t media_us;  /* given to him */
    int64_t before_us; /* media time at the place where he came in */
    int64_t lost_us;   /* tape time that was no media time, up to there */
    int64_t deaf_us;   /* his own connection takes nothing before */
    bool is_excused;   /* what he misses is not counted: see sim_audience */
    int64_t owed_us;   /* of the run, when he came: see sim_audience */
};

struct sim_audience_config {
    const struct sim_clock *clock;
    const struct clock *station; /* station time */
    struct sim_trace *trace;
    uint64_t seed;
    struct sim_tape *tapes;
    size_t tapes_count;
};

struct sim_audience {
    struct sim_audience_config config;
    struct sim_random random;
    struct sim_seat seats[SIM_SEATS];
    int64_t next_due_us;
    unsigned slot;
    /* Not counted are those whose own connection hung once, and those who came so soon after the
     * sound began (or began anew) that there were no 3 s to give. */
    bool is_off;     /* nothing can be heard now: that is nobody's fault */
    int64_t owed_us; /* time that station time went slower than the monotonic clock, so far */
    /* figures */
    uint64_t joined_count, served_count, refused_count, dropped_count;
    uint64_t owed_count;      /* had nothing to play because station time was slowed down */
    uint64_t early_count;     /* came too soon after the sound began */
    uint64_t underruns_count; /* that are somebody's fault */
    int64_t least_us;         /* that anybody ever had in hand when he was served */
    uint64_t lost_count;      /* whose place on the tape was gone: never */
    int64_t underrun_us;      /* how much the last of them missed */
};

void sim_audience_init(struct sim_audience *audience, const struct sim_audience_config *config);

/* Serves those whose turn it is; 20 ms have passed. */
void sim_audience_tick(struct sim_audience *audience);

#endif
