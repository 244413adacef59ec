/* Tests of air/relay.c against a server of their own. The test plays the air: it reads the ports'
 * rings and says when it is done with them. The relays' time is set by hand. */
#include "../net/peer.h"

#include "air/air_priv.h"
#include "air/relay_priv.h"
#include "base/crypto.h"

#define SOUND "HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n"

struct room {
    struct peer peer;
    struct clock clock, quick; /* by hand; and the machine's, thirty times as fast */
    _Atomic int64_t now_us;
    struct board_station station;
    struct board board;
    struct board_place place;
    struct air *air;
    struct fetcher *fetcher;
    struct relays *relays;
    _Atomic(const char *) answer; /* what the server says, and then holds or ends */
    atomic_bool holds, waits;     /* ... after all; before the many bytes */
    _Atomic size_t much;          /* so many bytes after it, each of which says where it stands */
    FILE *log;
    int stderr_fd;
};

static struct mono by_hand(void *ctx)
{
    struct room *room = ctx;
    return (struct mono){atomic_load(&room->now_us)};
}

static struct utc utc_by_hand(void *ctx)
{
    struct room *room = ctx;
    return (struct utc){INT64_C(1795392000) * US_PER_S + atomic_load(&room->now_us)};
}

static struct mono thirty_times(void *ctx)
{
    (void)ctx;
    return (struct mono){clock_mono(clock_real()).us * 30};
}

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761u >> 13);
}

static void serve(struct peer *peer, int fd, const char *request)
{
    struct room *room = peer->ctx;
    unsigned char piece[5000];
    (void)request;
    if (!peer_say(fd, atomic_load(&room->answer)))
        return;
    while (atomic_load(&room->waits) && !atomic_load(&peer->must_stop))
        poll(NULL, 0, 5);
    for (size_t at = 0, much = atomic_load(&room->much); at < much; at += sizeof piece) {
        for (size_t i = 0; i < sizeof piece; i++)
            piece[i] = byte_at(at + i);
        if (!peer_send(fd, piece, sizeof piece))
            return;
    }
    if (atomic_load(&room->holds))
        peer_hold(peer, fd);
}

static struct board_source *add_relay(struct room *room, const char *path)
{
    size_t i = room->station.sources_count++;
    struct board_source *source = &room->station.sources[i];
    *source = (struct board_source){.user = "relay", .is_private = true};
    snprintf(source->mount, sizeof source->mount, "/wxyz/relay-%zu", i + 1);
    snprintf(source->relay, sizeof source->relay, "http://127.0.0.1:%u/%s", room->peer.port, path);
    return source;
}

/* A sanitizer must be heard all the same. */
__attribute__((weak)) void __sanitizer_set_report_fd(void *fd);

/* Whatever is logged goes to a file, to be counted. */
static void catch_log(struct room *room)
{
    room->log = tmpfile();
    assert_non_null(room->log);
    fflush(stderr);
    room->stderr_fd = dup(STDERR_FILENO);
    assert_true(room->stderr_fd >= 0);
    assert_true(dup2(fileno(room->log), STDERR_FILENO) >= 0);
    if (__sanitizer_set_report_fd)
        __sanitizer_set_report_fd((void *)(intptr_t)room->stderr_fd);
}

static unsigned logged(const struct room *room, const char *text)
{
    char all[20000];
    unsigned count = 0;
    ssize_t len = pread(fileno(room->log), all, sizeof all - 1, 0);
    assert_true(len >= 0);
    all[len] = '\0';
    for (const char *at = strstr(all, text); at; at = strstr(at + 1, text))
        count++;
    return count;
}

static struct room *open_room_with(const char *answer, bool is_quick)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    assert_int_equal(crypto_init(), OK);
    atomic_store(&room->answer, answer);
    atomic_store(&room->holds, true);
    atomic_store(&room->now_us, 1000 * US_PER_S);
    room->clock = (struct clock){room, utc_by_hand, by_hand};
    room->quick = (struct clock){room, utc_by_hand, thirty_times};
    peer_start(&room->peer, serve, room);
    str_copy(room->station.slug, sizeof room->station.slug, STR("wxyz"));
    room->board = (struct board){.stations = &room->station, .stations_count = 1};
    atomic_store(&room->place.now, &room->board);
    struct air_config config = {.clock = &room->clock, .place = &room->place, .sources_max = 4};
    assert_int_equal(air_new(&config, &room->air), OK);
    assert_int_equal(
        fetcher_start(is_quick ? &room->quick : clock_real(), "mast/test", &room->fetcher), OK);
    assert_int_equal(relays_make(room->air, room->fetcher, &room->relays), OK);
    catch_log(room);
    return room;
}

