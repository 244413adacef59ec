/* Tests of what a station does with its inputs: encoders, rules, the loop; and that a file keeps
 * all of it, and may lack it. */
#include "board_room.h"

#define WXYZ(members) "{\"stations\": [{\"slug\": \"wxyz\", " members "}]}"

/* A station that has nothing by default. */
static const char everything[] =
    "{\"stations\": [{\"slug\": \"wxyz\","
    "\"renditions\": [{\"slug\": \"mp3\", \"codec\": \"mp3\", \"rate\": 44100, \"channels\": 1},"
    "{\"slug\": \"opus\", \"codec\": \"opus\", \"passthrough\": true}],"
    "\"sources\": [{\"user\": \"studio\", \"key\": \"studio-key-1234\", \"order\": 1,"
    "\"silence_allowed\": true},"
    "{\"relay\": \"http://me:secret@10.0.0.1:8000/live?a=b\", \"private\": true, \"order\": 2}],"
    "\"rules\": {\"stall\": 0.75, \"silence_level\": -60, \"silence_alarm\": 11,"
    "\"silence_switch\": 22, \"return_after\": 33}, \"loop\": \"/srv/loop.ogg\"}]}";

static void defaults_are(const struct board_station *s)
{
    assert_int_equal(s->rules.stall_ms, 1500);
    assert_int_equal(s->rules.silence_dbfs, -50);
    assert_int_equal(s->rules.silence_alarm_s, 10);
    assert_int_equal(s->rules.silence_switch_s, 20);
    assert_int_equal(s->rules.return_after_s, 5);
    assert_int_equal(s->loop, BOARD_LOOP_OWN);
    assert_string_equal(s->loop_file, "");
    for (size_t i = 0; i < s->renditions_count; i++) {
        assert_int_equal(s->renditions[i].rate_hz, 48000);
        assert_int_equal(s->renditions[i].channels, 2);
        assert_false(s->renditions[i].passthrough);
    }
    for (size_t i = 0; i < s->sources_count; i++) {
        assert_int_equal(s->sources[i].order, 100);
        assert_string_equal(s->sources[i].relay, "");
        assert_false(s->sources[i].is_private || s->sources[i].may_be_silent);
    }
}

static void what_a_document_leaves_out_has_its_default(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    defaults_are(&room->board->stations[0]);
    defaults_are(&room->board->stations[1]);
    apply_good(room, WXYZ("\"rules\": {}"));
    assert_int_equal(room->board->version, 1);
}

