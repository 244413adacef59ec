/* deck/bed.h - music that mast plays from nothing but arithmetic: the demonstration's stations, and
 * the loop that is on when all else is gone.
 *
 *     bed, sample number --score--> the notes that sound then --synth--> stereo samples
 *
 * A bed is a function of time alone: sample n is the same whoever asks, in whatever pieces, so who
 * was restarted goes on with the same music. It never ends and is never silent. */
#ifndef MAST_DECK_BED_H
#define MAST_DECK_BED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BED_RATE_HZ 48000

enum bed {
    BED_NEWS,      /* bright plucked arpeggio over a pad, 100 beats a minute */
    BED_CLASSICAL, /* slow organ chords with a bell now and then */
    BED_PLAIN,     /* calm chords; begins anew each BED_PLAIN_SAMPLES, so that it can be looped */
    BED_COUNT
};

#define BED_PLAIN_SAMPLES (48 * BED_RATE_HZ) /* whole frames of MP3, AAC and Opus */

/* Finds a bed by its name: "news", "classical", "plain".   Thread: any. */
bool bed_find(const char *name, enum bed *out);

/* Renders samples [at, at + count), counted from 1970-01-01T00:00:00Z or any other beginning.
 * Shape: left and right take `count` samples each; -16 LUFS, true peak under -1 dBTP. Silence where
 *        at is below 0. Cheapest where at and count are multiples of a tenth of a second.
 * Thread: any. Pure. */
void bed_render(enum bed bed, int64_t at, size_t count, float *left, float *right);

#endif
