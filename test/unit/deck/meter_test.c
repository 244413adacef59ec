/* Tests of deck/meter.c against signals whose levels are known. */
#include "deck_test.h"

#include "bed.h"
#include "meter.h"

struct source {
    double left_hz, right_hz, left_db, right_db; /* of sines' peaks; below -150 = nothing */
    double noise_db;                             /* RMS on both, the same */
    int bed;                                     /* -1 = none */
};

static struct deck_levels measure(const struct source *source, double seconds)
{
    struct meter *meter;
    assert_int_equal(meter_new(&meter), OK);
    struct deck_levels levels = {0};
    static float left[GRID_TENTH], right[GRID_TENTH];
    const float *const planes[2] = {left, right};
    uint32_t seed = 7;
    for (int64_t at = 0; (double)at < seconds * DECK_RATE_HZ; at += GRID_TENTH) {
        memset(left, 0, sizeof(left));
        memset(right, 0, sizeof(right));
        if (source->bed >= 0)
            bed_render((enum bed)source->bed, at + 4800000, GRID_TENTH, left, right);
        for (int64_t i = 0; i < GRID_TENTH; i++) {
            double t = (double)(at + i) / DECK_RATE_HZ;
            seed = seed * 1664525 + 1013904223;
            double noise =
                ((double)seed / 4294967296.0 - 0.5) * sqrt(12) * pow(10, source->noise_db / 20);
            left[i] +=
                (float)(pow(10, source->left_db / 20) * sin(TWO_PI * source->left_hz * t) + noise);
            right[i] +=
                (float)(pow(10, source->right_db / 20) * sin(TWO_PI * source->right_hz * t) +
                        noise);
        }
        meter_push(meter, planes, 960);
        const float *const rest[2] = {left + 960, right + 960};
        meter_push(meter, rest, GRID_TENTH - 960);
        meter_end(meter, &levels);
    }
    meter_free(&meter);
    return levels;
}

static void assert_near(int value, int wanted, int off)
{
    if (abs(value - wanted) > off)
        fail_msg("%d, not %d", value, wanted);
}

static void a_sine_has_its_peak_its_rms_and_its_loudness(void **state)
{
    (void)state;
    /* EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS is -23 LUFS. */
    struct deck_levels levels = measure(&(struct source){1000, 1000, -23, -23, -200, -1}, 4);
    for (int c = 0; c < 2; c++) {
        assert_near(levels.peak_cb[c], -2300, 2);
        assert_near(levels.rms_cb[c], -2601, 2);
    }
    assert_near(levels.short_term_cb, -2300, 10);
    levels = measure(&(struct source){1000, 1000, -33, -33, -200, -1}, 4); /* case 2 */
    assert_near(levels.short_term_cb, -3300, 10);
}

static void short_term_takes_three_seconds_to_rise(void **state)
{
    (void)state;
    /* Half of the window: half of the power. */
    struct deck_levels levels = measure(&(struct source){1000, 1000, -23, -23, -200, -1}, 1.5);
    assert_near(levels.short_term_cb, -2601, 20);
}

static void a_dead_channel_is_seen(void **state)
{
    (void)state;
    struct deck_levels levels = measure(&(struct source){1000, 1000, -20, -200, -200, -1}, 1);
    assert_near(levels.peak_cb[0], -2000, 2);
    assert_int_equal(levels.peak_cb[1], -10000);
    assert_int_equal(levels.rms_cb[1], -10000);
}

static void nothing_is_nothing_and_no_tone(void **state)
{
    (void)state;
    struct deck_levels levels = measure(&(struct source){0, 0, -200, -200, -200, -1}, 4);
    assert_int_equal(levels.peak_cb[0], -10000);
    assert_int_equal(levels.short_term_cb, -10000);
    assert_int_equal(levels.residue_cb, 0);
    assert_int_equal(levels.tone_hz, 0);
}

static void a_steady_tone_is_told_from_music_and_noise(void **state)
{
    (void)state;
    static const double tones_hz[] = {25, 50, 100, 440, 1000, 2000, 3150, 8000, 15000};
    for (size_t i = 0; i < sizeof(tones_hz) / sizeof(tones_hz[0]); i++) {
        double hz = tones_hz[i];
        struct deck_levels levels = measure(&(struct source){hz, hz, -10, -200, -200, -1}, 1);
        assert_near(levels.tone_hz, (int)hz, 3 + (int)(hz / 500));
        assert_true(levels.residue_cb < -6000);
        /* Out of phase on the other channel, and with the noise of a codec. */
        levels = measure(&(struct source){hz, hz, -10, -13, -62, -1}, 1);
        assert_near(levels.tone_hz, (int)hz, 5 + (int)(hz / 100));
        assert_true(levels.residue_cb < -4000);
    }
    struct deck_levels noise = measure(&(struct source){0, 0, -200, -200, -20, -1}, 1);
    assert_true(noise.residue_cb > -300);
    struct deck_levels two = measure(&(struct source){440, 660, -10, -10, -200, -1}, 1);
    assert_true(two.residue_cb > -3000);
    for (int bed = 0; bed < BED_COUNT; bed++) {
        for (int t = 1; t < 8; t++) {
            struct deck_levels music = measure(&(struct source){0, 0, -200, -200, -200, bed}, t);
            assert_true(music.residue_cb > -3000);
        }
    }
}

static void a_tenth_that_was_the_same_elsewhere_is_taken_over(void **state)
{
    (void)state;
    struct meter *a, *b, *c;
    assert_true(meter_new(&a) == OK && meter_new(&b) == OK && meter_new(&c) == OK);
    static float left[GRID_TENTH], right[GRID_TENTH];
    const float *const planes[2] = {left, right};
    for (int i = 0; i < 50; i++) {
        for (int n = 0; n < GRID_TENTH; n++)
            left[n] = right[n] = (float)(0.1 * sin(0.1 * (i * GRID_TENTH + n)));
        struct deck_levels one, other, own;
        meter_push(a, planes, GRID_TENTH);
        meter_push(b, planes, GRID_TENTH);
        meter_push(c, planes, GRID_TENTH);
        meter_end(a, &one);
        other = one;
        meter_end_as(b, a, &other);
        meter_end(c, &own);
        assert_int_equal(other.short_term_cb, own.short_term_cb);
        assert_memory_equal(&other, &own, sizeof(own));
    }
    meter_free(&a);
    meter_free(&b);
    meter_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sine_has_its_peak_its_rms_and_its_loudness),
        cmocka_unit_test(short_term_takes_three_seconds_to_rise),
        cmocka_unit_test(a_dead_channel_is_seen),
        cmocka_unit_test(nothing_is_nothing_and_no_tone),
        cmocka_unit_test(a_steady_tone_is_told_from_music_and_noise),
        cmocka_unit_test(a_tenth_that_was_the_same_elsewhere_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
