/* Tests of base/log.c. stderr is turned into a file or a pipe while lines are written. */
#include "base/log.h"

#include "tmp_folder.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PRODUCERS 4
#define LINES     5000

struct room {
    struct tmp_folder folder;
    char err_path[256], access_path[256], sessions_path[256];
    int true_stderr;
};

static struct utc fixed_utc(void *ctx)
{
    (void)ctx;
    return (struct utc){INT64_C(1795340530123456)};
}

static const struct clock fixed = {NULL, fixed_utc, NULL};

/* Sends stderr to a descriptor, which it takes over. */
static void stderr_to(int fd)
{
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
}

static int start(void **state)
{
    static struct room room;
    tmp_make(&room.folder);
    tmp_path(&room.folder, "stderr", room.err_path);
    tmp_path(&room.folder, "access.log", room.access_path);
    tmp_path(&room.folder, "sessions.jsonl", room.sessions_path);
    room.true_stderr = dup(STDERR_FILENO);
    stderr_to(open(room.err_path, O_RDWR | O_CREAT | O_APPEND, 0600));
    *state = &room;
    return 0;
}

static int stop(void **state)
{
    struct room *room = *state;
    stderr_to(room->true_stderr);
    tmp_remove(&room->folder);
    return 0;
}

static const struct log_config *config_of(const struct room *room, struct log_config *config)
{
    *config = (struct log_config){LOG_LEVEL_INFO, room->access_path, room->sessions_path, &fixed};
    return config;
}

static void lines_before_the_start_go_straight_to_stderr(void **state)
{
    struct room *room = *state;
    char text[4096];
    log_info(EV_START, "version=%s", "1.2");
    log_access(STR("nowhere to go yet"));
    tmp_read(room->err_path, text, sizeof text);
    assert_non_null(strstr(text, " level=info event=start version=1.2\n"));
    assert_int_equal(strncmp(text, "time=20", 7), 0);
    assert_null(strstr(text, "nowhere"));
}

static void each_line_has_time_level_and_event(void **state)
{
    struct room *room = *state;
    struct log_config config;
    char text[4096];
    assert_int_equal(log_start(config_of(room, &config)), OK);
    log_warn(EV_SOURCE_UP, "station=%s rate=%d", "wxyz", 44100);
    log_debug(EV_SOURCE_DOWN, "hidden=yes");
    log_error(EV_DISK, "%s", "");
    log_stop();
    tmp_read(room->err_path, text, sizeof text);
    assert_string_equal(text, "time=2026-11-22T09:42:10.123Z level=warn event=source_up "
                              "station=wxyz rate=44100\n"
                              "time=2026-11-22T09:42:10.123Z level=error event=disk\n");
}

static void a_stranger_cannot_break_a_line(void **state)
{
    struct room *room = *state;
    struct log_config config;
    char text[4096];
    assert_int_equal(log_start(config_of(room, &config)), OK);
    log_info(EV_HTTP, "raw=%s",
             "a\nb\x1b[2Jc\rd\x7F\xC2\x9B"
             "e\xFF"
             "f\xC3\xA9");
    log_access(STR("GET /\nfake line\x1b"));
    log_session(STR("{\"a\":1}\n{\"b\":2}"));
    log_stop();
    tmp_read(room->err_path, text, sizeof text);
    assert_non_null(strstr(text, "raw=a?b?[2Jc?d???e?f\xC3\xA9\n"));
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_string_equal(tmp_read(room->access_path, text, sizeof text), "GET /?fake line?\n");
    assert_string_equal(tmp_read(room->sessions_path, text, sizeof text), "{\"a\":1}?{\"b\":2}\n");
}

static void long_lines_are_cut_at_a_whole_letter(void **state)
{
    struct room *room = *state;
    struct log_config config;
    char value[3001], text[4096];
    for (size_t i = 0; i + 2 < sizeof value; i += 2)
        memcpy(value + i, "\xC3\xA9", 3);
    assert_int_equal(log_start(config_of(room, &config)), OK);
    log_info(EV_HTTP, "%s", value);
    log_info(EV_HTTP, "x%s", value);
    log_session((struct str){value, 3000});
    log_stop();
    tmp_read(room->err_path, text, sizeof text);
    assert_null(strchr(text, '?'));
    assert_true(str_is_utf8(str_of(text)));
    const char *end = strchr(text, '\n');
    assert_in_range(end - strstr(text, "event=http "), 890, 911);
    assert_int_equal(strlen(tmp_read(room->sessions_path, text, sizeof text)), 1501);
}

static void a_value_in_quotes_shows_every_byte(void **state)
{
    (void)state;
    struct log_text t;
    assert_string_equal(log_text(&t, STR("Mozilla/5.0 caf\xC3\xA9")),
                        "\"Mozilla/5.0 caf\xC3\xA9\"");
    assert_string_equal(log_text(&t, STR("a\"b\\c\n\r\t\x01\x7F\xFF\xC2\x85")),
                        "\"a\\\"b\\\\c\\n\\r\\t\\x01\\x7f\\xff\\xc2\\x85\"");
    assert_string_equal(log_text(&t, (struct str){NULL, 0}), "\"\"");
    char large[1000];
    memset(large, '\n', sizeof large);
    const char *cut = log_text(&t, (struct str){large, sizeof large});
    assert_in_range(strlen(cut), 300, sizeof t.text - 1);
    assert_string_equal(cut + strlen(cut) - 6, "\\n...\"");
    for (size_t i = 0; i + 4 <= sizeof large; i += 4)
        memcpy(large + i, "\xF0\x9F\x93\xBB", 4);
    cut = log_text(&t, (struct str){large, sizeof large});
    assert_true(str_is_utf8(str_of(cut)));
    assert_in_range(strlen(cut), 310, sizeof t.text - 1);
}

