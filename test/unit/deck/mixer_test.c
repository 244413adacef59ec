/* Tests of deck/mixer.c, edge.c and strip.c: what lies between an input and the programme. */
#include "deck_test.h"

#include "edge.h"
#include "mixer.h"
#include "strip.h"

/* Mixes constants 1, 2, 4 ... of the slots, so that each slot's gain can be told from the sum of one
 * plane at a time. */
static void mix(struct mixer *mixer, uint16_t slot, size_t samples, float *gains)
{
    static float ones[GRID_BLOCK_MAX], out[2][GRID_BLOCK_MAX];
    const float *const from[2] = {ones, ones};
    float *const to[2] = {out[0], out[1]};
    for (size_t i = 0; i < GRID_BLOCK_MAX; i++) {
        ones[i] = 1;
        out[0][i] = out[1][i] = 0;
    }
    mixer_add(mixer, slot, from, samples, to);
    memcpy(gains, out[0], samples * sizeof(float));
}

static void a_crossfade_begins_at_its_sample_and_keeps_the_power(void **state)
{
    (void)state;
    static float a[GRID_BLOCK_MAX], b[GRID_BLOCK_MAX];
    struct mixer mixer;
    mixer_init(&mixer);
    mixer_set(&mixer, 0);
    assert_int_equal(mixer_switch(&mixer, 1000, 1), OK);
    assert_int_equal(mixer_turn(&mixer, 990), 1000);
    mix(&mixer, 0, 10, a);
    mix(&mixer, 1, 10, b);
    for (size_t i = 0; i < 10; i++)
        assert_true(a[i] == 1 && b[i] == 0);
    assert_int_equal(mixer_sole(&mixer), 0);
    assert_true(mixer_turn(&mixer, 1000) == INT64_MAX);
    mix(&mixer, 0, GRID_CROSSFADE, a);
    mix(&mixer, 1, GRID_CROSSFADE, b);
    for (size_t i = 0; i < GRID_CROSSFADE; i++) {
        assert_true(fabsf(a[i] * a[i] + b[i] * b[i] - 1) < 1e-5f);
        assert_true(a[i] < 1 && b[i] > 0 && (i == 0 || (a[i] < a[i - 1] && b[i] > b[i - 1])));
    }
    assert_int_equal(mixer_sole(&mixer), 1);
    assert_true(a[GRID_CROSSFADE - 1] == 0 && b[GRID_CROSSFADE - 1] == 1);
}

static void a_switch_during_a_crossfade_goes_on_from_where_it_is(void **state)
{
    (void)state;
    static float last[3], now[GRID_BLOCK_MAX];
    struct mixer mixer;
    mixer_init(&mixer);
    mixer_set(&mixer, 0);
    assert_int_equal(mixer_switch(&mixer, 0, 1), OK);
    (void)mixer_turn(&mixer, 0);
    for (uint16_t slot = 0; slot < 3; slot++) {
        mix(&mixer, slot, 300, now);
        last[slot] = now[299];
    }
    assert_int_equal(mixer_switch(&mixer, 300, 2), OK);
    (void)mixer_turn(&mixer, 300);
    for (uint16_t slot = 0; slot < 3; slot++) {
        mix(&mixer, slot, GRID_BLOCK_MAX, now);
        assert_true(fabsf(now[0] - last[slot]) < 0.002f);
        for (size_t i = 1; i < GRID_BLOCK_MAX; i++)
            assert_true(fabsf(now[i] - now[i - 1]) < 0.002f);
    }
    assert_int_equal(mixer_sole(&mixer), 2);
}

static void a_later_word_overrules_what_was_to_come_after_it(void **state)
{
    (void)state;
    struct mixer mixer;
    mixer_init(&mixer);
    assert_int_equal(mixer_switch(&mixer, 100, 1), OK);
    assert_int_equal(mixer_switch(&mixer, 200, 2), OK);
    assert_int_equal(mixer_switch(&mixer, 150, 3), OK);
    assert_int_equal(mixer_turn(&mixer, 100), 150);
    assert_int_equal(mixer.on, 1);
    assert_true(mixer_turn(&mixer, 150) == INT64_MAX);
    assert_int_equal(mixer.on, 3);
    for (int i = 0; i < MIXER_SWITCHES_MAX; i++)
        assert_int_equal(mixer_switch(&mixer, 1000 + i, 0), OK);
    assert_int_equal(mixer_switch(&mixer, 2000, 0), E_LIMIT);
}

static void edges_leave_whole_sound_alone_and_soften_its_ends(void **state)
{
    (void)state;
    static float left[2000], right[2000];
    struct edge edge;
    edge_init(&edge);
    assert_true(edge_is_quiet(&edge));
    for (size_t i = 0; i < 2000; i++)
        left[i] = right[i] = 1;
    edge_sound(&edge, left, right, 500);
    edge_sound(&edge, left + 500, right + 500, 7); /* in any pieces */
    edge_sound(&edge, left + 507, right + 507, 493);
    edge_silence(&edge, left + 1000, right + 1000, 50);
    edge_silence(&edge, left + 1050, right + 1050, 950);
    assert_true(left[0] < 0.01f && left[GRID_FADE] == 1 && left[999] == 1);
    for (size_t i = 1; i < 2000; i++)
        assert_true(fabsf(left[i] - left[i - 1]) < 0.02f);
    for (size_t i = 1000 + GRID_FADE; i < 2000; i++)
        assert_true(left[i] == 0);
    assert_true(edge_is_quiet(&edge));
}

