/* Tests of air/health.c. */
#include "air/health_priv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct board_rules rules = {
    .silence_dbfs = -50, .silence_alarm_s = 10, .silence_switch_s = 20};

struct room {
    struct health health;
    struct utc at;
};

static void hear(struct room *room, int seconds, int left_cb, int right_cb, int residue_cb, int hz)
{
    struct deck_levels levels = {
        .rms_cb = {(int16_t)left_cb, (int16_t)right_cb},
        .residue_cb = (int16_t)residue_cb,
        .tone_hz = (uint16_t)hz,
    };
    for (int i = 0; i < seconds * 10; i++) {
        room->at.us += DECK_LEVELS_US;
        health_judge(&room->health, &levels, room->at, &rules);
    }
}

static enum fault fault_after(const struct room *room, int seconds)
{
    return health_fault(&room->health, seconds * US_PER_S);
}

static void music_has_no_fault(void **state)
{
    struct room room = {.at = {US_PER_S}};
    (void)state;
    for (int i = 0; i < 60; i++)
        hear(&room, 1, -2000 - i * 10, -2100, -1500, 300 + 37 * i);
    assert_int_equal(fault_after(&room, 1), FAULT_NONE);
    assert_true(room.health.has_sounded);
}

static void silence_and_hiss_become_a_fault_when_they_last(void **state)
{
    static const int levels_cb[] = {-10000, -6000};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct room room = {.at = {US_PER_S}};
        hear(&room, 30, -2000, -2000, -1000, 0);
        hear(&room, 9, levels_cb[i], levels_cb[i], -500, 0);
        assert_int_equal(fault_after(&room, 10), FAULT_NONE);
        hear(&room, 1, levels_cb[i], levels_cb[i], -500, 0);
        assert_int_equal(fault_after(&room, 10), FAULT_SILENCE);
        assert_int_equal(fault_after(&room, 20), FAULT_NONE);
        hear(&room, 10, levels_cb[i], levels_cb[i], -500, 0);
        assert_int_equal(fault_after(&room, 20), FAULT_SILENCE);
        hear(&room, 1, -4000, -4000, -500, 0); /* pianissimo */
        assert_int_equal(fault_after(&room, 1), FAULT_NONE);
        assert_true(room.health.mended.us > 0);
    }
}

static void one_dead_channel_is_a_fault_and_a_quiet_one_is_not(void **state)
{
    struct room room = {.at = {US_PER_S}};
    (void)state;
    hear(&room, 12, -2000, -9000, -1000, 0);
    assert_int_equal(fault_after(&room, 10), FAULT_DEAD_CHANNEL);
    room = (struct room){.at = {US_PER_S}};
    hear(&room, 12, -2000, -4800, -1000, 0);
    assert_int_equal(fault_after(&room, 10), FAULT_NONE);
    room = (struct room){.at = {US_PER_S}};
    hear(&room, 12, -4000, -9000, -1000, 0); /* the live one is hardly louder than silence */
    assert_int_equal(fault_after(&room, 10), FAULT_NONE);
}

static void a_steady_tone_is_a_fault_and_a_wandering_one_is_not(void **state)
{
    struct room room = {.at = {US_PER_S}};
    (void)state;
    hear(&room, 21, -2000, -2000, -6000, 440);
    assert_int_equal(fault_after(&room, 20), FAULT_STEADY_TONE);
    room = (struct room){.at = {US_PER_S}};
    for (int i = 0; i < 40; i++) {
        hear(&room, 1, -2000, -2000, -6000, 440 + 20 * (i % 2));
        assert_int_equal(fault_after(&room, 5), FAULT_NONE);
    }
}

static void what_was_never_heard_is_told_from_what_fell_silent(void **state)
{
    struct room room = {.at = {US_PER_S}};
    (void)state;
    hear(&room, 3, -10000, -10000, 0, 0);
    assert_true(room.health.is_judged);
    assert_false(room.health.has_sounded);
    hear(&room, 1, -3000, -3000, 0, 0);
    assert_true(room.health.has_sounded);
    health_begin(&room.health, 20 * US_PER_S);
    assert_false(room.health.has_sounded || room.health.is_judged);
}

static void what_was_given_up_for_its_sound_must_prove_itself_when_it_is_heard_again(void **state)
{
    struct room room = {.at = {US_PER_S}};
    (void)state;
    hear(&room, 5, -2000, -2000, 0, 0);
    hear(&room, 19, -10000, -10000, 0, 0);
    health_begin(&room.health, 20 * US_PER_S);
    assert_false(room.health.must_prove); /* it was not given up yet */
    hear(&room, 21, -10000, -10000, 0, 0);
    health_begin(&room.health, 20 * US_PER_S);
    assert_true(room.health.must_prove);
    hear(&room, 1, -10000, -10000, 0, 0);
    health_begin(&room.health, 20 * US_PER_S);
    assert_true(room.health.must_prove);
    hear(&room, 2, -2000, -2000, 0, 0);
    assert_false(room.health.must_prove);
    assert_true(room.at.us - room.health.mended.us < 2 * US_PER_S);
}

static void a_steady_tone_that_goes_on_proves_nothing(void **state)
{
    struct room room = {.at = {US_PER_S}};
    (void)state;
    hear(&room, 21, -2000, -2000, -6000, 440);
    health_begin(&room.health, 20 * US_PER_S);
    hear(&room, 10, -2000, -2000, -6000, 440);
    assert_true(room.health.must_prove);
    hear(&room, 2, -2000, -2000, -1000, 440);
    assert_false(room.health.must_prove);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(music_has_no_fault),
        cmocka_unit_test(silence_and_hiss_become_a_fault_when_they_last),
        cmocka_unit_test(one_dead_channel_is_a_fault_and_a_quiet_one_is_not),
        cmocka_unit_test(a_steady_tone_is_a_fault_and_a_wandering_one_is_not),
        cmocka_unit_test(what_was_never_heard_is_told_from_what_fell_silent),
        cmocka_unit_test(what_was_given_up_for_its_sound_must_prove_itself_when_it_is_heard_again),
        cmocka_unit_test(a_steady_tone_that_goes_on_proves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
