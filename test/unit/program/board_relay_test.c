/* Tests of sources and relays as a station's inputs: their order, the names of relays, and who may
 * not log in. */
#include "board_room.h"

#define WXYZ(sources)                                                                              \
    "{\"stations\": [{\"slug\": \"wxyz\", \"renditions\": [{\"slug\": \"mp3\","                    \
    "\"codec\": \"mp3\"}], \"sources\": [" sources "]}]}"
#define A            "{\"relay\": \"http://a.example/live\"}"
#define B            "{\"relay\": \"http://b.example/live\"}"
#define C            "{\"relay\": \"http://c.example/live\"}"
#define GONE(letter) "{\"relay\": \"http://" letter ".example/live\", \"remove\": true}"

/* The mounts and users of the first station's inputs in their order: "/wxyz:studio /wxyz:van". */
static void inputs_are(const struct room *room, const char *expected)
{
    struct buf text;
    const struct board_station *s = &room->board->stations[0];
    buf_init(&text, 10000);
    for (size_t i = 0; i < s->sources_count; i++)
        buf_printf(&text, "%s%s:%s", i ? " " : "", s->sources[i].mount, s->sources[i].user);
    assert_string_equal(text.len ? text.ptr : "", expected);
    buf_release(&text);
}

static void inputs_stand_in_their_order_and_equal_ones_as_they_came(void **state)
{
    struct room *room = *state;
    apply_good(room, WXYZ("{\"user\": \"c\", \"order\": 300}, {\"user\": \"a\"}, " A
                          ", {\"user\": \"b\", \"order\": 100}, {\"user\": \"z\", \"order\": 0}"));
    inputs_are(room, "/wxyz:z /wxyz:a /wxyz/relay-1:relay /wxyz:b /wxyz:c");
    assert_int_equal(room->board->stations[0].sources[1].order, 100);
    /* What comes later stands behind its equals. */
    apply_good(room, WXYZ("{\"user\": \"d\"}, {\"user\": \"z\", \"order\": 300}"));
    inputs_are(room, "/wxyz:a /wxyz/relay-1:relay /wxyz:b /wxyz:d /wxyz:z /wxyz:c");
    apply_good(room, WXYZ("{\"user\": \"c\", \"order\": 999}"));
    inputs_are(room, "/wxyz:a /wxyz/relay-1:relay /wxyz:b /wxyz:d /wxyz:z /wxyz:c");
    apply_good(room, WXYZ("{\"user\": \"c\", \"order\": 1}, {\"user\": \"a\", \"remove\": true}"));
    inputs_are(room, "/wxyz:c /wxyz/relay-1:relay /wxyz:b /wxyz:d /wxyz:z");
    uint64_t version = room->board->version;
    apply_good(room, WXYZ("{\"user\": \"d\"}, {\"user\": \"z\", \"order\": 300},"
                          "{\"user\": \"c\"}"));
    assert_int_equal(room->board->version, version);
}

static void a_relay_is_known_by_its_address_and_gets_a_name(void **state)
{
    struct room *room = *state;
    apply_good(room, WXYZ(A ", " B));
    inputs_are(room, "/wxyz/relay-1:relay /wxyz/relay-2:relay");
    const struct board_source *a = &room->board->stations[0].sources[0];
    assert_true(board_source_is_relay(a));
    assert_string_equal(a->relay, "http://a.example/live");
    assert_string_equal(a->key_hash, "");
    assert_false(a->is_private || a->may_be_silent);
    assert_int_equal(a->order, 100);
    assert_int_equal(room->keys.lines.len, 0);
    apply_good(room, WXYZ(B ", " A));
    assert_int_equal(room->board->version, 1);
    /* The smallest number that is free, in the same document too. */
    apply_good(room, WXYZ(C ", " GONE("a")));
    inputs_are(room, "/wxyz/relay-2:relay /wxyz/relay-1:relay");
    assert_string_equal(room->board->stations[0].sources[1].relay, "http://c.example/live");
    apply_good(room, WXYZ(C ", " GONE("a")));
    assert_int_equal(room->board->version, 2);
    apply_good(room, WXYZ(A));
    inputs_are(room, "/wxyz/relay-2:relay /wxyz/relay-1:relay /wxyz/relay-3:relay");
    apply_good(room, WXYZ(GONE("b") ", " GONE("c") ", " GONE("a")));
    inputs_are(room, "");
    apply_bad(room, WXYZ(A ", " B ", " A),
              "stations[0].sources[2]: this relay is named a second time");
}

