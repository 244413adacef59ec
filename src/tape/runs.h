/* tape/runs.h - what a tape holds, run by run and title by title; for playlists.
 *
 * The newest runs are told from the RAM tail, by number, all closed ones from the files, by window.
 * A run is the same in both: it is known by its start. (But where the disk was too slow the files
 * have a hole: the run after it begins later there and is a break.)
 *
 * Media time counts samples at the run's rate. A run that is no break begins where the one before
 * ended, to the sample, however its start follows a steered clock; a break begins at its start as
 * counted from 1970. So it goes on over restarts and over hours that retention has dropped. */
#ifndef MAST_TAPE_RUNS_H
#define MAST_TAPE_RUNS_H

#include "tape/tape.h"

/* One closed run: unbroken sound inside one window (see tape.h). */
struct tape_run {
    uint64_t n; /* window */
    struct utc start;
    uint32_t samples, bytes;
    int32_t drift_samples; /* of its first frame: media time less its start in samples */
    bool is_break;         /* does not follow on from the run before */
    struct format format;
};

/* The media time of a frame: round(start us * rate / 1e6) + drift_samples, never below 0.   Pure. */
uint64_t tape_media_time(struct utc start, int32_t drift_samples, uint32_t rate_hz);

/* ---- from the files. May wait for a disk; thread: any but loop and air. fn() is called without
 * locks; it stops the rest by false. Hours that are gone, or go meanwhile, and what is damaged
 * count as empty.   Errors: E_IO, E_NOMEM ---- */

/* Tells each closed run with from_n <= n < to_n, in order of time. */
MUST_USE enum err tape_runs_on_disk(struct tape *tape, uint64_t from_n, uint64_t to_n,
                                    bool (*fn)(void *ctx, const struct tape_run *run), void *ctx);

/* Tells the title that holds at `from`, if there is one, then each that begins before `to`, in
 * order, with the time from which it holds: that of the hour for one that has held for over a day.
 * An empty title ends the one before. */
MUST_USE enum err tape_titles_on_disk(struct tape *tape, struct utc from, struct utc to,
                                      bool (*fn)(void *ctx, struct utc at, struct str text),
                                      void *ctx);

/* ---- from the RAM tail. No lock, no I/O. Thread: any. Air-safe ---- */

struct tape_run_in_ram {
    struct tape_run run;
    uint64_t pos, end_pos; /* its bytes, for tape_span() */
};

/* The run with this number: 0, 1, 2 ... since the tape was opened. The last one is open: it is told
 * as it stands if `even_open`.
 * Errors: E_AGAIN it is not closed, or not begun; E_LAGGED overtaken. */
MUST_USE enum err tape_run_in_ram(const struct tape *tape, uint64_t number, bool even_open,
                                  struct tape_run_in_ram *out);

/* The number of the first run that is wholly there, or of the next one to begin. */
uint64_t tape_runs_oldest_in_ram(const struct tape *tape);

/* The title with this number (tape_title_find() tells it as seq - 1) and when it began to hold,
 * also when that frame is gone. Of several at one moment the last holds.
 * Errors: E_AGAIN there is none yet, or no frame since; E_LAGGED. */
MUST_USE enum err tape_title_in_ram(const struct tape *tape, uint64_t number, struct utc *at,
                                    char text[TITLE_BYTES]);

#endif