static void an_encoder_has_a_rate_and_channels(void **state)
{
    struct room *room = *state;
    apply_good(room, everything);
    const struct board_rendition *r = room->board->stations[0].renditions;
    assert_int_equal(r[0].rate_hz, 44100);
    assert_int_equal(r[0].channels, 1);
    assert_false(r[0].passthrough);
    assert_int_equal(r[1].rate_hz, 48000);
    assert_int_equal(r[1].channels, 2);
    assert_true(r[1].passthrough);
    apply_good(room, WXYZ("\"renditions\": [{\"slug\": \"mp3\", \"rate\": 32000},"
                          "{\"slug\": \"opus\", \"passthrough\": false}]"));
    r = room->board->stations[0].renditions;
    assert_int_equal(r[0].rate_hz, 32000);
    assert_int_equal(r[0].channels, 1);
    assert_false(r[1].passthrough);
    static const struct {
        const char *members, *fault;
    } bad[] = {
        {"\"slug\": \"mp3\", \"rate\": 22050", "rate: must be 48000, 44100 or 32000"},
        {"\"slug\": \"mp3\", \"rate\": \"48000\"", "rate: must be 48000, 44100 or 32000"},
        {"\"slug\": \"mp3\", \"rate\": 48000.0", "rate: must be 48000, 44100 or 32000"},
        {"\"slug\": \"mp3\", \"rate\": 4294967296", "rate: must be 48000, 44100 or 32000"},
        {"\"slug\": \"opus\", \"rate\": 44100", "rate: must be 48000 for opus"},
        {"\"slug\": \"new\", \"codec\": \"opus\", \"rate\": 32000, \"passthrough\": true",
         "rate: must be 48000 for opus"},
        {"\"slug\": \"mp3\", \"channels\": 0", "channels: must be a whole number from 1 to 2"},
        {"\"slug\": \"mp3\", \"channels\": 3", "channels: must be a whole number from 1 to 2"},
        {"\"slug\": \"mp3\", \"channels\": 257", "channels: must be a whole number from 1 to 2"},
        {"\"slug\": \"mp3\", \"passthrough\": 1", "passthrough: must be true or false"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char document[300], fault[200];
        snprintf(document, sizeof document, WXYZ("\"renditions\": [{%s}]"), bad[i].members);
        snprintf(fault, sizeof fault, "stations[0].renditions[0].%s", bad[i].fault);
        apply_bad(room, document, fault);
    }
}

static void rules_change_one_by_one(void **state)
{
    struct room *room = *state;
    apply_good(room, everything);
    apply_good(room, WXYZ("\"rules\": {\"silence_switch\": 600}"));
    apply_good(room, WXYZ("\"rules\": {\"silence_alarm\": 600, \"return_after\": 300}"));
    const struct board_rules *rules = &room->board->stations[0].rules;
    assert_int_equal(rules->stall_ms, 750);
    assert_int_equal(rules->silence_dbfs, -60);
    assert_int_equal(rules->silence_alarm_s, 600);
    assert_int_equal(rules->silence_switch_s, 600);
    assert_int_equal(rules->return_after_s, 300);
    apply_good(room,
               WXYZ("\"rules\": {\"stall\": 0.5, \"silence_level\": -90, \"silence_alarm\": 1,"
                    "\"silence_switch\": 2, \"return_after\": 1}"));
    apply_good(room, WXYZ("\"rules\": {\"stall\": 30, \"silence_level\": -20}"));
    apply_bad(room, WXYZ("\"rules\": {\"silence_alarm\": 3}"),
              "stations[0].rules.silence_switch: must not be under silence_alarm: 2 is under 3");
    apply_good(room, WXYZ("\"rules\": {\"silence_alarm\": 3, \"silence_switch\": 3}"));
}

static void rules_have_limits(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *members, *fault;
    } bad[] = {
        {"\"stall\": 0", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": 0.499", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": 30.001", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": 31", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": -1.5", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": 1e300", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": 9223372036854775807", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": \"1.5\"", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": null", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"stall\": [1.5]", ".stall: must be a number of seconds from 0.5 to 30"},
        {"\"silence_level\": -91",
         ".silence_level: must be a whole number of dBFS from -90 to -20"},
        {"\"silence_level\": -19",
         ".silence_level: must be a whole number of dBFS from -90 to -20"},
        {"\"silence_level\": -50.5",
         ".silence_level: must be a whole number of dBFS from -90 to -20"},
        {"\"silence_alarm\": 0", ".silence_alarm: must be a whole number of seconds from 1 to 600"},
        {"\"silence_alarm\": 601",
         ".silence_alarm: must be a whole number of seconds from 1 to 600"},
        {"\"silence_switch\": 1",
         ".silence_switch: must be a whole number of seconds from 2 to 600"},
        {"\"silence_switch\": 601",
         ".silence_switch: must be a whole number of seconds from 2 to 600"},
        {"\"silence_switch\": 9",
         ".silence_switch: must not be under silence_alarm: 9 is under 10"},
        {"\"return_after\": 0", ".return_after: must be a whole number of seconds from 1 to 300"},
        {"\"return_after\": 301", ".return_after: must be a whole number of seconds from 1 to 300"},
        {"\"remove\": true", ": there is no field \"remove\""},
        {"\"colour\": 1", ": there is no field \"colour\""},
    };
    char document[300], fault[200];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(document, sizeof document, WXYZ("\"rules\": {%s}"), bad[i].members);
        snprintf(fault, sizeof fault, "stations[0].rules%s", bad[i].fault);
        apply_bad(room, document, fault);
    }
    apply_bad(room, WXYZ("\"rules\": []"), "stations[0].rules: must be an object");
    apply_bad(room, WXYZ("\"rules\": null"), "stations[0].rules: must be an object");
}

