/* deck/synth.h - notes to samples: sums of sines, each with its own fading. Pure.
 *
 * A note is a function of time alone: sample n of it is the same whoever asks, in whatever pieces
 * (to within rounding).   Thread: any. */
#ifndef MAST_DECK_SYNTH_H
#define MAST_DECK_SYNTH_H

#include <stddef.h>
#include <stdint.h>

#define SYNTH_RATE_HZ      48000
#define SYNTH_PARTIALS_MAX 6
#define SYNTH_SLAB         4800 /* samples that are rendered at once */
#define SYNTH_STEP         32   /* envelopes are straight lines between so many samples */

struct note {
    int64_t start, length; /* samples */
    double hz, gain;
    double pan;                 /* 0 = left, 1 = right */
    double attack_s, release_s; /* rises and falls without corners */
    size_t partials_count;
    struct partial {
        double ratio;  /* of hz */
        double gain;   /* of the note's */
        double fade_s; /* falls to 1/e in this time; 0 = holds */
    } partials[SYNTH_PARTIALS_MAX];
};

/* The samples [at, at + count) of a piece of music, to which notes are added.
 * Shape: at and count are multiples of SYNTH_STEP, count <= SYNTH_SLAB. */
struct slab {
    int64_t at;
    size_t count;
    float planes[2][SYNTH_SLAB];
    float mono[SYNTH_SLAB]; /* the note that is being added */
};

void slab_begin(struct slab *slab, int64_t at, size_t count);

/* Adds what of the note lies in the slab. Partials that would be too high to keep are left out, and
 * those above about 2 kHz are softened: that is where the time code speaks. */
void slab_add(struct slab *slab, const struct note *note);

double synth_hz(int midi); /* of a key; 69 = 440 Hz */

#endif
