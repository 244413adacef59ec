/* main/first.h - the board at a start: read, or made anew with its first keys */
#ifndef MAST_MAIN_FIRST_H
#define MAST_MAIN_FIRST_H

#include "base/config.h"
#include "program/board.h"

/* Loads <data folder>/board.json. If there is none, makes a board and writes the keys of `admin`
 * and `relay` to <data folder>/keys (0600). Then applies `document` (NULL: nothing) and saves.
 * Owner: the caller.   Errors: as board_load and board_apply; *faults has the lines. */
MUST_USE enum err first_board(const struct config *config, const char *document, struct board **out,
                              struct buf *faults);

#endif
