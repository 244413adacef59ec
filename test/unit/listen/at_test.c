#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "listen/at.h"

#include <string.h>

/* 2026-11-23T00:00:00Z */
static const struct utc around = {INT64_C(1795392000) * US_PER_S};

static int make(void **state)
{
    struct zone *zone;
    enum err err = zone_new("America/New_York", around, &zone);
    *state = zone;
    return err;
}

static int unmake(void **state)
{
    struct zone *zone = *state;
    zone_free(&zone);
    return 0;
}

static void every_form_of_a_moment_is_read(void **state)
{
    static const struct {
        const char *text, *iso;
        int us;
    } cases[] = {
        /* with an offset; a '+' in a query arrives as a space */
        {"2026-11-22T09:42:10-05:00", "2026-11-22T14:42:10.000Z", 0},
        {"2026-11-22T09:42:10+05:30", "2026-11-22T04:12:10.000Z", 0},
        {"2026-11-22T09:42:10 05:30", "2026-11-22T04:12:10.000Z", 0},
        {"2026-11-22T09:42:10+0530", "2026-11-22T04:12:10.000Z", 0},
        {"2026-11-22T09:42:10-05", "2026-11-22T14:42:10.000Z", 0},
        {"2026-11-22T09:42-05:00", "2026-11-22T14:42:00.000Z", 0},
        {"2026-11-22T14:42:10Z", "2026-11-22T14:42:10.000Z", 0},
        {"2026-11-22t14:42:10z", "2026-11-22T14:42:10.000Z", 0},
        {"2026-11-22 14:42:10Z", "2026-11-22T14:42:10.000Z", 0},
        {"2026-11-22T14:42Z", "2026-11-22T14:42:00.000Z", 0},
        {"2026-11-22T14:42:10.5Z", "2026-11-22T14:42:10.500Z", 500000},
        {"2026-11-22T14:42:10,25Z", "2026-11-22T14:42:10.250Z", 250000},
        {"2026-11-22T14:42:10.123456789Z", "2026-11-22T14:42:10.123Z", 123456},
        {"2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z", 0},
        {"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z", 0},
        /* in the station's zone: in winter, in summer, in the repeated hour, in the gap */
        {"2026-11-22T09:42:10", "2026-11-22T14:42:10.000Z", 0},
        {"2026-11-22T09:42:10.125", "2026-11-22T14:42:10.125Z", 125000},
        {"2026-11-22T09:42", "2026-11-22T14:42:00.000Z", 0},
        {"2026-07-01T12:00:00", "2026-07-01T16:00:00.000Z", 0},
        {"2026-11-01T01:30:00", "2026-11-01T05:30:00.000Z", 0},
        {"2026-03-08T02:30:00", "2026-03-08T07:30:00.000Z", 0},
        /* Unix seconds */
        {"1795012930", "2026-11-18T14:42:10.000Z", 0},
        {"1795012930.25", "2026-11-18T14:42:10.250Z", 250000},
        {"0", "1970-01-01T00:00:00.000Z", 0},
        {"2026", "1970-01-01T00:33:46.000Z", 0},
        {"253402300799", "9999-12-31T23:59:59.000Z", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct utc at;
        char iso[UTC_ISO_BYTES];
        if (at_parse(str_of(cases[i].text), *state, &at) != OK)
            fail_msg("\"%s\" was refused", cases[i].text);
        utc_format_iso(at, iso);
        if (strcmp(iso, cases[i].iso) != 0 || at.us % US_PER_S != cases[i].us)
            fail_msg("\"%s\" is %s", cases[i].text, iso);
    }
}

static void what_is_no_moment_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum err err;
    } cases[] = {
        {"", E_SYNTAX},
        {" ", E_SYNTAX},
        {"now", E_SYNTAX},
        {"-5", E_SYNTAX},
        {"+1795012930", E_SYNTAX},
        {"1795012930 ", E_SYNTAX},
        {"1795012930.", E_SYNTAX},
        {"1795012930.x", E_SYNTAX},
        {"1795012930.1234567890", E_SYNTAX},
        {"1e9", E_SYNTAX},
        {"0x10", E_SYNTAX},
        {"253402300800", E_RANGE},
        {"99999999999999999999999999", E_RANGE},
        {"2026-11-22", E_SYNTAX},
        {"2026-11-22T", E_SYNTAX},
        {"2026-11-22T09", E_SYNTAX},
        {"2026-11-22T09:", E_SYNTAX},
        {"2026-11-22T09:4", E_SYNTAX},
        {"2026-11-22T09:42:", E_SYNTAX},
        {"2026-11-22T09:42:1", E_SYNTAX},
        {"2026-11-22T09:42.5", E_SYNTAX}, /* a part of a minute */
        {"2026-11-22T09:42:10.", E_SYNTAX},
        {"2026-11-22T09:42:10.1234567890Z", E_SYNTAX},
        {"2026-11-22T09:42:10Zx", E_SYNTAX},
        {"2026-11-22T09:42:10ZZ", E_SYNTAX},
        {"2026-11-22T09:42:10+", E_SYNTAX},
        {"2026-11-22T09:42:10+5", E_SYNTAX},
        {"2026-11-22T09:42:10+05:", E_SYNTAX},
        {"2026-11-22T09:42:10+05:3", E_SYNTAX},
        {"2026-11-22T09:42:10+24:00", E_SYNTAX},
        {"2026-11-22T09:42:10+05:60", E_SYNTAX},
        {"2026-11-22T09:42:10+05:30:00", E_SYNTAX},
        {"2026-11-22X09:42:10", E_SYNTAX},
        {"2026/11/22T09:42:10", E_SYNTAX},
        {"26-11-22T09:42:10", E_SYNTAX},
        {"2026-1-22T09:42:10", E_SYNTAX},
        {"2026-11-22T9:42:10", E_SYNTAX},
        {"20261122T094210Z", E_SYNTAX},
        {"2026-13-01T00:00:00Z", E_RANGE},
        {"2026-00-01T00:00:00Z", E_RANGE},
        {"2026-02-29T00:00:00Z", E_RANGE},
        {"2026-02-29T00:00:00", E_RANGE},
        {"2026-11-31T00:00:00Z", E_RANGE},
        {"2026-11-22T24:00:00Z", E_RANGE},
        {"2026-11-22T09:60:00Z", E_RANGE},
        {"2026-11-22T09:42:61Z", E_RANGE},
        {"1969-12-31T23:59:59Z", E_RANGE},
        {"0000-01-01T00:00:00Z", E_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct utc at = {1};
        enum err err = at_parse(str_of(cases[i].text), *state, &at);
        if (err != cases[i].err || at.us != 0)
            fail_msg("\"%s\" is %d", cases[i].text, err);
    }
}

