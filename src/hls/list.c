/* hls/list.c - playlists as text; contract in station.h */
#include "hls/station_priv.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>

#define SMALL_BPS 64000
#define SKIP_LEFT                                                                                  \
    ((uint64_t)8)   /* segments of a short playlist: over M3U8_SKIP_S, and two for luck */
#define LATE_S   60 /* so long after its end nothing is added to a range any more */
#define WINDOW_S ((uint64_t)(TAPE_WINDOW_US / US_PER_S))

static bool is_gap(const struct line *line, uint64_t n)
{
    return line_at(line, n)->flags & LINE_GAP;
}

struct hls_span list_span(const struct track *track)
{
    uint64_t windows = (track->bitrate_bps <= SMALL_BPS ? HLS_LIST_SMALL_S : HLS_LIST_S) / WINDOW_S;
    struct hls_span span = {track->line.first_n, track->told_end};
    if (span.end_n < span.first_n)
        span.end_n = span.first_n;
    if (span.end_n - span.first_n > windows)
        span.first_n = span.end_n - windows;
    while (span.first_n < span.end_n && is_gap(&track->line, span.first_n))
        span.first_n++;
    return span;
}

static struct m3u8_segment segment_of(const struct hls_station *station, const struct line *line,
                                      uint64_t n)
{
    const struct line_segment *s = line_at(line, n);
    return (struct m3u8_segment){
        .start = {s->start_us},
        .span_us = s->flags & LINE_GAP ? TAPE_WINDOW_US
                                       : (int64_t)(s->samples * UINT64_C(1000000) / s->rate_hz),
        .init = s->init,
        .is_gap = s->flags & LINE_GAP,
        .is_break = breaks_has(&station->breaks, n),
    };
}

/* Fills in segments and titles of `span`, and writes. */
static enum err write(const struct hls_station *station, const struct line *line,
                      const struct titles *titles, struct hls_span span, struct m3u8_media *media,
                      struct buf *out)
{
    char query[32] = "";
    size_t count = span.end_n - span.first_n;
    struct m3u8_segment *segments = mem_new_array(count, sizeof *segments);
    struct m3u8_range *ranges = mem_new_array(TITLES_MAX, sizeof *ranges);
    enum err err = segments && ranges ? OK : E_NOMEM;
    if (!err) {
        for (size_t i = 0; i < count; i++)
            segments[i] = segment_of(station, line, span.first_n + i);
        struct utc end = {segments[count - 1].start.us + segments[count - 1].span_us};
        if (station->breaks.epoch > 0)
            snprintf(query, sizeof query, "?e=%" PRIu64, station->breaks.epoch);
        media->first_n = span.first_n;
        media->segments = segments;
        media->segments_count = count;
        media->breaks_before = breaks_until(&station->breaks, span.first_n);
        media->query = query;
        media->ranges = ranges;
        media->ranges_count = titles_ranges(titles, segments[0].start, end, ranges);
        m3u8_add_media(out, media);
    }
    mem_free(segments);
    mem_free(ranges);
    return err;
}

enum err hls_station_list(struct hls_station *station, size_t rendition, bool skips,
                          struct buf *out)
{
    const struct track *track = station->tracks[rendition];
    struct hls_span span = list_span(track);
    uint64_t count = span.end_n - span.first_n;
    struct m3u8_media media = {.skipped = skips && count > SKIP_LEFT ? count - SKIP_LEFT : 0};
    if (count == 0)
        return E_NOT_FOUND;
    return write(station, &track->line, &track->titles, span, &media, out);
}

static enum err write_range(const struct hls_station *station, const struct track *track,
                            struct line *line, struct titles *titles, struct hls_span asked,
                            bool has_ended, struct buf *out)
{
    enum err err = track_read(track, asked.first_n, asked.end_n, line, titles);
    struct hls_span span = {line->first_n, line->end_n};
    while (span.first_n < span.end_n && is_gap(line, span.first_n))
        span.first_n++;
    while (has_ended && span.first_n < span.end_n && is_gap(line, span.end_n - 1))
        span.end_n--;
    struct m3u8_media media = {.is_closed_range = true, .has_ended = has_ended};
    if (!err && span.first_n == span.end_n)
        err = E_NOT_FOUND;
    return err ? err : write(station, line, titles, span, &media, out);
}

enum err hls_station_range(struct hls_station *station, size_t rendition, uint64_t from_s,
                           uint64_t to_s, struct utc now, bool *has_ended, struct buf *out)
{
    const struct track *track = station->tracks[rendition];
    struct hls_span asked = {from_s / WINDOW_S, (to_s + WINDOW_S - 1) / WINDOW_S};
    struct line line;
    assert(from_s < to_s && to_s - from_s <= HLS_RANGE_MAX_S);
    *has_ended = track->told_end >= asked.end_n ||
                 now.us > (int64_t)(asked.end_n * WINDOW_S + LATE_S) * US_PER_S;
    const size_t windows = asked.end_n - asked.first_n;
    struct titles *titles = mem_new(sizeof *titles);
    enum err err = titles ? line_init(&line, windows, windows) : E_NOMEM;
    if (!err) {
        err = write_range(station, track, &line, titles, asked, *has_ended, out);
        line_release(&line);
        titles_release(titles);
    }
    mem_free(titles);
    return err;
}
