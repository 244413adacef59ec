/* sim/sim_clock.h - the machine's two clocks, virtual: one runs evenly, the other drifts a little
 * against it and is set now and then, forwards and backwards. */
#ifndef MAST_SIM_CLOCK_H
#define MAST_SIM_CLOCK_H

#include "base/clock.h"
#include "sim/sim_random.h"
#include "sim/sim_trace.h"

struct sim_clock {
    struct clock clock; /* for the rooms that ask for one; points to this */
    struct sim_random random;
    struct sim_trace *trace;
    bool is_set_at_times;
    int64_t mono_us;
    int64_t ahead_us;  /* system time - mono, without the drift */
    int64_t drift_ppm; /* of system time */
    int64_t step_due_us;
    /* figures */
    uint64_t forward_count, backward_count;
};

/* has_steps: it is set now and then.   Owner: the caller; must not move. */
void sim_clock_init(struct sim_clock *clock, uint64_t seed, bool has_steps,
                    struct sim_trace *trace);

/* Goes on by so much. Returns by how much system time was set meanwhile; 0 = it was not. */
int64_t sim_clock_pass(struct sim_clock *clock, int64_t by_us);

#endif
