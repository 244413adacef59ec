/* Tests of demo/bed.c. */
#include "bed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPAN     ((size_t)BED_RATE_HZ * 20)
#define WINDOW   ((size_t)BED_RATE_HZ / 20)
#define SOME_DAY (INT64_C(1795000000) * BED_RATE_HZ)

struct sound {
    float left[SPAN], right[SPAN];
};

static struct sound *sound_new(enum bed bed, int64_t at, size_t piece)
{
    struct sound *sound = calloc(1, sizeof(*sound));
    assert_non_null(sound);
    for (size_t i = 0; i < SPAN; i += piece) {
        size_t count = SPAN - i < piece ? SPAN - i : piece;
        bed_render(bed, at + (int64_t)i, count, sound->left + i, sound->right + i);
    }
    return sound;
}

static double window_db(const float *samples)
{
    double sum = 0;
    for (size_t i = 0; i < WINDOW; i++)
        sum += (double)samples[i] * (double)samples[i];
    return 10 * log10(sum / (double)WINDOW + 1e-12);
}

static void the_same_second_sounds_the_same_however_it_is_asked_for(void **state)
{
    (void)state;
    for (enum bed bed = BED_NEWS; bed <= BED_CLASSICAL; bed++) {
        struct sound *a = sound_new(bed, SOME_DAY, 1152);
        struct sound *b = sound_new(bed, SOME_DAY, 7919);
        struct sound *c = sound_new(bed, SOME_DAY + BED_RATE_HZ, 1152);
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
    for (enum bed bed = BED_NEWS; bed <= BED_CLASSICAL; bed++) {
        struct sound *s = sound_new(bed, SOME_DAY, 1152);
        for (size_t i = 0; i + 2 < SPAN; i++) {
            assert_true(fabsf(s->left[i]) < 0.92f);
            assert_true(fabsf(s->right[i]) < 0.92f);
            /* The second difference of a 4 kHz partial at its level stays far below this; a note
             * that begins or ends at a corner does not. */
            assert_true(fabsf(s->left[i] - 2 * s->left[i + 1] + s->left[i + 2]) < 0.03f);
        }
        free(s);
    }
}

static void a_bed_is_never_silent_and_keeps_its_loudness(void **state)
{
    (void)state;
    for (enum bed bed = BED_NEWS; bed <= BED_CLASSICAL; bed++) {
        struct sound *s = sound_new(bed, SOME_DAY + 12345, 1152);
        for (size_t i = 0; i + WINDOW <= SPAN; i += WINDOW) {
            assert_true(window_db(s->left + i) > -30 && window_db(s->left + i) < -10);
            assert_true(window_db(s->right + i) > -30 && window_db(s->right + i) < -10);
        }
        free(s);
    }
}

static void a_bed_begins_at_the_very_first_sample(void **state)
{
    (void)state;
    float left[64], right[64];
    bed_render(BED_NEWS, 0, 64, left, right);
    assert_true(fabsf(left[0]) < 0.001f);
    assert_true(isfinite(left[63]) && isfinite(right[63]));
}

static void only_the_two_beds_have_names(void **state)
{
    (void)state;
    enum bed bed;
    assert_true(bed_find("news", &bed) && bed == BED_NEWS);
    assert_true(bed_find("classical", &bed) && bed == BED_CLASSICAL);
    assert_false(bed_find("polka", &bed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_second_sounds_the_same_however_it_is_asked_for),
        cmocka_unit_test(a_bed_has_no_clicks_and_does_not_clip),
        cmocka_unit_test(a_bed_is_never_silent_and_keeps_its_loudness),
        cmocka_unit_test(a_bed_begins_at_the_very_first_sample),
        cmocka_unit_test(only_the_two_beds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
