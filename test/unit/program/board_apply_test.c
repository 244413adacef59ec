/* Tests of board_apply() and board_export(): what a document may say and what follows. */
#include "board_room.h"

static void a_document_makes_stations(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    const struct board *b = room->board;
    assert_int_equal(b->version, 1);
    assert_int_equal(b->stations_count, 2);
    const struct board_station *s = &b->stations[0];
    assert_string_equal(s->slug, "wxyz");
    assert_string_equal(s->name, "WXYZ News");
    assert_string_equal(s->timezone, "America/New_York");
    assert_string_equal(s->url, "https://wxyz.example/");
    assert_string_equal(s->genre, "News");
    assert_string_equal(s->description, "Caf\xC3\xA9");
    assert_true(s->listed);
    assert_int_equal(s->renditions_count, 3);
    assert_int_equal(s->renditions[1].bitrate_bps, 64000);
    assert_int_equal(s->renditions[2].codec, CODEC_AAC);
    assert_int_equal(s->renditions[2].mounts_count, 2);
    assert_string_equal(s->renditions[2].mounts[1], "/wxyz/listen");
    assert_int_equal(s->sources_count, 2);
    assert_string_equal(s->sources[1].user, "backup");
    assert_string_equal(s->sources[1].mount, "/wxyz");
    assert_int_equal(room->keys.lines.len, 0);
    s = &b->stations[1];
    assert_string_equal(s->name, "news");
    assert_string_equal(s->timezone, "UTC");
    assert_false(s->listed);
    assert_int_equal(s->renditions[0].bitrate_bps, 96000);
    assert_string_equal(s->sources[0].user, "source");
    assert_null(strstr(board_text(b), "studio-key"));
}

static void twice_is_the_same_as_once(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    char *once = strdup(board_text(room->board));
    apply_good(room, two_stations);
    assert_string_equal(board_text(room->board), once);
    apply_good(room, "{}");
    apply_good(room, "{\"stations\": []}");
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\"}]}");
    apply_good(room, "{\"stations\": [{\"slug\": \"gone\", \"remove\": true}]}");
    assert_string_equal(board_text(room->board), once);
    assert_int_equal(room->board->version, 1);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"genre\": \"Talk\"}]}");
    assert_int_equal(room->board->version, 2);
    free(once);
}

static void a_document_changes_only_what_it_names(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"name\": \"New\", \"renditions\": ["
                     "{\"slug\": \"mp3-128\", \"bitrate\": 192000},"
                     "{\"slug\": \"aac-48\", \"codec\": \"aac\", \"mounts\": [\"/short\"]}]}]}");
    const struct board_station *s = &room->board->stations[0];
    assert_string_equal(s->name, "New");
    assert_string_equal(s->genre, "News");
    assert_int_equal(s->renditions[0].bitrate_bps, 192000);
    assert_string_equal(s->renditions[0].mounts[0], "/live.mp3");
    assert_int_equal(s->renditions[2].bitrate_bps, 48000);
    assert_int_equal(s->renditions[2].mounts_count, 1);
    assert_string_equal(s->renditions[2].mounts[0], "/short");
    assert_string_equal(s->renditions[2].mounts[1], "");
    assert_int_equal(s->sources_count, 2);
    assert_int_equal(room->board->stations_count, 2);
}

static void what_is_attached_goes_over_to_the_new_board(void **state)
{
    struct room *room = *state;
    struct zone *zone = (struct zone *)room;
    struct tape *tape = (struct tape *)room;
    struct air_station *air = (struct air_station *)room;
    struct air_station *other = (struct air_station *)&room->keys;
    apply_good(room, two_stations);
    room->board->stations[0].zone = zone;
    room->board->stations[1].zone = zone;
    room->board->stations[0].renditions[1].live.tape = tape;
    room->board->stations[0].air = air;
    room->board->stations[1].air = other;
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"timezone\": \"America/New_York\","
                     "\"renditions\": [{\"slug\": \"mp3-128\", \"remove\": true},"
                     "{\"slug\": \"mp3-64\", \"bitrate\": 80000}]},"
                     "{\"slug\": \"news\", \"timezone\": \"Europe/Berlin\"}]}");
    const struct board *b = room->board;
    assert_ptr_equal(b->stations[0].zone, zone);
    assert_null(b->stations[1].zone);
    assert_ptr_equal(b->stations[0].renditions[0].live.tape, tape);
    assert_null(b->stations[0].renditions[1].live.tape);
    assert_ptr_equal(b->stations[0].air, air);
    assert_ptr_equal(b->stations[1].air, other);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"remove\": true}]}");
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\"}]}");
    assert_string_equal(room->board->stations[0].slug, "news");
    assert_ptr_equal(room->board->stations[0].air, other);
    assert_null(room->board->stations[1].zone);
    assert_null(room->board->stations[1].air);
}

