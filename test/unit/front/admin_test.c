#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above, as it takes in cmocka */
#include "rig.h"

#define OKAY                                                                                       \
    "<iceresponse><message>Metadata update successful</message><return>1</return></iceresponse>"
#define REFUSAL(text)                                                                              \
    "<html><head><title>Error 400</title></head><body><b>400 - " text "</b></body></html>"
#define SOURCE "source:" RIG_KEY

static void as_admin(struct rig *rig, int status, const char *target, const char *part)
{
    char login[64];
    snprintf(login, sizeof login, "admin:%s", rig->admin);
    assert_int_equal(rig_get(rig, login, target), status);
    assert_has(rig, part);
}

static void what_is_no_command_is_refused_before_anybody_is_asked_who_he_is(void **state)
{
    struct rig *rig = *state;
    static const char *const paths[] = {"/admin/!POKE", "/admin/", "/admin/nonsense",
                                        "/admin/stats.txt"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(rig_get(rig, NULL, paths[i]), 400);
        assert_has(rig, REFUSAL("Unrecognised command"));
    }
}

static void a_stranger_is_asked_to_authenticate(void **state)
{
    struct rig *rig = *state;
    static const char *const paths[] = {"/admin/stats",
                                        "/admin/stats?mount=/live",
                                        "/admin/listmounts",
                                        "/admin/streamlist.txt",
                                        "/admin/listclients?mount=/live",
                                        "/admin/killsource?mount=/live",
                                        "/admin/killclient?mount=/live&id=1",
                                        "/admin/metadata?mode=updinfo&mount=/live&song=x"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(rig_get(rig, NULL, paths[i]), 401);
        assert_has(rig, "\r\nWWW-Authenticate: Basic realm=");
        assert_string_equal(rig_body(rig), "You need to authenticate\r\n");
    }
}

static void a_source_may_do_only_what_concerns_its_mount(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, SOURCE, "/admin/listclients?mount=/live"), 200);
    assert_int_equal(rig_get(rig, SOURCE, "/admin/listclients?mount=/wxyz"), 200);
    assert_int_equal(rig_get(rig, SOURCE, "/admin/listmounts"), 401);
    assert_int_equal(rig_get(rig, SOURCE, "/admin/streamlist.txt"), 401);
    assert_int_equal(rig_get(rig, "source:wrong", "/admin/listclients?mount=/live"), 401);
}

static void the_relay_key_opens_the_stream_list_alone(void **state)
{
    struct rig *rig = *state;
    char login[64];
    snprintf(login, sizeof login, "relay:%s", rig->relay);
    assert_int_equal(rig_get(rig, login, "/admin/streamlist.txt"), 200);
    assert_string_equal(rig_body(rig), "/wxyz/mp3-128.mp3\r\n");
    assert_int_equal(rig_get(rig, login, "/admin/stats"), 401);
    as_admin(rig, 200, "/admin/streamlist.txt", "\r\n\r\n/wxyz/mp3-128.mp3\r\n");
}

static void stats_are_xml_and_may_be_of_one_mount(void **state)
{
    struct rig *rig = *state;
    static const char *const paths[] = {"/admin/stats", "/admin/stats.xml",
                                        "/admin/stats?mount=/live", "/admin/stats?mount=/wxyz"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        as_admin(rig, 200, paths[i], "Content-Type: text/xml; charset=utf-8\r\n");
        assert_has(rig, "\r\n\r\n<?xml version=\"1.0\"?>\n<icestats><admin></admin>");
        assert_has(rig, "<source mount=\"/wxyz/mp3-128.mp3\">");
        assert_has(rig, "<user_agent>rig/1 &lt;&amp;&gt;</user_agent></source></icestats>\n");
        assert_has(rig, "<server_name>WXYZ &lt;News&gt;</server_name>");
    }
    as_admin(rig, 400, "/admin/stats?mount=/none", REFUSAL("Source does not exist"));
}

static void mounts_are_listed(void **state)
{
    struct rig *rig = *state;
    static const char mount[] =
        "<icestats><source mount=\"/wxyz/mp3-128.mp3\"><fallback></fallback>"
        "<listeners>0</listeners><Connected>";
    as_admin(rig, 200, "/admin/listmounts", mount);
    assert_has(rig, "</Connected><content-type>audio/mpeg</content-type></source></icestats>");
    as_admin(rig, 200, "/admin/streamlist", mount);
}

