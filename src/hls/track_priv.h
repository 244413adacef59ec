/* hls/track_priv.h - one rendition: what comes off its tape, as segments and titles.
 * Thread: one at a time; may wait for a disk. */
#ifndef MAST_HLS_TRACK_PRIV_H
#define MAST_HLS_TRACK_PRIV_H

#include "base/buf.h"
#include "hls/line_priv.h"
#include "hls/titles_priv.h"

#define TRACK_SEGMENT_MAX ((size_t)16 << 20) /* bytes of a segment */
#define TRACK_FRESH       64 /* windows whose place in RAM is known; RAM holds some 50 */

struct track {
    char slug[64];
    struct tape *tape;
    bool has_files;
    bool is_told; /* what it had at first was told of */
    uint32_t bitrate_bps;
    struct line line;
    struct titles titles;
    uint64_t next_run, next_title; /* numbers in the RAM tail */
    uint64_t told_end;             /* segments before this window were told */
    uint64_t checked_end;          /* ... and it was seen that the disk has those before this one */
    struct utc waits_since;        /* for the disk to have the next one; 0 = it does not */
    struct line_window fresh[TRACK_FRESH]; /* of window n at n % TRACK_FRESH */
    uint32_t bps[TRACK_FRESH];             /* of segments that were made; 0 = none */
};

/* Shape: capacity in windows.   Errors: E_NOMEM. */
MUST_USE enum err track_init(struct track *track, const char *slug, struct tape *tape,
                             uint32_t bitrate_bps, size_t capacity);
void track_release(struct track *track);

/* Takes what lies on disk from window from_n on. on_break is told each window that begins with a
 * break.   Errors: E_IO, E_NOMEM. */
MUST_USE enum err track_load(struct track *track, uint64_t from_n,
                             enum err (*on_break)(void *ctx, uint64_t n), void *ctx);

/* Takes what the tape has new. on_window is told each window that is over. */
void track_take(struct track *track, struct utc now, void (*on_window)(void *ctx, uint64_t n),
                void *ctx);

/* Makes the segment of a window from RAM; appends it.
 * Errors: E_NOT_FOUND (part of) it lies on disk; those of the buffer stay there. */
MUST_USE enum err track_make(struct track *track, uint64_t n, struct buf *out);

/* Do the files hold the whole segment?   Errors: E_NOT_FOUND no; E_IO, E_NOMEM. */
MUST_USE enum err track_check_disk(const struct track *track, uint64_t n);

/* Fills a line and titles with what is there of [from_n, to_n), told segments only.
 * Owner: the caller's line and titles, initialised before.   Errors: E_IO, E_NOMEM. */
MUST_USE enum err track_read(const struct track *track, uint64_t from_n, uint64_t to_n,
                             struct line *line, struct titles *titles);

#endif
