/* sim/sim_random.c - contract in sim_random.h */
#include "sim/sim_random.h"

#define STEP UINT64_C(0x9e3779b97f4a7c15)

uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t z = random->state += STEP;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct sim_random sim_random_fork(uint64_t seed, uint64_t part)
{
    struct sim_random random = {seed};
    random.state = sim_random_next(&random) ^ part * STEP;
    return random;
}

int64_t sim_random_between(struct sim_random *random, int64_t low, int64_t high)
{
    assert(low <= high);
    return low + (int64_t)(sim_random_next(random) % (uint64_t)(high - low + 1));
}

bool sim_random_chance(struct sim_random *random, unsigned percent)
{
    return sim_random_next(random) % 100 < percent;
}

size_t sim_random_pick(struct sim_random *random, const unsigned *weights, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    assert(sum > 0);
    uint64_t at = sim_random_next(random) % sum;
    size_t i = 0;
    for (; at >= weights[i]; i++)
        at -= weights[i];
    return i;
}
