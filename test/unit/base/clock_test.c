/* Tests of base/clock.c. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void the_real_clocks_go_forward(void **state)
{
    (void)state;
    struct utc a = clock_utc(clock_real());
    struct mono before = clock_mono(clock_real());
    struct mono after = clock_mono(clock_real());
    assert_true(after.us >= before.us);
    assert_true(a.us > INT64_C(1700000000) * US_PER_S);
}

static struct utc fixed_utc(void *ctx)
{
    return *(struct utc *)ctx;
}

static struct mono fixed_mono(void *ctx)
{
    return (struct mono){((struct utc *)ctx)->us / 2};
}

static void a_virtual_clock_can_stand_in(void **state)
{
    (void)state;
    struct utc now = {86400 * US_PER_S};
    struct clock clock = {&now, fixed_utc, fixed_mono};
    assert_true(clock_utc(&clock).us == now.us);
    assert_true(clock_mono(&clock).us == now.us / 2);
}

static void instants_are_formatted_in_utc(void **state)
{
    (void)state;
    char field[UTC_ISO_BYTES];
    utc_format_iso((struct utc){INT64_C(1795340530123456)}, field);
    assert_string_equal(field, "2026-11-22T09:42:10.123Z");
    utc_format_http((struct utc){INT64_C(1795340530123456)}, field);
    assert_string_equal(field, "Sun, 22 Nov 2026 09:42:10 GMT");
    utc_format_iso((struct utc){0}, field);
    assert_string_equal(field, "1970-01-01T00:00:00.000Z");
    utc_format_iso((struct utc){-1}, field);
    assert_string_equal(field, "1969-12-31T23:59:59.999Z");
}

static void an_http_date_is_read_back(void **state)
{
    (void)state;
    struct utc t;
    assert_int_equal(utc_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &t), OK);
    assert_true(t.us == INT64_C(784111777) * US_PER_S);
    static const char *const bad[] = {
        "",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08-49:37 GMT",
        "Sun, 6  Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        t.us = 1;
        assert_int_equal(utc_parse_http(str_of(bad[i]), &t), E_SYNTAX);
        assert_true(t.us == 0);
    }
}

/* The C library's own calendar is the oracle. */
static void an_iso_instant_is_read_back(void **state)
{
    (void)state;
    struct utc t;
    char text[UTC_ISO_BYTES];
    const struct utc at = {INT64_C(1795340530123) * 1000};
    utc_format_iso(at, text);
    assert_int_equal(utc_parse_iso(str_of(text), &t), OK);
    assert_true(t.us == at.us);
    static const char *const bad[] = {
        "",
        "2026-11-22T09:42:10Z",
        "2026-11-22 09:42:10.123Z",
        "2026-11-22T09:42:10.123z",
        "2026-11-22T09:42:10,123Z",
        "2026-13-22T09:42:10.123Z",
        "2026-02-30T09:42:10.123Z",
        "2026-11-22T24:42:10.123Z",
        "2026-11-22T09:42:1x.123Z",
        "2026-11-22T09:42:10.123Z ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        t.us = 1;
        assert_int_equal(utc_parse_iso(str_of(bad[i]), &t), E_SYNTAX);
        assert_true(t.us == 0);
    }
}

static void civil_time_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t s = 0; s < INT64_C(253402300799); s += INT64_C(86400) * 13 + 3607) {
        time_t at = (time_t)s;
        struct tm tm;
        assert_non_null(gmtime_r(&at, &tm));
        struct civil c = utc_to_civil((struct utc){s * US_PER_S + 7}, 0);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(c.hour, tm.tm_hour);
        assert_int_equal(c.minute, tm.tm_min);
        assert_int_equal(c.second, tm.tm_sec);
        assert_int_equal(c.weekday, tm.tm_wday);
        assert_int_equal(c.us, 7);
        struct utc back;
        assert_int_equal(utc_from_civil(&c, 0, &back), OK);
        assert_true(back.us == s * US_PER_S + 7);
    }
}

static void an_offset_shifts_the_civil_time(void **state)
{
    (void)state;
    struct civil c = utc_to_civil((struct utc){0}, -5 * 3600);
    assert_int_equal(c.year, 1969);
    assert_int_equal(c.month, 12);
    assert_int_equal(c.day, 31);
    assert_int_equal(c.hour, 19);
    assert_int_equal(c.weekday, 3);
    struct civil noon = {.year = 2026, .month = 11, .day = 22, .hour = 12};
    struct utc t;
    assert_int_equal(utc_from_civil(&noon, 3600, &t), OK);
    char field[UTC_ISO_BYTES];
    utc_format_iso(t, field);
    assert_string_equal(field, "2026-11-22T11:00:00.000Z");
}

static void dates_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const struct civil bad[] = {
        {.year = 1969, .month = 1, .day = 1},
        {.year = 10000, .month = 1, .day = 1},
        {.year = 2026, .month = 0, .day = 1},
        {.year = 2026, .month = 13, .day = 1},
        {.year = 2026, .month = 4, .day = 31},
        {.year = 2026, .month = 2, .day = 29},
        {.year = 2100, .month = 2, .day = 29},
        {.year = 2026, .month = 2, .day = 0},
        {.year = 2026, .month = 2, .day = 1, .hour = 24},
        {.year = 2026, .month = 2, .day = 1, .minute = 60},
        {.year = 2026, .month = 2, .day = 1, .second = 61},
        {.year = 2026, .month = 2, .day = 1, .us = 1000000},
        {.year = 2026, .month = 2, .day = 1, .us = -1},
    };
    struct utc t;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(utc_from_civil(&bad[i], 0, &t), E_RANGE);
    struct civil leap = {.year = 2000, .month = 2, .day = 29};
    assert_int_equal(utc_from_civil(&leap, 0, &t), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_clocks_go_forward),
        cmocka_unit_test(a_virtual_clock_can_stand_in),
        cmocka_unit_test(instants_are_formatted_in_utc),
        cmocka_unit_test(an_http_date_is_read_back),
        cmocka_unit_test(an_iso_instant_is_read_back),
        cmocka_unit_test(civil_time_agrees_with_the_c_library),
        cmocka_unit_test(an_offset_shifts_the_civil_time),
        cmocka_unit_test(dates_that_do_not_exist_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