static void what_is_removed_goes_and_makes_room(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\","
                     "\"renditions\": [{\"slug\": \"mp3-128\", \"remove\": true}],"
                     "\"sources\": [{\"user\": \"studio\", \"remove\": true}]},"
                     "{\"slug\": \"new\", \"renditions\": [{\"slug\": \"a\", \"codec\": \"mp3\","
                     "\"mounts\": [\"/live.mp3\", \"/news\"]}]},"
                     "{\"slug\": \"news\", \"remove\": true}]}");
    const struct board *b = room->board;
    assert_int_equal(b->stations_count, 2);
    assert_int_equal(b->stations[0].renditions_count, 2);
    assert_string_equal(b->stations[0].renditions[0].slug, "mp3-64");
    assert_int_equal(b->stations[0].sources_count, 1);
    assert_string_equal(b->stations[0].sources[0].user, "backup");
    assert_string_equal(b->stations[1].slug, "new");
    /* A codec may change by way of removal, but not in one document. */
    apply_bad(room,
              "{\"stations\": [{\"slug\": \"new\", \"renditions\": ["
              "{\"slug\": \"a\", \"remove\": true}, {\"slug\": \"a\", \"codec\": \"aac\"}]}]}",
              "stations[0].renditions[1].slug: \"a\" is named a second time");
    apply_good(room, "{\"stations\": [{\"slug\": \"new\", \"remove\": false}]}");
    assert_int_equal(room->board->stations_count, 2);
}

static void a_source_without_a_key_gets_one_that_is_shown_once(void **state)
{
    struct room *room = *state;
    char key[64];
    struct board_login login;
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"sources\": [{}]}]}");
    assert_int_equal(
        sscanf(room->keys.lines.ptr, "station wxyz, source /wxyz, user source: key %63s\n", key),
        1);
    assert_int_equal(strlen(key), 26);
    assert_int_equal(
        board_login_check(room->board, STR("/wxyz"), STR("source"), str_of(key), &login), OK);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"sources\": [{}]}]}");
    assert_int_equal(room->keys.lines.len, 0);
    assert_int_equal(room->board->version, 1);
    assert_int_equal(
        board_login_check(room->board, STR("/wxyz"), STR("source"), str_of(key), &login), OK);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"sources\": ["
                     "{\"key\": \"another-key-1\"}]}]}");
    assert_int_equal(
        board_login_check(room->board, STR("/wxyz"), STR("source"), str_of(key), &login), E_AUTH);
    /* A document with a fault shows no keys. */
    assert_int_equal(apply(room, "{\"stations\": [{\"slug\": \"a\", \"sources\": [{}]},"
                                 "{\"slug\": \"b\", \"name\": 1}]}"),
                     E_SYNTAX);
    assert_int_equal(room->keys.lines.len, 0);
}

