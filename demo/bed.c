#include "bed.h"

#include <math.h>
#include <string.h>

/* One partial of one note. Its sound depends on the distance from `start` only. */
struct tone {
    int64_t start, length; /* samples */
    double hz;
    double gain, pan; /* pan 0 = left, 1 = right */
    double attack_s, release_s;
    double fade_s; /* falls to 1/e in this time; 0 = holds */
};

struct mix {
    int64_t at;
    size_t count;
    float *left, *right;
};

#define SECOND      ((int64_t)BED_RATE_HZ)
#define TWO_PI      6.283185307179586
#define CHORD_NOTES 6

/* A ramp without corners: a corner in an envelope can be heard as a click. */
static double smooth(double x)
{
    if (x <= 0)
        return 0;
    return x >= 1 ? 1 : x * x * (3 - 2 * x);
}

static double hz_of(int midi)
{
    return 440.0 * exp2((midi - 69) / 12.0);
}

/* Scatters a number, so that a score can choose "at random" and yet the same each time. */
static uint64_t scatter(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void tone_add(const struct tone *tone, struct mix *mix)
{
    int64_t from = tone->start > mix->at ? tone->start : mix->at;
    int64_t end = mix->at + (int64_t)mix->count;
    if (end > tone->start + tone->length)
        end = tone->start + tone->length;
    if (from >= end || tone->hz > 0.45 * BED_RATE_HZ)
        return;
    double k = (double)(from - tone->start);
    double attack = tone->attack_s * BED_RATE_HZ, release = tone->release_s * BED_RATE_HZ;
    double turn = TWO_PI * tone->hz / BED_RATE_HZ;
    double c = cos(turn), s = sin(turn);
    double x = cos(turn * k), y = sin(turn * k);
    double fall = tone->fade_s > 0 ? exp(-1.0 / (tone->fade_s * BED_RATE_HZ)) : 1;
    double level = tone->gain * (tone->fade_s > 0 ? pow(fall, k) : 1);
    double left = cos(tone->pan * TWO_PI / 4), right = sin(tone->pan * TWO_PI / 4);
    for (int64_t n = from; n < end; n++) {
        double left_over = (double)(tone->start + tone->length - n);
        double v = level * y * smooth(k / attack) * smooth(left_over / release);
        mix->left[n - mix->at] += (float)(v * left);
        mix->right[n - mix->at] += (float)(v * right);
        double turned = x * c - y * s;
        y = x * s + y * c;
        x = turned;
        level *= fall;
        k += 1;
    }
}

/* ---- news: D major, an eighth note each 0.3 s, a chord each 16 of them ---- */

#define STEP        (3 * SECOND / 10)
#define CHORD_STEPS 16

/* Lowest first; the first is the bass. */
static const int news_chords[8][CHORD_NOTES] = {
    {50, 57, 62, 64, 66, 69}, /* D add 9 */
    {47, 54, 62, 64, 66, 69}, /* Bm 11 */
    {43, 55, 59, 62, 66, 69}, /* G maj 7 */
    {45, 57, 59, 62, 64, 69}, /* A sus */
    {50, 57, 62, 64, 66, 69}, /* D add 9 */
    {54, 57, 61, 64, 66, 73}, /* F sharp m 7 */
    {43, 55, 57, 62, 66, 71}, /* G 9 */
    {45, 57, 61, 64, 69, 71}, /* A 9 */
};
static const int news_patterns[4][8] = {
    {1, 3, 5, 4, 2, 4, 3, 5},
    {1, 2, 4, 5, 3, 5, 4, 2},
    {2, 4, 3, 5, 1, 3, 4, 5},
    {1, 4, 2, 5, 3, 4, 5, 3},
};

static void news_pluck(int64_t step, struct mix *mix)
{
    int64_t chord = step / CHORD_STEPS;
    uint64_t luck = scatter((uint64_t)step);
    if (step % 8 != 0 && luck % 9 == 0)
        return; /* a rest lets the figure breathe */
    const int *pattern = news_patterns[scatter((uint64_t)(chord / 2)) % 4];
    int note = news_chords[chord % 8][pattern[step % 8]] + (luck % 7 == 0 ? 12 : 0);
    double accent = step % 4 == 0 ? 1.0 : 0.72;
    for (int h = 1; h <= 5; h++) {
        struct tone tone = {
            .start = step * STEP,
            .length = 24 * SECOND / 10,
            .hz = hz_of(note) * h,
            .gain = 0.15 * accent / pow(h, 1.35),
            .pan = 0.3 + 0.4 * (double)(step % 3) / 2,
            .attack_s = 0.004,
            .release_s = 0.3,
            .fade_s = 0.75 / pow(h, 0.8),
        };
        tone_add(&tone, mix);
    }
}

static void news_pad(int64_t chord, struct mix *mix)
{
    for (int i = 1; i < 5; i++) {
        for (int side = 0; side < 2; side++) {
            for (int h = 1; h <= 3; h++) {
                struct tone tone = {
                    .start = chord * CHORD_STEPS * STEP,
                    .length = CHORD_STEPS * STEP + 15 * SECOND / 10,
                    /* A little out of tune with itself: wide and slowly moving. */
                    .hz = hz_of(news_chords[chord % 8][i]) * h * (side ? 1.0009 : 0.9991),
                    .gain = 0.05 / (h * h),
                    .pan = side ? 0.8 : 0.2,
                    .attack_s = 1.2,
                    .release_s = 1.5,
                };
                tone_add(&tone, mix);
            }
        }
    }
}

static void news_bass(int64_t step, struct mix *mix)
{
    if (step % 16 != 0 && step % 16 != 6 && step % 16 != 10)
        return;
    int note = news_chords[(step / CHORD_STEPS) % 8][0] - 12;
    for (int h = 1; h <= 3; h++) {
        struct tone tone = {
            .start = step * STEP,
            .length = 2 * SECOND,
            .hz = hz_of(note) * h,
            .gain = 0.2 / (h * h),
            .pan = 0.5,
            .attack_s = 0.02,
            .release_s = 0.4,
            .fade_s = 1.1,
        };
        tone_add(&tone, mix);
    }
}

static void news_render(struct mix *mix)
{
    int64_t last = (mix->at + (int64_t)mix->count - 1) / STEP;
    int64_t longest = CHORD_STEPS * STEP + 15 * SECOND / 10;
    int64_t first = mix->at > longest ? (mix->at - longest) / STEP : 0;
    for (int64_t step = first; step <= last; step++) {
        news_pluck(step, mix);
        news_bass(step, mix);
        if (step % CHORD_STEPS == 0)
            news_pad(step / CHORD_STEPS, mix);
    }
}

/* ---- classical: a chord each 8 s, F major, with bells on the seconds ---- */

#define CHANGE_S 8

static const int classical_chords[8][CHORD_NOTES] = {
    {41, 53, 57, 60, 65, 69}, /* F */
    {38, 53, 57, 62, 65, 69}, /* Dm */
    {46, 53, 58, 62, 65, 70}, /* B flat */
    {36, 52, 58, 60, 64, 67}, /* C 7 */
    {45, 52, 57, 60, 64, 69}, /* Am */
    {38, 50, 57, 62, 65, 69}, /* Dm, wide */
    {43, 50, 58, 62, 65, 67}, /* Gm 7 */
    {36, 55, 58, 60, 64, 72}, /* C 7 */
};

static void classical_organ(int64_t change, struct mix *mix)
{
    static const double stops[5] = {1.0, 0.45, 0.16, 0.09, 0.03};
    for (int i = 0; i < 5; i++) {
        for (int h = 1; h <= 5; h++) {
            struct tone tone = {
                .start = change * CHANGE_S * SECOND,
                .length = (CHANGE_S * 10 + 16) * SECOND / 10,
                .hz = hz_of(classical_chords[change % 8][i]) * h,
                .gain = 0.085 * stops[h - 1],
                .pan = 0.3 + 0.1 * i,
                /* As long as the one before takes to go: the sum stays level. */
                .attack_s = 1.6,
                .release_s = 1.6,
            };
            tone_add(&tone, mix);
        }
    }
}

static void classical_bell(int64_t second, struct mix *mix)
{
    static const double ratio[4] = {1, 2, 2.76, 5.4};
    static const double share[4] = {1, 0.4, 0.22, 0.06};
    static const double fade_s[4] = {2.0, 1.3, 0.8, 0.3};
    uint64_t luck = scatter((uint64_t)second + 7777);
    if (second % 4 != 0 && luck % 5 >= 2)
        return;
    int note = classical_chords[(second / CHANGE_S) % 8][2 + (luck >> 8) % 4] + 12;
    for (int p = 0; p < 4; p++) {
        struct tone tone = {
            .start = second * SECOND,
            .length = 6 * SECOND,
            .hz = hz_of(note) * ratio[p],
            .gain = 0.11 * share[p] * (second % 4 == 0 ? 1 : 0.7),
            .pan = 0.2 + 0.6 * (double)((luck >> 16) % 100) / 100,
            .attack_s = 0.006,
            .release_s = 1.0,
            .fade_s = fade_s[p],
        };
        tone_add(&tone, mix);
    }
}

static void classical_render(struct mix *mix)
{
    int64_t last = (mix->at + (int64_t)mix->count - 1) / SECOND;
    int64_t first = mix->at / SECOND > CHANGE_S + 2 ? mix->at / SECOND - CHANGE_S - 2 : 0;
    for (int64_t second = first; second <= last; second++) {
        classical_bell(second, mix);
        if (second % CHANGE_S == 0)
            classical_organ(second / CHANGE_S, mix);
    }
}

/* Where many notes meet by chance the top is bent, never cut. */
static float bend(float v)
{
    const float knee = 0.6f, room = 0.32f;
    float over = fabsf(v) - knee;
    return over <= 0 ? v : copysignf(knee + room * tanhf(over / room), v);
}

bool bed_find(const char *name, enum bed *out)
{
    *out = strcmp(name, "classical") == 0 ? BED_CLASSICAL : BED_NEWS;
    return *out == BED_CLASSICAL || strcmp(name, "news") == 0;
}

void bed_render(enum bed bed, int64_t at, size_t count, float *left, float *right)
{
    if (count == 0)
        return;
    memset(left, 0, count * sizeof(*left));
    memset(right, 0, count * sizeof(*right));
    struct mix mix = {.at = at, .count = count, .left = left, .right = right};
    if (bed == BED_CLASSICAL)
        classical_render(&mix);
    else
        news_render(&mix);
    for (size_t i = 0; i < count; i++) {
        left[i] = bend(left[i]);
        right[i] = bend(right[i]);
    }
}
