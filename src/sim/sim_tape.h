/* sim/sim_tape.h - reads along on a tape: what is on it, from when to when, and how much media time
 * lies between two places of it. */
#ifndef MAST_SIM_TAPE_H
#define MAST_SIM_TAPE_H

#include "sim/sim_sound.h"
#include "sim/sim_trace.h"
#include "tape/tape.h"

#define SIM_PLACES 512 /* frames that are remembered: more than the longest burst */

struct sim_heard {
    int64_t at_us, length_us; /* on the tape */
    int64_t hole_us;          /* between this frame and the one before; less than 0: it overlaps */
    bool is_first;            /* nothing lies before it */
    bool is_out;              /* out holds; else voice, of a frame that passed through */
    struct sim_out out;
    struct sim_voice voice;
};

struct sim_tape {
    struct tape *tape;
    struct sim_trace *trace;
    bool may_lose;             /* time: seams, a source with a clock of its own, holes */
    uint32_t samples, rate_hz; /* of what a deck makes for it */
    uint64_t pos;              /* read up to here */
    int64_t end_us;            /* time of that; 0 = nothing was read */
    int64_t media_us;          /* of all frames so far, without the holes */
    struct {
        uint64_t pos;
        int64_t media_us;
    } places[SIM_PLACES]; /* where the newest frames begin */
    uint64_t frames;
    bool is_unreadable; /* there was something that nobody can have sent */
};

typedef void sim_heard_fn(void *ctx, const struct sim_tape *tape, const struct sim_heard *heard);

void sim_tape_init(struct sim_tape *st, struct tape *tape, uint32_t samples, uint32_t rate_hz,
                   struct sim_trace *trace);

/* Reads what is new, and tells of each frame. */
void sim_tape_walk(struct sim_tape *st, sim_heard_fn *heard, void *ctx);

/* How much media time lies before a frame that begins at `pos`, one of the newest. */
int64_t sim_tape_media(const struct sim_tape *st, uint64_t pos);

#endif