static struct room *open_room(const char *answer)
{
    return open_room_with(answer, false);
}

static void set(struct room *room)
{
    assert_int_equal(relays_set(room->relays, &room->board), OK);
}

static void close_room(struct room *room)
{
    relays_free(&room->relays);
    assert_null(room->relays);
    fetcher_stop(&room->fetcher);
    air_free(&room->air);
    peer_stop(&room->peer);
    fflush(stderr);
    dup2(room->stderr_fd, STDERR_FILENO);
    if (__sanitizer_set_report_fd)
        __sanitizer_set_report_fd((void *)(intptr_t)STDERR_FILENO);
    close(room->stderr_fd);
    fclose(room->log);
    free(room);
}

static void pass(struct room *room, int64_t s)
{
    atomic_fetch_add(&room->now_us, s * US_PER_S);
}

/* The newest port on the list, ended or not; NULL if there is none. */
static struct port *port_of(const struct room *room)
{
    pthread_mutex_lock(&room->air->list_lock);
    size_t count = room->air->list_count;
    struct port *port = count > 0 ? room->air->list[count - 1] : NULL;
    pthread_mutex_unlock(&room->air->list_lock);
    return port;
}

static size_t ports_count(const struct room *room)
{
    pthread_mutex_lock(&room->air->list_lock);
    size_t count = room->air->list_count;
    pthread_mutex_unlock(&room->air->list_lock);
    return count;
}

static unsigned visits(struct room *room)
{
    return atomic_load(&room->peer.visits_count);
}

/* An hour or so goes by, until there were so many visits. */
static void pass_until_visits(struct room *room, unsigned count)
{
    TICK_UNTIL(relays_tick(room->relays), (pass(room, 1), visits(room) >= count));
}

static size_t lies_in(const struct port *port)
{
    return (size_t)(ring_pushed(port->ring) - ring_dropped(port->ring));
}

/* ---- sound ---- */

static void a_stream_becomes_a_source(void **state)
{
    (void)state;
    struct source_facts facts;
    struct room *room = open_room("ICY 200 OK\r\nicy-name:Old  Radio\r\ncontent-type:audio/aacp\r\n"
                                  "icy-metaint:8\r\n\r\n"
                                  "abcdefgh\x02StreamTitle='A song';           "
                                  "ijklmnop");
    add_relay(room, "live");
    set(room);
    assert_int_equal(ports_count(room), 0);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 1 && lies_in(port_of(room)) == 16);
    assert_true(air_source_at(room->air, 0, &facts));
    assert_string_equal(facts.station, "wxyz");
    assert_string_equal(facts.mount, "/wxyz/relay-1");
    assert_string_equal(facts.user, "relay");
    assert_string_equal(facts.agent, "relay");
    assert_string_equal(facts.name, "Old Radio");
    assert_string_equal(facts.content_type, "audio/aacp");
    assert_string_equal(facts.title, "A song");
    assert_true(facts.bytes_read >= 16);
    assert_str(ring_peek(port_of(room)->ring), "abcdefghijklmnop");
    assert_true(peer_heard(&room->peer, "GET /live HTTP/1.1\r\n"));
    assert_true(peer_heard(&room->peer, "Icy-MetaData: 1\r\n"));
    assert_int_equal(logged(room, "event=source_up"), 0); /* nothing is known to be sound yet */
    atomic_store(&port_of(room)->frames, 1);
    TICK_UNTIL(relays_tick(room->relays),
               logged(room, "event=source_up source=1 station=wxyz mount=/wxyz/relay-1") == 1);
    close_room(room);
}

static void a_stream_without_a_type_is_taken_for_mp3(void **state)
{
    (void)state;
    struct room *room = open_room("ICY 200 OK\r\n\r\nx");
    add_relay(room, "live");
    set(room);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 1);
    close_room(room);
}

#define MUCH ((size_t)1000000)

/* Reads a little off the ring and looks that it is what should stand there. */
static size_t listen_a_little(struct port *port, size_t heard)
{
    struct str bytes = str_slice(ring_peek(port->ring), 0, 30000);
    for (size_t i = 0; i < bytes.len; i++)
        if ((unsigned char)bytes.ptr[i] != byte_at(heard + i))
            fail_msg("byte %zu is another one", heard + i);
    ring_drop(port->ring, bytes.len);
    return heard + bytes.len;
}

