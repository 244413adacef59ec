#include "rig.h"

#include "net/access.h"

static char path[64];

static void on_page(struct request *request, void *ctx)
{
    (void)ctx;
    request_reply_text(request, 200, NULL, "hello");
}

static const struct http_route routes[] = {
    {.path = "*", .methods = HTTP_GET | HTTP_POST, .handler = on_page, .body_max_bytes = 100}};

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/mast-access-%d.log", (int)getpid());
    unlink(path);
    struct log_config config = {
        .level = LOG_LEVEL_ERROR, .access_path = path, .clock = clock_real()};
    return log_start(&config) == OK ? 0 : -1;
}

/* Ends the log and reads what it wrote. */
static char *read_log(void)
{
    static char text[4 << 20];
    log_stop();
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    fclose(file);
    unlink(path);
    return text;
}

static size_t lines_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void a_line_has_the_form_that_readers_of_icecast_know(void **state)
{
    (void)state;
    struct access_line line = {.user = STR("source"),
                               .method = STR("GET"),
                               .target = STR("/live.mp3?a=b"),
                               .referer = STR("http://x/"),
                               .agent = STR("a player/1.0 (x; y)"),
                               .version = 11,
                               .status = 200,
                               .bytes = 1234,
                               .began = {1795340530 * US_PER_S},
                               .seconds = 17};
    struct addr addr;
    assert_int_equal(addr_parse(STR("127.0.0.1:1"), &addr), OK);
    line.peer = addr;
    access_log(&line);
    line = (struct access_line){.peer = addr, .status = 400, .version = 10};
    access_log(&line);
    assert_string_equal(
        read_log(),
        "127.0.0.1 - source [22/Nov/2026:09:42:10 +0000] \"GET /live.mp3?a=b HTTP/1.1\" 200 1234 "
        "\"http://x/\" \"a player/1.0 (x; y)\" 17\n"
        "127.0.0.1 - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 0 \"-\" \"-\" 0\n");
}

static void secrets_in_the_query_are_left_out(void **state)
{
    (void)state;
    static const char *const targets[] = {"/admin/metadata?mode=updinfo&pass=hackme&song=x",
                                          "/a?PASS=hackme", "/a?x&password=hackme&",
                                          "/a?pass=hackme&token=hackme", "/a?key=hackme#"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct access_line line = {.method = STR("GET"), .target = str_of(targets[i])};
        access_log(&line);
    }
    const char *text = read_log();
    assert_null(strstr(text, "hackme"));
    assert_non_null(strstr(text, "/admin/metadata?mode=updinfo&pass=***&song=x "));
    assert_non_null(strstr(text, "/a?x&password=***& "));
    assert_int_equal(lines_of(text), 5);
}

static void every_byte_in_every_field_stays_in_its_place(void **state)
{
    (void)state;
    char field[3] = "a?b";
    for (int c = 0; c < 256; c++) {
        field[1] = (char)c;
        struct str s = {field, 3};
        struct access_line line = {
            .user = s, .method = STR("GET"), .target = s, .referer = s, .agent = s, .status = 200};
        access_log(&line);
    }
    char *text = read_log();
    assert_int_equal(lines_of(text), 256);
    for (char *p = text; *p; p++)
        assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
    for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text)) {
        int quotes = 0;
        for (char *p = line; *p; p++)
            quotes += *p == '"' && p[-1] != '\\';
        assert_int_equal(quotes, 6);
    }
}

static void long_fields_are_cut_and_the_line_keeps_its_end(void **state)
{
    (void)state;
    static char field[20000];
    static const char fills[] = "x\x01\"& =?";
    for (size_t f = 0; f < sizeof fills - 1; f++) {
        for (size_t len = 250; len <= sizeof field; len = len < 700 ? len + 7 : len * 2) {
            memset(field, fills[f], len);
            struct str s = {field, len};
            struct access_line line = {.user = s,
                                       .method = STR("GET"),
                                       .target = s,
                                       .referer = s,
                                       .agent = s,
                                       .status = 200,
                                       .bytes = UINT64_MAX,
                                       .seconds = UINT64_MAX};
            access_log(&line);
            field[0] = '/';
            field[1] = '?';
            access_log(&line);
        }
    }
    char *text = read_log();
    for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text)) {
        assert_true(strlen(line) < 1500);
        if (!strstr(line, " 200 18446744073709551615 \""))
            fail_msg("%s", line);
        assert_string_equal(line + strlen(line) - 21, " 18446744073709551615");
    }
}

static void one_request_is_one_line_whatever_it_holds(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, routes, 1, 1);
    rig.config.access_log = true;
    rig_start(&rig);
    size_t sent = 0;
    for (int c = 0; c < 256; c++) {
        struct reply reply;
        char text[256];
        int len = snprintf(text, sizeof text,
                           "GET /a%%%02x?b HTTP/1.1\r\nHost: a\r\nReferer: x?y\r\n"
                           "User-Agent: x?y\r\nAuthorization: Basic YTpi\r\n\r\n",
                           (unsigned)c);
        char *referer = strstr(text, "x?y");
        strstr(referer + 1, "x?y")[1] = (char)c;
        referer[1] = (char)c;
        int fd = dial(&rig);
        say_bytes(fd, (struct str){text, (size_t)len});
        hear(fd, &reply, false);
        assert_true(reply.status == 200 || reply.status == 400);
        sent++;
        hang_up(fd);
    }
    rig_stop(&rig);
    char *text = read_log();
    assert_int_equal(lines_of(text), sent);
    for (char *p = text; *p; p++)
        assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
    assert_non_null(strstr(text, "127.0.0.1 - a ["));
}

static void a_method_that_nothing_takes_is_named(void **state)
{
    (void)state;
    static const char *const names[] = {"DELETE", "PATCH", "TRACE"};
    struct rig rig;
    rig_init(&rig, routes, 1, 1);
    rig.config.access_log = true;
    rig_start(&rig);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct reply reply;
        char text[64];
        snprintf(text, sizeof text, "%s /x HTTP/1.1\r\nHost: a\r\n\r\n", names[i]);
        int fd = dial(&rig);
        say(fd, text);
        hear(fd, &reply, false);
        assert_int_equal(reply.status, 405);
        hang_up(fd);
    }
    rig_stop(&rig);
    char *log = read_log();
    assert_non_null(strstr(log, "\"DELETE /x HTTP/1.1\" 405 "));
    assert_non_null(strstr(log, "\"PATCH /x HTTP/1.1\" 405 "));
    assert_non_null(strstr(log, "\"TRACE /x HTTP/1.1\" 405 "));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_the_form_that_readers_of_icecast_know),
        TEST(secrets_in_the_query_are_left_out),
        TEST(every_byte_in_every_field_stays_in_its_place),
        TEST(long_fields_are_cut_and_the_line_keeps_its_end),
        TEST(a_method_that_nothing_takes_is_named),
        TEST(one_request_is_one_line_whatever_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
