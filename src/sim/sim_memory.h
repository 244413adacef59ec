/* sim/sim_memory.h - is memory flat? What is in use depends on how many sources are logged in, so
 * like is held against like. */
#ifndef MAST_SIM_MEMORY_H
#define MAST_SIM_MEMORY_H

#include "base/err.h"

#define SIM_PORTS_MAX 4

struct sim_memory {
    uint64_t first[SIM_PORTS_MAX][SIM_PORTS_MAX]; /* 0 = not seen yet */
    uint64_t then, now; /* bytes in use: of the first and the last look at the same sources */
};

void sim_memory_init(struct sim_memory *memory);

/* Looks; false if there is more than 1 % more or less than when there were as many sources of each
 * kind for the first time. */
MUST_USE bool sim_memory_look(struct sim_memory *memory, unsigned mpeg, unsigned adts);

#endif
