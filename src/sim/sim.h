/* sim/sim.h - the sound lane on a virtual clock, with faults that follow from a seed.
 *
 *     sources -> air -> deck (a model, in lock-step) -> tapes in RAM -> a hundred listeners
 *
 * All that air and tape do is the real thing; time, the deck and the peers are made up. The same
 * seed gives the same run, bit for bit. Not part of a release build. */
#ifndef MAST_SIM_SIM_H
#define MAST_SIM_SIM_H

#include "base/clock.h"

struct sim_config {
    uint64_t seed;
    uint32_t hours; /* simulated: 1.. */
    bool is_shown;  /* tells all that happens on standard output */
};

struct sim_result {
    char broken[200];  /* the first broken invariant; "" = there was none */
    char when[32];     /* then, since the start */
    char setting[192]; /* what the seed chose */
    uint64_t hash;     /* over all that happened */
    double simulated_s, real_s;
    uint64_t ticks;
    /* what happened */
    uint64_t switches, faults, holes, stalls, leaves, flaps, odd, format_changes, refused;
    uint64_t deck_starts, deck_deaths, deck_hangs;
    uint64_t clock_forward, clock_backward;
    uint64_t joined, early, served, dropped, owed, underruns;
    int64_t least_in_hand_us; /* that any listener had when he was served */
    int64_t most_missing_us;  /* that the deck had nothing to play */
    unsigned most_flap_switches;
    uint64_t memory_then,
        memory_now; /* bytes in use, after an hour and at the end; 0 = not known */
};

/* Runs it.   Thread: one; it takes the place of all of the station's.
 * Errors: E_NOMEM, E_LIMIT ...: it could not be set up. */
MUST_USE enum err sim_run(const struct sim_config *config, struct sim_result *out);

#endif