static void a_full_ring_makes_it_wait_and_nothing_is_lost(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\n");
    size_t heard = 0;
    atomic_store(&room->much, MUCH);
    add_relay(room, "live");
    set(room);
    TICK_UNTIL(relays_tick(room->relays),
               ports_count(room) == 1 && lies_in(port_of(room)) > 150000);
    struct port *port = port_of(room);
    for (int i = 0; i < 30; i++, poll(NULL, 0, 5))
        relays_tick(room->relays);
    assert_true(lies_in(port) <= PORT_RING_BYTES);
    while (heard < MUCH) {
        heard = listen_a_little(port, heard);
        relays_tick(room->relays);
        sched_yield();
    }
    assert_int_equal(heard, MUCH);
    assert_int_equal(visits(room), 1);
    close_room(room);
}

static void one_that_is_held_back_is_not_given_up(void **state)
{
    (void)state;
    struct room *room = open_room_with(SOUND "\r\nx", true);
    add_relay(room, "live");
    atomic_store(&room->much, MUCH);
    atomic_store(&room->waits, true);
    set(room);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 1 && lies_in(port_of(room)) == 1);
    struct port *port = port_of(room);
    atomic_store(&port->is_held_back, true);
    atomic_store(&room->waits, false);
    for (int i = 0; i < 100; i++, poll(NULL, 0, 5)) /* 15 s of the fetcher's clock */
        relays_tick(room->relays);
    assert_int_equal(lies_in(port), 1);
    assert_false(atomic_load(&port->has_ended));
    pass(room, 5);
    relays_tick(room->relays);
    assert_int_equal(atomic_load(&port->last_bytes_mono_us), atomic_load(&room->now_us));
    atomic_store(&port->is_held_back, false);
    TICK_UNTIL(relays_tick(room->relays), lies_in(port) > 100000);
    close_room(room);
}

/* ---- failures ---- */

static void each_failure_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *why;
    } all[] = {
        {"HTTP/1.1 404 Not Found\r\nContent-Type: audio/mpeg\r\nContent-Length: 0\r\n\r\n",
         "text=\"the answer is 404\""},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>",
         "what comes is \\\"text/html\\\", not MP3, AAC (ADTS) or Ogg"},
        {"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\nx", "what comes is \\\"video/mp4\\\""},
        {"HTTP/1.1 200 OK\r\nContent-Type: Audio/X-MpegURL\r\n\r\nhttp://x", "it is a playlist"},
        {"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
         "Maximum (5) redirects followed"},
        {"ICY 401 Service Unavailable\r\n\r\n", "the answer is no HTTP"},
        {SOUND "\r\n.", "fewer than 2000 bytes came in 10000 ms"},
        {"", "fewer than 2000 bytes came in 10000 ms"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct room *room = open_room_with(all[i].answer, true);
        add_relay(room, "live");
        set(room);
        TICK_UNTIL(relays_tick(room->relays), logged(room, "event=relay") == 1);
        if (logged(room, all[i].why) != 1)
            fail_msg("the reason was another one than %s", all[i].why);
        assert_int_equal(logged(room, "station=wxyz mount=/wxyz/relay-1 again_ms="), 1);
        close_room(room);
    }
}

static void a_private_address_needs_leave(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nx");
    add_relay(room, "live")->is_private = false;
    set(room);
    TICK_UNTIL(relays_tick(room->relays), logged(room, "event=relay") == 1);
    assert_int_equal(logged(room, "its address 127.0.0.1 is a private one, and \\\"private\\\" is "
                                  "not set"),
                     1);
    assert_int_equal(visits(room), 0);
    close_room(room);
}

static void a_relay_that_the_air_does_not_take_says_so(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nx");
    for (int i = 0; i < 5; i++) /* one more than it takes */
        add_relay(room, "live");
    set(room);
    TICK_UNTIL(relays_tick(room->relays),
               logged(room, "the air does not take it: a limit is reached") == 1);
    assert_int_equal(ports_count(room), 4);
    close_room(room);
}

