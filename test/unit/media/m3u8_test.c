/* Tests of src/media/m3u8.c: playlists, letter by letter. */
#include "media_test.h"

#include "media/m3u8.h"

#define N0 UINT64_C(299226000)
#define T0 ((int64_t)N0 * 6 * US_PER_S) /* 2026-11-22T14:00:00Z */

static void assert_text(struct buf *buf, const char *expected)
{
    assert_int_equal(buf_err(buf), OK);
    assert_string_equal(buf->ptr, expected);
    buf_release(buf);
}

static struct m3u8_segment plain(uint64_t i)
{
    return (struct m3u8_segment){
        .start = {T0 + (int64_t)i * 6 * US_PER_S + 4000}, .span_us = 5994667, .init = 0xabc};
}

static void a_live_playlist_says_when_its_sound_was_on_the_air(void **state)
{
    (void)state;
    struct m3u8_segment segments[] = {plain(0), plain(1)};
    struct m3u8_media media = {
        .first_n = N0, .segments = segments, .segments_count = 2, .breaks_before = 41, .query = ""};
    struct buf buf;
    buf_init(&buf, BYTES_MAX);
    m3u8_add_media(&buf, &media);
    assert_text(&buf,
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n"
                "#EXT-X-SERVER-CONTROL:HOLD-BACK=18.0,CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36.0\n"
                "#EXT-X-MEDIA-SEQUENCE:299226000\n#EXT-X-DISCONTINUITY-SEQUENCE:41\n"
                "#EXT-X-MAP:URI=\"i00000abc.mp4\"\n"
                "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T14:00:00.004Z\n"
                "#EXTINF:5.99467,\n299226000.m4s\n"
                "#EXTINF:5.99467,\n299226001.m4s\n");
}

static void what_breaks_off_is_placed_anew_and_what_was_never_there_is_a_gap(void **state)
{
    (void)state;
    struct m3u8_segment segments[] = {plain(1), plain(2), plain(3), plain(4)};
    segments[1].is_break = true;
    segments[1].init = 0xdef;
    segments[2] = (struct m3u8_segment){
        .start = {T0 + 18 * US_PER_S}, .span_us = 6 * US_PER_S, .is_gap = true};
    segments[3].is_break = true;
    segments[3].init = 0xdef;
    struct m3u8_media media = {.first_n = N0 + 1,
                               .segments = segments,
                               .segments_count = 4,
                               .breaks_before = 7,
                               .has_ended = true,
                               .is_closed_range = true,
                               .query = "?e=2"};
    struct buf buf;
    buf_init(&buf, BYTES_MAX);
    m3u8_add_media(&buf, &media);
    assert_text(&buf, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n"
                      "#EXT-X-PLAYLIST-TYPE:VOD\n"
                      "#EXT-X-MEDIA-SEQUENCE:299226001\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n"
                      "#EXT-X-MAP:URI=\"i00000abc.mp4\"\n"
                      "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T14:00:06.004Z\n"
                      "#EXTINF:5.99467,\n299226001.m4s?e=2\n"
                      "#EXT-X-DISCONTINUITY\n"
                      "#EXT-X-MAP:URI=\"i00000def.mp4\"\n"
                      "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T14:00:12.004Z\n"
                      "#EXTINF:5.99467,\n299226002.m4s?e=2\n"
                      "#EXT-X-GAP\n#EXTINF:6.00000,\n299226003.m4s?e=2\n"
                      "#EXT-X-DISCONTINUITY\n"
                      "#EXT-X-MAP:URI=\"i00000def.mp4\"\n"
                      "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T14:00:24.004Z\n"
                      "#EXTINF:5.99467,\n299226004.m4s?e=2\n"
                      "#EXT-X-ENDLIST\n");
}

static void a_delta_update_leaves_out_what_the_player_has(void **state)
{
    (void)state;
    struct m3u8_segment segments[] = {plain(0), plain(1), plain(2)};
    struct m3u8_media media = {
        .first_n = N0, .segments = segments, .segments_count = 3, .skipped = 2, .query = ""};
    struct buf buf;
    buf_init(&buf, BYTES_MAX);
    m3u8_add_media(&buf, &media);
    assert_text(&buf,
                "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:6\n"
                "#EXT-X-SERVER-CONTROL:HOLD-BACK=18.0,CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36.0\n"
                "#EXT-X-MEDIA-SEQUENCE:299226000\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                "#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n"
                "#EXT-X-MAP:URI=\"i00000abc.mp4\"\n"
                "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T14:00:12.004Z\n"
                "#EXTINF:5.99467,\n299226002.m4s\n");
}

static void titles_cannot_break_out_of_their_quotes(void **state)
{
    (void)state;
    struct m3u8_segment segments[] = {plain(0)};
    struct m3u8_range range = {.id = "t-1",
                               .class = "org.mast.track",
                               .start = {T0},
                               .span_us = 90 * US_PER_S,
                               .title = STR("A \"B\"\n#EXT-X-ENDLIST\r")};
    struct m3u8_media media = {.first_n = N0,
                               .segments = segments,
                               .segments_count = 1,
                               .is_closed_range = true,
                               .query = "",
                               .ranges = &range,
                               .ranges_count = 1};
    struct buf buf;
    buf_init(&buf, BYTES_MAX);
    m3u8_add_media(&buf, &media);
    assert_text(&buf, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n"
                      "#EXT-X-SERVER-CONTROL:HOLD-BACK=18.0\n"
                      "#EXT-X-PLAYLIST-TYPE:EVENT\n"
                      "#EXT-X-MEDIA-SEQUENCE:299226000\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                      "#EXT-X-MAP:URI=\"i00000abc.mp4\"\n"
                      "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T14:00:00.004Z\n"
                      "#EXTINF:5.99467,\n299226000.m4s\n"
                      "#EXT-X-DATERANGE:ID=\"t-1\",CLASS=\"org.mast.track\","
                      "START-DATE=\"2026-11-22T14:00:00.000Z\",DURATION=90.00000,"
                      "X-TITLE=\"A 'B'#EXT-X-ENDLIST\"\n");
}

static void a_master_playlist_lists_the_one_to_begin_with_first(void **state)
{
    (void)state;
    const struct m3u8_variant variants[] = {
        {"aac-96/live.m3u8", "mp4a.40.2", 98000, 104000},
        {"aac-48/live.m3u8", "mp4a.40.2", 50000, 52000},
    };
    struct buf buf;
    buf_init(&buf, BYTES_MAX);
    m3u8_add_master(&buf, variants, 2);
    assert_text(&buf,
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                "#EXT-X-STREAM-INF:BANDWIDTH=104000,AVERAGE-BANDWIDTH=98000,CODECS=\"mp4a.40.2\"\n"
                "aac-96/live.m3u8\n"
                "#EXT-X-STREAM-INF:BANDWIDTH=52000,AVERAGE-BANDWIDTH=50000,CODECS=\"mp4a.40.2\"\n"
                "aac-48/live.m3u8\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_playlist_says_when_its_sound_was_on_the_air),
        cmocka_unit_test(what_breaks_off_is_placed_anew_and_what_was_never_there_is_a_gap),
        cmocka_unit_test(a_delta_update_leaves_out_what_the_player_has),
        cmocka_unit_test(titles_cannot_break_out_of_their_quotes),
        cmocka_unit_test(a_master_playlist_lists_the_one_to_begin_with_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