static void bytes_behind_a_nul_are_not_passed_over(void **state)
{
    struct utc at;
    assert_int_equal(at_parse(STR("1795012930\0Z"), *state, &at), E_SYNTAX);
    assert_int_equal(at_parse(STR("2026-11-22T14:42:10Z\0"), *state, &at), E_SYNTAX);
}

static void without_a_zone_local_time_is_utc(void **state)
{
    struct utc at;
    (void)state;
    assert_int_equal(at_parse(STR("2026-11-23T00:00:00"), NULL, &at), OK);
    assert_int_equal(at.us, around.us);
}

static void no_cut_off_text_is_read_past_its_end(void **state)
{
    static const char whole[] = "2026-11-22T09:42:10.123+05:30";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char copy[sizeof whole];
        struct utc at;
        memcpy(copy, whole, len);
        enum err err = at_parse((struct str){copy, len}, *state, &at);
        /* year; minutes; seconds; each digit of the fraction; hours of the offset; its minutes */
        bool is_whole = len == 4 || (len > 0 && len < 4) || len == 16 || len == 19 ||
                        (len > 20 && len < 24) || len == 26;
        assert_int_equal(err == OK, is_whole);
    }
}

static void two_seconds_around_now_are_live(void **state)
{
    const struct utc now = {1795012930 * US_PER_S};
    (void)state;
    assert_true(at_is_live(now, now));
    assert_true(at_is_live((struct utc){now.us - 2 * US_PER_S + 1}, now));
    assert_true(at_is_live((struct utc){now.us + 2 * US_PER_S}, now));
    assert_false(at_is_live((struct utc){now.us - 2 * US_PER_S}, now));
    assert_false(at_is_live((struct utc){now.us + 2 * US_PER_S + 1}, now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_moment_is_read),
        cmocka_unit_test(what_is_no_moment_is_refused),
        cmocka_unit_test(bytes_behind_a_nul_are_not_passed_over),
        cmocka_unit_test(without_a_zone_local_time_is_utc),
        cmocka_unit_test(two_seconds_around_now_are_live),
        cmocka_unit_test(no_cut_off_text_is_read_past_its_end),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
