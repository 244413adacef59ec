/* media/m3u8.h - HLS playlists as text. Pure.   Thread: any.
 * Source: RFC 8216, draft-pantos-hls-rfc8216bis-22 (SERVER-CONTROL, SKIP, GAP). */
#ifndef MAST_MEDIA_M3U8_H
#define MAST_MEDIA_M3U8_H

#include "base/buf.h"
#include "base/clock.h"

#define M3U8_TARGET_S 6
#define M3U8_HOLD_S   18 /* players keep this far behind the newest segment */
#define M3U8_SKIP_S   36 /* older than this may be left out for who has it already */

/* Segments are numbered by the clock, n = floor(Unix seconds / 6), one after the other. */
struct m3u8_segment {
    struct utc start; /* when its first frame was on the air; a gap: when its window begins */
    int64_t span_us;  /* how long its sound is */
    uint32_t init;    /* names its init section: i<init in hex>.mp4 */
    bool is_gap;      /* there was no sound: it is listed, and cannot be fetched */
    bool is_break;    /* does not follow on from the one before */
};

/* Something that lasted for a while: a title, a programme. Text is escaped here. */
struct m3u8_range {
    char id[40];
    const char *class; /* "org.mast.track" */
    struct utc start;
    int64_t span_us; /* 0 = goes on */
    struct str title;
};

struct m3u8_media {
    uint64_t first_n; /* of segments[0] */
    const struct m3u8_segment *segments;
    size_t segments_count;
    size_t skipped;         /* so many of them the reader has already */
    uint64_t breaks_before; /* DISCONTINUITY tags before segments[0], ever */
    bool has_ended;         /* nothing will follow */
    bool is_closed_range;   /* nothing will be taken away: PLAYLIST-TYPE EVENT, or VOD at its end */
    const char *query;      /* of each address: "?e=2"; "" = none */
    const struct m3u8_range *ranges;
    size_t ranges_count;
};

/* Appends a media playlist; failures stay in the buffer.   Shape: skipped < segments_count. */
void m3u8_add_media(struct buf *out, const struct m3u8_media *media);

struct m3u8_variant {
    const char *uri;
    const char *codecs;
    uint32_t bitrate_bps, peak_bps;
};

/* Appends a master playlist, the variant to begin with first. */
void m3u8_add_master(struct buf *out, const struct m3u8_variant *variants, size_t count);

#endif
