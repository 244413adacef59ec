#include "timecode.h"

#include <math.h>

#define TWO_PI 6.283185307179586
#define EDGE   144 /* samples of a tone's rise and fall */
#define DAY_S  86400

static unsigned tone_of(int64_t second, int64_t symbol)
{
    uint32_t day_second = (uint32_t)(second % DAY_S);
    uint32_t word = day_second << 15 | (day_second * 0x9e3779b1u) >> 17;
    return ((word >> (28 - 4 * symbol) & 15) + 5 * (unsigned)symbol) % 16;
}

/* Without corners, so that it does not click; it is soft, so it must not. */
static float edge_gain(int64_t k)
{
    int64_t near = k < TIMECODE_SYMBOL_SAMPLES - k ? k : TIMECODE_SYMBOL_SAMPLES - k;
    if (near >= EDGE)
        return TIMECODE_LEVEL;
    float x = (float)near / EDGE;
    return TIMECODE_LEVEL * x * x * (3 - 2 * x);
}

/* Adds samples [k, k + count) of one tone. */
static void add_tone(unsigned tone, int64_t k, size_t count, float *left, float *right)
{
    double turn = TWO_PI * (TIMECODE_TONE_HZ + TIMECODE_STEP_HZ * (double)tone) / DECK_RATE_HZ;
    double c = cos(turn), s = sin(turn);
    double x = cos(turn * (double)k), y = sin(turn * (double)k);
    for (size_t i = 0; i < count; i++) {
        float v = edge_gain(k + (int64_t)i) * (float)y;
        left[i] += v;
        right[i] += v;
        double turned = x * c - y * s;
        y = x * s + y * c;
        x = turned;
    }
}

void timecode_add(int64_t at, size_t samples, float *left, float *right)
{
    for (size_t done = 0; done < samples;) {
        int64_t in_second = (at + (int64_t)done) % GRID_SECOND;
        int64_t symbol = in_second / TIMECODE_SYMBOL_SAMPLES;
        int64_t k = in_second % TIMECODE_SYMBOL_SAMPLES;
        size_t run = (size_t)(TIMECODE_SYMBOL_SAMPLES - k);
        if (run > samples - done)
            run = samples - done;
        if (symbol < TIMECODE_SYMBOLS)
            add_tone(tone_of((at + (int64_t)done) / GRID_SECOND, symbol), k, run, left + done,
                     right + done);
        done += run;
    }
}
