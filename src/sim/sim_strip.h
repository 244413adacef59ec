/* sim/sim_strip.h - what lies in one slot of the model of a deck: from when to when there is sound,
 * and whose. Like deck/input.h without the sound: frames are strung together, the string is
 * steered by at most 1000 ppm to keep to the frames' times, and begun anew when 40 ms off. Pure. */
#ifndef MAST_SIM_STRIP_H
#define MAST_SIM_STRIP_H

#include "base/clock.h"
#include "sim/sim_sound.h"

#define SIM_SPANS_MAX 64

struct sim_span {
    int64_t start_us, end_us;
    struct sim_voice voice; /* of its last frame */
    int64_t frame_us;       /* how long its frames are */
};

/* Which of its frames holds an instant. */
uint32_t sim_span_seq(const struct sim_span *span, int64_t at_us);

struct sim_strip {
    struct sim_span spans[SIM_SPANS_MAX];
    size_t count;
    int64_t floor_us; /* what lies before was rendered */
    int64_t at_ns;    /* where the next sample goes, after floor_us */
    bool is_placed;   /* at_ns holds for what follows on */
};

/* Empties it; what was rendered before floor_us is over. */
void sim_strip_init(struct sim_strip *strip, int64_t floor_us);

/* Adds a frame of so many samples.   Shape: frames of one voice are numbered without a gap, or they
 * do not belong together. */
void sim_strip_add(struct sim_strip *strip, int64_t at_us, uint32_t samples, uint32_t rate_hz,
                   const struct sim_voice *voice);

/* The first span that ends after an instant; NULL if there is none. */
const struct sim_span *sim_strip_find(const struct sim_strip *strip, int64_t at_us);

/* Forgets what lies before an instant. */
void sim_strip_raise(struct sim_strip *strip, int64_t floor_us);

#endif
