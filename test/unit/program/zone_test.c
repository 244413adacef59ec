#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "program/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DAY_S  86400
#define YEAR_S (365 * DAY_S)

/* 2026-11-23T00:00:00Z and 2011-12-01T00:00:00Z */
static const struct utc now = {1795392000 * US_PER_S};
static const struct utc in_2011 = {1322697600 * US_PER_S};

/* ---- glibc, in a child of its own, since TZ holds for a whole process ---- */

static int glibc_offset_s(time_t at)
{
    struct tm tm;
    localtime_r(&at, &tm);
    return (int)tm.tm_gmtoff;
}

/* What RFC 5545 says, by trying glibc's offsets on both sides of a change. */
static time_t wanted_instant(time_t local, int before_s, int after_s)
{
    time_t by_before = local - before_s, by_after = local - after_s;
    bool before_holds = glibc_offset_s(by_before) == before_s;
    bool after_holds = glibc_offset_s(by_after) == after_s;
    if (before_holds && after_holds)
        return by_before < by_after ? by_before : by_after;
    return after_holds ? by_after : by_before;
}

static time_t our_instant(const struct zone *zone, time_t local)
{
    struct civil c = utc_to_civil((struct utc){local * US_PER_S}, 0);
    struct utc out;
    return zone_instant(zone, &c, &out) == OK ? out.us / US_PER_S : -1;
}

static void complain(const char *name, const char *what, time_t at, long ours, long theirs)
{
    fprintf(stderr, "# %s: %s at %lld: %ld, glibc %ld\n", name, what, (long long)at, ours, theirs);
    _exit(1);
}

static void compare_change(const char *name, const struct zone *zone, time_t from, time_t to)
{
    int before_s = glibc_offset_s(from), after_s = glibc_offset_s(to);
    while (to - from > 1) {
        time_t middle = from + (to - from) / 2;
        if (glibc_offset_s(middle) == before_s)
            from = middle;
        else
            to = middle;
    }
    if (zone_offset_s(zone, (struct utc){to * US_PER_S - 1}) != before_s)
        complain(name, "too early", to, zone_offset_s(zone, (struct utc){to * US_PER_S - 1}),
                 before_s);
    if (zone_offset_s(zone, (struct utc){to * US_PER_S}) != after_s)
        complain(name, "too late", to, zone_offset_s(zone, (struct utc){to * US_PER_S}), after_s);
    time_t most = to + DAY_S + 7200;
    for (time_t local = to - DAY_S - 7200 + before_s; local < most + before_s; local += 450) {
        time_t ours = our_instant(zone, local), theirs = wanted_instant(local, before_s, after_s);
        if (ours != theirs)
            complain(name, "local", local, ours, theirs);
    }
}

/* Far from changes mktime() has one answer only. */
static void compare_mktime(const char *name, const struct zone *zone, time_t at)
{
    struct tm tm;
    localtime_r(&at, &tm);
    tm.tm_isdst = -1;
    time_t theirs = mktime(&tm), ours = our_instant(zone, at + glibc_offset_s(at));
    if (theirs != ours || ours != at)
        complain(name, "mktime", at, ours, theirs);
}

static void compare_in_child(const char *name, struct utc around, time_t step_s)
{
    struct zone *zone;
    setenv("TZ", name, 1);
    tzset();
    if (zone_new(name, around, &zone) != OK)
        complain(name, "unknown", 0, 0, 0);
    time_t from = around.us / US_PER_S - 2 * YEAR_S, to = from + 4 * YEAR_S;
    for (time_t at = from; at < to; at += step_s) {
        int theirs = glibc_offset_s(at), ours = zone_offset_s(zone, (struct utc){at * US_PER_S});
        if (ours != theirs)
            complain(name, "offset", at, ours, theirs);
        if (glibc_offset_s(at + step_s) != theirs)
            compare_change(name, zone, at, at + step_s);
        else if (glibc_offset_s(at - DAY_S) == theirs && glibc_offset_s(at + DAY_S) == theirs)
            compare_mktime(name, zone, at);
    }
    zone_free(&zone);
}

static void assert_same_as_glibc(const char *const *names, size_t count, struct utc around,
                                 time_t step_s)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (size_t i = 0; i < count; i++)
            compare_in_child(names[i], around, step_s);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void offsets_and_instants_are_those_of_glibc_hour_by_hour(void **state)
{
    static const char *const names[] = {
        "America/New_York",
        "Europe/London",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/St_Johns",
        "Africa/Cairo",
        "UTC",
        "Africa/Casablanca",
        "Europe/Dublin",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "Asia/Gaza",
        "Antarctica/Troll",
        "Pacific/Kiritimati",
        "America/Mexico_City",
        "America/Asuncion",
        "Pacific/Chatham",
        "Asia/Tehran",
        "Etc/GMT+5",
        "US/Eastern",
        "America/Nuuk",
        "Europe/Chisinau",
    };
    (void)state;
    assert_same_as_glibc(names, sizeof names / sizeof names[0], now, 3600);
    assert_same_as_glibc(names, sizeof names / sizeof names[0], in_2011, 3600);
}

