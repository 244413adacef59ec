#include "air_room.h"

#include "base/crypto.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY        "a-key-of-some-length"
#define BASIC      "Authorization: Basic c3R1ZGlvOmEta2V5LW9mLXNvbWUtbGVuZ3Ro\r\n" /* studio: KEY */
#define BASIC_BAD  "Authorization: Basic c3R1ZGlvOndyb25n\r\n"
#define ANSWER_MAX 4096

/* The air behind a real server; the air ticks on the machine's clock. */
struct rig {
    struct world *w;
    struct loops *loops;
    struct http_server *server;
    struct addr addr;
};

static void start_server(struct rig *rig)
{
    struct http_config http;
    http_config_init(&http);
    struct http_route routes[] = {
        {"*", HTTP_PUT | HTTP_SOURCE, air_on_login, rig->w->air, 0, true, false}};
    http.loops = rig->loops;
    http.routes = routes;
    http.routes_count = 1;
    http.server_name = "mast";
    http.on_password = air_on_password;
    http.on_password_ctx = rig->w->air;
    assert_int_equal(http_server_new(&http, &rig->server), OK);
    assert_int_equal(loops_start(rig->loops), OK);
    struct addr any;
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &any), OK);
    assert_int_equal(http_listen(rig->server, &any, &rig->addr), OK);
}

static int make(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    *state = rig;
    assert_int_equal(crypto_init(), OK);
    struct world *w = rig->w = world_new(CODEC_MP3);
    for (size_t i = 0; i < w->station.sources_count; i++)
        key_hash(w->board.secret, STR(KEY), w->station.sources[i].key_hash);
    str_copy(w->station.sources[1].user, sizeof w->station.sources[1].user, STR("source"));
    key_hash(w->board.secret, STR("backups-own-key-1"), w->station.sources[1].key_hash);
    air_free(&w->air);
    struct air_config config = {
        .clock = clock_real(), .place = &w->place, .source_timeout_ms = 10000, .sources_max = 4};
    assert_int_equal(air_new(&config, &w->air), OK);
    assert_int_equal(air_start(w->air), OK);
    assert_int_equal(loops_new(1, clock_real(), &rig->loops), OK);
    start_server(rig);
    return 0;
}

static void wait_for_sources(const struct rig *rig, uint32_t count)
{
    for (int i = 0; i < 500 && air_stats(rig->w->air).sources_now != count; i++)
        poll(NULL, 0, 20);
    assert_int_equal(air_stats(rig->w->air).sources_now, count);
}

static int unmake(void **state)
{
    struct rig *rig = *state;
    air_drain(rig->w->air);
    wait_for_sources(rig, 0);
    loops_stop(rig->loops);
    http_server_free(&rig->server);
    air_stop(rig->w->air);
    loops_free(&rig->loops);
    world_free(rig->w);
    free(rig);
    return 0;
}

/* ---- a client ---- */

static void say(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static int dial(const struct rig *rig, const char *request)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(rig->addr.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    say(fd, request, strlen(request));
    return fd;
}

/* What comes until the other side ends, or until `until` was in it. Owner: static. */
static const char *hear_answer(int fd, const char *until)
{
    static char answer[ANSWER_MAX + 1];
    size_t len = 0;
    answer[0] = '\0';
    while (len < ANSWER_MAX && !(until && strstr(answer, until))) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 10000) != 1)
            fail_msg("no answer");
        ssize_t got = recv(fd, answer + len, ANSWER_MAX - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        answer[len] = '\0';
    }
    return answer;
}

static void assert_answer(int fd, const char *head)
{
    const char *answer = hear_answer(fd, "\r\n\r\n");
    if (strncmp(answer, head, strlen(head)) != 0)
        fail_msg("no \"%s\"", head);
}

/* Sound that is pushed at once: frames 0 to count - 1, in `to`; returns its length. */
static size_t make_sound(unsigned char *to, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        make_frame(to + (size_t)i * MP3_BYTES, 'M', i);
    return (size_t)count * MP3_BYTES;
}

/* Waits until the newest source has framed so much, and looks that nothing else came. */
static void wait_for_frames(const struct rig *rig, uint64_t frames)
{
    struct source_facts facts = {0};
    for (int i = 0; i < 500 && facts.frames < frames; i++) {
        poll(NULL, 0, 20);
        if (!air_source_at(rig->w->air, 0, &facts))
            continue;
    }
    assert_true(facts.frames >= frames);
    assert_int_equal(facts.skipped_bytes, 0);
}

