/* Tests of air/history.c. */
#include "air/history_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAME_US 24000

static const struct format mp3 = {.codec = CODEC_MP3, .rate_hz = 48000, .channels = 2};

static int open_history(void **state)
{
    return history_new((struct history **)state) == OK ? 0 : -1;
}

static int close_history(void **state)
{
    history_free((struct history **)state);
    return 0;
}

/* A frame whose bytes all tell its number. */
static void push(struct history *history, uint32_t n, size_t len, const struct format *format)
{
    static char bytes[70000];
    memset(bytes, (int)(n % 251), len);
    struct frame frame = {{bytes, len}, 1152, *format};
    history_push(history, &frame, (struct utc){(int64_t)n * FRAME_US}, STR(""), 0);
}

static void check(struct history *history, uint64_t i, uint32_t n, size_t len)
{
    struct history_frame frame = history_at(history, i);
    assert_int_equal(frame.start.us, (int64_t)n * FRAME_US);
    assert_int_equal(frame.bytes.len, len);
    for (size_t b = 0; b < len; b++)
        assert_int_equal((unsigned char)frame.bytes.ptr[b], n % 251);
}

static void frames_come_back_whole_with_their_times(void **state)
{
    struct history *history = *state;
    for (uint32_t n = 0; n < 200; n++)
        push(history, n, 400 + n % 7, &mp3);
    assert_int_equal(history_first(history), 0);
    assert_int_equal(history_next(history), 200);
    for (uint32_t n = 0; n < 200; n++)
        check(history, n, n, 400 + n % 7);
    assert_int_equal(history_end(history).us, 200 * FRAME_US);
}

static void the_oldest_make_room_and_what_is_left_is_untouched(void **state)
{
    static const size_t lens[] = {384, 7000, 65536, 31};
    struct history *history = *state;
    for (size_t k = 0; k < 4; k++) {
        history_clear(history);
        uint64_t base = history_next(history);
        for (uint32_t n = 0; n < 5000; n++) {
            size_t len = lens[k] - n % 17;
            push(history, n, len, &mp3);
            uint64_t first = history_first(history);
            if (n % 97 != 0)
                continue;
            for (uint64_t i = first; i < history_next(history); i++)
                check(history, i, (uint32_t)(i - base), lens[k] - (i - base) % 17);
        }
        uint64_t kept = history_next(history) - history_first(history);
        assert_true(kept == HISTORY_FRAMES || kept * lens[k] > HISTORY_BYTES - 3 * lens[k]);
    }
}

static void an_instant_is_found_among_them(void **state)
{
    struct history *history = *state;
    for (uint32_t n = 10; n < 110; n++)
        push(history, n, 100, &mp3);
    assert_int_equal(history_find(history, (struct utc){0}), 0);
    assert_int_equal(history_find(history, (struct utc){20 * FRAME_US}), 10);
    assert_int_equal(history_find(history, (struct utc){20 * FRAME_US + 1}), 11);
    assert_int_equal(history_find(history, (struct utc){109 * FRAME_US + 1}), 100);
}

static void another_format_forgets_what_was_before(void **state)
{
    struct history *history = *state;
    struct format other = mp3;
    other.rate_hz = 44100;
    push(history, 0, 100, &mp3);
    uint32_t link = history_at(history, 0).link;
    push(history, 1, 100, &other);
    assert_int_equal(history_first(history), 1);
    assert_int_equal(history_format(history).rate_hz, 44100);
    assert_true(history_at(history, 1).link > link);
}

static void a_frame_that_no_message_can_hold_is_left_out(void **state)
{
    struct history *history = *state;
    push(history, 0, 65537, &mp3);
    assert_int_equal(history_next(history), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_come_back_whole_with_their_times, open_history,
                                        close_history),
        cmocka_unit_test_setup_teardown(the_oldest_make_room_and_what_is_left_is_untouched,
                                        open_history, close_history),
        cmocka_unit_test_setup_teardown(an_instant_is_found_among_them, open_history,
                                        close_history),
        cmocka_unit_test_setup_teardown(another_format_forgets_what_was_before, open_history,
                                        close_history),
        cmocka_unit_test_setup_teardown(a_frame_that_no_message_can_hold_is_left_out, open_history,
                                        close_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
