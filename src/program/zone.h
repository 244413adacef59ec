/* program/zone.h - a station's time zone as a table of offsets; wraps libical.
 *
 * The table is made once, when a board is made, so that a loop can use it: no file is read later.
 * Source: RFC 5545 section 3.3.5 (what a local time in a gap or in a repeated hour means). */
#ifndef MAST_PROGRAM_ZONE_H
#define MAST_PROGRAM_ZONE_H

#include "base/clock.h"

struct zone; /* private: zone.c */

/* Could this be the name of an IANA zone? Looks at no file.   Shape: 1 to 63 bytes.   Thread: any. */
bool zone_is_name(struct str name);

/* Makes the table of an IANA zone from two years before `around` to two years after.
 * Owner: the caller.   Thread: any but loop and air.   Errors: E_NOT_FOUND no such zone; E_NOMEM.
 */
MUST_USE enum err zone_new(const char *name, struct utc around, struct zone **out);
void zone_free(struct zone **zone);

/* Seconds east of UTC at an instant; beyond the table the nearest offset that it knows.
 * Thread: any. */
int zone_offset_s(const struct zone *zone, struct utc at);

/* The instant of a local time: in a repeated hour the first, in a gap with the offset before it.
 * Errors: E_RANGE a field is out of range.   Thread: any. */
MUST_USE enum err zone_instant(const struct zone *zone, const struct civil *local, struct utc *out);

#endif
