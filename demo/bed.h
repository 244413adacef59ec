/* demo/bed.h - the demonstration's music: two beds that mast plays from nothing but arithmetic.
 *
 *     bed, sample number --score--> the notes that sound then --partials--> stereo samples
 *
 * A bed is a function of time alone: sample n is the same whoever asks, in whatever pieces, so a
 * feeder that was restarted goes on with the same music. It never ends and is never silent. */
#ifndef MAST_DEMO_BED_H
#define MAST_DEMO_BED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BED_RATE_HZ 44100

enum bed {
    BED_NEWS,      /* bright plucked arpeggio over a pad, 100 beats a minute */
    BED_CLASSICAL, /* slow organ chords with a bell now and then */
};

/* Finds a bed by its name, "news" or "classical".   Thread: any. */
bool bed_find(const char *name, enum bed *out);

/* Renders samples [at, at + count) counted from 1970-01-01T00:00:00Z.
 * Shape: at >= 0; left and right take `count` samples each, within -1 ... 1, about -16 LUFS.
 * Thread: any. Pure. */
void bed_render(enum bed bed, int64_t at, size_t count, float *left, float *right);

#endif
