/* listen/at.h - the moment that ?at= names. Pure.   Thread: any.
 *
 *   2026-11-22T09:42:10-05:00   2026-11-22T14:42:10.5Z   ISO 8601 with offset; a space counts as
 * '+' 2026-11-22T09:42:10         2026-11-22T09:42         in the station's zone 1795012930
 * 1795012930.25            Unix seconds Source: contract of mast; RFC 3339 section 5.6 with the
 * seconds optional. */
#ifndef MAST_LISTEN_AT_H
#define MAST_LISTEN_AT_H

#include "program/zone.h"

/* Shape: years 1970 to 9999; zone NULL = UTC.
 * Errors: E_SYNTAX, E_RANGE (no such day or hour); *out = 0 then. */
MUST_USE enum err at_parse(struct str text, const struct zone *zone, struct utc *out);

#endif
