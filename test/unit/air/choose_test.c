/* Tests of air/choose.c. */
#include "air/choose_priv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S US_PER_S
#define BAD(text)                                                                                  \
    (struct choice)                                                                                \
    {                                                                                              \
        UNFIT, text, 0, 5 * S                                                                      \
    }
#define GOOD(good, wait)                                                                           \
    (struct choice)                                                                                \
    {                                                                                              \
        FIT_WHOLE, NULL, (good)*S, (wait)*S                                                        \
    }

static void the_first_good_one_begins_at_once(void **state)
{
    const char *why = "";
    (void)state;
    struct choice inputs[] = {BAD("it stalled"), GOOD(0, 1), GOOD(100, 1)};
    assert_int_equal(choose(inputs, 3, CHOOSE_NONE, &why), 1);
    assert_string_equal(why, "nothing else sounds");
}

static void what_fails_gives_way_at_once_to_the_best_that_is_good(void **state)
{
    const char *why = "";
    (void)state;
    struct choice inputs[] = {BAD("it left"), BAD("it is silent"), GOOD(0, 300), GOOD(9, 0)};
    assert_int_equal(choose(inputs, 4, 1, &why), 2);
    assert_string_equal(why, "it is silent");
}

static void a_better_one_waits_until_it_was_good_for_long_enough(void **state)
{
    const char *why = "";
    (void)state;
    struct choice inputs[] = {GOOD(4, 5), GOOD(100, 1)};
    assert_int_equal(choose(inputs, 2, 1, &why), 1);
    inputs[0].good_us = 5 * S;
    assert_int_equal(choose(inputs, 2, 1, &why), 0);
    assert_string_equal(why, "it stands first and is good");
}

static void a_lower_one_never_takes_the_air_from_a_good_one(void **state)
{
    const char *why = "";
    (void)state;
    struct choice inputs[] = {GOOD(0, 300), GOOD(1000, 0)};
    assert_int_equal(choose(inputs, 2, 0, &why), 0);
}

static void with_none_good_nothing_is_on(void **state)
{
    const char *why = "x";
    (void)state;
    struct choice inputs[] = {BAD("it stalled")};
    assert_int_equal(choose(inputs, 1, 0, &why), CHOOSE_NONE);
    assert_string_equal(why, "it stalled");
    assert_int_equal(choose(inputs, 0, CHOOSE_NONE, &why), CHOOSE_NONE);
}

static void what_is_dull_is_better_than_nothing(void **state)
{
    const char *why = "";
    (void)state;
    struct choice dull = {FIT_DULL, "it is silent", 0, 5 * S};
    struct choice inputs[] = {BAD("it left"), dull, dull, GOOD(0, 300)};
    assert_int_equal(choose(inputs, 3, CHOOSE_NONE, &why), 1);
    assert_int_equal(choose(inputs, 3, 2, &why), 2); /* no better: it stays */
    assert_int_equal(choose(inputs, 4, 1, &why), 3);
    assert_string_equal(why, "it is silent");
}

static void what_leaves_no_hole_goes_before_what_does(void **state)
{
    const char *why = "";
    (void)state;
    struct choice late = {FIT_LATE, "its sound has a hole", 9 * S, 5 * S};
    struct choice inputs[] = {late, GOOD(0, 300), late};
    assert_int_equal(choose(inputs, 3, 2, &why), 1);
    assert_string_equal(why, "its sound has a hole");
    assert_int_equal(choose(inputs, 3, 1, &why), 1); /* the order does not count against it */
    inputs[1] = BAD("it left");
    assert_int_equal(choose(inputs, 3, 1, &why), 0);
    assert_string_equal(why, "it left");
}

static void what_comes_round_on_the_air_can_fail_again(void **state)
{
    struct standing standing = {0};
    struct utc now = {1000 * S};
    (void)state;
    standing_on(&standing, now);
    standing_failed(&standing, now); /* nothing else sounds: it stays on */
    standing_stays(&standing, false, now);
    standing_failed(&standing, now);
    assert_int_equal(standing.failures, 1);
    standing_stays(&standing, true, now);
    standing_failed(&standing, now);
    assert_int_equal(standing.failures, 2);
    standing_stays(&standing, true, now);
    now.us += 601 * S;
    standing_stays(&standing, true, now);
    assert_int_equal(standing.failures, 0);
}

static void the_wait_doubles_with_each_failure_up_to_300_s(void **state)
{
    static const int64_t waits_s[] = {1, 5, 10, 20, 40, 80, 160, 300, 300};
    struct standing standing = {0};
    struct utc now = {1000 * S};
    (void)state;
    for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
        assert_int_equal(standing_wait_us(&standing, 5 * S), waits_s[i] * S);
        standing_on(&standing, now);
        now.us += 30 * S;
        standing_failed(&standing, now);
        standing_failed(&standing, now); /* told twice, counted once */
    }
}

static void ten_good_minutes_on_the_air_forgive_all(void **state)
{
    struct standing standing = {.failures = 6};
    struct utc now = {1000 * S};
    (void)state;
    standing_on(&standing, now);
    now.us += 599 * S;
    standing_stays(&standing, true, now);
    assert_int_equal(standing.failures, 6);
    now.us += 2 * S;
    standing_stays(&standing, true, now);
    assert_int_equal(standing.failures, 0);
    standing_failed(&standing, now);
    assert_int_equal(standing_wait_us(&standing, 5 * S), 5 * S);
}

static void the_third_death_within_a_minute_bars_for_five(void **state)
{
    struct standing standing = {0};
    (void)state;
    assert_false(standing_deck_died(&standing, (struct utc){100 * S}));
    assert_false(standing_deck_died(&standing, (struct utc){130 * S}));
    assert_false(standing_deck_died(&standing, (struct utc){165 * S})); /* 65 s after the first */
    assert_true(standing_deck_died(&standing, (struct utc){170 * S}));
    assert_int_equal(standing.barred_until.us, 470 * S);
    assert_false(standing_deck_died(&standing, (struct utc){480 * S}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_good_one_begins_at_once),
        cmocka_unit_test(what_fails_gives_way_at_once_to_the_best_that_is_good),
        cmocka_unit_test(a_better_one_waits_until_it_was_good_for_long_enough),
        cmocka_unit_test(a_lower_one_never_takes_the_air_from_a_good_one),
        cmocka_unit_test(with_none_good_nothing_is_on),
        cmocka_unit_test(what_is_dull_is_better_than_nothing),
        cmocka_unit_test(what_leaves_no_hole_goes_before_what_does),
        cmocka_unit_test(what_comes_round_on_the_air_can_fail_again),
        cmocka_unit_test(the_wait_doubles_with_each_failure_up_to_300_s),
        cmocka_unit_test(ten_good_minutes_on_the_air_forgive_all),
        cmocka_unit_test(the_third_death_within_a_minute_bars_for_five),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
