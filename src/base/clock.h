/* base/clock.h - the one door for time.
 *
 * Wall time and monotonic time are different types, so that the compiler keeps them apart. A room
 * that needs the time is given a struct clock: the real one, or a test's virtual one. */
#ifndef MAST_BASE_CLOCK_H
#define MAST_BASE_CLOCK_H

#include "base/str.h"

struct utc {
    int64_t us; /* microseconds since 1970-01-01T00:00:00Z, leap seconds not counted */
};
struct mono {
    int64_t us; /* microseconds since an unknown start; never steps */
};

#define US_PER_S  INT64_C(1000000)
#define US_PER_MS INT64_C(1000)

struct clock {
    void *ctx;
    struct utc (*utc)(void *ctx);
    struct mono (*mono)(void *ctx);
};

/* The machine's clocks: CLOCK_REALTIME and CLOCK_MONOTONIC.   Owner: static.   Thread: any. */
const struct clock *clock_real(void);

struct utc clock_utc(const struct clock *clock);   /* Thread: any. Air-safe. */
struct mono clock_mono(const struct clock *clock); /* Thread: any. Air-safe. */

/* Formats into `field`, NUL-terminated, in UTC.   Thread: any. Air-safe.
 *   utc_format_iso   2026-11-22T09:42:10.123Z       (24 bytes + NUL)  RFC 3339
 *   utc_format_http  Sun, 22 Nov 2026 09:42:10 GMT  (29 bytes + NUL)  RFC 9110 section 5.6.7 */
#define UTC_ISO_BYTES  32
#define UTC_HTTP_BYTES 32
void utc_format_iso(struct utc t, char field[UTC_ISO_BYTES]);
void utc_format_http(struct utc t, char field[UTC_HTTP_BYTES]);

/* Reads an IMF-fixdate as utc_format_http() writes it.
 * Errors: E_SYNTAX; *out = 0 then.   Source: RFC 9110 section 5.6.7. */
MUST_USE enum err utc_parse_http(struct str s, struct utc *out);

/* The same for an instant as utc_format_iso() writes it, and in no other form. */
MUST_USE enum err utc_parse_iso(struct str s, struct utc *out);

/* The civil date and time of an instant shifted by `offset_s` seconds east of UTC. */
struct civil {
    int year, month, day; /* month 1-12, day 1-31 */
    int hour, minute, second, us;
    int weekday; /* 0 = Sunday */
};
struct civil utc_to_civil(struct utc t, int offset_s);

/* The instant of a civil time at an offset. Fields must be in range; years 1970 to 9999.
 * Errors: E_RANGE; *out = 0 then. */
MUST_USE enum err utc_from_civil(const struct civil *c, int offset_s, struct utc *out);

#endif