/* Which number is read is a matter of its place alone. */
static void a_fraction_of_a_second_is_found_where_it_stands(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *number;
        uint32_t ms;
    } numbers[] = {
        {"1.25", 1250},
        {"5e-1", 500},
        {"0.005E2", 500},
        {"2.0", 2000},
        {"30.0", 30000},
        {"0.9996", 1000},
        {"1.0004", 1000},
        {"29.999", 29999},
        {"3", 3000},
        {"0.07e+2", 7000},
        {"1.1", 1100},
        {"1.70000000000000000000000000000000000000000000000000000000000000000001", 1700},
    };
    char document[700];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        snprintf(document, sizeof document, WXYZ("\"rules\":{\"stall\":%s}"), numbers[i].number);
        apply_good(room, document);
        assert_int_equal(room->board->stations[0].rules.stall_ms, numbers[i].ms);
    }
    apply_good(room,
               "{ \"\\u0073tations\" : [ {\"name\": \"[{,\\\"7.5\\\\\", \"slug\": \"wxyz\", "
               "\"sources\": [{\"user\": \"a\"}, {\"user\": \"b\", \"order\": 8}], "
               "\"rules\": {\"return_after\": 9, \"\\u0073tall\": 6.125}, \"renditions\": []},\n"
               "{\"rules\" :\t{ \"stall\" : 4.5 , \"silence_level\": -30 }, \"slug\": \"b\"} ]}");
    assert_int_equal(room->board->stations[0].rules.stall_ms, 6125);
    assert_int_equal(room->board->stations[1].rules.stall_ms, 4500);
    assert_int_equal(room->board->stations[1].rules.silence_dbfs, -30);
}

static void the_loop_is_masts_own_or_a_file_or_none(void **state)
{
    struct room *room = *state;
    static const char *const good[] = {"/srv/a b/l\xC3\xB6op.mp3", "/l.aac", "/l.opus", "/l.ogg",
                                       "/l.flac"};
    static const struct {
        const char *value, *wrong;
    } bad[] = {
        {"1", "must be true, false or a file's absolute path"},
        {"null", "must be true, false or a file's absolute path"},
        {"{}", "must be true, false or a file's absolute path"},
        {"\"\"", "\"\" must be an absolute path: \"/srv/loop.mp3\""},
        {"\"loop.mp3\"", "\"loop.mp3\" must be an absolute path: \"/srv/loop.mp3\""},
        {"\"/loop\"", "\"/loop\" must end in .mp3, .aac, .opus, .ogg or .flac"},
        {"\"/loop.wav\"", "\"/loop.wav\" must end in .mp3, .aac, .opus, .ogg or .flac"},
        {"\"/a\\n.mp3\"", "must not have control characters"},
    };
    char document[400], fault[300];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(document, sizeof document, WXYZ("\"loop\": \"%s\""), good[i]);
        apply_good(room, document);
        assert_int_equal(room->board->stations[0].loop, BOARD_LOOP_FILE);
        assert_string_equal(room->board->stations[0].loop_file, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(document, sizeof document, WXYZ("\"loop\": %s"), bad[i].value);
        snprintf(fault, sizeof fault, "stations[0].loop: %s", bad[i].wrong);
        apply_bad(room, document, fault);
    }
    apply_good(room, WXYZ("\"loop\": false"));
    assert_int_equal(room->board->stations[0].loop, BOARD_LOOP_NONE);
    assert_string_equal(room->board->stations[0].loop_file, "");
    apply_good(room, WXYZ("\"name\": \"N\""));
    assert_int_equal(room->board->stations[0].loop, BOARD_LOOP_NONE);
    apply_good(room, WXYZ("\"loop\": true"));
    assert_int_equal(room->board->stations[0].loop, BOARD_LOOP_OWN);
    char path[257] = "/";
    memset(path + 1, 'a', 255);
    memcpy(path + 252, ".mp3", 4);
    snprintf(document, sizeof document, WXYZ("\"loop\": \"%s\""), path);
    apply_bad(room, document, "stations[0].loop: must have at most 255 bytes, not 256");
    snprintf(document, sizeof document, WXYZ("\"loop\": \"/%s\""), path + 2);
    apply_good(room, document);
}