static void waits_double_up_to_a_minute(void **state)
{
    (void)state;
    static const int64_t wanted_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    for (unsigned i = 0; i < sizeof wanted_s / sizeof *wanted_s; i++) {
        int64_t least_us = INT64_MAX, most_us = 0, s = wanted_s[i] * US_PER_S;
        for (uint64_t j = 0; j < 1000; j++) {
            int64_t us = relay_delay_us(i, j * UINT64_C(0x9e3779b97f4a7c15));
            least_us = us < least_us ? us : least_us;
            most_us = us > most_us ? us : most_us;
        }
        assert_true(least_us >= s * 3 / 4 && least_us < s * 8 / 10);
        assert_true(most_us <= s * 5 / 4 && most_us > s * 12 / 10);
    }
    assert_true(relay_delay_us(UINT32_MAX, UINT64_MAX) <= 75 * US_PER_S);
}

static void it_tries_again_and_says_each_reason_once(void **state)
{
    (void)state;
    struct room *room = open_room("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    add_relay(room, "live");
    set(room);
    TICK_UNTIL(relays_tick(room->relays), logged(room, "event=relay") == 1);
    for (int i = 0; i < 20; i++)
        relays_tick(room->relays);
    assert_int_equal(visits(room), 1); /* not yet */
    pass_until_visits(room, 5);
    assert_int_equal(logged(room, "event=relay"), 1);
    atomic_store(&room->answer, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    pass_until_visits(room, 7); /* the sixth may have had its answer already */
    TICK_UNTIL(relays_tick(room->relays), logged(room, "the answer is 503") == 1);
    assert_int_equal(logged(room, "event=relay"), 2);
    close_room(room);
}

/* ---- ends ---- */

static void a_stream_that_ends_is_fetched_again(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nhello");
    atomic_store(&room->holds, false);
    add_relay(room, "live");
    set(room);
    TICK_UNTIL(relays_tick(room->relays),
               ports_count(room) == 1 && atomic_load(&port_of(room)->has_ended));
    struct port *port = port_of(room);
    assert_int_equal(logged(room, "text=\"it ended\""), 1);
    assert_str(ring_peek(port->ring), "hello"); /* may still be heard */
    assert_null(atomic_load(&port->kill_reason));
    pass(room, 2);
    TICK_UNTIL(relays_tick(room->relays), visits(room) == 2 && ports_count(room) == 2);
    atomic_store(&port->air_is_done, true);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 1);
    close_room(room);
}

static void a_minute_of_sound_forgets_what_was(void **state)
{
    (void)state;
    struct room *room = open_room("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    add_relay(room, "live");
    set(room);
    pass_until_visits(room, 6);
    atomic_store(&room->answer, SOUND "\r\nhello");
    TICK_UNTIL(relays_tick(room->relays), (pass(room, 1), ports_count(room) == 1));
    struct port *port = port_of(room);
    atomic_store(&port->frames, 1);
    TICK_UNTIL(relays_tick(room->relays), logged(room, "event=source_up") == 1);
    pass(room, 60);
    atomic_store(&room->answer, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    atomic_store(&port->kill_reason, "cut off by the administrator");
    TICK_UNTIL(relays_tick(room->relays), logged(room, "event=relay") == 2);
    assert_int_equal(logged(room, "event=source_down source=1 mount=/wxyz/relay-1 user=relay"), 1);
    assert_int_equal(logged(room, "why=\"cut off by the administrator\""), 1);
    assert_true(atomic_load(&port->has_ended));
    pass(room, 2); /* instead of a minute */
    TICK_UNTIL(relays_tick(room->relays), logged(room, "the answer is 404") == 2);
    close_room(room);
}

static void what_the_air_gives_up_is_ended_with_its_reason(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nhello");
    add_relay(room, "live");
    set(room);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 1);
    struct port *port = port_of(room);
    atomic_store(&port->given_up, "what it sends is not the sound that it announced");
    TICK_UNTIL(relays_tick(room->relays), logged(room, "event=relay") == 1);
    assert_int_equal(logged(room, "what it sends is not the sound that it announced"), 1);
    assert_true(atomic_load(&port->has_ended));
    assert_int_equal(logged(room, "event=source_up"), 0);
    close_room(room);
}

/* ---- the board ---- */

static void another_board_changes_only_what_is_another(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nhello");
    add_relay(room, "one");
    add_relay(room, "two");
    set(room);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 2);
    set(room);
    room->station.sources[0].order = 7; /* is no other relay for that */
    set(room);
    struct port *two = port_of(room);
    if (strcmp(two->facts.mount, "/wxyz/relay-2") != 0)
        two = room->air->list[0];
    str_copy(room->station.sources[1].relay, sizeof room->station.sources[1].relay,
             STR("http://127.0.0.1:1/"));
    set(room);
    assert_true(atomic_load(&two->has_ended)); /* at once: the new one wants its place */
    assert_string_equal(atomic_load(&two->kill_reason), "it was taken off the board");
    TICK_UNTIL(relays_tick(room->relays), logged(room, "event=relay") == 1);
    assert_int_equal(logged(room, "mount=/wxyz/relay-2"), 1);
    assert_int_equal(visits(room), 2);
    atomic_store(&two->air_is_done, true);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 1);
    assert_string_equal(port_of(room)->facts.mount, "/wxyz/relay-1");
    assert_false(atomic_load(&port_of(room)->has_ended));
    room->station.sources_count = 0;
    set(room);
    struct port *one = port_of(room);
    atomic_store(&one->air_is_done, true);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 0);
    close_room(room);
}

