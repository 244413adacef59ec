/* Tests of alarm/alarm_count.c, on a clock of their own. */
#include "../net/test.h"

#include "alarm/alarm_count_priv.h"

#define REPEAT_S 1800

struct room {
    struct alarm_count count;
    struct mono now;
    struct alarm_news news;
};

static int start(void **state)
{
    static struct room room;
    room = (struct room){.now = {1000 * US_PER_S}};
    alarm_count_init(&room.count, REPEAT_S);
    *state = &room;
    return 0;
}

static void pass(struct room *room, int64_t s)
{
    room->now.us += s * US_PER_S;
}

static void raise_it(struct room *room, const char *text)
{
    alarm_count_raise(&room->count, ALARM_OFF_AIR, "wxyz", text, room->now);
}

static void clear_it(struct room *room, const char *text)
{
    alarm_count_clear(&room->count, ALARM_OFF_AIR, "wxyz", text, room->now);
}

static bool next(struct room *room)
{
    return alarm_count_next(&room->count, room->now, &room->news);
}

static void assert_quiet(struct room *room)
{
    if (next(room))
        fail_msg("told: %s", room->news.text);
}

static void assert_told(struct room *room, enum alarm_state state, const char *text, uint32_t count)
{
    assert_true(next(room));
    assert_int_equal(room->news.state, state);
    assert_string_equal(room->news.text, text);
    assert_string_equal(room->news.subject, "wxyz");
    assert_int_equal(room->news.kind, ALARM_OFF_AIR);
    assert_int_equal(room->news.count, count);
    assert_quiet(room);
}

static void a_first_alarm_is_told_at_once_and_once(void **state)
{
    struct room *room = *state;
    assert_quiet(room);
    assert_true(alarm_count_raise(&room->count, ALARM_OFF_AIR, "wxyz", "No sound.", room->now));
    assert_told(room, ALARM_RAISED, "No sound.", 1);
    assert_int_equal(room->count.active_count, 1);
    for (int i = 0; i < 5; i++) {
        pass(room, 60);
        assert_false(
            alarm_count_raise(&room->count, ALARM_OFF_AIR, "wxyz", "No sound yet.", room->now));
        assert_quiet(room);
    }
    assert_int_equal(room->count.raised_count, 2); /* the same once more is nothing new */
    assert_int_equal(room->count.active_count, 1);
    assert_int_equal(room->count.held_back_count, 0);
}

static void while_it_lasts_it_is_told_again_with_the_count(void **state)
{
    struct room *room = *state;
    raise_it(room, "No sound.");
    assert_told(room, ALARM_RAISED, "No sound.", 1);
    raise_it(room, "Still none.");
    pass(room, REPEAT_S - 1);
    assert_quiet(room);
    pass(room, 1);
    assert_told(room, ALARM_LASTS, "Still none.", 2);
    assert_int_equal(room->news.age_us, REPEAT_S * US_PER_S);
    pass(room, REPEAT_S);
    assert_told(room, ALARM_LASTS, "Still none.", 2);
    clear_it(room, "Sound.");
    assert_told(room, ALARM_OVER, "Sound.", 2);
    pass(room, 10 * REPEAT_S);
    assert_quiet(room);
}

static void its_end_is_told_at_once(void **state)
{
    struct room *room = *state;
    raise_it(room, "No sound.");
    assert_told(room, ALARM_RAISED, "No sound.", 1);
    pass(room, 5);
    assert_true(alarm_count_clear(&room->count, ALARM_OFF_AIR, "wxyz", "Sound.", room->now));
    assert_told(room, ALARM_OVER, "Sound.", 1);
    assert_int_equal(room->news.age_us, 5 * US_PER_S);
    assert_false(alarm_count_clear(&room->count, ALARM_OFF_AIR, "wxyz", "Sound.", room->now));
    assert_quiet(room);
    assert_int_equal(room->count.active_count, 0);
}

static void one_that_came_and_went_between_two_looks_is_one_message(void **state)
{
    struct room *room = *state;
    raise_it(room, "The deck died.");
    clear_it(room, "It runs again.");
    assert_told(room, ALARM_OVER, "The deck died. Then: It runs again.", 1);
}

static void one_that_comes_back_is_held_back_for_a_minute(void **state)
{
    struct room *room = *state;
    raise_it(room, "No sound.");
    assert_told(room, ALARM_RAISED, "No sound.", 1);
    clear_it(room, "Sound.");
    assert_told(room, ALARM_OVER, "Sound.", 1);
    pass(room, 10);
    raise_it(room, "None again.");
    assert_int_equal(room->count.held_back_count, 1);
    assert_quiet(room);
    pass(room, 59);
    assert_quiet(room);
    pass(room, 1);
    assert_told(room, ALARM_RAISED, "None again.", 1);
    assert_int_equal(room->news.age_us, 60 * US_PER_S);
}

static void one_that_flaps_is_told_as_a_count_when_the_time_is_over(void **state)
{
    struct room *room = *state;
    raise_it(room, "No sound.");
    assert_told(room, ALARM_RAISED, "No sound.", 1);
    clear_it(room, "Sound.");
    assert_told(room, ALARM_OVER, "Sound.", 1);
    for (int i = 0; i < 10; i++) {
        pass(room, 30);
        raise_it(room, "None again.");
        assert_quiet(room);
        pass(room, 30);
        clear_it(room, "Sound again.");
        assert_quiet(room);
    }
    assert_int_equal(room->count.held_back_count, 10);
    pass(room, REPEAT_S - 600 - 1);
    assert_quiet(room);
    pass(room, 1);
    assert_told(room, ALARM_OVER, "None again. Then: Sound again.", 10);
    pass(room, 10 * REPEAT_S);
    assert_quiet(room);
}