static enum err load(struct room *room, const char *text, struct board **out)
{
    char path[256];
    tmp_path(&room->folder, "board.json", path);
    tmp_write(path, text);
    buf_clear(&room->faults);
    return board_load(path, out, &room->faults);
}

static void everything_is_kept_in_the_file(void **state)
{
    struct room *room = *state;
    struct board *back;
    apply_good(room, everything);
    char *before = strdup(board_text(room->board));
    assert_int_equal(load(room, before, &back), OK);
    assert_string_equal(board_text(back), before);
    board_free(&room->board);
    room->board = back;
    apply_good(room, everything);
    assert_string_equal(board_text(room->board), before);
    assert_int_equal(room->board->version, 1);
    const struct board_station *s = &room->board->stations[0];
    assert_string_equal(s->sources[1].relay, "http://me:secret@10.0.0.1:8000/live?a=b");
    assert_string_equal(s->sources[1].mount, "/wxyz/relay-1");
    assert_string_equal(s->sources[1].user, "relay");
    assert_true(s->sources[1].is_private && s->sources[0].may_be_silent);
    assert_int_equal(s->rules.stall_ms, 750);
    assert_string_equal(s->loop_file, "/srv/loop.ogg");
    assert_non_null(strstr(before, "\"stall\": 0.75,"));
    /* A relay keeps its name though a smaller one is free. */
    apply_good(room, WXYZ("\"sources\": [{\"relay\": \"http://b\"}, {\"relay\":"
                          "\"http://me:secret@10.0.0.1:8000/live?a=b\", \"remove\": true}]"));
    apply_good(room, WXYZ("\"sources\": [{\"relay\": \"http://c\"}, {\"relay\": \"http://b\","
                          "\"remove\": true}]"));
    apply_good(room, WXYZ("\"sources\": [{\"relay\": \"http://d\"}]"));
    apply_good(room, WXYZ("\"sources\": [{\"relay\": \"http://c\", \"remove\": true}]"));
    assert_int_equal(load(room, board_text(room->board), &back), OK);
    assert_string_equal(back->stations[0].sources[1].mount, "/wxyz/relay-2");
    board_free(&back);
    free(before);
}

static void an_export_makes_the_same_inputs_again(void **state)
{
    struct room *room = *state;
    struct buf out, again;
    buf_init(&out, 100000);
    buf_init(&again, 100000);
    apply_good(room, everything);
    board_export(room->board, &out);
    assert_null(strstr(out.ptr, "key"));
    assert_null(strstr(out.ptr, "relay-1"));
    apply_good(room, out.ptr);
    assert_int_equal(room->board->version, 1);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"remove\": true}]}");
    apply_good(room, out.ptr);
    board_export(room->board, &again);
    assert_string_equal(again.ptr, out.ptr);
    buf_release(&out);
    buf_release(&again);
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OLD(sources)                                                                               \
    "{\"format\": 1, \"version\": 3, \"secret\": \"" HASH "\", \"admin_key_hash\": \"" HASH "\","  \
    "\"relay_key_hash\": \"" HASH "\", \"stations\": [{\"slug\": \"wxyz\", \"name\": \"W\","       \
    "\"description\": \"\", \"url\": \"\", \"genre\": \"\", \"timezone\": \"UTC\","                \
    "\"listed\": true, \"renditions\": [{\"slug\": \"mp3\", \"codec\": \"mp3\", \"bitrate\":"      \
    "128000, \"mounts\": []}], \"sources\": [" sources "]}]}"
#define SOURCE "{\"user\": \"source\", \"mount\": \"/wxyz\", \"key_hash\": \"" HASH "\""

