/* Tests of base/config.c, config_scan.c and config_value.c. */
#include "base/config.h"

#include "tmp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct room {
    struct tmp_folder folder;
    char path[256];
    struct config config;
    struct buf faults;
};

static int start(void **state)
{
    static struct room room;
    tmp_make(&room.folder);
    tmp_path(&room.folder, "mast.conf", room.path);
    config_init(&room.config);
    buf_init(&room.faults, 100000);
    setenv("MAST_TEST_SECRET", "from the environment", 1);
    *state = &room;
    return 0;
}

static int stop(void **state)
{
    struct room *room = *state;
    buf_release(&room->faults);
    tmp_remove(&room->folder);
    return 0;
}

static enum err load(struct room *room, const char *text)
{
    tmp_write(room->path, text);
    buf_clear(&room->faults);
    return config_load(room->path, &room->config, &room->faults);
}

static void load_good(struct room *room, const char *text)
{
    enum err err = load(room, text);
    if (err)
        print_error("%s", room->faults.ptr);
    assert_int_equal(err, OK);
    assert_int_equal(room->faults.len, 0);
}

/* The faults must be these lines, each with the path and a colon before it. */
static void load_bad(struct room *room, const char *text, const char *const faults[], size_t count)
{
    struct buf expected;
    const struct config before = room->config;
    buf_init(&expected, 100000);
    for (size_t i = 0; i < count; i++)
        buf_printf(&expected, "%s:%s\n", room->path, faults[i]);
    assert_int_equal(load(room, text), E_SYNTAX);
    assert_string_equal(room->faults.ptr, expected.ptr);
    assert_memory_equal(&before, &room->config, sizeof before);
    buf_release(&expected);
}
#define BAD(room, text, ...)                                                                       \
    load_bad(room, text, (const char *const[]){__VA_ARGS__},                                       \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void without_a_file_there_are_good_defaults(void **state)
{
    const struct room *room = *state;
    const struct config *c = &room->config;
    assert_string_equal(c->public_url, "");
    assert_int_equal(c->listen_count, 1);
    assert_string_equal(c->listen[0], "127.0.0.1:8000");
    assert_string_equal(c->data_folder, "./mast-data");
    assert_int_equal(c->trusted_proxies_count, 0);
    assert_string_equal(c->host_name, "localhost");
    assert_string_equal(c->log_level, "info");
    assert_true(c->access_log);
    assert_true(c->shoutcast);
    assert_int_equal(c->loops, 0);
    assert_int_equal(c->unfinished_per_address_max, 32);
    assert_int_equal(c->burst_ms, 3000);
    assert_true(c->retention_s == 7 * 86400);
    assert_int_equal(c->disk_share_percent, 20);
    assert_string_equal(c->alarm_webhook, "");
    assert_false(c->alarm_webhook_private);
    assert_string_equal(c->alarm_mail_server, "");
    assert_string_equal(c->alarm_ca_file, "");
    assert_int_equal(c->alarm_repeat_s, 1800);
    struct buf faults;
    buf_init(&faults, 1000);
    assert_int_equal(config_check(NULL, c, &faults), OK);
    assert_int_equal(faults.len, 0);
}

static void every_option_is_read(void **state)
{
    struct room *room = *state;
    load_good(room, "# a comment, \"${not} seen\n"
                    "// another {\n"
                    "/* and ' one\n more */\n"
                    "public_url = \"https://radio.example:8443/\"\n"
                    "listen = {\"0.0.0.0:8000\", '[::]:8000',\n  127.0.0.1:9000}\n"
                    "data_folder = '/var/lib/mast ${kept}'\n"
                    "trusted_proxies = {\"127.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\"}\n"
                    "location = \"Caf\xC3\xA9 \\\"Mast\\\"\"\n"
                    "admin_contact = \"a@example.org\"\n"
                    "log_level = debug\naccess_log = no\nshoutcast = off\n"
                    "loops = 4\nlisteners_max = 500\nunfinished_per_address_max = \"64\"\n"
                    "burst = \"1500ms\"\nretention = \"6h\"\ndisk_share = 35%\n"
                    "alarm_webhook = \"https://u:p@hooks.example:8443/services/a?b=c\"\n"
                    "alarm_webhook_private = yes\n"
                    "alarm_mail_server = \"smtp://mail.example:587\"\n"
                    "alarm_mail_user = \"mast\"\nalarm_mail_password = 'p w#x'\n"
                    "alarm_mail_from = \"mast@radio.example\"\n"
                    "alarm_mail_to = \"engineer+alarm@radio.example\"\n"
                    "alarm_ca_file = \"/etc/mast/ca.pem\"\n"
                    "alarm_repeat = \"10m\"\n");
    const struct config *c = &room->config;
    assert_string_equal(c->public_url, "https://radio.example:8443");
    assert_string_equal(c->host_name, "radio.example");
    assert_int_equal(c->listen_count, 3);
    assert_string_equal(c->listen[1], "[::]:8000");
    assert_string_equal(c->listen[2], "127.0.0.1:9000");
    assert_string_equal(c->data_folder, "/var/lib/mast ${kept}");
    assert_int_equal(c->trusted_proxies_count, 3);
    assert_string_equal(c->trusted_proxies[2], "fd00::/8");
    assert_string_equal(c->location, "Caf\xC3\xA9 \"Mast\"");
    assert_string_equal(c->log_level, "debug");
    assert_false(c->access_log);
    assert_false(c->shoutcast);
    assert_int_equal(c->loops, 4);
    assert_int_equal(c->listeners_max, 500);
    assert_int_equal(c->unfinished_per_address_max, 64);
    assert_int_equal(c->burst_ms, 1500);
    assert_true(c->retention_s == 6 * 3600);
    assert_int_equal(c->disk_share_percent, 35);
    assert_string_equal(c->alarm_webhook, "https://u:p@hooks.example:8443/services/a?b=c");
    assert_true(c->alarm_webhook_private);
    assert_string_equal(c->alarm_mail_server, "smtp://mail.example:587");
    assert_string_equal(c->alarm_mail_user, "mast");
    assert_string_equal(c->alarm_mail_password, "p w#x");
    assert_string_equal(c->alarm_mail_from, "mast@radio.example");
    assert_string_equal(c->alarm_mail_to, "engineer+alarm@radio.example");
    assert_string_equal(c->alarm_ca_file, "/etc/mast/ca.pem");
    assert_int_equal(c->alarm_repeat_s, 600);
    assert_int_equal(c->lines[OPTION_public_url], 5);
    assert_int_equal(c->lines[OPTION_host_name], 0);
    assert_int_equal(config_check(room->path, c, &room->faults), OK);
}

static void an_empty_file_changes_nothing(void **state)
{
    struct room *room = *state;
    const struct config before = room->config;
    load_good(room, "");
    load_good(room, "\n  \n# nothing\n");
    assert_memory_equal(&before, &room->config, sizeof before);
}

static void a_missing_file_is_said(void **state)
{
    struct room *room = *state;
    assert_int_equal(config_load("/nonexistent", &room->config, &room->faults), E_NOT_FOUND);
    assert_string_equal(room->faults.ptr, "/nonexistent:1: not found\n");
}

static void all_faults_are_told_in_the_order_of_the_file(void **state)
{
    struct room *room = *state;
    BAD(room,
        "loops = many\n"
        "colour = \"red\"\n"
        "data_folder \"x\"\n"
        "log_level = loud\n"
        "colours = {\n \"red\",\n \"blue\" }\n"
        "burst = 3\n"
        "retention = 1s\n",
        "1: loops must be a decimal number (it is 'many')", "2: there is no option 'colour'",
        "3: missing equal sign after option 'data_folder'",
        "4: log_level must be debug, info, warn or error (it is 'loud')",
        "5: there is no option 'colours'",
        "8: burst must be a duration like \"500ms\", \"3s\" or \"1m\" (it is '3')",
        "9: retention must be from 600 to 316224000 seconds (it is '1s')");
}

static void what_the_library_lets_pass_is_refused(void **state)
{
    struct room *room = *state;
    BAD(room, "location = \"${MAST_TEST_SECRET}\"\nloops = x\n",
        "1: ${...} is not replaced here: write the value itself, or use single quotes",
        "2: loops must be a decimal number (it is 'x')");
    BAD(room, "location = ${MAST_TEST_SECRET}\n",
        "1: ${...} is not replaced here: write the value itself, or use single quotes");
    BAD(room, "loops = 2\nloops = 3\n", "2: loops is set already on line 1");
    BAD(room, "listen = {\"127.0.0.1:1\"}\nlisten = {\"127.0.0.1:2\"}\n",
        "2: listen is set already on line 1");
    BAD(room, "loops = 2\nlisten = {\"127.0.0.1:1\"\n", "2: a list has no closing brace");
    BAD(room, "loops = 010\n", "1: loops must be a decimal number (it is '010')");
    BAD(room, "loops = 0x1\n", "1: loops must be a decimal number (it is '0x1')");
    BAD(room, "disk_share = 020\n", "1: disk_share must be a share like \"20%\" (it is '020')");
    BAD(room, "location = \"over\ntwo lines\"\n", "1: a string has no closing quote on its line",
        "2: a string has no closing quote on its line");
    BAD(room, "loops = 2\n/* never\nloops = 3\n", "2: a comment has no end");
    BAD(room, "location = \"a\\x01b\"\n",
        "1: location must be UTF-8 without control characters (it is '?')");
    BAD(room, "location = \"\xFF\"\n",
        "1: location must be UTF-8 without control characters (it is '?')");
    BAD(room, "location = a/*b\nloops = 2\n",
        "1: a * must be in quotes, and a comment begins with a blank before its /*");
    BAD(room, "location = \"a*b/*c\"\nloops = x*/\n",
        "2: a * must be in quotes, and a comment begins with a blank before its /*");
    BAD(room, "loops = 2 }\n", "1: unexpected closing brace");
    BAD(room, "include(\"/etc/passwd\")\n", "1: there is no option 'include'",
        "1: missing equal sign after option 'include'");
    BAD(room, "loops =\n", "2: premature end of file");
}

static void a_nul_byte_is_refused(void **state)
{
    struct room *room = *state;
    FILE *file = fopen(room->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite("loops = 2\nloops\0 = 3\n", 1, 21, file), 21);
    fclose(file);
    assert_int_equal(config_load(room->path, &room->config, &room->faults), E_SYNTAX);
    assert_non_null(strstr(room->faults.ptr, ":2: there is a NUL byte\n"));
}

static void values_outside_their_kind_are_refused(void **state)
{
    struct room *room = *state;
    static const char *const bad[] = {
        "public_url = \"radio.example\"",
        "public_url = \"ftp://radio.example\"",
        "public_url = \"https://\"",
        "public_url = \"https://radio.example/path\"",
        "public_url = \"https://user@radio.example\"",
        "public_url = \"https://radio.example:0\"",
        "public_url = \"https://radio.example:65536\"",
        "public_url = \"https://radio.example?x\"",
        "public_url = \"https://[::1\"",
        "public_url = \"https://[::1]x\"",
        "listen = \"8000\"",
        "listen = \":8000\"",
        "listen = \"localhost:8000\"",
        "listen = \"::1:8000\"",
        "listen = \"[::1]\"",
        "listen = \"127.0.0.1:65536\"",
        "listen = \"127.0.0.1:\"",
        "listen = \"127.0.0.1:+1\"",
        "listen = \"127.0.0.1:000080\"",
        "trusted_proxies = \"10.0.0.0/33\"",
        "trusted_proxies = \"10.0.0.0/\"",
        "trusted_proxies = \"fd00::/129\"",
        "trusted_proxies = \"proxy\"",
        "trusted_proxies = \"10.0.0\"",
        "data_folder = \"\"",
        "access_log = maybe",
        "loops = 17",
        "loops = -1",
        "loops = \"\"",
        "loops = 99999999999999999999",
        "loops = {1, 2}",
        "listeners_max = 0",
        "burst = 21s",
        "burst = ms",
        "burst = \"1.5s\"",
        "retention = \"7 d\"",
        "retention = d",
        "retention = 99999999999999999999d",
        "disk_share = 0%",
        "disk_share = 96%",
        "disk_share = %",
        "alarm_webhook = \"hooks.example/x\"",
        "alarm_webhook = \"ftp://hooks.example/x\"",
        "alarm_webhook = \"https:///x\"",
        "alarm_webhook = \"https://hooks.example/a b\"",
        "alarm_webhook = \"https://a@b@hooks.example/\"",
        "alarm_webhook = \"https://hooks.example:x/\"",
        "alarm_webhook = \"https://h\xC3\xA9.example/\"",
        "alarm_webhook_private = 1",
        "alarm_mail_server = \"mail.example\"",
        "alarm_mail_server = \"https://mail.example\"",
        "alarm_mail_server = \"smtp://mail.example/x\"",
        "alarm_mail_server = \"smtp://a@mail.example\"",
        "alarm_mail_from = \"mast\"",
        "alarm_mail_from = \"@radio.example\"",
        "alarm_mail_to = \"a@b.example, c@d.example\"",
        "alarm_mail_to = \"A <a@b.example>\"",
        "alarm_mail_to = \"a@b@c\"",
        "alarm_repeat = 59s",
        "alarm_repeat = 8d",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (load(room, bad[i]) != E_SYNTAX)
            print_error("taken: %s\n", bad[i]);
        assert_int_equal(load(room, bad[i]), E_SYNTAX);
        assert_true(room->faults.len > 0);
    }
}

static void lists_and_texts_have_limits(void **state)
{
    struct room *room = *state;
    struct buf text;
    buf_init(&text, 10000);
    buf_add(&text, STR("listen = {"));
    for (int i = 0; i < CONFIG_LIST_MAX; i++)
        buf_printf(&text, "\"127.0.0.1:%d\",", 1000 + 2 * i);
    buf_add(&text, STR("}\n"));
    load_good(room, text.ptr);
    assert_int_equal(room->config.listen_count, CONFIG_LIST_MAX);
    text.len -= 2;
    buf_add(&text, STR("\"127.0.0.1:1\"}\n"));
    BAD(room, text.ptr, "1: listen has more than 16 entries (it is '127.0.0.1:1')");
    buf_clear(&text);
    buf_add(&text, STR("location = \""));
    for (int i = 0; i < 127; i++)
        buf_add_char(&text, 'x');
    buf_add(&text, STR("\"\n"));
    load_good(room, text.ptr);
    assert_int_equal(strlen(room->config.location), 127);
    text.len -= 2;
    buf_add(&text, STR("y\"\n"));
    assert_int_equal(load(room, text.ptr), E_SYNTAX);
    buf_release(&text);
}

static void check_says(struct room *room, const char *text, const char *fault)
{
    struct buf expected;
    buf_init(&expected, 1000);
    config_init(&room->config);
    load_good(room, text);
    enum err err = config_check(room->path, &room->config, &room->faults);
    if (fault)
        buf_printf(&expected, "%s:%s\n", room->path, fault);
    assert_int_equal(err, fault ? E_SYNTAX : OK);
    assert_true(str_eq(buf_str(&room->faults), buf_str(&expected)));
    buf_release(&expected);
}

static void values_are_checked_against_one_another(void **state)
{
    struct room *room = *state;
    check_says(room, "listen = {\"127.0.0.1:8000\", \"127.9.9.9:1\", \"[::1]:8000\"}", NULL);
    check_says(room, "listen = \"[::ffff:127.0.0.1]:8000\"", NULL);
    check_says(room, "\nlisten = \"0.0.0.0:8000\"",
               "1: public_url is needed, since not all listen addresses are loopback ones");
    check_says(room, "listen = \"[::]:8000\"\npublic_url = http://radio.example", NULL);
    check_says(room, "\nlisten = {\"127.0.0.1:80\", \"127.0.0.1:80\"}",
               "2: listen has 127.0.0.1:80 twice");
    check_says(room, "listen = {\"127.0.0.1:0\", \"127.0.0.1:0\"}", NULL);
    check_says(room, "shoutcast=no\nlisten = {\"127.0.0.1:80\", \"127.0.0.1:81\"}", NULL);
    check_says(room, "shoutcast=yes\nlisten = {\"127.0.0.1:80\", \"127.0.0.1:81\"}",
               "2: listen: 127.0.0.1:81 and 127.0.0.1:80 are in each other's way, since shoutcast "
               "takes each port + 1");
    check_says(room, "shoutcast=yes\nlisten = {\"127.0.0.1:80\", \"127.0.0.2:81\"}", NULL);
    check_says(room, "shoutcast=yes\nlisten = \"127.0.0.1:65535\"",
               "2: listen: shoutcast needs a port after that of 127.0.0.1:65535");
}

static void a_mail_needs_a_server_and_two_ends(void **state)
{
    struct room *room = *state;
    check_says(room, "alarm_mail_server = smtps://m\nalarm_mail_from = a@b\nalarm_mail_to = c@d",
               NULL);
    check_says(room, "\nalarm_mail_server = smtp://m\nalarm_mail_to = c@d",
               "2: alarm_mail_server needs alarm_mail_from and alarm_mail_to");
    check_says(room, "\nalarm_mail_to = c@d", "2: no alarm is mailed without alarm_mail_server");
    check_says(room,
               "alarm_mail_server = smtp://m\nalarm_mail_from = a@b\nalarm_mail_to = c@d\n"
               "alarm_mail_user = me",
               "4: alarm_mail_user and alarm_mail_password need each other");
}

static void a_password_is_not_shown(void **state)
{
    struct room *room = *state;
    BAD(room, "alarm_mail_password = \"x\xFFsecret\"\n",
        "1: alarm_mail_password must be UTF-8 without control characters (it is '?')");
    char text[400];
    snprintf(text, sizeof text, "alarm_mail_password = \"%0200d\"\n", 7);
    BAD(room, text, "1: alarm_mail_password is too long (it is '?')");
}

static void a_configuration_made_by_hand_is_checked_too(void **state)
{
    struct room *room = *state;
    room->config.listen_count = 0;
    room->config.data_folder[0] = '\0';
    str_copy(room->config.public_url, sizeof room->config.public_url, STR("x"));
    assert_int_equal(config_check(NULL, &room->config, &room->faults), E_SYNTAX);
    assert_string_equal(room->faults.ptr,
                        "no configuration file: listen must name at least one address\n"
                        "no configuration file: public_url is no address of a web server\n"
                        "no configuration file: data_folder must not be empty\n");
    buf_clear(&room->faults);
    config_init(&room->config);
    str_copy(room->config.listen[0], sizeof room->config.listen[0], STR("8000"));
    assert_int_equal(config_check(NULL, &room->config, &room->faults), E_SYNTAX);
    assert_non_null(strstr(room->faults.ptr, "listen: 8000 is no address with a port"));
}

static void the_manual_names_every_option(void **state)
{
    struct room *room = *state;
    struct buf text;
    buf_init(&text, 100000);
    config_explain(&text);
    assert_int_equal(buf_err(&text), OK);
#define X(name, field, kind, least, most, byself, unit, words)                                     \
    assert_non_null(strstr(text.ptr, #name " = "));
#include "base/tbl/options.h"
#undef X
    for (struct str rest = buf_str(&text), line; rest.len > 0;) {
        str_cut(&rest, '\n', &line);
        assert_true(line.len <= 100);
    }
    /* With its units and texts made comments, the manual is a configuration file of the defaults.
     */
    struct buf file;
    buf_init(&file, 100000);
    for (struct str rest = buf_str(&text), line; rest.len > 0;) {
        str_cut(&rest, '\n', &line);
        const char *unit = memmem(line.ptr, line.len, "    ", 4);
        size_t value = unit ? (size_t)(unit - line.ptr) : line.len;
        buf_add(&file, str_slice(line, 0, value));
        buf_printf(&file, " # %.*s\n", (int)(line.len - value), line.ptr + value);
    }
    struct config before = room->config;
    load_good(room, file.ptr);
    memset(before.lines, 0, sizeof before.lines);
    memset(room->config.lines, 0, sizeof room->config.lines);
    assert_memory_equal(&before, &room->config, sizeof before);
    buf_release(&file);
    buf_release(&text);
}

static void durations_have_one_unit(void **state)
{
    (void)state;
    uint64_t s;
    assert_int_equal(duration_parse(STR("90s"), &s), OK);
    assert_true(s == 90);
    assert_int_equal(duration_parse(STR("15m"), &s), OK);
    assert_true(s == 900);
    assert_int_equal(duration_parse(STR("6h"), &s), OK);
    assert_true(s == 21600);
    assert_int_equal(duration_parse(STR("7d"), &s), OK);
    assert_true(s == 604800);
    assert_int_equal(duration_parse(STR("0s"), &s), OK);
    assert_int_equal(duration_parse(STR("36525d"), &s), OK);
    assert_int_equal(duration_parse(STR("36526d"), &s), E_RANGE);
    assert_true(s == 0);
    static const char *const bad[] = {"", "s", "7", "7w", "-7d", "7D", "7dd", " 7d", "1h30m"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(duration_parse(str_of(bad[i]), &s), E_SYNTAX);
}

int main(void)
{
#define CONFIG_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(without_a_file_there_are_good_defaults),
        CONFIG_TEST(every_option_is_read),
        CONFIG_TEST(an_empty_file_changes_nothing),
        CONFIG_TEST(a_missing_file_is_said),
        CONFIG_TEST(all_faults_are_told_in_the_order_of_the_file),
        CONFIG_TEST(what_the_library_lets_pass_is_refused),
        CONFIG_TEST(a_nul_byte_is_refused),
        CONFIG_TEST(values_outside_their_kind_are_refused),
        CONFIG_TEST(lists_and_texts_have_limits),
        CONFIG_TEST(values_are_checked_against_one_another),
        CONFIG_TEST(a_mail_needs_a_server_and_two_ends),
        CONFIG_TEST(a_password_is_not_shown),
        CONFIG_TEST(a_configuration_made_by_hand_is_checked_too),
        CONFIG_TEST(the_manual_names_every_option),
        CONFIG_TEST(durations_have_one_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
