/* hls/breaks_priv.h - before which windows a station's playlists say DISCONTINUITY, kept in a file.
 *
 * One list for all renditions: players that change from one to the other count these tags, and a
 * tag where a rendition did go on harms nobody. What was once said stays so over restarts, and the
 * count never runs back.   Source: RFC 8216 sections 4.3.3.3, 6.2.2, 6.2.4.
 * Thread: one at a time; loading and saving wait for a disk. */
#ifndef MAST_HLS_BREAKS_PRIV_H
#define MAST_HLS_BREAKS_PRIV_H

#include "base/err.h"

#include <stdint.h>

struct breaks {
    uint64_t before; /* how many there were before those that are listed */
    uint64_t *at;    /* windows, in order */
    size_t count, room;
    uint64_t decided_n; /* nothing changes before this window any more */
    uint64_t epoch;     /* how often the tapes were begun anew: window numbers came again */
    uint64_t aside;     /* of the newest tape that was set aside: says whether it is another one */
};

void breaks_init(struct breaks *breaks);
void breaks_release(struct breaks *breaks);

/* Errors: E_NOT_FOUND, E_SYNTAX (nothing is taken), E_IO ... */
MUST_USE enum err breaks_load(struct breaks *breaks, const char *path);
MUST_USE enum err breaks_save(const struct breaks *breaks, const char *path);

/* In any order; twice is as good as once.
 * Shape: n at or after decided_n.   Errors: E_NOMEM: it is not noted. */
MUST_USE enum err breaks_add(struct breaks *breaks, uint64_t n);

bool breaks_has(const struct breaks *breaks, uint64_t n);
uint64_t breaks_until(const struct breaks *breaks, uint64_t n); /* ever, before window n */
void breaks_drop_before(struct breaks *breaks, uint64_t n);     /* nobody asks for them any more */

/* Tapes were set aside: windows from n on come once more, under the addresses of a new epoch. */
void breaks_begin_epoch(struct breaks *breaks, uint64_t n, uint64_t aside);

#endif