static void every_fault_is_told_with_its_place(void **state)
{
    struct room *room = *state;
    assert_int_equal(apply(room, "{\"stations\": ["
                                 "{\"slug\": \"api\"},"
                                 "{\"slug\": \"w\", \"colour\": \"red\", \"timezone\": \"Mars/X\","
                                 " \"renditions\": [{\"slug\": \"a\", \"codec\": \"flac\"}, 7,"
                                 " {\"slug\": \"b\", \"codec\": \"aac\", \"bitrate\": 1,"
                                 "  \"mounts\": [\"x\"]}],"
                                 " \"sources\": [{\"key\": \"short\"}, {\"user\": \"a b\"}]},"
                                 "{\"name\": \"no slug\"}], \"shows\": []}"),
                     E_SYNTAX);
    assert_string_equal(
        room->faults.ptr,
        "the document: there is no field \"shows\"\n"
        "stations[0].slug: \"api\" is reserved\n"
        "stations[1]: there is no field \"colour\"\n"
        "stations[1].timezone: \"Mars/X\" is no time zone of this machine (like "
        "\"Europe/Berlin\")\n"
        "stations[1].renditions[0].codec: must be mp3, aac or opus, not \"flac\"\n"
        "stations[1].renditions[1]: must be an object\n"
        "stations[1].renditions[2].bitrate: must be a whole number of bits per second from 8000 "
        "to 640000\n"
        "stations[1].renditions[2].mounts[0]: \"x\" must start with '/'\n"
        "stations[1].sources[0].key: must have at least 12 characters\n"
        "stations[1].sources[1].user: \"a b\" may have only printable ASCII, no blank and no "
        "':'\n"
        "stations[2].slug: is missing\n");
    assert_int_equal(room->board->stations_count, 0);
}

static void texts_are_plain_and_short(void **state)
{
    struct room *room = *state;
    char document[2000], name[200];
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"name\": \"a\\nb\"}]}",
              "stations[0].name: must not have control characters");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"genre\": \"a\\u009bb\"}]}",
              "stations[0].genre: must not have control characters");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"description\": \"\\u007f\"}]}",
              "stations[0].description: must not have control characters");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"name\": \"\"}]}",
              "stations[0].name: must not be empty");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"url\": \"javascript:x\"}]}",
              "stations[0].url: must start with http:// or https://");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"listed\": 1}]}",
              "stations[0].listed: must be true or false");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"\\u001b[2J\": 1}]}",
              "stations[0]: there is no field \"\\x1b[2J\"");
    memset(name, 'n', sizeof name);
    snprintf(document, sizeof document, "{\"stations\": [{\"slug\": \"w\", \"name\": \"%.128s\"}]}",
             name);
    apply_bad(room, document, "stations[0].name: must have at most 127 bytes, not 128");
    snprintf(document, sizeof document, "{\"stations\": [{\"slug\": \"w\", \"name\": \"%.127s\"}]}",
             name);
    apply_good(room, document);
}

static void slugs_that_hide_a_page_are_reserved(void **state)
{
    struct room *room = *state;
    static const char *const reserved[] = {
        "api",      "hls",         "studio", "listen",   "schedule", "shows",   "stories",
        "sections", "topics",      "people", "running",  "feeds",    "admin",   "text",
        "embed",    "corrections", "search", "radiodns", "v1",       "metrics",
    };
    static const char *const bad[] = {"", "-w", "w-", "W", "w.x", "w/x", "w x", "w\\u00e9", "w_x"};
    char document[200], fault[200];
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        snprintf(document, sizeof document, "{\"stations\": [{\"slug\": \"%s\"}]}", reserved[i]);
        snprintf(fault, sizeof fault, "stations[0].slug: \"%s\" is reserved", reserved[i]);
        apply_bad(room, document, fault);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(document, sizeof document, "{\"stations\": [{\"slug\": \"%s\"}]}", bad[i]);
        assert_int_equal(apply(room, document), E_SYNTAX);
        snprintf(document, sizeof document,
                 "{\"stations\": [{\"slug\": \"w\", \"renditions\": [{\"slug\": \"%s\", \"codec\":"
                 "\"mp3\"}]}]}",
                 bad[i]);
        assert_int_equal(apply(room, document), E_SYNTAX);
    }
    apply_good(room, "{\"stations\": [{\"slug\": \"api-2\"}]}");
}

