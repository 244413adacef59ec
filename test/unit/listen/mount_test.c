#include "../media/media_test.h"

#include "base/crypto.h"
#include "listen/ear_priv.h"
#include "listen/playlist_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW_US      (INT64_C(1795392000) * US_PER_S)
#define MP3_BYTES   417
#define MP3_SAMPLES 1152
#define FRAMES      2400 /* 62.7 s */
#define ANSWER_MAX  (256 * 1024)

/* A whole room behind a real server: station "wxyz" with a rendition "main", one minute on its tape
 * in RAM, and nothing more comes. Station time stands still. */
struct rig {
    struct clock station;
    int64_t now_us;
    struct loops *loops;
    struct tape *tape;
    struct tape_reader *reader;
    struct audience *audience;
    struct board_station *wxyz;
    struct board board;
    struct board_place place;
    struct listen *listen;
    struct http_server *server;
    struct addr addr;
};

static struct utc station_utc(void *ctx)
{
    return (struct utc){((struct rig *)ctx)->now_us};
}

static struct mono station_mono(void *ctx)
{
    (void)ctx;
    return clock_mono(clock_real());
}

static int64_t start_of(uint32_t seq)
{
    return NOW_US - (int64_t)(FRAMES - seq) * MP3_SAMPLES * US_PER_S / 44100;
}

static void fill_tape(struct tape *tape)
{
    static const struct format format = {
        .codec = CODEC_MP3, .rate_hz = 44100, .bitrate_bps = 128000, .channels = 2, .profile = 1};
    tape_title(tape, STR("A title"));
    for (uint32_t seq = 0; seq < FRAMES; seq++) {
        unsigned char frame[MP3_BYTES];
        memset(frame, 0x55, sizeof frame);
        mpeg_head(&mpeg_usual, frame);
        frame[40] = (unsigned char)(seq & 0x3F);
        frame[41] = (unsigned char)(seq >> 6 & 0x3F);
        tape_append(tape, (struct str){(const char *)frame, sizeof frame}, MP3_SAMPLES, &format,
                    (struct utc){start_of(seq)}, false);
    }
}

static void make_board(struct rig *rig)
{
    struct board_station *s = rig->wxyz = calloc(1, sizeof *s);
    assert_non_null(s);
    str_copy(s->slug, sizeof s->slug, STR("wxyz"));
    str_copy(s->name, sizeof s->name, STR("WXYZ <News>"));
    str_copy(s->description, sizeof s->description, STR("All news"));
    s->listed = true;
    struct board_rendition *r = &s->renditions[s->renditions_count++];
    str_copy(r->slug, sizeof r->slug, STR("main"));
    str_copy(r->mounts[r->mounts_count++], sizeof r->mounts[0], STR("/live.mp3"));
    r->codec = CODEC_MP3;
    r->bitrate_bps = 128000;
    r->live = (struct board_live){.tape = rig->tape, .audience = rig->audience};
    rig->board.stations = s;
    rig->board.stations_count = 1;
    atomic_store(&rig->place.now, &rig->board);
}

static void start_server(struct rig *rig)
{
    struct listen_config listen = {.loops = rig->loops,
                                   .place = &rig->place,
                                   .clock = &rig->station,
                                   .reader = rig->reader,
                                   .listeners_max = 3,
                                   .burst_ms = 3000,
                                   .lag_ms = 20000,
                                   .server_name = "mast",
                                   .public_url = "https://radio.example"};
    struct http_config http;
    http_config_init(&http);
    assert_int_equal(listen_new(&listen, &rig->listen), OK);
    struct http_route routes[] = {{"*", HTTP_GET, listen_on_mount, rig->listen, 0, false, true}};
    http.loops = rig->loops;
    http.routes = routes;
    http.routes_count = 1;
    http.server_name = "mast";
    assert_int_equal(http_server_new(&http, &rig->server), OK);
    assert_int_equal(loops_start(rig->loops), OK);
    assert_int_equal(listen_start(rig->listen), OK);
    struct addr any;
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &any), OK);
    assert_int_equal(http_listen(rig->server, &any, &rig->addr), OK);
}

