/* deck/bed.h - music that mast plays from nothing but arithmetic: the demonstration's stations, and
 * the loop that is on when all else is gone.
 *
 *     bed, sample number --score--> the notes that sound then --synth--> stereo samples
 *
 * A bed is a function of time alone: sample n is the same whoever asks, in whatever pieces, so who
 * was restarted goes on with the same music. It never ends and is never silent, and it begins anew
 * each BED_ROUND_SAMPLES, so that it can be looped and need not be encoded twice. */
#ifndef MAST_DECK_BED_H
#define MAST_DECK_BED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BED_RATE_HZ 48000

enum bed {
    BED_NEWS,      /* bright plucked arpeggio over a pad, 120 beats a minute */
    BED_CLASSICAL, /* slow organ chords with a bell now and then */
    BED_PLAIN,     /* calm chords */
    BED_COUNT
};

#define BED_ROUND_SAMPLES (48 * BED_RATE_HZ) /* whole frames of MP3, AAC and Opus, whole seconds */

/* Finds a bed by its name: "news", "classical", "plain".   Thread: any. */
bool bed_find(const char *name, enum bed *out);

/* Renders samples [at, at + count), counted from 1970-01-01T00:00:00Z or any other beginning.
 * Shape: left and right take `count` samples each; -16 LUFS, true peak under -1 dBTP. Silence where
 *        at is below 0. Cheapest where at and count are multiples of a tenth of a second; then one
 *        round is the same as the next to the last bit.
 * Thread: any. Pure. */
void bed_render(enum bed bed, int64_t at, size_t count, float *left, float *right);

#endif
