/* Tests of alarm/alarm.c against a server of their own. Time is set by hand for the alarms; the
 * fetcher has the machine's. */
#include "../net/peer.h"

#include "alarm/alarm.h"
#include "base/crypto.h"

struct room {
    struct peer peer;
    struct fetcher *fetcher;
    struct alarms *alarms;
    struct clock clock;
    _Atomic int64_t now_us;
    char webhook[100], mail[100];
    _Atomic int status;     /* what the webhook answers */
    _Atomic unsigned heard; /* requests */
    atomic_bool is_slow;    /* answers nothing */

    pthread_mutex_t lock; /* guards the rest */
    struct alarm_outcome outcomes[4];
    unsigned outcomes_count;
    bool was_last;
};

static struct utc room_utc(void *ctx)
{
    struct room *room = ctx;
    return (struct utc){atomic_load(&room->now_us) + INT64_C(1795340530) * US_PER_S};
}

static struct mono room_mono(void *ctx)
{
    struct room *room = ctx;
    return (struct mono){atomic_load(&room->now_us)};
}

/* A webhook; a mail server that knows only engineer@radio.example, if that is asked for. */
static void answer(struct peer *peer, int fd, const char *request)
{
    struct room *room = peer->ctx;
    char line[100];
    (void)request;
    atomic_fetch_add(&room->heard, 1);
    if (atomic_load(&room->is_slow)) {
        peer_hold(peer, fd);
        return;
    }
    snprintf(line, sizeof line, "HTTP/1.1 %d So\r\nContent-Length: 0\r\n\r\n",
             atomic_load(&room->status));
    peer_say(fd, line);
}

static struct room *open_room(bool has_webhook, bool has_mail)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    assert_int_equal(crypto_init(), OK);
    pthread_mutex_init(&room->lock, NULL);
    room->clock = (struct clock){room, room_utc, room_mono};
    atomic_store(&room->now_us, 1000 * US_PER_S);
    atomic_store(&room->status, 204);
    peer_start(&room->peer, answer, room);
    snprintf(room->webhook, sizeof room->webhook, "http://key:secret@127.0.0.1:%u/hooks/secret",
             room->peer.port);
    snprintf(room->mail, sizeof room->mail, "smtp://127.0.0.1:1");
    assert_int_equal(fetcher_start(clock_real(), "mast/test", &room->fetcher), OK);
    struct alarm_config config = {
        .clock = &room->clock,
        .fetcher = room->fetcher,
        .station_url = "https://radio.example",
        .webhook = has_webhook ? room->webhook : "",
        .webhook_is_private = true,
        .mail_server = has_mail ? room->mail : "",
        .mail_user = "",
        .mail_password = "",
        .mail_from = "mast@radio.example",
        .mail_to = "engineer@radio.example",
        .repeat_s = 1800,
    };
    assert_int_equal(alarms_new(&config, &room->alarms), OK);
    memset(room->webhook, 0, sizeof room->webhook); /* the texts were copied */
    return room;
}

static void close_room(struct room *room)
{
    alarms_free(&room->alarms);
    assert_null(room->alarms);
    fetcher_stop(&room->fetcher);
    peer_stop(&room->peer);
    pthread_mutex_destroy(&room->lock);
    free(room);
}

static void pass(struct room *room, int64_t s)
{
    atomic_fetch_add(&room->now_us, s * US_PER_S);
}

static void raise_it(struct room *room)
{
    alarm_raise(room->alarms, ALARM_OFF_AIR, "wxyz", "No input sounds.");
}

static void an_alarm_reaches_the_webhook_and_so_does_its_end(void **state)
{
    (void)state;
    struct room *room = open_room(true, false);
    raise_it(room);
    raise_it(room);
    TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).sent_count == 1);
    assert_true(peer_heard(&room->peer, "POST /hooks/secret HTTP/1.1\r\n"));
    assert_true(peer_heard(&room->peer, "Content-Type: application/json\r\n"));
    assert_true(peer_heard(&room->peer, "\"state\":\"raised\",\"message\":\"No input sounds.\""));
    assert_true(peer_heard(&room->peer, "\"station_url\":\"https://radio.example\""));
    assert_int_equal(alarm_stats(room->alarms).active_count, 1);
    alarm_clear(room->alarms, ALARM_OFF_AIR, "wxyz", "The studio sounds.");
    TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).sent_count == 2);
    assert_true(peer_heard(&room->peer, "\"state\":\"over\",\"message\":\"The studio sounds.\""));
    struct alarm_stats stats = alarm_stats(room->alarms);
    assert_int_equal(stats.raised_count, 1);
    assert_int_equal(stats.failed_count, 0);
    assert_int_equal(stats.active_count, 0);
    assert_int_equal(atomic_load(&room->heard), 2);
    close_room(room);
}

static void what_does_not_arrive_is_tried_again_later_in_order(void **state)
{
    (void)state;
    struct room *room = open_room(true, false);
    atomic_store(&room->status, 500);
    raise_it(room);
    TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).failed_count == 1);
    alarm_clear(room->alarms, ALARM_OFF_AIR, "wxyz", "Sound.");
    for (int i = 0; i < 20; i++)
        alarms_tick(room->alarms);
    assert_int_equal(atomic_load(&room->heard), 1);
    atomic_store(&room->status, 200);
    pass(room, 10);
    TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).sent_count == 1);
    assert_true(peer_heard(&room->peer, "\"state\":\"raised\""));
    TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).sent_count == 2);
    assert_true(peer_heard(&room->peer, "\"state\":\"over\""));
    assert_int_equal(atomic_load(&room->heard), 3);
    close_room(room);
}

