#include "synth.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define TWO_PI  6.283185307179586
#define LANES   8
#define SOFT_HZ 1800.0
#define HIGH_HZ 9000.0
#define FAINT   5e-4 /* taken off a partial's level, so that it fades to nothing */

/* Four samples at once; two of them side by side keep the machine's arithmetic busy. */
typedef float four __attribute__((vector_size(16)));

_Static_assert(SYNTH_STEP % LANES == 0 && SYNTH_SLAB % SYNTH_STEP == 0, "whole vectors");

void slab_begin(struct slab *slab, int64_t at, size_t count)
{
    assert(at % SYNTH_STEP == 0 && count % SYNTH_STEP == 0 && count <= SYNTH_SLAB);
    slab->at = at;
    slab->count = count;
    memset(slab->planes[0], 0, count * sizeof(float));
    memset(slab->planes[1], 0, count * sizeof(float));
}

double synth_hz(int midi)
{
    return 440.0 * exp2((midi - 69) / 12.0);
}

/* A ramp without corners: a corner in an envelope can be heard as a click. */
static double smooth(double x)
{
    if (x <= 0)
        return 0;
    return x >= 1 ? 1 : x * x * (3 - 2 * x);
}

/* The note's envelope at `from` of the slab and each SYNTH_STEP on, up to `to`. */
static void fill_envelopes(const struct slab *slab, const struct note *note, int64_t from,
                           int64_t to, float *envelopes)
{
    double rise = 1 / (note->attack_s * SYNTH_RATE_HZ);
    double fall = 1 / (note->release_s * SYNTH_RATE_HZ);
    for (int64_t n = from; n <= to; n += SYNTH_STEP) {
        double k = (double)(slab->at + n - note->start), left = (double)note->length - k;
        *envelopes++ = (float)(smooth(k * rise) * smooth(left * fall));
    }
}

/* A sine, LANES samples side by side, turned on by LANES samples each time. */
struct turning {
    float x[LANES], y[LANES];
    float c, s;
};

static void turning_start(struct turning *wave, double turn, double phase)
{
    double at_c = cos(phase), at_s = sin(phase);
    double one_c = cos(turn), one_s = sin(turn), many_c = 1, many_s = 0;
    for (int i = 0; i < LANES; i++) {
        wave->x[i] = (float)(at_c * many_c - at_s * many_s);
        wave->y[i] = (float)(at_s * many_c + at_c * many_s);
        double turned = many_c * one_c - many_s * one_s;
        many_s = many_s * one_c + many_c * one_s;
        many_c = turned;
    }
    wave->c = (float)many_c;
    wave->s = (float)many_s;
}

/* Adds SYNTH_STEP samples, their gain a straight line. */
static inline void turning_add(struct turning *wave, float *to, float gain, float slope)
{
    four x0, x1, y0, y1;
    memcpy(&x0, wave->x, sizeof(x0));
    memcpy(&x1, wave->x + 4, sizeof(x1));
    memcpy(&y0, wave->y, sizeof(y0));
    memcpy(&y1, wave->y + 4, sizeof(y1));
    four c = {wave->c, wave->c, wave->c, wave->c}, s = {wave->s, wave->s, wave->s, wave->s};
    four g0 = {gain, gain + slope, gain + 2 * slope, gain + 3 * slope}, g1 = g0 + 4 * slope;
    for (float *end = to + SYNTH_STEP; to < end; to += LANES) {
        four a, b;
        memcpy(&a, to, sizeof(a));
        memcpy(&b, to + 4, sizeof(b));
        a += g0 * y0;
        b += g1 * y1;
        memcpy(to, &a, sizeof(a));
        memcpy(to + 4, &b, sizeof(b));
        four turned0 = x0 * c - y0 * s, turned1 = x1 * c - y1 * s;
        y0 = x0 * s + y0 * c;
        y1 = x1 * s + y1 * c;
        x0 = turned0;
        x1 = turned1;
        g0 += LANES * slope;
        g1 += LANES * slope;
    }
    memcpy(wave->x, &x0, sizeof(x0));
    memcpy(wave->x + 4, &x1, sizeof(x1));
    memcpy(wave->y, &y0, sizeof(y0));
    memcpy(wave->y + 4, &y1, sizeof(y1));
}

/* Adds one partial from sample `from` of the slab to `to`; envelopes[i] belongs to from + i steps.
 */
static void add_partial(struct slab *slab, const struct note *note, const struct partial *partial,
                        size_t from, size_t to, const float *envelopes)
{
    double turn = TWO_PI * note->hz * partial->ratio / SYNTH_RATE_HZ;
    int64_t k = slab->at + (int64_t)from - note->start;
    double soft = note->hz * partial->ratio / SOFT_HZ;
    double level = note->gain * partial->gain / (1 + soft * soft * soft * soft);
    double fall = 1;
    if (partial->fade_s > 0) {
        fall = exp(-SYNTH_STEP / (partial->fade_s * SYNTH_RATE_HZ));
        level *= exp(-(double)k / (partial->fade_s * SYNTH_RATE_HZ));
    }
    if (level < FAINT || note->hz * partial->ratio > HIGH_HZ)
        return;
    struct turning wave;
    turning_start(&wave, turn, turn * (double)k);
    float now = (float)(level - FAINT) * envelopes[0];
    for (size_t n = from, step = 1; n < to; n += SYNTH_STEP, step++) {
        level *= fall;
        float next = level > FAINT ? (float)(level - FAINT) * envelopes[step] : 0;
        turning_add(&wave, slab->mono + n, now, (next - now) / SYNTH_STEP);
        now = next;
        if (level <= FAINT)
            break;
    }
}

static void add_scaled(float *to, const float *from, size_t count, float gain)
{
    for (size_t n = 0; n < count; n += 4) {
        four a, b;
        memcpy(&a, to + n, sizeof(a));
        memcpy(&b, from + n, sizeof(b));
        a += gain * b;
        memcpy(to + n, &a, sizeof(a));
    }
}

void slab_add(struct slab *slab, const struct note *note)
{
    int64_t from = note->start - slab->at, to = from + note->length;
    assert(note->start % SYNTH_STEP == 0 && note->length % SYNTH_STEP == 0);
    from = from > 0 ? from : 0;
    to = to < (int64_t)slab->count ? to : (int64_t)slab->count;
    if (from >= to)
        return;
    float envelopes[SYNTH_SLAB / SYNTH_STEP + 1];
    fill_envelopes(slab, note, from, to, envelopes);
    memset(slab->mono + from, 0, (size_t)(to - from) * sizeof(float));
    for (size_t i = 0; i < note->partials_count; i++)
        add_partial(slab, note, &note->partials[i], (size_t)from, (size_t)to, envelopes);
    float left = (float)cos(note->pan * TWO_PI / 4), right = (float)sin(note->pan * TWO_PI / 4);
    add_scaled(slab->planes[0] + from, slab->mono + from, (size_t)(to - from), left);
    add_scaled(slab->planes[1] + from, slab->mono + from, (size_t)(to - from), right);
}
