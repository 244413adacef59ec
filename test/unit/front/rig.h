/* A running station in a test: air, loops and server for real, tapes in RAM, one MP3 source that
 * sends silence. Asked over a socket, like everybody else does. */
#ifndef MAST_TEST_FRONT_RIG_H
#define MAST_TEST_FRONT_RIG_H

#include "front/front_priv.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* last, as it wants the above */
#include <cmocka.h>

#define RIG_KEY "a-long-enough-key"

struct rig {
    char admin[KEY_TEXT_BYTES], relay[KEY_TEXT_BYTES];
    struct board *board;
    struct board_place place;
    struct air *air;
    struct tape_reader *reader;
    struct loops *loops;
    struct listen *listen;
    struct front *front;
    struct http_server *server;
    struct addr bound;
    atomic_bool is_draining, stop;
    pthread_t source;
    bool has_source;
    char answer[262144];
    size_t answer_len;
};

static inline int rig_connect(const struct rig *rig)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(rig->bound.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Sends a request as it is and reads the answer to its end. Returns the status. */
static inline int rig_send(struct rig *rig, const char *text)
{
    int fd = rig_connect(rig), status = 0;
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    rig->answer_len = 0;
    for (;;) {
        ssize_t got =
            recv(fd, rig->answer + rig->answer_len, sizeof rig->answer - 1 - rig->answer_len, 0);
        if (got <= 0)
            break;
        rig->answer_len += (size_t)got;
    }
    rig->answer[rig->answer_len] = '\0';
    close(fd);
    assert_int_equal(sscanf(rig->answer, "HTTP/1.1 %d", &status), 1);
    return status;
}

static inline void base64(const char *text, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i += 3) {
        unsigned v = (unsigned)(unsigned char)text[i] << 16;
        v |= i + 1 < len ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
        v |= i + 2 < len ? (unsigned)(unsigned char)text[i + 2] : 0;
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[v & 63] : '=';
    }
    *out = '\0';
}

/* GET, as "user:key" or nobody (NULL). */
static inline int rig_get(struct rig *rig, const char *login, const char *target)
{
    char text[4096], auth[400] = "", encoded[300];
    if (login) {
        base64(login, encoded);
        snprintf(auth, sizeof auth, "Authorization: Basic %s\r\n", encoded);
    }
    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: radio.example\r\nConnection: close\r\n%s\r\n", target, auth);
    return rig_send(rig, text);
}

