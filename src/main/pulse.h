/* main/pulse.h - lets the service manager know that audio advances; when it does not, it is kept
 * from knowing, and ends and restarts the program (WatchdogSec= of the unit).
 *
 *     loop 0, at a third of WATCHDOG_USEC:  gather facts -> pulse_judge() --good--> WATCHDOG=1
 *                                                               '--bad--> a line in the log: why
 *
 * Good is: the air has ticked, every loop has run a job that was posted at the look before, and
 * every tape for which there is sound has it. A station without sources or loop is no fault; nor is
 * one for which nothing was made in this life of the program: restarting it would not mend that,
 * and would take the air from its neighbours.
 *
 * It runs on a loop and not on the control thread, since that may wait for a disk: a disk that hangs
 * costs recording, not sound. Nor is the control thread's own health a reason to end what sounds. */
#ifndef MAST_MAIN_PULSE_H
#define MAST_MAIN_PULSE_H

#include "air/air.h"
#include "listen/listen.h"

struct pulse; /* private: pulse.c */

struct pulse_config {
    struct loops *loops;
    const struct air *air;
    const struct board_place *place;
    const struct listen *listen;
};

/* Starts on running loops; *out stays NULL if there is no service manager to tell.
 * Owner: the caller, pulse_free() after loops_stop().   Thread: main.   Errors: E_NOMEM. */
MUST_USE enum err pulse_start(const struct pulse_config *config, struct pulse **out);
void pulse_free(struct pulse **pulse);

/* ---- pure, for the tests too (pulse_judge.c) ---- */

/* So much later than its sound a tape may be; decks are replaced within a second. */
#define PULSE_LAG_US (10 * US_PER_S)

struct pulse_tape {
    const char *name;       /* "wxyz/mp3-128" */
    bool has_advanced;      /* in this life of the program */
    struct utc end;         /* of the sound that is on it; 0 = none */
    struct utc since;       /* something is on the air for it from then on; 0 = nothing is */
    struct utc sound_until; /* what is on the air has sound up to here */
};

/* Is there sound for it that it did not get? */
bool pulse_tape_stands(const struct pulse_tape *tape);

struct pulse_facts {
    uint64_t ticks_count; /* of the air since the look before */
    unsigned loops_count;
    unsigned silent_loop;            /* the first that did not run its job; loops_count = none */
    const struct pulse_tape *stands; /* the first tape that stands; NULL = none */
};

/* True if the ping may go out; else `why` says why not, as a clause. */
#define PULSE_WHY_BYTES 256
bool pulse_judge(const struct pulse_facts *facts, char why[PULSE_WHY_BYTES]);

#endif