static void reopening_follows_a_rotated_file(void **state)
{
    struct room *room = *state;
    struct log_config config;
    char rotated[256], text[256];
    tmp_path(&room->folder, "access.log.1", rotated);
    log_reopen(); /* before the start: nothing */
    assert_int_equal(log_start(config_of(room, &config)), OK);
    log_access(STR("one"));
    /* The line must be out before the file is moved; its arrival is what is waited for. */
    while (strcmp(tmp_read(room->access_path, text, sizeof text), "one\n") != 0)
        ;
    assert_int_equal(rename(room->access_path, rotated), 0);
    log_reopen();
    while (access(room->access_path, F_OK) != 0)
        ;
    log_access(STR("two"));
    log_stop();
    assert_string_equal(tmp_read(rotated, text, sizeof text), "one\n");
    assert_string_equal(tmp_read(room->access_path, text, sizeof text), "two\n");
}

static void a_log_that_cannot_open_its_files_does_not_start(void **state)
{
    struct room *room = *state;
    char text[512];
    struct log_config config = {LOG_LEVEL_INFO, "/nonexistent/access.log", NULL, clock_real()};
    assert_int_equal(log_start(&config), E_NOT_FOUND);
    log_info(EV_STOP, "still=heard");
    assert_non_null(strstr(tmp_read(room->err_path, text, sizeof text), "still=heard"));
    log_stop(); /* nothing runs: nothing happens */
}

static void a_full_queue_counts_what_it_loses_and_says_so(void **state)
{
    struct room *room = *state;
    int ends[2];
    char text[512];
    assert_int_equal(pipe(ends), 0);
    stderr_to(ends[1]); /* nobody reads: the log thread stands still */
    struct log_config config;
    assert_int_equal(log_start(config_of(room, &config)), OK);
    uint64_t before = log_lost_count();
    unsigned sent = 0;
    while (log_lost_count() < before + 100) {
        log_info(EV_HTTP, "n=%u %s", sent, "a line that is long enough to fill a pipe soon");
        sent++;
    }
    uint64_t lost = log_lost_count() - before;
    FILE *in = fdopen(ends[0], "r");
    unsigned seen = 0, last = 0;
    unsigned long long said = 0;
    while (seen + said < sent && fgets(text, sizeof text, in)) {
        unsigned n;
        const char *at = strstr(text, " n=");
        if (at && sscanf(at, " n=%u", &n) == 1) {
            assert_true(seen == 0 || n > last);
            last = n;
            seen++;
        }
        unsigned long long more;
        at = strstr(text, "level=warn event=log lost=");
        if (at && sscanf(at, "level=warn event=log lost=%llu", &more) == 1)
            said += more;
    }
    log_stop();
    fclose(in);
    stderr_to(open(room->err_path, O_RDWR | O_CREAT | O_APPEND, 0600));
    assert_true(said == lost);
    assert_int_equal(seen + said, sent);
}

static void the_queue_goes_round_without_losing_a_line(void **state)
{
    struct room *room = *state;
    struct log_config config;
    struct stat st = {0};
    uint64_t before = log_lost_count();
    assert_int_equal(log_start(config_of(room, &config)), OK);
    for (int round = 1; round <= 10; round++) {
        for (int i = 0; i < 1000; i++)
            log_session(STR("0123456"));
        while (st.st_size < round * 8000 && log_lost_count() == before)
            assert_int_equal(stat(room->sessions_path, &st), 0);
    }
    log_stop();
    assert_true(log_lost_count() == before);
}

static void *producer(void *ctx)
{
    const int *id = ctx;
    char line[64];
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "%d %d", *id, i);
        log_session(str_of(line));
        if (i % 8 == 0)
            log_info(EV_HTTP, "producer=%d n=%d", *id, i);
    }
    return NULL;
}

static void lines_of_many_threads_stay_whole_and_in_order(void **state)
{
    struct room *room = *state;
    struct log_config config;
    pthread_t threads[PRODUCERS];
    int ids[PRODUCERS], next[PRODUCERS] = {0};
    uint64_t before = log_lost_count(), count = 0;
    assert_int_equal(log_start(config_of(room, &config)), OK);
    for (int i = 0; i < PRODUCERS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, producer, &ids[i]), 0);
    }
    log_reopen();
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    log_stop();
    FILE *in = fopen(room->sessions_path, "r");
    char text[256];
    while (fgets(text, sizeof text, in)) {
        int id, n;
        assert_int_equal(sscanf(text, "%d %d\n", &id, &n), 2);
        assert_in_range(id, 0, PRODUCERS - 1);
        assert_true(n >= next[id]);
        next[id] = n + 1;
        count++;
    }
    fclose(in);
    in = fopen(room->err_path, "r");
    while (fgets(text, sizeof text, in))
        count += strstr(text, "producer=") != NULL;
    fclose(in);
    assert_true(count + (log_lost_count() - before) ==
                (uint64_t)PRODUCERS * (LINES + (LINES + 7) / 8));
}

int main(void)
{
#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        LOG_TEST(lines_before_the_start_go_straight_to_stderr),
        LOG_TEST(each_line_has_time_level_and_event),
        LOG_TEST(a_stranger_cannot_break_a_line),
        LOG_TEST(long_lines_are_cut_at_a_whole_letter),
        LOG_TEST(a_value_in_quotes_shows_every_byte),
        LOG_TEST(reopening_follows_a_rotated_file),
        LOG_TEST(a_log_that_cannot_open_its_files_does_not_start),
        LOG_TEST(a_full_queue_counts_what_it_loses_and_says_so),
        LOG_TEST(the_queue_goes_round_without_losing_a_line),
        LOG_TEST(lines_of_many_threads_stay_whole_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