static void after_four_attempts_a_message_is_dropped(void **state)
{
    (void)state;
    struct room *room = open_room(true, false);
    atomic_store(&room->status, 404);
    raise_it(room);
    for (unsigned i = 1; i <= 4; i++) {
        TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).failed_count == i);
        pass(room, 300);
    }
    for (int i = 0; i < 20; i++)
        alarms_tick(room->alarms);
    assert_int_equal(atomic_load(&room->heard), 4);
    assert_int_equal(alarm_stats(room->alarms).sent_count, 0);
    close_room(room);
}

static void no_more_than_twenty_messages_leave_in_an_hour(void **state)
{
    (void)state;
    struct room *room = open_room(true, false);
    char name[20];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "s%d", i);
        alarm_raise(room->alarms, ALARM_SILENCE, name, "Silence.");
    }
    TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).sent_count == 20);
    assert_int_equal(alarm_stats(room->alarms).held_back_count, 10);
    assert_int_equal(atomic_load(&room->heard), 20);
    pass(room, 3600);
    TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).sent_count == 21);
    assert_true(peer_heard(&room->peer, "\"held_back\":10"));
    close_room(room);
}

static void at_the_end_nothing_is_waited_for(void **state)
{
    (void)state;
    struct room *room = open_room(true, false);
    atomic_store(&room->is_slow, true);
    raise_it(room);
    TICK_UNTIL(alarms_tick(room->alarms), atomic_load(&room->heard) == 1);
    alarm_raise(room->alarms, ALARM_DISK, "disk", "Full.");
    alarms_tick(room->alarms);
    close_room(room);
}

/* ---- mast alarm test ---- */

static void on_told(void *ctx, const struct alarm_outcome *outcome, bool is_last)
{
    struct room *room = ctx;
    pthread_mutex_lock(&room->lock);
    room->outcomes[room->outcomes_count++] = *outcome;
    room->was_last = is_last;
    pthread_mutex_unlock(&room->lock);
}

static bool is_told(struct room *room)
{
    pthread_mutex_lock(&room->lock);
    bool told = room->was_last;
    pthread_mutex_unlock(&room->lock);
    return told;
}

static const struct alarm_outcome *outcome_of(const struct room *room, const char *way)
{
    for (unsigned i = 0; i < room->outcomes_count; i++)
        if (strcmp(room->outcomes[i].way, way) == 0)
            return &room->outcomes[i];
    fail_msg("nothing was told of %s", way);
    return NULL;
}

static void a_test_tells_of_each_way_how_it_went(void **state)
{
    (void)state;
    char expected[200];
    struct room *room = open_room(true, true);
    alarm_test(room->alarms, on_told, room);
    TICK_UNTIL(alarms_tick(room->alarms), is_told(room));
    assert_int_equal(room->outcomes_count, 2);
    snprintf(expected, sizeof expected, "204 from http://127.0.0.1:%u", room->peer.port);
    assert_true(outcome_of(room, "webhook")->sent);
    assert_string_equal(outcome_of(room, "webhook")->text, expected);
    assert_false(outcome_of(room, "mail")->sent);
    assert_non_null(strstr(outcome_of(room, "mail")->text, "smtp://127.0.0.1:1: "));
    assert_true(
        peer_heard(&room->peer, "\"kind\":\"test\",\"subject\":\"test\",\"state\":\"test\""));
    assert_int_equal(alarm_stats(room->alarms).sent_count, 0);
    close_room(room);
}

static void a_test_that_is_refused_is_told_with_its_status(void **state)
{
    (void)state;
    struct room *room = open_room(true, false);
    atomic_store(&room->status, 403);
    alarm_test(room->alarms, on_told, room);
    TICK_UNTIL(alarms_tick(room->alarms), is_told(room));
    assert_int_equal(room->outcomes_count, 1);
    assert_false(room->outcomes[0].sent);
    assert_non_null(strstr(room->outcomes[0].text, "403 from http://127.0.0.1"));
    assert_null(strstr(room->outcomes[0].text, "secret"));
    close_room(room);
}

static void a_test_without_any_way_says_so(void **state)
{
    (void)state;
    struct room *room = open_room(false, false);
    raise_it(room);
    alarms_tick(room->alarms);
    alarm_test(room->alarms, on_told, room);
    assert_true(is_told(room));
    assert_int_equal(room->outcomes_count, 1);
    assert_string_equal(room->outcomes[0].way, "");
    assert_string_equal(room->outcomes[0].text, "no way is configured");
    close_room(room);
}

static void a_test_under_way_ends_with_the_alarms(void **state)
{
    (void)state;
    struct room *room = open_room(true, true);
    atomic_store(&room->is_slow, true);
    alarm_test(room->alarms, on_told, room);
    alarms_free(&room->alarms);
    assert_true(is_told(room));
    assert_int_equal(room->outcomes_count, 2);
    assert_false(outcome_of(room, "webhook")->sent);
    close_room(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alarm_reaches_the_webhook_and_so_does_its_end),
        cmocka_unit_test(what_does_not_arrive_is_tried_again_later_in_order),
        cmocka_unit_test(after_four_attempts_a_message_is_dropped),
        cmocka_unit_test(no_more_than_twenty_messages_leave_in_an_hour),
        cmocka_unit_test(at_the_end_nothing_is_waited_for),
        cmocka_unit_test(a_test_tells_of_each_way_how_it_went),
        cmocka_unit_test(a_test_that_is_refused_is_told_with_its_status),
        cmocka_unit_test(a_test_without_any_way_says_so),
        cmocka_unit_test(a_test_under_way_ends_with_the_alarms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