static void after_the_time_it_is_as_if_it_had_never_been(void **state)
{
    struct room *room = *state;
    for (int i = 0; i < 3; i++) {
        raise_it(room, "No sound.");
        assert_told(room, ALARM_RAISED, "No sound.", 1);
        clear_it(room, "Sound.");
        assert_told(room, ALARM_OVER, "Sound.", 1);
        pass(room, REPEAT_S);
    }
    assert_int_equal(room->count.held_back_count, 0);
}

static void kinds_and_subjects_are_counted_apart(void **state)
{
    struct room *room = *state;
    struct alarm_count *count = &room->count;
    unsigned seen = 0;
    alarm_count_raise(count, ALARM_OFF_AIR, "wxyz", "a", room->now);
    alarm_count_raise(count, ALARM_OFF_AIR, "wabc", "b", room->now);
    alarm_count_raise(count, ALARM_DECK, "wxyz", "c", room->now);
    while (next(room))
        seen |= 1u << (room->news.text[0] - 'a');
    assert_int_equal(seen, 7);
    assert_int_equal(count->active_count, 3);
    assert_true(alarm_count_clear(count, ALARM_DECK, "wxyz", "d", room->now));
    assert_true(next(room));
    assert_int_equal(room->news.kind, ALARM_DECK);
    assert_quiet(room);
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct room *room = *state;
    char text[1000] = {0};
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    alarm_count_raise(&room->count, ALARM_DISK, text, text, room->now);
    alarm_count_raise(&room->count, ALARM_DISK, text, text, room->now);
    assert_int_equal(room->count.active_count, 1);
    assert_true(alarm_count_clear(&room->count, ALARM_DISK, text, text, room->now));
    assert_true(next(room));
    assert_true(str_is_utf8(str_of(room->news.text)));
    assert_true(str_is_utf8(str_of(room->news.subject)));
    assert_true(strlen(room->news.text) > 200);
}

static void a_full_table_forgets_nothing_that_is_on(void **state)
{
    struct room *room = *state;
    char name[20];
    for (int i = 0; i < ALARM_ENTRIES_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_true(alarm_count_raise(&room->count, ALARM_SWITCH, name, "x", room->now));
    }
    assert_false(alarm_count_raise(&room->count, ALARM_SWITCH, "one more", "x", room->now));
    assert_int_equal(room->count.held_back_count, 1);
    for (int i = 0; i < ALARM_ENTRIES_MAX; i++)
        assert_true(next(room));
    assert_quiet(room);
    assert_true(alarm_count_clear(&room->count, ALARM_SWITCH, "s7", "y", room->now));
    assert_true(next(room));
    assert_false(alarm_count_raise(&room->count, ALARM_SWITCH, "one more", "x", room->now));
    pass(room, REPEAT_S);
    assert_true(alarm_count_raise(&room->count, ALARM_SWITCH, "one more", "x", room->now));
    assert_int_equal(room->count.active_count, ALARM_ENTRIES_MAX);
}

static void twenty_messages_an_hour_pass_and_the_rest_is_a_number(void **state)
{
    (void)state;
    struct alarm_gate gate = {0};
    struct mono now = {5 * US_PER_S};
    uint32_t held_back;
    for (int i = 0; i < 20; i++, now.us += 60 * US_PER_S) {
        assert_true(alarm_gate_pass(&gate, now, &held_back));
        assert_int_equal(held_back, 0);
    }
    for (int i = 0; i < 40; i++, now.us += 60 * US_PER_S)
        assert_false(alarm_gate_pass(&gate, now, &held_back));
    assert_true(alarm_gate_pass(&gate, now, &held_back)); /* the first one is an hour old */
    assert_int_equal(held_back, 40);
    assert_false(alarm_gate_pass(&gate, now, &held_back));
    now.us += 60 * US_PER_S;
    assert_true(alarm_gate_pass(&gate, now, &held_back));
    assert_int_equal(held_back, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_first_alarm_is_told_at_once_and_once, start),
        cmocka_unit_test_setup(while_it_lasts_it_is_told_again_with_the_count, start),
        cmocka_unit_test_setup(its_end_is_told_at_once, start),
        cmocka_unit_test_setup(one_that_came_and_went_between_two_looks_is_one_message, start),
        cmocka_unit_test_setup(one_that_comes_back_is_held_back_for_a_minute, start),
        cmocka_unit_test_setup(one_that_flaps_is_told_as_a_count_when_the_time_is_over, start),
        cmocka_unit_test_setup(after_the_time_it_is_as_if_it_had_never_been, start),
        cmocka_unit_test_setup(kinds_and_subjects_are_counted_apart, start),
        cmocka_unit_test_setup(long_texts_are_cut_between_characters, start),
        cmocka_unit_test_setup(a_full_table_forgets_nothing_that_is_on, start),
        cmocka_unit_test(twenty_messages_an_hour_pass_and_the_rest_is_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
