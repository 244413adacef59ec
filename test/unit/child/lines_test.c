/* Tests of child/lines.c: which lines of a child come into the log, and when. */
#include "child/child_priv.h"
#include "rig.h"

#define LATER_US (70 * US_PER_S)

struct desk {
    struct rig rig; /* catches the log */
    struct lines lines;
    int from, to; /* the pipe */
    int64_t due_us;
};

static int setup(void **state)
{
    static struct desk desk;
    int ends[2];
    desk = (struct desk){.due_us = INT64_MAX};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        return -1;
    desk.from = ends[0];
    desk.to = ends[1];
    catch_log(&desk.rig);
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    dup2(desk->rig.true_stderr, STDERR_FILENO);
    close(desk->rig.true_stderr);
    close(desk->rig.log);
    close(desk->to);
    if (desk->from >= 0)
        close(desk->from);
    return 0;
}

static void say(struct desk *desk, const char *text, int64_t at_us, bool to_the_end)
{
    ssize_t len = (ssize_t)strlen(text);
    assert_true(write(desk->to, text, (size_t)len) == len);
    lines_read(&desk->lines, "x", &desk->from, (struct mono){at_us}, to_the_end);
}

static void say_many(struct desk *desk, int count, int64_t at_us)
{
    for (int i = 0; i < count; i++)
        say(desk, "line\n", at_us, false);
}

static void a_line_may_come_in_crumbs(void **state)
{
    struct desk *desk = *state;
    say(desk, "on", 1, false);
    say(desk, "e li", 1, false);
    assert_int_equal(logged(&desk->rig, "wrote="), 0);
    say(desk, "ne\n\n\ntwo\nthr", 1, false);
    assert_int_equal(logged(&desk->rig, "wrote="), 2);
    assert_int_equal(logged(&desk->rig, "child=\"x\" wrote=\"one line\"\n"), 1);
    say(desk, "ee", 1, true);
    assert_int_equal(logged(&desk->rig, "wrote=\"three\"\n"), 1);
    assert_int_equal(desk->from, -1);
}

static void a_line_of_just_the_longest_is_one(void **state)
{
    struct desk *desk = *state;
    char text[CHILD_LINE_BYTES + 2];
    memset(text, 'a', sizeof text);
    text[CHILD_LINE_BYTES] = '\n';
    text[CHILD_LINE_BYTES + 1] = '\0';
    say(desk, text, 1, false);
    assert_int_equal(logged(&desk->rig, "wrote="), 1);
    text[CHILD_LINE_BYTES] = 'b';
    say(desk, text, 1, false);
    assert_int_equal(logged(&desk->rig, "wrote="), 2);
    say(desk, "\n", 1, false);
    assert_int_equal(logged(&desk->rig, "wrote=\"b\""), 1);
}

static void what_was_left_out_is_told_before_the_next_line_of_a_new_minute(void **state)
{
    struct desk *desk = *state;
    say_many(desk, 25, 1);
    assert_int_equal(logged(&desk->rig, "wrote="), 20);
    assert_int_equal(logged(&desk->rig, "left_out"), 0);
    say_many(desk, 1, LATER_US);
    assert_int_equal(logged(&desk->rig, "left_out=5 "), 1);
    assert_int_equal(logged(&desk->rig, "wrote="), 21);
    say_many(desk, 20, LATER_US);
    assert_int_equal(logged(&desk->rig, "wrote="), 40);
}

static void what_was_left_out_is_told_when_the_minute_is_over(void **state)
{
    struct desk *desk = *state;
    say_many(desk, 20, 1);
    lines_turn(&desk->lines, "x", (struct mono){2}, &desk->due_us);
    assert_true(desk->due_us == INT64_MAX);
    say_many(desk, 3, 1);
    lines_turn(&desk->lines, "x", (struct mono){2}, &desk->due_us);
    assert_true(desk->due_us == 60 * US_PER_S + 1);
    assert_int_equal(logged(&desk->rig, "left_out"), 0);
    desk->due_us = INT64_MAX;
    lines_turn(&desk->lines, "x", (struct mono){60 * US_PER_S + 1}, &desk->due_us);
    lines_turn(&desk->lines, "x", (struct mono){60 * US_PER_S + 1}, &desk->due_us);
    assert_true(desk->due_us == INT64_MAX);
    assert_int_equal(logged(&desk->rig, "left_out=3 "), 1);
    assert_int_equal(logged(&desk->rig, "left_out"), 1);
}

static void odd_bytes_stay_on_their_line(void **state)
{
    struct desk *desk = *state;
    say(desk, "\x1b[31m\xff \"red\"\r\n", 1, false);
    assert_int_equal(logged(&desk->rig, "wrote=\"\\x1b[31m\\xff \\\"red\\\"\\r\"\n"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_may_come_in_crumbs),
        TEST(a_line_of_just_the_longest_is_one),
        TEST(what_was_left_out_is_told_before_the_next_line_of_a_new_minute),
        TEST(what_was_left_out_is_told_when_the_minute_is_over),
        TEST(odd_bytes_stay_on_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
