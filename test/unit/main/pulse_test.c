#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above, as it needs them */
#include <cmocka.h>

#include "main/pulse.h"

#define NOW_US   (INT64_C(1700000000) * US_PER_S)
#define AGO_S(s) ((struct utc){NOW_US - (int64_t)(s)*US_PER_S})

/* On the air for a minute, with sound up to now, all of it on the tape. */
static struct pulse_tape good_tape(void)
{
    return (struct pulse_tape){
        .name = "wxyz/mp3-128",
        .has_advanced = true,
        .end = AGO_S(0),
        .since = AGO_S(60),
        .sound_until = AGO_S(0),
    };
}

static struct pulse_facts good_facts(void)
{
    return (struct pulse_facts){.ticks_count = 250, .loops_count = 2, .silent_loop = 2};
}

static void a_tape_that_has_all_its_sound_goes_on(void **state)
{
    struct pulse_tape tape = good_tape();
    (void)state;
    assert_false(pulse_tape_stands(&tape));
    tape.end = AGO_S(9); /* a deck that is replaced */
    assert_false(pulse_tape_stands(&tape));
}

static void a_tape_that_gets_none_of_its_sound_stands(void **state)
{
    struct pulse_tape tape = good_tape();
    (void)state;
    tape.end = AGO_S(11);
    assert_true(pulse_tape_stands(&tape));
}

static void a_tape_with_nothing_on_the_air_does_not_stand(void **state)
{
    struct pulse_tape tape = good_tape();
    (void)state;
    tape.end = AGO_S(3600);
    tape.since = (struct utc){0};
    assert_false(pulse_tape_stands(&tape));
}

static void a_source_that_stalls_is_no_fault_of_the_tape(void **state)
{
    struct pulse_tape tape = good_tape();
    (void)state;
    tape.end = AGO_S(31);
    tape.sound_until = AGO_S(30); /* and its rule is to wait for it */
    assert_false(pulse_tape_stands(&tape));
    tape.sound_until = (struct utc){0}; /* it is gone */
    assert_false(pulse_tape_stands(&tape));
}

static void what_came_before_it_was_on_the_air_is_not_owed(void **state)
{
    struct pulse_tape tape = good_tape();
    (void)state;
    tape.end = AGO_S(7200);
    tape.since = AGO_S(5);
    assert_false(pulse_tape_stands(&tape));
    tape.since = AGO_S(11);
    assert_true(pulse_tape_stands(&tape));
}

static void a_tape_that_never_had_sound_in_this_life_is_not_waited_for(void **state)
{
    struct pulse_tape tape = good_tape();
    (void)state;
    tape.end = AGO_S(7200);
    tape.has_advanced = false; /* no mast-deck, perhaps: a restart would bring none */
    assert_false(pulse_tape_stands(&tape));
}

static void all_is_good_where_the_air_ticks_and_loops_answer(void **state)
{
    struct pulse_facts facts = good_facts();
    char why[PULSE_WHY_BYTES];
    (void)state;
    assert_true(pulse_judge(&facts, why));
    assert_string_equal(why, "");
}

static void an_air_that_does_not_tick_is_told_of(void **state)
{
    struct pulse_facts facts = good_facts();
    char why[PULSE_WHY_BYTES];
    (void)state;
    facts.ticks_count = 0;
    assert_false(pulse_judge(&facts, why));
    assert_string_equal(why, "the air does not tick");
}

static void a_loop_that_does_not_answer_is_told_of(void **state)
{
    struct pulse_facts facts = good_facts();
    char why[PULSE_WHY_BYTES];
    (void)state;
    facts.silent_loop = 1;
    assert_false(pulse_judge(&facts, why));
    assert_string_equal(why, "loop 1 does not answer");
}

static void a_tape_that_stands_is_told_of(void **state)
{
    struct pulse_facts facts = good_facts();
    struct pulse_tape tape = good_tape();
    char why[PULSE_WHY_BYTES];
    (void)state;
    tape.end = AGO_S(12);
    facts.stands = &tape;
    assert_false(pulse_judge(&facts, why));
    assert_string_equal(why, "wxyz/mp3-128 is 12 s behind its sound");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tape_that_has_all_its_sound_goes_on),
        cmocka_unit_test(a_tape_that_gets_none_of_its_sound_stands),
        cmocka_unit_test(a_tape_with_nothing_on_the_air_does_not_stand),
        cmocka_unit_test(a_source_that_stalls_is_no_fault_of_the_tape),
        cmocka_unit_test(what_came_before_it_was_on_the_air_is_not_owed),
        cmocka_unit_test(a_tape_that_never_had_sound_in_this_life_is_not_waited_for),
        cmocka_unit_test(all_is_good_where_the_air_ticks_and_loops_answer),
        cmocka_unit_test(an_air_that_does_not_tick_is_told_of),
        cmocka_unit_test(a_loop_that_does_not_answer_is_told_of),
        cmocka_unit_test(a_tape_that_stands_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
