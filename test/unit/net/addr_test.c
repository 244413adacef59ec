#include "test.h"

#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"127.0.0.1:8000", "127.0.0.1", 8000},
                {"0.0.0.0:0", "0.0.0.0", 0},
                {"255.255.255.255:65535", "255.255.255.255", 65535},
                {"[::1]:8000", "::1", 8000},
                {"[2001:db8::1]:1", "2001:db8::1", 1},
                {"[::]:80", "::", 80},
                {"[::ffff:1.2.3.4]:5", "1.2.3.4", 5}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct addr addr;
        char text[ADDR_BYTES];
        assert_int_equal(addr_parse(str_of(good[i].text), &addr), OK);
        addr_format(&addr, text);
        assert_string_equal(text, good[i].host);
        assert_int_equal(addr.port, good[i].port);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        ":8000",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "127.0.1:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "[127.0.0.1]:80",
        "a:80",
        "[::1]:",
        "1.2.3.4.5:8",
        "256.0.0.1:80",
        "[]:80",
        "1.2.3.4:80 ",
        " 1.2.3.4:80",
        "[1:2:3:4:5:6:7:8:9]:80",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]:80"};
    struct addr addr;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (addr_parse(str_of(bad[i]), &addr) != E_SYNTAX)
            fail_msg("\"%s\" is taken", bad[i]);
    assert_int_equal(addr_parse(STR("127.0.0.1:65536"), &addr), E_RANGE);
    assert_int_equal(addr_parse(STR("127.0.0.1\0:80"), &addr), E_SYNTAX);
}

static void equal_hosts_and_kinds_are_told(void **state)
{
    (void)state;
    struct addr a, b, c;
    assert_int_equal(addr_parse(STR("127.9.9.9:1"), &a), OK);
    assert_int_equal(addr_parse(STR("127.9.9.9:2"), &b), OK);
    assert_int_equal(addr_parse(STR("[2001:db8::1]:2"), &c), OK);
    assert_true(addr_is_v4(&a));
    assert_false(addr_is_v4(&c));
    assert_true(addr_same_host(&a, &b));
    assert_int_equal(addr_hash_host(&a), addr_hash_host(&b));
    assert_false(addr_same_host(&a, &c));
}

static void a_network_is_an_ipv4_address_or_half_an_ipv6_one(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"1.2.3.4:5", "1.2.3.4"},
                                           {"[2001:db8:1:2:3:4:5:6]:7", "2001:db8:1:2::"},
                                           {"[::1]:8", "local"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct addr addr;
        char text[ADDR_BYTES];
        assert_int_equal(addr_parse(str_of(pairs[i][0]), &addr), OK);
        struct addr network = addr_network(&addr);
        addr_format(&network, text);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(network.port, 0);
    }
}

static void hashes_of_neighbours_spread(void **state)
{
    (void)state;
    static unsigned cells[256];
    for (unsigned i = 0; i < 65536; i++) {
        struct addr addr = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0,
                             (unsigned char)(i >> 8), (unsigned char)i},
                            1};
        cells[addr_hash_host(&addr) & 255]++;
    }
    for (unsigned i = 0; i < 256; i++)
        assert_in_range(cells[i], 160, 360);
}

static void what_the_kernel_calls_an_address_is_taken_over(void **state)
{
    (void)state;
    struct sockaddr_storage name = {0};
    char text[ADDR_BYTES];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(8000)};
    v4.sin_addr.s_addr = htonl(0x01020304);
    memcpy(&name, &v4, sizeof v4);
    struct addr addr = addr_from_sockaddr(&name);
    addr_format(&addr, text);
    assert_string_equal(text, "1.2.3.4");
    assert_int_equal(addr.port, 8000);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    v6.sin6_addr.s6_addr[0] = 0x20;
    memcpy(&name, &v6, sizeof v6);
    addr = addr_from_sockaddr(&name);
    addr_format(&addr, text);
    assert_string_equal(text, "2000::");
    assert_int_equal(addr.port, 9);
    name = (struct sockaddr_storage){.ss_family = AF_UNIX};
    addr = addr_from_sockaddr(&name);
    addr_format(&addr, text);
    assert_string_equal(text, "local");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(equal_hosts_and_kinds_are_told),
        cmocka_unit_test(a_network_is_an_ipv4_address_or_half_an_ipv6_one),
        cmocka_unit_test(hashes_of_neighbours_spread),
        cmocka_unit_test(what_the_kernel_calls_an_address_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
