/* main/loop_maker.h - has the loops that stations play when nothing else sounds: reads those that
 * were kept in <data folder>/loop/<station> (air/loop_file.h), and makes the others, one after the
 * other on a thread of its own, with a deck of its own, and keeps them. */
#ifndef MAST_MAIN_LOOP_MAKER_H
#define MAST_MAIN_LOOP_MAKER_H

#include "air/air.h"
#include "child/child.h"

struct loop_maker; /* private: loop_maker.c */

struct loop_maker_config {
    const char *data_folder; /* copied */
    struct children *children;
    const char *deck_program; /* a path; copied */
    const struct air *air;
};

/* Owner: the caller; loop_maker_stop() waits for the loop that is being made, and sets *maker to
 * NULL; before air_free() and children_stop().   Errors: E_NOMEM, E_LIMIT.   Thread: control. */
MUST_USE enum err loop_maker_start(const struct loop_maker_config *config, struct loop_maker **out);
void loop_maker_stop(struct loop_maker **maker);

/* Has loops got for stations that have none yet, or whose renditions or file have changed, or where
 * that failed some minutes ago. A file that cannot be used is said in the log, and mast's own loop
 * plays; one that has gone plays on as it was kept.   Thread: control. */
void loop_maker_look(struct loop_maker *maker, const struct board *board);

#endif