/* ---- HTTP ---- */

static void a_source_of_the_old_kind_is_let_in(void **state)
{
    struct rig *rig = *state;
    static unsigned char sound[40 * MP3_BYTES];
    int fd = dial(rig, "SOURCE /main ICE/1.0\r\n" BASIC "content-type: audio/mpeg\r\n"
                       "ice-name: The studio\r\nice-bitrate: 128\r\nice-public: 1\r\n\r\n");
    assert_string_equal(hear_answer(fd, "\r\n\r\n"), "HTTP/1.0 200 OK\r\n\r\n");
    say(fd, sound, make_sound(sound, 40));
    wait_for_frames(rig, 30);
    struct source_facts facts;
    assert_true(air_source_at(rig->w->air, 0, &facts));
    assert_string_equal(facts.name, "The studio");
    assert_string_equal(facts.user, "studio");
    assert_int_equal(facts.bitrate_kbps, 128);
    assert_true(facts.is_public);
    int second = dial(rig, "SOURCE /main ICE/1.0\r\n" BASIC "\r\n");
    assert_answer(second, "HTTP/1.1 403 ");
    close(second);
    close(fd);
    wait_for_sources(rig, 0);
}

static void a_put_that_expects_it_hears_100_and_at_its_end_200(void **state)
{
    struct rig *rig = *state;
    static unsigned char sound[40 * MP3_BYTES];
    int fd = dial(rig, "PUT /main HTTP/1.1\r\nHost: x\r\n" BASIC "Content-Type: audio/mpeg\r\n"
                       "Expect: 100-continue\r\nContent-Length: 16680\r\n\r\n");
    assert_string_equal(hear_answer(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, sound, make_sound(sound, 40));
    assert_answer(fd, "HTTP/1.1 200 OK\r\n");
    close(fd);
    wait_for_sources(rig, 0);
}

static void chunks_are_taken_off_however_they_are_cut(void **state)
{
    struct rig *rig = *state;
    static unsigned char sound[90 * MP3_BYTES];
    static char chunk[sizeof sound + 16];
    int fd = dial(rig, "PUT /main HTTP/1.1\r\nHost: x\r\n" BASIC "Content-Type: audio/mpeg\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n");
    assert_string_equal(hear_answer(fd, "\r\n\r\n"), "HTTP/1.1 200 OK\r\n\r\n");
    size_t bytes = make_sound(sound, 90);
    int digits = snprintf(chunk, sizeof chunk, "%zx", bytes);
    say(fd, chunk, (size_t)digits); /* the size alone, without the end of its line */
    poll(NULL, 0, 50);
    memcpy(chunk, "\r\n", 2);
    memcpy(chunk + 2, sound, bytes);
    memcpy(chunk + 2 + bytes, "\r\n", 2);
    say(fd, chunk, bytes + 4);
    wait_for_frames(rig, 20);
    close(fd);
    wait_for_sources(rig, 0);
}

static void chunks_that_were_announced_and_do_not_come_are_done_without(void **state)
{
    struct rig *rig = *state;
    static unsigned char sound[40 * MP3_BYTES];
    int fd = dial(rig, "PUT /main HTTP/1.1\r\nHost: x\r\n" BASIC "Content-Type: audio/mpeg\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n");
    hear_answer(fd, "\r\n\r\n");
    say(fd, sound, make_sound(sound, 40));
    wait_for_frames(rig, 30);
    close(fd);
    wait_for_sources(rig, 0);
}

static void whoever_may_not_log_in_is_told_why(void **state)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"SOURCE /main ICE/1.0\r\ncontent-type: audio/mpeg\r\n\r\n", "HTTP/1.1 401 "},
        {"SOURCE /main ICE/1.0\r\n" BASIC_BAD "\r\n", "HTTP/1.1 401 "},
        {"SOURCE /nowhere ICE/1.0\r\n" BASIC "\r\n", "HTTP/1.1 404 "},
        {"SOURCE /main ICE/1.0\r\n" BASIC "content-type: video/mp4\r\n\r\n", "HTTP/1.1 415 "},
        {"PUT /main HTTP/1.1\r\nHost: x\r\n" BASIC "Transfer-Encoding: chunked\r\n\r\n",
         "HTTP/1.1 403 "},
        {"PUT /main HTTP/1.1\r\nHost: x\r\n" BASIC
         "Content-Type: audio/mpeg\r\nContent-Length: 0\r\n\r\n",
         "HTTP/1.1 405 "},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = dial(rig, cases[i].request);
        assert_answer(fd, cases[i].answer);
        close(fd);
    }
    assert_int_equal(air_stats(rig->w->air).sources_now, 0);
    assert_int_equal(air_stats(rig->w->air).logins_refused_count, sizeof cases / sizeof cases[0]);
    assert_int_equal(air_stats(rig->w->air).logins_failed_count, 1);
}