/* Opens a stream and waits for its first bytes. */
static int listen_in(struct rig *rig)
{
    static const char request[] = "GET /live HTTP/1.0\r\nUser-Agent: <ear> \xe9\r\n\r\n";
    char bytes[12];
    int fd = rig_connect(rig);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    assert_int_equal(recv(fd, bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
    assert_memory_equal(bytes, "HTTP/1.0 200", sizeof bytes);
    return fd;
}

static bool ends(int fd)
{
    char bytes[4096];
    struct timeval most = {5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    ssize_t got;
    do
        got = recv(fd, bytes, sizeof bytes, 0);
    while (got > 0);
    return got == 0;
}

static void listeners_are_listed_and_can_be_sent_home(void **state)
{
    struct rig *rig = *state;
    char target[128];
    unsigned long long id;
    int fd = listen_in(rig);
    as_admin(rig, 200, "/admin/listclients?mount=/live",
             "<icestats><source mount=\"/wxyz/mp3-128.mp3\"><Listeners>1</Listeners><listener>"
             "<IP>127.0.0.1</IP><UserAgent>&lt;ear&gt; ");
    assert_non_null(strstr(rig->answer, "</ID><protocol>http</protocol>"));
    const char *at = strstr(rig->answer, "<ID>");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "<ID>%llu</ID>", &id), 1);
    snprintf(target, sizeof target, "/admin/killclient?mount=/live&id=%llu", id + 1);
    as_admin(rig, 200, target, " not found</message><return>0</return>");
    snprintf(target, sizeof target, "/admin/killclient?mount=/quiet/mp3-64.mp3&id=%llu", id);
    as_admin(rig, 200, target, " not found</message><return>0</return>");
    snprintf(target, sizeof target, "/admin/killclient?mount=/live&id=%llu", id);
    as_admin(rig, 200, target, " removed</message><return>1</return>");
    assert_true(ends(fd));
    close(fd);
}

static void parameters_that_lack_are_named_as_icecast_names_them(void **state)
{
    struct rig *rig = *state;
    as_admin(rig, 400, "/admin/listclients", REFUSAL("Unknown admin request"));
    as_admin(rig, 400, "/admin/killsource", REFUSAL("Unknown admin request"));
    as_admin(rig, 400, "/admin/metadata?mode=updinfo&song=x", REFUSAL("Unknown admin request"));
    as_admin(rig, 400, "/admin/metadata?mount=/live&song=x", REFUSAL("Missing parameter"));
    as_admin(rig, 400, "/admin/killclient?mount=/live", REFUSAL("Missing parameter"));
    as_admin(rig, 200, "/admin/killclient?mount=/live&id=x", "<return>0</return>");
    as_admin(rig, 200, "/admin/metadata?mode=foo&mount=/live&song=x",
             "<iceresponse><message>No such action</message><return>0</return></iceresponse>");
    as_admin(rig, 400, "/admin/killsource?mount=/none", REFUSAL("Source does not exist"));
    as_admin(rig, 400, "/admin/listclients?mount=/none", REFUSAL("Source does not exist"));
    as_admin(rig, 400, "/admin/metadata?mode=updinfo&mount=/none&song=x",
             REFUSAL("Source does not exist"));
}

/* ---- titles ---- */

static void sets(struct rig *rig, const char *query, const char *json)
{
    char target[512], part[256];
    snprintf(target, sizeof target, "/admin/metadata?mode=updinfo&mount=/wxyz&%s", query);
    assert_int_equal(rig_get(rig, SOURCE, target), 200);
    assert_has(rig, OKAY);
    snprintf(part, sizeof part, "\"title\":%s,\"dummy\":null}", json);
    rig_wait_for(rig, "/status-json.xsl", part);
}

static void a_title_is_set_by_song_or_by_artist_and_title(void **state)
{
    struct rig *rig = *state;
    sets(rig, "song=A%20-%20B", "\"A - B\"");
    sets(rig, "artist=Max+Bruch&title=Concerto", "\"Max Bruch - Concerto\"");
    sets(rig, "song=S&artist=A&title=T", "\"S\"");
    sets(rig, "title=Alone", "\"Alone\"");
    sets(rig, "song=1999", "1999");
    sets(rig, "song=", "null");
    sets(rig, "song=x&url=http://y/", "\"x\"");
    sets(rig, "artist=x", "\"x\""); /* nothing to set; what was stays */
}

static void a_title_is_utf8_if_it_can_be_and_else_latin1(void **state)
{
    struct rig *rig = *state;
    sets(rig, "song=%C3%89t%C3%A9", "\"\xc3\x89t\xc3\xa9\"");
    sets(rig, "song=%C9t%E9", "\"\xc3\x89t\xc3\xa9\"");
    sets(rig, "charset=ISO-8859-1&song=%C3%A9x", "\"\xc3\x83\xc2\xa9x\"");
    sets(rig, "charset=UTF-8&song=%E2%82%AC", "\"\xe2\x82\xac\"");
}

static void a_title_cannot_inject_anything(void **state)
{
    struct rig *rig = *state;
    sets(rig, "song=x';StreamUrl='javascript:1';%0D%0AX-Inj:%201",
         "\"x';StreamUrl='javascript:1';X-Inj: 1\"");
}

static void a_title_comes_as_a_form_too(void **state)
{
    struct rig *rig = *state;
    static const char body[] = "mode=updinfo&mount=/live&song=From+a+form";
    char text[512], encoded[100];
    base64(SOURCE, encoded);
    snprintf(text, sizeof text,
             "POST /admin/metadata HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n"
             "Authorization: Basic %s\r\n\r\n%s",
             strlen(body), encoded, body);
    assert_int_equal(rig_send(rig, text), 200);
    assert_has(rig, OKAY);
    rig_wait_for(rig, "/status-json.xsl", "\"title\":\"From a form\"");
}

static void a_broken_escape_is_refused(void **state)
{
    struct rig *rig = *state;
    as_admin(rig, 400, "/admin/metadata?mode=updinfo&mount=/live&song=%zz", "400 - malformed");
}

static void shoutcast_sets_titles_by_its_key(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/admin.cgi?mode=updinfo&pass=" RIG_KEY "&song=One"), 200);
    assert_has(rig, OKAY);
    rig_wait_for(rig, "/status-json.xsl", "\"title\":\"One\"");
    assert_int_equal(
        rig_get(rig, NULL, "/admin.cgi?mode=updinfo&pass=ann:" RIG_KEY "-of-ann&song=Two"), 200);
    rig_wait_for(rig, "/status-json.xsl", "\"title\":\"Two\"");
    assert_int_equal(rig_get(rig, NULL, "/admin.cgi?mode=updinfo&pass=wrong&song=x"), 401);
    assert_int_equal(rig_get(rig, NULL, "/admin.cgi?mode=updinfo&pass=ann:" RIG_KEY "&song=x"),
                     401);
    assert_int_equal(rig_get(rig, NULL, "/admin.cgi?mode=updinfo&song=x"), 400);
    assert_has(rig, REFUSAL("missing pass parameter"));
    assert_int_equal(rig_get(rig, NULL, "/admin.cgi?pass=" RIG_KEY "&song=x"), 400);
}

static void guessing_a_key_is_slowed_down(void **state)
{
    struct rig *rig = *state;
    int64_t began = clock_mono(clock_real()).us;
    assert_int_equal(rig_get(rig, "admin:guess", "/admin/stats"), 401);
    assert_true(clock_mono(clock_real()).us - began >= 900 * US_PER_MS);
}

static void a_source_that_is_killed_goes_off_the_air(void **state)
{
    struct rig *rig = *state;
    as_admin(rig, 200, "/admin/killsource?mount=/live",
             "<iceresponse><message>Source Removed</message><return>1</return></iceresponse>");
    rig_wait(rig, false);
    as_admin(rig, 400, "/admin/metadata?mode=updinfo&mount=/live&song=x",
             REFUSAL("Source does not exist"));
    as_admin(rig, 400, "/admin/stats?mount=/live", REFUSAL("Source does not exist"));
    as_admin(rig, 200, "/admin/listmounts", "<icestats></icestats>");
}

static int open_with_source(void **state)
{
    rig_open(state);
    rig_plug(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_command_is_refused_before_anybody_is_asked_who_he_is),
        cmocka_unit_test(a_stranger_is_asked_to_authenticate),
        cmocka_unit_test(a_source_may_do_only_what_concerns_its_mount),
        cmocka_unit_test(the_relay_key_opens_the_stream_list_alone),
        cmocka_unit_test(stats_are_xml_and_may_be_of_one_mount),
        cmocka_unit_test(mounts_are_listed),
        cmocka_unit_test(listeners_are_listed_and_can_be_sent_home),
        cmocka_unit_test(parameters_that_lack_are_named_as_icecast_names_them),
        cmocka_unit_test(a_title_is_set_by_song_or_by_artist_and_title),
        cmocka_unit_test(a_title_is_utf8_if_it_can_be_and_else_latin1),
        cmocka_unit_test(a_title_cannot_inject_anything),
        cmocka_unit_test(a_title_comes_as_a_form_too),
        cmocka_unit_test(a_broken_escape_is_refused),
        cmocka_unit_test(shoutcast_sets_titles_by_its_key),
        cmocka_unit_test(guessing_a_key_is_slowed_down),
        cmocka_unit_test(a_source_that_is_killed_goes_off_the_air),
    };
    return cmocka_run_group_tests(tests, open_with_source, rig_close);
}
