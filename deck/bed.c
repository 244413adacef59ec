#include "bed.h"
#include "synth.h"

#include <math.h>
#include <string.h>

#define SECOND      ((int64_t)BED_RATE_HZ)
#define CHORD_NOTES 6

_Static_assert(BED_RATE_HZ == SYNTH_RATE_HZ, "a bed is what the synth makes");

/* Scatters a number, so that a score can choose "at random" and yet the same each time. */
static uint64_t scatter(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* ---- news: D major, an eighth note each 0.25 s, a chord each 16 of them, twelve chords ---- */

#define STEP        (SECOND / 4)
#define CHORD_STEPS 16
#define NEWS_CHORDS 12
#define NEWS_STEPS  (NEWS_CHORDS * CHORD_STEPS)

_Static_assert(NEWS_STEPS *STEP == BED_ROUND_SAMPLES, "a round");

/* Lowest first; the first is the bass. */
static const int news_chords[NEWS_CHORDS][CHORD_NOTES] = {
    {50, 57, 62, 64, 66, 69}, /* D add 9 */
    {47, 54, 62, 64, 66, 69}, /* Bm 11 */
    {43, 55, 59, 62, 66, 69}, /* G maj 7 */
    {45, 57, 59, 62, 64, 69}, /* A sus */
    {50, 57, 62, 64, 66, 69}, /* D add 9 */
    {54, 57, 61, 64, 66, 73}, /* F sharp m 7 */
    {43, 55, 57, 62, 66, 71}, /* G 9 */
    {45, 57, 61, 64, 69, 71}, /* A 9 */
    {47, 57, 62, 66, 69, 73}, /* Bm 9 */
    {40, 55, 59, 62, 66, 67}, /* Em 9 */
    {43, 55, 59, 62, 66, 69}, /* G maj 7 */
    {45, 57, 59, 62, 64, 67}, /* A 7 sus */
};
static const int news_patterns[4][8] = {
    {1, 3, 5, 4, 2, 4, 3, 5},
    {1, 2, 4, 5, 3, 5, 4, 2},
    {2, 4, 3, 5, 1, 3, 4, 5},
    {1, 4, 2, 5, 3, 4, 5, 3},
};

static void news_pluck(int64_t step, struct slab *slab)
{
    int64_t chord = step / CHORD_STEPS % NEWS_CHORDS;
    uint64_t luck = scatter((uint64_t)(step % NEWS_STEPS));
    if (step % 8 != 0 && luck % 9 == 0)
        return; /* a rest lets the figure breathe */
    const int *pattern = news_patterns[scatter((uint64_t)(chord / 2)) % 4];
    int key = news_chords[chord][pattern[step % 8]] + (luck % 7 == 0 ? 12 : 0);
    struct note note = {
        .start = step * STEP,
        .length = 24 * SECOND / 10,
        .hz = synth_hz(key),
        .gain = step % 4 == 0 ? 0.19 : 0.137,
        .pan = 0.3 + 0.4 * (double)(step % 3) / 2,
        .attack_s = 0.005,
        .release_s = 0.3,
        .partials_count = 5,
        .partials =
            {{1, 1, 0.75}, {2, 0.39, 0.43}, {3, 0.23, 0.31}, {4, 0.154, 0.25}, {5, 0.114, 0.21}},
    };
    slab_add(slab, &note);
}

static void news_pad(int64_t chord, struct slab *slab)
{
    for (int i = 1; i < 5; i++) {
        for (int side = 0; side < 2; side++) {
            struct note note = {
                .start = chord * CHORD_STEPS * STEP,
                .length = CHORD_STEPS * STEP + 15 * SECOND / 10,
                /* A little out of tune with itself: wide and slowly moving. */
                .hz = synth_hz(news_chords[chord % NEWS_CHORDS][i]) * (side ? 1.0009 : 0.9991),
                .gain = 0.062,
                .pan = side ? 0.8 : 0.2,
                .attack_s = 1.2,
                .release_s = 1.5,
                .partials_count = 2,
                .partials = {{1, 1, 0}, {2, 0.28, 0}},
            };
            slab_add(slab, &note);
        }
    }
}

static void news_bass(int64_t step, struct slab *slab)
{
    if (step % 16 != 0 && step % 16 != 6 && step % 16 != 10)
        return;
    struct note note = {
        .start = step * STEP,
        .length = 2 * SECOND,
        .hz = synth_hz(news_chords[step / CHORD_STEPS % NEWS_CHORDS][0] - 12),
        .gain = 0.25,
        .pan = 0.5,
        .attack_s = 0.02,
        .release_s = 0.4,
        .partials_count = 3,
        .partials = {{1, 1, 1.1}, {2, 0.25, 1.1}, {3, 0.11, 1.1}},
    };
    slab_add(slab, &note);
}

static void news_render(struct slab *slab)
{
    int64_t last = (slab->at + (int64_t)slab->count - 1) / STEP;
    int64_t longest = CHORD_STEPS * STEP + 15 * SECOND / 10;
    for (int64_t step = (slab->at - longest) / STEP; step <= last; step++) {
        news_pluck(step, slab);
        news_bass(step, slab);
        if (step % CHORD_STEPS == 0)
            news_pad(step / CHORD_STEPS, slab);
    }
}

/* ---- classical: a chord each 6 s, F major, eight chords, with bells between the seconds ---- */

#define CHANGE_S    6
#define CLASSICAL_S (8 * CHANGE_S)
#define BELL_S      3 /* there is always one so often */

_Static_assert(CLASSICAL_S *SECOND == BED_ROUND_SAMPLES, "a round");

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

static void classical_organ(int64_t change, struct slab *slab)
{
    for (int i = 0; i < 5; i++) {
        struct note note = {
            .start = change * CHANGE_S * SECOND,
            .length = (CHANGE_S * 10 + 16) * SECOND / 10,
            .hz = synth_hz(classical_chords[change % 8][i]),
            .gain = 0.13,
            .pan = 0.3 + 0.1 * i,
            /* As long as the one before takes to go: the sum stays level. */
            .attack_s = 1.6,
            .release_s = 1.6,
            .partials_count = 5,
            .partials = {{1, 1, 0}, {2, 0.45, 0}, {3, 0.16, 0}, {4, 0.09, 0}, {5, 0.03, 0}},
        };
        slab_add(slab, &note);
    }
}

static void classical_bell(int64_t second, struct slab *slab)
{
    uint64_t luck = scatter((uint64_t)(second % CLASSICAL_S) + 7777);
    if (second % BELL_S != 0 && luck % 5 >= 2)
        return;
    int key = classical_chords[(second / CHANGE_S) % 8][2 + (luck >> 8) % 4] + 12;
    struct note note = {
        .start = second * SECOND + SECOND / 2, /* not when the second tells itself */
        .length = 6 * SECOND,
        .hz = synth_hz(key),
        .gain = second % BELL_S == 0 ? 0.17 : 0.12,
        .pan = 0.2 + 0.6 * (double)((luck >> 16) % 100) / 100,
        .attack_s = 0.006,
        .release_s = 1.0,
        .partials_count = 4,
        .partials = {{1, 1, 2.0}, {2, 0.4, 1.3}, {2.76, 0.22, 0.8}, {5.4, 0.06, 0.3}},
    };
    slab_add(slab, &note);
}

static void classical_render(struct slab *slab)
{
    int64_t last = (slab->at + (int64_t)slab->count - 1) / SECOND;
    for (int64_t second = slab->at / SECOND - CHANGE_S - 2; second <= last; second++) {
        classical_bell(second, slab);
        if (second % CHANGE_S == 0)
            classical_organ(second / CHANGE_S, slab);
    }
}

/* ---- plain: four chords of 12 s, C major, soft voices that come one after the other ---- */

#define PLAIN_CHORD_S 12
#define PLAIN_VOICES  6

_Static_assert(4 * PLAIN_CHORD_S * SECOND == BED_ROUND_SAMPLES, "a round");

static const int plain_chords[4][PLAIN_VOICES] = {
    {48, 55, 60, 64, 67, 74}, /* C add 9 */
    {45, 52, 60, 64, 67, 71}, /* Am 9 */
    {41, 53, 57, 60, 67, 72}, /* F add 9 */
    {43, 50, 59, 62, 64, 69}, /* G 6 9 */
};

static void plain_chord(int64_t chord, struct slab *slab)
{
    for (int i = 0; i < PLAIN_VOICES; i++) {
        struct note note = {
            .start = chord * PLAIN_CHORD_S * SECOND + i * SECOND / 2,
            .length = (PLAIN_CHORD_S + 3) * SECOND,
            .hz = synth_hz(plain_chords[chord % 4][i]),
            .gain = i == 0 ? 0.17 : 0.12,
            .pan = i == 0 ? 0.5 : 0.2 + 0.15 * (double)((i * 3) % 5),
            .attack_s = 2.5,
            .release_s = 4,
            .partials_count = 4,
            .partials = {{1, 1, 0}, {2, 0.3, 9}, {3, 0.16, 6}, {4, 0.05, 4}},
        };
        slab_add(slab, &note);
    }
}

static void plain_render(struct slab *slab)
{
    int64_t last = (slab->at + (int64_t)slab->count - 1) / (PLAIN_CHORD_S * SECOND);
    for (int64_t chord = last - 1; chord <= last; chord++)
        plain_chord(chord, slab);
}

/* ---- */

static const struct {
    const char *name;
    void (*render)(struct slab *slab);
    float gain; /* to -16 LUFS */
} beds[BED_COUNT] = {
    [BED_NEWS] = {"news", news_render, 0.885f},
    [BED_CLASSICAL] = {"classical", classical_render, 0.694f},
    [BED_PLAIN] = {"plain", plain_render, 0.832f},
};

/* Where many notes meet by chance the top is bent, never cut. */
static float bend(float v)
{
    const float knee = 0.6f, room = 0.22f;
    float over = fabsf(v) - knee;
    return over <= 0 ? v : copysignf(knee + room * tanhf(over / room), v);
}

bool bed_find(const char *name, enum bed *out)
{
    for (*out = 0; *out < BED_COUNT; (*out)++) {
        if (strcmp(name, beds[*out].name) == 0)
            return true;
    }
    *out = BED_NEWS;
    return false;
}

void bed_render(enum bed bed, int64_t at, size_t count, float *left, float *right)
{
    float *const to[2] = {left, right};
    struct slab slab;
    size_t done = 0;
    for (; done < count && at < 0; done++, at++)
        left[done] = right[done] = 0;
    while (done < count) {
        size_t before = (size_t)(at % SYNTH_STEP), wanted = before + count - done;
        size_t room = wanted < SYNTH_SLAB ? wanted : SYNTH_SLAB;
        /* The score is asked for its second round, into which the first one sounds. */
        int64_t round = at % BED_ROUND_SAMPLES + BED_ROUND_SAMPLES;
        int64_t left_over = 2 * BED_ROUND_SAMPLES - round + (int64_t)before;
        if ((int64_t)room > left_over)
            room = (size_t)left_over;
        size_t whole = (room + SYNTH_STEP - 1) / SYNTH_STEP * SYNTH_STEP;
        slab_begin(&slab, round - (int64_t)before, whole);
        beds[bed].render(&slab);
        size_t run = room - before;
        for (int c = 0; c < 2; c++) {
            for (size_t i = 0; i < run; i++)
                to[c][done + i] = bend(slab.planes[c][before + i] * beds[bed].gain);
        }
        done += run;
        at += (int64_t)run;
    }
}