static void a_seam_between_two_sounds_has_no_step(void **state)
{
    (void)state;
    static float left[2000], right[2000];
    struct edge edge;
    edge_init(&edge);
    for (size_t i = 0; i < 2000; i++)
        left[i] = right[i] = i < 1000 ? 1 : -1;
    edge_sound(&edge, left, right, 1000);
    edge_break(&edge);
    edge_sound(&edge, left + 1000, right + 1000, 30);
    edge_break(&edge); /* and again before it has risen */
    edge_sound(&edge, left + 1030, right + 1030, 970);
    for (size_t i = 1; i < 2000; i++)
        assert_true(fabsf(left[i] - left[i - 1]) < 0.05f);
    assert_true(left[1999] == -1);
}

static void add(struct strip *strip, float value, size_t samples)
{
    static float v[STRIP_SAMPLES_MAX];
    const float *const planes[2] = {v, v};
    for (size_t i = 0; i < samples; i++)
        v[i] = value;
    assert_int_equal(strip_add(strip, planes, samples), OK);
}

static float value_at(const struct strip *strip, int64_t at)
{
    float left, right;
    const struct span *span = strip_find(strip, at);
    if (!span || span->start > at)
        return 0;
    strip_read(strip, at, 1, &left, &right);
    assert_true(left == right);
    return left;
}

static void sound_lies_where_it_was_placed_and_newer_sound_cuts_older(void **state)
{
    (void)state;
    struct strip strip;
    strip_init(&strip, 1000);
    strip_place(&strip, 500);
    add(&strip, 1 / 4.0f, 1000); /* half of it is over */
    add(&strip, 2 / 4.0f, 500);
    assert_int_equal(strip.spans_count, 1);
    assert_true(value_at(&strip, 1000) == 1 / 4.0f && value_at(&strip, 1500) == 2 / 4.0f);
    strip_place(&strip, 3000);
    add(&strip, 3 / 4.0f, 100000); /* grows */
    assert_true(value_at(&strip, 1999) == 2 / 4.0f && value_at(&strip, 2000) == 0);
    assert_true(value_at(&strip, 2999) == 0 && value_at(&strip, 102999) == 3 / 4.0f);
    strip_place(&strip, 1800);
    add(&strip, 4 / 4.0f, 10);
    assert_true(value_at(&strip, 1799) == 2 / 4.0f && value_at(&strip, 1809) == 4 / 4.0f);
    assert_true(value_at(&strip, 1810) == 0 && value_at(&strip, 50000) == 0);
    strip_raise(&strip, 1805);
    assert_int_equal(strip.spans_count, 1);
    assert_false(strip.spans[0].is_seam);
    assert_true(value_at(&strip, 1805) == 4 / 4.0f);
    strip_release(&strip);
}

static void a_strip_keeps_its_bounds_and_bends_what_is_no_sound(void **state)
{
    (void)state;
    struct strip strip;
    strip_init(&strip, 0);
    strip_place(&strip, STRIP_SAMPLES_MAX - 10);
    add(&strip, 1 / 4.0f, 100);
    assert_true(value_at(&strip, STRIP_SAMPLES_MAX - 1) == 1 / 4.0f);
    assert_null(strip_find(&strip, STRIP_SAMPLES_MAX));
    for (int i = 0; i < 1000; i++) { /* seams without end */
        strip_place(&strip, i * 10);
        add(&strip, 1 / 4.0f, 5);
    }
    assert_int_equal(strip.spans_count, STRIP_SPANS_MAX);
    strip_clear(&strip);
    strip_place(&strip, 0);
    add(&strip, NAN, 1);
    add(&strip, INFINITY, 1);
    add(&strip, -1e30f, 1);
    assert_true(value_at(&strip, 0) == 0 && value_at(&strip, 1) == 1 && value_at(&strip, 2) == -1);
    strip_release(&strip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crossfade_begins_at_its_sample_and_keeps_the_power),
        cmocka_unit_test(a_switch_during_a_crossfade_goes_on_from_where_it_is),
        cmocka_unit_test(a_later_word_overrules_what_was_to_come_after_it),
        cmocka_unit_test(edges_leave_whole_sound_alone_and_soften_its_ends),
        cmocka_unit_test(a_seam_between_two_sounds_has_no_step),
        cmocka_unit_test(sound_lies_where_it_was_placed_and_newer_sound_cuts_older),
        cmocka_unit_test(a_strip_keeps_its_bounds_and_bends_what_is_no_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
