/* air/health_priv.h - is what an input sends worth hearing? From the levels that a deck measures.
 *
 * Three faults of sound that arrives whole: silence on every channel, one dead channel beside a
 * live one, and a steady tone. Each becomes an alarm after `silence_alarm_s` and a reason to
 * switch after `silence_switch_s` (struct board_rules). Pure.   Owned by air. Air-safe. */
#ifndef MAST_AIR_HEALTH_PRIV_H
#define MAST_AIR_HEALTH_PRIV_H

#include "base/clock.h"
#include "child/deck.h"
#include "program/board.h"

enum fault { FAULT_NONE, FAULT_SILENCE, FAULT_DEAD_CHANNEL, FAULT_STEADY_TONE, FAULT_COUNT };
const char *fault_text(enum fault fault); /* "it is silent", ... */

struct health {
    bool is_judged;   /* levels have come */
    bool must_prove;  /* was given up for its sound, and nothing good was heard since */
    bool has_sounded; /* there was something to hear since then */
    struct utc since[FAULT_COUNT]; /* from when on each fault lasts; 0 = it does not */
    struct utc judged;             /* end of the newest tenth */
    struct utc clear_since;        /* no fault of any length since then; 0 = there is one */
    struct utc mended;             /* when the last fault that was worth a switch ended; 0 = none */
    uint16_t tone_hz;
    struct deck_levels levels; /* the newest */
};

/* Starts over: a deck begins to listen to this input. One that was given up for its sound (a fault
 * of switch_us) stays so until something good was heard of it. */
void health_begin(struct health *health, int64_t switch_us);

/* Takes in one tenth of a second that ends at `at`. */
void health_judge(struct health *health, const struct deck_levels *levels, struct utc at,
                  const struct board_rules *rules);

/* The fault that has lasted for so long, at the newest tenth; FAULT_NONE if there is none. */
enum fault health_fault(const struct health *health, int64_t for_us);

#endif
