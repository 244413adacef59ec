/* Tests of base/ring.c. */
#include "base/mem.h"
#include "base/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_pushed_comes_out_in_order(void **state)
{
    (void)state;
    struct ring *ring;
    assert_int_equal(ring_new(4096, &ring), OK);
    assert_int_equal(ring_room(ring), 4096);
    assert_int_equal(ring_peek(ring).len, 0);
    assert_int_equal(ring_push(ring, STR("")), 0);
    assert_int_equal(ring_push(ring, STR("frame one")), 9);
    assert_int_equal(ring_push(ring, STR("two")), 3);
    assert_true(str_eq(ring_peek(ring), STR("frame onetwo")));
    ring_drop(ring, 9);
    assert_true(str_eq(ring_peek(ring), STR("two")));
    assert_int_equal(ring_pushed(ring), 12);
    assert_int_equal(ring_dropped(ring), 9);
    assert_int_equal(ring_room(ring), 4093);
    ring_free(&ring);
    assert_null(ring);
    ring_free(&ring);
}

static void a_full_ring_takes_what_fits(void **state)
{
    (void)state;
    struct ring *ring;
    char bytes[5000];
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(ring_new(4096, &ring), OK);
    assert_int_equal(ring_push(ring, (struct str){bytes, sizeof bytes}), 4096);
    assert_int_equal(ring_push(ring, STR("y")), 0);
    assert_int_equal(ring_room(ring), 0);
    assert_int_equal(ring_peek(ring).len, 4096);
    ring_drop(ring, 1);
    assert_int_equal(ring_push(ring, STR("yz")), 1);
    ring_free(&ring);
}

static void bytes_over_the_end_come_in_two_pieces(void **state)
{
    (void)state;
    struct ring *ring;
    char bytes[4096];
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(ring_new(4096, &ring), OK);
    assert_int_equal(ring_push(ring, (struct str){bytes, 4094}), 4094);
    ring_drop(ring, 4094);
    assert_int_equal(ring_push(ring, STR("abcd")), 4);
    assert_true(str_eq(ring_peek(ring), STR("ab")));
    ring_drop(ring, 2);
    assert_true(str_eq(ring_peek(ring), STR("cd")));
    ring_drop(ring, 2);
    assert_int_equal(ring_room(ring), 4096);
    ring_free(&ring);
}

#define TOTAL ((uint64_t)1 << 22)

static void *pusher(void *ctx)
{
    struct ring *ring = ctx;
    unsigned char bytes[997];
    uint64_t sent = 0;
    while (sent < TOTAL) {
        size_t count = (size_t)(sent % sizeof bytes) + 1;
        if (count > TOTAL - sent)
            count = (size_t)(TOTAL - sent);
        for (size_t i = 0; i < count; i++)
            bytes[i] = (unsigned char)((sent + i) * 31 >> 3);
        sent += ring_push(ring, (struct str){(char *)bytes, count});
    }
    return NULL;
}

static void two_threads_exchange_four_megabytes_unharmed(void **state)
{
    (void)state;
    struct ring *ring;
    pthread_t thread;
    assert_int_equal(ring_new(8192, &ring), OK);
    assert_int_equal(pthread_create(&thread, NULL, pusher, ring), 0);
    uint64_t got = 0, wrong = 0;
    while (got < TOTAL) {
        struct str s = ring_peek(ring);
        for (size_t i = 0; i < s.len; i++)
            wrong += (unsigned char)s.ptr[i] != (unsigned char)((got + i) * 31 >> 3);
        ring_drop(ring, s.len);
        got += s.len;
    }
    pthread_join(thread, NULL);
    assert_true(wrong == 0);
    assert_true(ring_pushed(ring) == TOTAL && ring_dropped(ring) == TOTAL);
    ring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_pushed_comes_out_in_order),
        cmocka_unit_test(a_full_ring_takes_what_fits),
        cmocka_unit_test(bytes_over_the_end_come_in_two_pieces),
        cmocka_unit_test(two_threads_exchange_four_megabytes_unharmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
