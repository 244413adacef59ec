/* Tests of deck/bed.c, synth.c and timecode.c. */
#include "deck_test.h"

#include "bed.h"
#include "timecode.h"

#include <ebur128.h>

#define SPAN     ((size_t)BED_RATE_HZ * 20)
#define WINDOW   ((size_t)BED_RATE_HZ / 20)
#define SOME_DAY (INT64_C(1795000000) * BED_RATE_HZ)

struct stretch {
    float left[SPAN], right[SPAN];
};

static struct stretch *stretch_new(enum bed bed, int64_t at, size_t piece)
{
    struct stretch *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    for (size_t i = 0; i < SPAN; i += piece) {
        size_t count = SPAN - i < piece ? SPAN - i : piece;
        bed_render(bed, at + (int64_t)i, count, s->left + i, s->right + i);
    }
    return s;
}

static void the_same_second_sounds_the_same_however_it_is_asked_for(void **state)
{
    (void)state;
    for (enum bed bed = 0; bed < BED_COUNT; bed++) {
        struct stretch *a = stretch_new(bed, SOME_DAY, 4800);
        struct stretch *b = stretch_new(bed, SOME_DAY, 7919);
        struct stretch *c = stretch_new(bed, SOME_DAY + BED_RATE_HZ, 1152);
        for (size_t i = 0; i < SPAN; i++)
            assert_true(fabsf(a->left[i] - b->left[i]) < 1e-4f);
        for (size_t i = 0; i < SPAN - BED_RATE_HZ; i++)
            assert_true(fabsf(a->right[i + BED_RATE_HZ] - c->right[i]) < 1e-4f);
        free(a);
        free(b);
        free(c);
    }
}

static void a_bed_has_no_clicks_and_does_not_clip(void **state)
{
    (void)state;
    for (enum bed bed = 0; bed < BED_COUNT; bed++) {
        struct stretch *s = stretch_new(bed, SOME_DAY, 4800);
        for (size_t i = 0; i + 2 < SPAN; i++) {
            assert_true(fabsf(s->left[i]) < 0.85f);
            assert_true(fabsf(s->right[i]) < 0.85f);
            /* The second difference of a 4 kHz partial at its level stays far below this; a note
             * that begins or ends at a corner does not. */
            assert_true(fabsf(s->left[i] - 2 * s->left[i + 1] + s->left[i + 2]) < 0.02f);
        }
        free(s);
    }
}

static void a_bed_is_never_silent(void **state)
{
    (void)state;
    for (enum bed bed = 0; bed < BED_COUNT; bed++) {
        struct stretch *s = stretch_new(bed, SOME_DAY + 12345, 4800);
        for (size_t i = 0; i + WINDOW <= SPAN; i += WINDOW) {
            assert_true(rms_db(s->left + i, WINDOW) > -30 && rms_db(s->left + i, WINDOW) < -10);
            assert_true(rms_db(s->right + i, WINDOW) > -30 && rms_db(s->right + i, WINDOW) < -10);
        }
        free(s);
    }
}