static inline const char *rig_body(const struct rig *rig)
{
    const char *end = strstr(rig->answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

/* noinline: gcc with -fsanitize sees a NULL in the literals that it would fold in */
#define APART __attribute__((noinline, unused))

APART static void assert_has(const struct rig *rig, const char *part)
{
    if (!strstr(rig->answer, part)) {
        print_error("\"%s\" is not in:\n%s\n", part, rig->answer);
        fail();
    }
}

APART static void assert_lacks(const struct rig *rig, const char *part)
{
    if (strstr(rig->answer, part)) {
        print_error("\"%s\" is in:\n%s\n", part, rig->answer);
        fail();
    }
}

/* ---- the source ---- */

static inline void *rig_source_main(void *ctx)
{
    struct rig *rig = ctx;
    char head[512], encoded[100];
    unsigned char frame[417] = {0xff, 0xfb, 0x90, 0x64}; /* 128 kbit/s, 44.1 kHz, 26.12 ms */
    int fd = rig_connect(rig);
    base64("source:" RIG_KEY, encoded);
    snprintf(head, sizeof head,
             "SOURCE /wxyz HTTP/1.0\r\nAuthorization: Basic %s\r\nContent-Type: audio/mpeg\r\n"
             "ice-name: Not shown\r\nUser-Agent: rig/1 <&>\r\n\r\n",
             encoded);
    send(fd, head, strlen(head), MSG_NOSIGNAL);
    int64_t began_us = clock_mono(clock_real()).us;
    for (int64_t sent = 0; !atomic_load(&rig->stop); poll(NULL, 0, 10)) {
        int64_t due = (clock_mono(clock_real()).us - began_us) * 44100 / 1152 / US_PER_S;
        for (; sent < due; sent++)
            if (send(fd, frame, sizeof frame, MSG_NOSIGNAL) < 0)
                goto out;
    }
out:
    close(fd);
    return NULL;
}

static inline const struct board_live *rig_live(const struct rig *rig)
{
    return &rig->board->stations[0].renditions[0].live;
}

/* Waits until the source is on the air (or off). */
static inline void rig_wait(struct rig *rig, bool on)
{
    struct utc since;
    for (int i = 0; i < 1000 && air_output_is_on(rig_live(rig)->output, &since) != on; i++)
        poll(NULL, 0, 10);
    assert_int_equal(air_output_is_on(rig_live(rig)->output, &since), on);
}

static inline void rig_plug(struct rig *rig)
{
    rig->has_source = true;
    assert_int_equal(pthread_create(&rig->source, NULL, rig_source_main, rig), 0);
    rig_wait(rig, true);
}

/* Waits until an answer has the text. */
APART static void rig_wait_for(struct rig *rig, const char *target, const char *part)
{
    for (int i = 0; i < 500; i++) {
        rig_get(rig, NULL, target);
        if (strstr(rig->answer, part))
            return;
        poll(NULL, 0, 10);
    }
    print_error("\"%s\" never came; last:\n%s\n", part, rig->answer);
    fail();
}

/* ---- the station ---- */

static inline void rig_open_board(struct rig *rig)
{
    static const char document[] =
        "{\"stations\":[{\"slug\":\"wxyz\",\"name\":\"WXYZ <News>\",\"description\":\"News & "
        "talk\","
        "\"genre\":\"News\",\"url\":\"https://wxyz.example/\",\"renditions\":["
        "{\"slug\":\"mp3-128\",\"codec\":\"mp3\",\"bitrate\":128000,\"mounts\":[\"/live\"]}],"
        "\"sources\":[{\"user\":\"source\",\"mount\":\"/wxyz\",\"key\":\"" RIG_KEY "\"},"
        "{\"user\":\"ann\",\"mount\":\"/wxyz\",\"key\":\"" RIG_KEY "-of-ann\"}]},"
        "{\"slug\":\"quiet\",\"name\":\"Quiet\",\"listed\":false,\"renditions\":["
        "{\"slug\":\"mp3-64\",\"codec\":\"mp3\",\"bitrate\":64000}]}]}";
    struct board *empty;
    struct buf faults;
    struct board_keys keys;
    buf_init(&faults, 65536);
    buf_init(&keys.lines, 65536);
    assert_int_equal(crypto_init(), OK);
    assert_int_equal(board_new(rig->admin, rig->relay, &empty), OK);
    enum err err = board_apply(empty, str_of(document), &rig->board, &keys, &faults);
    if (err)
        fail_msg("%.*s", STR_ARG(buf_str(&faults)));
    board_free(&empty);
    buf_release(&faults);
    buf_release(&keys.lines);
    for (size_t i = 0; i < rig->board->stations_count; i++) {
        struct board_rendition *rendition = &rig->board->stations[i].renditions[0];
        struct tape_config tape = {
            .name = rendition->slug, .codec = CODEC_MP3, .bitrate_bps = rendition->bitrate_bps};
        struct board_live *live = &rendition->live;
        rendition->passthrough = true;
        assert_int_equal(
            air_station_new(rig->board->stations[i].slug, NULL, &rig->board->stations[i].air), OK);
        assert_int_equal(tape_open(&tape, clock_utc(clock_real()), &live->tape), OK);
        assert_int_equal(air_output_new(live->tape, &live->output), OK);
        assert_int_equal(audience_new(&live->audience), OK);
    }
    atomic_store(&rig->place.now, rig->board);
}

static inline void rig_open_rooms(struct rig *rig)
{
    struct air_config air = {
        .clock = clock_real(), .place = &rig->place, .source_timeout_ms = 10000, .sources_max = 4};
    assert_int_equal(air_new(&air, &rig->air), OK);
    assert_int_equal(air_start(rig->air), OK);
    assert_int_equal(tape_reader_start(1, 1 << 20, &rig->reader), OK);
    assert_int_equal(loops_new(1, clock_real(), &rig->loops), OK);
    struct listen_config listen = {.loops = rig->loops,
                                   .place = &rig->place,
                                   .clock = air_clock(rig->air),
                                   .reader = rig->reader,
                                   .listeners_max = 10,
                                   .burst_ms = 500,
                                   .lag_ms = 20000,
                                   .server_name = "mast/test",
                                   .public_url = "http://radio.example:8000"};
    assert_int_equal(listen_new(&listen, &rig->listen), OK);
    struct front_config front = {.clock = air_clock(rig->air),
                                 .place = &rig->place,
                                 .air = rig->air,
                                 .listen = rig->listen,
                                 .started = clock_utc(clock_real()),
                                 .server_id = "mast/test",
                                 .public_url = "http://radio.example:8000",
                                 .host_name = "radio.example",
                                 .location = "Fairhaven",
                                 .admin_contact = "",
                                 .data_folder = "/tmp",
                                 .is_draining = &rig->is_draining};
    assert_int_equal(front_new(&front, &rig->front), OK);
}

static inline void rig_open_server(struct rig *rig)
{
    struct http_route routes[FRONT_ROUTES_MAX + 2];
    struct http_config http;
    struct addr any;
    size_t count = front_routes(rig->front, routes);
    count += front_control_routes(rig->front, routes + count);
    routes[count++] = (struct http_route){.path = "*",
                                          .methods = HTTP_PUT | HTTP_SOURCE,
                                          .handler = air_on_login,
                                          .ctx = rig->air,
                                          .takes_over = true};
    routes[count++] = (struct http_route){.path = "*",
                                          .methods = HTTP_GET,
                                          .handler = listen_on_mount,
                                          .ctx = rig->listen,
                                          .takes_over = true};
    http_config_init(&http);
    http.loops = rig->loops;
    http.routes = routes;
    http.routes_count = count;
    http.server_name = "mast/test";
    assert_int_equal(http_server_new(&http, &rig->server), OK);
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &any), OK);
    assert_int_equal(http_listen(rig->server, &any, &rig->bound), OK);
    front_set_server(rig->front, rig->server);
    front_set_port(rig->front, 8000);
    assert_int_equal(loops_start(rig->loops), OK);
    assert_int_equal(listen_start(rig->listen), OK);
}