static void mounts_have_a_plain_form(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *mount, *wrong;
    } bad[] = {
        {"", "must start with '/'"},
        {"live", "must start with '/'"},
        {"/", "must have 2 to 95 characters"},
        {"/a b", "may have only a-z, A-Z, 0-9, '-', '_', '.' and '/'"},
        {"/a?b", "may have only a-z, A-Z, 0-9, '-', '_', '.' and '/'"},
        {"/%41", "may have only a-z, A-Z, 0-9, '-', '_', '.' and '/'"},
        {"/a/../b", "must not have '..' or '//'"},
        {"//a", "must not have '..' or '//'"},
        {"/a//b", "must not have '..' or '//'"},
        {"/a/", "must end in a name"},
        {"/a/.", "must end in a name"},
        {"/a/./b", "must not have a segment '.'"},
        {"/a.m3u", "must not end like a playlist (.m3u, .pls, .xspf)"},
        {"/a.pls", "must not end like a playlist (.m3u, .pls, .xspf)"},
        {"/a.xspf", "must not end like a playlist (.m3u, .pls, .xspf)"},
        {"/api/x", "is reserved"},
        {"/hls", "is reserved"},
        {"/status-json.xsl", "is reserved"},
        {"/-/live", "is reserved"},
        {"/metrics", "is reserved"},
    };
    char document[400], fault[300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(document, sizeof document,
                 "{\"stations\": [{\"slug\": \"w\", \"renditions\": [{\"slug\": \"a\", \"codec\":"
                 "\"mp3\", \"mounts\": [\"%s\"]}]}]}",
                 bad[i].mount);
        snprintf(fault, sizeof fault, "stations[0].renditions[0].mounts[0]: \"%s\" %s",
                 bad[i].mount, bad[i].wrong);
        apply_bad(room, document, fault);
        snprintf(document, sizeof document,
                 "{\"stations\": [{\"slug\": \"w\", \"sources\": [{\"mount\": \"%s\"}]}]}",
                 bad[i].mount);
        snprintf(fault, sizeof fault, "stations[0].sources[0].mount: \"%s\" %s", bad[i].mount,
                 bad[i].wrong);
        apply_bad(room, document, fault);
    }
    char mount[98] = "/";
    memset(mount + 1, 'm', 95);
    snprintf(document, sizeof document,
             "{\"stations\": [{\"slug\": \"w\", \"sources\": [{\"mount\": \"%s\"}]}]}", mount);
    assert_int_equal(apply(room, document), E_SYNTAX);
    mount[95] = '\0';
    snprintf(document, sizeof document,
             "{\"stations\": [{\"slug\": \"w\", \"sources\": [{\"mount\": \"%s\"}]}]}", mount);
    apply_good(room, document);
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"sources\": [{\"mount\": 7}]}]}",
              "stations[0].sources[0].mount: \"\" must be a text");
}

static void no_two_things_have_one_address(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
#define NEWS(rendition) "{\"stations\": [{}, {\"slug\": \"news\", " rendition "}]}"
    static const struct {
        const char *rendition, *fault;
    } bad[] = {
        {"[\"/live.mp3\"]",
         "mount '/live.mp3' of rendition 'opus' is a mount of station 'wxyz' too"},
        {"[\"/wxyz\"]", "mount '/wxyz' of rendition 'opus' is an address of station 'wxyz'"},
        {"[\"/wxyz.mp3\"]",
         "mount '/wxyz.mp3' of rendition 'opus' is an address of station 'wxyz'"},
        {"[\"/wxyz/any\"]",
         "mount '/wxyz/any' of rendition 'opus' is an address of station 'wxyz'"},
        {"[\"/n\", \"/n\"]", "mount '/n' of rendition 'opus' is a mount of rendition 'opus' too"},
    };
    char document[400], fault[300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(document, sizeof document,
                 "{\"stations\": [{\"slug\": \"news\", \"renditions\": [{\"slug\": \"opus\","
                 "\"mounts\": %s}]}]}",
                 bad[i].rendition);
        snprintf(fault, sizeof fault, "stations[0]: %s", bad[i].fault);
        assert_int_equal(apply(room, document), E_SYNTAX);
        assert_non_null(strstr(room->faults.ptr, fault));
    }
    apply_bad(room, "{\"stations\": [{\"slug\": \"news\", \"sources\": [{\"mount\": \"/wxyz\"}]}]}",
              "stations[0]: mount '/wxyz' of a source is an address of station 'wxyz'\n"
              "stations[0]: mount '/wxyz' of a source is a mount of station 'wxyz' too");
    apply_bad(room, "{\"stations\": [{\"slug\": \"live\"}]}",
              "station wxyz: mount '/live.mp3' of rendition 'mp3-128' is an address of station "
              "'live'");
    apply_bad(room,
              "{\"stations\": [{\"slug\": \"wxyz\", \"renditions\": [{\"slug\": \"mp3-64\","
              "\"mounts\": [\"/wxyz/mp3-128.mp3\"]}]}]}",
              "stations[0]: mount '/wxyz/mp3-128.mp3' of rendition 'mp3-64' is the main address "
              "of rendition 'mp3-128'");
    /* Addresses of one's own may be used otherwise. */
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"renditions\": [{\"slug\": \"mp3-64\","
                     "\"mounts\": [\"/wxyz.mp3\", \"/wxyz\", \"/wxyz/mp3-64.mp3\"]}],"
                     "\"sources\": [{\"mount\": \"/live.mp3\"}]}]}");
}

