/* sim/sim_memory.c - contract in sim_memory.h */
#include "sim/sim_memory.h"

#include <malloc.h>

void sim_memory_init(struct sim_memory *memory)
{
    *memory = (struct sim_memory){0};
}

bool sim_memory_look(struct sim_memory *memory, unsigned mpeg, unsigned adts)
{
    assert(mpeg < SIM_PORTS_MAX && adts < SIM_PORTS_MAX);
    struct mallinfo2 info = mallinfo2(); /* all 0 under a sanitizer */
    uint64_t *first = &memory->first[mpeg][adts];
    memory->now = info.uordblks + info.hblkhd;
    if (*first == 0)
        *first = memory->now;
    memory->then = *first;
    uint64_t off =
        memory->now > memory->then ? memory->now - memory->then : memory->then - memory->now;
    return off <= memory->then / 100;
}