static inline int rig_open(void **state)
{
    struct rig *rig = *state = mem_new(sizeof *rig);
    assert_non_null(rig);
    rig_open_board(rig);
    rig_open_rooms(rig);
    rig_open_server(rig);
    return 0;
}

static inline int rig_close(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->stop, true);
    if (rig->has_source)
        pthread_join(rig->source, NULL);
    for (int i = 0; i < 500 && air_stats(rig->air).sources_now > 0; i++)
        poll(NULL, 0, 10);
    listen_drain(rig->listen);
    for (int i = 0; i < 500 && listen_count(rig->listen) > 0; i++)
        poll(NULL, 0, 10);
    loops_stop(rig->loops);
    air_stop(rig->air);
    http_server_free(&rig->server);
    front_free(&rig->front);
    listen_free(&rig->listen);
    tape_reader_stop(&rig->reader);
    air_free(&rig->air);
    loops_free(&rig->loops);
    for (size_t i = 0; i < rig->board->stations_count; i++) {
        struct board_live *live = &rig->board->stations[i].renditions[0].live;
        air_output_free(&live->output);
        audience_free(&live->audience);
        air_station_free(&rig->board->stations[i].air);
        tape_close(&live->tape);
    }
    board_free(&rig->board);
    mem_free(rig);
    return 0;
}

#endif