static void every_zone_of_the_system_is_as_glibc_has_it(void **state)
{
    static char lines[600][64];
    static const char *names[600];
    char line[512];
    size_t count = 0;
    (void)state;
    FILE *file = fopen("/usr/share/zoneinfo/zone.tab", "r");
    if (!file)
        skip();
    while (count < 600 && fgets(line, sizeof line, file)) {
        if (line[0] == '#' || sscanf(line, "%*s %*s %63s", lines[count]) != 1)
            continue;
        names[count] = lines[count];
        count++;
    }
    fclose(file);
    assert_true(count > 300);
    assert_same_as_glibc(names, count, now, 12 * 3600);
}

/* ---- the two edges, by hand ---- */

static struct utc new_york(const char *iso)
{
    struct civil c = {0};
    struct utc out;
    struct zone *zone;
    assert_int_equal(
        sscanf(iso, "%d-%d-%d %d:%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute, &c.second),
        6);
    assert_int_equal(zone_new("America/New_York", now, &zone), OK);
    assert_int_equal(zone_instant(zone, &c, &out), OK);
    zone_free(&zone);
    assert_null(zone);
    return out;
}

static void assert_instant(struct utc at, const char *iso)
{
    char text[UTC_ISO_BYTES];
    utc_format_iso(at, text);
    assert_string_equal(text, iso);
}

static void a_repeated_hour_means_the_first_one(void **state)
{
    (void)state;
    assert_instant(new_york("2026-11-01 00:59:59"), "2026-11-01T04:59:59.000Z");
    assert_instant(new_york("2026-11-01 01:00:00"), "2026-11-01T05:00:00.000Z");
    assert_instant(new_york("2026-11-01 01:30:00"), "2026-11-01T05:30:00.000Z");
    assert_instant(new_york("2026-11-01 02:00:00"), "2026-11-01T07:00:00.000Z");
}

static void a_time_in_a_gap_takes_the_offset_before_it(void **state)
{
    (void)state;
    assert_instant(new_york("2026-03-08 01:59:59"), "2026-03-08T06:59:59.000Z");
    assert_instant(new_york("2026-03-08 02:30:00"), "2026-03-08T07:30:00.000Z");
    assert_instant(new_york("2026-03-08 03:00:00"), "2026-03-08T07:00:00.000Z");
}

static void microseconds_are_kept(void **state)
{
    struct zone *zone;
    struct utc out;
    struct civil c = {.year = 2026, .month = 7, .day = 1, .hour = 12, .us = 250000};
    (void)state;
    assert_int_equal(zone_new("Australia/Lord_Howe", now, &zone), OK);
    assert_int_equal(zone_instant(zone, &c, &out), OK);
    assert_instant(out, "2026-07-01T01:30:00.250Z");
    zone_free(&zone);
}

static void beyond_the_table_the_nearest_offset_holds(void **state)
{
    struct zone *zone;
    (void)state;
    assert_int_equal(zone_new("America/New_York", now, &zone), OK);
    assert_int_equal(zone_offset_s(zone, (struct utc){0}), -5 * 3600);
    assert_int_equal(zone_offset_s(zone, (struct utc){INT64_C(4000000000) * US_PER_S}), -5 * 3600);
    zone_free(&zone);
}

static void a_field_out_of_range_is_refused(void **state)
{
    struct zone *zone;
    struct utc out = {1};
    struct civil c = {.year = 2026, .month = 2, .day = 29};
    (void)state;
    assert_int_equal(zone_new("UTC", now, &zone), OK);
    assert_int_equal(zone_instant(zone, &c, &out), E_RANGE);
    assert_int_equal(out.us, 0);
    zone_free(&zone);
}

static void names_that_are_no_zone_are_not_found(void **state)
{
    static const char *const names[] = {
        "",
        "Nowhere/Else",
        "America",
        "America/",
        "/America/New_York",
        "/usr/share/zoneinfo/UTC",
        "../zoneinfo/UTC",
        "America/../UTC",
        "America//New_York",
        "./UTC",
        "zone.tab",
        "america/new york",
        "EST5EDT,M3.2.0,M11.1.0",
        "right/UTC",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct zone *zone;
        if (zone_new(names[i], now, &zone) != E_NOT_FOUND)
            fail_msg("\"%s\" was taken", names[i]);
        assert_null(zone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_and_instants_are_those_of_glibc_hour_by_hour),
        cmocka_unit_test(every_zone_of_the_system_is_as_glibc_has_it),
        cmocka_unit_test(a_repeated_hour_means_the_first_one),
        cmocka_unit_test(a_time_in_a_gap_takes_the_offset_before_it),
        cmocka_unit_test(microseconds_are_kept),
        cmocka_unit_test(beyond_the_table_the_nearest_offset_holds),
        cmocka_unit_test(a_field_out_of_range_is_refused),
        cmocka_unit_test(names_that_are_no_zone_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
