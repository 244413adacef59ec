/* The two documents, byte for byte. */
#include "front/front_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* last, as it wants the above */
#include <cmocka.h>

static const struct board_station station = {
    .slug = "wxyz", .name = "WXYZ \"News\"", .description = "News & talk", .listed = true};
static const struct board_rendition mp3 = {
    .slug = "mp3-128", .codec = CODEC_MP3, .bitrate_bps = 128000};
static const struct board_rendition opus = {
    .slug = "opus-96", .codec = CODEC_OPUS, .bitrate_bps = 96000};

static struct ice_facts facts_make(void)
{
    return (struct ice_facts){
        .admin = "icemaster@localhost",
        .host = "localhost",
        .location = "Earth",
        .server_id = "mast/0.1.0",
        .port = 8000,
        .started = {INT64_C(1795385104) * US_PER_S},
        .clients = 3,
        .client_connections = 117,
        .connections = 120,
        .listeners = 1,
        .listener_connections = 2,
        .sources = 1,
        .source_connections = 4,
    };
}

static struct sound mp3_make(void)
{
    struct sound sound = {
        .station = &station,
        .rendition = &mp3,
        .mount = "/wxyz/mp3-128.mp3",
        .is_on = true,
        .since = {INT64_C(1795385110) * US_PER_S},
        .has_source = true,
        .audience = {.now = 1, .peak = 5, .bytes_sent = 1000},
        .has_title = true,
        .title = "1999",
        .has_format = true,
        .format = {.codec = CODEC_MP3, .rate_hz = 44100, .channels = 2},
    };
    struct source_facts *f = &sound.source;
    snprintf(f->audio_info, sizeof f->audio_info, "ice-samplerate=44100;ice-bitrate=160;quality=4");
    snprintf(f->genre, sizeof f->genre, "jazz");
    snprintf(f->url, sizeof f->url, "http://x.example/");
    snprintf(f->agent, sizeof f->agent, "test <1>");
    snprintf(f->mount, sizeof f->mount, "/wxyz");
    f->bitrate_kbps = 160;
    f->is_public = true;
    f->bytes_read = 2000;
    f->peer.ip[10] = f->peer.ip[11] = 0xff;
    f->peer.ip[12] = 127;
    f->peer.ip[15] = 1;
    return sound;
}

static struct sound opus_make(void)
{
    return (struct sound){
        .station = &station,
        .rendition = &opus,
        .mount = "/wxyz/opus-96.opus",
        .is_on = true,
        .since = {INT64_C(1795385110) * US_PER_S},
    };
}

#define SERVER_JSON                                                                                \
    "{\"icestats\":{\"admin\":\"icemaster@localhost\",\"host\":\"localhost\","                     \
    "\"location\":\"Earth\",\"server_id\":\"mast/0.1.0\","                                         \
    "\"server_start\":\"Sun, 22 Nov 2026 22:05:04 +0000\","                                        \
    "\"server_start_iso8601\":\"2026-11-22T22:05:04+0000\","
#define MP3_JSON                                                                                   \
    "{\"audio_info\":\"ice-samplerate=44100;ice-bitrate=160;quality=4\",\"bitrate\":160,"          \
    "\"channels\":2,\"genre\":\"jazz\",\"ice-bitrate\":160,\"ice-channels\":2,"                    \
    "\"ice-samplerate\":44100,\"listener_peak\":5,\"listeners\":1,"                                \
    "\"listenurl\":\"http://localhost:8000/wxyz/mp3-128.mp3\",\"quality\":4,"                      \
    "\"samplerate\":44100,\"server_description\":\"News & talk\","                                 \
    "\"server_name\":\"WXYZ \\\"News\\\"\",\"server_type\":\"audio/mpeg\","                        \
    "\"server_url\":\"http://x.example/\","                                                        \
    "\"stream_start\":\"Sun, 22 Nov 2026 22:05:10 +0000\","                                        \
    "\"stream_start_iso8601\":\"2026-11-22T22:05:10+0000\",\"title\":1999,\"dummy\":null}"
#define OPUS_JSON                                                                                  \
    "{\"audio_info\":\"ice-samplerate=0;ice-bitrate=96;ice-channels=0\",\"bitrate\":96,"           \
    "\"genre\":\"various\",\"ice-bitrate\":96,\"ice-channels\":0,\"ice-samplerate\":0,"            \
    "\"listener_peak\":0,\"listeners\":0,"                                                         \
    "\"listenurl\":\"http://localhost:8000/wxyz/opus-96.opus\","                                   \
    "\"server_description\":\"News & talk\",\"server_name\":\"WXYZ \\\"News\\\"\","                \
    "\"server_type\":\"audio/ogg\",\"stream_start\":\"Sun, 22 Nov 2026 22:05:10 +0000\","          \
    "\"stream_start_iso8601\":\"2026-11-22T22:05:10+0000\",\"subtype\":\"Opus\",\"dummy\":null}"

/* The document with the first `count` of an MP3 and an Opus source. */
static void json_is(size_t count, const char *expected)
{
    struct ice_facts facts = facts_make();
    struct sound sounds[] = {mp3_make(), opus_make()};
    struct buf parts, out;
    buf_init(&parts, 65536);
    buf_init(&out, 65536);
    for (size_t i = 0; i < count; i++)
        status_json_add_sound(&facts, &sounds[i], &parts);
    status_json_add(&facts, buf_str(&parts), count, &out);
    assert_int_equal(buf_err(&parts), OK);
    assert_int_equal(buf_err(&out), OK);
    assert_string_equal(out.ptr, expected);
    buf_release(&parts);
    buf_release(&out);
}