static void keys_and_users_have_limits(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *source, *fault;
    } bad[] = {
        {"{\"key\": \"12345678901\"}", "key: must have at least 12 characters"},
        {"{\"key\": \"twelve or more\"}", "key: must not hold spaces"},
        {"{\"key\": \"1234567890\\n12\"}", "key: must not have control characters"},
        {"{\"key\": 123456789012}", "key: must be a text"},
        {"{\"user\": \"\"}", "user: \"\" must not be empty"},
        {"{\"user\": 7}", "user: must be a text"},
        {"{\"user\": \"a:b\"}", "user: \"a:b\" may have only printable ASCII, no blank and no ':'"},
        {"{\"user\": \"admin\"}", "user: \"admin\" is reserved"},
        {"{\"user\": \"relay\"}", "user: \"relay\" is reserved"},
        {"{\"key_hash\": \"x\"}", "there is no field \"key_hash\""},
    };
    char document[400], fault[300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(document, sizeof document,
                 "{\"stations\": [{\"slug\": \"w\", \"sources\": [%s]}]}", bad[i].source);
        snprintf(fault, sizeof fault, "stations[0].sources[0]%s%s",
                 strncmp(bad[i].fault, "there", 5) == 0 ? ": " : ".", bad[i].fault);
        apply_bad(room, document, fault);
    }
    apply_bad(room,
              "{\"stations\": [{\"slug\": \"w\", \"sources\": [{}, {\"user\": \"source\","
              "\"mount\": \"/w\"}]}]}",
              "stations[0].sources[1]: this user and mount are named a second time");
    apply_good(room, "{\"stations\": [{\"slug\": \"w\", \"sources\": [{\"key\":"
                     "\"123456789012\"}]}]}");
}

/* Appends `count` entries of a list, each from a format with one number. */
static void add_entries(struct buf *out, const char *before, const char *name, int count)
{
    buf_add(out, str_of(before));
    for (int i = 0; i < count; i++) {
        buf_add(out, i > 0 ? STR(", ") : STR(""));
        if (strcmp(name, "mounts") == 0)
            buf_printf(out, "\"/m%d\"", i);
        else if (strcmp(name, "sources") == 0)
            buf_printf(out, "{\"user\": \"u%d\", \"key\": \"123456789012\"}", i);
        else
            buf_printf(out, "{\"slug\": \"s%d\"%s}", i,
                       strcmp(name, "renditions") == 0 ? ", \"codec\": \"mp3\"" : "");
    }
}

static void as_many_as_fit_are_taken_and_no_more(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *before, *name, *behind, *fault;
        int most;
    } lists[] = {
        {"{\"stations\": [", "stations", "]}", "stations[64]: there are at most 64 stations", 64},
        {"{\"stations\": [{\"slug\": \"w\", \"renditions\": [", "renditions", "]}]}",
         "stations[0].renditions[8]: a station has at most 8 renditions", 8},
        {"{\"stations\": [{\"slug\": \"w\", \"sources\": [", "sources", "]}]}",
         "stations[0].sources[32]: a station has at most 32 sources", 32},
        {"{\"stations\": [{\"slug\": \"w\", \"renditions\": [{\"slug\": \"a\", \"codec\": \"mp3\","
         "\"mounts\": [",
         "mounts", "]}]}]}", "stations[0].renditions[0].mounts: a rendition has at most 4", 4},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct buf text;
        buf_init(&text, 100000);
        add_entries(&text, lists[i].before, lists[i].name, lists[i].most + 1);
        buf_add(&text, str_of(lists[i].behind));
        room_stop(state);
        assert_int_equal(room_start(state), 0);
        apply_bad(room, text.ptr, lists[i].fault);
        buf_clear(&text);
        add_entries(&text, lists[i].before, lists[i].name, lists[i].most);
        buf_add(&text, str_of(lists[i].behind));
        apply_good(room, text.ptr);
        apply_good(room, text.ptr);
        assert_int_equal(room->board->version, 1);
        buf_clear(&text);
        add_entries(&text, lists[i].before, lists[i].name, 300);
        buf_add(&text, str_of(lists[i].behind));
        assert_int_equal(apply(room, text.ptr), E_SYNTAX);
        assert_non_null(strstr(room->faults.ptr, " entries\n"));
        buf_release(&text);
    }
}

