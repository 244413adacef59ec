#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../base/quiet.h"
#include "air/ledger_priv.h"

static struct ledger *ledger_new(void)
{
    struct ledger *ledger = test_calloc(1, sizeof *ledger);
    ledger_init(ledger);
    return ledger;
}

static void ledger_end(struct ledger *ledger)
{
    ledger_release(ledger);
    test_free(ledger);
}

static struct air_event event_of(uint64_t number)
{
    return (struct air_event){.kind = AIR_SWITCH, .at = {(int64_t)number * 1000}};
}

static void add(struct ledger *ledger, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        struct air_event event = event_of(i);
        ledger_add(ledger, "wxyz", &event);
    }
}

static void the_newest_are_read_and_the_oldest_of_them_first(void **state)
{
    (void)state;
    struct air_event events[3];
    struct ledger *ledger = ledger_new();
    assert_int_equal(ledger_read(ledger, events, 3), 0);
    add(ledger, 0, AIR_EVENTS_MAX + 10);
    assert_int_equal(ledger_read(ledger, events, 3), 3);
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(events[i].at.us, (AIR_EVENTS_MAX + 7 + i) * 1000);
    ledger_end(ledger);
}

static void what_was_before_stands_before_what_happens(void **state)
{
    (void)state;
    struct air_event events[5];
    const struct air_event before[2] = {event_of(100), event_of(101)};
    struct ledger *ledger = ledger_new();
    ledger_recall(ledger, before, 2);
    add(ledger, 102, 104);
    assert_int_equal(ledger_read(ledger, events, 5), 4);
    for (int64_t i = 0; i < 4; i++)
        assert_int_equal(events[i].at.us, (100 + i) * 1000);
    ledger_end(ledger);
}

static void what_is_new_is_read_once(void **state)
{
    (void)state;
    struct air_event events[4];
    uint64_t next = 2, lost;
    struct ledger *ledger = ledger_new();
    add(ledger, 0, 7);
    assert_int_equal(ledger_since(ledger, &next, events, 4, &lost), 4);
    assert_int_equal(events[0].at.us, 2000);
    assert_int_equal(lost, 0);
    assert_int_equal(ledger_since(ledger, &next, events, 4, &lost), 1);
    assert_int_equal(events[0].at.us, 6000);
    assert_int_equal(ledger_since(ledger, &next, events, 4, &lost), 0);
    assert_int_equal(next, 7);
    ledger_end(ledger);
}

static void what_was_written_over_is_counted(void **state)
{
    (void)state;
    struct air_event events[1];
    uint64_t next = 3, lost;
    struct ledger *ledger = ledger_new();
    add(ledger, 0, AIR_EVENTS_MAX + 3);
    assert_int_equal(ledger_since(ledger, &next, events, 1, &lost), 1);
    assert_int_equal(lost, 0);
    add(ledger, AIR_EVENTS_MAX + 3, AIR_EVENTS_MAX + 9);
    assert_int_equal(ledger_since(ledger, &next, events, 1, &lost), 1);
    assert_int_equal(lost, 5);
    assert_int_equal(events[0].at.us, 9000);
    assert_int_equal(next, 10);
    ledger_end(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_are_read_and_the_oldest_of_them_first),
        cmocka_unit_test(what_was_before_stands_before_what_happens),
        cmocka_unit_test(what_is_new_is_read_once),
        cmocka_unit_test(what_was_written_over_is_counted),
    };
    return cmocka_run_group_tests(tests, be_quiet, be_done);
}
