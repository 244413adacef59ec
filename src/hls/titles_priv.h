/* hls/titles_priv.h - what was on in the time that a playlist covers: titles, newest last.
 * Pure.   Thread: one at a time. */
#ifndef MAST_HLS_TITLES_PRIV_H
#define MAST_HLS_TITLES_PRIV_H

#include "media/m3u8.h"

#define TITLES_MAX                                                                                 \
    400 /* the oldest go: a playlist must not grow with a source that writes titles
                          every second */

struct titles {
    struct titles_one {
        struct utc at;
        char *text; /* "" ends the one before */
    } list[TITLES_MAX];
    size_t count;
};

void titles_release(struct titles *titles);

/* Adds a title that holds from `at` on. One that says the same as the one before it, or comes
 * before that, adds nothing; of several at one moment the last holds.   Errors: E_NOMEM. */
MUST_USE enum err titles_add(struct titles *titles, struct utc at, struct str text);

/* Lets those go that were over before `at`. */
void titles_drop_before(struct titles *titles, struct utc at);

/* Fills in what of them lies in [from, to).   Shape: room for TITLES_MAX.   Borrowed texts. */
size_t titles_ranges(const struct titles *titles, struct utc from, struct utc to,
                     struct m3u8_range *out);

#endif
