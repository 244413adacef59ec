/* media/m3u8.c - contract in m3u8.h */
#include "media/m3u8.h"

#include <inttypes.h>

#define TIME_EACH 10 /* segments: so often the time is said again */

static void add_time(struct buf *out, struct utc at)
{
    char text[UTC_ISO_BYTES];
    utc_format_iso(at, text);
    buf_add(out, str_of(text));
}

static void add_seconds(struct buf *out, int64_t us)
{
    int64_t tens = (us + 5) / 10;
    buf_printf(out, "%" PRId64 ".%05" PRId64, tens / 100000, tens % 100000);
}

/* A quoted string may hold neither line ends nor quotation marks, and there is no way to escape
 * them. */
static void add_quoted(struct buf *out, struct str text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 32 && c != 127)
            buf_add_char(out, c == '"' ? '\'' : (char)c);
    }
    buf_add_char(out, '"');
}

static void add_head(struct buf *out, const struct m3u8_media *media)
{
    buf_printf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n",
               media->skipped > 0 ? 9 : 7, M3U8_TARGET_S);
    if (!media->has_ended)
        buf_printf(out, "#EXT-X-SERVER-CONTROL:HOLD-BACK=%d.0%s\n", M3U8_HOLD_S,
                   media->is_closed_range ? "" : ",CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36.0");
    if (media->is_closed_range)
        buf_printf(out, "#EXT-X-PLAYLIST-TYPE:%s\n", media->has_ended ? "VOD" : "EVENT");
    buf_printf(out,
               "#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n",
               media->first_n, media->breaks_before);
    if (media->skipped > 0)
        buf_printf(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%zu\n", media->skipped);
}

static void add_segment(struct buf *out, const struct m3u8_media *media, size_t i)
{
    const struct m3u8_segment *s = &media->segments[i];
    const struct m3u8_segment *before = i > media->skipped ? s - 1 : NULL;
    uint64_t n = media->first_n + i;
    if (s->is_break)
        buf_add(out, STR("#EXT-X-DISCONTINUITY\n"));
    if (!s->is_gap && (!before || before->init != s->init || before->is_gap))
        buf_printf(out, "#EXT-X-MAP:URI=\"i%08" PRIx32 ".mp4\"\n", s->init);
    if (!before || s->is_break || before->is_gap || n % TIME_EACH == 0) {
        buf_add(out, STR("#EXT-X-PROGRAM-DATE-TIME:"));
        add_time(out, s->start);
        buf_add_char(out, '\n');
    }
    if (s->is_gap)
        buf_add(out, STR("#EXT-X-GAP\n"));
    buf_add(out, STR("#EXTINF:"));
    add_seconds(out, s->span_us);
    buf_printf(out, ",\n%" PRIu64 ".m4s%s\n", n, media->query);
}

static void add_range(struct buf *out, const struct m3u8_range *range)
{
    buf_printf(out, "#EXT-X-DATERANGE:ID=\"%s\",CLASS=\"%s\",START-DATE=\"", range->id,
               range->class);
    add_time(out, range->start);
    buf_add(out, STR("\""));
    if (range->span_us > 0) {
        buf_add(out, STR(",DURATION="));
        add_seconds(out, range->span_us);
    }
    buf_add(out, STR(",X-TITLE="));
    add_quoted(out, range->title);
    buf_add_char(out, '\n');
}

void m3u8_add_media(struct buf *out, const struct m3u8_media *media)
{
    assert(media->skipped < media->segments_count || media->segments_count == 0);
    add_head(out, media);
    for (size_t i = media->skipped; i < media->segments_count; i++)
        add_segment(out, media, i);
    for (size_t i = 0; i < media->ranges_count; i++)
        add_range(out, &media->ranges[i]);
    if (media->has_ended)
        buf_add(out, STR("#EXT-X-ENDLIST\n"));
}

void m3u8_add_master(struct buf *out, const struct m3u8_variant *variants, size_t count)
{
    buf_add(out, STR("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"));
    for (size_t i = 0; i < count; i++)
        buf_printf(out,
                   "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu32 ",AVERAGE-BANDWIDTH=%" PRIu32
                   ",CODECS=\"%s\"\n%s\n",
                   variants[i].peak_bps, variants[i].bitrate_bps, variants[i].codecs,
                   variants[i].uri);
}
