/* deck/timecode.h - each second of station time tells itself in the sound, softly. Pure.
 *
 * A burst begins with the second and lasts 160 ms: eight tones of 20 ms, one after the other, each
 * one of sixteen, 2400 + 200 n Hz, the same on both channels, -34 dBFS. The eighth part of the word
 *
 *     bits 31..15  second of the day, 0 .. 86399 (UTC)
 *     bits 14..0   check: the upper 15 bits of (second * 0x9e3779b1 mod 2^32)
 *
 * that stands i-th (the uppermost first), v, is told by the tone (v + 5 i) mod 16, so that a tone
 * that stands still never looks like a word. test/scenario/lib/timecode.py hears it. */
#ifndef MAST_DECK_TIMECODE_H
#define MAST_DECK_TIMECODE_H

#include "grid.h"

/* No longer than it must be to be heard through every codec: all other sound of a bed comes again
 * each round, and need not be encoded again (deck/memo.h). */
#define TIMECODE_SYMBOLS        8
#define TIMECODE_SYMBOL_SAMPLES 960
#define TIMECODE_TONE_HZ        2400
#define TIMECODE_STEP_HZ        200
#define TIMECODE_LEVEL          0.02f /* of its peaks */

/* Adds the code to samples of station time. Shape: at >= 0. */
void timecode_add(int64_t at, size_t samples, float *left, float *right);

#endif
