/* sim/sim_trace.h - what happened in a run: a hash over all of it, so that two runs can be told to
 * be the same, and lines to read if they are asked for. */
#ifndef MAST_SIM_TRACE_H
#define MAST_SIM_TRACE_H

#include "base/clock.h"

struct sim_trace {
    uint64_t hash;
    int64_t start_us; /* monotonic; lines tell the time since */
    int64_t now_us;
    bool is_shown; /* on standard output */
};

void sim_trace_init(struct sim_trace *trace, bool is_shown);

/* Adds a line. */
void sim_say(struct sim_trace *trace, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds a number to the hash alone. */
static inline void sim_mix(struct sim_trace *trace, uint64_t value)
{
    uint64_t h = (trace->hash ^ value) * UINT64_C(0x9fb21c651e98df25);
    trace->hash = h ^ h >> 32;
}

/* "3:07:22.480" since the start. */
#define SIM_TIME_BYTES 32
void sim_time_format(const struct sim_trace *trace, int64_t mono_us, char out[SIM_TIME_BYTES]);

#endif
