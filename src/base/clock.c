/* base/clock.c - contract in clock.h */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    int failed = clock_gettime(id, &ts);
    assert(!failed);
    return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static struct utc real_utc(void *ctx)
{
    (void)ctx;
    return (struct utc){read_us(CLOCK_REALTIME)};
}

static struct mono real_mono(void *ctx)
{
    (void)ctx;
    return (struct mono){read_us(CLOCK_MONOTONIC)};
}

const struct clock *clock_real(void)
{
    static const struct clock real = {NULL, real_utc, real_mono};
    return &real;
}

struct utc clock_utc(const struct clock *clock)
{
    return clock->utc(clock->ctx);
}

struct mono clock_mono(const struct clock *clock)
{
    return clock->mono(clock->ctx);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 and back. Source: proleptic Gregorian calendar; the year is counted from
 * March, so that the leap day is its last. */
static int64_t days_from_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, struct civil *c)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    c->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    c->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    c->year = (int)(year_of_era + era * 400 + (c->month <= 2));
}

struct civil utc_to_civil(struct utc t, int offset_s)
{
    struct civil c;
    int64_t us = t.us + offset_s * US_PER_S;
    int64_t seconds = floor_div(us, US_PER_S);
    int64_t days = floor_div(seconds, 86400);
    int64_t of_day = seconds - days * 86400;
    date_from_days(days, &c);
    c.hour = (int)(of_day / 3600);
    c.minute = (int)(of_day / 60 % 60);
    c.second = (int)(of_day % 60);
    c.us = (int)(us - seconds * US_PER_S);
    c.weekday = (int)(((days + 4) % 7 + 7) % 7);
    return c;
}

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

enum err utc_from_civil(const struct civil *c, int offset_s, struct utc *out)
{
    out->us = 0;
    if (c->year < 1970 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > days_in_month(c->year, c->month))
        return E_RANGE;
    if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 ||
        c->second > 60 || c->us < 0 || c->us >= US_PER_S)
        return E_RANGE;
    int64_t seconds = days_from_date(c->year, c->month, c->day) * 86400 + c->hour * 3600 +
                      c->minute * 60 + c->second - offset_s;
    out->us = seconds * US_PER_S + c->us;
    return OK;
}

void utc_format_iso(struct utc t, char field[UTC_ISO_BYTES])
{
    struct civil c = utc_to_civil(t, 0);
    snprintf(field, UTC_ISO_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)c.year % 10000,
             (unsigned)c.month % 100, (unsigned)c.day % 100, (unsigned)c.hour % 100,
             (unsigned)c.minute % 100, (unsigned)c.second % 100, (unsigned)c.us / 1000 % 1000);
}

void utc_format_http(struct utc t, char field[UTC_HTTP_BYTES])
{
    struct civil c = utc_to_civil(t, 0);
    snprintf(field, UTC_HTTP_BYTES, "%s, %02u %s %04u %02u:%02u:%02u GMT", weekdays[c.weekday],
             (unsigned)c.day % 100, months[c.month - 1], (unsigned)c.year % 10000,
             (unsigned)c.hour % 100, (unsigned)c.minute % 100, (unsigned)c.second % 100);
}

static bool digits_at(struct str s, size_t from, size_t count, int *out)
{
    uint64_t value;
    if (s.len < from + count || str_parse_u64(str_slice(s, from, from + count), 9999, &value))
        return false;
    *out = (int)value;
    return true;
}

enum err utc_parse_http(struct str s, struct utc *out)
{
    struct civil c = {0};
    out->us = 0;
    if (s.len != 29 || !str_eq(str_slice(s, 3, 5), STR(", ")) || s.ptr[7] != ' ' ||
        s.ptr[11] != ' ' || s.ptr[16] != ' ' || s.ptr[19] != ':' || s.ptr[22] != ':' ||
        !str_eq(str_slice(s, 25, 29), STR(" GMT")))
        return E_SYNTAX;
    if (!digits_at(s, 5, 2, &c.day) || !digits_at(s, 12, 4, &c.year) ||
        !digits_at(s, 17, 2, &c.hour) || !digits_at(s, 20, 2, &c.minute) ||
        !digits_at(s, 23, 2, &c.second))
        return E_SYNTAX;
    for (int i = 0; i < 12; i++)
        if (memcmp(s.ptr + 8, months[i], 3) == 0)
            c.month = i + 1;
    return utc_from_civil(&c, 0, out) ? E_SYNTAX : OK;
}

enum err utc_parse_iso(struct str s, struct utc *out)
{
    struct civil c = {0};
    int ms = 0;
    out->us = 0;
    if (s.len != 24 || s.ptr[4] != '-' || s.ptr[7] != '-' || s.ptr[10] != 'T' || s.ptr[13] != ':' ||
        s.ptr[16] != ':' || s.ptr[19] != '.' || s.ptr[23] != 'Z')
        return E_SYNTAX;
    if (!digits_at(s, 0, 4, &c.year) || !digits_at(s, 5, 2, &c.month) ||
        !digits_at(s, 8, 2, &c.day) || !digits_at(s, 11, 2, &c.hour) ||
        !digits_at(s, 14, 2, &c.minute) || !digits_at(s, 17, 2, &c.second) ||
        !digits_at(s, 20, 3, &ms))
        return E_SYNTAX;
    c.us = ms * 1000;
    return utc_from_civil(&c, 0, out) ? E_SYNTAX : OK;
}
