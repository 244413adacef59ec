/* main/ledgers.h - keeps the ledgers of all stations on disk (air/ledger_file.h), on a thread of
 * its own: the control thread tells people that the disk hangs, so it must not hang with it. */
#ifndef MAST_MAIN_LEDGERS_H
#define MAST_MAIN_LEDGERS_H

#include "air/air.h"

struct ledgers; /* private: ledgers.c */

/* Makes it for <data folder>/air.   Owner: the caller.   Errors: E_NOMEM.   Thread: control. */
MUST_USE enum err ledgers_new(const char *data_folder, struct ledgers **out);

/* Reads back what a station's ledger was before, and notes that the station begins, at `now`;
 * sound_end: of its tapes. Before the station is published; it must live until ledgers_stop().
 * Errors: E_NOMEM.   Thread: control; waits for the disk. */
MUST_USE enum err ledgers_add(struct ledgers *ledgers, const char *slug,
                              struct air_station *station, struct utc now, struct utc sound_end);

/* Starts the thread, which writes once a second what has happened: from here on, so that a mast
 * that cannot start leaves no line.   Errors: E_LIMIT.   Thread: control. */
MUST_USE enum err ledgers_start(struct ledgers *ledgers);

/* Writes what is left, and that mast was stopped at `now`, if it was started; the air has stopped
 * by then.   Thread: control. */
void ledgers_stop(struct ledgers **ledgers, struct utc now);

#endif
