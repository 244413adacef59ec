#include "test.h"

#include "net/head_priv.h"
#include "net/target_priv.h"

#define LINE_BYTES 4096
#define ROOM_LINES 80

static const struct head_limits limits = {8192, 4096, 64, false};

/* What the server would say to these bytes, `step` at a time: a status, 200 for a head that is
 * taken, 0 for one that is not whole. */
static int verdict(struct str bytes, size_t step, struct head *head, struct target *target)
{
    static char copy[LINE_BYTES * 2], room[LINE_BYTES * 2];
    static struct http_header headers[ROOM_LINES];
    struct head_scan scan = {0};
    struct head_fault fault = {0};
    enum head_found found = HEAD_MORE;
    for (size_t n = step; found == HEAD_MORE; n += step) {
        found = head_scan(&scan, str_slice(bytes, 0, n), &limits, &fault);
        if (n >= bytes.len && found == HEAD_MORE)
            return 0;
    }
    if (found == HEAD_BAD)
        return fault.status;
    struct str raw = str_slice(bytes, scan.from, scan.at);
    if (scan.is_source) {
        size_t len = head_normalise(raw, copy);
        if (len == 0)
            return 400;
        raw = (struct str){copy, len};
    }
    if (head_parse(raw, headers, limits.headers_max, head, &fault))
        return fault.status;
    if (head->method == HTTP_OPTIONS && str_eq(head->target, STR("*")))
        return 200;
    return target_parse(head->target, head->host, room, target, &fault.text) ? 400 : 200;
}

static size_t unescape(char *text)
{
    size_t len = 0;
    for (char *p = text; *p; p++) {
        char c = *p;
        if (c == '\\') {
            char hex[3] = {0};
            switch (*++p) {
            case 'r':
                c = '\r';
                break;
            case 'n':
                c = '\n';
                break;
            case 't':
                c = '\t';
                break;
            case '\\':
                c = '\\';
                break;
            case 'x':
                memcpy(hex, p + 1, 2);
                c = (char)strtoul(hex, NULL, 16);
                p += 2;
                break;
            default:
                fail_msg("unknown escape in %s", text);
            }
        }
        text[len++] = c;
    }
    return len;
}

static void check_file(size_t step)
{
    char path[512], line[LINE_BYTES];
    const char *folder = getenv("MAST_TEST_DATA");
    snprintf(path, sizeof path, "%s/heads.txt", folder ? folder : "test/data");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int count = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        line[strcspn(line, "\n")] = '\0';
        char *status = strstr(line, " | ");
        assert_non_null(status);
        *status = '\0';
        status += 3;
        char *bytes = strstr(status, " | ");
        assert_non_null(bytes);
        *bytes = '\0';
        bytes += 3;
        int expected = strcmp(status, "ok") == 0     ? 200
                       : strcmp(status, "more") == 0 ? 0
                                                     : (int)strtol(status, NULL, 10);
        struct head head;
        struct target target;
        size_t len = unescape(bytes);
        int got = verdict((struct str){bytes, len}, step, &head, &target);
        if (got != expected)
            print_error("%s: %d, not %d\n", line, got, expected);
        wrong += got != expected;
        count++;
    }
    fclose(file);
    assert_true(count > 250);
    assert_int_equal(wrong, 0);
}

static void every_head_of_the_table_gets_its_verdict(void **state)
{
    (void)state;
    check_file(1 << 20);
}

static void a_head_that_comes_byte_by_byte_gets_the_same_verdict(void **state)
{
    (void)state;
    check_file(1);
    check_file(3);
}

static int verdict_of(const char *text)
{
    struct head head;
    struct target target;
    return verdict(str_of(text), 1 << 20, &head, &target);
}

static void sixty_four_headers_are_taken_and_no_more(void **state)
{
    (void)state;
    static const int counts[] = {1, 31, 32, 63, 64, 65, 66, 100, 128, 255, 256};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        static char text[LINE_BYTES * 4];
        int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int n = 1; n < counts[i]; n++)
            len += snprintf(text + len, sizeof text - (size_t)len, "X-%d: y\r\n", n);
        snprintf(text + len, sizeof text - (size_t)len, "\r\n");
        assert_int_equal(verdict_of(text), counts[i] <= 64 ? 200 : 431);
    }
}

static void a_head_may_have_8192_bytes_and_no_more(void **state)
{
    (void)state;
    static char text[80 * 1024];
    for (size_t total = 8000; total < 66000; total += total < 8300 ? 1 : 997) {
        static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        size_t len = sizeof start - 1;
        memcpy(text, start, len);
        memset(text + len, 'y', total - len);
        memcpy(text + total - 4, "\r\n\r\n", 4);
        struct head head;
        struct target target;
        int got = verdict((struct str){text, total}, 1 << 20, &head, &target);
        assert_int_equal(got, total <= 8192 ? 200 : 431);
    }
}

static void a_head_without_end_is_refused_when_it_is_too_long(void **state)
{
    (void)state;
    static char text[10000] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    memset(text + 28, 'y', sizeof text - 28);
    struct head head;
    struct target target;
    assert_int_equal(verdict((struct str){text, 8192}, 1, &head, &target), 0);
    assert_int_equal(verdict((struct str){text, 8193}, 1, &head, &target), 431);
}

