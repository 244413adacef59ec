#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "air/station_clock.h"

#define TICK_US (20 * US_PER_MS)
#define START   (INT64_C(1795392000) * US_PER_S)

/* Both clocks of a machine; the system's is mono + ahead. */
struct machine {
    struct station_clock clock;
    struct mono mono;
    int64_t ahead_us;
    unsigned jumps, warnings;
};

static struct utc system_now(const struct machine *m)
{
    return (struct utc){m->mono.us + m->ahead_us};
}

static struct utc station_now(const struct machine *m)
{
    return station_clock_now(&m->clock, m->mono);
}

static int64_t error_us(const struct machine *m)
{
    return system_now(m).us - station_now(m).us;
}

static struct machine machine_new(struct utc tape_end)
{
    struct machine m = {.mono = {5 * US_PER_S}, .ahead_us = START};
    station_clock_init(&m.clock, m.mono, system_now(&m), tape_end);
    return m;
}

/* Runs for a while; station time must keep to `ppm_max` of monotonic time but at a jump. */
static void pass(struct machine *m, int64_t span_us, int64_t ppm_max)
{
    int64_t end_us = m->mono.us + span_us;
    while (m->mono.us < end_us) {
        int64_t before_us = station_now(m).us;
        m->mono.us += TICK_US;
        enum clock_news news = station_clock_tick(&m->clock, m->mono, system_now(m));
        m->jumps += news == CLOCK_JUMPED;
        m->warnings += news == CLOCK_BEHIND;
        int64_t off_us = station_now(m).us - before_us - TICK_US;
        if (news != CLOCK_JUMPED)
            assert_in_range(off_us + 1000, 1000 - TICK_US * ppm_max / 1000000 - 1,
                            1000 + TICK_US * ppm_max / 1000000 + 1);
    }
}

static void it_starts_at_the_time_of_the_system(void **state)
{
    (void)state;
    struct machine m = machine_new((struct utc){0});
    assert_int_equal(station_now(&m).us, system_now(&m).us);
    m = machine_new((struct utc){START - 3600 * US_PER_S});
    assert_int_equal(station_now(&m).us, system_now(&m).us);
}

static void it_starts_at_the_end_of_the_tape_if_that_lies_later(void **state)
{
    (void)state;
    struct utc end = {START + 300 * US_PER_S};
    struct machine m = machine_new(end);
    assert_int_equal(station_now(&m).us, end.us);
    pass(&m, 60 * US_PER_S, 5000);
    assert_true(station_now(&m).us > end.us);
}

static void a_small_error_is_steered_away_at_500_ppm(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        struct machine m = machine_new((struct utc){0});
        m.ahead_us += sign * 500 * US_PER_MS;
        pass(&m, 500 * US_PER_S, 500);
        /* 500 s at 500 ppm are 250 ms */
        assert_in_range(sign * error_us(&m), 249 * US_PER_MS, 251 * US_PER_MS);
        pass(&m, 600 * US_PER_S, 500);
        assert_in_range(error_us(&m) + 10, 9, 11);
        assert_int_equal(m.jumps + m.warnings, 0);
    }
}

static void a_system_clock_that_drifts_is_followed(void **state)
{
    (void)state;
    struct machine m = machine_new((struct utc){0});
    for (int i = 0; i < 3600; i++) {
        m.ahead_us += 200; /* 200 ppm */
        pass(&m, US_PER_S, 500);
        assert_in_range(error_us(&m) + 1000, 0, 2000);
    }
}

static void a_step_forward_is_followed_once_it_was_stable_for_10_s(void **state)
{
    (void)state;
    struct machine m = machine_new((struct utc){0});
    pass(&m, US_PER_S, 500);
    m.ahead_us += 3600 * US_PER_S;
    pass(&m, 9900 * US_PER_MS, 0); /* runs on as if nothing had happened */
    assert_int_equal(m.jumps, 0);
    pass(&m, 200 * US_PER_MS, 0);
    assert_int_equal(m.jumps, 1);
    assert_int_equal(error_us(&m), 0);
    pass(&m, 60 * US_PER_S, 500);
    assert_int_equal(m.jumps, 1);
}

static void a_step_forward_that_is_taken_back_leaves_no_trace(void **state)
{
    (void)state;
    struct machine m = machine_new((struct utc){0});
    for (int i = 0; i < 5; i++) {
        m.ahead_us += 3600 * US_PER_S;
        pass(&m, 8 * US_PER_S, 0);
        m.ahead_us -= 3600 * US_PER_S;
        pass(&m, 4 * US_PER_S, 500);
    }
    assert_int_equal(m.jumps, 0);
    assert_int_equal(error_us(&m), 0);
}

static void a_clock_that_goes_on_stepping_is_followed_when_it_rests(void **state)
{
    (void)state;
    struct machine m = machine_new((struct utc){0});
    for (int i = 0; i < 10; i++) {
        m.ahead_us += 10 * US_PER_S;
        pass(&m, 5 * US_PER_S, 0);
    }
    assert_int_equal(m.jumps, 0);
    pass(&m, 6 * US_PER_S, 500);
    assert_int_equal(m.jumps, 1);
    assert_int_equal(error_us(&m), 0);
}

static void a_step_backward_is_run_through_at_half_a_percent_with_a_warning_a_minute(void **state)
{
    (void)state;
    struct machine m = machine_new((struct utc){0});
    pass(&m, US_PER_S, 500);
    m.ahead_us -= 10 * US_PER_S;
    pass(&m, 60 * US_PER_S - TICK_US, 5000);
    assert_int_equal(m.warnings, 1);
    assert_in_range(-error_us(&m), 9690 * US_PER_MS, 9710 * US_PER_MS);
    pass(&m, 60 * US_PER_S, 5000);
    assert_int_equal(m.warnings, 2);
    /* 8 s at 0.5 % are 1600 s; the last 2 s go at 500 ppm and without a warning */
    pass(&m, 1500 * US_PER_S, 5000);
    assert_in_range(-error_us(&m), 1900 * US_PER_MS, 2000 * US_PER_MS);
    unsigned warnings = m.warnings;
    assert_in_range(warnings, 27, 28);
    pass(&m, 4100 * US_PER_S, 500);
    assert_int_equal(m.warnings, warnings);
    assert_int_equal(error_us(&m), 0);
    assert_int_equal(m.jumps, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_at_the_time_of_the_system),
        cmocka_unit_test(it_starts_at_the_end_of_the_tape_if_that_lies_later),
        cmocka_unit_test(a_small_error_is_steered_away_at_500_ppm),
        cmocka_unit_test(a_system_clock_that_drifts_is_followed),
        cmocka_unit_test(a_step_forward_is_followed_once_it_was_stable_for_10_s),
        cmocka_unit_test(a_step_forward_that_is_taken_back_leaves_no_trace),
        cmocka_unit_test(a_clock_that_goes_on_stepping_is_followed_when_it_rests),
        cmocka_unit_test(a_step_backward_is_run_through_at_half_a_percent_with_a_warning_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