static void a_thousand_faults_are_cut_short(void **state)
{
    struct room *room = *state;
    struct buf text;
    buf_init(&text, 100000);
    buf_add(&text, STR("{\"stations\": [{\"slug\": \"w\""));
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, ", \"x%d\": 1", i);
    buf_add(&text, STR("}]}"));
    assert_int_equal(apply(room, text.ptr), E_SYNTAX);
    int lines = 0;
    for (const char *at = room->faults.ptr; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 100);
    assert_non_null(strstr(room->faults.ptr, "and more\n"));
    buf_release(&text);
}

static void zones_are_those_of_the_machine(void **state)
{
    struct room *room = *state;
    static const char *const good[] = {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires",
                                       "Etc/GMT+5"};
    static const char *const bad[] = {"",
                                      "Europe",
                                      "europe/berlin",
                                      "/etc/passwd",
                                      "../zoneinfo/UTC",
                                      "Europe/../UTC",
                                      "tzdata.zi",
                                      "Europe//Berlin",
                                      "posix/Europe/Berlin", /* there is no table of these */
                                      "right/Europe/Berlin",
                                      "zone1970.tab"};
    char document[200];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(document, sizeof document,
                 "{\"stations\": [{\"slug\": \"w\", \"timezone\": \"%s\"}]}", good[i]);
        apply_good(room, document);
        assert_string_equal(room->board->stations[0].timezone, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(document, sizeof document,
                 "{\"stations\": [{\"slug\": \"w\", \"timezone\": \"%s\"}]}", bad[i]);
        assert_int_equal(apply(room, document), E_SYNTAX);
    }
}

static void what_is_no_document_is_refused(void **state)
{
    struct room *room = *state;
    apply_bad(room, "", "line 1, column 0: '[' or '{' expected near end of file");
    apply_bad(room, "[]", "the document: must be an object");
    apply_bad(room, "{\"stations\": {}}", "stations: must be a list");
    apply_bad(room, "{\"stations\": [7]}", "stations[0]: must be an object");
    apply_bad(room, "{\"stations\": [{\"slug\": 7}]}", "stations[0].slug: must be a text");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"remove\": \"yes\"}]}",
              "stations[0].remove: must be true or false");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\", \"renditions\": {}}]}",
              "stations[0].renditions: must be a list");
    apply_bad(room, "{\"stations\": [{\"slug\": \"w\"}, {\"slug\": \"w\"}]}",
              "stations[1].slug: \"w\" is named a second time");
    apply_bad(room, "{\"stations\": [], \"stations\": []}",
              "line 1, column 27: duplicate object key near '\"stations\"'");
    apply_good(room, two_stations);
    apply_bad(room,
              "{\"stations\": [{\"slug\": \"news\", \"renditions\": [{\"slug\": \"opus\","
              "\"codec\": \"mp3\"}]}]}",
              "stations[0].renditions[0].codec: a rendition keeps its codec, which is opus: "
              "remove it, and make another");
    struct board *made;
    const size_t size = ((size_t)4 << 20) + 1;
    char *large = malloc(size);
    memset(large, ' ', size);
    buf_clear(&room->faults);
    assert_int_equal(
        board_apply(room->board, (struct str){large, size}, &made, &room->keys, &room->faults),
        E_TOO_LONG);
    assert_null(made);
    assert_string_equal(room->faults.ptr, "line 0, column 0: over 4 MiB\n");
    free(large);
}