static int make(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    *state = rig;
    rig->now_us = NOW_US;
    rig->station = (struct clock){rig, station_utc, station_mono};
    assert_int_equal(crypto_init(), OK);
    struct tape_config tape = {.name = "wxyz/main", .codec = CODEC_MP3, .bitrate_bps = 128000};
    assert_int_equal(tape_open(&tape, (struct utc){NOW_US}, &rig->tape), OK);
    fill_tape(rig->tape);
    assert_int_equal(audience_new(&rig->audience), OK);
    assert_int_equal(tape_reader_start(1, 1 << 20, &rig->reader), OK);
    assert_int_equal(loops_new(2, clock_real(), &rig->loops), OK);
    make_board(rig);
    start_server(rig);
    return 0;
}

/* ---- a client ---- */

static int dial(const struct rig *rig, const char *request)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(rig->addr.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    return fd;
}

/* Reads until the other side ends, `enough` bytes are there, or nothing came for 10 s. */
static size_t read_some(int fd, char *to, size_t enough, bool *ended)
{
    size_t len = 0;
    *ended = false;
    while (len < enough) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 10000) != 1)
            break;
        ssize_t got = recv(fd, to + len, enough - len, 0);
        *ended = got <= 0;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    to[len] = '\0';
    return len;
}

/* The whole answer to a request that ends. Owner: static. */
static const char *ask(const struct rig *rig, const char *method, const char *target)
{
    static char answer[ANSWER_MAX + 1];
    char request[512];
    bool ended;
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             method, target);
    int fd = dial(rig, request);
    read_some(fd, answer, ANSWER_MAX, &ended);
    assert_true(ended);
    close(fd);
    return answer;
}

static void assert_has(const char *answer, const char *part)
{
    if (!strstr(answer, part))
        fail_msg("no \"%s\" in it", part);
}

static void assert_status(const char *answer, int status)
{
    char head[16];
    snprintf(head, sizeof head, " %d ", status);
    assert_memory_equal(answer + 8, head, 5);
}

/* Waits until the room has so many listeners. */
static void wait_for_count(struct rig *rig, uint32_t count)
{
    for (int i = 0; i < 500 && listen_count(rig->listen) != count; i++)
        poll(NULL, 0, 20);
    assert_int_equal(listen_count(rig->listen), count);
}

static int unmake(void **state)
{
    struct rig *rig = *state;
    listen_drain(rig->listen);
    wait_for_count(rig, 0);
    loops_stop(rig->loops);
    http_server_free(&rig->server);
    listen_free(&rig->listen);
    tape_reader_stop(&rig->reader);
    loops_free(&rig->loops);
    assert_int_equal(audience_facts(rig->audience).now, 0);
    audience_free(&rig->audience);
    tape_close(&rig->tape);
    free(rig->wxyz);
    free(rig);
    return 0;
}

static void assert_frames(const char *sound, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *frame = (const unsigned char *)sound + i * MP3_BYTES;
        assert_int_equal(frame[0], 0xFF);
        assert_int_equal(frame[40] | frame[41] << 6, first + i);
    }
}

/* Reads the head and `sound_bytes` behind it; returns where the sound begins. */
static const char *read_stream(int fd, char *to, size_t sound_bytes)
{
    bool ended;
    size_t len = 0;
    char *sound = NULL;
    while (!sound || len < (size_t)(sound - to) + sound_bytes) {
        size_t want = sound ? (size_t)(sound - to) + sound_bytes - len : 1;
        size_t got = read_some(fd, to + len, want, &ended);
        if (got == 0)
            fail_msg("only %zu bytes came", len);
        len += got;
        if (!sound && (sound = strstr(to, "\r\n\r\n")) != NULL)
            sound += 4;
    }
    return sound;
}

/* ---- */

