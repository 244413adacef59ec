/* hls/station.h - what can be played of one station by HLS: the segments of its renditions, its
 * titles, and the playlists that tell of them.
 *
 *     tapes --hls_station_look--> segments of windows that are over --hls_station_list--> playlist
 *
 * A segment is a window of the tape (tape/tape.h), numbered by the clock. All renditions of a
 * station say DISCONTINUITY before the same windows; so a window is told only when all of them are
 * through with it, or one has been for a while.
 * Used by the lister's thread (hls.h), and by the simulator.
 * Thread: one at a time; may wait for a disk. Source: RFC 8216, draft-pantos-hls-rfc8216bis-22. */
#ifndef MAST_HLS_STATION_H
#define MAST_HLS_STATION_H

#include "base/buf.h"
#include "base/clock.h"
#include "media/format.h"
#include "tape/tape.h"

struct hls_station; /* private: station.c */

#define HLS_RENDITIONS_MAX 8
#define HLS_LIST_S         (6 * 3600) /* so far back goes a live playlist */
#define HLS_LIST_SMALL_S   (2 * 3600) /* that of a rendition for who has to save data */
#define HLS_RANGE_MAX_S    (24 * 3600)

struct hls_station_config {
    const char *slug;
    const char *data_folder; /* NULL: the tapes lie in RAM alone, and nothing is kept (simulator) */
    bool is_first;           /* nothing in this data folder was ever listed */
};
MUST_USE enum err hls_station_new(const struct hls_station_config *config,
                                  struct hls_station **out);
void hls_station_free(struct hls_station **station);
const char *hls_station_slug(const struct hls_station *station);

/* Adds a rendition, with what its tape has on disk.
 * Shape:  slug at most 63 bytes, AAC; the tape stays open longer than the station.
 * Errors: E_LIMIT, E_NOMEM, E_IO: it is not there then. */
MUST_USE enum err hls_station_add(struct hls_station *station, const char *slug, struct tape *tape,
                                  uint32_t bitrate_bps);

struct tape *hls_station_tape(const struct hls_station *station, size_t rendition);

/* The rendition of a tape; SIZE_MAX if there is none. */
size_t hls_station_index(const struct hls_station *station, const struct tape *tape);

/* A segment that is told from now on. */
struct hls_news {
    size_t rendition;
    uint64_t n;
    struct str bytes; /* fragmented MP4; empty: it lies on disk, and is made when it is asked for */
};

/* Looks what the tapes have new at station time `now`, and tells each new segment, in order.
 * Returns whose playlists changed, a bit each: rendition 0 is bit 0. Failures are logged; what
 * fails is tried again. */
uint32_t hls_station_look(struct hls_station *station, struct utc now,
                          void (*on_segment)(void *ctx, const struct hls_news *news), void *ctx);

/* The newest segment that is told of a rendition, and how many a live playlist lists.
 * `none` = 0 are listed. */
struct hls_state {
    uint64_t newest_n;
    size_t listed_count;
    uint32_t average_bps, peak_bps; /* of the newest segments; before there are any, nominal */
    char codecs[16];                /* "mp4a.40.2" */
    uint64_t epoch;                 /* 0, or what stands behind ?e= in addresses of segments */
};
void hls_station_state(const struct hls_station *station, size_t rendition, struct hls_state *out);

/* Appends a live playlist; skips: the short form for who has had one not long ago.
 * Errors: E_NOT_FOUND nothing is listed; E_NOMEM; those of the buffer stay there. */
MUST_USE enum err hls_station_list(struct hls_station *station, size_t rendition, bool skips,
                                   struct buf *out);

/* Appends the playlist of all segments that have sound of [from, to) seconds of Unix time; it
 * grows until that time is over and keeps its address for ever.
 * Shape:  from < to, at most HLS_RANGE_MAX_S.
 * Errors: E_NOT_FOUND nothing of it is on the tape; E_IO, E_NOMEM. */
MUST_USE enum err hls_station_range(struct hls_station *station, size_t rendition, uint64_t from_s,
                                    uint64_t to_s, struct utc now, bool *has_ended,
                                    struct buf *out);

#endif
