#include "rig.h"

static struct response *page;

static void on_page(struct request *request, void *ctx)
{
    (void)ctx;
    request_reply(request, response_ref(page));
}

static void on_echo(struct request *request, void *ctx)
{
    (void)ctx;
    request_reply_text(request, 200, NULL, "%s %.*s|%.*s|%.*s",
                       request->method == HTTP_POST ? "POST" : "other", STR_ARG(request->path),
                       STR_ARG(request->query), STR_ARG(request->body));
}

static void on_stream(struct request *request, void *ctx)
{
    (void)ctx;
    request_reply_text(request, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "no");
}

static const struct http_route routes[] = {
    {.path = "/page", .methods = HTTP_GET, .handler = on_page, .cors = true},
    {.path = "/echo*", .methods = HTTP_GET | HTTP_POST, .handler = on_echo, .body_max_bytes = 1000},
    {.path = "/both", .methods = HTTP_GET, .handler = on_page},
    {.path = "/both", .methods = HTTP_POST, .handler = on_echo, .body_max_bytes = 10},
    {.path = "/echo/exact", .methods = HTTP_GET, .handler = on_page},
    {.path = "/m*", .methods = HTTP_PUT | HTTP_SOURCE, .handler = on_stream, .takes_over = true},
};

static struct rig rig;