static void a_live_listener_gets_the_head_and_three_seconds_at_once(void **state)
{
    struct rig *rig = *state;
    static char answer[ANSWER_MAX];
    uint32_t first = FRAMES - 114; /* the first that lies wholly in the last 3 s */
    int fd = dial(rig, "GET /wxyz/main.mp3 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n");
    const char *sound = read_stream(fd, answer, 114 * MP3_BYTES);
    assert_memory_equal(answer, "HTTP/1.0 200 OK\r\n", 17);
    assert_has(answer, "Content-Type: audio/mpeg\r\n");
    assert_has(answer, "icy-name:WXYZ <News>\r\n");
    assert_has(answer, "icy-br:128\r\n");
    assert_null(strstr(answer, "\r\nicy-metaint:"));
    assert_null(strstr(answer, "Content-Length"));
    assert_frames(sound, first, 114);
    wait_for_count(rig, 1);
    close(fd);
    wait_for_count(rig, 0);
    assert_int_equal(audience_facts(rig->audience).total_count, 1);
    assert_int_equal(audience_facts(rig->audience).peak, 1);
    assert_true(audience_facts(rig->audience).bytes_sent >= 114 * MP3_BYTES);
}

static void whoever_asks_for_metadata_gets_blocks(void **state)
{
    struct rig *rig = *state;
    static char answer[ANSWER_MAX];
    int fd = dial(rig, "GET /live.mp3 HTTP/1.0\r\nIcy-MetaData: 1\r\n\r\n");
    const char *sound = read_stream(fd, answer, METAINT_BYTES + 64);
    assert_has(answer, "icy-metaint:16000\r\n");
    assert_int_equal(sound[METAINT_BYTES], 2); /* times 16 bytes */
    assert_memory_equal(sound + METAINT_BYTES + 1, "StreamTitle='A title';", 22);
    assert_int_equal((unsigned char)sound[METAINT_BYTES + 33],
                     (unsigned char)0x55); /* the sound goes on */
    close(fd);
}

static void a_moment_in_the_past_begins_at_its_very_frame(void **state)
{
    struct rig *rig = *state;
    static char answer[ANSWER_MAX];
    char request[160];
    uint32_t seq = 500;
    snprintf(request, sizeof request, "GET /wxyz.mp3?at=%lld.%06d HTTP/1.0\r\n\r\n",
             (long long)((start_of(seq) + 1000) / US_PER_S),
             (int)((start_of(seq) + 1000) % US_PER_S));
    int fd = dial(rig, request);
    const char *sound = read_stream(fd, answer, 100 * MP3_BYTES);
    assert_frames(sound, seq, 100);
    close(fd);
}

static void moments_that_are_not_there_are_told(void **state)
{
    struct rig *rig = *state;
    const char *answer = ask(rig, "GET", "/wxyz/main.mp3?at=2026-11-20T00:00:00Z");
    assert_status(answer, 404);
    assert_has(answer, "the newest 2026-11-23T00:00:00.000Z");
    answer = ask(rig, "GET", "/wxyz/main.mp3?at=2026-11-24T00:00:00Z");
    assert_status(answer, 404);
    answer = ask(rig, "GET", "/wxyz/main.mp3?at=yesterday");
    assert_status(answer, 400);
    assert_has(answer, "ISO 8601");
}

