/* program/place.c - the board that holds now; contract in board.h */
#include "program/board.h"

#include <stdatomic.h>

const struct board *board_now(const struct board_place *place)
{
    const struct board *board = atomic_load_explicit(&place->now, memory_order_acquire);
    assert(board); /* the first one is published before any loop or the air runs */
    return board;
}