static void a_file_of_an_older_mast_gets_the_defaults(void **state)
{
    struct room *room = *state;
    struct board *back;
    assert_int_equal(load(room, OLD(SOURCE "}"), &back), OK);
    assert_int_equal(back->version, 3);
    assert_int_equal(back->stations[0].sources_count, 1);
    defaults_are(&back->stations[0]);
    board_free(&back);
    /* Sorted, if somebody has been at it by hand. */
    assert_int_equal(load(room,
                          OLD(SOURCE "}, {\"relay\": \"http://a\","
                                     "\"mount\": \"/wxyz/relay-4\", \"order\": 5}"),
                          &back),
                     OK);
    assert_string_equal(back->stations[0].sources[0].mount, "/wxyz/relay-4");
    board_free(&back);
}

static void damaged_inputs_in_a_file_are_refused(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *file, *fault;
    } bad[] = {
        {OLD("{\"relay\": \"http://a\"}"), "stations[0].sources[0].mount: is missing"},
        {OLD("{\"relay\": \"http://a\", \"mount\": 7}"),
         "stations[0].sources[0].mount: \"\" must be a text"},
        {OLD("{\"relay\": \"http://a\", \"mount\": \"/wxyz\"}"),
         "stations[0].sources[0].mount: \"/wxyz\" is no name of a relay"},
        {OLD("{\"relay\": \"http://a\", \"mount\": \"/wxyz/relay-01\"}"),
         "stations[0].sources[0].mount: \"/wxyz/relay-01\" is no name of a relay"},
        {OLD("{\"relay\": \"http://a\", \"mount\": \"/wxyz/relay-\"}"),
         "stations[0].sources[0].mount: \"/wxyz/relay-\" is no name of a relay"},
        {OLD("{\"relay\": \"http://a\", \"mount\": \"/wxyz/relay-1x\"}"),
         "stations[0].sources[0].mount: \"/wxyz/relay-1x\" is no name of a relay"},
        {OLD("{\"relay\": \"\", \"mount\": \"/wxyz/relay-1\"}"),
         "stations[0].sources[0].relay: must start with http:// or https://"},
        {OLD("{\"relay\": \"http://a\", \"mount\": \"/wxyz/relay-1\", \"key_hash\": \"" HASH "\"}"),
         "stations[0].sources[0]: there is no field \"key_hash\""},
        {OLD("{\"relay\": \"http://a\", \"mount\": \"/wxyz/relay-1\"},"
             "{\"relay\": \"http://b\", \"mount\": \"/wxyz/relay-1\"}"),
         "stations[0]: mount '/wxyz/relay-1' of a source is the name of a relay"},
        {OLD(SOURCE ", \"order\": 1000}"),
         "stations[0].sources[0].order: must be a whole number from 0 to 999"},
        {OLD(SOURCE "}], \"rules\": {\"stall\": 2, \"silence_level\": -50, \"silence_alarm\": 1,"
                    "\"silence_switch\": 2}, \"loop\": [true"),
         "stations[0].rules.return_after: is missing"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct board *back;
        assert_int_equal(load(room, bad[i].file, &back), E_SYNTAX);
        assert_null(back);
        if (!strstr(room->faults.ptr, bad[i].fault))
            print_error("expected %s, got %s", bad[i].fault, room->faults.ptr);
        assert_non_null(strstr(room->faults.ptr, bad[i].fault));
    }
}

int main(void)
{
#define BOARD_TEST(f) cmocka_unit_test_setup_teardown(f, room_start, room_stop)
    const struct CMUnitTest tests[] = {
        BOARD_TEST(what_a_document_leaves_out_has_its_default),
        BOARD_TEST(an_encoder_has_a_rate_and_channels),
        BOARD_TEST(rules_change_one_by_one),
        BOARD_TEST(rules_have_limits),
        BOARD_TEST(a_fraction_of_a_second_is_found_where_it_stands),
        BOARD_TEST(the_loop_is_masts_own_or_a_file_or_none),
        BOARD_TEST(everything_is_kept_in_the_file),
        BOARD_TEST(an_export_makes_the_same_inputs_again),
        BOARD_TEST(a_file_of_an_older_mast_gets_the_defaults),
        BOARD_TEST(damaged_inputs_in_a_file_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