static void the_kind_of_a_playlist_is_the_end_of_its_address(void **state)
{
    static const struct {
        const char *path, *rest;
        enum playlist_kind kind;
    } cases[] = {
        {"/wxyz.mp3.m3u", "/wxyz.mp3", PLAYLIST_M3U},
        {"/wxyz.mp3.pls", "/wxyz.mp3", PLAYLIST_PLS},
        {"/wxyz.mp3.xspf", "/wxyz.mp3", PLAYLIST_XSPF},
        {"/wxyz.mp3", "/wxyz.mp3", PLAYLIST_NONE},
        {"/wxyz.mp3.m3u8", "/wxyz.mp3.m3u8", PLAYLIST_NONE},
        {"/wxyz.mp3.M3U", "/wxyz.mp3.M3U", PLAYLIST_NONE},
        {".m3u", "", PLAYLIST_M3U},
        {"", "", PLAYLIST_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str path = str_of(cases[i].path);
        assert_int_equal(playlist_kind_of(&path), cases[i].kind);
        assert_true(str_eq(path, str_of(cases[i].rest)));
    }
}

static void playlists_name_the_public_address(void **state)
{
    struct rig *rig = *state;
    const char *answer = ask(rig, "GET", "/wxyz/main.mp3.m3u?at=1795012930&x=<y>");
    assert_status(answer, 200);
    assert_has(answer, "audio/x-mpegurl");
    assert_has(answer, "\r\n\r\nhttps://radio.example/wxyz/main.mp3?at=1795012930&x=<y>\r\n");
    answer = ask(rig, "GET", "/live.mp3.pls");
    assert_has(answer, "audio/x-scpls");
    assert_has(answer, "[playlist]\nNumberOfEntries=1\nFile1=https://radio.example/live.mp3\n");
    assert_has(answer, "Title1=WXYZ <News>\nLength1=-1\nVersion=2\n");
    answer = ask(rig, "GET", "/wxyz.mp3.xspf?a=1&b=2");
    assert_has(answer, "application/xspf+xml");
    assert_has(answer, "<location>https://radio.example/wxyz.mp3?a=1&amp;b=2</location>");
    assert_has(answer, "<title>WXYZ &lt;News&gt;</title>");
    assert_status(ask(rig, "GET", "/nothing.mp3.m3u"), 404);
    assert_status(ask(rig, "GET", "/nothing.mp3"), 404);
}

static void a_head_request_is_no_listener(void **state)
{
    struct rig *rig = *state;
    const char *answer = ask(rig, "HEAD", "/wxyz/main.mp3");
    assert_status(answer, 200);
    assert_has(answer, "audio/mpeg");
    assert_null(strstr(answer, "Content-Length")); /* the GET has none */
    assert_has(answer, "Connection: close\r\n");
    assert_status(ask(rig, "HEAD", "/wxyz/main.mp3?at=2026-11-22T23:59:30Z"), 200);
    assert_int_equal(audience_facts(rig->audience).total_count, 0);
}

static void a_station_without_sound_says_so(void **state)
{
    struct rig *rig = *state;
    rig->now_us += 11 * US_PER_S;
    const char *answer = ask(rig, "GET", "/wxyz/main.mp3");
    assert_status(answer, 503);
    assert_has(answer, "Retry-After: 5");
    assert_has(answer, "off the air");
}

struct ids {
    uint64_t id[8];
    size_t count;
};

static void note_id(void *ctx, const struct listener_facts *facts)
{
    struct ids *ids = ctx;
    ids->id[ids->count++] = facts->id;
}

static void listeners_are_listed_counted_limited_and_dismissed(void **state)
{
    struct rig *rig = *state;
    static char answer[ANSWER_MAX];
    struct ids ids = {.count = 0};
    bool ended;
    int fds[3];
    for (uint32_t i = 0; i < 3; i++) {
        fds[i] = dial(rig, "GET /wxyz/main.mp3 HTTP/1.0\r\nUser-Agent: test\r\n\r\n");
        read_stream(fds[i], answer, 1000);
        wait_for_count(rig, i + 1);
    }
    const char *full = ask(rig, "GET", "/wxyz/main.mp3");
    assert_status(full, 503);
    listen_each(rig->listen, rig->audience, note_id, &ids);
    assert_int_equal(ids.count, 3);
    assert_int_equal(listen_kill(rig->listen, ids.id[1]), OK);
    wait_for_count(rig, 2);
    assert_int_equal(listen_kill(rig->listen, ids.id[1]), E_NOT_FOUND);
    listen_drain(rig->listen);
    wait_for_count(rig, 0);
    for (int i = 0; i < 3; i++) {
        read_some(fds[i], answer, ANSWER_MAX - 1, &ended);
        assert_true(ended);
        close(fds[i]);
    }
    assert_status(ask(rig, "GET", "/wxyz/main.mp3"), 503);
}

#define with_room(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_room(a_live_listener_gets_the_head_and_three_seconds_at_once),
        with_room(whoever_asks_for_metadata_gets_blocks),
        with_room(a_moment_in_the_past_begins_at_its_very_frame),
        with_room(moments_that_are_not_there_are_told),
        cmocka_unit_test(the_kind_of_a_playlist_is_the_end_of_its_address),
        with_room(playlists_name_the_public_address),
        with_room(a_head_request_is_no_listener),
        with_room(a_station_without_sound_says_so),
        with_room(listeners_are_listed_counted_limited_and_dismissed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
