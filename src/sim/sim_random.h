/* sim/sim_random.h - numbers that look random and follow from a seed alone. Pure.
 * Source: SplitMix64 (Steele, Lea, Flood 2014). */
#ifndef MAST_SIM_RANDOM_H
#define MAST_SIM_RANDOM_H

#include "base/err.h"

struct sim_random {
    uint64_t state;
};

/* Each part of the simulator draws from a line of its own, so that one that draws more often does
 * not change what happens to the others. */
struct sim_random sim_random_fork(uint64_t seed, uint64_t part);

uint64_t sim_random_next(struct sim_random *random);

/* A number in [low, high]. */
int64_t sim_random_between(struct sim_random *random, int64_t low, int64_t high);

/* True so many times out of a hundred. */
bool sim_random_chance(struct sim_random *random, unsigned percent);

/* Picks an index by weight.   Shape: the weights are not all 0. */
size_t sim_random_pick(struct sim_random *random, const unsigned *weights, size_t count);

#endif
