/* Tests of child/message.c. */
#include "child/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_head_lies_little_endian(void **state)
{
    (void)state;
    static const unsigned char want[MESSAGE_HEAD_BYTES] = {
        0x03, 0x02, 0,    0,    0x05, 0x04, 0x07, 0x06, 0xfe, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0b, 0x0a, 0x09, 0x08,
    };
    unsigned char head[MESSAGE_HEAD_BYTES];
    struct message message = {0x0405, 0x0607, -2, 0x08090a0b, {NULL, 0x0203}};
    message_pack_head(&message, head);
    assert_memory_equal(head, want, sizeof want);
    struct message back = {.payload = {"x", 1}};
    assert_int_equal(message_unpack_head(head, &back), OK);
    assert_int_equal(back.type, message.type);
    assert_int_equal(back.id, message.id);
    assert_true(back.at_us == message.at_us);
    assert_int_equal(back.samples, message.samples);
    assert_null(back.payload.ptr);
    assert_int_equal(back.payload.len, 0x0203);
}

static void a_payload_may_be_64_kib_and_no_longer(void **state)
{
    (void)state;
    unsigned char head[MESSAGE_HEAD_BYTES] = {0, 0, 1, 0, 9};
    struct message message;
    assert_int_equal(message_unpack_head(head, &message), OK);
    assert_int_equal(message.payload.len, MESSAGE_PAYLOAD_MAX);
    head[0] = 1;
    assert_int_equal(message_unpack_head(head, &message), E_TOO_LONG);
    assert_int_equal(message.payload.len, 0);
    head[3] = 0xff;
    assert_int_equal(message_unpack_head(head, &message), E_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_lies_little_endian),
        cmocka_unit_test(a_payload_may_be_64_kib_and_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
