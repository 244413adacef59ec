/* What alarms do when memory is out: nothing is lost without a count, and the next one arrives. */
#include <stddef.h>

void *__real_calloc(size_t count, size_t each);
#define calloc __real_calloc
#include "../net/peer.h"
#undef calloc

#include "alarm/alarm.h"
#include "base/crypto.h"

static atomic_int memory_in; /* the n-th allocation from now fails; 0 = none */

static bool fails(void)
{
    return atomic_load(&memory_in) > 0 && atomic_fetch_sub(&memory_in, 1) == 1;
}

void *__wrap_calloc(size_t count, size_t each);
void *__wrap_calloc(size_t count, size_t each)
{
    return fails() ? NULL : __real_calloc(count, each);
}

void *__real_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes)
{
    return fails() ? NULL : __real_realloc(block, bytes);
}

struct room {
    struct peer peer;
    struct fetcher *fetcher;
    struct alarms *alarms;
    struct clock clock;
    _Atomic int64_t now_us;
    _Atomic unsigned heard;

    /* of a test; written before was_last */
    unsigned outcomes_count, sent_count;
    atomic_bool was_last;
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

static void answer(struct peer *peer, int fd, const char *request)
{
    struct room *room = peer->ctx;
    (void)request;
    atomic_fetch_add(&room->heard, 1);
    peer_say(fd, "HTTP/1.1 204 So\r\n\r\n");
}

static struct room *open_room(void)
{
    struct room *room = __real_calloc(1, sizeof *room);
    assert_non_null(room);
    assert_int_equal(crypto_init(), OK);
    room->clock = (struct clock){room, room_utc, room_mono};
    atomic_store(&room->now_us, 1000 * US_PER_S);
    peer_start(&room->peer, answer, room);
    assert_int_equal(fetcher_start(clock_real(), "mast/test", &room->fetcher), OK);
    return room;
}

static void close_room(struct room *room)
{
    fetcher_stop(&room->fetcher);
    peer_stop(&room->peer);
    free(room);
}

/* Two ways, of which one arrives. */
static enum err begin(struct room *room)
{
    char webhook[100];
    snprintf(webhook, sizeof webhook, "http://127.0.0.1:%u/hook", room->peer.port);
    struct alarm_config config = {
        .clock = &room->clock,
        .fetcher = room->fetcher,
        .station_url = "https://radio.example",
        .webhook = webhook,
        .webhook_is_private = true,
        .mail_server = "smtp://127.0.0.1:1",
        .mail_user = "",
        .mail_password = "",
        .mail_from = "mast@radio.example",
        .mail_to = "engineer@radio.example",
        .ca_file = "",
        .repeat_s = 1800,
    };
    return alarms_new(&config, &room->alarms);
}

static void whichever_allocation_fails_there_are_alarms_or_none(void **state)
{
    (void)state;
    struct room *room = open_room();
    int n = 0;
    enum err err;
    do {
        atomic_store(&memory_in, ++n);
        err = begin(room);
        atomic_store(&memory_in, 0);
        assert_int_equal(err == OK, room->alarms != NULL);
        assert_true(err == OK || err == E_NOMEM);
    } while (err);
    assert_in_range(n, 3, 20);
    alarms_free(&room->alarms);
    close_room(room);
}

/* A message arrives, at once or after it failed once; or it is counted as held back. */
static void whichever_allocation_fails_a_message_arrives_or_is_counted(void **state)
{
    (void)state;
    struct room *room = open_room();
    bool was_reached = true;
    int n = 0;
    unsigned held_back_count = 0, failed_count = 0;
    while (was_reached) {
        struct alarm_stats stats;
        assert_int_equal(begin(room), OK);
        atomic_store(&memory_in, ++n);
        alarm_raise(room->alarms, ALARM_OFF_AIR, "wxyz", "No input sounds.");
        TICK_UNTIL(alarms_tick(room->alarms),
                   (stats = alarm_stats(room->alarms),
                    stats.sent_count + stats.failed_count + stats.held_back_count >= 2));
        was_reached = atomic_exchange(&memory_in, 0) <= 0;
        held_back_count += stats.held_back_count > 0;
        failed_count += stats.held_back_count == 0 && stats.sent_count == 0;
        atomic_fetch_add(&room->now_us, 10 * US_PER_S);
        if (stats.held_back_count == 0)
            TICK_UNTIL(alarms_tick(room->alarms), alarm_stats(room->alarms).sent_count >= 1);
        unsigned before = atomic_load(&room->heard);
        alarm_raise(room->alarms, ALARM_DISK, "disk", "Full.");
        TICK_UNTIL(alarms_tick(room->alarms), atomic_load(&room->heard) > before);
        alarms_free(&room->alarms);
    }
    assert_in_range(n, 8, 60);
    assert_true(held_back_count >= 2);
    assert_true(failed_count >= 2);
    close_room(room);
}

static void on_told(void *ctx, const struct alarm_outcome *outcome, bool is_last)
{
    struct room *room = ctx;
    assert_false(atomic_load(&room->was_last));
    room->outcomes_count++;
    room->sent_count += outcome->sent;
    assert_true(outcome->text[0] != '\0');
    atomic_store(&room->was_last, is_last);
}

static void whichever_allocation_fails_a_test_has_its_outcomes(void **state)
{
    (void)state;
    struct room *room = open_room();
    bool was_reached = true;
    int n = 0, refused = 0;
    assert_int_equal(begin(room), OK);
    while (was_reached) {
        room->outcomes_count = room->sent_count = 0;
        atomic_store(&room->was_last, false);
        atomic_store(&memory_in, ++n);
        alarm_test(room->alarms, on_told, room);
        TICK_UNTIL(alarms_tick(room->alarms), atomic_load(&room->was_last));
        was_reached = atomic_exchange(&memory_in, 0) <= 0;
        /* Without memory for the test itself there is one outcome for all ways. */
        assert_int_equal(room->outcomes_count, n == 1 ? 1 : 2);
        refused += room->sent_count == 0;
        assert_true(was_reached || room->sent_count == 1);
    }
    assert_in_range(n, 6, 60);
    assert_true(refused >= 3);
    alarms_free(&room->alarms);
    close_room(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whichever_allocation_fails_there_are_alarms_or_none),
        cmocka_unit_test(whichever_allocation_fails_a_message_arrives_or_is_counted),
        cmocka_unit_test(whichever_allocation_fails_a_test_has_its_outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