static void without_sound_there_is_no_source_and_dummy_ends_the_server(void **state)
{
    (void)state;
    json_is(0, SERVER_JSON "\"dummy\":null}}");
}

static void one_source_is_an_object(void **state)
{
    (void)state;
    json_is(1, SERVER_JSON "\"source\":" MP3_JSON "}}");
}

static void two_sources_are_an_array(void **state)
{
    (void)state;
    json_is(2, SERVER_JSON "\"source\":[" MP3_JSON "," OPUS_JSON "]}}");
}

static void stats_have_what_status_json_hides(void **state)
{
    struct ice_facts facts = facts_make();
    struct sound sound = mp3_make();
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    stats_xml_add_server(&facts, &out);
    stats_xml_add_sound(&facts, &sound, &out);
    assert_int_equal(buf_err(&out), OK);
    assert_string_equal(
        out.ptr,
        "<admin>icemaster@localhost</admin><client_connections>117</client_connections>"
        "<clients>3</clients><connections>120</connections><file_connections>0</file_connections>"
        "<host>localhost</host><listener_connections>2</listener_connections>"
        "<listeners>1</listeners><location>Earth</location><server_id>mast/0.1.0</server_id>"
        "<server_start>Sun, 22 Nov 2026 22:05:04 +0000</server_start>"
        "<server_start_iso8601>2026-11-22T22:05:04+0000</server_start_iso8601>"
        "<source_client_connections>4</source_client_connections>"
        "<source_relay_connections>0</source_relay_connections>"
        "<source_total_connections>4</source_total_connections><sources>1</sources>"
        "<stats>0</stats><stats_connections>0</stats_connections>"
        "<source mount=\"/wxyz/mp3-128.mp3\">"
        "<audio_info>ice-samplerate=44100;ice-bitrate=160;quality=4</audio_info>"
        "<bitrate>160</bitrate><channels>2</channels><genre>jazz</genre>"
        "<ice-bitrate>160</ice-bitrate><ice-channels>2</ice-channels>"
        "<ice-samplerate>44100</ice-samplerate><listener_peak>5</listener_peak>"
        "<listeners>1</listeners><listenurl>http://localhost:8000/wxyz/mp3-128.mp3</listenurl>"
        "<max_listeners>unlimited</max_listeners><public>1</public><quality>4</quality>"
        "<samplerate>44100</samplerate><server_description>News &amp; talk</server_description>"
        "<server_name>WXYZ &quot;News&quot;</server_name><server_type>audio/mpeg</server_type>"
        "<server_url>http://x.example/</server_url><slow_listeners>0</slow_listeners>"
        "<source_ip>127.0.0.1</source_ip>"
        "<stream_start>Sun, 22 Nov 2026 22:05:10 +0000</stream_start>"
        "<stream_start_iso8601>2026-11-22T22:05:10+0000</stream_start_iso8601>"
        "<title>1999</title><total_bytes_read>2000</total_bytes_read>"
        "<total_bytes_sent>1000</total_bytes_sent><user_agent>test &lt;1&gt;</user_agent>"
        "</source>");
    buf_release(&out);
}

struct order {
    struct stat_sink sink;
    char last[64];
    size_t count;
};

static void check_order(struct stat_sink *sink, const char *name, struct str value, bool is_public)
{
    struct order *order = (struct order *)sink;
    (void)value;
    (void)is_public;
    if (strcmp(order->last, name) >= 0)
        fail_msg("%s came after %s", name, order->last);
    snprintf(order->last, sizeof order->last, "%s", name);
    order->count++;
}

static void names_come_in_ascii_order(void **state)
{
    struct ice_facts facts = facts_make();
    struct sound sounds[] = {mp3_make(), opus_make()};
    (void)state;
    struct order server = {.sink = {.add = check_order}};
    icestats_server(&facts, &server.sink);
    assert_int_equal(server.count, 18);
    for (size_t i = 0; i < 2; i++) {
        struct order order = {.sink = {.add = check_order}};
        icestats_sound(&facts, &sounds[i], &order.sink);
        assert_true(order.count >= 20);
    }
}

static void a_key_of_the_audio_information_is_found_whole(void **state)
{
    const struct str info = STR("ice-bitrate=1; bitrate = 2;channels=;x");
    (void)state;
    assert_true(str_eq(audio_info_get(info, "bitrate"), STR("2")));
    assert_true(str_eq(audio_info_get(info, "ice-bitrate"), STR("1")));
    assert_int_equal(audio_info_get(info, "channels").len, 0);
    assert_int_equal(audio_info_get(info, "x").len, 0);
    assert_int_equal(audio_info_get(STR(""), "x").len, 0);
}

/* Else a source could say how many listeners it has. */
static void a_source_cannot_invent_keys(void **state)
{
    struct ice_facts facts = facts_make();
    struct sound sound = mp3_make();
    struct buf out;
    (void)state;
    snprintf(sound.source.audio_info, sizeof sound.source.audio_info, "listeners=9999;title=mine");
    buf_init(&out, 65536);
    status_json_add_sound(&facts, &sound, &out);
    assert_non_null(strstr(out.ptr, "\"listeners\":1,"));
    assert_null(strstr(out.ptr, "\"listeners\":9999"));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_sound_there_is_no_source_and_dummy_ends_the_server),
        cmocka_unit_test(one_source_is_an_object),
        cmocka_unit_test(two_sources_are_an_array),
        cmocka_unit_test(stats_have_what_status_json_hides),
        cmocka_unit_test(names_come_in_ascii_order),
        cmocka_unit_test(a_key_of_the_audio_information_is_found_whole),
        cmocka_unit_test(a_source_cannot_invent_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