static void a_source_that_logs_in_is_no_relay(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nhello");
    add_relay(room, "one")->relay[0] = '\0';
    set(room);
    for (int i = 0; i < 20; i++, poll(NULL, 0, 5))
        relays_tick(room->relays);
    assert_int_equal(visits(room), 0);
    close_room(room);
}

static void a_drain_ends_what_would_be_played_out_and_begins_nothing(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nhello");
    atomic_store(&room->holds, false);
    add_relay(room, "live");
    set(room);
    TICK_UNTIL(relays_tick(room->relays),
               ports_count(room) == 1 && atomic_load(&port_of(room)->has_ended));
    air_drain(room->air);
    pass(room, 60);
    TICK_UNTIL(relays_tick(room->relays), atomic_load(&port_of(room)->kill_reason) != NULL);
    atomic_store(&port_of(room)->air_is_done, true);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 0);
    for (int i = 0; i < 20; i++, poll(NULL, 0, 5))
        relays_tick(room->relays);
    assert_int_equal(visits(room), 1);
    close_room(room);
}

static void at_the_end_streams_under_way_end_too(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nhello");
    for (int i = 0; i < 4; i++)
        add_relay(room, "live");
    set(room);
    TICK_UNTIL(relays_tick(room->relays), ports_count(room) == 4);
    relays_free(&room->relays);
    assert_int_equal(ports_count(room), 4); /* the air has them still */
    assert_true(atomic_load(&port_of(room)->has_ended));
    assert_true(atomic_load(&port_of(room)->is_abandoned));
    assert_string_equal(atomic_load(&port_of(room)->kill_reason), "mast is stopping");
    close_room(room);
}

static void its_own_thread_does_all_that(void **state)
{
    (void)state;
    struct room *room = open_room(SOUND "\r\nhello");
    relays_free(&room->relays);
    assert_int_equal(relays_new(room->air, room->fetcher, &room->relays), OK);
    add_relay(room, "live");
    set(room);
    for (int i = 0; ports_count(room) == 0; i++, poll(NULL, 0, 5))
        assert_true(i < 4000);
    close_room(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_becomes_a_source),
        cmocka_unit_test(a_stream_without_a_type_is_taken_for_mp3),
        cmocka_unit_test(a_full_ring_makes_it_wait_and_nothing_is_lost),
        cmocka_unit_test(one_that_is_held_back_is_not_given_up),
        cmocka_unit_test(each_failure_has_its_reason),
        cmocka_unit_test(a_private_address_needs_leave),
        cmocka_unit_test(a_relay_that_the_air_does_not_take_says_so),
        cmocka_unit_test(waits_double_up_to_a_minute),
        cmocka_unit_test(it_tries_again_and_says_each_reason_once),
        cmocka_unit_test(a_stream_that_ends_is_fetched_again),
        cmocka_unit_test(a_minute_of_sound_forgets_what_was),
        cmocka_unit_test(what_the_air_gives_up_is_ended_with_its_reason),
        cmocka_unit_test(another_board_changes_only_what_is_another),
        cmocka_unit_test(a_source_that_logs_in_is_no_relay),
        cmocka_unit_test(a_drain_ends_what_would_be_played_out_and_begins_nothing),
        cmocka_unit_test(at_the_end_streams_under_way_end_too),
        cmocka_unit_test(its_own_thread_does_all_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
