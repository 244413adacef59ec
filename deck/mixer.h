/* deck/mixer.h - which slot is on, and the crossfade of equal power between them. Pure.
 *
 * Each slot has a place on a quarter circle: at 0 it is not heard, at GRID_CROSSFADE it is on; its
 * gain is the sine. A switch sends one slot up and all others down, a step a sample, from wherever
 * they are: powers add up to one, and a switch during a crossfade needs no rule of its own. */
#ifndef MAST_DECK_MIXER_H
#define MAST_DECK_MIXER_H

#include "grid.h"

#define MIXER_SWITCHES_MAX 16

struct mixer {
    uint16_t on; /* a slot or DECK_NO_INPUT */
    uint16_t place[DECK_INPUTS_MAX];
    struct mixer_switch {
        int64_t at;
        uint16_t slot;
    } switches[MIXER_SWITCHES_MAX]; /* those to come, in order of time */
    size_t switches_count;
    float gains[GRID_CROSSFADE + 1];
};

void mixer_init(struct mixer *mixer);

/* Takes a switch; those that were to come at or after `at` are forgotten.
 * Errors: E_LIMIT there are MIXER_SWITCHES_MAX to come. */
MUST_USE enum err mixer_switch(struct mixer *mixer, int64_t at, uint16_t slot);

/* Puts a slot on at once, as it is at the timeline's start. */
void mixer_set(struct mixer *mixer, uint16_t slot);

/* Makes the switches that are due at `at`, and tells when the next one is; INT64_MAX = none. */
int64_t mixer_turn(struct mixer *mixer, int64_t at);

/* The one slot that is heard, if it is on to the full and no other is; else DECK_NO_INPUT. */
uint16_t mixer_sole(const struct mixer *mixer);

/* Tells whether nothing is heard of a slot, and nothing will be before the next switch. */
bool mixer_is_out(const struct mixer *mixer, uint16_t slot);

/* Adds a slot's samples to the programme, and moves the slot on by as many. */
void mixer_add(struct mixer *mixer, uint16_t slot, const float *const from[2], size_t samples,
               float *const to[2]);

#endif