static void after_ten_wrong_keys_the_answer_comes_a_second_late(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i <= GUARD_FAILURES; i++) {
        int64_t began_us = clock_mono(clock_real()).us;
        int fd = dial(rig, "SOURCE /main ICE/1.0\r\n" BASIC_BAD "\r\n");
        assert_answer(fd, "HTTP/1.1 401 ");
        if (i == GUARD_FAILURES)
            assert_true(clock_mono(clock_real()).us - began_us >= 800 * US_PER_MS);
        close(fd);
    }
}

/* ---- SHOUTcast ---- */

static void a_shoutcast_source_is_known_by_its_key(void **state)
{
    static const char *const lines[] = {"backups-own-key-1\r\n", "source:backups-own-key-1\n",
                                        "/backup:backups-own-key-1\r\r\n", "studio:" KEY "\r\n"};
    struct rig *rig = *state;
    static unsigned char sound[40 * MP3_BYTES];
    for (size_t i = 0; i < 4; i++) {
        int fd = dial(rig, lines[i]);
        assert_string_equal(hear_answer(fd, "\r\n\r\n"), "OK2\r\nicy-caps:11\r\n\r\n");
        static const char head[] = "icy-name:Old\r\nicy-br:128\r\ncontent-type:audio/mpeg\r\n\r\n";
        say(fd, head, sizeof head - 1);
        say(fd, sound, make_sound(sound, 40));
        wait_for_frames(rig, 10);
        struct source_facts facts;
        assert_true(air_source_at(rig->w->air, 0, &facts));
        assert_string_equal(facts.mount, i == 3 ? "/main" : "/backup");
        assert_string_equal(facts.name, "Old");
        assert_true(facts.is_shoutcast);
        close(fd);
        wait_for_sources(rig, 0);
    }
}

static void key_headers_and_sound_may_come_in_one_piece(void **state)
{
    struct rig *rig = *state;
    static char all[128 + 60 * MP3_BYTES];
    int len = snprintf(all, sizeof all, "backups-own-key-1\r\nicy-name:x\r\n\r\n");
    size_t bytes = (size_t)len + make_sound((unsigned char *)all + len, 60);
    int fd = dial(rig, "");
    say(fd, all, bytes);
    wait_for_frames(rig, 10);
    close(fd);
    wait_for_sources(rig, 0);
}

static void a_wrong_key_is_told_whatever_comes_with_it(void **state)
{
    struct rig *rig = *state;
    static char all[60000];
    memset(all, 'x', sizeof all);
    memcpy(all, "wrong\r\n", 7);
    for (int i = 0; i < 6; i++) {
        int fd = dial(rig, "");
        say(fd, all, i % 2 ? 7 : sizeof all);
        if (i % 3 == 0)
            say(fd, all + 7, 9000);
        assert_string_equal(hear_answer(fd, NULL), "invalid password\r\n");
        close(fd);
    }
    assert_int_equal(air_stats(rig->w->air).logins_failed_count, 6);
}

static void headers_without_an_end_are_refused(void **state)
{
    struct rig *rig = *state;
    static char all[5000];
    memset(all, 'x', sizeof all);
    memcpy(all, "backups-own-key-1\r\n", 19);
    int fd = dial(rig, "");
    say(fd, all, 1000);
    say(fd, all + 1000, 4000);
    assert_non_null(strstr(hear_answer(fd, NULL), "invalid password\r\n"));
    close(fd);
    assert_int_equal(air_stats(rig->w->air).sources_now, 0);
}

#define with_server(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(a_source_of_the_old_kind_is_let_in),
        with_server(a_put_that_expects_it_hears_100_and_at_its_end_200),
        with_server(chunks_are_taken_off_however_they_are_cut),
        with_server(chunks_that_were_announced_and_do_not_come_are_done_without),
        with_server(whoever_may_not_log_in_is_told_why),
        with_server(after_ten_wrong_keys_the_answer_comes_a_second_late),
        with_server(a_shoutcast_source_is_known_by_its_key),
        with_server(key_headers_and_sound_may_come_in_one_piece),
        with_server(a_wrong_key_is_told_whatever_comes_with_it),
        with_server(headers_without_an_end_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