static void a_request_line_without_end_is_refused_when_its_target_is_too_long(void **state)
{
    (void)state;
    static char text[10000] = "GET /";
    memset(text + 5, 'y', sizeof text - 5);
    struct head head;
    struct target target;
    assert_int_equal(verdict((struct str){text, 4000}, 7, &head, &target), 0);
    assert_int_equal(verdict((struct str){text, 4200}, 7, &head, &target), 414);
    assert_int_equal(verdict((struct str){text, 9000}, 1 << 20, &head, &target), 414);
}

static void what_a_head_says_arrives_whole(void **state)
{
    (void)state;
    struct head head;
    struct target target;
    assert_int_equal(verdict(STR("POST /a%20b?c=d HTTP/1.1\r\nhost:h\r\nContent-Length: 12\r\n"
                                 "Expect: 100-Continue\r\nConnection: x,  CLOSE\r\n\r\nrest"),
                             1 << 20, &head, &target),
                     200);
    assert_int_equal(head.method, HTTP_POST);
    assert_int_equal(head.version, 11);
    assert_int_equal(head.content_length, 12);
    assert_int_equal(head.headers_count, 4);
    assert_true(head.expects_continue);
    assert_false(head.keep_alive);
    assert_false(head.is_chunked);
    assert_str(head.host, "h");
    assert_str(target.path, "/a b");
    assert_str(target.query, "c=d");
}

static void keep_alive_is_a_habit_of_1_1_and_a_wish_in_1_0(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keeps;
    } table[] = {{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
                 {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
                 {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false},
                 {"GET / HTTP/1.0\r\n\r\n", false},
                 {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
                 {"GET / HTTP/1.0\r\nConnection: closed\r\n\r\n", false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct head head;
        struct target target;
        assert_int_equal(verdict(str_of(table[i].text), 1 << 20, &head, &target), 200);
        assert_int_equal(head.keep_alive, table[i].keeps);
    }
}

static void the_head_of_a_source_ends_where_its_sound_begins(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "SOURCE /m HTTP/1.0\r\nA: b\r\n\r\n", "SOURCE /m HTTP/1.0\nA: b\n\n",
        "SOURCE /m HTTP/1.0\r\r\nA: b\r\r\n\r\r\n", "SOURCE /m HTTP/1.0\nA: b\n\r\n\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char text[128];
        int len = snprintf(text, sizeof text, "%s\xff\xfb\r\n\r\n", heads[i]);
        struct head_scan scan = {0};
        struct head_fault fault;
        assert_int_equal(head_scan(&scan, (struct str){text, (size_t)len}, &limits, &fault),
                         HEAD_WHOLE);
        assert_int_equal(scan.at, strlen(heads[i]));
        char to[256];
        size_t normal = head_normalise((struct str){text, scan.at}, to);
        assert_str((struct str){to, normal}, "SOURCE /m HTTP/1.0\r\nA: b\r\n\r\n");
    }
}

static void a_first_line_without_a_blank_is_a_password(void **state)
{
    (void)state;
    struct head_limits takes = limits;
    takes.takes_password = true;
    static char long_line[200];
    memset(long_line, 'x', 128);
    long_line[128] = '\n';
    static char too_long[200];
    memset(too_long, 'x', 129);
    too_long[129] = '\n';
    const struct {
        const char *text;
        enum head_found found;
        size_t at;
    } table[] = {{"hackme\n", HEAD_PASSWORD, 7},
                 {"hackme\r\nicy-name:x\r\n", HEAD_PASSWORD, 8},
                 {"hackme\r\r\n", HEAD_PASSWORD, 9},
                 {"user:hackme\r\n", HEAD_PASSWORD, 13},
                 {"GET\r\n", HEAD_PASSWORD, 5},
                 {"hack me\n", HEAD_BAD, 0},
                 {"hack\tme\n", HEAD_BAD, 0},
                 {"hackm\xc3\xa9\n", HEAD_BAD, 0},
                 {"\n", HEAD_BAD, 0},
                 {"hackme", HEAD_MORE, 0},
                 {"hackme\r", HEAD_MORE, 0},
                 {long_line, HEAD_PASSWORD, 129},
                 {too_long, HEAD_BAD, 0},
                 {"hack\rme\n", HEAD_BAD, 0}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct head_scan scan = {0};
        struct head_fault fault;
        assert_int_equal(head_scan(&scan, str_of(table[i].text), &takes, &fault), table[i].found);
        if (table[i].found == HEAD_PASSWORD)
            assert_int_equal(scan.at, table[i].at);
        scan = (struct head_scan){0};
        if (table[i].found == HEAD_PASSWORD)
            assert_int_equal(head_scan(&scan, str_of(table[i].text), &limits, &fault), HEAD_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_head_of_the_table_gets_its_verdict),
        cmocka_unit_test(a_head_that_comes_byte_by_byte_gets_the_same_verdict),
        cmocka_unit_test(sixty_four_headers_are_taken_and_no_more),
        cmocka_unit_test(a_head_may_have_8192_bytes_and_no_more),
        cmocka_unit_test(a_head_without_end_is_refused_when_it_is_too_long),
        cmocka_unit_test(a_request_line_without_end_is_refused_when_its_target_is_too_long),
        cmocka_unit_test(what_a_head_says_arrives_whole),
        cmocka_unit_test(keep_alive_is_a_habit_of_1_1_and_a_wish_in_1_0),
        cmocka_unit_test(the_head_of_a_source_ends_where_its_sound_begins),
        cmocka_unit_test(a_first_line_without_a_blank_is_a_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