static int setup(void **state)
{
    (void)state;
    struct response_spec spec = {.status = 200,
                                 .content_type = "text/html",
                                 .body = STR("0123456789"),
                                 .gzip = STR("zip"),
                                 .has_etag = true,
                                 .takes_ranges = true,
                                 .cors = true};
    rig_init(&rig, routes, sizeof routes / sizeof routes[0], 2);
    assert_int_equal(response_new(&spec, &page), OK);
    rig_start(&rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_stop(&rig);
    response_unref(page);
    return 0;
}

static void ask(const char *text, struct reply *reply)
{
    int fd = dial(&rig);
    say(fd, text);
    hear(fd, reply, strncmp(text, "HEAD", 4) == 0);
    hang_up(fd);
}

static void a_page_comes_with_all_its_headers(void **state)
{
    (void)state;
    struct reply reply;
    ask("GET /page HTTP/1.1\r\nHost: a\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "0123456789");
    assert_true(reply_has(&reply, "Server: mast\r\n"));
    assert_true(reply_has(&reply, "\r\nDate: "));
    assert_true(reply_has(&reply, "\r\nX-Request-Id: "));
    assert_true(reply_has(&reply, "Content-Type: text/html\r\n"));
    assert_true(reply_has(&reply, "Access-Control-Allow-Origin: *\r\n"));
    assert_false(reply_has(&reply, "Connection:"));
}

static void a_head_has_the_lines_and_not_the_body(void **state)
{
    (void)state;
    struct reply reply;
    int fd = dial(&rig);
    say(fd, "HEAD /page HTTP/1.1\r\nHost: a\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(fd, &reply, true);
    assert_int_equal(reply.status, 200);
    assert_true(reply_has(&reply, "Content-Length: 10\r\n"));
    hear(fd, &reply, false);
    assert_string_equal(reply.body, "other /echo||\n");
    hang_up(fd);
}

static void ranges_codings_and_conditions_reach_the_wire(void **state)
{
    (void)state;
    struct reply reply;
    char text[256], etag[64];
    ask("GET /page HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n", &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "234");
    assert_true(reply_has(&reply, "Content-Range: bytes 2-4/10\r\n"));
    assert_int_equal(sscanf(strstr(reply.bytes, "ETag: "), "ETag: %60s", etag), 1);
    ask("GET /page HTTP/1.1\r\nHost: a\r\nRange: bytes=20-\r\n\r\n", &reply);
    assert_int_equal(reply.status, 416);
    assert_true(reply_has(&reply, "Content-Range: bytes */10\r\n"));
    ask("GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", &reply);
    assert_string_equal(reply.body, "zip");
    assert_true(reply_has(&reply, "Content-Encoding: gzip\r\n"));
    snprintf(text, sizeof text, "GET /page HTTP/1.1\r\nHost: a\r\nIf-None-Match: %s\r\n\r\n", etag);
    ask(text, &reply);
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.body_len, 0);
}

static void routes_are_found_by_their_longest_path(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int status;
        const char *line; /* in the head */
    } table[] = {{"GET /echo HTTP/1.1", 200, ""},
                 {"GET /echoes HTTP/1.1", 200, ""},
                 {"GET /echo/exact HTTP/1.1", 200, "text/html"},
                 {"GET /echo/exact/ HTTP/1.1", 200, "text/plain"},
                 {"POST /echo/exact HTTP/1.1", 405, "Allow: GET, HEAD, OPTIONS\r\n"},
                 {"GET /pag HTTP/1.1", 404, ""},
                 {"GET /page. HTTP/1.1", 404, ""},
                 {"GET /page/ HTTP/1.1", 404, ""},
                 {"GET / HTTP/1.1", 404, ""},
                 {"GET /%70age HTTP/1.1", 200, "text/html"},
                 {"DELETE /page HTTP/1.1", 405, "Allow: GET, HEAD, OPTIONS\r\n"},
                 {"PATCH /nothing HTTP/1.1", 404, ""},
                 {"TRACE /page HTTP/1.1", 405, ""},
                 {"DELETE /both HTTP/1.1", 405, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
                 {"POST /both HTTP/1.1", 200, "text/plain"},
                 {"GET /both HTTP/1.1", 200, "text/html"},
                 {"GET /m HTTP/1.1", 405, "Allow: PUT, SOURCE, OPTIONS\r\n"},
                 {"OPTIONS /both HTTP/1.1", 200, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
                 {"OPTIONS /nothing HTTP/1.1", 404, ""},
                 {"OPTIONS * HTTP/1.1", 200, "Allow: GET, HEAD, POST, PUT, SOURCE, OPTIONS\r\n"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[256];
        struct reply reply;
        snprintf(text, sizeof text, "%s\r\nHost: a\r\n\r\n", table[i].request);
        ask(text, &reply);
        if (reply.status != table[i].status || !reply_has(&reply, table[i].line))
            fail_msg("%s gets %s", table[i].request, reply.bytes);
        assert_true(reply_has(&reply, "\r\nX-Request-Id: "));
    }
}

static void a_preflight_is_the_same_for_every_origin(void **state)
{
    (void)state;
    static const char *const origins[] = {"null",
                                          "http://a",
                                          "https://a.example",
                                          "https://a.example:444",
                                          "file://",
                                          "*",
                                          "http://localhost",
                                          "chrome-extension://x",
                                          "https://evil.example",
                                          "http://127.0.0.1",
                                          "https://a.example, https://b.example",
                                          "\""};
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        char text[512];
        struct reply reply;
        snprintf(text, sizeof text,
                 "OPTIONS /page HTTP/1.1\r\nHost: a\r\nOrigin: %s\r\n"
                 "Access-Control-Request-Method: GET\r\n"
                 "Access-Control-Request-Headers: range\r\n\r\n",
                 origins[i]);
        ask(text, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(reply_has(&reply, "Access-Control-Allow-Origin: *\r\n"));
        assert_true(reply_has(&reply, "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"));
        assert_true(reply_has(&reply, "Access-Control-Allow-Headers: Icy-MetaData, Range\r\n"));
        assert_true(reply_has(&reply, "Access-Control-Max-Age: "));
        assert_false(reply_has(&reply, "Credentials"));
        snprintf(text, sizeof text,
                 "OPTIONS /both HTTP/1.1\r\nHost: a\r\nOrigin: %s\r\n"
                 "Access-Control-Request-Method: GET\r\n\r\n",
                 origins[i]);
        ask(text, &reply);
        assert_false(reply_has(&reply, "Access-Control"));
    }
}

static void the_upgrade_of_libshout_is_passed_over(void **state)
{
    (void)state;
    struct reply reply;
    int fd = dial(&rig);
    say(fd, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            "Upgrade: TLS/1.0, HTTP/1.1\r\n\r\n");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    /* then the poke, which must be answered at once and leave the connection usable */
    say(fd, "SOURCE /m HTTP/1.0\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 401);
    assert_true(reply_has(&reply, "Connection: keep-alive\r\n"));
    say(fd, "SOURCE /m HTTP/1.0\r\nContent-Type: audio/mpeg\r\n\r\n");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 401);
    assert_true(hears_end(fd));
    hang_up(fd);
}

static void bodies_are_gathered_however_they_come(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        const char *body;
    } table[] = {
        {"POST /echo?q HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200,
         "POST /echo|q|abc\n"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
         200, "POST /echo||abc\n"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200, "POST /echo||\n"},
        {"POST /echo HTTP/1.0\r\n\r\n", 200, "POST /echo||\n"},
        {"POST /both HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789", 200,
         "POST /both||0123456789\n"},
        {"POST /both HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890", 413, NULL},
        {"POST /both HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "b\r\n01234567890\r\n0\r\n\r\n",
         413, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400, NULL},
        {"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405, NULL}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct reply reply;
        int fd = dial(&rig);
        say(fd, table[i].text);
        hear(fd, &reply, false);
        assert_int_equal(reply.status, table[i].status);
        assert_true(reply.is_whole);
        if (table[i].body)
            assert_string_equal(reply.body, table[i].body);
        hang_up(fd);
        /* the same, byte by byte */
        fd = dial(&rig);
        for (size_t b = 0; table[i].text[b]; b++)
            if (!say_bytes(fd, (struct str){table[i].text + b, 1}))
                break;
        hear(fd, &reply, false);
        assert_int_equal(reply.status, table[i].status);
        hang_up(fd);
    }
}

static void a_body_is_asked_for_if_the_client_waits(void **state)
{
    (void)state;
    struct reply reply;
    int fd = dial(&rig);
    say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    hear(fd, &reply, false);
    assert_string_equal(reply.bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "abc");
    hear(fd, &reply, false);
    assert_string_equal(reply.body, "POST /echo||abc\n");
    hang_up(fd);
    fd = dial(&rig); /* too long: refused without asking */
    say(fd, "POST /both HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nExpect: 100-continue\r\n\r\n");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 413);
    assert_true(hears_end(fd));
    hang_up(fd);
    fd = dial(&rig); /* a source: the handler decides */
    say(fd, "PUT /m HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 401);
    assert_true(hears_end(fd));
    hang_up(fd);
}

static void a_body_that_nobody_wants_is_never_a_request(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        "GET /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PUT /page HTTP/1.1\r\nHost: a\r\n\r\n",
        "SOURCE /nothing HTTP/1.0\r\n\r\n",
        "PUT /m HTTP/1.1\r\nHost: a\r\n\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct reply reply;
        int fd = dial(&rig);
        say(fd, heads[i]);
        say(fd, "GET /echo?smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
        hear(fd, &reply, false);
        assert_true(reply.status >= 200);
        assert_true(reply.is_whole);
        assert_true(reply_has(&reply, "Connection: close\r\n"));
        assert_true(hears_end(fd));
        hang_up(fd);
    }
}

static void a_refused_source_that_talks_on_can_read_why(void **state)
{
    (void)state;
    static char sound[48 * 1024];
    struct reply reply;
    for (int i = 0; i < 20; i++) {
        int fd = dial(&rig);
        say(fd, "SOURCE /nothing HTTP/1.0\r\n\r\n");
        say_bytes(fd, (struct str){sound, sizeof sound});
        hear(fd, &reply, false);
        assert_int_equal(reply.status, 404);
        assert_true(reply.is_whole);
        hang_up(fd);
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static char text[COUNT * 96];
    size_t len = 0;
    for (int i = 0; i < COUNT; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "%s /echo?%d HTTP/1.1\r\nHost: a\r\n%s\r\n%s",
                                i % 3 == 0 ? "POST" : "GET", i,
                                i % 3 == 0 ? "Content-Length: 2\r\n" : "", i % 3 == 0 ? "xy" : "");
    }
    int fd = dial(&rig);
    say_bytes(fd, (struct str){text, len});
    for (int i = 0; i < COUNT; i++) {
        struct reply reply;
        char expected[64];
        hear(fd, &reply, false);
        snprintf(expected, sizeof expected, "%s /echo|%d|%s\n", i % 3 == 0 ? "POST" : "other", i,
                 i % 3 == 0 ? "xy" : "");
        assert_string_equal(reply.body, expected);
    }
    assert_true(is_quiet(fd, 20));
    hang_up(fd);
}

static void old_clients_get_their_connection_closed(void **state)
{
    (void)state;
    struct reply reply;
    int fd = dial(&rig);
    say(fd, "GET /page HTTP/1.0\r\n\r\n");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_true(reply_has(&reply, "Connection: close\r\n"));
    assert_true(hears_end(fd));
    hang_up(fd);
    fd = dial(&rig);
    say(fd, "GET /page HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear(fd, &reply, false);
    assert_true(reply_has(&reply, "Connection: keep-alive\r\n"));
    say(fd, "GET /page HTTP/1.0\r\n\r\n");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_true(hears_end(fd));
    hang_up(fd);
}

static size_t unescape(char *text)
{
    size_t len = 0;
    for (char *p = text; *p; p++) {
        char c = *p, hex[3] = {0};
        if (c == '\\') {
            c = *++p;
            if (c == 'x') {
                memcpy(hex, p + 1, 2);
                c = (char)strtoul(hex, NULL, 16);
                p += 2;
            } else {
                c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
            }
        }
        text[len++] = c;
    }
    return len;
}

/* What follows a malformed head is never looked at: one answer, then the end. */
static void no_head_of_the_table_lets_a_second_request_through(void **state)
{
    (void)state;
    char path[512], line[4096];
    const char *folder = getenv("MAST_TEST_DATA");
    snprintf(path, sizeof path, "%s/heads.txt", folder ? folder : "test/data");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *status = strstr(line, " | ");
        if (line[0] == '#' || !status)
            continue;
        int expected = (int)strtol(status + 3, NULL, 10);
        char *bytes = strstr(status + 3, " | ");
        assert_non_null(bytes);
        bytes += 3;
        size_t len = unescape(bytes);
        if (expected == 0)
            continue;
        for (int step = 0; step < 2; step++) {
            struct reply reply;
            int fd = dial(&rig);
            if (step == 0)
                say_bytes(fd, (struct str){bytes, len});
            for (size_t b = 0; step == 1 && b < len; b++)
                say_bytes(fd, (struct str){bytes + b, 1});
            say(fd, "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
            hear(fd, &reply, false);
            if (reply.status != expected || !hears_end(fd))
                fail_msg("%.60s: %d, not %d", line, reply.status, expected);
            hang_up(fd);
        }
    }
    fclose(file);
}

static void an_error_does_not_echo_the_stranger(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET /<script>alert(1)</script> HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: <script>\r\n\r\n", "GET /x HTTP/1.1\r\nX <script>: a\r\n\r\n",
        "<script> / HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct reply reply;
        ask(texts[i], &reply);
        assert_true(reply.status >= 400);
        assert_null(strstr(reply.bytes, "script"));
        assert_true(reply_has(&reply, "Content-Type: text/plain"));
    }
}

static void figures_add_up(void **state)
{
    (void)state;
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    struct http_stats before = http_stats(rig.server);
    struct reply reply;
    ask("GET /page HTTP/1.1\r\nHost: a\r\n\r\n", &reply);
    ask("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", &reply);
    ask("GET /page HTTP/1.1\r\n\r\n", &reply);
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    struct http_stats after = http_stats(rig.server);
    assert_int_equal(after.accepted_count - before.accepted_count, 3);
    assert_int_equal(after.requests_count - before.requests_count, 3);
    assert_int_equal(after.bad_requests_count - before.bad_requests_count, 2);
    assert_int_equal(after.by_class[2] - before.by_class[2], 1);
    assert_int_equal(after.by_class[4] - before.by_class[4], 2);
    assert_true(after.bytes_sent - before.bytes_sent > 300);
    assert_int_equal(after.unfinished_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_comes_with_all_its_headers),
        cmocka_unit_test(a_head_has_the_lines_and_not_the_body),
        cmocka_unit_test(ranges_codings_and_conditions_reach_the_wire),
        cmocka_unit_test(routes_are_found_by_their_longest_path),
        cmocka_unit_test(a_preflight_is_the_same_for_every_origin),
        cmocka_unit_test(the_upgrade_of_libshout_is_passed_over),
        cmocka_unit_test(bodies_are_gathered_however_they_come),
        cmocka_unit_test(a_body_is_asked_for_if_the_client_waits),
        cmocka_unit_test(a_body_that_nobody_wants_is_never_a_request),
        cmocka_unit_test(a_refused_source_that_talks_on_can_read_why),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(old_clients_get_their_connection_closed),
        cmocka_unit_test(no_head_of_the_table_lets_a_second_request_through),
        cmocka_unit_test(an_error_does_not_echo_the_stranger),
        cmocka_unit_test(figures_add_up),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
