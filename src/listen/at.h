/* listen/at.h - the moment that ?at= names. Pure.   Thread: any.
 *
 *   2026-11-22T09:42:10-05:00   ISO 8601 with offset; a space counts as '+'
 *   2026-11-22T14:42:10.5Z
 *   2026-11-22T09:42:10         in the station's zone
 *   2026-11-22T09:42
 *   1795012930                  Unix seconds
 *   1795012930.25
 *
 * Source: contract of mast; RFC 3339 section 5.6 with the seconds optional. */
#ifndef MAST_LISTEN_AT_H
#define MAST_LISTEN_AT_H

#include "program/zone.h"

/* Shape: years 1970 to 9999; zone NULL = UTC.
 * Errors: E_SYNTAX, E_RANGE (no such day or hour); *out = 0 then. */
MUST_USE enum err at_parse(struct str text, const struct zone *zone, struct utc *out);

/* Is this moment as good as now? Then live is meant.   Thread: any. */
bool at_is_live(struct utc at, struct utc now);

#endif
