/* Tests of base/buf.c. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void appended_bytes_stand_one_behind_the_other(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_int_equal(buf_str(&b).len, 0);
    buf_add(&b, STR("station "));
    buf_add_char(&b, '#');
    buf_printf(&b, "%d of %s", 7, "ten");
    buf_add(&b, (struct str){NULL, 0});
    assert_int_equal(buf_err(&b), OK);
    assert_string_equal(b.ptr, "station #7 of ten");
    assert_true(str_eq(buf_str(&b), STR("station #7 of ten")));
    buf_release(&b);
    assert_null(b.ptr);
}

static void a_buffer_may_be_filled_to_its_cap_and_no_further(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_add(&b, STR("0123456789"));
    assert_int_equal(buf_err(&b), OK);
    buf_add_char(&b, 'x');
    assert_int_equal(buf_err(&b), E_TOO_LONG);
    assert_int_equal(b.len, 10);
    buf_printf(&b, "y");
    assert_int_equal(b.len, 10);
    buf_clear(&b);
    assert_int_equal(buf_err(&b), OK);
    buf_printf(&b, "%s", "0123456789");
    assert_int_equal(buf_err(&b), OK);
    assert_string_equal(b.ptr, "0123456789");
    assert_null(buf_reserve(&b, SIZE_MAX));
    buf_release(&b);
}

static void reserved_room_is_taken_in_by_grew(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    char *to = buf_reserve(&b, 70000);
    assert_non_null(to);
    memset(to, 'a', 70000);
    buf_grew(&b, 69999);
    assert_int_equal(b.len, 69999);
    assert_int_equal(b.ptr[69999], '\0');
    buf_release(&b);
}

static void consumed_bytes_leave_at_the_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_consume(&b, 0);
    buf_add(&b, STR("headbody"));
    buf_consume(&b, 4);
    assert_string_equal(b.ptr, "body");
    buf_consume(&b, 4);
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_bytes_stand_one_behind_the_other),
        cmocka_unit_test(a_buffer_may_be_filled_to_its_cap_and_no_further),
        cmocka_unit_test(reserved_room_is_taken_in_by_grew),
        cmocka_unit_test(consumed_bytes_leave_at_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
