/* deck/grid.h - the deck's own time: samples at 48 kHz since 1970. Pure. */
#ifndef MAST_DECK_GRID_H
#define MAST_DECK_GRID_H

#include "child/deck.h"

#define GRID_BLOCK_MAX 960                        /* what is rendered at once: 20 ms */
#define GRID_TENTH     (DECK_RATE_HZ / 10)        /* LEVELS */
#define GRID_SECOND    ((int64_t)DECK_RATE_HZ)    /* samples */
#define GRID_US_MAX    INT64_C(10000000000000000) /* the year 2286 */
#define GRID_FADE      96                         /* 2 ms: no edge is steeper */
#define GRID_CROSSFADE (DECK_CROSSFADE_US * 48 / 1000)

/* The sample at or before an instant, and how far behind it the instant lies (0 <= part < 1).
 * Shape: 0 <= us <= GRID_US_MAX. */
static inline int64_t grid_of_us(int64_t us)
{
    return us * 48 / 1000;
}

static inline double grid_part_of_us(int64_t us)
{
    return (double)(us * 48 % 1000) / 1000;
}

/* Exact on whole tenths of a second, else rounded down. */
static inline int64_t grid_to_us(int64_t sample)
{
    return sample / 48 * 1000 + sample % 48 * 1000 / 48;
}

#endif
