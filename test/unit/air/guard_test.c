#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "air/guard_priv.h"

#include <stdio.h>
#include <stdlib.h>

static struct addr host(unsigned number)
{
    char text[64];
    struct addr addr;
    snprintf(text, sizeof text, "10.0.%u.%u:4000", number / 256, number % 256);
    assert_int_equal(addr_parse(str_of(text), &addr), OK);
    return addr;
}

static bool fail_at(struct guard *guard, unsigned number, int64_t second)
{
    struct addr addr = host(number);
    return guard_failed(guard, &addr, (struct mono){second * US_PER_S});
}

static int make(void **state)
{
    *state = calloc(1, sizeof(struct guard));
    return *state ? 0 : -1;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

static void ten_failures_a_minute_are_answered_at_once(void **state)
{
    struct guard *guard = *state;
    for (int i = 0; i < GUARD_FAILURES; i++)
        assert_false(fail_at(guard, 1, i));
    assert_true(fail_at(guard, 1, 11));
    assert_true(fail_at(guard, 1, 59));
}

static void the_port_makes_no_new_host(void **state)
{
    struct guard *guard = *state;
    struct addr addr = host(1);
    for (uint16_t i = 0; i < GUARD_FAILURES; i++) {
        addr.port = (uint16_t)(5000 + i);
        assert_false(guard_failed(guard, &addr, (struct mono){US_PER_S}));
    }
    addr.port = 9;
    assert_true(guard_failed(guard, &addr, (struct mono){US_PER_S}));
}

static void an_ipv6_host_is_its_network(void **state)
{
    /* Who has one address of a /64 has all of them. */
    struct guard *guard = *state;
    struct addr addr;
    for (int i = 0; i < GUARD_FAILURES; i++) {
        char text[64];
        snprintf(text, sizeof text, "[2001:db8:0:1::%x]:4000", (unsigned)i + 1);
        assert_int_equal(addr_parse(str_of(text), &addr), OK);
        assert_false(guard_failed(guard, &addr, (struct mono){US_PER_S}));
    }
    assert_int_equal(addr_parse(STR("[2001:db8:0:1:ffff::1]:4000"), &addr), OK);
    assert_true(guard_failed(guard, &addr, (struct mono){US_PER_S}));
    assert_int_equal(addr_parse(STR("[2001:db8:0:2::1]:4000"), &addr), OK);
    assert_false(guard_failed(guard, &addr, (struct mono){US_PER_S}));
}

static void after_a_minute_the_count_begins_anew(void **state)
{
    struct guard *guard = *state;
    for (int i = 0; i <= GUARD_FAILURES; i++)
        fail_at(guard, 1, 10);
    assert_true(fail_at(guard, 1, 69));
    assert_false(fail_at(guard, 1, 71));
    for (int i = 1; i < GUARD_FAILURES; i++)
        assert_false(fail_at(guard, 1, 72));
    assert_true(fail_at(guard, 1, 73));
}

static void one_host_does_not_slow_down_another(void **state)
{
    struct guard *guard = *state;
    for (int i = 0; i <= GUARD_FAILURES; i++)
        fail_at(guard, 1, 10);
    assert_true(fail_at(guard, 1, 11));
    assert_false(fail_at(guard, 2, 11));
}

static void a_full_table_forgets_the_host_that_began_first(void **state)
{
    struct guard *guard = *state;
    for (unsigned number = 0; number < GUARD_HOSTS; number++)
        for (int i = 0; i < GUARD_FAILURES; i++)
            assert_false(fail_at(guard, number, 1 + (int64_t)number / 8));
    assert_true(fail_at(guard, 0, 40)); /* all of them are remembered so far */
    assert_true(fail_at(guard, GUARD_HOSTS - 1, 40));
    assert_false(fail_at(guard, 1000, 41)); /* takes the place of one of the first */
    assert_true(fail_at(guard, GUARD_HOSTS - 1, 42));
    assert_true(fail_at(guard, 8, 42));
    int forgotten = 0;
    for (unsigned number = 0; number < 8; number++) {
        struct guard copy = *guard;
        forgotten += !fail_at(&copy, number, 42);
    }
    assert_int_equal(forgotten, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_failures_a_minute_are_answered_at_once, make, unmake),
        cmocka_unit_test_setup_teardown(the_port_makes_no_new_host, make, unmake),
        cmocka_unit_test_setup_teardown(an_ipv6_host_is_its_network, make, unmake),
        cmocka_unit_test_setup_teardown(after_a_minute_the_count_begins_anew, make, unmake),
        cmocka_unit_test_setup_teardown(one_host_does_not_slow_down_another, make, unmake),
        cmocka_unit_test_setup_teardown(a_full_table_forgets_the_host_that_began_first, make,
                                        unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