static void a_round_is_16_lufs_and_stays_under_1_dbtp(void **state)
{
    (void)state;
    static float left[4800], right[4800], pairs[9600];
    for (enum bed bed = 0; bed < BED_COUNT; bed++) {
        ebur128_state *meter =
            ebur128_init(2, BED_RATE_HZ, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
        assert_non_null(meter);
        for (int64_t at = 0; at < BED_ROUND_SAMPLES; at += 4800) {
            bed_render(bed, SOME_DAY + at, 4800, left, right);
            timecode_add(SOME_DAY + at, 4800, left, right);
            for (size_t i = 0; i < 4800; i++) {
                pairs[2 * i] = left[i];
                pairs[2 * i + 1] = right[i];
            }
            assert_int_equal(ebur128_add_frames_float(meter, pairs, 4800), 0);
        }
        double lufs, peaks[2];
        assert_int_equal(ebur128_loudness_global(meter, &lufs), 0);
        assert_int_equal(ebur128_true_peak(meter, 0, &peaks[0]), 0);
        assert_int_equal(ebur128_true_peak(meter, 1, &peaks[1]), 0);
        print_message("# bed %d: %.2f LUFS, %.2f dBTP\n", bed, lufs, db(fmax(peaks[0], peaks[1])));
        assert_true(fabs(lufs + 16) < 0.2);
        assert_true(db(fmax(peaks[0], peaks[1])) < -1);
        ebur128_destroy(&meter);
    }
}

static void each_round_is_the_same_to_the_last_bit(void **state)
{
    (void)state;
    static float a[2][4800], b[2][4800];
    /* As coded frames it can be played over and over. */
    assert_int_equal(BED_ROUND_SAMPLES % 1152, 0);
    assert_int_equal(BED_ROUND_SAMPLES % 1024, 0);
    assert_int_equal(BED_ROUND_SAMPLES % 960, 0);
    for (enum bed bed = 0; bed < BED_COUNT; bed++) {
        for (int64_t at = SOME_DAY; at < SOME_DAY + BED_ROUND_SAMPLES; at += 4800) {
            bed_render(bed, at, 4800, a[0], a[1]);
            bed_render(bed, at % BED_ROUND_SAMPLES + 7 * BED_ROUND_SAMPLES, 4800, b[0], b[1]);
            assert_memory_equal(a, b, sizeof(a));
        }
    }
}

static void a_round_begins_without_a_seam(void **state)
{
    (void)state;
    static float a[2][9600], b[2][9600];
    int64_t turn = (SOME_DAY / BED_ROUND_SAMPLES + 1) * BED_ROUND_SAMPLES;
    for (enum bed bed = 0; bed < BED_COUNT; bed++) {
        bed_render(bed, turn - 4800, 9600, a[0], a[1]);
        for (size_t i = 1; i + 1 < 9600; i++)
            assert_true(fabsf(a[0][i - 1] - 2 * a[0][i] + a[0][i + 1]) < 0.02f);
        assert_true(rms_db(a[0], 9600) > -30);
        /* Asked for across the turn or on both sides of it. */
        bed_render(bed, turn - 4800, 4800, b[0], b[1]);
        bed_render(bed, turn, 4800, b[0] + 4800, b[1] + 4800);
        for (size_t i = 0; i < 9600; i++)
            assert_true(fabsf(a[0][i] - b[0][i]) < 1e-4f && fabsf(a[1][i] - b[1][i]) < 1e-4f);
    }
}

static void before_its_beginning_a_bed_is_silent(void **state)
{
    (void)state;
    float left[64], right[64];
    for (enum bed bed = 0; bed < BED_COUNT; bed++) {
        bed_render(bed, -40, 64, left, right);
        for (size_t i = 0; i < 40; i++)
            assert_true(left[i] == 0 && right[i] == 0);
        assert_true(isfinite(left[63]) && isfinite(right[63]));
    }
}

static void a_second_tells_itself_in_eight_tones(void **state)
{
    (void)state;
    static float left[48000], right[48000];
    int64_t second = 86400 + 43210;          /* the day does not matter */
    for (size_t i = 0; i < 48000; i += 1000) /* in any pieces */
        timecode_add(second * 48000 + (int64_t)i, 1000, left + i, right + i);
    uint32_t word = 43210u << 15 | (43210u * 0x9e3779b1u) >> 17;
    for (int symbol = 0; symbol < 8; symbol++) {
        unsigned tone = ((word >> (28 - 4 * symbol) & 15) + 5 * (unsigned)symbol) % 16;
        for (unsigned other = 0; other < 16; other++) {
            struct fit fit = fit_tone(left + TIMECODE_SYMBOL_SAMPLES * symbol,
                                      TIMECODE_SYMBOL_SAMPLES, 2400 + 200.0 * other, 48000);
            if (other == tone)
                assert_true(fabs(db(fit.amplitude) + 34) < 1);
            else
                assert_true(db(fit.amplitude) < -55);
        }
    }
    for (size_t i = 8 * TIMECODE_SYMBOL_SAMPLES; i < 48000; i++)
        assert_true(left[i] == 0 && right[i] == 0);
}

static void only_the_beds_have_names(void **state)
{
    (void)state;
    enum bed bed;
    assert_true(bed_find("news", &bed) && bed == BED_NEWS);
    assert_true(bed_find("classical", &bed) && bed == BED_CLASSICAL);
    assert_true(bed_find("plain", &bed) && bed == BED_PLAIN);
    assert_false(bed_find("polka", &bed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_second_sounds_the_same_however_it_is_asked_for),
        cmocka_unit_test(a_bed_has_no_clicks_and_does_not_clip),
        cmocka_unit_test(a_bed_is_never_silent),
        cmocka_unit_test(a_round_is_16_lufs_and_stays_under_1_dbtp),
        cmocka_unit_test(each_round_is_the_same_to_the_last_bit),
        cmocka_unit_test(a_round_begins_without_a_seam),
        cmocka_unit_test(before_its_beginning_a_bed_is_silent),
        cmocka_unit_test(a_second_tells_itself_in_eight_tones),
        cmocka_unit_test(only_the_beds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