static void what_a_relay_is_can_be_changed(void **state)
{
    struct room *room = *state;
    apply_good(room, WXYZ("{\"relay\": \"http://10.0.0.7/x\", \"private\": true,"
                          "\"silence_allowed\": true, \"order\": 7}, {\"silence_allowed\": true}"));
    const struct board_source *s = room->board->stations[0].sources;
    assert_true(s[0].is_private && s[0].may_be_silent && s[1].may_be_silent);
    assert_false(board_source_is_relay(&s[1]));
    assert_int_equal(s[0].order, 7);
    apply_good(room, WXYZ("{\"relay\": \"http://10.0.0.7/x\", \"silence_allowed\": false}"));
    s = room->board->stations[0].sources;
    assert_true(s[0].is_private && !s[0].may_be_silent && s[1].may_be_silent);
    assert_int_equal(s[0].order, 7);
    apply_good(room, WXYZ("{\"relay\": \"http://10.0.0.7/x\", \"private\": false}"));
    assert_false(room->board->stations[0].sources[0].is_private);
    assert_int_equal(room->board->stations[0].sources_count, 2);
}

static void members_of_inputs_have_limits(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *source, *fault;
    } bad[] = {
        {"{\"relay\": \"http://a\", \"key\": \"123456789012\"}",
         ".key: is not for a relay, which its address names"},
        {"{\"relay\": \"http://a\", \"user\": \"relay\"}",
         ".user: is not for a relay, which its address names"},
        {"{\"relay\": \"http://a\", \"mount\": \"/wxyz/relay-1\"}",
         ".mount: is not for a relay, which its address names"},
        {"{\"relay\": \"http://a\", \"key_hash\": \"\"}", ": there is no field \"key_hash\""},
        {"{\"relay\": \"http://a\", \"private\": 1}", ".private: must be true or false"},
        {"{\"relay\": 7}", ".relay: must be a text"},
        {"{\"relay\": null}", ".relay: must be a text"},
        {"{\"private\": true}", ".private: is for a relay alone"},
        {"{\"silence_allowed\": \"yes\"}", ".silence_allowed: must be true or false"},
        {"{\"order\": -1}", ".order: must be a whole number from 0 to 999"},
        {"{\"order\": 1000}", ".order: must be a whole number from 0 to 999"},
        {"{\"order\": 1.5}", ".order: must be a whole number from 0 to 999"},
        {"{\"order\": \"1\"}", ".order: must be a whole number from 0 to 999"},
    };
    char document[400], fault[300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(document, sizeof document,
                 "{\"stations\": [{\"slug\": \"wxyz\", \"sources\": [%s]}]}", bad[i].source);
        snprintf(fault, sizeof fault, "stations[0].sources[0]%s", bad[i].fault);
        apply_bad(room, document, fault);
    }
    apply_good(room, WXYZ("{\"order\": 999}, {\"user\": \"first\", \"order\": 0}"));
    inputs_are(room, "/wxyz:first /wxyz:source");
}

static void the_address_of_a_relay_has_a_plain_form(void **state)
{
    struct room *room = *state;
#define FORM  "may have only what an address is made of (a blank is %20, a '#' is %23)"
#define START "must start with http:// or https://"
#define HOST  "must name a host"
#define PORT  "must have a port from 1 to 65535"
    static const struct {
        const char *address, *wrong;
    } rows[] = {
        {"http://other.example/live.mp3", NULL},
        {"https://other.example", NULL},
        {"http://studio:p%40ss:w@other.example:8000/live?a=b@c:d", NULL},
        {"http://studio@other.example", NULL},
        {"http://192.0.2.1:1/", NULL},
        {"https://[2001:db8::1]:65535/x", NULL},
        {"http://[::1]", NULL},
        {"http://my_host-2.example.", NULL},
        {"http://a?x", NULL},
        {"", START},
        {"ftp://other.example/", START},
        {"HTTP://other.example/", START},
        {"//other.example/", START},
        {"http:/other.example", START},
        {"file:///etc/passwd", START},
        {"http://", HOST},
        {"https:///live", HOST},
        {"http://?x", HOST},
        {"http://user:key@/live", HOST},
        {"http://:80/", HOST},
        {"http://-a.example/", HOST},
        {"http://a..b/", HOST},
        {"http://.a/", HOST},
        {"http://a%2fb/", HOST},
        {"http://a,b/", HOST},
        {"http://[::1/", HOST},
        {"http://::1/", HOST},
        {"http://[::1%25eth0]/", HOST},
        {"http://[1.2.3.4]/", HOST},
        {"http://[]/", HOST},
        {"http://a:b:80/", HOST},
        {"http://a:0/", PORT},
        {"http://a:65536/", PORT},
        {"http://a:/", PORT},
        {"http://a:x/", PORT},
        {"http://a:+1/", PORT},
        {"http://[::1]:/", PORT},
        {"http://[::1]x/", HOST},
        {"http://u@evil.example@other.example/",
         "must have at most one '@' before its path (in a password it is %40)"},
        {"http://a/b c", FORM},
        {"http://a/b\\\\c", FORM},
        {"http://a/b#c", FORM},
        {"http://a/\\u00e9", FORM},
        {"http://a/\\u0009", "must not have control characters"},
        {"http://a/\\\"", FORM},
    };
    char document[600], fault[300];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(document, sizeof document, WXYZ("{\"relay\": \"%s\"}"), rows[i].address);
        snprintf(fault, sizeof fault, "stations[0].sources[0].relay: %s",
                 rows[i].wrong ? rows[i].wrong : "");
        if (rows[i].wrong)
            apply_bad(room, document, fault);
        else
            apply_good(room, document);
    }
    char address[302] = "http://";
    memset(address + 7, 'a', 293);
    snprintf(document, sizeof document, WXYZ("{\"relay\": \"%s\"}"), address);
    apply_bad(room, document, "stations[0].sources[0].relay: must have at most 299 bytes, not 300");
    address[299] = '\0';
    snprintf(document, sizeof document, WXYZ("{\"relay\": \"%s\"}"), address);
    apply_good(room, document);
    /* A password is not repeated. */
    assert_int_equal(apply(room, WXYZ("{\"relay\": \"http://me:secret-1@a b\"}")), E_SYNTAX);
    assert_null(strstr(room->faults.ptr, "secret-1"));
}

