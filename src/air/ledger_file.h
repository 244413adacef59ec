/* air/ledger_file.h - a station's ledger on disk, so that it outlives the program:
 *
 *     <folder>/<station>.jsonl     a line an event, oldest first, appended and synced:
 *       {"what":"switch","at":"2026-11-22T09:42:10.123Z","from":"/a","to":"/b","why":"it left"}
 *     <folder>/<station>.1.jsonl   the file before, once that one came to 1 MB
 *
 * A disk that is full or fails is said once in the log; what could not be written is tried again,
 * and when it is gone from memory by then, a line "lost" stands for it. The folder may go away and
 * come back: the file is opened for each writing anew.
 * Thread: any but loop and air, one at a time for one file: it waits for the disk. */
#ifndef MAST_AIR_LEDGER_FILE_H
#define MAST_AIR_LEDGER_FILE_H

#include "air/air.h"

struct ledger_file; /* private: ledger_file.c */

/* Reads the newest events back into the ledger of a station whose air does not run yet. A torn last
 * line is cut off, what is no event is skipped; both are said in the log.
 * Owner:  the caller, ledger_file_close(); the station must live as long.
 * Errors: E_NOMEM. A disk that fails is no error: the ledger begins empty then. */
MUST_USE enum err ledger_file_open(const char *folder, const char *slug,
                                   struct air_station *station, struct ledger_file **out);
void ledger_file_close(struct ledger_file **file);

/* Notes in the ledger that the station begins to run, and why; if its file ends without a stop,
 * that and where its sound ended then (sound_end; 0 = unknown) too. Before the air runs it. */
#define LEDGER_WHY_BYTES 20 /* of a why, at most */
void ledger_file_begin(struct ledger_file *file, const char *why, struct utc at,
                       struct utc sound_end);
/* Notes that mast was stopped in good order; the air does not run any more. */
void ledger_file_end(struct ledger_file *file, struct utc at);

/* Was anything read back? */
bool ledger_file_has_past(const struct ledger_file *file);

/* Appends what has happened since the last time. */
void ledger_file_write(struct ledger_file *file);

/* An event as the JSON object that stands for it on disk and in answers, without a line's end. */
void air_event_json(const struct air_event *event, struct buf *out);

/* Reads such an object. Texts that are too long are cut; members that are not known are skipped.
 * Errors: E_SYNTAX, E_NOMEM; *out is empty then. */
MUST_USE enum err air_event_parse(struct str line, struct air_event *out);

#endif
