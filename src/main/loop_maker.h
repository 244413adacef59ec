/* main/loop_maker.h - makes the loops that stations play when nothing else sounds, one after the
 * other on a thread of its own, with a deck of its own. */
#ifndef MAST_MAIN_LOOP_MAKER_H
#define MAST_MAIN_LOOP_MAKER_H

#include "air/air.h"
#include "child/child.h"

struct loop_maker; /* private: loop_maker.c */

/* Owner: the caller; loop_maker_stop() waits for the loop that is being made, and sets *maker to
 * NULL; before air_free() and children_stop().   Errors: E_NOMEM, E_LIMIT.   Thread: control. */
MUST_USE enum err loop_maker_start(struct children *children, const char *deck_program,
                                   const struct air *air, struct loop_maker **out);
void loop_maker_stop(struct loop_maker **maker);

/* Has loops made for stations that have none yet, or whose renditions or file have changed. A file
 * that cannot be used is said in the log, and mast's own loop plays.   Thread: control. */
void loop_maker_look(struct loop_maker *maker, const struct board *board);

#endif