static void the_name_of_a_relay_is_nobodys_mount(void **state)
{
    struct room *room = *state;
    /* It takes none that is there already. */
    apply_good(room, WXYZ("{\"mount\": \"/wxyz/relay-2\"}"));
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"renditions\": [{\"slug\": \"mp3\","
                     "\"mounts\": [\"/wxyz/relay-1\"]}], \"sources\": [" A "]}]}");
    inputs_are(room, "/wxyz/relay-2:source /wxyz/relay-3:relay");
    apply_bad(room, WXYZ("{\"user\": \"me\", \"mount\": \"/wxyz/relay-3\"}"),
              "stations[0]: mount '/wxyz/relay-3' of a source is the name of a relay");
    apply_bad(room,
              "{\"stations\": [{\"slug\": \"wxyz\", \"renditions\": [{\"slug\": \"mp3\","
              "\"mounts\": [\"/wxyz/relay-3\"]}]}]}",
              "stations[0]: mount '/wxyz/relay-3' of rendition 'mp3' is the name of a relay");
}

static void login_fails(const struct room *room, const char *mount, const char *user,
                        const char *key, enum err expected)
{
    struct board_login login;
    assert_int_equal(
        board_login_check(room->board, str_of(mount), str_of(user), str_of(key), &login), expected);
    assert_null(login.source);
    assert_null(login.station);
}

static void nobody_logs_in_as_a_relay(void **state)
{
    struct room *room = *state;
    static const char *const users[] = {"relay", "source", "", "me"};
    static const char *const keys[] = {"", "me", "secret", "me:secret", "studio-key-1234"};
    static const char *const mounts[] = {"/wxyz/relay-1", "http://me:secret@a.example/x", ""};
    apply_good(room, WXYZ("{\"relay\": \"http://me:secret@a.example/x\"}"));
    for (int with_studio = 0; with_studio < 2; with_studio++) {
        for (size_t u = 0; u < sizeof users / sizeof users[0]; u++)
            for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
                for (size_t m = 0; m < sizeof mounts / sizeof mounts[0]; m++)
                    login_fails(room, mounts[m], users[u], keys[k], E_NOT_FOUND);
        apply_good(room, WXYZ("{\"user\": \"studio\", \"key\": \"studio-key-1234\"}"));
    }
    login_fails(room, "/wxyz", "relay", "studio-key-1234", E_AUTH);
    login_fails(room, "/wxyz", "relay", "", E_AUTH);
    /* Not with a hash that a damaged or doctored board may have, and not at a mount that it
     * shares. */
    struct board_source *relay = &room->board->stations[0].sources[0];
    assert_true(board_source_is_relay(relay));
    key_hash(room->board->secret, STR("studio-key-1234"), relay->key_hash);
    login_fails(room, "/wxyz/relay-1", "relay", "studio-key-1234", E_NOT_FOUND);
    str_copy(relay->mount, sizeof relay->mount, STR("/wxyz"));
    login_fails(room, "/wxyz", "relay", "studio-key-1234", E_AUTH);
    struct board_login login;
    assert_int_equal(
        board_login_check(room->board, STR("/wxyz"), STR("source"), STR("studio-key-1234"), &login),
        OK);
    assert_string_equal(login.source->user, "studio");
}

int main(void)
{
#define BOARD_TEST(f) cmocka_unit_test_setup_teardown(f, room_start, room_stop)
    const struct CMUnitTest tests[] = {
        BOARD_TEST(inputs_stand_in_their_order_and_equal_ones_as_they_came),
        BOARD_TEST(a_relay_is_known_by_its_address_and_gets_a_name),
        BOARD_TEST(what_a_relay_is_can_be_changed),
        BOARD_TEST(members_of_inputs_have_limits),
        BOARD_TEST(the_address_of_a_relay_has_a_plain_form),
        BOARD_TEST(the_name_of_a_relay_is_nobodys_mount),
        BOARD_TEST(nobody_logs_in_as_a_relay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