static void an_export_makes_the_same_board_again(void **state)
{
    struct room *room = *state;
    struct buf out, again;
    buf_init(&out, 100000);
    buf_init(&again, 100000);
    apply_good(room, two_stations);
    board_export(room->board, &out);
    assert_int_equal(buf_err(&out), OK);
    assert_null(strstr(out.ptr, "key"));
    assert_null(strstr(out.ptr, "secret"));
    apply_good(room, out.ptr);
    assert_int_equal(room->board->version, 1);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"remove\": true},"
                     "{\"slug\": \"news\", \"remove\": true}]}");
    assert_int_equal(room->board->stations_count, 0);
    apply_good(room, out.ptr);
    board_export(room->board, &again);
    assert_string_equal(again.ptr, out.ptr);
    assert_non_null(strstr(room->keys.lines.ptr, "station wxyz, source /wxyz, user studio: key "));
    buf_release(&out);
    buf_release(&again);
}

static void the_fullest_board_is_saved_and_loaded(void **state)
{
    struct room *room = *state;
    struct buf text;
    buf_init(&text, 4 << 20);
    buf_add(&text, STR("{\"stations\": ["));
    for (int s = 0; s < BOARD_STATIONS_MAX; s++) {
        buf_printf(&text, "%s{\"slug\": \"s%d\", \"description\": \"", s ? "," : "", s);
        for (int i = 0; i < 511; i++)
            buf_add(&text, STR("\\\""));
        buf_add(&text, STR("\", \"renditions\": ["));
        for (int r = 0; r < BOARD_RENDITIONS_MAX; r++)
            buf_printf(&text,
                       "%s{\"slug\": \"r%d\", \"codec\": \"aac\", \"mounts\": ["
                       "\"/%080d/a\", \"/%080d/b\", \"/%080d/c\", \"/%080d/d\"]}",
                       r ? "," : "", r, s * 8 + r, s * 8 + r, s * 8 + r, s * 8 + r);
        buf_add(&text, STR("], \"sources\": ["));
        for (int i = 0; i < BOARD_SOURCES_MAX; i++)
            buf_printf(&text, "%s{\"user\": \"%060d\", \"mount\": \"/s%d/%080d\"}", i ? "," : "", i,
                       s, i);
        buf_add(&text, STR("]}"));
    }
    buf_add(&text, STR("]}"));
    apply_good(room, text.ptr);
    char path[256];
    struct board *back;
    tmp_path(&room->folder, "board.json", path);
    assert_int_equal(board_save(path, room->board), OK);
    assert_int_equal(board_load(path, &back, &room->faults), OK);
    assert_int_equal(back->stations_count, BOARD_STATIONS_MAX);
    assert_string_equal(back->stations[63].sources[31].key_hash,
                        room->board->stations[63].sources[31].key_hash);
    board_free(&back);
    buf_release(&text);
}

int main(void)
{
#define BOARD_TEST(f) cmocka_unit_test_setup_teardown(f, room_start, room_stop)
    const struct CMUnitTest tests[] = {
        BOARD_TEST(a_document_makes_stations),
        BOARD_TEST(twice_is_the_same_as_once),
        BOARD_TEST(a_document_changes_only_what_it_names),
        BOARD_TEST(what_is_attached_goes_over_to_the_new_board),
        BOARD_TEST(what_is_removed_goes_and_makes_room),
        BOARD_TEST(a_source_without_a_key_gets_one_that_is_shown_once),
        BOARD_TEST(every_fault_is_told_with_its_place),
        BOARD_TEST(texts_are_plain_and_short),
        BOARD_TEST(slugs_that_hide_a_page_are_reserved),
        BOARD_TEST(mounts_have_a_plain_form),
        BOARD_TEST(no_two_things_have_one_address),
        BOARD_TEST(keys_and_users_have_limits),
        BOARD_TEST(as_many_as_fit_are_taken_and_no_more),
        BOARD_TEST(a_thousand_faults_are_cut_short),
        BOARD_TEST(zones_are_those_of_the_machine),
        BOARD_TEST(what_is_no_document_is_refused),
        BOARD_TEST(an_export_makes_the_same_board_again),
        BOARD_TEST(the_fullest_board_is_saved_and_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
